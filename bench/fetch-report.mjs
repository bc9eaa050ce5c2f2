// SPDX-License-Identifier: MIT
//
// fetch-report.mjs - what fetch.sh has measured, as tables, as JSON and as Markdown, and which goals are met. Exit status 1: one is
// missed, or a program failed.
//
// A goal is about the ratio of two programs in the same round. It is met when all rounds say so, missed when none does, and undecided
// when they disagree or nothing was measured.
//
//   node fetch-report.mjs FIGURES JSON MESSAGES FAR-MESSAGES
//
// The Markdown goes beside JSON, with .md in place of .json. FIGURES of a run that was ended early will do. What a run was made on is in
// the first lines of FIGURES ("# key TAB value"), as fetch.sh wrote them when it began.
import { writeFileSync } from "node:fs";

import { median, ratios as ratiosOf, readFigures } from "./figures.mjs";

const [figuresFile, jsonFile, messages, farMessages] = process.argv.slice(2);
const { made, calls, figures } = readFigures(figuresFile);

const titles = {
	maildir: `${messages} messages to a Maildir (fetchmail: to a program)`,
	lmtp: `${messages} messages to Dovecot by LMTP`,
	mda: `${messages} messages to a program`,
	far: `${farMessages} messages over 20 ms of round trip, to a Maildir (fetchmail: to a program)`,
	none: "nothing new",
};
const labels = {
	"raw-null": "raw stream to /dev/null", "raw-unsynced": "raw to Maildir, not durable", "raw-synced": "raw to Maildir, durable",
	ours: "mailoauth-fetch, durable", "ours-lmtp-1": "mailoauth-fetch, parallel = 1", "ours-lmtp-4": "mailoauth-fetch, parallel = 4",
	"ours-mda-1": "mailoauth-fetch, parallel = 1", "ours-mda-4": "mailoauth-fetch, parallel = 4", mbsync: "mbsync, FSync yes",
	"mbsync-nofsync": "mbsync, FSync no", mpop: "mpop (POP3)", getmail: "getmail6", "fetchmail-mda": "fetchmail, mda",
	"fetchmail-lmtp": "fetchmail, LMTP", "raw-lmtp": "one pipelined LMTP connection", "raw-spawn": "one program after the other",
	"raw-spawn-4": "the same, 4 at once",
};
const floors = { maildir: "raw-synced", lmtp: "raw-lmtp", mda: "raw-spawn", far: "raw-null" };

const seconds = (figure) => figure.s;
const cpu = (figure) => figure.cpu_s;
const of = (row, program) => figures.filter((figure) => figure.row === row && figure.program === program && figure.ok);
const ratios = (...which) => ratiosOf(of, ...which);

function summary(row, program) {
	const all = of(row, program);
	if (all.length === 0) return { row, program, failed: true };
	const times = all.map(seconds);
	const ours = figures.find((figure) => figure.row === row && figure.program.startsWith("ours"))?.program;
	const ratio = (to) => {
		const found = to ? ratios(row, program, to, seconds) : [];
		return found.length ? median(found) : undefined;
	};
	return {
		row, program, rounds: all.length, median_s: median(times), min_s: Math.min(...times), max_s: Math.max(...times),
		to_ours: ratio(ours), to_floor: ratio(floors[row]), cpu_s: median(all.map(cpu)), peak_kb: Math.max(...all.map((one) => one.peak_kb)),
		calls: calls[`${row} ${program}`],
		trips: all[0].trips === undefined ? undefined : Math.max(...all.map((one) => one.trips)),
	};
}

const cell = (value, digits = 2) => (value === undefined ? "" : value.toFixed(digits)).padStart(9);
function line(one) {
	if (one.failed) return `${(labels[one.program] ?? one.program).padEnd(31)} failed`;
	return (labels[one.program] ?? one.program).padEnd(31) + cell(one.median_s) + cell(one.min_s) + cell(one.max_s) + cell(one.to_ours) +
		cell(one.to_floor) + cell(one.cpu_s) + cell(one.peak_kb / 1024, 1) + cell(one.calls, 0) + (one.trips === undefined ? "" : `  ${one.trips} round trips`);
}

