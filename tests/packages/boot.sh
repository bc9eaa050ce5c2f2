#!/bin/sh
# SPDX-License-Identifier: MIT
#
# boot.sh - the Debian packages under a real systemd and Debian's own kernel: sockets that start the daemon, restarts that nobody notices, a watchdog
# that bites, hardening that is in force, AppArmor, doctor's findings about units and the commands that mend them, a reboot, the end.
# What needs no systemd is in packages.sh.
#
# Needs root, qemu, the Debian mirror once, and ten minutes: ./bootstrap check-boot runs it, the suite does not.
# usage: boot.sh BUILD-DIRECTORY     the packages are those of `make deb` in it
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
HERE=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${1:?usage: boot.sh BUILD-DIRECTORY}" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
# shellcheck source=vm.sh
. "$HERE/vm.sh"
UNITS='mailoauthd.socket mailoauthd-postfix.socket mailoauthd.service'

show() { # UNIT PROPERTY
	vm systemctl show -P "$2" "$1" </dev/null
}

said() { # COMMAND: what it prints, both streams; its exit status is not of interest
	vm "$1" </dev/null 2>&1
}

status_of() { # PID-UNIT FIELD: of /proc/PID/status
	said "sed -n 's/^$2:[[:space:]]*//p' /proc/\$(systemctl show -P MainPID $1)/status"
}

confined() { # UNIT: what it said of itself at last
	said "journalctl --no-pager -o cat -u $1" | grep 'confined:' | tail -n 1
}

wait_until() { # SECONDS COMMAND: in the machine
	bed_wait_for "$1" vm "$2"
}

# Installing --------------------------------------------------------------------------------------------------

