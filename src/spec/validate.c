// Checks a module's arguments against its table of parameters, in the order and with the messages
// of Ansible.
#include "spec/internal.h"

#include "core/buf.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 8

// The parameters of one level: a module's (with the file ones) or those of a dict inside.
struct level {
    struct arena *arena;
    const struct param **rows; // as many as there are: a role may have hundreds
    size_t n;
    struct dict *given;
    const char *context; // "a -> b", NULL on the top level
    const char *path;    // "a.b"
    int depth;
    struct list *errors; // collects all that is wrong; NULL: the first error ends the check
};

// What unknown parameters there are and what would have been right; reported last.
struct unsupported {
    struct list names;
    char *supported;
};

static bool has_row(const struct level *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->rows[i]->name, name) == 0)
            return true;
    return false;
}

static void add_rows(struct level *l, const struct param *p)
{
    size_t more = 0;
    while (p && p[more].name)
        more++;
    const struct param **rows = arena_array(l->arena, const struct param *, l->n + more);
    if (l->n)
        memcpy(rows, l->rows, l->n * sizeof *rows);
    l->rows = rows;
    for (; more; p++, more--)
        if (!has_row(l, p->name))
            l->rows[l->n++] = p;
}

// Calls fn for every piece of s between separators; stops when it returns true.
typedef bool piece_fn(void *data, const char *s, size_t len);
static bool each_piece(const char *s, char sep, piece_fn *fn, void *data)
{
    while (s) {
        const char *end = strchr(s, sep);
        if (fn(data, s, end ? (size_t)(end - s) : strlen(s)))
            return true;
        s = end ? end + 1 : NULL;
    }
    return false;
}

struct word {
    const char *s;
    size_t len;
};

static bool piece_is(void *data, const char *s, size_t len)
{
    const struct word *w = data;
    return w->len == len && memcmp(w->s, s, len) == 0;
}

static bool in_list(const char *list, char sep, const char *s, size_t len)
{
    return list && each_piece(list, sep, piece_is, &(struct word){s, len});
}

static const struct param *row_for(const struct level *l, const char *key, size_t len)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->rows[i]->name) == len && memcmp(l->rows[i]->name, key, len) == 0)
            return l->rows[i];
    for (size_t i = 0; i < l->n; i++)
        if (in_list(l->rows[i]->aliases, '|', key, len))
            return l->rows[i];
    return NULL;
}

