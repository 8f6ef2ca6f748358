import { answered } from './answered.js';
import { customerStates } from './customer-states.js';
import { customersViewMigration } from './customers-view.js';
import { due } from './due.js';
import { facts } from './facts.js';
import type { Migration } from './migration.js';
import { views } from './views.js';

/** All migrations, by version. A new one is appended; an applied one is never edited. */
export const migrations: readonly Migration[] = [facts, views, customersViewMigration, due, customerStates, answered];
