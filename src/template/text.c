// Template files: their "#jinja2:" header and their options.
#include "template/eval.h"
#include "template/unicode.h"

#include <string.h>

#define HEADER "#jinja2:"

struct override {
    struct template_opts *o;
    struct arena *a;
    struct err *e;
};

static const struct {
    const char *name;
    size_t offset;
    bool is_bool;
} settings[] = {
    {"block_start_string", offsetof(struct template_opts, block_start), false},
    {"block_end_string", offsetof(struct template_opts, block_end), false},
    {"variable_start_string", offsetof(struct template_opts, variable_start), false},
    {"variable_end_string", offsetof(struct template_opts, variable_end), false},
    {"comment_start_string", offsetof(struct template_opts, comment_start), false},
    {"comment_end_string", offsetof(struct template_opts, comment_end), false},
    {"line_statement_prefix", offsetof(struct template_opts, line_statement_prefix), false},
    {"line_comment_prefix", offsetof(struct template_opts, line_comment_prefix), false},
    {"newline_sequence", offsetof(struct template_opts, newline_sequence), false},
    {"trim_blocks", offsetof(struct template_opts, trim_blocks), true},
    {"lstrip_blocks", offsetof(struct template_opts, lstrip_blocks), true},
    {"keep_trailing_newline", offsetof(struct template_opts, keep_trailing_newline), true},
};

static void trim(const char **s, size_t *len)
{
    while (*len && strchr(" \t\r\n", **s)) {
        ++*s;
        --*len;
    }
    while (*len && strchr(" \t\r\n", (*s)[*len - 1]))
        --*len;
}

static int apply(struct override *x, const char *key, size_t key_len, const struct value *v)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strlen(settings[i].name) != key_len || memcmp(settings[i].name, key, key_len) != 0)
            continue;
        char *at = (char *)x->o + settings[i].offset;
        if (settings[i].is_bool) {
            bool b = value_truthy(v);
            memcpy(at, &b, sizeof b);
        } else if (v->type == VALUE_STRING || v->type == VALUE_NULL) {
            const char *s = v->type == VALUE_STRING ? v->u.str.s : NULL;
            memcpy(at, &s, sizeof s);
        }
        return 0;
    }
    return 0; // jinja2 takes any attribute
}

static int one_pair(struct override *x, const char *pair, size_t len)
{
    const char *colon = memchr(pair, ':', len);
    struct value v;
    if (!colon) {
        trim(&pair, &len);
        return err_set(
            x->e, ERR_FAILED, POS_NONE,
            "failed to parse jinja2 override '%.*s'. Did you use something different from colon "
            "as key-value separator?",
            (int)len, pair);
    }
    const char *key = pair, *val = colon + 1;
    size_t key_len = (size_t)(colon - pair), val_len = len - key_len - 1;
    trim(&key, &key_len);
    trim(&val, &val_len);
    if (!literal_eval(x->a, val, val_len, false, &v))
        return err_set(x->e, ERR_FAILED, POS_NONE,
                       "malformed node or string in jinja2 override: %.*s", (int)val_len, val);
    return apply(x, key, key_len, &v);
}

// Takes the header line from the text and changes the options by it.
static int read_header(struct override *x, const char **text, size_t *len)
{
    size_t start = strlen(HEADER);
    if (*len < start || memcmp(*text, HEADER, start) != 0)
        return 0;
    const char *eol = memchr(*text, '\n', *len), *p = *text + start;
    const char *end =
        eol ? eol : *text + *len - 1; // Ansible drops the last character when there is no line end
    while (p <= end) {
        const char *comma = p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
        const char *stop = comma ? comma : end;
        int rc = one_pair(x, p, (size_t)(stop - p));
        if (rc < 0)
            return rc;
        p = stop + 1;
    }
    size_t used = eol ? (size_t)(eol + 1 - *text) : 0;
    *text += used;
    *len -= used;
    return 0;
}

int template_file_parse(struct template_cache *c, struct arena *a, const char *text, size_t len,
                        const char *name, const struct template_opts *opts, struct template **ret,
                        struct err *e)
{
    struct template_opts o = *opts;
    struct override x = {&o, a, e};
    const char *all = text;
    struct pos pos = {.file = src_file(name), .line = 1, .col = 1};
    int rc = read_header(&x, &text, &len);
    if (rc < 0)
        return err_at(e, pos);
    pos.line = all == text ? 1 : 2;
    return cache_get(c, &o, text, len, name, FORM_FILE, pos, ret, e);
}

bool template_is_text(const char *text, size_t len, struct pos *pos)
{
    const char *s = text, *end = text + len;
    if (utf8_valid(text, len))
        return true;
    // the longest beginning that is valid; a character has up to four bytes
    for (size_t n = 1; s < end; s += n, n = 1) {
        while (n < 4 && s + n < end && ((unsigned char)s[n] & 0xc0) == 0x80)
            n++;
        if (!utf8_valid(s, n))
            break;
        pos->col++;
        if (*s == '\n') {
            pos->line++;
            pos->col = 1;
        }
    }
    return false;
}

int template_text(struct templar *t, struct arena *a, const char *text, size_t len,
                  const char *name, const struct template_opts *opts, struct value *ret,
                  struct err *e)
{
    struct template_opts o = *opts;
    struct override x = {&o, a, e};
    size_t whole = len;
    const char *all = text;
    int rc = read_header(&x, &text, &len);
    if (rc < 0)
        return rc;
    struct pos pos = {.file = name ? src_file(name) : 0, .line = all == text ? 1 : 2, .col = 1};
    struct render how = {.o = &o, .name = name, .form = FORM_FILE, .pos = pos};
    struct err local = ERR_INIT;
    o.convert_data = false;
    rc = render_string(t, a, text, len, &how, ret, &local);
    if (rc == ERR_UNDEFINED && !o.fail_on_undefined) {
        err_release(&local);
        *ret = value_strn(a, all, whole);
        return 0;
    }
    if (rc < 0)
        return err_move(e, &local);
    if (ret->type != VALUE_STRING)
        *ret = value_cstr(value_to_cstr(a, ret));
    return 0;
}
