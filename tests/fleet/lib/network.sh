# shellcheck shell=bash
# The controller's side of the network. Each host is at the far end of a veth pair of its own, with a
# /32 route; neighbours are set by hand, since 500 hosts asking for each other flood the bridge-less
# segment. In a private network the near ends sit in a name space kept by the bind mount I_DIR/net.

# in_network COMMAND..: runs the command where the near ends are.
in_network() {
    if [ "$I_NET" = private ]; then nsenter --net="$I_DIR/net" -- "$@"; else "$@"; fi
}

network_create() {
    if [ "$I_NET" = private ]; then
        : >"$I_DIR/net"
        # The name space must survive the process that makes it: mount it from outside.
        unshare --net="$I_DIR/net" true
        in_network sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
            echo 1 >/proc/sys/net/ipv4/ip_forward
            ip link set lo up'
    fi
    # An address that no host has fails here at once instead of leaving by a default route.
    slot_address 1
    local gateway=$REPLY
    slot_address 0
    in_network ip -batch - <<BATCH
addr replace $gateway/32 dev lo
route replace unreachable $REPLY/22
BATCH
}

# link_name NUMBER: the near end of a host's pair. The generation keeps a host that is reset from
# having to wait until the kernel has taken its old pair away.
link_name() { REPLY=f$I_SLOT.$I_GENERATION.$1; }

# link_mac SIDE NUMBER: hardware address of an end; SIDE is 1 for the host's, 2 for the controller's.
link_mac() { printf -v REPLY '02:77:00:%02x:%02x:%02x' "$1" $(($2 >> 8)) $(($2 & 255)); }

# network_attach NUMBER..: turns the near ends on and routes to the hosts.
network_attach() {
    local i link address gateway
    slot_address 1
    gateway=$REPLY
    for i; do
        link_name "$i"
        link=$REPLY
        host_address "$i"
        address=$REPLY
        link_mac 1 "$i"
        echo "link set $link up"
        echo "route replace $address/32 dev $link src $gateway"
        echo "neigh replace $address lladdr $REPLY dev $link nud permanent"
    done | in_network ip -batch -
}

network_remove() {
    local tries
    if [ "$I_NET" = private ]; then
        if mountpoint -q "$I_DIR/net"; then umount "$I_DIR/net"; fi
        return 0
    fi
    for ((tries = 0; tries < 600; tries++)); do
        compgen -G "/sys/class/net/f$I_SLOT.*" >/dev/null || break
        sleep 0.05
    done
    slot_address 1
    ip addr del "$REPLY/32" dev lo 2>/dev/null || true
    slot_address 0
    ip route del unreachable "$REPLY/22" 2>/dev/null || true
}
