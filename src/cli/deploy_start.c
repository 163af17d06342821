// The beginning of a rollout: what must be so before anything is done, and rollout.started.
#include "cli/deploy.h"

#include "core/file.h"
#include "rollout/approval.h"
#include "rollout/lock.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_SERVICE_FILE ((size_t)1 << 20)
#define MAX_HOSTS_TEXT 50000 // bytes of names in one event
#define LOCK_TRIES 50        // tenths of a second

// --- busy
// ------------------------------------------------------------------------------------------------

static int busy(struct deploy *d, const struct rollout_state *s)
{
    pid_t holder = lock_holder(d->home, d->name);
    const char *what =
        arena_printf(d->arena, "%s of %s %s (%s) is %s", s->rollback ? "a rollback" : "a rollout",
                     d->name, s->release, s->id, rollout_state_word(s));
    if (s->held)
        return deploy_refuse(d, DEPLOY_REFUSED,
                             "%s: %s; 'andon resume %s' tries again, 'andon promote %s' goes on "
                             "regardless, 'andon rollback %s' puts it back",
                             what, s->why ? s->why : "", d->name, d->name, d->name);
    if (holder)
        return deploy_refuse(d, DEPLOY_REFUSED, "%s (process %ld)", what, (long)holder);
    return deploy_refuse(d, DEPLOY_REFUSED,
                         "%s, and its controller is gone: 'andon resume %s' goes on, 'andon "
                         "rollback %s' puts it back",
                         what, d->name, d->name);
}

// Waits for another rollout to finish, or refuses; 0 when there is none.
static int wait_while_busy(struct deploy *d)
{
    struct rollout_state s;
    struct err e = ERR_INIT;
    bool told = false;
    for (;;) {
        struct arena *a = arena_new();
        int rc = rollout_last(d->ledger, d->name, rollout_unfinished, NULL, a, &s, &e), code = 0;
        if (rc < 0)
            code = deploy_error(d, &e, RUN_ERROR);
        else if (rc > 0 &&
                 (d->service->on_busy != BUSY_WAIT || s.held || !lock_holder(d->home, d->name)))
            code = busy(d, &s);
        if (rc > 0 && !code && !told)
            fprintf(stderr, "waiting for the rollout of %s %s (%s) to finish\n", d->name, s.release,
                    s.id);
        arena_free(a);
        told = true;
        if (rc <= 0 || code)
            return code;
        sleep(1);
    }
}

// The lock, once nobody is busy: who has just ended a rollout still holds it for a moment, and who
// has just taken it begins one.
static int lock_when_free(struct deploy *d)
{
    int code = 0;
    for (int i = 0; !code && lock_holder(d->home, d->name) && i < LOCK_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        code = wait_while_busy(d);
    }
    return code ? code : deploy_lock(d);
}

