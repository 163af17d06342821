// Lookups in data files: csvfile and ini.
#include "core/file.h"
#include "template/lookups.h"
#include "template/passwords.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_INTERPOLATION 10

// One CSV row from s: fields into out, the offset behind it is returned.
static size_t csv_row(struct call *c, struct text s, size_t i, char delimiter, struct list *out)
{
    struct buf b = BUF_INIT;
    bool quoted = false, any = false;
    for (; i < s.len; i++) {
        char ch = s.s[i];
        if (quoted) {
            if (ch == '"' && i + 1 < s.len && s.s[i + 1] == '"')
                buf_addc(&b, s.s[i++]);
            else if (ch == '"')
                quoted = false;
            else
                buf_addc(&b, ch);
        } else if (ch == '"' && !b.len) {
            quoted = any = true;
        } else if (ch == delimiter) {
            list_add(out, take_buf(c, &b));
            any = true;
        } else if (ch == '\n' || ch == '\r') {
            i += ch == '\r' && i + 1 < s.len && s.s[i + 1] == '\n';
            i++;
            break;
        } else {
            buf_addc(&b, ch);
        }
    }
    if (b.len || any)
        list_add(out, take_buf(c, &b));
    buf_release(&b);
    return i;
}

struct csv {
    struct text file, delimiter, col, key, encoding;
    const struct value *dflt;
};

// A file's text, which is in that encoding, as UTF-8.
static int read_encoded(struct call *c, const char *path, struct text encoding, char **ret,
                        size_t *ret_len, struct err *e)
{
    struct value v;
    int rc = lookup_read(c, path, ret, ret_len, e);
    if (rc < 0 || strcasecmp(encoding.s, "utf-8") == 0)
        return rc;
    if ((rc = text_decode(c, (struct text){*ret, *ret_len}, encoding, &v, e)) < 0)
        return rc;
    *ret = arena_strndup(c->arena, v.u.str.s, v.u.str.len);
    *ret_len = v.u.str.len;
    return 0;
}

static int csv_options(struct call *c, struct text term, struct csv *o, struct err *e)
{
    struct value kv = value_dict(c->arena);
    struct dict_entry *d;
    *o = (struct csv){.file = lookup_text(c, "file", "ansible.csv"),
                      .delimiter = lookup_text(c, "delimiter", "TAB"),
                      .col = lookup_text(c, "col", "1"),
                      .encoding = lookup_text(c, "encoding", "utf-8"),
                      .dflt = lookup_opt(c, "default")};
    int rc = lookup_parse_kv(c, term, kv.u.dict, &o->key, e);
    if (rc < 0)
        return rc;
    if (!o->key.len)
        return lookup_fail(c, e, "Search key is required but was not found");
    DICT_EACH(kv.u.dict, d)
    if (value_eqs(&d->key, "file"))
        o->file = text_of(c, &d->val);
    else if (value_eqs(&d->key, "delimiter"))
        o->delimiter = text_of(c, &d->val);
    else if (value_eqs(&d->key, "col"))
        o->col = text_of(c, &d->val);
    else if (value_eqs(&d->key, "default"))
        o->dflt = &d->val;
    else if (value_eqs(&d->key, "encoding"))
        o->encoding = text_of(c, &d->val);
    else
        return lookup_fail(c, e, "%s is not a valid option", text_of(c, &d->key).s);
    if (strcmp(o->delimiter.s, "TAB") == 0 || strcmp(o->delimiter.s, "\\t") == 0)
        o->delimiter = text_lit("\t");
    return o->delimiter.len == 1
               ? 0
               : lookup_fail(c, e, "csvfile: \"delimiter\" must be a 1-character string");
}

static int csv_find(struct call *c, const struct csv *o, struct value *ret, struct err *e)
{
    const char *path = lookup_find_file(c, "files", o->file.s);
    char *s;
    size_t len;
    int64_t col;
    if (!path)
        return lookup_fail(c, e, "csvfile: [Errno 2] No such file or directory: b'None'");
    int rc = read_encoded(c, path, o->encoding, &s, &len, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len;) {
        struct value row = value_list(c->arena);
        i = csv_row(c, (struct text){s, len}, i, *o->delimiter.s, row.u.list);
        struct list *l = row.u.list;
        if (!l->len || !value_eqs(&l->items[0], o->key.s))
            continue;
        if (!parse_int(o->col.s, o->col.len, 10, &col))
            return lookup_fail(c, e, "csvfile: invalid literal for int() with base 10: '%s'",
                               o->col.s);
        col += col < 0 ? (int64_t)l->len : 0;
        if (col < 0 || col >= (int64_t)l->len)
            return lookup_fail(c, e, "csvfile: list index out of range");
        *ret = l->items[col];
        return 1;
    }
    return 0;
}

