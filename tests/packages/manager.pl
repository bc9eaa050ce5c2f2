#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# manager.pl - as much of systemd as mailoauth's units need, for a chroot, where systemd itself cannot be: it reads the installed units, holds
# the sockets, starts a service at the first connection or when told, as the unit's user, with LISTEN_FDS and sd_notify. What maintainer
# scripts say to systemctl (beside this file) comes here by a socket.
#
# "hold": at the next restart of a service it is not started again before somebody waits at each of its sockets: whether those who ask
# during a restart are served is then no matter of luck.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h dup2 F_DUPFD);

my $DIR = '/run/manager';
my $PATIENCE_S = 60;
my (%sockets, %services); # unit => listening socket; unit => pid
my $hold = 0;
my $notify;

sub say_log { print STDERR "manager: @_\n" }

# Key => [values]; nothing for what is not one of ours.
sub unit {
	my ($name) = @_;
	my %keys;
	return if $name !~ /^mailoauth/;
	open my $file, '<', "/lib/systemd/system/$name" or return;
	while (my $line = <$file>) { push @{$keys{$1}}, split ' ', $2 if $line =~ /^(\w+)=(.*)/ }
	return \%keys;
}

sub sockets_of {
	my ($unit) = @_;
	return grep { /\.socket$/ } @{$unit->{Sockets} || []};
}

sub reap {
	while ((my $pid = waitpid -1, WNOHANG) > 0) {
		for (grep { $services{$_} == $pid } keys %services) {
			say_log("$_ ended: status $?");
			delete $services{$_};
		}
	}
}

sub start_socket {
	my ($name, $unit) = @_;
	my ($path) = @{$unit->{ListenStream}};
	return 0 if $sockets{$name};
	return 0 if grep { !-d } @{$unit->{ConditionPathIsDirectory} || []};
	if (grep { $services{$_} } @{$unit->{Service} || [$name =~ s/socket$/service/r]}) {
		say_log("$name: its service is active already, refusing");
		return 1;
	}
	my ($parent) = $path =~ m{(.*)/};
	mkdir $parent, 0755;
	unlink $path;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 128) or die "$path: $!";
	chmod oct($unit->{SocketMode}[0]), $path;
	if (my $user = $unit->{SocketUser}) {
		my (undef, undef, $uid, $gid) = getpwnam $user->[0] or return 1;
		chown $uid, $gid, $path; # the user's own group, when SocketGroup= is not said
	}
	$sockets{$name} = $listener;
	say_log("$name listens at $path");
	return 0;
}

sub stop_socket {
	my ($name, $unit) = @_;
	return 0 if !$sockets{$name};
	for my $service (keys %services) {
		stop_service($service) if grep { $_ eq $name } @{unit($service)->{Requires} || []};
	}
	close delete $sockets{$name};
	unlink $unit->{ListenStream}[0] if ($unit->{RemoveOnStop}[0] || '') eq 'yes';
	say_log("$name closed");
	return 0;
}

sub become {
	my ($unit) = @_;
	my (undef, undef, $uid, $gid) = getpwnam $unit->{User}[0] or die "no user $unit->{User}[0]";
	my @more = map { scalar getgrnam $_ } @{$unit->{SupplementaryGroups} || []};
	if (my $state = $unit->{StateDirectory}) {
		mkdir "/var/lib/$state->[0]", 0700;
		chown $uid, $gid, "/var/lib/$state->[0]";
	}
	$) = "$gid $gid @more";
	$( = $gid;
	($<, $>) = ($uid, $uid);
	die "still root" if $< == 0;
}

sub run_service { # in the child
	my ($unit, @listeners) = @_;
	my @high = map { fcntl($_, F_DUPFD, 100) or die "fcntl: $!" } @listeners;
	dup2($high[$_], 3 + $_) for 0 .. $#high;
	POSIX::close($_) for @high;
	become($unit);
	%ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', NOTIFY_SOCKET => "$DIR/notify");
	@ENV{'LISTEN_FDS', 'LISTEN_PID'} = (scalar @listeners, $$) if @listeners;
	umask 077;
	chdir '/';
	exec @{$unit->{ExecStart}} or die "exec: $!";
}

