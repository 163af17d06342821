// Filters on file names: basename, dirname, splitext, path_join, realpath, relpath, expanduser,
// expandvars, fileglob, win_*.
#include "core/file.h"
#include "template/paths.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_arg(struct call *c, const struct value *v, struct text *ret, struct err *e)
{
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type != VALUE_STRING)
        return fail_type(c, e, "expected str, bytes or os.PathLike object, not %s",
                         value_type_name(v));
    *ret = (struct text){v->u.str.s, v->u.str.len};
    return 0;
}

static int path_self(struct call *c, struct text *ret, struct err *e)
{
    return path_arg(c, &c->self, ret, e);
}

// A part of the path: bytes when that is what the path is made of, safe when it is.
static struct value part_of(struct call *c, const char *s, size_t len)
{
    struct value v = str_from(c, s, len);
    v.flags = c->self.flags & (VALUE_BYTES | VALUE_MARKUP);
    return v;
}

static size_t tail_at(struct text p)
{
    size_t i = p.len;
    while (i > 0 && p.s[i - 1] != '/')
        i--;
    return i;
}

// basename: The last component of a path.
BUILTIN(filter_basename)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t i = tail_at(p);
    *ret = part_of(c, p.s + i, p.len - i);
    return 0;
}

// dirname: The folder part of a path.
BUILTIN(filter_dirname)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t n = tail_at(p), k = n;
    while (k > 0 && p.s[k - 1] == '/')
        k--;
    *ret = part_of(c, p.s, k ? k : n);
    return 0;
}

// splitext: The path without its extension, and the extension.
BUILTIN(filter_splitext)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t base = tail_at(p), dot = p.len;
    for (size_t i = p.len; i > base; i--)
        if (p.s[i - 1] == '.') {
            dot = i - 1;
            break;
        }
    size_t lead = base;
    while (lead < p.len && p.s[lead] == '.')
        lead++;
    if (dot < p.len && lead > dot)
        dot = p.len;
    // without an extension the first part is the text itself, whatever kind of text that is
    *ret = pair_of(c, dot == p.len ? c->self : part_of(c, p.s, dot),
                   part_of(c, p.s + dot, p.len - dot));
    return 0;
}

void path_add(struct buf *b, struct text part)
{
    if (part.len && part.s[0] == '/')
        buf_clear(b);
    else if (b->len && b->p[b->len - 1] != '/')
        buf_addc(b, '/');
    buf_add(b, part.s, part.len);
}

// path_join: Path components joined.
BUILTIN(filter_path_join)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    if (c->self.type == VALUE_STRING) {
        *ret = c->self;
        return 0;
    }
    if (c->self.type != VALUE_LIST)
        return fail_type(c, e, "|path_join expects string or sequence, got %s instead.",
                         class_of(c, &c->self));
    if (!c->self.u.list->len)
        return fail_type(c, e, "join() missing 1 required positional argument: 'a'");
    struct buf b = call_buf(c);
    for (size_t i = 0; i < c->self.u.list->len; i++) {
        const struct value *v = &c->self.u.list->items[i];
        if (v->type == VALUE_UNDEFINED)
            return fail_undefined(c, v, e);
        if (v->type != VALUE_STRING) {
            buf_release(&b);
            return fail_type(
                c, e,
                i ? "join() argument must be str, bytes, or os.PathLike object, not '%s'"
                  : "expected str, bytes or os.PathLike object, not %s",
                value_type_name(v));
        }
        if (i)
            path_add(&b, (struct text){v->u.str.s, v->u.str.len});
        else
            buf_add(&b, v->u.str.s, v->u.str.len);
    }
    *ret = take_buf(c, &b);
    return 0;
}

void path_norm(struct buf *b, struct text p)
{
    size_t parts[1024], n = 0, slashes = 0;
    while (slashes < p.len && p.s[slashes] == '/')
        slashes++;
    bool absolute = slashes > 0;
    buf_fill(b, '/', slashes == 2 ? 2 : absolute);
    size_t root = b->len;
    for (size_t i = slashes; i <= p.len;) {
        size_t k = i;
        while (k < p.len && p.s[k] != '/')
            k++;
        size_t len = k - i;
        bool up = len == 2 && p.s[i] == '.' && p.s[i + 1] == '.';
        bool above = n > 0 && b->len - parts[n - 1] == (parts[n - 1] > root ? 3u : 2u) &&
                     memcmp(b->p + b->len - 2, "..", 2) == 0;
        if (!len || (len == 1 && p.s[i] == '.') || (up && absolute && !n)) {
            // nothing to add
        } else if (up && n && !above) {
            b->len = parts[--n];
            b->p[b->len] = '\0';
        } else if (n < 1024) {
            parts[n++] = b->len;
            if (b->len > root)
                buf_addc(b, '/');
            buf_add(b, p.s + i, len);
        }
        i = k + 1;
    }
    if (!b->len)
        buf_addc(b, '.');
}

