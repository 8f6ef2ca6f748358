import {
  type Criteria,
  type Playbook,
  type PlaybookCampaign,
  type PlaybookContent,
  type PlaybookRule,
  parseClientId,
  parseCriteria,
  parseDefinitionId,
} from '#libs/domain';
import { SnapshotCorrupt } from '../errors.js';
import { checksum } from '../hash.js';

/** The playbook image: README.md of this library. */
const format = 1;
const head = '{"checksum":"';
const middle = '","playbook":';
const tail = '}\n';
const checksumDigits = 16;
const kinds = ['image', 'script', 'html', 'xml', 'json', 'text', 'audio', 'video', 'stream', 'survey', 'article'];
const statuses = ['draft', 'running', 'paused', 'ended'];

/** The bytes of a playbook: the same for equal playbooks, in whatever order their parts were made. */
export function playbookImage(playbook: Playbook): Uint8Array {
  const body = Buffer.from(canonical(playbook));
  const sum = checksum(body).toString(16).padStart(checksumDigits, '0');
  return Buffer.concat([Buffer.from(head + sum + middle), body, Buffer.from(tail)]);
}

/**
 * Reads and checks an image. Contents and campaigns have no prototype: `contents['constructor']` is a content or undefined.
 * @throws SnapshotCorrupt for anything but a whole image of a format known here, whose contents are all there.
 */
export function readPlaybook(image: Uint8Array): Playbook {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const bodyAt = head.length + checksumDigits + middle.length;
  check(bytes.length > bodyAt + tail.length, 'cut short');
  check(bytes.toString('latin1', 0, head.length) === head, 'this is something else');
  check(bytes.toString('latin1', bodyAt - middle.length, bodyAt) === middle, 'this is something else');
  check(bytes.toString('latin1', bytes.length - tail.length) === tail, 'cut short');
  const body = bytes.subarray(bodyAt, bytes.length - tail.length);
  const sum = bytes.toString('latin1', head.length, head.length + checksumDigits);
  check(checksum(body).toString(16).padStart(checksumDigits, '0') === sum, 'check sum');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new SnapshotCorrupt('playbook image: no JSON', { cause });
  }
  return readBody(parsed);
}

