// Ansible's wording of errors in tasks, with the excerpt of the file that it shows.
#include "core/buf.h"
#include "core/file.h"
#include "run/internal.h"

#include <string.h>

#define MAX_SOURCE (8u << 20)

// Line number n (from 1) of text; its length without the newline.
static const char *line_of(const char *text, unsigned n, size_t *len)
{
    while (--n && text)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    *len = text ? strcspn(text, "\n") : 0;
    return text;
}

static void add_quote_hint(struct buf *b, const char *line, size_t len)
{
    if (!memmem(line, len, "{{", 2) || !memmem(line, len, "}}", 2))
        return;
    buf_adds(b, "We could be wrong, but this one looks like it might be an issue with\n"
                "missing quotes. Always quote template expression brackets when they\n"
                "start a value. For instance:\n\n"
                "    with_items:\n      - {{ foo }}\n\nShould be written as:\n\n"
                "    with_items:\n      - \"{{ foo }}\"\n");
}

static void add_excerpt(struct arena *a, struct buf *b, struct pos pos)
{
    char *text;
    size_t len, before_len, line_len;
    buf_addf(b,
             "\n\nThe error appears to be in '%s': line %u, column %u, but may\nbe elsewhere in "
             "the file depending on the exact "
             "syntax problem.\n",
             src_name(pos.file), pos.line, pos.col);
    if (file_read(a, src_name(pos.file), MAX_SOURCE, &text, &len, NULL) < 0)
        return;
    const char *before = pos.line > 1 ? line_of(text, pos.line - 1, &before_len) : NULL;
    const char *line = line_of(text, pos.line, &line_len);
    if (!line)
        return;
    buf_adds(b, "\nThe offending line appears to be:\n\n");
    if (before)
        buf_add(b, before, before_len);
    buf_addc(b, '\n');
    buf_add(b, line, line_len);
    buf_addc(b, '\n');
    buf_fill(b, ' ', pos.col ? pos.col - 1u : 0);
    buf_adds(b, "^ here\n");
    add_quote_hint(b, line, line_len);
}

const char *task_error(struct exec *x, const char *prefix, const struct err *e, struct pos pos)
{
    struct buf b = BUF_INIT;
    if (e->code == ERR_UNKNOWN)
        exec_unknown(x, e);
    else if (e->code == ERR_UNDEFINED && x->h->unknown_names)
        x->unknown = arena_printf(x->a, "%s, %s", err_msg(e), x->h->unknown_names);
    buf_addf(&b, "%s%s", prefix, err_msg(e));
    x->fail_pos = e->pos.line ? e->pos : pos.line || !x->task ? pos : x->task->n.pos;
    if (x->run->o.ansible_wording && pos.line)
        add_excerpt(x->a, &b, pos);
    const char *s = arena_strdup(x->a, buf_str(&b));
    buf_release(&b);
    return s;
}

void task_warn_condition(struct exec *x, const struct value *cond)
{
    const struct run_sink *s = &x->run->o.sink;
    if (!x->run->o.ansible_wording || !s->warning) // ours is told by `andon check`
        return;
    struct value list = value_as_list(x->a, cond);
    for (size_t i = 0; i < list.u.list->len; i++) {
        const struct value *c = &list.u.list->items[i];
        if (c->type == VALUE_STRING && template_is_template(c->u.str.s, c->u.str.len))
            s->warning(s->data, value_pos(c),
                       arena_printf(x->a,
                                    "conditional statements should not include jinja2 templating "
                                    "delimiters such as {{ }} or {%% %%}. Found: %s",
                                    c->u.str.s));
    }
}
