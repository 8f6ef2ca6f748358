import type { Rows } from '#libs/projections';
import type { ClickHouseConnection } from './client.js';
import { refreshStates } from './state-refresh.js';

/** Below so many touched customers and answers the facts are as fast. */
const touchedMin = 1_000;
/** Of a client that has states, fewer wait no longer than this. */
const waitMsMax = 60_000;

interface Due {
  /** Rows of `touched` and `answered` since the last refresh. */
  touched: number;
  /** Its settings may be others. */
  isRevised: boolean;
  hasStates: boolean;
  refreshedAt: number;
}

/** Which clients' states are to be made anew: it knows what the tables held when it began, and what was written since. */
export class DueStates {
  private readonly clients = new Map<string, Due>();
  private begun: Promise<void> | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly connection: ClickHouseConnection) {}

  /** These rows were acknowledged. */
  written(rows: Rows): void {
    for (const { client_id } of [...rows.touched, ...rows.answered]) this.of(client_id).touched += 1;
    for (const { client_id } of rows.client_facts) this.of(client_id).isRevised = true;
  }

  /** One at a time. */
  refresh(which: 'due' | 'all', signal?: AbortSignal): Promise<void> {
    this.running = this.running.catch(() => undefined).then(() => this.refreshed(which, signal));
    return this.running;
  }

  private async refreshed(which: 'due' | 'all', signal: AbortSignal | undefined): Promise<void> {
    this.begun ??= this.begin();
    await this.begun.catch((error: unknown) => {
      this.begun = undefined;
      throw error;
    });
    const failures: unknown[] = [];
    for (const [clientId, due] of this.clients) {
      if (signal?.aborted) break;
      if (!(which === 'due' ? isDue(due) : due.touched > 0 || due.isRevised)) continue;
      const { touched, isRevised } = due;
      [due.touched, due.isRevised] = [0, false];
      try {
        await refreshStates(this.connection, clientId, { signal });
        due.hasStates = true;
        due.refreshedAt = performance.now();
      } catch (error) {
        due.touched += touched;
        due.isRevised ||= isRevised;
        // The other clients do not wait for this one.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  private async begin(): Promise<void> {
    const touched = await this.connection.query<{ client_id: string; n: string }>(
      'SELECT client_id, count() AS n FROM touched GROUP BY client_id UNION ALL SELECT client_id, count() AS n FROM answered GROUP BY client_id',
    );
    for (const { client_id, n } of touched) this.of(client_id).touched += Number(n);
    const marked = await this.connection.query<{ client_id: string }>('SELECT DISTINCT client_id FROM customer_state_marks');
    for (const { client_id } of marked) this.of(client_id).hasStates = true;
  }

  private of(clientId: string): Due {
    const due = this.clients.get(clientId) ?? { touched: 0, isRevised: false, hasStates: false, refreshedAt: Number.NEGATIVE_INFINITY };
    this.clients.set(clientId, due);
    return due;
  }
}

function isDue({ touched, isRevised, hasStates, refreshedAt }: Due): boolean {
  if (touched >= touchedMin) return true;
  return hasStates && (isRevised || (touched > 0 && performance.now() - refreshedAt >= waitMsMax));
}
