// andon deploy, resume, rollback: what carries a rollout.
#include "cli/deploy.h"

#include "core/file.h"
#include "core/hash.h"
#include "rollout/lock.h"

#include <string.h>
#include <time.h>

static const char *arg(const struct deploy *d, size_t i)
{
    return i < d->s.o.args->len ? d->s.o.args->items[i].u.str.s : NULL;
}

static int too_many(struct deploy *d, size_t most)
{
    if (d->s.o.args->len <= most)
        return 0;
    session_usage_error(&d->s, "unrecognized arguments: %s", arg(d, most));
    return RUN_USAGE;
}

// Opens the service that is meant and goes to its folder; an exit code.
static int open_service(struct deploy *d, const char *what)
{
    struct err e = ERR_INIT;
    int rc = deploy_find(d, what, &e);
    if (rc == 0)
        rc = deploy_enter(d, &e);
    return rc < 0 ? deploy_error(d, &e, RUN_ERROR) : 0;
}

// A command of at most `most` arguments, the first of which is the service.
static int with_service(int argc, char **argv, size_t most, int (*fn)(struct deploy *d))
{
    struct deploy d;
    int code = deploy_begin(&d, argc, argv, true);
    if (code) {
        arena_free(d.arena);
        return code - 1;
    }
    code = too_many(&d, most);
    if (!code)
        code = open_service(&d, arg(&d, 0));
    if (!code)
        code = fn(&d);
    deploy_end(&d);
    return code;
}

int cmd_deploy(int argc, char **argv, bool compat)
{
    struct deploy d;
    (void)compat;
    int code = deploy_begin(&d, argc, argv, true);
    if (code) {
        arena_free(d.arena);
        return code - 1;
    }
    if (d.s.o.args->len != 2) {
        session_usage_error(&d.s, "a service (its name, folder or andon.yml) and a version are "
                                  "required");
        code = RUN_USAGE;
    }
    if (!code)
        code = open_service(&d, arg(&d, 0));
    if (!code) {
        struct deploy_plan plan = {.version = arg(&d, 1), .reason = d.s.o.reason};
        code = deploy_start(&d, &plan);
    }
    deploy_end(&d);
    return code;
}

// --- resume
// -----------------------------------------------------------------------------------------------

// The service file must be the one the rollout began with: its hosts and batches follow from it.
static int same_file(struct deploy *d, const struct rollout_state *s)
{
    char hex[HASH_HEX_MAX];
    struct err e = ERR_INIT;
    if (hash_file(HASH_SHA256, d->service->file, hex, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (!s->file || strcmp(hex, s->file) == 0)
        return 0;
    return deploy_refuse(d, RUN_ERROR,
                         "'%s' has changed since %s %s began: put it back as it was, or put the "
                         "release back with 'andon rollback %s'",
                         d->service->file, d->name, s->release, d->name);
}

static int go_on(struct deploy *d, const struct rollout_state *s)
{
    struct err e = ERR_INIT;
    pid_t holder = lock_holder(d->home, d->name);
    bool waits = s->paused || s->held;
    if (holder && waits) { // its controller notices
        if (deploy_append(d, "rollout.resumed", s, NULL, NULL, NULL, &e) < 0)
            return deploy_error(d, &e, RUN_ERROR);
        printf("%s %s goes on in process %ld\n", d->name, s->release, (long)holder);
        return 0;
    }
    int code = deploy_lock(d);
    if (!code && deploy_append(d, "rollout.resumed", s, NULL, NULL, NULL, &e) < 0)
        code = deploy_error(d, &e, RUN_ERROR);
    return code;
}

static int resume(struct deploy *d)
{
    struct rollout_state s;
    struct err e = ERR_INIT;
    int rc = rollout_last(d->ledger, d->name, rollout_unfinished, NULL, d->arena, &s, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (rc == 0)
        return deploy_refuse(d, RUN_ERROR, "no rollout of %s is under way", d->name);
    int code = same_file(d, &s);
    if (!code)
        code = go_on(d, &s);
    if (code || d->lock < 0)
        return code;
    const struct value *sources = dict_get(s.details, "inventory");
    d->sources = sources && sources->type == VALUE_LIST ? sources->u.list : NULL;
    if (release_find(d->ledger, d->name, s.release, d->arena, &d->release, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    code = deploy_open_hosts(d);
    return code ? code : deploy_carry(d, s.id);
}

int cmd_resume(int argc, char **argv, bool compat)
{
    (void)compat;
    return with_service(argc, argv, 1, resume);
}

// --- rollback
// --------------------------------------------------------------------------------------------

// Ends a rollout that is under way, so that it can be taken back.
static int end_active(struct deploy *d, struct rollout_state *s)
{
    struct err e = ERR_INIT;
    struct dict *body = value_dict(d->arena).u.dict;
    struct ledger_event ev = {.type = "rollout.finished",
                              .actor = d->actor,
                              .service = d->name,
                              .release = s->release,
                              .rollout = s->id,
                              .outcome = s->held ? "held" : "stopped",
                              .body = body};
    dict_set(body, "reason", value_cstr("rolled back"));
    if (ledger_append(d->ledger, &ev, 1, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    return 0;
}

// The release to go back to.
static int goal(struct deploy *d, const char **ret)
{
    const char *now, *before = NULL;
    struct err e = ERR_INIT;
    if (arg(d, 1)) {
        *ret = arg(d, 1);
        return 0;
    }
    if (release_current(d->ledger, d->name, d->arena, &now, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (now && release_good_before(d->ledger, d->name, now, d->arena, &before, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (!now)
        return deploy_refuse(d, RUN_ERROR, "no rollout of %s has left a release on its hosts",
                             d->name);
    if (!before)
        return deploy_refuse(d, RUN_ERROR,
                             "hosts have %s %s, and no good release before it is known: name the "
                             "version",
                             d->name, now);
    *ret = before;
    return 0;
}

static int rollback(struct deploy *d)
{
    struct rollout_state s;
    struct err e = ERR_INIT;
    struct deploy_plan plan = {.rollback = true, .reason = d->s.o.reason};
    int code = goal(d, &plan.version), rc;
    if (code)
        return code;
    rc = rollout_last(d->ledger, d->name, rollout_unfinished, NULL, d->arena, &s, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (rc > 0)
        code = end_active(d, &s);
    // A controller that still works on a batch of it sees its end and lets go of the lock.
    for (int i = 0; !code && rc > 0 && lock_holder(d->home, d->name) && i < 600; i++) {
        if (i == 10)
            fprintf(stderr, "waiting for the batch under way to end\n");
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    return code ? code : deploy_start(d, &plan);
}

int cmd_rollback(int argc, char **argv, bool compat)
{
    (void)compat;
    return with_service(argc, argv, 2, rollback);
}
