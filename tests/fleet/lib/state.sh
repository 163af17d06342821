# shellcheck shell=bash
# Where things are kept, how hosts are called, and the record of each instance.
#
# FLEET_STATE/key/            the login key of the fleet
# FLEET_STATE/hostkeys/       one sshd key per host number, made once
# FLEET_STATE/rootfs/V-HASH/  root file systems, shared read-only by all hosts of variant V
# FLEET_STATE/run/NAME/       a tmpfs: everything of one instance, gone when it is taken down
#
# Functions called once per host return their result in REPLY, because a $(...) costs a fork.

FLEET_STATE=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}
FLEET_MAX=1000
FLEET_BLOCKS=128

die() {
    printf 'fleet: %s\n' "$*" >&2
    exit 1
}

note() { printf 'fleet: %s\n' "$*" >&2; }

need_root() { [ "$(id -u)" = 0 ] || die "needs root (sudo $FLEET_SELF ...)"; }

# The one line for machines that cannot hold a fleet, such as unprivileged containers.
need_namespaces() {
    local probe worked=no
    mkdir -p "$FLEET_STATE"
    probe=$(mktemp -d "$FLEET_STATE/.probe.XXXXXX")
    # shellcheck disable=SC2016  # expanded by the inner shell
    if mount -t tmpfs probe "$probe" 2>/dev/null &&
        unshare --mount --uts --ipc --net --pid --fork --propagation private sh -ec '
            cd "$1" && mkdir l u w m
            mount -t overlay probe -o lowerdir=l,upperdir=u,workdir=w,redirect_dir=on m
            mount -t proc proc m' sh "$probe" 2>/dev/null; then
        worked=yes
    fi
    umount "$probe" 2>/dev/null || umount -l "$probe" 2>/dev/null || true
    rmdir "$probe"
    [ $worked = yes ] ||
        die "root may not make name spaces and overlay mounts on this machine (an unprivileged container?)"
}

# host_name NUMBER
host_name() { printf -v REPLY 'h%04d' "$1"; }

# host_number NAME: the opposite; fails when the instance has no such host.
host_number() {
    [[ $1 =~ ^h([0-9]{4})$ ]] || die "no host '$1' (hosts are h0001..)"
    REPLY=$((10#${BASH_REMATCH[1]}))
    [ "$REPLY" -ge 1 ] && [ "$REPLY" -le "$I_HOSTS" ] || die "no host '$1' in instance '$FLEET_NAME'"
}

# Addresses come from 198.18.0.0/15, set aside for test networks (RFC 2544): 1024 for each instance.
# slot_address OFFSET
slot_address() {
    local n=$((I_SLOT * 1024 + $1))
    REPLY=198.$((18 + (n >> 16))).$((n >> 8 & 255)).$((n & 255))
}

host_address() { slot_address $(($1 + 10)); }

# instance_paths: sets I_DIR; the other I_ variables come from its record.
instance_paths() { I_DIR=$FLEET_STATE/run/$FLEET_NAME; }

instance_exists() {
    instance_paths
    mountpoint -q "$I_DIR" && [ -e "$I_DIR/instance" ]
}

# instance_load: reads I_HOSTS I_SLOT I_NET I_VARIANT I_ROOTFS I_CGROUP I_CGROUP2 I_GENERATION.
instance_load() {
    I_CGROUP2=''
    instance_exists || die "instance '$FLEET_NAME' is not up (fleet -n $FLEET_NAME up N)"
    # shellcheck disable=SC1091
    . "$I_DIR/instance"
}

instance_save() {
    printf '%s=%q\n' I_HOSTS "$I_HOSTS" I_SLOT "$I_SLOT" I_NET "$I_NET" I_VARIANT "$I_VARIANT" \
        I_ROOTFS "$I_ROOTFS" I_CGROUP "$I_CGROUP" I_CGROUP2 "$I_CGROUP2" \
        I_GENERATION "$I_GENERATION" >"$I_DIR/instance.new"
    mv "$I_DIR/instance.new" "$I_DIR/instance"
}

# instance_names: the instances that are up, one per line.
instance_names() {
    local dir
    for dir in "$FLEET_STATE"/run/*/; do
        dir=${dir%/}
        if mountpoint -q "$dir"; then printf '%s\n' "${dir##*/}"; fi
    done
}

# Two locks: 8 for the whole state, 9 for one instance. Programs that outlive us must not inherit them.
lock_state() {
    mkdir -p "$FLEET_STATE/locks" "$FLEET_STATE/run"
    exec 8>"$FLEET_STATE/locks/.state"
    flock 8
}

unlock_state() { exec 8>&-; }

lock_instance() {
    mkdir -p "$FLEET_STATE/locks" "$FLEET_STATE/run"
    exec 9>"$FLEET_STATE/locks/$FLEET_NAME"
    flock 9
}
