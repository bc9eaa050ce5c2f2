// SPDX-License-Identifier: MIT
//
// figures.mjs - part of fetch-report.mjs and grow-report.mjs: what fetch-programs.sh wrote down, one line a run of a program, and what a run was
// made on ("# key TAB value"); how many system calls one makes ("= TAB row TAB program TAB number").
import { readFileSync } from "node:fs";

export function readFigures(file) {
	const lines = readFileSync(file, "utf8").trim().split("\n").filter(Boolean);
	const made = Object.fromEntries(lines.filter((line) => line.startsWith("# ")).map((line) => line.slice(2).split("\t")));
	const calls = Object.fromEntries(lines.filter((line) => line.startsWith("=\t")).map((line) => {
		const [, row, program, number] = line.split("\t");
		return [`${row} ${program}`, Number(number)];
	}));
	const figures = lines.filter((line) => !/^[#=]/.test(line)).map((line) => {
		const [row, program, round, ns, cpu, peak, outcome, trips] = line.split("\t");
		return { row, program, round: Number(round), s: Number(ns) / 1e9, cpu_s: Number(cpu), peak_kb: Number(peak), ok: outcome === "ok",
			trips: trips === "-" ? undefined : Number(trips) };
	});
	return { made, calls, figures };
}

export function median(numbers) {
	const all = [...numbers].sort((a, b) => a - b);
	const middle = all.length >> 1;
	return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

// of(row, program): its runs that went well. The ratios of two programs, one of each round that both took part in.
export function ratios(of, row, above, below, what) {
	return of(row, above).flatMap((a) => of(row, below).filter((b) => b.round === a.round && what(b) > 0).map((b) => what(a) / what(b)));
}
