/** The pages that the admin serves itself: GraphiQL, offline from node_modules, and what is here until the console comes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';

const require = createRequire(import.meta.url);

/** GraphiQL's files by the name that the page asks for, found beside the packages' own description: React's export map does not name them. */
const assets: Readonly<Record<string, { readonly beside: string; readonly path: string; readonly type: string }>> = {
  'react.js': { beside: require.resolve('react/package.json'), path: 'umd/react.production.min.js', type: 'text/javascript' },
  'react-dom.js': { beside: require.resolve('react-dom/package.json'), path: 'umd/react-dom.production.min.js', type: 'text/javascript' },
  'graphiql.js': { beside: require.resolve('graphiql/package.json'), path: 'graphiql.min.js', type: 'text/javascript' },
  'graphiql.css': { beside: require.resolve('graphiql/package.json'), path: 'graphiql.min.css', type: 'text/css' },
};

const htmlPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

export function servePages(server: FastifyInstance): void {
  server.get('/', (_, reply) => html(reply, landingPage));
  server.get('/graphiql', (_, reply) => html(reply, graphiqlPage));
  server.get('/graphiql/start.js', (_, reply) => file(reply, 'text/javascript', startScript, 60));
  for (const [name, { beside, path, type }] of Object.entries(assets)) {
    // Read when first asked for: most processes never show the page.
    let bytes: Buffer | undefined;
    server.get(`/graphiql/${name}`, (_, reply) => {
      bytes ??= readFileSync(join(dirname(beside), path));
      return file(reply, type, bytes, 86_400);
    });
  }
}

function html(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': htmlPolicy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    })
    .send(page);
}

function file(reply: FastifyReply, type: string, body: string | Buffer, seconds: number): FastifyReply {
  return reply
    .headers({
      'content-type': `${type}; charset=utf-8`,
      'x-content-type-options': 'nosniff',
      'cache-control': `public, max-age=${seconds}`,
    })
    .send(body);
}

const graphiqlPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Vitrine – GraphiQL</title>
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style>
  html, body { margin: 0; height: 100%; display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif }
  header { display: flex; gap: 12px; align-items: center; padding: 8px 16px; border-bottom: 1px solid #ddd }
  header input { flex: 1; max-width: 40em; padding: 4px 8px; font: inherit }
  #graphiql { flex: 1; min-height: 0 }
</style>
<header>
  <a href="/">Vitrine</a>
  <label for="key">API key</label>
  <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="vk_… (vitrine key create)">
  <span id="state" role="status"></span>
</header>
<main id="graphiql"></main>
<script src="/graphiql/react.js"></script>
<script src="/graphiql/react-dom.js"></script>
<script src="/graphiql/graphiql.js"></script>
<script src="/graphiql/start.js"></script>
</html>
`;

// The key is kept for the tab's life only. The schema can be read with a key alone, so GraphiQL starts anew when the key changes.
const startScript = `'use strict';
const key = document.getElementById('key');
const state = document.getElementById('state');
key.value = sessionStorage.getItem('vitrine-key') || '';
const fetcher = async (request, options) => {
  const headers = Object.assign({ 'content-type': 'application/json' }, (options && options.headers) || {});
  if (key.value) headers.authorization = 'Bearer ' + key.value;
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(request) });
  state.textContent = response.status === 401 ? 'this needs an API key' : '';
  return response.json();
};
const root = ReactDOM.createRoot(document.getElementById('graphiql'));
let shown = 0;
const show = () => root.render(React.createElement(GraphiQL, {
  key: ++shown,
  fetcher,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
  defaultQuery: '# The segments of a client, here of the demo\\u2019s.\\n{\\n  segments(clientId: "giftshop") {\\n    edges { node { segmentId name size } }\\n  }\\n}\\n',
}));
key.addEventListener('change', () => { sessionStorage.setItem('vitrine-key', key.value); show(); });
show();
`;

const landingPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Vitrine – admin</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em }
  dt { font-weight: 600; margin-top: 1em } dd { margin: 0 }
</style>
<h1>Vitrine admin</h1>
<p>Clients, contents, segments and campaigns are administered here. A console for people comes later; what there is today:</p>
<dl>
  <dt><a href="/graphiql">/graphiql</a></dt>
  <dd>Try queries in the browser; it asks for an API key (<code>vitrine key create</code>).</dd>
  <dt><code>POST /graphql</code></dt>
  <dd>The API, with <code>Authorization: Bearer &lt;key&gt;</code>. Its schema is <code>schema.graphql</code> of the repository.</dd>
  <dt><code>POST /uploads</code></dt>
  <dd>Takes a file for an import, with the same key; answers <code>{"uploadId"}</code>.</dd>
  <dt><a href="/health/ready">/health/ready</a>, <a href="/metrics">/metrics</a></dt>
  <dd>Health, and metrics for Prometheus.</dd>
</dl>
</html>
`;
