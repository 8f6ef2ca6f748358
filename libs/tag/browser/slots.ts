/** The slots of the page: found, asked for in one request, and settled once each, in time or with the page's own content. */
import type { Answer, Content, Decision, Refused } from './answer.js';
import type { Who } from './identity.js';
import { isData, present } from './present.js';
import type { Settings } from './settings.js';

interface Slot {
  readonly element: HTMLElement;
  settled?: true;
  /** What is shown in it, once that is content. */
  decision?: Decision;
}

export interface Asked extends Who {
  readonly page: string;
  readonly referrer: string;
  readonly context: object;
}

export interface Slots {
  /** Asks for the slots that were not asked for yet. The customer as the edge names it, undefined when it does not answer; null when there was nothing to ask. */
  ask(asked: Asked): Promise<string | undefined | null>;
  /** All slots are to be asked for anew. */
  anew(): void;
  /** Slots that are not settled, and those that come, show the page's own content. */
  giveUp(why: string): void;
}

/** What the edge takes in one request. */
const slotsMax = 64;

export function slots(
  { clientId, edge, nonce, say, guarded }: Settings,
  report: (type: string, messageId: string, decision: Decision) => void,
): Slots {
  const known = new Map<Element, Slot>();
  /** The page's own children of slots that show something else now. */
  const own = new WeakMap<Element, readonly Node[]>();

  const seen = new IntersectionObserver(
    guarded((entries: IntersectionObserverEntry[]) => {
      for (const { target, isIntersecting, intersectionRatio, intersectionRect, rootBounds } of entries) {
        const decision = known.get(target)?.decision;
        // Half of it; or, of one larger than the window, as much as half the window.
        if (isIntersecting && decision && (intersectionRatio >= 0.5 || intersectionRect.height * 2 >= (rootBounds?.height ?? Infinity))) {
          seen.unobserve(target);
          report('Content Viewed', `view-${decision.decisionId}`, decision);
        }
      }
    }),
    { threshold: [0, 0.1, 0.2, 0.3, 0.4, 0.5] },
  );

  const clicked = guarded(({ target, currentTarget }: Event) => {
    const decision = known.get(currentTarget as Element)?.decision;
    const link = (target as Element).closest('a,button,[type=submit]');
    // The link around a content leads through the edge, which counts it; links that the content brought are reported.
    if (decision && link && link.getAttribute('href') !== (decision.content?.destination ?? '')) {
      report('Content Clicked', `click-${decision.decisionId}`, decision);
    }
  });

  /** `why` stands with all that leaves the slot its own children. */
  const settle = (slot: Slot, shown: 'content' | 'fallback' | 'nothing', why: string, decision: Decision | null): void => {
    const { element } = slot;
    slot.settled = true;
    // What stands there already is not touched: it may be at work.
    const nodes = why && own.get(element);
    if (nodes) {
      element.replaceChildren(...nodes);
      own.delete(element);
    }
    element.dataset['vtShown'] = shown;
    say('slot', element.dataset['vtCampaign'], 'shows', shown, why, decision);
    if (shown === 'content' && decision) {
      slot.decision = decision;
      seen.observe(element);
    }
    element.dispatchEvent(new CustomEvent('vitrine:slot', { bubbles: true, detail: { decision, shown, why } }));
  };

  const fallBack = (slot: Slot, why: string, decision: Decision | null = null): void => {
    if (!slot.settled) settle(slot, 'fallback', why, decision);
  };

  const replace = (slot: Slot, before: readonly ChildNode[], nodes: readonly Node[]): void => {
    const { element } = slot;
    if (!own.has(element)) own.set(element, before);
    for (const node of before) if (node.parentNode === element) node.remove();
    element.append(...nodes.filter((node) => node.parentNode !== element));
  };

  const show = async (slot: Slot, decision: Decision, content: Content): Promise<void> => {
    const { element } = slot;
    const before = [...element.childNodes];
    const inTime = () => !slot.settled;
    try {
      const nodes = await present(element, content, nonce, inTime);
      if (inTime()) {
        replace(slot, before, nodes);
        settle(slot, 'content', '', decision);
      } else for (const node of nodes) if (node.parentNode === element) node.remove();
    } catch (error) {
      say('failed', error);
      fallBack(slot, typeof error === 'string' ? error : 'content', decision);
    }
  };

  const decided = (slot: Slot, answer: Decision | Refused): void => {
    if (slot.settled) return;
    if ('error' in answer) {
      fallBack(slot, `error ${answer.error.code}`);
      return;
    }
    const { content, group, reason } = answer;
    if (content && isData(content)) settle(slot, 'content', 'data', answer);
    else if (content) void show(slot, answer, content);
    else if (group) {
      // A group that is to see nothing: also not what the page would show.
      replace(slot, [...slot.element.childNodes], []);
      settle(slot, 'nothing', '', answer);
    } else fallBack(slot, reason === 'DISABLED' ? 'disabled' : 'no content', answer);
  };

  /** Slots of the page that were not known yet, without the one that `open` is in. */
  const find = (open?: Element | null): Slot[] => {
    const found: Slot[] = [];
    for (const element of document.querySelectorAll<HTMLElement>('[data-vt-campaign]')) {
      if (known.has(element) || element.contains(open ?? null)) continue;
      element.addEventListener('click', clicked);
      const slot = { element };
      known.set(element, slot);
      found.push(slot);
    }
    return found;
  };

  const giveUp = (why: string): void => {
    find();
    for (const slot of known.values()) fallBack(slot, why);
  };

  return {
    giveUp,
    anew() {
      // What is still on its way to them comes too late.
      for (const slot of known.values()) slot.settled = true;
      known.clear();
      seen.disconnect();
      for (const element of document.querySelectorAll('[data-vt-shown]')) element.removeAttribute('data-vt-shown');
    },
    async ask(asked) {
      // Where the page ends as it has arrived so far: more of that slot's own children may come.
      const asking = find(document.readyState === 'loading' ? [...document.querySelectorAll('*')].pop() : null);
      if (asked.customerId && !asking[0]) return null;
      for (const slot of asking.splice(slotsMax)) fallBack(slot, 'error TOO_MANY_SLOTS');
      const body = JSON.stringify({
        ...asked,
        slots: asking.map(({ element: { dataset } }) => ({ campaignId: dataset['vtCampaign'], placementId: dataset['vtPlacement'] })),
      });
      let answer: Answer | undefined;
      try {
        // Text needs no preflight.
        answer = await (await fetch(`${edge}/q/${clientId}`, { method: 'POST', body })).json();
      } catch (error) {
        say('failed', error);
      }
      for (const [index, slot] of asking.entries()) {
        if (answer) decided(slot, answer.decisions?.[index] ?? { error: answer });
        else fallBack(slot, 'unreachable');
      }
      return answer?.customerId;
    },
  };
}
