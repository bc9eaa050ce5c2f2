// SPDX-License-Identifier: MIT
//
// helper.mjs - ten thousand accounts in the real mailoauthd: how long it takes to start, what an account costs in memory beyond its
// tokens, how fast tokens are handed out, and how far apart the refreshes are planned.
//
// All grants were obtained in the same second, which is the worst case for the plan. The token endpoint is a closed port: nothing is
// due. Run as root it gives the daemon the user nobody, else the one who runs it.
//
//   MAILOAUTHD=PATH node helper.mjs [ACCOUNTS [ROUNDS]]; BENCH_JSON: the file for the figures. Exit status 1: a goal is missed.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

const GOALS = { start_ms: 2000, account_bytes: 4096, spread: 3 };
const ACCESS_BYTES = 1500;
const REFRESH_BYTES = 1000;
const LIFE_S = 3600;
const START_PATIENCE_MS = 60000;
const DAEMON = process.env.MAILOAUTHD;
const accounts = Number(process.argv[2] ?? 10000);
const rounds = Number(process.argv[3] ?? 5);
if (!DAEMON || !(accounts >= 1000) || !(rounds >= 1)) {
	console.error("helper.mjs: usage: MAILOAUTHD=PATH node helper.mjs [ACCOUNTS [ROUNDS]], at least 1,000 accounts");
	process.exit(64);
}
const user = process.getuid() === 0 ? "nobody" : userInfo().username;
const [uid, gid] = ["-u", "-g"].map((what) => Number(execFileSync("id", [what, user])));
const root = mkdtempSync(join(tmpdir(), "mailoauth-bench."));
chmodSync(root, 0o755);
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

// Grants and their sections -------------------------------------------------------------------------------------------------------------

const give = (path, mode) => {
	chownSync(path, uid, gid);
	chmodSync(path, mode);
};
const token = (bytes) => randomBytes(bytes).toString("base64url").slice(0, bytes);
const nameOf = (i) => `account${String(i).padStart(5, "0")}`;
const section = (i) => `[account ${nameOf(i)}]
provider = custom
issuer = http://127.0.0.1:9
authorize_url = http://127.0.0.1:9/auth
token_url = http://127.0.0.1:9/token
client_id = bench
scope = openid mail offline_access
user = ${nameOf(i)}@example.test
use = smtp imap
smtp_host = smtp.example.test
imap_host = imap.example.test
allow = root
`;
const grant = (i, nowS) => JSON.stringify({
	version: 1, account: nameOf(i), refresh_token: token(REFRESH_BYTES), access_token: token(ACCESS_BYTES),
	access_expires: nowS + LIFE_S, access_obtained: nowS, refresh_obtained: nowS, authorized: nowS, generation: 1,
	scope: "openid mail offline_access", identity: `${nameOf(i)}@example.test`, issuer: "http://127.0.0.1:9", subject: `s${i}`,
	grant: "authorization_code", client_id: "bench", token_url: "http://127.0.0.1:9/token",
});

function make(count) {
	const dir = join(root, `of-${count}`);
	const store = join(dir, "store");
	const nowS = Math.floor(Date.now() / 1000);
	mkdirSync(store, { recursive: true });
	const conf = [`[daemon]\nuser = ${user}\nsocket = ${dir}/socket\nstore = ${store}\n`];
	for (let i = 0; i < count; i++) {
		const path = join(store, `${nameOf(i)}.grant`);
		conf.push(section(i));
		writeFileSync(path, grant(i, nowS));
		give(path, 0o600);
	}
	// The presets as they stand in the source: what is installed on this machine may be older, or absent.
	cpSync(new URL("../token-helper/providers", import.meta.url), join(dir, "providers"), { recursive: true });
	writeFileSync(join(dir, "mailoauth.conf"), conf.join("\n"));
	give(dir, 0o755);
	give(store, 0o700);
	return dir;
}

// The daemon ----------------------------------------------------------------------------------------------------------------------------

class Client {
	static open(path) {
		return new Promise((resolve, reject) => {
			const socket = connect(path, () => resolve(new Client(socket)));
			socket.once("error", reject);
		});
	}

	constructor(socket) {
		this.socket = socket;
		this.text = "";
		this.waiting = [];
		socket.setEncoding("latin1");
		socket.on("data", (data) => this.take(data));
		socket.on("close", () => this.waiting.forEach(({ reject }) => reject(new Error("the daemon hung up"))));
	}

	take(data) {
		this.text += data;
		for (;;) {
			const colon = this.text.indexOf(":");
			const length = Number(this.text.slice(0, colon));
			if (colon < 0 || this.text.length < colon + length + 2) return;
			this.waiting.shift().resolve(this.text.slice(colon + 1, colon + 1 + length));
			this.text = this.text.slice(colon + length + 2);
		}
	}

