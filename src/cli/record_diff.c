// Differences of changes as content of the ledger.
#include "cli/record_parts.h"

#include "core/buf.h"
#include "core/hash.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

#define DIFF_MAX ((size_t)256 << 10)
#define INPUT_MAX ((size_t)16 << 20)
#define CUT "\n[the rest of this difference was too long to be recorded]\n"

// What a password may stand in without anything knowing it for one.
static bool never_shown(const struct result_event *ev)
{
    // what an undo takes away may be a secret of the run before, which this one never learnt: the
    // ledger has that run's differences, without its secrets, and undo_diff.c turns them round
    const char *module = subject_module(ev->task);
    return ev->secret || ev->no_log || strcmp(module, "debconf") == 0 ||
           strcmp(module, "_andon_undo") == 0;
}

// The changes that count, as a list.
static struct value chosen(struct arena *a, const struct result_event *ev, const char *path)
{
    const struct value *own = dict_get(ev->result, "diff");
    struct value list = value_list(a);
    for (size_t i = 0; ev->changes && i < ev->changes->len; i++) {
        const struct value *v = &ev->changes->items[i];
        const char *of = v->type == VALUE_DICT ? dict_str(v->u.dict, "path", NULL) : NULL;
        if (v->type == VALUE_DICT && (!path || !of || strcmp(of, path) == 0))
            list_add(list.u.list, *v);
    }
    if (!own || (path && list.u.list->len))
        return list;
    struct value more = value_as_list(a, own);
    for (size_t i = 0; i < more.u.list->len; i++)
        if (more.u.list->items[i].type == VALUE_DICT)
            list_add(list.u.list, more.u.list->items[i]);
    return list;
}

// A content that the task itself holds has no file to be named after: the path stands for it.
static void name_sides(struct arena *a, struct value *list, const char *path)
{
    for (size_t i = 0; i < list->u.list->len; i++) {
        struct value *v = &list->u.list->items[i];
        const char *name = dict_str(v->u.dict, "path", path);
        if (!name || *dict_str(v->u.dict, "after_header", "?"))
            continue;
        *v = value_shallow(a, v);
        dict_set(v->u.dict, "after_header", value_str(a, name));
    }
}

static const char *put(struct recorder *r, const char *text, size_t len)
{
    char digest[LEDGER_DIGEST_HEX];
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    record_censor(r, text, len < DIFF_MAX ? len : DIFF_MAX, &b);
    if (len > DIFF_MAX)
        buf_adds(&b, CUT);
    int rc = ledger_blob_put(r->ledger, b.p, b.len, digest, &e);
    if (rc < 0)
        print_warning(&r->s->out, "a difference cannot be recorded: %s", err_msg(&e));
    err_release(&e);
    buf_release(&b);
    return rc < 0 ? NULL : arena_strdup(r->arena, digest);
}

const char *record_diff(struct recorder *r, const struct result_event *ev, const char *path)
{
    struct output_opts o = r->s->out;
    char hex[HASH_HEX_MAX];
    if (!r->ledger || never_shown(ev))
        return NULL;
    struct arena *a = arena_new();
    struct value list = chosen(a, ev, path), known;
    struct buf key = BUF_INIT;
    const char *digest = NULL;
    if (!list.u.list->len)
        goto out;
    name_sides(a, &list, path ? path : dict_str(ev->result, "dest", NULL));
    // many hosts change in the same way: what was seen before is not compared again
    json_write(&key, &list, &(struct json_opts){.compact = true});
    if (key.len > INPUT_MAX) // no helper of ours sends that much
        goto out;
    hash_hex(HASH_SHA256, key.p, key.len, hex);
    const struct value *had = dict_get(r->digests, hex);
    if (had) {
        digest = had->type == VALUE_STRING ? had->u.str.s : NULL;
        goto out;
    }
    o.color = false;
    char *text = diff_text(&o, &list);
    digest = *text ? put(r, text, strlen(text)) : NULL;
    known = digest ? value_cstr(digest) : value_null();
    dict_set(r->digests, hex, known);
    free(text);
out:
    buf_release(&key);
    arena_free(a);
    return digest;
}
