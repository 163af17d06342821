// andon drift [HOSTS]: what has changed on hosts outside andon, since a run last put it there.
#include "cli/asked.h"
#include "cli/session.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/file.h"
#include "rollout/drift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct looked {
    struct drift_host expected;
    bool asked, answered, unreachable;
    const char *msg; // why there is no answer
    struct drift_finding *found;
    size_t n, n_new;
    size_t n_unable; // things the host could not look at
    const char *why; // not
};

struct drift {
    struct session *s;
    struct ledger *ledger;
    struct looked *hosts;
    size_t n, n_known; // hosts, and those the ledger knows something of
    struct err e;      // the first that ended it
};

// --- answers of hosts

static struct looked *host_of(struct drift *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->hosts[i].expected.name, name) == 0)
            return &d->hosts[i];
    return NULL;
}

static void on_result(void *data, const struct result_event *ev)
{
    struct drift *d = data;
    struct looked *h = host_of(d, ev->host);
    const struct value *states = dict_get(ev->result, "states");
    struct arena *a = d->s->arena;
    if (!h)
        return;
    h->unreachable = ev->status == STATUS_UNREACHABLE;
    if (ev->status == STATUS_FAILED || h->unreachable || !states) {
        h->msg = arena_strdup(a, dict_str(ev->result, "msg", "the host gave no answer"));
        return;
    }
    struct value answer = value_copy(a, states);
    struct err e = ERR_INIT;
    h->n_unable = drift_unable(&answer, &h->why);
    h->answered = drift_compare(&h->expected, &answer, a, &h->found, &h->n, &e) == 0;
    if (!h->answered)
        h->msg = arena_strdup(a, err_msg(&e));
    err_release(&e);
}

static void on_warning(void *data, struct pos pos, const char *msg)
{
    const struct drift *d = data;
    (void)pos;
    print_warning(&d->s->out, "%s", msg);
}

// --- asking

static int make_play(struct drift *d, struct playbook **ret, struct err *e)
{
    struct arena *a = d->s->arena;
    struct value args = value_dict(a), things = value_dict(a), names = value_list(a);
    for (size_t i = 0; i < d->n; i++) {
        if (!d->hosts[i].asked)
            continue;
        list_add(names.u.list, value_cstr(d->hosts[i].expected.name));
        dict_set(things.u.dict, d->hosts[i].expected.name,
                 drift_question(&d->hosts[i].expected, a));
    }
    things.flags |= VALUE_PLAIN; // what paths are called is no template
    dict_set(args.u.dict, "things", things);
    return asked_play(d->s, "drift", "look", names, "_andon_state", args, ret, e);
}

static int ask(struct drift *d)
{
    struct session *s = d->s;
    struct playbook *pb;
    s->run.sink = session_callbacks(
        s, (struct run_sink){.data = d, .result = on_result, .warning = on_warning});
    int rc = make_play(d, &pb, &d->e);
    if (rc == 0) {
        struct run *r = run_new(&s->run);
        session_watch_signals(s, r);
        run_playbook(r, pb, &d->e);
        run_free(r);
    }
    output_free(&s->run.sink);
    return d->e.code;
}

// What the ledger says of each host.
static int expect(struct drift *d, const struct inventory_hosts *hosts)
{
    d->hosts = arena_array(d->s->arena, struct looked, hosts->len + 1);
    for (size_t i = 0; i < hosts->len; i++) {
        struct looked *h = &d->hosts[d->n++];
        if (drift_expected(d->ledger, hosts->hosts[i]->name, d->s->arena, &h->expected, &d->e) < 0)
            return d->e.code;
        h->asked = h->expected.n > 0;
        d->n_known += h->asked;
    }
    return 0;
}

static int record(struct drift *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct looked *h = &d->hosts[i];
        if (h->n && drift_record(d->ledger, h->expected.name, h->found, h->n, &h->n_new, &d->e) < 0)
            return d->e.code;
    }
    return 0;
}

// --- telling

static void tell_finding(const struct drift_finding *f)
{
    const struct drift_thing *t = f->thing;
    struct buf b = BUF_INIT;
    printf("  %-8s %s: %s, was %s\n", drift_kind_name(t->kind), t->name, f->found, f->expected);
    buf_adds(&b, "           ");
    if (f->since) {
        buf_adds(&b, "changed ");
        when_local(&b, f->since);
        buf_adds(&b, "; ");
    }
    buf_addf(&b, "put there by %s", t->actor ? t->actor : "andon");
    if (t->run)
        buf_addf(&b, ", run %s, ", t->run);
    when_local(&b, t->time);
    puts(buf_str(&b));
    buf_release(&b);
}

static void tell_unable(const struct looked *h)
{
    if (h->n_unable)
        printf("%s: %zu package%s not compared: %s\n", h->expected.name, h->n_unable,
               h->n_unable == 1 ? " is" : "s are", h->why);
    if (h->expected.unknown)
        printf("%s: %zu package%s not compared: the ledger has no version of %s\n",
               h->expected.name, h->expected.unknown, h->expected.unknown == 1 ? " is" : "s are",
               h->expected.unknown == 1 ? "it" : "them");
}

