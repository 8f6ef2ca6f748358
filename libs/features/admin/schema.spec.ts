import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';
import { adminSchema, adminSchemaText } from './schema.js';

describe('the schema', () => {
  const contract = buildSchema(readFileSync(new URL('testing/admin-contract.graphql', import.meta.url), 'utf8'));

  it('breaks nothing that was promised', async () => {
    expect(findBreakingChanges(contract, await adminSchema())).toEqual([]);
  });

  it('promises the same defaults', async () => {
    const changes = findDangerousChanges(contract, await adminSchema());
    expect(changes.filter(({ type }) => type === 'ARG_DEFAULT_VALUE_CHANGE')).toEqual([]);
  });

  it('is committed as it is served: node tools/schema.mjs writes it', async () => {
    expect(await adminSchemaText()).toBe(readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'));
  });
});