const atMost = (text, limit, values) => ({ text: `${text}: at most ${limit}`, limit, values, holds: (value) => value <= limit });
const atLeast = (text, limit, values) => ({ text: `${text}: at least ${limit} times faster`, limit, values, holds: (value) => value >= limit });
const ourOwn = figures.filter((figure) => figure.program.startsWith("ours") && figure.ok);
const goals = [
	atMost("Maildir, times the raw durable floor", 1.3, ratios("maildir", "ours", "raw-synced", seconds)),
	atLeast("Maildir, than mbsync with FSync", 5, ratios("maildir", "mbsync", "ours", seconds)),
	atLeast("Maildir, than mpop", 5, ratios("maildir", "mpop", "ours", seconds)),
	atLeast("Maildir, than fetchmail", 15, ratios("maildir", "fetchmail-mda", "ours", seconds)),
	atLeast("LMTP, in order, than fetchmail", 10, ratios("lmtp", "fetchmail-lmtp", "ours-lmtp-1", seconds)),
	atLeast("LMTP, parallel = 4, than fetchmail", 10, ratios("lmtp", "fetchmail-lmtp", "ours-lmtp-4", seconds)),
	atLeast("program, parallel = 4 (the default), than fetchmail", 3, ratios("mda", "fetchmail-mda", "ours-mda-4", seconds)),
	atMost("20 ms, times the raw stream to /dev/null", 1.3, ratios("far", "ours", "raw-null", seconds)),
	atMost("20 ms, times the raw stream into a durable Maildir", 1.3, ratios("far", "ours", "raw-synced", seconds)),
	atLeast("20 ms, than fetchmail", 50, ratios("far", "fetchmail-mda", "ours", seconds)),
	atLeast("20 ms, than mbsync with FSync", 2, ratios("far", "mbsync", "ours", seconds)),
	atMost("Maildir, CPU time, times mbsync's with FSync", 1, ratios("maildir", "ours", "mbsync", cpu)),
	atMost("peak memory in any row, MiB", 16, ourOwn.map((figure) => figure.peak_kb / 1024)),
	atMost("nothing new, round trips after login", 3, of("none", "ours").map((figure) => figure.trips)),
].map(({ text, limit, values, holds }) => {
	const kept = values.filter(holds).length;
	const verdict = values.length === 0 ? "undecided" : kept === values.length ? "met" : kept === 0 ? "missed" : "undecided";
	return { text, limit, verdict, rounds: values.length, median: values.length ? median(values) : undefined,
		min: values.length ? Math.min(...values) : undefined, max: values.length ? Math.max(...values) : undefined };
});

// Memory is a ceiling for all runs: one above it is too many.
const memory = goals.find((goal) => goal.text.startsWith("peak memory"));
if (memory.rounds > 0) memory.verdict = memory.max <= memory.limit ? "met" : "missed";

const summaries = [];
for (const row of new Set(figures.map((figure) => figure.row))) {
	console.log(`\n${titles[row]}\n${"".padEnd(31)}${["median s", "min", "max", "to ours", "to floor", "CPU s", "peak MiB", "calls"]
		.map((title) => title.padStart(9)).join("")}`);
	for (const program of new Set(figures.filter((figure) => figure.row === row).map((figure) => figure.program))) {
		summaries.push(summary(row, program));
		console.log(line(summaries.at(-1)));
	}
}
const verdictOf = (goal) => goal.rounds === 0 ? "not measured" :
	`${goal.median.toFixed(2)} (${goal.min.toFixed(2)} to ${goal.max.toFixed(2)}, ${goal.rounds} of them)`;
console.log("\ngoals (each round by itself: median, from least to most)");
for (const goal of goals)
	console.log(`${goal.verdict.padEnd(10)} ${goal.text}: ${verdictOf(goal)}`);

function markdown() {
	const table = (row) => [
		`## ${titles[row]}`, "",
		"| | rounds | median s | least | most | to ours | to floor | CPU s | peak MiB | system calls | round trips |", "|---|---|---|---|---|---|---|---|---|---|---|",
		...summaries.filter((one) => one.row === row).map((one) => {
			const label = labels[one.program] ?? one.program;
			if (one.failed) return `| ${label} | failed | | | | | | | | | |`;
			const number = (value, digits = 2) => value === undefined ? "" : value.toFixed(digits);
			return `| ${label} | ${one.rounds} | ${number(one.median_s)} | ${number(one.min_s)} | ${number(one.max_s)} | ${number(one.to_ours)} | ` +
				`${number(one.to_floor)} | ${number(one.cpu_s)} | ${number(one.peak_kb / 1024, 1)} | ${one.calls ?? ""} | ${one.trips ?? ""} |`;
		}), "",
	];
	return [
		"# What bench/fetch.sh measured", "",
		"Written by bench/fetch-report.mjs; nothing here is by hand. bench/README.md says what the rows and the goals are.", "",
		...Object.entries(made).map(([key, value]) => `- ${key}: ${value}`), "",
		...[...new Set(summaries.map((one) => one.row))].flatMap(table),
		"## Goals", "", "| | goal | in each round: median (least to most) |", "|---|---|---|",
		...goals.map((goal) => `| ${goal.verdict} | ${goal.text} | ${verdictOf(goal)} |`), "",
	].join("\n");
}
writeFileSync(jsonFile, `${JSON.stringify({ made, messages: Number(messages), far_messages: Number(farMessages), rows: summaries, goals, figures },
	null, 1)}\n`);
writeFileSync(jsonFile.replace(/(\.json)?$/, ".md"), markdown());
process.exit(goals.some((goal) => goal.verdict === "missed") || figures.some((figure) => !figure.ok) ? 1 : 0);
