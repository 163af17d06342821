// Executing one task on one host: loop, condition, arguments, register, events.
#include "core/file.h"
#include "run/fields.h"
#include "run/loop.h"

#include <string.h>

// failed_when has the last word, even when the attempts of `until` are used up.
static bool has_failed(const struct dict *d)
{
    const struct value *results = dict_get(d, "results"), *said = dict_get(d, "failed_when_result");
    if (said)
        return value_truthy(said); // why it could not be evaluated is true as well
    bool asked = false, failed = false;
    for (size_t i = 0; results && results->type == VALUE_LIST && i < results->u.list->len; i++) {
        const struct value *v = &results->u.list->items[i];
        said = v->type == VALUE_DICT ? dict_get(v->u.dict, "failed_when_result") : NULL;
        asked = asked || said;
        failed = failed || (said && value_truthy(said));
    }
    return asked ? failed : dict_bool(d, "failed", false);
}

enum task_status result_status(const struct dict *d)
{
    if (dict_get(d, TEMPLATE_UNKNOWN))
        return STATUS_UNKNOWN;
    if (dict_bool(d, "unreachable", false))
        return STATUS_UNREACHABLE;
    if (has_failed(d))
        return STATUS_FAILED;
    if (dict_bool(d, "skipped", false))
        return STATUS_SKIPPED;
    return dict_bool(d, "changed", false) ? STATUS_CHANGED : STATUS_OK;
}

const char *task_display_name(struct run *r, struct rhost *h, const struct task *t, struct arena *a)
{
    const char *name = t->name && *t->name ? t->name : t->action;
    if (name == t->action && t->kind == TASK_INCLUDE_ROLE && t->args.type == VALUE_DICT)
        name = arena_printf(a, "%s : %s", t->action,
                            dict_str(t->args.u.dict, "name", dict_str(t->args.u.dict, "role", "")));
    struct exec x;
    struct value in = value_cstr(name), out;
    bool own = name == t->name || name == t->action; // not made of arguments
    if (own && template_is_template(in.u.str.s, in.u.str.len) && h) {
        exec_init(&x, r, h, (struct task *)(uintptr_t)t, a);
        x.tpl.opts.fail_on_undefined = false;
        if (exec_template(&x, &in, &out, NULL) == 0)
            name = value_to_cstr(a, &out);
    }
    while (*name == ' ')
        name++;
    if (t->n.role && !t->implicit && t->kind != TASK_INCLUDE_ROLE) // as IncludeRole.get_name
        return arena_printf(a, "%s : %s", t->n.role->name, name);
    return name;
}

// A condition that is false in check mode alone: a run may do what this check does not.
static bool left_out_of_checks(struct exec *x, const struct value *cond)
{
    static const char name[] = "ansible_check_mode";
    bool run = false;
    if (!exec_defers(x) || cond->type != VALUE_STRING || !strstr(cond->u.str.s, name))
        return false;
    dict_set(x->locals, name, value_bool(false));
    int rc = template_condition(&x->tpl, x->a, cond, &run, NULL);
    dict_del(x->locals, name);
    return rc == 0 && run;
}

static int eval_when(struct exec *x, bool *run, struct value *result)
{
    // conditions from the outside in: play has none, includes and blocks first
    size_t n = 0;
    struct err e = ERR_INIT;
    for (const struct node *at = &x->task->n; at; at = at->parent)
        n += dict_get(at->attrs, "when") != NULL;
    const struct node **chain = arena_array(x->a, const struct node *, n);
    n = 0;
    for (const struct node *at = &x->task->n; at; at = at->parent)
        if (dict_get(at->attrs, "when"))
            chain[n++] = at;
    *run = true;
    while (n-- > 0 && *run) {
        const struct value *cond = dict_get(chain[n]->attrs, "when");
        if (cond->type == VALUE_NULL)
            continue;
        struct value list = value_as_list(x->a, cond);
        for (size_t i = 0; i < list.u.list->len && *run; i++) {
            const struct value *c = &list.u.list->items[i];
            task_warn_condition(x, c);
            int rc = template_condition(&x->tpl, x->a, c, run, &e);
            if (rc == ERR_UNKNOWN) { // another may be false for sure
                exec_unknown(x, &e);
                err_release(&e);
                x->maybe = *run = true;
                continue;
            }
            if (rc < 0) {
                struct pos pos = x->run->o.ansible_wording ? x->task->n.pos : value_pos(c);
                action_fail(x, result, "%s", task_error(x, "", &e, pos));
                dict_del(result->u.dict, "changed");
                err_release(&e);
                return -1;
            }
            if (!*run && left_out_of_checks(x, c)) {
                x->unknown = "is left out of check runs by its condition";
                *run = true;
            } else if (!*run) {
                dict_set(result->u.dict, "false_condition", *c);
                x->maybe = false;
                x->unknown = NULL;
            }
        }
    }
    return 0;
}

