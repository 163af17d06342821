// Histories whose answers were worked out by hand (data/flow/*.txt, the working in their comments).
// argv[1] is the file.
#include "core/file.h"
#include "flow/levels.h"
#include "flow/measures.h"
#include "flow_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_COMMITS 200
#define MAX_EVENTS 2000

struct bench {
    struct arena *a;
    struct ledger_event events[MAX_EVENTS];
    size_t n_events;
    struct flow_commit commits[MAX_COMMITS];
    const char *of[MAX_COMMITS]; // the rollout that brought it
    size_t n_commits;
    struct flow_history h;
    struct flow_report r;
    int checked, failed;
    const char *line;
};

static void fail(struct bench *b, const char *got)
{
    printf("FAILED %s\n    got %s\n", b->line, got);
    b->failed++;
}

// "commit ROLLOUT TIME [authored=TIME]"
static void add_commit(struct bench *b, const char *const *words, size_t n)
{
    if (n < 3 || b->n_commits == MAX_COMMITS) {
        fail(b, "no commit");
        return;
    }
    int64_t t = flow_case_time(words[2], strlen(words[2])), authored = t;
    if (n > 3 && strncmp(words[3], "authored=", 9) == 0)
        authored = flow_case_time(words[3] + 9, strlen(words[3] + 9));
    b->of[b->n_commits] = words[1];
    b->commits[b->n_commits++] = (struct flow_commit){
        .id = "0123456789abcdef", .subject = "a change", .committed = t, .authored = authored};
}

// What each rollout brought, as git would say it.
static struct flow_contents *contents(struct bench *b)
{
    struct flow_contents *c = arena_array(b->a, struct flow_contents, b->n_commits + 1);
    for (size_t i = 0; i < b->n_commits; i++) {
        c[i] = (struct flow_contents){
            .rollout = flow_find_rollout(&b->h, b->of[i]), .commits = &b->commits[i], .n = 1};
        if (!c[i].rollout)
            fail(b, "a commit of no rollout");
    }
    return c;
}

// "report SERVICE SINCE UNTIL [month] [authored]": of all events so far.
static void make_report(struct bench *b, const char *const *words, size_t n)
{
    flow_history_init(&b->h, b->a);
    for (size_t i = 0; i < b->n_events; i++)
        flow_history_add(&b->h, &b->events[i]);
    flow_history_finish(&b->h);
    struct flow_opts o = {.service = words[1],
                          .since = flow_case_time(words[2], strlen(words[2])),
                          .until = flow_case_time(words[3], strlen(words[3])),
                          .contents = contents(b),
                          .n_contents = b->n_commits};
    for (size_t i = 4; i < n; i++) {
        o.period = strcmp(words[i], "month") == 0 ? FLOW_MONTH : o.period;
        o.authored = o.authored || strcmp(words[i], "authored") == 0;
    }
    flow_report_make(&b->h, &o, b->a, &b->r);
}

// --- what is looked up
// ------------------------------------------------------------------------------------------------

static double of_stats(const struct stats *s, const char *field, bool *found)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {{"n", (double)s->n}, {"median", s->median}, {"p75", s->p75}, {"p95", s->p95},
                  {"mean", s->mean},   {"min", s->min},       {"max", s->max}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, field) == 0) {
            *found = true;
            return fields[i].value;
        }
    return NAN;
}

static double of_measure(const struct flow_measure *m, const char *field, bool *found)
{
    *found = true;
    if (strcmp(field, "n") == 0)
        return (double)m->counted;
    if (strcmp(field, "hits") == 0)
        return (double)m->hits;
    if (strcmp(field, "value") == 0)
        return m->value;
    if (strcmp(field, "left_out") == 0)
        return (double)(m->n - m->counted);
    *found = false;
    return of_stats(&m->stats, field, found);
}

static double of_step(const struct flow_step *s, const char *field, bool *found)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {{"entered", (double)s->entered},     {"passed", (double)s->passed},
                  {"under_way", (double)s->under_way}, {"n", (double)s->total.n},
                  {"total", s->total.median},          {"working", s->working.median},
                  {"waiting", s->waiting.median},      {"approval", s->approval.median},
                  {"gates", s->gates.median},          {"activity", s->activity},
                  {"accuracy", s->accuracy},           {"handed_on", (double)s->handed_on}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, field) == 0) {
            *found = true;
            return fields[i].value;
        }
    return NAN;
}

static double of_bucket(const struct flow_bucket *b, const char *field, bool *found)
{
    *found = true;
    if (strcmp(field, "deployments") == 0)
        return (double)b->deployments;
    if (strcmp(field, "failed") == 0)
        return (double)b->failed;
    if (strcmp(field, "change_fail") == 0)
        return b->change_fail;
    if (strcmp(field, "rework") == 0)
        return b->rework;
    if (strcmp(field, "partial") == 0)
        return b->partial;
    if (strcmp(field, "lead") == 0)
        return b->lead.median;
    *found = false;
    return NAN;
}

static double of_report(const struct flow_report *r, const char *name, bool *found)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {{"deployments", (double)r->deployments},
                  {"rollbacks", (double)r->rollbacks},
                  {"under_way", (double)r->under_way},
                  {"caught", (double)r->caught},
                  {"per_day", r->per_day},
                  {"deploy_days", r->deploy_days},
                  {"whole_weeks", (double)r->whole_weeks},
                  {"stream.activity", r->stream.activity},
                  {"stream.rolled", r->stream.rolled},
                  {"notes", (double)r->notes.n},
                  {"buckets", (double)r->n_buckets}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, name) == 0) {
            *found = true;
            return fields[i].value;
        }
    for (int i = 0; strncmp(name, "noticed.", 8) == 0 && i < 5; i++)
        if (strcmp(flow_noticers[i], name + 8) == 0) {
            *found = true;
            return (double)r->noticed[i];
        }
    return NAN;
}

