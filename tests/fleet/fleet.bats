#!/usr/bin/env bats
# The fleet itself: hosts are separate, come back pristine, let the right users in, and leave nothing.

bats_require_minimum_version 1.5.0

setup_file() {
    FLEET=$BATS_TEST_DIRNAME/fleet
    export FLEET ANDON_FLEET_NAME=selftest
    FLEET_RUN=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run
    export FLEET_RUN
    "$FLEET" down 2>/dev/null
    "$FLEET" up 3
}

teardown_file() {
    "$FLEET" down
    "$FLEET" -n selftest2 down 2>/dev/null
    "$FLEET" -n selftest3 down 2>/dev/null
}

# slot NAME: the number of the instance's block of addresses; others may be up.
slot() { sed -n 's/^I_SLOT=//p' "$FLEET_RUN/$1/instance"; }

on() { "$FLEET" run ssh -F "$FLEET_RUN/selftest/ssh_config" "$@"; }

# as USER PASSWORD HOST COMMAND..: by password alone
as() {
    "$FLEET" run env SSHPASS="$2" sshpass -e ssh -F "$FLEET_RUN/selftest/ssh_config" -l "$1" -o PubkeyAuthentication=no \
        -o NumberOfPasswordPrompts=1 "${@:3}"
}

@test "each host has its own name, address, processes and host key" {
    local host
    for host in h0001 h0002 h0003; do
        [ "$(on $host hostname)" = $host ]
        [ "$(on $host cat /proc/1/comm)" = init ]
    done
    [ "$(on h0001 'ps -e -o comm= | grep -c sshd')" -le 3 ]
    [ "$(on h0001 hostname -I)" != "$(on h0002 hostname -I)" ]
    [ "$(cut -d' ' -f3 "$FLEET_RUN/selftest/known_hosts" | sort -u | wc -l)" = 3 ]
}

@test "a host's change stays on that host" {
    on h0001 'echo mine >/etc/mine; rm /usr/bin/less; chmod 700 /srv'
    on h0002 'test ! -e /etc/mine && test -x /usr/bin/less && test "$(stat -c %a /srv)" = 755'
    on h0001 'test -e /etc/mine && test ! -e /usr/bin/less'
}

@test "reset of one host leaves the others as they are" {
    on h0001 'touch /etc/changed'
    on h0002 'touch /etc/changed'
    "$FLEET" reset h0002
    on h0001 'test -e /etc/changed'
    on h0002 'test ! -e /etc/changed'
}

@test "reset makes every host pristine, processes included" {
    on h0003 'touch /root/left; (sleep 1000 >/dev/null 2>&1 &)'
    "$FLEET" reset
    on h0003 'test ! -e /root/left; ! pgrep sleep'
}

@test "a host that crashed comes back with its files, and with the small disk it was given" {
    on h0003 'echo kept >/etc/kept; touch /run/left'
    "$FLEET" disk h0003 /srv/small 1m
    (sleep 0.2; "$FLEET" crash h0003) &
    run ! on h0003 sleep 20
    wait
    run ! on -o ConnectTimeout=2 h0003 true
    run ! "$FLEET" exec h0003 true
    "$FLEET" boot h0003
    on h0003 'test "$(cat /etc/kept)" = kept && test ! -e /run/left'
    on h0003 'echo here >/srv/small/f; ! dd if=/dev/zero of=/srv/small/full bs=64k count=32 2>/dev/null'
    run ! "$FLEET" boot h0003
    "$FLEET" crash h0003
    "$FLEET" boot h0003
    on h0003 'test "$(cat /srv/small/f)" = here'
    "$FLEET" reset h0003
    on h0003 'test ! -e /etc/kept && test ! -e /srv/small'
}

