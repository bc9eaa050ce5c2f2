#!/bin/sh
# SPDX-License-Identifier: MIT
#
# valgrind.sh - runs a test program under valgrind's memcheck; what it finds in the program itself fails the test. What the program forks is
# not looked at: such a child ends in the middle of the test, with all that the test holds.
#   make check E2E_TESTS= LOG_COMPILER=tests/valgrind.sh ENGINE_ACCOUNTS=1000 SOAK_DAYS=1 FUZZ_MUTATIONS=100
# usage: valgrind.sh PROGRAM [ARGUMENT...]
found=$(mktemp)
trap 'rm -f "$found"' EXIT
valgrind -q --child-silent-after-fork=yes --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
	--log-file="$found" "$@"
status=$?
[ -s "$found" ] || exit $status
sed 's/^/# /' "$found"
exit 99
