// Opening, linking, mitigating and closing incidents. What is written is checked against the ledger
// with its write lock held, so two people cannot close one incident.
#include "cli/incident.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

// Reads events of some types into a history.
static int read_events(struct incident_job *j, const struct ledger_filter *f,
                       struct flow_history *ret, struct err *e)
{
    struct ledger_event *events;
    size_t n;
    int rc = ledger_list(j->ledger, f, j->arena, &events, &n, e);
    flow_history_init(ret, j->arena);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        flow_history_add(ret, &events[i]);
    return rc < 0 ? rc : 0;
}

int incident_load(struct incident_job *j, struct flow_history *ret, struct err *e)
{
    static const char *const types[] = {"incident.*", NULL};
    return read_events(j, &(struct ledger_filter){.types = types}, ret, e);
}

static int read_rollouts(struct incident_job *j, struct flow_history *ret, struct err *e)
{
    static const char *const types[] = {"release.created", "rollout.started", NULL};
    return read_events(j, &(struct ledger_filter){.types = types}, ret, e);
}

static int unknown(const char *what, const char *word, const char *const *known, size_t n,
                   struct err *e)
{
    const char *near = err_suggest(word, known, (int)n);
    return err_set(e, ERR_NOENT, POS_NONE, "there is no %s '%s'%s%s%s", what, word,
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// --- what is meant
// ------------------------------------------------------------------------------------------------

int incident_find(struct incident_job *j, struct flow_history *h, struct flow_incident **ret,
                  struct err *e)
{
    int rc = incident_load(j, h, e);
    if (rc < 0)
        return rc;
    const char **ids = arena_array(j->arena, const char *, h->n_incidents + 1);
    for (size_t i = 0; i < h->n_incidents; i++)
        ids[i] = h->incidents[i].id;
    *ret = flow_find_incident(h, j->arg);
    return *ret ? 0 : unknown("incident", j->arg, ids, h->n_incidents, e);
}

static int find_rollout(struct incident_job *j, const char *id, const struct flow_rollout **ret,
                        struct err *e)
{
    struct flow_history h;
    int rc = read_rollouts(j, &h, e);
    if (rc < 0)
        return rc;
    const char **ids = arena_array(j->arena, const char *, h.n_rollouts + 1);
    for (size_t i = 0; i < h.n_rollouts; i++)
        ids[i] = h.rollouts[i].id;
    *ret = flow_find_rollout(&h, id);
    return *ret ? 0 : unknown("rollout", id, ids, h.n_rollouts, e);
}

static int check_service(struct incident_job *j, const char *name, struct err *e)
{
    struct flow_history h;
    size_t n;
    int rc = read_rollouts(j, &h, e);
    if (rc < 0)
        return rc;
    const char **known = flow_services(&h, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], name) == 0)
            return 0;
    return unknown("service", name, known, n, e);
}

// What restored it: a rollout, or a run, of the ledger.
static int check_restorer(struct incident_job *j, const char *id, struct err *e)
{
    static const char *const types[] = {"run.started", NULL};
    struct ledger_filter f = {.types = types, .run = id, .limit = 1};
    const struct flow_rollout *r;
    struct ledger_event *events;
    size_t n;
    int rc = ledger_list(j->ledger, &f, j->arena, &events, &n, e);
    if (rc < 0 || n)
        return rc < 0 ? rc : 0;
    rc = find_rollout(j, id, &r, e);
    return rc == ERR_NOENT ? err_wrap(e, "'%s' is neither a rollout nor a run", id) : rc;
}

// --- writing
// ------------------------------------------------------------------------------------------------

static void set_time(struct incident_job *j, struct dict *body, const char *key, int64_t t)
{
    char text[LEDGER_TIME];
    ledger_time(t, text);
    dict_set(body, key, value_str(j->arena, text));
}

static void set_text(struct dict *body, const char *key, const char *text)
{
    if (text && *text)
        dict_set(body, key, value_cstr(text));
}

static void told(const char *id, const char *how)
{
    printf("incident %s %s\n", id, how);
}

static int do_open(void *data, struct ledger *l, struct err *e)
{
    struct incident_job *j = data;
    const struct options *o = &j->session->o;
    const struct flow_rollout *r = NULL;
    struct dict *body = value_dict(j->arena).u.dict;
    char *id = arena_alloc(j->arena, 32);
    int rc = o->rollout ? find_rollout(j, o->rollout, &r, e) : 0;
    const char *service = o->service ? o->service : r ? r->service : NULL;
    if (rc == 0 && o->service)
        rc = check_service(j, o->service, e);
    if (rc < 0)
        return rc;
    if (r && strcmp(r->service, service) != 0)
        return err_set(e, ERR_INVALID, POS_NONE, "rollout %s is of %s, not of %s", r->id,
                       r->service, service);
    if (j->started && j->started > (j->at ? j->at : j->now))
        return err_set(e, ERR_INVALID, POS_NONE, "it cannot have been noticed before it began");
    ledger_new_id('i', id);
    set_text(body, "title", j->arg);
    set_text(body, "noticed_by", o->noticed_by ? o->noticed_by : "operator");
    set_text(body, "severity", o->severity);
    if (j->started)
        set_time(j, body, "started", j->started);
    if (j->at)
        set_time(j, body, "at", j->at);
    struct ledger_event ev = {.type = "incident.opened",
                              .actor = j->actor,
                              .service = service,
                              .release = r ? r->release : NULL,
                              .rollout = r ? r->id : NULL,
                              .incident = id,
                              .body = body};
    rc = ledger_append(l, &ev, 1, e);
    if (rc < 0)
        return rc;
    told(id, "opened");
    if (!service)
        printf("it is of no service, so andon flow counts it for none (--service)\n");
    return 0;
}

