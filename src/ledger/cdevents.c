// Events as CDEvents 0.5.1. A rollout is a pipeline run, a run of andon too where it belongs to no
// rollout; what a run does on a host is a task run; a ring that passed is a service deployed,
// upgraded or rolled back in the environment of the ring's name. The event itself goes along as
// customData.
#include "ledger/export.h"
#include "ledger/internal.h"
#include "ledger/tree.h"

#include "core/json.h"

#include <string.h>

#define SPEC "0.5.1"

struct convert {
    struct ledger *l;
    const struct ledger_sink *to;
    struct arena *a;    // of one event
    struct arena *all;  // of what is remembered of rollouts and incidents
    struct dict *by_id; // of a rollout, run or incident: what its first event said
    const char *origin; // with a slash in front: a URI reference
    struct err *e;
};

// --- what an event alone does not say
// -----------------------------------------------------------------

static void remember(struct convert *c, const char *id, const struct ledger_event *ev)
{
    struct value v = value_dict(c->all);
    static const char *const keys[] = {"artifact", "kind", "previous", "playbook", "module"};
    if (ev->service)
        dict_set(v.u.dict, "service", value_str(c->all, ev->service));
    if (ev->release)
        dict_set(v.u.dict, "release", value_str(c->all, ev->release));
    if (ev->ring)
        dict_set(v.u.dict, "ring", value_str(c->all, ev->ring));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = ev->body ? dict_str(ev->body, keys[i], NULL) : NULL;
        if (text)
            dict_set(v.u.dict, keys[i], value_str(c->all, text));
    }
    dict_set(c->by_id, id, v);
}

static const char *recall(struct convert *c, const char *id, const char *key)
{
    const struct value *v = id ? dict_get(c->by_id, id) : NULL;
    return v ? dict_str(v->u.dict, key, NULL) : NULL;
}

static const char *either(const char *x, const char *y)
{
    return x && *x ? x : y;
}

// A package URL: the type generic, the digest where there is one.
static struct value purl(struct convert *c, const char *service, const char *release,
                         const char *digest)
{
    struct buf b = BUF_INIT;
    const char *part[] = {service, release};
    buf_adds(&b, "pkg:generic/");
    for (int i = 0; i < 2; i++) {
        buf_adds(&b, i ? "@" : "");
        for (const char *s = either(part[i], "unknown"); *s; s++)
            if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                strchr("-._~", *s))
                buf_addc(&b, *s);
            else
                buf_addf(&b, "%%%02X", (unsigned char)*s);
    }
    if (digest)
        buf_addf(&b, "?checksum=sha256:%s", digest);
    struct value v = value_str(c->a, buf_str(&b));
    buf_release(&b);
    return v;
}

// --- the parts
// ----------------------------------------------------------------------------------------

static struct value part(struct convert *c, const char *id)
{
    struct value v = value_dict(c->a);
    dict_set(v.u.dict, "id", value_str(c->a, id));
    return v;
}

static void set_text(struct convert *c, struct value *v, const char *key, const char *text)
{
    if (text && *text)
        dict_set(v->u.dict, key, value_str(c->a, text));
}

static struct value context(struct convert *c, const struct ledger_event *ev, const char *type)
{
    char time[LEDGER_TIME];
    struct value v = value_dict(c->a);
    ledger_time(ev->time, time);
    dict_set(v.u.dict, "specversion", value_cstr(SPEC));
    dict_set(v.u.dict, "id", value_strf(c->a, "%s/%lld", c->origin + 1, (long long)ev->seq));
    dict_set(v.u.dict, "source", value_str(c->a, c->origin));
    dict_set(v.u.dict, "type", value_strf(c->a, "dev.cdevents.%s.0.3.0", type));
    dict_set(v.u.dict, "timestamp", value_str(c->a, time));
    set_text(c, &v, "chainId", either(ev->rollout, either(ev->incident, ev->run)));
    return v;
}

static struct value custom(struct convert *c, const struct ledger_event *ev)
{
    struct value v = value_dict(c->a), event;
    struct buf b = BUF_INIT;
    ledger_event_json(&b, ev);
    if (json_parse(c->a, buf_str(&b), b.len, &event, NULL) == 0)
        dict_set(v.u.dict, "event", event);
    dict_set(v.u.dict, "seq", value_int(ev->seq));
    buf_release(&b);
    return v;
}

