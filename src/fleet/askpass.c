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
#define ANSWER_TIMEOUT_S 3600
#define HINT_NONE 'n' // ssh only tells something
#define HINT_ASK 'a'

struct asker {
    uv_poll_t poll;
    struct fleet *f;
    int fd;
    struct asker *next;
};

// A passphrase the person has typed: every host's ssh asks for the same key.
struct passphrase {
    struct passphrase *next;
    char *prompt, *answer;
    unsigned number; // changes with the answer
};

struct askpass {
    struct fleet *f;
    uv_poll_t poll;
    int fd;
    char name[40];
    struct asker *askers;
    struct passphrase *known;
    unsigned n_answers;
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

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

static enum ask_kind kind_of(char hint, const char *prompt)
{
    if (hint == HINT_NONE)
        return ASK_NOTICE;
    return strstr(prompt, "yes/no") || strstr(prompt, "'yes'") ? ASK_LINE : ASK_SECRET;
}

// Asks the person; everything else stands still meanwhile.
static char *ask_person(struct conn *c, char hint, const char *prompt)
{
    const struct fleet_opts *o = &c->f->opts;
    if (!o->ask) {
        free(c->unasked);
        c->unasked = xstrdup(prompt);
        return NULL;
    }
    uint64_t start = uv_hrtime();
    char *s = o->ask(o->data, c, kind_of(hint, prompt), prompt);
    fleet_stood_still(c->f, (uv_hrtime() - start) / 1000000);
    return s;
}

// A key's passphrase, asked for once. ssh asking again in the same attempt means it was wrong.
static char *passphrase(struct conn *c, const char *prompt)
{
    struct askpass *a = c->f->askpass;
    struct passphrase *k = a->known;
    while (k && strcmp(k->prompt, prompt) != 0)
        k = k->next;
    if (k && k->number != c->answered) {
        c->answered = k->number;
        return xstrdup(k->answer);
    }
    char *s = ask_person(c, HINT_ASK, prompt);
    if (!s)
        return NULL;
    if (!k) {
        k = xcalloc(1, sizeof *k);
        k->prompt = xstrdup(prompt);
        k->next = a->known;
        a->known = k;
    }
    wipe(k->answer);
    k->answer = xstrdup(s);
    k->number = c->answered = ++a->n_answers;
    return s;
}

// The answer to a prompt for a connection, malloc'ed; NULL to refuse.
static char *answer(struct conn *c, char hint, const char *prompt)
{
    bool key = strcasestr(prompt, "passphrase") != NULL;
    if (c->p.password && strcasestr(prompt, "password") && !key) {
        if (c->password_given) // it was wrong: a second try could lock the account
            return NULL;
        c->password_given = true;
        return xstrdup(c->p.password);
    }
    return key && hint == HINT_ASK ? passphrase(c, prompt) : ask_person(c, hint, prompt);
}

void askpass_restart(struct conn *c)
{
    c->password_given = c->held_up = false;
    c->answered = 0;
    free(c->unasked);
    c->unasked = NULL;
}

// The connection a message names ("TOKEN HINT prompt"), and its question.
static struct conn *conn_by_token(struct fleet *f, const char *s, char *hint, const char **prompt)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    if (errno || end == s || n == 0 || n > f->n_conns)
        return NULL;
    if (end[0] != ' ' || !end[1] || end[2] != ' ')
        return NULL;
    *hint = end[1];
    *prompt = end + 3;
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
        char hint = HINT_ASK;
        struct conn *c = conn_by_token(k->f, msg, &hint, &prompt);
        char *s = c ? answer(c, hint, prompt) : NULL;
        if (s)
            (void)!send(k->fd, s, strlen(s) + 1, MSG_NOSIGNAL);
        wipe(s);
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
    int n = snprintf(a->name, sizeof a->name, "andon-");
    for (size_t i = 0; i < sizeof r; i++, n += 2)
        snprintf(a->name + n, sizeof a->name - (size_t)n, "%02x", r[i]);
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
    while (a->known) {
        struct passphrase *k = a->known;
        a->known = k->next;
        wipe(k->answer);
        free(k->prompt);
        free(k);
    }
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
    if (!f->askpass)
        f->askpass = askpass_new(f, NULL);
    if (f->askpass) {
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
    const char *hint = getenv("SSH_ASKPASS_PROMPT");
    int n = snprintf(msg, sizeof msg, "%s %c %s", sp + 1,
                     hint && strcmp(hint, "none") == 0 ? HINT_NONE : HINT_ASK, argv[1]);
    size_t len = n < (int)sizeof msg ? (size_t)n : sizeof msg - 1;
    ssize_t got = -1;
    if (n > 0 && send(fd, msg, len, MSG_NOSIGNAL) == (ssize_t)len)
        got = recv(fd, msg, sizeof msg - 1, 0);
    close(fd);
    if (got <= 0)
        return 1;
    msg[got - 1] = '\n'; // was the end of the string: an empty answer is one too
    bool ok = write(STDOUT_FILENO, msg, (size_t)got) == got;
    explicit_bzero(msg, sizeof msg);
    return ok ? 0 : 1;
}
