// Loose and strict versions (distutils), Semantic Versioning 2.0.0 and PEP 440.
#include "template/versions.h"

#include "template/pystr.h"
#include "template/regex.h"
#include "template/unicode.h"

#include <ctype.h>
#include <string.h>

#define MAX_PARTS 64

struct component {
    bool number;
    struct text t; // digits without leading zeros, or the word
};

static int compare_digits(struct text x, struct text y)
{
    if (x.len != y.len)
        return x.len < y.len ? -1 : 1;
    int cmp = memcmp(x.s, y.s, x.len);
    return cmp < 0 ? -1 : cmp > 0;
}

static int compare_text(struct text x, struct text y)
{
    int cmp = memcmp(x.s, y.s, x.len < y.len ? x.len : y.len);
    if (!cmp && x.len != y.len)
        cmp = x.len < y.len ? -1 : 1;
    return cmp < 0 ? -1 : cmp > 0;
}

static struct text number(const char *s, size_t len)
{
    while (len > 1 && *s == '0') {
        s++;
        len--;
    }
    return (struct text){s, len};
}

// "1.10b2-3" is 1, 10, "b", 2, "-", 3: digits, letters a-z, and what is between.
static size_t loose_parts(struct text s, struct component *out)
{
    size_t n = 0, i = 0;
    while (i < s.len && n < MAX_PARTS) {
        size_t start = i;
        if (isdigit((unsigned char)s.s[i])) {
            while (i < s.len && isdigit((unsigned char)s.s[i]))
                i++;
            out[n++] = (struct component){true, number(s.s + start, i - start)};
        } else if (s.s[i] == '.') {
            i++;
        } else if (islower((unsigned char)s.s[i])) {
            while (i < s.len && islower((unsigned char)s.s[i]))
                i++;
            out[n++] = (struct component){false, {s.s + start, i - start}};
        } else {
            while (i < s.len && !isdigit((unsigned char)s.s[i]) &&
                   !islower((unsigned char)s.s[i]) && s.s[i] != '.')
                i++;
            out[n++] = (struct component){false, {s.s + start, i - start}};
        }
    }
    return n;
}

static int loose(struct call *c, struct text x, struct text y, int *ret, struct err *e)
{
    struct component a[MAX_PARTS], b[MAX_PARTS];
    size_t na = loose_parts(x, a), nb = loose_parts(y, b);
    for (size_t i = 0; i < na && i < nb; i++) {
        if (a[i].number != b[i].number) {
            return fail_type(c, e, "'<' not supported between instances of '%s' and '%s'",
                             a[i].number ? "int" : "str", b[i].number ? "int" : "str");
        }
        *ret = a[i].number ? compare_digits(a[i].t, b[i].t) : compare_text(a[i].t, b[i].t);
        if (*ret)
            return 0;
    }
    *ret = na < nb ? -1 : na > nb;
    return 0;
}

// A pattern's groups in a text that must match as a whole.
static int groups_of(struct call *c, const char *pattern, int flags, struct text s,
                     struct text *out, size_t n, bool *ok, struct err *e)
{
    struct regex *re;
    const size_t *g;
    int rc = regex_compile(text_lit(pattern), flags, &re, e);
    if (rc < 0)
        return rc;
    rc = regex_search(re, s, 0, true, false, &g, e);
    *ok = rc == 1;
    for (size_t i = 1; rc == 1 && i <= n; i++)
        out[i - 1] =
            g[2 * i] == SIZE_MAX
                ? (struct text){NULL, 0}
                : (struct text){arena_strndup(c->arena, s.s + g[2 * i], g[2 * i + 1] - g[2 * i]),
                                g[2 * i + 1] - g[2 * i]};
    regex_free(re);
    return rc < 0 ? rc : 0;
}

static int cmp_numbers(struct text x, struct text y)
{
    x = x.s ? number(x.s, x.len) : text_lit("0");
    y = y.s ? number(y.s, y.len) : text_lit("0");
    return compare_digits(x, y);
}

