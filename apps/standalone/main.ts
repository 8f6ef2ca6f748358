import { once } from 'node:events';
import type { Settings } from '#libs/settings';
import { logToOperator } from '../composition/operator-log.js';
import { setUpDemo } from './demo/demo.js';
import { startStandalone } from './standalone.js';

/** Starts everything, prints where to look, and runs until Ctrl-C. */
export async function runStandalone(settings: Settings, demo: boolean): Promise<void> {
  logToOperator();
  let die: (reason: unknown) => void = () => undefined;
  const dead = new Promise<never>((_, reject) => {
    die = reject;
  });
  // Something may fail for good while the rest still starts; it is thrown below, when all can be closed in order.
  dead.catch(() => undefined);
  const standalone = await startStandalone(settings, (reason) => die(reason));
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
    if (demo || settings.VITRINE_DEMO) await Promise.race([showDemo(standalone), asked]);
    await asked;
  } finally {
    await standalone.stop();
  }
}

async function showDemo({ edge, admin, adminKey }: { edge: string; admin: string; adminKey: string }): Promise<void> {
  const queries = await setUpDemo({ edge, admin, adminKey, say: (line) => console.log(`  ${line}`) });
  console.log('Queries to try: the same page, different customers.');
  for (const { url, contentId, why } of queries.slice(0, 4)) console.log(`  curl '${url}'\n    → ${contentId ?? 'nothing'}: ${why}`);
}
