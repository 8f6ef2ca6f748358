/**
 * One secret key per customer, held apart from the log: personal data in events is sealed with it, and deleting it is what forgetting means.
 * Keys are stored wrapped with `VITRINE_SECRET`.
 */
export interface CustomerKeys {
  /** The customer's key (32 bytes), made if there is none yet; two callers, also in two processes, never get two keys. */
  obtain(clientId: string, customerId: string): Promise<Uint8Array>;
  /** Null: never made, or erased. */
  find(clientId: string, customerId: string): Promise<Uint8Array | null>;
  /** True when there was a key. What was sealed with it can never be opened again. */
  erase(clientId: string, customerId: string): Promise<boolean>;
  close(): Promise<void>;
}