static int strict(struct call *c, struct text x, struct text y, int *ret, struct err *e)
{
    static const char pattern[] = "(\\d+)\\.(\\d+)(?:\\.(\\d+))?(?:([ab])(\\d+))?$";
    struct text g[2][5], in[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        bool ok;
        int rc = groups_of(c, pattern, 0, in[i], g[i], 5, &ok, e);
        if (rc < 0)
            return rc;
        if (!ok)
            return fail_with(c, e, "invalid version number '%s'", in[i].s);
    }
    *ret = 0;
    for (int k = 0; k < 3 && !*ret; k++)
        *ret = cmp_numbers(g[0][k], g[1][k]);
    if (*ret)
        return 0;
    if (!g[0][3].s != !g[1][3].s) // a pre-release comes before its release
        *ret = g[0][3].s ? -1 : 1;
    else if (g[0][3].s)
        *ret = compare_text(g[0][3], g[1][3]);
    if (!*ret && g[0][3].s)
        *ret = cmp_numbers(g[0][4], g[1][4]);
    return 0;
}

// One dotted identifier of a pre-release; false at the end.
static bool next_identifier(struct text *s, struct text *ret)
{
    if (!s->len)
        return false;
    const char *dot = memchr(s->s, '.', s->len);
    size_t n = dot ? (size_t)(dot - s->s) : s->len;
    *ret = (struct text){s->s, n};
    s->s += n + (dot != NULL);
    s->len -= n + (dot != NULL);
    return true;
}

static int compare_prerelease(struct text x, struct text y)
{
    struct text a, b;
    for (;;) {
        bool more_x = next_identifier(&x, &a), more_y = next_identifier(&y, &b);
        if (!more_x || !more_y)
            return more_x - more_y;
        bool nx = strspn(a.s, "0123456789") >= a.len, ny = strspn(b.s, "0123456789") >= b.len;
        int cmp = nx != ny ? (nx ? -1 : 1)
                  : nx     ? compare_digits(number(a.s, a.len), number(b.s, b.len))
                           : compare_text(a, b);
        if (cmp)
            return cmp;
    }
}

static int semantic(struct call *c, struct text x, struct text y, int *ret, struct err *e)
{
    static const char pattern[] = "(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)"
                                  "(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]"
                                  "\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
                                  "(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$";
    struct text g[2][4], in[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        bool ok;
        int rc = groups_of(c, pattern, 0, in[i], g[i], 4, &ok, e);
        if (rc < 0)
            return rc;
        if (!ok)
            return fail_with(c, e, "invalid semantic version '%s'", in[i].s);
    }
    *ret = 0;
    for (int k = 0; k < 3 && !*ret; k++)
        *ret = cmp_numbers(g[0][k], g[1][k]);
    if (*ret)
        return 0;
    if (!g[0][3].s != !g[1][3].s)
        *ret = g[0][3].s ? -1 : 1;
    else if (g[0][3].s)
        *ret = compare_prerelease(g[0][3], g[1][3]);
    return 0;
}

// The groups of a PEP 440 version.
enum pep {
    PEP_EPOCH,
    PEP_RELEASE,
    PEP_PRE,
    PEP_PRE_N,
    PEP_POST1,
    PEP_POST,
    PEP_POST_N,
    PEP_DEV,
    PEP_DEV_N,
    PEP_LOCAL,
    PEP_N
};

static int compare_release(struct text x, struct text y)
{
    struct text a, b;
    for (;;) {
        bool more_x = next_identifier(&x, &a), more_y = next_identifier(&y, &b);
        if (!more_x && !more_y)
            return 0;
        int cmp = cmp_numbers(more_x ? a : text_lit("0"), more_y ? b : text_lit("0"));
        if (cmp)
            return cmp;
    }
}

// Order of the pre-release part: dev before a, b, rc before the release.
static int pre_rank(const struct text *g)
{
    if (!g[PEP_PRE].s) {
        bool post = g[PEP_POST1].s || g[PEP_POST].s;
        return !post && g[PEP_DEV].s ? 0 : 4;
    }
    char ch = (char)tolower((unsigned char)g[PEP_PRE].s[0]);
    return ch == 'a' ? 1 : ch == 'b' ? 2 : 3;
}