static void tell_text(const struct drift *d)
{
    size_t same = 0, things = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct looked *h = &d->hosts[i];
        same += h->answered && h->n == 0;
        things += h->answered ? h->expected.n : 0;
        if (!h->asked || (h->answered && h->n == 0))
            continue;
        print_color(&d->s->out, h->answered ? CONFIG_COLOR_CHANGED : CONFIG_COLOR_ERROR, stdout,
                    "%s", h->expected.name);
        printf("%s%s\n",
               h->answered      ? ""
               : h->unreachable ? ": not reached: "
                                : ": ",
               h->answered ? ""
               : h->msg    ? h->msg
                           : "not asked");
        for (size_t k = 0; k < h->n; k++)
            tell_finding(&h->found[k]);
    }
    for (size_t i = 0; i < d->n; i++)
        tell_unable(&d->hosts[i]);
    printf("%zu of %zu hosts as andon left them (%zu things looked at)", same, d->n_known, things);
    if (d->n_known < d->n)
        printf("; of %zu the ledger knows nothing", d->n - d->n_known);
    putchar('\n');
}

static struct value host_json(void *data, struct arena *a, size_t i, const char **ret_name)
{
    const struct looked *h = &((const struct drift *)data)->hosts[i];
    struct value one = value_dict(a), drift = value_list(a);
    for (size_t k = 0; k < h->n; k++) {
        struct ledger_event ev = drift_event(h->expected.name, &h->found[k], a);
        struct value f = value_dict(a);
        dict_update(f.u.dict, ev.body);
        dict_set(f.u.dict, "name", value_cstr(h->found[k].thing->name));
        list_add(drift.u.list, f);
    }
    dict_set(one.u.dict, "things", value_int((int64_t)h->expected.n));
    dict_set(one.u.dict, "drift", drift);
    if (h->n_unable + h->expected.unknown)
        dict_set(one.u.dict, "not_compared",
                 value_int((int64_t)(h->n_unable + h->expected.unknown)));
    if (h->asked && !h->answered)
        dict_set(one.u.dict, h->unreachable ? "unreachable" : "failed",
                 value_cstr(h->msg ? h->msg : "not asked"));
    *ret_name = h->expected.name;
    return one;
}

static void tell_json(struct drift *d)
{
    struct arena *a = arena_new();
    asked_print(a, value_dict(a), d->n, host_json, d);
    arena_free(a);
}

static int exit_code(const struct drift *d)
{
    bool found = false, lost = false;
    for (size_t i = 0; i < d->n; i++) {
        found = found || d->hosts[i].n > 0;
        lost = lost || (d->hosts[i].asked && !d->hosts[i].answered);
    }
    return found ? RUN_FAILED : lost ? RUN_UNREACHABLE : 0;
}

// --- the command

static int open_ledger(struct drift *d)
{
    const char *dir = session_state_dir(d->s);
    struct ledger_opts o = {.read_only = d->s->o.check};
    // Only what is there already is opened: looking for drift makes no ledger.
    if (access(path_join(d->s->arena, dir, "ledger.db"), F_OK) != 0)
        return err_set(&d->e, ERR_NOENT, POS_NONE,
                       "there is no ledger in %s: nothing has been recorded", dir);
    return ledger_open(dir, &o, &d->ledger, &d->e);
}

static int match(struct drift *d, struct inventory_hosts *ret)
{
    struct session *s = d->s;
    struct value patterns = value_cstr("all");
    if (s->o.args->len)
        patterns = (struct value){.type = VALUE_LIST, .u.list = s->o.args};
    int rc = inventory_match(s->inventory, s->arena, &patterns, s->o.limit, NULL, ret, &d->e);
    session_warn_inventory(s);
    return rc;
}

static int execute(struct drift *d)
{
    struct inventory_hosts hosts;
    int rc = match(d, &hosts);
    if (rc == 0)
        rc = open_ledger(d);
    if (rc == 0)
        rc = expect(d, &hosts);
    if (rc == 0 && d->n_known)
        rc = ask(d);
    if (rc == 0 && !d->s->o.check)
        rc = record(d);
    if (rc < 0) {
        session_error(d->s, &d->e);
        return RUN_ERROR;
    }
    if (d->s->o.output && strcmp(d->s->o.output, "json") == 0)
        tell_json(d);
    else
        tell_text(d);
    return exit_code(d);
}

int cmd_drift(int argc, char **argv, bool compat)
{
    struct session s;
    struct drift d = {.s = &s};
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_DRIFT);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    code = session_open(&s);
    s.run.check = false; // -C only keeps it from being recorded
    if (code == 0)
        code = execute(&d);
    err_release(&d.e);
    ledger_close(d.ledger);
    session_close(&s);
    return code;
}
