// The part of the kernel's rtnetlink interface that is used here. musl's compiler wrapper does not
// see the kernel's headers, and this ABI is fixed.
#ifndef NODE_FACTS_RTNETLINK_H
#define NODE_FACTS_RTNETLINK_H

#include <stdint.h>

struct nlmsghdr {
    uint32_t nlmsg_len;
    uint16_t nlmsg_type, nlmsg_flags;
    uint32_t nlmsg_seq, nlmsg_pid;
};

struct ifaddrmsg {
    uint8_t ifa_family, ifa_prefixlen, ifa_flags, ifa_scope;
    uint32_t ifa_index;
};

struct rtmsg {
    uint8_t rtm_family, rtm_dst_len, rtm_src_len, rtm_tos;
    uint8_t rtm_table, rtm_protocol, rtm_scope, rtm_type;
    uint32_t rtm_flags;
};

struct rtattr {
    uint16_t rta_len, rta_type;
};

enum {
    NETLINK_ROUTE = 0,
    NLM_F_REQUEST = 1,
    NLM_F_DUMP = 0x300,
    NLMSG_ERROR = 2,
    NLMSG_DONE = 3,
    NLMSG_HDRLEN = 16,
    NLA_TYPE_MASK = 0x3fff,
    RTM_NEWADDR = 20,
    RTM_GETADDR = 22,
    RTM_NEWROUTE = 24,
    RTM_GETROUTE = 26,
    RTM_F_LOOKUP_TABLE = 0x1000,
    RTN_UNICAST = 1,
    RTA_DST = 1,
    RTA_OIF = 4,
    RTA_GATEWAY = 5,
    RTA_PREFSRC = 7,
    IFA_ADDRESS = 1,
    IFA_LOCAL = 2,
    IFA_LABEL = 3,
    IFA_BROADCAST = 4,
    IFA_FLAGS = 8,
    IFA_F_SECONDARY = 1,
    RT_SCOPE_UNIVERSE = 0,
    RT_SCOPE_SITE = 200,
    RT_SCOPE_LINK = 253,
    RT_SCOPE_HOST = 254,
    RT_SCOPE_NOWHERE = 255,
};

#define NL_ALIGN(n) (((n) + 3U) & ~3U)
#define NLMSG_LENGTH(n) ((n) + NLMSG_HDRLEN)
#define RTA_LENGTH(n) ((n) + sizeof(struct rtattr))
#define RTA_PAYLOAD(attr) ((attr)->rta_len - sizeof(struct rtattr))

#endif
