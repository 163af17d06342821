// Differences in results as Ansible's callbacks show them: unified diffs of the before and after
// texts, in the hunks that Python's difflib would make.
#include "cli/output.h"
#include "cli/seqmatch.h"

#include "core/buf.h"
#include "core/json.h"

#include <string.h>

struct line {
    const char *s;
    size_t len;
};

struct lines {
    struct line *items;
    size_t len, cap;
};

// Bytes of the line break at s (as str.splitlines knows them), 0: none.
static size_t break_at(const char *s, size_t len)
{
    unsigned char c = (unsigned char)s[0];
    if (c == '\r')
        return len > 1 && s[1] == '\n' ? 2 : 1;
    if ((c >= '\n' && c <= '\f') || (c >= 0x1c && c <= 0x1e))
        return 1;
    if (c == 0xc2 && len > 1 && (unsigned char)s[1] == 0x85)
        return 2;
    if (c == 0xe2 && len > 2 && (unsigned char)s[1] == 0x80 &&
        ((unsigned char)s[2] == 0xa8 || (unsigned char)s[2] == 0xa9))
        return 3;
    return 0;
}

static void add_line(struct arena *a, struct lines *l, const char *s, size_t len)
{
    l->items = arena_room(a, l->items, l->len, &l->cap, 64, sizeof *l->items);
    l->items[l->len++] = (struct line){s, len};
}

// The lines of a text with their breaks; a last one without is told to have none.
static struct lines split(struct arena *a, const char *s, size_t len)
{
    struct lines l = {0};
    size_t from = 0;
    for (size_t i = 0; i < len;) {
        size_t n = break_at(s + i, len - i);
        i += n ? n : 1;
        if (n) {
            add_line(a, &l, s + from, i - from);
            from = i;
        }
    }
    if (from < len)
        add_line(a, &l, s + from, len - from);
    if (l.len && l.items[l.len - 1].s[l.items[l.len - 1].len - 1] != '\n') {
        struct line *last = &l.items[l.len - 1];
        last->s = arena_printf(a, "%.*s\n\\ No newline at end of file\n", (int)last->len, last->s);
        last->len = strlen(last->s);
    }
    return l;
}

// Numbers for lines: equal lines get the same one.
static size_t *number_lines(struct arena *a, struct dict *seen, const struct lines *l)
{
    size_t *ids = arena_array(a, size_t, l->len + 1);
    for (size_t i = 0; i < l->len; i++) {
        const struct line *x = &l->items[i];
        const struct value *v = dict_getn(seen, x->s, x->len);
        ids[i] = v ? (size_t)v->u.i : seen->len;
        if (!v)
            dict_setv(seen, value_strn(a, x->s, x->len), value_int((int64_t)ids[i]));
    }
    return ids;
}

// --- hunks ---------------------------------------------------------------------------------------

struct unified {
    const struct output_opts *o;
    struct arena *arena;
    struct buf *b;
    struct lines before, after;
    const char *before_name, *after_name;
    size_t first; // lines of both that were left out in front
    bool started;
};

static void put(struct unified *u, int color, const char *mark, const struct line *l)
{
    struct buf text = BUF_INIT;
    buf_adds(&text, mark);
    buf_add(&text, l->s, l->len);
    color_text(u->o, color, buf_str(&text), text.len, u->b);
    buf_release(&text);
}

static void put_range(struct buf *b, char mark, size_t from, size_t to)
{
    size_t n = to - from;
    if (n == 1)
        buf_addf(b, "%c%zu", mark, from + 1);
    else
        buf_addf(b, "%c%zu,%zu", mark, n ? from + 1 : from, n);
}

static void put_header(struct unified *u, const struct seq_op *first, const struct seq_op *last)
{
    struct buf b = BUF_INIT;
    if (!u->started) {
        struct line name = {u->before_name, strlen(u->before_name)};
        put(u, CONFIG_COLOR_DIFF_REMOVE, "--- ", &name);
        name = (struct line){u->after_name, strlen(u->after_name)};
        put(u, CONFIG_COLOR_DIFF_ADD, "+++ ", &name);
        u->started = true;
    }
    put_range(&b, '-', u->first + first->a1, u->first + last->a2);
    buf_addc(&b, ' ');
    put_range(&b, '+', u->first + first->b1, u->first + last->b2);
    buf_adds(&b, " @@\n");
    struct line l = {buf_str(&b), b.len};
    put(u, CONFIG_COLOR_DIFF_LINES, "@@ ", &l);
    buf_release(&b);
}

static void put_hunk(struct unified *u, const struct seq_op *ops, size_t n)
{
    if (n == 0 || (n == 1 && ops[0].equal))
        return;
    put_header(u, &ops[0], &ops[n - 1]);
    for (size_t k = 0; k < n; k++) {
        const struct seq_op *op = &ops[k];
        for (size_t i = op->a1; i < op->a2; i++)
            put(u, op->equal ? -1 : CONFIG_COLOR_DIFF_REMOVE, op->equal ? " " : "-",
                &u->before.items[i]);
        for (size_t j = op->b1; j < op->b2 && !op->equal; j++)
            put(u, CONFIG_COLOR_DIFF_ADD, "+", &u->after.items[j]);
    }
}

static size_t tail_from(size_t from, size_t to, size_t n)
{
    return to - from > n ? to - n : from;
}

