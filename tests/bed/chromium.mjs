// SPDX-License-Identifier: MIT
//
// chromium.mjs - a person at a real browser: headless Chromium, driven over WebDriver (W3C) by plain HTTP.
//
//   node chromium.mjs DRIVER-URL open --profile DIR   starts a session and prints its name
//   node chromium.mjs DRIVER-URL SESSION script on|off   whether pages may run scripts
//   node chromium.mjs DRIVER-URL SESSION walk --user NAME [--deny] URL   signs in at the provider's own pages, until another host is reached
//   node chromium.mjs DRIVER-URL SESSION look URL   opens it
//   node chromium.mjs DRIVER-URL SESSION shot FILE [--dark] [--width N]   a picture of what is shown, and whether it must be scrolled sideways
//   node chromium.mjs DRIVER-URL SESSION close
//
// walk and look print what the browser shows, as JSON: url, title, text, lang, roles, background, and of what was loaded for the last page: the
// URLs, the answers' status and headers; back: how many pages there are to go back to.
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

const STEPS_MAX = 20;
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf"; // WebDriver 12: what an element's name stands under

const { values: argv, positionals: [driver, session, command, operand] } = parseArgs({
	allowPositionals: true,
	options: {
		user: { type: "string" }, deny: { type: "boolean" }, profile: { type: "string" },
		dark: { type: "boolean" }, width: { type: "string" },
	},
});

async function call(method, path, body) {
	const answer = await fetch(driver + path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(30000) });
	const { value } = await answer.json();
	if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message.split("\n")[0]}`);
	return value;
}

const ask = (method, path, body) => call(method, `/session/${session}${path}`, body);
const devtools = (cmd, params = {}) => ask("POST", "/goog/cdp/execute", { cmd, params });
const find = async (css) => (await ask("POST", "/elements", { using: "css selector", value: css })).map((element) => element[ELEMENT]);
const text = async (css) => Promise.all((await find(css)).map((id) => ask("GET", `/element/${id}/text`)));

async function open() {
	const { sessionId } = await call("POST", "/session", { capabilities: { alwaysMatch: {
		browserName: "chrome", acceptInsecureCerts: true,
		"goog:loggingPrefs": { performance: "ALL" },
		"goog:chromeOptions": {
			args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
				"--disable-extensions", "--no-first-run", "--window-size=1000,800", `--user-data-dir=${argv.profile}`,
				"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
		},
	} } });
	console.log(sessionId);
}

// What was loaded since it was last asked, for the page that the frame ended on.
async function loaded() {
	const events = (await ask("POST", "/se/log", { type: "performance" })).map((entry) => JSON.parse(entry.message).message);
	const sent = events.filter((event) => event.method === "Network.requestWillBeSent").map((event) => event.params);
	const got = events.filter((event) => event.method === "Network.responseReceived").map((event) => event.params.response);
	return { sent, got };
}

const headersOf = (response) => Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]));

async function report() {
	const url = await ask("GET", "/url");
	const { sent, got } = await loaded();
	const here = got.filter((response) => response.url === url).at(-1);
	const [main] = await find("main");
	const [html] = await find("html");
	const history = await devtools("Page.getNavigationHistory");
	console.log(JSON.stringify({
		url,
		title: await ask("GET", "/title"),
		text: (await text("body")).join(),
		lang: await ask("GET", `/element/${html}/attribute/lang`),
		role: main && await ask("GET", `/element/${main}/computedrole`),
		heading: await text("h1"),
		alert: await text("[role=alert]"),
		status: await text("[role=status]"),
		font: main && await ask("GET", `/element/${main}/css/max-width`),
		scripts: (await find("script")).length,
		requests: sent.filter((params) => params.documentURL === url || params.request.url === url).map((params) => params.request.url),
		code: here?.status,
		headers: here && headersOf(here),
		referrers: sent.filter((params) => params.request.url === url).map((params) => params.request.headers.Referer ?? ""),
		back: history.entries.map((entry) => entry.url),
	}));
}

// One page of the provider's: fills it in and goes on.
async function act() {
	const [login] = await find("input[name=login]");
	const [password] = await find("input[name=password]");
	const [abort] = await find("a[href$='/abort']");
	if (login && password) {
		await ask("POST", `/element/${login}/clear`, {}); // the client's login_hint stands there
		await ask("POST", `/element/${login}/value`, { text: argv.user });
		await ask("POST", `/element/${password}/value`, { text: "any will do" });
	} else if (argv.deny && abort) {
		await ask("POST", `/element/${abort}/click`, {});
		return;
	}
	const [button] = await find("button[type=submit], input[type=submit]");
	if (!button) throw new Error(`${await ask("GET", "/url")} has no form: ${await text("body")}`);
	await ask("POST", `/element/${button}/click`, {});
}

const elsewhere = async (home) => new URL(await ask("GET", "/url")).host !== home;

async function walk() {
	const home = new URL(operand).host;
	await devtools("Network.clearBrowserCookies");
	await ask("POST", "/url", { url: operand });
	for (let step = 0; step < STEPS_MAX; step += 1) {
		if (await elsewhere(home)) return report();
		try {
			await act();
		} catch (error) { // a click may return before its redirects are through: what was looked for is then on a page that is gone
			if (!await elsewhere(home) && !/stale|no such|not reachable|has no form/.test(error.message)) throw error;
			await setTimeout(200);
		}
	}
	throw new Error(`not elsewhere after ${STEPS_MAX} pages`);
}

async function shot() {
	await devtools("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: argv.dark ? "dark" : "light" }] });
	await devtools("Emulation.setDeviceMetricsOverride", { width: Number(argv.width ?? 1000), height: 700, deviceScaleFactor: 1, mobile: false });
	const { cssLayoutViewport, cssContentSize } = await devtools("Page.getLayoutMetrics");
	writeFileSync(operand, Buffer.from(await ask("GET", "/screenshot"), "base64"));
	const [body] = await find("body");
	console.log(JSON.stringify({
		wide: cssContentSize.width > cssLayoutViewport.clientWidth,
		background: await ask("GET", `/element/${body}/css/background-color`),
		color: await ask("GET", `/element/${body}/css/color`),
	}));
}

const commands = {
	walk, shot,
	look: async () => { await ask("POST", "/url", { url: operand }); await report(); },
	script: () => devtools("Emulation.setScriptExecutionDisabled", { value: operand === "off" }),
	close: () => ask("DELETE", ""),
};

try {
	await (session === "open" ? open() : commands[command]());
} catch (error) {
	console.error(error.message);
	process.exit(1);
}
