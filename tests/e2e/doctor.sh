#!/bin/sh
# SPDX-License-Identifier: MIT
#
# doctor.sh - a healthy machine has nothing to complain of; then one thing after another is broken, mailoauth doctor finds it, and running the
# command that it prints mends it.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test "use = smtp"
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
bed_authorize relay relay@example.test || bed_die "relay@example.test cannot be authorized: $(cat "$BED/authorize.out")"
PATH=$(dirname "$MAILOAUTH"):$PATH

doctor() { # [ARGUMENT...]
	bed_mailoauth doctor -c "$BED_CONF" --postfix-config "$BED/client/conf" "$@"
}

conf() { # NAME=VALUE...: changes main.cf; doctor reads what is written, whoever has it loaded
	postconf -c "$BED/client/conf" -e "$@"
}

examine() { # [ARGUMENT...]
	doctor "$@" >"$BED/doctor.out"
	status=$?
}

finding() { # REGEX NAME: doctor.out has such a line: "ERROR   check  what was seen"
	like "$(cat "$BED/doctor.out")" "$1" "$2"
}

complaints() {
	grep -E '^(ERROR|WARNING)' "$BED/doctor.out"
}

# Runs every command that was printed, as an administrator would who pastes them; then nothing is wrong any more.
mended() { # NAME
	sed -n 's/^ *run: //p' "$BED/doctor.out" >"$BED/mend.sh"
	ok "$1: the commands run" sh -e "$BED/mend.sh"
	examine
	is "$(complaints)" "" "$1: and nothing is wrong any more"
}

examine
is $status 0 "a healthy machine: exit status 0"
is "$(complaints)" "" "a healthy machine: nothing to complain of"
finding '^ok +socket .*answers user postfix in the chroot' "the socket was tried from inside the jail"
unlike "$(cat "$BED/doctor.out")" "$(printf '\033')" "no colours where there is no terminal"

# Each finding by its own check, all at once; a map's password must not be shown.
echo "[127.0.0.1]:$BED_HUB_PORT somebody:s3cret" >"$BED/client/passwords"
postmap -c "$BED/client/conf" "hash:$BED/client/passwords"
cp -L "$MAILOAUTH_PLUGIN" "$BED/sasl/libxoauth2.so"
chmod 755 "$BED_STORE"
conf "smtp_sasl_tls_security_options=noplaintext, noanonymous" "smtp_sasl_security_options=noanonymous" \
	"smtp_sasl_mechanism_filter=plain, login" "smtp_tls_security_level=none" "smtp_sasl_auth_enable=no" \
	"smtp_sasl_auth_cache_name=texthash:$BED/client/cache" "debug_peer_list=127.0.0.1" "notify_classes=resource, protocol" \
	"smtp_sasl_password_maps=hash:$BED/client/passwords"
postconf -c "$BED/client/conf" -F "smtp/unix/command=smtp -v -o syslog_name=client"
examine
is $status 2 "errors: exit status 2"
finding '^ERROR +files .*open to others' "an open store"
finding '^(ERROR|WARNING) +plugin .*libxoauth2.so offers (XOAUTH2|OAUTHBEARER) too, and (is taken|comes after ours)' "another plugin"
finding '^ERROR +sasl-enable .*smtp_sasl_auth_enable' "no login"
finding '^ERROR +tls-level .*= none' "no TLS"
finding '^ERROR +security-options .*= noplaintext, noanonymous' "noplaintext"
finding '^WARNING +security-options .*smtp_sasl_security_options = noanonymous' "tokens in clear"
finding '^ERROR +mechanism-filter .*plain, login' "wrong filter"
finding "^ERROR +password-map .*no account's" "a stranger's entry"
finding '^ERROR +auth-cache .*smtp_sasl_auth_cache_name' "refusals remembered"
finding '^WARNING +logs .*smtp unix runs with -v' "-v in master.cf"
finding '^WARNING +logs .*debug_peer_list' "debug_peer_list"
finding '^WARNING +logs .*notify_classes' "notify_classes"
unlike "$(cat "$BED/doctor.out")$(doctor --json)" s3cret "no password is shown"
mended "all of that"
is "$(postconf -c "$BED/client/conf" -h smtp_sasl_tls_security_options)" noanonymous "noplaintext is gone"
is "$(postconf -c "$BED/client/conf" -h -P smtp/unix/syslog_name)" client "of -v only that was removed"
like "$(postconf -c "$BED/client/conf" -h smtp_sasl_password_maps)" "inline:.*, hash:$BED/client/passwords\$" "the stranger's map is kept"

# The same where a service has its own settings, and what is only a warning.
postconf -c "$BED/client/conf" -P "smtp/unix/smtp_sasl_tls_security_options=noplaintext"
conf "smtp_sasl_mechanism_filter=" "smtp_tls_security_level=may" "relayhost=127.0.0.1:$BED_HUB_PORT"
examine
finding '^ERROR +security-options .*= noplaintext$' "noplaintext in master.cf"
finding '^WARNING +mechanism-filter ' "no filter"
finding '^WARNING +tls-level .*= may' "TLS perhaps"
finding "^ERROR +password-map .*entry for \\[127.0.0.1\\]:$BED_HUB_PORT, and relayhost says 127.0.0.1:$BED_HUB_PORT" "nexthop spelled differently"
mended "the second round"
conf "relayhost=[127.0.0.1]:$BED_HUB_PORT"
examine
is "$(complaints)" "" "nexthop spelled differently: the old entry is still there"
conf "smtp_tls_security_level=may"
examine
is $status 1 "a warning only: exit status 1"

