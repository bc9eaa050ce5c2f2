#!/bin/sh
# SPDX-License-Identifier: MIT
#
# probe.sh - `mailoauth test` against a real smarthost and a real Dovecot, and against scripted servers that speak as Exchange and Gmail
# do, or as nobody should. No run may print a token.
# shellcheck disable=SC2016 # $tag is the scripted server's
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_begin
# shellcheck disable=SC2046 # two numbers
set -- $(bed_ports 2)
pop_port=$1 imap_port=$2
BED_DOVECOT_EXTRA="$(bed_dovecot_pop3 "$pop_port")
service imap-login {
  inet_listener imap {
    port = $imap_port
  }
}"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test "use = smtp imap pop" "smtp_host = 127.0.0.1 smtp.invalid" "pop_host = 127.0.0.1"
bed_account shared relay@example.test "imap_user = second@example.test" "use = imap"
bed_account second second@example.test
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
for authorized in relay shared; do
	bed_authorize $authorized relay@example.test || bed_die "$authorized: $(cat "$BED/authorize.out")"
done
first_token=$(bed_mailoauth token relay)
: >"$BED/all.out"

# Runs it; $out, $status.
probe() { # ACCOUNT ARGUMENT...
	out=$(SSL_CERT_FILE=${ca-$BED/tls/ca.pem} SASL_PATH=${sasl-$BED/sasl} "$MAILOAUTH" -S "$BED_SOCKET" test "$@" 2>&1 </dev/null)
	status=$?
	printf '%s\n' "$out" >>"$BED/all.out"
}

# The same; it must end with STATUS, and say all of the patterns.
try() { # NAME STATUS PATTERN... -- ACCOUNT ARGUMENT...
	try_name=$1 try_status=$2
	shift 2
	: >"$BED/patterns"
	while [ "$1" != -- ]; do
		printf '%s\n' "$1" >>"$BED/patterns"
		shift
	done
	shift
	probe "$@"
	missing=$(while read -r pattern; do
		printf '%s\n' "$out" | grep -Eq -e "$pattern" || printf 'no match for: %s\n' "$pattern"
	done <"$BED/patterns")
	if [ "$status" = "$try_status" ] && [ -z "$missing" ]; then
		pass "$try_name"
	else
		fail "$try_name" "status $status, wanted $try_status
$missing
$out"
	fi
}

# Real servers -----------------------------------------------------------------------------------------------------------------------------
hub=127.0.0.1:$BED_HUB_PORT
imaps=127.0.0.1:$BED_IMAP_PORT
try "smtp: STARTTLS and AUTH" 0 'relay: smtp at 127\.0\.0\.1 port' 'signed in as relay@example\.test' 'ok +token .*until 20' \
	'ok +connect +127\.0\.0\.1' 'ok +greeting +220 hub\.test' 'ok +starttls +220 ' 'TLSv1\.[23], certificate of .* by mailoauth test bed until 20' \
	'ok +offers .*XOAUTH2' "ok +plugin +(XOAUTH2|OAUTHBEARER) from $BED/sasl/libmailoauth\.so\$" 'ok +login +235 ' works -- relay smtp --host "$hub"
for mechanism in xoauth2 oauthbearer; do
	upper=$(echo $mechanism | tr "[:lower:]" "[:upper:]")
	try "smtp: $mechanism" 0 "plugin +$upper from" 'login +235' -- relay smtp --host "$hub" --mechanism $mechanism
	try "imap: $mechanism" 0 "plugin +$upper from" 'login .*OK' 'mailbox .*OK.*messages: 0' -- relay imap --host "$imaps" --tls implicit --mechanism $mechanism
	try "pop: $mechanism" 0 "plugin +$upper from" 'login +\+OK' 'mailbox +\+OK 0 0' -- relay pop --host "127.0.0.1:$pop_port" --mechanism $mechanism
done
try "imap: STARTTLS" 0 'ok +starttls' 'ok +mailbox' -- relay imap --host "127.0.0.1:$imap_port" --tls starttls
try "a message is sent" 0 'message +250 .*queued as' -- relay smtp --host "$hub" --send-to alice@example.test
ok "and arrives, whole" bed_wait_for 10 bed_mailbox_has alice@example.test '^Subject: mailoauth test'
message=$(bed_mailbox alice@example.test | xargs cat)
like "$message" '^From: <relay@example\.test>' "from the account's user"
like "$message" '^Auto-Submitted: auto-generated' "and no robot answers it"
like "$message" '^Message-ID: <[^@ ]+@example\.test>' "with an identifier"
is "$(printf '%s\n' "$message" | grep -c '^Date: ')" 1 "and one date"
try "a recipient that is refused" 12 'NO +message +RCPT TO: 5[0-9][0-9] ' 'run|refused|rights|relay: smtp' -- relay smtp --host "$hub" --send-to nobody@elsewhere..test
try "an address that no message can have" 78 'ASCII' -- relay smtp --host "$hub" --send-to 'a b@example.test'

