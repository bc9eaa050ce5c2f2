#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-crash.sh - mailoauth-fetch is killed before system calls that matter of a delivering run, in turn, and run again: each message is in
# the Maildir exactly once, and the server has been told of all of them.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
bed_relay_start
user=relay@example.test

MESSAGES=12 # more than are synced one by one
CALLS='openat write close renameat fsync fdatasync syncfs pwrite64 unlinkat read'
STEPS_MAX=${CRASH_STEPS_MAX:-6} # kills for each kind of call, spread over all; 400 is before every one, and takes minutes

# A first run, of an empty folder, makes the state: strace counts calls by thread, and those of the making would hide the worker's.
prepare() {
	bed_logged_out $user
	bed_mailbox_empty $user
	bed_fetch_forget
	bed_fetch --once
	bed_put_many $user $MESSAGES
}

# All is there, once, and nothing else.
whole() {
	[ "$(bed_fetched | xargs -r grep -h '^Message-ID:' | sort | uniq -c | awk '$1 == 1' | wc -l)" -eq $MESSAGES ] &&
		[ "$(bed_fetched_count)" -eq $MESSAGES ] && [ -z "$(find "$BED/fetched/tmp" -type f)" ]
}

told() {
	[ "$after" = keep ] || [ -z "$(find "$BED/mail/$user/Maildir/new" "$BED/mail/$user/Maildir/cur" -type f)" ]
}

bed_fetch_conf
prepare
# shellcheck disable=SC2034 # for bed_fetch
BED_FETCH_UNDER="strace -f -o $BED/strace.out"
bed_fetch --once || skip_all "strace may not trace here: $(cat "$BED/fetch.out")"
BED_FETCH_UNDER=
# The main thread's first calls are the dynamic loader's and libsasl2's: only those after the first connect() are worth a kill. What the
# worker calls is counted from 1.
before() { # CALL
	case $1 in
	openat | write | close | read) ;;
	*) echo 0 && return ;;
	esac
	awk -v call="$1" '$2 ~ /^connect\(/ { exit } $2 ~ "^" call "\\(" { n++ } END { print n + 0 }' "$BED/strace.out"
}
all() { # CALL
	grep -Ec "^[0-9]+ +$1\(" "$BED/strace.out"
}

# Kills before call number $2 of kind $1. 0: whole afterwards; 1: not; 2: it ended before.
kill_at() { # CALL NUMBER
	prepare
	BED_FETCH_UNDER="strace -f -o $BED/killed.out -e trace=$1 -e inject=$1:signal=KILL:when=$2"
	bed_fetch --once
	status=$?
	BED_FETCH_UNDER=
	[ $status -eq 137 ] || return 2 # 128 + SIGKILL
	cp "$BED/fetch.out" "$BED/killed.log"
	bed_fetch --once
	status=$?
	[ $status -le 1 ] && whole && bed_wait_for 5 told
}

sweep() { # CALL
	number=$(($(before "$1") + 1))
	last=$(all "$1")
	stride=$(((last - number) / STEPS_MAX + 1))
	kills=0
	while [ $number -le "$last" ]; do
		kill_at "$1" $number
		case $? in
		1) return 1 ;;
		2) return 0 ;;
		esac
		kills=$((kills + 1))
		number=$((number + stride))
	done
}

for after in keep delete; do
	bed_fetch_conf "after = $after"
	for call in $CALLS; do
		[ "$(all "$call")" -gt 0 ] || continue
		if sweep "$call" && [ $kills -gt 0 ]; then
			pass "after = $after, killed before $call: every message once ($kills kills)"
		else
			fail "after = $after, killed before $call: every message once" \
				"at number $number of $last: status $status, $(bed_fetched_count) messages
$(cat "$BED/fetch.out")
$(find "$BED/fetched" -type f | tail -n 3)"
		fi
	done
done
done_testing
