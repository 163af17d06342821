// Options, files and terms of lookups.
#include "template/lookups.h"

#include "core/file.h"
#include "template/hooks.h"
#include "template/paths.h"
#include "template/pystr.h"
#include "template/template.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE ((size_t)256 << 20)

int lookup_fail(struct call *c, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, ERR_INVALID, c->pos, fmt, ap);
    va_end(ap);
    return ERR_INVALID;
}

int lookup_fail_final(struct call *c, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, ERR_FAILED, c->pos, fmt, ap);
    va_end(ap);
    return ERR_FAILED;
}

const struct value *lookup_opt(const struct call *c, const char *name)
{
    const struct value *v = dict_get(c->kwargs, name);
    return v && v->type != VALUE_NULL ? v : NULL;
}

bool lookup_bool(struct call *c, const char *name, bool dflt)
{
    const struct value *v = lookup_opt(c, name);
    if (!v)
        return dflt;
    int word = v->type == VALUE_STRING ? value_parse_bool(v->u.str.s, v->u.str.len) : -1;
    return word >= 0 ? word : value_truthy(v);
}

struct text lookup_text(struct call *c, const char *name, const char *dflt)
{
    const struct value *v = lookup_opt(c, name);
    return v ? text_of(c, v) : text_lit(dflt);
}

struct list *lookup_list(struct call *c, const struct value *v)
{
    struct value out = value_list(c->arena), parts = value_list(c->arena);
    struct text comma = text_lit(",");
    if (!v || v->type == VALUE_NULL)
        return out.u.list;
    if (v->type == VALUE_LIST)
        return v->u.list;
    if (v->type != VALUE_STRING) {
        list_add(out.u.list, *v);
        return out.u.list;
    }
    str_split(c, text_of(c, v), &comma, -1, parts.u.list);
    for (size_t i = 0; i < parts.u.list->len; i++) {
        struct text t = str_strip(text_of(c, &parts.u.list->items[i]), NULL, STRIP_BOTH);
        list_add(out.u.list, str_from(c, t.s, t.len));
    }
    return out.u.list;
}

const char *lookup_basedir(const struct call *c)
{
    return c->t->paths.basedir ? c->t->paths.basedir : ".";
}

// The folder or file made absolute and normal.
static const char *full_path(struct call *c, const char *path)
{
    struct buf expanded = BUF_INIT, abs = BUF_INIT;
    path_expanduser(&expanded, text_lit(path));
    path_abs(&abs, (struct text){buf_str(&expanded), expanded.len});
    buf_release(&expanded);
    return take_buf(c, &abs).u.str.s;
}

static const char *candidate(struct call *c, const char *dir, const char *subdir, const char *name)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, dir);
    if (*subdir)
        path_add(&b, text_lit(subdir));
    path_add(&b, text_lit(name));
    const char *path = take_buf(c, &b).u.str.s;
    return access(path, F_OK) == 0 ? path : NULL;
}

static const char *below(struct call *c, const char *dir, const char *subdir, const char *name)
{
    const char *hit = candidate(c, dir, subdir, name);
    return hit || !*subdir ? hit : candidate(c, dir, "", name);
}

const char *lookup_find_file(struct call *c, const char *subdir, const char *name)
{
    if (!*name)
        return NULL;
    if (*name == '/' || *name == '~') {
        const char *path = full_path(c, name);
        return access(path, F_OK) == 0 ? path : NULL;
    }
    const char *hit = NULL;
    for (size_t i = 0; i < c->t->paths.n && !hit; i++)
        hit = below(c, full_path(c, c->t->paths.dirs[i]), subdir, name);
    return hit ? hit : below(c, full_path(c, lookup_basedir(c)), subdir, name);
}

int lookup_read(struct call *c, const char *path, char **ret, size_t *ret_len, struct err *e)
{
    if (template_hooks.read_file)
        return template_hooks.read_file(c->arena, path, ret, ret_len, e);
    return file_read(c->arena, path, MAX_FILE, ret, ret_len, e);
}

// The next word of a term: up to white space outside quotes.
static struct text next_word(struct text *s, bool *open)
{
    struct text t = str_strip(*s, NULL, STRIP_LEFT);
    char quote = 0;
    size_t n = 0;
    for (; n < t.len && (quote || !isspace((unsigned char)t.s[n])); n++) {
        if (quote && t.s[n] == '\\' && n + 1 < t.len)
            n++;
        else if (quote ? t.s[n] == quote : t.s[n] == '"' || t.s[n] == '\'')
            quote = quote ? 0 : t.s[n];
    }
    *open = quote;
    *s = (struct text){t.s + n, t.len - n};
    return (struct text){t.s, n};
}

static struct text unquote(struct text t)
{
    if (t.len > 1 && (*t.s == '"' || *t.s == '\'') && t.s[t.len - 1] == *t.s &&
        t.s[t.len - 2] != '\\')
        return (struct text){t.s + 1, t.len - 2};
    return t;
}

int lookup_parse_kv(struct call *c, struct text term, struct dict *out, struct text *raw,
                    struct err *e)
{
    struct buf words = BUF_INIT;
    while (str_strip(term, NULL, STRIP_LEFT).len) {
        bool open;
        struct text w = next_word(&term, &open);
        if (open) {
            buf_release(&words);
            return lookup_fail(
                c, e,
                "failed at splitting arguments, either an unbalanced jinja2 block or quotes: %.*s",
                (int)w.len, w.s);
        }
        const char *eq = memchr(w.s, '=', w.len);
        if (eq && (eq == w.s || eq[-1] != '\\')) {
            struct text key = str_strip((struct text){w.s, (size_t)(eq - w.s)}, NULL, STRIP_BOTH);
            struct text val = unquote(
                str_strip((struct text){eq + 1, (size_t)(w.s + w.len - eq) - 1}, NULL, STRIP_BOTH));
            dict_setv(out, str_from(c, key.s, key.len), str_from(c, val.s, val.len));
        } else {
            if (words.len)
                buf_addc(&words, ' ');
            buf_add(&words, w.s, w.len);
        }
    }
    struct value v = take_buf(c, &words);
    *raw = (struct text){v.u.str.s, v.u.str.len};
    return 0;
}
