// andon undo RUN: puts back what a run has changed on its hosts, all at once, from the journals it
// left there.
#include "cli/asked.h"
#include "cli/guard.h"
#include "cli/record.h"
#include "cli/session.h"

#include "core/buf.h"
#include "ledger/ledger.h"
#include "rollout/service.h"
#include "spec/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_PARTLY 6 // all that can be undone is
#define DEADLINE_MAX 86400
#define DEADLINE 1800 // seconds a host may take, as in a rollout whose ring says nothing

// What became of one host.
enum fate {
    FATE_DONE,
    FATE_PARTLY, // what has no inverse is left
    FATE_BEFORE,
    FATE_NONE,
    FATE_REFUSED,
    FATE_FAILED,
    FATE_LATE, // it had not ended when its time was over
    FATE_UNREACHABLE
};

struct host_fate {
    const char *host;
    enum fate fate;
    const struct dict *result; // in the command's arena
    char *text;                // what is told of it; hosts with the same text are one group
};

struct undo {
    struct session *s;
    const char *run;
    struct list *names; // of its hosts; empty: not known
    int64_t seconds;    // a host may take
    struct dict *lost;  // host -> texts of what the ledger says cannot be undone
    struct host_fate *hosts;
    size_t n, cap;
};

// --- what is told of a host ----------------------------------------------------------------------

static void add_list(struct buf *b, const struct dict *d, const char *key, const char *heading)
{
    const struct value *v = dict_get(d, key);
    struct arena *a = arena_new();
    if (v && v->type == VALUE_LIST && v->u.list->len && heading)
        buf_addf(b, "  %s:\n", heading);
    for (size_t i = 0; v && v->type == VALUE_LIST && i < v->u.list->len; i++)
        buf_addf(b, "    %s\n", value_to_cstr(a, &v->u.list->items[i]));
    arena_free(a);
}

// What the ledger knows and the host's journal does not: of what is done without the helper (raw,
// synchronize) nothing is written there.
static void add_lost(struct undo *u, const char *host, struct dict *result)
{
    const struct value *more = dict_get(u->lost, host), *had = dict_get(result, "lost");
    struct value all = had ? value_copy(u->s->arena, had) : value_list(u->s->arena);
    for (size_t i = 0; more && i < more->u.list->len; i++) {
        const char *s = value_to_cstr(u->s->arena, &more->u.list->items[i]);
        size_t task = strcspn(s, ":");
        bool told = false;
        for (size_t k = 0; had && k < had->u.list->len && !told; k++)
            told = strncmp(value_to_cstr(u->s->arena, &had->u.list->items[k]), s, task) == 0;
        if (!told)
            list_add(all.u.list, more->u.list->items[i]);
    }
    if (all.u.list->len)
        dict_set(result, "lost", all);
}

static char *describe(const struct undo *u, const struct host_fate *h)
{
    struct buf b = BUF_INIT;
    const struct value *diff = dict_get(h->result, "diff");
    const char *half = dict_str(h->result, "half", NULL);
    if (h->fate >= FATE_REFUSED)
        buf_addf(&b, "  %s\n", dict_str(h->result, "msg", ""));
    add_list(&b, h->result, "conflicts", u->s->o.force ? "changed since, and put back" : NULL);
    add_list(&b, h->result, "warnings", "warning");
    add_list(&b, h->result, "actions", NULL);
    add_list(&b, h->result, "left", "not put back");
    add_list(&b, h->result, "lost", u->s->o.check ? "cannot be undone" : "not undone");
    if (half && strcmp(half, u->run) != 0)
        buf_addf(&b, "  the undo of %s was interrupted here: 'andon undo %s' finishes it\n", half,
                 half);
    if (diff && u->s->run.diff) {
        char *text = diff_text(&u->s->out, diff);
        buf_adds(&b, text);
        free(text);
    }
    return buf_detach(&b);
}

