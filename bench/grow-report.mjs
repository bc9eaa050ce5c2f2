// SPDX-License-Identifier: MIT
//
// grow-report.mjs - what grow.sh has measured: for each series a table with a line a point, as text, as JSON and as Markdown. Exit status 1: a
// program failed. There are no goals here: the figures say where the curve bends.
//
//   node grow-report.mjs FIGURES JSON
//
// The Markdown goes beside JSON, with .md in place of .json. FIGURES of a run that was ended early will do.
import { writeFileSync } from "node:fs";

import { median, ratios, readFigures } from "./figures.mjs";

const [figuresFile, jsonFile] = process.argv.slice(2);
const { made, figures } = readFigures(figuresFile);

const series = {
	messages: "messages of 4 KB in one mailbox",
	bytes: "bytes of a message",
	ms: "milliseconds of round trip: 500 messages of 10 KB",
	mailboxes: "mailboxes of 10 messages of 10 KB",
};
const seconds = (figure) => figure.s;
const of = (row, program) => figures.filter((figure) => figure.row === row && figure.program === program && figure.ok);
const some = (values) => values.length > 0 ? median(values) : undefined;

function point(row) {
	const [name, at] = row.split("-");
	const many = name === "mailboxes" ? "-mailboxes" : "";
	const time = (program) => some(of(row, program).map(seconds));
	const ratio = (above, below) => some(ratios(of, row, above, below, seconds));
	const ours = of(row, `ours${many}`);
	return {
		series: name, at: Number(at), rounds: ours.length, stream_s: time("raw-null"), floor_s: time("raw-synced"), ours_s: time(`ours${many}`),
		mbsync_s: time(`mbsync${many}`), ours_to_floor: ratio("ours", "raw-synced"), mbsync_to_ours: ratio(`mbsync${many}`, `ours${many}`),
		ours_cpu_s: some(ours.map((one) => one.cpu_s)), mbsync_cpu_s: some(of(row, `mbsync${many}`).map((one) => one.cpu_s)),
		ours_peak_mib: ours.length ? Math.max(...ours.map((one) => one.peak_kb)) / 1024 : undefined,
		mbsync_peak_mib: some(of(row, `mbsync${many}`).map((one) => one.peak_kb / 1024)),
	};
}

const columns = [
	["rounds", "rounds", 0], ["stream s", "stream_s", 2], ["floor s", "floor_s", 2], ["ours s", "ours_s", 2], ["mbsync s", "mbsync_s", 2],
	["ours/floor", "ours_to_floor", 2], ["mbsync/ours", "mbsync_to_ours", 1], ["our CPU s", "ours_cpu_s", 2], ["its CPU s", "mbsync_cpu_s", 2],
	["our peak MiB", "ours_peak_mib", 1], ["its peak MiB", "mbsync_peak_mib", 1],
];
const shown = (value, digits) => value === undefined ? "" : value.toFixed(digits);
const points = [...new Set(figures.map((figure) => figure.row))].map(point);

for (const [name, title] of Object.entries(series)) {
	const own = points.filter((one) => one.series === name);
	if (own.length === 0) continue;
	console.log(`\n${title}\n${"".padStart(10)}${columns.map(([head]) => head.padStart(13)).join("")}`);
	for (const one of own)
		console.log(String(one.at).padStart(10) + columns.map(([, key, digits]) => shown(one[key], digits).padStart(13)).join(""));
}
for (const figure of figures.filter((one) => !one.ok)) console.log(`failed: ${figure.row}, ${figure.program}, round ${figure.round}`);

function markdown() {
	const table = ([name, title]) => {
		const own = points.filter((one) => one.series === name);
		return own.length === 0 ? [] : [
			`### ${title}`, "", `| | ${columns.map(([head]) => head).join(" | ")} |`, `|---|${columns.map(() => "---|").join("")}`,
			...own.map((one) => `| ${one.at} | ${columns.map(([, key, digits]) => shown(one[key], digits)).join(" | ")} |`), "",
		];
	};
	return [...Object.entries(made).map(([key, value]) => `- ${key}: ${value}`), "", ...Object.entries(series).flatMap(table)].join("\n");
}
writeFileSync(jsonFile, `${JSON.stringify({ made, points, figures }, null, 1)}\n`);
writeFileSync(jsonFile.replace(/(\.json)?$/, ".md"), markdown());
process.exit(figures.some((figure) => !figure.ok) ? 1 : 0);
