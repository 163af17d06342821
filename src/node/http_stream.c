// The byte stream under HTTP: TCP, a UNIX socket, or openssl as a child that speaks TLS.
#include "node/http_stream.h"

#include "core/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_LEN 65536

struct http_stream {
    int fd;     // both ways
    int errors; // what openssl says, a temp file; -1
    pid_t pid;  // openssl; 0: none
    int timeout_ms;
    struct buf in;
    size_t off;
};

// --- proxies
// ---------------------------------------------------------------------------------------------------

static bool excluded(const char *host, const char *list)
{
    while (list && *list) {
        size_t n = strcspn(list, ", ");
        const char *entry = list;
        while (n && *entry == '.')
            entry++, n--;
        size_t len = strlen(host);
        bool tail = n && len >= n && strncasecmp(host + len - n, entry, n) == 0 &&
                    (len == n || host[len - n - 1] == '.');
        if ((n == 1 && *entry == '*') || tail)
            return true;
        list = entry + n + strspn(entry + n, ", ");
    }
    return false;
}

static const char *env_any(const char *lower, const char *upper)
{
    const char *s = getenv(lower);
    return s && *s ? s : upper ? getenv(upper) : NULL;
}

void http_proxy_for(struct arena *a, const struct http_url *u, struct http_proxy *ret)
{
    const char *s = u->tls ? env_any("https_proxy", "HTTPS_PROXY") : env_any("http_proxy", NULL);
    if (!s || !*s || excluded(u->host, env_any("no_proxy", "NO_PROXY")))
        return;
    const char *scheme = strstr(s, "://");
    s = scheme ? scheme + 3 : s;
    size_t n = strcspn(s, "/");
    const char *at = memrchr(s, '@', n), *host = at ? at + 1 : s;
    if (at) {
        size_t user = strcspn(s, ":@");
        ret->user = arena_strndup(a, s, user);
        ret->password =
            s[user] == ':' ? arena_strndup(a, s + user + 1, (size_t)(at - s) - user - 1) : "";
    }
    size_t len = strcspn(host, ":/");
    ret->host = arena_strndup(a, host, len);
    ret->port =
        host[len] == ':' ? arena_strndup(a, host + len + 1, strcspn(host + len + 1, "/")) : "80";
}

// --- connecting
// ------------------------------------------------------------------------------------------------

static int wait_for(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0 ? 0 : -1;
}

static int connect_within(int fd, const struct sockaddr *addr, socklen_t len, int timeout_ms)
{
    if (connect(fd, addr, len) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EAGAIN)
        return -1;
    int bad = 0;
    socklen_t size = sizeof bad;
    if (wait_for(fd, POLLOUT, timeout_ms) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &bad, &size) < 0)
        return -1;
    errno = bad;
    return bad ? -1 : 0;
}

static int connect_tcp(const char *host, const char *port, int timeout_ms, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int rc = getaddrinfo(host, port, &hints, &list), fd = -1, bad = 0;
    if (rc != 0)
        return err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s", rc,
                       rc == EAI_NONAME ? "Name or service not known" : gai_strerror(rc));
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
        if (fd >= 0 && connect_within(fd, ai->ai_addr, ai->ai_addrlen, timeout_ms) < 0) {
            bad = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd >= 0)
        return fd;
    return bad == ETIMEDOUT ? err_set(e, ERR_TIMEOUT, POS_NONE, "timed out")
                            : err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s", bad, strerror(bad));
}

static int connect_unix(const char *path, int timeout_ms, struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path)
        return err_set(e, ERR_INVALID, POS_NONE, "the path of the socket is too long");
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect_within(fd, (struct sockaddr *)&addr, sizeof addr, timeout_ms) == 0)
        return fd;
    int rc = err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s", errno, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

// --- TLS
// -------------------------------------------------------------------------------------------------------

static bool is_address(const char *host)
{
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static int add(const char **argv, int n, const char *option, const char *val)
{
    if (!val)
        return n;
    argv[n++] = option;
    argv[n++] = val;
    return n;
}

static int start_openssl(struct http_stream *s, struct module *m, const struct http_request *req,
                         const struct http_url *u, const struct http_proxy *proxy, struct err *e)
{
    struct arena *a = m->arena;
    const char *argv[40], *path = proc_which(a, "openssl"), *tmp;
    bool ip = is_address(u->host), v6 = strchr(u->host, ':');
    int n = 0, pair[2];
    if (!path)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "https needs the program openssl on the host; install the package openssl");
    argv[n++] = "openssl";
    argv[n++] = "s_client";
    argv[n++] = "-quiet";
    argv[n++] = "-connect";
    argv[n++] = arena_printf(a, v6 ? "[%s]:%s" : "%s:%s", u->host, u->port);
    if (!ip)
        n = add(argv, n, "-servername", u->host);
    if (req->validate_certs) {
        argv[n++] = "-verify_return_error";
        n = add(argv, n, ip ? "-verify_ip" : "-verify_hostname", u->host);
        n = add(argv, n, "-CAfile", req->ca_path);
    }
    n = add(argv, n, "-cert", req->client_cert);
    n = add(argv, n, "-key", req->client_key ? req->client_key : req->client_cert);
    if (proxy->host)
        n = add(argv, n, "-proxy", arena_printf(a, "%s:%s", proxy->host, proxy->port));
    argv[n] = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        (s->errors = host_tmpfile(m, NULL, &tmp, e)) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot start openssl: %s", strerror(errno));
    s->pid = fork();
    if (s->pid == 0) {
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        dup2(s->errors, 2);
        char **args = (char **)(uintptr_t)argv;
        execv(path, args);
        _exit(127);
    }
    close(pair[1]);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    return pair[0];
}