// csvfile: The column col of the row of a CSV file that begins with the term.
LOOKUP(lookup_csvfile)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct csv o;
        struct value v;
        int rc = csv_options(c, text_of(c, &terms->items[i]), &o, e);
        if (rc >= 0)
            rc = csv_find(c, &o, &v, e);
        if (rc < 0)
            return rc;
        if (rc == 0 && !o.dflt)
            continue;
        if (rc == 0)
            v = *o.dflt;
        if (v.type == VALUE_LIST)
            for (size_t k = 0; k < v.u.list->len; k++)
                list_add(ret->u.list, v.u.list->items[k]);
        else
            list_add(ret->u.list, v);
    }
    return 0;
}

struct ini {
    struct call *c;
    const char *file;
    bool case_sensitive, allow_no_value;
    struct dict *sections; // name -> dict of option -> text or null
    struct dict *section;
    struct value option; // the last one, for continuation lines
    size_t indent;
    struct err *e;
};

static void ini_section(struct ini *p, struct text name)
{
    struct value key = str_from(p->c, name.s, name.len), *old = dict_getv(p->sections, &key);
    if (!old) {
        dict_setv(p->sections, key, value_dict(p->c->arena));
        old = dict_getv(p->sections, &key);
    }
    p->section = old->u.dict;
    p->option = value_null();
}

static int ini_option(struct ini *p, struct text line, int number)
{
    size_t k = strcspn(line.s, "=:");
    bool has = k < line.len;
    if (!p->section)
        return lookup_fail(p->c, p->e,
                           "File contains no section headers.\nfile: '<file>', line: %d\n'%.*s\\n'",
                           number, (int)line.len, line.s);
    if (!has && !p->allow_no_value)
        return lookup_fail(p->c, p->e,
                           "Source contains parsing errors: '<file>'\n\t[line %2d]: '%.*s\\n'",
                           number, (int)line.len, line.s);
    struct text name = str_strip((struct text){line.s, has ? k : line.len}, NULL, STRIP_BOTH);
    struct text val =
        has ? str_strip((struct text){line.s + k + 1, line.len - k - 1}, NULL, STRIP_BOTH)
            : (struct text){"", 0};
    struct buf b = BUF_INIT;
    if (p->case_sensitive)
        buf_add(&b, name.s, name.len);
    else
        str_lower(&b, name.s, name.len);
    p->option = take_buf(p->c, &b);
    if (dict_getv(p->section, &p->option))
        return lookup_fail_final(
            p->c, p->e,
            "Duplicate option in '%s': While reading from '<file>' [line %2d]: option '%s' in "
            "section already exists",
            p->file, number, p->option.u.str.s);
    dict_setv(p->section, p->option, has ? str_from(p->c, val.s, val.len) : value_null());
    return 0;
}

static int ini_line(struct ini *p, struct text raw, int number)
{
    struct text line = str_strip(raw, NULL, STRIP_BOTH);
    size_t indent = (size_t)(line.s - raw.s);
    struct value *last = p->option.type == VALUE_STRING ? dict_getv(p->section, &p->option) : NULL;
    if (line.len && (*line.s == '#' || *line.s == ';'))
        return 0;
    if (!line.len || (last && indent > p->indent)) {
        if (last && last->type == VALUE_STRING) {
            struct buf b = BUF_INIT;
            buf_add(&b, last->u.str.s, last->u.str.len);
            buf_addc(&b, '\n');
            buf_add(&b, line.s, line.len);
            *last = take_buf(p->c, &b);
        }
        return 0;
    }
    p->indent = indent;
    // strcspn in ini_option needs the text to end where the line does
    line.s = arena_strndup(p->c->arena, line.s, line.len);
    const char *close = *line.s == '[' ? strrchr(line.s, ']') : NULL;
    if (close && close > line.s + 1) {
        ini_section(p, (struct text){line.s + 1, (size_t)(close - line.s) - 1});
        return 0;
    }
    return ini_option(p, line, number);
}

