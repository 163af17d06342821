// assemble: a file made of fragments, either in a folder on the host or put together by the
// controller.
#include "node/edit.h"
#include "node/modules.h"
#include "node/modules/copy.h"
#include "node/regex.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

// The delimiter with its escapes (\n, \t, \\, \x41, ...) replaced.
static struct buf unescape(const char *s)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    struct buf b = BUF_INIT;
    while (*s) {
        const char *at = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
        if (at) {
            buf_addc(&b, to[at - from]);
            s += 2;
        } else if (*s == '\\' && s[1] == 'x' && strspn(s + 2, "0123456789abcdefABCDEF") >= 2) {
            const char hex[] = {s[2], s[3], '\0'};
            buf_addc(&b, (char)strtol(hex, NULL, 16));
            s += 4;
        } else {
            buf_addc(&b, *s++);
        }
    }
    return b;
}

static int add_fragment(struct module *m, const char *path, const struct buf *delimiter,
                        struct buf *out, bool *first)
{
    char *text;
    size_t len;
    struct err e = ERR_INIT;
    if (host_read(m, path, &text, &len, &e) < 0)
        return module_fail_err(m, &e);
    if (!*first) {
        if (out->len && out->p[out->len - 1] != '\n')
            buf_addc(out, '\n');
        buf_add(out, buf_str(delimiter), delimiter->len);
        if (delimiter->len && delimiter->p[delimiter->len - 1] != '\n')
            buf_addc(out, '\n');
    }
    *first = false;
    buf_add(out, text, len);
    return 0;
}

// Puts the wanted fragments of dir together.
static int gather(struct module *m, const char *dir, struct regex *re, struct buf *out)
{
    const char *text = module_str(m, "delimiter");
    struct buf delimiter = unescape(text ? text : "");
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, by_name), rc = 0;
    bool first = true;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name, *path = path_join(m->arena, dir, name);
        struct stat st;
        bool wanted = rc == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                      !(module_bool(m, "ignore_hidden") && *name == '.') &&
                      (!re || regex_search(re, name, strlen(name), 0, NULL, NULL) == 1);
        if (wanted)
            rc = add_fragment(m, path, &delimiter, out, &first);
        free(names[i]);
    }
    free(names);
    buf_release(&delimiter);
    return rc;
}

static int validate(struct module *m, const char *tmp)
{
    if (!module_has(m, "validate"))
        return 0;
    if (edit_validate(m, tmp, false) < 0)
        return ERR_FAILED;
    struct value v = value_dict(m->arena);
    dict_set(v.u.dict, "rc", value_int(0));
    dict_set(v.u.dict, "stdout", value_cstr(""));
    dict_set(v.u.dict, "stderr", value_cstr(""));
    module_set(m, "validation", v);
    return 0;
}

// Puts the text at dest when it differs.
static int install(struct module *m, const char *dest, const struct buf *text, const char *sha1)
{
    char have[HASH_HEX_MAX] = "";
    struct err e = ERR_INIT;
    struct stat st;
    bool there = stat(dest, &st) == 0, changed = false;
    if (there && S_ISDIR(st.st_mode))
        return module_fail(m, "Destination (%s) is a directory", dest);
    if (there)
        hash_file(HASH_SHA1, dest, have, NULL);
    if (strcmp(have, sha1) != 0) {
        const char *tmp, *backup = NULL;
        int fd = host_tmpfile(m, NULL, &tmp, &e);
        if (fd < 0)
            return module_fail_err(m, &e);
        close(fd);
        if (file_write_atomic(tmp, buf_str(text), text->len, 0600, &e) < 0)
            return module_fail_err(m, &e);
        if (validate(m, tmp) < 0)
            return ERR_FAILED;
        if (module_bool(m, "backup") && there && !(backup = host_backup(m, dest, &e)))
            return module_fail_err(m, &e);
        if (host_install(m, tmp, dest, &e) < 0)
            return module_fail_err(m, &e);
        if (backup)
            module_set_str(m, "backup_file", backup);
        changed = true;
    }
    module_changed(m, changed);
    return file_apply_attrs(m, dest, false);
}

int mod_assemble(struct module *m)
{
    const char *src = module_str(m, "src"), *dest = module_str(m, "dest"),
               *pattern = module_str(m, "regexp");
    const char *check = module_str(m, "validate");
    struct stat st;
    struct regex *re = NULL;
    struct err e = ERR_INIT;
    if (dict_get(m->extra, "_src_checksum")) // put together by the controller
        return mod_copy(m);
    if (stat(src, &st) < 0)
        return module_fail(m, "Source (%s) does not exist", src);
    if (!S_ISDIR(st.st_mode))
        return module_fail(m, "Source (%s) is not a directory", src);
    if (pattern && !(re = regex_compile_str(m->arena, pattern, REGEX_TEXT, &e))) {
        int rc = module_fail(m, "Invalid Regexp (%s) in \"%s\"", err_msg(&e), pattern);
        err_release(&e);
        return rc;
    }
    if (check && !strstr(check, "%s"))
        return module_fail(m, "validate must contain %%s: %s", check);
    struct buf text = BUF_INIT;
    int rc = gather(m, src, re, &text);
    if (rc == 0) {
        char sha1[HASH_HEX_MAX], md5[HASH_HEX_MAX];
        hash_hex(HASH_SHA1, buf_str(&text), text.len, sha1);
        hash_hex(HASH_MD5, buf_str(&text), text.len, md5);
        rc = install(m, dest, &text, sha1);
        if (rc == 0) {
            module_set_str(m, "src", src);
            module_set_str(m, "dest", dest);
            module_set_str(m, "checksum", sha1);
            module_set_str(m, "md5sum", md5);
            module_set_str(m, "msg", "OK");
        }
    }
    buf_release(&text);
    return rc;
}
