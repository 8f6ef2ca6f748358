/** What the page says about the tag: its own `<script>` element, and the address of the page. */
export interface Settings {
  readonly clientId: string;
  /** Origin of the edge, from which this script came. */
  readonly edge: string;
  /** After so many milliseconds of waiting a slot shows the page's own content, and keeps it. */
  readonly limitMs: number;
  /** Nothing is stored or sent before the page says `consent`. */
  readonly needsConsent: boolean;
  readonly reportsPageViews: boolean;
  /** Of this script's element: scripts that are content get it too. */
  readonly nonce: string;
  /** With `?vt_debug` in the page's address: what was done, and why. */
  readonly say: (...words: unknown[]) => void;
  /** For all that the page and the browser call: an error in it is said, and goes no further. */
  readonly guarded: <Argument>(act: (argument: Argument) => unknown) => (argument: Argument) => void;
}

const limitMsDefault = 800;

/** Undefined when the element names no client. */
export function readSettings(script: HTMLScriptElement | null): Settings | undefined {
  const { client, limit, consent, pageView } = script?.dataset ?? {};
  const say = /[?&]vt_debug\b/.test(location.search) ? (...words: unknown[]) => console.log('[vitrine]', ...words) : () => undefined;
  if (!script?.src || !client) {
    say('no data-client');
    return undefined;
  }
  const given = Number.parseFloat(limit as string);
  return {
    clientId: client,
    edge: new URL(script.src).origin,
    limitMs: given >= 0 ? given : limitMsDefault,
    needsConsent: consent === 'required',
    reportsPageViews: pageView !== 'off',
    nonce: script.nonce,
    say,
    guarded: (act) => (argument) => {
      try {
        act(argument);
      } catch (error) {
        say('failed', error);
      }
    },
  };
}
