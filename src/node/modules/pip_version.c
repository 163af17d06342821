// Comparing versions of Python packages.
#include "node/modules/pip_version.h"
#include "node/text.h"

#include "core/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pip_requirement pip_requirement_parse(struct arena *a, const char *text)
{
    char *s = text_strip(arena_strdup(a, text));
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
        n++;
    if (n && s[n] == '[') {
        size_t extras = strcspn(s + n, "]");
        n += extras + (s[n + extras] == ']');
    }
    const char *rest = s + n + strspn(s + n, " \t");
    bool plain = n && (!*rest || strchr("=<>!~(;", *rest));
    if (!plain)
        return (struct pip_requirement){.name = s, .specs = ""};
    return (struct pip_requirement){.name = arena_strndup(a, s, n),
                                    .specs = arena_strndup(a, rest, strcspn(rest, ";")),
                                    .plain = true};
}

const char *pip_canonical_name(struct arena *a, const char *name)
{
    struct buf b = BUF_INIT;
    for (; *name && *name != '['; name++) {
        if (isalnum((unsigned char)*name))
            buf_addc(&b, (char)tolower((unsigned char)*name));
        else if (b.len && b.p[b.len - 1] != '-')
            buf_addc(&b, '-');
    }
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

// The parts of a version that count for its order, from most to least.
#define RELEASE_MAX 12
struct version {
    long epoch, release[RELEASE_MAX];
    long pre_kind, pre; // dev alone < a < b < rc < none
    long post, dev;
    const char *local;
};

enum { PRE_DEV = -4, PRE_A, PRE_B, PRE_RC, PRE_NONE };

static bool word(const char **s, const char *w)
{
    const char *at = *s + (**s && strchr(".-_", **s) ? 1 : 0);
    if (strncasecmp(at, w, strlen(w)) != 0)
        return false;
    *s = at + strlen(w);
    return true;
}

static long number(const char **s, long dflt)
{
    const char *at = *s + (**s && strchr(".-_", **s) && isdigit((unsigned char)(*s)[1]) ? 1 : 0);
    char *end;
    if (!isdigit((unsigned char)*at))
        return dflt;
    long n = strtol(at, &end, 10);
    *s = end;
    return n;
}

static void parse_suffix(struct version *v, const char **s)
{
    static const struct {
        const char *word;
        long kind;
    } pre[] = {{"alpha", PRE_A}, {"beta", PRE_B}, {"preview", PRE_RC}, {"pre", PRE_RC},
               {"rc", PRE_RC},   {"c", PRE_RC},   {"a", PRE_A},        {"b", PRE_B}};
    for (size_t i = 0; i < sizeof pre / sizeof *pre; i++) {
        if (!word(s, pre[i].word))
            continue;
        v->pre_kind = pre[i].kind;
        v->pre = number(s, 0);
        break;
    }
    if (word(s, "post") || word(s, "rev"))
        v->post = number(s, 0);
    else if (**s == '-' && isdigit((unsigned char)(*s)[1]))
        v->post = number(s, 0);
    if (word(s, "dev"))
        v->dev = number(s, 0);
    if (v->dev >= 0 && v->pre_kind == PRE_NONE && v->post < 0)
        v->pre_kind = PRE_DEV;
}

static struct version parse(const char *s)
{
    struct version v = {.pre_kind = PRE_NONE, .post = -1, .dev = -1};
    s += strspn(s, " \tvV");
    const char *bang = strchr(s, '!');
    if (bang) {
        v.epoch = strtol(s, NULL, 10);
        s = bang + 1;
    }
    for (size_t i = 0; isdigit((unsigned char)*s); i++) {
        char *end;
        long n = strtol(s, &end, 10);
        if (i < RELEASE_MAX)
            v.release[i] = n;
        s = end;
        if (*s == '.' && isdigit((unsigned char)s[1]))
            s++;
    }
    parse_suffix(&v, &s);
    v.local = *s == '+' ? s + 1 : "";
    return v;
}

static int order(long x, long y)
{
    return x < y ? -1 : x > y;
}

static int compare(const struct version *x, const struct version *y)
{
    int c = order(x->epoch, y->epoch);
    for (size_t i = 0; c == 0 && i < RELEASE_MAX; i++)
        c = order(x->release[i], y->release[i]);
    if (c == 0)
        c = order(x->pre_kind, y->pre_kind);
    if (c == 0)
        c = order(x->pre, y->pre);
    if (c == 0)
        c = order(x->post, y->post);
    if (c == 0) // a development version comes before what it leads to
        c = order(x->dev < 0 ? 1 : 0, y->dev < 0 ? 1 : 0);
    if (c == 0)
        c = order(x->dev, y->dev);
    return c;
}

int pip_version_compare(const char *x, const char *y)
{
    struct version vx = parse(x), vy = parse(y);
    int c = compare(&vx, &vy);
    return c ? c : strcasecmp(vx.local, vy.local);
}

// Whether the release of version begins as that of prefix ("1.4" of "1.4.*").
static bool has_prefix(const char *version, const char *prefix, size_t n)
{
    struct version v = parse(version), p = parse(prefix);
    for (size_t i = 0; i < n && i < RELEASE_MAX; i++)
        if (v.release[i] != p.release[i])
            return false;
    return v.epoch == p.epoch;
}

static size_t release_parts(const char *s)
{
    size_t n = 0;
    while (isdigit((unsigned char)*s)) {
        n++;
        s += strspn(s, "0123456789");
        if (*s != '.')
            break;
        s++;
    }
    return n;
}

// Local parts count only where the specifier has one.
static int compare_public(const char *version, const char *spec)
{
    struct version v = parse(version), s = parse(spec);
    int c = compare(&v, &s);
    return c || !*s.local ? c : strcasecmp(v.local, s.local);
}

static bool satisfies_one(struct arena *a, const char *version, const char *spec)
{
    size_t n = strspn(spec, "=<>!~");
    const char *op = arena_strndup(a, spec, n);
    char *want = text_strip(arena_strdup(a, spec + n));
    if (text_ends(want, ".*")) {
        want[strlen(want) - 2] = '\0';
        bool hit = has_prefix(version, want, release_parts(want));
        return *op == '!' ? !hit : hit;
    }
    if (strcmp(op, "===") == 0)
        return strcasecmp(version, want) == 0;
    int c = compare_public(version, want);
    if (strcmp(op, "==") == 0)
        return c == 0;
    if (strcmp(op, "!=") == 0)
        return c != 0;
    if (strcmp(op, "<=") == 0)
        return c <= 0;
    if (strcmp(op, ">=") == 0)
        return c >= 0;
    if (strcmp(op, "<") == 0)
        return c < 0;
    if (strcmp(op, ">") == 0)
        return c > 0;
    size_t parts = release_parts(want);
    return c >= 0 && parts > 1 && has_prefix(version, want, parts - 1); // ~=
}

bool pip_version_satisfies(struct arena *a, const char *version, const char *specs)
{
    char *c = arena_strdup(a, specs + strspn(specs, "( "));
    c[strcspn(c, ")")] = '\0';
    for (char *one; (one = text_piece(&c, ','));) {
        one = text_strip(one);
        if (*one && !satisfies_one(a, version, one))
            return false;
    }
    return true;
}
