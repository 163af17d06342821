// Mappings by tables of keys: unknown keys, missing ones, and each value by its type.
#include "rollout/reader.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/zone.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void reader_problem(struct reader *r, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *msg = arena_vprintf(r->a, fmt, ap);
    va_end(ap);
    if (!r->problems++)
        err_set(r->e, ERR_INVALID, pos, "%s", msg);
    if (r->problem)
        r->problem(r->data, pos, msg);
}

void reader_problem_err(struct reader *r, struct pos pos, struct err *e)
{
    reader_problem(r, e->pos.line ? e->pos : pos, "%s", err_msg(e));
    err_release(e);
}

bool is_plain_name(const char *s)
{
    if (!isalnum((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
            return false;
    return true;
}

// --- scalars
// ------------------------------------------------------------------------------------------

// Digits with at most one point in them, and nothing else that strtod would read.
static bool read_decimal(const char **s, double *ret)
{
    size_t n = strspn(*s, "0123456789"),
           more = (*s)[n] == '.' ? strspn(*s + n + 1, "0123456789") : 0;
    if (!n || n > 15)
        return false;
    *ret = strtod(*s, NULL);
    *s += n + (more ? more + 1 : 0);
    return (*s)[0] != 'x' && (*s)[0] != '.';
}

static bool add_part(const char **s, double *total)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    const char *end = *s;
    double n;
    if (!read_decimal(&end, &n))
        return false;
    size_t len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].unit) == len && strncmp(end, units[i].unit, len) == 0) {
            *total += n * units[i].seconds;
            *s = end + len;
            return true;
        }
    return false;
}

int duration_parse(const struct value *v, double *ret, struct err *e)
{
    double total = 0;
    if (v->type == VALUE_INT || v->type == VALUE_FLOAT) {
        total = v->type == VALUE_INT ? (double)v->u.i : v->u.f;
    } else if (v->type == VALUE_STRING && v->u.str.len && v->u.str.len < 64) {
        const char *s = v->u.str.s, *end = s;
        if (!read_decimal(&end, &total) || *end) {
            total = 0;
            while (*s)
                if (!add_part(&s, &total))
                    return err_set(e, ERR_INVALID, value_pos(v),
                                   "'%s' is no duration (write 90, 90s, 15m, 2h, 1h30m or 3d)",
                                   v->u.str.s);
        }
    } else {
        return err_set(e, ERR_INVALID, value_pos(v),
                       "a duration is wanted: 90, 90s, 15m, 2h, 1h30m or 3d");
    }
    if (!isfinite(total) || total < 0 || total > 10 * 365 * 86400.0)
        return err_set(e, ERR_INVALID, value_pos(v), "this duration is not between 0 and 3650d");
    *ret = total;
    return 0;
}

int amount_parse(const struct value *v, struct amount *ret, struct err *e)
{
    struct amount am = {.set = true};
    bool good = v->type == VALUE_INT;
    if (good) {
        am.n = (double)v->u.i;
    } else if (v->type == VALUE_STRING) {
        const char *end = v->u.str.s;
        good = read_decimal(&end, &am.n);
        am.percent = *end == '%';
        good = good && !end[am.percent] && (am.percent || am.n == floor(am.n));
    }
    if (!good)
        return err_set(e, ERR_INVALID, value_pos(v),
                       "a number of hosts or a share of them is wanted: 3 or 25%%");
    if (am.n < 0 || (am.percent && am.n > 100) || am.n > 1000000)
        return err_set(e, ERR_INVALID, value_pos(v), "%s",
                       am.percent ? "a share is between 0% and 100%"
                                  : "a number of hosts is not negative");
    *ret = am;
    return 0;
}

// Text as it stands, also where YAML took it for a number: `version: 1.2`.
static const char *text_of(struct reader *r, const struct key *k, const struct value *v)
{
    if (v->type == VALUE_STRING && v->u.str.len)
        return v->u.str.s;
    if (v->type == VALUE_INT || v->type == VALUE_FLOAT)
        return value_to_cstr(r->a, v);
    reader_problem(r, value_pos(v), "'%s' takes a text%s", k->name,
                   v->type == VALUE_DICT ? ", not a mapping"
                   : v->type == VALUE_LIST
                       ? ", not a list"
                       : (v->type == VALUE_BOOL ? ", not true or false (put it in quotes)" : ""));
    return NULL;
}

