// Taking content away that should not be kept: a secret in a difference. The event that names it
// stays as it was hashed; another one says who took its content away, and why.
#include "ledger/internal.h"
#include "ledger/tree.h"

#include "core/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct redaction {
    int64_t seq;
    const char *reason;
    struct arena *a;
    struct list *digests; // of content that is there
};

bool ledger_names_content(const struct value *key, const struct value *v)
{
    return key->type == VALUE_STRING && v->type == VALUE_STRING &&
           v->u.str.len == LEDGER_DIGEST_HEX - 1 &&
           (value_eqs(key, "artifact") || value_eqs(key, "diff") || value_eqs(key, "file") ||
            value_eqs(key, "plan"));
}

static int find_content(struct redaction *r, struct ledger *l, struct err *e)
{
    struct ledger_event ev;
    const struct dict_entry *it;
    bool named = false;
    int rc = ledger_get(l, r->seq, r->a, &ev, e);
    if (rc == 0)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no event %lld", (long long)r->seq);
    if (rc < 0)
        return rc;
    if (ev.body)
        DICT_EACH(ev.body, it)
        {
            if (!ledger_names_content(&it->key, &it->val))
                continue;
            named = true;
            if (ledger_blob_path(l, it->val.u.str.s, r->a))
                list_add(r->digests, it->val);
        }
    if (r->digests->len)
        return 0;
    return err_set(e, ERR_NOENT, POS_NONE,
                   named ? "the content that event %lld names is not there (any more)"
                         : "event %lld names no content: what an event itself says cannot be taken "
                           "out of it",
                   (long long)r->seq);
}

static int record(void *data, struct ledger *l, struct err *e)
{
    struct redaction *r = data;
    struct value body = value_dict(r->a);
    int rc = find_content(r, l, e);
    if (rc < 0)
        return rc;
    dict_set(body.u.dict, "event", value_int(r->seq));
    dict_set(body.u.dict, "digests", (struct value){.type = VALUE_LIST, .u.list = r->digests});
    dict_set(body.u.dict, "reason", value_cstr(r->reason));
    struct ledger_event ev = {.type = "content.redacted", .body = body.u.dict};
    return ledger_append(l, &ev, 1, e);
}

static int drop(struct ledger *l, struct arena *a, const char *digest, struct err *e)
{
    const char *path = ledger_blob_path(l, digest, a);
    if (path && (unlink(path) < 0 || file_sync_folder(path_dir(a, path)) < 0))
        return err_set(e, ERR_IO, POS_NONE, "cannot remove '%s': %s", path, strerror(errno));
    return 0;
}

int ledger_redact(struct ledger *l, int64_t seq, const char *reason, size_t *ret_n, struct err *e)
{
    struct redaction r = {.seq = seq, .reason = reason, .a = arena_new()};
    r.digests = value_list(r.a).u.list;
    // first what is done, then the deed: killed between, it is done by the same command again
    int rc = ledger_transact(l, record, &r, e);
    for (size_t i = 0; i < r.digests->len && rc == 0; i++)
        rc = drop(l, r.a, r.digests->items[i].u.str.s, e);
    if (rc == 0)
        *ret_n = r.digests->len;
    arena_free(r.a);
    return rc;
}

static int take_redaction(void *data, const struct ledger_event *ev)
{
    struct ledger_redaction *r = data;
    const struct value *digests = ev->body ? dict_get(ev->body, "digests") : NULL;
    for (size_t i = 0; digests && digests->type == VALUE_LIST && i < digests->u.list->len; i++)
        if (value_eqs(&digests->u.list->items[i], r->digest)) {
            *r = (struct ledger_redaction){.digest = r->digest,
                                           .seq = ev->seq,
                                           .time = ev->time,
                                           .actor = ev->actor,
                                           .reason = dict_str(ev->body, "reason", "")};
            return 1;
        }
    return 0;
}

int ledger_redacted(struct ledger *l, const char *digest, struct arena *a,
                    struct ledger_redaction *ret, struct err *e)
{
    static const char *const types[] = {"content.redacted", NULL};
    const struct ledger_filter f = {.types = types, .newest_first = true};
    *ret = (struct ledger_redaction){.digest = digest};
    return ledger_each(l, &f, a, take_redaction, ret, e);
}
