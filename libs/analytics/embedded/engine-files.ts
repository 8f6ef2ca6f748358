import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { EngineStartError } from './engine-errors.js';
import { engineProgram } from './engine-program.js';

/** What of a ClickHouse is decided before it starts: its places, ports, users and limits. */
export interface EngineLayout {
  /** Absolute. Holds `data/` (ClickHouse's own), `config.xml`, `users.xml`, `engine.cjs` and the two passwords. */
  readonly folder: string;
  readonly httpPort: number;
  readonly nativePort: number;
  readonly memoryBytesMax: number;
  readonly password: string;
  readonly readerPassword: string;
  readonly users: readonly EngineUser[];
  readonly databases: readonly string[];
  readonly cluster: EngineCluster | undefined;
}

export interface EngineUser {
  /** Lower-case letters, digits and `_`. */
  readonly name: string;
  readonly password: string;
  /** Statements without the user: `GRANT SELECT ON shop.*`. */
  readonly grants: readonly string[];
}

/** Engines of one machine as the shards of a cluster, one replica each. */
export interface EngineCluster {
  readonly name: string;
  /** In order; this engine is the one with its own native port. */
  readonly shards: readonly { readonly nativePort: number; readonly weight: number }[];
  /** As whom they ask each other: a user that each of them has. */
  readonly user: string;
  readonly password: string;
}

const GiB = 1024 ** 3;

/** A quarter of the machine's memory, between 1 and 6 GiB: the apps, the page cache and whatever else runs there need theirs. */
export function defaultMemoryBytesMax(): number {
  return Math.min(6 * GiB, Math.max(GiB, Math.floor(totalmem() / 4)));
}

/**
 * The scalar function file(path) asks for no right, and in this library, which takes itself for clickhouse-local, it reads whatever the process may
 * read: the secret and the customers' keys too. A function of the user's, found on the disk at the start, comes before ClickHouse's own of the same name.
 */
const fileFunction = `CREATE FUNCTION file AS path -> toString(throwIf(1, 'ACCESS_DENIED: file() reads no files here'))
`;