test_install() {
	is "$(said 'systemctl is-system-running --wait')" running 'a Debian with systemd has booted'
	vm mkdir /srv/packages </dev/null
	for package in mailoauth libsasl2-modules-mailoauth mailoauth-fetch; do
		vm "cat >/srv/packages/$package.deb" <"$(find "$BUILD/deb" -name "${package}_*.deb")"
	done
	ok 'apt-get install' vm apt-get install -q -y --no-install-recommends /srv/packages/*.deb </dev/null
	is "$(said "systemctl is-enabled $UNITS")" "$(printf 'enabled\nenabled\nenabled')" 'sockets and daemon are enabled'
	is "$(said "systemctl is-active $UNITS")" "$(printf 'active\nactive\ninactive')" 'the sockets are open, the daemon waits'
	is "$(said 'stat -c "%U:%G %a" /run/mailoauth/socket /var/spool/postfix/private/mailoauth')" "$(printf 'root:root 666\npostfix:postfix 660')" \
		'whose sockets they are'
	is "$(said 'systemctl is-enabled mailoauth-fetch; systemctl is-active mailoauth-fetch')" "$(printf 'disabled\ninactive')" \
		'the fetch agent waits to be told where mail goes'
	is "$(said 'systemctl --failed --plain --no-legend')" '' 'nothing has failed'
}

# The administrator ------------------------------------------------------------------------------------------------

configure() {
	for port in $BED_PROVIDER_PORT $BED_IMAP_PORT $BED_HUB_PORT; do vm_forward "$port"; done
	vm 'cat >>/etc/ssl/certs/ca-certificates.crt' <"$BED/tls/ca.pem"
	BED_CONF=$BED/mailoauth.conf
	printf '[daemon]\nadmin = root\n' >"$BED_CONF"
	bed_account relay relay@example.test 'allow = postfix root mailoauth-fetch alice' 'ca_file ='
	vm 'cat >/etc/mailoauth/mailoauth.conf' <"$BED_CONF"
}

# Somebody signs in at another machine.
authorize() {
	url=$(said 'mailoauth authorize relay --request' | grep -o "$BED_ISSUER/auth[^[:space:]]*" | head -n 1)
	back=$(bed_browser --user relay@example.test --no-redirect "$url") || return 1
	echo "$back" | vm mailoauth authorize relay --response
}

test_configure() {
	configure
	ok 'mailoauth config check' vm mailoauth config check </dev/null
	ok 'systemctl restart mailoauthd' vm systemctl restart mailoauthd </dev/null
	ok 'mailoauth authorize relay' authorize
	ok 'mailoauth token relay' vm mailoauth token relay </dev/null
	is "$(show mailoauthd.service Type) $(show mailoauthd.service SubState)" 'notify running' 'it said that it is ready'
}

# The sockets ---------------------------------------------------------------------------------------------------------

test_activation() {
	vm systemctl stop mailoauthd.service </dev/null >/dev/null 2>&1
	is "$(said 'systemctl is-active mailoauthd.service')" inactive 'the daemon is stopped'
	ok 'who asks starts it' vm mailoauth token relay </dev/null
	is "$(said 'systemctl is-active mailoauthd.service')" active 'it runs'
	vm systemctl stop mailoauthd.service </dev/null >/dev/null 2>&1
	like "$(said "setpriv --reuid=postfix --regid=postfix --clear-groups postmap -q '[127.0.0.1]:$BED_HUB_PORT' \
		socketmap:unix:/var/spool/postfix/private/mailoauth:login")" '^relay@example.test:' 'so does Postfix, by the socket in its jail'
	is "$(said 'systemctl is-active mailoauthd.service')" active 'it runs again'
}

# Asks on and on while the service is restarted, ended hard and installed anew.
test_restarts() {
	vm 'systemd-run -q --unit=asker sh -c "while [ ! -e /run/stop ]; do mailoauth token relay >/dev/null 2>>/run/asked.err && echo ok || echo failed; done >>/run/asked"' </dev/null
	ok 'somebody asks on and on' wait_until 60 '[ -s /run/asked ]'
	for how in 'systemctl restart mailoauthd' 'systemctl reload mailoauthd' 'apt-get install -q -y --reinstall /srv/packages/mailoauth.deb'; do
		before=$(said 'wc -l </run/asked')
		ok "$how" vm "$how" </dev/null
		ok 'answers come again' wait_until 120 "[ \$(wc -l </run/asked) -gt $((before + 2)) ]"
	done
	vm ': >/run/stop' </dev/null
	ok 'it ends' wait_until 120 '! systemctl is-active -q asker'
	is "$(said 'grep -vc "^ok$" /run/asked; cat /run/asked.err')" 0 "none of $(said 'wc -l </run/asked') failed"
	pid=$(show mailoauthd.service MainPID)
	vm kill -9 "$pid" </dev/null
	ok 'killed, it is started again' wait_until 60 "systemctl is-active -q mailoauthd && [ \$(systemctl show -P MainPID mailoauthd) != $pid ]"
	ok 'and answers' vm mailoauth token relay </dev/null
}

# Silence is answered with the request to end; what is stuck for good is killed.
test_watchdog() {
	vm 'mkdir -p /run/systemd/system/mailoauthd.service.d && printf "[Service]\nWatchdogSec=20\nTimeoutAbortSec=20\n" >/run/systemd/system/mailoauthd.service.d/watchdog.conf &&
		systemctl daemon-reload && systemctl restart mailoauthd' </dev/null
	pid=$(show mailoauthd.service MainPID)
	vm sleep 45 </dev/null
	is "$(show mailoauthd.service MainPID)" "$pid" 'the watchdog has nothing to say of a daemon that waits'
	vm kill -STOP "$pid" </dev/null
	ok 'it hangs: it is asked to end, and started again' wait_until 180 \
		"systemctl is-active -q mailoauthd && [ \$(systemctl show -P MainPID mailoauthd) != $pid ]"
	like "$(said 'journalctl --no-pager -o cat -u mailoauthd' | tail -n 20)" 'Watchdog timeout' 'for that reason'
	like "$(said 'journalctl --no-pager -o cat -u mailoauthd' | sed -n '/Watchdog timeout/,$p')" 'signal 15: stopping' 'and it ended as it always does'
	ok 'it answers' vm mailoauth token relay </dev/null
	vm 'rm -r /run/systemd/system/mailoauthd.service.d && systemctl daemon-reload && systemctl restart mailoauthd' </dev/null
}

# The limit of starts is reached at once on a machine that is quick; this one is slow.
test_mistake() {
	vm 'mkdir -p /run/systemd/system/mailoauthd.service.d && printf "[Unit]\nStartLimitIntervalSec=600\n" >/run/systemd/system/mailoauthd.service.d/slow.conf &&
		systemctl daemon-reload && echo "[account" >>/etc/mailoauth/mailoauth.conf' </dev/null
	not_ok 'a mistake in the configuration: it does not start' vm systemctl restart mailoauthd </dev/null
	is "$(show mailoauthd.service ExecMainStatus) $(show mailoauthd.service NRestarts)" '78 0' 'it said why, and is not tried on and on'
	not_ok 'who asks is refused' vm timeout 120 mailoauth status </dev/null
	is "$(said "systemctl is-active $UNITS")" "$(printf 'failed\nfailed\nfailed')" 'until systemd closes the sockets: nobody waits for what does not come'
	like "$(said 'mailoauth doctor' | grep -m 1 '^ERROR')" 'mailoauth.conf:[0-9]*:' 'doctor names the mistake first'
	vm 'rm -r /run/systemd/system/mailoauthd.service.d && systemctl daemon-reload && systemctl reset-failed mailoauthd.service &&
		sed -i "/^\[account$/d" /etc/mailoauth/mailoauth.conf' </dev/null
	ok 'mended and restarted' vm systemctl restart mailoauthd </dev/null
	is "$(said "systemctl is-active $UNITS")" "$(printf 'active\nactive\nactive')" 'all of it is back, the socket in the jail too'
	ok 'it answers' vm mailoauth token relay </dev/null
}

# Doctor ---------------------------------------------------------------------------------------------------------------

units_found() {
	said 'mailoauth doctor' | awk '$2 == "units" { on = 1; print; next } /^[^ ]/ { on = 0 } on'
}

mend_units() {
	units_found | sed -n 's/^ *run: //p' | while read -r mend; do vm "$mend" </dev/null; done
}

# UNIT is brought into a state; doctor has a line that matches, and its commands mend it.
finds() { # COMMAND FINDING
	vm "$1" </dev/null >/dev/null 2>&1
	like "$(units_found)" "$2" "doctor finds: $2"
	mend_units >"$BED/mend.log" 2>&1
	is "$(units_found | cut -d ' ' -f 1 | sort | uniq -c | sed 's/^ *//')" '3 ok' "mended by the command that it says, after: $1"
}