// Blank lines that followed a value are no part of it.
static void trim_values(struct ini *p)
{
    struct dict_entry *s, *o;
    DICT_EACH(p->sections, s)
    DICT_EACH(s->val.u.dict, o)
    if (o->val.type == VALUE_STRING) {
        struct text t = str_strip(text_of(p->c, &o->val), NULL, STRIP_RIGHT);
        o->val = str_from(p->c, t.s, t.len);
    }
}

static int ini_parse(struct ini *p, struct text all)
{
    struct value lines = value_list(p->c->arena);
    str_splitlines(p->c, all, false, lines.u.list);
    for (size_t i = 0; i < lines.u.list->len; i++) {
        int rc = ini_line(p, text_of(p->c, &lines.u.list->items[i]), (int)i + 1);
        if (rc < 0)
            return rc;
    }
    trim_values(p);
    return 0;
}

static struct value *ini_get(struct ini *p, const char *section, struct text name)
{
    struct value *s = dict_get(p->sections, section), *d = dict_get(p->sections, "DEFAULT");
    struct buf b = BUF_INIT;
    if (p->case_sensitive)
        buf_add(&b, name.s, name.len);
    else
        str_lower(&b, name.s, name.len);
    struct value key = take_buf(p->c, &b);
    struct value *v = s ? dict_getv(s->u.dict, &key) : NULL;
    return v || !d ? v : dict_getv(d->u.dict, &key);
}

// %(name)s and %% inside values.
static int interpolate(struct ini *p, const char *section, const struct value *v, int depth,
                       struct value *ret)
{
    struct text t = text_of(p->c, v);
    struct buf b = BUF_INIT;
    int rc = 0;
    for (size_t i = 0; i < t.len && rc >= 0; i++) {
        const char *close =
            t.s[i] == '%' && i + 1 < t.len && t.s[i + 1] == '(' ? strchr(t.s + i, ')') : NULL;
        if (t.s[i] != '%') {
            buf_addc(&b, t.s[i]);
        } else if (i + 1 < t.len && t.s[i + 1] == '%') {
            buf_addc(&b, t.s[i++]);
        } else if (close && close[1] == 's') {
            struct text name = {t.s + i + 2, (size_t)(close - t.s) - i - 2};
            struct value *other = ini_get(p, section, name), part;
            if (!other || depth >= MAX_INTERPOLATION)
                rc = lookup_fail(
                    p->c, p->e,
                    "Bad value substitution: option in section '%s' contains an interpolation key "
                    "'%.*s' which is not a valid option name",
                    section, (int)name.len, name.s);
            else
                rc = interpolate(p, section, other, depth + 1, &part);
            if (rc >= 0)
                buf_add(&b, part.u.str.s, part.u.str.len);
            i = (size_t)(close - t.s) + 1;
        } else {
            rc = lookup_fail(p->c, p->e, "'%%' must be followed by '%%' or '(', found: '%s'",
                             t.s + i);
        }
    }
    *ret = take_buf(p->c, &b);
    return rc;
}

struct ini_opts {
    struct text file, type, section, dflt_text, key, encoding;
    struct value dflt;
    bool regex;
};

// Options written into the term: "key section=x file=y".
static int ini_term(struct call *c, struct text term, struct ini_opts *o, struct err *e)
{
    struct value kv = value_dict(c->arena);
    struct dict_entry *d;
    o->key = term;
    if (!memchr(term.s, '=', term.len) &&
        !memchr(str_strip(term, NULL, STRIP_BOTH).s, ' ', str_strip(term, NULL, STRIP_BOTH).len))
        return 0;
    int rc = lookup_parse_kv(c, term, kv.u.dict, &o->key, e);
    if (rc < 0)
        return rc;
    DICT_EACH(kv.u.dict, d)
    if (value_eqs(&d->key, "file"))
        o->file = text_of(c, &d->val);
    else if (value_eqs(&d->key, "type"))
        o->type = text_of(c, &d->val);
    else if (value_eqs(&d->key, "section"))
        o->section = text_of(c, &d->val);
    else if (value_eqs(&d->key, "default"))
        o->dflt = d->val;
    else if (value_eqs(&d->key, "re"))
        o->regex = value_truthy(&d->val);
    else if (value_eqs(&d->key, "encoding"))
        o->encoding = text_of(c, &d->val);
    else if (!value_eqs(&d->key, "case_sensitive") && !value_eqs(&d->key, "allow_no_value"))
        return lookup_fail_final(c, e, "%s is not a valid option.", text_of(c, &d->key).s);
    if (!o->key.len)
        return lookup_fail_final(
            c, e, "No key to lookup was provided as first term with in string inline options: %s",
            term.s);
    return 0;
}

