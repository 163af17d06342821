// Tables of levels. 2021 and 2023 are the thresholds Apache DevLake carries; of 2024 delivery
// clusters are described by one share each, which is matched to the nearest.
#include "flow/levels.h"

#include <math.h>

static const char *const names[] = {"elite", "high", "medium", "low"};

#define HOUR 3600.0
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONTH (30.44 * DAY)

// Durations: each level takes what is below its bound; the last has none.
struct by_time {
    enum flow_measure_id id;
    int year;
    double below[3];
    const char *what[4];
    bool doubtful;
};

static const struct by_time times[] = {
    {FLOW_LEAD_TIME,
     2021,
     {HOUR, WEEK, 6 * MONTH},
     {"less than one hour", "less than one week", "one week to six months", "more than six months"},
     false},
    {FLOW_LEAD_TIME,
     2023,
     {DAY, WEEK, MONTH},
     {"less than one day", "one day to one week", "one week to one month", "more than one month"},
     false},
    {FLOW_LEAD_TIME,
     2024,
     {DAY, WEEK, MONTH},
     {"less than one day", "one day to one week", "one week to one month", "one to six months"},
     false},
    {FLOW_RECOVERY,
     2021,
     {HOUR, DAY, WEEK},
     {"less than one hour", "less than one day", "one day to one week", "more than one week"},
     false},
    {FLOW_RECOVERY,
     2023,
     {HOUR, DAY, WEEK},
     {"less than one hour", "less than one day", "one day to one week", "more than one week"},
     false},
    {FLOW_RECOVERY,
     2024,
     {HOUR, DAY, WEEK},
     {"less than one hour", "less than one day (high and medium alike)", "one day to one week",
      "more than one week"},
     true},
};

// Shares: up to and including the bound.
static const struct by_share {
    int year;
    double up_to[3];
    const char *what[4];
} shares[] = {
    {2021, {15, 20, 30}, {"0-15 %", "16-20 %", "21-30 %", "more than 30 %"}},
    {2023, {5, 10, 15}, {"0-5 %", "5-10 %", "10-15 %", "more than 15 %"}},
};

// 2024's clusters do not rise with the share: those of level high fail more often than medium.
static const struct cluster {
    double at;
    int level;
    const char *what;
    bool doubtful;
} clusters_2024[] = {{5, 0, "nearest to 5 %", false},
                     {10, 2, "nearest to 10 %", true},
                     {20, 1, "nearest to 20 %", false},
                     {40, 3, "nearest to 40 %", true}};

static size_t levels_by_time(enum flow_measure_id id, double value, struct flow_level *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const struct by_time *t = &times[i];
        int level = 0;
        if (t->id != id)
            continue;
        while (level < 3 && value >= t->below[level])
            level++;
        ret[n++] = (struct flow_level){t->year, names[level], t->what[level], t->doubtful};
    }
    return n;
}

static size_t levels_by_share(double value, struct flow_level *ret)
{
    size_t n = 0, near = 0;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        int level = 0;
        while (level < 3 && value > shares[i].up_to[level])
            level++;
        ret[n++] = (struct flow_level){shares[i].year, names[level], shares[i].what[level], false};
    }
    for (size_t i = 1; i < sizeof clusters_2024 / sizeof *clusters_2024; i++)
        if (fabs(value - clusters_2024[i].at) < fabs(value - clusters_2024[near].at))
            near = i;
    const struct cluster *c = &clusters_2024[near];
    ret[n++] = (struct flow_level){2024, names[c->level], c->what, c->doubtful};
    return n;
}

// On demand is taken as five days with deployments in the median week, as DevLake does; below that
// the rate counts.
static size_t levels_by_rate(const struct flow_report *r, struct flow_level *ret)
{
    static const char *const what_2021[] = {"on demand", "once a day to once a month",
                                            "once a month to once in six months",
                                            "less than once in six months"};
    static const char *const what_2023[] = {"on demand", "once a day to once a week",
                                            "once a week to once a month",
                                            "less than once a month"};
    double per_month = r->per_day * 30.44;
    bool daily = r->deploy_days >= 5;
    int then = daily                ? 0
               : per_month >= 1     ? 1
               : per_month * 6 >= 1 ? 2
                                    : 3,
        now = daily                 ? 0
              : r->deploy_days >= 1 ? 1
              : per_month >= 1      ? 2
                                    : 3;
    ret[0] = (struct flow_level){2021, names[then], what_2021[then], false};
    ret[1] = (struct flow_level){2023, names[now], what_2023[now], false};
    ret[2] = (struct flow_level){
        2024, names[now], now == 3 ? "once a month to once in six months" : what_2023[now], false};
    return 3;
}

size_t flow_levels(const struct flow_report *r, enum flow_measure_id id,
                   struct flow_level ret[FLOW_LEVEL_YEARS])
{
    const struct flow_measure *f = &r->measures[id];
    if (id == FLOW_FREQUENCY)
        return r->whole_weeks >= FLOW_LEVEL_MIN_WEEKS && f->counted ? levels_by_rate(r, ret) : 0;
    if (f->counted < FLOW_LEVEL_MIN || isnan(f->value))
        return 0;
    if (id == FLOW_CHANGE_FAIL)
        return levels_by_share(f->value, ret);
    return levels_by_time(id, f->value, ret);
}
