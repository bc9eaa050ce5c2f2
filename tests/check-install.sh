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
find "$root" -name 'mailoauth*.[158]' -exec grep -ho '/[a-z/]*/share/[a-zA-Z/-]*\(\.md\)\{0,1\}' {} + | while read -r named; do
	[ -e "$root$named" ] || echo "a manual page names $named, which is not installed"
done >"$root.names"
[ ! -s "$root.names" ] || complain "$(cat "$root.names")"
rm -f "$root.names"
# Links of the installed pages, but for the one to HACKING.md, which is about the source.
pages=$(find "$root" -name office365-relay.md)
pages=${pages%/doc/office365-relay.md}
for page in "$pages"/*.md "$pages"/doc/*.md; do
	grep -o '](\([a-zA-Z.]*/\)*[a-zA-Z0-9-]*\.[a-z]*' "$page" | sed 's/^](//' | while read -r target; do
		[ "$target" = HACKING.md ] || [ -e "${page%/*}/$target" ] || echo "$(basename "$page") leads to $target, which is not installed"
	done
done >"$root.links"
[ ! -s "$root.links" ] || complain "$(cat "$root.links")"
rm -f "$root.links"
make -s -C "$build" uninstall DESTDIR="$root" >/dev/null 2>&1 || complain 'make uninstall failed'
left=$(find "$root" ! -type d)
[ -z "$left" ] || complain "left behind by make uninstall: $left"
exit $status
