import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The compiled tree, for processes that tests start; `VITRINE_TEST_DIST` names another one. */
export const dist = process.env['VITRINE_TEST_DIST'] ?? join(process.cwd(), 'dist');

export interface EngineParent {
  readonly engine: { readonly url: string; readonly httpPort: number; readonly nativePort: number; readonly pid: number };
  /** With SIGKILL. */
  kill(): Promise<void>;
}

/** A process of its own that starts an engine and then does nothing. */
export async function startParent(folder: string): Promise<EngineParent> {
  const program = `
    const { startEmbeddedClickHouse } = await import(${JSON.stringify(join(dist, 'libs/analytics/embedded/index.js'))});
    const engine = await startEmbeddedClickHouse({ folder: ${JSON.stringify(folder)}, httpPort: 0, nativePort: 0, onExit: console.error });
    console.log(JSON.stringify({ ...engine, pid: engine.pid }));
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    exited.then(() => {
      throw new Error('the parent ended; is the tree built (npm run build)?');
    }),
  ]);
  return {
    engine: JSON.parse(line) as EngineParent['engine'],
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Resolves when the condition holds. */
export async function waitFor(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not happen within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
