// for loops and their loop variable.
#include "template/eval.h"

#include <string.h>

// A running loop: items are taken lazily, so that a filter sees what the body has changed.
struct loop {
    struct ev ev; // as it was when the loop started; its frame is the body's
    const struct for_loop *node;
    struct list *items;
    size_t next;        // of items to look at
    struct value after; // peeked; SLOT_MISSING when none is
    struct value before, current;
    struct value changed; // arguments of the last changed(), SLOT_MISSING before
    int64_t index0;
    int64_t length; // -1 until asked for
    int depth0;
    bool tested; // the filter has been tried on an item
};

static int run_loop(struct ev *ev, const struct for_loop *f, const struct value *seq, int depth0);

// The next item that passes the filter: 1, or 0 at the end.
static int take(struct loop *l, struct value *ret)
{
    struct ev *ev = &l->ev;
    const struct for_loop *f = l->node;
    while (l->next < l->items->len) {
        struct value v = l->items->items[l->next++];
        bool yes = true;
        if (f->test) {
            (l->tested ? enter_scope_again : enter_scope)(ev, &f->test_scope);
            l->tested = true;
            int rc = assign_target(ev, f->test_target, &v, false);
            if (rc == 0)
                rc = eval_yes(ev, f->test, &yes);
            if (rc < 0)
                return rc;
        }
        if (yes) {
            *ret = v;
            return 1;
        }
    }
    return 0;
}

static int peek(struct loop *l)
{
    if (l->after.type != SLOT_MISSING)
        return 1;
    struct value v;
    int rc = take(l, &v);
    if (rc > 0)
        l->after = v;
    return rc;
}

static int advance(struct loop *l)
{
    struct value v = l->after;
    int rc = 1;
    if (v.type == SLOT_MISSING)
        rc = take(l, &v);
    if (rc <= 0)
        return rc;
    l->after.type = SLOT_MISSING;
    l->index0++;
    l->before = l->current;
    l->current = v;
    return 1;
}

// How many items the loop has; with a filter the rest must be tried now.
static int loop_length(struct loop *l, int64_t *ret)
{
    if (!l->node->test && l->length < 0) {
        *ret = (int64_t)l->items->len;
        return 0;
    }
    if (l->length < 0) {
        struct value rest = value_list(l->ev.a), v;
        int rc;
        while ((rc = take(l, &v)) > 0)
            list_add(rest.u.list, v);
        if (rc < 0)
            return rc;
        l->length = (int64_t)rest.u.list->len + l->index0 + 1 + (l->after.type != SLOT_MISSING);
        // what is left has passed the filter already
        struct for_loop *plain = arena_new_of(l->ev.a, struct for_loop);
        *plain = *l->node;
        plain->test = NULL;
        l->node = plain;
        l->items = rest.u.list;
        l->next = 0;
    }
    *ret = l->length;
    return 0;
}

static int neighbour(struct loop *l, bool next, struct arena *a, struct value *ret)
{
    if (!next) {
        *ret = l->index0 == 0 ? value_undefined(a, "there is no previous item") : l->before;
        return 1;
    }
    int rc = peek(l);
    if (rc < 0)
        return rc;
    *ret = rc ? l->after : value_undefined(a, "there is no next item");
    return 1;
}

// --- loop as a value
// ---------------------------------------------------------------------------------------------

struct loop_method {
    struct loop *loop;
    bool cycle;
};

// Whether both have the same items; what is undefined equals nothing.
static int same_items(struct ev *ev, const struct list *x, const struct list *y, bool *ret)
{
    int rc = 0;
    *ret = true;
    for (size_t i = 0; i < x->len && i < y->len && *ret && rc == 0; i++)
        rc = op_compare(ev, CMP_EQ, &x->items[i], &y->items[i], ret);
    *ret = *ret && x->len == y->len;
    return rc;
}

static int loop_method_call(struct value_object *o, struct arena *a, const struct list *args,
                            const struct dict *kwargs, struct value *ret, struct err *e)
{
    const struct loop_method *m = o->data;
    struct loop *l = m->loop;
    (void)kwargs;
    if (m->cycle) {
        if (!args->len)
            return err_set(e, ERR_INVALID, l->ev.ctx->pos, "no items for cycling given");
        *ret = args->items[(size_t)l->index0 % args->len];
        return 0;
    }
    struct value now = value_list(a);
    now.flags = VALUE_TUPLE;
    for (size_t i = 0; i < args->len; i++)
        list_add(now.u.list, args->items[i]);
    struct ev ev = l->ev;
    bool same = false;
    ev.e = e;
    int rc = l->changed.type == SLOT_MISSING ? 0 : same_items(&ev, l->changed.u.list, args, &same);
    l->changed = now;
    *ret = value_bool(!same);
    return rc;
}

static const struct value_ops loop_method_ops = {.type_name = "method", .call = loop_method_call};

