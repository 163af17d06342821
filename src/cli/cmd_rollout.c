// andon status, pause, promote, stop: what is said about a rollout, and to the one who carries it.
#include "cli/deploy.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "rollout/lock.h"

#include <string.h>

static const char *arg(const struct deploy *d)
{
    return d->s.o.args->len ? d->s.o.args->items[0].u.str.s : NULL;
}

// Opens ledger and service of a command with at most one argument; an exit code + 1.
static int begin(struct deploy *d, int argc, char **argv, bool write, bool need_service)
{
    struct err e = ERR_INIT;
    int code = deploy_begin(d, argc, argv, write);
    if (code)
        return code;
    if (d->s.o.args->len > 1) {
        session_usage_error(&d->s, "unrecognized arguments: %s",
                            value_to_cstr(d->arena, &d->s.o.args->items[1]));
        return RUN_USAGE + 1;
    }
    if ((arg(d) || need_service) && deploy_find(d, arg(d), &e) < 0)
        return deploy_error(d, &e, RUN_ERROR) + 1;
    return 0;
}

static int end(struct deploy *d, int code)
{
    if (d->ledger)
        deploy_end(d);
    else
        arena_free(d->arena);
    return code;
}

// The rollout that is under way: 0, or an exit code + 1.
static int under_way(struct deploy *d, struct rollout_state *ret)
{
    struct err e = ERR_INIT;
    int rc = rollout_last(d->ledger, d->name, rollout_unfinished, NULL, d->arena, ret, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR) + 1;
    if (rc == 0)
        return deploy_refuse(d, RUN_ERROR, "no rollout of %s is under way", d->name) + 1;
    return 0;
}

// --- pause
// ------------------------------------------------------------------------------------------------