sub ready {
	my ($name) = @_;
	my $until = time + $PATIENCE_S;
	while (time < $until) {
		my $said = '';
		if (IO::Select->new($notify)->can_read(0.1)) { $notify->recv($said, 4096) }
		return 1 if $said =~ /^READY=1/m;
		reap();
		return 0 if !$services{$name};
	}
	return 0;
}

sub start_service {
	my ($name, $unit) = @_;
	reap();
	return 0 if $services{$name};
	start_socket($_, unit($_) || next) for sockets_of($unit);
	my @listeners = grep { $_ } map { $sockets{$_} } sockets_of($unit);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		eval { run_service($unit, @listeners) };
		say_log("$name: $@");
		POSIX::_exit(203);
	}
	$services{$name} = $pid;
	my $ok = ready($name);
	say_log("$name " . ($ok ? "runs: pid $pid, " . @listeners . ' sockets' : 'does not start'));
	return $ok ? 0 : 1;
}

sub stop_service {
	my ($name) = @_;
	my $pid = $services{$name} or return 0;
	kill 'TERM', $pid;
	my $until = time + $PATIENCE_S;
	while ($services{$name} && time < $until) {
		select undef, undef, undef, 0.05;
		reap();
	}
	say_log("$name stopped");
	return $services{$name} ? 1 : 0;
}

sub wait_for_askers {
	my ($name) = @_;
	for my $socket (grep { $sockets{$_} } sockets_of(unit($name))) {
		my $asked = IO::Select->new($sockets{$socket})->can_read($PATIENCE_S);
		say_log("$name is down, " . ($asked ? 'somebody waits' : 'NOBODY CAME') . " at $socket");
	}
}

sub restart {
	my ($name, $unit) = @_;
	if ($name =~ /\.socket$/) { return stop_socket($name, $unit) || start_socket($name, $unit) }
	my $ran = $services{$name};
	stop_service($name);
	wait_for_askers($name) if $hold && $ran;
	return start_service($name, $unit);
}

sub is_active {
	my ($name) = @_;
	return $services{$name} || $sockets{$name};
}

sub obey {
	my ($verb, $name) = @_;
	my $unit = unit($name) or return $verb eq 'is-active' ? 3 : 0;
	return is_active($name) ? 0 : 3 if $verb eq 'is-active';
	say_log("$verb $name");
	return $name =~ /\.socket$/ ? start_socket($name, $unit) : start_service($name, $unit) if $verb eq 'start';
	return $name =~ /\.socket$/ ? stop_socket($name, $unit) : stop_service($name) if $verb eq 'stop';
	return restart($name, $unit) if $verb eq 'restart';
	return is_active($name) ? restart($name, $unit) : 0 if $verb eq 'try-restart';
	return 0;
}

sub answer {
	my ($client) = @_;
	my ($verb, @units) = split ' ', <$client> // '';
	my $code = 0;
	$verb //= '';
	$hold = $verb eq 'hold' if $verb =~ /^(hold|release)$/;
	exit 0 if $verb eq 'end' && !grep { stop_service($_) } keys %services;
	$code ||= obey($verb, $_) for @units;
	print $client "$code\n";
	close $client;
}

sub activate {
	my ($name) = @_;
	my ($service) = @{unit($name)->{Service} || [$name =~ s/socket$/service/r]};
	say_log("somebody asks at $name");
	start_service($service, unit($service));
}

sub serve {
	my $control = IO::Socket::UNIX->new(Local => "$DIR/control", Listen => 16) or die "$DIR/control: $!";
	while (1) {
		reap();
		my @idle = grep { !%services } keys %sockets;
		my @readable = IO::Select->new($control, @sockets{@idle})->can_read(0.1);
		if (grep { $_ == $control } @readable) { answer($control->accept // next) }
		else {
			for my $name (@idle) {
				activate($name) if grep { $sockets{$name} && $_ == $sockets{$name} } @readable;
			}
		}
		# What a running service says later is of no interest.
		$notify->recv(my $said, 4096) while IO::Select->new($notify)->can_read(0);
	}
}

$SIG{PIPE} = 'IGNORE';
mkdir $DIR, 0755;
unlink "$DIR/control", "$DIR/notify";
$notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$DIR/notify") or die "$DIR/notify: $!";
chmod 0777, "$DIR/notify";
serve();
