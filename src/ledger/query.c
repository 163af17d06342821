// Reading by filter. The numbers of matching events are found a page at a time in the narrow table
// (by the index that leaves least to look at), then each entry is read; so no statement is open
// while the caller has an event.
#include "ledger/internal.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 200000 // matches counted to compare indexes; above, all are bad
#define IDS_MAX 2000     // ids written into a statement; more of them are a subquery
#define PAGE_MIN 64
#define PAGE_MAX 16384

// A condition on one column.
struct condition {
    int column;
    struct buf sql; // "= 5" or "IN (...)"
};

struct plan {
    struct ledger *l;
    struct condition cond[LEDGER_COLUMNS];
    size_t n;
    int64_t from, to; // numbers looked at: [from, to)
    bool nothing;     // a text that no event has
    int by;           // column of the index, -1: none
};

static void plan_release(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        buf_release(&p->cond[i].sql);
}

// --- what the filter says, as conditions
// -------------------------------------------------------------

static struct condition *add_condition(struct plan *p, int column)
{
    struct condition *c = &p->cond[p->n++];
    *c = (struct condition){.column = column};
    return c;
}

static int equal_to(struct plan *p, int column, const char *text, struct err *e)
{
    int64_t id = 0;
    int rc = name_find(p->l, text, &id, e);
    if (rc == 1)
        buf_addf(&add_condition(p, column)->sql, "= %lld", (long long)id);
    else if (rc == 0)
        p->nothing = true;
    return rc < 0 ? rc : 0;
}

static bool is_pattern(const char *s)
{
    return strpbrk(s, "*?[") != NULL;
}

// The ids of texts that match a pattern; those that begin as it does are all that SQLite looks at.
static int matching(struct plan *p, int column, const char *pattern, struct err *e)
{
    sqlite3_stmt *st =
        db_prepare(p->l, "SELECT id FROM name WHERE text GLOB ?1 AND text >= ?2 LIMIT ?3", e);
    if (!st)
        return p->l->failed;
    struct condition *c = add_condition(p, column);
    size_t n = 0;
    int rc;
    sqlite3_bind_text(st, 1, pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, pattern, (int)strcspn(pattern, "*?["), SQLITE_STATIC);
    sqlite3_bind_int(st, 3, IDS_MAX + 1);
    buf_adds(&c->sql, "IN (");
    while ((rc = db_step(p->l, st, e)) == 1)
        buf_addf(&c->sql, "%s%lld", n++ ? "," : "", (long long)sqlite3_column_int64(st, 0));
    sqlite3_finalize(st);
    buf_addc(&c->sql, ')');
    if (n > IDS_MAX) {
        buf_clear(&c->sql);
        buf_addf(&c->sql, "IN (SELECT id FROM name WHERE text GLOB :%s)",
                 ledger_columns[column].name);
    }
    p->nothing = p->nothing || n == 0;
    return rc;
}

struct type_list {
    struct plan *p;
    const char *want;
    struct condition *c;
    size_t n;
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
    t->rc = name_find(t->p->l, type, &id, t->e);
    if (t->rc == 1)
        buf_addf(&t->c->sql, "%s%lld", t->n++ ? "," : "IN (", (long long)id);
}

static int types(struct plan *p, const char *const *wanted, struct err *e)
{
    struct type_list t = {.p = p, .c = add_condition(p, COL_TYPE), .e = e};
    for (; *wanted && t.rc >= 0; wanted++) {
        t.want = *wanted;
        entry_types(add_type, &t);
    }
    buf_addc(&t.c->sql, ')');
    p->nothing = p->nothing || t.n == 0;
    return t.rc < 0 ? t.rc : 0;
}

static const char *filter_text(const struct ledger_filter *f, int column)
{
    const char *const *at = (const void *)((const char *)f + ledger_columns[column].in_filter);
    return column == COL_TYPE ? NULL : *at;
}

