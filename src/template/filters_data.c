// Filters between data and text: to_json, from_json, tojson, to_yaml, from_yaml, pprint.
#include "core/json.h"
#include "template/datetime.h"
#include "template/hooks.h"
#include "template/pysort.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"
#include "template/yaml_dump.h"

#include <string.h>

#define MAX_DEPTH 200

// The same data with the keys of all mappings in Python's order; 0, or ERR_INVALID for keys that
// have none.
static int sort_keys(struct call *c, const struct value *v, int depth, struct value *ret,
                     struct err *e)
{
    int rc = 0;
    struct value in = *v; // v may be ret
    *ret = in;
    if (depth > MAX_DEPTH || (in.type != VALUE_LIST && in.type != VALUE_DICT))
        return 0;
    if (in.type == VALUE_LIST) {
        *ret = value_list(c->arena);
        ret->flags = in.flags & VALUE_TUPLE;
        for (size_t i = 0; i < in.u.list->len && rc >= 0; i++) {
            struct value item;
            rc = sort_keys(c, &in.u.list->items[i], depth + 1, &item, e);
            list_add(ret->u.list, item);
        }
        return rc;
    }
    struct sort_item *items = arena_array(c->arena, struct sort_item, in.u.dict->len + 1);
    size_t n = 0;
    struct dict_entry *d;
    DICT_EACH(in.u.dict, d)
    items[n++] = (struct sort_item){d->key, d->val};
    rc = sort_items(c, items, n, false, e);
    *ret = value_dict(c->arena);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        struct value val;
        rc = sort_keys(c, &items[i].val, depth + 1, &val, e);
        dict_setv(ret->u.dict, items[i].key, val);
    }
    return rc;
}

// JSON indented by one blank a level, each of them made unit.
static struct value reindent(struct call *c, const struct value *json, struct text unit)
{
    struct buf b = call_buf(c);
    bool start = true;
    for (size_t i = 0; i < json->u.str.len; i++) {
        char ch = json->u.str.s[i];
        if (start && ch == ' ') {
            buf_add(&b, unit.s, unit.len);
            continue;
        }
        buf_addc(&b, ch);
        start = ch == '\n';
    }
    return take_buf(c, &b);
}

// Objects that JSON has no form for fail; a date becomes its text. Changes ret where there are
// some.
static int plain_json(struct call *c, struct value *ret, int depth, struct err *e)
{
    struct value in = *ret;
    struct dict_entry *d;
    int rc = 0;
    if (depth > MAX_DEPTH)
        return 0;
    if (in.type == VALUE_OBJECT) {
        rc = plain_of(c, &in, ret, e);
        if (rc >= 0 && datetime_is(ret))
            *ret = datetime_iso(c->arena, ret);
        return rc < 0 || ret->type != VALUE_OBJECT
                   ? rc
                   : fail_type(c, e, "Object of type %s is not JSON serializable",
                               value_type_name(ret));
    }
    if (in.type == VALUE_LIST)
        *ret = value_shallow(c->arena, &in);
    for (size_t i = 0; in.type == VALUE_LIST && i < in.u.list->len && rc >= 0; i++)
        rc = plain_json(c, &ret->u.list->items[i], depth + 1, e);
    if (in.type != VALUE_DICT)
        return rc;
    *ret = value_shallow(c->arena, &in);
    DICT_EACH(ret->u.dict, d)
    if (rc >= 0)
        rc = plain_json(c, &d->val, depth + 1, e);
    return rc;
}

static bool has_object(const struct value *v, int depth)
{
    struct dict_entry *d;
    bool yes = v->type == VALUE_OBJECT;
    for (size_t i = 0; v->type == VALUE_LIST && depth < MAX_DEPTH && i < v->u.list->len && !yes;
         i++)
        yes = has_object(&v->u.list->items[i], depth + 1);
    if (v->type == VALUE_DICT && depth < MAX_DEPTH)
        DICT_EACH(v->u.dict, d)
    yes = yes || has_object(&d->val, depth + 1);
    return yes;
}