# What goes wrong on this side -------------------------------------------------------------------------------------------------------------
ca=/dev/null try "a certificate that nobody vouches for" 14 'NO +tls .*not trusted: .*\(it is the certificate of .* by mailoauth test bed' -- relay imap --host "$imaps" --tls implicit
try "a closed port" 14 'NO +connect +127\.0\.0\.1: Connection refused' 'relay: imap at 127' -- relay imap --host 127.0.0.1:1
try "a name that does not exist" 14 'NO +resolve +smtp\.invalid has no address' -- relay smtp --host smtp.invalid
try "all services, at their usual ports" 14 'relay: smtp at 127.0.0.1 port 587' 'relay: imap at 127.0.0.1 port 993' 'relay: pop at 127.0.0.1 port 995' -- relay
try "a host that is not the account's" 78 'NO +token .*elsewhere' -- relay smtp --host elsewhere.example
try "a service that is not the account's" 78 'not for pop' -- shared pop
try "an account that is not there" 78 'no account' -- nobody
try "an account without a grant" 10 'NO +grant +nobody has signed in yet' 'run: mailoauth authorize second$' -- second
is "$(printf '%s\n' "$out" | grep -Ec 'signed in|authorize second|^  ok')" 2 "has one reason, one command, and nothing that is ok"
mkdir "$BED/sasl-none" "$BED/sasl-other"
cp "$BED/sasl/libmailoauth.so" "$BED/sasl-other/libother.so"
sasl=$BED/sasl-none try "no plugin" 78 'no plugin for ' 'saslpluginviewer -c \(or pluginviewer -c\)' -- relay smtp --host "$hub"
sasl=$BED/sasl-other try "somebody else's plugin is given nothing" 78 "NO +plugin .*$BED/sasl-other/libother\.so" 'not mailoauth.s plugin' -- relay smtp --host "$hub" --trace
unlike "$out" 'C: AUTH' "and no login is tried"
like "$(setpriv --reuid mail --clear-groups "$MAILOAUTH" -S "$BED_SOCKET" test relay 2>&1; echo $?)" '^77$' "for administrators only"

# What real servers refuse -----------------------------------------------------------------------------------------------------------------
try "another's mailbox: the likeliest cause is named" 11 'NO +login ' 'token belongs to relay@example\.test, but the mailbox of second@example\.test was asked for' -- shared imap --host "$imaps" --tls implicit
bed_mailoauth refresh relay >/dev/null
bed_provider_ctl revoke-access account=relay@example.test
try "smtp: a token that was revoked" 11 'NO +challenge +\{.*"status"' 'NO +plugin .*refused the access token' 'NO +login .*535 ' -- relay smtp --host "$hub" --mechanism xoauth2
try "smtp: mailoauthd was told, and has a fresh one" 0 works -- relay smtp --host "$hub"
bed_provider_ctl revoke-access account=relay@example.test
try "imap: and so by OAUTHBEARER" 11 'NO +challenge +\{.*"status"' 'NO +login .*NO ' -- relay imap --host "$imaps" --tls implicit --mechanism oauthbearer
bed_mailoauth refresh relay >/dev/null

# For programs -----------------------------------------------------------------------------------------------------------------------------
SSL_CERT_FILE=$BED/tls/ca.pem SASL_PATH=$BED/sasl "$MAILOAUTH" -S "$BED_SOCKET" test relay smtp --host "$hub" --json --trace >"$BED/json.out" 2>&1
is "$?" 0 "--json"
cat "$BED/json.out" >>"$BED/all.out"
json() { # EXPRESSION over the object
	bed_node -p "const o = JSON.parse(require('node:fs').readFileSync('$BED/json.out')); $1"
}
like "$(bed_mailoauth status relay)" 'token taken at +2' "and status says when a server last took the token"
is "$(json 'o.version + o.account + o.exit + o.services[0].class + o.services[0].ok')" "1relay0workstrue" "one object"
is "$(json '[...new Set(o.services[0].steps.map((s) => s.stage))].join()')" "authorization,grant,token,connection,login" "its steps name their stages"
like "$(json 'o.services[0].dialogue.map((l) => l.from[0] + l.line).join("\n")')" '^cAUTH [A-Z0-9]+( \[[0-9]+ bytes\])?$' "the dialogue has the secret's length"
probe relay smtp --host "$hub" --trace
is "$(printf '%s\n' "$out" | grep -c '^\[[1-5]/5 ')" 5 "--trace: five labelled stages"
like "$out" '^ +S: 220 hub\.test' "--trace: what the server says"
like "$out" '^ +C: QUIT' "--trace: and the client"

