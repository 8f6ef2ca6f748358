/**
 * Prints users of nats-server with only the rights that they need, to include in its configuration:
 *
 *   node deploy/nats/users.mjs edge-1=node,keys admin-1=reader,keys builder-1=builder,leader projector-1=leader > users.conf
 *
 * Each argument is a user's name and its roles; the name of a node is its node id (VITRINE_NODE). Passwords are made here; each user's
 * address for Vitrine's settings is printed on stderr. Run it again for other users: passwords are given with `name:password=role`.
 *
 * node     content-query: reads pointers and increments, writes its own acknowledgements, nothing else
 * reader   admin: reads pointers, increments and all acknowledgements
 * builder  snapshot builder: makes buckets and stream, writes pointers and increments
 * keys     collector and admin: the customers' keys
 * leader   projector and snapshot builder: who of several works
 */
import { randomBytes } from 'node:crypto';

/** As `keyPart` in libs/nats. */
const part = (text) =>
  [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');

const readPointers = [
  '$JS.API.DIRECT.GET.KV_vitrine-current.$KV.vitrine-current.>',
  '$JS.API.STREAM.INFO.KV_vitrine-current',
  '$JS.API.DIRECT.GET.vitrine-delta',
  '$JS.API.DIRECT.GET.vitrine-delta.vitrine.delta.*',
];
const readNodes = ['$JS.API.DIRECT.GET.KV_vitrine-nodes.$KV.vitrine-nodes.>', '$JS.API.STREAM.INFO.KV_vitrine-nodes'];
const own = (stream, subject) => [`$JS.API.STREAM.CREATE.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`, subject];

const roles = {
  node: (name) => ({ publish: [...readPointers, `$KV.vitrine-nodes.${part(name)}.*.*`], subscribe: ['$KV.vitrine-current.>'] }),
  reader: () => ({ publish: [...readPointers, ...readNodes], subscribe: ['$KV.vitrine-current.>'] }),
  builder: () => ({
    publish: [
      ...readPointers,
      ...readNodes,
      ...own('KV_vitrine-current', '$KV.vitrine-current.>'),
      ...own('vitrine-delta', 'vitrine.delta.*'),
      '$JS.API.STREAM.CREATE.KV_vitrine-nodes',
    ],
    subscribe: ['$KV.vitrine-current.>'],
  }),
  keys: () => ({ publish: [...own('KV_vitrine-keys', '$KV.vitrine-keys.>'), '$JS.API.STREAM.MSG.DELETE.KV_vitrine-keys'], subscribe: [] }),
  leader: () => ({ publish: own('KV_vitrine-leaders', '$KV.vitrine-leaders.>'), subscribe: [] }),
};

const usage = `usage: users.mjs <name>[:<password>]=<role>[,<role>…] …   roles: ${Object.keys(roles).join(', ')}`;

function user(argument) {
  const [, name, given, list] = /^([^:=]+)(?::([^=]+))?=(.+)$/.exec(argument) ?? [];
  const wanted = list?.split(',') ?? [];
  if (name === undefined || wanted.some((role) => !Object.hasOwn(roles, role))) throw new Error(`${argument}\n${usage}`);
  const password = given ?? randomBytes(18).toString('base64url');
  const rights = wanted.map((role) => roles[role](name));
  const allow = (kind) => [...new Set(rights.flatMap((one) => one[kind]))];
  console.error(`nats://${encodeURIComponent(name)}:${encodeURIComponent(password)}@<host>:4222`);
  return {
    user: name,
    password,
    permissions: {
      publish: { allow: allow('publish') },
      subscribe: { allow: [`_INBOX_${part(name)}.>`, ...allow('subscribe')] },
    },
  };
}

try {
  const users = process.argv.slice(2);
  if (users.length === 0) throw new Error(usage);
  // JSON is a form that nats-server reads.
  console.log(`authorization ${JSON.stringify({ users: users.map(user) }, null, 2)}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
