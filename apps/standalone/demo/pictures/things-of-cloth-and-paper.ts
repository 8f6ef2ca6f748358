/** Drawings on a field of 400 × 400, standing on y = 320. `url(#p)` is the product's own pattern. */
import type { Palette } from './palette.js';

type Drawing = (colours: Palette) => string;

const fill = 'fill="url(#p)"';

export const hottie: Drawing = ({ deep, light }) => `
<path d="M172 92h56l-8 34q52 10 56 70l6 84q2 40-34 40H152q-36 0-34-40l6-84q4-60 56-70z" ${fill}/>
<path d="M164 80q36-14 72 0l-6 24h-60z" fill="${deep}"/><rect x="182" y="58" width="36" height="26" rx="8" fill="${deep}"/>
<path d="M176 128q24 10 48 0" stroke="${light}" stroke-width="5" fill="none" stroke-linecap="round" opacity=".8"/>`;

export const warmer: Drawing = ({ deep, light }) => `
<g transform="rotate(-8 170 220)"><rect x="92" y="150" width="150" height="150" rx="34" ${fill}/><rect x="104" y="162" width="126" height="126" rx="26" fill="none" stroke="${light}" stroke-width="4" stroke-dasharray="10 9"/></g>
<g transform="rotate(10 260 240)"><rect x="186" y="176" width="138" height="138" rx="32" ${fill}/><rect x="198" y="188" width="114" height="114" rx="24" fill="none" stroke="${light}" stroke-width="4" stroke-dasharray="10 9"/></g>
<circle cx="255" cy="245" r="17" fill="${light}"/><circle cx="255" cy="245" r="9" fill="${deep}"/>`;

export const bag: Drawing = ({ deep }) => `
<path d="M150 150q0-72 50-72t50 72" fill="none" stroke="${deep}" stroke-width="13" stroke-linecap="round"/>
<path d="M102 142h196l18 166q1 12-12 12H96q-13 0-12-12z" ${fill}/><path d="M102 142h196l4 34H98z" fill="${deep}" opacity=".28"/>
<circle cx="150" cy="160" r="7" fill="${deep}"/><circle cx="250" cy="160" r="7" fill="${deep}"/>`;

export const wallet: Drawing = ({ deep, light }) => `
<rect x="120" y="104" width="176" height="206" rx="10" fill="${deep}" transform="rotate(7 200 210)"/><rect x="128" y="112" width="160" height="192" fill="${light}" transform="rotate(4 200 210)"/>
<rect x="104" y="110" width="176" height="208" rx="10" ${fill}/><rect x="104" y="110" width="26" height="208" rx="8" fill="${deep}" opacity=".4"/><rect x="156" y="150" width="96" height="44" rx="6" fill="${light}"/><path d="M172 167h64M172 179h40" stroke="${deep}" stroke-width="4" stroke-linecap="round" opacity=".6"/>`;

export const umbrella: Drawing = ({ deep }) => `
<path d="M200 90v196q0 30 26 30t26-26" fill="none" stroke="${deep}" stroke-width="10" stroke-linecap="round"/>
<path d="M62 214q8-128 138-134 130 6 138 134-22-22-46 0-24-22-46 0-23-22-46 0-24-22-46 0-24-22-46 0-24-22-46 0z" ${fill}/><path d="M200 80v-18" stroke="${deep}" stroke-width="10" stroke-linecap="round"/><path d="M154 214q2-90 46-134 44 44 46 134" fill="none" stroke="${deep}" stroke-width="3" opacity=".45"/>`;

export const bunting: Drawing = ({ deep, light, main, accent }) => {
  const flag = (x: number, y: number, colour: string, turn: number) =>
    `<path d="M${x - 38} ${y}h76l-38 92z" ${colour === '' ? fill : `fill="${colour}"`} transform="rotate(${turn} ${x} ${y})"/>`;
  return `<path d="M20 96q180 110 360 0" fill="none" stroke="${deep}" stroke-width="6"/>${flag(74, 122, '', 14)}${flag(158, 146, light, 5)}${flag(244, 146, accent, -5)}${flag(328, 121, '', -14)}
<path d="M20 232q180 90 360 0" fill="none" stroke="${deep}" stroke-width="6"/>${flag(116, 262, main, 9)}${flag(200, 276, '', 0)}${flag(284, 262, light, -9)}`;
};

export const chain: Drawing = ({ main, deep, light, accent }) => {
  const colours = [main, light, accent, deep];
  const links = Array.from({ length: 13 }, (_, index) => {
    const x = 44 + index * 26;
    const y = 130 + Math.sin((index / 12) * Math.PI) * 70;
    return `<ellipse cx="${x}" cy="${y.toFixed(0)}" rx="23" ry="29" fill="none" stroke="${colours[index % 4]}" stroke-width="12"/>`;
  });
  return `${links.join('')}<g transform="translate(0 112)">${links.slice(2, 11).reverse().join('')}</g>`;
};

export const ribbon: Drawing = ({ deep, light, main }) => `
<path d="M236 276q70 8 96 44" stroke="${main}" stroke-width="34" fill="none"/><circle cx="186" cy="206" r="112" ${fill}/><circle cx="186" cy="206" r="112" fill="none" stroke="${deep}" stroke-width="4" opacity=".4"/>
<circle cx="186" cy="206" r="52" fill="${light}"/><circle cx="186" cy="206" r="28" fill="${deep}" opacity=".65"/><circle cx="186" cy="206" r="82" fill="none" stroke="${deep}" stroke-width="2" opacity=".35"/>`;

