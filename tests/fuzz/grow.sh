#!/bin/sh
# SPDX-License-Identifier: MIT
#
# grow.sh - fuzzes each target for a while and keeps in its corpus what runs through code that nothing before did; one target at a time, nicely.
# What people wrote and named stays; of what was found by fuzzing (its name is its SHA-1) only as much as is needed stays.
# usage: tests/fuzz/grow.sh BUILD-DIR SECONDS [TARGET...]      BUILD-DIR is configured by CC=clang … --enable-sanitize --enable-fuzz
set -eu
build=$(cd "$1" && pwd)
seconds=$2
shift 2
cd "$(dirname "$0")"
[ $# -gt 0 ] || { cd corpus && set -- * && cd ..; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fuzzer() { # OPTION-OR-DIRECTORY...
	nice -n 19 "$build/tests/fuzz/fuzz-$target" -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$build/tests/fuzz/found-$target-" "$@" \
		>"$scratch/output" 2>&1 || {
		tail -n 40 "$scratch/output"
		exit 1
	}
}

found_by_fuzzing() {
	find "corpus/$target" -type f | grep -E '/[0-9a-f]{40}$' || true
}

for target; do
	mkdir "$scratch/grown" "$scratch/found"
	fuzzer -max_total_time="$seconds" -max_len=4096 "$scratch/grown" "corpus/$target"
	found_by_fuzzing | while read -r file; do mv "$file" "$scratch/found/"; done
	# Smallest first, and by edges alone: how often each was passed makes ten times as many files.
	fuzzer -merge=1 -use_counters=0 "corpus/$target" "$scratch/found" "$scratch/grown"
	echo "$target: $(find "corpus/$target" -type f | wc -l) files, $(cat "corpus/$target"/* | wc -c) bytes, $(tail -n 1 "$scratch/output")"
	rm -r "$scratch/grown" "$scratch/found"
done
