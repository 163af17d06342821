# shellcheck shell=bash
# One control group for each instance: its processes can be counted, timed and killed as a whole.
# cgroup v1 and v2 both do; without either the hosts are still stopped, through their pid name spaces.
# Hosts with systemd need a group each in a v2 hierarchy besides: I_CGROUP2, which may be the same.
# $ANDON_FLEET_CGROUP is where to make the groups, or "none"; it is for testing.

cgroup_parents() {
    if [ -n "${ANDON_FLEET_CGROUP:-}" ]; then
        echo "$ANDON_FLEET_CGROUP"
    else
        printf '/sys/fs/cgroup/%s\n' cpuacct cpu,cpuacct . unified pids systemd
    fi
}

# cgroup_create: sets I_CGROUP to a new group, or to nothing when this machine offers none.
cgroup_create() {
    local parent
    I_CGROUP='' I_CGROUP2=''
    for parent in $(cgroup_parents); do
        [ -f "$parent/cgroup.procs" ] || continue
        if mkdir -p "$parent/andon-fleet.$FLEET_NAME" 2>/dev/null; then
            I_CGROUP=$parent/andon-fleet.$FLEET_NAME
            break
        fi
    done
    [ -z "$I_CGROUP" ] || [ -z "$(cgroup_pids)" ] ||
        die "control group $I_CGROUP has processes of another fleet; choose another -n NAME"
    [ "$I_VARIANT" != systemd ] || cgroup_create2
}

cgroup_create2() {
    local parent
    for parent in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ -f "$parent/cgroup.controllers" ] || continue
        I_CGROUP2=$parent/andon-fleet.$FLEET_NAME
        mkdir -p "$I_CGROUP2"
        return 0
    done
    die "hosts with systemd need a cgroup v2 hierarchy, and this machine has none"
}

# cgroup_join: moves the calling process, and what it starts later, into the instance's group.
cgroup_join() { [ -z "$I_CGROUP" ] || echo "$BASHPID" >"$I_CGROUP/cgroup.procs"; }

# cgroup_join_host NAME: the same for a host's own v2 group; the fleet's root for its systemd.
cgroup_join_host() {
    mkdir -p "$I_CGROUP2/$1"
    echo "$BASHPID" >"$I_CGROUP2/$1/cgroup.procs"
}

# cgroup_pids: every process of the instance, one per line.
cgroup_pids() { find "$I_CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null; }

# cgroup_kill: kills every process of the instance and waits for their end; fails if some stay.
cgroup_kill() {
    local tries pids
    [ -d "$I_CGROUP" ] || return 0
    for ((tries = 0; tries < 600; tries++)); do
        mapfile -t pids < <(cgroup_pids)
        [ ${#pids[@]} -gt 0 ] || return 0
        if [ $((tries % 20)) = 0 ]; then kill -KILL "${pids[@]}" 2>/dev/null || true; fi
        sleep 0.05
    done
    return 1
}

# cgroup_remove GROUP: the group and those that the hosts made below it.
cgroup_remove() {
    local tries
    [ -n "$1" ] || return 0
    for ((tries = 0; tries < 100; tries++)); do
        [ -d "$1" ] || return 0
        find "$1" -depth -type d -exec rmdir {} + 2>/dev/null && return 0
        sleep 0.05
    done
    note "control group $1 could not be removed"
}
