#!/bin/sh
# SPDX-License-Identifier: MIT
# Manual pages are well-formed, and say what the programs say: options, verbs, destinations and configuration keys in both or in neither; and
# what is read from a directory is in the list of what is installed. Each key of the configuration is in a test.
# MAILOAUTHD, MAILOAUTH and MAILOAUTH_FETCH name the programs; without them only the form is looked at.
cd "$(dirname "$0")/.." || exit 1
status=0

plain() { # PAGE: its text without overstrikes
	mandoc -Tascii "$1" | sed "s/.$(printf '\b')//g"
}

# The style notes about long source lines and about pages that are not installed here are not about our text.
for page in sasl-plugin/*.[1-8] token-helper/*.[1-8] fetch-agent/*.[1-8]; do
	[ -e "$page" ] || continue
	complaints=$(mandoc -Tlint -W style "$page" 2>/dev/null | grep -v -e 'longer than 80 bytes' -e 'referenced manual not found' -e 'Mdocdate')
	[ -z "$complaints" ] || {
		echo "$complaints"
		status=1
	}
done

# NAMES that are in one file and not in the other, one a line.
compare() { # WHAT NAMES1 FILE1 NAMES2 FILE2
	for name in $2; do
		printf '%s\n' "$4" | grep -qxF -e "$name" || echo "$1 $name is in $3 and not in $5"
	done
	for name in $4; do
		printf '%s\n' "$2" | grep -qxF -e "$name" || echo "$1 $name is in $5 and not in $3"
	done
}

# Keys of the configuration: a row in the table of their section, and in mailoauth.conf(5) an entry in the part on it.
helper_config=token-helper/accounts/helper-config.c
table_keys() { # FILE TABLE
	sed -n "/$2/,/^\t{0},/s/.*{\.name = \"\([a-z_]*\)\".*/\1/p" "$1"
}
manual_keys() { # PART
	sed -n "/^\.S[sh] $1\$/,/^\.S[sh] /s/^\.It Ic //p" token-helper/mailoauth.conf.5 | tr -d ',' | sed 's/ Ic / /g' | tr ' ' '\n' | grep -xE '[a-z_]+'
}
# What an account and a preset may both say has its entries in the account's part, and is listed in the preset's.
settings=$(sed -n '/^#define SETTINGS_KEYS/,/^$/s/.*{\.name = "\([a-z_]*\)".*/\1/p' $helper_config)
different=$(
	page=token-helper/mailoauth.conf.5
	compare "the key" "$(echo "$settings" && table_keys $helper_config account_keys)" $helper_config "$(manual_keys 'Section account NAME')" "$page, account"
	compare "the key" "$(table_keys $helper_config daemon_keys)" $helper_config "$(manual_keys 'Section daemon')" "$page, daemon"
	compare "the key" "$(table_keys fetch-agent/fetch-config.c fetch_keys)" fetch-agent/fetch-config.c "$(manual_keys 'Section fetch NAME')" "$page, fetch"
	compare "the key" "$(echo "$settings" | grep -v '_host$'; echo auth_host)" $helper_config \
		"$(sed -n 's/^\.Ic issuer ,/issuer/p' $page | tr -d ',' | tr -s ' ' '\n')" "$page, the list in FILES"
	compare "the key" "$(table_keys $helper_config preset_keys)" $helper_config "$(manual_keys FILES)" "$page, FILES"
)
[ -z "$different" ] || {
	echo "$different"
	status=1
}

# Each key is set in a test, or named there in quotes.
tested=$(find tests \( -name '*.c' -o -name '*.sh' \) -exec cat {} + | sed 's/\\n/ /g' | grep -oE '[a-z_]+ *=[^=]|"[a-z_]+"' | tr -cd 'a-z_\n' | sort -u)
untested=$(for key in $settings $(for table in account_keys daemon_keys preset_keys; do table_keys $helper_config $table; done) \
	$(table_keys fetch-agent/fetch-config.c fetch_keys); do
	printf '%s\n' "$tested" | grep -qxF "$key" || echo "no test sets the key $key"
done)
[ -z "$untested" ] || {
	echo "$untested"
	status=1
}

