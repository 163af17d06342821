// include_tasks and include_role: finds and loads what they name; walk.c then goes through it.
#include "core/file.h"
#include "run/internal.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>

static void add_included(struct exec *x, struct include *inc, const struct dict *vars)
{
    struct rhost *h = x->h;
    if (!h->included_arena)
        h->included_arena = arena_new();
    struct included *list = arena_array(h->included_arena, struct included, h->n_included + 1);
    for (size_t i = 0; i < h->n_included; i++)
        list[i] = h->included_list[i];
    struct value v = {.type = VALUE_DICT};
    v.u.dict = (struct dict *)(uintptr_t)vars;
    list[h->n_included].inc = inc;
    list[h->n_included].vars = vars && vars->len ? value_copy(h->included_arena, &v).u.dict : NULL;
    list[h->n_included].unknown = arena_strdup(h->included_arena, x->unknown);
    h->included_list = list;
    h->n_included++;
}

// The same file or role with the same item is one include for all hosts of a round. A host that
// wants it twice has two.
static bool same_place(const struct include_place *p, const struct included *inc)
{
    if (p->inc != inc->inc || !p->vars != !inc->vars)
        return false;
    struct value x = {.type = VALUE_DICT}, y = {.type = VALUE_DICT};
    x.u.dict = (struct dict *)(uintptr_t)p->vars;
    y.u.dict = (struct dict *)(uintptr_t)inc->vars;
    return !inc->vars || value_equal(&x, &y);
}

static uint32_t place_of(struct rhost *h, const struct included *inc)
{
    struct run *r = h->run;
    uint32_t at = 0;
    struct include_place **end = &r->places;
    for (; *end; end = &(*end)->next, at++)
        if ((*end)->last != h && same_place(*end, inc))
            break;
    if (!*end) {
        struct include_place *p = arena_new_of(r->round_arena, struct include_place);
        p->inc = inc->inc;
        if (inc->vars) {
            struct value v = {.type = VALUE_DICT};
            v.u.dict = (struct dict *)(uintptr_t)inc->vars;
            p->vars = value_copy(r->round_arena, &v).u.dict;
        }
        *end = p;
    }
    (*end)->last = h;
    return at;
}

static int by_place(const void *x, const void *y)
{
    const struct included *p = x, *q = y;
    return p->place < q->place ? -1 : p->place > q->place;
}

void include_order(struct rhost *h)
{
    for (size_t i = 0; i < h->n_included; i++)
        h->included_list[i].place = place_of(h, &h->included_list[i]);
    if (h->n_included > 1)
        qsort(h->included_list, h->n_included, sizeof *h->included_list, by_place);
}

// Variables the included tasks see beside the include's own vars: the loop's item.
static struct dict *frame_vars(struct exec *x)
{
    struct dict *d = value_dict(x->a).u.dict;
    const struct value *reg = node_own(&x->task->n, "register");
    if (!x->item)
        return d;
    dict_update(d, x->locals);
    if (reg && reg->type == VALUE_STRING)
        dict_del(d, reg->u.str.s);
    return d;
}

