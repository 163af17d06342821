// Meta tasks: what each does. Some are done by every host, the others once for all of them.
#include "core/buf.h"
#include "run/internal.h"

#include <string.h>

static const char *action_of(const struct task *t)
{
    return t->args.type == VALUE_DICT ? dict_str(t->args.u.dict, "_raw_params", "") : "";
}

static bool one_of(const char *action, const char *const *names)
{
    while (*names && strcmp(*names, action) != 0)
        names++;
    return *names;
}

bool meta_for_each_host(const struct task *t)
{
    static const char *const names[] = {"noop",           "reset_connection", "end_host",
                                        "flush_handlers", "role_complete",    NULL};
    return one_of(action_of(t), names);
}

// These act whatever their `when` says.
static bool takes_no_condition(const char *action)
{
    static const char *const names[] = {"noop", "refresh_inventory", "reset_connection", NULL};
    return one_of(action, names);
}

static void warn_of_condition(struct run *r, const struct task *t, const char *action,
                              struct arena *a)
{
    if (node_attr(&t->n, "when") && r->o.sink.warning)
        r->o.sink.warning(r->o.sink.data, t->n.pos,
                          arena_printf(a, "%s task does not support when conditional", action));
}

static void tell_skipped(struct rhost *h, struct task *t, const char *action, struct arena *a)
{
    struct run *r = h->run;
    struct value result = value_dict(a);
    const char *more = strcmp(action, "end_host") == 0         ? ", continuing execution for "
                       : strcmp(action, "flush_handlers") == 0 ? ", not running handlers for "
                                                               : NULL;
    dict_set(result.u.dict, "msg", value_cstr(action));
    dict_set(result.u.dict, "skip_reason",
             value_strf(a, "%s conditional evaluated to False%s%s", action, more ? more : "",
                        more ? h->name : ""));
    dict_set(result.u.dict, "skipped", value_bool(true));
    struct result_event ev = {.task = t,
                              .task_name = task_display_name(r, h, t, a),
                              .host = h->name,
                              .status = STATUS_SKIPPED,
                              .handler = t->handler,
                              .result = result.u.dict};
    if (r->o.sink.result)
        r->o.sink.result(r->o.sink.data, &ev);
}

// What was done, as -vv tells it.
static void tell_done(struct rhost *h, const char *action, struct arena *a)
{
    static const struct {
        const char *action, *text;
        bool host;
    } table[] = {{"flush_handlers", "triggered running handlers for ", true},
                 {"refresh_inventory", "inventory successfully refreshed", false},
                 {"clear_facts", "facts cleared", false},
                 {"clear_host_errors", "cleared host errors", false},
                 {"end_batch", "ending batch", false},
                 {"end_play", "ending play", false},
                 {"end_host", "ending play for ", true},
                 {"reset_connection", "reset connection", false}};
    struct run *r = h->run;
    const char *text = action;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].action, action) == 0)
            text = arena_printf(a, "%s%s", table[i].text, table[i].host ? h->name : "");
    if (r->o.verbosity >= 2 && r->o.sink.message)
        r->o.sink.message(r->o.sink.data, arena_printf(a, "META: %s", text));
}

static void clear_facts(struct run *r)
{
    for (size_t i = 0; i < r->n_play_matched; i++)
        host_clear_facts(r->play_matched[i]);
}

static void clear_errors(struct run *r)
{
    for (size_t i = 0; i < r->n_play_matched; i++)
        r->play_matched[i]->failed = r->play_matched[i]->unreachable = false;
}

static enum meta_flow act(struct rhost *h, struct task *t, const char *action, struct arena *a)
{
    struct run *r = h->run;
    if (strcmp(action, "flush_handlers") == 0 && t->handler) {
        run_stop(r, t->n.pos, "flush_handlers cannot be used as a handler");
        return META_OUT;
    }
    if (strcmp(action, "flush_handlers") == 0)
        return META_FLUSH;
    if (strcmp(action, "end_host") == 0) {
        h->ended = true;
        return META_OUT;
    }
    if (strcmp(action, "end_play") == 0) {
        r->end_play = true;
        return META_OUT;
    }
    if (strcmp(action, "end_batch") == 0) {
        r->end_batch = true;
        return META_OUT;
    }
    if (strcmp(action, "refresh_inventory") == 0) {
        run_refresh_inventory(r);
    } else if (strcmp(action, "clear_facts") == 0) {
        clear_facts(r);
    } else if (strcmp(action, "clear_host_errors") == 0) {
        clear_errors(r);
    } else if (strcmp(action, "reset_connection") == 0) {
        struct exec *x = arena_new_of(a, struct exec);
        exec_init(x, r, h, t, a);
        if (r->o.ansible_wording && r->o.sink.warning && strcmp(exec_connection(x), "local") == 0)
            r->o.sink.warning(r->o.sink.data, t->n.pos,
                              "Reset is not implemented for this connection");
        exec_reset_connection(x);
    } else if (strcmp(action, "noop") != 0 && strcmp(action, "role_complete") != 0) {
        run_stop(r, t->n.pos, "invalid meta action requested: %s", action);
        return META_OUT;
    }
    return META_GO;
}

enum meta_flow meta_run(struct rhost *h, struct task *t)
{
    struct run *r = h->run;
    struct arena *a = arena_new();
    const char *action = action_of(t);
    enum meta_flow flow = META_GO;
    bool run = true;
    if (takes_no_condition(action))
        warn_of_condition(r, t, action, a);
    else
        run = meta_condition(r, h, t, a);
    if (run) {
        flow = act(h, t, action, a);
        if (!r->stopped)
            tell_done(h, action, a);
    } else if (!r->stopped) {
        tell_skipped(h, t, action, a);
    }
    arena_free(a);
    return flow;
}