/** JSON without spaces, keys in the order of their code units, absent ones left out. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join(',')}}`;
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new SnapshotCorrupt(`playbook image: ${what}`);
}

type Fields = Readonly<Record<string, unknown>>;

function object(value: unknown, path: string): Fields {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), path);
  return value as Fields;
}

function list(value: unknown, path: string): readonly unknown[] {
  check(Array.isArray(value), path);
  return value;
}

function string(value: unknown, path: string): string {
  check(typeof value === 'string', path);
  return value;
}

function number(value: unknown, path: string): number {
  check(typeof value === 'number', path);
  return value;
}

function nullable<T>(read: (value: unknown, path: string) => T, value: unknown, path: string): T | null {
  return value === null ? null : read(value, path);
}

function definitionId(value: unknown, path: string): string {
  check(parseDefinitionId(value) !== undefined, path);
  return value as string;
}

function oneOf<T extends string>(values: readonly string[], value: unknown, path: string): T {
  check(typeof value === 'string' && values.includes(value), path);
  return value as T;
}

function instant(value: unknown, path: string): string {
  check(typeof value === 'string' && !Number.isNaN(Date.parse(value)), path);
  return value;
}

function readBody(parsed: unknown): Playbook {
  const fields = object(parsed, 'body');
  const itsFormat = number(fields.format, 'format');
  check(itsFormat <= format, `format ${itsFormat} is newer than the ${format} that is known here`);
  check(itsFormat === format, `format ${itsFormat}`);
  check(parseClientId(fields.clientId) !== undefined, 'clientId');
  const sampleRate = number(fields.sampleRate, 'sampleRate');
  check(sampleRate > 0 && sampleRate <= 1, 'sampleRate');
  const contents = byId(fields.contents, 'contents', readContent);
  const known = (id: string | null) => id === null || id in contents;
  const campaigns = byId(fields.campaigns, 'campaigns', readCampaign);
  for (const campaign of Object.values(campaigns)) {
    const path = `campaigns.${campaign.campaignId}`;
    check(known(campaign.defaultContentId), `${path}.defaultContentId`);
    for (const rule of campaign.rules) {
      check(known(rule.contentId) && (rule.groups ?? []).every((group) => known(group.contentId)), `${path}.rules.${rule.ruleId}`);
    }
  }
  return {
    format,
    clientId: string(fields.clientId, 'clientId'),
    timeZone: string(fields.timeZone, 'timeZone'),
    currency: string(fields.currency, 'currency'),
    origins: list(fields.origins, 'origins').map((origin) => string(origin, 'origins')),
    sampleRate,
    snapshotMaxAgeSeconds: nullable(number, fields.snapshotMaxAgeSeconds, 'snapshotMaxAgeSeconds'),
    contents,
    campaigns,
  };
}

function byId<T>(value: unknown, path: string, read: (value: unknown, id: string, path: string) => T): Readonly<Record<string, T>> {
  const readParts: Record<string, T> = Object.create(null);
  for (const [id, part] of Object.entries(object(value, path))) {
    check(parseDefinitionId(id) !== undefined, `${path}.${id}`);
    readParts[id] = read(part, id, `${path}.${id}`);
  }
  return readParts;
}

function readContent(value: unknown, id: string, path: string): PlaybookContent {
  const fields = object(value, path);
  const content: PlaybookContent = {
    contentId: definitionId(fields.contentId, `${path}.contentId`),
    type: oneOf<PlaybookContent['type']>(kinds, fields.type, `${path}.type`),
    address: nullable(string, fields.address, `${path}.address`),
    body: nullable(string, fields.body, `${path}.body`),
    destination: nullable(string, fields.destination, `${path}.destination`),
    width: nullable(number, fields.width, `${path}.width`),
    height: nullable(number, fields.height, `${path}.height`),
    alt: nullable(string, fields.alt, `${path}.alt`),
  };
  check(content.contentId === id, `${path}.contentId`);
  check((content.address === null) !== (content.body === null), `${path}: one of address and body`);
  return content;
}

function readCampaign(value: unknown, id: string, path: string): PlaybookCampaign {
  const fields = object(value, path);
  check(fields.campaignId === id, `${path}.campaignId`);
  const rules = list(fields.rules, `${path}.rules`).map((rule, index) => readRule(rule, `${path}.rules[${index}]`));
  check(
    rules.every((rule, index) => index === 0 || rule.priority > rules[index - 1]!.priority),
    `${path}.rules: order`,
  );
  return {
    campaignId: id,
    status: oneOf<PlaybookCampaign['status']>(statuses, fields.status, `${path}.status`),
    startsAt: nullable(instant, fields.startsAt, `${path}.startsAt`),
    endsAt: nullable(instant, fields.endsAt, `${path}.endsAt`),
    defaultContentId: nullable(definitionId, fields.defaultContentId, `${path}.defaultContentId`),
    rules,
  };
}

function readRule(value: unknown, path: string): PlaybookRule {
  const fields = object(value, path);
  const contentId = nullable(definitionId, fields.contentId, `${path}.contentId`);
  const groups = nullable(list, fields.groups, `${path}.groups`);
  check((contentId === null) !== (groups === null), `${path}: one of contentId and groups`);
  const readGroups = groups?.map((group, index) => {
    const parts = object(group, `${path}.groups[${index}]`);
    const weight = number(parts.weight, `${path}.groups[${index}].weight`);
    check(Number.isInteger(weight) && weight >= 0, `${path}.groups[${index}].weight`);
    check(typeof parts.control === 'boolean', `${path}.groups[${index}].control`);
    return {
      groupId: definitionId(parts.groupId, `${path}.groups[${index}].groupId`),
      weight,
      contentId: nullable(definitionId, parts.contentId, `${path}.groups[${index}].contentId`),
      control: parts.control,
    };
  });
  check(readGroups === undefined || readGroups.reduce((sum, { weight }) => sum + weight, 0) === 10_000, `${path}.groups: weights`);
  return {
    ruleId: definitionId(fields.ruleId, `${path}.ruleId`),
    priority: number(fields.priority, `${path}.priority`),
    segmentId: nullable(definitionId, fields.segmentId, `${path}.segmentId`),
    when: nullable(readCriteria, fields.when, `${path}.when`),
    contentId,
    groups: readGroups ?? null,
  };
}

function readCriteria(value: unknown, path: string): Criteria {
  const parsed = parseCriteria(value, 'request');
  check(!('invalid' in parsed), path);
  return parsed.criteria;
}
