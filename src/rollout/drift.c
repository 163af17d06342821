// Drift: expectations out of the ledger, the comparison, and the events of what is found.
#include "rollout/drift.h"

#include "core/buf.h"

#include <stdlib.h>
#include <string.h>

#define HIDDEN_SLACK (300 * INT64_C(1000000)) // between a host's clock and that of the event
#define SHORT_DIGEST 12
#define LAST_SECOND INT64_C(100000000000) // what a host may say

const char *drift_kind_name(enum drift_kind k)
{
    static const char *const names[] = {"file", "package", "service"};
    return names[k];
}

// --- what is expected

static struct drift_thing *thing_of(struct drift_host *h, enum drift_kind kind, const char *name,
                                    struct arena *a)
{
    const char *key = arena_printf(a, "%d %s", (int)kind, name);
    const struct value *at = dict_get(h->at, key);
    if (at)
        return &h->things[at->u.i];
    h->things = arena_room(a, h->things, h->n, &h->cap, 64, sizeof *h->things);
    dict_set(h->at, key, value_int((int64_t)h->n));
    h->things[h->n] = (struct drift_thing){.kind = kind, .name = name};
    return &h->things[h->n++];
}

static void left_by(struct drift_thing *t, const struct ledger_event *ev)
{
    t->run = ev->run;
    t->actor = ev->actor;
    t->time = ev->time;
}

static const char *text_at(const struct value *list, size_t i)
{
    if (list->type != VALUE_LIST || i >= list->u.list->len)
        return NULL;
    const struct value *v = &list->u.list->items[i];
    return v->type == VALUE_STRING ? v->u.str.s : NULL;
}

// A file: [what it is, its mode and owner], either null where the task did not touch it.
static void expect_file(struct drift_host *h, const char *path, const struct value *v,
                        const struct ledger_event *ev, struct arena *a)
{
    struct drift_thing *t = thing_of(h, DRIFT_FILE, path, a);
    const char *state = text_at(v, 0), *attr = text_at(v, 1);
    if (state)
        t->state = strcmp(state, "?") != 0 ? state : NULL; // could not be written down
    if (attr)
        t->attr = attr;
    left_by(t, ev);
}

static void expect_after(struct drift_host *h, const struct dict *after,
                         const struct ledger_event *ev, struct arena *a)
{
    static const char service[] = "service:";
    struct dict_entry *it;
    DICT_EACH(after, it)
    {
        const char *name = it->key.type == VALUE_STRING ? it->key.u.str.s : "";
        if (*name == '/') {
            expect_file(h, name, &it->val, ev, a);
        } else if (strncmp(name, service, strlen(service)) == 0 && it->val.type == VALUE_STRING) {
            struct drift_thing *t = thing_of(h, DRIFT_SERVICE, name + strlen(service), a);
            t->state = it->val.u.str.s;
            left_by(t, ev);
        }
    }
}

struct reading {
    struct drift_host *host;
    struct arena *a;
    const char *rpms, *rpms_run; // NAME.ARCH<tab>STATE: what the last task of rpm's changed
};

// Of some packages of rpm's several versions are there (kernels): that one was removed does not say
// that none is left.
static bool is_left(const struct reading *r, const struct ledger_event *ev)
{
    size_t n = strlen(ev->package);
    bool this_run = r->rpms && ev->run && r->rpms_run && strcmp(ev->run, r->rpms_run) == 0;
    for (const char *s = this_run ? r->rpms : ""; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        const char *tab = strpbrk(s, "\t\n"),
                   *dot = strncmp(s, ev->package, n) == 0 && s[n] == '.' ? s + n : NULL;
        // the last dot ends the name
        if (tab && *tab == '\t' && dot && !memchr(dot + 1, '.', (size_t)(tab - dot - 1)) &&
            tab[1] != '-')
            return true;
    }
    return false;
}

// "installed 1.2-3", "removed 1.2-3", "purged 1.2-3": what dpkg said it did, or dnf.
static void expect_package(struct reading *r, const struct ledger_event *ev)
{
    const char *detail = ev->body ? dict_str(ev->body, "detail", "") : "";
    struct drift_thing *t = thing_of(r->host, DRIFT_PACKAGE, ev->package, r->a);
    size_t verb = strcspn(detail, " ");
    const char *version = detail[verb] ? detail + verb + 1 : "";
    t->state = NULL;
    if (strncmp(detail, "installed ", 10) == 0 && *version && !strchr(version, ' '))
        t->state = version;
    else if (strncmp(detail, "removed ", 8) == 0 || strncmp(detail, "purged ", 7) == 0)
        t->state = is_left(r, ev) ? NULL : "-";
    left_by(t, ev);
}

