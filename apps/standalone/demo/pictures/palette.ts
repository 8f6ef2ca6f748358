/** Colours and patterns of a drawing: by the words of the description, else by a hash of the product's code, so that they never change. */

export interface Palette {
  /** Behind the thing. */
  readonly wall: string;
  readonly floor: string;
  readonly main: string;
  readonly deep: string;
  readonly light: string;
  readonly accent: string;
}

const palettes = {
  red: { wall: '#f7e9e4', floor: '#f0dad2', main: '#c8453f', deep: '#8f2c2b', light: '#fff6f0', accent: '#e8b04a' },
  pink: { wall: '#fbeaee', floor: '#f5d8df', main: '#e08aa0', deep: '#b3556f', light: '#fff7f8', accent: '#7fa99b' },
  blue: { wall: '#e6eef4', floor: '#d5e2ec', main: '#5b87a8', deep: '#33566f', light: '#f7fbfd', accent: '#e3a857' },
  green: { wall: '#e9f0e8', floor: '#d8e4d6', main: '#6f9a7c', deep: '#42654e', light: '#f8fbf6', accent: '#d98e73' },
  cream: { wall: '#f3ede2', floor: '#e8dfcf', main: '#fbf5e8', deep: '#b8a98c', light: '#ffffff', accent: '#c98d6b' },
  slate: { wall: '#eceef0', floor: '#dde1e4', main: '#6c7780', deep: '#3d464d', light: '#f6f7f8', accent: '#cfa15a' },
  mustard: { wall: '#f8f0dc', floor: '#efe3c3', main: '#dca845', deep: '#94691c', light: '#fffaee', accent: '#5f8d8a' },
  wood: { wall: '#f4ebe0', floor: '#e9dac8', main: '#c99a6b', deep: '#8a6240', light: '#fdf7ef', accent: '#7b9c86' },
  cocoa: { wall: '#f1e8e3', floor: '#e3d5cd', main: '#7d5646', deep: '#4e332a', light: '#fbf5f1', accent: '#e2b49a' },
  teal: { wall: '#e4f0ef', floor: '#d1e4e2', main: '#4f9390', deep: '#2d6361', light: '#f5fbfa', accent: '#e6a15c' },
} as const satisfies Readonly<Record<string, Palette>>;

const coloursByWord: readonly (readonly [RegExp, keyof typeof palettes])[] = [
  [/\b(RED|RETROSPOT|SCANDINAVIAN|STRAWBERRY|APPLES?|UNION|LONDON|SOLDIER|TOADSTOOL|REDS)\b/, 'red'],
  [/\b(PINK|ROSES?|SWEETHEART|DOLLY|PRINCESS|FAIRY|LOVE)\b/, 'pink'],
  [/\b(BLUE|SPACEBOY|SWALLOWS?|NEW ENGLAND)\b/, 'blue'],
  [/\b(GREEN|MINT|WOODLAND|GARDEN|GARDENERS|LEAF|PEARS?|HERB|DINOSAUR)\b/, 'green'],
  [/\b(CREAM|IVORY|WHITE|DOIL(Y|IES))\b/, 'cream'],
  [/\b(BLACK|SLATE|GREY|SILVER|ZINC|SKULLS?|METAL|CHALKBOARD)\b/, 'slate'],
  [/\b(YELLOW|PANTRY|SUKI|ALPHABET|CIRCUS)\b/, 'mustard'],
  [/\b(WOOD(EN)?|WICKER|TRADITIONAL|RUSTIC|GINGERBREAD)\b/, 'wood'],
  [/\b(CHOCOLATE|COFFEE)\b/, 'cocoa'],
];
const others = ['teal', 'pink', 'mustard', 'blue', 'green', 'red'] as const;
const festive = ['red', 'green'] as const;

export type Pattern = 'dots' | 'stripes' | 'hearts' | 'flowers' | 'leaves' | 'stars' | 'check' | 'lace' | 'plain';

const patternsByWord: readonly (readonly [RegExp, Pattern])[] = [
  [/SPOT|POLKADOT|SKULL|TOADSTOOL|GUMBALL/, 'dots'],
  [/\b(HEARTS?|SWEETHEART|LOVE|DOLLY|SUKI)\b/, 'hearts'],
  [/\b(ROSES?|PAISLEY|FLOWERS?|REGENCY|FAIRY|STRAWBERRY|APPLES?|PEARS?|BAROQUE)\b/, 'flowers'],
  [/\b(LEAF|WOODLAND|GARDEN|GARDENERS|BIRDS?|SWALLOWS?|RUSTIC|WICKER)\b/, 'leaves'],
  [/\b(SPACEBOY|STARS?|CHRISTMAS|MAGIC|CIRCUS)\b/, 'stars'],
  [/\b(GINGHAM|PICNIC|SCOTTIE|SCOTTY|UNION|NEW ENGLAND|PANTRY)\b/, 'check'],
  [/\b(DOIL(Y|IES)|VINTAGE|VICTORIAN|ANTIQUE)\b/, 'lace'],
  [/\b(STRIPES?|STRIPEY|KIDS|CHILDRENS|LONDON|POPCORN|TRADITIONAL|BIRTHDAY|PARTY)\b/, 'stripes'],
];

