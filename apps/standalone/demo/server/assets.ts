/** The shop's stylesheet and scripts: read once, named by what they hold, so that browsers may keep them. */
import { createHash } from 'node:crypto';
import { demoFile } from '../files.js';

const types = { 'shop.css': 'text/css', 'shop.js': 'text/javascript', 'strip.js': 'text/javascript' } as const;
type Name = keyof typeof types;

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

export class Assets {
  private readonly files = new Map(
    (Object.keys(types) as Name[]).map((name) => {
      const body = demoFile(`pages/assets/${name}`);
      const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
      return [name as string, { body, type: `${types[name]}; charset=utf-8`, address: `/demo/assets/${name}?v=${version}` }];
    }),
  );

  readonly address = (name: string): string => this.files.get(name)?.address ?? `/demo/assets/${name}`;

  find(name: string): Asset | undefined {
    return this.files.get(name);
  }
}
