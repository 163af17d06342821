// Reading by filter. The postings of a block tell which of its events match (postings.c), then each
// entry is read; so no statement is open while the caller has an event.
#include "ledger/internal.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

struct plan {
    struct ledger *l;
    struct condition cond[LEDGER_FIELDS];
    size_t n;
    int64_t from, to; // numbers looked at: [from, to)
    bool nothing;     // a text that no event has
};

static void plan_release(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->cond[i].ids);
}

// --- what the filter says, as conditions
// -------------------------------------------------------------

static struct condition *add_condition(struct plan *p, int column)
{
    struct condition *c = &p->cond[p->n++];
    *c = (struct condition){.column = column};
    return c;
}

static void add_id(struct condition *c, int64_t id)
{
    if ((c->n & (c->n + 1)) == 0) // 1, 3, 7, ...: full
        c->ids = xrealloc(c->ids, (2 * c->n + 1) * sizeof *c->ids);
    c->ids[c->n++] = id;
}

static int by_id(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

// The condition is complete. No event before `first` can meet it.
static void end_condition(struct plan *p, struct condition *c, int64_t first)
{
    if (c->n)
        qsort(c->ids, c->n, sizeof *c->ids, by_id);
    else
        p->nothing = true;
    if (first > p->from)
        p->from = first;
}

static int equal_to(struct plan *p, int column, const char *text, struct err *e)
{
    int64_t id = 0, first = 0;
    struct condition *c = add_condition(p, column);
    int rc = name_find(p->l, text, &id, &first, e);
    if (rc == 1)
        add_id(c, id);
    end_condition(p, c, first);
    return rc < 0 ? rc : 0;
}

static bool is_pattern(const char *s)
{
    return strpbrk(s, "*?[") != NULL;
}

// The ids of texts that match a pattern; those that begin as it does are all that SQLite looks at.
static int matching(struct plan *p, int column, const char *pattern, struct err *e)
{
    sqlite3_stmt *st = db_stmt(p->l, STMT_MATCHING, e);
    int64_t first = INT64_MAX;
    int rc;
    if (!st)
        return p->l->failed;
    struct condition *c = add_condition(p, column);
    sqlite3_bind_text(st, 1, pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, pattern, (int)strcspn(pattern, "*?["), SQLITE_STATIC);
    while ((rc = db_step(p->l, st, e)) == 1) {
        add_id(c, sqlite3_column_int64(st, 0));
        if (sqlite3_column_int64(st, 1) < first)
            first = sqlite3_column_int64(st, 1);
    }
    sqlite3_reset(st);
    end_condition(p, c, first == INT64_MAX ? 0 : first);
    return rc;
}

struct type_list {
    struct plan *p;
    const char *want;
    struct condition *c;
    int rc;
    struct err *e;
};

static void add_type(void *data, const char *type)
{
    struct type_list *t = data;
    size_t len = strlen(t->want);
    bool all = len >= 2 && strcmp(t->want + len - 2, ".*") == 0;
    int64_t id;
    if (t->rc < 0 || (all ? strncmp(type, t->want, len - 1) : strcmp(type, t->want)) != 0)
        return;
    t->rc = name_find(t->p->l, type, &id, NULL, t->e);
    if (t->rc == 1)
        add_id(t->c, id);
}

static int types(struct plan *p, const char *const *wanted, struct err *e)
{
    struct type_list t = {.p = p, .c = add_condition(p, COL_TYPE), .e = e};
    for (; *wanted && t.rc >= 0; wanted++) {
        t.want = *wanted;
        entry_types(add_type, &t);
    }
    end_condition(p, t.c, 0);
    return t.rc < 0 ? t.rc : 0;
}

// A unit is asked for by its whole name, or without what a service's, timer's or socket's ends
// with.
static int named(struct plan *p, const char *name, struct err *e)
{
    static const char *const ends[] = {"", ".service", ".timer", ".socket"};
    int64_t id = 0, first, least = INT64_MAX;
    struct condition *c = add_condition(p, FIELD_NAME);
    int rc = 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends && rc >= 0; i++) {
        struct buf b = BUF_INIT;
        buf_addf(&b, "%s%s", name, ends[i]);
        if ((rc = name_find(p->l, buf_str(&b), &id, &first, e)) == 1) {
            add_id(c, id);
            least = first < least ? first : least;
        }
        buf_release(&b);
    }
    end_condition(p, c, least == INT64_MAX ? 0 : least);
    return rc;
}

