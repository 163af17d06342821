// Results as Ansible's callbacks write them out: JSON or YAML, without internal keys.
#include "cli/output.h"

#include "core/buf.h"
#include "core/json.h"
#include "template/yaml_dump.h"

#include <stdlib.h>
#include <string.h>

static bool internal_key(const char *k)
{
    return strncmp(k, "_ansible_", 9) == 0 || strncmp(k, "_andon_", 7) == 0;
}

static struct value strip(struct arena *a, const struct value *v)
{
    if (v->type == VALUE_LIST) {
        struct value l = value_list(a);
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(l.u.list, strip(a, &v->u.list->items[i]));
        return l;
    }
    if (v->type != VALUE_DICT)
        return *v;
    struct value d = value_dict(a);
    struct dict_entry *it;
    DICT_EACH(v->u.dict, it)
    if (it->key.type != VALUE_STRING || !internal_key(it->key.u.str.s))
        dict_setv(d.u.dict, it->key, strip(a, &it->val));
    return d;
}

static bool is_one_of(const struct value *key, const char *const *names)
{
    for (; *names; names++)
        if (value_eqs(key, *names))
            return true;
    return false;
}

// debug shows its message or variable alone.
static void clean_debug(struct dict *d)
{
    static const char *const always[] = {"msg", "exception", "warnings", "deprecations", NULL};
    static const char *const hidden[] = {"changed",    "failed",      "skipped",
                                         "invocation", "skip_reason", NULL};
    bool msg = dict_get(d, "msg");
    struct dict_entry *it;
    DICT_EACH(d, it)
    if (msg ? !is_one_of(&it->key, always) : is_one_of(&it->key, hidden))
        dict_delv(d, &it->key);
}

static struct value censored(struct arena *a, const struct dict *result)
{
    static const char *const keep[] = {"attempts", "changed", "retries"};
    struct value out = value_dict(a);
    dict_set(out.u.dict, "censored",
             value_cstr("the output has been hidden due to the fact that 'no_log: true' was "
                        "specified for this result"));
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (dict_get(result, keep[i]))
            dict_set(out.u.dict, keep[i], *dict_get(result, keep[i]));
    return out;
}

static struct value abridged(const struct output_opts *o, struct arena *a,
                             const struct dict *result, const char *module, unsigned flags)
{
    struct value v = {.type = VALUE_DICT};
    v.u.dict = (struct dict *)(uintptr_t)result;
    struct value out = strip(a, &v);
    struct dict *d = out.u.dict;
    if (module && strcmp(module, "debug") == 0 && !(flags & DUMP_ALL))
        clean_debug(d);
    if (o->verbosity < 3) {
        dict_del(d, "invocation");
        dict_del(d, "diff");
    }
    dict_del(d, "failed");
    dict_del(d, "skipped");
    if (o->ansible)
        dict_del(d, "false_condition"); // known to later versions only
    dict_del(d, "exception");
    if (!(flags & DUMP_WARNINGS) && config_bool(o->config, CONFIG_ACTION_WARNINGS)) {
        dict_del(d, "warnings");
        dict_del(d, "deprecations");
    }
    return out;
}

// --- YAML ----------------------------------------------------------------------------------------

// Bytes of a character that YAML takes for a line break, 0: it is none.
static size_t yaml_break(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    if (*s == '\n')
        return 1;
    if (u[0] == 0xc2 && len > 1 && u[1] == 0x85)
        return 2;
    return u[0] == 0xe2 && len > 2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9) ? 3 : 0;
}

// Drops what keeps YAML from writing a text as a block: blanks at the ends, tabs, control
// characters.
static struct text readable(struct arena *a, struct text t)
{
    struct buf b = BUF_INIT;
    size_t column = 0;
    while (t.len && strchr(" \t\n\v\f\r", t.s[t.len - 1]))
        t.len--;
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.s[i];
        if (yaml_break(t.s + i, t.len - i)) {
            while (b.len && b.p[b.len - 1] == ' ')
                b.len--;
            column = 0;
        }
        if (c == '\t') {
            buf_fill(&b, ' ', 8 - column % 8);
            column += 8 - column % 8;
        } else if (c == '\n' || (c >= 0x20 && c != 0x7f)) {
            buf_addc(&b, (char)c);
            column += c != '\n' && (c & 0xc0) != 0x80;
        }
    }
    struct text out = {arena_strndup(a, buf_str(&b), b.len), b.len};
    buf_release(&b);
    return out;
}