// What the task is in keeps it from being known whether it would run.
static void uncertain_around(struct exec *x)
{
    for (const struct frame *f = x->h->frames; f && !x->maybe; f = f->up)
        if (f->unknown)
            exec_maybe(x, f->unknown);
    if (!x->maybe && x->task->handler && x->h->handler_why)
        exec_maybe(x, x->h->handler_why);
}

bool meta_condition(struct run *r, struct rhost *h, struct task *t, struct arena *a)
{
    struct exec x;
    struct value result = value_dict(a);
    bool run = true;
    exec_init(&x, r, h, t, a);
    if (eval_when(&x, &run, &result) == 0) {
        if (x.maybe && r->o.sink.warning)
            r->o.sink.warning(r->o.sink.data, t->n.pos,
                              arena_printf(a, "%s: not known whether the play goes on as here: %s",
                                           h->name, x.unknown));
        return run && !x.maybe;
    }
    run_stop(r, t->n.pos, "%s",
             dict_str(result.u.dict, "msg", "the condition of a meta task failed"));
    return false;
}

static struct value skip_result(struct exec *x)
{
    struct value v = value_dict(x->a);
    dict_set(v.u.dict, "changed", value_bool(false));
    dict_set(v.u.dict, "skipped", value_bool(true));
    dict_set(v.u.dict, "skip_reason", value_cstr("Conditional result was False"));
    return v;
}

// Modules that hand values on without looking into them: what is encrypted stays so.
static bool keeps_vault(const char *module)
{
    return strcmp(module, "set_fact") == 0 || strcmp(module, "debug") == 0 ||
           strcmp(module, "set_stats") == 0;
}

// module_defaults from the outside in, then args; *ret is a fresh dict of templated arguments.
static int task_args(struct exec *x, struct dict **ret, struct err *e)
{
    struct dict *raw = value_dict(x->a).u.dict;
    const struct value *args = &x->task->args;
    int rc = defaults_apply(x, raw, e);
    if (rc < 0)
        return rc;
    if (args->type == VALUE_DICT) {
        const struct value *whole = dict_get(args->u.dict, "_variable_params");
        if (whole) {
            struct value v;
            if ((rc = exec_template(x, whole, &v, e)) < 0)
                return rc;
            if (v.type == VALUE_DICT)
                dict_update(raw, v.u.dict);
            else if (v.type == VALUE_STRING)
                return loop_text_args(x, &v, raw, ret, e);
            else
                return err_set(e, ERR_INVALID, value_pos(whole),
                               "arguments must be a dictionary, got a %s", value_type_name(&v));
        }
        dict_update(raw, args->u.dict);
        dict_del(raw, "_variable_params");
    }
    struct value in = {.type = VALUE_DICT}, out;
    in.u.dict = raw;
    x->tpl.opts.keep_vault = keeps_vault(x->task->module);
    rc = exec_template(x, &in, &out, e);
    x->tpl.opts.keep_vault = false;
    if (rc < 0)
        return rc;
    *ret = out.u.dict;
    loop_drop_omitted(x, *ret);
    // a fact may be made of what is not known in part
    return strcmp(x->task->module, "set_fact") == 0
               ? 0
               : template_find_unknown(&out, x->task->n.pos, e);
}

// The handlers the task names; what a check run cannot know of them keeps it from nothing.
static int known_handlers(struct exec *x, struct err *e)
{
    struct err own = ERR_INIT;
    int rc = task_notifies(x, x->notifies, &own);
    if (rc < 0 && rc != ERR_UNKNOWN)
        return err_move(e, &own);
    err_release(&own);
    return 0;
}

static bool is_include(const struct task *t)
{
    return t->kind == TASK_INCLUDE_TASKS || t->kind == TASK_INCLUDE_ROLE;
}

// Everything the task needs before it can run.
static int prepare(struct exec *x, struct bad_field *bad, struct dict **args)
{
    if (bad->name)
        return bad->e.code;
    int rc = fields_delegate(x, &bad->e);
    if (rc < 0) {
        bad->name = "delegate_to";
    } else if ((rc = loop_environment(x, &bad->e)) < 0) {
        bad->name = "environment";
    } else if ((rc = task_args(x, args, &bad->e)) == 0 && (rc = known_handlers(x, &bad->e)) < 0) {
        bad->name = "notify";
    }
    return rc;
}

