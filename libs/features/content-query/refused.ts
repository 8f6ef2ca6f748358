/** A request that is answered with an error: the JSON `{"code","message"}`. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const malformed = (code: string, message: string) => new Refused(400, code, message);
