// Host patterns: union, intersection, exclusion, globs, regular expressions, subscripts and limits.
#include "inventory/model.h"

#include "core/file.h"
#include "inventory/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MAX_LIMIT_FILE ((size_t)16 << 20)

struct matcher {
    struct inventory *inv;
    struct arena *a;
    struct err *e;
};

// The part of a pattern in brackets at its end.
struct subscript {
    enum { SUB_NONE, SUB_INDEX, SUB_SLICE } kind;
    long from, to;
};

// --- one name
// ------------------------------------------------------------------------------------------------

// A glob's [set] at p against c: behind the set when it matches, else NULL with *end behind it
// (NULL: no set at all).
static const char *glob_set(const char *p, char c, const char **end)
{
    const char *from = p + 1;
    bool negate = *from == '!', in = false;
    from += negate;
    const char *close = *from ? strchr(from + 1, ']') : NULL;
    *end = close ? close + 1 : NULL;
    if (!close)
        return NULL;
    for (const char *s = from; s < close; s++) {
        if (s + 2 < close && s[1] == '-') {
            in = in || (c >= s[0] && c <= s[2]);
            s += 2;
        } else {
            in = in || c == *s;
        }
    }
    return in != negate ? close + 1 : NULL;
}

// Python's fnmatch: *, ?, [abc], [!abc].
static bool glob(const char *p, const char *s)
{
    const char *star = NULL, *resume = NULL;
    while (*s) {
        const char *end = NULL, *next = NULL;
        if (*p == '*') {
            star = p++;
            resume = s;
            continue;
        }
        if (*p == '[')
            next = glob_set(p, *s, &end);
        if (*p == '[' ? (end ? next != NULL : *s == '[') : (*p == '?' || *p == *s)) {
            p = next ? next : p + 1;
            s++;
            while (p[-1] == '?' && ((unsigned char)*s & 0xC0) == 0x80)
                s++; // a character is more than a byte
            continue;
        }
        if (!star)
            return false;
        p = star + 1;
        s = ++resume;
    }
    while (*p == '*')
        p++;
    return !*p;
}

// What one pattern is matched with.
struct name_test {
    const char *glob;
    pcre2_code *re;
    pcre2_match_data *data;
};

static int test_open(struct matcher *m, const char *pattern, struct name_test *t)
{
    int code;
    PCRE2_SIZE at;
    *t = (struct name_test){.glob = pattern};
    if (pattern[0] != '~')
        return 0;
    t->re = pcre2_compile((PCRE2_SPTR)(pattern + 1), PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_ANCHORED, &code, &at, NULL);
    if (!t->re) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(code, why, sizeof(why));
        return err_set(m->e, ERR_INVALID, POS_NONE,
                       "the host pattern \"%s\" is no regular expression: %s at %zu", pattern,
                       (const char *)why, (size_t)at);
    }
    t->data = pcre2_match_data_create(1, NULL);
    return 0;
}

static bool test_name(const struct name_test *t, const char *name)
{
    if (!t->re)
        return glob(t->glob, name);
    return pcre2_match(t->re, (PCRE2_SPTR)name, strlen(name), 0, 0, t->data, NULL) >= 0;
}

static void test_close(struct name_test *t)
{
    pcre2_match_data_free(t->data);
    pcre2_code_free(t->re);
}

// --- one pattern
// ---------------------------------------------------------------------------------------------

static int no_match(struct matcher *m, const char *pattern)
{
    const char *how = config_str(m->inv->opts.config, CONFIG_HOST_PATTERN_MISMATCH);
    const char *names[256];
    int n = 0;
    for (size_t i = 0; i < m->inv->groups.len && n < 128; i++)
        names[n++] = ((struct group *)m->inv->groups.items[i])->name;
    for (size_t i = 0; i < m->inv->hosts.len && n < 256; i++)
        names[n++] = ((struct host *)m->inv->hosts.items[i])->name;
    const char *guess = err_suggest(pattern, names, n);
    const char *msg = arena_printf(
        m->inv->a, "Could not match supplied host pattern, ignoring: %s%s%s%s", pattern,
        guess ? " (did you mean " : "", guess ? guess : "", guess ? "?)" : "");
    if (!strcmp(how, "error"))
        return err_set(m->e, ERR_NOENT, POS_NONE, "%s", msg);
    if (!strcmp(how, "warning"))
        model_warn(m->inv, POS_NONE, "%s", msg);
    return 0;
}