static enum fate fate_of(enum task_status status, const struct dict *d)
{
    switch (status) {
    case STATUS_UNREACHABLE:
        return FATE_UNREACHABLE;
    case STATUS_FAILED:
        if (dict_bool(d, "late", false))
            return FATE_LATE;
        return dict_get(d, "conflicts") && !dict_get(d, "actions") && !dict_get(d, "left")
                   ? FATE_REFUSED
                   : FATE_FAILED;
    case STATUS_SKIPPED:
        return dict_get(d, "lost") ? FATE_PARTLY : FATE_NONE;
    case STATUS_OK:
    case STATUS_CHANGED:
    case STATUS_UNKNOWN:
        break;
    }
    if (dict_get(d, "lost"))
        return FATE_PARTLY;
    return dict_get(d, "actions") ? FATE_DONE : FATE_BEFORE;
}

static void on_result(void *data, const struct result_event *ev)
{
    struct undo *u = data;
    struct value copy = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)ev->result};
    if (u->n == u->cap) {
        u->cap = u->cap ? 2 * u->cap : 64;
        u->hosts = xrealloc(u->hosts, u->cap * sizeof *u->hosts);
    }
    struct host_fate *h = &u->hosts[u->n++];
    *h = (struct host_fate){.host = arena_strdup(u->s->arena, ev->host),
                            .result = value_copy(u->s->arena, &copy).u.dict};
    if (ev->status != STATUS_FAILED && ev->status != STATUS_UNREACHABLE)
        add_lost(u, h->host, (struct dict *)(uintptr_t)h->result);
    h->fate = fate_of(ev->status, h->result);
    h->text = describe(u, h);
}

static void on_warning(void *data, struct pos pos, const char *msg)
{
    const struct undo *u = data;
    (void)pos;
    print_warning(&u->s->out, "%s", msg);
}

// --- the answer ----------------------------------------------------------------------------------

static int by_group(const void *x, const void *y)
{
    const struct host_fate *a = x, *b = y;
    int n = (int)a->fate - (int)b->fate;
    n = n ? n : strcmp(a->text, b->text);
    return n ? n : strcmp(a->host, b->host);
}

static const char *headline(const struct undo *u, enum fate fate)
{
    bool check = u->s->o.check;
    switch (fate) {
    case FATE_DONE:
        return check ? "would be put back on" : "put back on";
    case FATE_PARTLY:
        return check ? "would be put back in part on" : "put back in part on";
    case FATE_BEFORE:
        return "as before the run already:";
    case FATE_NONE:
        return "nothing is known of this run on";
    case FATE_REFUSED:
        return "refused on";
    case FATE_FAILED:
        return "failed on";
    case FATE_LATE:
        return "not put back in time on";
    case FATE_UNREACHABLE:
        break;
    }
    return "not reached:";
}

static void print_text(const struct undo *u)
{
    for (size_t i = 0, end; i < u->n; i = end) {
        const struct host_fate *h = &u->hosts[i];
        enum config_id color = h->fate == FATE_PARTLY ? CONFIG_COLOR_WARN
                               : h->fate <= FATE_NONE ? CONFIG_COLOR_CHANGED
                                                      : CONFIG_COLOR_ERROR;
        struct buf b = BUF_INIT;
        for (end = i; end < u->n && u->hosts[end].fate == h->fate &&
                      strcmp(u->hosts[end].text, h->text) == 0;
             end++)
            buf_addf(&b, "%s%s", end > i ? ", " : "", u->hosts[end].host);
        print_color(&u->s->out, color, stdout, "%s %s (%zu)", headline(u, h->fate), buf_str(&b),
                    end - i);
        printf("\n%s", h->text);
        buf_release(&b);
    }
}

