// Carrying a rollout: the lock, the clock, signals, approvals, and what its end means.
#include "cli/deploy_children.h"

#include "core/buf.h"
#include "core/file.h"
#include "rollout/approval.h"
#include "rollout/lock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT 60 // seconds for the last run of a lost controller to end

// --- the lock
// ------------------------------------------------------------------------------------------------

int deploy_lock(struct deploy *d)
{
    struct err e = ERR_INIT;
    pid_t holder = 0;
    for (int i = 0;; i++) {
        int rc = lock_take(d->home, d->name, &d->lock, &holder, &e);
        if (rc < 0)
            return deploy_error(d, &e, RUN_ERROR);
        if (rc > 0)
            return 0;
        if (holder)
            return deploy_refuse(d, DEPLOY_REFUSED, "process %ld already carries a rollout of %s",
                                 (long)holder, d->name);
        if (i == 1)
            fprintf(stderr, "waiting for the run of the lost controller to end\n");
        if (i == LOCK_WAIT * 5)
            return deploy_refuse(d, RUN_ERROR,
                                 "a run of the lost controller still works on hosts; try again "
                                 "when it has ended");
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
}

// --- the clock
// ------------------------------------------------------------------------------------------------

static int64_t boot_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t); // goes on while the machine sleeps
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t now_hook(void *data)
{
    const struct deploy *d = data;
    return d->clock_base + boot_us() - d->clock_start;
}

// Never in front of what the ledger has, which may come from a clock that was ahead.
static void start_clock(struct deploy *d, const struct rollout_state *s)
{
    int64_t now = clock_real_us();
    d->clock_base = s->last > now ? s->last : now;
    d->clock_start = boot_us();
}

// --- signals
// ------------------------------------------------------------------------------------------------

static void watch_signals(struct deploy *d)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signals(struct deploy *d)
{
    struct signalfd_siginfo info;
    while (d->signals >= 0 && read(d->signals, &info, sizeof info) == (ssize_t)sizeof info)
        d->interrupts++;
}

static int wait_hook(void *data, int64_t until)
{
    struct deploy *d = data;
    int64_t left = until - now_hook(d);
    struct pollfd p = {.fd = d->signals, .events = POLLIN};
    if (left > 0 && !d->interrupts)
        poll(&p, 1, (int)(left / 1000 + 1));
    take_signals(d);
    return d->interrupts ? ERR_CANCELLED : 0;
}

// --- what must hold for a ring
// ----------------------------------------------------------------------------------------

static bool open_hook(void *data, const struct ring *r, struct arena *a, const char **ret_why,
                      int64_t *ret_opens)
{
    struct deploy *d = data;
    int64_t wall = clock_real_us(), opens = 0; // windows are times of day, whatever the clock did
    bool open = calendar_allows(&r->calendar, wall, a, ret_why, &opens);
    *ret_opens = opens ? now_hook(d) + opens - wall : 0;
    return open;
}

// What is to be approved for a ring.
static struct approval_subject subject_of(struct deploy *d, const struct ring *def,
                                          const struct policy_decision *p, const char *plan)
{
    const struct rollout_state *s = &d->engine.state;
    return (struct approval_subject){.subject = s->id,
                                     .ring = def->name,
                                     .service = s->service,
                                     .release = s->release,
                                     .commit = s->commit,
                                     .digest = s->artifact,
                                     .plan = plan,
                                     .author = d->release.author,
                                     .committer = d->release.committer,
                                     .starter = s->actor,
                                     .protected = def->protected,
                                     .need = p->approvals,
                                     .approvers = p->approvers,
                                     .four_eyes = p->four_eyes};
}

static void decide(struct deploy *d, const struct ring *def, struct policy_decision *ret)
{
    const struct rollout_state *s = &d->engine.state;
    struct policy_request q = {.action = s->rollback ? POLICY_ROLLBACK : POLICY_DEPLOY,
                               .actor = s->actor,
                               .verified = dict_bool(s->details, "verified", false),
                               .service = s->service,
                               .ring = def->name,
                               .protected = def->protected,
                               .approvals = s->rollback ? 0 : def->approvals,
                               .author = d->release.author,
                               .starter = s->actor,
                               .now = clock_real_us()};
    policy_decide(d->policy, &q, d->engine.arena, ret);
}

static const struct value *authority(struct deploy *d, const char *kind, const char *rule,
                                     const struct approval_state *approvals)
{
    struct arena *a = d->engine.arena;
    struct value *v = arena_new_of(a, struct value), list = value_list(a);
    *v = value_dict(a);
    dict_set(v->u.dict, "kind", value_cstr(kind));
    if (rule)
        dict_set(v->u.dict, "rule", value_str(a, rule));
    for (int i = 0; approvals && i < approvals->have; i++)
        list_add(list.u.list, value_int(approvals->events[i]));
    if (list.u.list->len)
        dict_set(v->u.dict, "approvals", list);
    return v;
}

