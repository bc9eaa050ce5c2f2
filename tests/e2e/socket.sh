#!/bin/sh
# SPDX-License-Identifier: MIT
#
# socket.sh - strangers on mailoauthd's socket: bad requests end badly for whoever sends them and for nobody else.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

"$BED_NODE" "$BED_SRC/strangers.mjs" "$BED_SOCKET" >"$BED/strangers.out" 2>&1
is $? 0 "the strangers' program ran to its end"
while read -r result name; do
	case $result in
	ok) pass "$name" ;;
	not-ok) fail "$name" ;;
	*) diag "$result $name" ;;
	esac
done <"$BED/strangers.out"

as_nobody="setpriv --reuid=$BED_MAIL_USER --clear-groups"
BED_ASK_AS=$as_nobody
like "$(bed_ask 'token service=smtp host=127.0.0.1 user=relay@example.test' 2>&1)" '^PERM denied |EACCES' "a user who is not on the list gets no token"
like "$(bed_ask 'refresh account=relay' 2>&1)" '^PERM denied |EACCES' "and cannot use the tool's verbs"
BED_ASK_AS=
like "$(bed_ask 'token service=smtp host=evil.example user=relay@example.test')" '^PERM (config|denied) .*relay' \
	"a token for a host that is not the account's is refused"
like "$(bed_ask 'nonsense ')" '^PERM protocol ' "an unknown verb is refused"
ok "mailoauthd lives" bed_mailoauth token relay

# Where it listens is said by its configuration: who names that need not name the socket too.
like "$("$MAILOAUTH" -c "$BED_CONF" status 2>&1)" '^relay .* valid ' "mailoauth -c FILE asks the daemon of that file"
MAILOAUTH_SOCKET=$BED/nobody "$MAILOAUTH" -c "$BED_CONF" status >"$BED/nobody.out" 2>&1
like "$(cat "$BED/nobody.out")" "$BED/nobody" "but MAILOAUTH_SOCKET counts before it"
printf 'mailoauth-backup 1\nend 0\n' >"$BED/empty.backup"
is "$("$MAILOAUTH" -c "$BED_CONF" restore "$BED/empty.backup" 2>&1)" "there is no grant in it: nothing was restored" "an empty backup is called empty"

# The example that is installed names Postfix's private/ too, and not every machine has Postfix.
install -d -m 0700 -o "$BED_DAEMON_USER" "$BED/lonely"
printf '[daemon]\nuser = %s\nsocket = %s %s\nstore = %s\n' "$BED_DAEMON_USER" "$BED/lonely.socket" "$BED/no-postfix/private/mailoauth" \
	"$BED/lonely" >"$BED/lonely.conf"
bed_memcheck_conf >>"$BED/lonely.conf"
"$MAILOAUTHD" -c "$BED/lonely.conf" >"$BED/lonely.log" 2>&1 &
lonely=$!
bed_note $lonely
ok "mailoauthd starts without the directory of its second socket" bed_wait_for 10 grep -q 'ready:' "$BED/lonely.log"
like "$(cat "$BED/lonely.log")" "no-postfix/private/mailoauth is not made" "and says which one there is not"
bed_signal TERM "$lonely"
done_testing
