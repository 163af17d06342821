// Texts of events without secrets.
#include "cli/record_parts.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define STARS "********"
#define NAME_MAX_BYTES 4096

static const char *const secret_words[] = {"pass",    "secret",  "token", "apikey",
                                           "api_key", "api-key", "pwd"};

static bool is_folder(const char *s, size_t n)
{
    return (n == 3 && strncmp(s, "PWD", n) == 0) || (n == 6 && strncmp(s, "OLDPWD", n) == 0);
}

// Whether the word s[0..n) is the name of something secret: --db-password, API_TOKEN, ...
static bool names_secret(const char *s, size_t n)
{
    for (size_t i = 0; i < n && !is_folder(s, n); i++)
        for (size_t k = 0; k < sizeof secret_words / sizeof *secret_words; k++) {
            size_t len = strlen(secret_words[k]);
            if (i + len <= n && strncasecmp(s + i, secret_words[k], len) == 0)
                return true;
        }
    return false;
}

static size_t word_length(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_' || s[n] == '.')
        n++;
    return n;
}

// Bytes of the value at s: quoted, or up to a blank.
static size_t value_length(const char *s)
{
    char quote = *s;
    if (quote != '"' && quote != '\'')
        return strcspn(s, " \t\n;&|,}\"'");
    const char *end = strchr(s + 1, quote);
    return end ? (size_t)(end - s) + 1 : strlen(s);
}

// "password=x", "token: x" and "--password x" lose their x.
static void hide_assignments(const char *s, struct buf *out)
{
    while (*s) {
        size_t n = word_length(s);
        if (!n) {
            buf_addc(out, *s++);
            continue;
        }
        bool secret = names_secret(s, n), option = strncmp(s, "--", 2) == 0;
        buf_add(out, s, n);
        s += n;
        size_t gap = strspn(s, "\"'"), mark = gap + (s[gap] == '=' || s[gap] == ':');
        bool assigned = mark > gap;
        mark += assigned || option ? strspn(s + mark, " ") : 0;
        if (!secret || (!assigned && !(option && mark)) || !s[mark] || s[mark] == '-')
            continue;
        buf_add(out, s, mark);
        s += mark;
        s += value_length(s);
        buf_adds(out, STARS);
    }
}

// "https://user:password@host" loses the password.
static void hide_url_password(struct buf *b)
{
    for (char *at = b->len ? strstr(b->p, "://") : NULL; at; at = strstr(at + 3, "://")) {
        size_t n = strcspn(at + 3, "/ \t\n\"'");
        char *host = memchr(at + 3, '@', n),
             *colon = host ? memchr(at + 3, ':', (size_t)(host - at - 3)) : NULL;
        if (!colon)
            continue;
        struct buf rest = BUF_INIT;
        size_t from = (size_t)(at - b->p) + 3;
        buf_adds(&rest, host);
        b->len = (size_t)(colon - b->p) + 1;
        buf_adds(b, STARS);
        buf_add(b, rest.p, rest.len);
        buf_release(&rest);
        at = b->p + from;
    }
}

void record_censor(struct recorder *r, const char *s, size_t len, struct buf *out)
{
    censor_text(r->s->censor, s, len, out);
}

const char *record_text(struct recorder *r, const char *s, size_t max)
{
    struct buf plain = BUF_INIT, b = BUF_INIT;
    if (!s)
        return NULL;
    censor_text(r->s->censor, s, strlen(s), &plain);
    hide_assignments(buf_str(&plain), &b);
    hide_url_password(&b);
    const char *text = buf_str(&b);
    size_t n = strlen(text);
    if (n > max) {
        n = max;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    const char *kept = arena_printf(r->pending, "%.*s%s", (int)n, text, text[n] ? " ..." : "");
    buf_release(&plain);
    buf_release(&b);
    return kept;
}

const char *record_line(struct recorder *r, const char *s, size_t max)
{
    const char *text = record_text(r, s, max);
    char *line = text ? arena_strdup(r->pending, text) : NULL;
    size_t n = 0;
    for (size_t i = 0; line && line[i]; i++) {
        bool blank = isspace((unsigned char)line[i]);
        if (!blank || (n && line[n - 1] != ' '))
            line[n++] = blank ? ' ' : line[i];
    }
    n -= n && line[n - 1] == ' ';
    if (line)
        line[n] = '\0';
    return line;
}

const char *record_name(struct recorder *r, const char *s)
{
    struct buf b = BUF_INIT;
    if (!s)
        return NULL;
    censor_name(r->s->censor, s, strnlen(s, NAME_MAX_BYTES), &b);
    const char *kept = arena_strdup(r->pending, buf_str(&b));
    buf_release(&b);
    return kept;
}
