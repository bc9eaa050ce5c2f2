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
program give-assertion "cat $BED/assertion.secret"

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
bed_account assertion-command $relay "client_id = by-assertion" "client_auth = auto" "client_assertion_command = $BED/give-assertion"
bed_daemon_start || bed_die "mailoauthd does not start: $(cat "$BED/daemon.log")"

# An assertion is good for one request.
for account in post basic ps rs keys secrets command assertion assertion-command; do
	bed_provider_ctl reset
	bed_secret_file assertion "$(assertion)" >/dev/null
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
	check_conf=$BED_CONF
	cp "$BED_CONF" "$BED/check.conf"
	BED_CONF=$BED/check.conf
	bed_account checked $relay "$@"
	BED_CONF=$check_conf
	"$MAILOAUTH" -c "$BED/check.conf" config check 2>&1
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
cp "$BED_CONF" "$BED/check.conf"
sed -i '/^allow/d' "$BED/check.conf"
like "$("$MAILOAUTH" -c "$BED/check.conf" config check 2>&1)" 'no problem that would keep mailoauthd from starting, but [0-9]+ warnings?: see above' \
	"a warning is not passed over at the end"
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
# Without a person -------------------------------------------------------------------------------------

register app client_secret_basic client_credentials secret=app-secret-1
mkdir "$BED/scripted"
"$BED_NODE" "$BED_SRC/scripted-token.mjs" --dir "$BED/scripted" --certificate "$BED/first.pem" >"$BED/scripted/output" 2>&1 &
bed_note $!
bed_wait_for 20 test -s "$BED/scripted/port" || bed_die "scripted-token.mjs: $(cat "$BED/scripted/output")"
scripted=http://127.0.0.1:$(cat "$BED/scripted/port")

# A key file as Google issues it.
"$BED_NODE" -e '
	const [key, uri] = process.argv.slice(1);
	console.log(JSON.stringify({ type: "service_account", project_id: "p", private_key_id: "key-1",
		private_key: require("node:fs").readFileSync(key, "utf8"), client_email: "mail@p.iam.gserviceaccount.example",
		client_id: "1", auth_uri: "https://accounts.google.com/o/oauth2/auth", token_uri: uri }, null, 2));
' "$BED/first.key" "$scripted/token" >"$BED/service.json"
chmod 0600 "$BED/service.json"
chown "$BED_DAEMON_USER" "$BED/service.json"

# An account without a person has no use for these.
no_person="authorize_url =
issuer =
client_auth = auto"
bed_account app $relay "$no_person" "grant = client_credentials" "client_id = app" "client_auth = basic" "scope = mail" \
	"client_secret_file = $(bed_secret_file app app-secret-1)"
bed_account service $relay "$no_person" "grant = jwt_bearer" "client_id =" "token_url = $scripted/token" "key_file = $BED/service.json" \
	"scope = https://mail.google.com/"
bed_account machine $relay "$no_person" "grant = managed_identity" "client_id = user-assigned" "token_url =" \
	"metadata_url = $scripted/metadata/identity/oauth2/token" "scope = https://outlook.office365.com/.default"
bed_provider_ctl reset
bed_daemon_reload
ok "reload" bed_wait_for 10 bed_mailoauth status machine

for account in app service machine; do
	ok "$account: a token, and nobody was asked" bed_mailoauth token $account
	like "$(bed_mailoauth authorize $account 2>&1)" 'Nobody has to sign in' "$account: authorize says that it works"
	ok "$account: nothing to do" sh -c "$MAILOAUTH -S $BED_SOCKET status $account --json | grep -q '\"todo\":null'"
done
is "$(bed_token_requests client_credentials ok)" 2 "client credentials: one request for each question"
like "$(cat "$BED/scripted/log")" "/token ok mail@p.iam.gserviceaccount.example for $relay scope https://mail.google.com/" \
	"the service account speaks for the mailbox"
like "$(cat "$BED/scripted/log")" '/metadata/identity/oauth2/token ok identity user-assigned resource https://outlook.office365.com' \
	"the metadata service is asked as it wants to be"
unlike "$(cat "$BED/scripted/log")" ' wrong ' "nothing was wrong with any request"
is "$(bed_mailoauth token service)" ya29.service "the token is Google's"

printf '401\n{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}' >"$BED/scripted/refuse"
like "$(bed_mailoauth authorize service 2>&1)" 'domain-wide delegation is not granted' "no delegation: it says so, and where to grant it"
ok "the token that lives is handed out all the same" bed_mailoauth token service
printf '410\n{"error":"gone","error_description":"being updated"}' >"$BED/scripted/refuse"
like "$(bed_mailoauth authorize machine 2>&1)" 'next attempt in' "a metadata service that is being updated is asked again"
rm "$BED/scripted/refuse"
ok "and answers then" bed_mailoauth refresh machine
register app client_secret_basic client_credentials secret=another
like "$(bed_mailoauth authorize app 2>&1)" 'invalid_client' "a wrong secret: in the server's words"
register app client_secret_basic client_credentials secret=app-secret-1
ok "after a restart" bed_signal TERM "$BED_DAEMON_PID"
bed_wait_for 10 bed_gone "$BED_DAEMON_PID"
bed_provider_ctl reset
bed_daemon_start
ok "the stored token is still good" bed_mailoauth token app
is "$(bed_token_requests client_credentials)" 0 "without another request"
like "$(check "$no_person" "grant = jwt_bearer" "client_id =" "token_url = https://oauth2.googleapis.com/token" "key_file = $BED/service.json")" \
	'token_uri is not https://oauth2.googleapis.com/token' "a key file that leads elsewhere is refused"
