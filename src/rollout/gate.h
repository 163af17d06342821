// Gates: what must hold before a ring starts or counts as passed. gate_sample asks all of them at
// the same time; gate_poll decides by Azure's rules what a series of samples means, and knows no
// clock, so it can be tested by table.
#ifndef ROLLOUT_GATE_H
#define ROLLOUT_GATE_H

#include "rollout/service.h"

enum gate_answer { GATE_GREEN, GATE_RED, GATE_UNKNOWN };

struct gate_result {
    const struct gate *gate;
    enum gate_answer answer; // unknown (could not be asked) counts as red
    const char *detail;      // one line: what was found, what was wanted
    struct value values;     // numbers behind it, for the ledger: small
    double seconds;
    bool final; // red for good: no later sample can take it back (a critical metric of a canary)
};

// What gates need to know and to do, given by the engine. Any function may be NULL where no gate
// needs it.
struct gate_env {
    const char *service, *release, *rollout, *ring;
    const char *const *hosts; // of the ring, ends with NULL
    const char *artifact, *commit;
    int64_t ring_started, ring_finished; // microseconds; bake and canary count from these
    int64_t now;                         // microseconds
    size_t n_failed;                     // hosts of the ring's own run
    const char *const *baseline_hosts;   // of canary gates, ends with NULL
    void *data;
    // Text with {{ }} as host sees it (NULL: the controller).
    int (*expand)(void *data, const char *host, const char *text, struct arena *a, const char **ret,
                  struct err *e);
    // argv of a child that runs a command on hosts or a playbook over them; the answer is its exit
    // code, and JSON (--output json) on its standard output.
    int (*command_argv)(void *data, const struct gate *g, const char *const *hosts, struct arena *a,
                        const char *const **ret_argv, struct err *e);
};

// Asks n gates at once, each for at most its timeout. results[i] belongs to gates[i], in a. stop_fd
// (or -1) ends it early when readable (ERR_CANCELLED).
int gate_sample(const struct gate *gates, size_t n, const struct gate_env *env, struct arena *a,
                struct gate_result *results, int stop_fd, struct err *e);

enum gate_verdict { GATES_PENDING, GATES_PASSED, GATES_FAILED };

// Times are microseconds of the real clock. A clock that is set back adds nothing to what has
// passed and takes nothing away; one that is set forward, or a controller that slept, is time that
// passed.
struct gate_poll {
    struct gate_timing timing;
    int64_t began, green_since; // green_since 0: not green
    int64_t next;               // when the next sample is due
    int64_t deadline;
    int64_t last;    // the latest time heard of
    int64_t sampled; // when the last sample was, 0: none yet
    unsigned samples;
    enum gate_verdict verdict;
};
void gate_poll_init(struct gate_poll *p, const struct gate_timing *t, int64_t now);
// Takes a sample that was complete at `now` (all green in it or not) into account; p->next is when
// to ask again. A sample after the deadline comes too late. A green time in which nothing was
// sampled for long (more than twice the interval and a minute) begins anew.
enum gate_verdict gate_poll_add(struct gate_poll *p, int64_t now, bool all_green);
// The time has come although nothing was sampled (a sample hung, the controller slept).
enum gate_verdict gate_poll_check(struct gate_poll *p, int64_t now);

#endif