// Texts of several lines become blocks.
static void choose_style(void *data, struct arena *a, struct text *t, char *style)
{
    const bool *lossy = data;
    for (size_t i = 0; i < t->len; i++)
        if (yaml_break(t->s + i, t->len - i)) {
            *style = '|';
            if (*lossy)
                *t = readable(a, *t);
            return;
        }
}

static void add_yaml(struct arena *a, const struct value *v, bool lossy, int indent, struct buf *b)
{
    struct yaml_dump_opts yo = {.indent = indent, .string = choose_style, .data = &lossy};
    struct dict *none = value_dict(a).u.dict;
    struct call c = {.arena = a, .kwargs = none, .name = "to_yaml"};
    struct buf text = BUF_INIT;
    if (yaml_dump(&c, v, &yo, &text, NULL) < 0) {
        buf_clear(&text);
        json_write(&text, v, NULL);
    }
    int by = indent ? indent : 4;
    for (const char *s = buf_str(&text); *s;) {
        size_t n = strcspn(s, "\n");
        if (strspn(s, " \t") < n)
            buf_fill(b, ' ', (size_t)by);
        buf_add(b, s, n + (s[n] == '\n'));
        s += n + (s[n] == '\n');
    }
    buf_release(&text);
}

static bool wants_yaml(const struct output_opts *o)
{
    const char *format = config_str(o->config, CONFIG_RESULT_FORMAT);
    return o->ansible && format && strcmp(format, "yaml") == 0;
}

static void omit_lines(struct dict *d)
{
    if (dict_get(d, "stdout") && dict_get(d, "stdout_lines"))
        dict_set(d, "stdout_lines", value_cstr("<omitted>"));
    if (dict_get(d, "stderr") && dict_get(d, "stderr_lines"))
        dict_set(d, "stderr_lines", value_cstr("<omitted>"));
}

// --- both ----------------------------------------------------------------------------------------

char *dump_result(const struct output_opts *o, const struct dict *result, const char *module,
                  bool no_log, unsigned flags)
{
    struct arena *a = arena_new();
    struct buf b = BUF_INIT;
    const struct value *pretty = config_get(o->config, CONFIG_PRETTY_RESULTS);
    bool asked = pretty->type == VALUE_BOOL, yaml = wants_yaml(o);
    bool always = !no_log && dict_bool(result, "_ansible_verbose_always", false);
    struct value out =
        no_log ? censored(a, result) : abridged(o, a, result, no_log ? NULL : module, flags);
    bool indent = flags & DUMP_INDENT || always || o->verbosity > 2 || (asked ? pretty->u.b : yaml);
    if (asked && !pretty->u.b)
        indent = false;
    if (yaml) {
        bool lossy = !asked || pretty->u.b;
        if (lossy)
            omit_lines(out.u.dict);
        buf_addc(&b, '\n');
        add_yaml(a, &out, lossy, indent ? 4 : 0, &b);
    } else {
        json_write(&b, &out,
                   &(struct json_opts){.indent = indent ? 4 : 0,
                                       .sort_keys = true,
                                       .item_sep = flags & DUMP_TIGHT && !indent ? "," : NULL});
    }
    arena_free(a);
    return buf_detach(&b);
}

char *dump_line(const struct output_opts *o, const struct dict *d)
{
    struct arena *a = arena_new();
    struct value v = abridged(o, a, d, NULL, DUMP_WARNINGS);
    struct buf b = BUF_INIT;
    if (wants_yaml(o))
        add_yaml(a, &v, true, 1, &b);
    else
        json_write(&b, &v, &(struct json_opts){.indent = 1, .sort_keys = true});
    size_t to = 0;
    for (size_t i = 0; i < b.len; i++)
        if (b.p[i] != '\n')
            b.p[to++] = b.p[i];
    b.len = to;
    if (b.p)
        b.p[to] = '\0';
    arena_free(a);
    return buf_detach(&b);
}

void dump_diff_dict(const struct output_opts *o, const struct value *v, struct buf *b)
{
    if (!wants_yaml(o)) {
        json_write(
            b, v,
            &(struct json_opts){
                .indent = 4, .sort_keys = true, .ascii = true, .item_sep = ",", .key_sep = ": "});
    } else {
        const struct value *pretty = config_get(o->config, CONFIG_PRETTY_RESULTS);
        struct arena *a = arena_new();
        add_yaml(a, v, pretty->type != VALUE_BOOL || pretty->u.b, 4, b);
        arena_free(a);
    }
    buf_addc(b, '\n');
}
