// Taking privileges of MySQL apart.
#include "node/modules/mysql_privs.h"
#include "node/text.h"

#include "core/buf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// The end of the piece at s: a stop outside parentheses and quotes.
static const char *piece_end(const char *s, char stop)
{
    int depth = 0;
    char quote = '\0';
    for (; *s && (depth || quote || *s != stop); s++) {
        if (quote)
            quote = *s == quote ? '\0' : quote;
        else if (*s == '`' || *s == '\'' || *s == '"')
            quote = *s;
        else if (*s == '(')
            depth++;
        else if (*s == ')' && depth)
            depth--;
    }
    return s;
}

// Upper case; with keep_columns only up to the columns.
static const char *upper(struct arena *a, const char *s, bool keep_columns)
{
    char *out = arena_strdup(a, s);
    for (char *c = out; *c && !(keep_columns && *c == '('); c++)
        *c = (char)toupper((unsigned char)*c);
    return out;
}

static struct list *split_privs(struct arena *a, const char *s, bool keep_columns)
{
    struct list *l = value_list(a).u.list;
    while (*s) {
        const char *end = piece_end(s, ',');
        char *one = text_strip(arena_strndup(a, s, (size_t)(end - s)));
        const char *name = upper(a, one, keep_columns);
        if (strcmp(name, "ALL PRIVILEGES") == 0)
            name = "ALL";
        if (strcmp(name, "GRANT OPTION") == 0)
            name = "GRANT";
        if (*name && !text_list_has(l, name))
            list_add(l, value_cstr(name));
        s = *end ? end + 1 : end;
    }
    return l;
}

static const char *quoted_part(struct arena *a, const char *s)
{
    size_t n = strlen(s);
    if (strcmp(s, "*") == 0 || (n > 1 && s[0] == '`' && s[n - 1] == '`'))
        return s;
    return arena_printf(a, "`%s`", s);
}

// db.table as the server writes it; FUNCTION and PROCEDURE stay in front.
static const char *quoted_target(struct arena *a, const char *s)
{
    static const char *const kinds[] = {"FUNCTION ", "PROCEDURE ", "TABLE "};
    const char *kind = "";
    for (size_t i = 0; i < 3; i++)
        if (strncasecmp(s, kinds[i], strlen(kinds[i])) == 0) {
            kind = kinds[i];
            s += strlen(kinds[i]);
        }
    if (strncasecmp(kind, "TABLE ", 6) == 0)
        kind = "";
    const char *dot = piece_end(s, '.');
    const char *db = arena_strndup(a, s, (size_t)(dot - s)), *table = *dot ? dot + 1 : "*";
    return arena_printf(a, "%s%s.%s", kind, quoted_part(a, db), quoted_part(a, table));
}

static void set(struct arena *a, struct dict *d, const char *target, const char *privs,
                bool keep_columns)
{
    struct value v = {.type = VALUE_LIST, .u.list = split_privs(a, privs, keep_columns)};
    dict_set(d, quoted_target(a, text_strip(arena_strdup(a, target))), v);
}

int mysql_privs_parse(struct arena *a, const struct value *priv, bool keep_columns,
                      struct dict **ret, struct err *e)
{
    struct dict_entry *it;
    *ret = value_dict(a).u.dict;
    if (priv->type == VALUE_DICT) {
        DICT_EACH(priv->u.dict, it)
        set(a, *ret, value_to_cstr(a, &it->key), value_to_cstr(a, &it->val), keep_columns);
    } else {
        const char *s = value_to_cstr(a, priv);
        while (*s) {
            const char *end = piece_end(s, '/');
            char *one = text_strip(arena_strndup(a, s, (size_t)(end - s)));
            char *colon = strrchr(one, ':');
            if (!colon)
                return err_set(e, ERR_INVALID, POS_NONE,
                               "invalid privileges string: Invalid privileges specified: %s", one);
            *colon = '\0';
            set(a, *ret, one, colon + 1, keep_columns);
            s = *end ? end + 1 : end;
        }
    }
    if (!dict_get(*ret, "*.*"))
        set(a, *ret, "*.*", "USAGE", keep_columns);
    return 0;
}

void mysql_privs_add_grant(struct arena *a, const char *line, bool keep_columns, struct dict *privs)
{
    const char *s = text_after(line, "GRANT "), *on = s, *to;
    if (!s)
        return;
    // " ON " outside of parentheses and quotes ends the privileges
    for (;; on++) {
        on = piece_end(on, ' ');
        if (!*on)
            return; // a role
        if (text_after(on, " ON "))
            break;
    }
    const char *target = on + 4;
    for (to = target;; to++) {
        to = piece_end(to, ' ');
        if (!*to || text_after(to, " TO "))
            break;
    }
    const char *text = arena_strndup(a, s, (size_t)(on - s));
    if (strstr(to, " WITH GRANT OPTION") || strstr(to, " GRANT OPTION"))
        text = arena_printf(a, "%s, GRANT", text);
    const char *where = arena_strndup(a, target, (size_t)(to - target));
    const char *key = quoted_target(a, where);
    struct value *had = dict_get(privs, key);
    if (!had) {
        set(a, privs, where, text, keep_columns);
        return;
    }
    struct list *more = split_privs(a, text, keep_columns);
    for (size_t i = 0; i < more->len; i++)
        if (!text_list_has(had->u.list, more->items[i].u.str.s))
            list_add(had->u.list, more->items[i]);
}
