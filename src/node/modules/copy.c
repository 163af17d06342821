// copy: files and folders of the controller, sent only where the content differs. Also the host's
// part of template.
#include "node/journal.h"
#include "node/modules/copy.h"

#include "node/edit.h"
#include "node/modules.h"

#include "core/file.h"
#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIFF_MAX 104448              // larger content is not shown, as in Ansible
#define HASHED_MAX ((off_t)64 << 20) // for the record: of larger ones not even the digest

// One file to bring to the host.
struct item {
    unsigned source;
    const char *dest, *name; // name: for a dest that is a folder
    const char *sha1, *mode; // mode: the controller's, for "preserve"
    int64_t size;
    bool follow;
    bool single; // its details are the task's result
};

// --- shared with remote_src
// --------------------------------------------------------------------------------------

int copy_make_folders(struct module *m, const char *dir)
{
    struct file_attrs attrs = file_attrs_of(m);
    const struct value *mode = dict_get(m->args, "directory_mode");
    attrs.mode = mode && mode->type != VALUE_NULL && !value_eqs(mode, "preserve") ? mode : NULL;
    char *path = arena_strdup(m->arena, dir);
    if (journal_path(m, dir, NULL) < 0)
        return ERR_FAILED;
    for (char *p = path + 1;; p++) {
        if (*p != '/' && *p)
            continue;
        char c = *p;
        *p = '\0';
        if (access(path, F_OK) < 0) {
            bool changed = false;
            if (mkdir(path, 0777) < 0 && errno != EEXIST)
                return module_fail(m, "cannot create folder '%s': %s", path, strerror(errno));
            if (file_set_attrs(m, path, &attrs, false, &changed, NULL, NULL) < 0)
                return ERR_FAILED;
        }
        *p = c;
        if (!c)
            return 0;
    }
}

static bool read_side(struct module *m, const char *path, char **ret, size_t *ret_len,
                      bool *ret_large)
{
    struct stat st;
    *ret_large = stat(path, &st) == 0 && st.st_size > DIFF_MAX;
    return !*ret_large && host_read(m, path, ret, ret_len, NULL) == 0;
}

// Of what is no text, or too much of it, the digests are kept.
static void record_contents(struct module *m, const char *path, const char *tmp, struct value d)
{
    const struct {
        const char *file, *key;
    } sides[] = {{path, "before_sha256"}, {tmp, "after_sha256"}};
    dict_set(d.u.dict, "path", value_str(m->arena, path));
    bool text = dict_get(d.u.dict, "before") && dict_get(d.u.dict, "after");
    for (size_t i = 0; i < 2 && !text; i++) {
        char hex[HASH_HEX_MAX];
        struct stat st;
        if (stat(sides[i].file, &st) == 0 && st.st_size <= HASHED_MAX &&
            hash_file(HASH_SHA256, sides[i].file, hex, NULL) == 0)
            dict_set(d.u.dict, sides[i].key, value_str(m->arena, hex));
    }
    if (!text) {
        dict_del(d.u.dict, "before");
        dict_del(d.u.dict, "after");
    }
    module_record(m, d);
}

void copy_diff(struct module *m, const char *path, const char *tmp, const char *source_name)
{
    if (!module_wants_diff(m))
        return;
    struct value d = value_dict(m->arena);
    char *text;
    size_t len;
    bool large;
    struct stat st;
    if (stat(path, &st) < 0) {
        dict_set(d.u.dict, "before", value_cstr(""));
    } else if (!read_side(m, path, &text, &len, &large)) {
        if (large)
            dict_set(d.u.dict, "dst_larger", value_int(DIFF_MAX));
    } else if (memchr(text, 0, len < 8192 ? len : 8192)) {
        dict_set(d.u.dict, "dst_binary", value_int(1));
    } else {
        dict_set(d.u.dict, "before_header", value_str(m->arena, path));
        dict_set(d.u.dict, "before", value_strn(m->arena, text, len));
    }
    if (!read_side(m, tmp, &text, &len, &large)) {
        if (large)
            dict_set(d.u.dict, "src_larger", value_int(DIFF_MAX));
    } else if (memchr(text, 0, len)) {
        dict_set(d.u.dict, "src_binary", value_int(1));
    } else {
        dict_set(d.u.dict, "after_header", value_str(m->arena, source_name ? source_name : path));
        dict_set(d.u.dict, "after", value_strn(m->arena, text, len));
    }
    if (m->record) {
        record_contents(m, path, tmp, d);
        return;
    }
    struct value *list = dict_get(m->result, "diff");
    if (!list || list->type != VALUE_LIST) {
        dict_set(m->result, "diff", value_list(m->arena));
        list = dict_get(m->result, "diff");
    }
    list_add(list->u.list, d);
}

