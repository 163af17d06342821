// What the commands about rollouts share: the service and its ledger, its rollouts, and how one is
// carried.
#ifndef CLI_DEPLOY_H
#define CLI_DEPLOY_H

#include "cli/session.h"
#include "ledger/ledger.h"
#include "rollout/engine.h"
#include "rollout/policy.h"
#include "rollout/release.h"

// Exit codes, besides 0 (done), 1 (error; nothing was begun, or it can be resumed) and 99
// (interrupted; it can be resumed).
enum { DEPLOY_FAILED = 2, DEPLOY_REFUSED = 3 };

struct deploy {
    struct session s;
    struct arena *arena;
    struct ledger *ledger;
    const char *home; // state folder
    const char *name; // of the service
    struct service *service;
    struct policy *policy;
    const char *signers; // file of allowed signers
    const char *actor;
    bool verified; // actor is the principal of a verified signature
    const char *statement, *signature;
    struct release release;
    const struct list *sources; // of the inventory, as the rollout began with
    bool hosts_open;            // inventory and variables are read
    int lock;                   // descriptor, -1: not held
    int signals;                // descriptor, -1: not watched
    unsigned interrupts;        // how often the user wanted to stop
    int64_t clock_base, clock_start;
    struct engine engine;
    bool engine_open;
    bool json, live; // output: an event per line; a line that moves
    bool line_shown;
    int told_wait;         // what was told to be waited for, off a terminal
    uint64_t told_pattern; // of the gates' last sample
};

// --- deploy.c
// Parses options and opens the ledger; 0, or an exit code + 1 when the command is over.
int deploy_begin(struct deploy *d, int argc, char **argv, bool write);
void deploy_end(struct deploy *d);
// Prints the error and releases it; an exit code.
int deploy_error(struct deploy *d, struct err *e, int code);
// "andon: TEXT", an exit code.
int deploy_refuse(struct deploy *d, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Finds the service that arg (a name, a folder, a file; NULL: here) stands for: sets name and,
// where its file can be found, service.
int deploy_find(struct deploy *d, const char *arg, struct err *e);
// Works in the folder of the service from now on, with the settings that hold there.
int deploy_enter(struct deploy *d, struct err *e);
// Reads inventory and variables.
int deploy_open_hosts(struct deploy *d);

// --- deploy_ledger.c
// Whether it is under way; for rollout_last.
bool rollout_unfinished(void *data, const struct rollout_state *s);
// The last rollout of a service that pick wants (NULL: any), read whole: 1, or 0.
int rollout_last(struct ledger *l, const char *service,
                 bool (*pick)(void *data, const struct rollout_state *s), void *data,
                 struct arena *a, struct rollout_state *ret, struct err *e);
int rollout_read(struct ledger *l, const char *id, struct arena *a, struct rollout_state *ret,
                 struct err *e);
int cords_read(struct ledger *l, const char *service, struct arena *a, struct cords *ret,
               struct err *e);
// The version that hosts have now as far as rollouts say, what was put back left out; NULL:
// unknown.
int release_current(struct ledger *l, const char *service, struct arena *a, const char **ret,
                    struct err *e);
// The last version that reached all its hosts, other than release; NULL: none.
int release_good_before(struct ledger *l, const char *service, const char *release, struct arena *a,
                        const char **ret, struct err *e);
// Whether an earlier ring passed with this release since then.
int release_rehearsed(struct ledger *l, const char *service, const char *release,
                      const struct service *svc, const char *ring, int64_t since, bool *ret,
                      struct err *e);
// One event of this service by this actor, durable.
int deploy_append(struct deploy *d, const char *type, const struct rollout_state *s,
                  const char *ring, const char *key, const char *text, struct err *e);

// --- deploy_start.c: begins a rollout; its id in d->engine afterwards. An exit code.
struct deploy_plan {
    const char *version;
    bool rollback;
    const char *reason;
};
int deploy_start(struct deploy *d, const struct deploy_plan *plan);

// --- deploy_sign.c
// Who acts: with a key that the allowed signers know, the statement "ACTION of RELEASE" is signed
// and d->actor is its principal. An exit code.
int deploy_sign(struct deploy *d, const char *action, const char *rollout, const char *release);

// --- deploy_carry.c
// Takes the lock of the service; an exit code where another controller has it.
int deploy_lock(struct deploy *d);
// Carries the rollout to its end. An exit code.
int deploy_carry(struct deploy *d, const char *rollout);

// --- deploy_run.c, deploy_gates.c: hooks of the engine that work on hosts
int deploy_run_batch(void *data, const struct batch_job *job, struct arena *a,
                     struct batch_result *ret, struct err *e);
int deploy_sample(void *data, const struct ring_state *r, const struct gate *gates, size_t n,
                  size_t failed, struct arena *a, struct gate_result *results, struct err *e);

// --- deploy_tell.c: what people and programs see
void deploy_tell(void *data, const struct ledger_event *ev);
void deploy_waiting(void *data, const struct step *st, int64_t now);
// Text that moves, on a terminal; NULL: away with it.
void deploy_live(struct deploy *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// What a step waits for, in words, in a.
const char *step_words(const struct step *st, int64_t now, struct arena *a);
// "3 min", "12 s".
const char *span_words(int64_t us, struct arena *a);

#endif