static int cmp_str(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

struct names {
    struct arena *arena;
    const char **s;
    size_t n, cap;
};

static bool add_name(void *data, const char *s, size_t len)
{
    struct names *n = data;
    if (n->n == n->cap) {
        n->cap = n->cap ? 2 * n->cap : 64;
        const char **grown = arena_array(n->arena, const char *, n->cap);
        if (n->n)
            memcpy(grown, n->s, n->n * sizeof *grown);
        n->s = grown;
    }
    n->s[n->n++] = arena_strndup(n->arena, s, len);
    return false;
}

static void add_sorted(struct buf *b, struct names *n)
{
    if (n->n)
        qsort(n->s, n->n, sizeof *n->s, cmp_str);
    for (size_t i = 0; i < n->n; i++)
        buf_addf(b, "%s%s", i ? ", " : "", n->s[i]);
}

// "a, b (alias, alias)", sorted.
static char *supported_text(const struct level *l)
{
    struct names *names = arena_new_of(l->arena, struct names);
    struct names *aliases = arena_new_of(l->arena, struct names);
    names->arena = aliases->arena = l->arena;
    for (size_t i = 0; i < l->n; i++) {
        if (l->rows[i]->flags & PARAM_LOCAL)
            continue;
        add_name(names, l->rows[i]->name, strlen(l->rows[i]->name));
        if (l->rows[i]->aliases && *l->rows[i]->name != '_') // "cmd" is taken before the module
            each_piece(l->rows[i]->aliases, '|', add_name, aliases);
    }
    struct buf b = BUF_INIT;
    add_sorted(&b, names);
    if (aliases->n) {
        buf_adds(&b, " (");
        add_sorted(&b, aliases);
        buf_addc(&b, ')');
    }
    char *ret = arena_strndup(l->arena, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}

// Moves values given under an alias to the parameter's name and notes unknown keys. An alias wins
// over the name.
static void resolve_names(struct level *l, const struct dict *args, struct unsupported *u)
{
    struct dict_entry *entry;
    DICT_EACH(args, entry)
    {
        const char *key = value_to_cstr(l->arena, &entry->key);
        const struct param *p = row_for(l, key, strlen(key));
        if (!p) {
            struct value name = value_str(l->arena, key);
            if (l->context)
                name = value_strf(l->arena, "%s.%s", l->path, key);
            list_add(&u->names, name);
            u->supported = supported_text(l);
        } else if (strcmp(p->name, key) != 0 || !dict_get(l->given, key)) {
            dict_set(l->given, p->name, entry->val);
        }
    }
}

static void set_defaults(struct level *l, bool nulls)
{
    for (size_t i = 0; i < l->n; i++)
        if ((l->rows[i]->dflt || nulls) && !dict_get(l->given, l->rows[i]->name))
            dict_set(l->given, l->rows[i]->name, spec_default(l->arena, l->rows[i]));
}

// Notes the error (0: go on), or sets it.
static int report(const struct level *l, struct err *e, const char *text)
{
    if (!l->errors)
        return err_set(e, ERR_INVALID, POS_NONE, "%s", text);
    list_add(l->errors, value_str(l->arena, text));
    return 0;
}

// The same, naming where in the nest of dicts it is.
static int fail(const struct level *l, struct err *e, const char *text)
{
    return report(l, e,
                  l->context ? arena_printf(l->arena, "%s found in %s", text, l->context) : text);
}

// --- rules
// -----------------------------------------------------------------------------------------------------

struct count {
    const struct dict *given;
    struct buf missing;
    const char *joint;
    size_t present, total;
};

static bool count_piece(void *data, const char *s, size_t len)
{
    struct count *c = data;
    c->total++;
    if (dict_getn(c->given, s, len)) {
        c->present++;
    } else {
        if (c->missing.len)
            buf_adds(&c->missing, c->joint);
        buf_add(&c->missing, s, len);
    }
    return false;
}

static struct count count_present(const struct dict *given, const char *names)
{
    struct count c = {.given = given, .joint = ", "};
    each_piece(names, ',', count_piece, &c);
    return c;
}

static char *replace_commas(struct arena *a, const char *names, const char *joint)
{
    struct buf b = BUF_INIT;
    for (; *names; names++)
        if (*names == ',')
            buf_adds(&b, joint);
        else
            buf_addc(&b, *names);
    char *ret = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}

static int check_exclusive(const struct level *l, const char *const *rules, struct err *e)
{
    struct buf b = BUF_INIT;
    for (; rules && *rules; rules++) {
        struct count c = count_present(l->given, *rules);
        if (c.present > 1)
            buf_addf(&b, "%s%s", b.len ? ", " : "", replace_commas(l->arena, *rules, "|"));
        buf_release(&c.missing);
    }
    int rc = b.len
                 ? fail(l, e, arena_printf(l->arena, "parameters are mutually exclusive: %s", b.p))
                 : 0;
    buf_release(&b);
    return rc;
}

static int check_required(const struct level *l, struct err *e)
{
    struct names *missing = arena_new_of(l->arena, struct names);
    missing->arena = l->arena;
    for (size_t i = 0; i < l->n; i++)
        if ((l->rows[i]->flags & PARAM_REQUIRED) && !dict_get(l->given, l->rows[i]->name))
            add_name(missing, l->rows[i]->name, strlen(l->rows[i]->name));
    if (!missing->n)
        return 0;
    struct buf b = BUF_INIT;
    buf_adds(&b, "missing required arguments: ");
    add_sorted(&b, missing);
    int rc = fail(l, e, b.p);
    buf_release(&b);
    return rc;
}

static int check_together(const struct level *l, const char *const *rules, struct err *e)
{
    for (; rules && *rules; rules++) {
        struct count c = count_present(l->given, *rules);
        buf_release(&c.missing);
        int rc = c.present && c.present < c.total
                     ? fail(l, e,
                            arena_printf(l->arena, "parameters are required together: %s",
                                         replace_commas(l->arena, *rules, ", ")))
                     : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_one_of(const struct level *l, const char *const *rules, struct err *e)
{
    for (; rules && *rules; rules++) {
        struct count c = count_present(l->given, *rules);
        buf_release(&c.missing);
        int rc = c.present ? 0
                           : fail(l, e,
                                  arena_printf(l->arena, "one of the following is required: %s",
                                               replace_commas(l->arena, *rules, ", ")));
        if (rc < 0)
            return rc;
    }
    return 0;
}

// One rule "param=value:a,b" (all) or "param=value?a,b" (any).
static int check_one_if(const struct level *l, const char *rule, struct err *e)
{
    const char *eq = strchr(rule, '='), *names = eq ? strpbrk(eq, ":?") : NULL;
    if (!names)
        return 0;
    const struct value *v = dict_getn(l->given, rule, (size_t)(eq - rule));
    size_t len = (size_t)(names - eq - 1);
    if (!v || v->type == VALUE_NULL)
        return 0;
    const char *text = value_to_cstr(l->arena, v);
    const char *want = arena_strndup(l->arena, eq + 1, len);
    bool same = strcmp(text, want) == 0;
    if (v->type == VALUE_BOOL)
        same = value_parse_bool(want, len) == (int)v->u.b;
    if (!same)
        return 0;
    struct count c = count_present(l->given, names + 1);
    bool any = *names == '?', bad = any ? !c.present : c.present < c.total;
    int rc = 0;
    if (bad)
        rc = fail(l, e,
                  arena_printf(l->arena, "%.*s is %s but %s of the following are missing: %s",
                               (int)(eq - rule), rule, text, any ? "any" : "all",
                               buf_str(&c.missing)));
    buf_release(&c.missing);
    return rc;
}

static bool null_piece(void *data, const char *s, size_t len)
{
    struct count *c = data;
    const struct value *v = dict_getn(c->given, s, len);
    if (!v || v->type == VALUE_NULL) {
        if (c->missing.len)
            buf_adds(&c->missing, ", ");
        buf_add(&c->missing, s, len);
    }
    return false;
}

// One rule "a:b,c".
static int check_one_by(const struct level *l, const char *rule, struct err *e)
{
    const char *colon = strchr(rule, ':');
    const struct value *v = colon ? dict_getn(l->given, rule, (size_t)(colon - rule)) : NULL;
    if (!v || v->type == VALUE_NULL)
        return 0;
    struct count c = {.given = l->given};
    each_piece(colon + 1, ',', null_piece, &c);
    int rc = 0;
    if (c.missing.len)
        rc = fail(l, e,
                  arena_printf(l->arena, "missing parameter(s) required by '%.*s': %s",
                               (int)(colon - rule), rule, c.missing.p));
    buf_release(&c.missing);
    return rc;
}

// --- types and values
// ------------------------------------------------------------------------------------------

// Python's name of the value's class. A role's arguments are seen as they were read.
static const char *class_of(const struct level *l, const struct value *v)
{
    if (!l->errors || v->type != VALUE_STRING)
        return value_type_name(v);
    if (v->flags & VALUE_UNSAFE)
        return "ansible.utils.unsafe_proxy.AnsibleUnsafeText";
    return v->line && !(v->flags & VALUE_PLAIN_STR) ? "ansible.parsing.yaml.objects.AnsibleUnicode"
                                                    : "str";
}

// in: where the parameter was, as the sentence goes on behind its class.
static int type_error(const struct level *l, const char *what, const char *in,
                      const struct value *v, enum param_type type, struct err *e, struct err *cause)
{
    const char *class = class_of(l, v), *why = err_msg(cause), *rest = strstr(why, "'> cannot ");
    if (rest && strncmp(why, "<class '", 8) == 0)
        why = arena_printf(l->arena, "<class '%s%s", class, rest);
    int rc = report(l, e,
                    arena_printf(l->arena,
                                 "%s is of type <class '%s'>%s and we were unable to convert to "
                                 "%s: %s",
                                 what, class, in, spec_type_name(type), why));
    err_release(cause);
    return rc;
}

static int coerce_elements(const struct level *l, const struct param *p, struct value *v,
                           struct err *e)
{
    struct value ret = value_list(l->arena);
    const char *in = l->context ? arena_printf(l->arena, " found in '%s'", l->context) : "";
    const char *what = arena_printf(l->arena, "Elements value for option '%s'%s", p->name, in);
    for (size_t i = 0; i < v->u.list->len; i++) {
        struct err cause = ERR_INIT;
        struct value item;
        if (spec_coerce(l->arena, p->elements, &v->u.list->items[i], &item, &cause) == 0)
            list_add(ret.u.list, item);
        else if (type_error(l, what, "", &v->u.list->items[i], p->elements, e, &cause) < 0)
            return ERR_INVALID;
    }
    *v = ret;
    return 0;
}

static int check_types(struct level *l, struct err *e)
{
    const char *in = l->context ? arena_printf(l->arena, " found in '%s'.", l->context) : "";
    for (size_t i = 0; i < l->n; i++) {
        const struct param *p = l->rows[i];
        struct value *v = dict_get(l->given, p->name), ret;
        if (!v || v->type == VALUE_NULL)
            continue;
        struct err cause = ERR_INIT;
        if (spec_coerce(l->arena, p->type, v, &ret, &cause) < 0) {
            if (type_error(l, arena_printf(l->arena, "argument '%s'", p->name), in, v, p->type, e,
                           &cause) < 0)
                return ERR_INVALID;
            continue;
        }
        if (p->type == PARAM_LIST && p->elements != PARAM_RAW && coerce_elements(l, p, &ret, e) < 0)
            return ERR_INVALID;
        *v = ret;
    }
    return 0;
}

static bool is_choice(const struct level *l, const struct param *p, const struct value *v)
{
    if (v->type == VALUE_NULL)
        return false;
    const char *s = value_to_cstr(l->arena, v);
    if (in_list(p->choices, '|', s, strlen(s)))
        return true;
    return v->type == VALUE_BOOL &&
           (in_list(p->choices, '|', v->u.b ? "yes" : "no", v->u.b ? 3 : 2));
}

// YAML made a bool of a word like "on"; where one choice alone can have been meant, that is taken.
static bool choice_from_bool(struct level *l, const struct param *p, struct value *v)
{
    static const char *const words[2][6] = {{"n", "no", "off", "0", "false", "f"},
                                            {"y", "yes", "on", "1", "true", "t"}};
    bool truth = value_eqs(v, "True");
    if (!truth && !value_eqs(v, "False"))
        return false;
    const char *found = NULL;
    for (int i = 0; i < 6; i++) {
        if (!in_list(p->choices, '|', words[truth][i], strlen(words[truth][i])))
            continue;
        if (found)
            return false;
        found = words[truth][i];
    }
    if (found)
        *v = value_str(l->arena, found);
    return found;
}

static int list_choices(struct level *l, const struct param *p, const struct list *items,
                        const char *choices, struct err *e)
{
    struct buf bad = BUF_INIT;
    for (size_t i = 0; i < items->len; i++)
        if (!is_choice(l, p, &items->items[i]))
            buf_addf(&bad, "%s%s", bad.len ? ", " : "", value_to_cstr(l->arena, &items->items[i]));
    int rc = 0;
    if (bad.len)
        rc = fail(l, e,
                  arena_printf(l->arena,
                               "value of %s must be one or more of: %s. Got no match for: %s",
                               p->name, choices, bad.p));
    buf_release(&bad);
    return rc;
}

static char *choices_text(struct arena *a, const char *choices)
{
    struct buf b = BUF_INIT;
    for (; *choices; choices++)
        if (*choices == '|')
            buf_adds(&b, ", ");
        else
            buf_addc(&b, *choices);
    char *ret = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}

static int check_choices(struct level *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct param *p = l->rows[i];
        struct value *v = p->choices ? dict_get(l->given, p->name) : NULL;
        if (!v)
            continue;
        const char *choices = choices_text(l->arena, p->choices);
        if (v->type == VALUE_LIST) {
            if (list_choices(l, p, v->u.list, choices, e) < 0)
                return ERR_INVALID;
        } else if (!is_choice(l, p, v) && !choice_from_bool(l, p, v) &&
                   fail(l, e,
                        arena_printf(l->arena, "value of %s must be one of: %s, got: %s", p->name,
                                     choices, value_to_cstr(l->arena, v))) < 0) {
            return ERR_INVALID;
        }
    }
    return 0;
}

// --- levels
// ----------------------------------------------------------------------------------------------------

static int check_sub(struct level *l, struct unsupported *u, struct err *e);

static int check_rules(const struct level *l, const struct module_spec *s, struct err *e)
{
    int rc = check_together(l, s->required_together, e);
    if (rc == 0)
        rc = check_one_of(l, s->required_one_of, e);
    for (const char *const *r = s->required_if; rc == 0 && r && *r; r++)
        rc = check_one_if(l, *r, e);
    for (const char *const *r = s->required_by; rc == 0 && r && *r; r++)
        rc = check_one_by(l, *r, e);
    return rc;
}

static int check_readable(const struct level *l, const struct param *rows, struct err *e)
{
    struct err why = ERR_INIT;
    int rc = rows ? spec_readable(l->arena, rows, l->given, 0, &why) : 0;
    if (rc < 0)
        rc = report(l, e, err_msg(&why));
    err_release(&why);
    return rc;
}

static int check_level(struct level *l, const struct module_spec *spec, const struct dict *args,
                       struct unsupported *u, struct err *e)
{
    resolve_names(l, args, u);
    int rc = spec ? check_readable(l, spec->params, e) : 0;
    if (rc == 0 && spec)
        rc = check_exclusive(l, spec->mutually_exclusive, e);
    set_defaults(l, false);
    if (rc == 0)
        rc = check_required(l, e);
    if (rc == 0)
        rc = check_types(l, e);
    if (rc == 0)
        rc = check_choices(l, e);
    if (rc == 0 && spec)
        rc = check_rules(l, spec, e);
    set_defaults(l, true);
    return rc == 0 ? check_sub(l, u, e) : rc;
}

static int check_sub_dict(struct level *l, const struct param *p, struct value *v,
                          struct unsupported *u, struct err *e)
{
    if (v->type != VALUE_DICT)
        return report(
            l, e,
            arena_printf(l->arena, "value of '%s' must be of type dict or list of dicts", p->name));
    struct level *sub = arena_new_of(l->arena, struct level);
    sub->arena = l->arena;
    sub->errors = l->errors;
    sub->given = value_dict(l->arena).u.dict;
    sub->depth = l->depth + 1;
    sub->context = l->context ? arena_printf(l->arena, "%s -> %s", l->context, p->name) : p->name;
    sub->path = l->path ? arena_printf(l->arena, "%s.%s", l->path, p->name) : p->name;
    add_rows(sub, p->sub);
    if (check_level(sub, NULL, v->u.dict, u, e) < 0)
        return ERR_INVALID;
    v->u.dict = sub->given;
    return 0;
}

static int check_sub(struct level *l, struct unsupported *u, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct param *p = l->rows[i];
        struct value *v = p->sub ? dict_get(l->given, p->name) : NULL;
        if (!v || v->type == VALUE_NULL)
            continue;
        if (l->depth >= MAX_DEPTH)
            return err_set(e, ERR_LIMIT, POS_NONE, "parameters of '%s' are nested too deep",
                           p->name);
        if (v->type == VALUE_LIST) {
            for (size_t k = 0; k < v->u.list->len; k++)
                if (check_sub_dict(l, p, &v->u.list->items[k], u, e) < 0)
                    return ERR_INVALID;
        } else if (check_sub_dict(l, p, v, u, e) < 0) {
            return ERR_INVALID;
        }
    }
    return 0;
}

static char *unsupported_text(struct arena *a, const struct unsupported *u)
{
    struct names *names = arena_new_of(a, struct names);
    names->arena = a;
    for (size_t i = 0; i < u->names.len; i++)
        add_name(names, u->names.items[i].u.str.s, u->names.items[i].u.str.len);
    struct buf b = BUF_INIT;
    add_sorted(&b, names);
    buf_addf(&b, ". Supported parameters include: %s.", u->supported);
    char *ret = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}

static struct level *top_level(const struct module_spec *spec, struct arena *a)
{
    struct level *l = arena_new_of(a, struct level);
    *l = (struct level){.arena = a, .given = value_dict(a).u.dict};
    add_rows(l, spec->params);
    if (spec->flags & MODULE_FILE_ARGS)
        add_rows(l, spec_file_params);
    return l;
}

int spec_validate_all(const struct module_spec *spec, struct arena *a, const struct dict *args,
                      struct list *ret_errors, struct err *e)
{
    struct level *l = top_level(spec, a);
    struct unsupported u = {.names = {.arena = a}};
    l->errors = ret_errors;
    if (spec->flags & MODULE_NO_SPEC)
        return 0;
    int rc = check_level(l, spec, args, &u, e);
    if (rc == 0 && u.names.len)
        list_add(ret_errors, value_cstr(unsupported_text(a, &u)));
    return rc;
}

int spec_validate(const struct module_spec *spec, struct arena *a, const struct dict *args,
                  struct dict **ret_args, struct err *e)
{
    struct level *l = top_level(spec, a);
    if (spec->flags & MODULE_NO_SPEC) {
        dict_update(l->given, args);
        *ret_args = l->given;
        return 0;
    }
    struct unsupported u = {.names = {.arena = a}};
    int rc = check_level(l, spec, args, &u, e);
    if (rc < 0)
        return rc;
    if (u.names.len)
        return err_set(e, ERR_INVALID, POS_NONE, "Unsupported parameters for (%s%s) module: %s",
                       spec->flags & MODULE_ACTION ? "ansible.legacy." : "",
                       strcmp(spec->name, "shell") == 0 ? "command" : spec->name,
                       unsupported_text(a, &u));
    *ret_args = l->given;
    return 0;
}

static const struct param *find_param(const struct param *rows, const char *name)
{
    for (const struct param *p = rows; p && p->name; p++)
        if (strcmp(p->name, name) == 0 || in_list(p->aliases, '|', name, strlen(name)))
            return p;
    return NULL;
}

const struct param *spec_param(const struct module_spec *spec, const char *name)
{
    const struct param *p = find_param(spec->params, name);
    return p || !(spec->flags & MODULE_FILE_ARGS) ? p : find_param(spec_file_params, name);
}