int copy_install(struct module *m, const char *tmp, const char *dest, bool follow)
{
    struct err e = ERR_INIT;
    struct stat st;
    const char *backup = NULL;
    if (module_bool(m, "backup") && access(dest, F_OK) == 0 && !(backup = host_backup(m, dest, &e)))
        return module_fail_err(m, &e);
    if (module_has(m, "validate")) {
        struct file_attrs attrs = file_attrs_of(m);
        bool ignored = false;
        attrs.attributes = NULL;
        if (file_set_attrs(m, tmp, &attrs, false, &ignored, NULL, NULL) < 0 ||
            edit_validate(m, tmp, true) < 0)
            return ERR_FAILED;
    }
    if (!follow && lstat(dest, &st) == 0 && S_ISLNK(st.st_mode)) {
        if (journal_path(m, dest, NULL) < 0)
            return ERR_FAILED;
        unlink(dest);
    }
    if (host_install(m, tmp, dest, &e) < 0)
        return module_fail_err(m, &e);
    if (backup)
        module_set_str(m, "backup_file", backup);
    return 0;
}

// --- one file
// --------------------------------------------------------------------------------------------------

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool ends_in_slash(const char *s)
{
    return *s && s[strlen(s) - 1] == '/';
}

// Fetches the content into a temp file beside dest; its path, NULL after a failure.
static const char *receive(struct module *m, const struct item *it, const char *dest)
{
    struct err e = ERR_INIT;
    const char *tmp, *dir = path_dir(m->arena, host_realpath(m->arena, dest));
    int fd = -1;
    if (!m->check && access(dir, W_OK) == 0)
        fd = host_tmpfile(m, dir, &tmp, NULL);
    if (fd < 0)
        fd = host_tmpfile(m, NULL, &tmp, &e);
    if (fd < 0) {
        module_fail_err(m, &e);
        return NULL;
    }
    int rc = it->size == 0 ? 0 : module_receive(m, it->source, fd, &e);
    close(fd);
    if (rc < 0) {
        module_fail_err(m, &e);
        return NULL;
    }
    char got[HASH_HEX_MAX] = "";
    hash_file(HASH_SHA1, tmp, got, NULL);
    if (strcmp(got, it->sha1) == 0)
        return tmp;
    module_set_str(m, "checksum", got);
    module_set_str(m, "expected_checksum", it->sha1);
    module_fail(m, "Copied file does not match the expected checksum. Transfer failed.");
    return NULL;
}

// The path the content goes to: inside dest when that is a folder.
static const char *target_of(struct module *m, const struct item *it)
{
    if (ends_in_slash(it->dest) || is_dir(it->dest))
        return path_join(m->arena, it->dest, it->name);
    return it->dest;
}

// Whether dest may be written: its folder must be there. <0 after a failure, 1 when only a folder
// would be made.
static int check_parent(struct module *m, const struct item *it, const char *dest)
{
    const char *dir = path_dir(m->arena, dest);
    if (access(dir, F_OK) == 0) {
        if (access(dir, W_OK) < 0 && !module_bool(m, "unsafe_writes") && !m->check)
            return module_fail(m, "Destination %s not writable", dir);
        return 0;
    }
    if (errno == EACCES)
        return module_fail(m, "Destination directory %s is not accessible", dir);
    if (m->check)
        return 0;
    if (!ends_in_slash(it->dest))
        return module_fail(m, "Destination directory %s does not exist", dir);
    return copy_make_folders(m, dir);
}

static void set_mode(struct module *m, const struct item *it)
{
    const struct value *mode = dict_get(m->args, "mode");
    if (mode && value_eqs(mode, "preserve") && it->mode)
        dict_set(m->args, "mode", value_str(m->arena, it->mode));
}