static void hide(struct drift_host *h, int64_t time, struct arena *a)
{
    h->hidden = arena_room(a, h->hidden, h->n_hidden, &h->cap_hidden, 16, sizeof *h->hidden);
    ((int64_t *)(uintptr_t)h->hidden)[h->n_hidden++] = time;
}

// Packages that a task changed, as lines that begin with NAME:ARCH (dpkg) or NAME.ARCH (rpm): what
// is known of them is out of date, unless events of their own say what they are.
static void forget_lines(struct drift_host *h, const char *lines, char arch, struct arena *a)
{
    for (const char *s = lines; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        char *name = arena_strndup(a, s, strcspn(s, "\t\n"));
        char *end = arch == '.' ? strrchr(name, arch) : strchr(name, arch);
        if (end)
            *end = '\0';
        const struct value *at = dict_get(h->at, arena_printf(a, "%d %s", DRIFT_PACKAGE, name));
        if (at)
            h->things[at->u.i].state = NULL;
    }
}

static void forget_packages(struct reading *r, const struct dict *after, const char *run)
{
    struct dict_entry *it;
    DICT_EACH(after, it)
    {
        if (it->key.type != VALUE_STRING || it->val.type != VALUE_STRING)
            continue;
        if (strncmp(it->key.u.str.s, "apt:", 4) == 0)
            forget_lines(r->host, it->val.u.str.s, ':', r->a);
        if (strncmp(it->key.u.str.s, "dnf:", 4) == 0) {
            forget_lines(r->host, it->val.u.str.s, '.', r->a);
            r->rpms = it->val.u.str.s;
            r->rpms_run = run;
        }
    }
}

static int take_change(void *data, const struct ledger_event *ev)
{
    struct reading *r = data;
    const struct value *after = ev->body ? dict_get(ev->body, "after") : NULL;
    bool has_after = after && after->type == VALUE_DICT;
    if (has_after)
        forget_packages(r, after->u.dict, ev->run);
    if (ev->package)
        expect_package(r, ev);
    if (has_after)
        expect_after(r->host, after->u.dict, ev, r->a);
    // A change whose outcome is not known: what was known of the path is out of date.
    if (ev->path && !(has_after && dict_get(after->u.dict, ev->path))) {
        const struct value *at =
            dict_get(r->host->at, arena_printf(r->a, "%d %s", DRIFT_FILE, ev->path));
        if (at) {
            r->host->things[at->u.i].state = NULL;
            r->host->things[at->u.i].attr = NULL;
        }
    }
    if (ev->body && strcmp(dict_str(ev->body, "hidden", ""), "no_log") == 0)
        hide(r->host, ev->time, r->a);
    return 0;
}

int drift_expected(struct ledger *l, const char *host, struct arena *a, struct drift_host *ret,
                   struct err *e)
{
    static const char *const types[] = {"change", NULL};
    struct ledger_filter f = {.types = types, .host = host};
    *ret = (struct drift_host){.name = host, .ledger = l, .at = value_dict(a).u.dict};
    struct reading r = {.host = ret, .a = a};
    int err = ledger_each(l, &f, a, take_change, &r, e);
    if (err < 0)
        return err;
    size_t kept = 0;
    for (size_t i = 0; i < ret->n; i++)
        if (ret->things[i].state || ret->things[i].attr)
            ret->things[kept++] = ret->things[i];
        else
            ret->unknown += ret->things[i].kind == DRIFT_PACKAGE;
    ret->n = kept;
    return 0;
}

struct value drift_question(const struct drift_host *h, struct arena *a)
{
    struct value list = value_list_of(a, h->n);
    for (size_t i = 0; i < h->n; i++) {
        struct value one = value_dict(a);
        dict_set(one.u.dict, "kind", value_cstr(drift_kind_name(h->things[i].kind)));
        dict_set(one.u.dict, "name", value_cstr(h->things[i].name));
        list_add(list.u.list, one);
    }
    return list;
}

// --- the comparison

// A state as people read it: digests are cut.
static void describe(struct buf *b, enum drift_kind kind, const char *state)
{
    if (kind != DRIFT_FILE)
        buf_adds(b, strcmp(state, "-") != 0 ? state
                    : kind == DRIFT_PACKAGE ? "not installed"
                                            : "not there");
    else if (strcmp(state, "-") == 0)
        buf_adds(b, "nothing");
    else if (strcmp(state, "d") == 0)
        buf_adds(b, "a folder");
    else if (strncmp(state, "f ", 2) == 0)
        buf_addf(b, "sha256 %.*s", SHORT_DIGEST, state + 2);
    else if (strncmp(state, "F ", 2) == 0)
        buf_addf(b, "size and time %s", state + 2);
    else if (strncmp(state, "k ", 2) == 0)
        buf_adds(b, "content out of a vault");
    else if (strncmp(state, "l ", 2) == 0)
        buf_addf(b, "a link to %s", state + 2);
    else
        buf_adds(b, "something else");
}