# Scripts ----------------------------------------------------------------------------------------------------------------------------------
sed -e 's/IP:127.0.0.1, DNS:localhost/DNS:elsewhere.example/' "$BED/tls/openssl.cnf" >"$BED/other.cnf"
mkdir "$BED/tls-other"
cp "$BED/tls/server.key" "$BED/tls-other/"
openssl x509 -req -in "$BED/tls/server.csr" -CA "$BED/tls/ca.pem" -CAkey "$BED/tls/ca.key" -CAcreateserial -days 2 -extfile "$BED/other.cnf" \
	-extensions server -out "$BED/tls-other/server.pem" 2>/dev/null

mkdir "$BED/tls-script"
touch "$BED/script"
"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/script" "$BED/tls-script" "$BED/client.log" >"$BED/port" 2>"$BED/scripted.log" &
bed_note $!
bed_wait_for 10 [ -s "$BED/port" ] || bed_die "the scripted server does not start: $(cat "$BED/scripted.log")"

# against NAME STATUS SERVICE PATTERN... <SCRIPT: one test of the scripted server. `account`, `tls_dir`, `more` may be set.
against() {
	against_name=$1 against_status=$2 service=$3
	shift 3
	cat >"$BED/script"
	: >"$BED/client.log"
	cp "${tls_dir-$BED/tls}/server.key" "${tls_dir-$BED/tls}/server.pem" "$BED/tls-script/"
	# shellcheck disable=SC2086 # no words or some
	try "$against_name" "$against_status" "$@" -- "${account-relay}" "$service" --host "127.0.0.1:$(cat "$BED/port")" --timeout 2 --mechanism xoauth2 ${more-}
	unlike "$(cat "$BED/client.log")" 'UNEXPECTED|LOGIN|PLAIN' "$against_name: and the client said what it should"
}

IMAP='tls
S: * OK [CAPABILITY IMAP4rev1] The Microsoft Exchange IMAP4 service is ready.
C: CAPABILITY$
S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS
S: $tag OK CAPABILITY completed.
C: AUTHENTICATE XOAUTH2 [A-Za-z0-9+/=]+$'
SMTP='S: 220 AM0PR.outlook.office365.com Microsoft ESMTP MAIL Service ready
C: ^EHLO
S: 250-AM0PR.outlook.office365.com Hello\r\n250-STARTTLS\r\n250 SMTPUTF8
C: ^STARTTLS$
S: 220 2.0.0 SMTP server ready
tls
C: ^EHLO
S: 250-AM0PR.outlook.office365.com Hello\r\n250-AUTH LOGIN XOAUTH2\r\n250 SMTPUTF8
C: ^AUTH XOAUTH2 [A-Za-z0-9+/=]+$'
against "Exchange refuses without a challenge" 11 imap 'NO +login +.*NO AUTHENTICATE failed\.' <<-EOF
	$IMAP
	S: \$tag NO AUTHENTICATE failed.
	C: LOGOUT
	S: \$tag OK
	close
EOF
against "authenticated but not connected" 12 imap 'ok +login .*OK AUTHENTICATE completed' 'NO +mailbox .*BAD User is authenticated but not connected' \
	'it means ' 'causes ' 'to do ' <<-EOF
	$IMAP
	S: \$tag OK AUTHENTICATE completed.
	C: EXAMINE INBOX
	S: \$tag BAD User is authenticated but not connected.
	S: * BYE Connection closed. 14
	close
EOF
account=shared against "the same, with another's mailbox" 12 imap 'token belongs to relay@example\.test, but the mailbox of second@example\.test' <<-EOF
	$IMAP
	S: \$tag OK AUTHENTICATE completed.
	C: EXAMINE INBOX
	S: \$tag BAD User is authenticated but not connected.
	close
EOF
against "Gmail: a challenge, an empty line, and why" 11 imap 'NO +challenge +\{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"\}' 'Invalid credentials \(Failure\)' <<-EOF
	$IMAP
	S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==
	C: ^\$
	S: \$tag NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)
	C: LOGOUT
	S: \$tag OK
