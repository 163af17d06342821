// The emitter: block and flow collections, and scalars in the style libyaml would choose, folded as
// it folds.
#include "template/yaml_dump.h"

#include "template/datetime.h"
#include "template/pysort.h"
#include "template/unicode.h"
#include "template/yaml_scalar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 100 // each level takes three frames of a task's small stack

enum style { PLAIN, SINGLE, DOUBLE, LITERAL, FOLDED };

struct emitter {
    struct call *c;
    const struct yaml_dump_opts *o;
    struct buf *b;
    struct err *e;
    int best_indent, width;
    int indent, column, flow_level;
    bool whitespace, indention; // what the last thing written was
    bool open_ended;
    bool mapping, simple_key; // context of the node being written
};

static void put(struct emitter *m, const char *s, size_t len)
{
    buf_add(m->b, s, len);
    m->column += (int)utf8_count(s, len);
}

static void line_break(struct emitter *m)
{
    buf_addc(m->b, '\n');
    m->column = 0;
    m->whitespace = m->indention = true;
}

static void write_indent(struct emitter *m)
{
    int indent = m->indent > 0 ? m->indent : 0;
    if (!m->indention || m->column > indent || (m->column == indent && !m->whitespace))
        line_break(m);
    if (m->column < indent)
        buf_fill(m->b, ' ', (size_t)(indent - m->column));
    m->column = indent;
    m->whitespace = m->indention = true;
}

static void indicator(struct emitter *m, const char *s, bool need_space, bool is_space,
                      bool is_indention)
{
    if (need_space && !m->whitespace)
        put(m, " ", 1);
    put(m, s, strlen(s));
    m->whitespace = is_space;
    m->indention = m->indention && is_indention;
    m->open_ended = false;
}

static void increase_indent(struct emitter *m, bool flow, bool indentless)
{
    if (m->indent < 0)
        m->indent = flow ? m->best_indent : 0;
    else if (!indentless)
        m->indent += m->best_indent;
}

static bool is_break(uint32_t cp)
{
    return cp == '\r' || cp == '\n' || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

static void write_break(struct emitter *m, const char *at, const char *p)
{
    if (*at == '\n') {
        line_break(m);
        return;
    }
    put(m, at, (size_t)(p - at));
    m->column = 0;
    m->whitespace = m->indention = true;
}

static void write_plain(struct emitter *m, struct text t)
{
    bool spaces = false, breaks = false, wrap = !m->simple_key;
    if (!m->whitespace && (t.len || m->flow_level))
        put(m, " ", 1);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (cp == ' ') {
            if (wrap && !spaces && m->column > m->width && p < end && *p != ' ')
                write_indent(m);
            else
                put(m, at, 1);
            spaces = true;
        } else if (is_break(cp)) {
            if (!breaks && cp == '\n')
                line_break(m);
            write_break(m, at, p);
            breaks = true;
        } else {
            if (breaks)
                write_indent(m);
            put(m, at, (size_t)(p - at));
            m->indention = false;
            spaces = breaks = false;
        }
    }
    m->whitespace = m->indention = false;
}

static void write_single(struct emitter *m, struct text t)
{
    bool spaces = false, breaks = false, wrap = !m->simple_key;
    indicator(m, "'", true, false, false);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (cp == ' ') {
            if (wrap && !spaces && at > t.s && p < end && m->column > m->width && *p != ' ')
                write_indent(m);
            else
                put(m, at, 1);
            spaces = true;
        } else if (is_break(cp)) {
            if (!breaks && cp == '\n')
                line_break(m);
            write_break(m, at, p);
            breaks = true;
        } else {
            if (breaks)
                write_indent(m);
            if (cp == '\'')
                put(m, "'", 1);
            put(m, at, (size_t)(p - at));
            m->indention = false;
            spaces = breaks = false;
        }
    }
    if (breaks)
        write_indent(m);
    indicator(m, "'", false, false, false);
    m->whitespace = m->indention = false;
}

