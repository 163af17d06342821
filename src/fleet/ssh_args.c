// The command line of ssh. Precedence is Ansible's: ssh takes the first value it sees of an option,
// and the order here is ssh_args, single settings, ssh_common_args, ssh_extra_args, ours.
#include "fleet/ssh_args.h"

#include "core/buf.h"
#include "core/hash.h"
#include "core/shlex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ssh binds ControlPath plus a random suffix of 17 bytes first; sun_path holds 108 with the NUL.
#define CONTROL_PATH_MAX (107 - 17)

static const char *const no_password_args[] = {
    "-o", "KbdInteractiveAuthentication=no",
    "-o", "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
    "-o", "PasswordAuthentication=no",
};
// A wrong password must fail at once, not lock the account.
static const char *const password_args[] = {"-o", "NumberOfPasswordPrompts=1"};

#define LEN(t) (sizeof(t) / sizeof((t)[0]))

struct words {
    struct arena *a;
    struct argv *out;
    bool overflow;
};

static void add(struct words *w, const char *s)
{
    if (w->out->n + 1 >= SSH_ARGS_MAX) {
        w->overflow = true;
        return;
    }
    w->out->v[w->out->n++] = s;
    w->out->v[w->out->n] = NULL;
}

static void add_all(struct words *w, const char *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(w, v[i]);
}

static void words_init(struct words *w, struct arena *a, struct argv *out)
{
    *w = (struct words){.a = a, .out = out};
    out->v = arena_array(a, const char *, SSH_ARGS_MAX);
    out->n = 0;
}

// --- words of the user

static int split_into(struct words *w, const char *s, struct err *e)
{
    struct shlex x = {.at = s};
    int rc;
    while ((rc = shlex_next(&x)) > 0)
        add(w, arena_strndup(w->a, buf_str(&x.word), x.word.len));
    buf_release(&x.word);
    if (rc < 0)
        return err_set(e, ERR_PARSE, POS_NONE,
                       "a quote or backslash is not finished in the ssh arguments \"%s\"", s);
    return 0;
}

int ssh_split_args(struct arena *a, const char *s, struct argv *ret, struct err *e)
{
    struct words w;
    words_init(&w, a, ret);
    int rc = split_into(&w, s, e);
    if (rc == 0 && w.overflow)
        rc = err_set(e, ERR_LIMIT, POS_NONE, "more than %d words", SSH_ARGS_MAX);
    return rc;
}

// --- the line

// True when any word holds the option's name, in any case (Ansible's own test).
static bool mentions(const struct argv *v, const char *option)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcasestr(v->v[i], option))
            return true;
    return false;
}

const char *ssh_expand_home(struct arena *a, const char *path)
{
    const char *home = getenv("HOME");
    if (path && path[0] == '~' && (path[1] == '/' || !path[1]) && home)
        return arena_printf(a, "%s%s", home, path + 1);
    return path;
}

// The settings that have parameters of their own.
static void add_settings(struct words *w, const struct conn_params *p)
{
    struct arena *a = w->a;
    if (p->accept_any_host_key) {
        add(w, "-o");
        add(w, "StrictHostKeyChecking=no");
    }
    if (p->port) {
        add(w, "-o");
        add(w, arena_printf(a, "Port=%d", p->port));
    }
    if (p->private_key && *p->private_key) {
        add(w, "-o");
        add(w, arena_printf(a, "IdentityFile=\"%s\"", ssh_expand_home(a, p->private_key)));
    }
    if (p->password)
        add_all(w, password_args, LEN(password_args));
    else
        add_all(w, no_password_args, LEN(no_password_args));
    if (p->user && *p->user) {
        add(w, "-o");
        add(w, arena_printf(a, "User=\"%s\"", p->user));
    }
    add(w, "-o");
    add(w, arena_printf(a, "ConnectTimeout=%d", p->timeout > 0 ? p->timeout : SSH_TIMEOUT_DEFAULT));
}

// Replaces Ansible's %(directory)s and undoes its doubled percent signs.
static const char *control_path_of(struct arena *a, const char *template, const char *dir)
{
    struct buf b = BUF_INIT;
    const char *key = "%(directory)s";
    for (const char *s = template; *s; s++) {
        if (strncmp(s, key, strlen(key)) == 0) {
            buf_adds(&b, dir);
            s += strlen(key) - 1;
        } else if (s[0] == '%' && s[1] == '%') {
            buf_addc(&b, '%');
            s++;
        } else {
            buf_addc(&b, *s);
        }
    }
    const char *path = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return path;
}

// A name for the login: all that makes one connection differ from another is in the words and the
// host.
static const char *login_hash(struct arena *a, const struct argv *v, const char *host)
{
    struct hash h;
    unsigned char d[HASH_MAX];
    char hex[HASH_HEX_MAX];
    hash_init(&h, HASH_SHA256);
    for (size_t i = 0; i < v->n; i++)
        hash_update(&h, v->v[i], strlen(v->v[i]) + 1);
    hash_update(&h, host, strlen(host));
    hash_final(&h, d);
    hash_to_hex(d, 8, hex);
    return arena_strndup(a, hex, 16);
}

