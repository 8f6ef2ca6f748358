/** What an arrival is told by, read from an address as a browser reads it. Empty where there is nothing. */
export interface PageAddress {
  /** Lower case, without `www.` and port. */
  readonly host: string;
  readonly utmSource: string;
  readonly utmCampaign: string;
}

const nothing: PageAddress = { host: '', utmSource: '', utmCampaign: '' };

export function readPageAddress(text: string | undefined | null): PageAddress {
  if (text === undefined || text === null || text === '' || !URL.canParse(text)) return nothing;
  const url = new URL(text);
  return {
    host: url.hostname.toLowerCase().replace(/^www\./, ''),
    utmSource: url.searchParams.get('utm_source') ?? '',
    utmCampaign: url.searchParams.get('utm_campaign') ?? '',
  };
}
