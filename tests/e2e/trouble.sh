#!/bin/sh
# SPDX-License-Identifier: MIT
#
# trouble.sh - whatever is wrong on our side, the message stays in the queue: deferred, never bounced, never sent without AUTH. One line of
# the mail log says which account and what to do.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

# One message while something is wrong; leaves it in the queue.
deferred() { # NAME REGEX-IN-OUR-LINE
	bed_log_clear
	bed_send relay@example.test alice@example.test "$1"
	ok "$1: deferred" bed_wait_for 40 bed_log_has client 'status=deferred'
	is "$(bed_log_count client 'status=(sent|bounced)')" 0 "$1: neither bounced nor sent"
	is "$(bed_log_count hub ': client=')" 0 "$1: nothing reached the smarthost unauthenticated"
	like "$(bed_log_client | grep 'SASL authentication failure: ')" "$2" "$1: one line says it"
}

repaired() { # NAME
	bed_queue_flush client
	ok "$1: sent after the repair" bed_wait_for 60 bed_log_has client 'status=sent'
	ok "$1: and the queue is empty" bed_wait_for 10 bed_queue_empty client
	is "$(bed_log_count client 'status=sent')" 1 "$1: it was sent once"
}

bed_daemon_stop
deferred "daemon stopped" 'relay@example.test.*mailoauthd'
bed_daemon_start
repaired "daemon stopped"

rm -f "$BED/client/queue/private/mailoauth"
bed_daemon_kill9
rm -f "$BED/client/queue/private/mailoauth"
deferred "socket absent" 'relay@example.test.*mailoauthd'
bed_daemon_start
repaired "socket absent"

bed_signal STOP "$BED_DAEMON_PID"
deferred "daemon hung" 'relay@example.test.*mailoauthd'
bed_signal CONT "$BED_DAEMON_PID"
repaired "daemon hung"

bed_daemon_kill9
bed_daemon_start
bed_log_clear
bed_send relay@example.test alice@example.test "daemon restarted"
ok "daemon killed and restarted: sent" bed_wait_for 30 bed_log_has client 'status=sent'
is "$(bed_log_count client 'status=deferred')" 0 "daemon killed and restarted: at the first attempt"

bed_postfix_set client "smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = nobody@example.test: } }"
deferred "account unknown" 'nobody@example.test'
bed_postfix_set client "smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = relay@example.test: } }"
repaired "account unknown"

# The peer is not on the account's list.
sed "s/^allow = .*/allow = root/" "$BED_CONF" >"$BED_CONF.new"
cp "$BED_CONF" "$BED_CONF.old"
cat "$BED_CONF.new" >"$BED_CONF"
bed_mailoauth reload >/dev/null 2>&1 || { bed_daemon_stop && bed_daemon_start; }
deferred "peer not allowed" 'relay.*allow'
cat "$BED_CONF.old" >"$BED_CONF"
bed_daemon_stop
bed_daemon_start
repaired "peer not allowed"

# The same through socketmap: a failure must not look like "no such entry", after which Postfix would go on without AUTH.
bed_postfix_set client "smtp_sasl_password_maps=proxy:socketmap:unix:$BED_SOCKET:login" smtp_sender_dependent_authentication=no
bed_log_clear
bed_send relay@example.test alice@example.test "socketmap, two accounts"
ok "socketmap, two accounts have the host and neither is the default: deferred" bed_wait_for 40 bed_log_has client 'status=deferred'
is "$(bed_log_count client 'status=(sent|bounced)')" 0 "socketmap, two accounts: nothing is sent under a guessed name"
bed_postfix_set client smtp_sender_dependent_authentication=yes
repaired "socketmap, two accounts"
bed_daemon_stop
bed_log_clear
bed_send relay@example.test alice@example.test "socketmap, daemon stopped"
ok "socketmap, daemon stopped: deferred" bed_wait_for 40 bed_log_has client 'status=deferred'
is "$(bed_log_count client 'status=(sent|bounced)')" 0 "socketmap, daemon stopped: neither bounced nor sent"
is "$(bed_log_count hub ': client=')" 0 "socketmap, daemon stopped: nothing reached the smarthost unauthenticated"
bed_daemon_start
repaired "socketmap, daemon stopped"
bed_postfix_set client "smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = relay@example.test: } }"

# The grant is dead: the requests stop until a person acts.
bed_provider_ctl reset
bed_smtp_listener
bed_daemon_stop
sed -i "/^\[daemon\]/a notify_mail = second@example.test\nnotify_mail_by = smtp://127.0.0.1:$BED_MTA_PORT" "$BED_CONF"
bed_daemon_start
bed_provider_ctl kill-grant account=relay@example.test
bed_provider_ctl revoke-access account=relay@example.test
bed_mailoauth refresh relay >"$BED/refresh.out" 2>&1
is $? 10 "grant dead: mailoauth refresh says by its exit status that a person must act"
like "$(cat "$BED/refresh.out")" 'mailoauth authorize relay' "grant dead: and what to type"
# The token that lives is tried once more; when the server refuses it, the line says what a person has to do.
deferred "grant dead" 'relay'
bed_queue_flush client
ok "grant dead: one line says what to type" bed_wait_for 20 bed_log_has client 'SASL authentication failure: .*relay.*mailoauth authorize relay'
is "$(bed_token_requests refresh_token invalid_grant)" 1 "grant dead: one token request for any number of attempts"
ok "grant dead: a mail tells" bed_wait_for 90 bed_mailbox_has second@example.test '^Subject: mailoauth: relay: somebody must sign in again'
bed_mailbox second@example.test | xargs grep -l '^Subject: mailoauth: relay' >"$BED/told"
told=$(xargs cat <"$BED/told")
like "$told" '^To do: run: mailoauth authorize relay' "grant dead: the mail says what to type"
like "$told" '^Return-Path: <>' "grant dead: and no answer to it comes to anybody"
is "$(printf '%s\n' "$told" | grep -c '^Date: ')" 1 "grant dead: it has a date"
bed_daemon_stop
bed_daemon_start
ok "grant dead: authorized again" bed_authorize relay relay@example.test
repaired "grant dead"
is "$(bed_mailbox second@example.test | xargs grep -l '^Subject: mailoauth: relay' | wc -l)" 1 "grant dead: told once, restarts or not"
like "$(cat "$BED_STORE/told")" '^(relay reauth-required mail)?$' "grant dead: and what was told is noted"
done_testing
