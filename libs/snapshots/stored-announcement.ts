import { parsePosition } from '#libs/event-log';
import { SnapshotCorrupt } from './errors.js';
import type { Announcement } from './publication.js';

/** An announcement as JSON, as files and messages carry it: the position as a decimal string. */
export function stringifyAnnouncement(announcement: Announcement): string {
  return `${JSON.stringify({ ...announcement, position: String(announcement.position) })}\n`;
}

/** @throws SnapshotCorrupt. */
export function parseAnnouncement(text: string): Announcement {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new SnapshotCorrupt('an announcement is no JSON', { cause });
  }
  const string = (name: string, form: RegExp): string => {
    const value = fields[name];
    if (typeof value !== 'string' || !form.test(value)) throw new SnapshotCorrupt(`an announcement's ${name} is ${JSON.stringify(value)}`);
    return value;
  };
  const count = (name: string): number => {
    const value = fields[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new SnapshotCorrupt(`an announcement's ${name} is no count`);
    return value;
  };
  return {
    clientId: string('clientId', /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
    kind: string('kind', /^(audience|playbook)$/) as Announcement['kind'],
    version: string('version', /^[0-9a-f]{16}$/),
    position: parsePosition(string('position', /^\d{1,20}$/))!,
    builtAt: string('builtAt', /^\d{4}-\d\d-\d\dT.*Z$/),
    bytes: count('bytes'),
    sha256: string('sha256', /^[0-9a-f]{64}$/),
    url: string('url', /^./),
    increment: count('increment'),
    customers: fields.customers === null ? null : count('customers'),
    memberships: fields.memberships === null ? null : count('memberships'),
  };
}