static int write_json(struct call *c, const struct value *indent, const struct value *separators,
                      const struct value *sort, bool ascii, struct value *ret, struct err *e)
{
    struct value v = c->self;
    struct json_opts o = {.ascii = ascii};
    int64_t n = 0;
    bool sorted = false;
    int rc = 0;
    const struct value *undef = value_find_undefined(&v, 0);
    if (undef && !is_strict(undef))
        return fail_type(c, e, "Object of type Undefined is not JSON serializable");
    if (undef)
        return fail_undefined(c, undef, e);
    if (has_object(&v, 0))
        rc = plain_json(c, &v, 0, e);
    if (rc >= 0 && sort && v.type != VALUE_STRING) // not looked at for a text
        rc = truth_of(c, sort, &sorted, e);
    if (rc >= 0 && sorted)
        rc = sort_keys(c, &v, 0, &v, e);
    bool pretty = indent && indent->type != VALUE_NULL;
    if (rc >= 0 && pretty && indent->type != VALUE_STRING)
        rc = index_of(c, indent, &n, e);
    else if (pretty)
        n = (int64_t)indent->u.str.len;
    if (rc < 0)
        return rc;
    bool own = pretty && (n <= 0 || indent->type == VALUE_STRING); // not a number of blanks
    o.indent = own ? 1 : n > (int64_t)OUTPUT_MAX ? (int)OUTPUT_MAX + 1 : (int)n;
    if (pretty)
        o.item_sep = ",";
    if (separators && separators->type == VALUE_LIST && separators->u.list->len == 2) {
        o.item_sep = text_of(c, &separators->u.list->items[0]).s;
        o.key_sep = text_of(c, &separators->u.list->items[1]).s;
    }
    struct buf b = call_buf(c);
    json_write(&b, &v, &o);
    *ret = take_buf(c, &b);
    if (own)
        *ret = reindent(c, ret, indent->type == VALUE_STRING ? text_of(c, indent) : text_lit(""));
    return 0;
}

// to_json: JSON in one line; indent, sort_keys, ensure_ascii and separators as
// json.dumps.
BUILTIN(filter_to_json)
{
    const struct value *indent = NULL, *sep = NULL, *sorted = NULL, *ignored = NULL;
    bool ascii = true;
    int rc = args_read(
        c, e,
        "skipkeys:v ensure_ascii:b check_circular:v allow_nan:v indent:v separators:v sort_keys:v "
        "default:v cls:v vault_to_text:v preprocess_unsafe:v",
        &ignored, &ascii, &ignored, &ignored, &indent, &sep, &sorted, &ignored, &ignored, &ignored,
        &ignored);
    return rc < 0 ? rc : write_json(c, indent, sep, sorted, ascii, ret, e);
}

// to_nice_json: JSON over several lines, keys sorted.
BUILTIN(filter_to_nice_json)
{
    struct value four = value_int(4), yes = value_bool(true);
    const struct value *indent = &four, *sorted = &yes, *ignored = NULL;
    bool ascii = true;
    int rc = args_read(
        c, e,
        "indent:v sort_keys:v ensure_ascii:b skipkeys:v check_circular:v allow_nan:v default:v",
        &indent, &sorted, &ascii, &ignored, &ignored, &ignored, &ignored);
    return rc < 0 ? rc : write_json(c, indent, NULL, sorted, ascii, ret, e);
}

// tojson: JSON that is safe inside HTML, keys sorted.
BUILTIN(filter_tojson)
{
    const struct value *indent = NULL;
    struct value json, yes = value_bool(true);
    int rc = args_read(c, e, "indent:v", &indent);
    if (rc >= 0)
        rc = write_json(c, indent, NULL, &yes, true, &json, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    for (size_t i = 0; i < json.u.str.len; i++) {
        char ch = json.u.str.s[i];
        if (ch == '<' || ch == '>' || ch == '&' || ch == '\'')
            buf_addf(&b, "\\u%04x", (unsigned)ch);
        else
            buf_addc(&b, ch);
    }
    *ret = take_buf(c, &b);
    ret->flags |= VALUE_MARKUP;
    return 0;
}

// Python's words for the place and kind of a mistake in JSON text.
static int json_error(struct call *c, const struct err *why, struct err *e)
{
    static const struct {
        const char *core, *python;
    } words[] = {
        {"expected a value", "Expecting value"},
        {"expected ':'", "Expecting ':' delimiter"},
        {"extra data", "Extra data"},
        {"object does not end", "Expecting property name enclosed in double quotes"},
        {"expected a key", "Expecting property name enclosed in double quotes"},
    };
    const char *s = c->self.u.str.s, *msg = err_msg(why);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(msg, words[i].core)) {
            size_t at = 0;
            for (uint32_t line = 1; line < why->pos.line && s[at]; at++)
                line += s[at] == '\n';
            at += why->pos.col ? why->pos.col - 1u : 0;
            return fail_with(c, e, "%s: line %u column %u (char %zu)", words[i].python,
                             why->pos.line, why->pos.col, at);
        }
    return fail_with(c, e, "%s", msg);
}

