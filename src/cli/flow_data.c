// andon flow for programs: one JSON object, or lines of CSV.
#include "cli/flow_output.h"
#include "cli/output.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const units[] = {
    [FLOW_SECONDS] = "seconds", [FLOW_PERCENT] = "percent", [FLOW_PER_WEEK] = "per week"};

static bool shows(const struct flow_output *o, unsigned part)
{
    return (o->parts & part) != 0;
}

static struct value number(double d)
{
    return isnan(d) ? value_null() : value_float(d);
}

static struct value moment(struct arena *a, int64_t t)
{
    char text[LEDGER_TIME];
    ledger_time(t, text);
    return value_str(a, text);
}

static struct value stats_value(struct arena *a, const struct stats *s)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "n", value_int((int64_t)s->n));
    dict_set(v.u.dict, "median", number(s->median));
    dict_set(v.u.dict, "p75", number(s->p75));
    dict_set(v.u.dict, "p95", number(s->p95));
    dict_set(v.u.dict, "mean", number(s->mean));
    dict_set(v.u.dict, "min", number(s->min));
    dict_set(v.u.dict, "max", number(s->max));
    return v;
}

static struct value sample_value(struct arena *a, const struct flow_sample *s)
{
    struct value v = value_dict(a), events = value_list(a);
    dict_set(v.u.dict, "value", s->left_out ? value_null() : number(s->value));
    dict_set(v.u.dict, "time", moment(a, s->time));
    dict_set(v.u.dict, "what", value_cstr(s->what));
    for (size_t i = 0; i < FLOW_SAMPLE_EVENTS && s->events[i] != FLOW_NO_EVENT; i++)
        list_add(events.u.list, value_int(s->events[i]));
    dict_set(v.u.dict, "events", events);
    if (s->left_out)
        dict_set(v.u.dict, "left_out", value_cstr(s->left_out));
    return v;
}

static void add_levels(struct arena *a, struct dict *d, const struct flow_report *r, int id)
{
    struct flow_level levels[FLOW_LEVEL_YEARS];
    size_t n = flow_levels(r, (enum flow_measure_id)id, levels);
    struct value list = value_list(a);
    for (size_t i = 0; i < n; i++) {
        struct value v = value_dict(a);
        dict_set(v.u.dict, "year", value_int(levels[i].year));
        dict_set(v.u.dict, "level", value_cstr(levels[i].name));
        dict_set(v.u.dict, "means", value_cstr(levels[i].what));
        dict_set(v.u.dict, "from_memory", value_bool(levels[i].doubtful));
        list_add(list.u.list, v);
    }
    dict_set(d, "levels", list);
}

static struct value measure_value(struct arena *a, const struct flow_output *o,
                                  const struct flow_report *r, int id)
{
    const struct flow_measure *f = &r->measures[id];
    const struct flow_measure_spec *spec = &flow_measures[id];
    struct value v = value_dict(a), samples = value_list(a);
    dict_set(v.u.dict, "unit", value_cstr(units[spec->unit]));
    dict_set(v.u.dict, "value", number(f->value));
    dict_set(v.u.dict, "n", value_int((int64_t)f->counted));
    dict_set(v.u.dict, "left_out", value_int((int64_t)(f->n - f->counted)));
    if (spec->unit == FLOW_PERCENT)
        dict_set(v.u.dict, "hits", value_int((int64_t)f->hits));
    else
        dict_set(v.u.dict, "distribution", stats_value(a, &f->stats));
    if (spec->partner >= 0)
        dict_set(v.u.dict, "with", value_cstr(flow_measures[spec->partner].key));
    if (shows(o, FLOW_PART_LEVELS))
        add_levels(a, v.u.dict, r, id);
    for (size_t i = 0; o->explain && i < f->n; i++)
        list_add(samples.u.list, sample_value(a, &f->samples[i]));
    if (o->explain)
        dict_set(v.u.dict, "samples", samples);
    return v;
}

static struct value stream_value(struct arena *a, const struct flow_stream *s)
{
    struct value v = value_dict(a), steps = value_list(a);
    for (size_t i = 0; i < s->n; i++) {
        const struct flow_step *t = &s->steps[i];
        struct value d = value_dict(a);
        dict_set(d.u.dict, "step", value_cstr(t->name));
        dict_set(d.u.dict, "production", value_bool(t->production));
        dict_set(d.u.dict, "entered", value_int((int64_t)t->entered));
        dict_set(d.u.dict, "under_way", value_int((int64_t)t->under_way));
        dict_set(d.u.dict, "passed", value_int((int64_t)t->passed));
        dict_set(d.u.dict, "total", stats_value(a, &t->total));
        dict_set(d.u.dict, "working", stats_value(a, &t->working));
        dict_set(d.u.dict, "waiting", stats_value(a, &t->waiting));
        dict_set(d.u.dict, "approval", stats_value(a, &t->approval));
        dict_set(d.u.dict, "gates", stats_value(a, &t->gates));
        dict_set(d.u.dict, "activity_ratio", number(t->activity));
        dict_set(d.u.dict, "handed_on", value_int((int64_t)t->handed_on));
        dict_set(d.u.dict, "complete_and_accurate", number(t->accuracy));
        list_add(steps.u.list, d);
    }
    dict_set(v.u.dict, "steps", steps);
    dict_set(v.u.dict, "activity_ratio", number(s->activity));
    dict_set(v.u.dict, "rolled_complete_and_accurate", number(s->rolled));
    return v;
}

