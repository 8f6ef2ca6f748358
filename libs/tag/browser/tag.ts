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

/** What a report says of an answer, so that it is counted with it. */
const told = ['decisionId', 'campaignId', 'placementId', 'contentId', 'segmentId', 'ruleId', 'group'];
/** Events that wait for consent, at most; past it the oldest goes. */
const waitingMax = 500;
/** The edge cuts addresses there too; a request has to fit. */
const addressLengthMax = 2048;

function start(settings: Settings, queue: Queue): void {
  const { say, guarded, reportsPageViews, limitMs } = settings;
  const visitor = identity(settings);
  const out = delivery(settings, visitor);

  /** Undefined: not said yet. */
  let consent = settings.needsConsent ? undefined : true;
  let beforeConsent: Held[] = [];
  /** Whom the page named last; named to the edge only with consent. */
  let customer: unknown;
  let context = {};
  let url = location.href;
  let { referrer } = document;
  /** Whether the slots of this page may be asked for: what stands in the page so far is all, or enough. */
  let mayAsk = false;
  let deadline = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const record = (type: string, properties: object, messageId = newId(), names?: string[]): void => {
    // A copy: the page may go on with its object.
    const event: Held = { type, messageId, properties: JSON.parse(JSON.stringify(properties, names)), at: Date.now() };
    if (consent) out.add(event);
    else if (consent === undefined) beforeConsent = [...beforeConsent, event].slice(-waitingMax);
    say(type, properties, consent ? '' : 'no consent');
  };
  const pageViewed = () => record('Page Viewed', { url, referrer });
  const page = slots(settings, (type, messageId, decision) => record(type, { ...decision, ...decision.content }, messageId, told));

  const end = guarded(() => page.giveUp(consent ? 'limit' : 'consent'));
  const ask = (): void => {
    if (!mayAsk) return;
    if (consent === false || performance.now() >= deadline) end(0);
    if (!consent) return;
    const cut = (address: string) => address.slice(0, addressLengthMax);
    page
      .ask({ ...visitor.who(), page: cut(url), referrer: cut(referrer), context })
      .then((customerId) => {
        if (customerId !== null) visitor.told(customerId ?? newId());
        out.send();
      })
      .catch(say);
  };
  const wait = (until: number): void => {
    page.anew();
    deadline = until;
    clearTimeout(timer);
    timer = setTimeout(end, until - performance.now());
  };

  const verbs: Record<string, (argument: never, more: never) => void> = {
    track: (type: string, properties: object = {}) => record(type, properties),
    context: (more: object) => Object.assign(context, more),
    customer(id: unknown) {
      customer = id;
      if (consent && !visitor.named(id)) say('no customer id', id);
    },
    /** Without a word it is another page that took it back. */
    consent(given?: unknown) {
      if (consent === (given === true)) return;
      consent = given === true;
      say('consent', consent);
      if (consent) {
        out.recover();
        visitor.named(customer);
        beforeConsent.forEach(out.add);
      } else {
        out.drop(given);
        visitor.forget();
      }
      beforeConsent = [];
      ask();
    },
    page(next: { url?: string; referrer?: string; context?: object } = {}) {
      referrer = next.referrer ?? url;
      url = new URL(next.url ?? location.href, location.href).href;
      context = { ...next.context };
      pageViewed();
      // Said while the first page still waits, it names that page.
      if (mayAsk) wait(performance.now() + limitMs);
      ask();
    },
  };
  const take = guarded(([verb, argument, more]: Call) => {
    const act = verbs[verb];
    if (act) act(argument as never, more as never);
    else say('no such call', verb);
  });

  say('begins', settings);
  if (consent) out.recover();
  wait(queue.until ?? performance.now() + limitMs);
  // What was pushed before this script came; first of it who and whether, which the view of this page has to know.
  const pushed = queue.splice(0);
  const isFirst = (call?: Call) => call?.[0] === 'customer' || call?.[0] === 'consent';
  pushed.filter(isFirst).forEach(take);
  if (reportsPageViews && !pushed.some((call) => call?.[0] === 'page')) pageViewed();
  pushed.filter((call) => !isFirst(call)).forEach(take);
  queue.push = (...calls) => {
    calls.forEach(take);
    return 0;
  };

  const parsed = guarded(() => {
    mayAsk = true;
    ask();
  });
  // Before that event deferred scripts have not run, which may say what the page is and who looks at it.
  if (document.readyState !== 'complete' && !performance.timing.domContentLoadedEventStart) {
    // One request for all slots; a page that is slow to arrive is asked for in two, so that its first slots are in time.
    const early = setTimeout(parsed, (deadline - performance.now()) / 2);
    document.addEventListener('DOMContentLoaded', (event) => {
      clearTimeout(early);
      parsed(event);
    });
  } else parsed(0);

  // Hidden is the last that a page is told, also when it is left.
  addEventListener(
    'visibilitychange',
    guarded(() => (document.visibilityState === 'hidden' ? out.leave() : out.send())),
  );
  addEventListener('storage', ({ key }) => key === out.prefix && take(['consent']));
  addEventListener('online', guarded(out.send));
  addEventListener(
    'pageshow',
    // Back to a page that the browser kept whole: it is looked at again, as it was.
    guarded(({ persisted }: PageTransitionEvent) => {
      if (!persisted) return;
      if (consent && visitor.isGone()) take(['consent']);
      if (reportsPageViews) pageViewed();
    }),
  );
}

const element = document.currentScript ?? document.querySelector('script[data-client][src*="/tag.js"]');
const settings = readSettings(element as HTMLScriptElement | null);
if (settings) {
  const page = window as unknown as { vitrine?: Queue };
  // An element of the page that has this id stands in its place, too.
  if (!Array.isArray(page.vitrine)) page.vitrine = [];
  const queue = page.vitrine as Queue;
  const go = settings.guarded(() => start(settings, queue));
  if (queue.tag) settings.say('loaded twice');
  else {
    queue.tag = settings;
    // A page that the browser prepares ahead of a click is not looked at yet, and begins to wait when it is.
    if ((document as { prerendering?: boolean }).prerendering) {
      delete queue.until;
      document.addEventListener('prerenderingchange', go);
    } else go(0);
  }
}
