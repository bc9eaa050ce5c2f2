# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# postfix.sh - part of bed.sh: two Postfix instances. "client" is the administrator's machine: its smtp(8) runs in a chroot whose only
# content of ours is private/mailoauth. "hub" is the smarthost: submission that demands TLS and AUTH, checks the sender against the login
# and delivers to Dovecot by LMTP.

bed_postfix_make() { # client|hub
	bed_dir=$BED/$1
	mkdir -p "$bed_dir/conf" "$bed_dir/queue/pid"
	(
		cd "$bed_dir" || exit 1
		set -- data queue/active queue/bounce queue/corrupt queue/defer queue/deferred queue/flush queue/hold queue/incoming queue/private \
			queue/saved queue/trace
		install -d -m 0700 -o postfix "$@"
		install -d -m 0730 -o postfix -g postdrop queue/maildrop
		install -d -m 0710 -o postfix -g postdrop queue/public
	) || bed_die "the directories of Postfix ($1) cannot be made"
	{
		bed_postfix_common "$1"
		"bed_postfix_main_$1"
	} >"$bed_dir/conf/main.cf"
	"bed_postfix_master_$1" >"$bed_dir/conf/master.cf"
}

bed_postfix_common() { # client|hub
	cat <<-EOF
		compatibility_level = 3.6
		queue_directory = $BED/$1/queue
		data_directory = $BED/$1/data
		maillog_file = $BED/$1/log
		maillog_file_prefixes = $BED
		syslog_name = $1
		myhostname = $1.test
		mydestination =
		local_transport = error:no local delivery here
		local_recipient_maps =
		alias_maps =
		alias_database =
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		mynetworks =
		notify_classes =
		smtp_dns_support_level = disabled
		queue_run_delay = 1s
		minimal_backoff_time = 1s
		maximal_backoff_time = 2s
	EOF
}

# The lines that an administrator writes are those from relayhost to smtp_sasl_password_maps; the rest is this bed's: its smarthost has an
# address for a name, and Postfix looks for none in a certificate.
bed_postfix_main_client() {
	cat <<-EOF
		import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME SASL_PATH=$BED/sasl
		smtp_tls_loglevel = 1
		smtp_tls_secure_cert_match = localhost
		relayhost = [127.0.0.1]:$BED_HUB_PORT
		smtp_tls_security_level = secure
		smtp_tls_CAfile = $BED/tls/ca.pem
		smtp_sasl_auth_enable = yes
		smtp_sasl_mechanism_filter = xoauth2
		smtp_sasl_tls_security_options = noanonymous
		smtp_sasl_password_maps = inline:{ { [127.0.0.1]:$BED_HUB_PORT = relay@example.test: } }
	EOF
}

bed_postfix_main_hub() {
	cat <<-EOF
		smtpd_tls_chain_files = $BED/tls/server.key, $BED/tls/server.pem
		smtpd_tls_security_level = encrypt
		smtpd_tls_auth_only = yes
		smtpd_sasl_auth_enable = yes
		smtpd_sasl_type = dovecot
		smtpd_sasl_path = private/auth
		smtpd_sasl_security_options = noanonymous
		smtpd_delay_reject = yes
		smtpd_sender_login_maps = inline:{
		  { relay@example.test = relay@example.test },
		  { second@example.test = second@example.test },
		  { alice@example.test = alice@example.test },
		  { $BED_PASSWORD_USER = $BED_PASSWORD_USER } }
		smtpd_sender_restrictions = reject_sender_login_mismatch
		smtpd_relay_restrictions = permit_sasl_authenticated, reject
		virtual_mailbox_domains = example.test
		virtual_transport = lmtp:unix:private/dovecot-lmtp
	EOF
}

# service, type, private, unprivileged, chroot, wakeup, limit, command
bed_postfix_services() {
	cat <<-EOF
		postlog   unix-dgram n - n - 1 postlogd
		pickup    unix  n  -  n  1  1  pickup
		cleanup   unix  n  -  n  -  0  cleanup
		qmgr      unix  n  -  n  1  1  qmgr
		tlsmgr    unix  -  -  n  1000? 1 tlsmgr
		rewrite   unix  -  -  n  -  -  trivial-rewrite
		bounce    unix  -  -  n  -  0  bounce
		defer     unix  -  -  n  -  0  bounce
		trace     unix  -  -  n  -  0  bounce
		verify    unix  -  -  n  -  1  verify
		flush     unix  n  -  n  1000? 0 flush
		proxymap  unix  -  -  n  -  -  proxymap
		proxywrite unix -  -  n  -  1  proxymap
		showq     unix  n  -  n  -  -  showq
		error     unix  -  -  n  -  -  error
		retry     unix  -  -  n  -  -  error
		discard   unix  -  -  n  -  -  discard
		scache    unix  -  -  n  -  1  scache
		anvil     unix  -  -  n  -  1  anvil
	EOF
}

bed_postfix_master_client() {
	bed_postfix_services
	cat <<-EOF
		smtp      unix  -  -  y  -  -  smtp
		relay     unix  -  -  y  -  -  smtp
	EOF
}

bed_postfix_master_hub() {
	bed_postfix_services
	cat <<-EOF
		127.0.0.1:$BED_HUB_PORT inet n - n - - smtpd
		  -o syslog_name=hub/submission
		smtp      unix  -  -  n  -  -  smtp
		lmtp      unix  -  -  n  -  -  lmtp
	EOF
}

