#!/bin/sh
# SPDX-License-Identifier: MIT
#
# grants.sh - every way in which a client of the authorization server proves who it is, and every grant, against the real one.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_daemon_conf

# Keys of the client -------------------------------------------------------------------------------

# A key and its certificate in $BED/NAME.key and $BED/NAME.pem; the key is the daemon's alone.
client_key() { # NAME
	openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$1" -keyout "$BED/$1.key" -out "$BED/$1.pem" 2>/dev/null
	chmod 0600 "$BED/$1.key"
	chown "$BED_DAEMON_USER" "$BED/$1.key"
}
client_key first
client_key second

register() { # CLIENT-ID AUTH GRANTS [NAME=VALUE...]
	register_id=$1 register_auth=$2 register_grants=$3
	shift 3
	bed_provider_ctl client "client_id=$register_id" "auth=$register_auth" "grants=$register_grants" "$@"
}
by_code="authorization_code refresh_token"
register jwt-ps private_key_jwt "$by_code" alg=PS256 "certificate=$(cat "$BED/first.pem")"
register jwt-rs private_key_jwt "$by_code" alg=RS256 "certificate=$(cat "$BED/first.pem")"
register two-keys private_key_jwt "$by_code" "certificate=$(cat "$BED/first.pem")"
register two-secrets client_secret_post "$by_code" secret=the-old-one
register by-command client_secret_basic "$by_code" "secret=from:a command"
register by-assertion private_key_jwt "$by_code" "certificate=$(cat "$BED/first.pem")"

# Prints an assertion for the client by-assertion, as a workload identity would: signed outside of mailoauth.
assertion() {
	# shellcheck disable=SC2016 # JavaScript
	"$BED_NODE" -e '
		const { createSign, randomUUID } = require("node:crypto");
		const [keyFile, audience] = process.argv.slice(1);
		const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
		const now = Math.floor(Date.now() / 1000);
		const text = `${part({ alg: "RS256" })}.${part({ iss: "by-assertion", sub: "by-assertion", aud: audience, jti: randomUUID(), iat: now, exp: now + 300 })}`;
		console.log(`${text}.${createSign("sha256").update(text).sign(require("node:fs").readFileSync(keyFile)).toString("base64url")}`);
	' "$BED/first.key" "$BED_ISSUER"
}

program() { # NAME LINE: an executable shell script
	printf '#!/bin/sh\n%s\n' "$2" >"$BED/$1"
	chmod 0755 "$BED/$1"
}
# shellcheck disable=SC2016 # the script's own
print_secret='echo "$1:$2 command"'
program give-secret "$print_secret"

key() { # NAME
	echo "client_auth = auto
client_key_file = $BED/$1.key
client_certificate_file = $BED/$1.pem"
}
relay=relay@example.test
bed_account post $relay "client_id = $BED_POST_CLIENT" "client_auth = post" "client_secret_file = $(bed_secret_file post "$BED_POST_SECRET")"
bed_account basic $relay "client_id = $BED_BASIC_CLIENT" "client_auth = basic" "client_secret_file = $(bed_secret_file basic "$BED_BASIC_SECRET")"
bed_account ps $relay "client_id = jwt-ps" "$(key first)"
bed_account rs $relay "client_id = jwt-rs" "$(key first)" "assertion_algorithm = rs256" "assertion_audience = $BED_ISSUER"
bed_account keys $relay "client_id = two-keys" "$(key second)" "client_key_file_old = $BED/first.key" "client_certificate_file_old = $BED/first.pem"
bed_account secrets $relay "client_id = two-secrets" "client_auth = auto" "client_secret_file = $(bed_secret_file new the-new-one)" \
	"client_secret_file_old = $(bed_secret_file old the-old-one)"
bed_account command $relay "client_id = by-command" "client_auth = basic" \
	"client_secret_command = $BED/give-secret from a"
bed_account assertion $relay "client_id = by-assertion" "client_auth = auto" "client_assertion_file = $(bed_secret_file assertion "$(assertion)")"
bed_daemon_start || bed_die "mailoauthd does not start: $(cat "$BED/daemon.log")"

