// Ansible's Templar over the engine: what is a template, which type a result keeps, and how errors
// read.
#include "template/eval.h"
#include "template/hooks.h"

#include <ctype.h>
#include <string.h>

static bool has_start(const struct template_opts *o, const char *s, size_t len)
{
    const char *const starts[] = {o && o->block_start ? o->block_start : "{%",
                                  o && o->variable_start ? o->variable_start : "{{",
                                  o && o->comment_start ? o->comment_start : "{#"};
    bool plain = starts[0][0] == '{' && starts[1][0] == '{' && starts[2][0] == '{';
    if (plain && !memchr(s, '{', len))
        return false;
    for (int i = 0; i < 3; i++)
        if (memmem(s, len, starts[i], strlen(starts[i])))
            return true;
    return false;
}

bool template_is_template(const char *s, size_t len)
{
    for (const char *p = s, *end = s + len; (p = memchr(p, '{', (size_t)(end - p))) && p + 1 < end;
         p++)
        if (p[1] == '{' || p[1] == '%' || p[1] == '#')
            return true;
    return false;
}

static bool any_template(const struct value *v, int depth)
{
    if (v->type == VALUE_STRING)
        return v->flags & (VALUE_UNSAFE | VALUE_VAULT)
                   ? v->flags & VALUE_VAULT
                   : template_is_template(v->u.str.s, v->u.str.len);
    if (depth > 100)
        return true;
    if (v->flags & VALUE_PLAIN)
        return false;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            if (any_template(&v->u.list->items[i], depth + 1))
                return true;
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if (any_template(&d->val, depth + 1))
            return true;
    }
    return false;
}

bool template_has_template(const struct value *v)
{
    return any_template(v, 0);
}

// --- one string
// --------------------------------------------------------------------------------------------------

static size_t newlines_at_end(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[len - 1 - n] == '\n')
        n++;
    return n;
}

// Newlines that jinja2 took from the end of the text come back.
static void restore_newlines(struct arena *a, const struct template_opts *o, const char *text,
                             size_t len, struct value *v)
{
    size_t want = newlines_at_end(text, len), have = newlines_at_end(v->u.str.s, v->u.str.len);
    if (want <= have)
        return;
    const char *nl = o->newline_sequence ? o->newline_sequence : "\n";
    struct buf b = BUF_INIT;
    buf_add(&b, v->u.str.s, v->u.str.len);
    for (; have < want; have++)
        buf_adds(&b, nl);
    v->u.str.s = arena_strndup(a, buf_str(&b), b.len);
    v->u.str.len = b.len;
    v->flags &= (uint8_t)~VALUE_NATIVE_TEXT;
    buf_release(&b);
}

// Ansible's words around an error of the engine. Its exceptions say what they were made of twice.
static int explain(const struct templar *t, struct arena *a, const struct render *how,
                   const char *text, size_t len, struct err *e)
{
    size_t n;
    if (!e)
        return ERR_FAILED;
    const char *src = cache_source(a, how->o, how->form, text, len, &n);
    const char *msg = arena_strdup(a, err_msg(e));
    const char *cause = t->repeat_causes ? arena_printf(a, ". %s", msg) : "";
    struct pos pos = e->pos;
    switch (e->code) {
    case ERR_PARSE:
        return err_set(e, ERR_PARSE, pos,
                       "template error while templating string: %s. String: %.*s%s", msg, (int)n,
                       src, cause);
    case ERR_INVALID:
        if (!strstr(msg, "AnsibleUndefined"))
            return err_set(e, ERR_FAILED, pos,
                           "Unexpected templating type error occurred on (%.*s): %s%s", (int)n, src,
                           msg, cause);
        msg = arena_printf(a,
                           "Unable to look up a name or access an attribute in template string "
                           "(%.*s).\nMake sure your variable name does not contain invalid "
                           "characters like '-': %s%s",
                           (int)n, src, msg, cause);
        cause = t->repeat_causes ? arena_printf(a, ". %s", msg) : "";
        return err_set(e, ERR_UNDEFINED, pos, "%s%s", msg, cause);
    case ERR_UNDEFINED:
        return err_set(e, ERR_UNDEFINED, pos, "%s%s", msg, cause);
    case ERR_LIMIT:
        if (strcmp(msg, "recursive loop detected in template string") == 0)
            return err_set(e, ERR_LIMIT, pos, "%s: %.*s", msg, (int)n, src);
        return ERR_LIMIT;
    default:
        return e->code;
    }
}

