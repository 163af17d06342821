// wait_for: a port, a file or a text in either, to come or to go.
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/tcp_count.h"
#include "node/regex.h"
#include "node/text.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)

// One task.
struct wait {
    struct module *m;
    const char *host, *path, *state, *search;
    int port; // 0: none
    struct regex *regex;
    struct regex_span *spans;
    struct value groups, named; // of the match
    int64_t start, end;         // milliseconds
};

static int64_t left_ms(const struct wait *w)
{
    int64_t left = w->end - clock_mono_ms();
    return left > 0 ? left : 0;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static void set_elapsed(struct wait *w)
{
    module_set(w->m, "elapsed", value_int((clock_mono_ms() - w->start) / 1000));
}

static int fail_wait(struct wait *w, const char *message)
{
    const char *own = module_str(w->m, "msg");
    set_elapsed(w);
    return module_fail(w->m, "%s", own && *own ? own : message);
}

// --- the match

// The groups' names, as they stand in the pattern.
static void named_groups(struct wait *w, const char *text)
{
    for (const char *p = w->search; (p = strstr(p, "(?P<"));) {
        p += 4;
        size_t n = strcspn(p, ">");
        int i = regex_group_named(w->regex, p, n);
        if (i <= 0)
            continue;
        struct regex_span s = w->spans[i];
        dict_set(w->named.u.dict, arena_strndup(w->m->arena, p, n),
                 s.start == REGEX_NONE ? value_null()
                                       : value_strn(w->m->arena, text + s.start, s.end - s.start));
    }
}

// 1 when text holds the pattern, 0, or <0 after a failure. keep: the groups go to the result.
static int text_matches(struct wait *w, const char *text, size_t len, bool keep)
{
    struct err e = ERR_INIT;
    int rc = regex_search(w->regex, text, len, 0, w->spans, &e);
    if (rc < 0)
        return module_fail_err(w->m, &e);
    if (!rc || !keep)
        return rc;
    for (size_t i = 1; i < regex_groups(w->regex); i++) {
        struct regex_span s = w->spans[i];
        list_add(w->groups.u.list, s.start == REGEX_NONE
                                       ? value_null()
                                       : value_strn(w->m->arena, text + s.start, s.end - s.start));
    }
    named_groups(w, text);
    return 1;
}

static int file_matches(struct wait *w)
{
    struct stat st;
    int fd = open(w->path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            rc = text_matches(w, map, (size_t)st.st_size, true);
            munmap(map, (size_t)st.st_size);
        }
    }
    close(fd);
    return rc;
}

// --- the port

// A connection to the port, or -1.
static int connect_port(struct wait *w, int64_t timeout_ms)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    char port[16];
    int fd = -1;
    snprintf(port, sizeof(port), "%d", w->port);
    if (getaddrinfo(w->host, port, &hints, &all) != 0)
        return -1;
    for (struct addrinfo *ai = all; ai && fd < 0; ai = ai->ai_next) {
        fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        int rc = connect(fd, ai->ai_addr, ai->ai_addrlen), error = rc == 0 ? 0 : errno;
        if (error == EINPROGRESS) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            socklen_t len = sizeof(error);
            if (poll(&p, 1, (int)timeout_ms) <= 0 ||
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
                error = ETIMEDOUT;
        }
        if (error) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    return fd;
}

// Reads what the port says until the pattern is in it: 1, 0 when it ends before, <0 after a
// failure.
static int answer_matches(struct wait *w, int fd)
{
    struct buf b;
    int rc = 0;
    buf_init(&b, ANSWER_MAX);
    while (rc == 0 && left_ms(w) > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)left_ms(w)) <= 0)
            continue;
        char block[1024];
        ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n <= 0)
            break;
        buf_add(&b, block, (size_t)n);
        rc = text_matches(w, b.p, b.len, false);
    }
    buf_release(&b);
    return rc;
}

// --- states; each gives 1 when it is reached, 0 when not yet, <0 after a failure

static int is_gone(struct wait *w)
{
    if (w->path)
        return access(w->path, F_OK) != 0;
    int fd = connect_port(w, 1000 * module_int(w->m, "connect_timeout", 5));
    if (fd < 0)
        return 1;
    shutdown(fd, SHUT_RDWR);
    close(fd);
    return 0;
}

static int path_there(struct wait *w)
{
    struct stat st;
    if (stat(w->path, &st) == 0)
        return w->regex ? file_matches(w) : 1;
    if (errno == ENOENT)
        return 0;
    return fail_wait(w,
                     arena_printf(w->m->arena, "Failed to stat %s, %s", w->path, strerror(errno)));
}

static int is_there(struct wait *w)
{
    if (w->path)
        return path_there(w);
    int64_t limit = 1000 * module_int(w->m, "connect_timeout", 5), left = left_ms(w);
    int fd = connect_port(w, left < limit ? left + 1 : limit);
    if (fd < 0)
        return 0;
    int rc = w->regex ? answer_matches(w, fd) : 1;
    shutdown(fd, SHUT_RDWR);
    close(fd);
    return rc;
}

