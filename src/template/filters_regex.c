// The regex filters: regex_replace, regex_search, regex_findall, regex_escape.
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"

#include <ctype.h>
#include <string.h>

#define MAX_GROUPS 32 // of one regex_search

static int flags_of(bool ignorecase, bool multiline)
{
    return (ignorecase ? REGEX_IGNORECASE : 0) | (multiline ? REGEX_MULTILINE : 0);
}

static int pattern_type(struct call *c, const struct value *v, struct text *ret, struct err *e)
{
    if (v && v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v && v->type != VALUE_STRING)
        return fail_type(c, e,
                         v->type == VALUE_LIST || v->type == VALUE_DICT
                             ? "unhashable type: '%s'"
                             : "first argument must be string or compiled pattern%.0s",
                         value_type_name(v));
    *ret = v ? (struct text){v->u.str.s, v->u.str.len} : (struct text){"", 0};
    return 0;
}

// regex_replace: Matches of pattern replaced (\1 and \g<name> stand for groups).
BUILTIN(filter_regex_replace)
{
    const struct value *pattern = NULL, *repl = NULL;
    bool ignorecase = false, multiline = false;
    struct text p, r = {"", 0};
    struct regex *re;
    int rc = args_read(c, e, "pattern:v replacement:v ignorecase:b multiline:b", &pattern, &repl,
                       &ignorecase, &multiline);
    if (rc >= 0)
        rc = pattern_type(c, pattern, &p, e);
    bool undefined = repl && repl->type == VALUE_UNDEFINED; // raises where it is needed
    if (rc >= 0 && repl && !undefined && repl->type != VALUE_STRING)
        rc = fail_type(c, e,
                       repl->type == VALUE_LIST || repl->type == VALUE_DICT
                           ? "unhashable type: '%s'"
                           : "decoding to str: need a bytes-like object, %s found",
                       value_type_name(repl));
    if (rc >= 0)
        rc = regex_compile(p, flags_of(ignorecase, multiline), &re, e);
    if (rc < 0)
        return rc;
    if (repl && !undefined)
        r = text_of(c, repl);
    struct text s = bare_text_of(c, &c->self);
    struct buf b = call_buf(c);
    const size_t *g;
    if (undefined && regex_search(re, s, 0, false, false, &g, e) == 1)
        rc = fail_undefined(c, repl, e);
    if (rc >= 0)
        rc = regex_sub(re, s, r, 0, &b, e);
    regex_free(re);
    *ret = take_buf(c, &b);
    return rc;
}

static struct value group_text(struct call *c, struct text s, const size_t *g, size_t n, bool null)
{
    if (g[2 * n] == SIZE_MAX)
        return null ? value_null() : value_cstr("");
    return str_from(c, s.s + g[2 * n], g[2 * n + 1] - g[2 * n]);
}

// regex_findall: All matches, as texts or (with groups) tuples.
BUILTIN(filter_regex_findall)
{
    const struct value *pattern = NULL;
    bool ignorecase = false, multiline = false;
    struct text p;
    struct regex *re;
    int rc =
        args_read(c, e, "regex:v! multiline:b ignorecase:b", &pattern, &multiline, &ignorecase);
    if (rc >= 0)
        rc = pattern_type(c, pattern, &p, e);
    if (rc >= 0)
        rc = regex_compile(p, flags_of(ignorecase, multiline), &re, e);
    if (rc < 0)
        return rc;
    struct text s = bare_text_of(c, &c->self);
    size_t at = 0, n = regex_groups(re);
    bool not_empty = false;
    const size_t *g;
    *ret = value_list(c->arena);
    while ((rc = regex_search(re, s, at, false, not_empty, &g, e)) == 1) {
        if (n < 2) {
            list_add(ret->u.list, group_text(c, s, g, n, false));
        } else {
            struct value row = value_list(c->arena);
            row.flags |= VALUE_TUPLE;
            for (size_t i = 1; i <= n; i++)
                list_add(row.u.list, group_text(c, s, g, i, false));
            list_add(ret->u.list, row);
        }
        at = g[1];
        not_empty = g[0] == g[1];
    }
    regex_free(re);
    return rc < 0 ? rc : 0;
}