// The position of an error that has none but that of the whole text becomes that of the expression.
static void locate(struct templar *t, struct arena *a, const struct template *tpl,
                   const struct render *how, struct err *e)
{
    const struct template_session *ss = t->session;
    struct pos p = e->pos, start = how->pos;
    if (ss->failed_in != tpl || !start.line || p.file != start.file || p.line != start.line ||
        p.col != start.col)
        return;
    size_t n;
    const char *src = cache_source(a, how->o, how->form, tpl->src, tpl->len, &n);
    e->pos = template_locate(a, start, how->form == FORM_FILE, src, n, ss->failed_off, err_msg(e));
}

static int run(struct templar *t, struct arena *a, struct template *tpl, const struct render *how,
               struct value *ret, struct err *e)
{
    struct ctx ctx = {.ss = t->session,
                      .t = t,
                      .tpl = tpl,
                      .convert = how->o->convert_data && how->form != FORM_EXPRESSION,
                      .native = how->o->native,
                      .condition = how->form == FORM_CONDITION,
                      .mutates = tpl->mutates,
                      .pos = how->pos,
                      .opts = *how->o};
    struct buf own;
    struct out out;
    struct ev ev = {.ctx = &ctx, .out = &out, .a = a, .e = e, .tpl = tpl};
    struct ctx *cur = ctx.ss->cur;
    ctx.ss->cur = &ctx;
    ctx.ss->failed_in = NULL;
    out_init(&out, session_buf(ctx.ss, &own));
    add_blocks(&ctx, a, tpl);
    int rc;
    if (how->form == FORM_EXPRESSION) {
        struct value v;
        enter_func(&ev, &tpl->root, NULL);
        enter_scope(&ev, &tpl->root.scope);
        rc = eval_expr(&ev, tpl->root.body.items[0], &v);
        if (rc == 0 && v.type == VALUE_UNDEFINED && !(v.flags & UNDEFINED_LENIENT))
            rc = eval_undefined(&ev, &v);
        if (rc == 0)
            *ret = v.type == VALUE_OBJECT || tpl->reference ? v : value_copy(a, &v);
    } else {
        rc = eval_template(&ev, tpl);
        if (rc == 0)
            rc = out_finish(&ev, &out, ret);
    }
    if (rc == 0 && ctx.unsafe && !out.unsafe && how->form != FORM_EXPRESSION) {
        if (ret->type == VALUE_STRING) {
            value_mark_unsafe(ret);
        } else {
            *ret = value_copy(a, ret);
            value_mark_unsafe(ret);
        }
    }
    session_buf_done(ctx.ss, out.b);
    ctx.ss->cur = cur;
    if (rc < 0)
        locate(t, a, tpl, how, e);
    return rc;
}

// The same for an error of the syntax, which the parser counts from the start of the text.
static void locate_syntax(struct arena *a, const struct render *how, const char *text, size_t len,
                          struct err *e)
{
    struct pos at = how->pos, found;
    size_t n, off = 0;
    if (e->code != ERR_PARSE || how->form == FORM_FILE || !at.line)
        return;
    const char *src = cache_source(a, how->o, how->form, text, len, &n);
    if (how->form == FORM_CONDITION) // what is put in front
        at.col = at.col > 6 ? (uint16_t)(at.col - 6) : 1;
    while (off < n && (at.line < e->pos.line || (at.line == e->pos.line && at.col < e->pos.col))) {
        if (src[off] == '\n') {
            at.line++;
            at.col = 1;
        } else if (((unsigned char)src[off] & 0xc0) != 0x80) {
            at.col++;
        }
        off++;
    }
    found = template_locate(a, how->pos, false, src, n, off, "");
    if (found.line != how->pos.line || found.col != how->pos.col)
        e->pos = found;
}

