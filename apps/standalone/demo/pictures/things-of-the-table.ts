/** Drawings on a field of 400 × 400, standing on y = 320. `url(#p)` is the product's own pattern. */
import { type Palette } from './palette.js';

type Drawing = (colours: Palette) => string;

const fill = 'fill="url(#p)"';

export const cakestand: Drawing = ({ deep, light, accent }) => `
<path d="M200 64v250" stroke="${deep}" stroke-width="9"/><circle cx="200" cy="58" r="11" fill="none" stroke="${deep}" stroke-width="7"/>
<g><path d="M140 120h120q-4 24-26 24h-68q-22 0-26-24z" ${fill}/><path d="M110 200h180q-6 30-36 30H146q-30 0-36-30z" ${fill}/><path d="M76 288h248q-8 32-42 32H118q-34 0-42-32z" ${fill}/></g>
<g fill="${light}"><rect x="134" y="112" width="132" height="12" rx="6"/><rect x="102" y="192" width="196" height="12" rx="6"/><rect x="68" y="280" width="264" height="12" rx="6"/></g>
<g fill="${accent}"><circle cx="164" cy="100" r="13"/><circle cx="234" cy="101" r="12"/><circle cx="136" cy="180" r="13"/><circle cx="262" cy="180" r="13"/><circle cx="112" cy="268" r="14"/><circle cx="154" cy="268" r="14"/><circle cx="250" cy="268" r="14"/><circle cx="290" cy="268" r="14"/></g>`;

export const cakecase: Drawing = ({ deep, light, accent }) => {
  const cake = (x: number, y: number, scale: number) =>
    `<g transform="translate(${x} ${y}) scale(${scale})"><path d="M-70-8q-6-62 70-70 76 8 70 70z" fill="${light}"/><path d="M-70-8q-6-62 70-70 76 8 70 70z" fill="${accent}" opacity=".35"/><circle cy="-82" r="13" fill="${deep}"/><path d="M-78-14H78L58 92q-2 8-10 8h-96q-8 0-10-8z" ${fill}/><path d="M-52-14l12 112M-18-14l4 112M18-14l-4 112M52-14L40 98" stroke="${deep}" stroke-width="3" opacity=".35"/></g>`;
  return `${cake(262, 196, 0.78)}${cake(150, 220, 1)}`;
};

export const teapot: Drawing = ({ deep, light }) => `
<path d="M292 196q62-14 56 36-6 46-66 46" fill="none" stroke="${deep}" stroke-width="15"/><path d="M116 226q-48-4-58-60l30-10q8 38 42 34z" ${fill}/><path d="M108 222q0-72 94-72t94 72q0 98-94 98t-94-98z" ${fill}/><path d="M136 164q20-34 66-34t66 34q-30 12-66 12t-66-12z" ${fill}/><path d="M136 164q30 14 66 14t66-14" stroke="${light}" stroke-width="6" fill="none"/><circle cx="202" cy="120" r="14" fill="${deep}"/>`;

export const teacup: Drawing = ({ deep, light }) => `
<path d="M280 168q58-12 54 34-6 42-68 40" fill="none" stroke="${deep}" stroke-width="13"/><path d="M106 148h188q0 122-70 138h-48q-70-16-70-138z" ${fill}/><ellipse cx="200" cy="148" rx="94" ry="20" fill="${light}"/><ellipse cx="200" cy="151" rx="78" ry="13" fill="#a9744f"/><ellipse cx="200" cy="300" rx="138" ry="20" ${fill}/><ellipse cx="200" cy="295" rx="138" ry="17" fill="none" stroke="${light}" stroke-width="5"/>
<path d="M178 108q-12-16 0-30t0-28M216 108q-12-16 0-30t0-28" fill="none" stroke="${deep}" stroke-opacity=".25" stroke-width="6" stroke-linecap="round"/>`;

export const jug: Drawing = ({ deep, light }) => `
<path d="M268 156q70-8 66 56-6 52-72 50" fill="none" stroke="${deep}" stroke-width="15"/><path d="M126 112h146q-10 46 10 92 24 116-52 116h-62q-74 0-54-116 20-46 2-64z" ${fill}/><path d="M126 112l-34-8q-2 34 38 50z" ${fill}/><path d="M96 106q90 14 176 6" stroke="${light}" stroke-width="9" fill="none" stroke-linecap="round"/>`;

export const jar: Drawing = ({ deep, light, accent, main }) => `
<rect x="126" y="142" width="148" height="178" rx="26" fill="${light}"/><rect x="136" y="176" width="128" height="136" rx="20" fill="${main === '#fbf5e8' ? accent : main}" opacity=".85"/><path d="M114 118q86-26 172 0l10 42q-24 14-34-4-20 16-36 0-26 14-52 0-16 16-36 0-10 18-34 4z" ${fill}/><path d="M126 140q74 14 148 0" stroke="${deep}" stroke-width="5" fill="none"/><rect x="156" y="216" width="88" height="56" rx="6" fill="${light}"/><path d="M172 236h56M172 252h34" stroke="${deep}" stroke-width="4" stroke-linecap="round" opacity=".6"/>`;

