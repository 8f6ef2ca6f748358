/** The data's descriptions are upper case, cut short and full of abbreviations: how the shop writes them. */

/** In the till's language, whole words; replaced before the case is. */
const tillWords: readonly (readonly [RegExp, string])[] = [
  [/\bSET\/(\d+)\b/g, 'SET OF $1'],
  [/\bS\/(\d+)\b/g, 'SET OF $1'],
  [/\bSET OF(\d+)\b/g, 'SET OF $1'],
  [/^SET (\d+) /g, 'SET OF $1 '],
  [/\bASSTD?\b/g, 'ASSORTED'],
  [/\bANT WHITE\b/g, 'ANTIQUE WHITE'],
  [/\bDES\b/g, 'DESIGN'],
  [/\bPC\b/g, 'PIECE'],
  [/\bN0\b/g, 'NO'],
  [/\bCHILDRENS\b/g, "CHILDREN'S"],
  [/\bGARDENERS\b/g, "GARDENER'S"],
  [/\bCASH\+CARRY\b/g, 'CASH AND CARRY'],
  [/\bGIN \+ TONIC\b/g, 'GIN AND TONIC'],
  [/\bRETROSPOT\b/g, 'RETRO SPOT'],
  [/\bPOLKADOT\b/g, 'POLKA DOT'],
  [/\bCAKESTAND\b/g, 'CAKE STAND'],
  [/\bDOILEY\b/g, 'DOILY'],
];

/** Small within a name, not at its beginning or end. */
const small = new Set(['of', 'and', 'in', 'with', 'to', 'the', 'a', 'for', 'on', 'or']);
const kept = new Map([
  ['t-light', 'T-Light'],
  ['led', 'LED'],
  ['diy', 'DIY'],
  ['uk', 'UK'],
  ['i', 'I'],
]);

/** `SET/20 RED RETROSPOT PAPER NAPKINS ` → `Set of 20 Red Retro Spot Paper Napkins`. */
export function presentableName(description: string): string {
  let text = description
    .toUpperCase()
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/[.,]+$/, '');
  for (const [till, written] of tillWords) text = text.replaceAll(till, written);
  const words = text.toLowerCase().split(' ');
  const last = words.length - 1;
  return words.map((word, index) => kept.get(word) ?? (index > 0 && index < last && small.has(word) ? word : capitalised(word))).join(' ');
}

/** The first letter, and the first after a hyphen or a bracket; `50's` keeps its s small. */
function capitalised(word: string): string {
  return word.replace(/^[^a-z0-9]*[a-z]|(?<=[-(&+])[a-z]/g, (letters) => letters.toUpperCase());
}
