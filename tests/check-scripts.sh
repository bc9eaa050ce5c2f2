#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every shell script of the tree is clean to shellcheck, each looked at alone: following what it sources takes minutes a script. What that cannot
# see is left out: who sets or reads a variable of the test bed's parts, and who passes arguments to their functions.
cd "$(dirname "$0")/.." || exit 1
# What a Makefile runs as it is must be executable, or a fresh clone has a test less.
plain=$(find tests -name '*.sh' -not -path 'tests/bed/*' -not -perm -u+x)
[ -z "$plain" ] || {
	printf '%s\n' 'not executable:' "$plain"
	exit 1
}
# shellcheck disable=SC2046 # names without spaces
exec shellcheck --norc --exclude=SC1090,SC1091,SC2034,SC2154,SC2119,SC2120 \
	bootstrap .ci/run packaging/build-deb packaging/debian/*.post* $(find tests bench packaging -name '*.sh' -not -path '*/node_modules/*')
