// SPDX-License-Identifier: MIT
//
// strangers.mjs - clients that mailoauthd must survive. Prints "ok NAME" or "not-ok NAME" lines; socket.sh makes TAP of them.
//
//   node strangers.mjs SOCKET
import { connect } from 'node:net';

const path = process.argv[2];
const IDLE_CLIENTS = 500;
const ANSWER_MS = 100;
const UNFINISHED_MS = 10000; // PROTOCOL.md: a request that has begun and not ended
const netstring = (text) => `${Buffer.byteLength(text)}:${text},`;

function report(name, good, detail = '') {
  console.log(`${good ? 'ok' : 'not-ok'} ${name}${detail && !good ? ` (${detail})` : ''}`);
}

// Sends bytes; resolves with what came back and how it ended: "closed", "open" (after waitMs) or "error".
function send(bytes, { waitMs = 2000, end = false } = {}) {
  return new Promise((resolve) => {
    const socket = connect(path);
    let reply = '';
    const started = Date.now();
    const done = (ending) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ reply, ending, ms: Date.now() - started });
    };
    const timer = setTimeout(() => done('open'), waitMs);
    socket.on('data', (data) => { reply += data.toString('latin1'); });
    socket.on('end', () => done('closed'));
    socket.on('error', () => done('closed'));
    socket.on('connect', () => (end ? socket.end(bytes) : socket.write(bytes)));
  });
}

// Milliseconds until a good request is answered on a new connection; Infinity when it is not.
async function askMs() {
  const started = process.hrtime.bigint();
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => socket.write(netstring('ping ')));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(/^\d+:OK /.test(data) ? Number(process.hrtime.bigint() - started) / 1e6 : Infinity);
    });
    socket.on('error', () => resolve(Infinity));
    setTimeout(() => { socket.destroy(); resolve(Infinity); }, 5000);
  });
}

async function slowestOf(count) {
  let slowest = 0;
  for (let i = 0; i < count; i += 1) slowest = Math.max(slowest, await askMs());
  return slowest;
}

async function refused(name, bytes) {
  const { reply, ending } = await send(bytes);
  report(`${name}: PERM protocol or nothing`, reply === '' || /^\d+:PERM protocol /.test(reply), JSON.stringify(reply));
  report(`${name}: and the connection is closed`, ending === 'closed', ending);
}

await refused('a request of 17,000 bytes', netstring(`token ${'x'.repeat(17000)}`));
await refused('a length of 4 GB', '4294967296:token ');
await refused('a length that does not end', '9'.repeat(100000));
await refused('no netstring at all', 'GET / HTTP/1.1\r\n\r\n');
await refused('a length with leading zeros', '005:ping ,');
await refused('a negative length', '-5:ping ,');
await refused('no comma at the end', '5:ping !');
await refused('binary noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) & 255)));

for (const [name, request] of [
  ['an empty request', ''],
  ['a verb in capitals', 'TOKEN user=relay@example.test'],
  ['a key twice', 'token user=a user=b'],
  ['a bad escape', 'token user=%ZZ'],
  ['a NUL in a field', 'token user=a\0b'],
  ['40 keys', `token ${Array.from({ length: 40 }, (_, i) => `k${String.fromCharCode(97 + (i % 26))}${i > 25 ? 'x' : ''}=1`).join(' ')}`],
]) {
  const { reply } = await send(netstring(request), { waitMs: 1000 });
  report(`${name}: refused`, /^\d+:PERM /.test(reply), JSON.stringify(reply));
}

const cut = await send('20:token us', { end: true });
report('a truncated request: no answer, closed', cut.ending === 'closed' && !/OK/.test(cut.reply), cut.reply);

const two = await send(netstring('ping ') + netstring('ping '), { waitMs: 1000 });
report('two requests at once: both answered in order', (two.reply.match(/:OK /g) ?? []).length === 2, two.reply);

const unfinished = send('20:token us', { waitMs: UNFINISHED_MS + 5000 });
const idle = [];
for (let i = 0; i < IDLE_CLIENTS; i += 1) {
  const socket = connect(path);
  socket.on('error', () => {});
  idle.push(socket);
  await new Promise((resolve) => { socket.once('connect', resolve); socket.once('error', resolve); });
}
const slowest = await slowestOf(50);
console.log(`# slowest of 50 answers beside ${IDLE_CLIENTS} idle clients: ${slowest.toFixed(1)} ms`);
report(`${IDLE_CLIENTS} idle clients: others are answered within ${ANSWER_MS} ms`, slowest <= ANSWER_MS, `${slowest} ms`);

const halves = idle.map((socket) => socket.write('100:token '));
const beside = await slowestOf(50);
report(`${halves.length} unfinished requests: others are answered within ${ANSWER_MS} ms`, beside <= ANSWER_MS, `${beside} ms`);
for (const socket of idle) socket.destroy();

const { ending, ms } = await unfinished;
report('a request that never ends: closed', ending === 'closed', ending);
report('after 10 s', ms > UNFINISHED_MS - 2000 && ms < UNFINISHED_MS + 4000, `${ms} ms`);
const after = await slowestOf(10);
report('and all is well afterwards', after <= ANSWER_MS, `${after} ms`);
