// The measures of delivery of one service over a stretch of time, each with the events it was made
// of. docs/flow.md has the definitions and where they come from.
#ifndef FLOW_MEASURES_H
#define FLOW_MEASURES_H

#include "flow/calendar.h"
#include "flow/history.h"
#include "flow/stats.h"

enum flow_measure_id {
    FLOW_LEAD_TIME,   // seconds, per commit
    FLOW_FREQUENCY,   // deployments a week, per whole week
    FLOW_RECOVERY,    // seconds, per failed deployment
    FLOW_CHANGE_FAIL, // percent of deployments
    FLOW_REWORK,      // percent of deployments and rollbacks
    FLOW_DETECT,      // seconds, per failure
    FLOW_MITIGATE,    // seconds, per failure
    FLOW_BETWEEN,     // seconds between the beginnings of failures
    FLOW_SCRAP,       // percent of releases
    FLOW_MEASURES
};

enum flow_unit { FLOW_SECONDS, FLOW_PERCENT, FLOW_PER_WEEK };

// What is fixed about a measure.
struct flow_measure_spec {
    const char *key, *name;  // "change_lead_time", "change lead time"
    const char *of, *of_one; // what its samples are: "commits", "commit"
    enum flow_unit unit;
    int partner; // the measure it is never shown without, -1: none
    bool speed;
};
extern const struct flow_measure_spec flow_measures[FLOW_MEASURES];

#define FLOW_SAMPLE_EVENTS 4

// One value, and what made it.
struct flow_sample {
    double value; // of a share: 1 counts, 0 does not
    int64_t time; // when it belongs to
    const char *what;
    int64_t events[FLOW_SAMPLE_EVENTS]; // numbers, FLOW_NO_EVENT behind the last
    const char *left_out;               // why it does not count; NULL: it does
};

struct flow_measure {
    struct flow_sample *samples; // those left out too
    size_t n, cap;
    size_t counted, hits; // samples that count; of a share: those that are 1
    struct stats stats;   // of the values that count
    double value;         // the one number: the median, or the share in percent; NaN: none
};

// A note to the reader: what is missing or was left out.
struct flow_notes {
    const char **at;
    size_t n, cap;
};

// One ring in the value stream; distributions in seconds.
struct flow_step {
    const char *name;
    bool production;
    size_t entered, under_way, passed; // rollouts
    struct stats total, working, waiting, approval, gates;
    double activity;            // working to total, percent; NaN
    size_t handed_on, accurate; // rollouts the step behind took up, and those it could use
    double accuracy;            // percent complete and accurate, NaN
};

struct flow_stream {
    struct flow_step *steps; // the first is the way from the release to the rollout
    size_t n;
    double activity, rolled; // percent, NaN
};

// A stretch of the trend.
struct flow_bucket {
    char label[FLOW_LABEL];
    int64_t from, to;
    bool partial; // not wholly within the time asked for
    size_t deployments, failed;
    struct stats lead; // seconds
    double change_fail, rework;
};

// A commit that reached production, from git.
struct flow_commit {
    const char *id, *subject;
    int64_t committed, authored; // microseconds
};

// What a deployment was the first to bring. Filled by whoever asks git (flow/commits.h).
struct flow_contents {
    const struct flow_rollout *rollout;
    struct flow_commit *commits;
    size_t n;
    size_t merges, rebased; // left out of the commits
    const char *note;       // what is missing, NULL
};

struct flow_opts {
    const char *service;
    int64_t since, until;    // microseconds; a deployment counts when it was over in between
    enum flow_period period; // of the trend
    bool authored;           // lead time from when the author wrote it, not from the commit
    const struct flow_contents *contents; // in the order of deployment
    size_t n_contents;
};

struct flow_report {
    const char *service;
    const char **production; // names of rings, ends with NULL
    int64_t since, until;    // since: not before the ledger knows the service
    size_t deployments, rollbacks, under_way;
    size_t caught;      // incidents and failed rings in front of production
    size_t noticed[5];  // failures by who noticed: gate, alert, customer, operator, not said
    double per_day;     // deployments a day; NaN for less than a week
    double deploy_days; // median of the days with deployments in a whole week, NaN
    size_t whole_weeks; // within since and until
    struct flow_measure measures[FLOW_MEASURES];
    struct flow_stream stream;
    struct flow_bucket *buckets;
    size_t n_buckets;
    struct flow_notes notes;
};

extern const char *const flow_noticers[5];

// Works it all out; the report lives in a.
void flow_report_make(const struct flow_history *h, const struct flow_opts *o, struct arena *a,
                      struct flow_report *ret);

#endif