static struct value trend_value(struct arena *a, const struct flow_report *r)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < r->n_buckets; i++) {
        const struct flow_bucket *b = &r->buckets[i];
        struct value d = value_dict(a);
        dict_set(d.u.dict, "period", value_cstr(b->label));
        dict_set(d.u.dict, "from", moment(a, b->from));
        dict_set(d.u.dict, "to", moment(a, b->to));
        dict_set(d.u.dict, "partial", value_bool(b->partial));
        dict_set(d.u.dict, "deployments", value_int((int64_t)b->deployments));
        dict_set(d.u.dict, "failed", value_int((int64_t)b->failed));
        dict_set(d.u.dict, "change_fail_percentage", number(b->change_fail));
        dict_set(d.u.dict, "deployment_rework_rate", number(b->rework));
        dict_set(d.u.dict, "change_lead_time", stats_value(a, &b->lead));
        list_add(list.u.list, d);
    }
    return list;
}

static struct value report_value(struct arena *a, const struct flow_output *o,
                                 const struct flow_report *r)
{
    struct value v = value_dict(a), measures = value_dict(a), notes = value_list(a),
                 production = value_list(a), noticed = value_dict(a);
    dict_set(v.u.dict, "service", value_cstr(r->service));
    dict_set(v.u.dict, "since", moment(a, r->since));
    dict_set(v.u.dict, "until", moment(a, r->until));
    for (size_t i = 0; r->production[i]; i++)
        list_add(production.u.list, value_cstr(r->production[i]));
    dict_set(v.u.dict, "production", production);
    dict_set(v.u.dict, "deployments", value_int((int64_t)r->deployments));
    dict_set(v.u.dict, "rollbacks", value_int((int64_t)r->rollbacks));
    dict_set(v.u.dict, "under_way", value_int((int64_t)r->under_way));
    dict_set(v.u.dict, "stopped_before_production", value_int((int64_t)r->caught));
    dict_set(v.u.dict, "median_deployment_days_a_week", number(r->deploy_days));
    for (int i = 0; i < 5; i++)
        dict_set(noticed.u.dict, flow_noticers[i], value_int((int64_t)r->noticed[i]));
    dict_set(v.u.dict, "failures_noticed_by", noticed);
    for (int id = 0; id < FLOW_MEASURES; id++)
        if (shows(o, 1u << id))
            dict_set(measures.u.dict, flow_measures[id].key, measure_value(a, o, r, id));
    dict_set(v.u.dict, "measures", measures);
    if (shows(o, FLOW_PART_STREAM))
        dict_set(v.u.dict, "value_stream", stream_value(a, &r->stream));
    if (shows(o, FLOW_PART_TREND))
        dict_set(v.u.dict, "trend", trend_value(a, r));
    for (size_t i = 0; i < r->notes.n; i++)
        list_add(notes.u.list, value_cstr(r->notes.at[i]));
    dict_set(v.u.dict, "notes", notes);
    return v;
}

void flow_print_json(const struct flow_output *o, const struct flow_report *r, size_t n)
{
    struct arena *a = arena_new();
    struct value v = value_dict(a), list = value_list(a);
    for (size_t i = 0; i < n; i++)
        list_add(list.u.list, report_value(a, o, &r[i]));
    dict_set(v.u.dict, "services", list);
    print_value(&v, &(struct json_opts){.indent = 2, .strict = true});
    arena_free(a);
}

// --- CSV
// ------------------------------------------------------------------------------------------------

// A field, quoted where RFC 4180 wants it.
static void field(struct buf *b, const char *s)
{
    if (b->len && b->p[b->len - 1] != '\n')
        buf_addc(b, ',');
    if (!s[strcspn(s, ",\"\r\n")]) {
        buf_adds(b, s);
        return;
    }
    buf_addc(b, '"');
    for (; *s; s++) {
        if (*s == '"')
            buf_addc(b, '"');
        buf_addc(b, *s);
    }
    buf_addc(b, '"');
}

static void field_number(struct buf *b, double d)
{
    char t[40] = "";
    if (!isnan(d))
        snprintf(t, sizeof t, "%.10g", d);
    buf_addc(b, ',');
    buf_adds(b, t);
}

struct csv_row {
    const char *service, *period, *key, *unit, *with;
    size_t n;
    double value;
    const struct stats *stats; // NULL: none
};

static void row(struct buf *b, const struct csv_row *r)
{
    field(b, r->service);
    field(b, r->period);
    field(b, r->key);
    field(b, r->unit);
    field_number(b, (double)r->n);
    field_number(b, r->value);
    field_number(b, r->stats ? r->stats->median : NAN);
    field_number(b, r->stats ? r->stats->p75 : NAN);
    field_number(b, r->stats ? r->stats->p95 : NAN);
    field(b, r->with ? r->with : "");
    buf_addc(b, '\n');
}