// Titles are shown in one line.
static int check_title(const char *title, struct err *e)
{
    if (!*title || title[strspn(title, " ")] == '\0')
        return err_set(e, ERR_INVALID, POS_NONE, "an incident needs a title");
    if (strlen(title) > 1000 || strchr(title, '\n'))
        return err_set(e, ERR_INVALID, POS_NONE, "a title has one line of at most 1000 bytes");
    return 0;
}

int incident_open(struct incident_job *j, struct err *e)
{
    int rc = check_title(j->arg, e);
    return rc < 0 ? rc : ledger_transact(j->ledger, do_open, j, e);
}

// The time of what is told now must not lie before the incident was noticed.
static int check_at(struct incident_job *j, const struct flow_incident *i, struct err *e)
{
    struct buf b = BUF_INIT;
    if (!j->at || j->at >= i->noticed)
        return 0;
    when_local(&b, i->noticed);
    err_set(e, ERR_INVALID, POS_NONE, "incident %s was noticed at %s, after --at", i->id,
            buf_str(&b));
    buf_release(&b);
    return ERR_INVALID;
}

static int append(struct incident_job *j, struct ledger *l, const struct flow_incident *i,
                  const char *type, const struct flow_rollout *r, struct err *e)
{
    const struct options *o = &j->session->o;
    struct dict *body = value_dict(j->arena).u.dict;
    set_text(body, "reason", o->reason);
    set_text(body, "by", o->by);
    if (j->at)
        set_time(j, body, "at", j->at);
    struct ledger_event ev = {.type = type,
                              .actor = j->actor,
                              .service = i->service ? i->service
                                         : r        ? r->service
                                                    : NULL,
                              .release = r ? r->release : NULL,
                              .rollout = r ? r->id : NULL,
                              .incident = i->id,
                              .body = body};
    return ledger_append(l, &ev, 1, e);
}

static int already(const struct flow_incident *i, const char *how, int64_t when, struct err *e)
{
    struct buf b = BUF_INIT;
    when_local(&b, when);
    err_set(e, ERR_INVALID, POS_NONE, "incident %s was already %s at %s", i->id, how, buf_str(&b));
    buf_release(&b);
    return ERR_INVALID;
}

static int end(struct incident_job *j, struct ledger *l, bool close, struct err *e)
{
    struct flow_history h;
    struct flow_incident *i = NULL;
    int rc = incident_find(j, &h, &i, e);
    if (rc == 0 && i->closed)
        rc = already(i, "closed", i->closed, e);
    else if (rc == 0 && !close && i->mitigated)
        rc = already(i, "mitigated", i->mitigated, e);
    if (rc == 0)
        rc = check_at(j, i, e);
    if (rc == 0 && j->session->o.by)
        rc = check_restorer(j, j->session->o.by, e);
    if (rc == 0)
        rc = append(j, l, i, close ? "incident.closed" : "incident.mitigated", NULL, e);
    if (rc == 0)
        told(i->id, close ? "closed" : "mitigated");
    return rc;
}

static int do_close(void *data, struct ledger *l, struct err *e)
{
    return end(data, l, true, e);
}

int incident_close(struct incident_job *j, struct err *e)
{
    return ledger_transact(j->ledger, do_close, j, e);
}

static int do_mitigate(void *data, struct ledger *l, struct err *e)
{
    return end(data, l, false, e);
}

int incident_mitigate(struct incident_job *j, struct err *e)
{
    return ledger_transact(j->ledger, do_mitigate, j, e);
}

static int do_link(void *data, struct ledger *l, struct err *e)
{
    struct incident_job *j = data;
    struct flow_history h;
    struct flow_incident *i = NULL;
    const struct flow_rollout *r = NULL;
    int rc = incident_find(j, &h, &i, e);
    bool none = strcmp(j->arg2, "none") == 0;
    if (rc == 0 && !none)
        rc = find_rollout(j, j->arg2, &r, e);
    if (rc == 0 && r && i->service && strcmp(i->service, r->service) != 0)
        rc = err_set(e, ERR_INVALID, POS_NONE, "incident %s is of %s, but rollout %s of %s", i->id,
                     i->service, r->id, r->service);
    if (rc == 0)
        rc = append(j, l, i, "incident.linked", r, e);
    if (rc == 0)
        told(i->id, none ? "linked to no rollout: no change caused it"
                         : arena_printf(j->arena, "linked to %s (%s %s)", r->id, r->service,
                                        r->release ? r->release : "?"));
    return rc;
}

int incident_link(struct incident_job *j, struct err *e)
{
    return ledger_transact(j->ledger, do_link, j, e);
}
