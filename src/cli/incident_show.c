// Incidents for people and programs.
#include "cli/incident.h"
#include "cli/length.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/json.h"
#include "flow/calendar.h"

#include <stdio.h>
#include <string.h>

static const char *state_of(const struct flow_incident *i)
{
    return i->closed ? "closed" : i->mitigated ? "mitigated" : "open";
}

static bool is_json(const struct incident_job *j)
{
    return j->session->o.output && strcmp(j->session->o.output, "json") == 0;
}

// --- JSON
// ------------------------------------------------------------------------------------------------

static void set(struct dict *d, const char *key, const char *text)
{
    dict_set(d, key, text ? value_cstr(text) : value_null());
}

static void set_time(struct arena *a, struct dict *d, const char *key, int64_t t)
{
    char text[LEDGER_TIME];
    ledger_time(t, text);
    dict_set(d, key, t ? value_str(a, text) : value_null());
}

static void add_event(struct list *l, int64_t number)
{
    if (number != FLOW_NO_EVENT)
        list_add(l, value_int(number));
}

static struct value as_value(struct arena *a, const struct flow_incident *i)
{
    struct value v = value_dict(a), events = value_list(a);
    set(v.u.dict, "incident", i->id);
    set(v.u.dict, "state", state_of(i));
    set(v.u.dict, "title", i->title);
    set(v.u.dict, "service", i->service);
    set(v.u.dict, "severity", i->severity);
    set(v.u.dict, "noticed_by", i->noticed_by);
    set(v.u.dict, "rollout", i->rollout);
    set(v.u.dict, "ring", i->ring);
    set(v.u.dict, "gate", i->gate);
    set(v.u.dict, "restored_by", i->restored_by);
    set_time(a, v.u.dict, "started", i->began);
    set_time(a, v.u.dict, "noticed", i->noticed);
    set_time(a, v.u.dict, "mitigated", i->mitigated);
    set_time(a, v.u.dict, "closed", i->closed);
    add_event(events.u.list, i->ev_opened);
    if (i->ev_linked != i->ev_opened)
        add_event(events.u.list, i->ev_linked);
    add_event(events.u.list, i->ev_mitigated);
    add_event(events.u.list, i->ev_closed);
    dict_set(v.u.dict, "events", events);
    return v;
}

static void print_json(struct value v)
{
    print_value(&v, &(struct json_opts){.indent = 2});
}

// --- text
// ------------------------------------------------------------------------------------------------

static void print_line(const struct flow_incident *i)
{
    struct buf b = BUF_INIT;
    text_add_padded(&b, i->id, 24);
    text_add_padded(&b, state_of(i), 11);
    text_add_padded(&b, i->service ? i->service : "-", 14);
    when_local(&b, i->noticed);
    buf_adds(&b, "  ");
    text_add_clean(&b, i->title ? i->title : "", i->title ? strlen(i->title) : 0);
    if (i->rollout)
        buf_addf(&b, " (by %s)", i->rollout);
    printf("%s\n", buf_str(&b));
    buf_release(&b);
}

int incident_list(struct incident_job *j, struct err *e)
{
    struct flow_history h;
    int rc = incident_load(j, &h, e);
    struct value all = value_list(j->arena);
    const char *service = j->session->o.service;
    size_t shown = 0;
    for (size_t k = 0; rc == 0 && k < h.n_incidents; k++) {
        const struct flow_incident *i = &h.incidents[k];
        if ((i->closed && !j->session->o.all) ||
            (service && (!i->service || strcmp(i->service, service) != 0)))
            continue;
        shown++;
        if (is_json(j))
            list_add(all.u.list, as_value(j->arena, i));
        else
            print_line(i);
    }
    if (rc == 0 && is_json(j))
        print_json(all);
    else if (rc == 0 && !shown)
        printf("no incident%s\n", j->session->o.all ? "" : " is open");
    return rc;
}

static void print_field(const char *name, const char *text)
{
    struct buf b = BUF_INIT;
    if (!text)
        return;
    text_add_clean(&b, text, strlen(text));
    printf("  %-13s %s\n", name, buf_str(&b));
    buf_release(&b);
}

// A time, and how long after another.
static void print_time(const char *name, int64_t t, int64_t from, const char *what)
{
    struct buf b = BUF_INIT;
    if (!t)
        return;
    when_local(&b, t);
    if (from && t >= from) {
        buf_adds(&b, ", ");
        length_add(&b, (double)(t - from) / FLOW_SECOND);
        buf_addf(&b, " after %s", what);
    }
    printf("  %-13s %s\n", name, buf_str(&b));
    buf_release(&b);
}

static void print_whole(const struct flow_incident *i)
{
    printf("incident %s, %s\n", i->id, state_of(i));
    print_field("title", i->title);
    print_field("service", i->service);
    print_field("severity", i->severity);
    print_field("noticed by", i->noticed_by);
    print_time("began", i->began, 0, NULL);
    print_time("noticed", i->noticed, i->began, "it began");
    print_time("mitigated", i->mitigated, i->noticed, "it was noticed");
    print_time("closed", i->closed, i->noticed, "it was noticed");
    print_field("caused by", i->rollout);
    print_field("ring", i->ring);
    print_field("gate", i->gate);
    print_field("restored by", i->restored_by);
    printf("  %-13s %lld", "events", (long long)i->ev_opened);
    const int64_t later[] = {i->ev_linked != i->ev_opened ? i->ev_linked : FLOW_NO_EVENT,
                             i->ev_mitigated, i->ev_closed};
    for (int k = 0; k < 3; k++)
        if (later[k] != FLOW_NO_EVENT)
            printf(" %lld", (long long)later[k]);
    printf("\n");
}

int incident_show(struct incident_job *j, struct err *e)
{
    struct flow_history h;
    struct flow_incident *i = NULL;
    int rc = incident_find(j, &h, &i, e);
    if (rc < 0)
        return rc;
    if (is_json(j))
        print_json(as_value(j->arena, i));
    else
        print_whole(i);
    return 0;
}