test_doctor() {
	is "$(units_found | sed 's/  */ /g')" "$(for unit in mailoauthd.socket mailoauthd.service mailoauthd-postfix.socket; do echo "ok units $unit runs"; done)" \
		'doctor has nothing to say about the units'
	finds 'systemctl disable mailoauthd.service' 'mailoauthd.service runs, but not after the next boot'
	finds 'systemctl disable mailoauthd.socket' 'mailoauthd.socket runs, but not after the next boot'
	finds 'systemctl stop mailoauthd-postfix.socket' 'mailoauthd-postfix.socket does not run'
	finds 'systemctl stop mailoauthd.socket' 'ERROR +units +mailoauthd.socket does not run'
	finds 'systemctl mask --now mailoauthd.service; systemctl stop mailoauthd.socket' 'ERROR +units +mailoauthd.service is masked'
	ok 'all is as before' vm mailoauth token relay </dev/null
}

# Hardening -------------------------------------------------------------------------------------------------------------

# What is tried from inside of the service: a program of client_secret_command runs where the daemon runs. It has only so long, so another
# process goes on with it. A line for each thing, and the file when all is tried.
attempts() {
	cat <<-'EOT'
		#!/bin/sh
		[ "${1-}" = try ] || {
			setsid "$0" try </dev/null >/dev/null 2>&1 &
			echo secret
			exit 0
		}
		exec 3>/var/lib/mailoauth/attempts.new
		can() { what=$1; shift; if "$@" >/dev/null 2>&1; then echo "can $what" >&3; else echo "cannot $what" >&3; fi; }
		can 'write grants' touch /var/lib/mailoauth/x
		rm -f /var/lib/mailoauth/x
		can 'read its configuration' test -r /etc/mailoauth/mailoauth.conf
		can 'write its configuration' sh -c ': >>/etc/mailoauth/mailoauth.conf'
		can 'write /etc' touch /etc/x
		can 'write /usr' touch /usr/x
		can 'write /var/lib' touch /var/lib/x
		can 'read the list of packages' cat /var/lib/dpkg/status
		can 'see homes' test -e /home/alice/.profile
		can 'see other processes' test -e /proc/1/cmdline
		can 'see /tmp of others' test -e /tmp/theirs
		can 'see disks' test -e /dev/vda
		can 'write kernel settings' sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
		can 'write to cgroups' mkdir /sys/fs/cgroup/x
		can 'make a namespace' unshare --user true
		can 'become root' setpriv --reuid=0 true
		can 'set the clock' date -s now
		can 'set the name of the machine' sh -c 'hostname "$(hostname)"'
		can 'mount' mount -t tmpfs none /mnt
		can 'open a raw socket' perl -e 'use Socket; socket(my $s, 17, SOCK_RAW, 0) or exit 1'
		can 'open a netlink socket' perl -e 'socket(my $s, 16, 3, 0) or exit 1'
		can 'open a socket of the Internet' perl -e 'use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0) or exit 1'
		can 'trace' strace -o /dev/null true
		can 'set a setuid bit' sh -c 'cp /bin/true /var/lib/mailoauth/x && chmod u+s /var/lib/mailoauth/x'
		rm -f /var/lib/mailoauth/x
		can 'be another personality' setarch -R true
		can 'run in real time' chrt -f 1 true
		mv /var/lib/mailoauth/attempts.new /var/lib/mailoauth/attempts
	EOT
}

