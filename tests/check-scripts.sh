#!/bin/sh
# SPDX-License-Identifier: MIT
# Every shell script of the tree is clean to shellcheck.
cd "$(dirname "$0")/.." || exit 1
status=0
for script in bootstrap .ci/run $(find tests bench packaging -name '*.sh' -not -path '*/node_modules/*'); do
	# A script is looked at from its own directory, where its .shellcheckrc is found.
	shellcheck "$script" || status=1
done
exit $status
