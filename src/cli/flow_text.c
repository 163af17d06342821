// andon flow for people: measures in pairs, levels, the value stream and the trend.
#include "cli/flow_output.h"
#include "cli/length.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/arena.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS 36
#define CELL_COLUMNS 10

static bool shows(const struct flow_output *o, unsigned part)
{
    return (o->parts & part) != 0;
}

// A cell, to the right of its column.
static void add_cell(struct buf *b, const char *s, size_t columns)
{
    size_t w = strlen(s);
    buf_fill(b, ' ', w < columns ? columns - w : 1);
    buf_adds(b, s);
}

static void add_length(struct buf *b, double seconds)
{
    struct buf t = BUF_INIT;
    length_add(&t, seconds);
    add_cell(b, buf_str(&t), CELL_COLUMNS);
    buf_release(&t);
}

static void add_percent(struct buf *b, double p, size_t columns)
{
    char t[32] = "-";
    if (!isnan(p))
        snprintf(t, sizeof t, "%.1f %%", p);
    add_cell(b, t, columns);
}

static void add_number(struct buf *b, size_t n, size_t columns)
{
    char t[32];
    snprintf(t, sizeof t, "%zu", n);
    add_cell(b, t, columns);
}

static void print(struct buf *b)
{
    fputs(buf_str(b), stdout);
    buf_release(b);
}

// --- the head
// ------------------------------------------------------------------------------------------------

static void add_day(struct buf *b, int64_t t)
{
    struct buf whole = BUF_INIT;
    when_local(&whole, t);
    buf_add(b, buf_str(&whole), 10);
    buf_release(&whole);
}

static void add_plural(struct buf *b, size_t n, const char *one, const char *many)
{
    buf_addf(b, "%zu %s", n, n == 1 ? one : many);
}

static void print_head(const struct flow_report *r)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s, ", r->service);
    add_day(&b, r->since);
    buf_adds(&b, " to ");
    add_day(&b, r->until - 1); // the last day that is in it
    double days = (double)(r->until - r->since) / FLOW_DAY;
    buf_adds(&b, " (");
    if (days < 2)
        length_add(&b, days * 86400);
    else
        buf_addf(&b, "%.0f days", days);
    buf_addc(&b, ')');
    if (r->production[0])
        buf_addf(&b, ", production: %s", r->production[0]);
    for (size_t i = 1; r->production[0] && r->production[i]; i++)
        buf_addf(&b, ", %s", r->production[i]);
    buf_adds(&b, "\n  ");
    add_plural(&b, r->deployments, "deployment", "deployments");
    buf_adds(&b, " to production, ");
    add_plural(&b, r->rollbacks, "rollback", "rollbacks");
    if (r->under_way)
        buf_addf(&b, ", %zu under way", r->under_way);
    buf_adds(&b, "; stopped in front of it: ");
    add_plural(&b, r->caught, "rollout", "rollouts");
    buf_adds(&b, "\n\n");
    print(&b);
}

// --- measures
// ------------------------------------------------------------------------------------------------

// Why there is a "-".
static void add_few(struct buf *b, const struct flow_measure_spec *spec, size_t n)
{
    if (n && n < STATS_MIN_P95)
        buf_addf(b, "   %zu %s: too few for %s", n, n == 1 ? spec->of_one : spec->of,
                 n < STATS_MIN_P75 ? "p75, p95" : "p95");
}

static void add_rate(struct buf *b, const struct flow_measure *f)
{
    char rate[64] = "-";
    if (!isnan(f->value))
        snprintf(rate, sizeof rate, "%.1f/week", f->value);
    add_cell(b, rate, CELL_COLUMNS);
    if (isnan(f->value))
        buf_adds(b, "   less than a week: no rate");
    if (f->stats.n)
        buf_addf(b, "   median of %zu whole week%s %.1f", f->stats.n, f->stats.n == 1 ? "" : "s",
                 f->stats.median);
    if (!isnan(f->stats.p75))
        buf_addf(b, ", p75 %.1f", f->stats.p75);
}

static void add_row(struct buf *b, const struct flow_report *r, int id, bool partner)
{
    const struct flow_measure_spec *spec = &flow_measures[id];
    const struct flow_measure *f = &r->measures[id];
    char name[64];
    snprintf(name, sizeof name, "  %s%s", partner ? "  with " : "", spec->name);
    text_add_padded(b, name, NAME_COLUMNS);
    add_number(b, f->counted, 7);
    if (spec->unit == FLOW_PERCENT) {
        add_percent(b, f->value, CELL_COLUMNS);
        if (f->counted)
            buf_addf(b, "   %zu of %zu", f->hits, f->counted);
    } else if (spec->unit == FLOW_SECONDS) {
        add_length(b, f->stats.median);
        add_length(b, f->stats.p75);
        add_length(b, f->stats.p95);
        add_few(b, spec, f->counted);
    } else {
        add_rate(b, f);
    }
    buf_addc(b, '\n');
}

