# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# machine.sh - a machine like an administrator's around the bed, so that command lines of the documents run as they stand: the providers' hosts
# and ports, /etc/mailoauth, /etc/postfix, /run/mailoauth, users with homes. Sourced after bed.sh.
#
# All of it is in a mount and a network namespace of the test's own: /etc is a copy, and /home, /run, /var/lib and /var/log are directories of
# the bed, laid over the machine's for the test's processes alone. What cannot be real here has a stand-in in $BED/stand-ins, named as
# the program that it stands for.

# Names of servers in the documents; all of them are this machine.
MACHINE_HOSTS="smtp.office365.com outlook.office365.com smtp.gmail.com imap.gmail.com mail.example.test auth.example.test"
MACHINE_HIDDEN="/etc /home /run /var/lib /var/log"

# Begins the test again inside the namespaces. What needs the network comes before.
machine_enter() { # SCRIPT
	[ -z "${MACHINE_INSIDE-}" ] || return 0
	bed_require
	command -v ip >/dev/null || bed_cannot "ip(8) is not installed (iproute2)"
	unshare --mount --net true 2>/dev/null || bed_cannot "no namespaces may be made here"
	bed_install
	MACHINE_INSIDE=1 exec unshare --mount --net "$1"
}

machine_user() { # NAME UID HOME
	echo "$1:x:$2:$2::$3:/bin/sh" >>/etc/passwd
	echo "$1:x:$2:" >>/etc/group
}

# Lays a directory of the bed over DIR.
machine_lay_over() { # DIR
	machine_mine=$BED/machine$1
	mkdir -p "$machine_mine"
	[ "$1" != /etc ] || cp -a /etc/. "$machine_mine/"
	mount --bind "$machine_mine" "$1" || bed_die "cannot lay anything over $1"
}

machine_start() {
	ip link set lo up
	bed_scratch
	for machine_dir in $MACHINE_HIDDEN; do machine_lay_over "$machine_dir"; done
	machine_user mailoauth 6001 /nonexistent
	machine_user mailoauth-fetch 6002 /nonexistent
	machine_user alice 6003 /home/alice
	machine_user admin 6004 /home/admin
	echo "127.0.0.1 localhost $MACHINE_HOSTS" >/etc/hosts
	# shellcheck disable=SC2086 # a list
	BED_TLS_NAMES=$(printf ', DNS:%s' $MACHINE_HOSTS)
	BED_HUB_PORT=587 BED_IMAP_PORT=993
	bed_start
	cat "$BED/tls/ca.pem" >>/etc/ssl/certs/ca-certificates.crt
	cp "$BED/tls/ca.pem" "/etc/ssl/certs/$(openssl x509 -hash -noout -in "$BED/tls/ca.pem").0"
	bed_smtp_listener 25
	cp -an /etc/postfix/. "$BED/client/conf/" # what postfix(1) itself wants
	rm -rf /etc/postfix
	ln -s "$BED/client/conf" /etc/postfix
	mkdir "$BED/client/queue/etc" # smtp(8) in its jail looks names up there
	cp /etc/hosts /etc/nsswitch.conf /etc/services "$BED/client/queue/etc/"
	ln -s "$BED/client/log" /var/log/mail.log
	mkdir -p "$BED/programs" "$BED/stand-ins"
	cp "$MAILOAUTH" "$MAILOAUTHD" "$MAILOAUTH_FETCH" "$BED/programs/"
	bed_plugin_install
	machine_presets
	machine_stand_ins
}

# What runs as the page says it, and cannot be the real thing: NAME, and its text on stdin. $MACHINE is in scope.
machine_stand_in() { # NAME
	{
		echo "#!/bin/sh"
		echo "BED=$BED BED_SRC=$BED_SRC BED_NODE=$BED_NODE CONF=/etc/mailoauth/mailoauth.conf"
		cat
	} >"$BED/stand-ins/$1"
	chmod 755 "$BED/stand-ins/$1"
}

machine_stand_ins() {
	machine_stand_in sudo <<-'EOT'
		[ "$1" = -u ] || exec "$@"
		user=$2 HOME=$(getent passwd "$2" | cut -d : -f 6)
		export HOME
		shift 2
		exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
	EOT
	# The file that is edited stands in the page after the command.
	machine_stand_in sudoedit </dev/null
	# The programs are built for another prefix, so they are told where the configuration is.
	machine_stand_in mailoauth <<-'EOT'
		case "$1 $2" in
		'authorize '*) case " $* " in *' --request '* | *' --response '*) ;; *) exec "$BED_SRC/person.sh" "$BED" "$@" -c $CONF ;; esac ;;
		'postfix '* | 'forget '*) set -- "$@" --yes ;; # somebody at the terminal agrees
		esac
		exec "$BED/programs/mailoauth" -c $CONF "$@"
	EOT
	machine_stand_in mailoauth-fetch <<-'EOT'
		exec "$BED/programs/mailoauth-fetch" -c $CONF -s /var/lib/mailoauth-fetch/state.db "$@"
	EOT
	# An smtp(8) that runs keeps the old settings until it is idle: that is waited for.
	machine_stand_in postfix <<-'EOT'
		[ "$1" = reload ] || exec /usr/sbin/postfix "$@"
		bed=$BED && . "$BED_SRC/bed.sh" && BED=$bed && bed_postfix_reload client
	EOT
	machine_stand_in logger <<-'EOT'
		printf '%s\n' "$*" >>/var/log/user.log
	EOT
	machine_stand_in journalctl <<-'EOT'
		case " $* " in *mailoauth-fetch*) exec cat /var/log/mailoauth-fetch.log ;; *mailoauthd*) exec cat /var/log/mailoauthd.log ;; esac
		exec cat /var/log/mail.log
	EOT
	cp "$BED_SRC/systemctl.sh" "$BED/stand-ins/systemctl"
	chmod 755 "$BED/stand-ins/systemctl"
}

