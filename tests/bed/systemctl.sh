#!/bin/sh
# SPDX-License-Identifier: MIT
#
# systemctl.sh - part of machine.sh: stands in for systemctl(1). It starts and stops mailoauthd and mailoauth-fetch as their units do, with
# User= of a drop-in file, and answers when they are ready.
#
#   systemctl start|stop|restart|reload|status|edit|daemon-reload|kill|"enable --now" UNIT…
#
# shellcheck disable=SC2016 # the shell's that is started
bed=$(cd "$(dirname "$0")/.." && pwd)
conf=/etc/mailoauth/mailoauth.conf

# When a process began, which tells it from another that has its number later: a run of all tests uses each number every few minutes.
began() { # PID
	sed -n 's/.*) //; /^Z/!p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

unit_pid() { # UNIT: nothing, if it has ended
	{ read -r pid since <"$bed/$1.pid"; } 2>/dev/null
	[ -n "${since-}" ] && [ "$(began "$pid")" = "$since" ] && echo "$pid"
}
runs() { [ -n "$(unit_pid "$1")" ]; }

wait_until() { # COMMAND...
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || return 1
		sleep 0.05
	done
}

count() { grep -c "$2" "/var/log/$1.log"; }
said_again() { [ "$(count "$1" "$2")" -gt "$3" ]; }
ended() { ! runs "$1"; }

start() { # UNIT
	! runs "$1" || return 0
	touch "/var/log/$1.log"
	before=$(count "$1" ' ready: ')
	set -- "$1" "$(sed -n 's/^User=//p' "/etc/systemd/system/$1.service.d/override.conf" 2>/dev/null)"
	[ -n "$2" ] || set -- "$1" "$([ "$1" = mailoauthd ] && echo mailoauth || echo mailoauth-fetch)"
	if [ "$1" = mailoauthd ]; then
		# By root: without systemd the daemon makes its sockets itself, and becomes its user.
		set -- "$1" "$bed/programs/mailoauthd" -c $conf
	else
		chown -R "$2:$2" /var/lib/mailoauth-fetch
		set -- "$1" setpriv --reuid="$2" --regid="$(id -g "$2")" --groups="$(id -g mailoauth)" -- \
			"$bed/programs/mailoauth-fetch" -c $conf -s /var/lib/mailoauth-fetch/state.db
	fi
	unit=$1
	shift
	(cd "$bed" && exec setsid "$@" >>"/var/log/$unit.log" 2>&1 </dev/null) &
	echo "$! $(began $!)" >"$bed/$unit.pid"
	wait_until said_again "$unit" ' ready: ' "$before" || {
		echo "Job for $unit.service failed."
		tail -n 5 "/var/log/$unit.log"
		return 1
	}
}

stop() { # UNIT
	runs "$1" || return 0
	kill "$(unit_pid "$1")" && wait_until ended "$1"
}

reload() { # UNIT
	before=$(count "$1" 'reload:')
	kill -HUP "$(unit_pid "$1")"
	wait_until said_again "$1" 'reload:' "$before"
}

verb=$1
shift
signal=TERM
while :; do
	case ${1-} in
	--now | --kill-who=main) shift ;;
	-s) signal=$2 && shift 2 ;;
	*) break ;;
	esac
done
# The bed's Dovecot, with the passdb for tokens that stands in /etc/dovecot and not the bed's own.
reload_dovecot() {
	awk '/^auth_mechanisms|^$/ { next } /^passdb/ { inside = 1; text = "" }
		inside { text = text $0 "\n"; if (/^}/) { inside = 0; if (text !~ /oauth2/) printf "%s", text }; next }
		{ print } END { print "!include /etc/dovecot/conf.d/99-oauth2.conf" }' "$bed/dovecot/dovecot.conf" >"$bed/dovecot/new.conf"
	cp "$bed/dovecot/new.conf" "$bed/dovecot/dovecot.conf"
	doveadm -c "$bed/dovecot/dovecot.conf" reload
}

for unit; do
	unit=${unit%.service}
	[ "$verb $unit" != "reload dovecot" ] || {
		reload_dovecot || exit 1
		continue
	}
	case $verb in
	start | enable) start "$unit" ;;
	stop | disable) stop "$unit" ;;
	restart) stop "$unit" && start "$unit" ;;
	reload) reload "$unit" ;;
	status) runs "$unit" && tail -n 3 "/var/log/$unit.log" ;;
	kill) kill -s "$signal" "$(unit_pid "$unit")" ;;
	edit) ;; # what is typed into the editor stands in the page after the command
	*) echo "systemctl: no stand-in for $verb" >&2 && exit 64 ;;
	esac || exit 1
done
