# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# daemon.sh - part of bed.sh: mailoauthd with a generated configuration, and the authorization of an account.

BED_DAEMON_USER=nobody # an unprivileged user that every machine has

# Writes the [daemon] section; accounts follow with bed_account.
bed_daemon_conf() { # [LINE...]
	BED_CONF=$BED/mailoauth.conf
	BED_SOCKET=$BED/run/socket
	BED_STORE=${BED_STORE:-$BED/store}
	{
		echo "[daemon]"
		echo "user = $BED_DAEMON_USER"
		echo "socket = $BED_SOCKET $BED/client/queue/private/mailoauth"
		echo "store = $BED_STORE"
		echo "admin = root"
		bed_memcheck_conf
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$BED_CONF"
	# The presets as they stand in the source: what is installed on this machine may be older, or absent.
	mkdir -p "$BED/providers"
	cp "$BED_SRC"/../../token-helper/providers/*.conf "$BED/providers/"
	mkdir -p "$BED_STORE"
	chown "$BED_DAEMON_USER" "$BED_STORE"
	chmod 700 "$BED_STORE"
	chmod 644 "$BED_CONF"
}

# Adds an account at the bed's provider and smarthost. A LINE replaces the default of the same key; "key =" removes it.
bed_account() { # NAME USER [LINE...]
	bed_name=$1 bed_user=$2
	shift 2
	{
		printf '\n[account %s]\n' "$bed_name"
		{
			cat <<-EOF
				provider = custom
				issuer = $BED_ISSUER
				authorize_url = $BED_ISSUER/auth
				token_url = $BED_ISSUER/token
				client_id = $BED_PUBLIC_CLIENT
				client_auth = none
				ca_file = $BED/tls/ca.pem
				scope = openid email offline_access
				user = $bed_user
				use = smtp imap
				smtp_host = 127.0.0.1
				imap_host = 127.0.0.1
				allow = postfix root
				senders = $bed_user
			EOF
			[ $# -eq 0 ] || printf '%s\n' "$@"
		} | awk '{ if (!($1 in line)) order[++n] = $1; line[$1] = $0; empty[$1] = ($0 ~ /^[a-z_]+ *= *$/) }
			END { for (i = 1; i <= n; i++) if (!empty[order[i]]) print line[order[i]] }'
	} >>"$BED_CONF"
}

# A client secret in a file that only the daemon's user can read; prints its path.
bed_secret_file() { # NAME SECRET
	(umask 077 && printf '%s\n' "$2" >"$BED/$1.secret")
	chown "$BED_DAEMON_USER" "$BED/$1.secret"
	echo "$BED/$1.secret"
}

bed_daemon_ready() {
	bed_alive "$BED_DAEMON_PID" && "$MAILOAUTH" -S "$BED_SOCKET" status
}

# Starts mailoauthd. BED_DAEMON_UNDER is a command to run it under (strace …).
bed_daemon_start() { # [mailoauthd arguments...]
	# shellcheck disable=SC2086 # a command and its arguments
	(cd / && exec ${BED_DAEMON_UNDER-} "$MAILOAUTHD" -f -c "$BED_CONF" "$@") >>"$BED/daemon.log" 2>&1 &
	BED_DAEMON_PID=$!
	bed_note "$BED_DAEMON_PID"
	bed_wait_for 10 bed_daemon_ready || {
		diag "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
		return 1
	}
}

bed_daemon_stop() {
	bed_signal TERM "$BED_DAEMON_PID"
	bed_wait_for 10 bed_gone "$BED_DAEMON_PID"
	wait "$BED_DAEMON_PID" 2>/dev/null
}

bed_daemon_kill9() {
	bed_signal KILL "$BED_DAEMON_PID"
	wait "$BED_DAEMON_PID" 2>/dev/null
}

bed_daemon_reload() {
	bed_signal HUP "$BED_DAEMON_PID"
}

bed_log_daemon() {
	cat "$BED/daemon.log"
}

bed_mailoauth() { # VERB...
	"$MAILOAUTH" -S "$BED_SOCKET" "$@"
}

bed_authorize_url() { # the URL that the running authorize printed
	bed_shown_url=$(sed -n "s|.*\($BED_ISSUER/auth[^[:space:]]*\).*|\1|p" "$BED/authorize.out" | head -n 1)
	[ -n "$bed_shown_url" ]
}

# Starts `mailoauth authorize` in the background and waits for its URL, in $bed_shown_url. Its output: $BED/authorize.out.
bed_authorize_begin() { # ACCOUNT [OPTION...]
	# A fifo that stays open for writing is a terminal at which nobody types.
	rm -f "$BED/authorize.in"
	mkfifo "$BED/authorize.in"
	: >"$BED/authorize.out"
	# Not by bed_mailoauth: the pid would be that of a shell around it.
	"$MAILOAUTH" -S "$BED_SOCKET" authorize "$@" --no-browser <>"$BED/authorize.in" >"$BED/authorize.out" 2>&1 &
	BED_AUTHORIZE_PID=$!
	bed_note "$BED_AUTHORIZE_PID"
	bed_wait_for 10 bed_authorize_url || {
		diag "no URL from mailoauth authorize: $(cat "$BED/authorize.out")"
		return 1
	}
}

# Waits for it to end: its exit status.
bed_authorize_end() {
	wait "$BED_AUTHORIZE_PID"
}

# The whole of it: USER signs in and consents.
bed_authorize() { # ACCOUNT USER [browser option...]
	bed_account_name=$1 bed_signing=$2
	shift 2
	bed_authorize_begin "$bed_account_name" || return 1
	bed_browser --user "$bed_signing" "$@" "$bed_shown_url" >"$BED/browser.out" 2>&1 || {
		diag "browser: $(cat "$BED/browser.out")"
		bed_signal TERM "$BED_AUTHORIZE_PID"
	}
	bed_authorize_end
}

# Puts the plugin under test where the client's Postfix looks for SASL plugins, without the libtool file that would win over it.
bed_plugin_install() {
	[ -f "$MAILOAUTH_PLUGIN" ] || bed_die "MAILOAUTH_PLUGIN=$MAILOAUTH_PLUGIN is not there"
	cp -L "$MAILOAUTH_PLUGIN" "$BED/sasl/libmailoauth.so" || bed_die "the plugin cannot be copied"
}

# What all tests of the whole start with: the bed, the plugin, mailoauthd and one authorized account.
bed_relay_start() {
	bed_programs
	bed_start
	bed_plugin_install
	bed_daemon_conf
	bed_account relay relay@example.test
	bed_account second second@example.test
	bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
	bed_authorize relay relay@example.test ||
		bed_die "relay@example.test cannot be authorized: $(cat "$BED/authorize.out") $(cat "$BED/browser.out")"
	bed_daemon_ready >/dev/null || bed_die "mailoauthd has ended: $(tail -n 5 "$BED/daemon.log")"
	bed_alive "$BED_PROVIDER_PID" || bed_die "the provider has ended: $(tail -n 5 "$BED/provider/output.log")"
}

bed_programs() {
	for bed_program in "$MAILOAUTHD" "$MAILOAUTH"; do
		command -v "$bed_program" >/dev/null || bed_die "not built: $bed_program"
	done
}

# One request in mailoauthd's protocol (PROTOCOL.md), without mailoauth(1); prints the reply. BED_ASK_AS runs it as another user.
bed_ask() { # REQUEST [SOCKET]
	# shellcheck disable=SC2016,SC2086 # JavaScript; a command and its arguments
	${BED_ASK_AS-} "$BED_NODE" -e '
		const [request, path] = process.argv.slice(1);
		const socket = require("node:net").connect(path);
		let reply = "";
		socket.on("error", (error) => { console.error(error.message); process.exit(1); });
		socket.on("data", (data) => {
			reply += data.toString("latin1");
			const match = /^(\d+):/.exec(reply);
			if (match && reply.length > match[0].length + Number(match[1])) {
				console.log(reply.slice(match[0].length, -1));
				process.exit(0);
			}
		});
		socket.on("end", () => process.exit(1));
		socket.write(`${Buffer.byteLength(request)}:${request},`);
		setTimeout(() => process.exit(1), 30000);' "$1" "${2:-$BED_SOCKET}"
}

bed_store_sum() { # a fingerprint of what is stored; changes with every new token set
	find "$BED_STORE" -name '*.grant' -exec sha256sum {} + | sort | sha256sum
}
