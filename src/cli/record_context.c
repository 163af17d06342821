// The rollout that a run is part of: what ANDON_CONTEXT says, believed only as far as the ledger
// knows that rollout as active. Whoever may set an environment variable gains no authority by it.
#include "cli/record_parts.h"

#include "core/json.h"
#include "rollout/lock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CONTEXT 65536

static const char *text(const struct dict *d, const char *key)
{
    const struct value *v = dict_get(d, key);
    return v && v->type == VALUE_STRING && v->u.str.len ? v->u.str.s : NULL;
}

static struct value part(const struct dict *d, const char *key)
{
    const struct value *v = dict_get(d, key);
    return v ? *v : value_null();
}

bool record_context_read(struct recorder *r)
{
    const char *s = getenv("ANDON_CONTEXT");
    struct value v;
    if (!s || !*s)
        return false;
    size_t len = strnlen(s, MAX_CONTEXT);
    if (json_parse(r->arena, s, len, &v, NULL) < 0 || v.type != VALUE_DICT ||
        !text(v.u.dict, "rollout")) {
        print_warning(&r->s->out, "ANDON_CONTEXT is not what andon deploy sets: ignored");
        return false;
    }
    const struct dict *d = v.u.dict;
    r->context = (struct record_context){.service = text(d, "service"),
                                         .release = text(d, "release"),
                                         .rollout = text(d, "rollout"),
                                         .ring = text(d, "ring"),
                                         .run = text(d, "run"),
                                         .gate = dict_bool(d, "gate", false),
                                         .batch = part(d, "batch"),
                                         .gives_up = part(d, "gives_up"),
                                         .authority = part(d, "authority")};
    return true;
}

static bool same(const char *x, const char *y)
{
    return !x || !y || strcmp(x, y) == 0;
}

static int count(void *data, const struct ledger_event *ev)
{
    (void)data;
    (void)ev;
    return 1;
}

// Whether the rollout began this very run, and nobody has used its id.
static bool given_run(struct recorder *r, const char *run)
{
    static const char *const batch[] = {"batch.started", NULL}, *const begun[] = {"run.*", NULL};
    struct ledger_filter f = {.types = batch, .rollout = r->context.rollout, .run = run};
    if (ledger_each(r->ledger, &f, r->arena, count, NULL, NULL) != 1)
        return false;
    f = (struct ledger_filter){.types = begun, .run = run};
    return ledger_each(r->ledger, &f, r->arena, count, NULL, NULL) == 0;
}

// Whether the controller that carries the rollout started this process: it holds the lock of its
// service.
static bool of_controller(struct recorder *r)
{
    pid_t holder =
        r->context.service ? lock_holder(session_state_dir(r->s), r->context.service) : 0;
    return holder > 0 && holder == getppid();
}

void record_context_verify(struct recorder *r)
{
    static const char *const types[] = {"rollout.*", NULL};
    const struct record_context *c = &r->context;
    struct ledger_filter f = {
        .types = types, .rollout = c->rollout, .newest_first = true, .limit = 1};
    struct ledger_event *last = NULL;
    size_t n = 0;
    struct err e = ERR_INIT;
    const char *why = NULL;
    if (ledger_list(r->ledger, &f, r->arena, &last, &n, &e) < 0)
        why = err_msg(&e);
    else if (!n)
        why = "the ledger knows no such rollout";
    else if (strcmp(last->type, "rollout.finished") == 0)
        why = "that rollout has finished";
    else if (!same(c->service, last->service) || !same(c->release, last->release))
        why = "that rollout is of another service or release";
    if (why) {
        print_warning(&r->s->out,
                      "ANDON_CONTEXT names rollout %s: %s; this run is recorded as one "
                      "that nothing allows",
                      c->rollout, why);
        r->context = (struct record_context){0};
    }
    if (!r->context.run)
        r->context.gate = r->context.gate && of_controller(r);
    if (r->context.run && !given_run(r, r->context.run)) {
        print_warning(&r->s->out,
                      "ANDON_CONTEXT names run %s, which rollout %s did not begin now: "
                      "this run is recorded as one that nothing allows",
                      r->context.run, r->context.rollout);
        r->context.run = NULL;
    }
    err_release(&e);
}