static int emit(struct convert *c, const struct ledger_event *ev, const char *type, const char *id,
                struct value content)
{
    struct value all = value_dict(c->a), subject = part(c, either(id, "unknown"));
    struct buf b = BUF_INIT;
    set_text(c, &subject, "source", c->origin);
    dict_set(subject.u.dict, "content", content);
    dict_set(all.u.dict, "context", context(c, ev, type));
    dict_set(all.u.dict, "subject", subject);
    dict_set(all.u.dict, "customData", custom(c, ev));
    dict_set(all.u.dict, "customDataContentType", value_cstr("application/json"));
    json_write(&b, &all, &(struct json_opts){.compact = true, .strict = true});
    buf_addc(&b, '\n');
    int rc = c->to->put(c->to->data, b.p, b.len, c->e);
    buf_release(&b);
    return rc;
}

// --- the kinds
// ----------------------------------------------------------------------------------------

static int pipeline(struct convert *c, const struct ledger_event *ev, const char *type,
                    const char *id, const char *name)
{
    struct value v = value_dict(c->a);
    const char *o = either(ev->outcome, "");
    bool started = strcmp(type, "pipelinerun.started") == 0;
    set_text(c, &v, "pipelineName", name);
    if (started)
        dict_set(v.u.dict, "uri", value_strf(c->a, "andon:%s#%s", c->origin + 1, id));
    else
        dict_set(v.u.dict, "outcome",
                 value_cstr(strcmp(o, "ok") == 0 || strcmp(o, "done") == 0               ? "success"
                            : strcmp(o, "stopped") == 0 || strcmp(o, "interrupted") == 0 ? "cancel"
                            : strcmp(o, "error") == 0                                    ? "error"
                                                      : "failure"));
    if (!started && ev->body)
        set_text(c, &v, "errors", dict_str(ev->body, "reason", NULL));
    return emit(c, ev, type, id, v);
}

static int on_rollout(struct convert *c, const struct ledger_event *ev)
{
    bool started = strcmp(ev->type, "rollout.started") == 0;
    if (started)
        remember(c, ev->rollout, ev);
    return pipeline(c, ev, started ? "pipelinerun.started" : "pipelinerun.finished", ev->rollout,
                    either(ev->service, either(recall(c, ev->rollout, "service"), "rollout")));
}

static int on_run(struct convert *c, const struct ledger_event *ev)
{
    bool started = strcmp(ev->type, "run.started") == 0;
    if (ev->rollout)
        return 0;
    if (started)
        remember(c, ev->run, ev);
    return pipeline(
        c, ev, started ? "pipelinerun.started" : "pipelinerun.finished", ev->run,
        either(recall(c, ev->run, "playbook"), either(recall(c, ev->run, "module"), "run")));
}

static int on_host(struct convert *c, const struct ledger_event *ev)
{
    struct value v = value_dict(c->a);
    set_text(c, &v, "taskName", ev->host);
    dict_set(v.u.dict, "pipelineRun", part(c, either(ev->rollout, ev->run)));
    set_text(c, &v, "outcome", ev->outcome);
    return emit(c, ev, "taskrun.finished", arena_printf(c->a, "%s/%s", ev->run, ev->host), v);
}

static int on_ring(struct convert *c, const struct ledger_event *ev)
{
    struct value v = value_dict(c->a);
    const char *service = either(ev->service, recall(c, ev->rollout, "service")),
               *release = either(ev->release, recall(c, ev->rollout, "release")),
               *digest = recall(c, ev->rollout, "artifact"),
               *kind = either(recall(c, ev->rollout, "kind"), "deploy"),
               *previous = recall(c, ev->rollout, "previous"), *type;
    if (strcmp(ev->type, "ring.undone") == 0) {
        type = "service.rolledback";
        release = previous;
        digest = NULL;
    } else {
        type = strcmp(kind, "rollback") == 0 ? "service.rolledback"
               : previous && *previous       ? "service.upgraded"
                                             : "service.deployed";
    }
    dict_set(v.u.dict, "environment", part(c, ev->ring));
    dict_set(v.u.dict, "artifactId", purl(c, service, release, digest));
    return emit(c, ev, type, service, v);
}