int http_stream_open(struct module *m, const struct http_request *req, const struct http_url *u,
                     const struct http_proxy *proxy, struct http_stream **ret, struct err *e)
{
    struct http_stream *s = arena_new_of(m->arena, struct http_stream);
    s->errors = -1;
    s->timeout_ms = req->timeout_s > 0 ? req->timeout_s * 1000 : -1;
    if (req->unix_socket)
        s->fd = connect_unix(req->unix_socket, s->timeout_ms, e);
    else if (u->tls)
        s->fd = start_openssl(s, m, req, u, proxy, e);
    else if (proxy->host)
        s->fd = connect_tcp(proxy->host, proxy->port, s->timeout_ms, e);
    else
        s->fd = connect_tcp(u->host, u->port, s->timeout_ms, e);
    *ret = s;
    return s->fd < 0 ? s->fd : 0;
}

// --- bytes
// -----------------------------------------------------------------------------------------------------

static int broken(const char *what, struct err *e)
{
    return errno == ETIMEDOUT
               ? err_set(e, ERR_TIMEOUT, POS_NONE, "timed out")
               : err_set(e, ERR_IO, POS_NONE, "%s: [Errno %d] %s", what, errno, strerror(errno));
}

int http_stream_write(struct http_stream *s, const void *data, size_t len, struct err *e)
{
    const char *p = data;
    while (len) {
        ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN && wait_for(s->fd, POLLOUT, s->timeout_ms) == 0)
            continue;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return broken("cannot send the request", e);
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

// Reads more: 1, 0 at the end, <0 on failure.
static int fill(struct http_stream *s, struct err *e)
{
    if (s->off) {
        buf_consume(&s->in, s->off);
        s->off = 0;
    }
    for (;;) {
        ssize_t n = recv(s->fd, buf_reserve(&s->in, 65536), 65536, 0);
        if (n < 0 && errno == EAGAIN && wait_for(s->fd, POLLIN, s->timeout_ms) == 0)
            continue;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != ECONNRESET)
            return broken("cannot read the answer", e);
        if (n <= 0)
            return 0;
        s->in.len += (size_t)n;
        return 1;
    }
}

int http_stream_line(struct http_stream *s, struct arena *a, char **ret, struct err *e)
{
    for (;;) {
        size_t have = s->in.len - s->off;
        char *p = s->in.p + s->off, *nl = have ? memchr(p, '\n', have) : NULL;
        if (nl) {
            size_t n = (size_t)(nl - p);
            s->off += n + 1;
            while (n && p[n - 1] == '\r')
                n--;
            *ret = arena_strndup(a, p, n);
            return 0;
        }
        if (have > LINE_MAX_LEN)
            return err_set(e, ERR_LIMIT, POS_NONE, "a line of the answer is too long");
        int rc = fill(s, e);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return err_set(e, ERR_IO, POS_NONE,
                           "the server closed the connection without an answer");
    }
}

size_t http_stream_some(struct http_stream *s, size_t max, const char **ret, struct err *e)
{
    if (s->off == s->in.len && fill(s, e) <= 0)
        return 0;
    size_t n = s->in.len - s->off;
    if (n > max)
        n = max;
    *ret = s->in.p + s->off;
    s->off += n;
    return n;
}

// What openssl complained about, put in place of e.
static void explain(struct http_stream *s, struct err *e)
{
    char text[4096];
    ssize_t n = pread(s->errors, text, sizeof text - 1, 0);
    if (n <= 0)
        return;
    text[n] = '\0';
    static const char *const marks[] = {"verify error:num=",  "connect:errno=", "BIO_lookup_ex:",
                                        "Connection refused", ":error:",        "error:"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char *at = strstr(text, marks[i]);
        if (!at)
            continue;
        at[strcspn(at, "\n")] = '\0';
        if (i == 0) {
            char *why = strchr(at + strlen(marks[0]), ':');
            err_set(e, ERR_IO, POS_NONE, "certificate verify failed: %s", why ? why + 1 : at);
        } else {
            err_set(e, ERR_IO, POS_NONE, "TLS connection failed: %s", at);
        }
        return;
    }
}

void http_stream_close(struct http_stream *s, struct err *e)
{
    close(s->fd);
    if (s->pid > 0) {
        int status;
        kill(s->pid, SIGTERM);
        waitpid(s->pid, &status, 0);
        if (e->code)
            explain(s, e);
    }
    if (s->errors >= 0)
        close(s->errors);
    buf_release(&s->in);
}