static void write_escape(struct emitter *m, uint32_t cp)
{
    static const struct {
        uint32_t cp;
        char name;
    } names[] = {{0, '0'},     {7, 'a'},    {8, 'b'},    {9, 't'},      {10, 'n'},
                 {11, 'v'},    {12, 'f'},   {13, 'r'},   {27, 'e'},     {'"', '"'},
                 {'\\', '\\'}, {0x85, 'N'}, {0xA0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};
    char tmp[16];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].cp == cp) {
            tmp[0] = '\\';
            tmp[1] = names[i].name;
            put(m, tmp, 2);
            return;
        }
    int n = snprintf(tmp, sizeof tmp,
                     cp <= 0xFF     ? "\\x%02X"
                     : cp <= 0xFFFF ? "\\u%04X"
                                    : "\\U%08X",
                     cp);
    put(m, tmp, (size_t)n);
}

static void write_double(struct emitter *m, struct text t)
{
    bool spaces = false, wrap = !m->simple_key;
    indicator(m, "\"", true, false, false);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        bool plain =
            (cp >= 0x20 && cp <= 0x7E) ||
            (!m->o->ascii && ((cp >= 0xA0 && cp <= 0xD7FF) || (cp >= 0xE000 && cp <= 0xFFFD)));
        if (!plain || cp == 0xFEFF || is_break(cp) || cp == '"' || cp == '\\') {
            write_escape(m, cp >= 0xDC80 && cp <= 0xDCFF ? cp - 0xDC00 : cp);
            spaces = false;
        } else if (cp == ' ') {
            if (wrap && !spaces && m->column > m->width && at > t.s && p < end) {
                write_indent(m);
                if (*p == ' ')
                    put(m, "\\", 1);
            } else {
                put(m, " ", 1);
            }
            spaces = true;
        } else {
            put(m, at, (size_t)(p - at));
            spaces = false;
        }
    }
    indicator(m, "\"", false, false, false);
    m->whitespace = m->indention = false;
}

static void block_hints(struct emitter *m, struct text t)
{
    const char *p = t.s, *end = t.s + t.len, *hint = NULL;
    m->open_ended = false;
    if (t.len) {
        uint32_t cp = utf8_next(&p, end);
        if (cp == ' ' || is_break(cp)) {
            char n[2] = {(char)('0' + m->best_indent), '\0'};
            indicator(m, n, false, false, false);
        }
        const char *last = utf8_prev(t.s, end), *q = last;
        if (!is_break(utf8_next(&q, end))) {
            hint = "-";
        } else if (last == t.s) {
            hint = "+";
        } else {
            const char *before = utf8_prev(t.s, last);
            q = before;
            if (is_break(utf8_next(&q, last)))
                hint = "+";
        }
    } else {
        hint = "-";
    }
    if (hint)
        indicator(m, hint, false, false, false);
    m->open_ended = hint && *hint == '+';
}

static void write_literal(struct emitter *m, struct text t)
{
    bool breaks = true;
    indicator(m, "|", true, false, false);
    block_hints(m, t);
    bool open_ended = m->open_ended;
    line_break(m);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (is_break(cp)) {
            write_break(m, at, p);
            breaks = true;
        } else {
            if (breaks)
                write_indent(m);
            put(m, at, (size_t)(p - at));
            m->indention = breaks = false;
        }
    }
    m->open_ended = open_ended;
}

static void write_folded(struct emitter *m, struct text t)
{
    bool breaks = true, leading = true;
    indicator(m, ">", true, false, false);
    block_hints(m, t);
    bool open_ended = m->open_ended;
    line_break(m);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (is_break(cp)) {
            if (!breaks && !leading && cp == '\n') {
                const char *k = p;
                uint32_t next = '\n';
                while (k < end && is_break(next = utf8_next(&k, end)))
                    ;
                if (next != ' ' && next != '\t' && !is_break(next))
                    line_break(m);
            }
            write_break(m, at, p);
            breaks = true;
        } else {
            if (breaks) {
                write_indent(m);
                leading = cp == ' ' || cp == '\t';
            }
            if (!breaks && cp == ' ' && p < end && *p != ' ' && m->column > m->width)
                write_indent(m);
            else
                put(m, at, (size_t)(p - at));
            m->indention = breaks = false;
        }
    }
    m->open_ended = open_ended;
}

