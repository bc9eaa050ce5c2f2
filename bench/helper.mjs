// SPDX-License-Identifier: MIT
//
// helper.mjs - ten thousand accounts in the real mailoauthd: how long it takes to start, what an account costs in memory beyond its
// tokens, how fast tokens are handed out, and how far apart the refreshes are planned.
//
// All grants were obtained in the same second, which is the worst case for the plan. The token endpoint is a closed port: nothing is
// due.
//
//   MAILOAUTHD=PATH node helper.mjs [ACCOUNTS [ROUNDS]]; BENCH_JSON: the file for the figures. Exit status 1: a goal is missed.
import { writeFileSync } from "node:fs";

import { ACCESS_BYTES, REFRESH_BYTES, cpuMs, make, memory, nameOf, start, stop } from "./daemon.mjs";

const accounts = Number(process.argv[2] ?? 10000);
// Of few accounts the memory is a matter of pages.
const GOALS = { start_ms: 2000 * Math.max(1, accounts / 10000), ...(accounts >= 1000 ? { account_bytes: 4096 } : {}), spread: 3 };
const rounds = Number(process.argv[3] ?? 5);
if (!process.env.MAILOAUTHD || !(accounts >= 10) || !(rounds >= 1)) {
	console.error("helper.mjs: usage: MAILOAUTHD=PATH node helper.mjs [ACCOUNTS [ROUNDS]], at least 10 accounts");
	process.exit(64);
}

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

// How much fuller than the mean the fullest second is; where the mean is less than one, than one.
function spreadOf(at) {
	const seconds = new Map();
	for (const s of at) seconds.set(s, (seconds.get(s) ?? 0) + 1);
	const span = Math.max(...at) - Math.min(...at) + 1;
	return { span_s: span, fullest: Math.max(...seconds.values()), ratio: Math.max(...seconds.values()) / Math.max(1, at.length / span) };
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