@test "users come in as the recipe says" {
    [ "$(on -l deploy h0001 sudo -n id -u)" = 0 ]
    [ "$(as alice wonderland h0001 id -un)" = alice ]
    [ "$(as alice wonderland h0001 'echo wonderland | sudo -S -p "" id -u')" = 0 ]
    [ "$(as bob builder h0001 'echo looking-glass | su -c "id -u"')" = 0 ]
    [ "$(on -l deploy h0001 doas -n id -u)" = 0 ]
    run as bob builder h0001 'echo builder | sudo -S -p "" id -u'
    [ "$status" -ne 0 ]
    run as alice wrong h0001 true
    [ "$status" -ne 0 ]
    run as root looking-glass h0001 true
    [ "$status" -ne 0 ]
}

@test "apt installs, upgrades and fails without a network" {
    on h0001 'apt-get -qq update && apt-get -qq -y install tree fleet-probe=1.0 && tree --version' >/dev/null
    on h0001 'apt-get -qq -y upgrade && cat /usr/share/fleet-probe/version' | grep -qx 2.0
    run on h0001 apt-get -qq -y install fleet-probe-broken
    [ "$status" -ne 0 ]
    run on h0001 apt-get -qq -y install no-such-package
    [ "$status" -ne 0 ]
}

@test "services start through their init scripts" {
    on h0002 'apt-get -qq -y install fleet-probe-service >/dev/null 2>&1; service fleet-probed restart; service fleet-probed status'
    on h0002 'service cron start && n=0 && until service cron status; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done && service ssh status'
}

@test "hosts reach each other and nothing else" {
    on h0001 'ping -c 1 -W 2 198.18.0.1 || ping -c 1 -W 2 controller'
    on h0001 "ping -c 1 -W 2 $(on h0002 hostname -I)"
    run on h0001 'ping -c 1 -W 2 192.0.2.1'
    [ "$status" -ne 0 ]
    run on h0001 'timeout 5 getent hosts deb.debian.org'
    [ "$status" -eq 2 ]
}

@test "kernel settings cannot be changed from a host" {
    run on h0001 'echo 1 >/proc/sys/vm/overcommit_memory'
    [ "$status" -ne 0 ]
}

@test "a second instance lives beside the first" {
    "$FLEET" -n selftest2 up 2
    "$FLEET" -n selftest2 exec h0001 touch /etc/second
    on h0001 'test ! -e /etc/second'
    run "$FLEET" -n selftest2 up 2
    [ "$status" -ne 0 ]
    "$FLEET" list | grep -q '^selftest2 hosts=2'
    "$FLEET" -n selftest2 down
    on h0001 true
}

@test "the variant without Python has none, and still takes packages" {
    "$FLEET" -n selftest2 up 1 --variant nopython
    run "$FLEET" -n selftest2 exec h0001 sh -c 'ls /usr/bin/python* /usr/bin/python3*'
    [ "$status" -ne 0 ]
    "$FLEET" -n selftest2 exec h0001 apt-get -qq -y install jq >/dev/null
    "$FLEET" -n selftest2 down
}

@test "the variant with systemd runs it, and its services" {
    "$FLEET" -n selftest2 up 2 --variant systemd
    local on=("$FLEET" -n selftest2 run ssh -F "$FLEET_RUN/selftest2/ssh_config")
    [ "$("${on[@]}" h0001 systemctl is-system-running)" = running ]
    "${on[@]}" h0001 'apt-get -qq -y install fleet-probe-service >/dev/null && systemctl is-active fleet-probed cron nginx'
    "$FLEET" -n selftest2 reset h0001
    run "${on[@]}" h0001 systemctl is-active fleet-probed
    [ "$output" = inactive ]
    "$FLEET" -n selftest2 down
    run ! compgen -G '/sys/fs/cgroup/*/andon-fleet.selftest2'
}