void path_abs(struct buf *b, struct text p)
{
    char cwd[PATH_MAX];
    struct buf joined = BUF_INIT;
    if ((!p.len || p.s[0] != '/') && getcwd(cwd, sizeof cwd))
        buf_adds(&joined, cwd);
    if (p.len)
        path_add(&joined, p);
    path_norm(b, (struct text){buf_str(&joined), joined.len});
    buf_release(&joined);
}

// realpath: Absolute, with symbolic links resolved as far as the path exists.
BUILTIN(filter_realpath)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    struct buf abs = BUF_INIT, out = BUF_INIT;
    path_abs(&abs, p);
    char real[PATH_MAX];
    size_t n = abs.len;
    // resolve the longest part that exists, keep the rest
    for (; n > 0; n--) {
        if (n < abs.len && abs.p[n] != '/')
            continue;
        char *head = xstrndup(abs.p, n);
        bool ok = realpath(head, real) != NULL;
        free(head);
        if (ok) {
            buf_adds(&out, real);
            break;
        }
    }
    if (n < abs.len) {
        size_t k = n;
        while (k < abs.len && abs.p[k] == '/')
            k++;
        if (!out.len || out.p[out.len - 1] != '/')
            buf_addc(&out, '/');
        buf_add(&out, abs.p + k, abs.len - k);
    }
    buf_release(&abs);
    *ret = take_buf(c, &out);
    return 0;
}

// Two slashes at the beginning are as good as one.
static struct text one_slash(struct text p)
{
    return p.len > 1 && p.s[1] == '/' ? (struct text){p.s + 1, p.len - 1} : p;
}

// The way from one absolute path to another: up as far as they have nothing in common, then down.
static void path_between(struct buf *out, struct text from, struct text to)
{
    size_t same = 0;
    from = one_slash(from);
    to = one_slash(to);
    for (size_t i = 0;; i++) {
        bool end = i >= to.len, from_end = i >= from.len;
        if ((end || to.s[i] == '/') && (from_end || from.s[i] == '/'))
            same = i;
        if (end || from_end || to.s[i] != from.s[i])
            break;
    }
    for (size_t i = same; i < from.len; i++)
        if (from.s[i] != '/' && (!i || from.s[i - 1] == '/'))
            buf_adds(out, out->len ? "/.." : "..");
    while (same < to.len && to.s[same] == '/')
        same++;
    if (same < to.len && out->len)
        buf_addc(out, '/');
    buf_add(out, to.s + same, to.len - same);
    if (!out->len)
        buf_addc(out, '.');
}

// relpath: The path as seen from start (the current folder unless given).
BUILTIN(filter_relpath)
{
    const struct value *from = NULL;
    struct text p, start = text_lit(".");
    int rc = args_read(c, e, "start:v", &from);
    if (rc >= 0)
        rc = path_self(c, &p, e);
    if (rc >= 0 && from && from->type != VALUE_NULL)
        rc = path_arg(c, from, &start, e);
    if (rc >= 0 && !p.len)
        rc = fail_with(c, e, "no path specified");
    if (rc < 0)
        return rc;
    struct buf a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
    path_abs(&a, p);
    path_abs(&b, start);
    path_between(&out, (struct text){buf_str(&b), b.len}, (struct text){buf_str(&a), a.len});
    buf_release(&a);
    buf_release(&b);
    *ret = take_buf(c, &out);
    return 0;
}

void path_expanduser(struct buf *b, struct text p)
{
    if (!p.len || p.s[0] != '~') {
        buf_add(b, p.s, p.len);
        return;
    }
    size_t n = 1;
    while (n < p.len && p.s[n] != '/')
        n++;
    const char *home = n == 1 ? getenv("HOME") : NULL;
    struct passwd pw, *found = NULL;
    char name[256], tmp[4096];
    if (n > 1 && n < sizeof name) {
        memcpy(name, p.s + 1, n - 1);
        name[n - 1] = '\0';
        getpwnam_r(name, &pw, tmp, sizeof tmp, &found);
    } else if (!home) {
        getpwuid_r(getuid(), &pw, tmp, sizeof tmp, &found);
    }
    if (found)
        home = found->pw_dir;
    if (!home) {
        buf_add(b, p.s, p.len);
        return;
    }
    size_t len = strlen(home);
    while (len > 0 && home[len - 1] == '/')
        len--;
    buf_add(b, home, len);
    buf_add(b, p.s + n, p.len - n);
    if (!b->len)
        buf_addc(b, '/');
}

