#!/bin/sh
# SPDX-License-Identifier: MIT
#
# identity.sh - whose account it is: told by the id_token or by userinfo, bound to the person, apart from who logs in where;
# and the URLs of the server that says so, learned from its metadata.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test
bed_account sales sales@example.test "authorize_as = relay@example.test" "smtp_user = relay@example.test"
bed_account bound relay@example.test
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"

output() {
	cat "$BED/authorize.out"
}

status_of() { # ACCOUNT MEMBER
	bed_mailoauth status "$1" --json | bed_node -p "JSON.parse(require('node:fs').readFileSync(0)).accounts[0].$2"
}

sign_in_replacing() { # ACCOUNT USER
	bed_authorize_begin "$1" --replace-identity
	bed_browser --user "$2" "$bed_shown_url" >"$BED/browser.out" 2>&1
	bed_authorize_end
}

# The person, not the name.
ok "relay signs in" bed_authorize relay relay@example.test
is "$(status_of relay identity)" relay@example.test "status names who it was"
is "$(status_of relay identity_verified)" true "and that the provider said so"
stored=$(bed_store_sum)
not_ok "the next owner of the address: refused" bed_authorize relay successor
like "$(output)" 'signed in \(successor at ' "the refusal names the person who signed in"
like "$(output)" 'another person, relay@example\.test \(relay@example\.test at ' "and the one before"
like "$(output)" 'mailoauth authorize relay --replace-identity' "and what to type when it is meant"
is "$(bed_store_sum)" "$stored" "nothing was stored"
not_ok "--replace-identity does not make anybody welcome" sign_in_replacing relay mallory@example.test
like "$(output)" 'the account is for relay@example\.test' "the name counts as before"
is "$(bed_store_sum)" "$stored" "nothing was stored"
ok "with --replace-identity the next owner is taken" sign_in_replacing relay successor
ok "and his token works" bed_mailoauth refresh relay
not_ok "now it is the former one who is refused" bed_authorize relay relay@example.test

# A shared mailbox: who signs in, and who logs in where, are three things.
ok "the delegate signs in for the shared mailbox" bed_authorize sales relay@example.test
like "$(bed_ask 'token selector=sales service=imap')" '^OK account=sales user=sales@example\.test ' "IMAP logs in as the mailbox"
like "$(bed_ask 'token selector=sales service=smtp')" '^OK account=sales user=relay@example\.test ' "SMTP logs in as the delegate"
like "$(bed_ask 'login sales@example.test')" '^OK relay@example\.test:Bearer ' "so does Postfix, for the mailbox as sender"
is "$(status_of sales identity)" relay@example.test "status says who signed in"

# Bound to a person: that a login works does not make it the same one.
ok "relay signs in for the account that loses openid" bed_authorize bound relay@example.test
sed -i '/^\[account bound\]/,/^$/ s/^scope = .*/scope = offline_access/' "$BED_CONF"
like "$(bed_ask 'reload ')" '^OK' "openid goes from its scope"
not_ok "now nobody says who it is: refused" bed_authorize bound relay@example.test
like "$(output)" 'is bound to that person; nothing was stored; .*--replace-identity' "and it says what to do"

# No names in the id_token: they are asked for.
bed_signal TERM "$BED_PROVIDER_PID"
wait "$BED_PROVIDER_PID" 2>/dev/null
bed_provider_start --names-in-userinfo
bed_account quiet relay@example.test
bed_account asked relay@example.test "userinfo_url = $BED_ISSUER/me"
bed_account away relay@example.test "userinfo_url = $BED_ISSUER/nowhere"
bed_signal HUP "$BED_DAEMON_PID"
bed_wait_for 10 bed_mailoauth status away
ok "userinfo knows the name" bed_authorize asked relay@example.test
is "$(status_of asked identity)" relay@example.test "and it is stored"
not_ok "userinfo knows mallory too: refused" bed_authorize asked mallory@example.test
not_ok "userinfo cannot be had: refused" bed_authorize away relay@example.test
like "$(output)" 'userinfo endpoint 127\.0\.0\.1 answered HTTP 404' "and says what the endpoint answered"
not_ok "and nothing was stored" bed_mailoauth token away

# A person without a name, and no userinfo: the login tells whose mailbox it is, and the person is remembered.
imaps=127.0.0.1:$BED_IMAP_PORT
sign_in_trying() { # ACCOUNT USER [OPTION...]
	trying=$1 who=$2
	shift 2
	SSL_CERT_FILE=$BED/tls/ca.pem SASL_PATH=${sasl-$BED/sasl} bed_authorize_begin "$trying" --service imap --tls implicit "$@" || return 1
	bed_browser --user "$who" "$bed_shown_url" >"$BED/browser.out" 2>&1
	bed_authorize_end
}
not_ok "an id_token without names, mallory's: the mail server refuses" sign_in_trying quiet mallory@example.test --host "$imaps"
like "$(output)" 'does not take the new token for relay@example\.test' "and it is said who"
not_ok "nothing was stored" bed_mailoauth token quiet
ok "relay's: the mail server takes it" sign_in_trying quiet relay@example.test --host "$imaps"
is "$(status_of quiet identity)" relay@example.test "the mailbox is the identity"
not_ok "mallory, and a person who insists: it is another person" sign_in_trying quiet mallory@example.test --host "$imaps" --unverified
like "$(output)" 'another person, relay@example\.test \(relay@example\.test at ' "as the sub says"
ok "relay once more: the same person" sign_in_trying quiet relay@example.test --host "$imaps"