static int compare_local(struct text x, struct text y)
{
    if (!x.s || !y.s)
        return (x.s != NULL) - (y.s != NULL);
    struct text a, b;
    for (;;) {
        bool more_x = next_identifier(&x, &a), more_y = next_identifier(&y, &b);
        if (!more_x || !more_y)
            return more_x - more_y;
        bool nx = strspn(a.s, "0123456789") >= a.len, ny = strspn(b.s, "0123456789") >= b.len;
        int cmp = nx != ny ? (nx ? 1 : -1)
                  : nx     ? compare_digits(number(a.s, a.len), number(b.s, b.len))
                           : compare_text(a, b);
        if (cmp)
            return cmp;
    }
}

static int pep440(struct call *c, struct text x, struct text y, int *ret, struct err *e)
{
    static const char pattern[] =
        "\\s*v?(?:([0-9]+)!)?([0-9]+(?:\\.[0-9]+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?"
        "([0-9]+)?)?"
        "(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?(?:[-_.]?(dev)[-_.]?([0-9]+)?)?"
        "(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\\s*\\Z";
    struct text g[2][PEP_N], in[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        bool ok;
        int rc = groups_of(c, pattern, REGEX_IGNORECASE, in[i], g[i], PEP_N, &ok, e);
        if (rc < 0)
            return rc;
        if (!ok)
            return fail_with(c, e, "Invalid version: '%s'", in[i].s);
        struct buf local = BUF_INIT;
        str_lower(&local, g[i][PEP_LOCAL].s ? g[i][PEP_LOCAL].s : "", g[i][PEP_LOCAL].len);
        for (size_t k = 0; k < local.len; k++)
            if (local.p[k] == '-' || local.p[k] == '_')
                local.p[k] = '.';
        if (g[i][PEP_LOCAL].s)
            g[i][PEP_LOCAL].s = arena_strndup(c->arena, local.p, local.len);
        buf_release(&local);
    }
    struct text *a = g[0], *b = g[1];
    int cmp = cmp_numbers(a[PEP_EPOCH], b[PEP_EPOCH]);
    if (!cmp)
        cmp = compare_release(a[PEP_RELEASE], b[PEP_RELEASE]);
    if (!cmp)
        cmp = pre_rank(a) - pre_rank(b);
    if (!cmp && a[PEP_PRE].s)
        cmp = cmp_numbers(a[PEP_PRE_N], b[PEP_PRE_N]);
    bool post_a = a[PEP_POST1].s || a[PEP_POST].s, post_b = b[PEP_POST1].s || b[PEP_POST].s;
    if (!cmp)
        cmp = post_a - post_b;
    if (!cmp && post_a)
        cmp = cmp_numbers(a[PEP_POST1].s ? a[PEP_POST1] : a[PEP_POST_N],
                          b[PEP_POST1].s ? b[PEP_POST1] : b[PEP_POST_N]);
    if (!cmp)
        cmp = !a[PEP_DEV].s - !b[PEP_DEV].s;
    if (!cmp && a[PEP_DEV].s)
        cmp = cmp_numbers(a[PEP_DEV_N], b[PEP_DEV_N]);
    if (!cmp)
        cmp = compare_local(a[PEP_LOCAL], b[PEP_LOCAL]);
    *ret = cmp;
    return 0;
}

int version_compare(struct call *c, enum version_kind kind, struct text x, struct text y, int *ret,
                    struct err *e)
{
    switch (kind) {
    case VERSION_LOOSE:
        return loose(c, x, y, ret, e);
    case VERSION_STRICT:
        return strict(c, x, y, ret, e);
    case VERSION_SEMANTIC:
        return semantic(c, x, y, ret, e);
    case VERSION_PEP440:
        return pep440(c, x, y, ret, e);
    }
    return ERR_INVALID;
}
