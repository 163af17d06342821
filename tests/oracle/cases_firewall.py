"""Cases for iptables, with a stand-in for the program that keeps its rules as lines of a file."""
from cases_system import steps

ipt = steps("iptables", diff=False)
# -C, -A, -I, -D, -N, -X, -L, -F and -P on lines "table chain rule"
FAKE = r"""cat > /usr/local/sbin/iptables <<'END'
#!/bin/sh
echo "$0 $*" >> /root/calls
db=/root/rules-${0##*/}; touch $db
[ "$1" = --version ] && { echo "iptables v1.8.9 (nf_tables)"; exit; }
table=$2 action=$3 chain=$4; shift 4 2>/dev/null || shift $#
rule="$table $chain $*"
case $action in
-C) grep -qxF -e "$rule" $db ;;
-A|-I) echo "$rule" >> $db ;;
-D) grep -vxF -e "$rule" $db > $db.new; mv $db.new $db ;;
-N) echo "chain $table $chain" >> $db ;;
-X) grep -vxF -e "chain $table $chain" $db > $db.new; mv $db.new $db ;;
-L) case $chain in INPUT|OUTPUT|FORWARD) echo "Chain $chain (policy $(sed -n "s/^policy $table $chain //p" $db | tail -n 1 |
      grep . || echo ACCEPT))" ;; *) grep -qxF -e "chain $table $chain" $db ;; esac ;;
-P) echo "policy $table $chain $1" >> $db ;;
-F) : > $db ;;
esac
END
chmod 755 /usr/local/sbin/iptables; cp /usr/local/sbin/iptables /usr/local/sbin/ip6tables"""

CASES = {
    "iptables": [
        FAKE,
        ipt(chain="INPUT", protocol="tcp", destination_port="22", jump="ACCEPT", check=True),
        ipt(chain="INPUT", protocol="tcp", destination_port="22", jump="ACCEPT"),
        ipt(chain="INPUT", protocol="tcp", destination_port="22", jump="ACCEPT"),
        ipt(chain="INPUT", protocol="tcp", destination_port="22", jump="ACCEPT", state="absent"),
        ipt(chain="INPUT", source="!10.0.0.0/8", destination="1.2.3.4", in_interface="eth0", out_interface="!eth1",
            match=["tcp", "state"], ctstate=["NEW", "ESTABLISHED"], syn="match", jump="DROP", comment="two words"),
        ipt(chain="OUTPUT", ctstate=["NEW"], protocol="tcp", destination_ports=["80", "443:444"], jump="ACCEPT", action="insert",
            rule_num="3", ip_version="ipv6", icmp_type="echo-request"),
        ipt(chain="FORWARD", tcp_flags={"flags": ["ALL"], "flags_set": ["ACK", "SYN"]}, syn="negate", limit="2/second",
            limit_burst="20", log_prefix="IN: ", log_level="info"),
        ipt(chain="PREROUTING", table="nat", to_destination="10.0.0.2:80", to_source="10.0.0.3", to_ports="8600", jump="DNAT",
            set_counters="1 2", fragment="x", goto="x", source_port="1"),
        ipt(chain="OUTPUT", uid_owner="deploy", gid_owner="deploy", reject_with="tcp-reset", protocol="tcp"),
        ipt(chain="OUTPUT", uid_owner="deploy", gid_owner="deploy", reject_with="tcp-reset", protocol="tcp", state="absent"),
        ipt(chain="OUTPUT", set_dscp_mark="8", protocol="tcp"),
        ipt(chain="OUTPUT", set_dscp_mark_class="CS1", protocol="tcp", table="mangle"),
        ipt(chain="INPUT", match_set="admins", match_set_flags="src", destination_port="22", jump="ACCEPT"),
        ipt(chain="INPUT", match=["set", "iprange"], match_set="admins", match_set_flags="src,dst", src_range="1.1.1.1-1.1.1.9"),
        ipt(chain="INPUT", src_range="1.1.1.1-1.1.1.9", dst_range="2.2.2.2-2.2.2.3", jump="TEE", gateway="9.9.9.9", wait="7"),
        ipt(chain="INPUT", policy="DROP", check=True),
        ipt(chain="INPUT", policy="DROP"),
        ipt(chain="INPUT", policy="DROP"),
        "echo chain filter MINE >> /root/rules-iptables",
        ipt(chain="OTHER", chain_management=True, jump="RETURN"),
        ipt(chain="MINE", chain_management=True, state="absent", check=True),
        ipt(chain="MINE", chain_management=True, state="absent"),
        ipt(chain="MINE", chain_management=True, state="absent"),
        ipt(flush=True, check=True),
        ipt(chain="INPUT", flush=True, ip_version="ipv6"),
        ipt(jump="ACCEPT"),
        ipt(chain="INPUT", jump="DROP", log_prefix="x"),
        ipt(chain="INPUT", jump="TEE"),
        {"files": ["/root/calls"]},
    ],
}
