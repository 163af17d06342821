// Loop items and loop_control, omitted arguments, environment.
#include "run/loop.h"

#include "core/buf.h"
#include "playbook/kv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define OMIT_LEN 61

// Made of random digits, so that no host can send it.
const char *omit_text(void)
{
    static char text[OMIT_LEN + 1];
    unsigned char random[20];
    if (*text)
        return text;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        abort();
    int n = snprintf(text, sizeof text, "__omit_place_holder__");
    for (size_t i = 0; i < sizeof random; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%02x", random[i]);
    return text;
}

// Items of look-ups are lists even where the look-up makes tuples.
static void no_tuples(struct value *v)
{
    if (v->type != VALUE_LIST)
        return;
    v->flags = (uint8_t)(v->flags & ~VALUE_TUPLE);
    for (size_t i = 0; i < v->u.list->len; i++)
        no_tuples(&v->u.list->items[i]);
}

static int with_items(struct exec *x, const struct value *raw, struct value *ret, struct err *e)
{
    const char *lookup = x->task->loop_lookup;
    // terms that are undefined are an error for all but first_found
    struct value terms;
    int rc = exec_template(x, raw, &terms, e);
    if (rc < 0)
        return rc;
    struct value list = value_as_list(x->a, &terms);
    struct dict *none = value_dict(x->a).u.dict;
    static const char *const places[][2] = {
        {"template", "templates"}, {"var", "vars"}, {"file", "files"}};
    for (size_t i = 0; i < 3 && strcmp(lookup, "first_found") == 0; i++)
        if (strstr(x->task->action, places[i][0])) {
            dict_set(none, "_subdir", value_cstr(places[i][1]));
            break;
        }
    if (strcmp(lookup, "items") == 0 && terms.type == VALUE_DICT) {
        struct dict_entry *it; // Python goes through its keys
        list = value_list(x->a);
        DICT_EACH(terms.u.dict, it) list_add(list.u.list, it->key);
    }
    x->tpl.opts.own_words = true;
    rc = template_lookup(&x->tpl, x->a, lookup, list.u.list, none, true, ret, e);
    x->tpl.opts.own_words = false;
    if (rc == 0)
        no_tuples(ret);
    return rc;
}

int loop_items(struct exec *x, struct list **ret, struct err *e)
{
    struct value v;
    int rc;
    x->tpl.opts.keep_vault = true;
    if (x->task->loop_lookup)
        rc = with_items(x, x->task->loop, &v, e);
    else
        rc = exec_template(x, x->task->loop, &v, e);
    x->tpl.opts.keep_vault = false;
    if (rc < 0)
        return rc;
    no_tuples(&v);
    if (v.type == VALUE_OBJECT && v.u.obj->ops->materialize &&
        (rc = v.u.obj->ops->materialize(v.u.obj, x->a, &v, e)) < 0)
        return rc;
    if (v.type != VALUE_LIST) {
        struct buf b = BUF_INIT;
        value_print(&b, &v);
        rc = err_set(e, ERR_INVALID, x->task->loop_pos,
                     "Invalid data passed to 'loop', it requires a list, got this instead: %.*s. "
                     "Hint: If you passed a list/dict of "
                     "just one element, try adding wantlist=True to your lookup invocation or use "
                     "q/query instead of lookup.",
                     (int)(b.len > 2000 ? 2000 : b.len), buf_str(&b));
        buf_release(&b);
        return rc;
    }
    *ret = v.u.list;
    return 0;
}

int loop_control_read(struct exec *x, struct loop_control *lc, struct err *e)
{
    const struct value *raw = node_own(&x->task->n, "loop_control");
    *lc = (struct loop_control){.var = "item", .extended_allitems = true};
    if (!raw || raw->type != VALUE_DICT)
        return 0;
    static const char *const keys[] = {"loop_var", "index_var",         "pause",
                                       "extended", "extended_allitems", "label"};
    struct dict_entry *it;
    DICT_EACH(raw->u.dict, it)
    {
        size_t i = 0;
        while (i < 6 && !value_eqs(&it->key, keys[i]))
            i++;
        if (i == 6)
            return err_set(e, ERR_INVALID, value_pos(&it->key),
                           "'%s' is not a valid attribute for a LoopControl",
                           value_to_cstr(x->a, &it->key));
        if (i == 5) {
            lc->label = &it->val;
            continue;
        }
        struct value v;
        int rc = exec_template(x, &it->val, &v, e);
        if (rc < 0)
            return rc;
        if (i == 0)
            lc->var = value_to_cstr(x->a, &v);
        else if (i == 1)
            lc->index_var = value_to_cstr(x->a, &v);
        else if (i == 2)
            lc->pause = v.type == VALUE_INT     ? (double)v.u.i
                        : v.type == VALUE_FLOAT ? v.u.f
                                                : strtod(value_to_cstr(x->a, &v), NULL);
        else if (v.type == VALUE_BOOL)
            *(i == 3 ? &lc->extended : &lc->extended_allitems) = v.u.b;
    }
    return 0;
}

static struct value extended(struct exec *x, const struct loop_control *lc,
                             const struct list *items, size_t i)
{
    struct value v = value_dict(x->a);
    struct dict *d = v.u.dict;
    dict_set(d, "index", value_int((int64_t)i + 1));
    dict_set(d, "index0", value_int((int64_t)i));
    dict_set(d, "first", value_bool(i == 0));
    dict_set(d, "last", value_bool(i + 1 == items->len));
    dict_set(d, "length", value_int((int64_t)items->len));
    dict_set(d, "revindex", value_int((int64_t)(items->len - i)));
    dict_set(d, "revindex0", value_int((int64_t)(items->len - i - 1)));
    if (lc->extended_allitems) {
        struct value all = {.type = VALUE_LIST};
        all.u.list = (struct list *)(uintptr_t)items;
        dict_set(d, "allitems", all);
    }
    if (i + 1 < items->len)
        dict_set(d, "nextitem", items->items[i + 1]);
    if (i)
        dict_set(d, "previtem", items->items[i - 1]);
    return v;
}

void loop_set_item(struct exec *x, const struct loop_control *lc, const struct list *items,
                   size_t i)
{
    dict_set(x->locals, lc->var, items->items[i]);
    dict_set(x->locals, "ansible_loop_var", value_cstr(lc->var));
    if (lc->index_var) {
        dict_set(x->locals, lc->index_var, value_int((int64_t)i));
        dict_set(x->locals, "ansible_index_var", value_cstr(lc->index_var));
    }
    if (lc->extended)
        dict_set(x->locals, "ansible_loop", extended(x, lc, items, i));
    x->item = &items->items[i];
}

// A copy in which what is encrypted stands as "!vault": labels are printed as text.
static struct value hide_vault(struct arena *a, const struct value *v, int depth)
{
    struct value r = *v;
    struct dict_entry *it;
    if (v->type == VALUE_STRING && v->flags & VALUE_VAULT)
        return value_cstr("!vault");
    if (depth > 100 || (v->type != VALUE_LIST && v->type != VALUE_DICT))
        return r;
    r = value_shallow(a, v);
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < r.u.list->len; i++)
            r.u.list->items[i] = hide_vault(a, &r.u.list->items[i], depth + 1);
        return r;
    }
    DICT_EACH(r.u.dict, it) it->val = hide_vault(a, &it->val, depth + 1);
    return r;
}