static int conditions(struct plan *p, const struct ledger_filter *f, struct err *e)
{
    int rc = f->types ? types(p, f->types, e) : 0;
    for (int i = 0; i < LEDGER_COLUMNS && rc >= 0 && !p->nothing; i++) {
        const char *text = filter_text(f, i);
        if (!text)
            continue;
        bool pattern = (i == COL_PATH || i == COL_PACKAGE) && is_pattern(text);
        rc = pattern ? matching(p, i, text, e) : equal_to(p, i, text, e);
    }
    return rc;
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

static int last_seq(struct ledger *l, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_LAST, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    *ret = rc == 1 ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int bounds(struct plan *p, const struct ledger_filter *f, struct err *e)
{
    int64_t last;
    int rc = last_seq(p->l, &last, e);
    p->from = f->after > 0 ? f->after : 0;
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

// --- statements
// ---------------------------------------------------------------------------------------

static void where(const struct plan *p, struct buf *b)
{
    buf_adds(b, " WHERE seq >= :from AND seq < :to");
    for (size_t i = 0; i < p->n; i++)
        buf_addf(b, " AND %s %s", ledger_columns[p->cond[i].column].name, p->cond[i].sql.p);
}

static void from(struct buf *b, int column)
{
    if (column < 0)
        buf_adds(b, " FROM event NOT INDEXED");
    else
        buf_addf(b, " FROM event INDEXED BY event_%s", ledger_columns[column].name);
}

static void bind_by_name(sqlite3_stmt *st, const char *name, int64_t value)
{
    int at = sqlite3_bind_parameter_index(st, name);
    if (at)
        sqlite3_bind_int64(st, at, value);
}

static void bind(const struct plan *p, const struct ledger_filter *f, sqlite3_stmt *st)
{
    bind_by_name(st, ":from", p->from);
    bind_by_name(st, ":to", p->to);
    int path = sqlite3_bind_parameter_index(st, ":path"),
        package = sqlite3_bind_parameter_index(st, ":package");
    if (path)
        sqlite3_bind_text(st, path, f->path, -1, SQLITE_STATIC);
    if (package)
        sqlite3_bind_text(st, package, f->package, -1, SQLITE_STATIC);
}

// How many events the index of a condition would give, at most COUNT_MAX.
static int count(const struct plan *p, const struct ledger_filter *f, const struct condition *c,
                 int64_t *ret, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "SELECT count(*) FROM (SELECT 1");
    from(&b, c->column);
    buf_addf(&b, " WHERE seq >= :from AND seq < :to AND %s %s LIMIT %d)",
             ledger_columns[c->column].name, c->sql.p, COUNT_MAX);
    sqlite3_stmt *st = db_prepare(p->l, buf_str(&b), e);
    buf_release(&b);
    if (!st)
        return p->l->failed;
    bind(p, f, st);
    int rc = db_step(p->l, st, e);
    *ret = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return rc < 0 ? rc : 0;
}

// Chooses the index; none when all of them would give a good part of the table.
static int choose(struct plan *p, const struct ledger_filter *f, struct err *e)
{
    int64_t least = (p->to - p->from) / 3 < COUNT_MAX ? (p->to - p->from) / 3 : COUNT_MAX;
    p->by = -1;
    for (size_t i = 0; i < p->n; i++) {
        int64_t n = 0;
        int rc = count(p, f, &p->cond[i], &n, e);
        if (rc < 0)
            return rc;
        if (n < least) {
            least = n;
            p->by = p->cond[i].column;
        }
    }
    return 0;
}

// The numbers of the next matching events, at most max; moves the bounds behind them.
static int page(struct plan *p, const struct ledger_filter *f, size_t max, int64_t *ret,
                size_t *ret_n, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "SELECT seq");
    from(&b, p->by);
    where(p, &b);
    buf_addf(&b, " ORDER BY seq%s LIMIT %zu", f->newest_first ? " DESC" : "", max);
    sqlite3_stmt *st = db_prepare(p->l, buf_str(&b), e);
    size_t n = 0;
    int rc = st ? 1 : p->l->failed;
    buf_release(&b);
    if (st)
        bind(p, f, st);
    while (rc == 1 && (rc = db_step(p->l, st, e)) == 1)
        ret[n++] = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (n && f->newest_first)
        p->to = ret[n - 1];
    else if (n)
        p->from = ret[n - 1] + 1;
    *ret_n = n;
    return rc;
}

// --- events
// -------------------------------------------------------------------------------------------

int ledger_get(struct ledger *l, int64_t seq, struct arena *a, struct ledger_event *ret,
               struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_ENTRY, e);
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, seq);
    int rc = db_step(l, st, e);
    if (rc == 1) {
        const char *json = sqlite3_column_blob(st, 0);
        struct err why = ERR_INIT;
        if (!json || entry_parse(a, json, (size_t)sqlite3_column_bytes(st, 0), ret, &why) < 0)
            rc = db_damaged(l, e, "event %lld: %s", (long long)seq, err_msg(&why));
        else
            ret->seq = seq;
        err_release(&why);
    }
    sqlite3_reset(st);
    return rc;
}

struct visit {
    struct ledger *l;
    struct arena *a;
    int (*fn)(void *data, const struct ledger_event *ev);
    void *data;
};

static int visit_all(const struct visit *v, const int64_t *seqs, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct ledger_event ev;
        int rc = ledger_get(v->l, seqs[i], v->a, &ev, e);
        if (rc == 0)
            rc = db_damaged(v->l, e, "event %lld has no entry", (long long)seqs[i]);
        if (rc < 0 || (rc = v->fn(v->data, &ev)) != 0)
            return rc;
    }
    return 0;
}

static int run_plan(struct plan *p, const struct ledger_filter *f, const struct visit *v,
                    struct err *e)
{
    size_t left = f->limit ? f->limit : SIZE_MAX, size = PAGE_MIN;
    int64_t *seqs = xcalloc(PAGE_MAX, sizeof *seqs);
    int rc = choose(p, f, e);
    while (rc == 0 && left && p->from < p->to) {
        size_t want = left < size ? left : size, n = 0;
        rc = page(p, f, want, seqs, &n, e);
        if (rc == 0)
            rc = visit_all(v, seqs, n, e);
        if (n < want)
            break;
        left -= n;
        size = size * 4 < PAGE_MAX ? size * 4 : PAGE_MAX;
    }
    free(seqs);
    return rc;
}

int ledger_each(struct ledger *l, const struct ledger_filter *f, struct arena *a,
                int (*fn)(void *data, const struct ledger_event *ev), void *data, struct err *e)
{
    static const struct ledger_filter everything = {0};
    struct plan p = {.l = l};
    struct visit v = {.l = l, .a = a, .fn = fn, .data = data};
    if (!f)
        f = &everything;
    int rc = conditions(&p, f, e);
    if (rc >= 0)
        rc = bounds(&p, f, e);
    if (rc >= 0 && !p.nothing)
        rc = run_plan(&p, f, &v, e);
    plan_release(&p);
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
    int64_t last;
    return last_seq(l, &last, NULL) < 0 ? -1 : last + 1;
}
