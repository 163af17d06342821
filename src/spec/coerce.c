// Conversion of one argument to the type its parameter has, with the tolerance and the words of
// Ansible.
#include "spec/internal.h"

#include "core/buf.h"
#include "core/json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const type_names[] = {
    [PARAM_STR] = "str",     [PARAM_PATH] = "path", [PARAM_INT] = "int",
    [PARAM_FLOAT] = "float", [PARAM_BOOL] = "bool", [PARAM_LIST] = "list",
    [PARAM_DICT] = "dict",   [PARAM_RAW] = "raw",   [PARAM_JSONARG] = "jsonarg",
    [PARAM_BYTES] = "bytes", [PARAM_BITS] = "bits",
};

const char *spec_type_name(enum param_type type)
{
    return type_names[type];
}

static int cannot(const struct value *v, const char *what, struct err *e)
{
    return err_set(e, ERR_INVALID, POS_NONE, "<class '%s'> cannot be converted to %s",
                   value_type_name(v), what);
}

static struct value to_str(struct arena *a, const struct value *v)
{
    return v->type == VALUE_STRING ? *v : value_cstr(value_to_cstr(a, v));
}

// Appends the value of $NAME or ${NAME} at p (behind the dollar) and returns what follows it.
static const char *expand_var(struct buf *out, const char *p)
{
    bool braced = *p == '{';
    const char *name = p + braced, *end = name;
    while (braced ? *end && *end != '}' : isalnum((unsigned char)*end) || *end == '_')
        end++;
    char key[256];
    size_t n = (size_t)(end - name);
    const char *val = NULL;
    if (n && n < sizeof key && (!braced || *end)) {
        memcpy(key, name, n);
        key[n] = '\0';
        val = getenv(key);
    }
    if (!val) {
        buf_addc(out, '$');
        return p;
    }
    buf_adds(out, val);
    return end + braced;
}

static const char *home_of(const char *user, size_t n)
{
    if (n == 0) {
        const char *home = getenv("HOME");
        struct passwd *pw = home ? NULL : getpwuid(getuid());
        return home ? home : pw ? pw->pw_dir : NULL;
    }
    char name[256];
    if (n >= sizeof name)
        return NULL;
    memcpy(name, user, n);
    name[n] = '\0';
    struct passwd *pw = getpwnam(name);
    return pw ? pw->pw_dir : NULL;
}

// os.path.expanduser(os.path.expandvars(s))
static struct value to_path(struct arena *a, const struct value *v)
{
    struct value s = to_str(a, v);
    if (!memchr(s.u.str.s, '$', s.u.str.len) && (s.u.str.len == 0 || s.u.str.s[0] != '~'))
        return s;
    struct buf b = BUF_INIT;
    for (const char *p = s.u.str.s; *p;) {
        if (*p == '$')
            p = expand_var(&b, p + 1);
        else
            buf_addc(&b, *p++);
    }
    struct value ret;
    const char *t = buf_str(&b);
    size_t user = t[0] == '~' ? strcspn(t + 1, "/") : 0;
    const char *home = t[0] == '~' ? home_of(t + 1, user) : NULL;
    if (home)
        ret =
            value_strf(a, "%s%s", strcmp(home, "/") == 0 && t[1 + user] ? "" : home, t + 1 + user);
    else
        ret = value_strn(a, t, b.len);
    buf_release(&b);
    return ret;
}