static int put_new(struct module *m, const struct item *it, const char *dest)
{
    const char *shown = dict_str(m->extra, "_src_path", NULL);
    if (it->follow)
        dest = host_realpath(m->arena, dest);
    if (check_parent(m, it, dest) < 0)
        return ERR_FAILED;
    if (m->check && !m->diff) {
        module_changed(m, true);
        return 0;
    }
    const char *tmp = receive(m, it, dest);
    if (!tmp)
        return ERR_FAILED;
    copy_diff(m, dest, tmp, shown);
    if (m->check) {
        module_changed(m, true);
        return 0;
    }
    char md5[HASH_HEX_MAX] = "";
    if (it->single)
        hash_file(HASH_MD5, tmp, md5, NULL);
    set_mode(m, it);
    if (copy_install(m, tmp, dest, it->follow) < 0)
        return ERR_FAILED;
    struct file_attrs attrs = file_attrs_of(m);
    bool changed = false;
    if (file_set_attrs(m, dest, &attrs, it->follow, &changed, NULL, NULL) < 0)
        return ERR_FAILED;
    module_changed(m, true);
    if (it->single) {
        module_set_str(m, "dest", dest);
        module_set_str(m, "src", shown ? shown : "source");
        module_set_str(m, "md5sum", md5);
        module_set_str(m, "checksum", it->sha1);
    }
    return 0;
}

// The content is there already: attributes alone.
static int keep_old(struct module *m, const struct item *it, const char *dest)
{
    struct file_attrs attrs;
    struct value before = value_dict(m->arena), after = value_dict(m->arena);
    bool changed = false;
    if (it->follow)
        dest = host_realpath(m->arena, dest);
    set_mode(m, it);
    attrs = file_attrs_of(m);
    dict_set(before.u.dict, "path", value_str(m->arena, dest));
    dict_set(after.u.dict, "path", value_str(m->arena, dest));
    if (file_set_attrs(m, dest, &attrs, true, &changed, before.u.dict, after.u.dict) < 0)
        return ERR_FAILED;
    module_changed(m, changed);
    if (!it->single)
        return 0;
    module_set_str(m, "path", dest);
    module_set_str(m, "dest", dest);
    module_set_str(m, "checksum", it->sha1);
    struct value d = value_dict(m->arena);
    dict_set(d.u.dict, "before", before);
    dict_set(d.u.dict, "after", after);
    module_set(m, "diff", d);
    return 0;
}

static int copy_one(struct module *m, const struct item *it)
{
    const char *dest = target_of(m, it);
    char have[HASH_HEX_MAX] = "";
    struct stat st;
    if (dict_bool(m->extra, "_content", false) && is_dir(it->dest)) {
        m->no_details = true;
        return module_fail(m, "can not use content with a dir as dest");
    }
    bool there = (it->follow ? stat(dest, &st) : lstat(dest, &st)) == 0;
    if (there && S_ISDIR(st.st_mode))
        return module_fail(m, "cannot copy to '%s': it is a folder", dest);
    if (there && !module_bool(m, "force")) {
        if (it->single) {
            m->no_details = true;
            module_set_str(m, "dest", it->dest);
            module_set_str(m, "src", dict_str(m->extra, "_src_path", "source"));
        }
        return 0;
    }
    if (there && S_ISREG(st.st_mode) && st.st_size == it->size)
        hash_file(HASH_SHA1, dest, have, NULL);
    if (it->single)
        module_set(m, "diff", value_list(m->arena));
    int rc = strcmp(have, it->sha1) == 0 ? keep_old(m, it, dest) : put_new(m, it, dest);
    if (rc < 0 && it->single && !dict_get(m->result, "checksum"))
        module_set_str(m, "checksum", it->sha1);
    return rc;
}

// --- a folder
// --------------------------------------------------------------------------------------------------

// A path of the controller's list: relative and without "..".
static bool good_path(const char *path)
{
    if (!*path || *path == '/')
        return false;
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return false;
    }
    return true;
}

static int make_dir(struct module *m, const char *path)
{
    struct file_attrs attrs = file_attrs_of(m);
    const struct value *mode = dict_get(m->args, "directory_mode");
    bool changed = false;
    attrs.mode = mode && mode->type != VALUE_NULL && !value_eqs(mode, "preserve") ? mode : NULL;
    if (is_dir(path)) {
        if (file_set_attrs(m, path, &attrs, true, &changed, NULL, NULL) < 0)
            return ERR_FAILED;
        module_changed(m, changed);
        return 0;
    }
    if (access(path, F_OK) == 0)
        return module_fail(m, "%s already exists as a file", path);
    module_changed(m, true);
    return m->check ? 0 : copy_make_folders(m, path);
}

