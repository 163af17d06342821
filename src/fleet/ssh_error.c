// A table of what ssh and login shells print, the most telling first. The line that matches becomes
// the message; the hint says what to do about it.
#include "fleet/ssh_error.h"

#include "core/buf.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct row {
    const char *pattern; // part of a line, in any case
    enum ssh_reason reason;
    const char *hint;
};

static const struct row err_rows[] = {
    {"mux_client", SSH_STALE_MUX, NULL},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", SSH_HOST_KEY,
     "the host's key is not the one in known_hosts; if the host was reinstalled, remove the old "
     "key with ssh-keygen -R"},
    {"REVOKED HOST KEY", SSH_HOST_KEY, "the host's key is marked as revoked"},
    {"Host key verification failed", SSH_HOST_KEY,
     "the host's key is not in known_hosts; connect once by hand or add it with ssh-keyscan"},
    {"No matching host key type found", SSH_HOST_KEY, NULL},
    {"Permission denied (", SSH_AUTH, NULL},
    {"Too many authentication failures", SSH_AUTH,
     "name one key with ansible_ssh_private_key_file and IdentitiesOnly=yes"},
    {"Permission denied, please try again", SSH_AUTH, NULL},
    {"Could not resolve hostname", SSH_NAME, NULL},
    {"Connection refused", SSH_NETWORK, NULL},
    {"No route to host", SSH_NETWORK, NULL},
    {"Network is unreachable", SSH_NETWORK, NULL},
    {"Connection timed out", SSH_NETWORK, NULL},
    {"Operation timed out", SSH_NETWORK, NULL},
    {"timed out while waiting", SSH_NETWORK, NULL},
    {"banner exchange", SSH_NETWORK, NULL},
    {"not responding", SSH_NETWORK, NULL},
    {"Connection reset", SSH_NETWORK, NULL},
    {"Connection closed by", SSH_NETWORK, NULL},
    {"kex_exchange_identification", SSH_NETWORK, NULL},
    {"Connection to ", SSH_NETWORK, NULL},
    {"Broken pipe", SSH_NETWORK, NULL},
    {"Bad configuration option", SSH_USAGE, NULL},
    {"command-line line", SSH_USAGE, NULL},
    {"unknown option", SSH_USAGE, NULL},
    {"usage: ssh", SSH_USAGE, "ssh does not understand the arguments it was given"},
    {"Bad owner or permissions", SSH_USAGE, NULL},
    {"no matching", SSH_OTHER, NULL},
};

static const struct row out_rows[] = {
    {"account is currently not available", SSH_NO_SHELL, "its shell is nologin"},
    {"account is not available", SSH_NO_SHELL, "its shell is nologin"},
    {"sftp connections only", SSH_NO_SHELL, "the account may only use sftp"},
    {"account has expired", SSH_NO_SHELL, NULL},
    {"password has expired", SSH_NO_SHELL, "log in once by hand and change it"},
    {"required to change your password", SSH_NO_SHELL, "log in once by hand and change it"},
    {"no such file or directory", SSH_NO_SHELL, NULL},
    {"not found", SSH_NO_SHELL, NULL},
    {"not allowed", SSH_NO_SHELL, NULL},
    {"restricted", SSH_NO_SHELL, NULL},
};

// Lines of stderr that explain nothing.
static const char *const noise[] = {
    "Warning: Permanently added",
    "debug1:",
    "debug2:",
    "debug3:",
    "OpenSSH_",
    "Authenticated to",
    "** WARNING: connection is not using a post-quantum",
    "** This session may be vulnerable",
    "** The server may need to be upgraded",
    "Pseudo-terminal will not be allocated",
    "Control socket connect",
    "ControlSocket ",
};

#define LEN(t) (sizeof(t) / sizeof((t)[0]))
#define LINE_SHOWN 400

struct line {
    const char *s;
    size_t len;
};

// Blanks, line ends, and the frame ssh draws around its warnings.
static bool is_trimmed(char c)
{
    return (unsigned char)c <= ' ' || c == '@';
}

// The next line of text, trimmed, unless that leaves nothing; false at the end.
static bool next_line(const char **s, const char *end, struct line *ret)
{
    while (*s < end) {
        const char *nl = memchr(*s, '\n', (size_t)(end - *s));
        const char *stop = nl ? nl : end;
        const char *from = *s;
        *s = nl ? nl + 1 : end;
        while (stop > from && is_trimmed(stop[-1]))
            stop--;
        while (from < stop && is_trimmed(*from))
            from++;
        if (from < stop) {
            *ret = (struct line){from, (size_t)(stop - from)};
            return true;
        }
    }
    return false;
}

static bool contains(struct line l, const char *what)
{
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= l.len; i++)
        if (strncasecmp(l.s + i, what, n) == 0)
            return true;
    return false;
}

static bool is_noise(struct line l)
{
    for (size_t i = 0; i < LEN(noise); i++)
        if (l.len >= strlen(noise[i]) && strncmp(l.s, noise[i], strlen(noise[i])) == 0)
            return true;
    return false;
}

