# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# vm.sh - part of boot.sh: a Debian of our own, booted by its own kernel and systemd in qemu, by software if need be. Its disk is made by
# debootstrap once a month and kept in the cache; what happens to it in a test is forgotten with the test. It sees the bed's servers where the bed
# sees them, at 127.0.0.1, and is spoken to by ssh. Sourced after bed.sh.

VM_SUITE=bookworm
VM_MIRROR=${MIRROR:-http://deb.debian.org/debian}
VM_CACHE=${MAILOAUTH_CACHE:-$HOME/.cache/mailoauth}/vm-$VM_SUITE
VM_BOOT_S=600 # by software, beside other work

# What mailoauth's packages depend on, so that they are installed without the network, and what the test looks with.
VM_PACKAGES='linux-image-cloud-amd64 initramfs-tools libcurl4 libevent-2.1-7 libevent-openssl-2.1-7 libinih1 libjson-c5 libsasl2-2 libsasl2-modules
	libsqlite3-0 postfix'
VM_BASE=systemd-sysv,dbus,udev,ca-certificates,openssh-server,apparmor,apparmor-utils,iproute2,procps,strace

vm_inside() { # COMMAND...: in the directory that becomes the disk
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
		${http_proxy:+http_proxy="$http_proxy"} chroot "$VM_ROOT" "$@"
}

vm_configure() {
	echo machine >"$VM_ROOT/etc/hostname"
	echo '127.0.0.1 localhost machine' >"$VM_ROOT/etc/hosts"
	echo '/dev/vda / ext4 rw 0 0' >"$VM_ROOT/etc/fstab"
	: >"$VM_ROOT/etc/machine-id"
	printf '[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n' >"$VM_ROOT/etc/systemd/network/machine.network"
	mkdir -p "$VM_ROOT/root/.ssh" "$VM_ROOT/var/log/journal"
	cp "$VM_ROOT/usr/share/postfix/master.cf.dist" "$VM_ROOT/etc/postfix/master.cf"
	printf 'compatibility_level = 3.6\nmyhostname = client.test\nmydestination =\ninet_interfaces = loopback-only\nmaillog_file = /var/log/postfix.log\n' \
		>"$VM_ROOT/etc/postfix/main.cf"
	useradd --root "$VM_ROOT" --create-home --shell /bin/sh alice
	vm_inside systemctl enable systemd-networkd
	vm_inside systemctl mask e2scrub_reap.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer
	rm -rf "$VM_ROOT"/var/cache/apt/archives/*.deb "$VM_ROOT"/var/lib/apt/lists/*
}

# shellcheck disable=SC2086 # a list of packages
vm_make_root() {
	# shellcheck disable=SC2086 # a list of packages
	debootstrap --variant=minbase --include="$VM_BASE" "$VM_SUITE" "$VM_ROOT" "$VM_MIRROR" &&
		cp /etc/resolv.conf "$VM_ROOT/etc/" &&
		printf '#!/bin/sh\nexit 101\n' >"$VM_ROOT/usr/sbin/policy-rc.d" && chmod 755 "$VM_ROOT/usr/sbin/policy-rc.d" &&
		echo 'postfix postfix/main_mailer_type select No configuration' | vm_inside debconf-set-selections &&
		vm_inside apt-get update &&
		vm_inside apt-get install -y --no-install-recommends $VM_PACKAGES &&
		rm "$VM_ROOT/usr/sbin/policy-rc.d" && vm_configure
}

vm_make_disk() {
	[ -z "$(find "$VM_CACHE/disk" -mtime -30 2>/dev/null)" ] || return 0
	bed_say "debootstrap $VM_SUITE with a kernel: this takes minutes, once"
	VM_ROOT=$BED/root
	{
		mkdir -p "$VM_CACHE" && vm_make_root &&
			cp "$VM_ROOT"/boot/vmlinuz-* "$VM_CACHE/kernel" && cp "$VM_ROOT"/boot/initrd.img-* "$VM_CACHE/initrd" &&
			ssh-keygen -q -t ed25519 -N '' -f "$BED/key" </dev/null && cp "$BED/key.pub" "$VM_ROOT/root/.ssh/authorized_keys" &&
			cp "$BED/key" "$VM_CACHE/key" &&
			mke2fs -q -t ext4 -d "$VM_ROOT" "$BED/disk" 2G && cp --sparse=always "$BED/disk" "$VM_CACHE/disk.new" &&
			mv "$VM_CACHE/disk.new" "$VM_CACHE/disk"
	} >"$BED/debootstrap.log" 2>&1 || bed_die "debootstrap: $(tail -n 5 "$BED/debootstrap.log")"
	rm -rf --one-file-system "$VM_ROOT" "$BED/disk"
}

vm() { # COMMAND, as the shell of the machine reads it
	ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=30 -o LogLevel=ERROR -o ControlMaster=auto \
		-o ControlPath="$BED/run/ssh" -o ControlPersist=yes -i "$VM_CACHE/key" -p "$VM_SSH_PORT" root@127.0.0.1 "$@"
}

vm_answers() {
	vm true </dev/null
}

vm_start() {
	vm_make_disk
	VM_SSH_PORT=$(bed_ports 1)
	if [ -w /dev/kvm ]; then set -- -enable-kvm; fi
	qemu-system-x86_64 "$@" -m 1024 -smp 1 -display none -monitor none -serial stdio -kernel "$VM_CACHE/kernel" -initrd "$VM_CACHE/initrd" \
		-append 'root=/dev/vda rw console=ttyS0 systemd.show_status=1' -drive "file=$VM_CACHE/disk,format=raw,if=virtio,snapshot=on" \
		-netdev "user,id=net,hostfwd=tcp:127.0.0.1:$VM_SSH_PORT-:22" -device virtio-net-pci,netdev=net -device virtio-rng-pci \
		</dev/null >"$BED/console.log" 2>&1 &
	bed_note $!
	bed_wait_for $VM_BOOT_S vm_answers || bed_die "does not boot: $(tail -n 5 "$BED/console.log")"
}

# Boots it anew, by systemd's own reboot.
vm_reboot() {
	vm_boot_id=$(vm cat /proc/sys/kernel/random/boot_id)
	vm systemctl reboot >/dev/null 2>&1
	vm -O exit >/dev/null 2>&1
	bed_wait_for $VM_BOOT_S vm_is_another_boot
}

vm_is_another_boot() {
	vm_now=$(vm cat /proc/sys/kernel/random/boot_id </dev/null) && [ -n "$vm_now" ] && [ "$vm_now" != "$vm_boot_id" ]
}

# PORT of this machine at 127.0.0.1 of that one.
vm_forward() { # PORT
	vm "cat >/etc/systemd/system/bed-$1.socket && cat >/etc/systemd/system/bed-$1.service <<-EOT && systemctl enable -q --now bed-$1.socket
		[Service]
		ExecStart=/lib/systemd/systemd-socket-proxyd 10.0.2.2:$1
	EOT" <<-EOT
		[Socket]
		ListenStream=127.0.0.1:$1
		[Install]
		WantedBy=sockets.target
	EOT
}
