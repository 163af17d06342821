// What the outputs share: colours, banners, warnings.
#include "cli/output.h"

#include "cli/text.h"
#include "cli/textwrap.h"

#include "core/buf.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

// The numbers of the escape sequence that stands for a colour.
static void code_of(const char *name, char *ret, size_t size)
{
    static const struct {
        const char *name, *code;
    } table[] = {{"black", "0;30"},     {"bright gray", "0;37"},
                 {"blue", "0;34"},      {"white", "1;37"},
                 {"green", "0;32"},     {"bright blue", "1;34"},
                 {"cyan", "0;36"},      {"bright green", "1;32"},
                 {"red", "0;31"},       {"bright cyan", "1;36"},
                 {"purple", "0;35"},    {"bright red", "1;31"},
                 {"yellow", "0;33"},    {"bright purple", "1;35"},
                 {"dark gray", "1;30"}, {"bright yellow", "1;33"},
                 {"magenta", "0;35"},   {"bright magenta", "1;35"},
                 {"normal", "0"}};
    unsigned n, g, b;
    for (size_t i = 0; name && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0) {
            snprintf(ret, size, "%s", table[i].code);
            return;
        }
    if (name && sscanf(name, "color%u", &n) == 1)
        snprintf(ret, size, "38;5;%u", n);
    else if (name && sscanf(name, "rgb%1u%1u%1u", &n, &g, &b) == 3)
        snprintf(ret, size, "38;5;%u", 16 + 36 * n + 6 * g + b);
    else if (name && sscanf(name, "gray%u", &n) == 1)
        snprintf(ret, size, "38;5;%u", 232 + n);
    else
        snprintf(ret, size, "0");
}

void color_text(const struct output_opts *o, int color, const char *s, size_t len, struct buf *b)
{
    char code[24];
    if (!o->color || color < 0) {
        buf_add(b, s, len);
        return;
    }
    code_of(config_str(o->config, (enum config_id)color), code, sizeof code);
    for (;;) { // each line in codes of its own, empty ones too
        const char *nl = memchr(s, '\n', len);
        size_t n = nl ? (size_t)(nl - s) : len;
        buf_addf(b, "\033[%sm", code);
        buf_add(b, s, n);
        buf_adds(b, "\033[0m");
        if (!nl)
            return;
        buf_addc(b, '\n');
        s += n + 1;
        len -= n + 1;
    }
}

void display(const struct output_opts *o, int color, FILE *to, const char *text)
{
    struct buf b = BUF_INIT;
    size_t len = strlen(text);
    if (len && text[len - 1] == '\n')
        len--;
    color_text(o, color, text, len, &b);
    buf_addc(&b, '\n');
    if (to == stderr)
        fflush(stdout);
    fwrite(buf_str(&b), 1, b.len, to);
    buf_release(&b);
}

void print_value(const struct value *v, const struct json_opts *o)
{
    struct buf b = BUF_INIT;
    json_write(&b, v, o);
    buf_addc(&b, '\n');
    fwrite(buf_str(&b), 1, b.len, stdout);
    buf_release(&b);
}

void displayf(const struct output_opts *o, int color, FILE *to, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    display(o, color, to, buf_str(&b));
    buf_release(&b);
}

void print_color(const struct output_opts *o, enum config_id color, FILE *to, const char *fmt, ...)
{
    struct buf b = BUF_INIT, out = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    bool ended = b.len && buf_str(&b)[b.len - 1] == '\n';
    color_text(o, (int)color, buf_str(&b), b.len - ended, &out);
    if (ended)
        buf_addc(&out, '\n');
    fwrite(buf_str(&out), 1, out.len, to);
    buf_release(&b);
    buf_release(&out);
}

void print_banner(const struct output_opts *o, const char *text)
{
    struct buf b = BUF_INIT;
    text += strspn(text, " \t\n\r");
    buf_adds(&b, text);
    while (b.len && strchr(" \t\n\r", b.p[b.len - 1]))
        b.p[--b.len] = '\0';
    int stars = o->columns - 1 - (int)text_columns(buf_str(&b), b.len);
    buf_addc(&b, ' ');
    buf_fill(&b, '*', stars <= 3 ? 3 : (size_t)stars);
    printf("\n%s\n", buf_str(&b));
    buf_release(&b);
}