// expanduser: A leading ~ or ~user replaced by the home folder.
BUILTIN(filter_expanduser)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    path_expanduser(&b, p);
    *ret = take_buf(c, &b);
    return 0;
}

// expandvars: $NAME and ${NAME} replaced from the environment; unknown ones stay.
BUILTIN(filter_expandvars)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    for (size_t i = 0; i < p.len;) {
        size_t start = i + 1, n = 0, skip = 0;
        if (p.s[i] == '$' && start < p.len && p.s[start] == '{') {
            const char *close = memchr(p.s + start, '}', p.len - start);
            if (close) {
                n = (size_t)(close - p.s) - ++start;
                skip = n + 3;
            }
        } else if (p.s[i] == '$') {
            while (start + n < p.len &&
                   (isalnum((unsigned char)p.s[start + n]) || p.s[start + n] == '_'))
                n++;
            skip = n ? n + 1 : 0;
        }
        const char *val = skip ? getenv(arena_strndup(c->arena, p.s + start, n)) : NULL;
        if (val) {
            buf_adds(&b, val);
            i += skip;
        } else {
            buf_addc(&b, p.s[i++]);
        }
    }
    *ret = take_buf(c, &b);
    return 0;
}

// fileglob: The regular files that match a pattern.
BUILTIN(filter_fileglob)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    path_glob(c, p.s, ret->u.list);
    return 0;
}

void path_glob(struct call *c, const char *pattern, struct list *out)
{
    glob_t g;
    struct stat st;
    if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0) {
        for (size_t i = 0; i < g.gl_pathc; i++)
            if (stat(g.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
                list_add(out, value_str(c->arena, g.gl_pathv[i]));
    }
    globfree(&g);
}

static bool win_sep(char ch)
{
    return ch == '/' || ch == '\\';
}

// Length of "C:" or "\\\\host\\share" at the start of a Windows path.
static size_t win_drive(struct text p)
{
    if (p.len < 2)
        return 0;
    if (win_sep(p.s[0]) && win_sep(p.s[1])) {
        size_t i = 2;
        while (i < p.len && !win_sep(p.s[i]))
            i++;
        if (i >= p.len)
            return p.len; // a UNC path needs a share
        for (i++; i < p.len && !win_sep(p.s[i]); i++)
            ;
        return i;
    }
    return p.s[1] == ':' ? 2 : 0;
}

static size_t win_tail(struct text p)
{
    size_t drive = win_drive(p), i = p.len;
    while (i > drive && !win_sep(p.s[i - 1]))
        i--;
    return i;
}

// win_basename: The last component of a Windows path.
BUILTIN(filter_win_basename)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t i = win_tail(p);
    *ret = str_from(c, p.s + i, p.len - i);
    return 0;
}

// win_dirname: The folder part of a Windows path.
BUILTIN(filter_win_dirname)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t drive = win_drive(p), n = win_tail(p), k = n;
    while (k > drive && win_sep(p.s[k - 1]))
        k--;
    *ret = str_from(c, p.s, k > drive ? k : n);
    return 0;
}

// win_splitdrive: Drive (or share) and rest of a Windows path.
BUILTIN(filter_win_splitdrive)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    size_t n = win_drive(p);
    *ret = pair_of(c, str_from(c, p.s, n), str_from(c, p.s + n, p.len - n));
    return 0;
}

// normpath: The path without double slashes, "." and "..".
BUILTIN(filter_normpath)
{
    struct text p = {"", 0};
    int rc = path_self(c, &p, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    path_norm(&b, p);
    *ret = take_buf(c, &b);
    return 0;
}

// commonpath: The longest folder all paths of a list share.
BUILTIN(filter_commonpath)
{
    struct list *l;
    int rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    if (!l->len)
        return fail_with(c, e, "commonpath() arg is an empty sequence");
    struct buf common = call_buf(c);
    for (size_t i = 0; i < l->len; i++) {
        struct buf b = BUF_INIT;
        struct text t = text_of(c, &l->items[i]);
        path_norm(&b, t);
        if (i && (buf_str(&common)[0] == '/') != (buf_str(&b)[0] == '/')) {
            buf_release(&b);
            buf_release(&common);
            return fail_with(c, e, "Can't mix absolute and relative paths");
        }
        if (!i) {
            common = b;
            continue;
        }
        size_t same = 0;
        for (size_t k = 0;; k++) {
            char x = buf_str(&common)[k], y = buf_str(&b)[k];
            if ((!x || x == '/') && (!y || y == '/'))
                same = k;
            if (!x || x != y)
                break;
        }
        if (!same && buf_str(&common)[0] == '/')
            same = 1;
        common.len = same;
        if (common.p)
            common.p[same] = '\0';
        buf_release(&b);
    }
    *ret = take_buf(c, &common);
    return 0;
}
