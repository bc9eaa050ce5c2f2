#!/bin/sh
# SPDX-License-Identifier: MIT
#
# grow.sh - fuzzes each target for a while and keeps in its corpus what runs through code that nothing before did; one target at a time, nicely.
# What people wrote and named stays; of what was found by fuzzing (its name is its SHA-1) only as much as is needed stays.
# Says of each: executions, processor time (a busy or stopped machine makes the seconds worth less), edges before and after. A target that
# fails is told of, what made it fail stays in BUILD-DIR/tests/fuzz/found-TARGET-*, and the others go on.
# usage: tests/fuzz/grow.sh BUILD-DIR SECONDS [TARGET...]      BUILD-DIR is configured by CC=clang … --enable-sanitize --enable-fuzz
set -eu
build=$(cd "$1" && pwd)
seconds=$2
shift 2
cd "$(dirname "$0")"
[ $# -gt 0 ] || { cd corpus && set -- * && cd ..; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

fuzzer() { # OPTION-OR-DIRECTORY...
	nice -n 19 "$build/tests/fuzz/fuzz-$target" -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$build/tests/fuzz/found-$target-" "$@" \
		>"$scratch/output" 2>&1 || {
		tail -n 40 "$scratch/output"
		echo "$target: FAILED"
		failed=1
	}
}

# The seconds that this shell's ended children have spent (the last line of times, which knows none in a subshell), in $processor_s.
read_processor_time() {
	times >"$scratch/times"
	processor_s=$(tail -n 1 "$scratch/times" | awk -F '[ms ]+' '{ printf "%d\n", $1 * 60 + $2 + $3 * 60 + $4 }')
}

# What libFuzzer last said in lines with WORD: how many inputs, how many edges.
said() { # WORD FIELD
	sed -n "s/^#\([0-9]*\)[[:space:]]*$1 *cov: \([0-9]*\) .*/\\$2/p" "$scratch/output" | tail -n 1
}

found_by_fuzzing() {
	find "corpus/$target" -type f | grep -E '/[0-9a-f]{40}$' || true
}

for target; do
	mkdir "$scratch/grown" "$scratch/found"
	read_processor_time
	before_s=$processor_s
	fuzzer -max_total_time="$seconds" -max_len=4096 "$scratch/grown" "corpus/$target"
	read_processor_time
	grown="$(said '[A-Za-z]*' 1) executions in $((processor_s - before_s)) s of processor time, edges $(said INITED 2) -> $(said '[A-Za-z]*' 2)"
	found_by_fuzzing | while read -r file; do mv "$file" "$scratch/found/"; done
	# Smallest first, and by edges alone: how often each was passed makes ten times as many files.
	fuzzer -merge=1 -use_counters=0 "corpus/$target" "$scratch/found" "$scratch/grown"
	echo "$target: $grown; $(find "corpus/$target" -type f | wc -l) files, $(cat "corpus/$target"/* | wc -c) bytes"
	rm -r "$scratch/grown" "$scratch/found"
done
exit $failed