// Those that have one of these bits.
static void marked(struct plan *p, enum ledger_field field, unsigned all, unsigned wanted)
{
    struct condition *c = add_condition(p, (int)field);
    for (unsigned bits = 1; bits <= all; bits++)
        if (bits & wanted)
            add_id(c, bits);
    end_condition(p, c, 0);
}

static const char *filter_text(const struct ledger_filter *f, int column)
{
    const char *const *at = (const void *)((const char *)f + ledger_columns[column].in_filter);
    return column == COL_TYPE ? NULL : *at;
}

// The columns whose texts have fewest events come first: where they have none in a block, the rest
// is not looked at.
static int conditions(struct plan *p, const struct ledger_filter *f, struct err *e)
{
    static const int order[] = {COL_RUN,   COL_INCIDENT, COL_ROLLOUT, COL_PACKAGE,
                                COL_PATH,  COL_HOST,     COL_RELEASE, COL_OUTCOME,
                                COL_ACTOR, COL_SERVICE,  COL_RING};
    int rc = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order && rc >= 0 && !p->nothing; i++) {
        int column = order[i];
        const char *text = filter_text(f, column);
        if (!text)
            continue;
        bool pattern = (column == COL_PATH || column == COL_PACKAGE) && is_pattern(text);
        rc = pattern ? matching(p, column, text, e) : equal_to(p, column, text, e);
    }
    if (rc >= 0 && f->name && !p->nothing)
        rc = named(p, f->name, e);
    if (f->marks & LEDGER_MARKS)
        marked(p, FIELD_MARK, LEDGER_MARKS, f->marks);
    if (f->marks >> OPEN_SHIFT)
        marked(p, FIELD_OPEN, OPEN_STARTED | OPEN_FINISHED, f->marks >> OPEN_SHIFT);
    return rc >= 0 && f->types && !p->nothing ? types(p, f->types, e) : rc;
}

// --- bounds
// ------------------------------------------------------------------------------------------

// The first event at or behind `from`: its number and time. 1 found, 0 none.
static int event_from(struct ledger *l, int64_t from, int64_t *ret_seq, int64_t *ret_time,
                      struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_TIME_FROM, e);
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, from);
    int rc = db_step(l, st, e);
    if (rc == 1) {
        *ret_seq = sqlite3_column_int64(st, 0);
        *ret_time = sqlite3_column_int64(st, 1);
    }
    sqlite3_reset(st);
    return rc;
}

// The number of the first event in [from, to) that is not before `time`: times never go back.
static int first_at(struct ledger *l, int64_t time, int64_t from, int64_t to, int64_t *ret,
                    struct err *e)
{
    while (from < to) {
        int64_t middle = from + (to - from) / 2, seq = 0, at = 0;
        int rc = event_from(l, middle, &seq, &at, e);
        if (rc < 0)
            return rc;
        if (rc == 0 || at >= time)
            to = middle;
        else
            from = seq + 1;
    }
    *ret = from;
    return 0;
}

