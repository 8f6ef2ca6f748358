import 'reflect-metadata';
import { Command, Option } from 'commander';
import { describeSettings, readSettings, type Settings } from '#libs/settings';

/** The command line. Each verb is loaded when it is asked for, so that `--help` costs nothing. */
const program = new Command('vitrine')
  .description('Personalized content delivery for e-commerce. Settings are environment variables: vitrine config lists them.')
  .showHelpAfterError();

const settings = (): Settings => readSettings(process.env);

program
  .command('start')
  .description('Everything in one process, beside an embedded ClickHouse.')
  .option('--demo', 'serve a demo shop at /demo/ on the edge’s port, set up from real data once')
  .action(async ({ demo }: { demo?: boolean }) => {
    const { runStandalone } = await import('../standalone/main.js');
    await runStandalone(settings(), demo === true);
  });

program
  .command('clickhouse')
  .description('The embedded ClickHouse alone, in the foreground, for a split deployment on one machine.')
  .action(async () => (await import('./clickhouse.js')).runClickHouse(settings()));

program
  .command('import')
  .description('Brings in behaviour from a file: CSV or JSON lines, also gzipped (docs/import.md).')
  .requiredOption('--client <id>', 'the client whose behaviour it is')
  .requiredOption('--map <mapping.json>', 'which column is what')
  .option('--rejects <file>', 'where rejected rows go, as JSON lines with line number and reason (default: in the data folder)')
  .argument('<file>', 'the file, or - for standard input')
  .action(async (file: string, options: { client: string; map: string; rejects?: string }) =>
    (await import('./import.js')).importFile(settings(), file, options),
  );

const key = program.command('key').description('API keys, for one client or for all. Only their hashes are stored.');
key
  .command('create')
  .description('Makes a key and prints its token, once.')
  .addOption(new Option('--client <id>', 'for this client').conflicts('all'))
  .option('--all', 'for all clients')
  .option('--name <name>', 'what it is for', '')
  .action(async (options: { client?: string; all?: boolean; name: string }) => (await import('./keys.js')).createKey(settings(), options));
key
  .command('revoke')
  .description('From now on the key is no key; nodes know within a second.')
  .argument('<keyId>')
  .action(async (keyId: string) => (await import('./keys.js')).revokeKey(settings(), keyId));
key
  .command('list')
  .description('All keys, without their secrets.')
  .action(async () => (await import('./keys.js')).listKeys(settings()));

program
  .command('snapshot')
  .description('Snapshots of a client.')
  .command('build')
  .description('Asks the running system for new snapshots, and waits until the nodes have them.')
  .requiredOption('--client <id>')
  .addOption(new Option('--kind <kind>').choices(['audience', 'playbook']))
  .option('--admin <url>', 'where the admin is, when it is a process of its own; its key in VITRINE_ADMIN_KEY')
  .action(async (options: { client: string; kind?: 'audience' | 'playbook'; admin?: string }) =>
    (await import('./snapshots.js')).buildSnapshots(settings(), options),
  );

const log = program.command('log').description('The event log.');
log
  .command('read')
  .description('Events as JSON lines, in the order of the log.')
  .option('--after <position>', 'begin behind this position')
  .option('--categories <list>', 'only these categories of streams, such as campaign,segment')
  .option('--types <list>', 'only these event types')
  .option('--stream <name>', 'only this stream')
  .option('--max <n>', 'at most so many events')
  .option('--follow', 'go on with new events as they come')
  .action(async (options: import('./log.js').ReadOptions) => (await import('./log.js')).readLog(settings(), options));
log
  .command('verify')
  .description('Reads the whole log and checks that it holds together.')
  .action(async () => (await import('./log.js')).verify(settings()));

program
  .command('projections')
  .description('The tables made from the log.')
  .command('rebuild')
  .description('Makes all tables anew from the log, beside the old ones, and waits until they have taken their place.')
  .action(async () => (await import('./projections.js')).rebuild(settings()));

program
  .command('config')
  .description('All settings with their meaning, default and present value; checks them.')
  .action(() => {
    for (const { name, about, fallback, given } of describeSettings(process.env)) {
      console.log(`${name}${given === '' ? '' : `=${given}`}\n    ${about}${fallback === '' ? '' : ` Default: ${fallback}`}`);
    }
    settings();
  });

try {
  await program.parseAsync();
} catch (error) {
  const { explain } = await import('../composition/explain.js');
  for (const line of explain(error)) console.error(line);
  process.exit(1);
}