# What postfix(1) looks at before each start (owners and modes of all that is installed) takes longer than all the other servers' start. It
# leaves that out once, after "postfix quick-stop", which leaves this file.
bed_postfix_start() { # client|hub
	: >"$BED/$1/queue/quick-start"
	postfix -c "$BED/$1/conf" start >"$BED/$1/output.log" 2>&1 ||
		bed_die "Postfix ($1) does not start: $(tail -n 5 "$BED/$1/output.log" "$BED/$1/log" 2>/dev/null)"
	bed_note "$(bed_postfix_pid "$1")"
}

bed_postfix_pid() { # client|hub
	tr -d ' ' <"$BED/$1/queue/pid/master.pid"
}

bed_postfix_stop() { # client|hub
	bed_pid=$(bed_postfix_pid "$1")
	kill "$bed_pid" && bed_wait_for 10 bed_gone "$bed_pid"
}

# Changes main.cf and has every Postfix process read it: running smtp(8) processes would keep the old settings.
bed_postfix_set() { # client|hub NAME=VALUE...
	bed_instance=$1
	shift
	postconf -c "$BED/$bed_instance/conf" -e "$@" && bed_postfix_reload "$bed_instance"
}

bed_smtp_processes() { # client|hub: pids of the delivery agents
	bed_master=$(bed_postfix_pid "$1")
	for bed_proc in /proc/[0-9]*; do
		{ read -r bed_stat <"$bed_proc/stat"; } 2>/dev/null || continue
		case $bed_stat in
		*" (smtp) "[A-Z]" $bed_master "* | *" (proxymap) "[A-Z]" $bed_master "*) echo "${bed_proc#/proc/}" ;;
		esac
	done
}

bed_no_smtp_processes() { # client|hub PID...: none of these is left
	shift
	for bed_pid; do
		bed_gone "$bed_pid" || return 1
	done
}

# A process that is told to reload ends when it is idle; waiting for that makes the next delivery use the new settings for certain.
bed_postfix_reload() { # client|hub
	bed_instance=$1
	bed_old=$(bed_smtp_processes "$bed_instance")
	postfix -c "$BED/$bed_instance/conf" reload >>"$BED/$bed_instance/output.log" 2>&1 || return 1
	# shellcheck disable=SC2086 # a list of pids
	bed_wait_for 10 bed_no_smtp_processes "$bed_instance" $bed_old
}

# Hands a message to the client's Postfix, as any program on that machine would.
bed_send() { # FROM TO SUBJECT [BODY]
	sendmail -C "$BED/client/conf" -f "$1" -- "$2" <<-EOF
		From: $1
		To: $2
		Subject: $3

		${4:-$3}
	EOF
}

bed_log_client() {
	cat "$BED/client/log"
}

bed_log_hub() {
	cat "$BED/hub/log"
}

bed_log_has() { # client|hub EXTENDED-REGEX
	grep -Eq -e "$2" "$BED/$1/log"
}

bed_log_count() { # client|hub EXTENDED-REGEX
	grep -Ec -e "$2" "$BED/$1/log"
}

# Forgets what the logs say so far. postlogd opens the file anew for each line.
bed_log_clear() {
	cat "$BED/client/log" >>"$BED/client/log.all"
	cat "$BED/hub/log" >>"$BED/hub/log.all"
	: >"$BED/client/log"
	: >"$BED/hub/log"
}

bed_queue_count() { # client|hub
	postqueue -c "$BED/$1/conf" -j | wc -l
}

bed_queue_empty() { # client|hub
	[ "$(bed_queue_count "$1")" -eq 0 ]
}

bed_queue_flush() { # client|hub
	postqueue -c "$BED/$1/conf" -f
}

bed_queue_drop() { # client|hub
	postsuper -c "$BED/$1/conf" -d ALL >/dev/null 2>&1
}

# Copies Debian's PLAIN and LOGIN beside our plugin, where a test compares with them.
bed_sasl_add_plain() {
	for bed_plugin in /usr/lib/*/sasl2/libplain.so /usr/lib/*/sasl2/liblogin.so; do
		cp -L "$bed_plugin" "$BED/sasl/"
	done
}

# The smarthost takes mail without TLS and AUTH too, for its own domain, as an MTA does on the machine it serves: on BED_MTA_PORT.
bed_smtp_listener() { # [PORT]
	BED_MTA_PORT=${1:-$(bed_ports 1)}
	bed_smtp_listen "127.0.0.1:$BED_MTA_PORT" ||
		bed_die "Postfix (hub) does not take another listener: $(tail -n 3 "$BED/hub/output.log" "$BED/hub/log")"
}

bed_smtp_listen() { # ADDRESS:PORT
	postconf -c "$BED/hub/conf" -M "$1/inet=$1 inet n - n - - smtpd" &&
		postconf -c "$BED/hub/conf" -P "$1/inet/smtpd_tls_security_level=none" \
			"$1/inet/local_header_rewrite_clients=" \
			"$1/inet/smtpd_sender_restrictions=" \
			"$1/inet/smtpd_relay_restrictions=permit_auth_destination,reject" &&
		bed_postfix_reload hub && bed_wait_for 10 bed_smtp_decided "${1#*:}" && bed_alive "$(bed_postfix_pid hub)"
}

# Postfix says that it has read its configuration anew before it has, and where it cannot listen it ends.
bed_smtp_decided() { # PORT
	bed_smtp_greets "$1" || bed_gone "$(bed_postfix_pid hub)"
}

bed_smtp_greets() { # PORT
	# shellcheck disable=SC2016 # JavaScript
	bed_node -e '
		const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1");
		socket.setTimeout(5000, () => process.exit(1));
		socket.on("error", () => process.exit(1));
		socket.on("end", () => process.exit(1));
		socket.on("data", (data) => process.exit(data.toString().startsWith("220 hub.test ") ? 0 : 1));' "$1"
}
