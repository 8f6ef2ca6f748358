/** The admin as the demo speaks to it: GraphQL over HTTP with an API key, as a merchant's program would. */

interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface AdminAddress {
  /** Such as `http://127.0.0.1:8081`. */
  readonly url: string;
  readonly key: string;
  /** How long an answer is waited for. */
  readonly waitMsMax?: number;
}

/** The admin does not answer, or not in time, or refuses: whoever asked goes on without. */
export class AdminAway extends Error {}

// biome-ignore lint/suspicious/noExplicitAny: the data of any operation, whose shape the caller's query text says.
type Answered = any;

export class AdminClient {
  constructor(private readonly address: AdminAddress) {}

  /** The data of an operation. `allowed`: error codes that leave their field null. @throws AdminAway. */
  async ask(query: string, variables: object, allowed: readonly string[] = []): Promise<Answered> {
    const answer = (await this.post('/graphql', 'application/json', JSON.stringify({ query, variables }))) as {
      data?: object;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    const error = answer.errors?.find(({ extensions }) => !allowed.includes(extensions?.code ?? ''));
    if (error !== undefined) throw new AdminAway(`the admin answered: ${error.message}`);
    return answer.data ?? {};
  }

  /** The position reached; what exists already is no refusal. @throws Error that says the refusal. */
  async command(name: string, inputType: string, input: object): Promise<string> {
    const data = await this.ask(`mutation ($input: ${inputType}) { ${name}(input: $input) { position userErrors { code message } } }`, {
      input,
    });
    const refusal = (data[name].userErrors as Refusal[]).find(({ code }) => !code.endsWith('_EXISTS'));
    if (refusal !== undefined) throw new Error(`${name} was refused: ${refusal.code} ${refusal.message}`);
    return data[name].position;
  }

  async upload(bytes: Buffer): Promise<string> {
    return ((await this.post('/uploads', 'application/octet-stream', new Uint8Array(bytes))) as { uploadId: string }).uploadId;
  }

  private async post(path: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
    const { url, key, waitMsMax = 30_000 } = this.address;
    try {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': type },
        body,
        signal: AbortSignal.timeout(waitMsMax),
      });
      return await response.json();
    } catch (error) {
      throw new AdminAway(`the admin does not answer: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}