static size_t head_to(size_t from, size_t to, size_t n)
{
    return to - from > n ? from + n : to;
}

// Cuts the operations into hunks with n equal lines around what differs.
static void put_hunks(struct unified *u, struct seq_op *ops, size_t count, size_t n)
{
    struct seq_op *group = arena_array(u->arena, struct seq_op, count + 1);
    size_t len = 0;
    if (!count)
        return;
    if (ops[0].equal) {
        ops[0].a1 = tail_from(ops[0].a1, ops[0].a2, n);
        ops[0].b1 = tail_from(ops[0].b1, ops[0].b2, n);
    }
    struct seq_op *last = &ops[count - 1];
    if (last->equal) {
        last->a2 = head_to(last->a1, last->a2, n);
        last->b2 = head_to(last->b1, last->b2, n);
    }
    for (size_t k = 0; k < count; k++) {
        struct seq_op op = ops[k];
        if (op.equal && op.a2 - op.a1 > 2 * n) {
            group[len++] = (struct seq_op){true, op.a1, head_to(op.a1, op.a2, n), op.b1,
                                           head_to(op.b1, op.b2, n)};
            put_hunk(u, group, len);
            len = 0;
            op.a1 = tail_from(op.a1, op.a2, n);
            op.b1 = tail_from(op.b1, op.b2, n);
        }
        group[len++] = op;
    }
    put_hunk(u, group, len);
}

// --- results -------------------------------------------------------------------------------------

// The text of before or after: dicts are written out, null is empty.
static struct lines side(const struct output_opts *o, struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    if (v->type == VALUE_DICT)
        dump_diff_dict(o, v, &b);
    else if (v->type != VALUE_NULL)
        value_print(&b, v);
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    size_t len = b.len;
    buf_release(&b);
    return split(a, s, len);
}

static const char *header(struct arena *a, const struct dict *d, const char *key, const char *word)
{
    const struct value *v = dict_get(d, key);
    return v ? arena_printf(a, "%s: %s\n", word, value_to_cstr(a, v))
             : arena_printf(a, "%s\n", word);
}

// What the content to come is called. A task's own has no file to be named after, which Ansible
// shows by a temporary file of its own: here the file it is for stands for it.
static const char *after_header(const struct output_opts *o, struct arena *a, const struct dict *d)
{
    const char *name = dict_str(d, "after_header", NULL);
    const char *path = dict_str(d, "before_header", dict_str(d, "path", NULL));
    if (name && !*name && !o->ansible)
        return path ? arena_printf(a, "after: %s\n", path) : "after\n";
    return header(a, d, "after_header", "after");
}

static void add_unified(const struct output_opts *o, struct arena *a, const struct dict *d,
                        struct buf *b)
{
    struct unified u = {.o = o, .arena = a, .b = b};
    struct seq_op *ops;
    int64_t context = config_int(o->config, CONFIG_DIFF_CONTEXT);
    u.before = side(o, a, dict_get(d, "before"));
    u.after = side(o, a, dict_get(d, "after"));
    u.first = (size_t)dict_int(d, "first_line", 0);
    u.before_name = header(a, d, "before_header", "before");
    u.after_name = after_header(o, a, d);
    struct dict *seen = value_dict(a).u.dict;
    size_t *x = number_lines(a, seen, &u.before), *y = number_lines(a, seen, &u.after);
    size_t n = seq_opcodes(a, x, u.before.len, y, u.after.len, seen->len, &ops);
    put_hunks(&u, ops, n, context < 0 ? 0 : (size_t)context);
    if (u.started)
        buf_addc(b, '\n');
}

static void add_diff(const struct output_opts *o, struct arena *a, const struct dict *d,
                     struct buf *b)
{
    if (dict_get(d, "dst_binary"))
        buf_adds(b, "diff skipped: destination file appears to be binary\n");
    if (dict_get(d, "src_binary"))
        buf_adds(b, "diff skipped: source file appears to be binary\n");
    if (dict_get(d, "dst_larger"))
        buf_addf(b, "diff skipped: destination file size is greater than %lld\n",
                 (long long)dict_int(d, "dst_larger", 0));
    if (dict_get(d, "src_larger"))
        buf_addf(b, "diff skipped: source file size is greater than %lld\n",
                 (long long)dict_int(d, "src_larger", 0));
    if (dict_get(d, "before") && dict_get(d, "after"))
        add_unified(o, a, d, b);
    if (dict_get(d, "before_sha256") || dict_get(d, "after_sha256"))
        buf_addf(b, "SHA-256 before: %s\nSHA-256 after:  %s\n",
                 dict_str(d, "before_sha256", "none"), dict_str(d, "after_sha256", "none"));
    const struct value *prepared = dict_get(d, "prepared");
    if (prepared)
        value_print(b, prepared);
}

char *diff_text(const struct output_opts *o, const struct value *diff)
{
    struct buf b = BUF_INIT;
    struct arena *a = arena_new();
    if (diff->type == VALUE_DICT)
        add_diff(o, a, diff->u.dict, &b);
    for (size_t i = 0; diff->type == VALUE_LIST && i < diff->u.list->len; i++)
        if (diff->u.list->items[i].type == VALUE_DICT)
            add_diff(o, a, diff->u.list->items[i].u.dict, &b);
    arena_free(a);
    return buf_detach(&b);
}
