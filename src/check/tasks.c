// Rules about single tasks: parameters, modes, modules, conditions.
#include "check/internal.h"

#include "playbook/keywords.h"

#include <string.h>

static void told(void *data, enum check_id id, struct pos pos, const char *msg)
{
    report(data, id, pos, "%s", msg);
}

void rule_parameters(struct check *c, const struct task *t)
{
    check_parameter_names(t, c->a, told, c);
    check_parameter_values(t, c->a, told, c);
}

// The types of keywords: those of plays and blocks are told by the loader.
void rule_keywords(struct check *c, const struct task *t)
{
    struct dict_entry *it;
    DICT_EACH(t->n.attrs, it)
    {
        struct err e = ERR_INIT;
        const struct keyword *k =
            it->key.type == VALUE_STRING ? keyword_find(it->key.u.str.s) : NULL;
        if (k && keyword_check(k, &it->key, &it->val, &e) < 0)
            report(c, CHECK_KEYWORD_TYPE, e.pos, "%s", err_msg(&e));
        err_release(&e);
    }
}

// Decimal numbers whose digits spell a usual mode.
static bool spells_mode(int64_t n)
{
    static const int modes[] = {400,  440,  444,  500,  550,  555,  600, 640, 644,  660,
                                664,  666,  700,  750,  755,  770,  775, 777, 1777, 2755,
                                2770, 2775, 4755, 2750, 1770, 1755, 711, 751, 6755, 4750};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (modes[i] == n)
            return true;
    return false;
}

void rule_modes(struct check *c, const struct task *t)
{
    static const char *const keys[] = {"mode", "directory_mode"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys && t->args.type == VALUE_DICT; i++) {
        const struct value *v = dict_get(t->args.u.dict, keys[i]);
        size_t len;
        if (!v || v->type != VALUE_INT || !spells_mode(v->u.i))
            continue;
        const char *line = source_line(c, value_pos(v).file, value_pos(v).line, &len);
        if (line && value_pos(v).col && value_pos(v).col <= len &&
            line[value_pos(v).col - 1] != '0')
            report(c, CHECK_DECIMAL_MODE, value_pos(v),
                   "the mode %lld is a decimal number, which is %llo in octal: write \"0%lld\"",
                   (long long)v->u.i, (unsigned long long)v->u.i, (long long)v->u.i);
    }
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

void rule_modules(struct check *c, const struct task *t)
{
    const char *dot = strrchr(t->action, '.'), *last = dot ? dot + 1 : t->action;
    if (strcmp(last, "include") == 0 && t->kind == TASK_INCLUDE_TASKS)
        report(
            c, CHECK_OLD_INCLUDE, t->n.pos,
            "'include' no longer exists in ansible-core 2.16: write import_tasks or include_tasks");
    if (is_native(t->action) || is_native(t->module) ||
        template_is_template(t->action, strlen(t->action)))
        return;
    if (ends_with(last, "_facts") || dict_get(c->library, last))
        c->open = true; // may set facts of any name
    if (first_time(c, "module", t->action))
        report(c, CHECK_FOREIGN_MODULE, t->n.pos,
               "module '%s' is not native: its parameters are not checked", t->action);
}

void rule_conditions(struct check *c, const struct task *t)
{
    static const char *const keys[] = {"when", "until", "changed_when", "failed_when"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct value *v = node_own(&t->n, keys[i]);
        size_t n = v && v->type == VALUE_LIST ? v->u.list->len : v ? 1 : 0;
        for (size_t k = 0; k < n; k++) {
            const struct value *one = v->type == VALUE_LIST ? &v->u.list->items[k] : v;
            if (one->type == VALUE_STRING && strstr(one->u.str.s, "{{"))
                report(c, CHECK_CONDITION_BRACES, value_pos(one),
                       "'%s' is an expression already: leave out the braces", keys[i]);
        }
    }
}
