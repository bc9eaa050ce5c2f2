// SPDX-License-Identifier: MIT
//
// askers.mjs - those who ask the real mailoauthd for tokens: how many a second, how long one waits while others do worse things to it, and
// what an authorization server sees when many ask for the same expired token at once.
//
// The token endpoint is a thread of its own on 127.0.0.1 that answers after a while that each row names. The askers are one Node process:
// what is measured is the daemon and that process on the same machine, so the daemon's processor time is said too.
//
//   MAILOAUTHD=PATH node askers.mjs [ROUNDS]; BENCH_JSON: the file for the figures. Exit status 1: a goal is missed.
import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

import { Client, LIFE_S, cpuMs, make, nameOf, start, stop } from "./daemon.mjs";

const STORM = 1000;
const CROWDS = [20, 200, 1000];
const IDLE = 1000;
const RATE_REQUESTS = 20000;
const RATE_CONNECTIONS = 16;
const RATE_AHEAD = 32; // requests on their way on each of them
const PROBES = 2000;
const rounds = Number(process.argv[2] ?? 3);
if (!process.env.MAILOAUTHD || !(rounds >= 1)) {
	console.error("askers.mjs: usage: MAILOAUTHD=PATH node askers.mjs [ROUNDS]");
	process.exit(64);
}

// The authorization server --------------------------------------------------------------------------------------------------------------

const endpointSource = `
import { createServer } from "node:http";
import { parentPort } from "node:worker_threads";
let delayMs = 0, requests = 0;
const server = createServer((request, response) => {
	requests++;
	request.resume().on("end", () => setTimeout(() => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(JSON.stringify({ access_token: "a".repeat(1500), token_type: "Bearer", expires_in: 3600, refresh_token: "r".repeat(1000) }));
	}, delayMs));
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => parentPort.postMessage({ port: server.address().port }));
parentPort.on("message", (message) => {
	if (message.delayMs !== undefined) delayMs = message.delayMs;
	parentPort.postMessage({ requests });
	requests = 0;
});
`;
const endpoint = new Worker(new URL(`data:text/javascript,${encodeURIComponent(endpointSource)}`));
const answer = () => new Promise((resolve) => endpoint.once("message", resolve));
const { port } = await answer();
// Sets how long it takes, and gives the requests since the last time.
async function tell(delayMs) {
	endpoint.postMessage({ delayMs });
	return (await answer()).requests;
}

// Asking --------------------------------------------------------------------------------------------------------------------------------

const request = (i) => `token selector=${nameOf(i)} service=imap`;
const open = (daemon, count) => Promise.all(Array.from({ length: count }, () => Client.open(daemon.path)));
const close = (clients) => clients.forEach((client) => client.socket.destroy());

async function ask(client, i) {
	const begun = performance.now();
	const reply = await client.ask(request(i));
	if (!reply.startsWith("OK ")) throw new Error(`${nameOf(i)}: ${reply}`);
	return performance.now() - begun;
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
function spread(times) {
	const sorted = [...times].sort((a, b) => a - b);
	return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), most: sorted.at(-1) };
}

// One after the other, for a token that lives, until `until` is done (or PROBES times).
async function probe(daemon, until) {
	const times = [];
	let done = until === undefined;
	const ended = until?.finally(() => { done = true; });
	while (times.length < PROBES || !done) {
		times.push(await ask(daemon.client, 0));
		await new Promise(setImmediate);
		if (until !== undefined && done) break;
	}
	await ended;
	return spread(times);
}

// Rows ----------------------------------------------------------------------------------------------------------------------------------

let next = 1; // the next account whose token has expired, and that nobody asked for

async function rate(daemon) {
	const clients = await open(daemon, RATE_CONNECTIONS);
	const cpu = cpuMs(daemon);
	const begun = performance.now();
	await Promise.all(clients.flatMap((client) => Array.from({ length: RATE_AHEAD }, async () => {
		for (let i = 0; i < RATE_REQUESTS / RATE_CONNECTIONS / RATE_AHEAD; i++) await ask(client, 0);
	})));
	const seconds = (performance.now() - begun) / 1000;
	const figures = { a_second: RATE_REQUESTS / seconds, cpu_us: (cpuMs(daemon) - cpu) / RATE_REQUESTS * 1000 };
	close(clients);
	return figures;
}

