/** A product's picture. The data has none, so each is drawn: what kind of thing, which colours, which pattern follows from its words. */
import { type Kind, kindOf } from '../catalogue/sorting.js';
import { paletteOf, patternMarkup, patternOf } from './palette.js';
import * as soft from './things-of-cloth-and-paper.js';
import * as house from './things-of-the-house.js';
import * as table from './things-of-the-table.js';

const drawings: Readonly<Record<Kind, (typeof house)['heart']>> = { ...soft, ...table, ...house };

/** A square SVG that stands alone, the same for the same product for ever. */
export function drawProduct({ code, description }: { readonly code: string; readonly description: string }): string {
  const colours = paletteOf(description, code);
  const { wall, floor } = colours;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400"><defs>${patternMarkup(patternOf(description), colours)}</defs><rect width="400" height="400" fill="${wall}"/><path d="M0 292q200-26 400 0v108H0z" fill="${floor}"/><ellipse cx="200" cy="322" rx="128" ry="13" fill="#3b2f2a" opacity=".14"/>${drawings[kindOf(description)](colours)}</svg>`;
}
