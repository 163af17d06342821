# What the tests of things that go wrong share: a fleet of their own, waiting for what happens on a host, and what
# may be left there.
# shellcheck shell=bash disable=SC2154,SC2034  # bats sets output and status
load ../fleet/users

# on N COMMAND..: on host N, without ssh.
on() { "$FLEET" exec "$(printf 'h%04d' "$1")" "${@:2}"; }

# inventory [NAME=VALUE..]: hosts h1.. as root.
inventory() {
    local n=0 address
    while read -r address; do
        n=$((n + 1))
        echo "h$n ansible_host=$address ansible_user=root ansible_ssh_private_key_file=$KEY ansible_python_interpreter=/usr/bin/python3" \
            "ansible_ssh_common_args='-o UserKnownHostsFile=$RUN_DIR/known_hosts -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes ${SSH_MORE:-}' $*"
    done <"$RUN_DIR/hosts.txt" >hosts
}

# play: writes site.yml with the tasks on standard input.
play() {
    { printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n'; sed 's/^/    /'; } >site.yml
}

# start ARGUMENTS..: `andon run` in the background; RUN is its process. To be ended with `finish`.
start() {
    "$FLEET" run "$ANDON" run -i hosts site.yml "$@" >out 2>&1 3>&- &
    RUN=$!
}

# finish: waits for it; sets status and output as `run` does.
finish() {
    status=0
    wait "$RUN" || status=$?
    output=$(cat out)
}

is() { [ "$status" = "$1" ] || { echo "exit $status, not $1: $output"; return 1; }; }

# until_on N COMMAND: waits until it is true on host N.
until_on() {
    local _
    for _ in $(seq 600); do
        ! on "$1" sh -c "$2" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "never true on host $1: $2"
    on "$1" ps axfww
    cat out 2>/dev/null
    return 1
}

# runs_on N PATTERN: waits for a process, not for the one that looks.
runs_on() { until_on "$1" "pgrep -f '[${2:0:1}]${2:1}'"; }

# clean N..: neither helper nor task runs there (they have a moment to end), and no temporary file is left.
clean() {
    local n left
    for n; do
        until_on "$n" "! pgrep -f '[n]ode-[0-9a-f]{64} serve|[s]leep 432'"
        left=$(on "$n" find / /tmp /var/tmp /dev/shm /run /mnt /root /home -xdev \( -name '.andon[_-]*' -o -name '*.andon-saved' \
            -o -path '*/andon/.new*' -o -path '*/.andon-*/.new*' -o -name '.once*' \) ! -path '/var/lib/*' 2>/dev/null | sort -u |
            grep -v -e '/\.andon-[0-9]*$' || true)
        [ -z "$left" ] || { echo "left on host $n: $left"; return 1; }
    done
}

# recap HOST: its numbers in the output of Ansible or of andon called as such, without the padding.
recap() { sed -nE "s/^$1 +: +//p" <<<"$output" | tr -s ' ' | sed 's/ $//'; }

# as_ansible ARGUMENTS..: Ansible itself ends with the same code and the same recap of h1 as andon does; ANSIBLE is what
# it said. `before` is run before each of them.
as_ansible() {
    local code numbers
    before
    run compat -i hosts site.yml "$@"
    code=$status numbers=$(recap h1)
    [ -n "$numbers" ] || { echo "no recap: $output"; return 1; }
    before
    run "$FLEET" run env ANSIBLE_NOCOLOR=1 ANSIBLE_HOME="$HOME/.ansible" ansible-playbook -i hosts site.yml "$@"
    ANSIBLE=$output
    [ "$code:$numbers" = "$status:$(recap h1)" ] || { echo "andon: $code $numbers"; echo "Ansible: $status $output"; return 1; }
}
before() { :; }