export const cards: Drawing = ({ deep, light, main }) => `
<rect x="150" y="96" width="140" height="196" rx="12" fill="${light}" stroke="${deep}" stroke-opacity=".3" stroke-width="3" transform="rotate(14 220 194)"/>
<rect x="110" y="110" width="150" height="206" rx="12" fill="${light}" stroke="${deep}" stroke-opacity=".3" stroke-width="3" transform="rotate(-6 185 213)"/><rect x="124" y="124" width="122" height="178" rx="8" ${fill} transform="rotate(-6 185 213)"/>
<circle cx="185" cy="213" r="30" fill="${light}"/><path d="M185 230c-22-16-19-34-9-34 7 0 9 8 9 8s2-8 9-8c10 0 13 18-9 34z" fill="${main === '#fbf5e8' ? deep : main}"/>`;

export const wrap: Drawing = ({ deep, light }) => `
<g transform="rotate(-28 200 210)"><rect x="92" y="128" width="216" height="62" rx="10" ${fill}/><ellipse cx="308" cy="159" rx="14" ry="31" fill="${light}"/><ellipse cx="308" cy="159" rx="6" ry="14" fill="${deep}" opacity=".5"/><rect x="180" y="128" width="22" height="62" fill="${deep}" opacity=".55"/></g>
<g transform="rotate(-14 200 270)"><rect x="96" y="224" width="216" height="62" rx="10" ${fill}/><ellipse cx="312" cy="255" rx="14" ry="31" fill="${light}"/><ellipse cx="312" cy="255" rx="6" ry="14" fill="${deep}" opacity=".5"/><rect x="190" y="224" width="22" height="62" fill="${deep}" opacity=".55"/></g>`;

export const pencils: Drawing = ({ main, deep, light, accent }) => {
  const pencil = (x: number, turn: number, colour: string) =>
    `<g transform="rotate(${turn} ${x} 320)"><path d="M${x - 12} 128h24v150h-24z" fill="${colour}"/><path d="M${x - 12} 128l12-34 12 34z" fill="#efd9bb"/><path d="M${x - 4} 105l4-11 4 11z" fill="${deep}"/></g>`;
  return `${pencil(150, -9, accent)}${pencil(182, -3, main === '#fbf5e8' ? deep : main)}${pencil(216, 3, deep)}${pencil(250, 9, accent)}
<path d="M118 204h164l-10 104q-1 12-13 12H141q-12 0-13-12z" ${fill}/><path d="M118 204h164l-2 20H120z" fill="${light}" opacity=".6"/>`;
};

export const cracker: Drawing = ({ deep, light, accent }) => `
<g transform="rotate(-18 200 210)"><path d="M128 172h144v76H128z" ${fill}/><path d="M128 172l-24 18-60-26 8 46-8 46 60-26 24 18zM272 172l24 18 60-26-8 46 8 46-60-26-24 18z" ${fill}/><path d="M104 190q-6 20 0 40M296 190q6 20 0 40" stroke="${deep}" stroke-width="8" fill="none"/><rect x="180" y="172" width="40" height="76" fill="${accent}"/><circle cx="200" cy="210" r="13" fill="${light}"/></g>`;

export const stocking: Drawing = ({ deep, light, accent }) => `
<path d="M168 130h92v102q0 18 10 30 26 30 4 50-20 18-50 4l-70-34q-14-8-8-26 22-20 22-60z" ${fill}/><path d="M156 286q2-22 24-16 18 8 10 32-6 8-26-2-10-4-8-14z" fill="${accent}"/>
<rect x="156" y="92" width="116" height="50" rx="16" fill="${light}" stroke="${deep}" stroke-opacity=".2" stroke-width="3"/><path d="M262 96q26-34 6-40t-14 32" fill="none" stroke="${deep}" stroke-width="7" stroke-linecap="round"/>`;

export const cushion: Drawing = ({ deep, light }) => `
<path d="M96 122q104-24 208 0 14 92 0 184-104 24-208 0-14-92 0-184z" ${fill}/><path d="M112 138q88-18 176 0 10 76 0 152-88 18-176 0-10-76 0-152z" fill="none" stroke="${light}" stroke-width="4" stroke-dasharray="3 8" stroke-linecap="round"/>
<g fill="${deep}"><circle cx="96" cy="122" r="12"/><circle cx="304" cy="122" r="12"/><circle cx="96" cy="306" r="12"/><circle cx="304" cy="306" r="12"/></g>`;

export const apron: Drawing = ({ deep, light }) => `
<path d="M162 108q38-64 76 0" fill="none" stroke="${deep}" stroke-width="9"/><path d="M160 104h80q4 56 52 74v130q0 12-12 12H120q-12 0-12-12V178q48-18 52-74z" ${fill}/><path d="M108 190L62 214M292 190l46 24" stroke="${deep}" stroke-width="9" stroke-linecap="round"/>
<path d="M150 218h100v52q0 22-22 22h-56q-22 0-22-22z" fill="${light}" opacity=".85"/>`;

export const doormat: Drawing = ({ deep, light }) => `
<path d="M104 150h192l52 152H52z" ${fill}/><path d="M120 164h160l42 124H78z" fill="none" stroke="${light}" stroke-width="7"/><path d="M200 262c-44-30-38-66-18-66 13 0 18 15 18 15s5-15 18-15c20 0 26 36-18 66z" fill="${light}"/>
<path d="M52 302h296v12H52z" fill="${deep}"/>`;
