import { describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import { prepare } from '#libs/domain';
import { customerHash } from '#libs/snapshots';
import type { ClientTables } from '../client-tables.js';
import { ContentQueryMetrics } from '../metrics.js';
import { campaign, content, playbook } from '../testing/edge.js';
import { Routes } from './routes.js';

const plan = prepare(playbook('golf', [content('plain')], [campaign('spring', []), campaign('summer', [])]), [], customerHash);
const tables: ClientTables = { clientId: 'golf', plan, playbookVersion: '1', audience: null, audienceAgeMaxMs: Number.POSITIVE_INFINITY };
const of = { of: (clientId: string) => (clientId === 'golf' ? tables : undefined), mayStillCome: () => false };
const metrics = () => new ContentQueryMetrics(new Registry());

function asked(routes: Routes, path: string, hash = 7) {
  const bytes = Buffer.from(path);
  return routes.at(bytes, 0, bytes.length, hash);
}

describe('routes', () => {
  it('are kept for campaigns that there are, and nothing of clients and campaigns that a caller made up', () => {
    const counting = metrics();
    const counts = jest.spyOn(counting, 'answersOf');
    const routes = new Routes(counting, of);
    const spring = asked(routes, 'golf/spring');
    expect(spring?.campaignId).toBe('spring');
    for (let n = 0; n < 100; n++) {
      expect(asked(routes, `made-up-${n}/spring`)).toBeUndefined();
      expect(asked(routes, `golf/made-up-${n}`)).toBeUndefined();
    }
    // Also of the same slot.
    expect(asked(routes, 'golf/spring')).toBe(spring);
    expect(counts.mock.calls).toEqual([['golf']]);
  });

  it('forget placements that a caller made up when other tables come', () => {
    const route = asked(new Routes(metrics(), of), 'golf/spring')!;
    const indexOf = (placement: string) => route.placementAt(Buffer.from(placement), 0, placement.length);
    for (let n = 0; indexOf(`made-up-${n}`) >= 0; n++) expect(n).toBeLessThan(1_000);
    expect(indexOf('home')).toBe(-1);
    route.take({ ...tables });
    expect(route.placementId(indexOf('home'))).toBe('home');
  });

  it('hold templates up to a limit for all of them together', () => {
    const routes = new Routes(metrics(), of, 10_000);
    const [spring, summer] = [asked(routes, 'golf/spring', 1)!, asked(routes, 'golf/summer', 2)!];
    const templates = {
      reason: 0,
      share: { json: Buffer.alloc(0), batch: -1, index: 0 },
      batchShare: { json: Buffer.alloc(0), batch: -1, index: 0 },
      site: -1,
      templates: new Map(),
      bySite: new Map(),
    };
    for (const route of [spring, summer]) {
      route.take(tables);
      route.decisions.set(route.campaign!.fallback, templates);
    }
    routes.made({ bytes: Buffer.alloc(4_000) });
    expect([spring.decisions.size, summer.decisions.size]).toEqual([1, 1]);
    routes.made({ bytes: Buffer.alloc(5_000) });
    expect([spring.decisions.size, summer.decisions.size]).toEqual([0, 0]);
  });
});