# Nobody says who it is: neither an id_token (no openid) nor userinfo. A login at the mail server, before anything is stored, tells.
bed_account silent relay@example.test "scope = offline_access"
bed_account lost relay@example.test "scope = offline_access" "imap_host = localhost 127.0.0.1"
bed_signal HUP "$BED_DAEMON_PID"
bed_wait_for 10 bed_mailoauth status lost
sign_in_trying silent mallory@example.test --host "$imaps"
is $? 10 "mallory signs in: the mail server does not take it"
like "$(output)" '127\.0\.0\.1 does not take the new token for relay@example\.test: .*NO ' "in the server's words"
like "$(output)" 'run: mailoauth authorize silent' "and what to do"
not_ok "nothing was stored" bed_mailoauth token silent
like "$(cat "$BED/browser.out")" 'does not take the new token' "the browser's page says the same"
ok "relay signs in: it takes it" sign_in_trying silent relay@example.test --host "$imaps"
like "$(output)" 'signed in as +relay@example\.test \(the provider does not say; 127\.0\.0\.1 took the login\)' "and it is said who says so"
is "$(status_of silent identity)" relay@example.test "the mailbox is the identity"
is "$(status_of silent identity_verified)" false "which the provider has not verified"
is "$(status_of silent accepted.host)" 127.0.0.1 "status says who took the token"
ok "the account works" bed_mailoauth refresh silent
stored=$(bed_store_sum)
not_ok "mallory, once more" sign_in_trying silent mallory@example.test --host "$imaps"
is "$(bed_store_sum)" "$stored" "the grant that stands is untouched"
ok "and serves" bed_mailoauth token silent
ok "mallory, and a person who insists" sign_in_trying silent mallory@example.test --host "$imaps" --unverified
like "$(output)" 'signed in as +not verified' "that is said too"
ok "no server at that port: stored" sign_in_trying lost relay@example.test --host 127.0.0.1:1
like "$(output)" 'warning: it is not known who signed in: the provider does not say' "with a warning"
like "$(output)" '127\.0\.0\.1: Connection refused\)\. When one can, run: mailoauth test lost' "in which stands why, and how to make sure"
is "$(status_of lost identity)" null "and without an identity"
mkdir "$BED/sasl-none"
sasl=$BED/sasl-none ok "no plugin here: stored" sign_in_trying lost relay@example.test --host "$imaps"
like "$(output)" 'warning: it is not known who signed in' "with a warning"
ok "a host that is not the account's: not asked" sign_in_trying lost relay@example.test --host "elsewhere.example:$BED_IMAP_PORT"
like "$(output)" 'there is no such server of the account' "and it is said"

# Nothing but the issuer is configured: the rest is learned from the server's metadata, and known ever after.
bed_account learned relay@example.test "authorize_url =" "token_url ="
bed_account astray relay@example.test "authorize_url =" "token_url =" "issuer = $BED_ISSUER/"
bed_signal HUP "$BED_DAEMON_PID"
daemon_said() { # TEXT
	grep -q -e "$1" "$BED/daemon.log"
}
ok "the metadata is found" bed_wait_for 10 daemon_said 'account=learned discovery=ok .*endpoint=127\.0\.0\.1'
ok "userinfo is learned with the rest, and knows the name" bed_authorize learned relay@example.test
ok "the account works" bed_mailoauth refresh learned
ok "another spelling of the issuer is noticed" bed_wait_for 10 daemon_said 'account=astray discovery=config.* it is that of '
not_ok "and not believed" bed_mailoauth authorize astray
ok "config check says where the URLs come from" sh -c "'$MAILOAUTH' -c '$BED_CONF' config check | grep -q 'as the metadata of $BED_ISSUER says'"

# The server is away while the daemon starts anew: the token endpoint is remembered by the grant.
bed_signal TERM "$BED_PROVIDER_PID"
wait "$BED_PROVIDER_PID" 2>/dev/null
bed_signal TERM "$BED_DAEMON_PID"
wait "$BED_DAEMON_PID" 2>/dev/null
: >"$BED/daemon.log"
bed_daemon_start || bed_die "mailoauthd does not start again: $(tail -n 5 "$BED/daemon.log")"
ok "that is said" bed_wait_for 10 daemon_said 'account=learned discovery=retry.*what is known stays in use'
ok "the token is served" bed_mailoauth token learned
not_ok "a refresh fails" bed_mailoauth refresh learned
ok "at the endpoint that is known" daemon_said 'account=learned refresh=retry grant=refresh_token endpoint=127\.0\.0\.1'
done_testing
