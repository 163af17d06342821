// Recomputes a piece of the tree from its entries, and compares what queries see with them.
#include "ledger/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void found_add(struct found_list *list, enum ledger_finding_kind kind, int64_t first, int64_t last,
               const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->v = xrealloc(list->v, list->cap * sizeof *list->v);
    }
    list->v[list->n++] = (struct found){kind, first, last, b.len ? buf_detach(&b) : NULL};
    buf_release(&b);
}

void found_release(struct found_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i].detail);
    free(list->v);
    *list = (struct found_list){0};
}

void chunk_release(struct chunk *c)
{
    found_release(&c->found);
    free(c->altered);
    free(c->named);
    for (size_t i = 0; i < c->n_rotations; i++) {
        free(c->rotations[i].old);
        free(c->rotations[i].new);
    }
    free(c->rotations);
    for (size_t i = 0; i < c->n_redacted; i++) {
        free(c->redacted[i].by);
        free(c->redacted[i].reason);
    }
    free(c->redacted);
    *c = (struct chunk){.first = c->first, .end = c->end};
}

void known_edge_push(struct known_edge *edge, struct merkle *m, const struct rise *up,
                     struct found_list *found)
{
    struct merkle_hash h = up->h, computed;
    bool known = up->known;
    int level = up->level;
    for (; level < up->top && up->last >> level & 1; level++) {
        size_t i = (size_t)(level - up->level);
        const struct merkle_hash *stored = i < up->n ? &up->stored[i] : NULL;
        bool can = known && edge->known[level];
        if (can)
            merkle_node(m, &edge->h[level], &h, &computed);
        if (can && stored && !merkle_equal(&computed, stored))
            found_add(found, FINDING_HASHES, up->last + 1 - ((int64_t)2 << level), up->last, "%s",
                      "");
        // what is stored goes on, so that one wrong hash is told once
        known = can || stored;
        if (stored)
            h = *stored;
        else if (can)
            h = computed;
    }
    edge->h[level] = h;
    edge->known[level] = known;
}

struct scan {
    struct ledger *l;
    const struct texts *texts;
    struct chunk *c;
    struct arena *a;
    sqlite3_stmt *entries, *rows, *postings;
    int64_t (*ids)[LEDGER_FIELDS]; // of the block we are in, -1: none
    int64_t entry_at, row_at;      // where they stand; INT64_MAX at the end
    struct err *e;
};

static int advance(struct scan *s, sqlite3_stmt *st, int64_t *at)
{
    int rc = db_step(s->l, st, s->e);
    *at = rc == 1 ? sqlite3_column_int64(st, 0) : INT64_MAX;
    return rc < 0 ? rc : 0;
}

static bool same_text(const char *x, const char *y)
{
    return x == y || (x && y && strcmp(x, y) == 0);
}

// What a column must say, and what its number stands for.
static void compare_column(struct scan *s, int64_t seq, int field, int64_t id, const char *says)
{
    const struct texts *t = s->texts;
    const char *column = NULL;
    if (id != -1) {
        bool known = id >= 0 && id < t->n && t->v[id].text;
        column = known ? t->v[id].text : "(nothing)";
        if (known && t->v[id].first > seq)
            found_add(&s->c->found, FINDING_COLUMNS, seq, seq,
                      "queries for '%.100s' begin behind it", column);
    }
    if (!same_text(says, column))
        found_add(&s->c->found, FINDING_COLUMNS, seq, seq,
                  "its column %s says '%.100s', its entry '%.100s'",
                  field < LEDGER_COLUMNS ? ledger_columns[field].name : "name",
                  column ? column : "", says ? says : "");
}

// What queries see of an event must be what its entry says.
static void compare_columns(struct scan *s, int64_t seq, const struct ledger_event *ev)
{
    const int64_t *ids = s->ids[seq % LEDGER_BLOCK];
    for (int i = 0; i < LEDGER_COLUMNS; i++)
        compare_column(s, seq, i, ids[i], event_text(ev, i));
    compare_column(s, seq, FIELD_NAME, ids[FIELD_NAME], field_name(ev));
    if ((ids[FIELD_MARK] == -1 ? 0 : ids[FIELD_MARK]) != field_marks(ev))
        found_add(&s->c->found, FINDING_COLUMNS, seq, seq, "its column mark is not its entry's");
    if (sqlite3_column_int64(s->rows, 1) != ev->time)
        found_add(&s->c->found, FINDING_COLUMNS, seq, seq, "its column time is not its entry's");
}

