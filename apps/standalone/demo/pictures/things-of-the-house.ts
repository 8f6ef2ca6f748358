/** Drawings on a field of 400 × 400, standing on y = 320. `url(#p)` is the product's own pattern. */
import { type Palette, star as starPath } from './palette.js';

type Drawing = (colours: Palette) => string;

const fill = 'fill="url(#p)"';

export const tlight: Drawing = ({ deep, light, accent }) => `
<path d="M200 40v62" stroke="${deep}" stroke-width="6"/><path d="M132 190q0-92 68-92t68 92" fill="none" stroke="${deep}" stroke-width="7"/><path d="M110 184h180q10 136-90 136t-90-136z" ${fill}/><ellipse cx="200" cy="184" rx="90" ry="16" fill="${light}"/><ellipse cx="200" cy="172" rx="46" ry="34" fill="${accent}" opacity=".35"/><path d="M200 132q26 30 0 50-26-20 0-50z" fill="${accent}"/><path d="M200 154q10 14 0 24-10-10 0-24z" fill="#fff6d8"/>`;

export const candles: Drawing = ({ main, deep, light, accent }) =>
  [-84, -42, 0, 42, 84]
    .map((x, index) => {
      const top = 150 + Math.abs(x) * 0.35;
      return `<rect x="${200 + x - 13}" y="${top}" width="26" height="${320 - top}" rx="6" ${index % 2 === 0 ? fill : `fill="${light}"`} stroke="${main}" stroke-width="2"/><path d="M${200 + x} ${top}v-12" stroke="${deep}" stroke-width="4"/><path d="M${200 + x} ${top - 50}q15 22 0 38-15-16 0-38z" fill="${accent}"/>`;
    })
    .join('');

export const heart: Drawing = ({ deep, light }) => `
<path d="M200 40q-16 26 0 60" fill="none" stroke="${deep}" stroke-width="6"/><path d="M200 320C46 214 66 92 138 92c44 0 62 50 62 50s18-50 62-50c72 0 92 122-62 228z" ${fill}/><path d="M200 296C72 206 88 112 140 112c40 0 60 58 60 58s20-58 60-58c52 0 68 94-60 184z" fill="none" stroke="${light}" stroke-width="5" stroke-dasharray="4 11" stroke-linecap="round"/><circle cx="200" cy="132" r="8" fill="${deep}"/>`;

export const star: Drawing = ({ deep, light }) => `
<path d="M200 30q14 22 0 46" fill="none" stroke="${deep}" stroke-width="6"/><path d="${starPath(200, 208, 138)}" ${fill} stroke="${deep}" stroke-opacity=".25" stroke-width="4" stroke-linejoin="round"/><path d="${starPath(200, 208, 82)}" fill="none" stroke="${light}" stroke-width="6" stroke-linejoin="round"/>`;

export const tree: Drawing = ({ deep, light, accent }) => `
<rect x="182" y="276" width="36" height="44" fill="${deep}"/><path d="M200 66l58 84h-30l52 66h-34l54 66H100l54-66h-34l52-66h-30z" ${fill}/><path d="${starPath(200, 66, 24)}" fill="${accent}"/><g fill="${light}"><circle cx="184" cy="150" r="8"/><circle cx="222" cy="196" r="8"/><circle cx="164" cy="214" r="8"/><circle cx="206" cy="256" r="8"/></g>`;

export const bell: Drawing = ({ deep, light }) => `
<path d="M158 96q42-56 84 0" fill="none" stroke="${deep}" stroke-width="8"/><g transform="rotate(12 150 220)"><path d="M150 118q52 4 56 90 4 46 24 64H70q20-18 24-64 4-86 56-90z" ${fill}/><circle cx="150" cy="288" r="16" fill="${deep}"/><rect x="66" y="264" width="168" height="18" rx="9" fill="${light}" opacity=".7"/></g><g transform="rotate(-12 262 210) translate(38 8) scale(.86)"><path d="M262 118q52 4 56 90 4 46 24 64H182q20-18 24-64 4-86 56-90z" ${fill}/><circle cx="262" cy="288" r="16" fill="${deep}"/><rect x="178" y="264" width="168" height="18" rx="9" fill="${light}" opacity=".7"/></g>`;