static void describe_attr(struct buf *b, const char *attr)
{
    size_t mode = strcspn(attr, " "), owner = attr[mode] ? strcspn(attr + mode + 1, " ") : 0;
    const char *group = attr[mode] && attr[mode + 1 + owner] ? attr + mode + owner + 2 : "";
    buf_addf(b, "%smode %.*s", b->len ? ", " : "", (int)mode, attr);
    if (owner)
        buf_addf(b, ", owner %.*s:%s", (int)owner, attr + mode + 1, group);
}

static bool differs(const char *expected, const char *found)
{
    return expected && strcmp(expected, found) != 0;
}

// rpm keeps several versions of some packages: the expected one must be among them.
static bool has_version(const char *found, const char *version)
{
    size_t n = strlen(version);
    for (const char *s = found; *s; s += strcspn(s, " "), s += *s == ' ')
        if (strcspn(s, " ") == n && strncmp(s, version, n) == 0)
            return true;
    return false;
}

// Whether a change of a run that no_log hides may have made it.
static bool may_be_hidden(const struct drift_host *h, const struct drift_thing *t, int64_t since)
{
    for (size_t i = 0; i < h->n_hidden; i++)
        if (h->hidden[i] >= t->time && since && llabs(since - h->hidden[i]) < HIDDEN_SLACK)
            return true;
    return false;
}

#define KEY_NAME 8 // digits that tell one key from another

const char *drift_keyed(struct ledger *l, const char *host, const char *path, const char *state,
                        bool make, struct arena *a)
{
    static const char *const name[] = {"key"};
    const char *const texts[] = {host, path, state};
    char key[LEDGER_DIGEST_HEX], digest[LEDGER_DIGEST_HEX];
    struct err e = ERR_INIT;
    int rc = ledger_keyed_digest(l, name, 1, make, key, &e);
    if (rc == 0)
        rc = ledger_keyed_digest(l, texts, sizeof texts / sizeof *texts, make, digest, &e);
    err_release(&e);
    return rc < 0 ? NULL : arena_printf(a, "k %.*s %s", KEY_NAME, key, digest);
}

size_t drift_unable(const struct value *answer, const char **ret_why)
{
    size_t n = 0;
    for (size_t i = 0; answer->type == VALUE_LIST && i < answer->u.list->len; i++) {
        const struct value *is = &answer->u.list->items[i];
        const char *why = is->type == VALUE_DICT ? dict_str(is->u.dict, "unable", NULL) : NULL;
        if (why && n++ == 0)
            *ret_why = why;
    }
    return n;
}

static bool is_keyed(const struct drift_thing *t)
{
    return t->kind == DRIFT_FILE && t->state && strncmp(t->state, "k ", 2) == 0;
}

// What the host found, in the words of what is expected: content out of a vault is compared by its
// keyed digest. NULL: the key of then is not there.
static const char *comparable(const struct drift_host *h, const struct drift_thing *t,
                              const char *state, struct arena *a)
{
    if (!is_keyed(t) || !strchr("fF", *state))
        return state;
    const char *keyed = drift_keyed(h->ledger, h->name, t->name, state, false, a);
    return keyed && strncmp(keyed, t->state, 2 + KEY_NAME) == 0 ? keyed : NULL;
}

static bool compare_one(const struct drift_host *h, const struct drift_thing *t,
                        const struct dict *is, struct arena *a, struct drift_finding *ret)
{
    const char *state = dict_str(is, "state", NULL), *attr = dict_str(is, "attr", "-");
    int64_t seconds = dict_int(is, "since", 0);
    int64_t since = seconds > 0 && seconds < LAST_SECOND ? seconds * 1000000 : 0;
    if (!state) // the host could not say
        return false;
    const char *same = comparable(h, t, state, a);
    bool other = same && differs(t->state, same) &&
                 !(t->kind == DRIFT_PACKAGE && has_version(same, t->state));
    // The mode of what is no longer there says nothing.
    bool other_attr = t->attr && strcmp(attr, "-") != 0 && differs(t->attr, attr);
    if ((!other && !other_attr) || may_be_hidden(h, t, since))
        return false;
    struct buf expected = BUF_INIT, found = BUF_INIT;
    if (other) {
        describe(&expected, t->kind, t->state);
        if (is_keyed(t) && strchr("fF", *state)) // nor is what it is now for the ledger
            buf_adds(&found, "other content");
        else
            describe(&found, t->kind, state);
    }
    if (other_attr && strcmp(t->attr, "-") != 0) {
        describe_attr(&expected, t->attr);
        describe_attr(&found, attr);
    }
    *ret = (struct drift_finding){.thing = t,
                                  .expected = arena_strdup(a, buf_str(&expected)),
                                  .found = arena_strdup(a, buf_str(&found)),
                                  .since = since};
    buf_release(&expected);
    buf_release(&found);
    return *ret->found != '\0';
}

