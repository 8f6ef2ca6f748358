import { once } from 'node:events';
import type { Settings } from '#libs/settings';
import { logToOperator } from '../composition/operator-log.js';
import { Demo } from './demo/demo.js';
import { type Standalone, startStandalone } from './standalone.js';

/** Starts everything, prints where to look, and runs until Ctrl-C. */
export async function runStandalone(settings: Settings, demo: boolean): Promise<void> {
  logToOperator();
  if (settings.VITRINE_WORKERS > 1)
    console.error('vitrine: VITRINE_WORKERS is for content-query apart; standalone answers with one thread');
  let die: (reason: unknown) => void = () => undefined;
  const dead = new Promise<never>((_, reject) => {
    die = reject;
  });
  // Something may fail for good while the rest still starts; it is thrown below, when all can be closed in order.
  dead.catch(() => undefined);
  const shop = demo || settings.VITRINE_DEMO ? new Demo() : undefined;
  const standalone = await startStandalone(settings, (reason) => die(reason), shop === undefined ? [] : [shop.module()]);
  const { edge, admin, tables, adminKey } = standalone;
  try {
    await Promise.race([dead, undefined]);
    const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), dead]);
    console.log('Vitrine is running.');
    console.log(`  edge    ${edge}              content queries and behaviour`);
    console.log(
      `  admin   ${admin}/graphiql     GraphQL; API key: ${settings.VITRINE_ADMIN_KEY === undefined ? adminKey : 'VITRINE_ADMIN_KEY'}`,
    );
    if (tables !== undefined) console.log(`  tables  ${tables}/?database=vitrine&query=SHOW+TABLES     ClickHouse, read only`);
    if (shop !== undefined) await Promise.race([show(shop, standalone), asked]);
    await asked;
  } finally {
    await standalone.stop();
  }
}

async function show(shop: Demo, standalone: Standalone): Promise<void> {
  const queries = await shop.begin(standalone, (line) => console.log(`  ${line}`));
  console.log(`  demo    ${standalone.edge}/demo/        a shop to click through: what it shows you changes with what you do`);
  console.log('Queries to try: the same shop, different customers.');
  for (const { url, contentId, why } of queries.slice(0, 5)) console.log(`  curl '${url}'\n    → ${contentId ?? 'nothing'}: ${why}`);
}