static int on_release(struct convert *c, const struct ledger_event *ev)
{
    const char *digest = ev->body ? dict_str(ev->body, "artifact", NULL) : NULL;
    struct value id = purl(c, ev->service, ev->release, digest), v = value_dict(c->a);
    set_text(c, &v, "user", ev->actor);
    return emit(c, ev, "artifact.published", id.u.str.s, v);
}

static int on_incident(struct convert *c, const struct ledger_event *ev)
{
    struct value v = value_dict(c->a);
    bool opened = strcmp(ev->type, "incident.opened") == 0;
    if (opened)
        remember(c, ev->incident, ev);
    const char *service = either(ev->service, recall(c, ev->incident, "service")),
               *ring = either(ev->ring, recall(c, ev->incident, "ring"));
    if (ev->body)
        set_text(c, &v, "description", dict_str(ev->body, opened ? "title" : "reason", NULL));
    dict_set(v.u.dict, "environment", part(c, either(ring, "production")));
    if (service)
        dict_set(v.u.dict, "service", part(c, service));
    if (service && either(ev->release, recall(c, ev->rollout, "release")))
        dict_set(v.u.dict, "artifactId",
                 purl(c, service, either(ev->release, recall(c, ev->rollout, "release")),
                      recall(c, ev->rollout, "artifact")));
    return emit(c, ev, opened ? "incident.detected" : "incident.resolved", ev->incident, v);
}

static const struct {
    const char *type;
    int (*fn)(struct convert *c, const struct ledger_event *ev);
} kinds[] = {
    {"incident.closed", on_incident},
    {"incident.opened", on_incident},
    {"release.created", on_release},
    {"ring.passed", on_ring},
    {"ring.undone", on_ring},
    {"rollout.finished", on_rollout},
    {"rollout.started", on_rollout},
    {"run.finished", on_run},
    {"run.host", on_host},
    {"run.started", on_run},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

struct pass {
    struct convert *c;
    int64_t from;
    int rc;
};

static int discard(void *data, const char *p, size_t len, struct err *e)
{
    (void)data;
    (void)p;
    (void)len;
    (void)e;
    return 0;
}

static int on_event(void *data, const struct ledger_event *ev)
{
    static const struct ledger_sink nowhere = {discard, NULL};
    struct pass *p = data;
    const struct ledger_sink *to = p->c->to;
    if (ev->seq < p->from) // only what it says of later ones is of use
        p->c->to = &nowhere;
    for (size_t i = 0; i < N_KINDS && p->rc == 0; i++)
        if (strcmp(kinds[i].type, ev->type) == 0)
            p->rc = kinds[i].fn(p->c, ev);
    p->c->to = to;
    return p->rc;
}

// Events are read a part at a time, so that a long ledger needs little memory.
static int convert_all(struct convert *c, int64_t from, int64_t size)
{
    const char *types[N_KINDS + 1] = {NULL};
    struct pass p = {.c = c, .from = from};
    int rc = 0;
    for (size_t i = 0; i < N_KINDS; i++)
        types[i] = kinds[i].type;
    for (int64_t at = 0; at < size && rc == 0; at += 4096) {
        struct ledger_filter f = {.types = types, .after = at, .before = at + 4096};
        rc = ledger_each(c->l, &f, c->a, on_event, &p, c->e);
        arena_reset(c->a);
    }
    return rc;
}

int ledger_export_cdevents(struct ledger *l, int64_t from, const struct ledger_sink *to,
                           struct err *e)
{
    struct convert c = {.l = l, .to = to, .a = arena_new(), .all = arena_new(), .e = e};
    const char *origin = db_meta(l, c.all, "origin", e);
    int64_t size = ledger_size(l);
    int rc = origin && size >= 0 ? 0
             : l->failed < 0     ? l->failed
                                 : db_damaged(l, e, "it has no name");
    c.by_id = value_dict(c.all).u.dict;
    c.origin = arena_printf(c.all, "/%s", origin ? origin : "");
    if (rc == 0)
        rc = convert_all(&c, from, size);
    arena_free(c.a);
    arena_free(c.all);
    return rc;
}
