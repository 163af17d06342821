// Walks the trees of templates for the variables they use and those they ask about.
#include "check/scan.h"

#include "template/cache.h"
#include "template/eval.h"
#include "template/walk.h"

#include <string.h>

struct scan {
    const struct scan_sink *sink;
    struct dict *free; // names that come from outside the template
    bool certain;      // what is being walked is always evaluated
};

static const struct builtin foreign = {.name = "", .takes_undefined = true};

const struct builtin *scan_foreign(bool test, const char *name, size_t len, bool own)
{
    (void)test;
    (void)name;
    (void)len;
    return own ? NULL : &foreign;
}

static int scan(void *data, struct node *n, bool store);

static void maybe(struct scan *s, struct node *n)
{
    bool certain = s->certain;
    s->certain = false;
    if (n)
        scan(s, n, false);
    s->certain = certain;
}

static void maybe_all(struct scan *s, struct node_list l)
{
    for (uint32_t i = 0; i < l.n; i++)
        maybe(s, l.items[i]);
}

// The variable at the start of "a.b[0].c", or NULL.
static const struct name *base_name(const struct node *n)
{
    while (n && (n->kind == N_GETATTR || n->kind == N_GETITEM))
        n = n->kind == N_GETATTR ? n->u.attr.obj : n->u.kids.x;
    return n && n->kind == N_NAME ? n->u.name : NULL;
}

static void guard(struct scan *s, struct node *subject)
{
    const struct name *name = base_name(subject);
    if (name && dict_get(s->free, name->s))
        s->sink->guard(s->sink->data, name->s);
    else
        maybe(s, subject);
    for (struct node *at = subject; at && (at->kind == N_GETATTR || at->kind == N_GETITEM);
         at = at->kind == N_GETATTR ? at->u.attr.obj : at->u.kids.x)
        if (at->kind == N_GETITEM)
            maybe(s, at->u.kids.y);
}

static void scan_args(struct scan *s, const struct call_args *a)
{
    if (!a)
        return;
    walk_list(a->pos, false, scan, s);
    walk_list(a->kw, false, scan, s);
    if (a->dyn_args)
        scan(s, a->dyn_args, false);
    if (a->dyn_kwargs)
        scan(s, a->dyn_kwargs, false);
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool asks(const struct node *n)
{
    const char *name = last_part(n->u.call.name->s);
    if (n->kind == N_TEST)
        return strcmp(name, "defined") == 0 || strcmp(name, "undefined") == 0;
    return strcmp(name, "default") == 0 || strcmp(name, "d") == 0;
}

// Filters that themselves stand below a default: what fails in them may be caught.
static void scan_caught(struct scan *s, struct node *n)
{
    if (n && n->kind == N_FILTER) {
        bool certain = s->certain;
        s->certain = false;
        scan_caught(s, n->u.call.obj);
        scan_args(s, n->u.call.args);
        s->certain = certain;
    } else if (n) {
        guard(s, n);
    }
}

static void scan_call(struct scan *s, struct node *n)
{
    if (n->kind != N_CALL && n->u.call.fn == &foreign)
        s->sink->unknown(s->sink->data, n->u.call.name->s, n->kind == N_TEST, n->line);
    if (n->kind != N_CALL && asks(n)) {
        scan_caught(s, n->u.call.obj);
        if (n->u.call.args) {
            maybe_all(s, n->u.call.args->pos);
            maybe_all(s, n->u.call.args->kw);
        }
        return;
    }
    if (n->u.call.obj)
        scan(s, n->u.call.obj, false);
    scan_args(s, n->u.call.args);
}

static void scan_if(struct scan *s, struct node *n)
{
    scan(s, n->u.cond.test, false);
    maybe_all(s, n->u.cond.body);
    for (n = n->u.cond.next; n; n = n->u.cond.next) {
        maybe(s, n->u.cond.test);
        maybe_all(s, n->u.cond.body);
    }
}

static int scan_rest(struct scan *s, struct node *n, bool store)
{
    bool certain = s->certain;
    s->certain = certain && (n->kind == N_OUTPUT || n->kind == N_TUPLE || n->kind == N_LIST ||
                             n->kind == N_DICT || n->kind == N_CONCAT || n->kind == N_NOT ||
                             n->kind == N_BINARY || n->kind == N_NEG || n->kind == N_POS ||
                             n->kind == N_GETITEM || n->kind == N_GETATTR || n->kind == N_SET);
    if (n->kind == N_COMPARE) {
        s->certain = certain && n->u.compare.list.n == 2;
        walk_list(n->u.compare.list, store, scan, s);
    } else {
        walk_children(n, store, scan, s);
    }
    s->certain = certain;
    return 0;
}

static int scan(void *data, struct node *n, bool store)
{
    struct scan *s = data;
    switch ((int)n->kind) {
    case N_NAME:
        if (!store && dict_get(s->free, n->u.name->s))
            s->sink->use(s->sink->data, n->u.name->s, n->line, s->certain);
        return 0;
    case N_COND:
    case N_AND:
    case N_OR:
        scan(s, n->u.kids.x, false);
        maybe(s, n->u.kids.y);
        maybe(s, n->u.kids.z);
        return 0;
    case N_CALL:
    case N_FILTER:
    case N_TEST:
        scan_call(s, n);
        return 0;
    case N_IF:
        scan_if(s, n);
        return 0;
    case N_FOR:
        scan(s, n->u.loop->iter, false);
        maybe_all(s, n->u.loop->body);
        maybe_all(s, n->u.loop->otherwise);
        maybe(s, n->u.loop->test);
        return 0;
    default:
        return scan_rest(s, n, store);
    }
}

static void scan_template(struct template *tpl, const struct scan_sink *sink)
{
    struct arena *a = arena_new();
    struct scan s = {.sink = sink, .free = value_dict(a).u.dict, .certain = true};
    template_free_names(tpl, s.free);
    walk_list(tpl->root.body, false, scan, &s);
    arena_free(a);
}

int scan_text(struct template_cache *c, const char *text, size_t len, enum scan_form form,
              struct pos pos, const struct scan_sink *sink, struct err *e)
{
    static const enum cache_form forms[] = {FORM_STRING, FORM_CONDITION, FORM_EXPRESSION};
    const struct template_opts o = TEMPLATE_OPTS_DEFAULT;
    struct template *tpl;
    int rc = cache_get(c, &o, text, len, NULL, forms[form], pos, &tpl, e);
    if (rc < 0)
        return rc;
    scan_template(tpl, sink);
    template_unref(tpl);
    return 0;
}

int scan_file(struct template_cache *c, struct arena *a, const char *text, size_t len,
              const char *name, const struct template_opts *opts, const struct scan_sink *sink,
              struct err *e)
{
    struct template *tpl;
    int rc = template_file_parse(c, a, text, len, name, opts, &tpl, e);
    if (rc < 0)
        return rc;
    scan_template(tpl, sink);
    template_unref(tpl);
    return 0;
}
