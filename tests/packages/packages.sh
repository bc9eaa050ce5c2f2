#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packages.sh - the life of the Debian packages, in a chroot made by debootstrap: built twice, looked at by lintian, installed, configured as README.md
# says, a message relayed through Debian's Postfix, Postfix installed after us, upgraded while mail flows and clients ask, removed, purged,
# and nothing left that is ours. There is no systemd in a chroot: manager.pl holds the sockets and runs the service as the units say.
#
# Needs root, the Debian mirror and minutes: ./bootstrap check-packages runs it, the suite does not.
# usage: packages.sh BUILD-DIRECTORY     PACKAGES=DIR takes the packages that are there instead of building
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
HERE=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${1:?usage: packages.sh BUILD-DIRECTORY}" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
SUITE=bookworm
MIRROR=${MIRROR:-http://deb.debian.org/debian}
CACHE=${MAILOAUTH_CACHE:-$HOME/.cache/mailoauth}
PARALLEL="parallel=$(nproc)"

# Building ------------------------------------------------------------------------------------------

build_packages() {
	PACKAGES=$BUILD/deb
	rm -rf "$PACKAGES"
	bed_say 'building the packages'
	DEB_BUILD_OPTIONS=$PARALLEL make -C "$BUILD" deb >"$BED/deb.log" 2>&1
	ok 'make deb' [ $? -eq 0 ]
	like "$(grep '^# PASS: ' "$BED/deb.log")" '[1-9][0-9][0-9]' 'it ran the unit tests'
}

# Another directory, user's settings and time: the same bytes.
build_again() {
	bed_say 'building them again'
	(
		umask 077
		export LC_ALL=C TZ=Pacific/Kiritimati HOME=/nonexistent DEB_BUILD_OPTIONS="nocheck $PARALLEL"
		"$HERE/../../packaging/build-deb" "$(find "$BUILD" -maxdepth 1 -name 'mailoauth-*.tar.gz')" "$BED/again"
	) >"$BED/deb-again.log" 2>&1
	ok 'build-deb, in another place' [ $? -eq 0 ]
	unlike "$(grep '^# PASS: ' "$BED/deb-again.log")" . 'told nocheck, it ran no test'
	is "$(sums "$BED/again")" "$(sums "$PACKAGES")" 'two builds are identical'
}

sums() { # DIR
	(cd "$1" && find . -name '*.deb' -o -name '*.dsc' -o -name '*.tar.*' | sort | xargs sha256sum)
}

# No build dependency is known to RPM here.
build_rpm() {
	bed_say 'building RPMs'
	rpmbuild -tb --nodeps --nocheck --load "$HERE/rpm.macros" --define "_topdir $BED/rpm" "$(find "$BUILD" -maxdepth 1 -name 'mailoauth-*.tar.gz')" >"$BED/rpm.log" 2>&1
	ok 'rpmbuild -tb' [ $? -eq 0 ]
	plugin=$(find "$BED/rpm" -name 'cyrus-sasl-mailoauth-[0-9]*.rpm')
	like "$(rpm -qlp "$plugin" 2>/dev/null)" '/sasl2/libmailoauth.so$' 'the RPM of the plugin has it'
	ok 'rpmlint has no error and no warning' no_rpm_complaints
	unlike "$(rpm -qRp "$plugin" 2>/dev/null)" 'lib(curl|crypto|ssl|sasl|json|event)' 'and needs nothing but libc'
}

no_rpm_complaints() {
	find "$BED/rpm" -name '*.rpm' ! -name '*debug*' -exec rpmlint -c "$HERE/rpmlint.toml" {} + >"$BED/rpmlint.log" 2>&1
	grep -q ' packages .* checked' "$BED/rpmlint.log" || cat "$BED/rpmlint.log"
	! grep ': [EW]: ' "$BED/rpmlint.log"
}

no_complaints() {
	lintian -EviI --pedantic --fail-on error,warning "$PACKAGES"/*.changes >"$BED/lintian.log" 2>&1 || {
		grep '^[EW]:' "$BED/lintian.log"
		return 1
	}
}

# The chroot ----------------------------------------------------------------------------------------

inside() { # COMMAND...
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
		${http_proxy:+http_proxy="$http_proxy"} chroot "$ROOT" "$@"
}

# A bare system with what the packages need, so that they are installed without the network; made once a week.
make_base() {
	BASE=$CACHE/$SUITE-$(dpkg --print-architecture).tar
	[ -z "$(find "$BASE" -mtime -7 2>/dev/null)" ] || return 0
	bed_say "debootstrap $SUITE"
	mkdir -p "$CACHE"
	{
		debootstrap --variant=minbase --include=systemd,ca-certificates "$SUITE" "$ROOT" "$MIRROR" &&
			cp /etc/resolv.conf "$ROOT/etc/" &&
			inside apt-get update &&
			inside apt-get install -y --no-install-recommends libcurl4 libevent-2.1-7 libevent-openssl-2.1-7 libinih1 libjson-c5 \
				libsasl2-2 libsqlite3-0 &&
			inside apt-get install -y --no-install-recommends --download-only postfix libsasl2-modules &&
			tar -C "$ROOT" -cf "$BASE.new.$$" . && mv "$BASE.new.$$" "$BASE"
	} >"$BED/debootstrap.log" 2>&1 || bed_die "debootstrap: $(tail -n 5 "$BED/debootstrap.log")"
	rm -rf "$ROOT"
}

make_chroot() {
	ROOT=$BED/root
	make_base
	mkdir -p "$ROOT"
	tar -C "$ROOT" -xpf "$BASE" || bed_die "cannot unpack $BASE"
	cp /etc/resolv.conf "$ROOT/etc/"
	mount -t proc proc "$ROOT/proc" || bed_die 'cannot mount /proc in the chroot'
	# Maintainer scripts start nothing but our units, and those by the manager.
	# shellcheck disable=SC2016 # it is expanded by that script
	printf '#!/bin/sh\ncase $1 in mailoauth*) exit 0 ;; esac\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
	install -m 755 "$HERE/systemctl.pl" "$ROOT/usr/local/bin/systemctl"
	install -m 755 "$HERE/manager.pl" "$ROOT/usr/local/sbin/manager"
	chmod 755 "$ROOT/usr/sbin/policy-rc.d"
	mkdir -p "$ROOT/run/systemd/system" "$ROOT/srv/packages" "$ROOT$BED/tls"
	cp "$BED/tls/ca.pem" "$ROOT$BED/tls/"
	cp "$PACKAGES"/*.deb "$ROOT/srv/packages/"
	inside manager >"$BED/manager.log" 2>&1 &
	bed_note $!
	bed_wait_for 20 [ -S "$ROOT/run/manager/control" ] || bed_die "no manager: $(cat "$BED/manager.log")"
}

# Every file but what dpkg, apt and debconf keep for themselves, and logs. /etc/passwd has our users for ever, as Debian's custom is.
snapshot() {
	(cd "$ROOT" && find . -path ./proc -prune -o -path ./tmp -prune -o -path ./srv -prune -o -path ./run/manager -prune -o \
		-path ./var/lib/dpkg -prune -o -path ./var/lib/apt -prune -o -path ./var/cache -prune -o -path ./var/log -prune -o \
		-path ./var/lib/systemd/deb-systemd-helper-enabled -prune -o -print |
		grep -vE '^\./etc/(passwd|group|g?shadow|sub[ug]id|ld\.so\.cache|\.pwd\.lock)-?$' | sort)
}

apt() { # ARGUMENT...
	inside apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" >>"$BED/apt.log" 2>&1
}

package_file() { # PACKAGE [VERSION-PATTERN]: its path inside the chroot
	(cd "$ROOT" && find srv/packages -name "$1_${2:-*}_*.deb" | sed 's|^|/|')
}

control_field() { # PACKAGE FIELD
	dpkg-deb -f "$ROOT$(package_file "$1")" "$2"
}

isnt() { # GOT UNWANTED NAME
	if [ "$1" != "$2" ]; then pass "$3"; else fail "$3" "got: $1"; fi
}

owner_and_mode() { # PATH
	inside stat -c '%U:%G %a' "$1" 2>&1
}

manager_says() { # VERB [UNIT]
	inside systemctl "$@" >/dev/null 2>&1
}

service_pid() {
	sed -n 's/^manager: mailoauthd.service runs: pid \([0-9]*\),.*/\1/p' "$BED/manager.log" | tail -n 1
}

# The tests -----------------------------------------------------------------------------------------

test_dependencies() {
	is "$(control_field libsasl2-modules-mailoauth Depends | sed 's/ ([^)]*)//')" libc6 'the plugin depends on libc6 alone'
	unlike "$(control_field mailoauth Depends)" 'sqlite' 'mailoauth depends on no SQLite'
	unlike "$(control_field mailoauth-fetch Depends)" 'curl' 'mailoauth-fetch depends on no libcurl'
}

test_install() {
	snapshot >"$BED/before"
	ok 'apt-get install, without Postfix' apt install --no-install-recommends \
		"$(package_file mailoauth)" "$(package_file libsasl2-modules-mailoauth)" "$(package_file mailoauth-fetch)"
	inside dpkg-query -s mailoauth >/dev/null 2>&1 || bed_die "not installed: $(tail -n 20 "$BED/apt.log")"
	is "$(owner_and_mode /etc/mailoauth)" 'root:mailoauth 750' '/etc/mailoauth'
	is "$(owner_and_mode /etc/mailoauth/mailoauth.conf)" 'root:mailoauth 640' 'mailoauth.conf'
	is "$(owner_and_mode /var/lib/mailoauth)" 'mailoauth:mailoauth 700' '/var/lib/mailoauth'
	is "$(owner_and_mode /var/lib/mailoauth-fetch)" 'mailoauth-fetch:mailoauth-fetch 700' '/var/lib/mailoauth-fetch'
	is "$(owner_and_mode /run/mailoauth/socket)" 'root:root 666' 'the socket'
	for unit in mailoauthd.service mailoauthd.socket mailoauthd-postfix.socket; do
		is "$(inside systemctl is-enabled $unit)" enabled "$unit is enabled"
	done
	is "$(inside systemctl is-enabled mailoauth-fetch.service)" disabled 'mailoauth-fetch.service is not: it has to be told where mail goes'
	not_ok 'no Postfix, no socket for it' [ -e "$ROOT/var/spool/postfix/private/mailoauth" ]
	not_ok 'the daemon waits until it is configured' manager_says is-active mailoauthd.service
}

# Postfix comes after us: dpkg's trigger makes its socket, though the daemon runs.
test_postfix_comes() {
	like "$(inside mailoauth status)" 'no account is configured.*import FILE --append' 'who asks starts the daemon, with no account yet, before Postfix comes'
	before=$(service_pid)
	echo 'postfix postfix/main_mailer_type select No configuration' | inside debconf-set-selections
	ok 'apt-get install postfix' apt install --no-install-recommends postfix libsasl2-modules
	is "$(owner_and_mode /var/spool/postfix/private/mailoauth)" 'postfix:postfix 660' 'the socket in private/ is there'
	isnt "$(service_pid)" "$before" 'the daemon was restarted for it'
	sed -i '/^# .account relay/,$s/^# //' "$ROOT/etc/mailoauth/mailoauth.conf"
	ok 'where Postfix is, the example is a configuration' inside mailoauth config check
	ok 'postfix set-permissions' configure_postfix
	is "$(owner_and_mode /var/spool/postfix/private/mailoauth)" 'postfix:postfix 660' 'it outlives postfix set-permissions'
	unlike "$(inside postfix check 2>&1)" mailoauth 'postfix check has nothing to say about it'
}

# The lines of README.md for main.cf; the rest is this test's. smtp(8) is in its chroot, as Debian's master.cf has it.
configure_postfix() {
	cp "$ROOT/usr/share/postfix/master.cf.dist" "$ROOT/etc/postfix/master.cf"
	inside postconf -M '#smtp/inet' 2>/dev/null
	cat >"$ROOT/etc/postfix/main.cf" <<-EOF
		compatibility_level = 3.6
		myhostname = client.test
		mydestination =
		alias_maps =
		alias_database =
		inet_interfaces = loopback-only
		inet_protocols = ipv4
		maillog_file = /var/log/postfix.log
		smtp_dns_support_level = disabled
		smtp_tls_secure_cert_match = localhost
		relayhost = [127.0.0.1]:$BED_HUB_PORT
		smtp_tls_security_level = secure
		smtp_tls_CAfile = $BED/tls/ca.pem
		smtp_sasl_auth_enable = yes
		smtp_sasl_mechanism_filter = xoauth2
		smtp_sasl_tls_security_options = noanonymous
		smtp_sasl_password_maps = inline:{ { [127.0.0.1]:$BED_HUB_PORT = relay@example.test: } }
	EOF
	inside postfix set-permissions
}

# As README.md has it: edit, check, restart, authorize.
test_configure() {
	BED_CONF=$ROOT/etc/mailoauth/mailoauth.conf BED_SOCKET=/run/mailoauth/socket
	MAILOAUTH=$BED/mailoauth
	printf '#!/bin/sh\nexec chroot %s mailoauth "$@"\n' "$ROOT" >"$MAILOAUTH"
	chmod 755 "$MAILOAUTH"
	printf '[daemon]\nadmin = root\n' >"$BED_CONF"
	bed_account relay relay@example.test 'allow = postfix root'
	ok 'mailoauth config check' inside mailoauth config check
	ok 'systemctl restart mailoauthd' manager_says restart mailoauthd.service
	ok 'mailoauth authorize relay' bed_authorize relay relay@example.test
	ok 'mailoauth token relay' inside mailoauth token relay
}

send() { # SUBJECT
	printf 'Subject: %s\nFrom: relay@example.test\nTo: alice@example.test\n\nhello\n' "$1" |
		inside sendmail -f relay@example.test alice@example.test
}

log_has() { # EXTENDED-REGEX
	grep -Eq -e "$1" "$ROOT/var/log/postfix.log"
}

arrived() { # SUBJECT
	bed_mailbox_has alice@example.test "^Subject: $1\$"
}

test_relay() {
	inside postfix start >"$BED/postfix.log" 2>&1
	ok 'Postfix runs' bed_wait_for 20 inside postfix status
	send 'before the upgrade'
	like "$(inside postconf -M smtp/unix)" '^smtp +unix +- +- +y' 'smtp(8) runs in a chroot, as Debian has it'
	ok 'a message is sent' bed_wait_for 60 log_has 'status=sent \(250 '
	ok 'it is in the mailbox' bed_wait_for 20 arrived 'before the upgrade'
	ok 'the smarthost saw XOAUTH2' bed_log_has hub 'sasl_method=XOAUTH2, sasl_username=relay@example.test'
}

# The same files under a higher version.
make_newer() {
	for package in mailoauth libsasl2-modules-mailoauth mailoauth-fetch; do
		rm -rf "$BED/newer"
		dpkg-deb -R "$ROOT$(package_file $package "$OLDER")" "$BED/newer" &&
			sed -i "s/^Version: .*/Version: $NEWER/; s/(= [^)]*)/(= $NEWER)/g" "$BED/newer/DEBIAN/control" &&
			dpkg-deb --root-owner-group -Znone -b "$BED/newer" "$ROOT/srv/packages/${package}_${NEWER}_$(dpkg --print-architecture).deb" ||
			return 1
	done >/dev/null
}

# Asks until it is told to stop: a line for each answer.
ask_on_and_on() { # NAME COMMAND...
	asker=$1
	shift
	while [ ! -e "$BED/stop-asking" ]; do
		if inside "$@" >"$BED/$asker.said" 2>&1; then
			echo ok
		else
			echo "failed: $(cat "$BED/$asker.said")"
		fi
	done >"$BED/$asker.answers"
	: >"$BED/$asker.done"
}

start_askers() {
	ask_on_and_on tool mailoauth token relay &
	bed_note $!
	ask_on_and_on postmap setpriv --reuid=postfix --clear-groups --regid=postfix \
		postmap -q "[127.0.0.1]:$BED_HUB_PORT" socketmap:unix:/var/spool/postfix/private/mailoauth:login &
	bed_note $!
}

both_answered() {
	bed_wait_for 30 [ -s "$BED/tool.answers" ] && bed_wait_for 30 [ -s "$BED/postmap.answers" ]
}

stop_askers() {
	: >"$BED/stop-asking"
	bed_wait_for 60 [ -e "$BED/tool.done" ] && bed_wait_for 60 [ -e "$BED/postmap.done" ]
}

# The daemon is kept down until somebody waits at both sockets; that nobody of them fails is what socket activation is for.
test_upgrade() {
	OLDER=$(control_field mailoauth Version)
	NEWER=$OLDER+newer1
	ok 'packages of a higher version' make_newer
	before=$(service_pid)
	start_askers
	ok 'clients ask on and on' both_answered
	manager_says hold
	for number in 1 2 3 4 5; do send "during $number"; done
	ok 'apt-get install of the higher version' apt install "$(package_file mailoauth "$NEWER")" \
		"$(package_file libsasl2-modules-mailoauth "$NEWER")" "$(package_file mailoauth-fetch "$NEWER")"
	manager_says release
	# shellcheck disable=SC2016 # it is expanded by dpkg-query
	is "$(inside dpkg-query -W -f '${Version}' mailoauth)" "$NEWER" 'it is installed'
	isnt "$(service_pid)" "$before" 'the daemon was restarted'
	is "$(grep -c 'is down, somebody waits at' "$BED/manager.log")" 2 'somebody waited at each socket while it was down'
	unlike "$(sed -n '/is down/,$p' "$BED/manager.log")" 'socket closed' 'the sockets stayed'
	is "$(inside cat "/proc/$(service_pid)/comm" 2>/dev/null || cat "/proc/$(service_pid)/comm")" mailoauthd 'the new one runs'
	ok 'the clients ended' stop_askers
	for asker in tool postmap; do
		is "$(grep -v '^ok$' "$BED/$asker.answers")" '' "$asker: $(grep -c '^ok$' "$BED/$asker.answers") answers, none failed"
	done
	for number in 1 2 3 4 5; do
		ok "message $number of those sent meanwhile" bed_wait_for 60 arrived "during $number"
	done
	not_ok 'none was deferred or bounced' log_has 'status=(deferred|bounced)'
	is "$(grep -c '^user ' "$BED_CONF")" 1 'the configuration is as it was'
}

test_postfix_reinstalled() {
	ok 'apt-get install --reinstall postfix' apt install --reinstall --no-install-recommends postfix
	is "$(owner_and_mode /var/spool/postfix/private/mailoauth)" 'postfix:postfix 660' 'its socket is there still'
}

test_remove() {
	: >"$ROOT/etc/mailoauth/seal.key"
	ok 'apt-get remove' apt remove mailoauth mailoauth-fetch libsasl2-modules-mailoauth
	not_ok 'the daemon ended' manager_says is-active mailoauthd.service
	not_ok 'no socket' [ -e "$ROOT/run/mailoauth/socket" ]
	not_ok 'none in private/' [ -e "$ROOT/var/spool/postfix/private/mailoauth" ]
	ok 'the configuration stays' [ -s "$BED_CONF" ]
	ok 'the grants stay' [ -s "$ROOT/var/lib/mailoauth/relay.grant" ]
	not_ok 'the daemon is gone' bed_alive "$(service_pid)"
	ok 'installed again' apt install "$(package_file mailoauth "$NEWER")" "$(package_file libsasl2-modules-mailoauth "$NEWER")"
	ok 'it works as before' inside mailoauth token relay
}

left_behind() {
	snapshot | comm -13 "$BED/before" - | grep -v postfix | grep -i mailoauth
}

test_purge() {
	inside postfix stop >/dev/null 2>&1
	ok 'apt-get purge' apt purge mailoauth mailoauth-fetch libsasl2-modules-mailoauth
	ok 'nobody said to delete the grants: they stay' [ -s "$ROOT/var/lib/mailoauth/relay.grant" ]
	is "$(left_behind | tr '\n' ' ')" './etc/mailoauth ./etc/mailoauth/seal.key ./var/lib/mailoauth ./var/lib/mailoauth/lock ./var/lib/mailoauth/relay.grant ' \
		'of all else only the file of the administrator'
	rm "$ROOT/etc/mailoauth/seal.key"
	ok 'installed once more' apt install --no-install-recommends "$(package_file mailoauth "$NEWER")"
	echo 'mailoauth mailoauth/purge-grants boolean true' | inside debconf-set-selections
	ok 'purged, and told to delete the grants' apt purge mailoauth
	is "$(left_behind)" '' 'nothing is left'
}

bed_require
bed_scratch
[ -n "${PACKAGES-}" ] || {
	build_packages
	build_again
	ok 'lintian has no error and no warning' no_complaints
	build_rpm
}
bed_install
bed_servers_start
make_chroot
test_dependencies
test_install
test_postfix_comes
test_configure
test_relay
test_upgrade
test_postfix_reinstalled
test_remove
test_purge
done_testing
