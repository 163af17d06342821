// Gates that run something: a command on the controller, a command on the ring's hosts, a verify
// play over them.
#include "rollout/gate_ask.h"

#include "core/json.h"

#include <string.h>
#include <sys/wait.h>

#define KEEP_COMMAND (8u << 10)
#define KEEP_JSON (1u << 20) // the last line has all hosts
#define NAMES_SHOWN 3

// --- on the controller

static int command_start(struct question *q, struct err *e)
{
    const char *text;
    int r = ask_expand(q, NULL, q->gate->text, &text, e);
    if (r < 0)
        return r;
    const char **argv = arena_array(q->a, const char *, 4);
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = text;
    ask_process(q, &(struct process){.argv = argv,
                                     .env = ask_environment(q),
                                     .dir = ask_folder(q),
                                     .keep = KEEP_COMMAND});
    return 0;
}

static bool went_well(const struct item *i)
{
    return !i->error && !i->late && WIFEXITED(i->process->status) &&
           WEXITSTATUS(i->process->status) == 0;
}

static void add_exit(struct value *values, const struct item *i)
{
    if (!i->error && !i->late && WIFEXITED(i->process->status))
        dict_set(values->u.dict, "exit", value_int(WEXITSTATUS(i->process->status)));
    dict_set(values->u.dict, "seconds", value_float(i->seconds));
}

// What it said last: on standard error, where that is apart and not empty.
static const char *said(struct question *q, const struct item *i, bool errors_only)
{
    const struct process *p = i->process;
    const char *last = ask_last_lines(q->a, &p->errors);
    if (!*last && !errors_only)
        last = ask_last_lines(q->a, &p->output);
    return *last ? arena_printf(q->a, ": %s", last) : "";
}

static void command_finish(struct question *q)
{
    const struct item *i = q->first;
    struct value values = value_dict(q->a);
    add_exit(&values, i);
    bool ok = went_well(i);
    ask_answer(q,
               ok         ? GATE_GREEN
               : i->error ? GATE_UNKNOWN
                          : GATE_RED,
               &values, "%s%s%s", ask_ending(q->a, i), ok ? "" : ", wanted exit code 0",
               said(q, i, false));
}

const struct gate_ops gate_command_ops = {command_start, command_finish};

// --- on hosts

static int on_hosts_start(struct question *q, struct err *e)
{
    const struct gate_env *env = q->env;
    struct process p = {.split = true, .keep = KEEP_JSON, .env = ask_environment(q)};
    if (!env->command_argv)
        return err_set(e, ERR_UNSUPPORTED, q->gate->pos, "nothing can be run on hosts here");
    if (ask_hosts(q) == 0)
        return err_set(e, ERR_INVALID, q->gate->pos, "the ring has no hosts");
    int r = env->command_argv(env->data, q->gate, env->hosts, q->a, &p.argv, e);
    if (r == 0)
        ask_process(q, &p);
    return r;
}

// What the events of a run say in the end.
struct outcome {
    bool known; // the run came to its last event
    size_t hosts, failed;
    struct buf names; // of the first that failed
    const char *msg;  // of the last failure
};

static void take_stats(struct outcome *o, const struct dict *event)
{
    const struct value *hosts = dict_get(event, "hosts");
    struct dict_entry *h;
    if (!hosts || hosts->type != VALUE_DICT)
        return;
    o->known = true;
    DICT_EACH(hosts->u.dict, h)
    {
        if (h->val.type != VALUE_DICT || h->key.type != VALUE_STRING)
            continue;
        o->hosts++;
        if (dict_int(h->val.u.dict, "failed", 0) + dict_int(h->val.u.dict, "unreachable", 0) == 0)
            continue;
        if (o->failed++ < NAMES_SHOWN)
            buf_addf(&o->names, "%s%s", o->names.len ? ", " : "", h->key.u.str.s);
    }
}

static void take_result(struct outcome *o, const struct dict *event, struct arena *a)
{
    const char *status = dict_str(event, "status", "");
    const struct value *result = dict_get(event, "result");
    if ((strcmp(status, "failed") != 0 && strcmp(status, "unreachable") != 0) ||
        dict_bool(event, "ignored", false) || !result || result->type != VALUE_DICT)
        return;
    const char *msg = dict_str(result->u.dict, "msg", "");
    o->msg = arena_printf(a, "%s: %s", dict_str(event, "host", "?"), msg);
}

// Lines of JSON, of which the first may be cut.
static void read_events(struct outcome *o, const struct buf *b, struct arena *a)
{
    const char *s = buf_str(b), *end = s + b->len;
    for (const char *next; s < end; s = next + 1) {
        struct value v;
        next = memchr(s, '\n', (size_t)(end - s));
        next = next ? next : end;
        if (json_parse(a, s, (size_t)(next - s), &v, NULL) < 0 || v.type != VALUE_DICT)
            continue;
        const char *event = dict_str(v.u.dict, "event", "");
        if (strcmp(event, "stats") == 0)
            take_stats(o, v.u.dict);
        else if (strcmp(event, "result") == 0)
            take_result(o, v.u.dict, a);
    }
}

static void answer_failures(struct question *q, const struct outcome *o, const struct value *values)
{
    size_t n = o->hosts, allowed = amount_of(q->gate->max_failed, n, 0);
    bool ok = o->failed <= allowed;
    if (o->failed == 0)
        ask_answer(q, GATE_GREEN, values, "%zu host%s ok", n, n == 1 ? "" : "s");
    else
        ask_answer(q, ok ? GATE_GREEN : GATE_RED, values,
                   "%zu of %zu hosts failed (%zu may): %s%s%s", o->failed, n, allowed,
                   buf_str(&o->names), o->failed > NAMES_SHOWN ? ", ..." : "",
                   o->msg ? arena_printf(q->a, "; %s", o->msg) : "");
}

static void on_hosts_finish(struct question *q)
{
    const struct item *i = q->first;
    struct outcome o = {0};
    struct value values = value_dict(q->a);
    // A verify play may look at fewer hosts, or at the service from the controller.
    size_t wanted = q->gate->kind == GATE_PLAYBOOK ? 1 : ask_hosts(q);
    read_events(&o, &i->process->output, q->a);
    add_exit(&values, i);
    if (o.known) {
        dict_set(values.u.dict, "hosts", value_int((int64_t)o.hosts));
        dict_set(values.u.dict, "failed", value_int((int64_t)o.failed));
    }
    if (o.known && !i->late && !i->error && o.hosts >= wanted && (o.failed || went_well(i)))
        answer_failures(q, &o, &values);
    else if (o.known && went_well(i))
        ask_answer(q, GATE_RED, &values, "it ran on %zu of %zu hosts", o.hosts, wanted);
    else
        ask_answer(q, i->error ? GATE_UNKNOWN : GATE_RED, &values, "%s%s%s", ask_ending(q->a, i),
                   went_well(i) ? ", but it said nothing of hosts" : "", said(q, i, true));
    buf_release(&o.names);
}

const struct gate_ops gate_on_hosts_ops = {on_hosts_start, on_hosts_finish};
