// Executing one task on one host: loop, condition, arguments, retries, changed_when/failed_when,
// register, events.
#include "core/buf.h"
#include "core/file.h"
#include "run/internal.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>

enum task_status result_status(const struct dict *d)
{
    if (dict_bool(d, "unreachable", false))
        return STATUS_UNREACHABLE;
    if (dict_bool(d, "failed", false))
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
    if (template_is_template(in.u.str.s, in.u.str.len) && h) {
        exec_init(&x, r, h, (struct task *)(uintptr_t)t, a);
        x.tpl.opts.fail_on_undefined = false;
        if (exec_template(&x, &in, &out, NULL) == 0)
            name = value_to_cstr(a, &out);
    }
    while (*name == ' ')
        name++;
    if (t->n.role && !t->implicit)
        return arena_printf(a, "%s : %s", t->n.role->name, name);
    return name;
}

// Ansible says what is undefined twice; scripts look for its texts.
static void undefined_again(struct exec *x, struct err *e)
{
    static const char before[] = "error while evaluating conditional (";
    if (!x->run->o.ansible_wording || e->code != ERR_UNDEFINED)
        return;
    const char *what = err_msg(e), *cond = strstr(what, before);
    if (cond) {
        const char *end = strstr(cond, "): ");
        what = end ? end + 3 : what;
    }
    struct err twice = ERR_INIT;
    err_set(&twice, e->code, e->pos, "%s. %s", err_msg(e), what);
    err_move(e, &twice);
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
        struct value list = *cond;
        if (cond->type != VALUE_LIST) {
            list = value_list(x->a);
            list_add(list.u.list, *cond);
        }
        for (size_t i = 0; i < list.u.list->len && *run; i++) {
            const struct value *c = &list.u.list->items[i];
            if (template_condition(&x->tpl, x->a, c, run, &e) < 0) {
                struct pos pos = x->run->o.ansible_wording ? x->task->n.pos : value_pos(c);
                undefined_again(x, &e);
                action_fail(x, result, "%s", task_error(x, "", &e, pos));
                dict_del(result->u.dict, "changed");
                x->fail_pos = value_pos(c).line ? value_pos(c) : x->task->n.pos;
                err_release(&e);
                return -1;
            }
            if (!*run)
                dict_set(result->u.dict, "false_condition", *c);
        }
    }
    return 0;
}