static int make_link(struct module *m, const char *path, const char *target)
{
    char have[4096];
    ssize_t n = readlink(path, have, sizeof have - 1);
    if (n >= 0 && (size_t)n == strlen(target) && memcmp(have, target, (size_t)n) == 0)
        return 0;
    module_changed(m, true);
    if (m->check)
        return 0;
    if (journal_path(m, path, NULL) < 0)
        return ERR_FAILED;
    if (n < 0 && is_dir(path) && rmdir(path) < 0)
        return module_fail(m, "the directory %s is not empty, refusing to convert it", path);
    const char *dir = path_dir(m->arena, path);
    if (access(dir, F_OK) < 0 && copy_make_folders(m, dir) < 0)
        return ERR_FAILED;
    const char *tmp = arena_printf(m->arena, "%s/.andon_tmp_%d", dir, (int)getpid());
    unlink(tmp);
    if (symlink(target, tmp) < 0 || rename(tmp, path) < 0)
        return module_fail(m, "Error while linking: [Errno %d] %s: '%s' -> '%s'", errno,
                           strerror(errno), target, path);
    return 0;
}

static int copy_entry(struct module *m, const char *dest, const struct dict *f, bool single)
{
    const char *path = dict_str(f, "path", "");
    struct item it = {
        .source = (unsigned)dict_int(f, "source", 0),
        .dest = arena_printf(m->arena, "%s/", dest),
        .name = path,
        .sha1 = dict_str(f, "sha1", ""),
        .mode = dict_str(f, "mode", NULL),
        .size = dict_int(f, "size", -1),
        .single = single,
    };
    return good_path(path) ? copy_one(m, &it)
                           : module_fail(m, "bad path '%s' in the list of files", path);
}

static bool list_of(const struct value *v)
{
    return v && v->type == VALUE_LIST && v->u.list->len;
}

static int copy_folder(struct module *m, const char *dest, const struct list *files)
{
    const struct value *dirs = dict_get(m->extra, "_dirs"), *links = dict_get(m->extra, "_links");
    const struct value mode = dict_get(m->args, "mode") ? *dict_get(m->args, "mode") : value_null();
    bool single = files->len == 1 && !list_of(dirs) && !list_of(links);
    for (size_t i = 0; i < files->len; i++) {
        if (files->items[i].type != VALUE_DICT ||
            copy_entry(m, dest, files->items[i].u.dict, single) < 0)
            return dict_get(m->result, "failed") ? ERR_FAILED
                                                 : module_fail(m, "malformed list of files");
        dict_set(m->args, "mode", mode); // "preserve" became one file's own
    }
    for (size_t i = 0; dirs && dirs->type == VALUE_LIST && i < dirs->u.list->len; i++) {
        const char *path = value_to_cstr(m->arena, &dirs->u.list->items[i]);
        if (!good_path(path))
            return module_fail(m, "bad path '%s' in the list of folders", path);
        if (make_dir(m, path_join(m->arena, dest, path)) < 0)
            return ERR_FAILED;
    }
    for (size_t i = 0; links && links->type == VALUE_LIST && i < links->u.list->len; i++) {
        const struct value *l = &links->u.list->items[i];
        const char *path = l->type == VALUE_DICT ? dict_str(l->u.dict, "path", "") : "";
        if (!good_path(path))
            return module_fail(m, "bad path '%s' in the list of links", path);
        if (make_link(m, path_join(m->arena, dest, path), dict_str(l->u.dict, "target", "")) < 0)
            return ERR_FAILED;
    }
    module_changed(m, false);
    if (single && !m->no_details)
        return 0;
    m->no_details = true;
    module_set_str(m, "dest", ends_in_slash(dest) ? dest : arena_printf(m->arena, "%s/", dest));
    module_set_str(m, "src", dict_str(m->extra, "_src_path", module_str(m, "src")));
    return 0;
}

int mod_copy(struct module *m)
{
    const struct value *files = dict_get(m->extra, "_files");
    const char *dest = module_str(m, "dest"), *sha1 = dict_str(m->extra, "_src_checksum", NULL);
    if (module_bool(m, "remote_src"))
        return copy_remote(m);
    if (files && files->type == VALUE_LIST) {
        size_t n = strlen(dest);
        while (n > 1 && dest[n - 1] == '/')
            n--;
        return copy_folder(m, arena_strndup(m->arena, dest, n), files->u.list);
    }
    if (!sha1)
        return module_fail(m, "the controller sent no source for copy");
    struct item it = {
        .dest = dest,
        .name = dict_str(m->extra, "_original_basename", "source"),
        .sha1 = sha1,
        .mode = dict_str(m->extra, "_src_mode", NULL),
        .size = dict_int(m->extra, "_src_size", -1),
        .follow = module_bool(m, "follow"),
        .single = true,
    };
    return copy_one(m, &it);
}
