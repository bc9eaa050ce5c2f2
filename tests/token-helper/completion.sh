#!/bin/sh
# SPDX-License-Identifier: MIT
#
# completion.sh - what the shells offer is what the program takes: every verb of its help, every option of the verb, names where names go.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../bed/tap.sh
. "$top/tests/bed/tap.sh"
mailoauth=${MAILOAUTH-$top/build/mailoauth}
command -v "$mailoauth" >/dev/null || skip_all "mailoauth is not built"
command -v bash >/dev/null || skip_all "bash is not installed"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
ln -s "$top/token-helper/guides" "$work/guides"
ln -s "$top/token-helper/providers" "$work/providers"
ln -s "$top/token-helper/topics" "$work/topics"
printf '[fetch inbox]\n[fetch lists]\n' >"$work/mailoauth.conf"
ln -s "$mailoauth" "$work/mailoauth"

# bash as it is when a person presses the tab key behind WORDS: what is offered, sorted, one a line.
offered() { # COMMAND WORD...: the last word is the one that is begun
	bash -c '
		. "$1/packaging/completion/bash/$2"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"_${1//-/_}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>&1
		printf "%s\n" "${COMPREPLY[@]}"' - "$top" "$@" | sort -u
}
PATH=$work:$PATH
tool() { offered mailoauth -S "$work/none" -c "$work/mailoauth.conf" "$@"; }

names=$(mailoauth --help | sed -n '/^usage/,/^ *help/s/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p')
verbs=$(printf '%s\nhelp\n' "$names" | cut -d' ' -f1 | sort -u)
is "$(tool '')" "$verbs" "verbs: all that the help has"
for verb in $verbs; do
	[ "$verb" != help ] || continue
	# shellcheck disable=SC2086 # one word or two
	usage=$(printf '%s\n' "$names" | grep -xE "$verb( .*)?" | while read -r name; do mailoauth help $name; done)
	options=$(tool "$verb" --)
	for option in $(printf '%s\n' "$options" | grep -vxE -e '--(socket|config|help|version)'); do
		like "$usage" "$option([] |]|$)" "$verb: $option is in its usage"
	done
	for option in $(printf '%s\n' "$usage" | sed -n '/^usage/,/^$/p' | grep -oe ' --[a-z][a-z-]*\|\[--[a-z][a-z-]*' | tr -d ' ['); do
		like "$options" "^$option$" "$verb: $option is offered"
	done
done
is "$(tool st)" status "a verb that is begun"
is "$(tool help conf)" config "a verb behind help"
like "$(tool config '')" '^check$' "the second word of a verb"
is "$(tool providers goo)" "google
google-service" "providers"
is "$(tool postfix e)" enable "the second word of one of two"
is "$(tool explain scopes-g)" scopes-google "topics"
is "$(tool guide neo)" neomutt "guides"
is "$(tool authorize relay --flow '')" "code
device" "values of an option"
is "$(tool token relay --service '')" "imap
pop
smtp" "services"
is "$(tool backup "$work/g")" "$work/guides" "files"
is "$(tool import x --with "$work/g")" "$work/guides" "files behind an option"
is "$(tool status '' | grep -vc '^--')" 0 "no accounts, and no message, without a daemon"

# A URI is several words for bash, which breaks them at colons.
mkdir "$work/stub"
cat >"$work/stub/mailoauth" <<-'EOF'
	#!/bin/sh
	[ "$*" != "-S s complete +redirect" ] || printf '%s\n' http://localhost http://127.0.0.1:8400/b https://mail.example/b
EOF
chmod 755 "$work/stub/mailoauth"
# shellcheck disable=SC2016 # expanded by bash there
uris() { # LINE WORD...
	PATH=$work/stub:$PATH bash -c '
		. "$1/packaging/completion/bash/mailoauth"
		COMP_LINE=$2 COMP_POINT=${#2}
		shift 2
		COMP_WORDS=("$@")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_mailoauth "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>&1
		printf "%s\n" "${COMPREPLY[@]}"' - "$top" "$@" | sort -u
}
is "$(uris 'mailoauth -S s authorize relay --redirect ' mailoauth -S s authorize relay --redirect '')" "http://127.0.0.1:8400/b
http://localhost
https://mail.example/b" "redirects"
is "$(uris 'mailoauth -S s authorize relay --redirect http://l' mailoauth -S s authorize relay --redirect http : //l)" "//localhost" \
	"a redirect that is begun"
is "$(uris 'mailoauth -S s authorize relay --redirect http://127.0.0.1:' mailoauth -S s authorize relay --redirect http : //127.0.0.1 :)" \
	"8400/b" "up to its port"

cat >"$work/mailoauth-fetch" <<-EOF
	#!/bin/sh
	echo "  -c, --config FILE  configuration [$work/mailoauth.conf]"
	echo "      --once"
EOF
chmod 755 "$work/mailoauth-fetch"
is "$(offered mailoauth-fetch retry l)" lists "sections of mailoauth-fetch"
is "$(offered mailoauth-fetch --o)" --once "and its options"
is "$(offered mailoauth-fetch re)" "reload
retry" "and its verbs"
# shellcheck disable=SC2016 # it must not be expanded, here or there
printf '[fetch x$(touch${IFS}%s/evaluated)]\n' "$work" >"$work/hostile.conf"
offered mailoauth-fetch -c "$work/hostile.conf" x >/dev/null
ok "the name of a section is not carried out" [ ! -e "$work/evaluated" ]

# The other shells, as a person at a terminal has them.
if command -v fish >/dev/null; then
	begun() { # WORDS
		HOME=$work fish -N -c "source $top/packaging/completion/fish/mailoauth.fish; complete -C '$1'" | cut -f 1
	}
	is "$(begun 'mailoauth st')" status "fish: a verb that is begun"
	is "$(begun 'mailoauth postfix e')" enable "fish: the second word"
	like "$(begun 'mailoauth status --')" '^--json$' "fish: options"
	ok "fish reads mailoauth-fetch's" fish -n "$top/packaging/completion/fish/mailoauth-fetch.fish"
else
	skip "fish completes" "fish is not installed"
fi
if command -v zsh >/dev/null; then
	shown() { # WORDS WANTED
		zsh -f "$top/tests/token-helper/completion.zsh" "$top/packaging/completion/zsh" "$work" "$@" >"$work/shown"
	}
	ok "zsh: a verb that is begun" shown 'mailoauth st' 'status  -- show'
	ok "zsh: the second word" shown 'mailoauth postfix ' 'have Postfix relay'
	ok "zsh: options" shown 'mailoauth status --' '--json'
	ok "zsh: mailoauth-fetch" shown 'mailoauth-fetch re' 'retry'
else
	skip "zsh completes" "zsh is not installed"
fi
done_testing