// Hosts that a pattern without subscript stands for, perhaps repeated.
static int enumerate(struct matcher *m, const char *pattern, struct ptrs *out)
{
    struct inventory *inv = m->inv;
    struct name_test t;
    size_t groups = 0;
    int rc = test_open(m, pattern, &t);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < inv->groups.len; i++) {
        struct group *g = inv->groups.items[i];
        if (!test_name(&t, g->name))
            continue;
        struct inventory_hosts hosts = group_hosts(inv, g);
        groups++;
        for (size_t k = 0; k < hosts.len; k++)
            ptrs_add(m->a, out, hosts.hosts[k]);
    }
    if (!groups || pattern[0] == '~' || strpbrk(pattern, ".?*["))
        for (size_t i = 0; i < inv->hosts.len; i++)
            if (test_name(&t, ((struct host *)inv->hosts.items[i])->name))
                ptrs_add(m->a, out, inv->hosts.items[i]);
    test_close(&t);
    if (!out->len && model_is_localhost(pattern))
        ptrs_add(m->a, out, inventory_find_host(inv, pattern));
    if (!out->len && !groups && strcmp(pattern, "all") != 0)
        return no_match(m, pattern);
    return 0;
}

// Splits "name[1]", "name[0:2]" or "name[3:]"; what is no subscript stays part of the name.
static const char *split_subscript(struct matcher *m, const char *pattern, struct subscript *sub)
{
    size_t len = strlen(pattern);
    const char *open = strrchr(pattern, '[');
    *sub = (struct subscript){SUB_NONE, 0, 0};
    if (pattern[0] == '~' || !open || open == pattern || pattern[len - 1] != ']')
        return pattern;
    char *end;
    const char *p = open + 1;
    bool neg = *p == '-';
    if (!isdigit((unsigned char)p[neg]))
        return pattern;
    long from = strtol(p, &end, 10), to = -1;
    if (*end == ']' && !end[1]) {
        *sub = (struct subscript){SUB_INDEX, from, 0};
        return arena_strndup(m->a, pattern, (size_t)(open - pattern));
    }
    char sep = *end;
    if (neg || (sep != ':' && sep != '-'))
        return pattern;
    p = end + 1;
    if (*p != ']') {
        if (!isdigit((unsigned char)*p))
            return pattern;
        to = strtol(p, &end, 10);
        p = end;
    }
    if (*p != ']' || p[1])
        return pattern;
    if (sep == '-')
        model_warn(m->inv, POS_NONE, "use [x:y] in the host pattern \"%s\": [x-y] has been removed",
                   pattern);
    *sub = (struct subscript){SUB_SLICE, from, to};
    return arena_strndup(m->a, pattern, (size_t)(open - pattern));
}

static int apply_subscript(struct matcher *m, const char *pattern, const struct subscript *sub,
                           struct ptrs *hosts)
{
    long len = (long)hosts->len, from = sub->from, to = sub->to;
    if (sub->kind == SUB_NONE || !len)
        return 0;
    if (sub->kind == SUB_INDEX || to == 0) { // [n:0] is [n]
        from = from < 0 ? from + len : from;
        if (from < 0 || from >= len)
            return err_set(m->e, ERR_INVALID, POS_NONE,
                           "the host pattern \"%s\" asks for more hosts than there are (%ld)",
                           pattern, len);
        to = from;
    }
    if (to < 0 || to >= len)
        to = len - 1;
    if (from > to) {
        hosts->len = 0;
        return 0;
    }
    hosts->items += from;
    hosts->cap = hosts->len = (size_t)(to - from + 1);
    return 0;
}

static int match_one(struct matcher *m, const char *pattern, struct ptrs *out)
{
    struct subscript sub;
    if (*pattern == '!' || *pattern == '&')
        pattern++;
    if (!*pattern)
        return err_set(m->e, ERR_INVALID, POS_NONE, "a host pattern has ! or & without a name");
    const char *name = split_subscript(m, pattern, &sub);
    int rc = enumerate(m, name, out);
    return rc < 0 ? rc : apply_subscript(m, pattern, &sub, out);
}