int loop_label(struct exec *x, const struct loop_control *lc, const struct value *item,
               struct value *ret, struct err *e)
{
    *ret = *item;
    int rc = lc->label ? exec_template(x, lc->label, ret, e) : 0;
    if (rc == ERR_UNDEFINED)
        *ret = value_null();
    else if (rc < 0)
        *ret = *lc->label;
    if (ret->type == VALUE_DICT && dict_get(ret->u.dict, TEMPLATE_UNKNOWN)) {
        *ret = value_shallow(x->a, ret);
        dict_del(ret->u.dict, TEMPLATE_UNKNOWN);
        dict_del(ret->u.dict, TEMPLATE_MAY_SKIP);
    }
    if (template_has_template(ret)) // else nothing in it is encrypted
        *ret = hide_vault(x->a, ret, 0);
    return rc;
}

void loop_decorate(struct exec *x, const struct loop_control *lc, struct value *result,
                   const struct list *items, size_t i, const struct value *label)
{
    struct dict *d = result->u.dict;
    if (!dict_get(d, "failed") && !dict_get(d, "skip_reason"))
        dict_set(d, "failed", value_bool(false));
    dict_set(d, lc->var, items->items[i]);
    dict_set(d, "ansible_loop_var", value_cstr(lc->var));
    if (lc->index_var) {
        dict_set(d, lc->index_var, value_int((int64_t)i));
        dict_set(d, "ansible_index_var", value_cstr(lc->index_var));
    }
    if (lc->extended)
        dict_set(d, "ansible_loop", extended(x, lc, items, i));
    dict_set(d, "_ansible_item_label", *label);
}

