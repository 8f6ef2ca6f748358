/** What an arrival is told by, read from an address as a browser reads it. Empty where there is nothing. */
export interface PageAddress {
  /** Lower case, without `www.` and port. */
  readonly host: string;
  readonly utmSource: string;
  readonly utmCampaign: string;
}

const nothing: PageAddress = { host: '', utmSource: '', utmCampaign: '' };

// A path alone is an address too (a web server's log knows no more): it has no host, but may name a source.
const unknownHost = 'unknown.invalid';

export function readPageAddress(text: string | undefined | null): PageAddress {
  if (text === undefined || text === null || text === '' || !URL.canParse(text, `http://${unknownHost}`)) return nothing;
  const url = new URL(text, `http://${unknownHost}`);
  return {
    host: url.hostname === unknownHost ? '' : url.hostname.toLowerCase().replace(/^www\./, ''),
    utmSource: url.searchParams.get('utm_source') ?? '',
    utmCampaign: url.searchParams.get('utm_campaign') ?? '',
  };
}
