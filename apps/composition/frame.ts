/** What a process has before it opens anything. */
import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type DataFolder, openDataFolder, type Settings } from '#libs/settings';
import type { Closing } from './closing.js';

export type Report = (message: string, error?: unknown) => void;

export interface ProcessFrame {
  readonly settings: Settings;
  readonly folder: DataFolder;
  /** What is opened adds how it is closed. */
  readonly closing: Closing;
  readonly registry: Registry;
  readonly clock: () => Date;
  /** Names this process in the log's streams and in acknowledgements; no two running ones share it. */
  readonly nodeId: string;
  /** For the operator: something that the process goes on with. */
  readonly report: Report;
  /** The process cannot go on: it ends with exit code 1, and is started again by whoever watches over it. */
  readonly fatal: (reason: unknown) => void;
}

export interface FrameOptions {
  /** `standalone`, `collector`, … */
  readonly kind: string;
  readonly closing: Closing;
  readonly fatal: (reason: unknown) => void;
  /** Instead of a kept one. */
  readonly nodeId?: string;
  readonly report?: Report;
}

/** @throws DataFolderUnusable. */
export function openFrame(settings: Settings, { kind, closing, fatal, nodeId, report }: FrameOptions): ProcessFrame {
  const folder = openDataFolder(settings.VITRINE_DATA);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const logger = new Logger(kind);
  return {
    settings,
    folder,
    closing,
    registry,
    clock: () => new Date(),
    nodeId: nodeId ?? settings.VITRINE_NODE ?? folder.kept(`node-id.${kind}`, () => `${kind}-${randomBytes(6).toString('hex')}`),
    report: report ?? ((message, error) => logger.warn(error === undefined ? message : `${message}: ${textOf(error)}`)),
    fatal,
  };
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
