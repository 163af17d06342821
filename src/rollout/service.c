// The service file: read, checked, and made what it stands for.
#include "rollout/service.h"

#include "core/file.h"
#include "core/zone.h"
#include "rollout/service_keys.h"
#include "yaml/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE ((size_t)1 << 20)
#define MAX_RINGS 100

// --- rings
// ------------------------------------------------------------------------------------------

// "- canary: web1" or "- canary: {hosts: web1, batch: 1}"
static bool is_short(const struct value *v)
{
    return v->type == VALUE_DICT && v->u.dict->len == 1 && !dict_get(v->u.dict, "name") &&
           !dict_get(v->u.dict, "hosts");
}

static void read_gates(struct reader *r, const struct value *body, struct ring *ring)
{
    const struct value *before = dict_get(body->u.dict, "before"),
                       *after = dict_get(body->u.dict, "after");
    struct gates set;
    if (before && gates_read(r, before, &set)) {
        ring->before = set.gates;
        ring->n_before = set.n;
        ring->before_timing = set.timing;
    }
    if (after && gates_read(r, after, &set)) {
        ring->after = set.gates;
        ring->n_after = set.n;
        ring->after_timing = set.timing;
    }
}

// The keys of a ring, onto what ring has already.
static void read_body(struct reader *r, const struct value *body, struct ring *ring,
                      const char *what)
{
    if (!reader_mapping(r, body, ring_keys, ring, what) && body->type != VALUE_DICT)
        return;
    ring->production_set |= dict_get(body->u.dict, "production") != NULL;
    read_gates(r, body, ring);
}

static void read_ring(struct reader *r, const struct value *v, struct ring *ring)
{
    size_t before = r->problems;
    ring->pos = value_pos(v);
    if (is_short(v)) {
        struct dict_entry *it = &v->u.dict->entries[dict_next(v->u.dict, 0)];
        struct key name = {.name = "name", .type = KEY_NAME, .offset = offsetof(struct ring, name)},
                   hosts = {
                       .name = "hosts", .type = KEY_TEXT, .offset = offsetof(struct ring, hosts)};
        if (!reader_value(r, &name, &it->key, ring))
            return;
        if (key_find(ring_keys, ring->name)) {
            reader_problem(r, value_pos(&it->key),
                           "a ring has a name and hosts: write '- NAME: PATTERN', or name and "
                           "hosts as keys");
            return;
        }
        ring->pos = value_pos(&it->key);
        if (it->val.type == VALUE_DICT)
            read_body(r, &it->val, ring, "a ring");
        else
            reader_value(r, &hosts, &it->val, ring);
    } else if (v->type == VALUE_DICT) {
        read_body(r, v, ring, "a ring");
        if (!dict_get(v->u.dict, "name"))
            reader_problem(r, ring->pos, "a ring needs the key 'name'");
    } else {
        reader_problem(r, ring->pos, "a ring is '- NAME: PATTERN' or a mapping");
        return;
    }
    if (!ring->hosts && r->problems == before)
        reader_problem(r, ring->pos, "a ring needs the key 'hosts'");
}

static void check_ring(struct reader *r, const struct ring *rings, size_t i)
{
    const struct ring *ring = &rings[i];
    for (size_t k = 0; k < i && ring->name; k++)
        if (rings[k].name && strcmp(rings[k].name, ring->name) == 0)
            reader_problem(r, ring->pos, "there are two rings '%s'", ring->name);
    if (ring->batch.set && ring->batch.n <= 0)
        reader_problem(r, ring->pos, "'batch' is more than 0");
}