@test "it does without control groups, and with v2 ones" {
    local parent
    for parent in none $(compgen -G '/sys/fs/cgroup/unified' || true); do
        export ANDON_FLEET_CGROUP=$parent
        "$FLEET" -n selftest2 up 2
        "$FLEET" -n selftest2 exec h0002 sh -c 'touch /etc/changed; (setsid sleep 8640003 >/dev/null 2>&1 &)'
        "$FLEET" -n selftest2 reset
        "$FLEET" -n selftest2 exec h0002 sh -c '! test -e /etc/changed && ! pgrep sleep'
        "$FLEET" -n selftest2 down
        run ! pgrep -f '^sleep 8640003'
    done
}

@test "a host cannot set the machine's clock" {
    run on h0001 "date -s now"
    [ "$status" -ne 0 ]
    [[ $output == *"Operation not permitted"* ]]
}

@test "with --net host the hosts answer from the machine's own network" {
    "$FLEET" -n selftest2 up 2 --net host
    [ "$(ssh -F "$FLEET_RUN/selftest2/ssh_config" h0002 hostname)" = h0002 ]
    local block
    block=$(cut -d. -f1-3 "$FLEET_RUN/selftest2/hosts.txt" | head -n 1).
    ip route | grep -qF "$block"
    "$FLEET" -n selftest2 down
    run ! grep -qF "$block" <(ip route)
}

@test "instances that ask for the same block of addresses do not meet" {
    "$FLEET" -n selftest2 up 1 --block 7
    "$FLEET" -n selftest3 up 1 --block 7
    [ "$(cat "$FLEET_RUN/selftest2/hosts.txt")" = 198.18.28.11 ]
    cmp "$FLEET_RUN/selftest2/hosts.txt" "$FLEET_RUN/selftest3/hosts.txt"
    "$FLEET" -n selftest3 exec h0001 sh -c 'echo third >/opt/who'
    run ! "$FLEET" -n selftest2 run ssh -F "$FLEET_RUN/selftest2/ssh_config" h0001 test -e /opt/who
    [ "$("$FLEET" -n selftest3 run ssh -F "$FLEET_RUN/selftest3/ssh_config" h0001 cat /opt/who)" = third ]
    "$FLEET" -n selftest2 down
    "$FLEET" -n selftest3 down
}

@test "down leaves no process, mount, control group or link" {
    "$FLEET" -n selftest2 up 3 --net host
    "$FLEET" -n selftest2 exec h0001 sh -c 'nohup sleep 8640001 >/dev/null 2>&1 & (setsid sleep 8640002 >/dev/null 2>&1 &)'
    local pids links
    links="/sys/class/net/f$(slot selftest2).*"
    compgen -G "$links"
    pids=$("$FLEET" -n selftest2 status | sed -n 's/^processes: \([0-9]*\),.*/\1/p')
    [ "$pids" -ge 8 ]
    "$FLEET" -n selftest2 down
    run ! grep -q selftest2 /proc/mounts
    run ! compgen -G '/sys/fs/cgroup/*/andon-fleet.selftest2'
    run ! compgen -G '/sys/fs/cgroup/andon-fleet.selftest2'
    run ! compgen -G "$links"
    [ ! -e "$FLEET_RUN/selftest2" ]
    run ! pgrep -f '^sleep 864000[12]'
}

@test "a wrong call is refused in one line" {
    local call
    for call in 'up' 'up 0' 'up 1001' 'up 2 --variant x' 'up 2 --net x' 'up 2 --block x' 'up 2 --net host --block 1' 'frobnicate' 'reset h0009' 'reset web' 'exec h0001' \
        '-n a/b up 1' '-n gone status' '-n gone run true' '-n gone reset'; do
        # shellcheck disable=SC2086  # words wanted
        run "$FLEET" $call
        [ "$status" -ne 0 ]
        [ ${#lines[@]} = 1 ]
        [[ ${lines[0]} == fleet:* ]]
    done
}

@test "without the right to make name spaces it says so in one line" {
    run setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$FLEET" -n selftest2 up 1
    [ "$status" -ne 0 ]
    [ ${#lines[@]} = 1 ]
    [[ ${lines[0]} == *"unprivileged container"* ]]
}
