/** What a valid API key allows; `clientId` null: all clients. */
export interface ApiKeyGrant {
  readonly keyId: string;
  readonly clientId: string | null;
}

/** Answers for the token of `Authorization: Bearer …`; null when no valid key has it. */
export type ApiKeyCheck = (token: string) => ApiKeyGrant | null;
