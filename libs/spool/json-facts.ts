import type { SpooledFact, WrittenFact } from './facts.js';

const quote = 0x22;
const backslash = 0x5c;
const [objectBegin, objectEnd] = [0x7b, 0x7d];
const [arrayBegin, arrayEnd] = [0x5b, 0x5d];
const [comma, colon] = [0x2c, 0x3a];
const names = (['category', 'clientId', 'type', 'data', 'metadata'] as const).map((name) => ({ name, bytes: Buffer.from(name) }));
/** All but the last. */
const neededNames = 0b1111;

/**
 * The facts of a JSON array, whose data are left as the text that they are: a parse and a stringify cost four times as much. What is not of the form that
 * spools write – facts without white space, their members and no others – is parsed.
 */
export function* jsonFacts(bytes: Buffer): Generator<SpooledFact | WrittenFact> {
  const reader = new FactReader(bytes);
  let read = 0;
  for (let fact = reader.next(); fact !== undefined; fact = reader.next()) {
    read++;
    yield fact;
  }
  if (!reader.isAtEnd) yield* (JSON.parse(bytes.toString()) as SpooledFact[]).slice(read);
}

type Texts = { -readonly [Member in 'category' | 'clientId' | 'type']: string };

class FactReader {
  private at = 0;
  /** Of the fact before: what most of the next are like. */
  private readonly texts: Texts = { category: '', clientId: '', type: '' };

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    const { bytes, at } = this;
    return bytes[at] === arrayEnd && at === bytes.length - 1 && at > 0;
  }

  /** Undefined at the end, and before a fact that is not of the form. */
  next(): WrittenFact | undefined {
    const { bytes } = this;
    let at = this.at;
    if (bytes[at] !== (at === 0 ? arrayBegin : comma) || bytes[at + 1] !== objectBegin) return undefined;
    let seen = 0;
    let [data, metadata] = ['', ''];
    for (at += 1; bytes[at] === (seen === 0 ? objectBegin : comma); ) {
      const which = names.findIndex((known) => this.isName(known.bytes, at + 1));
      const name = names[which]?.name;
      if (name === undefined || (seen & (1 << which)) !== 0) return undefined;
      seen |= 1 << which;
      const begin = at + name.length + 4;
      at = this.endOfValue(begin, name === 'data' || name === 'metadata' ? objectBegin : quote);
      if (at < 0) return undefined;
      if (name === 'data') data = bytes.toString('utf8', begin, at);
      else if (name === 'metadata') metadata = bytes.toString('utf8', begin, at);
      else this.readText(name, begin, at);
    }
    if (bytes[at] !== objectEnd || (seen & neededNames) !== neededNames) return undefined;
    this.at = at + 1;
    const { clientId, type } = this.texts;
    // As it was put.
    const category = this.texts.category as WrittenFact['category'];
    return metadata === ''
      ? { category, clientId, type, dataJson: data }
      : { category, clientId, type, dataJson: data, metadataJson: metadata };
  }

  /** Whether the name, in quotes and with its colon, stands there. */
  private isName(name: Buffer, at: number): boolean {
    const { bytes } = this;
    if (bytes[at] !== quote || bytes[at + name.length + 1] !== quote || bytes[at + name.length + 2] !== colon) return false;
    for (let index = 0; index < name.length; index++) if (bytes[at + 1 + index] !== name[index]) return false;
    return true;
  }

  /** Behind the string or the object that begins there with `first`; negative when none does. */
  private endOfValue(begin: number, first: number): number {
    const { bytes } = this;
    if (bytes[begin] !== first) return -1;
    let depth = 0;
    for (let at = begin; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === quote) {
        for (at += 1; bytes[at] !== quote; at++) {
          if (at >= bytes.length) return -1;
          if (bytes[at] === backslash) at += 1;
        }
        if (depth === 0) return at + 1;
      } else if (byte === objectBegin) depth += 1;
      else if (byte === objectEnd && --depth === 0) return at + 1;
    }
    return -1;
  }

  private readText(name: keyof Texts, begin: number, end: number): void {
    const { bytes } = this;
    const known = this.texts[name];
    // What it stands for has escapes of its own when it holds a backslash.
    let isSame = known.length === end - begin - 2 && !known.includes('\\');
    for (let index = 0; isSame && index < known.length; index++) {
      const unit = known.charCodeAt(index);
      // Beyond ASCII a byte is no character.
      isSame = unit < 0x80 && unit === bytes[begin + 1 + index];
    }
    if (!isSame) this.texts[name] = JSON.parse(bytes.toString('utf8', begin, end)) as string;
  }
}