static void print_status(const struct undo *u)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct host_fate *h = &u->hosts[i];
        const char *half = dict_str(h->result, "half", NULL);
        const char *state = dict_str(h->result, "state", "no journal");
        if (strcmp(state, "undone") == 0 && dict_get(h->result, "lost"))
            state = "partly undone";
        printf("%-24s %s%s%s%s\n", h->host,
               h->fate == FATE_UNREACHABLE ? "not reached"
               : h->fate == FATE_FAILED || h->fate == FATE_LATE
                   ? dict_str(h->result, "msg", "failed")
                   : state,
               half ? "; the undo of " : "", half ? half : "", half ? " was interrupted" : "");
    }
}

static struct value host_json(void *data, struct arena *a, size_t i, const char **ret_name)
{
    static const char *const names[] = {"undone",  "partly undone", "undone before", "unknown run",
                                        "refused", "failed",        "late",          "unreachable"};
    static const char *const drop[] = {"_andon_undo", "_andon_after", "failed", "undone_before",
                                       "run"};
    const struct host_fate *h = &((const struct undo *)data)->hosts[i];
    struct value in = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)h->result};
    struct value one = value_shallow(a, &in);
    for (size_t k = 0; k < sizeof drop / sizeof *drop; k++)
        dict_del(one.u.dict, drop[k]);
    dict_set(one.u.dict, "outcome", value_cstr(names[h->fate]));
    *ret_name = h->host;
    return one;
}

static void print_json(struct undo *u)
{
    struct arena *a = arena_new();
    struct value all = value_dict(a);
    dict_set(all.u.dict, "undoes", value_cstr(u->run));
    dict_set(all.u.dict, "run", u->s->run.run_id ? value_cstr(u->s->run.run_id) : value_null());
    dict_set(all.u.dict, "check", value_bool(u->s->o.check));
    asked_print(a, all, u->n, host_json, u);
    arena_free(a);
}

static void print_hint(const struct undo *u)
{
    bool refused = false, lost = false, partly = false;
    for (size_t i = 0; i < u->n; i++) {
        refused = refused || u->hosts[i].fate == FATE_REFUSED;
        partly = partly || u->hosts[i].fate == FATE_PARTLY;
        lost = lost || u->hosts[i].fate > FATE_REFUSED;
    }
    if (partly && !u->s->o.check)
        printf("The run is partly undone: what is named above it has left as it is.\n");
    if (refused)
        printf("Where something was changed since, --force puts back what the run found all the "
               "same.\n");
    if (lost)
        printf("'andon undo %s' again goes on with the hosts that are left.\n", u->run);
}

static int exit_code(const struct undo *u, int code)
{
    bool failed = false, unreachable = false, partly = false;
    for (size_t i = 0; i < u->n; i++) {
        partly = partly || u->hosts[i].fate == FATE_PARTLY;
        failed = failed || (u->hosts[i].fate >= FATE_REFUSED && u->hosts[i].fate <= FATE_LATE);
        unreachable = unreachable || u->hosts[i].fate == FATE_UNREACHABLE;
    }
    if (failed)
        return RUN_FAILED;
    if (unreachable)
        return RUN_UNREACHABLE;
    return code && code != RUN_FAILED ? code : partly && !u->s->o.status ? EXIT_PARTLY : 0;
}

static int tell(struct undo *u, int code)
{
    if (u->n)
        qsort(u->hosts, u->n, sizeof *u->hosts, by_group);
    if (u->s->o.output && strcmp(u->s->o.output, "json") == 0) {
        print_json(u);
    } else if (u->s->o.status) {
        print_status(u);
    } else {
        print_text(u);
        print_hint(u);
    }
    return exit_code(u, code);
}

// --- which run, which hosts ----------------------------------------------------------------------

// The ledger to read; NULL when there is none.
static struct ledger *open_ledger(struct session *s)
{
    struct ledger *l;
    struct err e = ERR_INIT;
    if (ledger_open(session_state_dir(s), &(struct ledger_opts){.read_only = true}, &l, &e) == 0)
        return l;
    if (e.code != ERR_NOENT)
        print_warning(&s->out, "the ledger cannot be read: %s", err_msg(&e));
    err_release(&e);
    return NULL;
}