static double look_up(struct bench *b, const char *name, bool *found)
{
    const char *dot = strchr(name, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    double d = of_report(&b->r, name, found);
    for (int i = 0; !*found && i < FLOW_MEASURES; i++)
        if (strlen(flow_measures[i].key) == n && strncmp(flow_measures[i].key, name, n) == 0)
            return of_measure(&b->r.measures[i], dot + 1, found);
    size_t len = second ? (size_t)(second - dot - 1) : 0;
    for (size_t i = 0; !*found && second && i < b->r.stream.n; i++)
        if (strncmp(name, "step.", 5) == 0 && strlen(b->r.stream.steps[i].name) == len &&
            strncmp(b->r.stream.steps[i].name, dot + 1, len) == 0)
            return of_step(&b->r.stream.steps[i], second + 1, found);
    for (size_t i = 0; !*found && second && i < b->r.n_buckets; i++)
        if (strncmp(name, "in.", 3) == 0 && strlen(b->r.buckets[i].label) == len &&
            strncmp(b->r.buckets[i].label, dot + 1, len) == 0)
            return of_bucket(&b->r.buckets[i], second + 1, found);
    return d;
}

// "= NAME NUMBER" or "= NAME none"
static void check_number(struct bench *b, const char *name, const char *want)
{
    char got[64];
    bool found = false;
    double value = look_up(b, name, &found);
    snprintf(got, sizeof got, isnan(value) ? "none" : "%.6f", value);
    b->checked++;
    if (!found)
        fail(b, "there is no such number");
    else if (isnan(value) ? strcmp(want, "none") != 0
                          : strcmp(want, "none") == 0 || fabs(value - atof(want)) > 5e-3)
        fail(b, got);
}

// "level MEASURE YEAR NAME [doubtful]"
static void check_level(struct bench *b, const char *const *words, size_t n)
{
    struct flow_level levels[FLOW_LEVEL_YEARS];
    size_t count = 0;
    for (int i = 0; i < FLOW_MEASURES; i++)
        if (strcmp(flow_measures[i].key, words[1]) == 0)
            count = flow_levels(&b->r, (enum flow_measure_id)i, levels);
    b->checked++;
    if (strcmp(words[2], "none") == 0) {
        if (count)
            fail(b, levels[0].name);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (levels[i].year == atoi(words[2])) {
            if (strcmp(levels[i].name, words[3]) != 0 || levels[i].doubtful != (n > 4))
                fail(b, levels[i].name);
            return;
        }
    fail(b, "no level of that year");
}

// "note TEXT": some note holds it. "sample MEASURE TEXT": so does what some sample is.
static void check_text(struct bench *b, const char *text, const struct flow_measure *m)
{
    b->checked++;
    for (size_t i = 0; !m && i < b->r.notes.n; i++)
        if (strstr(b->r.notes.at[i], text))
            return;
    for (size_t i = 0; m && i < m->n; i++) {
        char events[64] = "";
        for (int k = 0; k < FLOW_SAMPLE_EVENTS && m->samples[i].events[k] >= 0; k++)
            snprintf(events + strlen(events), 12, " %d", (int)m->samples[i].events[k]);
        const char *whole = arena_printf(b->a, "%s:%s", m->samples[i].what, events);
        if (strstr(whole, text))
            return;
        printf("    %s\n", whole);
    }
    fail(b, m ? "those above" : "no such note");
}

static void run_line(struct bench *b, const char *line)
{
    const char *words[32];
    struct ledger_event ev;
    b->line = line;
    if (flow_case_event(b->a, line, &ev)) {
        ev.seq = (int64_t)b->n_events;
        if (b->n_events < MAX_EVENTS)
            b->events[b->n_events++] = ev;
        return;
    }
    size_t n = flow_case_words(b->a, line, words, 32);
    if (!n || *words[0] == '#')
        return;
    if (strcmp(words[0], "commit") == 0)
        add_commit(b, words, n);
    else if (strcmp(words[0], "report") == 0 && n > 3)
        make_report(b, words, n);
    else if (strcmp(words[0], "=") == 0 && n == 3)
        check_number(b, words[1], words[2]);
    else if (strcmp(words[0], "level") == 0 && n > 2)
        check_level(b, words, n);
    else if (strcmp(words[0], "note") == 0)
        check_text(b, line + 5, NULL);
    else if (strcmp(words[0], "sample") == 0 && n > 2) {
        for (int i = 0; i < FLOW_MEASURES; i++)
            if (strcmp(flow_measures[i].key, words[1]) == 0)
                check_text(b, strstr(line, words[2]), &b->r.measures[i]);
    } else if (strcmp(words[0], "zone") == 0 && n > 1) {
        setenv("TZ", words[1], 1);
        tzset();
    } else
        fail(b, "not understood");
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct err e = ERR_INIT;
    char *text;
    size_t len;
    const char *line;
    b.a = arena_new();
    setenv("TZ", "UTC", 1);
    if (argc != 2 || file_read(b.a, argv[1], 4 << 20, &text, &len, &e) < 0) {
        fprintf(stderr, "%s\n", err_msg(&e));
        return 1;
    }
    for (const char *at = text; (line = flow_case_line(b.a, &at));)
        run_line(&b, line);
    printf("%d checked, %d failed\n", b.checked, b.failed);
    arena_free(b.a);
    return b.failed || !b.checked;
}