export function paletteOf(description: string, code: string): Palette {
  if (/\bCHRISTMAS\b/.test(description)) return palettes[chosen(festive, code)];
  const word = coloursByWord.find(([words]) => words.test(description))?.[1];
  return palettes[word ?? chosen(others, code)];
}

export function patternOf(description: string): Pattern {
  return patternsByWord.find(([words]) => words.test(description))?.[1] ?? 'plain';
}

/** FNV-1a, 32 bits: small, stable, and spread well enough to choose among a handful. http://www.isthe.com/chongo/tech/comp/fnv/ */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function chosen<T>(from: readonly T[], code: string): T {
  return from[hashOf(code) % from.length] as T;
}

/** The `<pattern id="p">` that the drawing's body is filled with. */
export function patternMarkup(pattern: Pattern, { main, light, deep, accent }: Palette): string {
  const tile = (size: number, inside: string, turn = 0) =>
    `<pattern id="p" width="${size}" height="${size}" patternUnits="userSpaceOnUse" patternTransform="rotate(${turn})"><rect width="${size}" height="${size}" fill="${main}"/>${inside}</pattern>`;
  switch (pattern) {
    case 'dots':
      return tile(36, `<circle cx="9" cy="9" r="6.5" fill="${light}"/><circle cx="27" cy="27" r="6.5" fill="${light}"/>`);
    case 'stripes':
      return tile(28, `<rect width="12" height="28" fill="${light}"/>`);
    case 'hearts':
      return tile(
        44,
        `<path d="M11 20c-9-7-8-14-4-14 3 0 4 3 4 3s1-3 4-3c4 0 5 7-4 14z" fill="${light}"/><path d="M33 42c-9-7-8-14-4-14 3 0 4 3 4 3s1-3 4-3c4 0 5 7-4 14z" fill="${light}" opacity=".75"/>`,
      );
    case 'flowers':
      return tile(
        52,
        `${flower(14, 14, light, accent)}${flower(40, 40, light, accent)}<path d="M34 12q6-6 10 0q-6 5-10 0M8 40q6-6 10 0q-6 5-10 0" fill="${deep}" opacity=".55"/>`,
      );
    case 'leaves':
      return tile(
        46,
        `<path d="M12 26C4 18 8 8 12 4c4 4 8 14 0 22z" fill="${light}" opacity=".85"/><path d="M35 44c-8-8-4-18 0-22 4 4 8 14 0 22z" fill="${light}" opacity=".6"/>`,
        24,
      );
    case 'stars':
      return tile(
        50,
        `<path d="${star(14, 14, 9)}" fill="${light}"/><path d="${star(38, 38, 6)}" fill="${accent}"/><circle cx="38" cy="12" r="2.5" fill="${light}"/><circle cx="13" cy="39" r="2.5" fill="${light}"/>`,
      );
    case 'check':
      return tile(
        40,
        `<rect width="20" height="40" fill="${light}" opacity=".38"/><rect width="40" height="20" fill="${light}" opacity=".38"/>`,
      );
    case 'lace':
      return tile(
        40,
        `<g fill="none" stroke="${light}" stroke-width="2.4" opacity=".85"><circle cx="20" cy="20" r="11"/><circle cx="20" cy="20" r="4"/><path d="M0 0h6M0 0v6M40 40h-6M40 40v-6M40 0h-6M40 0v6M0 40h6M0 40v-6"/></g>`,
      );
    case 'plain':
      return tile(40, '');
  }
}

function flower(x: number, y: number, petals: string, heart: string): string {
  const petal = [0, 72, 144, 216, 288]
    .map((turn) => `<ellipse cx="${x}" cy="${y - 6}" rx="4" ry="6" transform="rotate(${turn} ${x} ${y})"/>`)
    .join('');
  return `<g fill="${petals}">${petal}</g><circle cx="${x}" cy="${y}" r="3.4" fill="${heart}"/>`;
}

/** Path of a five-pointed star. */
export function star(x: number, y: number, radius: number): string {
  const points = Array.from({ length: 10 }, (_, index) => {
    const reach = index % 2 === 0 ? radius : radius * 0.45;
    const angle = (Math.PI * index) / 5 - Math.PI / 2;
    return `${(x + reach * Math.cos(angle)).toFixed(1)} ${(y + reach * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${points.join('L')}z`;
}
