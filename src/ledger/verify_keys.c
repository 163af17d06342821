// Checkpoints: each is of this tree and signed with the key of its time. The keys are a chain: an
// event says that one follows another, and the checkpoint behind it is signed with both.
#include "ledger/verify.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

// Keys in their order; keys[i] signs trees of at most until[i] events.
struct chain {
    struct note_verifier *keys;
    uint64_t *until;
    size_t n;
};

static const struct note_verifier *key_of(const struct chain *c, uint64_t size)
{
    size_t i = 0;
    while (i + 1 < c->n && size > c->until[i])
        i++;
    return &c->keys[i];
}

void rotation_note(struct chunk *c, const struct ledger_event *ev)
{
    if (strcmp(ev->type, "key.rotated") != 0 || !ev->body)
        return;
    const char *old = dict_str(ev->body, "old", NULL), *new = dict_str(ev->body, "new", NULL);
    if (!old || !new)
        return;
    c->rotations = xrealloc(c->rotations, (c->n_rotations + 1) * sizeof *c->rotations);
    c->rotations[c->n_rotations++] = (struct rotation){ev->seq, xstrdup(old), xstrdup(new)};
}

// --- the chain
// ------------------------------------------------------------------------------------------

struct making {
    struct verify *v;
    struct chain *chain;
    const char **vkeys; // as they are written
    size_t cap;
};

static bool add_key(struct making *m, const char *vkey, struct err *e)
{
    struct chain *c = m->chain;
    if (c->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 4;
        c->keys = xrealloc(c->keys, m->cap * sizeof *c->keys);
        c->until = xrealloc(c->until, m->cap * sizeof *c->until);
        m->vkeys = xrealloc(m->vkeys, m->cap * sizeof *m->vkeys);
    }
    if (note_vkey_parse(vkey, &c->keys[c->n], e) < 0)
        return false;
    c->until[c->n] = UINT64_MAX;
    m->vkeys[c->n++] = vkey;
    return true;
}

// One key follows another; what does not fit is told, and left out.
static void add_rotation(struct making *m, const struct rotation *r)
{
    struct chain *c = m->chain;
    bool fits = (c->n || add_key(m, r->old, NULL)) && strcmp(m->vkeys[c->n - 1], r->old) == 0;
    if (fits && add_key(m, r->new, NULL))
        c->until[c->n - 2] = (uint64_t)r->seq + 1;
    else
        found_add(&m->v->found, FINDING_CHECKPOINT, r->seq, r->seq,
                  "it changes a key that was not the ledger's");
}

// The chain that the events tell of, if the trusted key is one of it; else that key alone.
static int make_chain(struct verify *v, struct making *m)
{
    const char *inside = NULL, *trusted = v->o->vkey;
    char *text;
    size_t len;
    bool is_one = false;
    int rc = ledger_vkey(v->l, v->a, &inside, v->e);
    if (rc < 0)
        return rc;
    if (!trusted && file_read(v->a, path_join(v->a, v->l->dir, "ledger.pub"), NOTE_MAX, &text, &len,
                              NULL) == 0) {
        text[strcspn(text, "\n")] = '\0';
        trusted = text;
    }
    trusted = trusted ? trusted : inside;
    for (size_t i = 0; i < v->n_chunks; i++)
        for (size_t k = 0; k < v->chunks[i].n_rotations; k++)
            add_rotation(m, &v->chunks[i].rotations[k]);
    if (!m->chain->n)
        (void)add_key(m, inside, NULL); // one that is none is another than the trusted
    for (size_t i = 0; i < m->chain->n; i++)
        is_one = is_one || strcmp(m->vkeys[i], trusted) == 0;
    if (is_one && strcmp(m->vkeys[m->chain->n - 1], inside) == 0)
        return 0;
    found_add(&v->found, FINDING_CHECKPOINT, -1, -1, "%s",
              is_one ? "the ledger names another public key than its events"
                     : "the ledger names another public key than the one that is trusted");
    m->chain->n = 0;
    return add_key(m, trusted, v->e) ? 0 : v->e->code;
}

// --- what they say
// ------------------------------------------------------------------------------------------

