#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// coverage.mjs BUILD-DIRECTORY - which lines of ours ran, as gcov counted them: by directory and by file where the goal counts, by directory
// elsewhere. Writes the lines that did not run to BUILD-DIRECTORY/uncovered.txt. `./bootstrap coverage` makes such a build and runs the tests.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const GOAL = 90; // per cent of lines
const AREAS = ["common", "sasl-plugin", "token-helper/http", "token-helper/oauth", "token-helper/store", "token-helper/server",
	"token-helper/import", "token-helper/json", "fetch-agent/imap", "fetch-agent/auth", "fetch-agent/delivery", "fetch-agent/state",
	"fetch-agent/net", "fetch-agent/import"];
const OURS = /^(common|sasl-plugin|token-helper|fetch-agent)\/.*\.[ch]$/;

const source = resolve(import.meta.dirname ?? dirname(process.argv[1]), "..");
const build = resolve(process.argv[2] ?? "build-coverage");

function notes(directory) {
	return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
		const path = join(directory, entry.name);
		if (entry.isDirectory())
			return notes(path);
		return entry.name.endsWith(".gcno") ? [path] : [];
	});
}

// The reports of some objects: one JSON text a line. What it complains of are counters of an object that was compiled anew since.
function ask(objects) {
	const gcov = spawnSync(process.env.GCOV ?? "gcov", ["--json-format", "--stdout", ...objects],
		{ cwd: build, maxBuffer: 1 << 30, encoding: "utf8" });
	if (gcov.error || gcov.status !== 0)
		process.stderr.write(gcov.stderr || `gcov: ${gcov.error?.message}\n`);
	return (gcov.stdout ?? "").split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

// A file is compiled more than once (for the plugin, for a test): a line has run when it did in one of them.
function read() {
	const files = new Map();
	const objects = notes(build);
	while (objects.length > 0) {
		for (const report of ask(objects.splice(0, 50))) {
			for (const { file, lines } of report.files) {
				const name = relative(source, resolve(report.current_working_directory, file));
				if (!OURS.test(name))
					continue;
				const counts = files.get(name) ?? new Map();
				files.set(name, counts);
				for (const { line_number, count } of lines)
					counts.set(line_number, (counts.get(line_number) ?? 0) + count);
			}
		}
	}
	return files;
}

function sum(files) {
	const numbers = files.flatMap(([, counts]) => [...counts.values()]);
	return { lines: numbers.length, ran: numbers.filter((count) => count > 0).length };
}

function row(name, { lines, ran }, mark = "") {
	const share = lines > 0 ? (100 * ran / lines).toFixed(1) : "-";
	return `${name.padEnd(48)}${String(lines).padStart(7)}${String(lines - ran).padStart(9)}${share.padStart(8)} %${mark}`;
}

function uncovered(name, counts) {
	const text = readFileSync(join(source, name), "utf8").split("\n");
	return [...counts].filter(([, count]) => count === 0).map(([line]) => line).sort((a, b) => a - b)
		.map((line) => `${name}:${line}:${text[line - 1] ?? ""}`);
}

const files = [...read()].sort(([a], [b]) => (a < b ? -1 : 1));
if (files.length === 0) {
	console.error(`coverage.mjs: no notes of gcov in ${build}`);
	process.exit(1);
}
const directories = new Map();
for (const entry of files)
	directories.set(dirname(entry[0]), [...(directories.get(dirname(entry[0])) ?? []), entry]);

console.log(`${"where the goal counts".padEnd(48)}${"lines".padStart(7)}${"not run".padStart(9)}${"ran".padStart(8)}`);
for (const area of AREAS) {
	const total = sum(directories.get(area) ?? []);
	console.log(row(area, total, 100 * total.ran < GOAL * total.lines ? `  below the goal of ${GOAL} %` : ""));
}
console.log(row("all of them", sum(AREAS.flatMap((area) => directories.get(area) ?? []))));
console.log("\nby file");
for (const area of AREAS) {
	for (const [name, counts] of directories.get(area) ?? [])
		console.log(row(name, sum([[name, counts]])));
}
console.log("\nelsewhere");
for (const [directory, entries] of directories) {
	if (!AREAS.includes(directory))
		console.log(row(directory, sum(entries)));
}
console.log(row("everything", sum(files)));
const list = join(build, "uncovered.txt");
writeFileSync(list, files.flatMap(([name, counts]) => uncovered(name, counts)).map((line) => `${line}\n`).join(""));
console.log(`\nlines that did not run: ${list}`);