static void run_prepared(struct exec *x, struct dict *args, struct value *result)
{
    if (!is_include(x->task)) {
        x->args = args;
        task_attempts(x, args, result);
        return;
    }
    include_prepare(x, args, result);
    if (!x->maybe || result_status(result->u.dict) != STATUS_FAILED)
        x->unknown = NULL; // its tasks say so
}

static void try_execute(struct exec *x, struct value *result, const struct err *loop_err)
{
    bool run = true;
    struct bad_field bad = {.e = ERR_INIT};
    struct value cond = value_dict(x->a);
    struct dict *args = NULL;
    *result = value_dict(x->a);
    fields_resolve(x, &bad);
    if (eval_when(x, &run, &cond) < 0) {
        *result = cond;
        x->aborted = true;
    } else if (!run) {
        *result = skip_result(x);
        const struct value *c = dict_get(cond.u.dict, "false_condition");
        if (c && !x->run->o.ansible_wording) // newer than the Ansible we print like
            dict_set(result->u.dict, "false_condition", *c);
    } else {
        uncertain_around(x);
        if (x->unknown && !is_include(x->task)) {
            (void)!known_handlers(x, NULL);
        } else if (loop_err && loop_err->code) {
            action_fail(x, result, "%s", task_error(x, "", loop_err, POS_NONE));
            dict_del(result->u.dict, "changed");
        } else if (prepare(x, &bad, &args) < 0) {
            fields_refuse(x, bad.name, &bad.e, result);
        } else {
            run_prepared(x, args, result);
        }
    }
    err_release(&bad.e);
}

// One execution (one loop item, or the whole task without loop).
static void execute(struct exec *x, struct value *result, const struct err *loop_err)
{
    x->unknown = x->bad_field = x->undo = NULL;
    x->args = NULL;
    x->changes = NULL;
    x->secret = false;
    x->undo_after = value_null();
    x->maybe = x->on_host = x->foreseen = x->aborted = false;
    try_execute(x, result, loop_err);
    if (x->unknown) {
        x->aborted = false; // other items may be known
        unknown_result(x, result);
        unknown_effects(x);
    }
    fields_add_delegated(x, result->u.dict);
}

static void tell(struct exec *x, const struct value *result, const struct value *label, bool loop,
                 double seconds)
{
    const struct run_sink *s = &x->run->o.sink;
    struct result_event ev = {.task = x->told,
                              .task_name = x->name,
                              .host = x->h->name,
                              .delegated = x->delegate_name,
                              .status = result_status(result->u.dict),
                              .no_log =
                                  x->no_log || dict_bool(result->u.dict, "_ansible_no_log", false),
                              .check = x->check,
                              .diff = x->diff,
                              .handler = x->task->handler,
                              .loop = loop,
                              .include = x->task->kind != TASK_ACTION && x->task->kind != TASK_META,
                              .result = result->u.dict,
                              .args = loop ? NULL : x->args,
                              .changes = loop ? NULL : x->changes,
                              .secret = loop ? x->any_secret : x->secret,
                              .item = label,
                              .pos = x->fail_pos,
                              .seconds = seconds};
    ev.ignored = (ev.status == STATUS_FAILED && x->ignore_errors) ||
                 (ev.status == STATUS_UNREACHABLE && x->ignore_unreachable);
    if (label ? !s->item : !s->result)
        return;
    (label ? s->item : s->result)(s->data, &ev);
}

static void finish_loop(struct dict *d, struct value results, const struct list *items,
                        bool all_skipped, bool changed, bool failed)
{
    dict_set(d, "results", results);
    dict_set(d, "changed", value_bool(changed));
    dict_set(d, "skipped", value_bool(all_skipped));
    const char *msg = "All items completed";
    if (!items->len) {
        dict_set(d, "skipped", value_bool(true));
        dict_set(d, "skipped_reason", value_cstr("No items in the list"));
        return;
    }
    if (failed) {
        dict_set(d, "failed", value_bool(true));
        msg = "One or more items failed";
    } else if (all_skipped) {
        msg = "All items skipped";
    }
    dict_set(d, "msg", value_cstr(msg));
}

static bool told_per_item(const struct exec *x, const struct dict *result)
{
    enum task_status status = result_status(result);
    return !is_include(x->task) || status == STATUS_SKIPPED || status == STATUS_FAILED ||
           status == STATUS_UNKNOWN;
}