static const struct dict *apply_of(const struct dict *args)
{
    const struct value *v = dict_get(args, "apply");
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

static void raw_apply(struct exec *x, struct dict *args)
{
    // apply's keywords are templated where they are used, not here
    const struct value *raw =
        x->task->args.type == VALUE_DICT ? dict_get(x->task->args.u.dict, "apply") : NULL;
    if (raw)
        dict_set(args, "apply", *raw);
}

static void note(struct exec *x, const char *file)
{
    const struct value *label = x->item;
    struct value v;
    struct loop_control lc;
    if (label && loop_control_read(x, &lc, NULL) == 0) {
        if (loop_label(x, &lc, label, &v, NULL) < 0)
            v = *label;
        label = &v;
    }
    schedule_note_include(x->h, file, x->item, label, x->no_log);
    x->h->stats.ok++;
}

static int stop_parsing(struct exec *x, const struct err *e)
{
    run_stop(x->run, e->pos, "%s", err_msg(e));
    x->run->stop_code = RUN_PARSER;
    return ERR_FAILED;
}

// A file or role that cannot be loaded fails the host, whatever ignore_errors says.
static int cannot_load(struct exec *x, const char *why, struct pos pos, struct value *result)
{
    *result = value_dict(x->a);
    dict_set(result->u.dict, "failed", value_bool(true));
    dict_set(result->u.dict, "reason", value_cstr(why));
    if (!x->run->o.ansible_wording)
        dict_set(result->u.dict, "msg", value_cstr(why));
    x->fail_pos = pos;
    x->ignore_errors = false;
    return ERR_FAILED;
}

// In Ansible's way a role that is nowhere takes the hosts out of the play, and is no result; and
// what cannot be parsed ends the run.
static int cannot_load_role(struct exec *x, const struct err *e, struct value *result)
{
    struct run *r = x->run;
    cannot_load(x, arena_strdup(x->a, err_msg(e)), e->pos, result);
    if (!r->o.ansible_wording)
        return ERR_FAILED;
    if (e->code != ERR_NOENT)
        return stop_parsing(x, e);
    dict_set(result->u.dict, "_andon_untold", value_bool(true));
    if (r->o.error && r->error_told != x->task) // once for all hosts
        r->o.error(r->o.prompt_data, e);
    r->error_told = x->task;
    return ERR_FAILED;
}

// The place Ansible names first when an included file is not there.
static const char *missing_path(struct exec *x, const char *name)
{
    const struct role *r = x->task->n.role;
    if (r)
        return path_join(x->a, path_join(x->a, r->path, "tasks"), name);
    return path_join(x->a, run_basedir(x->run), name);
}

static int include_tasks(struct exec *x, struct dict *args, struct value *result)
{
    const char *name = dict_str(args, "_raw_params", dict_str(args, "file", NULL));
    struct include *inc;
    struct err e = ERR_INIT;
    if (!name)
        return action_fail(x, result, "No file specified for %s", x->task->action);
    while (*name == ' ')
        name++;
    size_t n = strlen(name);
    while (n && (name[n - 1] == ' ' || name[n - 1] == '\n'))
        n--;
    name = arena_strndup(x->a, name, n);
    const char *path =
        playbook_find_tasks(x->a, &x->task->n, x->task->handler, name, run_basedir(x->run), NULL);
    if (!path)
        return cannot_load(x,
                           arena_printf(x->a,
                                        "Could not find or access '%s' on the Ansible Controller.",
                                        missing_path(x, name)),
                           POS_NONE, result);
    path = arena_strdup(x->a, path);
    if (playbook_include_tasks(x->run->o.loader, x->task, path, apply_of(args), &inc, &e) < 0) {
        cannot_load(x, arena_strdup(x->a, err_msg(&e)), e.pos, result);
        if (x->run->o.ansible_wording && e.code != ERR_NOENT)
            stop_parsing(x, &e);
        err_release(&e);
        return 0;
    }
    dict_set(result->u.dict, "include", value_cstr(name));
    add_included(x, inc, frame_vars(x));
    note(x, path);
    return 0;
}

static int include_role(struct exec *x, struct dict *args, struct value *result)
{
    struct err e = ERR_INIT;
    struct role_include ri = {.name = playbook_role_named(x->a, x->task, args, &e),
                              .tasks_from = dict_str(args, "tasks_from", NULL),
                              .vars_from = dict_str(args, "vars_from", NULL),
                              .defaults_from = dict_str(args, "defaults_from", NULL),
                              .handlers_from = dict_str(args, "handlers_from", NULL),
                              .apply = apply_of(args),
                              .public_vars = dict_bool(args, "public", false),
                              .allow_duplicates = dict_bool(args, "allow_duplicates", true),
                              .no_validate = !dict_bool(args, "rolespec_validate", true)};
    struct include *inc;
    if (!ri.name) {
        int rc = stop_parsing(x, &e);
        err_release(&e);
        return rc;
    }
    if (x->item && !ri.allow_duplicates)
        ri.item = frame_vars(x);
    if (playbook_include_role(x->run->o.loader, x->task, &ri, &inc, &e) < 0) {
        cannot_load_role(x, &e, result);
        err_release(&e);
        return 0;
    }
    dict_set(result->u.dict, "include_args", (struct value){.type = VALUE_DICT, .u.dict = args});
    add_included(x, inc, frame_vars(x));
    return 0;
}

int include_prepare(struct exec *x, struct dict *args, struct value *result)
{
    raw_apply(x, args);
    dict_set(result->u.dict, "changed", value_bool(false));
    return x->task->kind == TASK_INCLUDE_ROLE ? include_role(x, args, result)
                                              : include_tasks(x, args, result);
}