static int pause_it(struct deploy *d)
{
    struct rollout_state s;
    struct err e = ERR_INIT;
    int code = under_way(d, &s);
    if (code)
        return code - 1;
    if (s.paused || s.held)
        return deploy_refuse(d, RUN_ERROR, "%s %s is %s already", d->name, s.release,
                             rollout_state_word(&s));
    if (deploy_append(d, "rollout.paused", &s, NULL, NULL, NULL, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    printf("%s %s begins nothing new; 'andon resume %s' lets it go on\n", d->name, s.release,
           d->name);
    return 0;
}

int cmd_pause(int argc, char **argv, bool compat)
{
    struct deploy d;
    (void)compat;
    int code = begin(&d, argc, argv, true, true);
    return end(&d, code ? code - 1 : pause_it(&d));
}

// --- the cord
// ----------------------------------------------------------------------------------------------

static int pull(struct deploy *d, const struct cord *cord)
{
    struct err e = ERR_INIT;
    const char *what = d->name ? d->name : "everything";
    if (!d->s.o.reason || !*d->s.o.reason) {
        session_usage_error(&d->s, "--reason is required: who comes next wants to know it");
        return RUN_USAGE;
    }
    if (cord->pulled)
        return deploy_refuse(d, RUN_ERROR, "the line of %s is stopped already: %s (%s)", what,
                             cord->reason, cord->actor);
    if (deploy_append(d, "cord.pulled", NULL, NULL, NULL, NULL, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    printf("the line of %s is stopped: nothing new begins until 'andon stop%s%s --release'\n", what,
           d->name ? " " : "", d->name ? d->name : "");
    return 0;
}

static int let_go(struct deploy *d, const struct cord *cord)
{
    struct err e = ERR_INIT;
    const char *what = d->name ? d->name : "everything";
    if (!cord->pulled)
        return deploy_refuse(d, RUN_ERROR, "the line of %s is not stopped", what);
    if (deploy_append(d, "cord.released", NULL, NULL, NULL, NULL, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    printf("the line of %s may go on\n", what);
    return 0;
}

int cmd_stop(int argc, char **argv, bool compat)
{
    struct deploy d;
    struct cords c;
    struct err e = ERR_INIT;
    (void)compat;
    int code = begin(&d, argc, argv, true, false);
    if (code)
        return end(&d, code - 1);
    if (cords_read(d.ledger, d.name, d.arena, &c, &e) < 0)
        return end(&d, deploy_error(&d, &e, RUN_ERROR));
    const struct cord *cord = d.name ? &c.own : &c.all;
    return end(&d, d.s.o.let_go ? let_go(&d, cord) : pull(&d, cord));
}

// --- what comes next
// ---------------------------------------------------------------------------------------

static int next_step(struct deploy *d, struct rollout_state *s, const struct cords *cords,
                     struct step *ret)
{
    struct conditions c = {.cord = cords_pulled(cords, s->rollback)};
    const struct ring_state *r = rollout_ring_now(s);
    const struct ring *def = r && d->service ? service_ring(d->service, r->name) : NULL;
    int64_t now = clock_real_us();
    if (!def)
        return 0;
    if (!s->rollback)
        c.closed = !calendar_allows(&def->calendar, now, d->arena, &c.closed_why, &c.opens);
    c.unapproved = r->stage == RING_WAITING && r->requested;
    c.approval_why = "see 'andon approvals'";
    *ret = rollout_next(s, d->service, now, &c);
    return 1;
}

// --- promote
// ----------------------------------------------------------------------------------------------

// What is waited for, as the word of rollout.promoted; NULL: nothing that may be skipped.
static const char *skipped(const struct step *st)
{
    if (st->kind == STEP_GATES || st->kind == STEP_GATES_LATE)
        return st->after ? "after" : "before";
    if (st->kind != STEP_WAIT)
        return NULL;
    switch (st->wait) {
    case WAIT_GATES:
        return st->after ? "after" : "before";
    case WAIT_PAUSE:
        return "pause";
    case WAIT_CALENDAR:
        return "calendar";
    case WAIT_HELD:
        return "failure";
    case WAIT_CORD:
    case WAIT_PAUSED:
    case WAIT_APPROVAL:
        break;
    }
    return NULL;
}

static int may_promote(struct deploy *d, const struct step *st)
{
    struct policy_decision decision;
    struct policy_request q = {.action = POLICY_PROMOTE,
                               .actor = d->actor,
                               .verified = d->verified,
                               .service = d->name,
                               .ring = st->ring->name,
                               .protected = st->def && st->def->protected,
                               .now = clock_real_us()};
    policy_decide(d->policy, &q, d->arena, &decision);
    if (decision.verdict == POLICY_ALLOWED)
        return 0;
    return deploy_refuse(d, DEPLOY_REFUSED, "%s may not promote %s past ring '%s': %s", d->actor,
                         d->name, st->ring->name,
                         decision.reason ? decision.reason : "no rule allows it");
}

static int record_promotion(struct deploy *d, const struct rollout_state *s, const struct step *st,
                            const char *what)
{
    struct err e = ERR_INIT;
    struct dict *bodies[2] = {value_dict(d->arena).u.dict, value_dict(d->arena).u.dict};
    struct ledger_event evs[2];
    for (int i = 0; i < 2; i++) {
        evs[i] = (struct ledger_event){.type = i ? "checks.skipped" : "rollout.promoted",
                                       .actor = d->actor,
                                       .service = d->name,
                                       .release = s->release,
                                       .rollout = s->id,
                                       .ring = st->ring->name,
                                       .body = bodies[i]};
        dict_set(bodies[i], "what", value_cstr(what));
        if (d->s.o.reason)
            dict_set(bodies[i], "reason", value_cstr(d->s.o.reason));
    }
    if (ledger_append(d->ledger, evs, 2, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    printf("%s %s goes on past %s of ring %s%s\n", d->name, s->release, what, st->ring->name,
           lock_holder(d->home, d->name) ? "" : "; 'andon resume' carries it on");
    return 0;
}

static int promote(struct deploy *d)
{
    struct rollout_state s;
    struct cords cords;
    struct step st;
    struct err e = ERR_INIT;
    int code = under_way(d, &s);
    if (code)
        return code - 1;
    if (!d->s.o.reason || !*d->s.o.reason) {
        session_usage_error(&d->s, "--reason is required: it is recorded with what is skipped");
        return RUN_USAGE;
    }
    if (deploy_enter(d, &e) < 0 || cords_read(d->ledger, d->name, d->arena, &cords, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (!next_step(d, &s, &cords, &st))
        return deploy_refuse(d, RUN_ERROR, "%s %s waits for nothing", d->name, s.release);
    const char *what = skipped(&st);
    if (!what)
        return deploy_refuse(d, RUN_ERROR, "%s %s: %s, which cannot be skipped", d->name, s.release,
                             step_words(&st, clock_real_us(), d->arena));
    code = deploy_sign(d, "promote", s.id, s.release);
    if (!code)
        code = may_promote(d, &st);
    return code ? code : record_promotion(d, &s, &st, what);
}

int cmd_promote(int argc, char **argv, bool compat)
{
    struct deploy d;
    (void)compat;
    int code = begin(&d, argc, argv, true, true);
    return end(&d, code ? code - 1 : promote(&d));
}

// --- status
// -----------------------------------------------------------------------------------------------

static const char *stage_word(const struct ring_state *r)
{
    static const char *const words[] = {"to come", "at work", "passed", "failed", "put back"};
    return words[r->stage];
}

static const char *ago(int64_t time, struct arena *a)
{
    return arena_printf(a, "%s ago", span_words(clock_real_us() - time, a));
}

static void print_ring(struct deploy *d, const struct rollout_state *s, const struct ring_state *r)
{
    size_t failed = rollout_state_failures(s, r);
    printf("  %-14s %3zu host%s  %-9s", r->name, r->hosts->len, r->hosts->len == 1 ? " " : "s",
           stage_word(r));
    if (r->ended)
        printf("  %s", ago(r->ended, d->arena));
    if (failed)
        printf("  %zu failed", failed);
    if (r->reason)
        printf("  %s", r->reason);
    printf("\n");
}

static const char *at_work(struct deploy *d, const struct rollout_state *s)
{
    pid_t holder = lock_holder(d->home, s->service);
    if (s->finished)
        return "";
    return holder ? arena_printf(d->arena, " in process %ld", (long)holder)
                  : arena_printf(d->arena, ", nobody carries it: 'andon resume %s'", s->service);
}

static void print_cord(struct deploy *d, const struct cord *cord)
{
    if (cord->pulled)
        printf("  the line of %s is stopped%s%s, %s: %s\n",
               cord->everything ? "everything" : d->name, cord->automatic ? "" : " by ",
               cord->automatic ? "" : cord->actor, ago(cord->time, d->arena), cord->reason);
}

static void print_whole(struct deploy *d, struct rollout_state *s, const struct cords *cords)
{
    bool by_hand = s->finished && s->reason &&
                   (strcmp(s->outcome, "stopped") == 0 || strcmp(s->outcome, "held") == 0);
    struct step st;
    printf("%s %s%s%s  %s%s  %s\n", s->service, s->release,
           s->previous ? arena_printf(d->arena, " (before: %s)", s->previous) : "",
           s->rollback ? " rollback" : "", rollout_state_word(s), at_work(d, s), s->id);
    printf("  begun by %s, %s%s%s\n", s->actor ? s->actor : "?", ago(s->started, d->arena),
           by_hand ? "; " : "", by_hand ? s->reason : "");
    for (size_t i = 0; i < s->n_rings; i++)
        print_ring(d, s, &s->rings[i]);
    print_cord(d, &cords->own);
    print_cord(d, &cords->all);
    if (!s->finished && next_step(d, s, cords, &st) && st.kind == STEP_WAIT)
        printf("  next: %s\n", step_words(&st, clock_real_us(), d->arena));
}

static struct value state_value(struct deploy *d, const struct rollout_state *s,
                                const struct cords *cords)
{
    struct value v = value_dict(d->arena), rings = value_list(d->arena);
    const struct cord *cord = cords_pulled(cords, false);
    char time[LEDGER_TIME];
    dict_set(v.u.dict, "service", value_cstr(s->service));
    dict_set(v.u.dict, "release", value_cstr(s->release));
    dict_set(v.u.dict, "rollout", value_cstr(s->id));
    dict_set(v.u.dict, "state", value_cstr(rollout_state_word(s)));
    dict_set(v.u.dict, "rollback", value_bool(s->rollback));
    ledger_time(s->started, time);
    dict_set(v.u.dict, "started", value_str(d->arena, time));
    dict_set(v.u.dict, "controller", value_int(lock_holder(d->home, s->service)));
    dict_set(v.u.dict, "stopped", cord ? value_cstr(cord->reason) : value_null());
    for (size_t i = 0; i < s->n_rings; i++) {
        const struct ring_state *r = &s->rings[i];
        struct value one = value_dict(d->arena), hosts = {.type = VALUE_LIST};
        hosts.u.list = (struct list *)(uintptr_t)r->hosts;
        dict_set(one.u.dict, "ring", value_cstr(r->name));
        dict_set(one.u.dict, "state", value_cstr(stage_word(r)));
        dict_set(one.u.dict, "hosts", hosts);
        dict_set(one.u.dict, "failed", value_int((int64_t)rollout_state_failures(s, r)));
        dict_set(one.u.dict, "reason", r->reason ? value_cstr(r->reason) : value_null());
        list_add(rings.u.list, one);
    }
    dict_set(v.u.dict, "rings", rings);
    return v;
}

// One service; 0, or an exit code.
static int status_of(struct deploy *d, bool whole)
{
    struct rollout_state s;
    struct cords cords;
    struct err e = ERR_INIT;
    int rc = cords_read(d->ledger, d->name, d->arena, &cords, &e);
    if (rc == 0)
        rc = rollout_last(d->ledger, d->name, NULL, NULL, d->arena, &s, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (rc == 0)
        return deploy_refuse(d, RUN_ERROR, "nothing of %s has been delivered", d->name);
    if (d->json) {
        struct value v = state_value(d, &s, &cords);
        print_value(&v, NULL);
    } else if (whole) {
        print_whole(d, &s, &cords);
    } else {
        printf("%-16s %-12s %-10s %-10s %s%s\n", s.service, s.release, rollout_state_word(&s),
               ago(s.started, d->arena), s.id, cords.own.pulled ? "  line stopped" : "");
    }
    return 0;
}

static int collect(void *data, const struct ledger_event *ev)
{
    struct dict *seen = data;
    dict_set(seen, ev->service, value_bool(true));
    return 0;
}

static int status_of_all(struct deploy *d)
{
    static const char *const types[] = {"rollout.started", NULL};
    struct ledger_filter f = {.types = types};
    struct dict *seen = value_dict(d->arena).u.dict;
    struct dict_entry *it;
    struct cords cords;
    struct err e = ERR_INIT;
    int code = 0;
    if (ledger_each(d->ledger, &f, d->arena, collect, seen, &e) < 0 ||
        cords_read(d->ledger, NULL, d->arena, &cords, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (!seen->len && !d->json)
        printf("nothing has been delivered yet\n");
    DICT_EACH(seen, it)
    {
        d->name = it->key.u.str.s;
        if (!code)
            code = status_of(d, false);
    }
    if (!d->json)
        print_cord(d, &cords.all);
    return code;
}

int cmd_status(int argc, char **argv, bool compat)
{
    struct deploy d;
    (void)compat;
    int code = begin(&d, argc, argv, false, false);
    if (code)
        return end(&d, code - 1);
    if (!d.ledger) {
        printf("nothing has been delivered yet\n");
        return end(&d, 0);
    }
    return end(&d, d.name ? status_of(&d, true) : status_of_all(&d));
}