/** @throws EngineStartError FOLDER_NOT_WRITABLE */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(join(folder, 'data', 'tmp'), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'data', 'user_files'), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'data', 'user_defined'), { recursive: true, mode: 0o700 });
    await writePrivate(join(folder, 'data', 'user_defined', 'function_file.sql'), fileFunction);
    await chmod(folder, 0o700);
    await writePrivate(join(folder, 'engine.cjs'), engineProgram);
  } catch (cause) {
    throw new EngineStartError('FOLDER_NOT_WRITABLE', `the data folder ${folder} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A password kept in a file of the folder (mode 600), made at the first start. */
export async function keptPassword(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (kept !== '') return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(24).toString('base64url');
  await writePrivate(path, `${password}\n`);
  return password;
}

/** `nativePortInside`: where ClickHouse itself listens behind the gate of the native protocol. */
export async function writeEngineFiles(layout: EngineLayout, nativePortInside: number): Promise<void> {
  await writePrivate(join(layout.folder, 'users.xml'), usersXml(layout));
  await writePrivate(join(layout.folder, 'config.xml'), configXml(layout, nativePortInside));
}

async function writePrivate(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  const file = await open(beside, 'r');
  await file.sync();
  await file.close();
  await rename(beside, path);
}

/** Where npm put the library, and the caller of native functions. @throws EngineStartError PLATFORM_NOT_SUPPORTED */
export function engineModules(): { readonly library: string; readonly ffi: string } {
  const require = createRequire(import.meta.url);
  const name = `@chdb/lib-${platform()}-${arch()}${platform() === 'linux' ? '-gnu' : ''}`;
  try {
    const manifest = createRequire(require.resolve('chdb/package.json')).resolve(`${name}/package.json`);
    return { library: join(dirname(manifest), 'libchdb.so'), ffi: require.resolve('ffi-rs') };
  } catch (cause) {
    throw new EngineStartError(
      'PLATFORM_NOT_SUPPORTED',
      `there is no embedded ClickHouse for this machine (${name} is not installed); set VITRINE_ANALYTICS to the address of a ClickHouse server`,
      { cause },
    );
  }
}

export const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function configXml({ folder, httpPort, nativePort, memoryBytesMax, cluster }: EngineLayout, nativePortInside: number): string {
  const data = xml(join(folder, 'data'));
  return `<clickhouse>
  <path>${data}/</path>
  <tmp_path>${data}/tmp/</tmp_path>
  <user_files_path>${data}/user_files/</user_files_path>
  <user_directories><users_xml><path>${xml(join(folder, 'users.xml'))}</path></users_xml></user_directories>

  <listen_host>127.0.0.1</listen_host>
  <http_port>${httpPort}</http_port>
  <tcp_port>${nativePortInside}</tcp_port>
  <keep_alive_timeout>30</keep_alive_timeout>
  <timezone>UTC</timezone>

  <max_server_memory_usage>${memoryBytesMax}</max_server_memory_usage>
  <max_concurrent_queries>64</max_concurrent_queries>
  <mark_cache_size>${Math.floor(memoryBytesMax / 16)}</mark_cache_size>
  <primary_index_cache_size>${Math.floor(memoryBytesMax / 16)}</primary_index_cache_size>
  <index_mark_cache_size>67108864</index_mark_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <max_thread_pool_size>1000</max_thread_pool_size>
  <max_thread_pool_free_size>50</max_thread_pool_free_size>

  <!-- An acknowledged insert is on the disk; a merged part is before the parts that it replaces go. No system log is kept: they would grow. -->
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
    <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
    <old_parts_lifetime>30</old_parts_lifetime>
  </merge_tree>

  <!-- As strict as a server can be: what the apps' rights must be is tried on this engine. -->
  <access_control_improvements>
    <select_from_system_db_requires_grant>1</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>1</select_from_information_schema_requires_grant>
    <table_engines_require_grant>1</table_engines_require_grant>
  </access_control_improvements>
${cluster === undefined ? '' : remoteServersXml(cluster, nativePort, nativePortInside)}</clickhouse>
`;
}

/** An engine knows itself among the shards by the port on which it really listens. */
function remoteServersXml({ name, shards, user, password }: EngineCluster, nativePort: number, nativePortInside: number): string {
  const replicas = shards.map(
    (
      shard,
    ) => `<shard><weight>${shard.weight}</weight><replica><host>127.0.0.1</host><port>${shard.nativePort === nativePort ? nativePortInside : shard.nativePort}</port>
      <user>${xml(user)}</user><password>${xml(password)}</password></replica></shard>`,
  );
  return `  <remote_servers><${name}>
    ${replicas.join('\n    ')}
  </${name}></remote_servers>
`;
}

function usersXml({ memoryBytesMax, password, readerPassword, users }: EngineLayout): string {
  const queryBytes = Math.floor(memoryBytesMax * 0.7);
  const spillBytes = Math.floor(memoryBytesMax / 4);
  const readerBytes = Math.floor(memoryBytesMax / 3);
  const loopback = '<networks><ip>127.0.0.1</ip><ip>::1</ip></networks>';
  const common = `<async_insert>0</async_insert>
      <max_bytes_before_external_group_by>${spillBytes}</max_bytes_before_external_group_by>
      <max_bytes_before_external_sort>${spillBytes}</max_bytes_before_external_sort>
      <max_bytes_before_external_join>${spillBytes}</max_bytes_before_external_join>
      <add_http_cors_header>0</add_http_cors_header>`;
  return `<clickhouse>
  <profiles>
    <default>
      ${common}
      <max_memory_usage>${queryBytes}</max_memory_usage>
      <constraints><add_http_cors_header><const/></add_http_cors_header></constraints>
    </default>
    <start>
      <max_concurrent_queries_for_all_users>1</max_concurrent_queries_for_all_users>
      <constraints><max_concurrent_queries_for_all_users><const/></max_concurrent_queries_for_all_users></constraints>
    </start>
    <reader>
      ${common}
      <readonly>2</readonly>
      <max_memory_usage>${readerBytes}</max_memory_usage>
      <max_execution_time>300</max_execution_time>
      <max_temporary_data_on_disk_size_for_user>${4 * memoryBytesMax}</max_temporary_data_on_disk_size_for_user>
      <max_concurrent_queries_for_user>8</max_concurrent_queries_for_user>
      <constraints>
        <!-- 0 means no limit and would pass a maximum alone. -->
        <max_memory_usage><min>1</min><max>${readerBytes}</max></max_memory_usage>
        <max_execution_time><min>1</min><max>3600</max></max_execution_time>
        <max_temporary_data_on_disk_size_for_user><const/></max_temporary_data_on_disk_size_for_user>
        <max_concurrent_queries_for_user><const/></max_concurrent_queries_for_user>
        <add_http_cors_header><const/></add_http_cors_header>
      </constraints>
    </reader>
  </profiles>
  <quotas>
    <default/>
    <!-- The three statements that start the engine use this up. -->
    <start><interval><duration>2000000000</duration><queries>3</queries></interval></start>
  </quotas>
  <users>
    <!-- The engine itself: it must be called so, come from loopback and have no password. Two locks keep everybody else out. The profile refuses every query
         while any other runs, and its own third one runs as long as the engine does; the quota refuses those that the profile lets through (reading
         system.processes, as that third one does, so that it may begin while others ask already). The quota alone lets SELECT without a table through;
         max_sessions_for_user = 1 would do, but a refusal on the native port then ends the whole process. -->
    <default>
      <password></password>${loopback}<profile>start</profile><quota>start</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query><query>GRANT SELECT ON system.processes</query></grants>
    </default>
    <vitrine>
      <password_sha256_hex>${sha256(password)}</password_sha256_hex>${loopback}<profile>default</profile><quota>default</quota>
    </vitrine>
    <reader>
      <password_sha256_hex>${sha256(readerPassword)}</password_sha256_hex>${loopback}<profile>reader</profile><quota>default</quota>
      <grants><query>GRANT SELECT, SHOW ON vitrine.*</query></grants>
    </reader>
${users.map((user) => userXml(user, loopback)).join('')}  </users>
</clickhouse>
`;
}

function userXml({ name, password, grants }: EngineUser, networks: string): string {
  return `    <${name}>
      <password_sha256_hex>${sha256(password)}</password_sha256_hex>${networks}<profile>default</profile><quota>default</quota>
      <grants>${grants.map((grant) => `<query>${xml(grant)}</query>`).join('')}</grants>
    </${name}>
`;
}
