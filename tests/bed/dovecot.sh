# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# dovecot.sh - part of bed.sh: IMAP, LMTP and the smarthost's AUTH. XOAUTH2 and OAUTHBEARER are checked by introspection at the
# provider, at every login, so a token revoked there is refused here at once. One user has a password, for comparison.

BED_MAIL_USER=mail # owns the mailboxes: a user that Debian always has
BED_PASSWORD_USER=password@example.test
BED_PASSWORD=bed-password-4
# What a test needs beyond the usual: BED_DOVECOT_EXTRA, lines for dovecot.conf, and
# BED_DOVECOT_MECHANISMS, for passwords; both set before the bed starts.

bed_dovecot_conf() {
	cat <<-EOF
		base_dir = $BED/dovecot/run
		state_dir = $BED/dovecot/state
		instance_name = ${BED##*/}
		log_path = $BED/dovecot/log
		auth_verbose = yes
		protocols = imap lmtp
		listen = 127.0.0.1
		ssl = required
		ssl_cert = <$BED/tls/server.pem
		ssl_key = <$BED/tls/server.key
		first_valid_uid = 1
		mail_location = maildir:~/Maildir
		mail_max_userip_connections = 100
		lmtp_save_to_detail_mailbox = no
		auth_mechanisms = xoauth2 oauthbearer plain ${BED_DOVECOT_MECHANISMS-}
		auth_failure_delay = 0
		auth_cache_size = 0
		passdb {
		  driver = oauth2
		  mechanisms = xoauth2 oauthbearer
		  args = $BED/dovecot/oauth2.conf
		}
		passdb {
		  driver = passwd-file
		  mechanisms = plain ${BED_DOVECOT_MECHANISMS-}
		  args = $BED/dovecot/passwords
		}
		userdb {
		  driver = static
		  args = uid=$BED_MAIL_USER gid=$BED_MAIL_USER home=$BED/mail/%u allow_all_users=yes
		}
		service imap-login {
		  inet_listener imap {
		    port = 0
		  }
		  inet_listener imaps {
		    port = $BED_IMAP_PORT
		    ssl = yes
		  }
		}
		service lmtp {
		  unix_listener $BED/hub/queue/private/dovecot-lmtp {
		    mode = 0600
		    user = postfix
		  }
		}
		service auth {
		  unix_listener $BED/hub/queue/private/auth {
		    mode = 0600
		    user = postfix
		  }
		}
		service anvil {
		  unix_listener anvil-auth-penalty {
		    mode = 0
		  }
		}
		service stats {
		  unix_listener stats-writer {
		    mode = 0666
		  }
		}
		${BED_DOVECOT_EXTRA-}
	EOF
}

# For BED_DOVECOT_EXTRA: POP3 over TLS, too.
bed_dovecot_pop3() { # PORT
	cat <<-EOF
		protocols = imap lmtp pop3
		service pop3-login {
		  inet_listener pop3 {
		    port = 0
		  }
		  inet_listener pop3s {
		    port = $1
		    ssl = yes
		  }
		}
	EOF
}

bed_dovecot_oauth2_conf() {
	cat <<-EOF
		introspection_mode = post
		introspection_url = https://$BED_DOVECOT_CLIENT:$BED_DOVECOT_SECRET@127.0.0.1:$BED_PROVIDER_PORT/token/introspection
		tls_ca_cert_file = $BED/tls/ca.pem
		username_attribute = sub
		active_attribute = active
		active_value = true
		timeout_msecs = 10000
	EOF
}

bed_dovecot_start() {
	mkdir -p "$BED/dovecot/run" "$BED/dovecot/state"
	: >"$BED/dovecot/log"
	mkdir -p "$BED/mail"
	chown "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail"
	echo "$BED_PASSWORD_USER:{PLAIN}$BED_PASSWORD" >"$BED/dovecot/passwords"
	bed_dovecot_conf >"$BED/dovecot/dovecot.conf"
	bed_dovecot_oauth2_conf >"$BED/dovecot/oauth2.conf"
	chown dovecot "$BED/dovecot/passwords" "$BED/dovecot/oauth2.conf"
	chmod 600 "$BED/dovecot/passwords" "$BED/dovecot/oauth2.conf"
	dovecot -c "$BED/dovecot/dovecot.conf" >"$BED/dovecot/output.log" 2>&1 ||
		bed_die "Dovecot does not start: $(tail -n 3 "$BED/dovecot/output.log" "$BED/dovecot/log")"
	bed_wait_for 10 bed_exists "$BED/hub/queue/private/auth" || bed_die "Dovecot has no auth socket"
	bed_wait_for 10 [ -s "$BED/dovecot/run/master.pid" ] || bed_die "Dovecot has no pid file"
	bed_note "$(cat "$BED/dovecot/run/master.pid")"
}

# Whether a login is decided by our provider: a token that it does not know is refused for that.
bed_dovecot_asks() {
	bed_imap_login XOAUTH2 "$(bed_xoauth2 nobody@example.test wrong)" | grep -q '^a NO \[AUTHENTICATIONFAILED\]'
}

bed_dovecot_stop() {
	bed_dovecot_pid=$(cat "$BED/dovecot/run/master.pid")
	kill -TERM "$bed_dovecot_pid"
	bed_wait_for 10 bed_gone "$bed_dovecot_pid"
}

# The files of USER's messages.
bed_mailbox() { # USER
	find "$BED/mail/$1/Maildir/new" "$BED/mail/$1/Maildir/cur" -type f 2>/dev/null
}

bed_mailbox_has() { # USER PATTERN: a message of USER's has a line with PATTERN
	bed_mailbox "$1" | xargs -r grep -l -e "$2" | grep -q .
}

bed_mailbox_count() { # USER PATTERN
	bed_mailbox "$1" | xargs -r grep -l -e "$2" | wc -l
}

# One AUTHENTICATE or AUTH with the given initial response, without mailoauth; prints the server's lines.
bed_imap_login() { # MECHANISM BASE64
	printf 'a AUTHENTICATE %s %s\r\n%s\r\nb LOGOUT\r\n' "$1" "$2" "${3-}" |
		timeout 20 openssl s_client -quiet -ign_eof -CAfile "$BED/tls/ca.pem" -verify_return_error \
			-connect "127.0.0.1:$BED_IMAP_PORT" 2>/dev/null
}

bed_smtp_login() { # MECHANISM BASE64
	printf 'EHLO bed.test\r\nAUTH %s\r\n%s\r\n%s\r\nQUIT\r\n' "$1" "$2" "${3-}" |
		timeout 20 openssl s_client -quiet -ign_eof -starttls smtp -CAfile "$BED/tls/ca.pem" -verify_return_error \
			-connect "127.0.0.1:$BED_HUB_PORT" 2>/dev/null
}

bed_xoauth2() { # USER TOKEN: the client's response, base64
	printf 'user=%s\001auth=Bearer %s\001\001' "$1" "$2" | openssl base64 -A
}

bed_oauthbearer() { # USER TOKEN
	printf 'n,a=%s,\001host=127.0.0.1\001port=993\001auth=Bearer %s\001\001' "$1" "$2" | openssl base64 -A
}
