#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A test driver of Automake's that runs another and notes how long the test took, in NAME.seconds beside NAME.trs:
# ./bootstrap check shows the slowest, so that the suite stays short.
# usage: timed-driver.sh DRIVER --test-name NAME --trs-file FILE …
driver=$1
shift
trs=
for word; do
	[ "${previous-}" != --trs-file ] || trs=$word
	previous=$word
done
start=$(date +%s)
"${SHELL:-/bin/sh}" "$driver" "$@"
status=$?
echo $(($(date +%s) - start)) >"${trs%.trs}.seconds"
exit $status