// from_json: The data a JSON text holds.
BUILTIN(filter_from_json)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "the JSON object must be str, bytes or bytearray, not %s",
                         value_type_name(&c->self));
    struct err why = ERR_INIT;
    rc = json_parse(c->arena, c->self.u.str.s, c->self.u.str.len, ret, &why);
    if (rc < 0)
        rc = json_error(c, &why, e);
    err_release(&why);
    return rc;
}

static int dump_yaml(struct call *c, struct yaml_dump_opts *o, struct value *ret, struct err *e)
{
    struct buf b = call_buf(c);
    int rc = yaml_dump(c, &c->self, o, &b, e);
    *ret = take_buf(c, &b);
    if (rc < 0 && e && rc != ERR_LIMIT) { // Ansible says it twice
        const char *msg = arena_strdup(c->arena, err_msg(e));
        rc = fail_with(c, e, "%s - %s. %s", c->name, msg, msg);
    }
    return rc;
}

static bool has_mapping(const struct value *v, int depth)
{
    bool yes = v->type == VALUE_DICT || v->type == VALUE_OBJECT;
    for (size_t i = 0; v->type == VALUE_LIST && depth < MAX_DEPTH && i < v->u.list->len && !yes;
         i++)
        yes = has_mapping(&v->u.list->items[i], depth + 1);
    return yes;
}

// Whether YAML asks for the style of a collection.
static bool has_items(const struct value *v)
{
    return v->type == VALUE_LIST || v->type == VALUE_DICT || v->type == VALUE_OBJECT;
}

static int yaml_options(struct call *c, const struct value *indent, const struct value *width,
                        const struct value *sorted, const struct value *style,
                        struct yaml_dump_opts *o, struct err *e)
{
    int64_t n = 0;
    bool truth = true;
    int rc = 0;
    if (indent && indent->type != VALUE_NULL)
        rc = index_of(c, indent, &n, e);
    o->indent = n > 9 ? 0 : (int)n;
    n = 0;
    if (rc >= 0 && width && width->type == VALUE_FLOAT)
        n = -1; // "inf" has no other way to be written
    else if (rc >= 0 && width && width->type != VALUE_NULL)
        rc = index_of(c, width, &n, e);
    o->width = n > 1 << 30 ? -1 : n < 0 ? -1 : (int)n;
    if (rc >= 0 && sorted && (!is_strict(sorted) || has_mapping(&c->self, 0)))
        rc = truth_of(c, sorted, &truth, e);
    o->unsorted = !truth;
    if (style && style->type == VALUE_STRING && style->u.str.len == 1)
        o->style = style->u.str.s[0];
    return rc;
}

#define YAML_KWARGS                                                                                \
    " width:v sort_keys:v default_style:v explicit_start:b explicit_end:b allow_unicode:v "        \
    "line_break:v encoding:v "                                                                     \
    "version:v tags:v"

// to_yaml: YAML; collections of plain scalars in one line.
BUILTIN(filter_to_yaml)
{
    const struct value *indent = NULL, *width = NULL, *sorted = NULL, *style = NULL, *flow = NULL,
                       *ignored = NULL;
    struct yaml_dump_opts o = {.flow = YAML_FLOW_LEAVES};
    bool flow_on = false;
    int rc = args_read(c, e, "indent:v default_flow_style:v" YAML_KWARGS, &indent, &flow, &width,
                       &sorted, &style, &o.explicit_start, &o.explicit_end, &ignored, &ignored,
                       &ignored, &ignored, &ignored);
    if (rc >= 0 && flow && flow->type != VALUE_NULL && (!is_strict(flow) || has_items(&c->self))) {
        rc = truth_of(c, flow, &flow_on, e);
        o.flow = flow_on ? YAML_FLOW : YAML_BLOCK;
    }
    if (rc >= 0)
        rc = yaml_options(c, indent, width, sorted, style, &o, e);
    return rc < 0 ? rc : dump_yaml(c, &o, ret, e);
}

