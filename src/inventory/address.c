// Recognizing host names, addresses and ports, and expanding ranges such as web[01:20].
#include "inventory/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *digits(const char *p)
{
    while (isdigit((unsigned char)*p))
        p++;
    return p;
}

// Behind a range [begin:end] or [begin:end:step] at p, or NULL. hex: both may be hexadecimal; else
// letters or numbers.
static const char *range_end(const char *p, bool hex)
{
    if (*p != '[')
        return NULL;
    const char *begin = ++p;
    for (int i = 0; i < 2; i++) {
        const char *from = p;
        while (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p))
            p++;
        bool letter = !hex && p == from && isalpha((unsigned char)*p);
        if (i == 1 && letter != (isalpha((unsigned char)*begin) != 0) && !hex)
            return NULL;
        p += letter;
        if (p == from || (i == 0 && *p++ != ':'))
            return NULL;
    }
    if (*p == ':') {
        const char *from = ++p;
        p = digits(p);
        if (p == from)
            return NULL;
    }
    return *p == ']' ? p + 1 : NULL;
}

static bool word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

// Labels of word characters, hyphens and ranges, joined by dots, none ending in a hyphen or
// underscore.
static bool is_hostname(const char *p)
{
    for (;;) {
        const char *from = p, *end;
        char last = '\0';
        for (;;) {
            if (*p == '[' && (end = range_end(p, false))) {
                last = ']';
                p = end;
            } else if (word(*p) || (*p == '-' && p > from)) {
                last = *p++;
            } else {
                break;
            }
        }
        if (!last || last == '-' || last == '_')
            return false;
        if (!*p)
            return true;
        if (*p++ != '.')
            return false;
    }
}

static bool is_ipv4(const char *p)
{
    for (int part = 0; part < 4; part++) {
        const char *end = range_end(p, false);
        if (!end) {
            end = digits(p);
            if (end == p || end - p > 3 || atoi(p) > 255)
                return false;
        }
        p = end;
        if (*p != (part < 3 ? '.' : '\0'))
            return false;
        p += part < 3;
    }
    return true;
}

static const char *ipv6_part(const char *p)
{
    const char *end = range_end(p, true);
    if (end)
        return end;
    for (end = p; isxdigit((unsigned char)*end) && end - p < 4; end++)
        continue;
    return end > p ? end : NULL;
}

// Ansible decides by how the text begins: "::", up to six parts and "::", or eight parts.
static bool is_ipv6(const char *p)
{
    if (p[0] == ':' && p[1] == ':')
        return true;
    for (int parts = 1; parts <= 8; parts++) {
        p = ipv6_part(p);
        if (!p)
            return false;
        if (parts == 8)
            return true;
        if (*p++ != ':')
            return false;
        if (*p == ':' && parts <= 6)
            return true;
    }
    return false;
}

bool address_is_ip(const char *text)
{
    return is_ipv4(text) || is_ipv6(text);
}

// "[host]:port": the host in brackets. NULL when it is not that.
static const char *bracketed(struct arena *a, const char *text, int *port)
{
    const char *close = strrchr(text, ']');
    if (text[0] != '[' || !close || close == text + 1 || close[1] != ':' ||
        !isdigit((unsigned char)close[2]) || *digits(close + 2))
        return NULL;
    *port = atoi(close + 2);
    return arena_strndup(a, text + 1, (size_t)(close - text - 1));
}

// "host:port", where the host has no colon but in ranges. NULL when it is not that.
static const char *with_port(struct arena *a, const char *text, int *port)
{
    const char *p = text;
    while (*p && *p != ':') {
        if (*p == ']')
            return NULL;
        if (*p == '[') {
            p = strchr(p, ']');
            if (!p)
                return NULL;
        }
        p++;
    }
    if (*p != ':' || !isdigit((unsigned char)p[1]) || *digits(p + 1))
        return NULL;
    *port = atoi(p + 1);
    return arena_strndup(a, text, (size_t)(p - text));
}

