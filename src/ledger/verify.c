// Verification of a whole ledger: chunks are looked at by threads, each with a connection of its
// own; then the tree above them, the checkpoints, and what altered entries were before.
#include "ledger/verify.h"

#include "core/file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 16

const char *ledger_finding_name(enum ledger_finding_kind kind)
{
    static const char *const names[] = {
        "missing",  "altered",   "moved",    "columns", "time", "hashes",  "checkpoint",
        "replaced", "truncated", "unsigned", "blob",    "lost", "redacted"};
    return names[kind];
}

// --- what is needed from the database first
// -----------------------------------------------------------

static int load_texts(struct verify *v)
{
    sqlite3_stmt *st = db_prepare(v->l, "SELECT id, text, first FROM name", v->e);
    int rc = st ? 1 : v->l->failed;
    int64_t cap = 0;
    while (rc == 1 && (rc = db_step(v->l, st, v->e)) == 1) {
        int64_t id = sqlite3_column_int64(st, 0);
        const char *text = (const char *)sqlite3_column_text(st, 1);
        if (id < 0 || id > 2 * cap + 100000 || !text)
            continue; // andon numbers them one by one: whoever uses it has an altered column
        if (id >= cap) {
            int64_t more = id + 1 > 2 * cap ? id + 1 : 2 * cap;
            v->texts.v = xrealloc(v->texts.v, (size_t)more * sizeof *v->texts.v);
            memset(v->texts.v + cap, 0, (size_t)(more - cap) * sizeof *v->texts.v);
            cap = more;
        }
        v->texts.v[id] = (struct text){arena_strdup(v->a, text), sqlite3_column_int64(st, 2)};
    }
    v->texts.n = cap;
    sqlite3_finalize(st);
    if (rc >= 0)
        rc = field_run_types(v->l, &v->texts.runs, v->e);
    return rc < 0 ? rc : posting_sealed(v->l, &v->texts.sealed, v->e);
}

static int load_size(struct verify *v)
{
    sqlite3_stmt *st = db_prepare(v->l,
                                  "SELECT max(coalesce((SELECT max(seq) FROM entry), -1),"
                                  " coalesce((SELECT max(seq) FROM event), -1)) + 1,"
                                  " (SELECT min(seq) FROM entry) < 0"
                                  " OR (SELECT min(seq) FROM event) < 0",
                                  v->e);
    int rc = st ? db_step(v->l, st, v->e) : v->l->failed;
    if (rc == 1) {
        v->size = sqlite3_column_int64(st, 0);
        if (sqlite3_column_int(st, 1))
            found_add(&v->found, FINDING_HASHES, -1, -1, "there are events before the first");
        rc = 0;
    }
    sqlite3_finalize(st);
    return rc;
}

// --- chunks
// -------------------------------------------------------------------------------------------

struct worker {
    struct verify *v;
    atomic_size_t *next;
    struct ledger *l;
    struct err e;
    int rc;
};

static void *work(void *data)
{
    struct worker *w = data;
    size_t i;
    while (w->rc == 0 && (i = atomic_fetch_add(w->next, 1)) < w->v->n_chunks)
        w->rc = chunk_scan(w->l, &w->v->texts, &w->v->chunks[i], &w->e);
    return NULL;
}

static int scan_chunks(struct verify *v)
{
    struct worker w[THREADS_MAX] = {0};
    pthread_t thread[THREADS_MAX];
    atomic_size_t next = 0;
    long want = v->o->threads ? v->o->threads : sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = want < 1 ? 1 : want > THREADS_MAX ? THREADS_MAX : (size_t)want, started = 1;
    int rc = 0;
    n = n < v->n_chunks ? n : v->n_chunks ? v->n_chunks : 1;
    for (size_t i = 0; i < n; i++) {
        w[i] = (struct worker){.v = v, .next = &next, .l = v->l};
        if (i &&
            (ledger_open(v->l->dir, &(struct ledger_opts){.read_only = true}, &w[i].l, NULL) < 0 ||
             pthread_create(&thread[i], NULL, work, &w[i]) != 0))
            break; // then fewer do it
        started = i + 1;
    }
    work(&w[0]);
    for (size_t i = 0; i < started; i++) {
        if (i)
            pthread_join(thread[i], NULL);
        if (w[i].rc < 0 && rc == 0)
            rc = err_move(v->e, &w[i].e);
        err_release(&w[i].e);
    }
    for (size_t i = 1; i < n; i++)
        ledger_close(w[i].l);
    return rc;
}

