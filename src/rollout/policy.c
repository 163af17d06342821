// Who may do what: a mapping of rules, read once, and decided by looking at them in their order.
#include "rollout/policy.h"

#include "core/buf.h"
#include "core/file.h"
#include "rollout/reader.h"
#include "yaml/yaml.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE ((size_t)1 << 20)
#define MAX_RULES 1000

static const char *const action_names[] = {"deploy", "approve",  "undo",   "stop",
                                           "run",    "rollback", "promote"};

const char *policy_action_name(enum policy_action a)
{
    return a < POLICY_ACTIONS ? action_names[a] : "?";
}

// --- reading
// ------------------------------------------------------------------------------------------

// What a rule says, as it is written.
struct rule_text {
    const char *name;
    const char *const *who,
        *const *may, *const *may_not, *const *services, *const *rings, *const *hosts, *const *from;
    struct calendar calendar;
    int approvals;
    bool four_eyes;
};

#define AT(field) offsetof(struct rule_text, field)
static const struct key rule_keys[] = {
    {.name = "name", .type = KEY_TEXT, .offset = AT(name), .flags = KEY_REQUIRED},
    {.name = "who", .type = KEY_TEXTS, .offset = AT(who)},
    {.name = "may", .type = KEY_TEXTS, .offset = AT(may)},
    {.name = "may_not", .type = KEY_TEXTS, .offset = AT(may_not)},
    {.name = "service", .type = KEY_TEXTS, .offset = AT(services)},
    {.name = "ring", .type = KEY_TEXTS, .offset = AT(rings)},
    {.name = "hosts", .type = KEY_TEXTS, .offset = AT(hosts)},
    {.name = "when", .type = KEY_WINDOWS, .offset = AT(calendar)},
    {.name = "freezes", .type = KEY_FREEZES, .offset = AT(calendar)},
    {.name = "approvals", .type = KEY_COUNT, .offset = AT(approvals)},
    {.name = "from", .type = KEY_TEXTS, .offset = AT(from)},
    {.name = "four_eyes", .type = KEY_BOOL, .offset = AT(four_eyes)},
    {0},
};
#undef AT

struct policy_text {
    const struct dict *groups;
    const char *const *hosts, *const *inventory;
    const char *zone;
    int dflt;
};

#define AT(field) offsetof(struct policy_text, field)
static const struct key policy_keys[] = {
    {.name = "groups", .type = KEY_DICT, .offset = AT(groups)},
    {.name = "protected_hosts", .type = KEY_TEXTS, .offset = AT(hosts)},
    {.name = "inventory", .type = KEY_SOURCES, .offset = AT(inventory)},
    {.name = "default", .type = KEY_CHOICE, .offset = AT(dflt), .choices = "allow|deny"},
    {.name = "zone", .type = KEY_ZONE, .offset = AT(zone)},
    {.name = "rules", .type = KEY_OTHER},
    {0},
};
#undef AT

