#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh - mailoauth's main job, shown with real peers on this machine: authorize an account, relay one message through a smarthost that
# demands XOAUTH2, fetch it by IMAP, read it. `./bootstrap demo` builds everything and calls this; nothing outside one scratch directory is touched.
BED_SRC=$(cd "$(dirname "$0")" && pwd)
: "${MAILOAUTH_FETCH:=$(dirname "${MAILOAUTHD:-./mailoauthd}")/mailoauth-fetch}"
# shellcheck source=bed.sh
. "$BED_SRC/bed.sh"
BED_QUIET=1
BED_REQUIRED=1

step=0

heading() {
	step=$((step + 1))
	printf '\n\033[1m%d. %s\033[0m\n' "$step" "$*"
}
[ -t 1 ] || heading() {
	step=$((step + 1))
	printf '\n%d. %s\n' "$step" "$*"
}

show() {
	sed 's/^/   /'
}

give_up() {
	echo
	echo "The demo failed: $*" >&2
	tap_failed=1 # bed_stop shows the logs
	exit 1
}

heading "Starting the peers: an OAuth server, a smarthost, a mailbox, and a Postfix like yours"
bed_programs
bed_start
bed_plugin_install
show <<EOF
OAuth server   node-oidc-provider, $BED_ISSUER (one-time refresh tokens)
smarthost      Postfix, 127.0.0.1:$BED_HUB_PORT, demands TLS and AUTH XOAUTH2, checks the sender
mailbox        Dovecot, behind the smarthost
your Postfix   chrooted smtp(8), relays everything to the smarthost
EOF

heading "mailoauthd: the daemon that keeps the tokens"
bed_daemon_conf
bed_account relay relay@example.test
bed_account alice alice@example.test "use = imap" "smtp_host =" "senders ="
bed_daemon_start || give_up "mailoauthd does not start"
bed_mailoauth status | show

heading "mailoauth authorize relay: a person signs in, once (here a script plays the browser)"
bed_provider_ctl set ttl=2
bed_authorize relay relay@example.test || give_up "$(cat "$BED/authorize.out" "$BED/browser.out")"
bed_provider_ctl set ttl=3600
# The URL is long and of no use here: nobody but the script can open it.
sed "s|\($BED_ISSUER/auth?\)[^[:space:]]*|\1…|" "$BED/authorize.out" | show

heading "The access token was given for 2 seconds only; waiting until it has expired"
expired=$(($(date +%s) + 2))
past() { [ "$(date +%s)" -gt "$expired" ]; }
bed_wait_for 10 past
echo "   expired; the first message will need a new one"

heading "sendmail alice@example.test: one message"
words="The quick brown fox relays with OAuth: $(date -u '+%Y-%m-%d %H:%M:%S')."
bed_send relay@example.test alice@example.test "Hello from mailoauth" "$words" || give_up "sendmail refused the message"
bed_wait_for 30 bed_log_has client 'to=<alice@example.test>.*status=' || give_up "no delivery attempt"
echo "   your mail log:"
grep 'to=<alice@example.test>' "$BED/client/log" | show
bed_log_has client 'to=<alice@example.test>.*status=sent \(250 ' || give_up "the message was not relayed"
echo "   the smarthost's mail log:"
grep 'sasl_method=XOAUTH2' "$BED/hub/log" | show
bed_log_has hub 'sasl_method=XOAUTH2, sasl_username=relay@example.test' || give_up "the smarthost saw no XOAUTH2"

heading "mailoauth-fetch --once: alice fetches it by IMAP with XOAUTH2, and it is deleted there"
bed_wait_for 30 bed_mailbox_has alice@example.test "$words" || give_up "it did not arrive in her mailbox"
bed_authorize alice alice@example.test || give_up "$(cat "$BED/authorize.out" "$BED/browser.out")"
bed_fetch_conf "account = alice" "after = delete"
sed -n '/^\[fetch/,$p' "$BED_FETCH_CONF" | show
echo
bed_fetch --once || give_up "$(cat "$BED/fetch.out")"
show <"$BED/fetch.out"
bed_mailbox_has alice@example.test "$words" && give_up "it is still at the server"

heading "The message in alice's Maildir"
message=$(bed_fetched | head -n 1)
grep -q -e "$words" "$message" || give_up "it was not delivered"
echo "   $message"
grep -E '^(From|To|Subject): |^The quick' "$message" | show

heading "What mailoauthd did meanwhile"
bed_mailoauth status | show
echo "   token requests: $(bed_token_requests authorization_code ok) at the authorization, $(bed_token_requests refresh_token ok) by itself afterwards"
[ "$(bed_token_requests refresh_token ok)" -gt 0 ] || give_up "no token was refreshed"

heading "The configuration that did it"
echo "   /etc/postfix/main.cf"
sed -n '/^relayhost/,/^smtp_sasl_password_maps/p' "$BED/client/conf/main.cf" | show
echo
echo "   /etc/mailoauth/mailoauth.conf"
sed -n '/^\[account relay\]/,/^$/p' "$BED_CONF" | show

heading "The same with Office 365"
show <<'EOF'
/etc/postfix/main.cf
relayhost = [smtp.office365.com]:587
smtp_tls_security_level = secure
smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt
smtp_sasl_auth_enable = yes
smtp_sasl_mechanism_filter = xoauth2
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_password_maps = inline:{ { [smtp.office365.com]:587 = relay@contoso.example: } }

/etc/mailoauth/mailoauth.conf
[account relay]
provider  = microsoft
tenant    = contoso.example
client_id = 11111111-2222-3333-4444-555555555555
user      = relay@contoso.example
use       = smtp
allow     = postfix

./bootstrap install
mailoauth authorize relay
postfix reload

README.md says where the tenant and the client_id come from, in ten minutes.
EOF
