// replace: every match of an expression in a file, or in a section of it, is replaced.
#include "node/edit.h"
#include "node/modules.h"
#include "node/regex.h"

#include <string.h>
#include <sys/stat.h>

static const char *const utf8_names[] = {"utf-8", "utf8", "ascii", "us-ascii", NULL};
static const char *const latin_names[] = {"latin-1", "latin1", "iso-8859-1", "iso8859-1", NULL};

static bool one_of(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

// The expressions work on UTF-8; in Latin-1 every byte is a code point.
static char *from_latin(struct arena *a, const char *s, size_t *len)
{
    char *out = arena_alloc(a, *len * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < *len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80)
            out[n++] = (char)(0xC0 | c >> 6);
        out[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    }
    out[n] = '\0';
    *len = n;
    return out;
}

static bool to_latin(struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->p[i];
        if (c >= 0x80 && ((c & 0xFC) != 0xC0 || ++i >= b->len))
            return false;
        b->p[n++] = (char)(c < 0x80 ? c : (c & 0x03) << 6 | ((unsigned char)b->p[i] & 0x3F));
    }
    b->len = n;
    return true;
}

static struct regex *compile(struct module *m, const char *pattern, unsigned flags)
{
    struct err e = ERR_INIT;
    struct regex *re = regex_compile_str(m->arena, pattern, REGEX_TEXT | flags, &e);
    if (!re) {
        module_fail(m, "invalid regular expression '%s': %s", pattern, err_msg(&e));
        err_release(&e);
    }
    return re;
}

// The part of the text between after and before: 1, 0 when they do not match (the result says so),
// <0 on failure.
static int find_section(struct module *m, const char *text, size_t len, struct regex_span *ret)
{
    const char *after = module_str(m, "after"), *before = module_str(m, "before");
    bool has_after = after && *after, has_before = before && *before;
    *ret = (struct regex_span){0, len};
    if (!has_after && !has_before)
        return 1;
    const char *pattern =
        arena_printf(m->arena, "%s(?P<subsection>.*%s)%s", has_after ? after : "",
                     has_after && has_before ? "?" : "", has_before ? before : "");
    struct regex *re = compile(m, pattern, REGEX_DOTALL);
    if (!re)
        return ERR_FAILED;
    struct err e = ERR_INIT;
    struct regex_span *spans = arena_array(m->arena, struct regex_span, regex_groups(re));
    int rc = regex_search(re, text, len, 0, spans, &e);
    if (rc < 0)
        return module_fail_err(m, &e);
    if (rc == 1)
        *ret = spans[regex_group_named(re, "subsection", strlen("subsection"))];
    else
        module_set(m, "msg",
                   value_strf(m->arena,
                              "Pattern for before/after params did not match the given file: %s",
                              pattern));
    return rc;
}

static int finish(struct module *m, const char *path, const char *text, size_t len,
                  const struct buf *after, long count)
{
    struct err e = ERR_INIT;
    struct buf msg = BUF_INIT;
    bool changed = count > 0;
    if (changed) {
        buf_addf(&msg, "%ld replacements made", count);
        module_diff(m, text, len, after->p, after->len, path, path);
    }
    int rc = 0;
    if (changed && !m->check) {
        const char *backup = NULL;
        if (module_bool(m, "backup") && !(backup = host_backup(m, path, &e)))
            rc = module_fail_err(m, &e);
        if (backup)
            module_set_str(m, "backup_file", backup);
        if (rc == 0)
            rc = edit_write(m, path, buf_str(after), after->len);
    }
    if (rc == 0)
        rc = edit_attrs(m, path, &msg, &changed, NULL);
    if (rc == 0) {
        module_changed(m, changed);
        module_set_str(m, "msg", buf_str(&msg));
    } else {
        dict_del(m->result, "rc");
    }
    buf_release(&msg);
    return rc;
}

int mod_replace(struct module *m)
{
    const char *path = module_str(m, "path"), *encoding = module_str(m, "encoding");
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (!there || S_ISDIR(st.st_mode)) {
        module_set(m, "rc", value_int(there ? 256 : 257));
        return there ? module_fail(m, "Path %s is a directory !", path)
                     : module_fail(m, "Path %s does not exist !", path);
    }
    bool latin = one_of(latin_names, encoding);
    if (!latin && !one_of(utf8_names, encoding))
        return module_fail(m, "encoding '%s' is not supported; utf-8, ascii and latin-1 are",
                           encoding);
    char *text;
    size_t len;
    struct err e = ERR_INIT;
    if (host_read(m, path, &text, &len, &e) < 0) {
        int rc = module_fail(m, "Unable to read the contents of %s: %s", path, err_msg(&e));
        err_release(&e);
        return rc;
    }
    if (latin)
        text = from_latin(m->arena, text, &len);
    struct regex_span section;
    int rc = find_section(m, text, len, &section);
    if (rc >= 0)
        module_set(m, "rc", value_int(0));
    if (rc <= 0)
        return rc;
    struct regex *re = compile(m, module_str(m, "regexp"), REGEX_MULTILINE);
    if (!re)
        return ERR_FAILED;
    struct buf out = BUF_INIT;
    buf_add(&out, text, section.start);
    long count = regex_subn(re, text + section.start, section.end - section.start,
                            module_str(m, "replace"), &out, &e);
    if (count < 0) {
        buf_release(&out);
        return module_fail_err(m, &e);
    }
    buf_add(&out, text + section.end, len - section.end);
    bool same = out.len == len && memcmp(buf_str(&out), text, len) == 0;
    if (!same && latin && !to_latin(&out)) {
        buf_release(&out);
        return module_fail(m, "the replacement has characters that %s lacks", encoding);
    }
    rc = finish(m, path, text, len, &out, same ? 0 : count);
    buf_release(&out);
    return rc;
}