export const clock: Drawing = ({ deep, light }) => `
<path d="M142 300l-24 20M258 300l24 20" stroke="${deep}" stroke-width="15" stroke-linecap="round"/><circle cx="136" cy="110" r="32" fill="${deep}"/><circle cx="264" cy="110" r="32" fill="${deep}"/><circle cx="200" cy="208" r="112" ${fill}/><circle cx="200" cy="208" r="84" fill="${light}"/><g stroke="${deep}" stroke-width="7" stroke-linecap="round"><path d="M200 134v14M200 268v14M126 208h14M260 208h14"/><path d="M200 208v-46M200 208l34 20"/></g><circle cx="200" cy="208" r="9" fill="${deep}"/>`;

export const frame: Drawing = ({ deep, light, accent }) => `
<rect x="94" y="84" width="212" height="236" rx="8" ${fill}/><rect x="94" y="84" width="212" height="236" rx="8" fill="none" stroke="${deep}" stroke-opacity=".35" stroke-width="4"/><rect x="126" y="116" width="148" height="172" fill="${deep}"/><rect x="132" y="122" width="136" height="160" fill="${light}"/><circle cx="236" cy="160" r="18" fill="${accent}"/><path d="M132 282l46-70 34 44 22-26 34 52z" fill="${deep}" opacity=".55"/>`;

export const sign: Drawing = ({ deep, light }) => `
<path d="M96 136L200 58l104 78" fill="none" stroke="${deep}" stroke-width="6"/><circle cx="200" cy="58" r="9" fill="${deep}"/><rect x="62" y="132" width="276" height="156" rx="12" ${fill}/><rect x="76" y="146" width="248" height="128" rx="6" fill="none" stroke="${light}" stroke-width="5"/><g fill="${light}"><rect x="112" y="176" width="176" height="15" rx="7"/><rect x="140" y="204" width="120" height="15" rx="7"/><rect x="164" y="232" width="72" height="15" rx="7"/></g>`;

export const cabinet: Drawing = ({ deep, light }) => `
<path d="M112 300v20M288 300v20" stroke="${deep}" stroke-width="15"/><rect x="92" y="96" width="216" height="208" rx="8" ${fill}/><rect x="84" y="88" width="232" height="20" rx="6" fill="${deep}"/><g fill="none" stroke="${deep}" stroke-opacity=".5" stroke-width="4"><rect x="108" y="122" width="184" height="48" rx="5"/><rect x="108" y="182" width="184" height="48" rx="5"/><rect x="108" y="242" width="184" height="48" rx="5"/></g><g fill="${deep}"><circle cx="200" cy="146" r="8"/><circle cx="200" cy="206" r="8"/><circle cx="200" cy="266" r="8"/></g><rect x="92" y="108" width="12" height="196" fill="${light}" opacity=".3"/>`;

export const lights: Drawing = ({ main, deep, accent }) =>
  `<path d="M20 120q90 90 180 40t180 20" fill="none" stroke="${deep}" stroke-width="5"/><path d="M20 232q90 80 180 40t180 20" fill="none" stroke="${deep}" stroke-width="5"/>${[
    [70, 160],
    [140, 180],
    [210, 155],
    [290, 152],
    [350, 172],
    [70, 270],
    [150, 288],
    [230, 262],
    [320, 268],
  ]
    .map(
      ([x = 0, y = 0], index) =>
        `<circle cx="${x}" cy="${y + 16}" r="27" fill="${accent}" opacity=".22"/><path d="M${x} ${y}q17 14 0 34-17-20 0-34z" fill="${index % 2 ? accent : main === '#fbf5e8' ? accent : main}"/><rect x="${x - 5}" y="${y - 8}" width="10" height="10" rx="2" fill="${deep}"/>`,
    )
    .join('')}`;

export const plant: Drawing = ({ main, deep, light, accent }) => `
<g fill="${main === '#fbf5e8' ? '#7fa385' : main}"><path d="M200 214q-70-20-74-104 70 14 74 104zM200 214q70-20 74-104-70 14-74 104z"/><path d="M200 214q-24-70 0-136 24 66 0 136z" opacity=".8"/></g><path d="M132 208h136l-16 104q-1 8-10 8h-84q-9 0-10-8z" ${fill}/><rect x="124" y="198" width="152" height="28" rx="8" fill="${deep}"/><rect x="124" y="198" width="152" height="8" rx="4" fill="${light}" opacity=".4"/><circle cx="252" cy="132" r="10" fill="${accent}"/><circle cx="158" cy="118" r="8" fill="${accent}"/>`;