// Doubles percent signs, which ssh would expand.
static const char *percent_escape(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    for (; *s; s++) {
        if (*s == '%')
            buf_addc(&b, '%');
        buf_addc(&b, *s);
    }
    const char *r = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return r;
}

// Adds ControlPath when connections are to be kept and nobody said where.
static void add_control_path(struct words *w, const struct conn_params *p, const char *dir,
                             const char *host, struct ssh_line *ret)
{
    if (p->no_persist || !mentions(w->out, "controlpersist") || mentions(w->out, "controlpath"))
        return;
    const char *arg = NULL;
    if (p->control_path && (dir || !strstr(p->control_path, "%(directory)s"))) {
        arg = control_path_of(w->a, p->control_path, dir ? dir : "");
        if (!strchr(arg, '%'))
            ret->control_path = ssh_expand_home(w->a, arg);
    } else if (dir) {
        const char *path = arena_printf(w->a, "%s/%s", dir, login_hash(w->a, w->out, host));
        if (strlen(path) <= CONTROL_PATH_MAX) {
            ret->control_path = path;
            arg = percent_escape(w->a, path);
        }
    }
    add(w, "-o");
    add(w, arg ? arena_printf(w->a, "ControlPath=\"%s\"", arg) : "ControlPath=none");
}

static void add_alive(struct words *w, const struct conn_params *p)
{
    if (p->alive_interval < 0 || mentions(w->out, "serveraliveinterval"))
        return;
    add(w, "-o");
    add(w, arena_printf(w->a, "ServerAliveInterval=%d",
                        p->alive_interval ? p->alive_interval : SSH_ALIVE_DEFAULT));
    if (mentions(w->out, "serveralivecountmax"))
        return;
    add(w, "-o");
    add(w, arena_printf(w->a, "ServerAliveCountMax=%d", SSH_ALIVE_COUNT));
}

static int check_params(const struct conn_params *p, const char *host, struct err *e)
{
    if (!host || !*host)
        return err_set(e, ERR_INVALID, POS_NONE, "the host has no address");
    if (host[0] == '-')
        return err_set(e, ERR_INVALID, POS_NONE, "\"%s\" cannot be a host: it starts with a dash",
                       host);
    if (p->user && (p->user[0] == '-' || strpbrk(p->user, "\"\n\r")))
        return err_set(e, ERR_INVALID, POS_NONE, "\"%s\" cannot be a user name", p->user);
    if (p->private_key && strpbrk(p->private_key, "\"\n\r"))
        return err_set(e, ERR_INVALID, POS_NONE, "ssh cannot be given the key file \"%s\"",
                       p->private_key);
    if (p->port < 0 || p->port > 65535)
        return err_set(e, ERR_INVALID, POS_NONE, "%d is not a port", p->port);
    return 0;
}

int ssh_line(struct arena *a, const struct conn_params *p, const char *dir, bool tty,
             struct ssh_line *ret, struct err *e)
{
    const char *host = p->host ? p->host : p->name;
    int rc = check_params(p, host, e);
    if (rc)
        return rc;
    struct ssh_line l = {.control_path = NULL};
    struct words w;
    words_init(&w, a, &l.argv);
    add(&w, p->ssh_executable && *p->ssh_executable ? p->ssh_executable : "ssh");
    if (p->no_persist) {
        add(&w, "-o");
        add(&w, "ControlMaster=no");
        add(&w, "-o");
        add(&w, "ControlPath=none");
    }
    rc = split_into(&w, p->ssh_args ? p->ssh_args : SSH_ARGS_DEFAULT, e);
    if (rc)
        return rc;
    add_settings(&w, p);
    if (p->ssh_common_args)
        rc = split_into(&w, p->ssh_common_args, e);
    if (rc == 0 && p->ssh_extra_args)
        rc = split_into(&w, p->ssh_extra_args, e);
    if (rc)
        return rc;
    add_control_path(&w, p, dir, host, &l);
    add_alive(&w, p);
    l.keeps = !p->no_persist && mentions(&l.argv, "controlpersist") &&
              !mentions(&l.argv, "controlpath=none");
    if (tty)
        add(&w, "-tt");
    add(&w, host);
    if (w.overflow)
        return err_set(e, ERR_LIMIT, POS_NONE, "the ssh arguments have more than %d words",
                       SSH_ARGS_MAX);
    *ret = l;
    return 0;
}

struct argv ssh_control_argv(struct arena *a, const struct ssh_line *l, const char *op)
{
    struct argv v;
    struct words w;
    words_init(&w, a, &v);
    add_all(&w, l->argv.v, l->argv.n - 1);
    add(&w, "-O");
    add(&w, op);
    add(&w, l->argv.v[l->argv.n - 1]);
    return v;
}
