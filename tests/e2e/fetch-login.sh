#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-login.sh - logins with passwords, and servers known by their keys, against a real Dovecot.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
BED_DOVECOT_MECHANISMS="login scram-sha-1 scram-sha-256"
bed_relay_start
user=$BED_PASSWORD_USER
for plugin in /usr/lib/*/sasl2/libplain.so /usr/lib/*/sasl2/liblogin.so /usr/lib/*/sasl2/libscram.so; do
	[ ! -e "$plugin" ] || cp -L "$plugin" "$BED/sasl/"
done

printf 'Subject: for a password\n\ntext\n' | bed_put "$user"
printf '%s\n' "$BED_PASSWORD" >"$BED/password"
chmod 600 "$BED/password"

# A section with a password instead of the account.
password_conf() { # [LINE...]
	bed_fetch_conf "account =" "user = $user" "password_file = $BED/password" "$@"
}

fetch() { # STATUS NAME [ARGUMENT...]
	fetch_wanted=$1 fetch_name=$2
	shift 2
	bed_fetch "$@"
	is "$?" "$fetch_wanted" "$fetch_name: exit status $fetch_wanted"
}

said() { # PATTERN NAME
	like "$(cat "$BED/fetch.out")" "$1" "$2"
}

for mechanism in plain login scram-sha-1 scram-sha-256; do
	password_conf "mechanism = $mechanism"
	if [ "${mechanism#scram}" != "$mechanism" ] && [ ! -e "$BED/sasl/libscram.so" ]; then
		skip "$mechanism" "libsasl2-modules is not installed"
		continue
	fi
	bed_fetch_forget
	fetch 0 "$mechanism" --once -v
	is "$(bed_fetched_count)" 1 "$mechanism: the message is here"
	unlike "$(cat "$BED/fetch.out")" "$BED_PASSWORD" "$mechanism: the password is in no log"
done
password_conf
bed_fetch_forget
fetch 0 "auto" --once -v
said "fetch=inbox account=$user@127.0.0.1 ok: 1 messages" "auto: the line says who"

bed_fetch_conf "account =" "user = $user" "password_command = /usr/bin/head -n 1 $BED/password"
fetch 1 "password_command" --once
bed_fetch_conf "account =" "user = $user" "password_command = /bin/false"
fetch 78 "a password_command that fails" --once
said 'config: password_command /bin/false: exit status 1' "a password_command that fails: the line says so"

printf 'Subject: waits\n\ntext\n' | bed_put "$user"
echo wrong >"$BED/wrong"
chmod 600 "$BED/wrong"
password_conf "password_file = $BED/wrong" "mechanism = plain"
fetch 3 "a wrong password" --once -v
said "denied: 127.0.0.1 refused PLAIN for $user: .*AUTHENTICATIONFAILED.*; the password is from $BED/wrong" "a wrong password: the server's words"
is "$(grep -c 'refused PLAIN' "$BED/fetch.out")" 1 "a wrong password: tried once"
chmod 644 "$BED/wrong"
fetch 78 "a password that everybody can read" --once
said 'chmod' "a password that everybody can read: what to type"
password_conf
fetch 0 "the right password" --once
is "$(bed_fetched | xargs grep -l '^Subject: waits' | wc -l)" 1 "the right password: the message that waited is there, once"

# What cannot be meant, with file and line.
bed_fetch_conf "user = $user"
fetch 78 "account and user" --once
said "$BED_FETCH_CONF:[0-9]+: .*say one of them" "account and user: the line says so"
password_conf "password_command = /bin/cat x"
fetch 78 "file and command" --once
said "$BED_FETCH_CONF:[0-9]+: .*not both" "file and command: the line says so"
password_conf "mechanism = xoauth2"
fetch 78 "a mechanism for tokens" --once
mkdir -p "$BED/providers"
printf '[provider there]\nissuer = https://there.test\nimap_host = imap.there.test\noauth_only = yes\n' >"$BED/providers/there.conf"
password_conf "host = IMAP.There.test"
fetch 78 "a host that takes no passwords" --once
said "$BED_FETCH_CONF:[0-9]+: .*takes no passwords: .*provider = there.*mailoauth authorize NAME" "a host that takes no passwords: what to do instead"

# A server known by its key.
other=sha256:$(printf '%064d' 0)
password_conf "tls_pin = $other"
fetch 78 "another key" --once
pin=$(grep -o 'sha256:[0-9a-f]*' "$BED/fetch.out" | head -n 1)
is "$pin" "sha256:$(openssl x509 -in "$BED/tls/server.pem" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1)" \
	"another key: the line has the server's"
password_conf "tls_pin = $other $pin"
fetch 1 "one of two keys" --once
password_conf "ca_file =" "tls_pin = $pin"
fetch 78 "the key alone is not enough" --once
said 'certificate is not trusted' "the key alone is not enough: it is the certificate's fault"
password_conf "ca_file =" "tls_pin = $pin" "tls_pin_only = yes"
fetch 1 "the key alone, where it was said to be enough" --once
printf 'Subject: waits for a key\n\ntext\n' | bed_put "$user"
password_conf "ca_file =" "tls_pin = $other" "tls_pin_only = yes"
fetch 78 "the key alone, and it is another" --once
unlike "$(cat "$BED/fetch.out")" 'AUTHENTICATE' "the key alone, and it is another: nothing is said"
password_conf "ca_file =" "tls_pin = $pin" "tls_pin_only = yes"
fetch 0 "the right key" --once
is "$(bed_fetched | xargs grep -l '^Subject: waits for a key' | wc -l)" 1 "the right key: the message that waited is there, once"
password_conf "tls_pin = sha256:00" "tls_pin_only = yes"
fetch 78 "a pin that is none" --once
said "$BED_FETCH_CONF:[0-9]+: .*tls_pin must be sha256: and" "a pin that is none: its line"
done_testing