int drift_compare(const struct drift_host *h, const struct value *answer, struct arena *a,
                  struct drift_finding **ret, size_t *ret_n, struct err *e)
{
    if (answer->type != VALUE_LIST || answer->u.list->len != h->n)
        return err_set(e, ERR_INVALID, POS_NONE, "%s does not answer what it was asked", h->name);
    struct drift_finding *all = arena_array(a, struct drift_finding, h->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++) {
        const struct value *is = &answer->u.list->items[i];
        if (is->type != VALUE_DICT)
            return err_set(e, ERR_INVALID, POS_NONE, "%s does not answer what it was asked",
                           h->name);
        n += compare_one(h, &h->things[i], is->u.dict, a, &all[n]);
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

// --- events

struct ledger_event drift_event(const char *host, const struct drift_finding *f, struct arena *a)
{
    const struct drift_thing *t = f->thing;
    struct value body = value_dict(a);
    dict_set(body.u.dict, "kind", value_cstr(drift_kind_name(t->kind)));
    dict_set(body.u.dict, "expected", value_cstr(f->expected));
    dict_set(body.u.dict, "found", value_cstr(f->found));
    if (t->kind == DRIFT_SERVICE)
        dict_set(body.u.dict, "unit", value_cstr(t->name));
    if (f->since) {
        char since[LEDGER_TIME];
        ledger_time(f->since, since);
        dict_set(body.u.dict, "since", value_str(a, since));
    }
    if (t->run)
        dict_set(body.u.dict, "run", value_cstr(t->run));
    return (struct ledger_event){.type = "drift.found",
                                 .host = host,
                                 .path = t->kind == DRIFT_FILE ? t->name : NULL,
                                 .package = t->kind == DRIFT_PACKAGE ? t->name : NULL,
                                 .body = body.u.dict};
}

struct known {
    const struct drift_finding *f;
    bool told;
};

static int compare_told(void *data, const struct ledger_event *ev)
{
    struct known *k = data;
    const struct drift_thing *t = k->f->thing;
    if (!ev->body)
        return 0;
    if (t->kind == DRIFT_SERVICE && strcmp(dict_str(ev->body, "unit", ""), t->name) != 0)
        return 0;
    // The last one counts: what was put right and changed again is new.
    k->told = strcmp(dict_str(ev->body, "found", ""), k->f->found) == 0 &&
              strcmp(dict_str(ev->body, "expected", ""), k->f->expected) == 0;
    return 0;
}

struct recording {
    const char *host;
    const struct drift_finding *f;
    size_t n, *ret_new;
};

static int record_all(void *data, struct ledger *l, struct err *e)
{
    static const char *const types[] = {"drift.found", NULL};
    struct recording *r = data;
    struct arena *a = arena_new();
    struct ledger_event *events = arena_array(a, struct ledger_event, r->n + 1);
    size_t n = 0;
    int err = 0;
    for (size_t i = 0; i < r->n && err >= 0; i++) {
        const struct drift_thing *t = r->f[i].thing;
        struct ledger_filter filter = {.types = types, .host = r->host, .since = t->time};
        struct known k = {&r->f[i], false};
        filter.path = t->kind == DRIFT_FILE ? t->name : NULL;
        filter.package = t->kind == DRIFT_PACKAGE ? t->name : NULL;
        // A name with a star in it would be a pattern.
        if (!strpbrk(t->name, "*?["))
            err = ledger_each(l, &filter, a, compare_told, &k, e);
        if (!k.told)
            events[n++] = drift_event(r->host, &r->f[i], a);
    }
    if (err >= 0 && n)
        err = ledger_append(l, events, n, e);
    if (err >= 0 && r->ret_new)
        *r->ret_new = n;
    arena_free(a);
    return err < 0 ? err : 0;
}

int drift_record(struct ledger *l, const char *host, const struct drift_finding *f, size_t n,
                 size_t *ret_new, struct err *e)
{
    struct recording r = {host, f, n, ret_new};
    if (ret_new)
        *ret_new = 0;
    return n ? ledger_transact(l, record_all, &r, e) : 0;
}
