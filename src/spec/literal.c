// Python literals ("{'a': [1, True]}"), which Ansible accepts where a dict is wanted.
#include "spec/internal.h"

#include "core/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64

struct lit {
    struct arena *arena;
    const char *p, *end;
    int depth;
};

static int parse_value(struct lit *l, struct value *ret);

static void skip_space(struct lit *l)
{
    while (l->p < l->end && isspace((unsigned char)*l->p))
        l->p++;
}

static bool take(struct lit *l, char c)
{
    skip_space(l);
    if (l->p >= l->end || *l->p != c)
        return false;
    l->p++;
    return true;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

static int parse_string(struct lit *l, struct value *ret)
{
    char quote = *l->p++;
    struct buf b = BUF_INIT;
    while (l->p < l->end && *l->p != quote) {
        char c = *l->p++;
        if (c == '\\' && l->p < l->end) {
            char x = *l->p++;
            if (!strchr("ntr\\'\"", x))
                buf_addc(&b, '\\');
            c = unescape(x);
        }
        buf_addc(&b, c);
    }
    int rc = l->p < l->end ? 0 : ERR_PARSE;
    if (rc == 0) {
        l->p++;
        *ret = value_strn(l->arena, buf_str(&b), b.len);
    }
    buf_release(&b);
    return rc;
}

static int parse_number(struct lit *l, struct value *ret)
{
    char text[64];
    size_t n = 0;
    while (l->p < l->end && n < sizeof text - 1 &&
           (isalnum((unsigned char)*l->p) || strchr("+-.", *l->p)))
        text[n++] = *l->p++;
    text[n] = '\0';
    char *end;
    long long i = strtoll(text, &end, 10);
    if (n && !*end) {
        *ret = value_int(i);
        return 0;
    }
    double d = strtod(text, &end);
    if (!n || *end)
        return ERR_PARSE;
    *ret = value_float(d);
    return 0;
}

static int parse_word(struct lit *l, struct value *ret)
{
    static const char *const words[] = {"None", "False", "True"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(l->end - l->p) >= n && strncmp(l->p, words[i], n) == 0) {
            l->p += n;
            *ret = i ? value_bool(i == 2) : value_null();
            return 0;
        }
    }
    return ERR_PARSE;
}

static int parse_sequence(struct lit *l, char close, struct value *ret)
{
    *ret = value_list(l->arena);
    while (!take(l, close)) {
        struct value v;
        if (parse_value(l, &v) < 0)
            return ERR_PARSE;
        list_add(ret->u.list, v);
        if (take(l, ','))
            continue;
        return take(l, close) ? 0 : ERR_PARSE;
    }
    return 0;
}

static int parse_dict(struct lit *l, struct value *ret)
{
    *ret = value_dict(l->arena);
    while (!take(l, '}')) {
        struct value k, v;
        if (parse_value(l, &k) < 0 || k.type == VALUE_LIST || k.type == VALUE_DICT ||
            !take(l, ':') || parse_value(l, &v) < 0)
            return ERR_PARSE;
        dict_setv(ret->u.dict, k, v);
        if (take(l, ','))
            continue;
        return take(l, '}') ? 0 : ERR_PARSE;
    }
    return 0;
}

static int parse_value(struct lit *l, struct value *ret)
{
    skip_space(l);
    if (l->p >= l->end || l->depth >= MAX_DEPTH)
        return ERR_PARSE;
    int rc;
    l->depth++;
    switch (*l->p) {
    case '{':
        l->p++;
        rc = parse_dict(l, ret);
        break;
    case '[':
        l->p++;
        rc = parse_sequence(l, ']', ret);
        break;
    case '(':
        l->p++;
        rc = parse_sequence(l, ')', ret);
        break;
    case '\'':
    case '"':
        rc = parse_string(l, ret);
        break;
    case 'N':
    case 'T':
    case 'F':
        rc = parse_word(l, ret);
        break;
    default:
        rc = parse_number(l, ret);
    }
    l->depth--;
    return rc;
}

int spec_literal(struct arena *a, const char *s, size_t len, struct value *ret)
{
    struct lit l = {.arena = a, .p = s, .end = s + len};
    if (parse_value(&l, ret) < 0)
        return ERR_PARSE;
    skip_space(&l);
    return l.p == l.end ? 0 : ERR_PARSE;
}
