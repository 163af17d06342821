// Sessions: one outermost call with everything nested in it shares resolved variables, buffers and
// limits.
#include "template/eval.h"

#include <string.h>

static bool fits(const struct template_session *ss, const struct templar *t)
{
    return ss && ss->owner == t && ss->locals == t->locals && ss->vars.get == t->vars.get &&
           ss->vars.data == t->vars.data;
}

int session_enter(struct templar *t, struct arena *a, struct template_session *mine, struct err *e)
{
    struct template_session *ss = t->session;
    if (!fits(ss, t)) {
        *mine = (struct template_session){.arena = a,
                                          .owner = t,
                                          .vars = t->vars,
                                          .locals = t->locals,
                                          .outer = ss,
                                          .stack = ss ? ss->stack : __builtin_frame_address(0)};
        mine->cur = ss ? ss->cur : NULL;
        mine->arena_max = arena_limit(a, MEMORY_MAX);
        if (mine->arena_max) // what is nested gets no more
            arena_limit_back(a, mine->arena_max);
        t->session = ss = mine;
    }
    int rc = t->depth >= NESTING_MAX
                 ? err_set(e, ERR_LIMIT, POS_NONE, "recursive loop detected in template string")
                 : session_check_stack(ss, POS_NONE, e);
    t->depth++;
    if (rc < 0)
        session_leave(t, mine);
    return rc;
}

void session_leave(struct templar *t, struct template_session *mine)
{
    t->depth--;
    if (t->session != mine)
        return;
    t->session = mine->outer;
    t->exc = mine->exc;
    arena_limit_back(mine->arena, mine->arena_max);
    for (struct kept *k = mine->kept; k; k = k->next)
        template_unref(k->tpl);
}

void session_keep(struct template_session *ss, struct template *tpl)
{
    struct kept *k = arena_new_of(ss->arena, struct kept);
    *k = (struct kept){tpl, ss->kept};
    ss->kept = k;
}

int session_stack_used_up(struct pos pos, struct err *e)
{
    return err_set(e, ERR_LIMIT, pos, "recursive loop detected in template string");
}

int session_check_memory(const struct arena *a, struct pos pos, struct err *e)
{
    return arena_full(a) ? err_set(e, ERR_LIMIT, pos, "template needs more than %zu MB of memory",
                                   MEMORY_MAX >> 20)
                         : 0;
}

struct buf *session_buf(struct template_session *ss, struct buf *own)
{
    *own = cache_buf_take(ss->owner->cache);
    own->max = OUTPUT_MAX;
    if (!own->cap)
        buf_reserve(own, 1024);
    return own;
}

void session_buf_done(struct template_session *ss, struct buf *b)
{
    cache_buf_give(ss->owner->cache, b);
}

struct value *values_push(struct template_session *ss, size_t n)
{
    struct vchunk *k = ss->vtop;
    if (!k || k->cap - k->n < n) {
        struct vchunk *next = k ? k->above : NULL;
        if (!next || next->cap < n) {
            size_t cap = n > 64 ? n : 64;
            next = arena_alloc(ss->arena, sizeof *next + cap * sizeof(struct value));
            next->cap = cap;
            next->below = k;
            if (k)
                k->above = next;
        }
        next->n = 0;
        ss->vtop = k = next;
    }
    struct value *v = &k->v[k->n];
    k->n += n;
    return v;
}

void values_pop(struct template_session *ss, size_t n)
{
    struct vchunk *k = ss->vtop;
    k->n -= n;
    if (k->n == 0 && k->below)
        ss->vtop = k->below;
}

void call_set_class(const struct call *c, const char *name)
{
    if (c->t->session)
        c->t->session->exc = arena_strdup(c->t->session->arena, name);
}