// Number and time of the last event; -1 and 0 where there is none.
static int last_event(struct ledger *l, int64_t *ret, int64_t *ret_time, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_LAST, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    *ret = rc == 1 ? sqlite3_column_int64(st, 0) : -1;
    *ret_time = rc == 1 ? sqlite3_column_int64(st, 1) : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int bounds(struct plan *p, const struct ledger_filter *f, struct err *e)
{
    int64_t last, time;
    int rc = last_event(p->l, &last, &time, e);
    if (f->after > p->from)
        p->from = f->after;
    p->to = last + 1;
    if (f->before > 0 && f->before < p->to)
        p->to = f->before;
    if (rc == 0 && f->since)
        rc = first_at(p->l, f->since, p->from, p->to, &p->from, e);
    if (rc == 0 && f->until)
        rc = first_at(p->l, f->until, p->from, p->to, &p->to, e);
    p->nothing = p->nothing || p->from >= p->to;
    return rc;
}

// --- events
// -------------------------------------------------------------------------------------------

// The event in a row of entries, whose first column is the JSON: 1, or <0.
static int take_entry(struct ledger *l, sqlite3_stmt *st, int64_t seq, struct arena *a,
                      struct ledger_event *ret, struct err *e)
{
    const char *json = sqlite3_column_blob(st, 0);
    struct err why = ERR_INIT;
    int rc = 1;
    if (!json || entry_parse(a, json, (size_t)sqlite3_column_bytes(st, 0), ret, &why) < 0)
        rc = db_damaged(l, e, "event %lld: %s", (long long)seq, err_msg(&why));
    else
        ret->seq = seq;
    err_release(&why);
    return rc;
}

int ledger_get(struct ledger *l, int64_t seq, struct arena *a, struct ledger_event *ret,
               struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_ENTRY, e);
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, seq);
    int rc = db_step(l, st, e);
    if (rc == 1)
        rc = take_entry(l, st, seq, a, ret, e);
    sqlite3_reset(st);
    return rc;
}

struct visit {
    struct ledger *l;
    struct arena *a;
    bool fleeting; // the events of a page are gone with the next
    int (*fn)(void *data, const struct ledger_event *ev);
    void *data;
};

// The events with these numbers: SQLite locks the file once for all of them, not once for each. fn
// is called behind that, as it may append.
#define PAGE 64

struct page {
    struct arena *a;
    const int64_t *seqs;
    int n;
    struct ledger_event *ret;
};

static int no_entry(struct ledger *l, int64_t seq, struct err *e)
{
    return db_damaged(l, e, "event %lld has no entry", (long long)seq);
}

// Events that lie close together: one walk over the entries is less than looking each up.
static int read_close(const struct page *p, struct ledger *l, struct err *e)
{
    bool backwards = p->seqs[0] > p->seqs[p->n - 1];
    sqlite3_stmt *st = db_stmt(l, STMT_ENTRIES, e);
    int rc = 1, i = 0;
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, p->seqs[backwards ? p->n - 1 : 0]);
    sqlite3_bind_int64(st, 2, p->seqs[backwards ? 0 : p->n - 1]);
    while (i < p->n && rc == 1 && (rc = db_step(l, st, e)) == 1) {
        int at = backwards ? p->n - 1 - i : i;
        int64_t seq = sqlite3_column_int64(st, 1), want = p->seqs[at];
        if (seq < want)
            continue;
        rc = seq == want ? take_entry(l, st, seq, p->a, &p->ret[at], e) : no_entry(l, want, e);
        i++;
    }
    sqlite3_reset(st);
    return rc < 0 ? rc : i < p->n ? no_entry(l, p->seqs[backwards ? p->n - 1 - i : i], e) : 0;
}

#define CLOSE 6 // numbers per event

static int read_page(void *data, struct ledger *l, struct err *e)
{
    const struct page *p = data;
    int rc = 0;
    if (p->n > 2 && llabs(p->seqs[p->n - 1] - p->seqs[0]) < (int64_t)CLOSE * p->n)
        return read_close(p, l, e);
    for (int i = 0; i < p->n && rc >= 0; i++) {
        rc = ledger_get(l, p->seqs[i], p->a, &p->ret[i], e);
        if (rc == 0)
            rc = no_entry(l, p->seqs[i], e);
    }
    return rc < 0 ? rc : 0;
}

static int visit_page(const struct visit *v, const int64_t *seqs, int n, struct err *e)
{
    struct ledger_event events[PAGE];
    struct page page = {v->a, seqs, n, events};
    if (v->fleeting)
        arena_reset(v->a);
    int rc = ledger_read(v->l, read_page, &page, e);
    for (int i = 0; i < n && rc == 0; i++)
        rc = v->fn(v->data, &events[i]);
    return rc;
}