export const tin: Drawing = ({ deep, light }) => `
<rect x="104" y="146" width="192" height="174" rx="14" ${fill}/><path d="M104 288h192v18q0 14-14 14H118q-14 0-14-14z" fill="${deep}" opacity=".3"/><rect x="94" y="112" width="212" height="46" rx="12" fill="${deep}"/><rect x="94" y="112" width="212" height="12" rx="6" fill="${light}" opacity=".35"/><rect x="150" y="196" width="100" height="60" rx="10" fill="${light}"/><path d="M168 218h64M168 234h40" stroke="${deep}" stroke-width="5" stroke-linecap="round" opacity=".55"/>`;

export const cutter: Drawing = ({ deep, main, accent }) => {
  const metal = main === '#fbf5e8' ? deep : main;
  return `<path d="M150 252c-92-64-80-142-36-142 26 0 36 32 36 32s10-32 36-32c44 0 56 78-36 142z" fill="none" stroke="${metal}" stroke-width="15" stroke-linejoin="round"/><path d="M150 236c-76-54-66-112-34-112 22 0 34 38 34 38s12-38 34-38c32 0 42 58-34 112z" fill="#efd9bb"/>
<g transform="translate(268 250)"><circle r="62" fill="none" stroke="${accent}" stroke-width="13"/><circle r="52" fill="#efd9bb"/><circle cx="-16" cy="-12" r="5" fill="${deep}"/><circle cx="18" cy="-10" r="5" fill="${deep}"/><path d="M-22 14q22 20 44 0" fill="none" stroke="${deep}" stroke-width="5" stroke-linecap="round"/></g>`;
};

export const scales: Drawing = ({ deep, light }) => `
<path d="M88 118h224q-10 36-52 36H140q-42 0-52-36z" fill="${deep}"/><rect x="188" y="150" width="24" height="26" fill="${deep}"/><path d="M118 176h164q10 0 13 12l25 120q2 12-12 12H92q-14 0-12-12l25-120q3-12 13-12z" ${fill}/><circle cx="200" cy="244" r="56" fill="${light}"/><circle cx="200" cy="244" r="46" fill="none" stroke="${deep}" stroke-width="4" stroke-dasharray="3 11"/><path d="M200 244l22-30" stroke="#c8453f" stroke-width="6" stroke-linecap="round"/><circle cx="200" cy="244" r="7" fill="${deep}"/>`;

export const plate: Drawing = ({ deep, light }) => `
<circle cx="200" cy="208" r="118" ${fill}/><circle cx="200" cy="208" r="118" fill="none" stroke="${deep}" stroke-opacity=".35" stroke-width="4"/><circle cx="200" cy="208" r="76" fill="${light}"/><circle cx="200" cy="208" r="66" fill="none" stroke="${deep}" stroke-width="3" stroke-dasharray="2 9" stroke-linecap="round" opacity=".7"/><path d="M200 240c-36-24-30-54-14-54 10 0 14 13 14 13s4-13 14-13c16 0 22 30-14 54z" ${fill}/>`;

export const cutlery: Drawing = ({ deep }) => `
<g fill="#c9ced2"><path d="M128 84h10v50h8V84h10v50h8V84h10v64q0 22-16 26v40h-20v-40q-10-4-10-26z"/><path d="M196 84q24 12 24 62v68h-24z"/><ellipse cx="264" cy="124" rx="25" ry="40"/><path d="M255 150h18v64h-18z"/></g>
<rect x="134" y="206" width="28" height="112" rx="13" ${fill}/><rect x="194" y="206" width="28" height="112" rx="13" ${fill}/><rect x="250" y="206" width="28" height="112" rx="13" ${fill}/><g fill="${deep}"><circle cx="148" cy="302" r="4"/><circle cx="208" cy="302" r="4"/><circle cx="264" cy="302" r="4"/></g>`;

export const pin: Drawing = ({ deep, light }) => `
<g transform="rotate(-32 200 210)"><rect x="36" y="196" width="330" height="26" rx="13" fill="${deep}"/><rect x="92" y="172" width="216" height="74" rx="20" ${fill}/><rect x="92" y="180" width="216" height="12" rx="6" fill="${light}" opacity=".35"/></g><circle cx="290" cy="268" r="42" fill="none" stroke="${deep}" stroke-width="11"/><circle cx="112" cy="136" r="30" ${fill}/>`;

export const popcorn: Drawing = ({ deep, light, accent }) => `
<g fill="${light}"><circle cx="150" cy="136" r="30"/><circle cx="196" cy="112" r="34"/><circle cx="246" cy="132" r="31"/><circle cx="176" cy="150" r="28"/><circle cx="224" cy="152" r="28"/></g><g fill="${accent}" opacity=".5"><circle cx="158" cy="126" r="9"/><circle cx="204" cy="104" r="10"/><circle cx="240" cy="138" r="9"/></g>
<path d="M112 154h176l-26 156q-2 10-12 10H150q-10 0-12-10z" ${fill}/><path d="M112 154h176l-3 20H115z" fill="${deep}" opacity=".3"/>`;