bool meta_condition(struct run *r, struct rhost *h, struct task *t, struct arena *a,
                    struct value *result)
{
    struct exec x;
    bool run = true;
    exec_init(&x, r, h, t, a);
    *result = value_dict(a);
    if (eval_when(&x, &run, result) == 0)
        return run;
    run_stop(r, t->n.pos, "%s",
             dict_str(result->u.dict, "msg", "the condition of a meta task failed"));
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

// Task fields that must be known before running. Ansible fails the task when one cannot be
// templated.
static int resolve_fields(struct exec *x, struct err *e)
{
    int rc = 0;
    x->no_log = exec_attr_bool(x, "no_log", false, &rc, e);
    if (rc == 0)
        x->check = exec_attr_bool(x, "check_mode", x->run->o.check, &rc, e);
    if (rc == 0)
        x->diff = exec_attr_bool(x, "diff", x->run->o.diff, &rc, e);
    if (rc == 0)
        x->ignore_errors = exec_attr_bool(x, "ignore_errors", false, &rc, e);
    if (rc == 0)
        x->ignore_unreachable = exec_attr_bool(x, "ignore_unreachable", false, &rc, e);
    struct value v;
    if (rc == 0 && (rc = exec_attr(x, "timeout", &v, e)) >= 0) {
        x->timeout = rc && v.type == VALUE_INT ? (int)v.u.i : 0;
        rc = 0;
    }
    return rc;
}

static int resolve_delegate(struct exec *x, struct err *e)
{
    struct value v;
    int rc = exec_attr(x, "delegate_to", &v, e);
    if (rc <= 0)
        return rc;
    x->delegate_name = value_to_cstr(x->a, &v);
    if (!*x->delegate_name)
        return err_set(e, ERR_INVALID, x->task->n.pos,
                       "Empty hostname produced from delegate_to: \"%s\"", x->delegate_name);
    x->target = run_host_get(x->run, x->delegate_name, true);
    struct value vars = value_dict(x->a);
    dict_set(vars.u.dict, x->delegate_name, run_hostvars_of(x->run, x->target, x->a));
    dict_set(x->locals, "ansible_delegated_vars", vars);
    return 0;
}

// module_defaults from the outside in, then args; *ret is a fresh dict of templated arguments.
static int task_args(struct exec *x, struct dict **ret, struct err *e)
{
    struct dict *raw = value_dict(x->a).u.dict;
    const struct value *args = &x->task->args;
    loop_module_defaults(x, raw);
    if (args->type == VALUE_DICT) {
        const struct value *whole = dict_get(args->u.dict, "_variable_params");
        if (whole) {
            struct value v;
            int rc = exec_template(x, whole, &v, e);
            if (rc < 0)
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
    int rc = exec_template(x, &in, &out, e);
    if (rc < 0)
        return rc;
    *ret = out.u.dict;
    loop_drop_omitted(x, *ret);
    return 0;
}

static int eval_cond_list(struct exec *x, const struct value *cond, const struct dict *result,
                          bool *ret, struct err *e)
{
    // the result's own fields are visible under the registered name
    const struct value *reg = node_own(&x->task->n, "register");
    if (reg && reg->type == VALUE_STRING) {
        struct value v = {.type = VALUE_DICT};
        v.u.dict = (struct dict *)(uintptr_t)result;
        dict_set(x->locals, reg->u.str.s, v);
    }
    return template_condition(&x->tpl, x->a, cond, ret, e);
}

static void apply_when_field(struct exec *x, const char *key, struct dict *result, bool *is_set)
{
    const struct value *cond = node_own(&x->task->n, key);
    struct err e = ERR_INIT;
    bool v;
    *is_set = false;
    if (!cond || cond->type == VALUE_NULL)
        return;
    const struct value empty = *cond;
    if (empty.type == VALUE_LIST && !empty.u.list->len)
        return;
    if (eval_cond_list(x, cond, result, &v, &e) < 0) {
        undefined_again(x, &e);
        const char *why = task_error(x, "", &e, x->task->n.pos);
        dict_set(result, "failed", value_bool(true));
        dict_set(result, arena_printf(x->a, "%s_result", key), value_cstr(why));
        if (!x->run->o.ansible_wording)
            dict_set(result, "msg", value_cstr(why));
        err_release(&e);
        return;
    }
    if (strcmp(key, "failed_when") == 0) {
        dict_set(result, "failed", value_bool(v));
        dict_set(result, "failed_when_result", value_bool(v));
    } else {
        dict_set(result, "changed", value_bool(v));
    }
    *is_set = true;
}

// Runs the action once and puts its result in order.
static void run_action(struct exec *x, struct dict *args, struct value *result)
{
    action_fn *fn = action_find(x->task->module);
    struct module_call call = {.module = x->task->action, .args = args};
    *result = value_dict(x->a);
    if (fn)
        fn(x, args, result);
    else
        exec_module(x, &call, result);
    struct dict *d = result->u.dict;
    const struct value *rc = dict_get(d, "rc");
    if (!dict_get(d, "failed") && rc && rc->type == VALUE_INT && rc->u.i != 0)
        dict_set(d, "failed", value_bool(true));
    if (!dict_get(d, "changed"))
        dict_set(d, "changed", value_bool(false));
}

static void add_lines(struct exec *x, struct dict *d)
{
    static const char *const keys[] = {"stdout", "stderr"};
    for (size_t i = 0; i < 2; i++) {
        const struct value *v = dict_get(d, keys[i]);
        const char *name = i ? "stderr_lines" : "stdout_lines";
        if (!v || v->type != VALUE_STRING || dict_get(d, name))
            continue;
        struct value lines = value_list(x->a);
        const char *s = v->u.str.s, *end = s + v->u.str.len;
        while (s < end) { // as Python's splitlines
            const char *nl = s;
            while (nl < end && *nl != '\n' && *nl != '\r')
                nl++;
            struct value line = value_strn(x->a, s, (size_t)(nl - s));
            line.flags |= VALUE_UNSAFE;
            list_add(lines.u.list, line);
            s = nl < end && *nl == '\r' && nl + 1 < end && nl[1] == '\n' ? nl + 2 : nl + 1;
        }
        dict_set(d, name, lines);
    }
}

static int int_attr(struct exec *x, const char *key, double dflt, double *ret, struct err *e)
{
    struct value v;
    int rc = exec_attr(x, key, &v, e);
    *ret = dflt;
    if (rc <= 0)
        return rc;
    if (v.type == VALUE_INT)
        *ret = (double)v.u.i;
    else if (v.type == VALUE_FLOAT)
        *ret = v.u.f;
    else if (v.type == VALUE_STRING)
        *ret = strtod(v.u.str.s, NULL);
    return 0;
}

static void tell_retry(struct exec *x, int64_t attempt, int64_t retries, const struct dict *result)
{
    struct retry_event ev = {.task = x->task,
                             .task_name = x->name,
                             .host = x->h->name,
                             .left = retries - attempt,
                             .retries = retries,
                             .attempts = attempt,
                             .result = result};
    if (x->run->o.sink.retry)
        x->run->o.sink.retry(x->run->o.sink.data, &ev);
}

// The action with until/retries/delay around it, then failed_when and changed_when.
static void run_with_retries(struct exec *x, struct dict *args, struct value *result)
{
    const struct value *until = node_own(&x->task->n, "until");
    double retries = 3, delay = 5;
    struct err e = ERR_INIT;
    if (int_attr(x, "retries", 3, &retries, &e) < 0 || int_attr(x, "delay", 5, &delay, &e) < 0) {
        *result = value_dict(x->a);
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
        err_release(&e);
        return;
    }
    int64_t tries = !until                              ? 1
                    : !node_own(&x->task->n, "retries") ? 3
                    : retries > 0                       ? (int64_t)retries + 1
                                                        : 1;
    for (int64_t attempt = 1; attempt <= tries; attempt++) {
        bool is_set, done = true;
        run_action(x, args, result);
        struct dict *d = result->u.dict;
        enum task_status status = result_status(d);
        if (status == STATUS_UNREACHABLE)
            return;
        add_lines(x, d);
        if (until && tries > 1)
            dict_set(d, "attempts", value_int(attempt));
        if (!dict_bool(d, "skipped", false) || status == STATUS_FAILED) {
            loop_store_facts(x, d);
            bool action_failed = dict_bool(d, "failed", false);
            (void)action_failed;
            apply_when_field(x, "changed_when", d, &is_set);
            apply_when_field(x, "failed_when", d, &is_set);
        }
        if (!until)
            return;
        if (eval_cond_list(x, until, d, &done, &e) < 0) {
            dict_set(d, "failed", value_bool(true));
            dict_set(d, "msg", value_cstr(task_error(x, "", &e, x->task->n.pos)));
            err_release(&e);
            return;
        }
        if (done || tries == 1)
            return;
        if (attempt == tries) {
            dict_set(d, "failed", value_bool(true));
            dict_set(d, "attempts", value_int(tries - 1));
            return;
        }
        tell_retry(x, attempt, tries, d);
        exec_sleep(x, delay);
        if (x->run->interrupted)
            return;
    }
}

// One execution (one loop item, or the whole task without loop).
static void execute(struct exec *x, struct value *result, const struct err *loop_err)
{
    bool run = true;
    struct err e = ERR_INIT;
    *result = value_dict(x->a);
    int rc = resolve_fields(x, &e);
    struct value cond = value_dict(x->a);
    if (eval_when(x, &run, &cond) < 0) {
        *result = cond;
        err_release(&e);
        return;
    }
    if (!run) {
        *result = skip_result(x);
        const struct value *c = dict_get(cond.u.dict, "false_condition");
        if (c && !x->run->o.ansible_wording) // newer than the Ansible we print like
            dict_set(result->u.dict, "false_condition", *c);
        err_release(&e);
        return;
    }
    if (loop_err && loop_err->code) {
        err_release(&e);
        err_set(&e, loop_err->code, loop_err->pos, "%s", err_msg(loop_err));
        undefined_again(x, &e);
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
        err_release(&e);
        dict_del(result->u.dict, "changed");
        return;
    }
    struct dict *args = NULL;
    if (rc == 0)
        rc = resolve_delegate(x, &e);
    const char *undefined_in =
        "The task includes an option with an undefined variable. The error was: ";
    if (rc == 0 && (rc = loop_environment(x, &e)) < 0)
        undefined_in = "The field 'environment' has an invalid value, which includes an undefined "
                       "variable. The error was: ";
    if (rc == 0)
        rc = task_args(x, &args, &e);
    if (rc < 0) {
        const char *prefix = e.code == ERR_UNDEFINED ? undefined_in : "";
        undefined_again(x, &e);
        const char *msg = task_error(x, prefix, &e, x->task->n.pos);
        action_fail(x, result, "%s", msg);
        dict_del(result->u.dict, "changed"); // nothing was tried
        err_release(&e);
        return;
    }
    if (x->task->kind == TASK_INCLUDE_TASKS || x->task->kind == TASK_INCLUDE_ROLE) {
        include_prepare(x, args, result);
        return;
    }
    run_with_retries(x, args, result);
}

// What Ansible adds to a delegated task's result of the host it ran on.
static void add_delegated(struct exec *x, struct dict *result)
{
    if (!x->delegate_name || x->target == x->h)
        return;
    struct exec *t = arena_new_of(x->a, struct exec);
    struct value v = value_dict(x->a);
    exec_init(t, x->run, x->target, NULL, x->a);
    static const char *const keys[] = {"ansible_host", "ansible_port", "ansible_user",
                                       "ansible_connection"};
    for (size_t i = 0; i < 4; i++) {
        const char *s = exec_var_str(t, keys[i]);
        if (s)
            dict_set(v.u.dict, keys[i], value_str(x->a, s));
    }
    dict_set(result, "_ansible_delegated_vars", v);
}

static void tell(struct exec *x, const struct value *result, const struct value *label, bool loop,
                 double seconds)
{
    const struct run_sink *s = &x->run->o.sink;
    struct result_event ev = {.task = x->task,
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
                              .item = label,
                              .pos = x->fail_pos,
                              .seconds = seconds};
    add_delegated(x, result->u.dict);
    ev.ignored = (ev.status == STATUS_FAILED && x->ignore_errors) ||
                 (ev.status == STATUS_UNREACHABLE && x->ignore_unreachable);
    if (label ? !s->item : !s->result)
        return;
    (label ? s->item : s->result)(s->data, &ev);
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
    bool all_skipped = items->len > 0, changed = false, failed = false;
    for (size_t i = 0; i < items->len && !x->run->interrupted; i++) {
        struct value one, label;
        loop_set_item(x, &lc, items, i);
        x->delegate_name = NULL;
        x->target = x->h;
        if (i && lc.pause > 0)
            exec_sleep(x, lc.pause);
        execute(x, &one, NULL);
        loop_label(x, &lc, &items->items[i], &label);
        loop_decorate(x, &lc, &one, items, i, &label);
        struct dict *d = one.u.dict;
        all_skipped = all_skipped && dict_bool(d, "skipped", false);
        changed = changed || dict_bool(d, "changed", false);
        failed = failed || dict_bool(d, "failed", false);
        list_add(results.u.list, one);
        bool include = x->task->kind == TASK_INCLUDE_TASKS || x->task->kind == TASK_INCLUDE_ROLE;
        if (!include || result_status(d) == STATUS_SKIPPED || result_status(d) == STATUS_FAILED)
            tell(x, &one, &label, false, 0);
        if (dict_bool(d, "unreachable", false)) {
            dict_set(result->u.dict, "unreachable", value_bool(true));
            break;
        }
        const struct value *reg = node_own(&x->task->n, "register");
        if (reg && reg->type == VALUE_STRING)
            dict_set(x->locals, reg->u.str.s, one);
    }
    struct dict *d = result->u.dict;
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
        dict_set(d, "skipped", value_bool(true));
        msg = "All items skipped";
    }
    dict_set(d, "msg", value_cstr(msg));
    loop_control_clear(x, &lc);
}

static void register_result(struct exec *x, const struct value *result)
{
    const struct value *reg = node_own(&x->task->n, "register");
    if (!reg || reg->type != VALUE_STRING)
        return;
    struct value v = value_shallow(x->a, result);
    struct dict *d = v.u.dict;
    if (!dict_get(d, "failed") && !dict_get(d, "results"))
        dict_set(d, "failed", value_bool(false));
    loop_strip_internal(d);
    store_set(x->run, &x->h->set_facts, reg->u.str.s, &v);
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

enum task_status task_run(struct run *r, struct rhost *h, struct task *t, struct arena *a,
                          struct value *ret)
{
    struct exec x;
    struct err e = ERR_INIT;
    struct list *items = NULL;
    int64_t start = clock_mono_ms();
    exec_init(&x, r, h, t, a);
    r->executing++;
    x.name = task_display_name(r, h, t, a);
    if (r->o.sink.host_start)
        r->o.sink.host_start(r->o.sink.data, t, h->name);
    int rc = t->loop ? loop_items(&x, &items, &e) : 0;
    if (rc == 0 && items)
        execute_loop(&x, items, ret);
    else
        execute(&x, ret, rc < 0 ? &e : NULL);
    err_release(&e);
    struct dict *d = ret->u.dict;
    enum task_status status = result_status(d);
    bool include = t->kind == TASK_INCLUDE_TASKS || t->kind == TASK_INCLUDE_ROLE;
    bool ignored = (status == STATUS_FAILED && x.ignore_errors) ||
                   (status == STATUS_UNREACHABLE && x.ignore_unreachable);
    register_result(&x, ret);
    bool known = status == STATUS_FAILED || !dict_bool(d, "changed", false) || task_notify(h, t, a);
    if (!known)
        ; // the run ends with an error, as Ansible does before it shows the result
    else if (!include || status == STATUS_FAILED ||
             (status == STATUS_SKIPPED && !dict_get(d, "results")))
        tell(&x, ret, NULL, items != NULL, (double)(clock_mono_ms() - start) / 1000.0);
    count(&x, status, ignored, include, dict_bool(d, "changed", false));
    dict_set(d, "_andon_ignored", value_bool(ignored));
    if (status == STATUS_UNREACHABLE && !ignored)
        h->unreachable = true;
    r->executing--;
    return ignored ? STATUS_OK : status;
}
