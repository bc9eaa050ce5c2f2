#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guides.sh - what `mailoauth guide` prints is true of this program: every provider has one, each is short and dated, every command line and
# every key in it exists, and every mark in braces is filled in.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../bed/tap.sh
. "$top/tests/bed/tap.sh"
mailoauth=${MAILOAUTH-$top/build/mailoauth}
command -v "$mailoauth" >/dev/null || skip_all "mailoauth is not built"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
ln -s "$top/token-helper/guides" "$work/guides"
ln -s "$top/token-helper/providers" "$work/providers"
guide() { "$mailoauth" -S "$work/none" -c "$work/mailoauth.conf" guide "$@"; }

for preset in "$top"/token-helper/providers/*.conf; do
	ok "there is a guide for $(basename "$preset" .conf)" guide "$(basename "$preset" .conf)"
done

sed -n 's/.*{\.name = "\([a-z_]*\)".*/\1/p' "$top/token-helper/accounts/helper-config.c" "$top/fetch-agent/fetch-config.c" | sort -u >"$work/keys"

# "mailoauth VERB ... --option": VERB has a help text, and the option stands in it.
check_commands() { # FILE
	grep -oE '(^|[^-a-z/.])mailoauth [a-z][^|&;"]*' "$1" | sed 's/^[^m]*//' | while read -r _ verb words; do
		case $verb in
		help) continue ;;
		config) verb="config check" ;;
		*[!a-z-]*) continue ;;
		esac
		# shellcheck disable=SC2086 # one word or two
		"$mailoauth" help $verb >"$work/help" 2>&1 || {
			echo "no such command: mailoauth $verb"
			continue
		}
		for word in $words; do
			case $word in
			--*) grep -q -e "${word%%[).,]*}" "$work/help" || echo "mailoauth $verb has no $word" ;;
			esac
		done
	done
}

# Keys of our file, in sections and in the text around them. Other programs' guides have their own.
check_keys() { # FILE
	sed -nE 's/^ +([a-z_]+) += .*/\1/p; s/.*[ (]([a-z_]+) = [a-zA-Z].*/\1/p' "$1" | sort -u | grep -vxFf "$work/keys" | while read -r key; do
		case $key in
		relayhost | smtp_*) command -v postconf >/dev/null && [ -z "$(postconf -d "$key" 2>/dev/null)" ] && echo "Postfix has no $key" ;;
		*) echo "mailoauth.conf has no $key" ;;
		esac
	done
}

for file in "$top"/token-helper/guides/*.txt; do
	name=$(basename "$file" .txt)
	ok "$name: at most 120 lines" [ "$(wc -l <"$file")" -le 120 ]
	like "$(head -n 4 "$file")" '^verified: 20[0-9][0-9]-[01][0-9]$' "$name: says when it was last verified"
	is "$(check_commands "$file")" "" "$name: its commands exist"
	case $name in
	neomutt) ;; # "set x = y" is NeoMutt's
	*) is "$(check_keys "$file")" "" "$name: its keys exist" ;;
	esac
	guide "$name" >"$work/out"
	unlike "$(cat "$work/out")" '\{(account|user|tenant|client_id|redirect|smtp_host|imap_host|pop_host)\}' "$name: its marks are filled in"
done
like "$(guide google)" 'http://127\.0\.0\.1 ' "the redirect URI is the preset's: Google"
like "$(guide microsoft)" 'http://localhost$' "and Microsoft's"
like "$(guide microsoft --app-only)" 'New-ServicePrincipal' "--app-only is the other guide"
guide postfix --app-only >/dev/null 2>&1
is $? 78 "where there is none it is refused"
like "$(guide micorsoft 2>&1)" 'no guide micorsoft; run: mailoauth guide microsoft$' "a mistyped name: says what was meant"
guide micorsoft >/dev/null 2>&1
is $? 64 "a mistyped name: exit status 64"
like "$(guide postfx 2>&1; guide nothing-like-it 2>&1)" 'guide postfix
.*no guide nothing-like-it; to see which' "a name that is like none: says where they are listed"
guide ../providers/google >/dev/null 2>&1
is $? 64 "a name does not lead out of the directory"
guide microsoft --account relay >/dev/null 2>&1
is $? 69 "an account's values are the daemon's to tell"
done_testing
