// An event as JSON and back; the table of types.
#include "ledger/internal.h"

#include "core/json.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

#define COLUMN(field)                                                                              \
    {                                                                                              \
#field, offsetof(struct ledger_event, field), offsetof(struct ledger_filter, field)        \
    }
const struct ledger_column_row ledger_columns[LEDGER_COLUMNS] = {
    [COL_ACTOR] = COLUMN(actor),
    [COL_HOST] = COLUMN(host),
    [COL_INCIDENT] = COLUMN(incident),
    [COL_OUTCOME] = COLUMN(outcome),
    [COL_PACKAGE] = COLUMN(package),
    [COL_PATH] = COLUMN(path),
    [COL_RELEASE] = COLUMN(release),
    [COL_RING] = COLUMN(ring),
    [COL_ROLLOUT] = COLUMN(rollout),
    [COL_RUN] = COLUMN(run),
    [COL_SERVICE] = COLUMN(service),
    [COL_TYPE] = {"type", offsetof(struct ledger_event, type), 0},
};

struct type_row {
    const char *name;
    unsigned needs; // bits of columns
};
#define NEEDS(column) (1u << COL_##column)
#define EVENT(name, needs) {name, needs},
static const struct type_row types[] = {
#include "ledger/events.inc"
};
#define N_TYPES (sizeof types / sizeof *types)

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct type_row *)row)->name);
}

void entry_types(void (*fn)(void *data, const char *type), void *data)
{
    for (size_t i = 0; i < N_TYPES; i++)
        fn(data, types[i].name);
}

static bool has_text(const char *s)
{
    return s && *s;
}

int entry_check(const struct ledger_event *ev, struct err *e)
{
    const char *type = ev->type ? ev->type : "";
    const struct type_row *row = bsearch(type, types, N_TYPES, sizeof *types, by_name);
    if (!row) {
        const char *names[N_TYPES];
        for (size_t i = 0; i < N_TYPES; i++)
            names[i] = types[i].name;
        const char *near = err_suggest(type, names, (int)N_TYPES);
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no type of event%s%s%s", type,
                       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    for (int i = 0; i < LEDGER_COLUMNS; i++)
        if (row->needs & 1u << i && !has_text(event_text(ev, i)))
            return err_set(e, ERR_INVALID, POS_NONE, "an event '%s' needs the field '%s'", type,
                           ledger_columns[i].name);
    return 0;
}

const char *entry_text(struct arena *a, const char *s)
{
    if (!has_text(s))
        return NULL;
    size_t len = strlen(s);
    if (utf8_valid(s, len))
        return s;
    struct buf b = BUF_INIT;
    struct value v;
    json_write_string(&b, s, len, false); // which replaces what is no UTF-8
    bool ok = json_parse(a, buf_str(&b), b.len, &v, NULL) == 0;
    buf_release(&b);
    return ok ? v.u.str.s : "";
}

struct ledger_event entry_clean(struct arena *a, const struct ledger_event *ev)
{
    struct ledger_event c = *ev;
    for (int i = 0; i < LEDGER_COLUMNS; i++)
        event_set_text(&c, i, entry_text(a, event_text(ev, i)));
    return c;
}

// --- writing
// ------------------------------------------------------------------------------------------

static void add_key(struct buf *b, const char *key)
{
    buf_addc(b, b->p[b->len - 1] == '{' ? '"' : ',');
    if (b->p[b->len - 1] == ',')
        buf_addc(b, '"');
    buf_adds(b, key);
    buf_adds(b, "\":");
}

static void add_body(struct buf *b, const struct dict *body)
{
    static const struct json_opts canonical = {.sort_keys = true, .strict = true, .compact = true};
    if (!body || !body->len)
        return;
    struct value v = {.type = VALUE_DICT}, again;
    memcpy(&v.u.dict, &body, sizeof body); // only read
    add_key(b, "body");
    size_t from = b->len;
    json_write(b, &v, &canonical);
    if (!memmem(b->p + from, b->len - from, "\xef\xbf\xbd", 3))
        return;
    // keys that were no UTF-8 have changed: their order, too
    struct arena *a = arena_new();
    if (json_parse(a, b->p + from, b->len - from, &again, NULL) == 0) {
        b->len = from;
        json_write(b, &again, &canonical);
    }
    arena_free(a);
}

void ledger_event_json(struct buf *b, const struct ledger_event *ev)
{
    char time[LEDGER_TIME];
    buf_addc(b, '{');
    for (int i = 0; i < LEDGER_COLUMNS; i++) {
        const char *text = event_text(ev, i);
        if (i == COL_TYPE) { // in order: time comes before type
            ledger_time(ev->time, time);
            add_key(b, "time");
            json_write_string(b, time, strlen(time), false);
        }
        if (has_text(text)) {
            add_key(b, ledger_columns[i].name);
            json_write_string(b, text, strlen(text), false);
        }
        if (i == COL_ACTOR)
            add_body(b, ev->body);
    }
    buf_addc(b, '}');
}

// --- reading
// ------------------------------------------------------------------------------------------

static int column_named(const char *name)
{
    for (int i = 0; i < LEDGER_COLUMNS; i++)
        if (*ledger_columns[i].name == *name && strcmp(ledger_columns[i].name, name) == 0)
            return i;
    return -1;
}

static int read_field(const struct dict_entry *it, struct ledger_event *ev)
{
    const char *key = it->key.u.str.s;
    if (strcmp(key, "body") == 0) {
        ev->body = it->val.u.dict;
        return it->val.type == VALUE_DICT ? 0 : ERR_PARSE;
    }
    if (it->val.type != VALUE_STRING)
        return ERR_PARSE;
    if (strcmp(key, "time") == 0)
        return ledger_time_parse(it->val.u.str.s, &ev->time);
    int i = column_named(key);
    if (i < 0)
        return ERR_PARSE;
    event_set_text(ev, i, it->val.u.str.s);
    return 0;
}

// What andon itself writes needs no parser: keys in their order, strings mostly without escapes. It
// is read where it lies, in a copy whose strings get their ends there.
struct scanner {
    struct arena *a;
    char *p, *end;
    int column; // the next that may come
};

static bool skip(struct scanner *s, const char *text, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, text, len) != 0)
        return false;
    s->p += len;
    return true;
}