static int loop_counter(struct loop *l, const char *name, struct value *ret)
{
    static const struct {
        const char *name;
        bool from_end;
        int add;
    } rows[] = {
        {"index", false, 1}, {"index0", false, 0}, {"revindex", true, 0}, {"revindex0", true, -1}};
    if (name[0] != 'i' && name[0] != 'r')
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        int64_t n = 0;
        int rc = rows[i].from_end ? loop_length(l, &n) : 0;
        *ret = value_int(rows[i].from_end ? n - l->index0 + rows[i].add : l->index0 + rows[i].add);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

static int loop_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                    struct value *ret, struct err *e)
{
    struct loop *l = o->data;
    int64_t n;
    (void)attr;
    (void)e;
    if (key->type != VALUE_STRING)
        return 0;
    const char *name = key->u.str.s;
    int rc = loop_counter(l, name, ret);
    if (rc)
        return rc;
    if (strcmp(name, "first") == 0) {
        *ret = value_bool(l->index0 == 0);
    } else if (strcmp(name, "last") == 0) {
        rc = peek(l);
        *ret = value_bool(rc == 0);
    } else if (strcmp(name, "length") == 0) {
        rc = loop_length(l, &n);
        *ret = value_int(rc < 0 ? 0 : n);
    } else if (strcmp(name, "depth") == 0 || strcmp(name, "depth0") == 0) {
        *ret = value_int(l->depth0 + (name[5] == '\0'));
    } else if (strcmp(name, "previtem") == 0 || strcmp(name, "nextitem") == 0) {
        return neighbour(l, name[0] == 'n', a, ret);
    } else if (strcmp(name, "cycle") == 0 || strcmp(name, "changed") == 0) {
        struct loop_method *m = arena_new_of(a, struct loop_method);
        *m = (struct loop_method){l, name[1] == 'y'};
        *ret = value_object(a, &loop_method_ops, m);
    } else {
        return 0;
    }
    return rc < 0 ? rc : 1;
}

static int loop_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    struct loop *l = o->data;
    int64_t n = 0;
    (void)e;
    int rc = loop_length(l, &n);
    *ret = value_strf(a, "<LoopContext %lld/%lld>", (long long)l->index0 + 1, (long long)n);
    return rc;
}

// loop(children) in a recursive loop.
static int loop_call(struct value_object *o, struct arena *a, const struct list *args,
                     const struct dict *kwargs, struct value *ret, struct err *e)
{
    struct loop *l = o->data;
    (void)a;
    (void)kwargs;
    if (!l->node->recursive)
        return err_set(e, ERR_INVALID, l->ev.ctx->pos,
                       "The loop must have the 'recursive' marker to be called recursively.");
    if (args->len != 1)
        return err_set(e, ERR_INVALID, l->ev.ctx->pos,
                       "LoopContext.__call__() missing 1 required positional argument: 'iterable'");
    struct ev ev = l->ev;
    struct buf own;
    struct out out;
    ev.fr = l->ev.fr->up;
    ev.e = e;
    out_init(&out, session_buf(ev.ctx->ss, &own));
    ev.out = &out;
    int rc = run_loop(&ev, l->node, &args->items[0], l->depth0 + 1);
    if (rc >= 0)
        rc = out_finish(&ev, &out, ret);
    session_buf_done(ev.ctx->ss, out.b);
    return rc;
}

static const struct value_ops loop_ops = {.type_name = "jinja2.runtime.LoopContext",
                                          .get = loop_get,
                                          .call = loop_call,
                                          .materialize = loop_text};

// --- running
// -----------------------------------------------------------------------------------------------------

static int run_items(struct ev *ev, struct loop *l, const struct for_loop *f)
{
    int rc = 0, flow = 0;
    uint32_t max = ev->ctx->t->max_rounds ? ev->ctx->t->max_rounds : ROUNDS_MAX;
    while ((rc = advance(l)) > 0) {
        if (++ev->ctx->ss->rounds > max)
            return err_set(ev->e, ERR_LIMIT, ev->ctx->pos, "loops took more than %u rounds", max);
        (l->index0 ? enter_scope_again : enter_scope)(ev, &f->body_scope);
        struct value item = l->current;
        rc = session_check_memory(ev->a, ev->ctx->pos, ev->e);
        if (rc == 0)
            rc = assign_target(ev, f->target, &item, false);
        if (rc == 0)
            rc = flow = eval_body(ev, &f->body);
        if (rc < 0 || flow == FLOW_BREAK)
            break;
    }
    return rc < 0 ? rc : 0;
}

static int run_loop(struct ev *ev, const struct for_loop *f, const struct value *seq, int depth0)
{
    struct loop *l = arena_new_of(ev->a, struct loop);
    struct frame *saved = ev->fr;
    struct value none = {.type = SLOT_MISSING};
    *l = (struct loop){.node = f,
                       .after = none,
                       .before = none,
                       .current = none,
                       .changed = none,
                       .index0 = -1,
                       .length = -1,
                       .depth0 = depth0};
    int rc = session_check_stack(ev->ctx->ss, ev->ctx->pos, ev->e);
    if (rc == 0)
        rc = iterate(ev, seq, &l->items);
    if (rc < 0)
        return rc;
    if (f->func)
        enter_func(ev, f->func, saved);
    l->ev = *ev;
    if (f->extended)
        ev->fr->slots[f->loop_slot] = value_object(ev->a, &loop_ops, l);
    rc = run_items(ev, l, f);
    if (rc == 0 && l->index0 < 0 && f->otherwise.n) {
        enter_scope(ev, &f->else_scope);
        rc = eval_body(ev, &f->otherwise);
    }
    ev->fr = saved;
    return rc;
}

int eval_for(struct ev *ev, const struct node *n)
{
    const struct for_loop *f = n->u.loop;
    struct value seq;
    int rc = eval_expr(ev, f->iter, &seq);
    if (rc < 0)
        return rc;
    if (!f->recursive)
        return run_loop(ev, f, &seq, 0);
    struct buf own;
    struct out out, *saved = ev->out;
    struct value text;
    out_init(&out, session_buf(ev->ctx->ss, &own));
    ev->out = &out;
    rc = run_loop(ev, f, &seq, 0);
    if (rc >= 0) {
        int done = out_finish(ev, &out, &text);
        rc = done < 0 ? done : rc;
    }
    ev->out = saved;
    session_buf_done(ev->ctx->ss, out.b);
    return rc < 0 ? rc : out_value(ev, &text, false);
}