wanted_attempts() { # [WHAT]: and that can be done
	attempts | sed -n "s/^can '\([^']*\)'.*/\1/p" | while read -r what; do
		case $what in
		"${1-}" | 'write grants' | 'read its configuration' | 'open a socket of the Internet') echo "can $what" ;;
		*) echo "cannot $what" ;;
		esac
	done
}

try_attempts() { # WHAT [WHAT-CAN-BE-DONE]
	said 'rm -f /var/lib/mailoauth/attempts*; systemctl restart mailoauthd; mailoauth refresh secretive' >"$BED/attempts.log"
	wait_until 120 '[ -e /var/lib/mailoauth/attempts ]'
	is "$(said 'cat /var/lib/mailoauth/attempts')" "$(wanted_attempts "${2-}")" "$1"
}

test_hardening() {
	vm 'mkdir -p /etc/mailoauth/bin && cat >/etc/mailoauth/bin/attempts && chmod 755 /etc/mailoauth/bin/attempts && : >/tmp/theirs' <<-EOT
		$(attempts)
	EOT
	bed_account secretive second@example.test 'ca_file =' 'client_auth = post' 'client_secret_command = /etc/mailoauth/bin/attempts' \
		'grant = client_credentials' 'scope = mail' 'allow = root' 'authorize_url ='
	vm 'cat >/etc/mailoauth/mailoauth.conf && mailoauth config check' <"$BED_CONF" >"$BED/check.log" 2>&1 || diag "$(cat "$BED/check.log")"
	vm 'systemctl restart mailoauthd && mailoauth token relay' </dev/null >/dev/null 2>&1
	is "$(said '/etc/mailoauth/bin/attempts try; cat /var/lib/mailoauth/attempts' | grep -v '^can ')" '' 'root, outside of the service, can do all that is tried'
	is "$(status_of mailoauthd Uid | cut -f 1-4 | tr '\t' '\n' | sort -u)" "$(said 'id -u mailoauth')" 'it is its user and nobody else'
	for field in CapEff CapPrm CapBnd CapAmb CapInh; do is "$(status_of mailoauthd $field)" 0000000000000000 "no right: $field"; done
	is "$(status_of mailoauthd NoNewPrivs)" 1 'no new rights'
	is "$(status_of mailoauthd Seccomp)" 2 'system calls are filtered'
	like "$(confined mailoauthd)" 'files by Landlock, system calls by libseccomp [0-9]' 'and it confined itself, besides what its unit says'
	like "$(said 'mailoauth doctor' | grep ' confinement ')" '^ok ' 'doctor says so'
	try_attempts 'what a program can do in its place' 'read the list of packages'
}

# A unit that forbids it, as ours once did without knowing.
test_forbidden() {
	vm 'mkdir -p /run/systemd/system/mailoauthd.service.d && printf "[Service]\nSystemCallFilter=~seccomp landlock_create_ruleset\n" >/run/systemd/system/mailoauthd.service.d/forbid.conf &&
		systemctl daemon-reload && systemctl restart mailoauthd' </dev/null
	is "$(said 'mailoauth doctor' | grep -c '^WARNING  *confinement ')" 2 'doctor finds a daemon that may not confine itself'
	ok 'which works all the same' vm mailoauth token relay </dev/null
	vm 'rm -r /run/systemd/system/mailoauthd.service.d && systemctl daemon-reload && systemctl restart mailoauthd' </dev/null
}

