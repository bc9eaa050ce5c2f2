#!/bin/sh
# SPDX-License-Identifier: MIT
#
# questions.sh - what a person at a terminal can answer to a question, Ctrl-C included.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../bed/tap.sh
. "$top/tests/bed/tap.sh"
mailoauth=${MAILOAUTH-$top/build/mailoauth}
command -v "$mailoauth" >/dev/null || skip_all "mailoauth is not built"
command -v script >/dev/null || skip_all "script (bsdutils) is not installed"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
mkfifo "$work/keys"

# A terminal of its own; the keys are pressed when the question is there. Its exit status; the screen is in $work/screen.
press() { # KEYS MAILOAUTH-WORDS
	: >"$work/screen"
	timeout 60 script -qefc "'$mailoauth' -S '$work/none' $2" "$work/screen" <"$work/keys" >/dev/null 2>&1 &
	exec 9>"$work/keys"
	for _ in $(seq 200); do
		! grep -q 'Type yes' "$work/screen" || break
		sleep 0.05
	done
	printf '%b' "$1" >&9
	wait $!
	press_status=$?
	exec 9>&-
	return "$press_status"
}

press '\003' 'forget relay'
is $? 130 "Ctrl-C: the exit status is that of SIGINT"
like "$(cat "$work/screen")" 'cancelled, nothing was done' "and it is said"
press 'no\n' 'forget relay'
is $? 64 "no: nothing is done"
like "$(cat "$work/screen")" 'it was not confirmed' "and it is said"
press 'yes\n' 'forget relay'
is $? 69 "yes: it is done, were there a daemon"
done_testing
