#!/bin/sh
# SPDX-License-Identifier: MIT
#
# refresh.sh - tokens that have expired are refreshed before they are used, once for all who ask. The provider rotates refresh
# tokens and revokes the grant when one is used twice, so a second request would show.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

past() {
	[ "$(date +%s)" -gt "$1" ]
}

# Leaves mailoauthd running with an expired token that it has not had a chance to refresh.
expire() {
	bed_provider_ctl set ttl=2
	bed_mailoauth refresh relay >/dev/null
	bed_daemon_stop
	bed_wait_for 10 past $(($(date +%s) + 2))
	bed_provider_ctl reset
}

expire
bed_daemon_start
bed_log_clear
bed_send relay@example.test alice@example.test "expired"
ok "expired token: the message goes" bed_wait_for 30 bed_log_has client 'status=sent'
is "$(bed_log_count client 'status=deferred')" 0 "at the first attempt"
is "$(bed_token_requests refresh_token)" 1 "with one token request"

crowd=50
expire
bed_provider_ctl set delay_before_ms=1500
bed_daemon_start
mkdir "$BED/crowd"
i=0
pids=
while [ $i -lt $crowd ]; do
	bed_mailoauth token relay >"$BED/crowd/$i" 2>"$BED/crowd/$i.error" &
	pids="$pids $!"
	i=$((i + 1))
done
served=0
for pid in $pids; do
	if wait "$pid"; then served=$((served + 1)); fi
done
is "$served" $crowd "$crowd processes at once with an expired token: all get one"
is "$(cat "$BED/crowd/"*[0-9] | sort -u | wc -l)" 1 "and the same one"
is "$(bed_token_requests refresh_token)" 1 "with one token request"
is "$(cat "$BED/crowd/"*.error)" "" "and no complaint"

expire
bed_provider_ctl set delay_before_ms=1500
bed_log_clear
bed_daemon_start
i=0
while [ $i -lt 20 ]; do
	bed_send relay@example.test alice@example.test "burst $i" &
	i=$((i + 1))
done
twenty_sent() { [ "$(bed_log_count client 'status=sent')" -eq 20 ]; }
ok "20 messages at once with an expired token: all go" bed_wait_for 60 twenty_sent
is "$(bed_log_count client 'status=deferred')" 0 "at the first attempt"
is "$(bed_token_requests refresh_token)" 1 "with one token request"

bed_provider_ctl reset
ok "the grant lives" bed_mailoauth refresh relay
is "$(bed_token_requests refresh_token invalid_grant)" 0 "no refresh token was used twice"
is "$(bed_counter grant_revoked)" 0 "no grant was revoked"

# Endpoint trouble is not the messages' trouble while a token lives.
bed_provider_ctl script times=100 status=503 type=text/plain body=busy
not_ok "a refresh fails while the endpoint answers 503" bed_mailoauth refresh relay
bed_log_clear
bed_send relay@example.test alice@example.test "endpoint down"
ok "a token that lives still serves" bed_wait_for 30 bed_log_has client 'status=sent'
bed_provider_ctl reset

# RFC 6749 says nothing of redirects here: a secret must not follow one.
bed_provider_ctl script times=100 status=307 "header=Location: $BED_ISSUER/elsewhere"
not_ok "a redirect of the token endpoint is a failure" bed_mailoauth refresh relay
unlike "$(bed_provider GET /log)" ' /elsewhere ' "and is not followed"
bed_provider_ctl reset

# Other kinds of clients.
for kind in basic post; do
	case $kind in
	basic) client=$BED_BASIC_CLIENT secret=$BED_BASIC_SECRET ;;
	post) client=$BED_POST_CLIENT secret=$BED_POST_SECRET ;;
	esac
	bed_account "$kind" alice@example.test "client_id = $client" "client_auth = $kind" \
		"client_secret_file = $(bed_secret_file "$kind" "$secret")" "senders ="
done
bed_daemon_stop
bed_daemon_start
for kind in basic post; do
	ok "client_auth = $kind: authorize" bed_authorize "$kind" alice@example.test
	ok "client_auth = $kind: refresh" bed_mailoauth refresh "$kind"
done

# Two accounts in succession: the endpoint is down for all, and everybody who looks is told. Mail whose token is over waits.
expire
bed_daemon_start
bed_log_clear
bed_provider_ctl script times=100 status=503 type=text/plain body=busy
for kind in basic post; do
	not_ok "endpoint down: refresh $kind" bed_mailoauth refresh "$kind"
done
like "$(bed_mailoauth status)" "^$BED_ISSUER is down since .*; accounts that wait: [0-2] of 4; .*; it said, to post: .*503" 'endpoint down: status says so'
like "$(bed_mailoauth status --json)" '"url":"'"$BED_ISSUER"'"' 'endpoint down: its JSON too'
like "$(bed_mailoauth status --check)" "$BED_ISSUER is down, .* endpoints_down=1" 'endpoint down: and --check'
is "$(grep -c "endpoint=$BED_ISSUER down: " "$BED/daemon.log")" 1 'endpoint down: the log once'
bed_send relay@example.test alice@example.test "endpoint down, no token"
ok "endpoint down, no token: deferred" bed_wait_for 40 bed_log_has client 'status=deferred'
is "$(bed_log_count client 'status=(sent|bounced)')" 0 "endpoint down, no token: neither bounced nor sent"
is "$(bed_log_count hub ': client=')" 0 "endpoint down, no token: nothing reached the smarthost unauthenticated"
bed_provider_ctl reset
ok "endpoint up: refresh" bed_mailoauth refresh basic
unlike "$(bed_mailoauth status)" 'is down since' 'endpoint up: status says nothing'
is "$(grep -c "endpoint=$BED_ISSUER up after .* account=basic had an answer" "$BED/daemon.log")" 1 'endpoint up: the log once'
flushed() {
	bed_queue_flush client
	bed_wait_for 5 bed_log_has client 'status=sent'
}
ok "endpoint up: the message is sent" bed_wait_for 90 flushed
is "$(bed_log_count client 'status=sent')" 1 "endpoint up: it was sent once"
done_testing
