export type EngineStartCode =
  | 'PORT_TAKEN'
  | 'FOLDER_IN_USE'
  | 'FOLDER_NOT_WRITABLE'
  | 'ENGINE_DIED'
  | 'PLATFORM_NOT_SUPPORTED'
  | 'READER_PASSWORD_EMPTY';

/** The embedded ClickHouse could not be started; the message is one line for people. */
export class EngineStartError extends Error {
  constructor(
    readonly code: EngineStartCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
