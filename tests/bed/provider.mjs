// SPDX-License-Identifier: MIT
//
// provider.mjs - the test bed's authorization server: node-oidc-provider over https, with a control socket.
//
// Everything a client sees is node-oidc-provider's own: its pages, its grants, its rotation, its errors. What is added stands before
// or beside it: a store that tests can look into, delays, and scripted answers of the token endpoint for what no real server does on
// demand. The accounts and the clients' secrets in this file are test data. The log never holds a token; the control interface lists
// the secrets of the run so that tests can search for them elsewhere.
//
//   node provider.mjs --port N --control SOCKET --cert FILE --key FILE [--ttl SECONDS] [--token-bytes N] [--names-in-userinfo] [--log FILE]
//
// Control interface (HTTP on the Unix socket; answers are JSON):
//   GET  /counters            token requests by grant type and result; introspections; revoked grants
//   GET  /log                 one line a request: time, method, path, status
//   GET  /secrets             every token, code, verifier and client secret of the run, one a line
//   POST /set                 ttl=SECONDS token_bytes=N delay_before_ms=N device_ttl=SECONDS hold=1: answers of the token endpoint wait for hold=0
//   POST /script              times=N action=answer|hang|close|lose status=N type=… body=… header=Name:Value
//                             lose: the request is carried out and its answer lost
//   POST /reset               counters to zero, settings and scripts as at the start
//   POST /revoke-access       account=…   its access tokens die, its refresh tokens live
//   POST /kill-grant          account=…   its refresh tokens die
//   POST /client              client_id=… auth=METHOD grants="…" [secret=…] [certificate=PEM] [alg=…] [mailbox=…]   registers or replaces a
//                             client; mailbox: whose its tokens are by which nobody signed in, as Exchange sees it
import { X509Certificate } from 'node:crypto';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { appendFileSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Provider, errors } from 'oidc-provider';

const { values: argv } = parseArgs({
  options: {
    port: { type: 'string' },
    control: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    ttl: { type: 'string', default: '3600' },
    'token-bytes': { type: 'string', default: '43' },
    'names-in-userinfo': { type: 'boolean', default: false },
    log: { type: 'string' },
  },
});

const issuer = `https://127.0.0.1:${argv.port}`;
const accounts = new Map([
  ['relay@example.test', 'Relay'],
  ['second@example.test', 'Second'],
  ['alice@example.test', 'Alice'],
  ['mallory@example.test', 'Mallory'],
  ['successor', 'Successor'],
]);
// Whose address is not his login: the next owner of an old one.
const addresses = new Map([['successor', 'relay@example.test']]);

// State that tests change ------------------------------------------------------------------------

const initial = () => ({
  ttl: Number(argv.ttl),
  token_bytes: Number(argv['token-bytes']),
  delay_before_ms: 0,
  hold: 0,
  device_ttl: 600,
});
let settings = initial();
let script = []; // answers to give instead of the provider's, first in, first out
const freshCounters = () => ({ token: {}, introspection: 0, grant_revoked: 0 });
let counters = freshCounters();
const requests = [];
const secrets = new Set();
const mailboxes = new Map(); // of clients that need nobody to sign in

function count(grantType, result) {
  const key = `${grantType ?? 'none'} ${result}`;
  counters.token[key] = (counters.token[key] ?? 0) + 1;
}

// The provider's store ---------------------------------------------------------------------------

// node-oidc-provider's adapter interface, on one Map, so that the control interface can find the tokens of an account.
const stored = new Map();
const nowS = () => Math.floor(Date.now() / 1000);

const SECRET_MODELS = new Set(['AccessToken', 'RefreshToken', 'AuthorizationCode', 'ClientCredentials', 'DeviceCode']);