# Verbs of the socket: a table row each, and in PROTOCOL.md a row or a heading. Destinations: a method each, and in mailoauth.conf(5) a form.
different=$(
	# shellcheck disable=SC2016 # backquotes of Markdown's
	compare "the verb" "$(sed -n 's/^\t{"\([a-z-]*\)", FOR_.*/\1/p' token-helper/server/verbs.c)" token-helper/server/verbs.c \
		"$(sed -nE 's/^### `([a-z-]+)`$/\1/p; /^\| verb \|/,/^$/s/^\| `([a-z-]+)` \|.*/\1/p' token-helper/PROTOCOL.md)" token-helper/PROTOCOL.md
	compare "the destination" "$(sed -n 's/.*\.scheme = "\([a-z]*\)".*/\1/p' fetch-agent/delivery/delivery-*.c)" fetch-agent/delivery/ \
		"$(sed -n '/^\.It Ic deliver$/,/^\.It Ic /s/^\.It Cm \([a-z]*\):.*/\1/p' token-helper/mailoauth.conf.5)" token-helper/mailoauth.conf.5
)
[ -z "$different" ] || {
	echo "$different"
	status=1
}

# Data that a program finds by its directory, from the tree and as installed.
unlisted=$(for file in token-helper/providers/*.conf token-helper/guides/*.txt token-helper/topics/*.txt; do
	grep -qE "^[[:space:]]$file( .)?$" token-helper/*.am token-helper/*/local.am || echo "no *.am installs $file"
done)
[ -z "$unlisted" ] || {
	echo "$unlisted"
	status=1
}

# What a program says of its options: its help, and that of its verbs.
all_help() { # PROGRAM
	"$1" --help
	[ "${1##*/}" != mailoauth ] || "$1" --help | sed -n '/^usage/,/^ *help/s/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' | while read -r verb; do
		# shellcheck disable=SC2086 # one word or two
		"$1" help $verb
	done
}

# Every long option of the help stands in the program's page, and every one that the page has an entry for in the help.
compare_options() { # PROGRAM PAGE
	[ -n "$1" ] && [ -x "$1" ] || return 0
	text=$(plain "$2")
	help=$(all_help "$1")
	for option in $(printf '%s\n' "$help" | grep -o -e '--[a-z][a-z-]*' | sort -u); do
		printf '%s\n' "$text" | grep -q -e "$option" || {
			echo "$2 does not mention $option, which the help of $1 has"
			status=1
		}
	done
	entries=$(sed -n '/^\.It Fl/p' "$2" | grep -oE 'Fl (Fl |\\-)[a-z][a-z-]+' | sed 's/^Fl Fl //; s/^Fl .-//')
	for option in $entries; do
		printf '%s\n' "$help" | grep -qwe "--$option" || {
			echo "$2 has an entry for --$option, which $1 does not know"
			status=1
		}
	done
}
# Every verb of the tool has a part of mailoauth(1), and stands in its synopsis with the options of its usage.
compare_verbs() { # PROGRAM PAGE
	[ -n "$1" ] && [ -x "$1" ] || return 0
	parts=$(sed -n 's/^\.Ss //p' "$2")
	synopsis=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm //p' "$2")
	for verb in $("$1" --help | sed -n '/^usage/,/^ *help/s/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' | tr ' ' _); do
		printf '%s\n' "$parts" | grep -qwe "^$(echo "$verb" | tr _ ' ')" || {
			echo "$2 has no part (.Ss) on $(echo "$verb" | tr _ ' ')"
			status=1
		}
		printf '%s\n' "$synopsis" | grep -qxF "$(echo "$verb" | tr _ ' ')" || {
			echo "$2: its SYNOPSIS lacks $(echo "$verb" | tr _ ' ')"
			status=1
		}
		# shellcheck disable=SC2046 # one word or two
		used=$("$1" help $(echo "$verb" | tr _ ' ') | sed -n '/^usage/,/^$/p' | grep -oE -e '--[a-z][a-z-]+')
		written=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$2" | sed -n "/^\.Cm $(echo "$verb" | tr _ ' ')\$/,/^\.Nm/p" |
			grep -oE 'Fl Fl [a-z][a-z-]+' | sed 's/^Fl Fl /--/')
		missing=$(compare "$(echo "$verb" | tr _ ' '):" "$used" "its usage" "$written" "the SYNOPSIS of $2")
		[ -z "$missing" ] || {
			echo "$missing"
			status=1
		}
	done
}
compare_verbs "${MAILOAUTH-build/mailoauth}" token-helper/mailoauth.1
compare_options "${MAILOAUTHD-build/mailoauthd}" token-helper/mailoauthd.8
compare_options "${MAILOAUTH-build/mailoauth}" token-helper/mailoauth.1
compare_options "${MAILOAUTH_FETCH-build/mailoauth-fetch}" fetch-agent/mailoauth-fetch.8
exit $status