static int is_drained(struct wait *w)
{
    struct err e = ERR_INIT;
    long n = tcp_count(w->m, w->host, w->port, &e);
    return n < 0 ? module_fail_err(w->m, &e) : n == 0;
}

static const char *timeout_message(struct wait *w, bool gone)
{
    struct arena *a = w->m->arena;
    if (strcmp(w->state, "drained") == 0)
        return arena_printf(a, "Timeout when waiting for %s:%d to drain", w->host, w->port);
    if (gone)
        return w->path
                   ? arena_printf(a, "Timeout when waiting for %s to be absent.", w->path)
                   : arena_printf(a, "Timeout when waiting for %s:%d to stop.", w->host, w->port);
    const char *what = w->path ? w->path : arena_printf(a, "%s:%d", w->host, w->port);
    if (w->search)
        return arena_printf(a, "Timeout when waiting for search string %s in %s", w->search, what);
    return arena_printf(a, "Timeout when waiting for %s%s", w->path ? "file " : "", what);
}

static int wait_until(struct wait *w)
{
    bool gone = strcmp(w->state, "absent") == 0 || strcmp(w->state, "stopped") == 0;
    bool drained = strcmp(w->state, "drained") == 0;
    int64_t nap = 1000 * module_int(w->m, "sleep", 1);
    while (clock_mono_ms() < w->end) {
        int rc = drained ? is_drained(w) : gone ? is_gone(w) : is_there(w);
        if (rc < 0)
            return rc;
        if (rc > 0)
            return 0;
        pause_ms(nap);
    }
    return fail_wait(w, timeout_message(w, gone));
}

// --- the task

static int refuse(struct wait *w, const char *message)
{
    module_set(w->m, "elapsed", value_int(0));
    return module_fail(w->m, "%s", message);
}

static int check_args(struct wait *w)
{
    struct module *m = w->m;
    const struct list *states = module_list(m, "active_connection_states");
    if (w->port && w->path)
        return refuse(w, "port and path parameter can not both be passed to wait_for");
    if (w->path && strcmp(w->state, "stopped") == 0)
        return refuse(w, "state=stopped should only be used for checking a port in the wait_for "
                         "module");
    if (w->path && strcmp(w->state, "drained") == 0)
        return refuse(w, "state=drained should only be used for checking a port in the wait_for "
                         "module");
    if (module_has(m, "exclude_hosts") && strcmp(w->state, "drained") != 0)
        return refuse(w, "exclude_hosts should only be with state=drained");
    for (size_t i = 0; states && i < states->len; i++) {
        const char *name = value_to_cstr(m->arena, &states->items[i]);
        if (tcp_state(name) < 0)
            return refuse(
                w, arena_printf(m->arena, "unknown active_connection_state (%s) defined", name));
    }
    return 0;
}

static int compile_search(struct wait *w)
{
    struct err e = ERR_INIT;
    if (!w->search)
        return 0;
    w->regex = regex_compile_str(w->m->arena, w->search, REGEX_MULTILINE, &e);
    if (!w->regex) {
        int rc = module_fail(w->m, "Invalid regular expression: %s", err_msg(&e));
        err_release(&e);
        return rc;
    }
    w->spans = arena_array(w->m->arena, struct regex_span, regex_groups(w->regex));
    return 0;
}

static struct value text_or_null(struct module *m, const char *s)
{
    return s ? value_str(m->arena, s) : value_null();
}

int mod_wait_for(struct module *m)
{
    struct wait w = {.m = m,
                     .host = module_str(m, "host"),
                     .path = module_str(m, "path"),
                     .state = module_str(m, "state"),
                     .search = module_str(m, "search_regex"),
                     .port = (int)module_int(m, "port", 0),
                     .groups = value_list(m->arena),
                     .named = value_dict(m->arena),
                     .start = clock_mono_ms()};
    if (compile_search(&w) != 0 || check_args(&w) != 0)
        return ERR_FAILED;
    int64_t timeout = 1000 * module_int(m, "timeout", 300);
    w.end = w.start + timeout;
    pause_ms(1000 * module_int(m, "delay", 0));
    if (!w.port && !w.path && strcmp(w.state, "drained") != 0)
        pause_ms(timeout);
    else if (wait_until(&w) != 0)
        return ERR_FAILED;
    module_set_str(m, "state", w.state);
    module_set(m, "port", module_has(m, "port") ? value_int(w.port) : value_null());
    module_set(m, "search_regex", text_or_null(m, w.search));
    module_set(m, "match_groups", w.groups);
    module_set(m, "match_groupdict", w.named);
    module_set(m, "path", text_or_null(m, w.path));
    set_elapsed(&w);
    return 0;
}
