// SPDX-License-Identifier: MIT
//
// browser.mjs - a person at a browser, scripted: opens an authorization URL and plays the server's own pages.
//
// It keeps cookies, follows redirects, fills in the forms it finds and presses their buttons, until the server redirects to the client's
// loopback address; that address is then opened as a browser would, or only printed.
//
//   node browser.mjs --ca FILE --user NAME [--deny] [--no-redirect] [--state STATE] [--code USER-CODE] URL
//
// --deny          press "Cancel" on the consent page (the first link to an abort address)
// --no-redirect   print the final address and do not open it, as when the browser is on another machine
// --state STATE   replace the state in the final address: a forgery
// --code CODE     URL is a device flow's page: type this code there; the walk ends at the server's last page, which is printed
// Without --no-redirect the status and the text of the client's page are printed. Exit 0: the flow came back to the client; 1: it did not.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const STEPS_MAX = 20;

const { values: argv, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ca: { type: 'string' },
    user: { type: 'string' },
    deny: { type: 'boolean', default: false },
    'no-redirect': { type: 'boolean', default: false },
    state: { type: 'string' },
    code: { type: 'string' },
  },
});
const ca = argv.ca ? readFileSync(argv.ca) : undefined;
const jar = new Map(); // cookies by name; one server, so no domains

function keepCookies(headers) {
  for (const line of headers['set-cookie'] ?? []) {
    const [pair, ...attributes] = line.split(';');
    const [name, ...value] = pair.split('=');
    const gone = attributes.some((a) => /^\s*expires=Thu, 01 Jan 1970/i.test(a));
    if (gone) jar.delete(name.trim());
    else jar.set(name.trim(), value.join('='));
  }
}

function fetchPage(url, form) {
  const body = form?.toString();
  const headers = {
    accept: 'text/html',
    cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
    ...(form && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
  };
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const req = open(url, { method: form ? 'POST' : 'GET', headers, ca, timeout: 20000 }, (res) => {
      const chunks = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        keepCookies(res.headers);
        resolve({ status: res.statusCode, location: res.headers.location, text: Buffer.concat(chunks).toString() });
      });
    });
    req.on('timeout', () => req.destroy(new Error(`no answer from ${url.host}`)));
    req.on('error', reject);
    req.end(body);
  });
}

const unescapeHtml = (text) => text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<')
  .replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const attributesOf = (tag) => Object.fromEntries([...tag.matchAll(/([a-z-]+)="([^"]*)"/gi)]
  .map(([, name, value]) => [name.toLowerCase(), unescapeHtml(value)]));

function readForm(page, base) {
  const tag = page.match(/<form\b[^>]*>/i);
  if (!tag) return undefined;
  const fields = new URLSearchParams();
  for (const [input] of page.slice(tag.index).matchAll(/<input\b[^>]*>/gi)) {
    const { name, value = '' } = attributesOf(input);
    if (name) fields.set(name, value);
  }
  return { action: new URL(attributesOf(tag[0]).action, base), fields };
}

function readAbortLink(page, base) {
  for (const [tag] of page.matchAll(/<a\b[^>]*>/gi)) {
    const { href } = attributesOf(tag);
    if (href && /\/abort$/.test(href)) return new URL(href, base);
  }
  throw new Error('the consent page has no link to cancel');
}

// What a person does with a page: where to go next, and with which form.
function actOn(page, url) {
  const form = readForm(page.text, url);
  if (!form) throw new Error(`${url.pathname} answered ${page.status} and has no form: ${page.text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').slice(0, 300)}`);
  if (form.fields.has('user_code') && !form.fields.has('confirm')) {
    form.fields.set('user_code', argv.code);
  } else if (form.fields.has('confirm')) {
    return { url: form.action, form: form.fields };
  } else if (form.fields.has('password')) {
    form.fields.set('login', argv.user);
    form.fields.set('password', 'any will do');
  } else if (argv.deny) {
    return { url: readAbortLink(page.text, url) };
  }
  return { url: form.action, form: form.fields };
}

async function walk(start) {
  const home = start.host;
  let next = { url: start };
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const page = await fetchPage(next.url, next.form);
    if (argv.code && !page.location && !readForm(page.text, next.url)) return page;
    if (page.location) {
      const target = new URL(page.location, next.url);
      if (target.host !== home) return target;
      next = { url: target };
    } else {
      next = actOn(page, next.url);
    }
  }
  throw new Error(`not back at the client after ${STEPS_MAX} pages`);
}

const show = (page) => console.log(`${page.status} ${page.text.replace(/<style.*?<\/style>/gs, ' ').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim()}`);

try {
  const target = await walk(new URL(positionals[0]));
  if (argv.state !== undefined) target.searchParams.set('state', argv.state);
  if (argv.code) {
    show(target);
  } else if (argv['no-redirect']) {
    console.log(target.href);
  } else {
    const answer = await fetchPage(target);
    show(answer.location ? await fetchPage(new URL(answer.location, target)) : answer);
  }
} catch (error) {
  console.error(`browser: ${error.message}`);
  process.exitCode = 1;
}