	ask(request) {
		return new Promise((resolve, reject) => {
			this.waiting.push({ resolve, reject });
			this.socket.write(`${request.length}:${request},`);
		});
	}
}

async function start(dir) {
	const begun = performance.now();
	const child = spawn(DAEMON, ["-c", join(dir, "mailoauth.conf")], { stdio: ["ignore", "ignore", "pipe"], cwd: "/" });
	let log = "";
	child.stderr.on("data", (data) => { log = (log + data).slice(-2000); });
	for (;;) {
		const client = await Client.open(join(dir, "socket")).catch(() => null);
		// The socket is there before the accounts are: the answer is what counts.
		if (client !== null && (await client.ask("ping ")).startsWith("OK "))
			return { child, client, ms: performance.now() - begun };
		if (child.exitCode !== null || performance.now() - begun > START_PATIENCE_MS) throw new Error(`mailoauthd does not start: ${log}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
}

async function stop({ child, client }) {
	client.socket.destroy();
	const ended = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGTERM");
	await ended;
}

const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));
const cpuMs = ({ child }) => readFileSync(`/proc/${child.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ").slice(11, 13).reduce((sum, ticks) =>
	sum + Number(ticks), 0) * TICK_MS;
const memory = ({ child }) => Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) * 1024;

// What is measured ----------------------------------------------------------------------------------------------------------------------

async function askAll({ client }) {
	const begun = performance.now();
	for (let i = 0; i < accounts; i++) {
		const reply = await client.ask(`token selector=${nameOf(i)} service=imap`);
		if (!reply.startsWith("OK ")) throw new Error(reply);
	}
	return (performance.now() - begun) / accounts * 1000;
}

async function plans({ client }) {
	const at = [];
	for (let after = ""; after !== null;) {
		const page = JSON.parse((await client.ask(`status after=${after}`)).slice("OK ".length));
		at.push(...page.accounts.map((account) => account.next_refresh));
		after = page.next;
	}
	return at;
}

// How much fuller than the mean the fullest second is.
function spreadOf(at) {
	const seconds = new Map();
	for (const s of at) seconds.set(s, (seconds.get(s) ?? 0) + 1);
	const span = Math.max(...at) - Math.min(...at) + 1;
	return { span_s: span, fullest: Math.max(...seconds.values()), ratio: Math.max(...seconds.values()) / (at.length / span) };
}

async function round(many, one) {
	const small = await start(one);
	const base = memory(small);
	await stop(small);
	const full = await start(many);
	const start_cpu_ms = cpuMs(full);
	const started = memory(full);
	const ask_us = await askAll(full);
	const asked = memory(full);
	const spread = spreadOf(await plans(full));
	await stop(full);
	const each = (bytes) => (bytes - base) / (accounts - 1) - ACCESS_BYTES - REFRESH_BYTES;
	return { start_ms: full.ms, start_cpu_ms, start_one_ms: small.ms, account_bytes_at_start: each(started), account_bytes: each(asked), ask_us, spread: spread.ratio,
		span_s: spread.span_s, fullest: spread.fullest };
}

const many = make(accounts);
const one = make(1);
const figures = [];
for (let i = 0; i < rounds; i++) figures.push(await round(many, one));
const middle = (key) => figures.map((figure) => figure[key]).sort((a, b) => a - b)[Math.floor(rounds / 2)];
const worst = (key) => Math.max(...figures.map((figure) => figure[key]));
const verdicts = Object.fromEntries(Object.entries(GOALS).map(([key, goal]) => [key, { goal, worst: worst(key), met: worst(key) <= goal }]));
const met = Object.values(verdicts).every((verdict) => verdict.met);
const say = (what, key, unit, digits = 0) => console.log(`  ${what.padEnd(44)}${middle(key).toFixed(digits).padStart(9)} ${unit}` +
	(GOALS[key] ? `   goal: ${GOALS[key]} ${verdicts[key].met ? "met" : "MISSED"} (worst ${worst(key).toFixed(digits)})` : ""));
console.log(`mailoauthd with ${accounts} accounts, ${rounds} rounds, their medians`);
say("start until it answers", "start_ms", "ms");
say("processor time of that", "start_cpu_ms", "ms");
say("start with one account", "start_one_ms", "ms");
say("memory of an account, tokens apart, at start", "account_bytes_at_start", "bytes");
say("the same when each was asked for once", "account_bytes", "bytes");
say("a token from memory, one after the other", "ask_us", "µs");
say("fullest second of the plan, against the mean", "spread", "times", 2);
if (process.env.BENCH_JSON)
	writeFileSync(process.env.BENCH_JSON, `${JSON.stringify({ accounts, rounds: figures, goals: verdicts, met }, null, "\t")}\n`);
process.exit(met ? 0 : 1);