static void note_altered(struct chunk *c, int64_t seq, const struct merkle_hash *is,
                         const struct merkle_hash *was)
{
    if (c->n_altered == c->cap_altered) {
        c->cap_altered = c->cap_altered ? 2 * c->cap_altered : 16;
        c->altered = xrealloc(c->altered, c->cap_altered * sizeof *c->altered);
    }
    c->altered[c->n_altered++] = (struct altered){seq, *is, *was};
}

// The event in an unaltered entry.
static void look_inside(struct scan *s, int64_t seq, const char *json, size_t len)
{
    struct ledger_event ev;
    struct chunk *c = s->c;
    if (entry_parse(s->a, json, len, &ev, NULL) < 0) {
        found_add(&c->found, FINDING_ALTERED, seq, seq, "its entry is no event");
        return;
    }
    ev.seq = seq;
    named_note(c, &ev);
    redacted_note(c, &ev);
    rotation_note(c, &ev);
    if (s->row_at == seq)
        compare_columns(s, seq, &ev);
    else
        found_add(&c->found, FINDING_COLUMNS, seq, seq, "queries do not see it");
    if (c->last_time > ev.time)
        found_add(&c->found, FINDING_TIME, seq, seq, "%s", "");
    if (c->first_time < 0)
        c->first_time = ev.time;
    c->last_time = ev.time;
}

static void missing(struct scan *s, int64_t seq)
{
    found_add(&s->c->found, FINDING_MISSING, seq, seq, "%s", "");
    struct rise up = {.last = seq, .top = CHUNK_LEVEL};
    known_edge_push(&s->c->edge, &s->l->hashing, &up, &s->c->found);
}

static void look_at(struct scan *s, int64_t seq)
{
    struct chunk *c = s->c;
    struct merkle_hash leaf, stored[MERKLE_LEVELS + 1];
    const char *json = sqlite3_column_blob(s->entries, 2);
    const void *blob = sqlite3_column_blob(s->entries, 1);
    size_t len = (size_t)sqlite3_column_bytes(s->entries, 2),
           bytes = (size_t)sqlite3_column_bytes(s->entries, 1), n = bytes / sizeof *stored,
           want = (size_t)__builtin_ctzll((unsigned long long)seq + 1) + 1;
    merkle_leaf(&s->l->hashing, json ? json : "", len, &leaf);
    if (n != want || bytes % sizeof *stored) {
        found_add(&c->found, FINDING_HASHES, seq, seq, "its hashes are not those of this place");
        n = 0;
    } else {
        memcpy(stored, blob, bytes);
    }
    if (n && !merkle_equal(&leaf, &stored[0]))
        note_altered(c, seq, &leaf, &stored[0]);
    else
        look_inside(s, seq, json ? json : "", len);
    struct rise up = {.last = seq,
                      .top = CHUNK_LEVEL,
                      .h = n ? stored[0] : leaf,
                      .known = true,
                      .stored = stored + 1,
                      .n = n ? n - 1 : 0};
    known_edge_push(&c->edge, &s->l->hashing, &up, &c->found);
    c->n_upper = n > CHUNK_LEVEL + 1 ? n - CHUNK_LEVEL - 1 : 0;
    if (c->n_upper)
        memcpy(c->upper, stored + CHUNK_LEVEL + 1, c->n_upper * sizeof *stored);
}

// --- postings
// ----------------------------------------------------------------------------------------

static void note_row(struct scan *s, int64_t seq, bool row)
{
    int64_t *ids = s->ids[seq % LEDGER_BLOCK];
    if (row)
        posting_row(s->rows, ids);
    else
        memset(ids, 0xff, sizeof *s->ids); // -1
}