# A program that gets a secret outlives the request to end, so that whoever waits for the refresh has the server's answer.
test_stop_in_flight() {
	vm 'cat >/etc/mailoauth/bin/slow && chmod 755 /etc/mailoauth/bin/slow && sed -i s,/bin/attempts,/bin/slow, /etc/mailoauth/mailoauth.conf &&
		systemctl restart mailoauthd' <<-'EOT'
		#!/bin/sh
		: >/var/lib/mailoauth/slow
		sleep 5
		echo secret
	EOT
	vm 'systemd-run -q --unit=refresh sh -c "mailoauth refresh secretive >/run/refreshed 2>&1; : >/run/refresh-ended"' </dev/null
	ok 'a secret is asked for' wait_until 60 '[ -e /var/lib/mailoauth/slow ]'
	ok 'systemctl restart mailoauthd meanwhile' vm systemctl restart mailoauthd </dev/null
	ok 'who waits is answered' wait_until 60 '[ -e /run/refresh-ended ]'
	like "$(said 'cat /run/refreshed')" 'invalid_client' 'by the server, which does not know that secret'
	vm 'rm /var/lib/mailoauth/slow; sed -i s,/bin/slow,/bin/attempts, /etc/mailoauth/mailoauth.conf; systemctl restart mailoauthd' </dev/null
}

# AppArmor -----------------------------------------------------------------------------------------------------------------

confined_as() { # UNIT
	said "cat /proc/\$(systemctl show -P MainPID $1)/attr/current"
}

kernel_says() { # DENIED|ALLOWED
	said 'journalctl --no-pager -q -k -o cat' | grep "apparmor=\"$1\""
}

# But for what attempts() tried.
of_the_daemon() {
	grep 'comm="\(mailoauth\|mailoauthd\|mailoauth-fetch\)"'
}

test_apparmor() {
	[ "$(said 'cat /sys/module/apparmor/parameters/enabled')" = Y ] || {
		skip 'AppArmor' 'the kernel has none'
		return
	}
	is "$(confined_as mailoauthd)" 'mailoauthd (complain)' 'the profile of mailoauthd complains'
	like "$(kernel_says ALLOWED)" 'name="/var/lib/dpkg/status".*comm="cat"' 'and is heard'
	is "$(kernel_says ALLOWED | of_the_daemon | head -n 5)" '' 'it has nothing to say of the daemon itself'
	ok 'aa-enforce' vm 'aa-enforce /usr/sbin/mailoauthd /usr/sbin/mailoauth-fetch && systemctl restart mailoauthd' </dev/null
	is "$(confined_as mailoauthd)" 'mailoauthd (enforce)' 'the profile is enforced'
	ok 'it refreshes' vm mailoauth refresh relay </dev/null
	ok 'it answers' vm mailoauth token relay </dev/null
	try_attempts 'what a program can do in its place then'
	is "$(kernel_says DENIED | of_the_daemon | head -n 5)" '' 'nothing that it needs is denied'
}

# Fetching -----------------------------------------------------------------------------------------------------------------

fetched() { # COUNT
	wait_until 120 "[ \$(find /home/alice/Maildir/new -type f 2>/dev/null | wc -l) -ge $1 ]"
}