async function beside_idle(daemon) {
	const clients = await open(daemon, IDLE);
	const figures = await probe(daemon);
	close(clients);
	return figures;
}

// STORM accounts expired, each with somebody who asks, all at once.
async function beside_storm(daemon, delayMs) {
	const clients = await open(daemon, STORM);
	await tell(delayMs);
	const begun = performance.now();
	const storm = Promise.all(clients.map((client) => ask(client, next++)));
	const figures = await probe(daemon, storm);
	figures.all_s = (performance.now() - begun) / 1000;
	figures.requests = await tell(0);
	close(clients);
	return figures;
}

async function stampede(daemon, askers) {
	const clients = await open(daemon, askers);
	const account = next++;
	await tell(100);
	const times = await Promise.all(clients.map((client) => ask(client, account)));
	const requests = await tell(0);
	close(clients);
	return { ...spread(times), requests };
}

async function round() {
	const nowS = Math.floor(Date.now() / 1000);
	const dir = make(1 + 2 * STORM + CROWDS.length, {
		endpoint: `http://127.0.0.1:${port}`, obtainedS: (i) => (i === 0 ? nowS : nowS - 2 * LIFE_S),
	});
	const daemon = await start(dir);
	next = 1;
	try {
		const figures = { rate: await rate(daemon), quiet: await probe(daemon), idle: await beside_idle(daemon) };
		for (const askers of CROWDS) figures[`crowd_${askers}`] = await stampede(daemon, askers);
		figures.storm = await beside_storm(daemon, 200);
		figures.slow = await beside_storm(daemon, 10000);
		return figures;
	} finally {
		await stop(daemon);
	}
}

// Report --------------------------------------------------------------------------------------------------------------------------------

const all = [];
for (let i = 0; i < rounds; i++) all.push(await round());
const middle = (row, key) => all.map((figures) => figures[row][key]).sort((a, b) => a - b)[Math.floor(rounds / 2)];
const goals = [
	...CROWDS.map((askers) => ({
		goal: `${askers} who ask for one expired token: 1 request to the server, an answer for each`,
		met: all.every((figures) => figures[`crowd_${askers}`].requests === 1),
	})),
	{ goal: `${STORM} expired accounts: a request for each`, met: all.every(({ storm, slow }) => storm.requests === STORM && slow.requests === STORM) },
	{ goal: "beside that, a living token is given within a second", met: all.every(({ slow, storm }) => slow.most <= 1000 && storm.most <= 1000) },
];
console.log(`mailoauthd and those who ask it, ${rounds} rounds, their medians\n`);
console.log(`  tokens from memory: ${middle("rate", "a_second").toFixed(0)} a second, ${middle("rate", "cpu_us").toFixed(1)} µs of the daemon's processor time each\n`);
console.log(`  ${"a living token, one after the other, ms".padEnd(52)}${["p50", "p99", "most"].map((key) => key.padStart(9)).join("")}`);
const say = (name, row) => console.log(`  ${name.padEnd(52)}${["p50", "p99", "most"].map((key) => middle(row, key).toFixed(3).padStart(9)).join("")}`);
say("nothing else", "quiet");
say(`beside ${IDLE} idle connections`, "idle");
say(`while ${STORM} accounts are refreshed (server: 200 ms)`, "storm");
say(`the same with a server that takes 10 s`, "slow");
console.log(`\n  ${"one expired token, server: 100 ms".padEnd(52)}${["p50", "p99", "most"].map((key) => key.padStart(9)).join("")}`);
for (const askers of CROWDS) {
	say(`${askers} ask at once`, `crowd_${askers}`);
}
console.log(`\n  ${STORM} refreshed, all answered after: ${middle("storm", "all_s").toFixed(2)} s (server: 200 ms), ${middle("slow", "all_s").toFixed(2)} s (10 s)\n`);
for (const { goal, met } of goals) console.log(`  ${met ? "met   " : "MISSED"} ${goal}`);
if (process.env.BENCH_JSON) writeFileSync(process.env.BENCH_JSON, `${JSON.stringify({ rounds: all, goals }, null, "\t")}\n`);
process.exit(goals.every(({ met }) => met) ? 0 : 1);
