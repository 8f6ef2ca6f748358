import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Of a customer's key. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const verifierText = 'the secret is right';
const verifierOwner = 'verifier';

/** The key under which customers' keys are wrapped: HKDF-SHA256 (RFC 5869) of the secret and the store's own salt. */
export function wrappingKey(secret: string, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, 'vitrine customer keys 1', 32));
}

/** Nonce, cipher text, tag of AES-256-GCM; `owner` is bound to it, so that a row cannot be moved to another customer. */
export function wrap(wrapping: Buffer, key: Uint8Array, owner: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', wrapping, nonce);
  cipher.setAAD(Buffer.from(owner));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when it was wrapped under another key, for another owner, or was changed. */
export function unwrap(wrapping: Buffer, wrapped: Buffer, owner: string): Buffer | undefined {
  if (wrapped.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', wrapping, wrapped.subarray(0, nonceBytes));
  decipher.setAAD(Buffer.from(owner));
  decipher.setAuthTag(wrapped.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    // The tag does not match, which is the answer.
    return undefined;
  }
}

/** Parts of a wrapped key, any of which may be left where it once stood: without nonce and cipher text there is nothing to unwrap. */
export function fragments(wrapped: Buffer): Buffer[] {
  const parts = [wrapped.subarray(0, nonceBytes)];
  for (let at = nonceBytes; at + 16 <= wrapped.length; at += 16) parts.push(wrapped.subarray(at, at + 16));
  return parts;
}

/** Stands in a store beside its salt, to tell another secret at once. */
export function verifierOf(wrapping: Buffer): Buffer {
  return wrap(wrapping, Buffer.from(verifierText), verifierOwner);
}

export function isRight(wrapping: Buffer, verifier: Buffer): boolean {
  return unwrap(wrapping, verifier, verifierOwner)?.toString() === verifierText;
}

/** Whose key it is. Ids have no control characters, so that no two pairs give the same text. */
export function owner(clientId: string, customerId: string): string {
  return `${clientId}\0${customerId}`;
}
