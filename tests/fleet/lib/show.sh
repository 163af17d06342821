# shellcheck shell=bash
# What the user of a fleet reads: inventory, SSH configuration, status; and running commands.

# write_access_files: inventory.ini, hosts.txt, known_hosts and the two SSH configurations.
write_access_files() {
    local i name address key
    : >"$I_DIR/hosts.txt" >"$I_DIR/known_hosts"
    : >"$I_DIR/ssh_config"
    for ((i = 1; i <= I_HOSTS; i++)); do
        host_name "$i"
        name=$REPLY
        host_address "$i"
        address=$REPLY
        read -r key <"$FLEET_STATE/hostkeys/$name.pub"
        echo "$name,$address ${key% *}" >&3
        echo "$address" >&4
        printf 'Host %s\n  HostName %s\n' "$name" "$address" >&5
    done 3>"$I_DIR/known_hosts" 4>"$I_DIR/hosts.txt" 5>"$I_DIR/ssh_config"
    # By address alone, without 1000 Host lines to read through: for timing.
    cat >"$I_DIR/ssh_base" <<CONFIG
Host *
  User root
  IdentityFile $FLEET_STATE/key/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $I_DIR/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
CONFIG
    cat "$I_DIR/ssh_base" >>"$I_DIR/ssh_config"
    print_inventory root >"$I_DIR/inventory.ini"
}

# print_inventory USER
print_inventory() {
    local i name
    echo '[fleet]'
    for ((i = 1; i <= I_HOSTS; i++)); do
        host_name "$i"
        name=$REPLY
        host_address "$i"
        echo "$name ansible_host=$REPLY"
    done
    echo
    echo '[fleet:vars]'
    echo "ansible_user=$1"
    variant_has_python "$I_VARIANT" && echo 'ansible_python_interpreter=/usr/bin/python3'
    echo "ansible_ssh_private_key_file=$FLEET_STATE/key/id_ed25519"
    echo "ansible_ssh_common_args=-o UserKnownHostsFile=$I_DIR/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
}

cmd_inventory() {
    local user=root
    case ${1:-} in
    '') ;;
    --user) user=${2:?--user needs a name} ;;
    *) die "usage: fleet inventory [--user USER]" ;;
    esac
    instance_load
    print_inventory "$user"
}

cmd_ssh_config() {
    instance_load
    cat "$I_DIR/ssh_config"
}

# processes_of_instance: pids as this machine sees them, one per line.
processes_of_instance() {
    local dir
    if [ -n "$I_CGROUP" ]; then
        cgroup_pids
        return
    fi
    for dir in "$I_DIR"/h[0-9]*/; do
        host_pid "$(basename "$dir")"
        [ -z "$REPLY" ] || pgrep --ns "$REPLY" --nslist pid || true
    done
}

cmd_status() {
    local pids up=0 dir
    need_root
    instance_load
    for dir in "$I_DIR"/h[0-9]*/; do
        host_pid "$(basename "$dir")"
        [ -z "$REPLY" ] || up=$((up + 1))
    done
    mapfile -t pids < <(processes_of_instance)
    echo "instance:  $FLEET_NAME ($I_VARIANT, $I_NET network)"
    echo "hosts:     $up of $I_HOSTS up"
    echo "processes: ${#pids[@]}, $(memory_of "${pids[@]}") MiB (proportional set size)"
    echo "changes:   $(($(df --output=used -k "$I_DIR" | tail -n 1) / 1024)) MiB in upper layers"
    echo "inventory: $I_DIR/inventory.ini"
    if [ "$I_NET" = private ]; then echo "reach it:  $FLEET_SELF -n $FLEET_NAME run COMMAND.."; fi
}

# memory_of PID..: sum of their proportional set sizes in MiB; those that ended meanwhile count nothing.
memory_of() {
    [ $# -gt 0 ] || { echo 0; return; }
    (cd /proc && printf '%s/smaps_rollup\n' "$@" | xargs cat 2>/dev/null || true) |
        awk '$1 == "Pss:" { kib += $2 } END { printf "%d\n", kib / 1024 }'
}

cmd_list() {
    for FLEET_NAME in $(instance_names); do
        instance_load
        echo "$FLEET_NAME hosts=$I_HOSTS variant=$I_VARIANT net=$I_NET"
    done
}

cmd_exec() {
    [ $# -ge 2 ] || die "usage: fleet exec HOST COMMAND.."
    need_root
    instance_load
    host_number "$1"
    host_pid "$1"
    [ -n "$REPLY" ] || die "$1 is not running"
    shift
    cgroup_join
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LANG=C.UTF-8 \
        TERM="${TERM:-dumb}" nsenter --target "$REPLY" --mount --uts --ipc --net --pid --cgroup --root --wdns=/ -- "$@"
}

cmd_run() {
    [ $# -ge 1 ] || die "usage: fleet run COMMAND.."
    need_root
    instance_load
    if [ "$I_NET" = private ]; then exec nsenter --net="$I_DIR/net" -- "$@"; else exec "$@"; fi
}
