import { ConsoleLogger, Logger, type LogLevel } from '@nestjs/common';

/** Warnings and worse, on standard error: standard output belongs to what was asked for. */
class OperatorLog extends ConsoleLogger {
  protected override printMessages(messages: unknown[], context?: string, level?: LogLevel): void {
    super.printMessages(messages, context, level, 'stderr');
  }
}

export function logToOperator(): void {
  Logger.overrideLogger(new OperatorLog({ logLevels: ['warn', 'error', 'fatal'], colors: process.stderr.isTTY === true }));
}
