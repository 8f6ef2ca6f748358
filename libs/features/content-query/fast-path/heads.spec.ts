import { describe, expect, it } from '@jest/globals';
import type { ClientId } from '#libs/domain';
import { type ReadBytes, readBytes, unrecognised } from '#libs/plain-http';
import { Devices } from '../devices.js';
import { callers } from '../edge-http.js';
import { Heads } from './heads.js';

function read(text: string): ReadBytes {
  const input = readBytes(text.length);
  input.bytes.write(text, 'latin1');
  input.bytes[text.length] = 0;
  input.end = text.length;
  return input;
}

const heads = () => new Heads({ callerOf: callers({}), devices: new Devices(), countryHeader: undefined });

describe('heads', () => {
  it('are remembered, but not without end, however long they are', () => {
    const all = heads();
    const found = (browser: number) => {
      const input = read(`Host: x\r\nUser-Agent: ${browser} ${'a'.repeat(8_000)}\r\n\r\n`);
      expect(all.read(input, 0)).toBe(input.end);
      return all.found;
    };
    const first = found(0);
    expect(found(0)).toBe(first);
    // 12 MB of them.
    for (let browser = 1; browser <= 1_500; browser++) found(browser);
    expect(found(0)).not.toBe(first);
  });

  it('are the same for visitors who differ in cookies, pages, addresses and lengths', () => {
    const all = heads();
    const visitor = (n: number) =>
      `Host: x\r\nX-Forwarded-For: 192.0.2.${n}\r\nContent-Length: ${n + 9}\r\nUser-Agent: one\r\nReferer: https://x/${'p'.repeat(n)}\r\nCookie: vt_c_golf=c${n}; vt_s_golf=s${n} \r\nContent-Type: text/plain\r\n\r\n`;
    const seen = Array.from({ length: 200 }, (_, n) => {
      const input = read(visitor(n));
      expect(all.read(input, 0)).toBe(input.end);
      const caller = all.caller(all.found!, input);
      expect([caller.cookie, caller.referer, all.values.contentLength]).toEqual([
        `vt_c_golf=c${n}; vt_s_golf=s${n}`,
        `https://x/${'p'.repeat(n)}`,
        n + 9,
      ]);
      expect(all.kept('golf' as ClientId, input).customer?.bytes.toString()).toBe(`c${n}`);
      return all.found;
    });
    expect(new Set(seen).size).toBe(1);
  });

  it('are read anew when a value is written otherwise', () => {
    const all = heads();
    const reads = (text: string) => {
      const input = read(text);
      return [all.read(input, 0) === input.end, all.values.contentLength, all.caller(all.found!, input).referer];
    };
    expect(reads('Host: x\r\nReferer: a b\r\nContent-Length: 12\r\n\r\n')).toEqual([true, 12, 'a b']);
    expect(reads('Host: x\r\nReferer:   a \r\nContent-Length: 12\r\n\r\n')).toEqual([true, 12, 'a']);
    expect(reads('Host: x\r\nReferer:\r\nContent-Length: 012\r\n\r\n')).toEqual([true, -1, '']);
    expect(reads('Host: x\r\nContent-Length: +1\r\n\r\n')).toEqual([true, -1, undefined]);
    expect(reads('Host: x\r\n\r\n')).toEqual([true, -1, undefined]);
    expect(all.read(read('Host: x\r\nReferer: a\tb\r\n\r\n'), 0)).toBe(unrecognised);
  });
});