class Store {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, payload, expiresIn) {
    const until = typeof expiresIn === 'number' ? nowS() + expiresIn : Infinity;
    if (SECRET_MODELS.has(this.model)) secrets.add(id);
    stored.set(this.key(id), { model: this.model, id, payload, until });
  }

  async find(id) {
    const entry = stored.get(this.key(id));
    return entry && entry.until > nowS() ? entry.payload : undefined;
  }

  async findBy(name, value) {
    for (const { model, payload } of stored.values()) {
      if (model === this.model && payload[name] === value) return payload;
    }
    return undefined;
  }

  findByUid(uid) { return this.findBy('uid', uid); }

  findByUserCode(userCode) { return this.findBy('userCode', userCode); }

  async consume(id) { stored.get(this.key(id)).payload.consumed = nowS(); }

  async destroy(id) { stored.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

function dropTokens(model, account) {
  let dropped = 0;
  for (const [key, entry] of stored) {
    if (entry.model === model && entry.payload.accountId === account) {
      stored.delete(key);
      dropped += 1;
    }
  }
  return dropped;
}

// The provider -----------------------------------------------------------------------------------

// Redirects to loopback may use any port: RFC 8252 7.3, for native clients. /second and the page on the web are for who chooses one.
const native = {
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: [
    'http://127.0.0.1/',
    'http://127.0.0.1',
    'http://localhost/',
    'http://localhost',
    'http://localhost/second',
    'https://mail.example.test/back',
  ],
};
const clients = [
  { ...native, client_id: 'bed-public', token_endpoint_auth_method: 'none' },
  {
    ...native,
    client_id: 'bed-basic',
    client_secret: 'bed+basic/secret:%&=1',
    token_endpoint_auth_method: 'client_secret_basic',
  },
  {
    ...native,
    client_id: 'bed-post',
    client_secret: 'bed+post/secret:%&=2',
    token_endpoint_auth_method: 'client_secret_post',
  },
  {
    ...native,
    client_id: 'bed-device',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'none',
  },
  {
    client_id: 'bed-dovecot',
    client_secret: 'bed-introspection-3',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [],
    response_types: [],
    redirect_uris: [],
  },
];
for (const { client_secret: secret, client_id: id } of clients) {
  if (secret && id !== 'bed-dovecot') secrets.add(secret);
}

const configuration = {
  adapter: Store,
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
  conformIdTokenClaims: argv['names-in-userinfo'], // OpenID Connect Core 5.4: an id_token beside an access token has none
  cookies: { keys: ['bed-cookie-key'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'bed-dovecot' },
    revocation: { enabled: true },
  },
  findAccount: (ctx, id) => (accounts.has(id) ? {
    accountId: id,
    claims: () => ({
      sub: id,
      email: addresses.get(id) ?? id,
      email_verified: true,
      name: accounts.get(id),
      preferred_username: addresses.get(id) ?? id,
    }),
  } : undefined),
  formats: {
    bitsOfOpaqueRandomness: (ctx, token) => (token.kind === 'AccessToken' ? settings.token_bytes * 6 : 256),
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'mail'],
  issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
  ttl: {
    AccessToken: () => settings.ttl,
    AuthorizationCode: 60,
    ClientCredentials: () => settings.ttl,
    DeviceCode: () => settings.device_ttl,
    Grant: 86400,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 3600,
  },
};

const provider = new Provider(issuer, configuration);

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/token/introspection' && ctx.body?.active) ctx.body.sub ??= mailboxes.get(ctx.body.client_id);
});

provider.use(async (ctx, next) => {
  if (ctx.path !== '/token') return next();
  const step = script[0];
  if (settings.delay_before_ms > 0) await wait(settings.delay_before_ms);
  await next();
  while (settings.hold > 0) await wait(5);
  if (step?.action === 'lose') {
    shiftScript();
    ctx.respond = false;
    ctx.req.socket.destroy();
  }
  return undefined;
});

provider.on('grant.success', (ctx) => {
  const { params } = ctx.oidc;
  count(params.grant_type, 'ok');
  if (params.code_verifier) secrets.add(params.code_verifier);
  for (const name of ['access_token', 'refresh_token', 'id_token']) {
    if (ctx.body?.[name]) secrets.add(ctx.body[name]);
  }
});
provider.on('grant.error', (ctx, error) => {
  const params = ctx.oidc?.params;
  count(params?.grant_type, error instanceof errors.OIDCProviderError ? error.error : 'error');
  if (params?.code_verifier) secrets.add(params.code_verifier);
});
provider.on('grant.revoked', () => { counters.grant_revoked += 1; });
provider.on('server_error', (ctx, error) => { log(`server_error ${error.stack}`); });

// Servers ----------------------------------------------------------------------------------------

function log(line) {
  const text = `${new Date().toISOString()} ${line}`;
  requests.push(text);
  if (argv.log) appendFileSync(argv.log, `${text}\n`);
}

function shiftScript() {
  script[0].times -= 1;
  if (script[0].times <= 0) script.shift();
}