// What is a speed is told with its partner, whatever else is.
static void print_measures(const struct flow_output *o, const struct flow_report *r)
{
    struct buf b = BUF_INIT;
    unsigned told = 0;
    text_add_padded(&b, "", NAME_COLUMNS);
    buf_adds(&b, "      n    median       p75       p95\n");
    for (int id = 0; id < FLOW_MEASURES; id++) {
        const struct flow_measure_spec *spec = &flow_measures[id];
        if (!shows(o, 1u << id) || (told & (1u << id)))
            continue;
        add_row(&b, r, id, false);
        told |= 1u << id;
        if (spec->partner >= 0) {
            add_row(&b, r, spec->partner, true);
            told |= 1u << spec->partner;
        }
    }
    if (!told) {
        buf_release(&b);
        return;
    }
    print(&b);
}

static void print_noticed(const struct flow_output *o, const struct flow_report *r)
{
    size_t all = 0;
    if (!shows(o, 1u << FLOW_DETECT))
        return;
    for (int i = 0; i < 5; i++)
        all += r->noticed[i];
    if (!all)
        return;
    printf("  failures noticed by:");
    const char *sep = " ";
    for (int i = 0; i < 5; i++)
        if (r->noticed[i]) {
            printf("%s%s %zu", sep, flow_noticers[i], r->noticed[i]);
            sep = ", ";
        }
    printf("\n");
}

// --- levels
// ------------------------------------------------------------------------------------------------

static void print_levels(const struct flow_output *o, const struct flow_report *r)
{
    struct flow_level levels[FLOW_LEVEL_YEARS];
    struct buf b = BUF_INIT;
    bool any = false, doubtful = false;
    if (!shows(o, FLOW_PART_LEVELS))
        return;
    for (int id = 0; id < FLOW_MEASURES; id++) {
        size_t n = shows(o, 1u << id) ? flow_levels(r, (enum flow_measure_id)id, levels) : 0;
        if (n && !any) {
            buf_addc(&b, '\n');
            text_add_padded(&b, "Levels of DORA's reports", NAME_COLUMNS);
            for (size_t i = 0; i < n; i++)
                buf_addf(&b, "   %-*d", i + 1 < n ? 9 : 0, levels[i].year);
            buf_addc(&b, '\n');
        }
        if (!n)
            continue;
        any = true;
        char name[64];
        snprintf(name, sizeof name, "  %s", flow_measures[id].name);
        text_add_padded(&b, name, NAME_COLUMNS);
        for (size_t i = 0; i < n; i++) {
            char cell[32];
            snprintf(cell, sizeof cell, "%s%s", levels[i].name, levels[i].doubtful ? "*" : "");
            buf_addf(&b, "   %-*s", i + 1 < n ? 9 : 0, cell);
            doubtful = doubtful || levels[i].doubtful;
        }
        buf_addc(&b, '\n');
    }
    if (doubtful)
        buf_adds(&b, "  * the report's figures are from memory, not checked against it\n");
    print(&b);
}

// --- value stream
// ------------------------------------------------------------------------------------------------

static void add_step(struct buf *b, const struct flow_step *s)
{
    char name[48];
    snprintf(name, sizeof name, "  %.24s", s->name);
    text_add_padded(b, name, 18);
    add_number(b, s->total.n, 5);
    add_length(b, s->total.median);
    add_length(b, s->working.median);
    add_length(b, s->waiting.median);
    add_length(b, s->approval.median);
    add_length(b, s->gates.median);
    add_percent(b, s->activity, CELL_COLUMNS);
    add_percent(b, s->accuracy, 9);
    buf_addc(b, '\n');
}

static void print_stream(const struct flow_output *o, const struct flow_report *r)
{
    const struct flow_stream *v = &r->stream;
    struct buf b = BUF_INIT;
    if (!shows(o, FLOW_PART_STREAM) || !v->n)
        return;
    buf_adds(&b, "\nValue stream          n     total   working   waiting  approval     gates  "
                 "activity     %C/A\n");
    for (size_t i = 0; i < v->n; i++)
        add_step(&b, &v->steps[i]);
    buf_adds(&b, "  medians; of the whole: activity");
    add_percent(&b, v->activity, 1);
    buf_adds(&b, ", rolled %C/A");
    add_percent(&b, v->rolled, 1);
    buf_addc(&b, '\n');
    for (size_t i = 1; i < v->n; i++)
        if (v->steps[i].under_way)
            buf_addf(&b, "  %s: %zu under way, not counted\n", v->steps[i].name,
                     v->steps[i].under_way);
    print(&b);
}

// --- trend
// ------------------------------------------------------------------------------------------------