// Runs item i in an arena of its own, of which the result alone is kept; `*ret` lives in the
// task's.
static void execute_item(struct exec *x, const struct loop_control *lc, struct list *items,
                         size_t i, struct value *ret)
{
    struct arena *outer = x->a;
    struct dict *around = x->locals;
    struct value start = {.type = VALUE_DICT, .u.dict = around}, label;
    struct err no_label = ERR_INIT;
    x->a = arena_new();
    exec_set_locals(x, value_shallow(x->a, &start).u.dict);
    loop_set_item(x, lc, items, i);
    execute(x, ret, NULL);
    x->any_secret = x->any_secret || x->secret;
    label = value_null();
    if (!x->aborted && loop_label(x, lc, &items->items[i], &label, &no_label) == ERR_UNDEFINED)
        action_fail(x, ret, "Failed to template loop_control.label: %s", err_msg(&no_label));
    err_release(&no_label);
    struct arena *own = x->a;
    x->a = outer;
    *ret = value_copy(outer, ret);
    facts_note(x, ret->u.dict);
    if (lc->label || label.u.list != items->items[i].u.list)
        label = value_copy(outer, &label);
    if (!x->aborted)
        loop_decorate(x, lc, ret, items, i, &label);
    x->delegate_name = arena_strdup(outer, x->delegate_name);
    x->environment = NULL;
    x->item = NULL;
    exec_set_locals(x, around);
    facts_show(x, ret->u.dict);
    if (!x->aborted && told_per_item(x, ret->u.dict))
        tell(x, ret, &label, false, 0);
    x->args = NULL;
    x->changes = NULL;
    arena_free(own);
}

static void warn_of_loop_var(struct exec *x, const char *name)
{
    const struct run_sink *s = &x->run->o.sink;
    struct value v;
    if (s->warning && x->tpl.vars.get(x->tpl.vars.data, x->a, name, &v, NULL) > 0)
        s->warning(s->data, x->task->loop_pos,
                   arena_printf(x->a,
                                "TASK: %s: The loop variable '%s' is already in use. You should "
                                "set the `loop_var` value in the `loop_control` option for the "
                                "task to something else to avoid variable collisions and "
                                "unexpected behavior.",
                                x->name, name));
}

// Runs every item and puts the results together.
static void execute_loop(struct exec *x, struct list *items, struct value *result)
{
    struct loop_control lc;
    struct err e = ERR_INIT;
    struct value results = value_list(x->a);
    *result = value_dict(x->a);
    if (loop_control_read(x, &lc, &e) < 0) {
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
        err_release(&e);
        return;
    }
    warn_of_loop_var(x, lc.var);
    bool all_skipped = items->len > 0, changed = false, failed = false;
    const char *unknown = NULL;
    const struct value *reg = node_own(&x->task->n, "register");
    for (size_t i = 0; i < items->len && !x->run->interrupted; i++) {
        struct value one;
        x->delegate_name = NULL;
        x->target = x->h;
        if (i && lc.pause > 0)
            exec_sleep(x, lc.pause);
        execute_item(x, &lc, items, i, &one);
        if (x->aborted) { // an error of the task, not of one item
            *result = one;
            return;
        }
        struct dict *d = one.u.dict;
        all_skipped = all_skipped && dict_bool(d, "skipped", false);
        changed = changed || dict_bool(d, "changed", false);
        failed = failed || dict_bool(d, "failed", false);
        unknown = unknown ? unknown : dict_str(d, TEMPLATE_UNKNOWN, NULL);
        list_add(results.u.list, one);
        if (dict_bool(d, "unreachable", false)) {
            dict_set(result->u.dict, "unreachable", value_bool(true));
            break;
        }
        if (reg && reg->type == VALUE_STRING)
            dict_set(x->locals, reg->u.str.s, one);
    }
    fields_add_delegated(x, result->u.dict);
    finish_loop(result->u.dict, results, items, all_skipped, changed, failed);
    if (unknown && !changed && !failed) {
        dict_set(result->u.dict, TEMPLATE_UNKNOWN, value_cstr(unknown));
        dict_set(result->u.dict, "msg", value_cstr(unknown));
    }
}

static void register_result(struct exec *x, const struct value *result)
{
    const struct value *reg = node_own(&x->task->n, "register");
    if (!reg || reg->type != VALUE_STRING)
        return;
    bool defers = x->run->o.defer_unknown;
    struct value v =
        defers ? unknown_registered(x, reg->u.str.s, result) : value_shallow(x->a, result);
    if (v.type != VALUE_DICT) {
        store_set(x->run, &x->h->set_facts, reg->u.str.s, &v);
        return;
    }
    struct dict *d = v.u.dict;
    // what a module skipped has not failed; what a condition skipped says nothing of it
    if (!dict_get(d, "failed") && !dict_get(d, "results") && !dict_get(d, "skip_reason") &&
        !dict_get(result->u.dict, TEMPLATE_UNKNOWN) && !x->final)
        dict_set(d, "failed", value_bool(false));
    const struct value *mark = dict_get(d, TEMPLATE_UNKNOWN);
    struct value kept = mark ? *mark : value_null();
    loop_strip_internal(d);
    if (kept.type == VALUE_STRING)
        dict_set(d, TEMPLATE_UNKNOWN, kept);
    store_set(x->run, &x->h->set_facts, reg->u.str.s, &v);
    // what a module says is no template; what set_fact was given may be one
    if (strcmp(x->task->module, "set_fact") != 0 && strcmp(x->task->module, "include_vars") != 0)
        value_mark_unsafe(dict_get(x->h->set_facts.d, reg->u.str.s));
}

