import { describe, expect, it } from '@jest/globals';
import { describeSettings, readSettings, SettingsInvalid } from './settings.js';

describe('settings', () => {
  it('have defaults for everything but secrets and addresses', () => {
    const settings = readSettings({});
    expect(settings.VITRINE_EDGE_PORT).toBe(8080);
    expect(settings.VITRINE_EVENT_LOG).toBe('file:');
    expect(settings.VITRINE_INCREMENT_SECONDS).toBe(2);
    expect(settings.VITRINE_SECRET).toBeUndefined();
    expect(settings.VITRINE_DATA.startsWith('/')).toBe(true);
  });

  it('have a default, or are absent without one', () => {
    const absent = describeSettings({}).filter(({ fallback }) => fallback === '');
    expect(absent.map(({ name }) => name).sort()).toEqual([
      'VITRINE_ADMIN_KEY',
      'VITRINE_ANALYTICS_CLUSTER',
      'VITRINE_CLIENTS',
      'VITRINE_COUNTRY_HEADER',
      'VITRINE_IMAGES_URL',
      'VITRINE_NODE',
      'VITRINE_PUBLIC_URL',
      'VITRINE_READER_PASSWORD',
      'VITRINE_SECRET',
    ]);
  });

  it('take an empty value as absent', () => {
    expect(readSettings({ VITRINE_EDGE_PORT: '', VITRINE_PUBLIC_URL: '' }).VITRINE_EDGE_PORT).toBe(8080);
  });

  it('name every problem in one line each, without showing secrets', () => {
    const read = () =>
      readSettings({
        VITRINE_EDGE_PROT: '1',
        VITRINE_ADMIN_PORT: '70000',
        VITRINE_SECRET: 'hunter2',
        VITRINE_EVENT_LOG: 'ftp://x',
        VITRINE_PUBLIC_URL: 'shop',
      });
    expect(read).toThrow(SettingsInvalid);
    try {
      read();
    } catch (error) {
      const problems = (error as SettingsInvalid).problems;
      expect(problems).toHaveLength(5);
      expect(problems.every((line) => !line.includes('\n'))).toBe(true);
      expect(problems.join()).not.toContain('hunter2');
      expect(problems[0]).toContain('VITRINE_EDGE_PROT: unknown setting');
    }
  });

  it('leave other variables alone', () => {
    expect(() => readSettings({ PATH: '/bin', VITRINE_TEST_ESDB: 'esdb://127.0.0.1:2113' })).not.toThrow();
  });

  it('are listed with their meaning, secrets hidden', () => {
    const rows = describeSettings({ VITRINE_SECRET: 'a long enough secret' });
    expect(rows.every((row) => row.about.length > 10)).toBe(true);
    expect(rows.find((row) => row.name === 'VITRINE_SECRET')?.given).toBe('(set)');
  });
});
