// Global functions besides lookup and namespace: range, now, undef, cycler, joiner, lipsum (dict is
// with its methods).
#include "template/datetime.h"
#include "template/pyrandom.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

#define MAX_PARAGRAPHS 10000

// range: The numbers from start up to stop in steps of step.
BUILTIN(global_range)
{
    int64_t v[3] = {0, 0, 1};
    int rc = 0;
    if (!c->n_args)
        return fail_type(c, e, "range expected at least 1 argument, got 0");
    if (c->n_args > 3)
        return fail_type(c, e, "range expected at most 3 arguments, got %zu", c->n_args);
    for (size_t i = 0; i < c->n_args && rc >= 0; i++)
        rc = index_of(c, &c->args[i], &v[c->n_args == 1 ? 1 : i], e);
    if (rc >= 0 && v[2] == 0)
        rc = fail_with(c, e, "range() arg 3 must not be zero");
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    for (int64_t i = v[0]; v[2] > 0 ? i < v[1] : i > v[1];) {
        if (ret->u.list->len >= ITEMS_MAX)
            return too_many(c, e);
        list_add(ret->u.list, value_int(i));
        if (__builtin_add_overflow(i, v[2], &i))
            break;
    }
    return 0;
}

// now: The current time, as text in format fmt when given.
BUILTIN(global_now)
{
    bool utc = false;
    const struct value *fmt = NULL;
    int rc = args_read(c, e, "utc:b fmt:v", &utc, &fmt);
    if (rc < 0)
        return rc;
    struct datetime d = datetime_now(utc);
    *ret = datetime_value(c->arena, &d);
    if (!fmt || !value_truthy(fmt))
        return 0;
    struct buf b = BUF_INIT;
    rc = datetime_strftime(ret, text_of(c, fmt), &b, e);
    *ret = take_buf(c, &b);
    return rc;
}

// undef: An undefined value with a hint of its own.
BUILTIN(global_undef)
{
    const struct value *hint = NULL;
    int rc = args_read(c, e, "hint:v", &hint);
    if (rc < 0)
        return rc;
    bool given =
        hint && hint->type != VALUE_NULL && hint->type != VALUE_UNDEFINED && !value_eqs(hint, "");
    *ret = value_undefined(
        c->arena, "%s", given ? text_of(c, hint).s : "Mandatory variable has not been overridden");
    return 0;
}

struct cycler {
    const struct value *items;
    size_t n, at;
};

struct cycler_method {
    struct cycler *c;
    bool reset;
};

static int cycler_step(struct value_object *o, struct arena *a, const struct list *args,
                       const struct dict *kwargs, struct value *ret, struct err *e)
{
    (void)a;
    (void)args;
    (void)kwargs;
    (void)e;
    const struct cycler_method *m = o->data;
    *ret = value_null();
    if (m->reset) {
        m->c->at = 0;
        return 0;
    }
    *ret = m->c->items[m->c->at];
    m->c->at = (m->c->at + 1) % m->c->n;
    return 0;
}

static const struct value_ops cycler_method_ops = {.type_name = "method", .call = cycler_step};

static int cycler_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                      struct value *ret, struct err *e)
{
    (void)attr;
    (void)e;
    struct cycler *cy = o->data;
    bool reset = value_eqs(key, "reset");
    if (value_eqs(key, "current")) {
        *ret = cy->items[cy->at];
        return 1;
    }
    if (!reset && !value_eqs(key, "next"))
        return 0;
    struct cycler_method *m = arena_new_of(a, struct cycler_method);
    *m = (struct cycler_method){cy, reset};
    *ret = value_object(a, &cycler_method_ops, m);
    return 1;
}

static const struct value_ops cycler_ops = {.type_name = "Cycler", .get = cycler_get};

// cycler: An object whose next() goes through the items again and again.
BUILTIN(global_cycler)
{
    if (!c->n_args)
        return fail_with(c, e, "at least one item has to be provided");
    struct cycler *cy = arena_new_of(c->arena, struct cycler);
    struct value items = list_from(c, c->args, c->n_args);
    *cy = (struct cycler){items.u.list->items, c->n_args, 0};
    *ret = value_object(c->arena, &cycler_ops, cy);
    return 0;
}

