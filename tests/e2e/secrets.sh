#!/bin/sh
# SPDX-License-Identifier: MIT
#
# secrets.sh - a run with everything in it, good and bad; then every token, code, verifier and client secret that the provider knows of is
# looked for in all logs, in what the programs said, in the command lines and environments of all processes, and in every file that
# others can read.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test
bed_account basic second@example.test "client_id = $BED_BASIC_CLIENT" "client_auth = basic" \
	"client_secret_file = $(bed_secret_file basic "$BED_BASIC_SECRET")"
bed_account post alice@example.test "client_id = $BED_POST_CLIENT" "client_auth = post" \
	"client_secret_file = $(bed_secret_file post "$BED_POST_SECRET")"

(umask 077 && mkdir "$BED/hidden")
sample() {
	while :; do
		for process in /proc/[0-9]*; do
			cat "$process/cmdline" "$process/environ" 2>/dev/null
		done | tr '\0' '\n' | sort -u
	done >"$BED/hidden/processes"
}
sample &
bed_note $!

BED_SAID=$BED/said.log # what mailoauth(1) printed, but for the token that it was asked to print
say() {
	bed_mailoauth "$@" >>"$BED_SAID" 2>&1
}

bed_daemon_start || bed_die "mailoauthd does not start"
for account in "relay relay@example.test" "basic second@example.test" "post alice@example.test"; do
	# shellcheck disable=SC2086 # two words
	ok "authorize $account" bed_authorize $account
	cat "$BED/authorize.out" "$BED/browser.out" >>"$BED_SAID"
done
bed_authorize basic mallory@example.test >/dev/null 2>&1
cat "$BED/authorize.out" "$BED/browser.out" >>"$BED_SAID"
for account in relay basic post; do
	say refresh $account
	bed_mailoauth token $account >/dev/null 2>>"$BED_SAID"
done

sent() { # SUBJECT
	bed_log_clear
	bed_send relay@example.test alice@example.test "$1"
	bed_wait_for 60 bed_log_has client 'status=sent'
}
ok "XOAUTH2" sent one
bed_postfix_set client smtp_sasl_mechanism_filter=oauthbearer
ok "OAUTHBEARER" sent two
bed_provider_ctl revoke-access account=relay@example.test
ok "a refused token" sent three
bed_provider_ctl script times=1 status=503 type=text/plain body=busy
say refresh relay
bed_provider_ctl script times=1 status=200 'body={"access_token":"scripted-access-token-0123456789","token_type":"Bearer","expires_in":"soon"'
say refresh relay
bed_postfix_set client "smtp_sasl_password_maps=proxy:socketmap:unix:$BED_SOCKET:login" \
	smtp_sender_dependent_authentication=yes
ok "socketmap" sent four
bed_provider_ctl kill-grant account=alice@example.test
say refresh post
say status
say status --json
say -c "$BED_CONF" support-bundle

(
	umask 077
	{
		bed_provider GET /secrets
		echo scripted-access-token-0123456789
	} | grep . >"$BED/hidden/secrets"
)
ok "the provider lists at least 20 secrets" [ "$(wc -l <"$BED/hidden/secrets")" -ge 20 ]

# Prints the files that hold a secret.
found_in() { # FILE...
	grep -laF -f "$BED/hidden/secrets" "$@" 2>/dev/null
}
logs() {
	find "$BED" -path "$BED/hidden" -prune -o -type f \( -name log -o -name 'log.all' -o -name '*.log' -o -name '*.out' \) -print
}
# Of the provider's own directory only the log: its script holds the clients' test secrets.
readable() {
	find "$BED" -path "$BED/hidden" -prune -o -path "$BED/provider/*.mjs" -prune -o -type f -perm /044 -print
}

head -n 1 "$BED/hidden/secrets" >"$BED/planted.log"
# shellcheck disable=SC2046 # paths without spaces
{
	is "$(found_in $(logs))" "$BED/planted.log" "the search finds what is planted, and nothing else in the logs"
	is "$(found_in $(readable))" "$BED/planted.log" "nor in any file that others can read"
}
ok "processes were watched" grep -q 'mailoauthd' "$BED/hidden/processes"
is "$(grep -aF -f "$BED/hidden/secrets" "$BED/hidden/processes" | head -n 3)" "" "nor in any command line or environment"
like "$(stat -c %a "$BED_STORE")" '^700$' "the store is the daemon's alone"
is "$(find "$BED_STORE" -type f -perm /077)" "" "and so is every file in it"
done_testing