// Python's int(): surrounding space, sign and single underscores between digits.
static bool parse_int(const char *s, size_t len, int64_t *ret)
{
    char text[64];
    size_t n = 0;
    while (len && isspace((unsigned char)*s))
        s++, len--;
    while (len && isspace((unsigned char)s[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '_' && i && i + 1 < len && isdigit((unsigned char)s[i - 1]) &&
            isdigit((unsigned char)s[i + 1]))
            continue;
        if (!isdigit((unsigned char)s[i]) && !(i == 0 && len > 1 && (s[i] == '-' || s[i] == '+')))
            return false;
        if (n >= sizeof text - 1)
            return false;
        text[n++] = s[i];
    }
    text[n] = '\0';
    errno = 0;
    *ret = strtoll(text, NULL, 10);
    return n && errno == 0;
}

static int to_int(const struct value *v, struct value *ret, struct err *e)
{
    int64_t i;
    if (v->type == VALUE_INT || v->type == VALUE_BOOL)
        *ret = value_int(v->type == VALUE_INT ? v->u.i : v->u.b);
    else if (v->type == VALUE_STRING && parse_int(v->u.str.s, v->u.str.len, &i))
        *ret = value_int(i);
    else
        return cannot(v, "an int", e);
    return 0;
}

static int to_float(struct arena *a, const struct value *v, struct value *ret, struct err *e)
{
    if (v->type == VALUE_FLOAT) {
        *ret = *v;
    } else if (v->type == VALUE_INT || v->type == VALUE_BOOL) {
        *ret = value_float(v->type == VALUE_INT ? (double)v->u.i : v->u.b);
    } else if (v->type == VALUE_STRING) {
        char *end, *s = arena_strndup(a, v->u.str.s, v->u.str.len);
        double d = strtod(s, &end);
        while (isspace((unsigned char)*end))
            end++;
        if (end == s || *end || strpbrk(s, "xX"))
            return cannot(v, "a float", e);
        *ret = value_float(d);
    } else {
        return cannot(v, "a float", e);
    }
    return 0;
}

static int parse_bool(const char *s, size_t len)
{
    static const char *const words[2][6] = {{"n", "no", "off", "0", "false", "f"},
                                            {"y", "yes", "on", "1", "true", "t"}};
    while (len && isspace((unsigned char)*s))
        s++, len--;
    while (len && isspace((unsigned char)s[len - 1]))
        len--;
    for (int truth = 0; truth < 2; truth++)
        for (int i = 0; i < 6; i++)
            if (strlen(words[truth][i]) == len && strncasecmp(words[truth][i], s, len) == 0)
                return truth;
    return -1;
}

static int to_bool(struct arena *a, const struct value *v, struct value *ret, struct err *e)
{
    int b = -1;
    double num = v->type == VALUE_INT ? (double)v->u.i : v->type == VALUE_FLOAT ? v->u.f : -1;
    if (v->type == VALUE_BOOL)
        b = v->u.b;
    else if (num == 0.0 || num == 1.0)
        b = num == 1.0;
    else if (v->type == VALUE_STRING)
        b = parse_bool(v->u.str.s, v->u.str.len);
    else if (v->type != VALUE_INT && v->type != VALUE_FLOAT)
        return cannot(v, "a bool", e);
    if (b < 0)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "The value '%s' is not a valid boolean.  Valid booleans include: 0, 1, 'n', "
                       "'true', 'on', 'no', 't', '0', 'yes', '1', 'false', 'f', 'off', 'y'",
                       value_to_cstr(a, v));
    *ret = value_bool(b);
    return 0;
}

static int to_list(struct arena *a, const struct value *v, struct value *ret, struct err *e)
{
    if (v->type == VALUE_LIST) {
        *ret = *v;
        return 0;
    }
    *ret = value_list(a);
    if (v->type == VALUE_STRING) {
        const char *s = v->u.str.s, *end = s + v->u.str.len;
        for (;;) {
            const char *comma = memchr(s, ',', (size_t)(end - s));
            list_add(ret->u.list, value_strn(a, s, (size_t)((comma ? comma : end) - s)));
            if (!comma)
                return 0;
            s = comma + 1;
        }
    }
    if (v->type != VALUE_INT && v->type != VALUE_FLOAT && v->type != VALUE_BOOL)
        return cannot(v, "a list", e);
    list_add(ret->u.list, to_str(a, v));
    return 0;
}

// Adds one "k=v" field; a field without "=" is what Python's dict() rejects.
static int dict_field(struct arena *a, struct dict *d, struct buf *field, size_t at, struct err *e)
{
    if (!field->len)
        return 0;
    const char *eq = memchr(field->p, '=', field->len);
    if (!eq)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "dictionary update sequence element #%zu has length 1; 2 is required", at);
    dict_setv(d, value_strn(a, field->p, (size_t)(eq - field->p)),
              value_strn(a, eq + 1, field->len - (size_t)(eq + 1 - field->p)));
    buf_clear(field);
    return 0;
}

static int parse_pairs(struct arena *a, const char *s, struct dict *d, struct err *e)
{
    struct buf field = BUF_INIT;
    char quote = 0;
    size_t at = 0;
    int rc = 0;
    for (; *s && rc == 0; s++) {
        if (*s == '\\' && s[1]) {
            buf_addc(&field, *++s);
        } else if (!quote && (*s == '\'' || *s == '"')) {
            quote = *s;
        } else if (quote && *s == quote) {
            quote = 0;
        } else if (!quote && (*s == ',' || *s == ' ')) {
            rc = dict_field(a, d, &field, at, e);
            at++;
        } else {
            buf_addc(&field, *s);
        }
    }
    if (rc == 0)
        rc = dict_field(a, d, &field, at, e);
    buf_release(&field);
    return rc;
}