static void csv_measures(struct buf *b, const struct flow_output *o, const struct flow_report *r,
                         const char *period)
{
    for (int id = 0; id < FLOW_MEASURES; id++) {
        const struct flow_measure_spec *spec = &flow_measures[id];
        const struct flow_measure *f = &r->measures[id];
        if (!shows(o, 1u << id))
            continue;
        row(b, &(struct csv_row){.service = r->service,
                                 .period = period,
                                 .key = spec->key,
                                 .unit = units[spec->unit],
                                 .with = spec->partner >= 0 ? flow_measures[spec->partner].key : "",
                                 .n = f->counted,
                                 .value = f->value,
                                 .stats = spec->unit == FLOW_PERCENT ? NULL : &f->stats});
    }
}

static void csv_trend(struct buf *b, const struct flow_report *r)
{
    static const char *const with = "change_fail_percentage";
    for (size_t i = 0; i < r->n_buckets; i++) {
        const struct flow_bucket *t = &r->buckets[i];
        struct csv_row c = {.service = r->service, .period = t->label, .with = with};
        c.key = "deployments";
        c.unit = "deployments";
        c.n = t->deployments;
        c.value = (double)t->deployments;
        row(b, &c);
        c.key = "change_lead_time";
        c.unit = "seconds";
        c.n = t->lead.n;
        c.value = t->lead.median;
        c.stats = &t->lead;
        row(b, &c);
        c = (struct csv_row){.service = r->service,
                             .period = t->label,
                             .key = with,
                             .unit = "percent",
                             .n = t->failed,
                             .value = t->change_fail};
        row(b, &c);
    }
}

static void csv_stream(struct buf *b, const struct flow_report *r, const char *period)
{
    for (size_t i = 0; i < r->stream.n; i++) {
        const struct flow_step *s = &r->stream.steps[i];
        const struct {
            const char *name;
            const struct stats *stats;
        } kinds[] = {{"total", &s->total},
                     {"working", &s->working},
                     {"waiting", &s->waiting},
                     {"approval", &s->approval},
                     {"gates", &s->gates}};
        char key[160];
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            snprintf(key, sizeof key, "step %.100s %s", s->name, kinds[k].name);
            row(b, &(struct csv_row){.service = r->service,
                                     .period = period,
                                     .key = key,
                                     .unit = "seconds",
                                     .n = kinds[k].stats->n,
                                     .value = kinds[k].stats->median,
                                     .stats = kinds[k].stats});
        }
        snprintf(key, sizeof key, "step %.100s complete and accurate", s->name);
        row(b, &(struct csv_row){.service = r->service,
                                 .period = period,
                                 .key = key,
                                 .unit = "percent",
                                 .n = s->handed_on,
                                 .value = s->accuracy});
        snprintf(key, sizeof key, "step %.100s activity ratio", s->name);
        row(b, &(struct csv_row){.service = r->service,
                                 .period = period,
                                 .key = key,
                                 .unit = "percent",
                                 .n = s->total.n,
                                 .value = s->activity});
    }
}

// With --explain: a line for each sample instead.
static void csv_samples(struct buf *b, const struct flow_output *o, const struct flow_report *r)
{
    for (int id = 0; id < FLOW_MEASURES; id++) {
        const struct flow_measure *f = &r->measures[id];
        for (size_t i = 0; shows(o, 1u << id) && i < f->n; i++) {
            const struct flow_sample *s = &f->samples[i];
            char time[LEDGER_TIME], events[100] = "";
            size_t at = 0;
            ledger_time(s->time, time);
            for (size_t k = 0; k < FLOW_SAMPLE_EVENTS && s->events[k] != FLOW_NO_EVENT; k++)
                at += (size_t)snprintf(events + at, sizeof events - at, "%s%lld", k ? " " : "",
                                       (long long)s->events[k]);
            field(b, r->service);
            field(b, flow_measures[id].key);
            field(b, time);
            field_number(b, s->left_out ? NAN : s->value);
            field(b, s->what);
            field(b, events);
            field(b, s->left_out ? s->left_out : "");
            buf_addc(b, '\n');
        }
    }
}

void flow_print_csv(const struct flow_output *o, const struct flow_report *r, bool heading)
{
    struct buf b = BUF_INIT;
    char since[LEDGER_TIME], until[LEDGER_TIME], period[2 * LEDGER_TIME + 2];
    ledger_time(r->since, since);
    ledger_time(r->until, until);
    snprintf(period, sizeof period, "%s/%s", since, until);
    if (heading)
        buf_adds(&b, o->explain ? "service,measure,time,value,what,events,left_out\n"
                                : "service,period,measure,unit,n,value,median,p75,p95,with\n");
    if (o->explain) {
        csv_samples(&b, o, r);
    } else {
        csv_measures(&b, o, r, period);
        if (shows(o, FLOW_PART_STREAM))
            csv_stream(&b, r, period);
        if (shows(o, FLOW_PART_TREND))
            csv_trend(&b, r);
    }
    fputs(buf_str(&b), stdout);
    buf_release(&b);
}