// What a scalar is: its text, whether it is a string, and an explicit tag if its style needs one.
struct scalar {
    struct text t;
    const char *tag; // written when the plain form would not give it back
    bool plain_ok;   // the plain text resolves to the right type
    bool quoted_ok;  // a quoted text does
    char style;      // asked for: 0, '\'', '"', '|', '>'
};

static void write_scalar(struct emitter *m, const struct scalar *s)
{
    struct yaml_scalar a = yaml_analyze(s->t.s, s->t.len, !m->o->ascii);
    enum style st = s->style == '\''  ? SINGLE
                    : s->style == '"' ? DOUBLE
                    : s->style == '|' ? LITERAL
                    : s->style == '>' ? FOLDED
                                      : PLAIN;
    if (m->simple_key && a.multiline)
        st = DOUBLE;
    // without a tag a plain scalar must resolve to its type; with one (never implicit) it is
    // written out
    bool no_tag = s->plain_ok || s->quoted_ok;
    if (st == PLAIN) {
        if (!(m->flow_level ? a.flow_plain : a.block_plain) ||
            (!s->t.len && (m->flow_level || m->simple_key)) || (no_tag && !s->plain_ok))
            st = SINGLE;
    }
    if (st == SINGLE && !a.single_quoted)
        st = DOUBLE;
    if ((st == LITERAL || st == FOLDED) && (!a.block || m->flow_level || m->simple_key))
        st = DOUBLE;
    if (st == PLAIN ? !s->plain_ok : !s->quoted_ok)
        indicator(m, s->tag, true, false, false);
    int saved = m->indent;
    increase_indent(m, true, false);
    switch (st) {
    case PLAIN:
        write_plain(m, s->t);
        break;
    case SINGLE:
        write_single(m, s->t);
        break;
    case DOUBLE:
        write_double(m, s->t);
        break;
    case LITERAL:
        write_literal(m, s->t);
        break;
    case FOLDED:
        write_folded(m, s->t);
        break;
    }
    m->indent = saved;
}

static struct text float_text(struct emitter *m, double f)
{
    struct buf b = BUF_INIT;
    if (isnan(f))
        buf_adds(&b, ".nan");
    else if (isinf(f))
        buf_adds(&b, f < 0 ? "-.inf" : ".inf");
    else
        value_print_float(&b, f);
    char *exp = b.p ? strchr(b.p, 'e') : NULL;
    if (exp && !strchr(b.p, '.')) { // the YAML type wants a fraction
        struct buf fixed = BUF_INIT;
        buf_addf(&fixed, "%.*s.0%s", (int)(exp - b.p), b.p, exp);
        buf_release(&b);
        b = fixed;
    }
    struct value v = take_buf(m->c, &b);
    return (struct text){v.u.str.s, v.u.str.len};
}

