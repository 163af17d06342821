// Handlers and who notifies them.
#include "check/internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static void add_handler(struct check *c, const struct task *t, const struct value *name, bool first)
{
    struct handler h = {.name = name->u.str.s, .pos = t->n.pos, .of_role = t->n.role != NULL};
    if (name->type != VALUE_STRING)
        return;
    vec_add(&c->handlers, &h);
    if (first)
        vec_add(&c->all_handlers, &h);
}

void note_handlers(struct check *c, const struct task *t)
{
    const struct value *name = node_own(&t->n, "name"), *listen = node_own(&t->n, "listen");
    if (!t->handler)
        return;
    bool first = first_at(c->seen_handlers, t->n.pos);
    if (name)
        add_handler(c, t, name, first);
    if (listen && listen->type == VALUE_LIST)
        for (size_t i = 0; i < listen->u.list->len; i++)
            add_handler(c, t, &listen->u.list->items[i], first);
    else if (listen)
        add_handler(c, t, listen, first);
}

static void add_notice(struct check *c, const struct value *v)
{
    struct notice n = {.name = v->u.str.s, .pos = value_pos(v)};
    if (v->type == VALUE_STRING && v->u.str.len)
        vec_add(&c->notices, &n);
}

void note_notify(struct check *c, const struct node *n)
{
    const struct value *v = node_own(n, "notify");
    if (v && v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len; i++)
            add_notice(c, &v->u.list->items[i]);
    else if (v)
        add_notice(c, v);
}

// A text with templates as a pattern for fnmatch.
static const char *as_pattern(struct arena *a, const char *s)
{
    char *out = arena_alloc(a, 2 * strlen(s) + 1), *to = out;
    while (*s) {
        const char *end = strncmp(s, "{{", 2) == 0   ? strstr(s, "}}")
                          : strncmp(s, "{%", 2) == 0 ? strstr(s, "%}")
                                                     : NULL;
        if (end) {
            *to++ = '*';
            s = end + 2;
            continue;
        }
        if (strchr("*?[\\", *s))
            *to++ = '\\';
        *to++ = *s++;
    }
    return out;
}

static bool is_pattern(const char *s)
{
    return template_is_template(s, strlen(s));
}

static bool matches(struct check *c, const char *pattern, const char *name)
{
    return is_pattern(name) || fnmatch(as_pattern(c->a, pattern), name, 0) == 0;
}

// The handler's name in "role : name".
static const char *bare_name(const char *notify)
{
    const char *colon = strstr(notify, " : ");
    return colon ? colon + 3 : notify;
}

// The handlers of a play by name.
struct known {
    struct dict *names;
    struct vec patterns; // const char *
};

static void know_handlers(struct check *c, struct known *k)
{
    *k = (struct known){.names = value_dict(c->a).u.dict, .patterns.size = sizeof(char *)};
    for (size_t i = 0; i < c->handlers.len; i++) {
        const char *name = VEC_AT(&c->handlers, struct handler, i)->name;
        if (is_pattern(name))
            vec_add(&k->patterns, &name);
        else
            dict_set(k->names, name, value_bool(true));
    }
}

static bool has_handler(struct check *c, const struct known *k, const char *notify)
{
    if (is_pattern(notify) || dict_get(k->names, notify) || dict_get(k->names, bare_name(notify)))
        return true;
    for (size_t i = 0; i < k->patterns.len; i++)
        if (matches(c, *VEC_AT(&k->patterns, const char *, i), notify))
            return true;
    return false;
}

static void tell_missing(struct check *c, const struct known *k, const struct notice *n)
{
    const char *names[512];
    struct dict_entry *it;
    int count = 0;
    DICT_EACH(k->names, it)
    if (count < 512)
        names[count++] = it->key.u.str.s;
    const char *near = err_suggest(n->name, names, count);
    report_as(c, CHECK_NO_HANDLER, c->synthetic ? CHECK_WARNING : CHECK_ERROR, n->pos,
              "no handler is called '%s' or listens to it%s%s%s", n->name,
              near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void remember(struct check *c, const char *name)
{
    const char *rest = as_pattern(c->a, name);
    if (strspn(rest, "* ") == strlen(rest))
        c->notifies_anything = true;
    else if (is_pattern(name))
        vec_add(&c->notify_patterns, &rest);
    else
        dict_set(c->notified, bare_name(name), value_bool(true));
}

void rule_handlers(struct check *c)
{
    struct known k;
    struct dict *found = value_dict(c->a).u.dict;
    know_handlers(c, &k);
    for (size_t i = 0; i < c->notices.len; i++) {
        const struct notice *n = VEC_AT(&c->notices, struct notice, i);
        struct value *had = dict_get(found, n->name);
        bool ok = had ? had->u.b : has_handler(c, &k, n->name);
        if (!had) {
            dict_set(found, n->name, value_bool(ok));
            remember(c, n->name);
        }
        if (ok)
            clear_finding(c, CHECK_NO_HANDLER, n->pos);
        else if (!c->play_open)
            tell_missing(c, &k, n);
    }
    free(k.patterns.items);
    c->handlers.len = c->notices.len = 0;
}

void rule_same_handlers(struct check *c, const struct node_list *l)
{
    struct dict *names = value_dict(c->a).u.dict;
    for (size_t i = 0; i < l->len; i++) {
        const struct task *t = node_task(l->items[i]);
        const struct value *name = t ? node_own(&t->n, "name") : NULL;
        if (!name || name->type != VALUE_STRING)
            continue;
        const char *key = arena_printf(c->a, "%u:%s", t->n.pos.file, name->u.str.s);
        const struct value *had = dict_get(names, key);
        if (had && value_pos(had).line != t->n.pos.line)
            report(c, CHECK_SAME_HANDLER, value_pos(had),
                   "the handler '%s' is defined again in line %u, which is the one that runs",
                   name->u.str.s, t->n.pos.line);
        struct value at = value_null();
        value_set_pos(&at, t->n.pos);
        dict_set(names, key, at);
    }
}

static bool is_notified(struct check *c, const struct handler *h)
{
    if (is_pattern(h->name) || dict_get(c->notified, h->name))
        return true;
    for (size_t i = 0; i < c->notify_patterns.len; i++)
        if (fnmatch(*VEC_AT(&c->notify_patterns, const char *, i), h->name, 0) == 0)
            return true;
    return false;
}

void finish_handlers(struct check *c)
{
    struct dict *used = value_dict(c->a).u.dict; // by the name or one of the topics
    for (size_t i = 0; i < c->all_handlers.len; i++) {
        const struct handler *h = VEC_AT(&c->all_handlers, struct handler, i);
        if (c->notifies_anything || is_notified(c, h))
            dict_setv(used, pos_id(h->pos), value_bool(true));
    }
    for (size_t i = 0; i < c->all_handlers.len; i++) {
        const struct handler *h = VEC_AT(&c->all_handlers, struct handler, i);
        struct value id = pos_id(h->pos);
        if (!dict_getv(used, &id))
            report_as(c, CHECK_DEAD_HANDLER, h->of_role ? CHECK_NOTE : CHECK_WARNING, h->pos,
                      "nothing notifies the handler '%s'", h->name);
    }
}
