import type { RequestFacts } from '#libs/domain';
import { pageUrl, parseContentQuery, type Visit } from '../content-query.js';
import type { Head } from './heads.js';

/**
 * What conditions may ask of the request that is being answered. One object for all requests; what costs something – decoding addresses and context –
 * is done when a condition asks for it, which most do not.
 */
export class Asked implements RequestFacts {
  time = 0;
  placementId: string | null = null;
  private head!: Head;
  private target: () => string = () => '';
  private parsed: Visit | undefined;

  /** `target`: the target as text; asked for now, at once or never. */
  set(time: number, placementId: string | null, head: Head, target: () => string): void {
    this.time = time;
    this.placementId = placementId;
    this.head = head;
    this.target = target;
    this.parsed = undefined;
  }

  get device(): RequestFacts['device'] {
    return this.head.device.device;
  }

  get browser(): string | null {
    return this.head.device.browser;
  }

  get country(): string | null {
    return this.head.caller.country;
  }

  get url(): string | null {
    const { referer } = this.head.caller;
    return this.visit.url ?? (referer === undefined || referer === '' ? null : pageUrl(referer));
  }

  get referrer(): string | null {
    return this.visit.referrer;
  }

  get context(): Readonly<Record<string, string>> {
    return this.visit.context;
  }

  /** All of it, as an object of its own. */
  facts(): RequestFacts {
    const { time, url, referrer, placementId, device, browser, country, context } = this;
    return { time, url, referrer, placementId, device, browser, country, context };
  }

  private get visit(): Visit {
    this.parsed ??= parseContentQuery(this.target());
    return this.parsed;
  }
}
