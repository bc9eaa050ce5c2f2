#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bench/FAULTS.md says what the tests say: each row's test is there, with the points that the row names, in the order of the row; what is lost or
# doubled is 0, an exception of the table of exceptions, or argued; a constant that bounds a delay has the value that the row gives.
# usage: check-faults.sh [PAGE]
page=$(realpath "${1-$(dirname "$0")/../bench/FAULTS.md}") || exit 1
cd "$(dirname "$0")/.." || exit 1
constants=$(mktemp) || exit 1
trap 'rm -f "$constants"' EXIT
grep -rhE '^#define [A-Z_]+_M?S\b' common sasl-plugin token-helper fetch-agent --include='*.[ch]' |
	sed -E 's/INT64_C\(([0-9]+)\)/\1/; s|/\*.*||; s/^#define[[:space:]]+//; s/[[:space:]]+/ /g; s/ $//' >"$constants"

awk -v constants="$constants" '
BEGIN {
	while ((getline line <constants) > 0) constant[line] = 1
}
function complain(what) {
	print "FAULTS.md:" FNR ": " what
	bad = 1
}
function load(name,   path, line) {
	if (name in count) return count[name] > 0
	path = "tests/" name
	count[name] = 0
	while ((getline line <path) > 0) text[name, ++count[name]] = line
	close(path)
	if (count[name] == 0) {
		while ((getline line <name) > 0) text[name, ++count[name]] = line
		close(name)
		is_source[name] = 1
	}
	return count[name] > 0
}
# A point of a shell test is a whole quoted word of its; one of a C test a test that is run, or a whole string of a table; of our own
# sources: a part of what they say.
function has(name, line, what) {
	if (is_source[name]) return index(line, what)
	if (line ~ /^[ \t]*#/) return 0
	if (index(line, "\"" what "\"") || index(line, "\047" what "\047")) return 1
	return name ~ /\.c$/ && what ~ /^[a-z0-9_]+$/ && line ~ ("(cmocka_unit_test[a-z_]*|ON_STAGE|TEST)[(]" what "[,)]")
}
function check_points(cell,   part, n, i, name, at) {
	n = split(cell, part, "`")
	for (i = 2; i <= n; i += 2) {
		if (part[i] ~ /^[a-z0-9\/-]+\.(sh|c|mjs)$/) {
			name = part[i]
			at = 1
			if (!load(name)) { complain("no file " name); return }
			continue
		}
		if (name == "") { complain("no test before \"" part[i] "\""); return }
		for (; at <= count[name] && !has(name, text[name, at], part[i]); at++)
			;
		if (at > count[name]) { complain(name " has no point \"" part[i] "\", or not behind the one before"); return }
		points++
	}
	if (n < 5) complain("no test, or no point of it")
}
function check_loss(cell) {
	gsub(/^ +| +$/, "", cell)
	if (cell == "0" || cell == "-" || cell ~ /^argued: ./) return
	if (cell !~ /^\[[A-Z]\]/ || !(substr(cell, 2, 1) in exception)) complain("neither 0, -, an exception, nor argued: " cell)
}
function check_delay(cell,   part, n, i) {
	if (cell ~ /^ *$/) complain("no bound")
	n = split(cell, part, "`")
	for (i = 2; i <= n; i += 2)
		if (part[i] ~ /^[A-Z][A-Z_]+_M?S / && !(part[i] in constant)) complain("there is no " part[i])
}
/^## / { kind = $0 }
/^\| *(fault|exception) *\|/ || /^\|[-|]+$/ || kind == "## Not injected" { next }
/^\| *\*\*[A-Z]\*\* *\|/ {
	n = split($0, cell, "|")
	exception[substr($0, index($0, "**") + 2, 1)] = 1
	check_points(cell[3])
	next
}
/^\|/ {
	rows[kind]++
	if (split($0, cell, "|") != 7) { complain("not five columns"); next }
	check_points(cell[3])
	check_loss(cell[4])
	check_loss(cell[5])
	check_delay(cell[6])
}
END {
	for (kind in rows) kinds++
	if (kinds < 7 || points < 150) { print "FAULTS.md: " kinds + 0 " tables, " points + 0 " points: were they read?"; bad = 1 }
	exit bad
}' "$page"