// --- a list of patterns
// --------------------------------------------------------------------------------------

static void mark_all(struct inventory *inv, const struct ptrs *hosts)
{
    inv->mark++;
    for (size_t i = 0; i < hosts->len; i++)
        ((struct host *)hosts->items[i])->state->mark = inv->mark;
}

static void keep(struct inventory *inv, struct ptrs *hosts, bool marked)
{
    size_t n = 0;
    for (size_t i = 0; i < hosts->len; i++)
        if ((((struct host *)hosts->items[i])->state->mark == inv->mark) == marked)
            hosts->items[n++] = hosts->items[i];
    hosts->len = n;
}

// Applies one pattern to what the ones before have chosen.
static int apply(struct matcher *m, const char *pattern, struct ptrs *chosen)
{
    struct ptrs that = {0};
    struct host *h = model_find_host(m->inv, pattern);
    if (h)
        ptrs_add(m->a, &that, h);
    int rc = h ? 0 : match_one(m, pattern, &that);
    if (rc < 0)
        return rc;
    if (!h && (*pattern == '!' || *pattern == '&')) {
        mark_all(m->inv, &that);
        keep(m->inv, chosen, *pattern == '&');
        return 0;
    }
    mark_all(m->inv, chosen);
    for (size_t i = 0; i < that.len; i++) {
        h = that.items[i];
        if (h->state->mark == m->inv->mark)
            continue;
        h->state->mark = m->inv->mark;
        ptrs_add(m->a, chosen, h);
    }
    return 0;
}

