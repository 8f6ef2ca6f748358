import { describe, expect, it } from '@jest/globals';
import { type ReadBytes, readBytes } from '#libs/plain-http';
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

describe('heads', () => {
  it('are remembered, but not without end, however long they are', () => {
    const heads = new Heads({ callerOf: callers({}), devices: new Devices(), countryHeader: undefined });
    const found = (customer: number) => {
      const input = read(`Host: x\r\nCookie: vt_c_golf=${customer}; ${'a'.repeat(8_000)}\r\n\r\n`);
      expect(heads.read(input, 0)).toBe(input.end);
      return heads.found;
    };
    const first = found(0);
    expect(found(0)).toBe(first);
    // 12 MB of them.
    for (let customer = 1; customer <= 1_500; customer++) found(customer);
    expect(found(0)).not.toBe(first);
  });
});
