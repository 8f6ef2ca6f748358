/** HTML by template literals: what is put in is escaped, unless it is `Html` itself. */

export class Html {
  constructor(readonly text: string) {}
}

type Piece = Html | string | number | null | undefined | false | readonly Piece[];

/** Text within elements and within double quotes; nothing may be put into a tag, a script or a style. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let text = parts[0] ?? '';
  for (const [index, piece] of pieces.entries()) text += written(piece) + (parts[index + 1] ?? '');
  return new Html(text);
}

/** JSON for a `<script type="application/json">`: no `<` can end it. */
export function jsonIsland(id: string, value: unknown): Html {
  return new Html(`<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>`);
}

function written(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  if (piece instanceof Html) return piece.text;
  if (typeof piece === 'object') return piece.map(written).join('');
  return String(piece).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
