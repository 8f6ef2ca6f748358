import { createHmac, timingSafeEqual } from 'node:crypto';
import { isHttpUrl } from '#libs/domain';

/** What a click address says of the answer that it was made for. */
export interface ClickedAnswer {
  readonly decisionId: string;
  readonly clientId: string;
  readonly campaignId: string;
  readonly customerId: string;
  readonly contentId: string | null;
  readonly placementId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly segmentId: string | null;
  readonly sessionId: string | null;
  readonly destination: string;
}

/** Signs and reads the tokens of `/k/{token}`: every process with the same secret reads those of every other. */
export interface ClickAddresses {
  tokenFor(answer: ClickedAnswer): string;
  /** Undefined for a token that was not signed with this secret, was changed, or leads elsewhere than to http(s). */
  read(token: string): ClickedAnswer | undefined;
}

const version = '1';
// No id or address can hold a control character.
const separator = '\x1f';
// 144 bits: whole base64url digits, so that no digit of a token can be changed without changing a bit.
const macBytes = 18;
const macDigits = 24;
const tokenForm = /^[A-Za-z0-9_-]{25,8192}$/;

/** @param secret `VITRINE_SECRET`; the key is derived from it, because the same secret wraps other things. */
export function clickAddresses(secret: string): ClickAddresses {
  const key = createHmac('sha256', secret).update('vitrine click address').digest();
  const macOf = (text: string) => createHmac('sha256', key).update(text).digest().subarray(0, macBytes);
  return {
    tokenFor(answer) {
      const fields = [
        version,
        answer.decisionId,
        answer.clientId,
        answer.campaignId,
        answer.customerId,
        answer.contentId,
        answer.placementId,
        answer.ruleId,
        answer.group,
        answer.segmentId,
        answer.sessionId,
        answer.destination,
      ];
      const text = Buffer.from(fields.join(separator), 'utf8').toString('base64url');
      return macOf(text).toString('base64url') + text;
    },
    read(token) {
      if (!tokenForm.test(token)) return undefined;
      const text = token.slice(macDigits);
      if (!timingSafeEqual(Buffer.from(token.slice(0, macDigits), 'base64url'), macOf(text))) return undefined;
      const fields = Buffer.from(text, 'base64url').toString('utf8').split(separator);
      const [
        signed,
        decisionId,
        clientId,
        campaignId,
        customerId,
        contentId,
        placementId,
        ruleId,
        group,
        segmentId,
        sessionId,
        destination,
      ] = fields;
      if (signed !== version || destination === undefined || !isHttpUrl(destination)) return undefined;
      return {
        decisionId: decisionId ?? '',
        clientId: clientId ?? '',
        campaignId: campaignId ?? '',
        customerId: customerId ?? '',
        contentId: contentId || null,
        placementId: placementId || null,
        ruleId: ruleId || null,
        group: group || null,
        segmentId: segmentId || null,
        sessionId: sessionId || null,
        destination,
      };
    },
  };
}