// The scalar that stands for v; false when v is a collection or nothing YAML has.
static bool scalar_of(struct emitter *m, const struct value *v, struct scalar *s)
{
    *s = (struct scalar){.tag = "!", .plain_ok = true, .style = m->o->style};
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
        s->t = (struct text){"null", 4};
        return true;
    case VALUE_BOOL:
        s->t = v->u.b ? (struct text){"true", 4} : (struct text){"false", 5};
        return true;
    case VALUE_INT:
        s->t = text_of(m->c, v);
        return true;
    case VALUE_FLOAT:
        s->t = float_text(m, v->u.f);
        return true;
    case VALUE_STRING:
        if (v->flags & VALUE_MARKUP)
            return false;
        if (v->flags & VALUE_BYTES) {
            struct buf b = call_buf(m->c);
            yaml_binary(&b, v->u.str.s, v->u.str.len);
            struct value lines = take_buf(m->c, &b);
            *s = (struct scalar){
                .t = {lines.u.str.s, lines.u.str.len}, .tag = "!!binary", .style = '|'};
            return true;
        }
        s->t = (struct text){v->u.str.s, v->u.str.len};
        s->quoted_ok = true;
        if (m->o->string && !(v->flags & VALUE_VAULT))
            m->o->string(m->o->data, m->c->arena, &s->t, &s->style);
        s->plain_ok = !yaml_resolves(s->t.s, s->t.len);
        if (v->flags & VALUE_VAULT) {
            s->tag = "!vault";
            s->plain_ok = s->quoted_ok = false;
            s->style = '|';
        }
        return true;
    case VALUE_OBJECT:
        if (!datetime_is(v))
            return false;
        s->t = text_of(m->c, v);
        return true;
    case VALUE_LIST:
    case VALUE_DICT:
    case VALUE_UNDEFINED:
        return false;
    }
    return false;
}

// True when all leaves are plain scalars, which default_flow_style None writes in one line.
static bool all_scalars(struct emitter *m, const struct value *v)
{
    struct scalar s;
    struct dict_entry *d;
    if (m->o->style)
        return false;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            if (!scalar_of(m, &v->u.list->items[i], &s) || s.style)
                return false;
        return true;
    }
    DICT_EACH(v->u.dict, d)
    if (!scalar_of(m, &d->key, &s) || s.style || !scalar_of(m, &d->val, &s) || s.style)
        return false;
    return true;
}

static bool wants_flow(struct emitter *m, const struct value *v)
{
    bool empty = v->type == VALUE_LIST ? !v->u.list->len : !v->u.dict->len;
    return m->flow_level || empty || m->o->flow == YAML_FLOW ||
           (m->o->flow == YAML_FLOW_LEAVES && all_scalars(m, v));
}

// A key short and simple enough for "key: value" (128 bytes, one line).
static bool simple_key(struct emitter *m, const struct value *key)
{
    struct scalar s;
    if (!scalar_of(m, key, &s))
        return (key->type == VALUE_LIST && !key->u.list->len) ||
               (key->type == VALUE_DICT && !key->u.dict->len);
    struct yaml_scalar a = yaml_analyze(s.t.s, s.t.len, !m->o->ascii);
    bool tagged = !s.plain_ok && !s.quoted_ok;
    return !a.multiline && s.t.len + (tagged ? strlen(s.tag) : 0) <= 128;
}

// Entries of a mapping in the order they are written: by key, or as they are when keys cannot be
// compared.
static struct sort_item *ordered(struct emitter *m, const struct dict *d)
{
    struct sort_item *items = arena_array(m->c->arena, struct sort_item, d->len + 1);
    struct dict_entry *en;
    size_t n = 0;
    DICT_EACH(d, en)
    items[n++] = (struct sort_item){en->key, en->val};
    if (m->o->unsorted || n < 2)
        return items;
    struct sort_item *copy = arena_array(m->c->arena, struct sort_item, n);
    memcpy(copy, items, n * sizeof *copy);
    return sort_items(m->c, copy, n, false, NULL) < 0 ? items : copy;
}

static int node(struct emitter *m, const struct value *v, int depth);

static int node_in(struct emitter *m, const struct value *v, bool mapping, bool simple, int depth)
{
    m->mapping = mapping;
    m->simple_key = simple;
    return node(m, v, depth);
}

static int flow_pair(struct emitter *m, const struct sort_item *it, int depth)
{
    bool simple = simple_key(m, &it->key);
    if (!simple)
        indicator(m, "?", true, false, false);
    int rc = node_in(m, &it->key, true, simple, depth);
    if (rc < 0)
        return rc;
    if (simple) {
        indicator(m, ":", false, false, false);
    } else {
        if (m->column > m->width)
            write_indent(m);
        indicator(m, ":", true, false, false);
    }
    return node_in(m, &it->val, true, false, depth);
}