// Where checkpoints were compared: events before `good` are what was signed.
struct progress {
    uint64_t good, newest;
    bool replaced;
};

static void compare_tree(struct verify *v, const struct note_checkpoint *c, const char *what,
                         struct progress *p)
{
    struct merkle_store store = hashes_store(v->l);
    struct merkle_hash root;
    struct err e = ERR_INIT;
    int rc = merkle_root_at(&store, c->size, &root, &e);
    err_release(&e);
    if (rc < 0)
        return; // what is missing is told already
    if (merkle_equal(&root, &c->root)) {
        p->good = c->size > p->good && !p->replaced ? c->size : p->good;
        return;
    }
    if (!p->replaced)
        found_add(&v->found, FINDING_REPLACED, (int64_t)p->good, (int64_t)c->size - 1, "%s", what);
    p->replaced = true;
}

static void check_note(struct verify *v, const char *note, const struct chain *keys,
                       const char *what, struct progress *p)
{
    struct note_checkpoint c;
    struct err e = ERR_INIT;
    size_t len = 0;
    int rc = note_checkpoint_parse(note, strlen(note), &c, &e);
    const struct note_verifier *key = rc == 0 ? key_of(keys, c.size) : NULL;
    if (rc == 0)
        rc = note_verify(note, strlen(note), key, &len, &e);
    if (rc == 0 && strcmp(c.origin, key->name) != 0)
        rc = err_set(&e, ERR_INVALID, POS_NONE, "it is of '%s'", c.origin);
    v->ret->checkpoints++;
    if (rc < 0) {
        found_add(&v->found, FINDING_CHECKPOINT, -1, -1, "%s: %s", what, err_msg(&e));
    } else if ((int64_t)c.size > v->size) {
        p->newest = c.size;
        found_add(&v->found, FINDING_TRUNCATED, v->size, (int64_t)c.size - 1, "%s", what);
    } else {
        if (c.size > p->newest)
            p->newest = c.size;
        compare_tree(v, &c, what, p);
    }
    err_release(&e);
}

// The checkpoint behind a change of the key must have been signed with the new one, too.
static void check_rotations(struct verify *v, const struct chain *keys,
                            const struct ledger_checkpoint *all, size_t n)
{
    for (size_t i = 0; i + 1 < keys->n; i++) {
        int64_t seq = (int64_t)keys->until[i] - 1;
        size_t k = 0, len;
        while (k < n && all[k].tree.size != keys->until[i])
            k++;
        if (k == n ||
            note_verify(all[k].note, strlen(all[k].note), &keys->keys[i + 1], &len, NULL) < 0)
            found_add(&v->found, FINDING_CHECKPOINT, seq, seq,
                      "its checkpoint is not signed with the new key");
    }
}

static void check_stored(struct verify *v, const struct chain *keys,
                         const struct ledger_checkpoint *all, size_t n, struct progress *p)
{
    for (size_t i = 0; i < n; i++) {
        char time[LEDGER_TIME];
        ledger_time(all[i].time, time);
        check_note(v, all[i].note, keys,
                   arena_printf(v->a, "the checkpoint of %llu events of %s",
                                (unsigned long long)all[i].tree.size, time),
                   p);
    }
    if (v->size > (int64_t)p->newest)
        found_add(&v->found, FINDING_UNSIGNED, (int64_t)p->newest, v->size - 1, "%s", "");
}

int verify_checkpoints(struct verify *v)
{
    struct ledger_checkpoint *all;
    struct chain keys = {0};
    struct making m = {.v = v, .chain = &keys};
    struct progress p = {0};
    size_t n;
    int rc = make_chain(v, &m);
    if (rc == 0)
        rc = ledger_checkpoints(v->l, v->a, &all, &n, v->e);
    if (rc == 0) {
        check_rotations(v, &keys, all, n);
        check_stored(v, &keys, all, n, &p);
        if (v->file)
            check_note(v, v->file, &keys, "the checkpoint in the file 'checkpoint'", &p);
        if (v->o->checkpoint)
            check_note(v, v->o->checkpoint, &keys, "the checkpoint given", &p);
    }
    free(m.vkeys);
    free(keys.keys);
    free(keys.until);
    return rc;
}
