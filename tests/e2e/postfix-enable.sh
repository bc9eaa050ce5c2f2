#!/bin/sh
# SPDX-License-Identifier: MIT
#
# postfix-enable.sh - one command makes a plain Postfix relay through an account, beside whatever it does already; another one makes it
# what it was before, byte for byte, also when the first one was interrupted.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test "use = smtp"
bed_account second second@example.test "use = smtp"
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
for user in relay second; do
	bed_authorize $user $user@example.test || bed_die "$user@example.test cannot be authorized: $(cat "$BED/authorize.out")"
done
CONF=$BED/client/conf

postfix_verb() { # enable|disable [ARGUMENT...]
	verb=$1
	shift
	SSL_CERT_FILE=$BED/tls/ca.pem SASL_PATH=$BED/sasl bed_mailoauth postfix "$verb" -c "$BED_CONF" --postfix-config "$CONF" "$@" >"$BED/verb.out" 2>&1
}

relay_by() { # ACCOUNT [ARGUMENT...]
	postfix_verb enable "$@" --port "$BED_HUB_PORT"
}

sums() {
	(cd "$CONF" && sha256sum -- *)
}

same() { # FILE WANTED
	cmp "$CONF/$1" "$2"
}

relayed() { # NAME FROM METHOD
	bed_log_clear
	bed_send "$2" alice@example.test "$1"
	ok "$1: sent" bed_wait_for 30 bed_log_has client 'status=sent \(250 '
	ok "$1: the smarthost saw $3 as $2" bed_log_has hub "sasl_method=($3), sasl_username=$2"
}

doctor() {
	bed_mailoauth doctor -c "$BED_CONF" --postfix-config "$CONF" "$@"
}

complaints() {
	grep -E '^(ERROR|WARNING)' "$BED/doctor.out" | bed_memcheck_doctor
}

# What an administrator has who never heard of OAuth.
sed -i '/^relayhost\|^smtp_tls_security_level\|^smtp_sasl/d' "$CONF/main.cf"
cp "$CONF/main.cf" "$BED/plain.main"
cp "$CONF/master.cf" "$BED/plain.master"
bed_postfix_reload client

before=$(sums)
relay_by relay --dry-run
is $? 0 "--dry-run: exit status 0"
like "$(cat "$BED/verb.out")" "^\\+relayhost = \\[127.0.0.1\\]:$BED_HUB_PORT" "--dry-run: shows what would be changed"
is "$(sums)" "$before" "--dry-run: writes nothing"
is "$(sed -n 's/^+\([a-z_]*\) = .*/\1/p' "$BED/verb.out" | xargs)" \
	"relayhost smtp_tls_security_level smtp_sasl_auth_enable smtp_sasl_mechanism_filter smtp_sasl_tls_security_options smtp_sasl_password_maps" "--dry-run: in this order"
relay_by relay </dev/null
is $? 64 "without --yes and somebody to ask nothing is done"
is "$(sums)" "$before" "nor is anything written"

relay_by relay --yes --limits
is $? 0 "enable: exit status 0"
ok "enable: master.cf is left alone" same master.cf "$BED/plain.master"
is "$(cat "$CONF"/main.cf.mailoauth-*)" "$(cat "$BED/plain.main")" "enable: a copy is kept"
like "$(cat "$BED/verb.out")" '^ *ok +login +235 ' "enable: ends with a login at the smarthost"
is "$(postconf -c "$CONF" -h smtp_destination_concurrency_limit) $(postconf -c "$CONF" -h smtp_destination_rate_delay)" "3 2s" \
	"--limits: Exchange's are set"
relayed "enabled" relay@example.test 'XOAUTH2|OAUTHBEARER'
doctor >"$BED/doctor.out"
is "$(complaints | grep -v second)" "" "enable: doctor has nothing to complain of"

before=$(sums)
relay_by relay --yes --limits
is $? 0 "enable again: exit status 0"
is "$(sums)" "$before" "enable again: nothing changes"

postfix_verb disable --yes
is $? 0 "disable: exit status 0"
ok "disable: main.cf is what it was, byte for byte" same main.cf "$BED/plain.main"
ok "disable: nothing is left to undo" [ ! -e "$CONF/mailoauth-changes" ]
postfix_verb disable --yes
like "$(cat "$BED/verb.out")" 'has changed nothing' "disable again: nothing to do"

