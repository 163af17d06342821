# shellcheck shell=bash
# Booting, stopping and resetting the hosts of an instance.

cmd_up() {
    local count='' variant=python net=private block=''
    while [ $# -gt 0 ]; do
        case $1 in
        --variant) variant=${2:-}; shift ;;
        --net) net=${2:-}; shift ;;
        --block) block=${2:-}; shift ;;
        *) [ -z "$count" ] || die "up takes one number"; count=$1 ;;
        esac
        shift
    done
    [[ $count =~ ^[0-9]+$ ]] && [ "$count" -ge 1 ] && [ "$count" -le $FLEET_MAX ] ||
        die "usage: fleet up N [--variant V] [--net private|host] [--block B], N from 1 to $FLEET_MAX"
    [[ $net == private || $net == host ]] || die "unknown network '$net' (private or host)"
    [[ -z $block || ($net == private && $block =~ ^[0-9]+$ && $block -lt $FLEET_BLOCKS) ]] ||
        die "--block takes a number below $FLEET_BLOCKS, and a private network"
    variant_known "$variant"
    need_root
    need_namespaces
    lock_instance
    if instance_exists; then die "instance '$FLEET_NAME' is already up (fleet down first)"; fi
    rootfs_build "$variant"

    I_SLOT=$block I_HOSTS=$count I_NET=$net I_VARIANT=$variant I_ROOTFS=$REPLY I_GENERATION=0 I_CGROUP='' I_CGROUP2=''
    trap 'instance_remove; exit 1' INT TERM
    # Not in an `if`: there, set -e would be off in everything it calls.
    local booted=0
    (
        set -e
        instance_create
        hostkeys_make
        network_create
        write_access_files
        boot_hosts $(seq "$I_HOSTS")
    ) &
    wait $! && booted=1
    if [ $booted = 0 ]; then
        instance_remove
        die "instance '$FLEET_NAME' did not come up; it has been removed"
    fi
    trap - INT TERM
}

# instance_create: the instance's tmpfs, address slot (unless one was asked for) and control group.
instance_create() {
    lock_state
    [ -n "$I_SLOT" ] || slot_choose
    mkdir -p "$I_DIR"
    # The upper layers of the hosts live here; inodes are not to be what runs out first.
    mount -t tmpfs -o size=80%,nr_inodes=0,mode=755 andon-fleet "$I_DIR"
    cgroup_create
    instance_save
    unlock_state
}

# slot_of NAME: prints the slot of an instance; nothing of one that is taken down at this moment.
slot_of() {
    local I_SLOT=''
    # shellcheck disable=SC1090,SC1091
    . "$FLEET_STATE/run/$1/instance" 2>/dev/null || return 0
    echo "$I_SLOT"
}

# slot_choose: sets I_SLOT to the first that no instance uses.
slot_choose() {
    local other used=' '
    for other in $(instance_names); do used+=$(slot_of "$other")' '; done
    for ((I_SLOT = 0; I_SLOT < FLEET_BLOCKS; I_SLOT++)); do [[ $used == *" $I_SLOT "* ]] || break; done
    [ "$I_SLOT" -lt $FLEET_BLOCKS ] || die "$FLEET_BLOCKS instances are up already"
}

# hostkeys_make: one ed25519 key per host number, shared by all instances and kept over resets.
hostkeys_make() {
    local i missing=()
    lock_state
    mkdir -p -m 700 "$FLEET_STATE/hostkeys"
    for ((i = 1; i <= I_HOSTS; i++)); do
        host_name "$i"
        [ -e "$FLEET_STATE/hostkeys/$REPLY.pub" ] || missing+=("$FLEET_STATE/hostkeys/$REPLY")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        rm -f "${missing[@]}"
        printf '%s\n' "${missing[@]}" |
            xargs -P "$(nproc)" -I{} ssh-keygen -q -t ed25519 -N '' -C andon-fleet -f {} 8>&- 9>&-
    fi
    unlock_state
}