static int cord_in_the_way(struct deploy *d, bool rollback)
{
    struct cords c;
    struct err e = ERR_INIT;
    if (cords_read(d->ledger, d->name, d->arena, &c, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    const struct cord *cord = cords_pulled(&c, rollback);
    if (!cord)
        return 0;
    const char *scope = cord->everything ? "" : arena_printf(d->arena, " %s", d->name);
    return deploy_refuse(d, DEPLOY_REFUSED,
                         "the line of %s is stopped: %s (%s, %s ago); 'andon stop%s --release' "
                         "lets it go on",
                         cord->everything ? "everything" : d->name, cord->reason, cord->actor,
                         span_words(clock_real_us() - cord->time, d->arena), scope);
}

// --- hosts
// ------------------------------------------------------------------------------------------------

static bool in_dict(const struct dict *seen, const char *name)
{
    return dict_get(seen, name) != NULL;
}

// Hosts of each ring; a host belongs to the first ring that has it.
static int ring_hosts(struct deploy *d, struct dict *ret, struct list *names, struct err *e)
{
    struct dict *seen = value_dict(d->arena).u.dict;
    size_t bytes = 0;
    for (size_t i = 0; i < d->service->n_rings; i++) {
        const struct ring *r = &d->service->rings[i];
        struct value pattern = value_cstr(r->hosts), mine = value_list(d->arena);
        struct inventory_hosts hosts = {0};
        int rc = inventory_match(d->s.inventory, d->arena, &pattern, NULL, NULL, &hosts, e);
        if (rc < 0)
            return err_wrap(e, "ring '%s'", r->name);
        for (size_t k = 0; k < hosts.len; k++) {
            if (in_dict(seen, hosts.hosts[k]->name))
                continue;
            dict_set(seen, hosts.hosts[k]->name, value_bool(true));
            list_add(mine.u.list, value_cstr(hosts.hosts[k]->name));
            bytes += strlen(hosts.hosts[k]->name) + 3;
        }
        if (!mine.u.list->len)
            return err_set(
                e, ERR_NOENT, r->pos, "ring '%s' has no hosts: '%s' %s", r->name, r->hosts,
                hosts.len ? "has only hosts of earlier rings" : "matches nothing in the inventory");
        list_add(names, value_cstr(r->name));
        dict_set(ret, r->name, mine);
    }
    if (bytes > MAX_HOSTS_TEXT)
        return err_set(e, ERR_LIMIT, POS_NONE,
                       "too many hosts for one rollout: their names take %zu bytes, %d may", bytes,
                       MAX_HOSTS_TEXT);
    return 0;
}

static bool touched_ring(const struct rollout_state *s, const char *name)
{
    const struct ring_state *r = rollout_state_ring(s, name);
    return r && rollout_state_touched(s, r);
}

// A rollback: the rings that the rollout it takes back has reached, the last of them first.
static struct list *rings_back(struct deploy *d, const struct list *all)
{
    struct rollout_state s;
    struct list *back = value_list(d->arena).u.list;
    bool known = rollout_last(d->ledger, d->name, NULL, NULL, d->arena, &s, NULL) > 0;
    for (size_t i = all->len; i > 0; i--)
        if (!known || s.rollback || touched_ring(&s, all->items[i - 1].u.str.s))
            list_add(back, all->items[i - 1]);
    return back;
}

// --- what the policy says
// --------------------------------------------------------------------------------------

static int allowed(struct deploy *d, const struct ring *r, enum policy_action action,
                   struct policy_decision *ret)
{
    struct policy_request q = {.action = action,
                               .actor = d->actor,
                               .verified = d->verified,
                               .service = d->name,
                               .ring = r->name,
                               .protected = r->protected,
                               .approvals = r->approvals,
                               .author = d->release.author,
                               .starter = d->actor,
                               .now = clock_real_us()};
    policy_decide(d->policy, &q, d->arena, ret);
    if (ret->verdict != POLICY_DENIED || ret->next)
        return 0;
    struct err e = ERR_INIT;
    struct dict *body = value_dict(d->arena).u.dict;
    struct ledger_event ev = {.type = "policy.denied",
                              .actor = d->actor,
                              .service = d->name,
                              .release = d->release.version,
                              .ring = r->name,
                              .body = body};
    dict_set(body, "action", value_cstr(policy_action_name(action)));
    if (ret->rule)
        dict_set(body, "rule", value_cstr(ret->rule));
    dict_set(body, "reason", value_cstr(ret->reason ? ret->reason : ""));
    if (ledger_append(d->ledger, &ev, 1, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    return deploy_refuse(d, DEPLOY_REFUSED, "%s may not %s %s to ring '%s': %s", d->actor,
                         policy_action_name(action), d->name, r->name,
                         ret->reason ? ret->reason : "no rule allows it");
}

static int all_allowed(struct deploy *d, const struct deploy_plan *plan, const struct list *rings,
                       const char **ret_rule)
{
    for (size_t i = 0; i < rings->len; i++) {
        struct policy_decision decision;
        const struct ring *r = service_ring(d->service, rings->items[i].u.str.s);
        int code = allowed(d, r, plan->rollback ? POLICY_ROLLBACK : POLICY_DEPLOY, &decision);
        if (code)
            return code;
        if (decision.rule && !*ret_rule)
            *ret_rule = decision.rule;
    }
    return 0;
}

// --- the event
// ------------------------------------------------------------------------------------------------

struct begin {
    struct deploy *d;
    struct ledger_event *ev;
    bool busy;
};

// Nobody began another one meanwhile.
static int begin_alone(void *data, struct ledger *l, struct err *e)
{
    struct begin *b = data;
    struct rollout_state s;
    struct arena *a = arena_new();
    int rc = rollout_last(l, b->d->name, rollout_unfinished, NULL, a, &s, e);
    if (rc > 0) {
        b->busy = true;
        rc = err_set(e, ERR_CANCELLED, POS_NONE,
                     "another rollout of %s (%s) has begun at the same time", b->d->name, s.id);
    }
    arena_free(a);
    return rc < 0 ? rc : ledger_append(l, b->ev, 1, e);
}

static int keep_service_file(struct deploy *d, char digest[LEDGER_DIGEST_HEX], struct err *e)
{
    char *text;
    size_t len;
    int rc = file_read(d->arena, d->service->file, MAX_SERVICE_FILE, &text, &len, e);
    return rc < 0 ? rc : ledger_blob_put(d->ledger, text, len, digest, e);
}

static struct value authority_value(struct deploy *d, const char *rule)
{
    struct value v = value_dict(d->arena);
    dict_set(v.u.dict, "kind", value_cstr(rule ? "rule" : d->verified ? "signed" : "none"));
    if (rule)
        dict_set(v.u.dict, "rule", value_cstr(rule));
    return v;
}

static struct value sources_value(struct deploy *d)
{
    struct value v = value_list(d->arena);
    for (size_t i = 0; d->service->inventories && d->service->inventories[i]; i++)
        list_add(v.u.list, value_cstr(d->service->inventories[i]));
    const struct list *set = config_list(d->s.config, CONFIG_INVENTORY);
    for (size_t i = 0; !v.u.list->len && i < set->len; i++)
        list_add(v.u.list, set->items[i]);
    return v;
}

// Rings that count for the delivery measures.
static struct value production_value(struct deploy *d)
{
    struct value v = value_list(d->arena);
    for (size_t i = 0; i < d->service->n_rings; i++)
        if (d->service->rings[i].production)
            list_add(v.u.list, value_cstr(d->service->rings[i].name));
    return v;
}

static void describe(struct deploy *d, const struct deploy_plan *plan, struct dict *body,
                     const char *rule)
{
    dict_set(body, "kind", value_cstr(plan->rollback ? "rollback" : "deploy"));
    dict_set(body, "production", production_value(d));
    dict_set(body, "service_file", value_cstr(d->service->file));
    dict_set(body, "inventory", sources_value(d));
    dict_set(body, "change", value_cstr(d->service->standard ? "standard" : "normal"));
    dict_set(body, "authority", authority_value(d, rule));
    dict_set(body, "verified", value_bool(d->verified));
    if (d->release.commit)
        dict_set(body, "commit", value_cstr(d->release.commit));
    if (d->release.digest)
        dict_set(body, "artifact", value_cstr(d->release.digest));
    if (d->statement) {
        dict_set(body, "statement", value_cstr(d->statement));
        dict_set(body, "signature", value_cstr(d->signature));
    }
    if (plan->reason)
        dict_set(body, "reason", value_cstr(plan->reason));
}

static int write_start(struct deploy *d, const struct deploy_plan *plan, const char *id,
                       const struct list *rings, const struct dict *hosts, const char *rule)
{
    struct err e = ERR_INIT;
    char digest[LEDGER_DIGEST_HEX];
    struct dict *body = value_dict(d->arena).u.dict;
    struct value v = {.type = VALUE_DICT};
    const char *previous = NULL;
    int rc = keep_service_file(d, digest, &e);
    if (rc == 0 && !plan->rollback) // now, and not before another rollout was waited for
        rc = release_good_before(d->ledger, d->name, plan->version, d->arena, &previous, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    describe(d, plan, body, rule);
    if (previous)
        dict_set(body, "previous", value_cstr(previous));
    dict_set(body, "file", value_cstr(digest));
    v.u.dict = (struct dict *)(uintptr_t)hosts;
    dict_set(body, "hosts", v);
    v = (struct value){.type = VALUE_LIST};
    v.u.list = (struct list *)(uintptr_t)rings;
    dict_set(body, "rings", v);
    struct ledger_event ev = {.type = "rollout.started",
                              .actor = d->actor,
                              .service = d->name,
                              .release = plan->version,
                              .rollout = id,
                              .body = body};
    struct begin b = {.d = d, .ev = &ev};
    if (ledger_transact(d->ledger, begin_alone, &b, &e) < 0)
        return deploy_error(d, &e, b.busy ? DEPLOY_REFUSED : RUN_ERROR);
    return 0;
}

static int find_release(struct deploy *d, const char *version)
{
    struct err e = ERR_INIT;
    int rc = release_find(d->ledger, d->name, version, d->arena, &d->release, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (rc > 0)
        return 0;
    struct release *all;
    size_t n = 0;
    const char *names[64];
    if (release_list(d->ledger, d->name, d->arena, &all, &n, NULL) < 0)
        n = 0;
    n = n < 64 ? n : 64;
    for (size_t i = 0; i < n; i++)
        names[i] = all[i].version;
    const char *near = err_suggest(version, names, (int)n);
    return deploy_refuse(d, RUN_ERROR,
                         "%s has no release '%s'%s%s%s; 'andon release create %s %s' makes one",
                         d->name, version, near ? " (did you mean '" : "", near ? near : "",
                         near ? "'?)" : "", d->name, version);
}

int deploy_start(struct deploy *d, const struct deploy_plan *plan)
{
    static char id[32];
    struct err e = ERR_INIT;
    const char *rule = NULL;
    int code = find_release(d, plan->version);
    if (!code)
        code = wait_while_busy(d);
    if (!code)
        code = cord_in_the_way(d, plan->rollback);
    if (!code)
        code = deploy_open_hosts(d);
    if (code)
        return code;
    struct dict *hosts = value_dict(d->arena).u.dict;
    struct list *rings = value_list(d->arena).u.list;
    if (ring_hosts(d, hosts, rings, &e) < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (plan->rollback)
        rings = rings_back(d, rings);
    if (!rings->len)
        return deploy_refuse(d, DEPLOY_REFUSED, "the last rollout of %s reached no host", d->name);
    ledger_new_id('d', id);
    code = deploy_sign(d, plan->rollback ? "rollback" : "deploy", id, plan->version);
    if (!code)
        code = all_allowed(d, plan, rings, &rule);
    if (!code)
        code = lock_when_free(d);
    if (!code)
        code = write_start(d, plan, id, rings, hosts, rule);
    return code ? code : deploy_carry(d, id);
}
