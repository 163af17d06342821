// Findings: noting, dropping and sorting them.
#include "check/internal.h"

#include "core/buf.h"

#include <stdlib.h>
#include <string.h>

void vec_add(struct vec *v, const void *item)
{
    if (v->len == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 64;
        v->items = xrealloc(v->items, v->cap * v->size);
    }
    memcpy((char *)v->items + v->len++ * v->size, item, v->size);
}

struct value pos_id(struct pos pos)
{
    return value_int((int64_t)pos.file << 44 | (int64_t)pos.line << 16 | pos.col);
}

bool first_at(struct dict *set, struct pos pos)
{
    struct value id = pos_id(pos);
    if (dict_getv(set, &id))
        return false;
    dict_setv(set, id, value_bool(true));
    return true;
}

// "a/b/../c" without the detour.
static const char *plain_path(struct arena *a, const char *path)
{
    char *out = arena_strdup(a, path), *up;
    while ((up = strstr(out, "/../"))) {
        char *from = up;
        while (from > out && from[-1] != '/')
            from--;
        if (from == out || from == up)
            break;
        memmove(from, up + 4, strlen(up + 4) + 1);
    }
    return out;
}

// The same file may have been read under two names.
static struct pos canonical(struct check *c, struct pos pos)
{
    if (pos.file && !c->canonical[pos.file])
        c->canonical[pos.file] = src_file(plain_path(c->a, src_name(pos.file)));
    pos.file = c->canonical[pos.file];
    return pos;
}

bool first_time(struct check *c, const char *kind, const char *text)
{
    const char *key = arena_printf(c->a, "%s:%s", kind, text);
    if (dict_get(c->told_once, key))
        return false;
    dict_set(c->told_once, key, value_bool(true));
    return true;
}

enum check_severity unless_whole(const struct check *c, enum check_severity s)
{
    return (c->root || c->synthetic) && s == CHECK_ERROR ? CHECK_WARNING : s;
}

static void add(struct check *c, enum check_id id, enum check_severity severity, struct pos pos,
                const char *fmt, va_list ap)
{
    pos = canonical(c, pos);
    struct value key = pos_id(pos), *at = dict_getv(c->reported[id], &key);
    if (at) { // the same in another context: the most certain one counts
        struct check_finding *f = VEC_AT(&c->findings, struct check_finding, at->u.i);
        if (f->severity < severity)
            f->severity = severity;
        return;
    }
    struct check_finding f = {
        .id = id, .severity = severity, .pos = pos, .msg = arena_vprintf(c->a, fmt, ap)};
    dict_setv(c->reported[id], key, value_int((int64_t)c->findings.len));
    vec_add(&c->findings, &f);
}

void report(struct check *c, enum check_id id, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(c, id, check_rule(id)->severity, pos, fmt, ap);
    va_end(ap);
}

void check_tell(struct check *c, enum check_id id, struct pos pos, const char *msg)
{
    report(c, id, pos, "%s", msg);
}

void report_as(struct check *c, enum check_id id, enum check_severity s, struct pos pos,
               const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(c, id, s, pos, fmt, ap);
    va_end(ap);
}

void clear_finding(struct check *c, enum check_id id, struct pos pos)
{
    first_at(c->cleared[id], canonical(c, pos));
}

static void drop_cleared(struct check *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->findings.len; i++) {
        struct check_finding f = *VEC_AT(&c->findings, struct check_finding, i);
        struct value key = pos_id(f.pos);
        if (!dict_getv(c->cleared[f.id], &key))
            *VEC_AT(&c->findings, struct check_finding, n++) = f;
    }
    c->findings.len = n;
}

static int order(const void *x, const void *y)
{
    const struct check_finding *a = x, *b = y;
    int cmp = a->pos.file == b->pos.file ? 0 : strcmp(src_name(a->pos.file), src_name(b->pos.file));
    if (cmp)
        return cmp;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return (a->pos.col > b->pos.col) - (a->pos.col < b->pos.col);
}

// What any file that was read defines.
static void define_all(struct check *c)
{
    for (size_t i = 0; i < c->loaders.len; i++) {
        const struct dict *files = loader_files(*VEC_AT(&c->loaders, struct loader *, i));
        struct dict_entry *it;
        DICT_EACH(files, it)
        define_document(c, &it->val);
    }
}

const struct check_finding *check_finish(struct check *c, size_t *ret_n, struct check_stats *stats)
{
    define_all(c);
    finish_handlers(c);
    finish_uses(c);
    drop_cleared(c);
    source_silence(c);
    if (c->findings.len)
        qsort(c->findings.items, c->findings.len, c->findings.size, order);
    *stats = (struct check_stats){.tasks = c->seen_tasks->len,
                                  .files = c->seen_files->len + c->seen_templates->len};
    for (size_t i = 0; i < c->findings.len; i++)
        stats->count[VEC_AT(&c->findings, struct check_finding, i)->severity]++;
    *ret_n = c->findings.len;
    return c->findings.items;
}