static void add_bar(struct buf *b, const struct flow_output *o, double value, double max,
                    size_t columns)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    size_t parts = max > 0 && value > 0 ? (size_t)ceil(value / max * (double)columns * 8) : 0;
    size_t whole = o->utf8 ? parts / 8 : (parts + 7) / 8, used = whole;
    for (size_t i = 0; i < whole; i++)
        buf_adds(b, o->utf8 ? "\u2588" : "#");
    if (o->utf8 && parts % 8) {
        buf_adds(b, eighths[parts % 8]);
        used++;
    }
    buf_fill(b, ' ', columns > used ? columns - used : 0);
}

static void add_bucket(struct buf *b, const struct flow_output *o, const struct flow_bucket *t,
                       double most, double longest)
{
    char label[FLOW_LABEL + 4];
    size_t width = o->columns > 100 ? 30 : 20;
    snprintf(label, sizeof label, "  %s%s", t->label, t->partial ? "+" : "");
    text_add_padded(b, label, 13);
    add_bar(b, o, (double)t->deployments, most, width);
    add_number(b, t->deployments, 5);
    add_percent(b, t->change_fail, 10);
    buf_adds(b, "   ");
    add_bar(b, o, t->lead.median, longest, width);
    add_length(b, t->lead.median);
    buf_addc(b, '\n');
}

static void print_trend(const struct flow_output *o, const struct flow_report *r)
{
    struct buf b = BUF_INIT;
    double most = 0, longest = 0;
    bool partial = false;
    size_t width = o->columns > 100 ? 30 : 20;
    if (!shows(o, FLOW_PART_TREND) || !r->n_buckets)
        return;
    for (size_t i = 0; i < r->n_buckets; i++) {
        const struct flow_bucket *t = &r->buckets[i];
        most = (double)t->deployments > most ? (double)t->deployments : most;
        longest = t->lead.median > longest ? t->lead.median : longest;
        partial = partial || t->partial;
    }
    buf_addf(&b, "\n%-13s", o->period == FLOW_WEEK ? "By week" : "By month");
    text_add_padded(&b, "deployments", width);
    buf_adds(&b, "    failed %   ");
    text_add_padded(&b, "change lead time", width);
    buf_adds(&b, "    median\n");
    for (size_t i = 0; i < r->n_buckets; i++)
        add_bucket(&b, o, &r->buckets[i], most, longest);
    if (partial)
        buf_adds(&b, "  + in part\n");
    print(&b);
}

// --- explanations and notes
// ------------------------------------------------------------------------------------------------

static void add_sample_line(struct buf *b, const struct flow_measure_spec *spec,
                            const struct flow_sample *s)
{
    if (s->left_out)
        add_cell(b, "left out", CELL_COLUMNS + 2);
    else if (spec->unit == FLOW_SECONDS)
        (buf_adds(b, "  "), add_length(b, s->value));
    else
        add_cell(b,
                 spec->unit == FLOW_PER_WEEK ? "counts"
                 : s->value > 0              ? "yes"
                                             : "no",
                 CELL_COLUMNS + 2);
    buf_adds(b, "  ");
    text_add_clean(b, s->what, strlen(s->what));
    if (s->left_out)
        buf_addf(b, " (%s)", s->left_out);
    buf_adds(b, "  events");
    for (size_t i = 0; i < FLOW_SAMPLE_EVENTS && s->events[i] != FLOW_NO_EVENT; i++)
        buf_addf(b, " %lld", (long long)s->events[i]);
    buf_addc(b, '\n');
}

static void print_explanation(const struct flow_output *o, const struct flow_report *r)
{
    for (int id = 0; o->explain && id < FLOW_MEASURES; id++) {
        const struct flow_measure *f = &r->measures[id];
        struct buf b = BUF_INIT;
        if (!shows(o, 1u << id))
            continue;
        buf_addf(&b, "\n%s is made of\n", flow_measures[id].name);
        if (!f->n)
            buf_adds(&b, "  nothing\n");
        for (size_t i = 0; i < f->n; i++)
            add_sample_line(&b, &flow_measures[id], &f->samples[i]);
        print(&b);
    }
    if (o->explain)
        printf("\nandon ledger show NUMBER shows an event.\n");
}

static void print_notes(const struct flow_report *r)
{
    struct buf b = BUF_INIT;
    if (!r->notes.n)
        return;
    buf_adds(&b, "\nNotes\n");
    for (size_t i = 0; i < r->notes.n; i++) {
        buf_adds(&b, "  - ");
        text_add_clean(&b, r->notes.at[i], strlen(r->notes.at[i]));
        buf_addc(&b, '\n');
    }
    print(&b);
}

void flow_print_text(const struct flow_output *o, const struct flow_report *r)
{
    print_head(r);
    print_measures(o, r);
    print_noticed(o, r);
    print_levels(o, r);
    print_stream(o, r);
    print_trend(o, r);
    print_explanation(o, r);
    print_notes(r);
}
