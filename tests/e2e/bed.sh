#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bed.sh - the test bed itself, without mailoauth: real consent, real tokens, and servers that accept the right and refuse the wrong.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_start

# Two runs of bootstrap by one user who is not root: each has a pid namespace, and does not see the other's processes.
swept_from_elsewhere() {
	# shellcheck disable=SC2016 # the other shell expands it
	unshare --pid --fork --mount-proc sh -c 'BED_SRC=$1; . "$BED_SRC/bed.sh"; bed_sweep' sh "$BED_SRC" && [ -d "$BED/tls" ]
}
if unshare --pid --fork --mount-proc true 2>/dev/null; then
	ok "a bed in another pid namespace leaves this one alone" swept_from_elsewhere
else
	skip "a bed in another pid namespace leaves this one alone" "no pid namespace to be had"
fi

chosen() { # by eight shells at once
	for _ in 1 2 3 4 5 6 7 8; do bed_ports 60 & done
	wait
}
is "$(chosen | tr ' ' '\n' | sort | uniq -c | awk '{ print $1 }' | uniq -c | xargs)" "480 1" "who chooses ports at once chooses others"
is "$(seq 10000 14000 | bed_free_ports 300 | tr ' ' '\n' | awk '$1 > 14000' | wc -l)" 300 "and none that a bed has chosen"
not_ok "without a directory nobody chooses any" sh -c ". '$BED_SRC/bed.sh' && bed_ports 1"

grant=$(bed_grant relay@example.test)
token=$(echo "$grant" | bed_json access_token)
like "$token" '^[A-Za-z0-9_-]{43}$' "consent in the provider's own pages gives an access token"
like "$(echo "$grant" | bed_json refresh_token)" '^[A-Za-z0-9_-]{40,}$' "and a refresh token"
like "$(echo "$grant" | bed_json id_token | bed_jwt)" \
	'"email":"relay@example.test"' "the id_token says who signed in"

like "$(bed_imap_login XOAUTH2 "$(bed_xoauth2 relay@example.test "$token")")" '^a OK' "Dovecot takes XOAUTH2"
like "$(bed_imap_login OAUTHBEARER "$(bed_oauthbearer relay@example.test "$token")")" '^a OK' "Dovecot takes OAUTHBEARER"
like "$(bed_imap_login XOAUTH2 "$(bed_xoauth2 relay@example.test wrong)")" '^a NO' "Dovecot refuses a wrong token"
like "$(bed_imap_login XOAUTH2 "$(bed_xoauth2 alice@example.test "$token")")" '^a NO' "Dovecot refuses another user's token"
like "$(bed_smtp_login "XOAUTH2" "$(bed_xoauth2 relay@example.test "$token")")" '^235 ' "the smarthost takes XOAUTH2"
like "$(bed_smtp_login "XOAUTH2" "$(bed_xoauth2 relay@example.test wrong)")" '^334 |^535 ' "the smarthost refuses a wrong token"
like "$(bed_smtp_login "PLAIN" "$(printf '\0%s\0%s' "$BED_PASSWORD_USER" "$BED_PASSWORD" | openssl base64 -A)")" '^235 ' \
	"the smarthost takes PLAIN for comparison"

bed_provider_ctl revoke-access account=relay@example.test
like "$(bed_imap_login XOAUTH2 "$(bed_xoauth2 relay@example.test "$token")")" '^a NO' "a token revoked at the provider is refused at once"

bed_provider_ctl set token_bytes=3000
long=$(bed_grant relay@example.test | bed_json access_token)
is "${#long}" 3000 "tokens of 3,000 bytes on demand"
like "$(bed_smtp_login "XOAUTH2" "$(bed_xoauth2 relay@example.test "$long")")" '^235 ' "the smarthost takes a token of 3,000 bytes"

bed_log_clear
bed_send relay@example.test alice@example.test "without AUTH"
ok "a message without a plugin is deferred" bed_wait_for 15 bed_log_has client 'status=deferred'
unlike "$(bed_log_client)" 'status=(sent|bounced)' "neither sent nor bounced"
unlike "$(bed_log_hub)" "sasl_username|: client=" "and the smarthost saw no login"

# What would make every test point after it fail is said by the bed.
taken=$(bed_smtp_listener "$BED_IMAP_PORT")
like "$taken" '^Bail out! Postfix \(hub\) does not take another listener' "a port that is taken ends the test"
ok "Dovecot asks the provider" bed_dovecot_asks
bed_signal TERM "$BED_PROVIDER_PID"
bed_wait_for 10 bed_gone "$BED_PROVIDER_PID"
wait "$BED_PROVIDER_PID"
not_ok "and it is seen when nobody answers" bed_dovecot_asks
sleep 60 &
bed_signal KILL $!
ok "a process that the bed was not told of is left alone" bed_alive $!
mkdir "$BED/stand-ins"
cp "$BED_SRC/systemctl.sh" "$BED/stand-ins/systemctl"
echo $! >"$BED/mailoauth-fetch.pid"
sh "$BED/stand-ins/systemctl" stop mailoauth-fetch
ok "nor is one that has the number of a unit that has ended" bed_alive $!
kill $!
done_testing