// Visits the matching events of a block, at most *left.
static int visit_block(const struct plan *p, int64_t block, int64_t sealed, bool backwards,
                       size_t *left, const struct visit *v, struct err *e)
{
    struct places found;
    int64_t seqs[PAGE];
    int n = 0, rc = posting_find(p->l, block, sealed, p->cond, p->n, &found, e);
    for (int i = 0; i < LEDGER_BLOCK && rc == 0 && *left; i++) {
        int place = backwards ? LEDGER_BLOCK - 1 - i : i;
        int64_t seq = block * LEDGER_BLOCK + place;
        if (i % 64 == 0 && !found.bits[place / 64])
            i += 63; // none of these
        else if (found.bits[place / 64] >> place % 64 & 1 && seq >= p->from && seq < p->to) {
            seqs[n++] = seq;
            --*left;
        }
        if (n == PAGE) {
            rc = visit_page(v, seqs, n, e);
            n = 0;
        }
    }
    return rc == 0 && n ? visit_page(v, seqs, n, e) : rc;
}

static int run_plan(struct plan *p, const struct ledger_filter *f, const struct visit *v,
                    struct err *e)
{
    size_t left = f->limit ? f->limit : SIZE_MAX;
    int64_t sealed = 0, first = p->from / LEDGER_BLOCK, n = (p->to - 1) / LEDGER_BLOCK - first + 1;
    int rc = posting_sealed(p->l, &sealed, e);
    for (int64_t i = 0; i < n && rc == 0 && left; i++)
        rc = visit_block(p, f->newest_first ? first + n - 1 - i : first + i, sealed,
                         f->newest_first, &left, v, e);
    return rc;
}

int ledger_each(struct ledger *l, const struct ledger_filter *f, struct arena *a,
                int (*fn)(void *data, const struct ledger_event *ev), void *data, struct err *e)
{
    static const struct ledger_filter everything = {0};
    struct plan p = {.l = l};
    struct visit v = {.l = l, .a = a ? a : arena_new(), .fleeting = !a, .fn = fn, .data = data};
    if (!f)
        f = &everything;
    int rc = conditions(&p, f, e);
    if (rc >= 0)
        rc = bounds(&p, f, e);
    if (rc >= 0 && !p.nothing)
        rc = run_plan(&p, f, &v, e);
    plan_release(&p);
    if (v.fleeting)
        arena_free(v.a);
    return rc;
}

int ledger_read(struct ledger *l, int (*fn)(void *data, struct ledger *l, struct err *e),
                void *data, struct err *e)
{
    bool own = sqlite3_get_autocommit(l->db) != 0; // else we are in a transaction already
    int rc = own ? db_run(l, STMT_READ, e) : 0;
    if (rc == 0)
        rc = fn(data, l, e);
    if (own && !sqlite3_get_autocommit(l->db)) {
        int end = db_run(l, STMT_COMMIT, rc < 0 ? NULL : e);
        rc = rc < 0 ? rc : end;
    }
    return rc;
}

struct collected {
    struct ledger_event *events;
    size_t n, cap;
};

static int collect(void *data, const struct ledger_event *ev)
{
    struct collected *c = data;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->events = xrealloc(c->events, c->cap * sizeof *c->events);
    }
    c->events[c->n++] = *ev;
    return 0;
}

int ledger_list(struct ledger *l, const struct ledger_filter *f, struct arena *a,
                struct ledger_event **ret, size_t *ret_n, struct err *e)
{
    struct collected c = {0};
    int rc = ledger_each(l, f, a, collect, &c, e);
    if (rc == 0) {
        *ret = arena_array(a, struct ledger_event, c.n ? c.n : 1);
        if (c.n)
            memcpy(*ret, c.events, c.n * sizeof *c.events);
        *ret_n = c.n;
    }
    free(c.events);
    return rc;
}

int64_t ledger_size(struct ledger *l)
{
    int64_t last, time;
    return last_event(l, &last, &time, NULL) < 0 ? -1 : last + 1;
}

int64_t ledger_ahead(struct ledger *l)
{
    int64_t last, time;
    bool known = last_event(l, &last, &time, NULL) == 0;
    return known && time - clock_real_us() > LEDGER_BEHIND ? time : 0;
}