static void count(struct exec *x, enum task_status status, bool ignored, bool include, bool changed)
{
    struct host_stats *s = &x->h->stats;
    switch (status) {
    case STATUS_OK:
    case STATUS_CHANGED:
        if (!include)
            s->ok++;
        if (status == STATUS_CHANGED)
            s->changed++;
        break;
    case STATUS_SKIPPED:
        s->skipped++;
        if (ignored)
            s->ignored++;
        break;
    case STATUS_UNKNOWN:
        s->unknown++;
        break;
    case STATUS_FAILED:
        if (ignored) {
            s->ok++;
            s->ignored++;
            s->changed += changed;
        }
        break;
    case STATUS_UNREACHABLE:
        if (ignored) {
            s->ok++;
            s->ignored++;
        } else {
            s->unreachable++;
        }
        break;
    }
}

// The module of a task that names it by a template, for this host.
static int resolve_action(struct exec *x, struct err *e)
{
    struct value in = value_cstr(x->task->action), out;
    value_set_pos(&in, x->task->n.pos);
    int rc = exec_template(x, &in, &out, e);
    if (rc < 0)
        return rc;
    struct task *t = arena_new_of(x->a, struct task);
    *t = *x->task;
    t->action = value_to_cstr(x->a, &out);
    const char *dot = strncmp(t->action, "ansible.", 8) == 0 ? strrchr(t->action, '.') : NULL;
    t->module = dot ? dot + 1 : t->action;
    x->task = t;
    return 0;
}

enum task_status task_run(struct run *r, struct rhost *h, struct task *t, struct arena *a,
                          struct value *ret)
{
    struct exec x;
    struct err e = ERR_INIT;
    struct list *items = NULL;
    int64_t start = clock_mono_ms();
    exec_init(&x, r, h, t, a);
    r->executing++;
    x.notifies = value_list(a).u.list;
    x.name = task_display_name(r, h, t, a);
    if (r->o.sink.host_start)
        r->o.sink.host_start(r->o.sink.data, t, h->name);
    int rc = t->dynamic ? resolve_action(&x, &e) : 0;
    if (rc == 0 && t->loop)
        rc = loop_items(&x, &items, &e);
    if (rc == 0 && items) {
        execute_loop(&x, items, ret);
    } else {
        execute(&x, ret, rc < 0 ? &e : NULL);
        facts_note(&x, ret->u.dict);
    }
    err_release(&e);
    struct dict *d = ret->u.dict;
    enum task_status status = result_status(d);
    if (status == STATUS_OK || status == STATUS_CHANGED)
        facts_keep(&x);
    bool ignored = (status == STATUS_FAILED && x.ignore_errors) ||
                   (status == STATUS_UNREACHABLE && x.ignore_unreachable);
    register_result(&x, ret);
    const char *why = status == STATUS_UNKNOWN && !task_never_changes(t)
                          ? dict_str(d, TEMPLATE_UNKNOWN, NULL)
                          : NULL;
    bool notifies = why || (status != STATUS_FAILED && dict_bool(d, "changed", false));
    if (why)
        why = arena_printf(a, "notified by %s: %s", exec_where(&x), why);
    bool known = !notifies || task_notify(h, t, x.notifies, why, a);
    // what stopped the run is an error, which Ansible shows instead of the result
    bool untold = dict_bool(d, "_andon_untold", false);
    if (known && !r->stopped && !untold)
        tell(&x, ret, NULL, items && !x.aborted, (double)(clock_mono_ms() - start) / 1000.0);
    count(&x, status, ignored, is_include(t), dict_bool(d, "changed", false));
    dict_set(d, "_andon_ignored", value_bool(ignored));
    if (status == STATUS_UNREACHABLE && !ignored)
        h->unreachable = true;
    run_drop_view(r, h); // thousands of hosts need not keep it between tasks
    r->executing--;
    return ignored ? STATUS_OK : status;
}