int loop_text_args(struct exec *x, const struct value *text, struct dict *raw, struct dict **ret,
                   struct err *e)
{
    struct dict *d;
    int rc = kv_parse(x->a, text->u.str.s, text->u.str.len, false, x->task->n.pos, &d, e);
    if (rc < 0)
        return rc;
    dict_update(raw, d);
    *ret = raw;
    return 0;
}

static bool is_omit(const struct value *v)
{
    return v->type == VALUE_STRING && v->u.str.len == OMIT_LEN &&
           memcmp(v->u.str.s, omit_text(), OMIT_LEN) == 0;
}

void loop_drop_omitted(struct exec *x, struct dict *args)
{
    struct dict_entry *it;
    (void)x;
    DICT_EACH(args, it)
    {
        if (is_omit(&it->val)) {
            dict_delv(args, &it->key);
        } else if (it->val.type == VALUE_DICT) {
            loop_drop_omitted(x, it->val.u.dict);
        } else if (it->val.type == VALUE_LIST) {
            struct list *l = it->val.u.list;
            for (size_t i = l->len; i-- > 0;) {
                if (is_omit(&l->items[i]))
                    list_remove(l, i);
                else if (l->items[i].type == VALUE_DICT)
                    loop_drop_omitted(x, l->items[i].u.dict);
            }
        }
    }
}

// What n and all around it say, the outermost first.
static void list_environments(const struct node *n, struct list *all)
{
    const struct value *raw = dict_get(n->attrs, "environment");
    if (n->parent)
        list_environments(n->parent, all);
    if (!raw || raw->type == VALUE_NULL)
        return;
    struct value some = value_as_list(all->arena, raw);
    for (size_t i = 0; i < some.u.list->len; i++)
        list_add(all, some.u.list->items[i]);
}

// Each is to be a dict once it is templated; a list is one only as it is written.
int loop_environment(struct exec *x, struct err *e)
{
    struct dict *env = value_dict(x->a).u.dict;
    struct value all = value_list(x->a), v;
    list_environments(&x->task->n, all.u.list);
    for (size_t i = 0; i < all.u.list->len; i++) {
        int rc = exec_template(x, &all.u.list->items[i], &v, e);
        if (rc < 0)
            return rc;
        if (v.type == VALUE_DICT) {
            dict_update(env, v.u.dict);
        } else if (x->run->o.sink.warning) {
            struct buf b = BUF_INIT;
            value_print(&b, &all);
            x->run->o.sink.warning(
                x->run->o.sink.data, value_pos(&all.u.list->items[i]),
                arena_printf(x->a, "could not parse environment value, skipping: %s", buf_str(&b)));
            buf_release(&b);
        }
    }
    x->environment = env->len ? env : NULL;
    return 0;
}

static bool starts(const struct value *key, const char *prefix)
{
    return key->type == VALUE_STRING && strncmp(key->u.str.s, prefix, strlen(prefix)) == 0;
}

static void strip_private(struct dict *d, const char *but)
{
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        if ((starts(&it->key, "_ansible_") || starts(&it->key, "_andon_")) &&
            (!but || strcmp(it->key.u.str.s, but) != 0))
            dict_delv(d, &it->key);
    }
}

// Whether Ansible's own keys stand anywhere in v, as when a module returns its arguments.
static bool has_private(const struct value *v)
{
    struct dict_entry *it;
    bool found = false;
    if (v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len && !found; i++)
            found = has_private(&v->u.list->items[i]);
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, it)
        {
            found = found || starts(&it->key, "_ansible_") || has_private(&it->val);
        }
    return found;
}

static void strip_nested(struct value *v)
{
    struct dict_entry *it;
    if (v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len; i++)
            strip_nested(&v->u.list->items[i]);
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    {
        if (starts(&it->key, "_ansible_"))
            dict_delv(v->u.dict, &it->key);
        else
            strip_nested(&it->val);
    }
}

void loop_strip_internal(struct dict *d)
{
    dict_del(d, "invocation");
    strip_private(d, NULL);
    const struct value *results = dict_get(d, "results");
    if (results && results->type == VALUE_LIST)
        for (size_t i = 0; i < results->u.list->len; i++)
            if (results->u.list->items[i].type == VALUE_DICT)
                strip_private(results->u.list->items[i].u.dict, TEMPLATE_UNKNOWN);
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        if (!has_private(&it->val))
            continue;
        it->val = value_copy(d->arena, &it->val); // others may have the value as well
        strip_nested(&it->val);
    }
}