struct joiner {
    struct value sep;
    bool used;
};

static int joiner_call(struct value_object *o, struct arena *a, const struct list *args,
                       const struct dict *kwargs, struct value *ret, struct err *e)
{
    (void)a;
    (void)args;
    (void)kwargs;
    (void)e;
    struct joiner *j = o->data;
    *ret = j->used ? j->sep : value_cstr("");
    j->used = true;
    return 0;
}

static const struct value_ops joiner_ops = {.type_name = "Joiner", .call = joiner_call};

// joiner: A function that gives nothing the first time and sep from then on.
BUILTIN(global_joiner)
{
    const struct value *sep = NULL;
    int rc = args_read(c, e, "sep:v", &sep);
    if (rc < 0)
        return rc;
    struct joiner *j = arena_new_of(c->arena, struct joiner);
    j->sep = sep ? *sep : value_cstr(", ");
    *ret = value_object(c->arena, &joiner_ops, j);
    return 0;
}

static const char *const latin[] = {
    "a",      "ac",       "ad",      "aenean", "aliquam", "amet",    "ante",    "arcu",    "at",
    "augue",  "bibendum", "commodo", "cras",   "cum",     "dapibus", "diam",    "dolor",   "donec",
    "dui",    "duis",     "egestas", "elit",   "enim",    "erat",    "eros",    "est",     "et",
    "etiam",  "eu",       "felis",   "fusce",  "gravida", "hac",     "iaculis", "id",      "in",
    "ipsum",  "justo",    "lacus",   "lectus", "leo",     "libero",  "ligula",  "lorem",   "magna",
    "massa",  "mauris",   "metus",   "morbi",  "nam",     "nec",     "neque",   "nibh",    "nisi",
    "non",    "nulla",    "nunc",    "odio",   "orci",    "pede",    "porta",   "proin",   "purus",
    "quam",   "quis",     "risus",   "sapien", "sed",     "sem",     "sit",     "tellus",  "tempus",
    "tortor", "turpis",   "ut",      "varius", "velit",   "vel",     "vitae",   "vivamus",
};

static void paragraph(struct pyrandom *r, int64_t words, struct buf *b)
{
    size_t n = sizeof latin / sizeof *latin, last = n;
    bool capital = true;
    int64_t until = 0;
    for (int64_t i = 0; i < words; i++) {
        size_t k = (size_t)pyrandom_below(r, n);
        k = k == last ? (k + 1) % n : k;
        last = k;
        if (i)
            buf_addc(b, ' ');
        if (capital)
            str_capitalize(b, latin[k], strlen(latin[k]));
        else
            buf_adds(b, latin[k]);
        capital = i + 1 < words && i - until > 5 + (int64_t)pyrandom_below(r, 10);
        if (capital || i + 1 == words)
            buf_addc(b, '.');
        else if (pyrandom_below(r, 7) == 0)
            buf_addc(b, ',');
        if (capital)
            until = i;
    }
}

// lipsum: n paragraphs of placeholder text, as HTML unless html is false.
BUILTIN(global_lipsum)
{
    int64_t n = 5, min = 20, max = 100;
    bool html = true;
    int rc = args_read(c, e, "n:i html:b min:i max:i", &n, &html, &min, &max);
    if (rc >= 0 && min >= max)
        rc = fail_with(c, e, "empty range for randrange() (%lld, %lld, %lld)", (long long)min,
                       (long long)max, (long long)(max - min));
    if (rc >= 0 && n > MAX_PARAGRAPHS)
        rc = err_set(e, ERR_LIMIT, c->pos, "lipsum makes at most %d paragraphs", MAX_PARAGRAPHS);
    if (rc < 0)
        return rc;
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    pyrandom_system(r);
    struct buf b = call_buf(c);
    for (int64_t i = 0; i < n && !b.overflow; i++) {
        if (i)
            buf_adds(&b, html ? "\n" : "\n\n");
        if (html)
            buf_adds(&b, "<p>");
        paragraph(r, min + (int64_t)pyrandom_below(r, (uint64_t)(max - min)), &b);
        if (html)
            buf_adds(&b, "</p>");
    }
    *ret = take_buf(c, &b);
    if (html)
        ret->flags |= VALUE_MARKUP;
    return 0;
}