EOF
against "a challenge that is no base64, with a terminal's commands in it" 11 imap 'NO +challenge +\?\[31m!!' <<-EOF
	$IMAP
	S: + \x1b[31m!!
	C: ^\$
	S: \$tag NO no
	close
EOF
against "Exchange SMTP: 535 5.7.3" 11 smtp 'NO +login .*535 5\.7\.3 Authentication unsuccessful \[AM0PR01' <<-EOF
	$SMTP
	S: 535 5.7.3 Authentication unsuccessful [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-25T10:00:00.000Z 08DE]
	C: ^QUIT
	S: 221 bye
EOF
against "SMTP AUTH is switched off" 13 smtp 'SmtpClientAuthentication is disabled for the Tenant' 'to do ' <<-EOF
	$SMTP
	S: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001]
	C: ^QUIT
	S: 221 bye
EOF
against "too many connections: later" 75 smtp '432 4\.3\.2 Concurrent connections limit exceeded' <<-EOF
	$SMTP
	S: 432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.
	C: ^QUIT
	S: 221 bye
EOF
more='--send-to alice@example.test' against "the sender is not one's own" 12 smtp 'SendAsDenied' <<-EOF
	$SMTP
	S: 235 2.7.0 Authentication successful
	C: ^MAIL FROM:<relay@example.test>
	S: 250 2.1.0 Sender OK
	C: ^RCPT TO:<alice@example.test>
	S: 250 2.1.5 Recipient OK
	C: ^DATA
	S: 354 Start mail input
	C: ^Date:
	C: ^From: <relay@example.test>
	C: ^To: <alice@example.test>
	C: ^Message-ID:
	C: ^Subject:
	C: ^Auto-Submitted:
	C: ^MIME-Version:
	C: ^Content-Type:
	C: ^\$
	C: ^This message
	C: ^Nothing
	C: ^\.\$
	S: 554 5.2.252 SendAsDenied; relay@example.test not allowed to send as other@example.test; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied
	C: ^QUIT
	S: 221 bye
EOF
against "no STARTTLS: no login" 14 smtp 'NO +starttls .*offers no STARTTLS' <<-EOF
	S: 220 mail.example ESMTP
	C: ^EHLO
	S: 250-mail.example\r\n250 AUTH XOAUTH2
EOF
against "bytes before the handshake" 14 smtp 'NO +tls .*more before TLS' <<-EOF
	S: 220 mail.example ESMTP
	C: ^EHLO
	S: 250-mail.example\r\n250 STARTTLS
	C: ^STARTTLS
	S: 220 go on\r\n235 2.7.0 Authentication successful
	tls
EOF
tls_dir=$BED/tls-other against "another's certificate" 14 imap 'NO +tls .*not trusted: .*mismatch' <<-EOF
	tls
	S: * OK hello
EOF
against "passwords only" 78 imap 'offers PLAIN LOGIN for the login, and not XOAUTH2' <<-EOF
	tls
	S: * OK hello
	C: CAPABILITY
	S: * CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN
	S: \$tag OK
EOF
against "logged in already" 76 imap 'logged in already' <<-EOF
	tls
	S: * PREAUTH welcome
EOF
against "not the protocol" 76 smtp 'no reply of SMTP: HTTP/1\.1 400' <<-EOF
	S: HTTP/1.1 400 Bad Request
EOF
against "silence" 14 smtp 'NO +greeting +no answer within 2 s' <<-EOF
	stall
EOF
against "silence in the middle of the login" 14 imap 'NO +login +no answer within [12] s' <<-EOF
	$IMAP
	stall
EOF
long=$(head -c 65536 /dev/zero | tr '\0' x)
against "a line of 64 KiB" 76 imap 'longer than 16384 bytes' <<-EOF
	tls
	S: * OK $long
EOF
against "a reply without end" 76 smtp 'no end' <<-EOF
	S: $(head -c 520 /dev/zero | sed 's/./250-x\\r\\n/g')
EOF
# A server that repeats what it was given is not repeated.
token=$(bed_mailoauth token relay)
more=--trace against "a server that says the token" 11 imap 'you said .secret, [0-9]+ bytes.' <<-EOF
	$IMAP
	S: \$tag NO you said $token
	close
EOF
against "the connection breaks off" 14 imap 'NO +login +the server closed the connection' <<-EOF
	$IMAP
	close
EOF
not_ok "no run printed a token" grep -Fq -e "$token" -e "$first_token" "$BED/all.out"
ok "there was something to print" [ "$(wc -l <"$BED/all.out")" -gt 200 ]
done_testing
