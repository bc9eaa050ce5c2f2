#!/bin/sh
# SPDX-License-Identifier: MIT
#
# authorize.sh - the authorization of an account, and everything that can go wrong while a person is at a browser.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_daemon_conf
bed_account relay relay@example.test
fixed=$(bed_ports 1)
bed_account several alice@example.test "redirect = http://127.0.0.1 http://localhost/second" \
	"  https://mail.example.test/back http://localhost/unregistered http://127.0.0.1:$fixed"
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"

output() {
	cat "$BED/authorize.out"
}

no_grant() {
	! bed_mailoauth token relay
}

not_ok "mallory signs in for relay: refused" bed_authorize relay mallory@example.test
like "$(output)" 'mallory@example\.test' "the refusal names who signed in"
like "$(output)" 'relay@example\.test' "and who was expected"
ok "nothing was stored" no_grant

not_ok "consent denied: refused" bed_authorize relay relay@example.test --deny
like "$(output)" 'access_denied|denied' "and says so"
ok "nothing was stored" no_grant
is "$(bed_token_requests authorization_code ok)" 1 "only mallory's code was redeemed"

bed_authorize_begin relay --timeout 1
bed_authorize_end
is $? 10 "the redirect never comes: it ends, and a person must act"
like "$(output)" 'no sign-in arrived in time' "and says why"

# A forged state: nothing is redeemed.
bed_provider_ctl reset
bed_authorize_begin relay
bed_browser --user relay@example.test --state forged "$bed_shown_url" >"$BED/browser.out" 2>&1
is "$(bed_token_requests authorization_code)" 0 "a forged state redeems nothing"
ok "and stores nothing" no_grant
bed_signal TERM "$BED_AUTHORIZE_PID"
wait "$BED_AUTHORIZE_PID" 2>/dev/null