static int take_newest(void *data, const struct ledger_event *ev)
{
    struct undo *u = data;
    const char *command = ev->body ? dict_str(ev->body, "command", "") : "";
    if (strcmp(command, "undo") == 0 || (ev->body && dict_bool(ev->body, "check", false)))
        return 0;
    u->run = arena_strdup(u->s->arena, ev->run);
    return 1;
}

// "last" becomes the newest run that is no undo and no check.
static int settle_run(struct undo *u, struct ledger *l)
{
    static const char *const types[] = {"run.started", NULL};
    struct ledger_filter f = {.types = types, .newest_first = true};
    struct arena *a = arena_new();
    if (strcmp(u->run, "last") == 0 && l)
        (void)!ledger_each(l, &f, a, take_newest, u, NULL);
    arena_free(a);
    if (strcmp(u->run, "last") != 0)
        return 0;
    struct err e = ERR_INIT;
    err_set(&e, ERR_NOENT, POS_NONE, "the ledger has no run that could be the last one");
    session_error(u->s, &e);
    err_release(&e);
    return RUN_ERROR;
}

static int take_host(void *data, const struct ledger_event *ev)
{
    struct undo *u = data;
    for (size_t i = 0; i < u->names->len; i++)
        if (value_eqs(&u->names->items[i], ev->host))
            return 0;
    list_add(u->names, value_str(u->s->arena, ev->host));
    return 0;
}

static int take_lost(void *data, const struct ledger_event *ev)
{
    struct undo *u = data;
    struct arena *a = u->s->arena;
    const char *module = ev->body ? dict_str(ev->body, "module", "") : "";
    const struct module_spec *spec = spec_find(module);
    const char *undo = ev->body ? dict_str(ev->body, "undo", "") : "yes";
    bool bare = !*undo && spec && spec->no_undo; // the helper had no part in it
    if ((strcmp(undo, "no") != 0 && !bare) || dict_bool(ev->body, "undone", false))
        return 0; // an undo names what it lacks by itself
    const char *task = dict_str(ev->body, "task", module), *why = spec_no_undo(spec, NULL);
    struct value *l = dict_get(u->lost, ev->host);
    struct value text =
        value_strf(a, "%s: %s: %s", task, module, why ? why : "a part of it could not be kept");
    if (!l) {
        dict_set(u->lost, ev->host, value_list(a));
        l = dict_get(u->lost, ev->host);
    }
    for (size_t i = 0; i < l->u.list->len; i++)
        if (value_equal(&l->u.list->items[i], &text))
            return 0;
    list_add(l->u.list, text);
    return 0;
}

static void find_lost(struct undo *u, struct ledger *l)
{
    static const char *const types[] = {"change", NULL};
    struct ledger_filter f = {.types = types, .run = u->run};
    struct arena *a = arena_new();
    if (*u->run)
        (void)!ledger_each(l, &f, a, take_lost, u, NULL);
    arena_free(a);
}

// Hosts the run had, as the ledger tells.
static void find_hosts(struct undo *u, struct ledger *l)
{
    static const char *const types[] = {"run.host", "change", NULL};
    struct ledger_filter f = {.types = types, .run = u->run};
    struct arena *a = arena_new();
    if (*u->run)
        (void)!ledger_each(l, &f, a, take_host, u, NULL);
    arena_free(a);
}

// --- the run -------------------------------------------------------------------------------------

