// Conditions (when, until, failed_when, ...) as Ansible evaluates them.
#include "template/eval.h"

#include <ctype.h>
#include <string.h>

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

// The name in "'name' is undefined" within a message, or false. hostvars[...] counts as a name.
static bool undefined_name(const char *msg, const char **name, size_t *len)
{
    static const char end[] = "' is undefined";
    for (const char *q = msg; (q = strstr(q, end)); q++) {
        const char *s = q;
        while (s > msg && word_char(s[-1]))
            s--;
        if (s > msg && s < q && s[-1] == '\'') {
            *name = s;
            *len = (size_t)(q - s);
            return true;
        }
        for (s = q; q > msg && q[-1] == ']' && s > msg; s--)
            if (strncmp(s, "'hostvars[", 10) == 0) {
                *name = s + 1;
                *len = (size_t)(q - s - 1);
                return true;
            }
    }
    return false;
}

static const char *spaces(const char *s)
{
    const char *p = s;
    while (isspace((unsigned char)*p))
        p++;
    return p > s ? p : NULL;
}

static const char *keyword(const char *s, const char *word)
{
    size_t n = strlen(word);
    return s && strncmp(s, word, n) == 0 ? s + n : NULL;
}

// "is defined", "is not undefined", "not is defined" at s: the place behind, and whether the name
// should exist.
static const char *defined_test(const char *s, bool *should_exist)
{
    static const struct {
        const char *first, *second;
    } forms[] = {{"not", "is"}, {"is", NULL}, {"is", "not"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *p = keyword(spaces(s), forms[i].first);
        if (p && forms[i].second)
            p = keyword(spaces(p), forms[i].second);
        p = p ? spaces(p) : NULL;
        if (!p)
            continue;
        const char *d = keyword(p, "defined"), *u = keyword(p, "undefined");
        if (!d && !u)
            continue;
        *should_exist = (i != 1) != (d != NULL);
        return d ? d : u;
    }
    return NULL;
}

static bool names_equal(const char *x, size_t nx, const char *y, size_t ny)
{
    if (nx != ny)
        return false;
    for (size_t i = 0; i < nx; i++)
        if ((x[i] == '\'' ? '"' : x[i]) != (y[i] == '\'' ? '"' : y[i]))
            return false;
    return true;
}

// A condition that tests just the variable found undefined: 1 with the answer in *ret.
static int asked_for(const char *cond, const char *msg, bool *ret)
{
    const char *name;
    size_t len;
    if (!undefined_name(msg, &name, &len))
        return 0;
    for (const char *s = cond; *s;) {
        const char *end = s, *behind;
        bool should_exist = false;
        if (strncmp(s, "hostvars[", 9) == 0 && strchr(s, ']'))
            end = strchr(s, ']') + 1;
        else
            while (word_char(*end))
                end++;
        behind = end > s ? defined_test(end, &should_exist) : NULL;
        if (behind && names_equal(name, len, s, (size_t)(end - s))) {
            *ret = !should_exist;
            return 1;
        }
        s = behind ? behind : end > s ? end : s + 1;
    }
    return 0;
}

// A string condition. First pass: templates in it; then the result is an expression.
static int check_string(struct templar *t, struct arena *a, const struct value *cond, bool *ret,
                        struct err *e)
{
    struct value v = *cond;
    struct template_opts o = t->opts;
    int rc = 0;
    o.convert_data = true;
    if (!(v.flags & VALUE_UNSAFE) && template_is_template(v.u.str.s, v.u.str.len))
        rc = template_value(t, a, cond, &v, e);
    if (rc == 0 && (v.type != VALUE_STRING || !v.u.str.len)) {
        *ret = value_truthy(&v);
        return 0;
    }
    if (rc == 0 && v.flags & VALUE_UNSAFE)
        return err_set(e, ERR_FAILED, value_pos(cond),
                       "Conditional is marked as unsafe, and cannot be evaluated.");
    struct value r;
    struct render how = {.o = &o, .form = FORM_CONDITION, .pos = value_pos(cond)};
    if (rc == 0)
        rc = render_string(t, a, v.u.str.s, v.u.str.len, &how, &r, e);
    if (rc == 0) {
        const char *s = r.type == VALUE_STRING ? r.u.str.s : "";
        s += strspn(s, " ");
        *ret = strncmp(s, "True", 4) == 0;
        if (!*ret && strncmp(s, "False", 5) != 0)
            rc = err_set(e, ERR_FAILED, value_pos(cond), "unable to evaluate conditional: %s",
                         cond->u.str.s);
        return rc;
    }
    if (rc == ERR_UNDEFINED && v.type == VALUE_STRING && asked_for(v.u.str.s, err_msg(e), ret)) {
        err_release(e);
        return 0;
    }
    if (rc == ERR_UNDEFINED)
        err_wrap(e, "error while evaluating conditional (%s)", cond->u.str.s);
    return rc;
}

static int check_one(struct templar *t, struct arena *a, const struct value *cond, bool *ret,
                     struct err *e)
{
    struct value v;
    int rc = 0;
    if (cond->type == VALUE_NULL || (cond->type == VALUE_STRING && !cond->u.str.len)) {
        *ret = true;
        return 0;
    }
    struct err local = ERR_INIT;
    if (cond->type == VALUE_STRING) {
        rc = check_string(t, a, cond, ret, &local);
    } else {
        rc = template_value(t, a, cond, &v, &local);
        *ret = rc == 0 && value_truthy(&v);
    }
    if (rc == 0)
        return 0;
    if (rc == ERR_UNKNOWN) {
        err_at(&local, value_pos(cond));
        return err_move(e, &local);
    }
    struct buf b = BUF_INIT, why = BUF_INIT;
    value_print(&b, cond);
    buf_adds(&why, err_msg(&local));
    rc = err_set(e, local.code, local.pos, "The conditional check '%s' failed. The error was: %s",
                 buf_str(&b), buf_str(&why));
    err_at(e, value_pos(cond));
    err_release(&local);
    buf_release(&b);
    buf_release(&why);
    return rc;
}

int template_condition(struct templar *t, struct arena *a, const struct value *cond, bool *ret,
                       struct err *e)
{
    bool all = true;
    int rc = 0;
    if (cond->type != VALUE_LIST) {
        rc = check_one(t, a, cond, &all, e);
    } else {
        for (size_t i = 0; rc == 0 && all && i < cond->u.list->len; i++)
            rc = check_one(t, a, &cond->u.list->items[i], &all, e);
    }
    if (rc == 0)
        *ret = all;
    return rc;
}