// to_nice_yaml: YAML in block style, indented by 4.
BUILTIN(filter_to_nice_yaml)
{
    struct value four = value_int(4);
    const struct value *indent = &four, *width = NULL, *sorted = NULL, *style = NULL,
                       *ignored = NULL;
    struct yaml_dump_opts o = {.flow = YAML_BLOCK};
    int rc =
        args_read(c, e, "indent:v" YAML_KWARGS, &indent, &width, &sorted, &style, &o.explicit_start,
                  &o.explicit_end, &ignored, &ignored, &ignored, &ignored, &ignored);
    if (rc >= 0)
        rc = yaml_options(c, indent, width, sorted, style, &o, e);
    return rc < 0 ? rc : dump_yaml(c, &o, ret, e);
}

// Texts of a filter are Python's own, not those of a playbook.
static void mark_own(struct value *v, int depth)
{
    struct dict_entry *d;
    if (v->type == VALUE_STRING)
        v->flags |= VALUE_PLAIN_STR;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len && depth < MAX_DEPTH; i++)
        mark_own(&v->u.list->items[i], depth + 1);
    if (v->type != VALUE_DICT || depth >= MAX_DEPTH)
        return;
    DICT_EACH(v->u.dict, d)
    {
        mark_own(&d->key, depth + 1);
        mark_own(&d->val, depth + 1);
    }
}

static int load_yaml(struct call *c, bool all, struct value *ret, struct err *e)
{
    int rc = args_none(c, e);
    *ret = c->self;
    if (rc < 0 || c->self.type != VALUE_STRING)
        return rc;
    if (!template_hooks.yaml_load)
        return err_set(e, ERR_UNSUPPORTED, c->pos, "from_yaml: no YAML reader is linked");
    rc = template_hooks.yaml_load(c->arena, c->self.u.str.s, c->self.u.str.len, all, ret, e);
    if (rc >= 0)
        mark_own(ret, 0);
    return rc;
}

// from_yaml: The data a YAML text holds; what is not text stays.
BUILTIN(filter_from_yaml)
{
    return load_yaml(c, false, ret, e);
}

// from_yaml_all: The data of every document in a YAML text.
BUILTIN(filter_from_yaml_all)
{
    return load_yaml(c, true, ret, e);
}

// pprint layout: a value on one line when it fits the width, else one item per line.
static void pretty(struct call *c, const struct value *v, int indent, int allowance, int depth,
                   struct buf *b)
{
    struct value sorted = *v;
    if (v->type == VALUE_DICT && sort_keys(c, v, MAX_DEPTH, &sorted, NULL) < 0)
        sorted = *v;
    struct buf line = BUF_INIT;
    value_repr(&line, &sorted);
    bool fits = (int)utf8_count(buf_str(&line), line.len) <= 80 - indent - allowance;
    bool list = v->type == VALUE_LIST && v->u.list->len,
         dict = v->type == VALUE_DICT && v->u.dict->len;
    if (fits || (!list && !dict) || depth > 50) {
        buf_add(b, buf_str(&line), line.len);
        buf_release(&line);
        return;
    }
    buf_release(&line);
    bool tuple = v->flags & VALUE_TUPLE;
    buf_addc(b, dict ? '{' : tuple ? '(' : '[');
    if (dict) {
        struct dict_entry *d;
        size_t left = sorted.u.dict->len;
        DICT_EACH(sorted.u.dict, d)
        {
            const char *key = repr_of(c, &d->key);
            if (left < sorted.u.dict->len)
                buf_fill(b, ' ', (size_t)indent + 1);
            buf_addf(b, "%s: ", key);
            left--;
            pretty(c, &d->val, indent + (int)utf8_count(key, strlen(key)) + 3,
                   left ? 1 : allowance + 1, depth + 1, b);
            buf_adds(b, left ? ",\n" : "");
        }
    }
    for (size_t i = 0; list && i < v->u.list->len; i++) {
        bool last = i + 1 == v->u.list->len;
        if (i)
            buf_fill(b, ' ', (size_t)indent + 1);
        pretty(c, &v->u.list->items[i], indent + 1, last ? allowance + 1 : 1, depth + 1, b);
        buf_adds(b, last ? "" : ",\n");
    }
    if (tuple && v->u.list->len == 1)
        buf_addc(b, ',');
    buf_addc(b, dict ? '}' : tuple ? ')' : ']');
}

// pprint: The Python literal, over several lines when it is long.
BUILTIN(filter_pprint)
{
    int rc = args_none(c, e);
    struct value sorted;
    if (sort_keys(c, &c->self, 0, &sorted, NULL) < 0)
        sorted = c->self;
    struct buf b = call_buf(c);
    pretty(c, &sorted, 0, 0, 0, &b);
    *ret = take_buf(c, &b);
    return rc;
}