# A page begins with a machine on which mailoauth was just installed: nothing is configured yet, so nothing runs.
machine_reset() {
	"$BED/stand-ins/systemctl" stop mailoauth-fetch mailoauthd
	bed_queue_drop client
	rm -rf /etc/mailoauth /etc/systemd /etc/tokens /var/lib/mailoauth /var/lib/mailoauth-fetch /home/alice /home/admin "$BED/mail"/*
	rm -f /var/log/mailoauth* /var/log/user.log
	(umask 0 && : >/var/log/user.log)
	rm -f "$BED/client/conf"/*.mailoauth-*
	for machine_dir in mailoauthd.service.d mailoauth-fetch.service.d; do mkdir -p "/etc/systemd/system/$machine_dir"; done
	install -d -m 0755 -o admin -g admin /home/admin
	install -d -m 0755 -o alice -g alice /home/alice
	install -d -m 0750 -o root -g mailoauth /etc/mailoauth
	install -d -m 0700 -o mailoauth -g mailoauth /var/lib/mailoauth
	install -d -m 0700 -o mailoauth-fetch -g mailoauth-fetch /var/lib/mailoauth-fetch
	install -d -m 0755 /run/mailoauth
	for machine_shelf in guides topics; do ln -s "$BED_SRC/../../token-helper/$machine_shelf" /etc/mailoauth/$machine_shelf; done
	cp -a "$BED/presets" /etc/mailoauth/providers
	{
		echo "[daemon]"
		echo "socket = /run/mailoauth/socket $BED/client/queue/private/mailoauth"
		echo "store = /var/lib/mailoauth"
		bed_memcheck_conf
	} >/etc/mailoauth/mailoauth.conf
	bed_provider_ctl reset
	machine_postfix_plain
}

# Presets as they are, but for where the authorization server is and which permissions it has. This one gives offline_access only to who asks
# for consent (OpenID Connect Core 11).
machine_presets() {
	mkdir "$BED/presets"
	for machine_preset in "$BED_SRC"/../../token-helper/providers/*.conf; do
		sed -E -e "s|^(issuer +=).*|\1 $BED_ISSUER|" \
			-e "s|^(authorize_url +=).*|\1 $BED_ISSUER/auth|" \
			-e "s|^(token_url +=).*|\1 $BED_ISSUER/token|" \
			-e "s|^(device_url +=).*|\1 $BED_ISSUER/device/auth|" \
			-e 's/^(authorize_extra .*)prompt=select_account/\1prompt=consent/' \
			-e "s|^(revoke_url +=).*|\1 $BED_ISSUER/token/revocation|" \
			-e 's/^(scope +=).*default.*/\1 mail/' -e 's/^(scope +=) [^m].*/\1 openid email offline_access/' \
			-e 's/^((smtp|imap|pop)_scope +=).*/\1 openid/' "$machine_preset" >"$BED/presets/${machine_preset##*/}"
		grep -q '^authorize_extra' "$machine_preset" || ! grep -q '^authorize_url' "$machine_preset" ||
			echo "authorize_extra = prompt=consent" >>"$BED/presets/${machine_preset##*/}"
	done
}

# A Postfix that relays nothing yet.
machine_postfix_plain() {
	[ -e "$BED/plain.cf" ] || {
		sed '/^relayhost\|^smtp_tls_security_level\|^smtp_sasl/d' "$BED/client/conf/main.cf" >"$BED/plain.cf"
		cp "$BED/client/conf/master.cf" "$BED/plain-master.cf"
	}
	bed_log_clear
	if cmp -s "$BED/plain.cf" "$BED/client/conf/main.cf" && cmp -s "$BED/plain-master.cf" "$BED/client/conf/master.cf"; then
		return 0
	fi
	cp "$BED/plain.cf" "$BED/client/conf/main.cf"
	cp "$BED/plain-master.cf" "$BED/client/conf/master.cf"
	bed_postfix_reload client
}

# A command as the administrator types it.
machine_run() { # COMMAND...
	(cd /home/admin && exec env -u MACHINE_INSIDE PATH="$BED/stand-ins:$PATH" HOME=/home/admin SASL_PATH="$BED/sasl" \
		MAILOAUTH_SOCKET=/run/mailoauth/socket "$@")
}