// A ring's windows stand in place of the service's, its freezes beside them.
static void inherit_calendar(struct reader *r, const struct calendar *service, struct ring *ring)
{
    struct calendar *c = &ring->calendar;
    if (!c->n_windows) {
        c->windows = service->windows;
        c->n_windows = service->n_windows;
    }
    size_t n = c->n_freezes + service->n_freezes;
    struct calendar_freeze *all = arena_array(r->a, struct calendar_freeze, n + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = i < c->n_freezes ? c->freezes[i] : service->freezes[i - c->n_freezes];
    c->freezes = all;
    c->n_freezes = n;
}

static void read_rings(struct reader *r, const struct value *root, struct service *s)
{
    const struct value *list = dict_get(root->u.dict, "rings"),
                       *every = dict_get(root->u.dict, "every_ring");
    struct ring common = {.max_failures = {.set = true},
                          .before_timing = {.every = 15, .timeout = 900},
                          .after_timing = {.every = 15, .timeout = 900}};
    if (every) {
        read_body(r, every, &common, "every_ring");
        if (common.name || common.hosts)
            reader_problem(r, value_pos(every), "every_ring has neither name nor hosts");
    }
    if (!list)
        return;
    if (list->type != VALUE_LIST || !list->u.list->len || list->u.list->len > MAX_RINGS) {
        reader_problem(r, value_pos(list), "'rings' is a list of rings (- NAME: PATTERN)%s",
                       list->type == VALUE_LIST && list->u.list->len ? ", at most 100" : "");
        return;
    }
    struct ring *rings = arena_array(r->a, struct ring, list->u.list->len);
    bool production = false;
    for (size_t i = 0; i < list->u.list->len; i++) {
        rings[i] = common;
        read_ring(r, &list->u.list->items[i], &rings[i]);
        check_ring(r, rings, i);
        inherit_calendar(r, &s->calendar, &rings[i]);
        production |= rings[i].production_set;
    }
    if (!production)
        rings[list->u.list->len - 1].production = true;
    s->rings = rings;
    s->n_rings = list->u.list->len;
}

// --- the whole
// ------------------------------------------------------------------------------------------

// The folder of the git repository that dir is in, or dir.
static const char *find_repo(struct arena *a, const char *dir)
{
    struct stat st;
    for (const char *d = dir;; d = path_dir(a, d)) {
        if (stat(path_join(a, d, ".git"), &st) == 0)
            return d;
        if (strcmp(d, "/") == 0 || strcmp(d, ".") == 0)
            return dir;
    }
}

static void check_service(struct reader *r, const struct value *root, struct service *s)
{
    const struct value *within = dict_get(root->u.dict, "rehearsed_within");
    if (within && !s->standard)
        reader_problem(r, value_pos(within),
                       "'rehearsed_within' belongs to 'change: standard', which is not said");
    if (s->standard && s->n_rings == 1)
        reader_problem(r, value_pos(dict_get(root->u.dict, "change")),
                       "a standard change is rehearsed in an earlier ring, and there is but one");
}

static void read_service(struct reader *r, const struct value *root, struct service *s)
{
    const struct value *zone = root->type == VALUE_DICT ? dict_get(root->u.dict, "zone") : NULL;
    // what names no zone of its own needs it, wherever it stands
    const struct zone *known;
    if (zone && zone->type == VALUE_STRING && zone_load(r->a, zone->u.str.s, &known, NULL) == 0)
        r->zone = zone->u.str.s;
    size_t before = r->problems;
    if (root->type == VALUE_NULL) {
        reader_problem(r, value_pos(root),
                       "a service file is not empty: it needs service, deploy "
                       "and rings");
        return;
    }
    reader_mapping(r, root, service_keys, s, "a service file");
    s->standard = s->change == 1;
    if (root->type != VALUE_DICT)
        return;
    read_rings(r, root, s);
    if (r->problems == before)
        check_service(r, root, s);
    if (!s->repo)
        s->repo = find_repo(r->a, s->dir);
}

int service_load(const char *path, struct service **ret,
                 void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                 struct err *e)
{
    struct arena *a = arena_new();
    struct service *s = arena_new_of(a, struct service);
    struct value *root = arena_new_of(a, struct value);
    struct err why = ERR_INIT;
    char *full = realpath(path, NULL);
    *s = (struct service){.arena = a,
                          .file = full ? arena_strdup(a, full) : path,
                          .rehearsed_within = 7 * 86400.0,
                          .keep = 5,
                          .root = root};
    free(full);
    s->dir = path_dir(a, s->file);
    struct reader r = {.a = a, .dir = s->dir, .problem = problem, .data = data, .e = &why};
    struct yaml_opts opts = {.duplicates = YAML_DUP_ERROR};
    char *text;
    size_t len;
    int rc = file_read(a, s->file, MAX_FILE, &text, &len, &why);
    if (rc == 0)
        rc = yaml_parse(a, text, len, s->file, &opts, root, &why);
    if (rc < 0 && problem)
        problem(data, why.pos, err_msg(&why));
    if (rc == 0) {
        read_service(&r, root, s);
        rc = r.problems ? ERR_INVALID : 0;
    }
    if (rc < 0) {
        arena_free(a);
        return err_move(e, &why);
    }
    *ret = s;
    return 0;
}

void service_free(struct service *s)
{
    if (s)
        arena_free(s->arena);
}

const struct ring *service_ring(const struct service *s, const char *name)
{
    for (size_t i = 0; i < s->n_rings; i++)
        if (strcmp(s->rings[i].name, name) == 0)
            return &s->rings[i];
    return NULL;
}

const char *service_find_file(struct arena *a, const char *dir)
{
    static const char *const names[] = {"andon.yml", "andon.yaml"};
    char *full = realpath(dir, NULL);
    const char *d = full ? arena_strdup(a, full) : dir;
    free(full);
    for (;; d = path_dir(a, d)) {
        for (size_t i = 0; i < 2; i++) {
            const char *path = path_join(a, d, names[i]);
            if (access(path, F_OK) == 0)
                return path;
        }
        if (strcmp(d, "/") == 0 || strcmp(d, ".") == 0)
            return NULL;
    }
}
