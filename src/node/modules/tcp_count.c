// Counting a port's TCP connections in /proc/net/tcp and tcp6.
#include "node/modules/tcp_count.h"
#include "node/text.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int tcp_state(const char *name)
{
    static const char *const names[] = {"ESTABLISHED", "SYN_SENT",  "SYN_RECV",
                                        "FIN_WAIT1",   "FIN_WAIT2", "TIME_WAIT"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i + 1;
    return -1;
}

// Words of the host's byte order, in hex, as /proc/net/tcp has them.
static struct value kernel_hex(struct arena *a, int family, const unsigned char *addr)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, family == AF_INET ? '4' : '6');
    for (int i = 0; i < (family == AF_INET ? 1 : 4); i++) {
        uint32_t word;
        memcpy(&word, addr + 4 * i, sizeof(word));
        buf_addf(&b, "%08X", word);
    }
    struct value v = value_strn(a, buf_str(&b), b.len);
    buf_release(&b);
    return v;
}

static int resolve(struct arena *a, const char *host, struct list *out, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    int rc = getaddrinfo(host, "80", &hints, &all);
    if (rc != 0)
        return err_set(e, ERR_NOENT, POS_NONE, "cannot resolve %s: %s", host, gai_strerror(rc));
    for (struct addrinfo *ai = all; ai; ai = ai->ai_next) {
        unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        if (ai->ai_family == AF_INET) {
            struct sockaddr_in sin;
            memcpy(&sin, ai->ai_addr, sizeof(sin));
            memcpy(mapped + 12, &sin.sin_addr, 4);
            list_add(out, kernel_hex(a, AF_INET, mapped + 12));
            list_add(out, kernel_hex(a, AF_INET6, mapped));
        } else if (ai->ai_family == AF_INET6) {
            struct sockaddr_in6 sin6;
            memcpy(&sin6, ai->ai_addr, sizeof(sin6));
            list_add(out, kernel_hex(a, AF_INET6, (const unsigned char *)&sin6.sin6_addr));
        }
    }
    freeaddrinfo(all);
    return 0;
}

static bool state_counts(struct module *m, long state)
{
    const struct list *states = module_list(m, "active_connection_states");
    for (size_t i = 0; states && i < states->len; i++)
        if (tcp_state(value_to_cstr(m->arena, &states->items[i])) == state)
            return true;
    return false;
}

// What is counted.
struct wanted {
    struct module *m;
    struct list *own, *excluded;
    int port;
};

// One line of the table: "sl local_address rem_address st ...".
static bool line_counts(const struct wanted *w, char *line, char family)
{
    char *field[4] = {NULL};
    for (int i = 0; i < 4; i++)
        field[i] = text_field(&line);
    if (!field[3] || !strchr(field[1], ':') || !strchr(field[2], ':'))
        return false;
    char *port = strchr(field[1], ':');
    *port++ = '\0';
    *strchr(field[2], ':') = '\0';
    if (strtol(port, NULL, 16) != w->port || !state_counts(w->m, strtol(field[3], NULL, 16)))
        return false;
    const char *local = arena_printf(w->m->arena, "%c%s", family, field[1]);
    const char *remote = arena_printf(w->m->arena, "%c%s", family, field[2]);
    if (text_list_has(w->excluded, remote))
        return false;
    const char *any = family == '4' ? "400000000" : "600000000000000000000000000000000";
    return text_list_has(w->own, local) || text_list_has(w->own, any) ||
           (strncmp(field[1], "0000000000000000FFFF0000", 24) == 0 &&
            text_list_has(w->own, "60000000000000000FFFF000000000000"));
}

long tcp_count(struct module *m, const char *host, int port, struct err *e)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    const struct list *exclude = module_list(m, "exclude_hosts");
    struct wanted w = {m, value_list(m->arena).u.list, value_list(m->arena).u.list, port};
    long n = 0;
    if (resolve(m->arena, host, w.own, e) != 0)
        return -1;
    for (size_t i = 0; exclude && i < exclude->len; i++)
        if (resolve(m->arena, value_to_cstr(m->arena, &exclude->items[i]), w.excluded, e) != 0)
            return -1;
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        char *c = text_read(m->arena, tables[i], NULL);
        text_line(&c); // headings
        for (char *line; (line = text_line(&c));)
            n += line_counts(&w, line, i == 0 ? '4' : '6');
    }
    return n;
}