export const lunchbox: Drawing = ({ deep, light }) => `
<path d="M150 128q0-52 50-52t50 52" fill="none" stroke="${deep}" stroke-width="13"/><rect x="70" y="124" width="260" height="196" rx="30" ${fill}/><path d="M70 206h260" stroke="${deep}" stroke-width="6" opacity=".55"/><rect x="176" y="188" width="48" height="38" rx="8" fill="${light}" stroke="${deep}" stroke-opacity=".4" stroke-width="4"/><g fill="${deep}" opacity=".5"><circle cx="98" cy="150" r="6"/><circle cx="302" cy="150" r="6"/><circle cx="98" cy="294" r="6"/><circle cx="302" cy="294" r="6"/></g>`;

export const bird: Drawing = ({ deep, light, accent }) => `
<path d="M190 286v34M228 286v34" stroke="${deep}" stroke-width="8" stroke-linecap="round"/><path d="M84 188q18-88 112-88 62 0 84 58l66-18-42 74q-6 80-96 80-92 0-106-64-10-22-18-42z" ${fill}/><path d="M84 188l-38 12 44 18z" fill="${accent}"/><circle cx="132" cy="162" r="14" fill="${light}"/><circle cx="130" cy="162" r="7" fill="${deep}"/><path d="M178 196q62-20 104 18-40 54-92 32-18-18-12-50z" fill="${deep}" opacity=".35"/>`;

export const doll: Drawing = ({ deep, light, accent }) => `
<path d="M140 152q-6-82 60-82t60 82q10 26-10 30H150q-20-4-10-30z" fill="${deep}"/><circle cx="200" cy="144" r="48" fill="#f3d6bf"/><path d="M152 132q14-42 48-42t48 42q-48-22-96 0z" fill="${deep}"/><circle cx="184" cy="148" r="5" fill="${deep}"/><circle cx="216" cy="148" r="5" fill="${deep}"/><path d="M186 166q14 12 28 0" fill="none" stroke="#b3556f" stroke-width="5" stroke-linecap="round"/><path d="M172 190h56l58 124q2 6-6 6H120q-8 0-6-6z" ${fill}/><path d="M172 194l-46 44M228 194l46 44" stroke="#f3d6bf" stroke-width="17" stroke-linecap="round"/><path d="M150 240h100" stroke="${light}" stroke-width="6" opacity=".8"/><circle cx="232" cy="98" r="13" fill="${accent}"/>`;

export const blocks: Drawing = ({ deep, light, accent }) => {
  const block = (x: number, y: number, inside: string, turn: number) =>
    `<g transform="rotate(${turn} ${x + 46} ${y + 46})"><rect x="${x}" y="${y}" width="92" height="92" rx="10" ${fill}/><rect x="${x + 10}" y="${y + 10}" width="72" height="72" rx="6" fill="${light}"/><g transform="translate(${x + 46} ${y + 46})">${inside}</g></g>`;
  const aHeart = `<path d="M0 24c-36-24-30-50-14-50 10 0 14 13 14 13s4-13 14-13c16 0 22 26-14 50z" fill="${deep}"/>`;
  const aStar = `<path d="${starPath(0, 2, 28)}" fill="${accent}"/>`;
  const aSpot = `<circle r="22" fill="none" stroke="${deep}" stroke-width="9"/>`;
  return `${block(60, 226, aStar, 0)}${block(158, 226, aHeart, 0)}${block(254, 226, aSpot, 0)}${block(150, 130, aHeart, -5)}`;
};

export const parcel: Drawing = ({ deep, light, accent }) => `
<rect x="96" y="176" width="208" height="144" rx="8" ${fill}/><rect x="84" y="140" width="232" height="50" rx="8" ${fill}/><rect x="84" y="176" width="232" height="14" fill="${deep}" opacity=".3"/><rect x="182" y="140" width="36" height="180" fill="${accent}"/><path d="M200 140q-70-4-66-46 30-24 66 46 36-70 66-46 4 42-66 46z" fill="${accent}"/><path d="M200 140q-44-8-44-30 22-6 44 30 22-36 44-30 0 22-44 30z" fill="${light}" opacity=".5"/>`;