bool address_parse(struct arena *a, const char *text, bool ranges, const char **host, int *port)
{
    int found = -1;
    const char *name = bracketed(a, text, &found);
    text = name ? name : text;
    name = with_port(a, text, &found);
    text = name ? name : text;
    if (!is_ipv4(text) && !is_ipv6(text) && !is_hostname(text))
        return false;
    if (!ranges && strchr(text, '['))
        return false;
    *host = text;
    *port = found;
    return true;
}

// --- ranges
// --------------------------------------------------------------------------------------------------

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// One range, taken apart.
struct range {
    const char *head, *tail;
    long begin, end, step;
    bool letters;
    int width; // digits to fill to
};

#define bad(pos, e, ...) err_set(e, ERR_PARSE, pos, __VA_ARGS__)

static bool to_number(const char *s, long *ret)
{
    char *end;
    *ret = strtol(s, &end, 10);
    return end > s && !*end && *ret > -1000000000 && *ret < 1000000000;
}

static int parse_bounds(char *bounds, struct range *r, struct pos pos, struct err *e)
{
    char *part[3] = {bounds, NULL, NULL};
    int n = 1;
    for (char *p = bounds; *p; p++) {
        if (*p != ':')
            continue;
        *p = '\0';
        if (n == 3)
            return bad(pos, e, "a range must be [begin:end] or [begin:end:step]");
        part[n++] = p + 1;
    }
    if (n == 1)
        return bad(pos, e, "the range [%s] must be [begin:end] or [begin:end:step]", bounds);
    const char *begin = *part[0] ? part[0] : "0", *end = part[1];
    if (!*end)
        return bad(pos, e, "a range needs an end: [%s:...]", begin);
    if (begin[0] == '0' && begin[1]) {
        r->width = (int)strlen(begin);
        if (strlen(begin) != strlen(end))
            return bad(pos, e, "the begin and end of the range [%s:%s] must have the same length",
                       begin, end);
    }
    r->step = 1;
    if (part[2] && (!to_number(part[2], &r->step) || r->step <= 0))
        return bad(pos, e, "the step of a range must be 1 or more, not \"%s\"", part[2]);
    const char *from = strlen(begin) == 1 ? strchr(LETTERS, *begin) : NULL;
    const char *to = strlen(end) == 1 ? strchr(LETTERS, *end) : NULL;
    if (from && to) {
        r->letters = true;
        r->begin = from - LETTERS;
        r->end = to - LETTERS;
        return r->begin <= r->end ? 0 : bad(pos, e, "the range [%s:%s] runs backwards", begin, end);
    }
    if (!to_number(begin, &r->begin) || !to_number(end, &r->end))
        return bad(pos, e, "the range [%s:%s] must have numbers or single letters", begin, end);
    return 0;
}

static int expand(struct arena *a, const char *text, struct pos pos, struct list *names,
                  struct err *e)
{
    const char *open = strchr(text, '['), *close = strchr(text, ']');
    struct range r = {0};
    if (!open) {
        if (names->len >= ADDRESS_MAX_HOSTS)
            return err_set(e, ERR_LIMIT, pos, "the range stands for more than %d hosts",
                           ADDRESS_MAX_HOSTS);
        list_add(names, value_cstr(text));
        return 0;
    }
    if (!close || close < open)
        return bad(pos, e, "the range in \"%s\" has no closing ]", text);
    r.head = arena_strndup(a, text, (size_t)(open - text));
    r.tail = close + 1;
    int rc = parse_bounds(arena_strndup(a, open + 1, (size_t)(close - open - 1)), &r, pos, e);
    for (long i = r.begin; rc == 0 && i <= r.end; i += r.step) {
        const char *name = r.letters ? arena_printf(a, "%s%c%s", r.head, LETTERS[i], r.tail)
                                     : arena_printf(a, "%s%0*ld%s", r.head, r.width, i, r.tail);
        rc = expand(a, name, pos, names, e);
    }
    return rc;
}

int address_expand(struct arena *a, const char *text, struct pos pos, struct list *names, int *port,
                   struct err *e)
{
    const char *host;
    if (!address_parse(a, text, true, &host, port)) {
        host = text;
        *port = -1;
    }
    return expand(a, arena_strdup(a, host), pos, names, e);
}
