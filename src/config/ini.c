// The reader of ini files. It keeps to the order of decisions in Python's configparser, since files
// in use rely on it.
#include "config/ini.h"

#include "core/buf.h"

#include <ctype.h>
#include <string.h>

struct reader {
    struct arena *a;
    struct ini *ini;
    uint16_t file;
    uint32_t line;
    struct dict *section; // NULL before the first one
    const char *section_name;
    const char *key; // whose value may continue, or NULL
    struct pos key_pos;
    struct buf value;
    size_t indent;
    struct err *e;
};

static int fail(struct reader *r, size_t col, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct reader *r, size_t col, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct pos pos = {
        .file = r->file, .line = r->line, .col = (uint16_t)(col < 60000 ? col + 1 : 0)};
    int rc = err_vset(r->e, ERR_PARSE, pos, fmt, ap);
    va_end(ap);
    return rc;
}

static bool space(char c)
{
    return isspace((unsigned char)c) != 0;
}

// Where a comment begins in the line, or len.
static size_t comment_start(const char *s, size_t len)
{
    size_t i = 0;
    while (i < len && space(s[i]))
        i++;
    if (i < len && (s[i] == '#' || s[i] == ';'))
        return 0;
    for (; i < len; i++)
        if (s[i] == ';' && (i == 0 || space(s[i - 1])))
            return i;
    return len;
}

// Stores the value collected for the current key.
static void end_value(struct reader *r)
{
    if (!r->key)
        return;
    while (r->value.len && space(r->value.p[r->value.len - 1]))
        r->value.len--;
    struct value v = value_strn(r->a, r->value.p ? r->value.p : "", r->value.len);
    value_set_pos(&v, r->key_pos);
    dict_set(r->section, r->key, v);
    r->key = NULL;
    buf_clear(&r->value);
}

static int begin_section(struct reader *r, const char *s, size_t len, size_t col)
{
    const char *close = memrchr(s, ']', len);
    end_value(r);
    r->section_name = arena_strndup(r->a, s + 1, (size_t)(close - s - 1));
    if (dict_get(r->ini->sections, r->section_name))
        return fail(r, col, "the section [%s] is already in this file", r->section_name);
    struct value v = value_dict(r->a);
    dict_set(r->ini->sections, r->section_name, v);
    r->section = v.u.dict;
    return 0;
}

static int begin_key(struct reader *r, const char *s, size_t len, size_t col)
{
    size_t sep = 0;
    while (sep < len && s[sep] != '=' && s[sep] != ':')
        sep++;
    if (!r->section)
        return fail(r, col, "a setting must be in a section: put [defaults] above it");
    if (sep == len)
        return fail(r, col, "a line must be \"key = value\" or [section]");
    size_t n = sep;
    while (n > 0 && space(s[n - 1]))
        n--;
    if (n == 0)
        return fail(r, col, "the key is missing");
    end_value(r);
    char *key = arena_strndup(r->a, s, n);
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (dict_get(r->section, key))
        return fail(r, col, "the key \"%s\" is already in the section [%s]", key, r->section_name);
    r->key = key;
    r->key_pos = (struct pos){.file = r->file, .line = r->line, .col = (uint16_t)(col + 1)};
    for (sep++; sep < len && space(s[sep]); sep++)
        continue;
    buf_add(&r->value, s + sep, len - sep);
    return 0;
}

static int read_line(struct reader *r, const char *s, size_t len)
{
    size_t end = comment_start(s, len), start = 0;
    bool comment = end < len;
    while (start < end && space(s[start]))
        start++;
    while (end > start && space(s[end - 1]))
        end--;
    if (start == end) {
        if (!comment && r->key)
            buf_addc(&r->value, '\n');
        return 0;
    }
    if (r->section && r->key && start > r->indent) {
        buf_addc(&r->value, '\n');
        buf_add(&r->value, s + start, end - start);
        return 0;
    }
    r->indent = start;
    s += start;
    len = end - start;
    if (s[0] == '[' && len > 2 && memrchr(s + 2, ']', len - 2))
        return begin_section(r, s, len, start);
    return begin_key(r, s, len, start);
}

int ini_parse(struct arena *a, const char *text, size_t len, const char *name, struct ini *ret,
              struct err *e)
{
    struct ini ini = {.sections = value_dict(a).u.dict};
    struct reader r = {.a = a, .ini = &ini, .file = src_file(name), .e = e};
    const char *p = text, *end = text + len;
    int rc = 0;
    if (len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3))
        return fail(&r, 0, "the file begins with a byte order mark; save it without one");
    while (p < end && rc == 0) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        r.line++;
        rc = read_line(&r, p, n);
        p += n + 1;
    }
    end_value(&r);
    buf_release(&r.value);
    if (rc == 0)
        *ret = ini;
    return rc;
}

const struct value *ini_get(const struct ini *ini, const char *section, const char *key)
{
    if (!ini->sections)
        return NULL;
    const struct value *s = dict_get(ini->sections, section);
    if (!s)
        return NULL;
    const struct value *v = dict_get(s->u.dict, key);
    const struct value *dflt = v ? NULL : dict_get(ini->sections, "DEFAULT");
    return dflt ? dict_get(dflt->u.dict, key) : v;
}