static int make_play(struct undo *u, struct playbook **ret, struct err *e)
{
    struct session *s = u->s;
    const char *name = arena_printf(s->arena, "undo %s", u->run);
    struct value args = value_dict(s->arena), names = {.type = VALUE_LIST, .u.list = u->names},
                 all = value_cstr("all");
    dict_set(args.u.dict, "run", value_cstr(u->run));
    dict_set(args.u.dict, "force", value_bool(s->o.force));
    dict_set(args.u.dict, "status", value_bool(s->o.status));
    dict_set(args.u.dict, "deadline", value_int(u->seconds));
    return asked_play(s, name, name, u->names->len ? names : all, "_andon_undo", args, ret, e);
}

static int execute(struct undo *u)
{
    struct session *s = u->s;
    struct playbook *pb;
    struct err e = ERR_INIT;
    int code = RUN_ERROR;
    s->run.sink = session_callbacks(
        s, (struct run_sink){.data = u, .result = on_result, .warning = on_warning});
    if (make_play(u, &pb, &e) == 0) {
        code = record_open(s);
        struct run *r = run_new(&s->run);
        session_watch_signals(s, r);
        if (code == 0)
            code = record_begin(s);
        if (code == 0)
            code = run_playbook(r, pb, &e);
        record_end(s, r, code);
        run_free(r);
    }
    if (e.code) {
        session_error(s, &e);
        err_release(&e);
    } else {
        code = tell(u, code);
    }
    output_free(&s->run.sink);
    return code;
}

// Taking back what was done to protected hosts by hand is a change as any other.
static int guard(struct undo *u)
{
    struct session *s = u->s;
    struct inventory_hosts hosts;
    struct guard_job job = {0};
    struct err e = ERR_INIT;
    struct value names = {.type = VALUE_LIST, .u.list = u->names}, all = value_cstr("all");
    int rc = inventory_match(s->inventory, s->arena, u->names->len ? &names : &all, s->o.limit,
                             NULL, &hosts, &e);
    if (rc < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_ERROR;
    }
    return s->o.status ? 0 : guard_do(s, "undo", u->run, &hosts, &job);
}

static int read_deadline(struct undo *u)
{
    double seconds = DEADLINE;
    struct value v = value_cstr(u->s->o.deadline ? u->s->o.deadline : "");
    struct err e = ERR_INIT;
    int rc = u->s->o.deadline ? duration_parse(&v, &seconds, &e) : 0;
    if (rc == 0 && (seconds < 1 || seconds > DEADLINE_MAX))
        rc = err_set(&e, ERR_INVALID, POS_NONE, "'%s' is not between 1s and 1d", u->s->o.deadline);
    if (rc < 0)
        session_usage_error(u->s, "argument --deadline: %s", err_msg(&e));
    err_release(&e);
    u->seconds = (int64_t)ceil(seconds);
    return rc;
}

int cmd_undo(int argc, char **argv, bool compat)
{
    struct session s;
    struct undo u = {.s = &s};
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_UNDO);
    if (!code && s.o.args->len != 1 && !(s.o.status && !s.o.args->len)) {
        session_usage_error(&s, s.o.args->len ? "one run at a time can be undone"
                                              : "the following arguments are required: run");
        code = RUN_USAGE;
    }
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    if (read_deadline(&u) < 0) {
        arena_free(s.arena);
        return RUN_USAGE;
    }
    u.run = s.o.args->len ? s.o.args->items[0].u.str.s : "";
    u.names = value_list(s.arena).u.list;
    u.lost = value_dict(s.arena).u.dict;
    struct ledger *l = open_ledger(&s);
    code = settle_run(&u, l);
    if (l) {
        find_hosts(&u, l);
        find_lost(&u, l);
    }
    ledger_close(l);
    s.undoes = u.run;
    if (code) {
        arena_free(s.arena);
        return code;
    }
    code = session_open(&s);
    s.run.defer_unknown = false;
    s.o.module_args = u.run; // what an approval is for
    if (code == 0)
        code = guard(&u);
    if (code == 0)
        code = execute(&u);
    for (size_t i = 0; i < u.n; i++)
        free(u.hosts[i].text);
    free(u.hosts);
    session_close(&s);
    return code;
}