int render_string(struct templar *t, struct arena *a, const char *text, size_t len,
                  const struct render *how, struct value *ret, struct err *e)
{
    struct template_session mine;
    struct template *tpl = NULL;
    struct err local = ERR_INIT;
    int rc = session_enter(t, a, &mine, &local);
    if (rc == 0) {
        rc = cache_get(t->cache, how->o, text, len, how->name, how->form, how->pos, &tpl, &local);
        if (rc == 0) {
            session_keep(t->session, tpl);
            rc = run(t, a, tpl, how, ret, &local);
        } else {
            locate_syntax(a, how, text, len, &local);
        }
        session_leave(t, &mine);
    }
    if (rc == 0) {
        if (ret->type == VALUE_STRING && how->form != FORM_EXPRESSION && len &&
            text[len - 1] == '\n')
            restore_newlines(a, how->o, text, len, ret);
        return 0;
    }
    rc = explain(t, a, how, text, len, &local);
    err_at(&local, how->pos);
    err_move(e, &local);
    return rc;
}

// --- values
// ------------------------------------------------------------------------------------------------------

// "{{ name }}" and nothing else; *n is the name.
static bool lone_name(const struct template_opts *o, const char *s, size_t len, struct name *n)
{
    if (o->variable_start || o->variable_end || len < 5 || s[0] != '{' || s[1] != '{')
        return false;
    const char *p = s + 2, *end = s + len;
    if (end[-1] == '\n')
        end--;
    if (end - p < 3 || end[-1] != '}' || end[-2] != '}')
        return false;
    end -= 2;
    while (p < end && isspace((unsigned char)*p))
        p++;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    for (const char *q = p; q < end; q++)
        if (!isalnum((unsigned char)*q) && *q != '_')
            return false;
    *n = (struct name){.s = p, .len = (uint32_t)(end - p)};
    return end > p;
}

// A lone name of a variable that is a plain number, bool or null gives just that.
static int lone_scalar(struct templar *t, struct arena *a, const struct template_opts *o,
                       const struct value *in, struct value *ret, struct err *e)
{
    struct name n;
    struct value raw;
    if (!lone_name(o, in->u.str.s, in->u.str.len, &n))
        return 0;
    n.s = arena_strndup(a, n.s, n.len);
    struct value key = value_ref(n.s, n.len);
    n.hash = value_hash(&key);
    int rc = find_raw(t, a, &n, &raw, e);
    if (rc <= 0)
        return rc;
    if (raw.type > VALUE_FLOAT)
        return 0;
    *ret = raw;
    return 1;
}

static int nested_string(struct templar *t, struct arena *a, const struct value *in,
                         const struct template_opts *o, struct value *ret, struct err *e)
{
    *ret = *in;
    if (in->flags & VALUE_VAULT) {
        template_hooks.vault_seen = true;
        return o->keep_vault ? 0 : value_reveal_text(t, a, ret, e);
    }
    if (in->flags & VALUE_UNSAFE || !has_start(o, in->u.str.s, in->u.str.len))
        return 0;
    int rc = lone_scalar(t, a, o, in, ret, e);
    if (rc)
        return rc < 0 ? err_at(e, value_pos(in)) : 0;
    struct render how = {.o = o, .form = FORM_STRING, .pos = value_pos(in)};
    struct err local = ERR_INIT;
    rc = render_string(t, a, in->u.str.s, in->u.str.len, &how, ret, &local);
    if (rc == ERR_UNDEFINED && !o->fail_on_undefined) {
        err_release(&local);
        *ret = *in;
        return 0;
    }
    if (rc < 0)
        return err_move(e, &local);
    if (!ret->line) {
        value_set_pos(ret, value_pos(in));
        if (ret->type == VALUE_STRING) // made here, not read
            ret->flags |= VALUE_PLAIN_STR;
    }
    return 0;
}

// True when templating changed nothing, so that the original can stay.
static bool same(const struct value *x, const struct value *y)
{
    if (x->type != y->type || x->flags != y->flags)
        return false;
    return x->type == VALUE_STRING ? x->u.str.s == y->u.str.s && x->u.str.len == y->u.str.len
                                   : memcmp(&x->u, &y->u, sizeof(int64_t)) == 0;
}

static int too_many_parts(const struct value *in, const struct value *v, struct err *e)
{
    return value_nodes(v) > NODES_MAX
               ? err_set(e, ERR_LIMIT, value_pos(in), "value of more than %zu parts", NODES_MAX)
               : 0;
}