static bool read_choice(struct reader *r, const struct key *k, const struct value *v, int *ret)
{
    const char *names[16], *text = text_of(r, k, v);
    int n = 0;
    if (!text)
        return false;
    for (const char *s = k->choices; *s && n < 16; n++) {
        size_t len = strcspn(s, "|");
        names[n] = arena_strndup(r->a, s, len);
        if (strcmp(names[n], text) == 0) {
            *ret = n;
            return true;
        }
        s += len + (s[len] == '|');
    }
    struct buf b = BUF_INIT;
    for (int i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", names[i]);
    const char *near = err_suggest(text, names, n);
    reader_problem(r, value_pos(v), "'%s' is %s, not '%s'%s%s%s", k->name, buf_str(&b), text,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    buf_release(&b);
    return false;
}

static bool read_regex(struct reader *r, const struct key *k, const struct value *v,
                       const char **ret)
{
    const char *text = text_of(r, k, v);
    regex_t re;
    char why[128];
    if (!text)
        return false;
    int rc = strlen(text) > 1000 ? REG_ESPACE : regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        if (strlen(text) > 1000)
            snprintf(why, sizeof why, "it is longer than 1000 letters");
        else
            regerror(rc, &re, why, sizeof why);
        reader_problem(r, value_pos(v), "'%s' is no regular expression: %s", k->name, why);
        return false;
    }
    regfree(&re);
    *ret = text;
    return true;
}

static bool read_status(struct reader *r, const struct value *v, int ret[2])
{
    int from = 0, to = 0;
    char rest = 0;
    if (v->type == VALUE_INT)
        from = to = v->u.i > 0 && v->u.i < 1000 ? (int)v->u.i : 0;
    else if (v->type == VALUE_STRING && sscanf(v->u.str.s, "%3d-%3d%c", &from, &to, &rest) != 2)
        from = 0;
    if (from < 100 || to > 599 || from > to) {
        reader_problem(r, value_pos(v), "a status is 200 or a range such as 200-299");
        return false;
    }
    ret[0] = from;
    ret[1] = to;
    return true;
}

static bool read_number(struct reader *r, const struct key *k, const struct value *v, double *ret)
{
    if (v->type != VALUE_INT && v->type != VALUE_FLOAT) {
        reader_problem(r, value_pos(v), "'%s' takes a number", k->name);
        return false;
    }
    *ret = v->type == VALUE_INT ? (double)v->u.i : v->u.f;
    return true;
}

static bool read_count(struct reader *r, const struct key *k, const struct value *v, int *ret)
{
    if (v->type != VALUE_INT || v->u.i < 0 || v->u.i > 1000000) {
        reader_problem(r, value_pos(v), "'%s' takes a whole number that is not negative", k->name);
        return false;
    }
    *ret = (int)v->u.i;
    return true;
}

// --- files, lists, times
// ------------------------------------------------------------------------------------------

static bool read_path(struct reader *r, const struct key *k, const struct value *v, bool folder,
                      const char **ret)
{
    const char *text = text_of(r, k, v);
    struct stat st;
    if (!text)
        return false;
    const char *path = path_join(r->a, r->dir, text);
    if (stat(path, &st) < 0) {
        reader_problem(r, value_pos(v), "'%s': %s: %s", k->name, path, strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode) != folder) {
        reader_problem(r, value_pos(v), "'%s': %s is %s folder", k->name, path,
                       folder ? "no" : "a");
        return false;
    }
    *ret = path;
    return true;
}

// files: names that are no list of hosts ("a,b,") become absolute paths of what is there.
static bool read_texts(struct reader *r, const struct key *k, const struct value *v, bool files,
                       const char *const **ret)
{
    struct value l = value_as_list(r->a, v);
    const char **out = arena_array(r->a, const char *, l.u.list->len + 1);
    size_t before = r->problems;
    for (size_t i = 0; i < l.u.list->len; i++) {
        const struct value *item = &l.u.list->items[i];
        struct stat st;
        out[i] = text_of(r, k, item);
        if (!files || !out[i] || strchr(out[i], ','))
            continue;
        out[i] = path_join(r->a, r->dir, out[i]);
        if (stat(out[i], &st) < 0)
            reader_problem(r, value_pos(item), "'%s': %s: %s", k->name, out[i], strerror(errno));
    }
    if (!l.u.list->len)
        reader_problem(r, value_pos(v), "'%s' is empty", k->name);
    *ret = out;
    return r->problems == before;
}

static bool read_windows(struct reader *r, const struct key *k, const struct value *v,
                         struct calendar *c)
{
    struct value l = value_as_list(r->a, v);
    size_t before = r->problems, n = l.u.list->len;
    struct calendar_window *w = arena_array(r->a, struct calendar_window, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct value *item = &l.u.list->items[i];
        const char *text = text_of(r, k, item);
        struct err why = ERR_INIT;
        if (text && calendar_window_parse(r->a, text, r->zone, &w[i], &why) < 0)
            reader_problem_err(r, value_pos(item), &why);
        w[i].pos = value_pos(item);
    }
    if (!n)
        reader_problem(r, value_pos(v), "'%s' is empty: nothing could ever happen", k->name);
    c->windows = w;
    c->n_windows = n;
    return r->problems == before;
}

struct freeze_text {
    const char *from, *to, *reason, *zone;
};

#define AT(field) offsetof(struct freeze_text, field)
const struct key freeze_keys[] = {
    {.name = "from",
     .type = KEY_TEXT,
     .offset = AT(from),
     .flags = KEY_REQUIRED,
     .help = "Its first day, or when on it: 2026-12-20 or 2026-12-20 18:00."},
    {.name = "to",
     .type = KEY_TEXT,
     .offset = AT(to),
     .flags = KEY_REQUIRED,
     .help = "Its last day, or when on it."},
    {.name = "reason", .type = KEY_TEXT, .offset = AT(reason), .help = "Why; it is told."},
    {.name = "zone", .type = KEY_ZONE, .offset = AT(zone), .help = "The time zone of both."},
    {0},
};
#undef AT

static void read_freeze(struct reader *r, const struct value *v, struct calendar_freeze *f)
{
    struct freeze_text t = {0};
    struct err e = ERR_INIT;
    f->pos = value_pos(v);
    if (v->type == VALUE_STRING) { // "2026-12-20 to 2027-01-03"
        const char *mid = strstr(v->u.str.s, " to ");
        t.from = mid ? arena_strndup(r->a, v->u.str.s, (size_t)(mid - v->u.str.s)) : v->u.str.s;
        t.to = mid ? mid + 4 : v->u.str.s;
    } else if (!reader_mapping(r, v, freeze_keys, &t, "a freeze")) {
        return;
    }
    const char *zone = t.zone ? t.zone : r->zone;
    if (calendar_time_parse(r->a, t.from, zone, false, &f->from, &e) < 0 ||
        calendar_time_parse(r->a, t.to, zone, true, &f->to, &e) < 0)
        reader_problem_err(r, value_pos(v), &e);
    else if (f->from >= f->to)
        reader_problem(r, value_pos(v), "this freeze ends before it begins");
    f->reason = t.reason;
}

static bool read_freezes(struct reader *r, const struct value *v, struct calendar *c)
{
    struct value l = value_as_list(r->a, v);
    size_t before = r->problems;
    struct calendar_freeze *f = arena_array(r->a, struct calendar_freeze, l.u.list->len + 1);
    for (size_t i = 0; i < l.u.list->len; i++)
        read_freeze(r, &l.u.list->items[i], &f[i]);
    c->freezes = f;
    c->n_freezes = l.u.list->len;
    return r->problems == before;
}

static bool read_zone(struct reader *r, const struct key *k, const struct value *v,
                      const char **ret)
{
    const char *text = text_of(r, k, v);
    const struct zone *z;
    struct err why = ERR_INIT;
    if (!text)
        return false;
    if (zone_load(r->a, text, &z, &why) < 0) {
        reader_problem_err(r, value_pos(v), &why);
        return false;
    }
    *ret = text;
    return true;
}

// --- values and mappings
// ------------------------------------------------------------------------------------------

bool reader_value(struct reader *r, const struct key *k, const struct value *v, void *base)
{
    void *field = (char *)base + k->offset;
    const char **text = field;
    struct err why = ERR_INIT;
    int rc = 0;
    switch (k->type) {
    case KEY_TEXT:
        return (*text = text_of(r, k, v)) != NULL;
    case KEY_NAME:
        *text = text_of(r, k, v);
        if (*text && !is_plain_name(*text))
            reader_problem(r, value_pos(v),
                           "'%s' takes a name of letters, digits, '.', '_' and '-', not '%s'",
                           k->name, *text);
        return *text && is_plain_name(*text);
    case KEY_FILE:
    case KEY_FOLDER:
        return read_path(r, k, v, k->type == KEY_FOLDER, text);
    case KEY_SOURCES:
    case KEY_TEXTS:
        return read_texts(r, k, v, k->type == KEY_SOURCES, field);
    case KEY_BOOL:
        if (v->type == VALUE_BOOL)
            *(bool *)field = v->u.b;
        else
            reader_problem(r, value_pos(v), "'%s' takes true or false", k->name);
        return v->type == VALUE_BOOL;
    case KEY_COUNT:
        return read_count(r, k, v, field);
    case KEY_NUMBER:
        return read_number(r, k, v, field);
    case KEY_SECONDS:
        rc = duration_parse(v, field, &why);
        break;
    case KEY_AMOUNT:
        rc = amount_parse(v, field, &why);
        break;
    case KEY_CHOICE:
        return read_choice(r, k, v, field);
    case KEY_REGEX:
        return read_regex(r, k, v, text);
    case KEY_DICT:
        if (v->type == VALUE_DICT)
            *(const struct dict **)field = v->u.dict;
        else
            reader_problem(r, value_pos(v), "'%s' takes a mapping", k->name);
        return v->type == VALUE_DICT;
    case KEY_STATUS:
        return read_status(r, v, field);
    case KEY_WINDOWS:
        return read_windows(r, k, v, field);
    case KEY_FREEZES:
        return read_freezes(r, v, field);
    case KEY_ZONE:
        return read_zone(r, k, v, text);
    case KEY_OTHER:
        break;
    }
    if (rc < 0) {
        err_wrap(&why, "'%s'", k->name);
        reader_problem_err(r, value_pos(v), &why);
    }
    return rc == 0;
}

const struct key *key_find(const struct key *keys, const char *name)
{
    for (const struct key *k = keys; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

void reader_unknown(struct reader *r, const struct value *name, const struct key *keys,
                    const char *what)
{
    const char *names[64], *text = value_to_cstr(r->a, name);
    int n = 0;
    for (const struct key *k = keys; k->name && n < 64; k++)
        names[n++] = k->name;
    const char *near = err_suggest(text, names, n);
    reader_problem(r, value_pos(name), "%s has no key '%s'%s%s%s", what, text,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

bool reader_mapping(struct reader *r, const struct value *v, const struct key *keys, void *base,
                    const char *what)
{
    size_t before = r->problems;
    struct dict_entry *it;
    if (v->type != VALUE_DICT) {
        reader_problem(r, value_pos(v), "%s is a mapping of keys and values", what);
        return false;
    }
    DICT_EACH(v->u.dict, it)
    {
        const struct key *k = it->key.type == VALUE_STRING ? key_find(keys, it->key.u.str.s) : NULL;
        if (!k)
            reader_unknown(r, &it->key, keys, what);
        else if (it->val.type == VALUE_NULL && k->type != KEY_OTHER)
            reader_problem(r, value_pos(&it->key), "'%s' has no value", k->name);
        else
            reader_value(r, k, &it->val, base);
    }
    for (const struct key *k = keys; k->name; k++)
        if (k->flags & KEY_REQUIRED && !dict_get(v->u.dict, k->name))
            reader_problem(r, value_pos(v), "%s needs the key '%s'", what, k->name);
    return r->problems == before;
}