# As README.md has it.
test_fetch() {
	bed_put_many relay@example.test 1
	BED_FETCH_CONF=$BED_CONF
	bed_fetch_section inbox 'deliver = maildir:/home/alice/Maildir' 'watch = idle' 'ca_file ='
	vm 'cat >/etc/mailoauth/mailoauth.conf; install -d -o alice -g alice -m 700 /home/alice/Maildir; systemctl restart mailoauthd' <"$BED_CONF"
	vm 'mkdir -p /etc/systemd/system/mailoauth-fetch.service.d; cat >/etc/systemd/system/mailoauth-fetch.service.d/override.conf; systemctl daemon-reload' <<-EOT
		[Service]
		User=alice
		ReadWritePaths=/home/alice/Maildir
		ProtectHome=no
		WatchdogSec=20
	EOT
	ok 'systemctl enable --now mailoauth-fetch' vm systemctl enable --now mailoauth-fetch </dev/null
	ok 'a message is fetched' fetched 1
	bed_put_many relay@example.test 1
	ok 'another one, at once' fetched 2
	is "$(status_of mailoauth-fetch CapEff) $(status_of mailoauth-fetch CapBnd) $(status_of mailoauth-fetch NoNewPrivs) $(status_of mailoauth-fetch Seccomp)" \
		'0000000000000000 0000000000000000 1 2' 'it has no rights either'
	like "$(confined mailoauth-fetch)" 'files by Landlock, system calls by libseccomp [0-9]' 'and confined itself'
	is "$(said 'stat -c %U:%a /var/lib/mailoauth-fetch /var/lib/mailoauth-fetch/state.db')" "$(printf 'alice:700\nalice:600')" 'its state is of who owns the mail'
	like "$(confined_as mailoauth-fetch)" '^mailoauth-fetch \(enforce\)' 'AppArmor confines it'
	is "$(kernel_says DENIED | of_the_daemon | head -n 5)" '' 'and denies nothing that it needs'
	pid=$(show mailoauth-fetch MainPID)
	ok 'systemctl reload' vm systemctl reload mailoauth-fetch </dev/null
	is "$(show mailoauth-fetch MainPID)" "$pid" 'it goes on'
	vm kill -STOP "$pid" </dev/null
	ok 'it hangs: the watchdog ends it, and it is started again' wait_until 180 \
		"[ \$(systemctl show -P MainPID mailoauth-fetch) != $pid ] && systemctl is-active -q mailoauth-fetch"
	like "$(said 'journalctl --no-pager -o cat -u mailoauth-fetch')" 'Watchdog timeout' 'for that reason'
	bed_put_many relay@example.test 1
	ok 'it fetches again' fetched 3
}

# Postfix -------------------------------------------------------------------------------------------------------------------

test_relay() {
	vm "postconf -e smtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt smtp_dns_support_level=disabled smtp_tls_secure_cert_match=localhost \
		smtp_host_lookup=native && systemctl restart postfix && systemctl is-active postfix@-" </dev/null >/dev/null 2>&1
	is "$(said 'systemctl is-active postfix@-')" active 'Postfix runs'
	ok 'mailoauth postfix enable' vm mailoauth postfix enable relay --port "$BED_HUB_PORT" --yes </dev/null
	vm 'sendmail -f relay@example.test alice@example.test' <<-EOT
		Subject: from the machine
		From: relay@example.test
		To: alice@example.test

		hello
	EOT
	ok 'a message is relayed, by an smtp(8) in its chroot' bed_wait_for 180 bed_mailbox_has alice@example.test '^Subject: from the machine$'
	diag "$(said 'mailoauth doctor')"
}

# The end -----------------------------------------------------------------------------------------------------------------

test_reboot() {
	ok 'systemctl reboot' vm_reboot
	is "$(said 'systemctl is-system-running --wait')" running 'it is up again' ||
		diag "$(said 'systemctl --failed --plain --no-legend | cut -d " " -f 1 | xargs systemctl status --no-pager')"
	is "$(said "systemctl is-active $UNITS mailoauth-fetch")" "$(printf 'active\nactive\nactive\nactive')" 'and so is all of ours'
	ok 'nobody has to sign in again' vm mailoauth token relay </dev/null
	bed_put_many relay@example.test 1
	ok 'mail is fetched' fetched 4
	like "$(confined_as mailoauthd)" 'enforce' 'AppArmor confines from the start'
}

test_purge() {
	ok 'apt-get purge' vm apt-get purge -q -y mailoauth mailoauth-fetch libsasl2-modules-mailoauth </dev/null
	is "$(said 'systemctl --failed --plain --no-legend')" '' 'nothing has failed'
	is "$(said 'systemctl list-units --all --plain --no-legend "mailoauth*"; find /run/mailoauth /var/spool/postfix/private/mailoauth /var/lib/mailoauth-fetch 2>/dev/null')" '' 'no unit, no socket, no process is left'
	is "$(said 'pgrep -l mailoauth')" '' 'no process'
	is "$(said 'ls /var/lib/mailoauth' | grep -v attempts)" "$(printf 'lock\nrelay.grant')" 'the grants are'
}

bed_require
bed_scratch
[ -n "$(find "$BUILD/deb" -name 'mailoauth_*.deb' 2>/dev/null)" ] || make -C "$BUILD" deb >"$BED/deb.log" 2>&1 || bed_die "make deb: $(tail -n 3 "$BED/deb.log")"
bed_install
vm_start
bed_servers_start
test_install
test_configure
test_activation
test_restarts
test_watchdog
test_mistake
test_doctor
test_hardening
test_forbidden
test_stop_in_flight
test_apparmor
test_fetch
test_relay
test_reboot
test_purge
done_testing