# What somebody writes in between stays, and what they changed of ours too.
relay_by relay --yes
echo "# mine" >>"$CONF/main.cf"
postconf -c "$CONF" -e "smtp_sasl_tls_security_options = noanonymous, noactive" "smtp_connect_timeout = 7s"
postfix_verb disable --yes
like "$(cat "$BED/verb.out")" '^smtp_sasl_tls_security_options$' "changed since: named"
is "$(postconf -c "$CONF" -h smtp_sasl_tls_security_options)" "noanonymous, noactive" "changed since: left as it is"
is "$(grep -c '^# mine' "$CONF/main.cf") $(postconf -c "$CONF" -h smtp_connect_timeout)" "1 7s" "changed since: what is not ours stays"
is "$(postconf -c "$CONF" -n relayhost smtp_sasl_password_maps smtp_sasl_auth_enable 2>/dev/null)" "" "changed since: the rest is gone"
rm -f "$CONF"/*.mailoauth-*
cp "$BED/plain.main" "$CONF/main.cf"

# What somebody sets between two runs is what was there before the second.
relay_by relay --yes
postconf -c "$CONF" -e "relayhost = [other.test]"
relay_by relay --yes
postfix_verb disable --yes
is "$(postconf -c "$CONF" -h relayhost) $(postconf -c "$CONF" -n smtp_sasl_auth_enable 2>/dev/null)" "[other.test] " \
	"set between two runs: is put back, and the rest is gone"
rm -f "$CONF"/*.mailoauth-*
cp "$BED/plain.main" "$CONF/main.cf"

# Two at once, and a file that is written while somebody is asked.
exec 4<"$CONF"
flock 4
relay_by relay --yes
is $? 75 "another one at work: exit status 75"
like "$(cat "$BED/verb.out")" 'another mailoauth postfix is at work' "another one at work: says so"
exec 4<&-
if command -v script >/dev/null; then
	mkfifo "$BED/answer"
	SSL_CERT_FILE=$BED/tls/ca.pem SASL_PATH=$BED/sasl script -qefc "'$MAILOAUTH' -S '$BED_SOCKET' postfix enable relay -c '$BED_CONF' --postfix-config '$CONF' --port $BED_HUB_PORT" \
		/dev/null <"$BED/answer" >"$BED/verb.out" 2>&1 &
	asker=$!
	bed_note $asker
	exec 3>"$BED/answer"
	ok "while it asks: it asks" bed_wait_for 20 grep -q 'Type yes' "$BED/verb.out"
	echo "# theirs" >>"$CONF/main.cf"
	echo yes >&3
	wait $asker
	is $? 75 "while it asks: a file that was changed is not replaced"
	exec 3>&-
	like "$(cat "$BED/verb.out")" 'main.cf was changed meanwhile' "while it asks: says so"
	is "$(tail -n 1 "$CONF/main.cf")" "# theirs" "while it asks: what was written stays"
	rm -f "$CONF"/*.mailoauth-* "$CONF/mailoauth-changes"
	cp "$BED/plain.main" "$CONF/main.cf"
else
	skip "while it asks" "there is no script(1)"
fi

# A map's line is nobody's to read: it holds a password.
postconf -c "$CONF" -e 'smtp_sasl_password_maps = inline:{ { [mx.test]:587 = bob:hunter2 } { [mx.test:587 } }' smtp_sasl_auth_enable=yes \
	"relayhost = [127.0.0.1]:$BED_HUB_PORT"
doctor >"$BED/doctor.out"
like "$(cat "$BED/doctor.out")" 'postmap refuses a table' "a password map that postmap does not take: doctor says so"
unlike "$(cat "$BED/doctor.out")" 'hunter2' "a password map that postmap does not take: no password is shown"
cp "$BED/plain.main" "$CONF/main.cf"

# A Postfix that relays already, with a password: that goes on, and two accounts go beside it.
bed_sasl_add_plain
echo "[127.0.0.1]:$BED_HUB_PORT $BED_PASSWORD_USER:$BED_PASSWORD" >"$BED/client/passwords"
postmap -c "$CONF" "hash:$BED/client/passwords"
postconf -c "$CONF" -e "relayhost=[127.0.0.1]:$BED_HUB_PORT" smtp_sasl_auth_enable=yes smtp_tls_security_level=may \
	smtp_sasl_tls_security_options=noanonymous smtp_sasl_mechanism_filter=plain "smtp_sasl_password_maps=hash:$BED/client/passwords"
cp "$CONF/main.cf" "$BED/password.main"
for user in relay second; do
	relay_by $user --sender $user@example.test --yes
	is $? 0 "beside a password: $user is enabled for its sender"
done
is "$(postconf -c "$CONF" -h smtp_sasl_password_maps smtp_sasl_mechanism_filter | tr '\n' ' ')" "hash:$BED/client/passwords plain " \
	"beside a password: its settings are left alone"
bed_postfix_reload client
relayed "beside a password: the first account" relay@example.test 'XOAUTH2|OAUTHBEARER'
relayed "beside a password: the second account" second@example.test 'XOAUTH2|OAUTHBEARER'
relayed "beside a password: the password" "$BED_PASSWORD_USER" PLAIN
before=$(sums)
relay_by relay --sender relay@example.test --yes
is "$(sums)" "$before" "beside a password: enabling the first again changes nothing"
doctor --sender second@example.test >"$BED/doctor.out"
like "$(cat "$BED/doctor.out")" '^ok +sender .*account second, as second@example.test' "beside a password: doctor knows the way"
is "$(complaints)" "" "beside a password: and does not judge the other login"
postfix_verb disable --yes
ok "beside a password: main.cf is what it was" same main.cf "$BED/password.main"
ok "beside a password: master.cf is what it was" same master.cf "$BED/plain.master"

# All mail, beside other logins: by a service of its own.
relay_by relay --yes
like "$(cat "$BED/verb.out")" 'service of its own .* smtp_sasl_password_maps has entries' "all mail, beside other logins: says why"
is "$(postconf -c "$CONF" -h default_transport smtp_sasl_password_maps | tr '\n' ' ')" "smtp-oauth:[127.0.0.1]:$BED_HUB_PORT hash:$BED/client/passwords " \
	"all mail, beside other logins: by the transport"
bed_postfix_reload client
relayed "all mail, beside other logins" relay@example.test 'XOAUTH2|OAUTHBEARER'
# Our own service, with an option more: it is no longer as we made it.
cp "$CONF/master.cf" "$BED/own.master"
cp "$CONF/main.cf" "$BED/own.main"
cp "$CONF/mailoauth-changes" "$BED/own.changes"
postconf -c "$CONF" -P smtp-oauth/unix/smtp_helo_timeout=7s
postfix_verb disable --dry-run
like "$(cat "$BED/verb.out")" '^smtp-oauth/unix$' "a service changed since: named, and left"
cp "$BED/own.master" "$CONF/master.cf"
# A sender that the mailbox may not use: as the README says.
bed_postfix_set client "smtp_generic_maps=inline:{ { root@client.test = relay@example.test } }"
bed_log_clear
bed_send root@client.test alice@example.test "a sender written anew"
ok "a sender written anew: sent" bed_wait_for 30 bed_log_has client 'status=sent \(250 '
ok "a sender written anew: the smarthost saw who logs in" bed_log_has hub 'from=<relay@example.test>'
postconf -c "$CONF" -X smtp_generic_maps
postfix_verb disable --yes
ok "all mail, beside other logins: main.cf is what it was" same main.cf "$BED/password.main"
ok "all mail, beside other logins: master.cf is what it was" same master.cf "$BED/plain.master"

# Killed before master.cf and before main.cf is in place (the renames before are those of copies and of the record): all of it can be undone.
if command -v strace >/dev/null; then
	for n in 6 7 8; do
		SSL_CERT_FILE=$BED/tls/ca.pem SASL_PATH=$BED/sasl TMPDIR=$BED strace -qq -o /dev/null -e trace=rename,renameat,renameat2 -e "inject=rename,renameat,renameat2:signal=KILL:when=$n" \
			"$MAILOAUTH" -S "$BED_SOCKET" postfix enable relay -c "$BED_CONF" --postfix-config "$CONF" --port "$BED_HUB_PORT" --yes \
			>/dev/null 2>&1
		ended=$?
		postfix_verb disable --yes || fail "killed at rename $n: disable" "$(cat "$BED/verb.out")"
		{ same main.cf "$BED/password.main" && same master.cf "$BED/plain.master"; } ||
			fail "killed at rename $n: all is what it was" "$(diff "$CONF/main.cf" "$BED/password.main")"
		[ $ended -ne 0 ] || break
	done
	is "$n $ended" "8 0" "killed before master.cf and before main.cf was in place, the last run was not: all were undone"
else
	skip "killed before its renames" "there is no strace"
fi

# Refused, and nothing written.
before=$(sums)
relay_by nobody --yes
is $? 78 "an unknown account: exit status 78"
relay_by relay --yes --sender not-an-address
is $? 64 "a sender that is no address: exit status 64"
postconf -c "$CONF" -e "sender_dependent_relayhost_maps=inline:{ { a@example.test = [127.0.0.1]:1 } }"
relay_by relay --yes
is $? 78 "senders that go elsewhere already: refused"
like "$(cat "$BED/verb.out")" '\-\-sender' "senders that go elsewhere already: and what to type"
postconf -c "$CONF" -X sender_dependent_relayhost_maps
rm "$BED/client/queue/private/mailoauth"
relay_by relay --yes
is $? 78 "no socket in the jail: refused"
like "$(cat "$BED/verb.out")" 'mailoauthd runs, but smtp\(8\) in the chroot .* does not reach it$' "no socket in the jail: says so"
like "$(cat "$BED/verb.out")" '^it sees: .*there is neither /private/mailoauth nor [^;]*$' "no socket in the jail: and what smtp(8) sees, without the daemon's own advice"
like "$(cat "$BED/verb.out")" '^(run|to do): .*mailoauth' "no socket in the jail: and what to do"
bed_daemon_stop
relay_by relay --yes
is $? 69 "no daemon: refused"
like "$(cat "$BED/verb.out")" 'mailoauthd does not run, .*; run: .*mailoauthd' "no daemon: says so, and how it is started"
is "$(wc -l <"$BED/verb.out") $(awk 'length > 120' "$BED/verb.out")" "2 " "no daemon: in two short lines"
is "$(sums)" "$before" "refused: nothing is written"
rm -rf "$BED/nothing"
mkdir "$BED/nothing"
bed_mailoauth postfix enable relay -c "$BED_CONF" --postfix-config "$BED/nothing" --yes >"$BED/verb.out" 2>&1
is $? 78 "no main.cf: refused"
done_testing
