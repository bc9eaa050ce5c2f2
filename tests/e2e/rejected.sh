#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rejected.sh - a server refuses a token that everybody believed good: its own words reach the mail log, mailoauthd is told, and the next
# attempt has a fresh token.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

for mechanism in xoauth2 oauthbearer; do
	bed_postfix_set client smtp_sasl_mechanism_filter=$mechanism
	# mailoauthd lets itself be forced to one refresh a minute and account; a new one has not been forced yet.
	bed_daemon_stop
	bed_daemon_start
	before=$(bed_mailoauth token relay)
	bed_provider_ctl reset
	bed_provider_ctl revoke-access account=relay@example.test
	bed_log_clear
	bed_send relay@example.test alice@example.test "revoked, $mechanism"
	ok "$mechanism: sent in the end" bed_wait_for 60 bed_log_has client 'status=sent'
	is "$(bed_log_count client 'status=deferred')" 1 "$mechanism: by the second attempt"
	is "$(bed_log_count client 'status=bounced')" 0 "$mechanism: not bounced"
	like "$(bed_log_client)" 'status=deferred \(.*said: 535 ' "$mechanism: the server's own words are in the mail log"
	like "$(bed_log_client)" 'SASL authentication failure: .*relay' "$mechanism: ours stand beside them and name the account"
	is "$(bed_token_requests refresh_token)" 1 "$mechanism: one token request"
	unlike "$(bed_mailoauth token relay)" "^$before\$" "$mechanism: the refused token is gone"
	like "$(bed_log_daemon)" 'account=relay.*(reject|refus)' "$mechanism: mailoauthd says so"
done
done_testing