// A string behind its first quote; NULL for one with escapes or without an end.
static const char *scan_string(struct scanner *s)
{
    char *from = s->p, *p = from + (json_plain_end(from, s->end) - from);
    if (p == s->end || *p != '"')
        return NULL;
    *p = '\0';
    s->p = p + 1;
    return from;
}

static bool scan_body(struct scanner *s, struct ledger_event *ev)
{
    struct value v;
    size_t len;
    if (s->p == s->end || *s->p != '{' ||
        json_parse_in_place(s->a, s->p, (size_t)(s->end - s->p), &v, &len) < 0)
        return false;
    s->p += len;
    ev->body = v.u.dict;
    return true;
}

static bool scan_column(struct scanner *s, struct ledger_event *ev)
{
    for (; s->column < LEDGER_COLUMNS; s->column++) {
        const char *name = ledger_columns[s->column].name;
        size_t n = *s->p == *name ? strlen(name) : 0;
        if (!n || !skip(s, name, n))
            continue;
        if (!skip(s, "\":\"", 3)) { // the beginning of another
            s->p -= n;
            continue;
        }
        const char *text = scan_string(s);
        event_set_text(ev, s->column++, text);
        return text != NULL;
    }
    return false;
}

static bool scan_member(struct scanner *s, struct ledger_event *ev)
{
    static const char body[] = "body\":", time[] = "time\":\"";
    const char *text;
    if (!ev->body && skip(s, body, sizeof body - 1))
        return scan_body(s, ev);
    if (skip(s, time, sizeof time - 1))
        return (text = scan_string(s)) && ledger_time_parse(text, &ev->time) == 0;
    return scan_column(s, ev);
}

// false: it is not written so, whatever else it may be.
static bool scan_entry(struct arena *a, const char *json, size_t len, struct ledger_event *ret)
{
    char *copy = arena_strndup(a, json, len);
    struct scanner s = {.a = a, .p = copy, .end = copy + len};
    struct ledger_event ev = {.time = INT64_MIN};
    const char *between = "{\"";
    do {
        if (!skip(&s, between, 2) || s.p == s.end || !scan_member(&s, &ev))
            return false;
        between = ",\"";
    } while (s.p < s.end && *s.p == ',');
    if (!skip(&s, "}", 1) || s.p != s.end || !has_text(ev.type) || ev.time == INT64_MIN)
        return false;
    *ret = ev;
    return true;
}

int entry_parse(struct arena *a, const char *json, size_t len, struct ledger_event *ret,
                struct err *e)
{
    if (scan_entry(a, json, len, ret))
        return 0;
    struct ledger_event ev = {.time = INT64_MIN};
    struct value v;
    struct dict_entry *it;
    int rc = json_parse(a, json, len, &v, e);
    if (rc < 0)
        return rc;
    if (v.type != VALUE_DICT)
        return err_set(e, ERR_PARSE, POS_NONE, "an entry is no object");
    DICT_EACH(v.u.dict, it)
    if (it->key.type != VALUE_STRING || read_field(it, &ev) < 0)
        return err_set(e, ERR_PARSE, POS_NONE, "an entry has no good '%.40s'",
                       it->key.type == VALUE_STRING ? it->key.u.str.s : "key");
    if (!has_text(ev.type) || ev.time == INT64_MIN)
        return err_set(e, ERR_PARSE, POS_NONE, "an entry has no %s",
                       has_text(ev.type) ? "time" : "type");
    *ret = ev;
    return 0;
}