for account in post basic ps rs keys secrets command assertion; do
	bed_provider_ctl reset
	ok "$account: authorize" bed_authorize $account $relay
	bed_secret_file assertion "$(assertion)" >/dev/null
	ok "$account: refresh" bed_mailoauth refresh $account
	is "$(bed_token_requests refresh_token ok)" 1 "$account: with one request that was taken"
done

# Two at once ----------------------------------------------------------------------------------------

credential() { # ACCOUNT: which of the two the daemon says it uses
	bed_mailoauth status "$1" --json | bed_node -p "JSON.parse(require('node:fs').readFileSync(0)).accounts[0].credential"
}
is "$(credential keys)" client_key_file_old "the server knows the old key only: the status says so"
is "$(credential secrets)" client_secret_file_old "and the old secret only"
is "$(credential post)" null "where there is one secret nothing is said"
like "$(bed_log_daemon)" 'account=secrets credential=client_secret_file_old' "the log says which one is taken"
bed_provider_ctl reset
ok "the old secret is remembered" bed_mailoauth refresh secrets
is "$(bed_token_requests refresh_token)" 1 "and tried first"
register two-secrets client_secret_post "$by_code" secret=the-new-one
bed_provider_ctl reset
ok "the server has the new one now" bed_mailoauth refresh secrets
is "$(bed_token_requests refresh_token ok)" 1 "it is tried in the same flight"
is "$(credential secrets)" client_secret_file "and remembered"
register two-secrets client_secret_post "$by_code" secret=a-third-one
bed_provider_ctl reset
not_ok "neither is right: refused" bed_mailoauth refresh secrets
is "$(bed_token_requests none)$(bed_token_requests refresh_token)" 02 "after one attempt with each"
like "$(bed_mailoauth refresh secrets 2>&1)" 'invalid_client' "in the server's words"
ok "the token that lives is handed out all the same" bed_mailoauth token secrets

# Files, credentials and commands ----------------------------------------------------------------------

# What config check says of an account with these lines.
check() { # LINE...
	bed_check=$BED/check.conf
	cp "$BED_CONF" "$bed_check"
	(BED_CONF=$bed_check && bed_account checked $relay "$@")
	"$MAILOAUTH" -c "$bed_check" config check 2>&1
}
chmod 0644 "$BED/second.key"
like "$(check "client_auth = auto" "client_key_file = $BED/second.key" "client_certificate_file = $BED/second.pem")" \
	"chmod o= $BED/second.key" "a key that others can read is refused, with the chmod"
chmod 0600 "$BED/second.key"
like "$(check "client_auth = auto" "client_key_file = $BED/second.key" "client_certificate_file = $BED/first.pem")" \
	'do not belong together' "a certificate of another key is refused"
like "$(check "client_auth = auto" "client_secret_command = sh -c id")" 'no shell' "a command without a path is refused"
like "$(check "client_auth = auto" "client_secret_file = credential:mail")" 'LoadCredential=mail' "without systemd a credential is explained"
mkdir "$BED/credentials"
(umask 077 && echo secret >"$BED/credentials/mail")
like "$(CREDENTIALS_DIRECTORY=$BED/credentials && export CREDENTIALS_DIRECTORY &&
	check "client_auth = auto" "client_secret_file = credential:mail")" 'no problem' "with it it is read"
like "$(check "client_auth = auto" "client_key_file = $BED/second.key" "client_secret_file = $BED/old.secret")" \
	'exclude each other' "a key and a secret at once are refused"

program give-secret 'echo "vault is sealed" >&2; exit 3'
like "$(bed_mailoauth refresh command 2>&1)" 'exit status 3: vault is sealed' "a command that fails is told with its words"
program give-secret 'head -c 100000 /dev/zero | tr "\0" x'
like "$(bed_mailoauth refresh command 2>&1)" 'printed more than a secret' "one that prints too much is stopped"
program give-secret "$print_secret"
ok "and when it works again, so does the account" bed_mailoauth refresh command
printf 'no assertion\n' >"$BED/assertion.secret"
like "$(bed_mailoauth refresh assertion 2>&1)" 'invalid_request' "a bad assertion is refused by the server"
bed_secret_file assertion "$(assertion)" >/dev/null
ok "the file is read anew for each request" bed_mailoauth refresh assertion
done_testing
