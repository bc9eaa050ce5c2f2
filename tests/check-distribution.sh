#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What is in git is in the tarball, so that whoever builds from it has all the tests and documents too.
# usage: check-distribution.sh TARBALL
cd "$(dirname "$0")/.." || exit 1
[ -e .git ] || {
	echo "no git checkout: nothing to compare with"
	exit 0
}
listed=$(mktemp) packed=$(mktemp)
trap 'rm -f "$listed" "$packed"' EXIT
git ls-files | grep -vxF .gitignore | sort >"$listed"
tar -tf "$1" | sed 's|^[^/]*/||' | sort >"$packed"
missing=$(comm -23 "$listed" "$packed")
[ -z "$missing" ] || {
	printf '%s\n' "not in $1 (EXTRA_DIST of its directory's local.am):" "$missing"
	exit 1
}