// The tree above the chunks, and time from one to the next.
static void join_chunks(struct verify *v)
{
    int64_t time = -1;
    for (size_t i = 0; i < v->n_chunks; i++) {
        struct chunk *c = &v->chunks[i];
        if (c->first_time >= 0 && c->first_time < time)
            found_add(&v->found, FINDING_TIME, c->first, c->first, "%s", "");
        if (c->last_time > time)
            time = c->last_time;
        if (c->end - c->first == CHUNK) {
            struct rise up = {.last = c->end - 1,
                              .level = CHUNK_LEVEL,
                              .top = MERKLE_LEVELS,
                              .h = c->edge.h[CHUNK_LEVEL],
                              .known = c->edge.known[CHUNK_LEVEL],
                              .stored = c->upper,
                              .n = c->n_upper};
            known_edge_push(&v->edge, &v->l->hashing, &up, &v->found);
        } else { // the last one is the lower part of the edge
            memcpy(v->edge.h, c->edge.h, CHUNK_LEVEL * sizeof *c->edge.h);
            memcpy(v->edge.known, c->edge.known, CHUNK_LEVEL * sizeof *c->edge.known);
        }
        for (size_t k = 0; k < c->found.n; k++) {
            struct found *f = &c->found.v[k];
            found_add(&v->found, f->kind, f->first, f->last, "%s", f->detail ? f->detail : "");
        }
    }
}

// --- altered entries
// ----------------------------------------------------------------------------------

static int by_old_hash(const void *x, const void *y)
{
    const struct altered *p = x, *q = y;
    return memcmp(p->was.b, q->was.b, sizeof p->was.b);
}

// An altered entry may be what another event was.
static void judge_altered(struct verify *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_chunks; i++)
        n += v->chunks[i].n_altered;
    if (!n)
        return;
    struct altered *all = xcalloc(n, sizeof *all), *p = all;
    for (size_t i = 0; i < v->n_chunks; i++)
        for (size_t k = 0; k < v->chunks[i].n_altered; k++)
            *p++ = v->chunks[i].altered[k];
    qsort(all, n, sizeof *all, by_old_hash);
    for (size_t i = 0; i < n; i++) {
        struct altered key = {.was = all[i].is};
        const struct altered *from = bsearch(&key, all, n, sizeof *all, by_old_hash);
        if (from)
            found_add(&v->found, FINDING_MOVED, all[i].seq, all[i].seq,
                      "it is what was recorded as event %lld", (long long)from->seq);
        else
            found_add(&v->found, FINDING_ALTERED, all[i].seq, all[i].seq, "%s", "");
    }
    free(all);
}

// --- telling
// ------------------------------------------------------------------------------------------

static int by_place(const void *x, const void *y)
{
    const struct found *p = x, *q = y;
    if (p->first != q->first)
        return p->first < q->first ? -1 : 1;
    return (int)p->kind - (int)q->kind;
}

static int by_kind(const void *x, const void *y)
{
    const struct found *p = x, *q = y;
    return p->kind != q->kind ? (int)p->kind - (int)q->kind : by_place(x, y);
}

static void say(struct buf *b, const struct found *f)
{
    static const char *const text[] = {
        [FINDING_MISSING] = "removed from the ledger",
        [FINDING_ALTERED] = "altered: the entry is not what was recorded",
        [FINDING_MOVED] = "reordered",
        [FINDING_COLUMNS] = "altered for queries",
        [FINDING_TIME] = "earlier than the event before",
        [FINDING_HASHES] = "replaced, or the hashes of the tree were",
        [FINDING_CHECKPOINT] = "the change of the ledger's key does not hold",
        [FINDING_REPLACED] = "not what was signed: at least one was replaced with all its hashes",
        [FINDING_TRUNCATED] = "cut off at the end of the ledger",
        [FINDING_UNSIGNED] = "behind the last checkpoint: not signed",
        [FINDING_BLOB] = "altered",
        [FINDING_LOST] = "content that it names is gone",
        [FINDING_REDACTED] = "content that it names was redacted",
    };
    if (f->first < 0) {
        buf_adds(b, f->detail ? f->detail : text[f->kind]);
        return;
    }
    if (f->first == f->last)
        buf_addf(b, "event %lld: %s", (long long)f->first, text[f->kind]);
    else
        buf_addf(b, "events %lld to %lld: %s", (long long)f->first, (long long)f->last,
                 text[f->kind]);
    if (f->detail)
        buf_addf(b, " (%s)", f->detail);
}