# mailoauthd as the map is not asked (the answer would be a token), and its decision is known all the same.
maps=$(postconf -c "$BED/client/conf" -h smtp_sasl_password_maps)
conf "smtp_sasl_password_maps=proxy:socketmap:unix:$BED_SOCKET:login, hash:$BED/client/passwords" smtp_tls_security_level=encrypt
before=$(bed_mailoauth status relay --json | grep -o '"requests":[0-9]*')
examine
finding '^ok +password-map .*account relay, as relay@example.test' "socketmap: which account"
finding '^note +tls-level .*asks for no certificate' "no certificate is asked for"
finding "^ *run: postconf .*-e 'smtp_tls_security_level=secure'" "no certificate is asked for: the command"
is "$(bed_mailoauth status relay --json | grep -o '"requests":[0-9]*')" "$before" "socketmap: no token was asked for"
conf "smtp_sasl_password_maps=$maps"

# What has no command, or one that this machine cannot run.
conf "smtp_tls_security_level=secure" "smtp_tls_CAfile=" "relayhost=[127.0.0.1]:465"
mv "$BED/sasl/libmailoauth.so" "$BED/sasl/libmailoauth.off"
chown root "$BED/client/queue/private/mailoauth"
postconf -c "$BED/client/conf" -M "mailoauth/unix=mailoauth unix - - y - - smtp"
chmod 000 "$BED/client/queue/private/mailoauth"
examine --sender other@example.test
finding "^ERROR +plugin .*finds no libmailoauth.so in $BED/sasl" "no plugin"
finding '^ERROR +certificates .*without smtp_tls_CAfile' "no authorities"
finding '^ERROR +tls-level .*port 465 without smtp_tls_wrappermode' "port 465 without wrapper mode"
finding '^ERROR +network .*port 465: it takes no connection' "a port where nobody listens"
finding '^ +run: +mailoauth test relay smtp --host 127\.0\.0\.1:465$' "and what shows more of it"
finding '^ERROR +socket .*as user postfix in the chroot .*may not open' "a socket that Postfix may not open"
finding '^ERROR +socket .*master.cf has a service called mailoauth' "a service whose socket would be mailoauthd's"
postconf -c "$BED/client/conf" -MX mailoauth/unix
mv "$BED/sasl/libmailoauth.off" "$BED/sasl/libmailoauth.so"
conf "smtp_tls_CAfile=$BED/tls/ca.pem" "smtp_tls_security_level=encrypt" "relayhost=[127.0.0.1]:$BED_HUB_PORT"

rm "$BED/client/queue/private/mailoauth"
sed "s|^socket = .*|socket = $BED_SOCKET|; s/^allow = .*/allow = root/" "$BED_CONF" >"$BED/other.conf"
examine -c "$BED/other.conf"
finding "^ERROR +socket .*there is neither /private/mailoauth" "no socket in the jail"
finding "Add $BED/client/queue/private/mailoauth to socket" "no socket in the jail: what to write"
finding '^ERROR +allow .*does not name postfix' "allow without Postfix"
postconf -c "$BED/client/conf" -F smtp/unix/chroot=n
bed_daemon_stop
conf "relayhost="
examine
is $status 2 "daemon stopped: exit status 2"
finding '^ERROR +daemon .*mailoauthd' "daemon stopped"
finding '^WARNING +route .*nothing through account relay' "no route"
finding 'run: mailoauth postfix enable relay' "no route: what to run"
conf "relayhost=[127.0.0.1]:$BED_HUB_PORT"
examine
finding '^ERROR +socket +smtp: as user postfix: .*there is neither' "out of the jail: the system's socket is tried"
postconf -c "$BED/client/conf" -F smtp/unix/chroot=y
bed_daemon_start

# Senders and accounts.
bed_account second second@example.test "use = smtp"
examine --sender relay@example.test --sender other@example.test --sender second@example.test
finding '^ok +sender .*account relay, as relay@example.test' "--sender: which account is used"
finding '^WARNING +sender .*mail from other@example.test goes out as relay@example.test \(account relay\)' "--sender: another one than who logs in"
finding 'run: mailoauth postfix enable second --sender' "--sender: the account that sends for it"

conf "smtp_generic_maps=inline:{ { other@example.test = relay@example.test }, { @web.test = other@example.test } }"
examine --sender other@example.test --sender root@web.test
finding '^ok +sender .*mail from other@example.test goes out as relay@example.test \(smtp_generic_maps\): account relay' \
	"--sender: one that Postfix writes anew"
finding '^WARNING +sender .*mail from root@web.test goes out as relay@example.test \(account relay\)' "--sender: written anew as one that may not send"
conf "smtp_generic_maps="
examine --sender other@example.test

is "$(doctor --json | bed_node -e '
	const report = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
	const f = report.findings.find((f) => f.check === "sender" && f.severity === "warning");
	console.log(report.version, typeof report.errors, typeof report.warnings, f.check, typeof f.seen, typeof f.why, typeof f.mend);')" \
	"1 number number sender string string string" "--json: one object with all findings"

bed_postfix_reload client
bed_log_clear
bed_send relay@example.test alice@example.test "after all that"
ok "after all that mail goes out" bed_wait_for 30 bed_log_has client 'status=sent \(250 '
done_testing