static int flow_collection(struct emitter *m, const struct value *v, int depth)
{
    bool list = v->type == VALUE_LIST;
    size_t n = list ? v->u.list->len : v->u.dict->len;
    struct sort_item *items = list ? NULL : ordered(m, v->u.dict);
    int saved = m->indent, rc = 0;
    indicator(m, list ? "[" : "{", true, true, false);
    increase_indent(m, true, false);
    m->flow_level++;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        if (i)
            indicator(m, ",", false, false, false);
        if (m->column > m->width)
            write_indent(m);
        rc = list ? node_in(m, &v->u.list->items[i], false, false, depth)
                  : flow_pair(m, &items[i], depth);
    }
    m->flow_level--;
    m->indent = saved;
    indicator(m, list ? "]" : "}", false, false, false);
    return rc;
}

static int block_list(struct emitter *m, const struct list *l, int depth)
{
    int saved = m->indent, rc = 0;
    increase_indent(m, false, m->mapping && !m->indention);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        write_indent(m);
        indicator(m, "-", true, false, true);
        rc = node_in(m, &l->items[i], false, false, depth);
    }
    m->indent = saved;
    return rc;
}

static int block_dict(struct emitter *m, const struct dict *d, int depth)
{
    struct sort_item *items = ordered(m, d);
    int saved = m->indent, rc = 0;
    increase_indent(m, false, false);
    for (size_t i = 0; i < d->len && rc >= 0; i++) {
        write_indent(m);
        bool simple = simple_key(m, &items[i].key);
        if (!simple)
            indicator(m, "?", true, false, true);
        rc = node_in(m, &items[i].key, true, simple, depth);
        if (rc < 0)
            break;
        if (simple) {
            indicator(m, ":", false, false, false);
        } else {
            write_indent(m);
            indicator(m, ":", true, false, true);
        }
        rc = node_in(m, &items[i].val, true, false, depth);
    }
    m->indent = saved;
    return rc;
}

static int node(struct emitter *m, const struct value *v, int depth)
{
    struct value p;
    struct scalar s;
    if (depth > MAX_DEPTH)
        return err_set(m->e, ERR_LIMIT, m->c->pos, "to_yaml - nested more than %d levels deep",
                       MAX_DEPTH);
    if (is_strict(v))
        return fail_undefined(m->c, v, m->e);
    if (scalar_of(m, v, &s)) {
        write_scalar(m, &s);
        return 0;
    }
    int rc = plain_of(m->c, v, &p, m->e);
    if (rc < 0)
        return rc;
    if (value_is_group(v))
        return fail_with(m->c, m->e, "('cannot represent an object', %s)", repr_of(m->c, v));
    if (p.type != VALUE_LIST && p.type != VALUE_DICT) {
        if (p.type != VALUE_OBJECT)
            return node(m, &p, depth + 1);
        return fail_with(m->c, m->e, "('cannot represent an object', %s)", repr_of(m->c, v));
    }
    if (wants_flow(m, &p))
        return flow_collection(m, &p, depth + 1);
    return p.type == VALUE_LIST ? block_list(m, p.u.list, depth + 1)
                                : block_dict(m, p.u.dict, depth + 1);
}

int yaml_dump(struct call *c, const struct value *v, const struct yaml_dump_opts *o, struct buf *b,
              struct err *e)
{
    struct emitter m = {
        .c = c, .o = o, .b = b, .e = e, .indent = -1, .whitespace = true, .indention = true};
    m.best_indent = o->indent >= 2 && o->indent <= 9 ? o->indent : 2;
    m.width = o->width < 0 ? INT32_MAX : o->width <= m.best_indent * 2 ? 80 : o->width;
    if (o->explicit_start)
        indicator(&m, "---", true, false, false);
    int rc = node(&m, v, 0);
    if (rc < 0)
        return rc;
    bool open_ended = m.open_ended;
    if (m.column || !m.whitespace)
        write_indent(&m);
    if (o->explicit_end || open_ended)
        buf_adds(b, "...\n");
    return 0;
}