# boot_hosts NUMBER..: boots, connects, and waits until every host is ready.
boot_hosts() {
    local i late=0 deadline
    I_GENERATION=$((I_GENERATION + 1))
    instance_save
    printf '%s\n' "$@" | xargs -P $(($(nproc) * 2)) -n 10 "$FLEET_SELF" -n "$FLEET_NAME" _boot 8>&- 9>&-
    network_attach "$@"
    deadline=$((SECONDS + 60 + $# / 5))
    for i; do
        host_name "$i"
        until host_ready "$REPLY"; do
            if [ $SECONDS -ge $deadline ]; then
                late=$((late + 1))
                host_name "$i"
                [ $late -gt 3 ] || note "$REPLY did not boot: $(tail -n 3 "$I_DIR/$REPLY/console" 2>&1 | tr '\n' ' ')"
                break
            fi
            sleep 0.02
            host_name "$i"
        done
    done
    [ $late = 0 ] || { note "$late of $# hosts did not boot"; return 1; }
}

# host_ready NAME: whether its sshd listens and, with systemd, all its services have been started. Seen
# through the root of its pid 1, because /run may be a mount of the host's own.
host_ready() {
    local pid='' sign=sshd.pid
    [ "$I_VARIANT" != systemd ] || sign=fleet-ready
    read -r pid 2>/dev/null <"$I_DIR/$1/pid" && [ -e "/proc/$pid/root/run/$sign" ]
}

# boot_batch NUMBER..: runs in a process of its own, started by boot_hosts through xargs.
boot_batch() {
    local i dirs=()
    instance_load
    cgroup_join
    slot_address 1
    local gateway=$REPLY netns=$I_DIR/net
    [ "$I_NET" = private ] || netns=/proc/$$/ns/net
    for i; do
        host_name "$i"
        dirs+=("$I_DIR/$REPLY/upper/etc/ssh" "$I_DIR/$REPLY/work" "$I_DIR/$REPLY/root")
    done
    mkdir -p "${dirs[@]}"
    for i; do boot_host "$i"; done
}

# boot_host NUMBER: writes what is the host's own into its upper layer and starts its pid 1.
boot_host() {
    local i=$1 dir name address near far link etc cgroup='' key=''
    host_name "$i"
    name=$REPLY dir=$I_DIR/$REPLY etc=$I_DIR/$REPLY/upper/etc
    host_address "$i"
    address=$REPLY
    link_mac 1 "$i"
    far=$REPLY
    link_mac 2 "$i"
    near=$REPLY
    link_name "$i"
    link=$REPLY
    echo "$name" >"$etc/hostname"
    printf '127.0.0.1 localhost\n%s %s\n%s controller\n' "$address" "$name" "$gateway" >"$etc/hosts"
    printf 'a0d0%012x%016x\n' "$I_SLOT" "$i" >"$etc/machine-id"
    IFS= read -r -d '' key <"$FLEET_STATE/hostkeys/$name" || true
    umask 077
    printf '%s' "$key" >"$etc/ssh/ssh_host_ed25519_key"
    umask 022
    IFS= read -r -d '' key <"$FLEET_STATE/hostkeys/$name.pub" || true
    printf '%s' "$key" >"$etc/ssh/ssh_host_ed25519_key.pub"
    if [ -n "$I_CGROUP2" ]; then
        cgroup_join_host "$name"
        cgroup=--cgroup
    fi
    unshare --mount --uts --ipc --net ${cgroup:+"$cgroup"} --propagation private /bin/sh "$FLEET_LIB/host-start" \
        "$dir" "$I_ROOTFS" "$name" "$address" "$gateway" "$far" "$near" "$link" "$netns"
}

# host_pid NAME: pid 1 of the host as this machine sees it, or nothing. The upper directory in its
# mount table proves that the number has not been given to another process meanwhile.
host_pid() {
    REPLY=
    local pid=''
    if read -r pid 2>/dev/null <"$I_DIR/$1/pid" && grep -qs "upperdir=$I_DIR/$1/upper," "/proc/$pid/mountinfo"; then
        REPLY=$pid
    fi
}

# hosts_stop NAME..: ends each host's pid 1, and with it every process of its pid name space; they end side by side.
hosts_stop() {
    local name tries
    for name; do
        host_pid "$name"
        [ -z "$REPLY" ] || kill -KILL "$REPLY" 2>/dev/null || true
    done
    for name; do
        for ((tries = 0; tries < 600; tries++)); do
            host_pid "$name"
            [ -n "$REPLY" ] || continue 2
            sleep 0.01
        done
        die "$name could not be stopped"
    done
}

stop_hosts() {
    local i names=()
    if [ -n "$I_CGROUP" ]; then
        cgroup_kill || die "some processes of instance '$FLEET_NAME' do not end"
        return
    fi
    for ((i = 1; i <= I_HOSTS; i++)); do
        host_name "$i"
        names+=("$REPLY")
    done
    hosts_stop "${names[@]}"
}

# disk_remove DIR: takes away the file system of its own that a host was given.
disk_remove() {
    if mountpoint -q "$1/disk"; then umount -l "$1/disk"; fi
}

# host_clear NAME..: forgets everything the hosts changed. A mount may outlast its last process a moment.
host_clear() {
    local name tries
    for name; do
        [ -z "$I_CGROUP2" ] || cgroup_remove "$I_CGROUP2/$name"
        disk_remove "$I_DIR/$name"
        for ((tries = 0; tries < 100; tries++)); do
            rm -rf "${I_DIR:?}/$name" 2>/dev/null && break
            sleep 0.05
        done
        [ ! -e "$I_DIR/$name" ] || die "$name: its files could not be removed"
    done
}

cmd_reset() {
    local name numbers=() names=()
    need_root
    lock_instance
    instance_load
    if [ $# -gt 0 ]; then
        for name; do
            host_number "$name"
            numbers+=("$REPLY") names+=("$name")
        done
        hosts_stop "${names[@]}"
        host_clear "${names[@]}"
    else
        stop_hosts
        mapfile -t numbers < <(seq "$I_HOSTS")
        [ -z "$I_CGROUP2" ] || cgroup_remove "$I_CGROUP2"
        for name in "$I_DIR"/h[0-9][0-9][0-9][0-9]; do disk_remove "$name"; done
        rm -rf "$I_DIR"/h[0-9][0-9][0-9][0-9]
    fi
    boot_hosts "${numbers[@]}" || die "not every host came up again"
}

# cmd_crash HOST..: all processes of the hosts end at once, and their network is gone, as when the power goes.
cmd_crash() {
    local name
    [ $# -ge 1 ] || die "usage: fleet crash HOST.."
    need_root
    lock_instance
    instance_load
    for name; do
        host_number "$name"
    done
    hosts_stop "$@"
}

# cmd_boot HOST..: boots hosts that crashed, with the files they had.
cmd_boot() {
    local name numbers=()
    [ $# -ge 1 ] || die "usage: fleet boot HOST.."
    need_root
    lock_instance
    instance_load
    for name; do
        host_number "$name"
        numbers+=("$REPLY")
        host_pid "$name"
        [ -z "$REPLY" ] || die "$name is running"
        # the sign that its sshd listens is there again, and all else that a boot begins without
        rm -rf "$I_DIR/$name/upper/run" "$I_DIR/$name/pid"
    done
    boot_hosts "${numbers[@]}" || die "not every host came up again"
}

# cmd_disk HOST PATH SIZE: from its next boot on, the host has a small file system of its own at PATH.
cmd_disk() {
    [ $# = 3 ] && [[ $2 == /?* ]] || die "usage: fleet disk HOST PATH SIZE"
    need_root
    lock_instance
    instance_load
    host_number "$1"
    mkdir -p "$I_DIR/$1/disk"
    mountpoint -q "$I_DIR/$1/disk" || mount -t tmpfs -o "size=$3,mode=755" andon-fleet "$I_DIR/$1/disk"
    echo "$2" >"$I_DIR/$1/disk.path"
}

# instance_remove: stops the hosts and takes away every trace of the instance.
instance_remove() {
    local tries dir
    if [ -e "$I_DIR/instance" ]; then instance_load; fi
    stop_hosts
    for dir in "$I_DIR"/h[0-9][0-9][0-9][0-9]; do disk_remove "$dir"; done
    network_remove
    cgroup_remove "$I_CGROUP"
    cgroup_remove "$I_CGROUP2"
    for ((tries = 0; tries < 100; tries++)); do
        mountpoint -q "$I_DIR" || break
        umount "$I_DIR" 2>/dev/null || sleep 0.05
    done
    if mountpoint -q "$I_DIR"; then
        note "$I_DIR is still in use; it goes away with its last user"
        umount -l "$I_DIR"
    fi
    rmdir "$I_DIR" 2>/dev/null || [ ! -e "$I_DIR" ] # another may have been quicker
}

cmd_down() {
    need_root
    lock_instance
    instance_paths
    if mountpoint -q "$I_DIR"; then instance_remove; else note "instance '$FLEET_NAME' is not up"; fi
}

cmd_purge() {
    need_root
    [ -d "$FLEET_STATE" ] || return 0
    for FLEET_NAME in $(instance_names); do cmd_down; done
    # Only what a fleet makes: the folder may be a user's choice and hold other things.
    rm -rf --one-file-system "${FLEET_STATE:?}"/{key,hostkeys,rootfs,run,locks,.probe}
    rmdir "$FLEET_STATE" 2>/dev/null || note "$FLEET_STATE holds other files; left"
}