like "$(check "$no_person" "grant = managed_identity" "metadata_url = http://169.254.169.253/x")" 'neither http://169.254.169.254/' \
	"the metadata service has one address"

# By a code that is typed elsewhere --------------------------------------------------------------------

cat >>"$BED_CONF" <<-CONF

	[account device]
	provider = custom
	grant = device_code
	issuer = $BED_ISSUER
	authorize_url = $BED_ISSUER/auth
	device_url = $BED_ISSUER/device/auth
	token_url = $BED_ISSUER/token
	client_id = bed-device
	ca_file = $BED/tls/ca.pem
	scope = openid email offline_access
	user = $relay
	use = smtp
	smtp_host = 127.0.0.1
	allow = root
CONF
bed_daemon_reload
bed_wait_for 10 bed_mailoauth status device

shown_code() {
	bed_shown_code=$(sed -n 's/^\([A-Z]\{4\}-[A-Z]\{4\}\)$/\1/p' "$BED/authorize.out" | head -n 1)
	[ -n "$bed_shown_code" ]
}
device_begin() { # [OPTION...]
	bed_provider_ctl reset
	: >"$BED/authorize.out"
	"$MAILOAUTH" -S "$BED_SOCKET" authorize device "$@" </dev/null >"$BED/authorize.out" 2>&1 &
	BED_AUTHORIZE_PID=$!
	bed_note "$BED_AUTHORIZE_PID"
	bed_wait_for 10 shown_code || bed_die "no code: $(cat "$BED/authorize.out")"
}
device_type() { # USER [OPTION...]
	device_user=$1
	shift
	bed_browser --user "$device_user" --code "$bed_shown_code" "$@" "$BED_ISSUER/device"
}
said() {
	cat "$BED/authorize.out"
}

device_begin
like "$(said)" 'Flow: device code \(as mailoauth.conf says\)' "authorize says which flow it takes and why"
like "$(said)" "$BED_ISSUER/device\$" "where to go"
device_type $relay >"$BED/browser.out" 2>&1
bed_authorize_end
is $? 0 "the person types the code: authorized"
like "$(said)" 'signed in as +relay@example.test' "it says who signed in"
is "$(bed_token_requests urn:ietf:params:oauth:grant-type:device_code ok)" 1 "one code was redeemed"
ok "the account has a token" bed_mailoauth token device
ok "and is refreshed" bed_mailoauth refresh device
is "$(bed_token_requests refresh_token ok)" 1 "by its refresh token"
bed_provider GET /secrets >"$BED/secrets"
not_ok "the device code is nowhere to be seen" grep -F -f "$BED/secrets" "$BED/authorize.out" "$BED/daemon.log"

stored=$(bed_store_sum)
device_begin
device_type mallory@example.test >"$BED/browser.out" 2>&1
bed_authorize_end
is $? 10 "another person types it: refused"
like "$(said)" 'mallory@example.test signed in' "and named"
is "$(bed_store_sum)" "$stored" "the old grant stays"

device_begin
device_type $relay --deny >"$BED/browser.out" 2>&1
bed_authorize_end
is $? 10 "the person says no: it ends"
like "$(said)" 'access_denied' "in the server's words"
like "$(said)" 'authorize device --flow code' "with the other way to try"

device_begin
bed_signal INT "$BED_AUTHORIZE_PID"
wait "$BED_AUTHORIZE_PID"
is $? 130 "Ctrl-C cancels"
cancelled() {
	bed_log_daemon | grep -q 'account=device authorize=cancelled'
}
ok "and the daemon stops asking" bed_wait_for 5 cancelled

# With --flow the other one is taken, and the provider's own words explain why it is refused.
like "$(bed_mailoauth authorize post --flow device 2>&1)" 'has no device flow' "no device flow at this provider: explained"

# Elsewhere ----------------------------------------------------------------------------------------------

bed_mailoauth authorize post --request >"$BED/authorize.out" 2>&1
is $? 0 "authorize --request prints and ends"
bed_authorize_url
like "$(said)" 'authorize post --response' "and says how to go on"
back=$(bed_browser --user $relay --no-redirect "$bed_shown_url")
not_ok "a forged redirect is refused" sh -c "echo 'http://127.0.0.1/?code=x&state=forged' | $MAILOAUTH -S $BED_SOCKET authorize post --response"
printf '%s\n' "$back" | bed_mailoauth authorize post --response >"$BED/authorize.out" 2>&1
is $? 0 "--response takes the pasted URL"
like "$(said)" 'signed in as +relay@example.test' "and authorizes"
printf '%s\n' "$back" | bed_mailoauth authorize post --response >"$BED/authorize.out" 2>&1
is $? 10 "once"
like "$(said)" 'no authorization is open' "and says why not again"
done_testing