static int ini_matches(struct ini *p, const struct ini_opts *o, struct list *out)
{
    struct value *s = dict_get(p->sections, o->section.s), *d = dict_get(p->sections, "DEFAULT");
    struct value all = value_dict(p->c->arena), v;
    struct dict_entry *en;
    struct regex *re;
    const size_t *g;
    int rc = regex_compile(o->key, 0, &re, p->e);
    if (rc < 0)
        return rc;
    if (d)
        dict_update(all.u.dict, d->u.dict);
    dict_update(all.u.dict, s->u.dict);
    DICT_EACH(all.u.dict, en)
    if (rc >= 0 && regex_search(re, text_of(p->c, &en->key), 0, true, false, &g, NULL) == 1) {
        v = value_null();
        if (en->val.type == VALUE_STRING)
            rc = interpolate(p, o->section.s, &en->val, 0, &v);
        list_add(out, v);
    }
    regex_free(re);
    return rc;
}

static int ini_lookup(struct call *c, struct ini_opts *o, struct list *out, struct err *e)
{
    struct ini p = {.c = c,
                    .file = o->file.s,
                    .e = e,
                    .sections = value_dict(c->arena).u.dict,
                    .option = value_null()};
    p.case_sensitive = lookup_bool(c, "case_sensitive", false);
    p.allow_no_value = lookup_bool(c, "allow_no_value", lookup_bool(c, "allow_none", false));
    const char *path = lookup_find_file(c, "files", o->file.s);
    char *s;
    size_t len;
    if (!path)
        return lookup_fail(c, e, "Invalid filename: 'None'");
    int rc = read_encoded(c, path, o->encoding, &s, &len, e);
    if (rc < 0)
        return rc;
    if (strcmp(o->type.s, "properties") == 0) {
        o->section = text_lit("java_properties");
        ini_section(&p, o->section);
    }
    rc = ini_parse(&p, (struct text){s, len});
    if (rc < 0)
        return rc;
    if (!dict_get(p.sections, o->section.s) && strcmp(o->section.s, "DEFAULT") != 0)
        return lookup_fail_final(c, e, "No section '%s' in %s", o->section.s, o->file.s);
    if (o->regex)
        return ini_matches(&p, o, out);
    struct value *v = ini_get(&p, o->section.s, o->key), got = o->dflt;
    if (v && v->type == VALUE_STRING)
        rc = interpolate(&p, o->section.s, v, 0, &got);
    else if (v)
        got = value_null();
    if (rc >= 0 && got.type == VALUE_LIST)
        for (size_t i = 0; i < got.u.list->len; i++)
            list_add(out, got.u.list->items[i]);
    else if (rc >= 0 && got.type != VALUE_NULL)
        list_add(out, got);
    return rc;
}

// ini: The values of keys in an INI (or, with type=properties, a properties) file.
LOOKUP(lookup_ini)
{
    const struct value *dflt = lookup_opt(c, "default");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct ini_opts o = {.file = lookup_text(c, "file", "ansible.ini"),
                             .type = lookup_text(c, "type", "ini"),
                             .section = lookup_text(c, "section", "global"),
                             .encoding = lookup_text(c, "encoding", "utf-8"),
                             .dflt = dflt ? *dflt : value_cstr(""),
                             .regex = lookup_bool(c, "re", false)};
        int rc = ini_term(c, text_of(c, &terms->items[i]), &o, e);
        if (rc >= 0)
            rc = ini_lookup(c, &o, ret->u.list, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
