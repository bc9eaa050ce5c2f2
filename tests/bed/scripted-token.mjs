// SPDX-License-Identifier: MIT
//
// scripted-token.mjs - Google's token endpoint for service accounts, and Azure's metadata service: what no real server here does.
//
// Both check what they are sent as the originals do, and answer in their words. Plain http on loopback.
//
//   node scripted-token.mjs --dir DIR --certificate FILE
//
// DIR/port appears when it is ready. DIR/log has a line for each request: what was asked, and "ok" or what was wrong with it. While
// DIR/refuse is there it is the answer: the HTTP status on the first line, then the body.
import { X509Certificate, createVerify } from 'node:crypto';
import { createServer } from 'node:http';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: argv } = parseArgs({ options: { dir: { type: 'string' }, certificate: { type: 'string' } } });
const { publicKey } = new X509Certificate(readFileSync(argv.certificate));
const log = (line) => appendFileSync(`${argv.dir}/log`, `${line}\n`);
const part = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());

function refusal() {
  const path = `${argv.dir}/refuse`;
  if (!existsSync(path)) return undefined;
  const [status, ...body] = readFileSync(path, 'utf8').split('\n');
  return { status: Number(status), body: body.join('\n') };
}

const require = (condition, what) => { if (!condition) throw new Error(what); };

function checkAssertion(assertion, self) {
  const [header, claims, signature] = assertion.split('.');
  const head = part(header);
  const said = part(claims);
  const now = Math.floor(Date.now() / 1000);
  require(head.alg === 'RS256' && head.typ === 'JWT' && head.kid === 'key-1', `header ${JSON.stringify(head)}`);
  require(createVerify('sha256').update(`${header}.${claims}`).verify(publicKey, Buffer.from(signature, 'base64url')), 'signature');
  require(said.aud === `${self}/token`, `aud ${said.aud}`);
  require(said.iat <= now && said.exp > now && said.exp - said.iat <= 3600, 'time');
  return `${said.iss} for ${said.sub} scope ${said.scope}`;
}

function google(form, self) {
  require(form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'grant_type');
  require([...form.keys()].sort().join(' ') === 'assertion grant_type', `parameters ${[...form.keys()]}`);
  return { said: checkAssertion(form.get('assertion'), self), answer: { access_token: 'ya29.service', expires_in: 3599, token_type: 'Bearer' } };
}

function azure(req, query) {
  require(req.method === 'GET' && req.headers.metadata === 'true' && !req.headers['x-forwarded-for'], 'Metadata header');
  require(query.get('api-version') === '2018-02-01', 'api-version');
  return {
    said: `identity ${query.get('client_id')} resource ${query.get('resource')}`,
    answer: {
      access_token: 'eyJ.imds.token', client_id: 'c', expires_in: '86399', expires_on: '1', ext_expires_in: '86399', not_before: '1', resource: query.get('resource'), token_type: 'Bearer',
    },
  };
}

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const self = `http://127.0.0.1:${server.address().port}`;
  const url = new URL(req.url, self);
  let status = 200;
  let body;
  try {
    const { said, answer } = url.pathname === '/token'
      ? google(new URLSearchParams(Buffer.concat(chunks).toString()), self) : azure(req, url.searchParams);
    ({ status, body } = refusal() ?? { status, body: JSON.stringify(answer) });
    log(`${url.pathname} ok ${said}`);
  } catch (error) {
    status = 400;
    body = JSON.stringify({ error: 'invalid_request', error_description: error.message });
    log(`${url.pathname} wrong ${error.message}`);
  }
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(body);
});
server.listen(0, '127.0.0.1', () => writeFileSync(`${argv.dir}/port`, `${server.address().port}\n`));