# Where the redirect goes is not for the asker to say, and the configuration may only say loopback or https.
begin=$(bed_ask "authorize-begin account=relay port=9 redirect_uri=http://evil.example/")
unlike "$begin" "evil" "an asker cannot name another host for the redirect"
like "$(echo "${begin#OK }" | bed_json redirect_uri)" "^http://(127\.0\.0\.1|localhost):9(/|\$)" "it stays on loopback"
ok "config check: the configuration as it is" "$MAILOAUTH" -c "$BED_CONF" config check
for base in http://evil.example http://127.0.0.1.evil.example http://localhost@evil.example; do
	sed "s|^user = relay@.*|&\nredirect = $base|" "$BED_CONF" >"$BED/other.conf"
	not_ok "redirect = $base: refused" "$MAILOAUTH" -c "$BED/other.conf" config check
	sed "s|^user = relay@.*|&\nredirect = http://127.0.0.1 $base|" "$BED_CONF" >"$BED/other.conf"
	not_ok "nor behind another" "$MAILOAUTH" -c "$BED/other.conf" config check
done

# The whole of it, then the same redirect again.
bed_provider_ctl reset
begin=$(bed_ask "authorize-begin account=relay port=9")
flow=$(echo "${begin#OK }" | bed_json flow)
url=$(echo "${begin#OK }" | bed_json url)
back=$(bed_browser --user relay@example.test --no-redirect "$url")
query=$(printf '%s' "${back#*\?}" | sed 's/%/%25/g')
like "$(bed_ask "authorize-finish flow=$flow query=$query")" '^OK .*relay@example\.test' "the redirect's query finishes the flow"
like "$(bed_ask "authorize-finish flow=$flow query=$query")" '^PERM consent' "a second time it is refused"
is "$(bed_token_requests authorization_code)" 1 "and not redeemed again"
ok "the account has a token" bed_mailoauth token relay

# mallory again: the grant that is there stays.
stored=$(bed_store_sum)
not_ok "mallory signs in for an account that works: refused" bed_authorize relay mallory@example.test
is "$(bed_store_sum)" "$stored" "the old grant stays as it was"
ok "and works" bed_mailoauth refresh relay

# The browser is on another machine: the address of its error page is pasted back.
bed_authorize_begin relay --paste
pasted=$(bed_browser --user relay@example.test --no-redirect "$bed_shown_url")
like "$pasted" '^http://(127\.0\.0\.1|localhost)' "the browser ends at a loopback address"
printf '%s\n' "$pasted" >"$BED/authorize.in"
bed_authorize_end
is $? 0 "pasting it back finishes"
like "$(output)" 'relay@example\.test' "and says who signed in"

# Through the loopback listener, as in most cases.
ok "with a browser on this machine" bed_authorize relay relay@example.test
like "$(cat "$BED/browser.out")" '^200 ' "the browser shows a page of ours"
bed_provider_ctl set delay_before_ms=6000 # more than a browser gets to fetch its page
ok "and a server that takes its time with the code" bed_authorize relay relay@example.test
like "$(cat "$BED/browser.out")" '^200 ' "the browser waits for that page, too"
bed_provider_ctl set delay_before_ms=0

# Several redirects of one account, as they are registered: the first, unless the command line names another.
sent_to() { # what the sign-in URL of the last one sends the browser back to
	sed -n 's/.*[?&]redirect_uri=\([^&]*\).*/\1/p' "$BED/authorize.out" | sed 's/%3A/:/g; s/%2F/\//g'
}
sign_in() { # mailoauth authorize several OPTION..., and a browser on this machine: what the browser was shown
	bed_authorize_begin several "$@" || return 1
	bed_browser --user alice@example.test "$bed_shown_url" 2>&1 || bed_signal TERM "$BED_AUTHORIZE_PID"
	bed_authorize_end
}

ok "several redirects: the first unless told" sign_in
like "$(sent_to)" '^http://127\.0\.0\.1:[0-9]+$' "that is where the browser was sent"
like "$(output)" 'Redirect URI: http://127\.0\.0\.1:[0-9]+ \(to be registered as http://127\.0\.0\.1\)' "what must be registered is said"

ok "another one, from the command line" sign_in --redirect http://localhost/second
like "$(sent_to)" '^http://localhost:[0-9]+/second$' "that is where the browser was sent"
like "$(output)" 'alice@example\.test' "and the account is authorized"

ok "one that names its port" sign_in --redirect "http://127.0.0.1:$fixed"
is "$(sent_to)" "http://127.0.0.1:$fixed" "it is listened there, without --port"

bed_authorize_begin several --timeout 30 --redirect https://mail.example.test/back
pasted=$(bed_browser --user alice@example.test --no-redirect "$bed_shown_url")
like "$pasted" '^https://mail\.example\.test/back\?' "a page on the web: the browser ends there"
printf '%s\n' "$pasted" >"$BED/authorize.in"
bed_authorize_end
is $? 0 "and its address is pasted back"

request=$(bed_mailoauth authorize several --request --redirect https://mail.example.test/back)
like "$request" 'Redirect URI: https://mail\.example\.test/back' "--request: the same"
pasted=$(bed_browser --user alice@example.test --no-redirect "$(echo "$request" | grep "^$BED_ISSUER/auth")")
ok "and --response needs no redirect" sh -c "echo '$pasted' | '$MAILOAUTH' -S '$BED_SOCKET' authorize several --response"

stored=$(bed_store_sum)
not_ok "one that is not registered: the provider refuses" sign_in --redirect http://localhost/unregistered
is "$(bed_store_sum)" "$stored" "the old grant stays as it was"
ok "and works" bed_mailoauth refresh several

is "$(bed_mailoauth complete +redirect | grep -cx "http://127.0.0.1\(:$fixed\)\{0,1\}\|http://localhost/second")" 3 "completion offers what is configured"

# Chosen is among those that are configured, to the letter; what was meant is said.
refused() { # URI WORDS WHAT
	"$MAILOAUTH" -S "$BED_SOCKET" authorize several --no-browser --redirect "$1" </dev/null >"$BED/authorize.out" 2>&1
	is $? 64 "$3: refused as a mistake"
	like "$(output)" "$2" "$3: and what was meant"
}
refused http://evil.example/ 'its redirect is http://127\.0\.0\.1 or http://localhost/second or .*run: mailoauth explain redirect-uris' "one that is not configured"
refused http://localhost/secnod 'run: mailoauth authorize several --redirect http://localhost/second$' "a slip"
refused localhost:8400/second 'run: mailoauth authorize several --redirect http://localhost/second --port 8400$' "a port of one's own"
like "$("$MAILOAUTH" -c "$BED_CONF" config check)" 'redirect +https://mail\.example\.test/back \(register this; the address where the browser ends is pasted back; chosen by --redirect\)' \
	"config check says what each is for"
like "$(bed_ask "authorize-begin account=several port=9 redirect=http://evil.example/")" '^PERM config account several: its redirect is ' \
	"mailoauthd takes no other either"
done_testing
