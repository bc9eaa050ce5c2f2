#!/bin/sh
# SPDX-License-Identifier: MIT
#
# documents.sh - what README.md and doc/ name is there: verbs and options of the programs (their help), keys of the configuration (its
# tables), parameters of Postfix, guides, topics, presets, files, tests and links. And the other way round: every verb, preset and page is
# named. Whether the commands do what the pages say is tried by tests/e2e/documents.sh.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../bed/tap.sh
. "$top/tests/bed/tap.sh"
mailoauth=${MAILOAUTH-$top/build/mailoauth}
mailoauthd=${MAILOAUTHD-$top/build/mailoauthd}
mailoauth_fetch=${MAILOAUTH_FETCH-$top/build/mailoauth-fetch}
for program in "$mailoauth" "$mailoauthd" "$mailoauth_fetch"; do
	command -v "$program" >/dev/null || skip_all "$program is not built"
done
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# What is known --------------------------------------------------------------------------------------------

mkdir "$work/help"
"$mailoauth" --help >"$work/help/mailoauth"
"$mailoauthd" --help >"$work/help/mailoauthd"
"$mailoauth_fetch" --help >"$work/help/mailoauth-fetch"
sed -n '/^usage/,/^ *help/s/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' "$work/help/mailoauth" >"$work/verbs"
while read -r verb; do
	# shellcheck disable=SC2086 # one word or two
	"$mailoauth" help $verb >"$work/help/$(echo "$verb" | tr ' ' -)"
done <"$work/verbs"
sed -n 's/.*{\.name = "\([a-z_]*\)".*/\1/p' "$top/token-helper/accounts/helper-config.c" "$top/fetch-agent/fetch-config.c" | sort -u >"$work/keys"
postconf -d 2>/dev/null | sed 's/ =.*//' >"$work/parameters"
ok "verbs were found" [ "$(wc -l <"$work/verbs")" -gt 10 ]
ok "keys were found" [ "$(wc -l <"$work/keys")" -gt 50 ]

# What a document says ---------------------------------------------------------------------------------------

# Lines of fenced blocks in the shell's language or none, and code inside of the text, each on its own line.
code() { # FILE
	awk '/^```/ { inside = !inside; kind = substr($0, 4); next }
		inside && (kind == "sh" || kind == "") { print; next }
		!inside { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' "$1" | sed 's/  *# .*//'
}

# Commands of ours, one a line, without what stands before or behind.
commands() { # FILE
	code "$1" | sed 's/ *\(&&\|||\||\|;\) */\n/g' | sed -n 's/^ *\(sudo \(-u [a-z]* \)\{0,1\}\)\{0,1\}\(mailoauth\(d\|-fetch\)\{0,1\}\( .*\|$\)\)/\3/p'
}

# Options in WORDs that HELP does not have.
lacks() { # HELP WORD...
	help=$1
	shift
	for word; do
		case $word in
		--*) grep -q -e "${word%%[=.,)]*}\([] =,|]\|$\)" "$work/help/$help" || echo "$help has no $word" ;;
		esac
	done
}

check_tool() { # WORD...
	case "$1 ${2-}" in
	'config '* | 'postfix '*) verb="$1-$2" ;;
	*) verb=$1 ;;
	esac
	case $verb in
	-* | help | '') return 0 ;;
	esac
	[ -e "$work/help/$verb" ] || {
		echo "no such command: mailoauth $*"
		return 0
	}
	lacks "$verb" "$@"
	case "$verb ${2-}" in
	'guide '[a-z]*) [ -e "$top/token-helper/guides/$2.txt" ] || [ -e "$top/token-helper/providers/$2.conf" ] || echo "no guide $2" ;;
	'providers '[a-z]*) [ -e "$top/token-helper/providers/$2.conf" ] || echo "no provider $2" ;;
	'explain '[a-z]*-[a-z]*) [ -e "$top/token-helper/topics/$2.txt" ] || echo "no topic $2" ;;
	esac
}