// Plain patterns first (all, when there is none), then intersections, then exclusions.
static int evaluate(struct matcher *m, const struct ptrs *patterns, struct ptrs *chosen)
{
    static const char order[] = {'\0', '&', '!'};
    bool plain = false;
    for (size_t pass = 0; pass < sizeof(order); pass++) {
        for (size_t i = 0; i < patterns->len; i++) {
            const char *p = patterns->items[i];
            char kind = *p == '&' || *p == '!' ? *p : '\0';
            if (!*p || kind != order[pass])
                continue;
            plain = plain || pass == 0;
            int rc = apply(m, p, chosen);
            if (rc < 0)
                return rc;
        }
        if (pass == 0 && !plain) {
            int rc = apply(m, "all", chosen);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static void add_trimmed(struct matcher *m, const char *s, size_t len, struct ptrs *out)
{
    for (; len && isspace((unsigned char)*s); s++)
        len--;
    while (len && isspace((unsigned char)s[len - 1]))
        len--;
    if (len)
        ptrs_add(m->a, out, arena_strndup(m->a, s, len));
}

// Splits at commas, or else at colons outside brackets; a host with a port or an address is not
// split.
static int split_patterns(struct matcher *m, const char *text, struct ptrs *out)
{
    const char *host, *whole = text;
    int port;
    if (strchr(text, ',')) {
        for (size_t n; *text; text += n + (text[n] == ',')) {
            n = strcspn(text, ",");
            add_trimmed(m, text, n, out);
        }
        return 0;
    }
    if (address_parse(m->a, text, true, &host, &port)) {
        add_trimmed(m, text, strlen(text), out);
        return 0;
    }
    while (*text) {
        const char *p = text;
        while (*p && *p != ':' && *p != ']' && !isspace((unsigned char)*p)) {
            const char *close = *p == '[' ? strchr(p, ']') : p;
            if (!close)
                return err_set(m->e, ERR_INVALID, POS_NONE,
                               "the host pattern \"%s\" has a [ without a ]", whole);
            p = close + 1;
        }
        add_trimmed(m, text, (size_t)(p - text), out);
        text = *p ? p + 1 : p;
    }
    return 0;
}

static int split_limit(struct matcher *m, const char *limit, struct ptrs *out)
{
    struct ptrs parts = {0};
    int rc = split_patterns(m, limit, &parts);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < parts.len; i++) {
        const char *p = parts.items[i];
        char *text;
        size_t len;
        if (*p != '@') {
            ptrs_add(m->a, out, parts.items[i]);
            continue;
        }
        struct stat st;
        if (stat(p + 1, &st) < 0)
            return err_set(m->e, ERR_NOENT, POS_NONE, "Unable to find limit file %s", p + 1);
        if (S_ISDIR(st.st_mode))
            return err_set(m->e, ERR_INVALID, POS_NONE,
                           "Limit starting with \"@\" must be a file, not a directory: %s", p + 1);
        rc = file_read(m->a, p + 1, MAX_LIMIT_FILE, &text, &len, m->e);
        if (rc < 0)
            return err_wrap(m->e, "the file of the limit %s", p);
        for (size_t n; *text; text += n + (text[n] == '\n')) {
            n = strcspn(text, "\n");
            add_trimmed(m, text, n, out);
        }
    }
    return 0;
}

static int by_host_name(const void *x, const void *y)
{
    const struct host *const *a = x, *const *b = y;
    return strcmp((*a)->name, (*b)->name);
}

static void reverse(struct ptrs *p)
{
    for (size_t i = 0; i < p->len / 2; i++) {
        void *t = p->items[i];
        p->items[i] = p->items[p->len - 1 - i];
        p->items[p->len - 1 - i] = t;
    }
}

static int put_in_order(struct ptrs *hosts, const char *order, struct err *e)
{
    if (!order || !strcmp(order, "inventory"))
        return 0;
    if (!strcmp(order, "shuffle")) {
        for (size_t i = hosts->len; i > 1; i--) {
            size_t k = arc4random_uniform((uint32_t)i);
            void *t = hosts->items[i - 1];
            hosts->items[i - 1] = hosts->items[k];
            hosts->items[k] = t;
        }
        return 0;
    }
    bool backwards = !strcmp(order, "reverse_sorted") || !strcmp(order, "reverse_inventory");
    bool sorted = !strcmp(order, "sorted") || !strcmp(order, "reverse_sorted");
    if (!backwards && !sorted)
        return err_set(
            e, ERR_INVALID, POS_NONE,
            "order can be inventory, reverse_inventory, sorted, reverse_sorted or shuffle, not "
            "\"%s\"",
            order);
    if (sorted && hosts->len)
        qsort(hosts->items, hosts->len, sizeof(hosts->items[0]), by_host_name);
    if (backwards)
        reverse(hosts);
    return 0;
}

static int split_value(struct matcher *m, const struct value *pattern, struct ptrs *out)
{
    if (value_is(pattern, VALUE_STRING))
        return split_patterns(m, pattern->u.str.s, out);
    if (!value_is(pattern, VALUE_LIST))
        return err_set(m->e, ERR_INVALID, value_pos(pattern),
                       "a host pattern must be text or a list of texts, not a %s",
                       value_type_name(pattern));
    for (size_t i = 0; i < pattern->u.list->len; i++) {
        const struct value *item = &pattern->u.list->items[i];
        if (value_is(item, VALUE_LIST) || value_is(item, VALUE_DICT))
            return err_set(m->e, ERR_INVALID, value_pos(item),
                           "a host pattern must be text, not a %s", value_type_name(item));
        int rc = split_patterns(m, value_to_cstr(m->a, item), out);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int inventory_match(struct inventory *inv, struct arena *a, const struct value *pattern,
                    const char *limit, const char *order, struct inventory_hosts *ret,
                    struct err *e)
{
    struct matcher m = {inv, a, e};
    struct ptrs patterns = {0}, limits = {0}, chosen = {0}, allowed = {0};
    int rc = split_value(&m, pattern, &patterns);
    if (rc == 0)
        rc = evaluate(&m, &patterns, &chosen);
    if (rc == 0 && limit && *limit) {
        rc = split_limit(&m, limit, &limits);
        if (rc == 0)
            rc = evaluate(&m, &limits, &allowed);
        if (rc == 0) {
            mark_all(inv, &allowed);
            keep(inv, &chosen, true);
        }
    }
    if (rc == 0)
        rc = put_in_order(&chosen, order, e);
    if (rc == 0)
        *ret = (struct inventory_hosts){(struct host **)chosen.items, chosen.len};
    return rc < 0 ? err_at(e, value_pos(pattern)) : 0;
}