function playScript(req, res) {
  const step = script[0];
  shiftScript();
  req.resume(); // the body is read, so that the client never sees a reset where a status was meant
  count('scripted', step.action === 'answer' ? step.status : step.action);
  if (step.action === 'hang') return;
  if (step.action === 'close') {
    req.socket.destroy();
    return;
  }
  req.on('end', () => {
    res.writeHead(step.status, { 'content-type': step.type, ...step.headers });
    res.end(step.body);
  });
}

const callback = provider.callback();

function serve(req, res) {
  const { pathname } = new URL(req.url, issuer);
  res.on('finish', () => log(`${req.method} ${pathname.replace(/^\/(auth|interaction)\/.*/, '/$1/…')} ${res.statusCode}`));
  if (pathname === '/token/introspection') counters.introspection += 1;
  if (pathname === '/token' && script.length > 0 && script[0].action !== 'lose') playScript(req, res);
  else callback(req, res);
}

function addScript(form) {
  const headers = {};
  for (const header of form.getAll('header')) {
    const colon = header.indexOf(':');
    headers[header.slice(0, colon)] = header.slice(colon + 1).trim();
  }
  script.push({
    times: Number(form.get('times') ?? 1),
    action: form.get('action') ?? 'answer',
    status: Number(form.get('status') ?? 200),
    type: form.get('type') ?? 'application/json',
    body: form.get('body') ?? '',
    headers,
  });
  return { scripted: script.length };
}

function change(form) {
  for (const [name, value] of form) {
    if (!(name in settings) || !/^\d+$/.test(value)) throw new Error(`cannot set ${name}=${value}`);
    settings[name] = Number(value);
  }
  return settings;
}

function reset() {
  settings = initial();
  script = [];
  counters = freshCounters();
  return settings;
}

function registerClient(form) {
  const certificate = form.get('certificate');
  const grants = form.get('grants').split(' ');
  const byCode = grants.includes('authorization_code');
  if (form.has('secret')) secrets.add(form.get('secret'));
  if (form.has('mailbox')) mailboxes.set(form.get('client_id'), form.get('mailbox'));
  stored.set(`Client:${form.get('client_id')}`, {
    model: 'Client',
    id: form.get('client_id'),
    until: Infinity,
    payload: {
      ...(byCode ? native : { response_types: [], redirect_uris: [] }),
      client_id: form.get('client_id'),
      grant_types: grants,
      token_endpoint_auth_method: form.get('auth'),
      ...(form.has('secret') && { client_secret: form.get('secret') }),
      ...(form.has('alg') && { token_endpoint_auth_signing_alg: form.get('alg') }),
      ...(certificate && { jwks: { keys: [new X509Certificate(certificate).publicKey.export({ format: 'jwk' })] } }),
    },
  });
  return {};
}

const controls = {
  'GET /counters': () => counters,
  'GET /log': () => `${requests.join('\n')}\n`,
  'GET /secrets': () => `${[...secrets].join('\n')}\n`,
  'POST /set': change,
  'POST /script': addScript,
  'POST /reset': reset,
  'POST /revoke-access': (form) => ({ dropped: dropTokens('AccessToken', form.get('account')) }),
  'POST /client': registerClient,
  'POST /kill-grant': (form) => ({ dropped: dropTokens('RefreshToken', form.get('account')) }),
};

async function control(req, res) {
  const chunks = [];
  const act = controls[`${req.method} ${req.url}`];
  try {
    for await (const chunk of req) chunks.push(chunk); // who asks may be gone in the middle of it
    if (!act) throw new Error(`no ${req.method} ${req.url}`);
    const answer = act(new URLSearchParams(Buffer.concat(chunks).toString()));
    res.end(typeof answer === 'string' ? answer : `${JSON.stringify(answer)}\n`);
  } catch (error) {
    res.statusCode = 400;
    res.end(`${error.message}\n`);
  }
}

// It never ends an idle connection: Dovecot's next introspection could be on its way on it, and would fail.
createHttps({ cert: readFileSync(argv.cert), key: readFileSync(argv.key), keepAliveTimeout: 0 }, serve)
  .listen(Number(argv.port), '127.0.0.1', () => {
    // The control socket appears last: whoever waits for it finds the provider ready.
    createHttp(control).listen(argv.control, () => log('ready'));
  });