check_commands() { # FILE
	commands "$1" | while read -r program words; do
		# shellcheck disable=SC2086 # words of a command line
		set -- $words
		case $program in
		mailoauth) [ $# -eq 0 ] || check_tool "$@" ;;
		mailoauthd) lacks mailoauthd "$@" ;;
		mailoauth-fetch)
			lacks mailoauth-fetch "$@"
			case ${1-} in [a-z]*) grep -q "mailoauth-fetch $1" "$work/help/mailoauth-fetch" || echo "mailoauth-fetch has no $1" ;; esac
			;;
		esac
	done
	# An option that stands alone.
	code "$1" | grep -oE '^--[a-z][a-z-]*' | sort -u | while read -r option; do
		grep -rqw -e "$option" "$work/help" || echo "no program has $option"
	done
}

# "key = value" in blocks of our configuration, and in the text.
check_keys() { # FILE
	{
		awk '/^```/ { inside = !inside; kind = substr($0, 4); next } inside && kind == "ini"' "$1"
		code "$1"
	} | sed -nE 's/^([a-z_]+) += .*/\1/p' | sort -u | grep -vxFf "$work/keys" | grep -vxFf "$work/parameters" |
		sed "s/.*/neither mailoauth.conf nor Postfix has &/"
}

# One word with an underscore: a key, a parameter, an error of a server, a test, a metric, a member of status.
check_names() { # FILE
	code "$1" | grep -xE '[a-z]+(_[a-z0-9]+)+' | sort -u | grep -vxFf "$work/keys" | grep -vxFf "$work/parameters" | while read -r name; do
		case $name in
		username_attribute | auth_mechanisms | offline_access | preferred_username | no_new_privs | landlock_*) continue ;; # Dovecot's, OpenID Connect's, Linux'
		esac
		grep -qw "$name" "$top"/token-helper/accounts/metrics.c "$top"/token-helper/accounts/status.c && continue
		grep -rqw "$name" "$top/common" --include='diagnosis-*.c' || grep -rqE "\b$name\(void \*\*state" "$top/tests" || echo "what is $name?"
	done
}

# Names of files of the tree, and of tests by their name alone.
check_files() { # FILE
	grep -oE '(\.\./)?\b(tests|common|token-helper|fetch-agent|sasl-plugin|packaging)/[a-z0-9/_-]+(\.[a-z]+)?' "$1" | sed 's|^\.\./||' | sort -u | while read -r file; do
		[ -e "$top/$file" ] || echo "no file $file"
	done
	grep -oE '\btest-[a-z-]+\.c\b' "$1" | sort -u | while read -r file; do
		find "$top/tests" -name "$file" | grep -q . || echo "no test $file"
	done
}

# The heading TEXT as a link names it.
anchor() {
	tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'
}

check_links() { # FILE
	dir=$(dirname "$1")
	grep -oE '\]\([^)]*\)' "$1" | sed 's/^](//; s/)$//' | grep -v '^https\{0,1\}:' | while read -r link; do
		target=$dir/${link%%#*}
		[ -n "${link%%#*}" ] || target=$1
		[ -e "$target" ] || echo "leads nowhere: $link"
		case $link in
		*'#'*) sed -n 's/^##* //p' "$target" | anchor | grep -qx "${link#*#}" || echo "no such heading: $link" ;;
		esac
	done
}

for file in "$top/README.md" "$top"/doc/*.md; do
	name=${file#"$top/"}
	is "$(check_commands "$file")" "" "$name: its commands and options exist"
	is "$(check_keys "$file")" "" "$name: its keys exist"
	is "$(check_names "$file")" "" "$name: its names are somebody's"
	is "$(check_files "$file")" "" "$name: its files exist"
	is "$(check_links "$file")" "" "$name: its links lead somewhere"
done

# The other way round ------------------------------------------------------------------------------------------

for file in "$top/README.md" "$top"/doc/*.md; do commands "$file"; done >"$work/commands"
while read -r verb; do
	ok "mailoauth $verb is in a document" grep -q "^mailoauth $verb\b" "$work/commands"
done <"$work/verbs"
for preset in "$top"/token-helper/providers/*.conf; do
	# shellcheck disable=SC2016 # a backquote of Markdown's
	ok "README.md names the provider $(basename "$preset" .conf)" grep -q '^|.*`'"$(basename "$preset" .conf)"'`.*|' "$top/README.md"
done
for page in "$top"/doc/*.md; do
	page=$(basename "$page")
	[ "$page" != README.md ] || continue
	ok "doc/README.md leads to $page" grep -qF "($page)" "$top/doc/README.md"
	ok "doc/local.am has $page" grep -q "doc/$page" "$top/doc/local.am"
done
done_testing
