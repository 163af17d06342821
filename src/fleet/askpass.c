// Answers to what ssh asks. ssh starts this program as SSH_ASKPASS; it brings the prompt over an
// abstract socket to the fleet, which knows the password. So a password is never in an argument,
// the environment or a file, and other users are turned away by their user id.
#include "fleet/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ENV_NAME "ANDON_ASKPASS"
#define ASK_MAX 4096
#define ANSWER_TIMEOUT_S 300

struct asker {
    uv_poll_t poll;
    struct fleet *f;
    int fd;
    struct asker *next;
};

struct askpass {
    struct fleet *f;
    uv_poll_t poll;
    int fd;
    char name[40];
    struct asker *askers;
};

// --- the fleet's side

static void on_askpass_closed(uv_handle_t *h)
{
    struct askpass *a = h->data;
    close(a->fd);
    free(a);
}

static void on_asker_closed(uv_handle_t *h)
{
    struct asker *k = h->data;
    close(k->fd);
    free(k);
}

static void asker_close(struct asker *k)
{
    struct asker **at = &k->f->askpass->askers;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    uv_close((uv_handle_t *)&k->poll, on_asker_closed);
}

static bool peer_is_us(int fd)
{
    struct ucred u;
    socklen_t len = sizeof u;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.uid == geteuid();
}

// The answer to a prompt for a connection, malloc'ed; NULL to refuse.
static char *answer(struct conn *c, const char *prompt)
{
    const struct fleet_opts *o = &c->f->opts;
    if (c->p.password && strcasestr(prompt, "password") && !strcasestr(prompt, "passphrase")) {
        if (c->password_given) // it was wrong: a second try could lock the account
            return NULL;
        c->password_given = true;
        return xstrdup(c->p.password);
    }
    return o->ask ? o->ask(o->data, c, prompt) : NULL;
}

static struct conn *conn_by_token(struct fleet *f, const char *s, const char **rest)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    if (errno || end == s || *end != ' ' || n == 0 || n > f->n_conns)
        return NULL;
    *rest = end + 1;
    return f->conns[n - 1];
}

static void on_question(uv_poll_t *p, int status, int events)
{
    (void)events;
    struct asker *k = p->data;
    char msg[ASK_MAX + 1];
    ssize_t n = status < 0 ? -1 : recv(k->fd, msg, ASK_MAX, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        msg[n] = '\0';
        const char *prompt = NULL;
        struct conn *c = conn_by_token(k->f, msg, &prompt);
        char *s = c ? answer(c, prompt) : NULL;
        if (s) {
            (void)!send(k->fd, s, strlen(s), MSG_NOSIGNAL);
            explicit_bzero(s, strlen(s));
        }
        free(s);
    }
    asker_close(k);
}

static void on_asker(uv_poll_t *p, int status, int events)
{
    (void)events;
    struct askpass *a = p->data;
    int fd = status < 0 ? -1 : accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!peer_is_us(fd)) {
        close(fd);
        return;
    }
    struct asker *k = xcalloc(1, sizeof *k);
    k->f = a->f;
    k->fd = fd;
    k->poll.data = k;
    k->next = a->askers;
    a->askers = k;
    uv_poll_init(&a->f->loop, &k->poll, fd);
    uv_poll_start(&k->poll, UV_READABLE, on_question);
    uv_unref((uv_handle_t *)&k->poll);
}

// Fills *ret with the abstract address of that name; its length.
static socklen_t address(struct sockaddr_un *ret, const char *name)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(ret->sun_path + 1, name, n);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

struct askpass *askpass_new(struct fleet *f, struct err *e)
{
    struct askpass *a = xcalloc(1, sizeof *a);
    unsigned char r[12];
    struct sockaddr_un un;
    a->f = f;
    a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0 || getrandom(r, sizeof r, 0) != sizeof r)
        goto fail;
    strcpy(a->name, "andon-");
    for (size_t i = 0; i < sizeof r; i++)
        snprintf(a->name + 6 + 2 * i, 3, "%02x", r[i]);
    socklen_t len = address(&un, a->name);
    if (bind(a->fd, (struct sockaddr *)&un, len) || listen(a->fd, 128))
        goto fail;
    uv_poll_init(&f->loop, &a->poll, a->fd);
    uv_poll_start(&a->poll, UV_READABLE, on_asker);
    uv_unref((uv_handle_t *)&a->poll);
    a->poll.data = a;
    return a;
fail:
    err_set(e, ERR_IO, POS_NONE, "cannot make the socket for passwords: %s", strerror(errno));
    if (a->fd >= 0)
        close(a->fd);
    free(a);
    return NULL;
}

void askpass_free(struct askpass *a)
{
    if (!a)
        return;
    while (a->askers)
        asker_close(a->askers);
    uv_close((uv_handle_t *)&a->poll, on_askpass_closed);
}

// --- environment

static bool is_ours(const char *s)
{
    static const char *const names[] = {ENV_NAME "=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(s, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static const char *own_program(struct arena *a)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return arena_strndup(a, n > 0 ? path : "", n > 0 ? (size_t)n : 0);
}

char **conn_env(struct conn *c, struct arena *a)
{
    struct fleet *f = c->f;
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    char **env = arena_array(a, char *, n + 4);
    for (size_t i = 0; i < n; i++)
        if (!is_ours(environ[i]))
            env[k++] = environ[i];
    bool asks = c->p.password || f->opts.ask;
    if (asks && !f->askpass)
        f->askpass = askpass_new(f, NULL);
    if (asks && f->askpass) {
        if (!f->opts.askpass)
            f->opts.askpass = own_program(f->arena);
        env[k++] = arena_printf(a, "SSH_ASKPASS=%s", f->opts.askpass);
        env[k++] =
            arena_printf(a, ENV_NAME "=%s %llu", f->askpass->name, (unsigned long long)c->token);
        env[k++] = arena_strdup(a, "SSH_ASKPASS_REQUIRE=force");
    } else {
        env[k++] = arena_strdup(a, "SSH_ASKPASS_REQUIRE=never");
    }
    env[k] = NULL;
    return env;
}

// --- the asking program

bool fleet_is_askpass(void)
{
    return getenv(ENV_NAME) != NULL;
}

static int ask_connect(const char *name)
{
    struct sockaddr_un un;
    if (strlen(name) + 2 > sizeof un.sun_path)
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    socklen_t len = address(&un, name);
    struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, len) == 0 && peer_is_us(fd) &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int fleet_askpass_main(int argc, char **argv)
{
    const char *env = getenv(ENV_NAME), *sp = env ? strchr(env, ' ') : NULL;
    if (!sp || argc < 2)
        return 1;
    char *name = xstrndup(env, (size_t)(sp - env));
    int fd = ask_connect(name);
    free(name);
    if (fd < 0)
        return 1;
    char msg[ASK_MAX];
    int n = snprintf(msg, sizeof msg, "%s %s", sp + 1, argv[1]);
    size_t len = n < (int)sizeof msg ? (size_t)n : sizeof msg - 1;
    ssize_t got = -1;
    if (n > 0 && send(fd, msg, len, MSG_NOSIGNAL) == (ssize_t)len)
        got = recv(fd, msg, sizeof msg - 1, 0);
    close(fd);
    if (got <= 0)
        return 1;
    msg[got++] = '\n';
    bool ok = write(STDOUT_FILENO, msg, (size_t)got) == got;
    explicit_bzero(msg, sizeof msg);
    return ok ? 0 : 1;
}
