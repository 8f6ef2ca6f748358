/**
 * The arrows of the house point one way (docs/architecture.md):
 * apps → features → ports and domain; adapters → their own port and driver; domain → nothing.
 */
const adapters =
  '^libs/(event-log/(file|eventstoredb)|analytics/(clickhouse|embedded)|snapshots/(file|nats)|customer-keys/(embedded|nats)|leadership/nats)/';

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'domain-imports-nothing',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs/(?!domain/)|apps/)|^node_modules/(@nestjs|fastify|lmdb|@clickhouse|pino)' },
    },
    {
      name: 'domain-does-no-io',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: '\\.spec\\.ts$|/testing/' },
      to: { dependencyTypes: ['core'] },
    },
    { name: 'libraries-do-not-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'the-demo-shop-talks-http',
      comment: 'it is a client like any other: docs/adr/0033',
      severity: 'error',
      from: { path: '^apps/standalone/demo/' },
      to: { path: '^(libs|apps/composition)/' },
    },
    {
      name: 'features-do-not-import-each-other',
      severity: 'error',
      from: { path: '^libs/features/([^/]+)/' },
      to: { path: '^libs/features/', pathNot: '^libs/features/$1/' },
    },
    {
      name: 'only-features-and-apps-use-nest',
      severity: 'error',
      from: { path: '^libs/(?!features/)' },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'only-apps-choose-adapters',
      severity: 'error',
      from: { pathNot: `^apps/|^test/|\\.spec\\.ts$|/testing/|${adapters}` },
      to: { path: adapters },
    },
    {
      name: 'adapters-know-only-their-port',
      severity: 'error',
      from: { path: adapters, pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/features/' },
    },
    {
      name: 'doors-are-for-outsiders',
      comment: 'code inside a library never imports its own door',
      severity: 'error',
      from: { path: '^libs/((?:features/)?[^/]+)/' },
      to: { path: '^libs/$1/index\\.ts$' },
    },
    {
      name: 'the-tag-stands-alone',
      comment: "what browsers get is what stands there; the edge's JSON is its contract",
      severity: 'error',
      from: { path: '^libs/tag/browser/' },
      to: { pathNot: '^libs/tag/browser/' },
    },
    {
      name: 'plain-http-knows-node-only',
      comment: 'what is answered on the plain socket is said by the features that use it',
      severity: 'error',
      from: { path: '^libs/plain-http/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs/(?!plain-http/)|apps/)|^node_modules/' },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
