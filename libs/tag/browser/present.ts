/** A content as nodes of the page. What takes time to load is loaded first: nothing half-loaded is ever shown. */
import type { Content } from './answer.js';

type Presented = Promise<readonly ChildNode[]>;

/** Content that is data: the page's own code takes it from the event, and the children of the slot stay. */
export const isData = ({ type }: Content): boolean => type === 'json' || type === 'xml';

/**
 * `slot` gets, unseen, what loads only within a page (a frame, a script); the rest is made apart from it. `inTime` tells whether the slot still waits.
 * @throws the text 'unsupported' when this browser cannot play it; anything else when it did not load or the page's policy blocks it.
 */
export async function present(slot: Element, content: Content, nonce: string, inTime: () => boolean): Presented {
  const { type, alt, destination, width, height } = content;
  const body = content.body ?? '';
  const source = content.address ?? '';
  const set = <Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Record<string, string | number | null>) => {
    const element = document.createElement(name);
    for (const attribute in attributes) {
      const value = attributes[attribute];
      // What is no text becomes one.
      if (value != null) element.setAttribute(attribute, value as string);
    }
    return element;
  };
  /** Around all of it goes one link, out of the frame that the page may be in. */
  const linked = (...nodes: ChildNode[]): readonly ChildNode[] => {
    if (!isWeb(destination)) return nodes;
    const link = set('a', { href: destination, target: self === top ? null : '_top' });
    link.append(...nodes);
    return [link];
  };
  if (source && !isWeb(source)) throw unsupported;

  switch (type) {
    case 'image': {
      // An image's body is SVG; as an image it runs nothing.
      const src = source || `data:image/svg+xml,${encodeURIComponent(body)}`;
      const image = set('img', { alt: alt ?? '', width, height, decoding: 'sync' });
      image.src = src;
      await loaded(image, 'load');
      return linked(image);
    }
    case 'text':
    case 'html':
    case 'article':
    case 'survey': {
      if (source) {
        // A page of others: it may run and link, and is no part of this page.
        const own = new URL(source).origin === location.origin ? '' : ' allow-same-origin';
        const frame = set('iframe', { title: alt, width, height, sandbox: sandbox + own, src: source });
        const { style } = frame;
        style.cssText = 'border:0;position:absolute;visibility:hidden';
        const ready = loaded(frame, 'load');
        slot.append(frame);
        await ready;
        style.cssText = 'border:0';
        return [frame];
      }
      if (type === 'text') return linked(document.createTextNode(body));
      const template = set('template', {});
      template.innerHTML = trusted('createHTML', body);
      const fragment = template.content;
      // What is to run is content of the type script.
      for (const script of fragment.querySelectorAll('script')) script.remove();
      const nodes = [...fragment.childNodes];
      return fragment.querySelector(interactive) ? nodes : linked(...nodes);
    }
    case 'script': {
      // Within the slot, where `document.currentScript.parentElement` finds it.
      const script = set('script', { nonce });
      if (source) {
        // A script that ran cannot be taken back: it is fetched before, and run only if that was in time.
        const ahead = set('link', { rel: 'preload', as: 'script', href: source, nonce });
        const fetched = loaded(ahead, 'load');
        document.head.append(ahead);
        await fetched;
        if (!inTime()) return [];
        const ran = loaded(script, 'load');
        script.src = trusted('createScriptURL', source);
        slot.append(script);
        await ran;
        return [script];
      }
      // A policy that blocks it, and an error in it, tell nobody but the console; a mark at its end says that it ran.
      script.text = trusted('createScript', `${body}\n;document.currentScript.dataset.vtRan=1`);
      slot.append(script);
      if (script.dataset['vtRan']) return [script];
      script.remove();
      throw 'content';
    }
    case 'audio':
    case 'video':
    case 'stream': {
      const isAudio = type === 'audio';
      const player = set(isAudio ? 'audio' : 'video', {
        'aria-label': alt,
        controls: '',
        playsinline: '',
        preload: 'metadata',
        ...(!isAudio && { width, height }),
      }) as HTMLMediaElement;
      const playlist = /\.(m3u8|mpd)($|\?)/.exec(source);
      if (!source || (playlist && !player.canPlayType(playlist[1] === 'mpd' ? 'application/dash+xml' : 'application/vnd.apple.mpegurl'))) {
        throw unsupported;
      }
      player.src = source;
      // A browser that saves data may load nothing before somebody presses play: it says so by suspending.
      await loaded(player, 'loadedmetadata', 'suspend');
      return [player];
    }
    default:
      throw unsupported;
  }
}

const unsupported = 'unsupported';
const sandbox = 'allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation';
const interactive = 'a,button,input,select,textarea,label,iframe,audio,video,[onclick]';

const isWeb = (address: string | null): address is string => /^https?:/i.test(address ?? '');

type Policy = Record<'createHTML' | 'createScript' | 'createScriptURL', (text: string) => string>;
interface TrustedTypes {
  createPolicy(name: string, rules: Policy): Policy;
}
let policy: Policy | undefined;

/** For a page that demands Trusted Types: what a merchant defined as content is to be shown and run. */
function trusted(kind: keyof Policy, text: string): string {
  const same = (given: string) => given;
  const rules = { createHTML: same, createScript: same, createScriptURL: same };
  policy ??= (window as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('vitrine', rules) ?? rules;
  return policy[kind](text);
}

function loaded(element: HTMLElement, ...events: string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    for (const name of events) element.addEventListener(name, resolve);
    element.addEventListener('error', reject);
  });
}
