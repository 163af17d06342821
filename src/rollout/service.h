// The service file, andon.yml: what is delivered, how, through which rings, and what must hold on
// the way. docs/SERVICE.md has the keys; schema/andon.schema.json is the same for editors.
#ifndef ROLLOUT_SERVICE_H
#define ROLLOUT_SERVICE_H

#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stdint.h>

// A number of hosts, or a share of them.
struct amount {
    bool set, percent;
    double n; // hosts, or 0..100
};
// The number among `of`, shares rounded down, at most `of`; a batch of 0 is for the caller to
// make 1.
size_t amount_of(struct amount a, size_t of, size_t if_unset);

// When something may happen: any of the windows, none of the freezes.
struct zone;
struct calendar_window {
    uint8_t days;             // bit 0: Monday. Over midnight: the days on which it begins
    int from, to;             // minutes of the day; to may be smaller than from: over midnight
    const char *zone;         // IANA name, NULL: the controller's
    const struct zone *rules; // of zone
    const char *text;         // as it was written
    struct pos pos;
};
struct calendar_freeze {
    int64_t from, to; // microseconds UTC
    const char *reason;
    struct pos pos;
};
struct calendar {
    const struct calendar_window *windows;
    size_t n_windows;
    const struct calendar_freeze *freezes;
    size_t n_freezes;
};
// Whether t is allowed; else why not in *ret_why (in a) and when it next is (0: not within a year).
bool calendar_allows(const struct calendar *c, int64_t t, struct arena *a, const char **ret_why,
                     int64_t *ret_next);
// "mon-fri 08:00-17:00 Europe/Berlin": days, hours and zone, each of which may be left out. zone
// is what applies where the text names none (NULL: the controller's). ERR_INVALID.
int calendar_window_parse(struct arena *a, const char *text, const char *zone,
                          struct calendar_window *ret, struct err *e);
// A day ("2026-12-24", from its beginning, or with end_of_day to its end) or a point in time
// ("2026-12-24 18:00") in a zone, as microseconds UTC. ERR_INVALID.
int calendar_time_parse(struct arena *a, const char *text, const char *zone, bool end_of_day,
                        int64_t *ret, struct err *e);

enum gate_kind {
    GATE_COMMAND,    // on the controller
    GATE_ON_HOSTS,   // command on every host of the ring
    GATE_PLAYBOOK,   // a verify play over the ring's hosts
    GATE_HTTP,       // status, latency, body; per host when the URL has {{ }}
    GATE_PROMETHEUS, // query with threshold
    GATE_BAKE,       // time
    GATE_WINDOW,     // calendar
    GATE_HEALTH,     // of the ring's own run: failed and unreachable hosts
    GATE_CANARY,     // statistics of a metric of this ring against a baseline
};

struct gate {
    const char *name; // given, or made of what it does
    enum gate_kind kind;
    struct pos pos;
    const char *text; // command, playbook (absolute), URL, query
    double timeout;   // seconds for one evaluation (30)
    bool tls_verify;
    bool empty_ok; // prometheus: no sample in the answer counts as good
    // http
    int status_min, status_max; // 200..299
    double max_seconds;         // latency, 0: no limit
    const char *body;           // must hold this regular expression (POSIX extended), NULL: any
    const struct dict *headers;
    const char *method;
    struct amount max_failed; // of hosts: http per host, command on hosts, health (0)
    // prometheus and canary
    const char *url; // of the Prometheus server
    double min, max; // threshold; NaN: none
    // bake
    double seconds;
    // window
    struct calendar calendar;
    // canary: a list of metrics for the judge (judge.h reads it)
    const struct dict *canary;
};

// Azure's semantics: after `delay` all gates are asked every `every` seconds, at the same time; the
// set passes when all were green in the same sample, and stayed so for `green_for`; at `timeout`
// it has failed.
struct gate_timing {
    double delay, every, green_for, timeout; // seconds; 0, 15, 0, 900
};

struct ring {
    const char *name, *hosts; // host pattern
    struct pos pos;
    struct amount batch;        // unset: all at once
    struct amount max_failures; // hosts that may fail before the ring has failed; 0
    double pause;               // seconds between batches
    const struct gate *before, *after;
    size_t n_before, n_after;
    struct gate_timing before_timing, after_timing;
    int approvals;            // how many are needed before it starts; policy may want more
    bool protected;           // nobody may who is not named by a rule
    bool production;          // counts for flow; the last ring when none says so
    bool production_set;      // the file says it
    double deadline;          // seconds for the whole ring, 0: none. What runs then has failed
    struct calendar calendar; // the service's windows and freezes and its own
};

enum on_failure { FAIL_UNDO, FAIL_REDEPLOY, FAIL_HOLD };
enum on_busy { BUSY_REFUSE, BUSY_WAIT };

struct service {
    struct arena *arena;
    const char *file, *dir; // absolute
    const char *name, *owner, *description;
    const char *zone;     // of windows and freezes that name none; NULL: the controller's
    const char *playbook; // absolute
    const struct dict *vars;
    const char *const *inventories; // absolute, ends with NULL; NULL: as the settings say
    const char *repo; // absolute folder of the git repository commits are looked up in
    const struct ring *rings;
    size_t n_rings;
    enum on_failure on_failure;
    enum on_busy on_busy;
    struct calendar calendar; // of the service alone; rings have it in theirs
    int change;               // 0 normal, 1 standard:
    bool standard;            // a pre-approved change, when rehearsed:
    double rehearsed_within;  // seconds; an earlier ring passed with this release within it
    int keep;                 // releases kept on a host (5)
    const struct value *root; // the whole document with positions
};

// Reads and checks a service file; every mistake has its place and, where one is near, a
// suggestion. All mistakes are told to `problem` (may be NULL); *e has the first.
int service_load(const char *path, struct service **ret,
                 void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                 struct err *e) __attribute__((warn_unused_result));
void service_free(struct service *s);
const struct ring *service_ring(const struct service *s, const char *name);

// The nearest andon.yml (or andon.yaml) in dir and above it, absolute, in a; NULL when there is
// none.
const char *service_find_file(struct arena *a, const char *dir);
// The JSON Schema of service files, made from the tables the parser works with.
struct buf;
void service_schema(struct buf *b);

// "90", "90s", "15m", "2h", "3d" as seconds, also "1h30m"; ERR_INVALID.
int duration_parse(const struct value *v, double *ret, struct err *e);
// 3, "3" or "25%"; ERR_INVALID.
int amount_parse(const struct value *v, struct amount *ret, struct err *e);

#endif