// Group number an argument of regex_search names: "\\1" or "\\g<name>".
static int wanted_group(struct call *c, const struct value *arg, struct text *name, bool *by_name,
                        struct err *e)
{
    struct text t = text_of(c, arg);
    if (arg->type != VALUE_STRING)
        return fail_with(c, e, "'%s' object has no attribute 'startswith'", value_type_name(arg));
    *by_name = t.len > 1 && strncmp(t.s, "\\g", 2) == 0;
    if (*by_name) {
        size_t n = t.len > 3 && t.s[2] == '<' ? strcspn(t.s + 3, " \t\r\n\v\f") : 0;
        while (n && t.s[3 + n - 1] != '>')
            n--;
        if (n < 2)
            return fail_with(c, e, "'NoneType' object has no attribute 'group'");
        *name = (struct text){t.s + 3, n - 1};
        return 0;
    }
    if (t.len > 1 && t.s[0] == '\\' && isdigit((unsigned char)t.s[1])) {
        *name = (struct text){t.s + 1, strspn(t.s + 1, "0123456789")};
        return 0;
    }
    return fail_with(c, e,
                     t.len && t.s[0] == '\\' ? "'NoneType' object has no attribute 'group'"
                                             : "Unknown argument");
}

// regex_search: The first match, or the groups asked for; null when there is none.
BUILTIN(filter_regex_search)
{
    struct dict_entry *d;
    bool ignorecase = false, multiline = false;
    const struct value *pattern = c->n_args ? &c->args[0] : dict_get(c->kwargs, "regex");
    struct text p, names[MAX_GROUPS];
    bool by_name[MAX_GROUPS];
    size_t n_names = 0;
    struct regex *re;
    int rc = 0;
    if (!pattern)
        return fail_type(c, e, "regex_search() missing 1 required positional argument: 'regex'");
    DICT_EACH(c->kwargs, d)
    if (value_eqs(&d->key, "ignorecase"))
        rc = truth_of(c, &d->val, &ignorecase, e);
    else if (value_eqs(&d->key, "multiline"))
        rc = truth_of(c, &d->val, &multiline, e);
    for (size_t i = 1; i < c->n_args && i <= MAX_GROUPS && rc >= 0; i++, n_names++)
        rc = wanted_group(c, &c->args[i], &names[n_names], &by_name[n_names], e);
    if (rc >= 0)
        rc = pattern_type(c, pattern, &p, e);
    if (rc >= 0)
        rc = regex_compile(p, flags_of(ignorecase, multiline), &re, e);
    if (rc < 0)
        return rc;
    struct text s = bare_text_of(c, &c->self);
    const size_t *g;
    *ret = value_null();
    rc = regex_search(re, s, 0, false, false, &g, e);
    if (rc == 1 && !n_names)
        *ret = group_text(c, s, g, 0, true);
    if (rc == 1 && n_names) {
        *ret = value_list(c->arena);
        for (size_t i = 0; i < n_names && rc >= 0; i++) {
            int64_t n;
            if (by_name[i] || !parse_int(names[i].s, names[i].len, 10, &n))
                n = regex_group_number(re, names[i].s, names[i].len);
            if (n < 0 || n > (int64_t)regex_groups(re))
                rc = fail_with(c, e, "no such group");
            else
                list_add(ret->u.list, group_text(c, s, g, (size_t)n, true));
        }
    }
    regex_free(re);
    return rc < 0 ? rc : 0;
}

// regex_escape: Special characters escaped, for Python's or POSIX basic expressions.
BUILTIN(filter_regex_escape)
{
    struct text type = text_lit("python");
    int rc = args_read(c, e, "re_type:t", &type);
    if (rc < 0)
        return rc;
    struct text s = bare_text_of(c, &c->self);
    struct buf b = call_buf(c);
    if (strcmp(type.s, "python") == 0) {
        regex_escape(&b, s);
    } else if (strcmp(type.s, "posix_basic") == 0) {
        for (size_t i = 0; i < s.len; i++) {
            if (s.s[i] && strchr("].[^$*\\", s.s[i]))
                buf_addc(&b, '\\');
            buf_addc(&b, s.s[i]);
        }
    } else {
        return fail_with(c, e,
                         strcmp(type.s, "posix_extended") == 0
                             ? "Regex type (%s) not yet implemented"
                             : "Invalid regex type (%s)",
                         type.s);
    }
    *ret = take_buf(c, &b);
    return 0;
}
