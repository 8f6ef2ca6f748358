/** A content: what is shown or run, by its address or with its body inline. */
import { type Decider, type Rejected, rejected, unreachable } from '../decider.js';
import type { ContentKind } from '../decision/playbook.js';
import { equalJson, jsonBytes } from '../json.js';
import type { Known } from '../known.js';
import { clientUnknown, refuseIds, refuseMore } from '../refusals.js';
import { isHttpUrl, urlLengthMax } from '../url.js';

export const contentKinds = [
  'image',
  'script',
  'html',
  'xml',
  'json',
  'text',
  'audio',
  'video',
  'stream',
  'survey',
  'article',
] as const satisfies readonly ContentKind[];

/** Exactly one of address and body is given. Absent values are null. */
export interface ContentFields {
  readonly contentType: ContentKind;
  readonly address: string | null;
  readonly body: string | null;
  /** Where a click leads. */
  readonly destination: string | null;
  /** Pixels. */
  readonly width: number | null;
  readonly height: number | null;
  readonly alt: string | null;
}

export type ContentEvent =
  | ({ readonly type: 'ContentRegistered'; readonly contentId: string } & ContentFields)
  /** The whole content as it is from now on. */
  | ({ readonly type: 'ContentRevised' } & ContentFields);

export type ContentCommand = {
  readonly type: 'RegisterContent' | 'ReviseContent';
  readonly clientId: string;
  readonly contentId: string;
  /** Null: there is no such client. */
  readonly known: Pick<Known, 'contents'> | null;
} & Pick<ContentFields, 'contentType'> & {
    readonly [Name in Exclude<keyof ContentFields, 'contentType'>]?: ContentFields[Name] | undefined;
  };

export type ContentState = { readonly status: 'none' } | { readonly status: 'registered'; readonly fields: ContentFields };

export const contentsPerClientMax = 10_000;
/** An inline body, in bytes as JSON: it is part of one event, and of every playbook. Larger ones are hosted and have an address. */
export const contentBodyBytesMax = 256 * 1024;
/** All bodies of a client together, in characters: every node holds them in memory. */
export const contentBodiesLengthMax = 32 * 1024 * 1024;
export const contentAltLengthMax = 1000;
export const contentPixelsMax = 100_000;

export function contentStream(clientId: string, contentId: string): string {
  return `content-${clientId}.${contentId}`;
}

export const content: Decider<ContentState, ContentCommand, ContentEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    const { clientId, contentId, known } = command;
    const badId = refuseIds({ clientId, contentId });
    if (badId !== undefined) return badId;
    if (known === null) return clientUnknown(clientId);
    const fields = fieldsOf(command);
    switch (command.type) {
      case 'RegisterContent': {
        if (state.status !== 'none') return rejected('CONTENT_EXISTS', `there is a content ${contentId} already`, ['contentId']);
        const refusal =
          refuseFields(fields) ??
          refuseMore('contents', known.contents.size, contentsPerClientMax) ??
          refuseBodies(known.contents, contentId, fields.body);
        return refusal ?? [{ type: 'ContentRegistered', contentId, ...fields }];
      }
      case 'ReviseContent': {
        if (state.status === 'none') return rejected('CONTENT_UNKNOWN', `there is no content ${contentId}`, ['contentId']);
        const refusal = refuseFields(fields) ?? refuseBodies(known.contents, contentId, fields.body);
        if (refusal !== undefined) return refusal;
        return equalJson(state.fields, fields) ? [] : [{ type: 'ContentRevised', ...fields }];
      }
      default:
        return unreachable(command.type);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'ContentRegistered': {
        const { type: _, contentId: __, ...fields } = event;
        return { status: 'registered', fields };
      }
      case 'ContentRevised': {
        if (state.status === 'none') return state;
        const { type: _, ...fields } = event;
        return { status: 'registered', fields };
      }
      default:
        return unreachable(event);
    }
  },
};

function fieldsOf(command: ContentCommand): ContentFields {
  return {
    contentType: command.contentType,
    address: command.address ?? null,
    body: command.body ?? null,
    destination: command.destination ?? null,
    width: command.width ?? null,
    height: command.height ?? null,
    alt: command.alt ?? null,
  };
}

function refuseFields({ contentType, address, body, destination, width, height, alt }: ContentFields): Rejected | undefined {
  if (!contentKinds.includes(contentType)) return rejected('TYPE_INVALID', `one of ${contentKinds.join(', ')}`, ['type']);
  if ((address === null) === (body === null)) {
    return rejected('BODY_OR_ADDRESS', 'a content has either an address or a body', [address === null ? 'address' : 'body']);
  }
  if (body === '') return rejected('BODY_INVALID', 'a body is not empty', ['body']);
  if (body !== null && jsonBytes(body) > contentBodyBytesMax) {
    return rejected('BODY_INVALID', `a body has at most ${contentBodyBytesMax} bytes; host larger ones and give their address`, ['body']);
  }
  for (const [name, url] of Object.entries({ address, destination })) {
    if (url !== null && !isHttpUrl(url)) return rejected('URL_INVALID', `an http(s) URL of at most ${urlLengthMax} characters`, [name]);
  }
  for (const [name, pixels] of Object.entries({ width, height })) {
    if (pixels !== null && !(Number.isInteger(pixels) && pixels >= 0 && pixels <= contentPixelsMax)) {
      return rejected('SIZE_INVALID', `0 to ${contentPixelsMax} whole pixels`, [name]);
    }
  }
  if (alt !== null && alt.length > contentAltLengthMax)
    return rejected('ALT_INVALID', `at most ${contentAltLengthMax} characters`, ['alt']);
  return undefined;
}

/** LIMIT_REACHED when the client's bodies with this one are more than nodes hold. */
function refuseBodies(contents: Known['contents'], contentId: string, body: string | null): Rejected | undefined {
  let length = body?.length ?? 0;
  if (length === 0) return undefined;
  for (const [otherId, other] of contents) if (otherId !== contentId) length += other.body?.length ?? 0;
  if (length <= contentBodiesLengthMax) return undefined;
  return rejected('LIMIT_REACHED', `the bodies of a client have at most ${contentBodiesLengthMax} characters together`, ['body']);
}
