// A pass over the loaded playbook that compares the parameters of tasks with the modules' tables.
#include "cli/precheck.h"

#include "playbook/keywords.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 256

// Defaults that module_defaults may give; then nothing can be said of what is missing.
static bool has_defaults(const struct task *t)
{
    return node_attr(&t->n, "module_defaults") != NULL;
}

static int unknown(const struct module_spec *m, const struct value *key, struct pos pos,
                   struct err *e)
{
    const char *names[MAX_NAMES];
    int n = 0;
    for (const struct param *p = m->params; p && p->name && n < MAX_NAMES; p++)
        names[n++] = p->name;
    const char *near = err_suggest(key->u.str.s, names, n);
    return err_set(e, ERR_INVALID, pos, "module '%s' has no parameter '%s'%s%s%s", m->name,
                   key->u.str.s, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
}

static bool is_template(const struct value *v)
{
    return v->type == VALUE_STRING && (strstr(v->u.str.s, "{{") || strstr(v->u.str.s, "{%"));
}

// True when the parameter is given by its name or one of its aliases.
static bool given(const struct dict *args, const struct param *p)
{
    if (dict_get(args, p->name))
        return true;
    for (const char *s = p->aliases; s && *s;) {
        size_t n = strcspn(s, "|");
        if (dict_getn(args, s, n))
            return true;
        s += n + (s[n] == '|');
    }
    return false;
}

// The types of keywords; Ansible finds out when the task runs.
static int check_task_keywords(const struct task *t, struct err *e)
{
    struct dict_entry *it;
    int rc = 0;
    DICT_EACH(t->n.attrs, it)
    {
        const struct keyword *k =
            it->key.type == VALUE_STRING ? keyword_find(it->key.u.str.s) : NULL;
        if (k && (rc = keyword_check(k, &it->key, &it->val, e)) < 0)
            return rc;
    }
    return 0;
}

static int check_task(const struct task *t, struct err *e)
{
    if (check_task_keywords(t, e) < 0)
        return e->code;
    const struct module_spec *m = t->kind == TASK_ACTION ? spec_find(t->module) : NULL;
    if (!m || m->flags & MODULE_NO_SPEC || t->args.type != VALUE_DICT || t->implicit || t->foreign)
        return 0;
    const struct dict *args = t->args.u.dict;
    struct dict_entry *it;
    if (dict_get(args, "_variable_params"))
        return 0;
    bool free_form = m->flags & MODULE_FREE_FORM;
    DICT_EACH(args, it)
    {
        struct pos pos = value_pos(&it->key);
        if (it->key.type != VALUE_STRING || is_template(&it->key) || *it->key.u.str.s == '_')
            continue;
        if (!spec_param(m, it->key.u.str.s))
            return unknown(m, &it->key, pos.line ? pos : t->n.pos, e);
    }
    if (free_form || has_defaults(t))
        return 0;
    for (const struct param *p = m->params; p && p->name; p++)
        if (p->flags & PARAM_REQUIRED && !given(args, p))
            return err_set(e, ERR_INVALID, t->n.pos, "module '%s' needs the parameter '%s'",
                           m->name, p->name);
    return 0;
}

static int check_list(const struct node_list *l, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < l->len && rc == 0; i++) {
        struct node *n = l->items[i];
        if (node_task(n)) {
            rc = check_task(node_task(n), e);
        } else if (node_include(n)) {
            rc = check_list(&node_include(n)->body, e);
        } else if (node_block(n)) {
            struct block *b = node_block(n);
            if ((rc = check_list(&b->body, e)) == 0 && (rc = check_list(&b->rescue, e)) == 0)
                rc = check_list(&b->always, e);
        }
    }
    return rc;
}

int precheck(const struct playbook *pb, struct err *e)
{
    for (size_t i = 0; i < pb->n_plays; i++) {
        const struct play *p = pb->plays[i];
        const struct node_list *lists[] = {&p->pre_tasks, &p->tasks, &p->post_tasks, &p->handlers};
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
            int rc = check_list(lists[k], e);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