// The most telling line: the one of the earliest row, else the last that is not noise.
static const struct row *pick(const char *s, size_t len, const struct row *rows, size_t n,
                              struct line *ret)
{
    const struct row *best = NULL;
    struct line l, last = {"", 0};
    const char *p = s;
    while (next_line(&p, s + len, &l)) {
        if (is_noise(l))
            continue;
        size_t limit = best ? (size_t)(best - rows) : n;
        for (size_t i = 0; i < limit; i++)
            if (contains(l, rows[i].pattern)) {
                best = &rows[i];
                *ret = l;
                break;
            }
        last = l;
    }
    if (!best)
        *ret = last;
    return best;
}

// What ssh said of a key it could not use, before it was turned away for want of one.
static bool key_trouble(const struct ssh_end *end, struct line *ret)
{
    static const char *const marks[] = {"bad permissions", "invalid format", "not accessible"};
    for (size_t i = 0; i < LEN(marks); i++)
        for (const char *p = end->err; next_line(&p, end->err + end->err_len, ret);)
            if (contains(*ret, marks[i]))
                return true;
    return false;
}

// Appends a line with control characters as blanks: it comes from a host and goes to a terminal.
static void add_line(struct buf *b, struct line l)
{
    if (l.len > LINE_SHOWN)
        l.len = LINE_SHOWN;
    for (size_t i = 0; i < l.len; i++)
        buf_addc(b, (unsigned char)l.s[i] < ' ' || l.s[i] == 127 ? ' ' : l.s[i]);
}

static void no_words(struct buf *b, const struct ssh_end *end)
{
    const char *when = end->lost ? "" : " before the helper was started";
    if (end->rc == 255 && end->lost)
        buf_adds(
            b, "it was closed without a word (a process was killed there, or the network is gone)");
    else if (end->rc == 255)
        buf_adds(b, "ssh ended without saying why");
    else if (end->rc >= 0)
        buf_addf(b, "the session ended with code %d%s", end->rc, when);
    else
        buf_addf(b, "the session ended%s", when);
}

static const struct row *judge(const struct ssh_end *end, struct line *ret)
{
    const struct row *row = NULL;
    if (end->rc == 255 || end->rc < 0)
        row = pick(end->err, end->err_len, err_rows, LEN(err_rows), ret);
    if (row || end->rc == 255)
        return row;
    // ssh itself worked: what the host's shell said counts
    struct line o = {"", 0}, l = {"", 0};
    row = pick(end->out, end->out_len, out_rows, LEN(out_rows), &o);
    const struct row *err_row = pick(end->err, end->err_len, out_rows, LEN(out_rows), &l);
    *ret = row || (!err_row && !l.len) ? o : l;
    return row ? row : err_row;
}

// The question ssh had, in one line.
static void add_unasked(struct buf *b, const char *question)
{
    struct line l;
    if (!next_line(&question, question + strlen(question), &l))
        return;
    while (l.len && (l.s[l.len - 1] == ':' || l.s[l.len - 1] == ' '))
        l.len--;
    buf_adds(b, " (ssh asks: ");
    add_line(b, l);
    buf_adds(b, "; there is no terminal to ask on: add the key to ssh-agent)");
}

struct ssh_failure ssh_failure(struct arena *a, const struct ssh_end *end)
{
    struct line l = {"", 0};
    const struct row *row = judge(end, &l);
    struct ssh_failure f = {.reason = row ? row->reason : SSH_OTHER};
    struct buf b = BUF_INIT;
    buf_adds(&b, end->lost    ? "Lost the connection to the host: "
                 : end->local ? "Failed to start the helper: "
                              : "Failed to connect to the host via ssh: ");
    if (f.reason == SSH_AUTH && end->password)
        buf_adds(&b, "Invalid/incorrect username/password: ");
    if (f.reason == SSH_NO_SHELL && !end->lost)
        buf_adds(&b, "the account cannot run commands: ");
    if (l.len)
        add_line(&b, l);
    else
        no_words(&b, end);
    if (row && row->hint)
        buf_addf(&b, " (%s)", row->hint);
    if (f.reason == SSH_AUTH && end->key && access(end->key, R_OK) < 0) {
        buf_addf(&b, " (the private key file %s: %s)", end->key, strerror(errno));
    } else if (f.reason == SSH_AUTH && key_trouble(end, &l)) {
        buf_adds(&b, " (");
        add_line(&b, l);
        buf_addc(&b, ')');
    } else if (f.reason == SSH_AUTH && end->unasked)
        add_unasked(&b, end->unasked);
    f.msg = arena_strndup(a, buf_str(&b), b.len);
    f.retry = f.reason == SSH_NETWORK || f.reason == SSH_NAME || f.reason == SSH_STALE_MUX ||
              (f.reason == SSH_OTHER && end->rc == 255);
    buf_release(&b);
    return f;
}