// --- warnings ------------------------------------------------------------------------------------

// True when a text has not been told yet: warnings are told once.
static bool first_time(const char *text)
{
    static struct arena *arena;
    static struct dict *told;
    if (!told) {
        arena = arena_new();
        told = value_dict(arena).u.dict;
    }
    if (dict_get(told, text))
        return false;
    dict_set(told, text, value_bool(true));
    return true;
}

void print_warning(const struct output_opts *o, const char *fmt, ...)
{
    struct buf b = BUF_INIT, all = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_adds(&b, o->ansible ? "[WARNING]: " : "warning: ");
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    if (o->ansible)
        text_wrap(&all, buf_str(&b), (size_t)(o->columns - 1), false);
    else
        buf_adds(&all, buf_str(&b));
    if (first_time(buf_str(&all)))
        display(o, CONFIG_COLOR_WARN, stderr, buf_str(&all));
    buf_release(&all);
    buf_release(&b);
}

void print_deprecation(const struct output_opts *o, const char *msg, const char *version,
                       const char *date, const char *collection)
{
    struct buf b = BUF_INIT, all = BUF_INIT;
    if (!config_bool(o->config, CONFIG_DEPRECATION_WARNINGS))
        return;
    msg += strspn(msg, " \t\n\r");
    size_t len = strlen(msg);
    while (len && strchr(" \t\n\r", msg[len - 1]))
        len--;
    buf_addf(&b, "[DEPRECATION WARNING]: %.*s", (int)len, msg);
    if (len && !strchr("!?.", msg[len - 1]))
        buf_addc(&b, '.');
    buf_adds(&b, " This feature will be removed");
    if (collection && *collection)
        buf_addf(&b, " from %s",
                 strcmp(collection, "ansible.builtin") == 0 ? "ansible-core" : collection);
    if (date && *date)
        buf_addf(&b, " in a release after %s.", date);
    else if (version && *version)
        buf_addf(&b, " in version %s.", version);
    else
        buf_adds(&b, " in a future release.");
    buf_adds(&b, " Deprecation warnings can be disabled by setting deprecation_warnings=False in "
                 "ansible.cfg.");
    text_wrap(&all, buf_str(&b), (size_t)(o->columns - 1), true);
    if (first_time(buf_str(&all)))
        display(o, CONFIG_COLOR_DEPRECATE, stderr, buf_str(&all));
    buf_release(&all);
    buf_release(&b);
}

void print_result_warnings(const struct output_opts *o, const struct dict *result)
{
    const struct value *w = dict_get(result, "warnings"), *d = dict_get(result, "deprecations");
    if (!config_bool(o->config, CONFIG_ACTION_WARNINGS))
        return;
    for (size_t i = 0; w && w->type == VALUE_LIST && i < w->u.list->len; i++)
        if (w->u.list->items[i].type == VALUE_STRING)
            print_warning(o, "%s", w->u.list->items[i].u.str.s);
    for (size_t i = 0; d && d->type == VALUE_LIST && i < d->u.list->len; i++) {
        const struct value *it = &d->u.list->items[i];
        if (it->type == VALUE_DICT)
            print_deprecation(
                o, dict_str(it->u.dict, "msg", ""), dict_str(it->u.dict, "version", NULL),
                dict_str(it->u.dict, "date", NULL), dict_str(it->u.dict, "collection_name", NULL));
    }
}

static struct value hide_diff(struct arena *a, const struct value *v)
{
    struct value out = value_shallow(a, v);
    if (dict_get(out.u.dict, "diff"))
        dict_set(out.u.dict, "diff", value_cstr(HIDDEN_DIFF));
    return out;
}

const struct dict *open_result(struct arena *a, const struct result_event *ev)
{
    if (!ev->secret)
        return ev->result;
    struct value v = {.type = VALUE_DICT};
    v.u.dict = (struct dict *)(uintptr_t)ev->result;
    v = hide_diff(a, &v);
    struct value *items = dict_get(v.u.dict, "results");
    if (!items || items->type != VALUE_LIST)
        return v.u.dict;
    *items = value_shallow(a, items);
    for (size_t i = 0; i < items->u.list->len; i++)
        if (items->u.list->items[i].type == VALUE_DICT)
            items->u.list->items[i] = hide_diff(a, &items->u.list->items[i]);
    return v.u.dict;
}
