import { createCipheriv, randomBytes } from 'node:crypto';

/** AES-256-GCM under a customer's key: `1.` and base64url of nonce (12 bytes), cipher text, tag (16 bytes). */
export function sealText(key: Uint8Array, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return `1.${Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')}`;
}
