import type { Unpack } from '#libs/spool';
import { packedAnswersForm, unpackAnswers } from './fast-path/packed-answers.js';

/** How the spool of a content-query node is read: for `openSpool`, of whoever opens such a folder. */
export const contentQueryForms: Readonly<Record<string, Unpack>> = { [packedAnswersForm]: unpackAnswers };