static int nested_list(struct templar *t, struct arena *a, const struct value *in,
                       const struct template_opts *o, struct value *ret, struct err *e, int depth)
{
    const struct list *l = in->u.list;
    struct list *copy = NULL;
    for (size_t i = 0; i < l->len; i++) {
        struct value v;
        int rc = template_nested(t, a, &l->items[i], o, &v, e, depth + 1);
        if (rc < 0)
            return rc;
        if (!copy && (!same(&v, &l->items[i]) || in->flags & VALUE_TUPLE)) {
            copy = value_shallow(a, in).u.list;
        }
        if (copy) {
            copy->items[i] = v;
            value_count(&copy->nodes, &v);
        }
    }
    *ret = *in;
    ret->flags &= (uint8_t)~VALUE_TUPLE;
    if (copy)
        ret->u.list = copy;
    return too_many_parts(in, ret, e);
}

static int nested_dict(struct templar *t, struct arena *a, const struct value *in,
                       const struct template_opts *o, struct value *ret, struct err *e, int depth)
{
    struct dict *copy = NULL;
    struct dict_entry *d;
    DICT_EACH(in->u.dict, d)
    {
        struct value v;
        int rc = template_nested(t, a, &d->val, o, &v, e, depth + 1);
        if (rc < 0)
            return rc;
        if (!copy && !same(&v, &d->val))
            copy = value_shallow(a, in).u.dict;
        if (copy)
            dict_setv(copy, d->key, v);
    }
    *ret = *in;
    if (copy)
        ret->u.dict = copy;
    return too_many_parts(in, ret, e);
}

int template_nested(struct templar *t, struct arena *a, const struct value *in,
                    const struct template_opts *o, struct value *ret, struct err *e, int depth)
{
    if (depth > 100)
        return err_set(e, ERR_LIMIT, value_pos(in), "value is nested too deeply");
    switch (in->type) {
    case VALUE_STRING:
        return nested_string(t, a, in, o, ret, e);
    case VALUE_LIST:
        if (!(in->flags & VALUE_PLAIN))
            return nested_list(t, a, in, o, ret, e, depth);
        break;
    case VALUE_DICT:
        if (!(in->flags & VALUE_PLAIN))
            return nested_dict(t, a, in, o, ret, e, depth);
        break;
    default:
        break;
    }
    *ret = *in;
    return 0;
}

// Data such as facts, in which there is nothing to template.
static bool nothing_to_do(const struct templar *t, const struct value *in)
{
    const struct template_opts *o = &t->opts;
    bool unsafe = false;
    return in->type != VALUE_STRING && !o->keep_unsafe && !o->block_start && !o->variable_start &&
           !o->comment_start && !template_hooks.vault_seen && value_is_plain(in, 0, &unsafe);
}

int template_value(struct templar *t, struct arena *a, const struct value *in, struct value *ret,
                   struct err *e)
{
    struct template_session mine;
    struct value v;
    if (in->type < VALUE_STRING || in->type > VALUE_DICT || nothing_to_do(t, in)) {
        *ret = *in;
        return 0;
    }
    int rc = session_enter(t, a, &mine, e);
    if (rc < 0)
        return err_at(e, value_pos(in));
    rc = template_nested(t, a, in, &t->opts, &v, e, 0);
    if (rc == 0 && template_hooks.vault_seen && !t->opts.keep_vault)
        rc = value_reveal(t, a, &v, 0, e);
    else if (rc == 0 && template_hooks.vault_seen)
        rc = value_check_vault(&v, 0, e);
    session_leave(t, &mine);
    if (rc < 0)
        return rc;
    if (t->opts.keep_unsafe) {
        v = value_copy(a, &v);
        value_mark_unsafe(&v);
    }
    *ret = v;
    return 0;
}

int template_expression(struct templar *t, struct arena *a, const char *expr, struct pos pos,
                        struct value *ret, struct err *e)
{
    struct render how = {.o = &t->opts, .form = FORM_EXPRESSION, .pos = pos};
    return render_string(t, a, expr, strlen(expr), &how, ret, e);
}