// Neighbours of one kind become one, which has the detail of the first; but content is named
// piece by piece.
static void merge(struct found_list *list)
{
    struct found *f = list->v;
    size_t n = 0;
    if (!list->n)
        return;
    qsort(f, list->n, sizeof *f, by_kind);
    for (size_t i = 1; i < list->n; i++) {
        bool joins = f[i].kind == f[n].kind && f[i].kind < FINDING_LOST && f[n].first >= 0 &&
                     f[i].first == f[i].last &&
                     (f[i].first == f[n].last || f[i].first == f[n].last + 1);
        if (joins) {
            f[n].last = f[i].last;
            free(f[i].detail);
        } else {
            f[++n] = f[i];
        }
    }
    list->n = n + 1;
    qsort(f, list->n, sizeof *f, by_place);
}

static void tell(struct verify *v)
{
    merge(&v->found);
    for (size_t i = 0; i < v->found.n; i++) {
        const struct found *f = &v->found.v[i];
        struct buf b = BUF_INIT;
        say(&b, f);
        if (f->kind == FINDING_REDACTED)
            v->ret->redacted++;
        else
            v->ret->findings++;
        if (v->o->found)
            v->o->found(v->o->data,
                        &(struct ledger_finding){f->kind, f->first, f->last, buf_str(&b)});
        buf_release(&b);
    }
}

static void root_of_all(struct verify *v)
{
    struct merkle_edge edge = {.size = (uint64_t)v->size};
    memcpy(edge.h, v->edge.h, sizeof edge.h);
    merkle_edge_root(&v->l->hashing, &edge, &v->ret->root);
}

static int verify_open(struct verify *v)
{
    char *text;
    size_t len;
    // before the ledger, which only grows: what is appended from here on must not look cut off
    if (file_read(v->a, path_join(v->a, v->l->dir, "checkpoint"), NOTE_MAX, &text, &len, NULL) == 0)
        v->file = text;
    int rc = db_exec(v->l, "BEGIN", v->e); // one state of the ledger, whoever writes meanwhile
    if (rc == 0)
        rc = load_size(v);
    if (rc == 0)
        rc = load_texts(v);
    if (rc < 0)
        return rc;
    v->n_chunks = (size_t)((v->size + CHUNK - 1) / CHUNK);
    v->chunks = xcalloc(v->n_chunks + 1, sizeof *v->chunks);
    for (size_t i = 0; i < v->n_chunks; i++) {
        v->chunks[i].first = (int64_t)i * CHUNK;
        v->chunks[i].end =
            v->chunks[i].first + CHUNK < v->size ? v->chunks[i].first + CHUNK : v->size;
    }
    return scan_chunks(v);
}

int ledger_verify(const char *dir, const struct ledger_verify_opts *o, struct ledger_verified *ret,
                  struct err *e)
{
    static const struct ledger_verify_opts usual = {0};
    struct verify v = {.o = o ? o : &usual, .ret = ret, .e = e};
    *ret = (struct ledger_verified){0};
    int rc = ledger_open(dir, &(struct ledger_opts){.read_only = true}, &v.l, e);
    if (rc < 0)
        return rc;
    v.a = arena_new();
    rc = verify_open(&v);
    if (rc == 0) {
        join_chunks(&v);
        judge_altered(&v);
        rc = verify_checkpoints(&v);
    }
    if (rc == 0) {
        verify_blobs(&v);
        ret->events = v.size;
        root_of_all(&v);
        tell(&v);
    }
    for (size_t i = 0; i < v.n_chunks && v.chunks; i++)
        chunk_release(&v.chunks[i]);
    free(v.chunks);
    free(v.texts.v);
    found_release(&v.found);
    arena_free(v.a);
    ledger_close(v.l);
    return rc;
}