static int to_dict(struct arena *a, const struct value *v, struct value *ret, struct err *e)
{
    if (v->type == VALUE_DICT) {
        *ret = *v;
        return 0;
    }
    if (v->type != VALUE_STRING)
        return cannot(v, "a dict", e);
    const char *s = v->u.str.s;
    size_t len = v->u.str.len;
    if (len && s[0] == '{') {
        struct err ignored = ERR_INIT;
        int rc = json_parse(a, s, len, ret, &ignored);
        err_release(&ignored);
        if (rc < 0 && spec_literal(a, s, len, ret) < 0)
            return err_set(e, ERR_INVALID, POS_NONE, "unable to evaluate string as dictionary");
        return 0;
    }
    if (!memchr(s, '=', len))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "dictionary requested, could not parse JSON or key=value");
    while (isspace((unsigned char)*s))
        s++;
    *ret = value_dict(a);
    return parse_pairs(a, s, ret->u.dict, e);
}

static struct value strip(struct arena *a, const struct value *v)
{
    const char *s = v->u.str.s;
    size_t len = v->u.str.len;
    while (len && isspace((unsigned char)*s))
        s++, len--;
    while (len && isspace((unsigned char)s[len - 1]))
        len--;
    return value_strn(a, s, len);
}

static int to_json(struct arena *a, const struct value *v, struct value *ret, struct err *e)
{
    if (v->type == VALUE_STRING) {
        *ret = strip(a, v);
        return 0;
    }
    if (v->type != VALUE_LIST && v->type != VALUE_DICT)
        return cannot(v, "a json string", e);
    struct buf b = BUF_INIT;
    json_write(&b, v, NULL);
    *ret = value_strn(a, buf_str(&b), b.len);
    buf_release(&b);
    return 0;
}

// "10M", "1.5 GB", "512", for bits "10Mb": false when there is no number or the unit is unknown.
static bool parse_size(const char *s, bool bits, int64_t *ret)
{
    while (isspace((unsigned char)*s))
        s++;
    char *end;
    if (!isdigit((unsigned char)*s) && *s != '.')
        return false;
    double num = strtod(s, &end);
    while (isspace((unsigned char)*end))
        end++;
    if (!isalpha((unsigned char)*end)) {
        *ret = llround(num);
        return true;
    }
    static const char units[] = "BKMGTPEZY";
    const char *unit = strchr(units, toupper((unsigned char)*end));
    if (!unit)
        return false;
    if (isalpha((unsigned char)end[1]) && end[1] != (bits ? 'b' : 'B') &&
        !strcasestr(end, bits ? "bit" : "byte"))
        return false;
    num = ldexp(num, (int)(10 * (unit - units)));
    if (num > 9e18)
        return false;
    *ret = llround(num);
    return true;
}

bool spec_size(const char *s, int64_t *ret)
{
    return parse_size(s, false, ret);
}

static int to_size(struct arena *a, const struct value *v, bool bits, struct value *ret,
                   struct err *e)
{
    int64_t n;
    if (!parse_size(value_to_cstr(a, v), bits, &n))
        return cannot(v, bits ? "a Bit value" : "a Byte value", e);
    *ret = value_int(n);
    return 0;
}

int spec_coerce(struct arena *a, enum param_type type, const struct value *v, struct value *ret,
                struct err *e)
{
    switch (type) {
    case PARAM_STR:
        *ret = to_str(a, v);
        return 0;
    case PARAM_PATH:
        *ret = to_path(a, v);
        return 0;
    case PARAM_INT:
        return to_int(v, ret, e);
    case PARAM_FLOAT:
        return to_float(a, v, ret, e);
    case PARAM_BOOL:
        return to_bool(a, v, ret, e);
    case PARAM_LIST:
        return to_list(a, v, ret, e);
    case PARAM_DICT:
        return to_dict(a, v, ret, e);
    case PARAM_JSONARG:
        return to_json(a, v, ret, e);
    case PARAM_BYTES:
    case PARAM_BITS:
        return to_size(a, v, type == PARAM_BITS, ret, e);
    case PARAM_RAW:
        break;
    }
    *ret = *v;
    return 0;
}

struct value spec_default(struct arena *a, const struct param *p)
{
    if (!p->dflt)
        return value_null();
    struct value text = value_str(a, p->dflt), ret;
    if (p->type == PARAM_LIST && !*p->dflt)
        return value_list(a);
    if (p->type == PARAM_DICT && !*p->dflt)
        return value_dict(a);
    if (spec_coerce(a, p->type, &text, &ret, NULL) < 0)
        return value_null();
    if (p->type != PARAM_LIST || p->elements == PARAM_RAW)
        return ret;
    for (size_t i = 0; i < ret.u.list->len; i++) {
        struct value v;
        if (spec_coerce(a, p->elements, &ret.u.list->items[i], &v, NULL) == 0)
            ret.u.list->items[i] = v;
    }
    return ret;
}
