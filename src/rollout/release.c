// Releases as events.
#include "rollout/release.h"

#include "core/buf.h"
#include "core/json.h"
#include "rollout/reader.h"

#include <string.h>

static const char *const created[] = {"release.created", NULL};

static void set_text(struct dict *d, const char *key, const char *s)
{
    if (s)
        dict_set(d, key, value_cstr(s));
}

static void of_event(const struct ledger_event *ev, struct release *r)
{
    const struct dict *b = ev->body;
    *r = (struct release){.service = ev->service,
                          .version = ev->release,
                          .actor = ev->actor,
                          .time = ev->time,
                          .seq = ev->seq};
    if (!b)
        return;
    r->commit = dict_str(b, "commit", NULL);
    r->author = dict_str(b, "author", NULL);
    r->committer = dict_str(b, "committer", NULL);
    r->repo = dict_str(b, "repo", NULL);
    r->digest = dict_str(b, "artifact", NULL);
    r->name = dict_str(b, "name", NULL);
    r->service_file = dict_str(b, "service_file", NULL);
    r->size = dict_int(b, "size", 0);
    r->statement = dict_str(b, "statement", NULL);
    r->signature = dict_str(b, "signature", NULL);
}

int release_find(struct ledger *l, const char *service, const char *version, struct arena *a,
                 struct release *ret, struct err *e)
{
    struct ledger_filter f = {.types = created, .service = service, .release = version, .limit = 1};
    struct ledger_event *events;
    size_t n;
    int rc = ledger_list(l, &f, a, &events, &n, e);
    if (rc < 0 || !n)
        return rc;
    of_event(&events[0], ret);
    return 1;
}

int release_list(struct ledger *l, const char *service, struct arena *a, struct release **ret,
                 size_t *ret_n, struct err *e)
{
    struct ledger_filter f = {.types = created, .service = service, .newest_first = true};
    struct ledger_event *events;
    size_t n;
    int rc = ledger_list(l, &f, a, &events, &n, e);
    if (rc < 0)
        return rc;
    *ret = arena_array(a, struct release, n + 1);
    for (size_t i = 0; i < n; i++)
        of_event(&events[i], &(*ret)[i]);
    *ret_n = n;
    return 0;
}

const char *release_statement(struct arena *a, const struct release *r)
{
    struct value v = value_dict(a);
    struct buf b = BUF_INIT;
    set_text(v.u.dict, "verb", "release");
    set_text(v.u.dict, "service", r->service);
    set_text(v.u.dict, "release", r->version);
    set_text(v.u.dict, "commit", r->commit);
    set_text(v.u.dict, "artifact", r->digest);
    json_write(&b, &v, &(struct json_opts){.sort_keys = true, .compact = true});
    const char *text = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return text;
}

// --- making one
// ------------------------------------------------------------------------------------------

struct creation {
    const struct release *r;
    struct arena *a;
};

static bool same(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static int append(struct ledger *l, const struct release *r, struct arena *a, struct err *e)
{
    struct value body = value_dict(a);
    set_text(body.u.dict, "artifact", r->digest);
    set_text(body.u.dict, "name", r->name);
    set_text(body.u.dict, "service_file", r->service_file);
    set_text(body.u.dict, "commit", r->commit);
    set_text(body.u.dict, "author", r->author);
    set_text(body.u.dict, "committer", r->committer);
    set_text(body.u.dict, "repo", r->repo);
    set_text(body.u.dict, "statement", r->statement);
    set_text(body.u.dict, "signature", r->signature);
    if (r->digest)
        dict_set(body.u.dict, "size", value_int(r->size));
    struct ledger_event ev = {.type = created[0],
                              .actor = r->actor,
                              .service = r->service,
                              .release = r->version,
                              .body = body.u.dict};
    int rc = ledger_append(l, &ev, 1, e);
    return rc < 0 ? rc : 1;
}

static int differs(const struct release *r, const char *how, const char *was, const char *is,
                   struct err *e)
{
    if (same(was, is))
        return 0;
    return err_set(e, ERR_INVALID, POS_NONE,
                   "%s %s is there %s (%.12s, this is %.12s): a version never changes; give this "
                   "one another name",
                   r->service, r->version, how, was ? was : "none", is ? is : "none");
}

static int create(void *data, struct ledger *l, struct err *e)
{
    struct creation *c = data;
    const struct release *r = c->r;
    struct release was;
    int rc = release_find(l, r->service, r->version, c->a, &was, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return append(l, r, c->a, e);
    rc = differs(r, "with another artifact", was.digest, r->digest, e);
    return rc < 0 ? rc : differs(r, "of another commit", was.commit, r->commit, e);
}

int release_create(struct ledger *l, const struct release *r, struct err *e)
{
    if (!is_plain_name(r->service))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "'%s' is no name for a service (letters, digits, '.', '_', '-')",
                       r->service);
    if (!is_plain_name(r->version) || strlen(r->version) > 100)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "'%s' is no name for a version (letters, digits, '.', '_', '-', at most "
                       "100 of them)",
                       r->version);
    struct creation c = {.r = r, .a = arena_new()};
    int rc = ledger_transact(l, create, &c, e);
    arena_free(c.a);
    return rc;
}

struct value release_variable(struct ledger *l, const struct release *r, const char *previous,
                              struct arena *a)
{
    struct value v = value_dict(a);
    const char *path = r->digest ? ledger_blob_path(l, r->digest, a) : NULL;
    set_text(v.u.dict, "service", r->service);
    set_text(v.u.dict, "version", r->version);
    dict_set(v.u.dict, "commit", r->commit ? value_cstr(r->commit) : value_null());
    dict_set(v.u.dict, "artifact", path ? value_cstr(path) : value_null());
    dict_set(v.u.dict, "digest", r->digest ? value_cstr(r->digest) : value_null());
    dict_set(v.u.dict, "name", r->digest && r->name ? value_cstr(r->name) : value_null());
    dict_set(v.u.dict, "previous", previous ? value_cstr(previous) : value_null());
    return v;
}