static int standard_hook(struct deploy *d, const struct ring *def, bool *ret, struct err *e)
{
    const struct rollout_state *s = &d->engine.state;
    int64_t since = clock_real_us() - (int64_t)(d->service->rehearsed_within * 1e6);
    *ret = false;
    if (!s->standard || s->rollback)
        return 0;
    return release_rehearsed(d->ledger, s->service, s->release, d->service, def->name, since, ret,
                             e);
}

static int count_approvals(struct deploy *d, const struct ring *def,
                           const struct policy_decision *p, struct engine_approval *ret,
                           struct err *e)
{
    struct approval_state have = {0};
    struct arena *a = d->engine.arena;
    const char *plan = NULL;
    int rc = approval_plan(d->ledger, d->engine.state.id, def->name, a, &plan, e);
    struct approval_subject subject = subject_of(d, def, p, plan);
    if (rc == 0)
        rc = approval_count(d->ledger, d->policy, d->signers, &subject, a, &have, e);
    if (rc < 0)
        return rc;
    ret->ask = true;
    ret->ok = !have.refused_by && have.have >= p->approvals;
    if (have.refused_by)
        ret->why = arena_printf(a, "%s refused: %s", have.refused_by,
                                have.refused_why ? have.refused_why : "");
    else
        ret->why = arena_printf(a, "%d of %d approvals%s%s", have.have, p->approvals,
                                have.ignored ? "; one does not count: " : "",
                                have.ignored ? have.ignored : "");
    if (ret->ok)
        ret->authority = authority(d, "approval", p->rule, &have);
    return 0;
}

static int approved_hook(void *data, const struct ring_state *r, const struct ring *def,
                         struct arena *a, struct engine_approval *ret, struct err *e)
{
    struct deploy *d = data;
    struct policy_decision p;
    bool standard;
    (void)r;
    *ret = (struct engine_approval){0};
    decide(d, def, &p);
    int rc = standard_hook(d, def, &standard, e);
    if (rc < 0)
        return rc;
    if (p.verdict == POLICY_DENIED) {
        ret->why = arena_printf(a, "not allowed: %s", p.reason ? p.reason : "no rule");
        return 0;
    }
    if (p.verdict == POLICY_NEEDS_APPROVAL && p.approvals > 0 && !standard)
        return count_approvals(d, def, &p, ret, e);
    ret->ok = true;
    ret->authority = authority(d,
                               standard ? "standard"
                               : p.rule ? "rule"
                                        : "rollout",
                               p.rule, NULL);
    return 0;
}

static int request_hook(void *data, const struct ring_state *r, const struct ring *def,
                        struct err *e)
{
    struct deploy *d = data;
    struct policy_decision p;
    const char *plan;
    decide(d, def, &p);
    int rc = deploy_plan_ring(d, r, def, d->engine.arena, &plan, e);
    if (rc < 0)
        return rc;
    struct approval_subject subject = subject_of(d, def, &p, plan);
    return approval_request(d->ledger, &subject, d->engine.state.actor, e);
}

static const struct engine_hooks hooks = {.now = now_hook,
                                          .wait = wait_hook,
                                          .open = open_hook,
                                          .approved = approved_hook,
                                          .request = request_hook,
                                          .run = deploy_run_batch,
                                          .sample = deploy_sample,
                                          .tell = deploy_tell,
                                          .waiting = deploy_waiting};

// --- the end
// --------------------------------------------------------------------------------------------------

static int tell_end(struct deploy *d)
{
    const struct rollout_state *s = &d->engine.state;
    if (s->held)
        return DEPLOY_FAILED; // told with its event
    return s->finished && strcmp(s->outcome, "done") == 0 ? 0 : DEPLOY_FAILED;
}

int deploy_carry(struct deploy *d, const char *rollout)
{
    struct err e = ERR_INIT;
    struct engine_hooks *mine = arena_new_of(d->arena, struct engine_hooks);
    *mine = hooks;
    mine->data = d;
    int rc = engine_open(&d->engine, d->ledger, rollout, d->service, d->actor, mine, &e);
    d->engine_open = true;
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    start_clock(d, &d->engine.state);
    watch_signals(d);
    deploy_tell(d, NULL);
    rc = engine_run(&d->engine, &e);
    child_vars_remove(d, d->arena); // of a controller that was lost
    deploy_live(d, NULL);
    if (rc == ERR_CANCELLED && d->interrupts) {
        err_release(&e);
        fprintf(stderr, "interrupted; 'andon resume %s' goes on\n", d->name);
        return RUN_INTERRUPTED;
    }
    if (rc < 0) {
        err_wrap(&e, "rollout %s stands still", rollout);
        deploy_error(d, &e, RUN_ERROR);
        fprintf(stderr, "when that is mended, 'andon resume %s' goes on\n", d->name);
        return RUN_ERROR;
    }
    return tell_end(d);
}
