// SPDX-License-Identifier: MIT
//
// daemon.mjs - part of helper.mjs and askers.mjs: a store of many grants, the real mailoauthd on it, and a client of its socket.
//
// Run as root it gives the daemon the user nobody, else the one who runs it. Everything is in a directory of its own, removed at the end.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export const ACCESS_BYTES = 1500;
export const REFRESH_BYTES = 1000;
export const LIFE_S = 3600;
const START_PATIENCE_MS = 60000;
const DAEMON = process.env.MAILOAUTHD;
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
export const nameOf = (i) => `account${String(i).padStart(5, "0")}`;
const section = (i, endpoint) => `[account ${nameOf(i)}]
provider = custom
issuer = ${endpoint}
authorize_url = ${endpoint}/auth
token_url = ${endpoint}/token
client_id = bench
scope = openid mail offline_access
user = ${nameOf(i)}@example.test
use = smtp imap
smtp_host = smtp.example.test
imap_host = imap.example.test
allow = root
`;
const grant = (i, obtainedS, endpoint) => JSON.stringify({
	version: 1, account: nameOf(i), refresh_token: token(REFRESH_BYTES), access_token: token(ACCESS_BYTES),
	access_expires: obtainedS + LIFE_S, access_obtained: obtainedS, refresh_obtained: obtainedS, authorized: obtainedS, generation: 1,
	scope: "openid mail offline_access", identity: `${nameOf(i)}@example.test`, issuer: endpoint, subject: `s${i}`,
	grant: "authorization_code", client_id: "bench", token_url: `${endpoint}/token`,
});

// A directory with the configuration and a store of count grants. obtainedS says of each when its token was given (by default: now); a
// token lives for an hour. endpoint: where tokens are refreshed, by default a closed port.
export function make(count, { endpoint = "http://127.0.0.1:9", obtainedS = () => undefined } = {}) {
	const dir = mkdtempSync(join(root, `of-${count}.`));
	const store = join(dir, "store");
	const nowS = Math.floor(Date.now() / 1000);
	mkdirSync(store, { recursive: true });
	const conf = [`[daemon]\nuser = ${user}\nsocket = ${dir}/socket\nstore = ${store}\n`];
	for (let i = 0; i < count; i++) {
		const path = join(store, `${nameOf(i)}.grant`);
		conf.push(section(i, endpoint));
		writeFileSync(path, grant(i, obtainedS(i) ?? nowS, endpoint));
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

export class Client {
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

export async function start(dir) {
	const begun = performance.now();
	const child = spawn(DAEMON, ["-c", join(dir, "mailoauth.conf")], { stdio: ["ignore", "ignore", "pipe"], cwd: "/" });
	let log = "";
	child.stderr.on("data", (data) => { log = (log + data).slice(-2000); });
	for (;;) {
		const client = await Client.open(join(dir, "socket")).catch(() => null);
		// The socket is there before the accounts are: the answer is what counts.
		if (client !== null && (await client.ask("ping ")).startsWith("OK "))
			return { child, client, path: join(dir, "socket"), ms: performance.now() - begun };
		if (child.exitCode !== null || performance.now() - begun > START_PATIENCE_MS) throw new Error(`mailoauthd does not start: ${log}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
}

export async function stop({ child, client }) {
	client.socket.destroy();
	const ended = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGTERM");
	await ended;
}

const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));
export const cpuMs = ({ child }) => readFileSync(`/proc/${child.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ").slice(11, 13).reduce((sum, ticks) =>
	sum + Number(ticks), 0) * TICK_MS;
export const memory = ({ child }) => Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) * 1024;
