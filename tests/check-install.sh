#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What is installed runs, has its manual page, and is gone after uninstall.
# usage: check-install.sh BUILD-DIRECTORY
build=$1
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
status=0
complain() {
	echo "$*"
	status=1
}

make -s -C "$build" install DESTDIR="$root" >"$root.log" 2>&1 || {
	cat "$root.log"
	complain 'make install failed'
}
rm -f "$root.log"
for program in mailoauth mailoauthd mailoauth-fetch; do
	path=$(find "$root" -type f -name $program -perm -u+x)
	[ -n "$path" ] || {
		complain "not installed: $program"
		continue
	}
	"$path" --version | grep -q "^$program [0-9]" || complain "$program --version says something else"
	find "$root" -name "$program.[18]" | grep -q . || complain "no manual page: $program"
done
for file in libmailoauth.so providers/microsoft.conf guides/microsoft.txt topics/token-lifetime.txt mailoauth.conf.5 libmailoauth.8; do
	find "$root" -path "*/$file" | grep -q . || complain "not installed: $file"
done
make -s -C "$build" uninstall DESTDIR="$root" >/dev/null 2>&1 || complain 'make uninstall failed'
left=$(find "$root" ! -type d)
[ -z "$left" ] || complain "left behind by make uninstall: $left"
exit $status
