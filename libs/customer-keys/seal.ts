import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** A sealed text was changed, or is opened with another key or in another context than it was sealed in, or has a form of a later version. */
export class SealBroken extends Error {
  readonly code = 'SEAL_BROKEN';
}

const nonceBytes = 12;
const tagBytes = 16;
const sealedForm = /^v1\.([A-Za-z0-9_-]+)$/;

/**
 * Seals a text with a customer's key (32 bytes): `v1.` and base64url of nonce (12 bytes), cipher text and tag (16 bytes) of AES-256-GCM (NIST SP
 * 800-38D). `context` says where the text belongs, such as `golf/customer-7/email`: it is not in the result and must be the same when opened.
 * Each call gives another result.
 */
export function sealText(key: Uint8Array, plaintext: string, context: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  return `v1.${Buffer.concat([nonce, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')}`;
}

/** @throws SealBroken */
export function openText(key: Uint8Array, sealed: string, context: string): string {
  const bytes = Buffer.from(sealedForm.exec(sealed)?.[1] ?? '', 'base64url');
  if (bytes.length < nonceBytes + tagBytes) throw new SealBroken('this is no sealed text of version 1');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealBroken('the sealed text was changed, or belongs to another key or context', { cause });
  }
}
