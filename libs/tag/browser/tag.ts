/** The tag: reads the queue `window.vitrine`, reports behaviour, fills the slots. Nothing it does may reach the page as an error. */
import { delivery, type Held } from './delivery.js';
import { identity, newId } from './identity.js';
import { readSettings, type Settings } from './settings.js';
import { slots } from './slots.js';

type Call = readonly [verb: string, argument?: unknown, more?: unknown];

/** The only global. Until this script runs it is a plain list. */
type Queue = Call[] & {
  /** When the page stops waiting, by `performance.now()`; set by the part of the snippet that hides the slots. */
  until?: number;
  /** The tag that took the queue. */
  tag?: Settings;
};

/** Calls that wait for consent, at most; past it the oldest goes. */
const callsMax = 500;
/** The edge cuts addresses there too; a request has to fit. */
const addressLengthMax = 2048;

function start(settings: Settings, queue: Queue): void {
  const { say, reportsPageViews, limitMs } = settings;
  const visitor = identity(settings);
  const out = delivery(settings, visitor);

  /** Undefined: not said yet. */
  let consent = settings.needsConsent ? undefined : true;
  let beforeConsent: Held[] = [];
  let customerBeforeConsent: unknown;
  let context = {};
  let url = location.href;
  let { referrer } = document;
  /** Whether the slots of this page may be asked for: what stands in the page so far is all, or enough. */
  let mayAsk = false;

  const record = (type: string, properties: object, messageId = newId()): void => {
    // A copy: the page may go on with its object.
    const event: Held = { type, messageId, properties: JSON.parse(JSON.stringify(properties)), at: Date.now() };
    if (consent) out.add(event);
    else if (consent === undefined) beforeConsent = [...beforeConsent, event].slice(-callsMax);
    say(type, properties, consent ? '' : 'no consent');
  };
  const pageViewed = () => record('Page Viewed', { url, referrer });
  const page = slots(settings, (type, messageId, { decisionId, campaignId, placementId, content, segmentId, ruleId, group }) =>
    record(type, { decisionId, campaignId, placementId, contentId: content?.contentId, segmentId, ruleId, group }, messageId),
  );

  const ask = (): void => {
    if (!mayAsk) return;
    if (!consent) {
      if (consent === false) page.giveUp('consent');
      return;
    }
    const cut = (address: string) => address.slice(0, addressLengthMax);
    page
      .ask({ ...visitor.who(), page: cut(url), referrer: cut(referrer), context })
      .then((customerId) => {
        if (customerId !== null) visitor.is(customerId ?? newId(), 'edge');
        out.send();
      })
      .catch((error) => say('failed', error));
  };
  const wait = (until: number): void => {
    page.anew(until);
    setTimeout(() => consent || page.giveUp('consent'), until - performance.now());
  };

  const verbs = new Map<unknown, (argument: never, more: never) => void>([
    ['track', (type: string, properties: object = {}) => record(type, properties)],
    ['context', (more: object) => Object.assign(context, more)],
    [
      'customer',
      (id: unknown) => {
        if (consent === undefined) customerBeforeConsent = id;
        else if (consent && !visitor.is(id, 'page')) say('no customer id', id);
      },
    ],
    [
      'consent',
      (given: unknown) => {
        if (consent === (given === true)) return;
        consent = given === true;
        say('consent', consent);
        if (consent) {
          out.recover();
          visitor.is(customerBeforeConsent, 'page');
          for (const event of beforeConsent) out.add(event);
        } else {
          out.drop();
          visitor.forget();
        }
        beforeConsent = [];
        ask();
      },
    ],
    [
      'page',
      (next: { url?: string; referrer?: string; context?: object } = {}) => {
        referrer = next.referrer ?? url;
        url = new URL(next.url ?? '', location.href).href;
        context = { ...next.context };
        pageViewed();
        wait(performance.now() + limitMs);
        ask();
      },
    ],
  ]);
  const guarded =
    <Argument>(act: (argument: Argument) => unknown) =>
    (argument: Argument): void => {
      try {
        act(argument);
      } catch (error) {
        say('failed', error);
      }
    };
  const take = guarded(([verb, argument, more]: Call) => {
    const act = verbs.get(verb);
    if (act) act(argument as never, more as never);
    else say('no such call', verb);
  });

  if (consent) out.recover();
  const deadline = queue.until ?? performance.now() + limitMs;
  wait(deadline);
  // What says who, where and whether goes first, wherever it stands among what was pushed before this script came.
  const pushed = queue.splice(0);
  const isSetting = (call: Call) => /^(context|customer|consent)$/.test(call[0]);
  pushed.filter(isSetting).forEach(take);
  if (reportsPageViews && !pushed.some(([verb]) => verb === 'page')) pageViewed();
  pushed.filter((call) => !isSetting(call)).forEach(take);
  queue.push = (...calls) => {
    calls.forEach(take);
    return 0;
  };

  const parsed = guarded(() => {
    mayAsk = true;
    ask();
  });
  if (document.readyState === 'loading') {
    document.addEventListener('DOMContentLoaded', parsed);
    // One request for all slots; a page that is slow to arrive is asked for in two, so that its first slots are in time.
    setTimeout(parsed, (deadline - performance.now()) / 2);
  } else parsed(null);

  const listen = (target: EventTarget, name: string, act: (event: Event) => unknown) => target.addEventListener(name, guarded(act));
  listen(window, 'pagehide', () => consent && out.leave());
  listen(document, 'visibilitychange', () => consent && out.send());
  listen(window, 'online', () => consent && out.send());
  // Back to a page that the browser kept whole: it is looked at again, as it was.
  listen(window, 'pageshow', (event) => (event as PageTransitionEvent).persisted && reportsPageViews && pageViewed());
}

const element = document.currentScript ?? document.querySelector('script[data-client][src$="/tag.js"]');
const settings = readSettings(element as HTMLScriptElement | null);
if (settings) {
  const { say } = settings;
  const page = window as unknown as { vitrine?: Queue };
  page.vitrine ??= [] as Queue;
  const queue = page.vitrine;
  const go = () => {
    try {
      start(settings, queue);
    } catch (error) {
      say('failed', error);
    }
  };
  if (queue.tag) say('the tag is on this page twice: the first one works');
  else {
    queue.tag = settings;
    // A page that the browser prepares ahead of a click is not looked at yet.
    if ((document as { prerendering?: boolean }).prerendering) document.addEventListener('prerenderingchange', go, { once: true });
    else go();
  }
}
