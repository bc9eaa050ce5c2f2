#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A test driver of Automake's that runs another and notes how long the test took, in NAME.seconds beside NAME.trs:
# ./bootstrap check shows the slowest, so that the suite stays short. A test that hangs is ended after TEST_LIMIT_S seconds, with what it started,
# and has failed. Where there is a terminal it stays in its foreground, so that an interrupt reaches it, and what it started is for who sees it.
# usage: timed-driver.sh DRIVER --test-name NAME --trs-file FILE … -- TEST
driver=$1
shift
limit=600
[ -z "${BED_VALGRIND-}" ] || limit=7200
limit=${TEST_LIMIT_S:-$limit}
foreground=
(: </dev/tty) 2>/dev/null && foreground=--foreground
trs='' previous='' limited=''
for word; do
	shift
	set -- "$@" "$word"
	[ "$previous" != --trs-file ] || trs=$word
	previous=$word
	if [ "$word" = -- ] && [ -z "$limited" ]; then
		limited=yes
		set -- "$@" timeout $foreground --kill-after=30 "$limit"
	fi
done
start=$(date +%s)
"${SHELL:-/bin/sh}" "$driver" "$@"
status=$?
echo $(($(date +%s) - start)) >"${trs%.trs}.seconds"
exit $status