// Whether the places of a posting are where the rows have its text; how many they are.
static bool posting_fits(struct scan *s, size_t *ret_n)
{
    struct places places = {{0}};
    int column = sqlite3_column_int(s->postings, 0);
    int64_t id = sqlite3_column_int64(s->postings, 1);
    const unsigned char *at = sqlite3_column_blob(s->postings, 2);
    if (column < 0 || column >= LEDGER_FIELDS || id < 0 ||
        !posting_read(at, (size_t)sqlite3_column_bytes(s->postings, 2), &places))
        return false;
    for (int word = 0; word < LEDGER_BLOCK / 64; word++)
        for (uint64_t bits = places.bits[word]; bits; bits &= bits - 1) {
            ++*ret_n;
            if (s->ids[64 * word + __builtin_ctzll(bits)][column] != id)
                return false;
        }
    return true;
}

// The postings of a block are just what its rows say: each fits, and together they are as many.
static int check_postings(struct scan *s, int64_t block)
{
    size_t cells = 0, n = 0;
    bool fits = true;
    int rc = 1;
    field_open_runs(s->ids, &s->texts->runs);
    for (int i = 0; i < LEDGER_BLOCK; i++)
        for (int k = 0; k < LEDGER_FIELDS; k++)
            cells += s->ids[i][k] >= 0;
    sqlite3_bind_int64(s->postings, 1, block);
    while (fits && (rc = db_step(s->l, s->postings, s->e)) == 1)
        fits = posting_fits(s, &n);
    sqlite3_reset(s->postings);
    if (rc >= 0 && (!fits || n != cells))
        found_add(&s->c->found, FINDING_COLUMNS, block * LEDGER_BLOCK,
                  (block + 1) * LEDGER_BLOCK - 1, "their postings are not what their columns say");
    return rc < 0 ? rc : 0;
}

static int scan(struct scan *s)
{
    int rc = advance(s, s->entries, &s->entry_at);
    if (rc == 0)
        rc = advance(s, s->rows, &s->row_at);
    for (int64_t seq = s->c->first; seq < s->c->end && rc == 0; seq++) {
        bool entry = s->entry_at == seq, row = s->row_at == seq;
        note_row(s, seq, row);
        if (entry)
            look_at(s, seq);
        else
            missing(s, seq);
        if (entry)
            rc = advance(s, s->entries, &s->entry_at);
        if (row && rc == 0)
            rc = advance(s, s->rows, &s->row_at);
        if (seq % 64 == 0)
            arena_reset(s->a);
        if (rc == 0 && (seq + 1) % LEDGER_BLOCK == 0)
            rc = seq / LEDGER_BLOCK < s->texts->sealed ? check_postings(s, seq / LEDGER_BLOCK) : 0;
    }
    return rc;
}

static sqlite3_stmt *over(struct scan *s, const char *sql)
{
    sqlite3_stmt *st = db_prepare(s->l, sql, s->e);
    if (st) {
        sqlite3_bind_int64(st, 1, s->c->first);
        sqlite3_bind_int64(st, 2, s->c->end);
    }
    return st;
}

int chunk_scan(struct ledger *l, const struct texts *texts, struct chunk *c, struct err *e)
{
    struct scan s = {.l = l, .texts = texts, .c = c, .a = arena_new(), .e = e};
    c->first_time = c->last_time = -1;
    s.entries = over(&s, "SELECT seq, hashes, json FROM entry WHERE seq >= ? AND seq < ? "
                         "ORDER BY seq");
    s.rows = over(&s, "SELECT * FROM event WHERE seq >= ? AND seq < ? ORDER BY seq");
    s.postings = db_prepare(l, "SELECT field, id, at FROM posting WHERE block = ?", e);
    s.ids = xcalloc(LEDGER_BLOCK, sizeof *s.ids);
    int rc = s.entries && s.rows && s.postings ? scan(&s) : l->failed;
    free(s.ids);
    sqlite3_finalize(s.postings);
    sqlite3_finalize(s.entries);
    sqlite3_finalize(s.rows);
    arena_free(s.a);
    return rc;
}