static unsigned read_actions(struct reader *r, const struct value *v, const char *const *names)
{
    unsigned bits = 0;
    for (; names && *names; names++) {
        int found = -1;
        for (int i = 0; i < POLICY_ACTIONS; i++)
            if (strcmp(*names, action_names[i]) == 0)
                found = i;
        const char *near = found < 0 ? err_suggest(*names, action_names, POLICY_ACTIONS) : NULL;
        if (strcmp(*names, "all") == 0)
            bits |= (1u << POLICY_ACTIONS) - 1;
        else if (found >= 0)
            bits |= 1u << found;
        else
            reader_problem(r, value_pos(v), "there is no action '%s'%s%s%s", *names,
                           near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    return bits;
}

// A group that nobody defined is likely a misspelt one: principals have an @.
static void check_names(struct reader *r, const struct policy *p, const struct value *v,
                        const char *const *names)
{
    for (; names && *names; names++) {
        if (strpbrk(*names, "@*?[") || strcmp(*names, "anyone") == 0 ||
            (p->groups && dict_get(p->groups, *names)))
            continue;
        const char *known[64];
        int n = 0;
        struct dict_entry *it;
        if (p->groups)
            DICT_EACH(p->groups, it)
        if (n < 64)
            known[n++] = value_to_cstr(r->a, &it->key);
        const char *near = err_suggest(*names, known, n);
        reader_problem(r, value_pos(v),
                       "'%s' is no group of this policy, and principals have an @%s%s%s", *names,
                       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
}

static void read_rule(struct reader *r, const struct policy *p, const struct value *v,
                      struct policy_rule *rule)
{
    struct rule_text t = {.four_eyes = true};
    rule->pos = value_pos(v);
    if (!reader_mapping(r, v, rule_keys, &t, "a rule"))
        return;
    const struct dict *d = v->u.dict;
    if (!t.may == !t.may_not)
        reader_problem(r, rule->pos, "a rule says either 'may' or 'may_not'");
    if (!t.who)
        reader_problem(r, rule->pos, "a rule needs the key 'who' (a list, or anyone)");
    *rule = (struct policy_rule){.name = t.name,
                                 .pos = rule->pos,
                                 .who = t.who,
                                 .services = t.services,
                                 .rings = t.rings,
                                 .hosts = t.hosts,
                                 .calendar = t.calendar,
                                 .approvals = t.approvals,
                                 .approvers = t.from,
                                 .four_eyes = t.four_eyes};
    if (t.may)
        rule->may = read_actions(r, dict_get(d, "may"), t.may);
    if (t.may_not)
        rule->may_not = read_actions(r, dict_get(d, "may_not"), t.may_not);
    if (t.may_not && (dict_get(d, "approvals") || dict_get(d, "from")))
        reader_problem(r, rule->pos, "a rule that forbids asks for no approvals");
    if (dict_get(d, "from") && !t.approvals)
        reader_problem(r, value_pos(dict_get(d, "from")), "'from' belongs to 'approvals'");
    if (t.who)
        check_names(r, p, dict_get(d, "who"), t.who);
    if (t.from)
        check_names(r, p, dict_get(d, "from"), t.from);
}

static void check_groups(struct reader *r, const struct policy *p)
{
    struct dict_entry *it;
    if (!p->groups)
        return;
    DICT_EACH(p->groups, it)
    {
        struct value l = value_as_list(r->a, &it->val);
        for (size_t i = 0; i < l.u.list->len; i++)
            if (l.u.list->items[i].type != VALUE_STRING)
                reader_problem(r, value_pos(&l.u.list->items[i]),
                               "a group is a list of principals");
    }
}

static void read_policy(struct reader *r, const struct value *root, struct policy *p)
{
    struct policy_text t = {0};
    if (root->type == VALUE_NULL)
        return;
    const struct value *zone = root->type == VALUE_DICT ? dict_get(root->u.dict, "zone") : NULL;
    if (zone && zone->type == VALUE_STRING)
        r->zone = zone->u.str.s;
    if (!reader_mapping(r, root, policy_keys, &t, "a policy"))
        return;
    p->groups = t.groups;
    p->protected_hosts = t.hosts;
    p->inventory = t.inventory;
    p->default_deny = t.dflt == 1;
    check_groups(r, p);
    const struct value *list = dict_get(root->u.dict, "rules");
    if (!list)
        return;
    if (list->type != VALUE_LIST || list->u.list->len > MAX_RULES) {
        reader_problem(r, value_pos(list), "'rules' is a list of rules");
        return;
    }
    struct policy_rule *rules = arena_array(r->a, struct policy_rule, list->u.list->len + 1);
    for (size_t i = 0; i < list->u.list->len; i++)
        read_rule(r, p, &list->u.list->items[i], &rules[i]);
    p->rules = rules;
    p->n_rules = list->u.list->len;
}

int policy_load(const char *path, struct policy **ret,
                void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                struct err *e)
{
    struct arena *a = arena_new();
    struct policy *p = arena_new_of(a, struct policy);
    struct err why = ERR_INIT;
    struct reader r = {
        .a = a, .dir = path_dir(a, path), .problem = problem, .data = data, .e = &why};
    struct value root = value_null();
    char *text;
    size_t len;
    p->arena = a;
    int rc = file_read(a, path, MAX_FILE, &text, &len, &why);
    if (rc == ERR_NOENT) {
        err_release(&why);
        *ret = p;
        return 0;
    }
    p->file = arena_strdup(a, path);
    if (rc == 0)
        rc = yaml_parse(a, text, len, p->file, &(struct yaml_opts){.duplicates = YAML_DUP_ERROR},
                        &root, &why);
    if (rc < 0 && problem)
        problem(data, why.pos, err_msg(&why));
    if (rc == 0) {
        read_policy(&r, &root, p);
        rc = r.problems ? ERR_INVALID : 0;
    }
    if (rc < 0) {
        arena_free(a);
        return err_move(e, &why);
    }
    *ret = p;
    return 0;
}

void policy_free(struct policy *p)
{
    if (p)
        arena_free(p->arena);
}

// --- people
// ------------------------------------------------------------------------------------------

static bool in_group(const struct policy *p, const char *group, const char *principal)
{
    const struct value *v = p->groups ? dict_get(p->groups, group) : NULL;
    if (!v)
        return false;
    if (v->type == VALUE_STRING)
        return fnmatch(v->u.str.s, principal, 0) == 0;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        if (fnmatch(v->u.list->items[i].u.str.s, principal, 0) == 0)
            return true;
    return false;
}

bool policy_is_among(const struct policy *p, const char *const *list, const char *principal)
{
    if (!list)
        return true;
    for (; *list; list++)
        if (strcmp(*list, "anyone") == 0 || fnmatch(*list, principal, 0) == 0 ||
            in_group(p, *list, principal))
            return true;
    return false;
}

// The address within "Name <address>", or all of it.
static const char *address(const char *s, size_t *len)
{
    const char *open = strrchr(s, '<'), *close = open ? strchr(open, '>') : NULL;
    if (close) {
        *len = (size_t)(close - open - 1);
        return open + 1;
    }
    *len = strlen(s);
    return s;
}

bool policy_same_person(const char *x, const char *y)
{
    size_t n, m;
    if (!x || !y)
        return false;
    const char *p = address(x, &n), *q = address(y, &m);
    return n && n == m && strncasecmp(p, q, n) == 0;
}

// --- deciding
// ------------------------------------------------------------------------------------------

static bool any_matches(const char *const *patterns, const char *name)
{
    if (!patterns)
        return true;
    for (; name && *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

static bool host_among(const struct policy_request *q, const char *const *patterns,
                       const char *host)
{
    for (; *patterns; patterns++)
        if (q->host_matches ? q->host_matches(q->data, *patterns, host)
                            : fnmatch(*patterns, host, 0) == 0)
            return true;
    return false;
}

// allow: all hosts must be among those of the rule; else one suffices.
static bool hosts_match(const struct policy_rule *r, const struct policy_request *q, bool allow)
{
    if (!r->hosts)
        return true;
    if (!q->hosts || !*q->hosts)
        return false;
    for (const char *const *h = q->hosts; *h; h++)
        if (host_among(q, r->hosts, *h) != allow)
            return !allow;
    return allow;
}

static bool names_everybody(const struct policy_rule *r)
{
    for (const char *const *w = r->who; w && *w; w++)
        if (strcmp(*w, "anyone") != 0 && strcmp(*w, "*") != 0)
            return false;
    return true;
}

// Everything but the time.
static bool rule_matches(const struct policy *p, const struct policy_rule *r,
                         const struct policy_request *q, bool allow)
{
    unsigned bit = 1u << q->action;
    if (!((allow ? r->may : r->may_not) & bit))
        return false;
    // a name nobody vouches for is nobody's in a rule that allows
    if (allow && !q->verified && !names_everybody(r))
        return false;
    return policy_is_among(p, r->who, q->actor) && any_matches(r->services, q->service) &&
           any_matches(r->rings, q->ring) && hosts_match(r, q, allow);
}

static void deny(struct policy_decision *d, const struct policy_rule *r, const char *reason)
{
    *d = (struct policy_decision){
        .verdict = POLICY_DENIED, .rule = r ? r->name : NULL, .reason = reason};
}

static void allow(const struct policy_request *q, const struct policy_rule *r, struct arena *a,
                  struct policy_decision *d)
{
    int need = r && r->approvals > q->approvals ? r->approvals : q->approvals;
    bool asks = need > 0 && q->action != POLICY_APPROVE && q->action != POLICY_STOP;
    if (asks && !q->verified && (!r || r->four_eyes)) {
        deny(d, r,
             arena_printf(a,
                          "%d approval%s of others %s needed, and who %s is cannot be "
                          "verified (no key, or none of the allowed signers)",
                          need, need == 1 ? "" : "s", need == 1 ? "is" : "are", q->actor));
        return;
    }
    *d = (struct policy_decision){
        .verdict = asks ? POLICY_NEEDS_APPROVAL : POLICY_ALLOWED,
        .rule = r ? r->name : NULL,
        .approvals = asks ? need : 0,
        .approvers = r ? r->approvers : NULL,
        .four_eyes = r ? r->four_eyes : true,
    };
    d->reason =
        r      ? arena_printf(a, "the rule '%s' allows it%s", r->name,
                         asks ? arena_printf(a, " with %d approval%s", need, need == 1 ? "" : "s")
                                   : "")
        : asks ? arena_printf(a, "%d approval%s needed", need, need == 1 ? " is" : "s are")
               : "nothing forbids it";
}

const char *policy_own_change(const struct policy_request *q, struct arena *a)
{
    if (policy_same_person(q->actor, q->author))
        return arena_printf(a, "%s is the author of the commit", q->actor);
    if (policy_same_person(q->actor, q->committer))
        return arena_printf(a, "%s made the commit", q->actor);
    if (policy_same_person(q->actor, q->starter))
        return arena_printf(a, "%s started it", q->actor);
    return NULL;
}

// A second pair of eyes is somebody else's.
static const char *own_change(const struct policy_request *q, const struct policy_rule *r,
                              struct arena *a)
{
    return q->action != POLICY_APPROVE || (r && !r->four_eyes) ? NULL : policy_own_change(q, a);
}

static const char *no_rule(const struct policy *p, const struct policy_request *q, struct arena *a)
{
    const char *what = policy_action_name(q->action), *where = q->ring    ? q->ring
                                                               : q->which ? q->which
                                                                          : "a host of it";
    if (q->protected && !q->verified)
        return arena_printf(a,
                            "%s is protected, and %s is no verified signer (see andon-approve(1), "
                            "allowed_signers)",
                            where, q->actor);
    if (q->protected)
        return arena_printf(a, "%s is protected, and no rule of %s lets %s %s there", where,
                            p->file ? p->file : "a policy", q->actor, what);
    return arena_printf(a, "no rule of %s lets %s %s here", p->file, q->actor, what);
}

void policy_decide(const struct policy *p, const struct policy_request *q, struct arena *a,
                   struct policy_decision *ret)
{
    const struct policy_rule *closed = NULL;
    const char *why = NULL;
    int64_t next = 0;
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        if (rule_matches(p, r, q, false) && calendar_allows(&r->calendar, q->now, a, NULL, NULL)) {
            deny(ret, r, arena_printf(a, "the rule '%s' forbids it", r->name));
            return;
        }
    }
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        if (!rule_matches(p, r, q, true) || (q->protected && !q->verified))
            continue;
        if (!calendar_allows(&r->calendar, q->now, a, &why, &next)) {
            closed = closed ? closed : r;
            continue;
        }
        const char *own = own_change(q, r, a);
        if (own)
            deny(ret, r, own);
        else
            allow(q, r, a, ret);
        return;
    }
    const char *own = own_change(q, NULL, a);
    if (closed) {
        deny(ret, closed,
             arena_printf(a, "the rule '%s' allows it, but not now: %s", closed->name, why));
        ret->next = next;
    } else if (own) {
        deny(ret, NULL, own);
    } else if (q->action == POLICY_STOP) {
        allow(q, NULL, a, ret);
    } else if (q->protected || p->default_deny) {
        deny(ret, NULL, no_rule(p, q, a));
    } else {
        allow(q, NULL, a, ret);
    }
}
