// stat: what is known about a file.
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/stat_fields.h"

#include "core/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void set_names(struct module *m, struct dict *o, const char *path, const struct stat *st)
{
    dict_set(o, "readable", value_bool(access(path, R_OK) == 0));
    dict_set(o, "writeable", value_bool(access(path, W_OK) == 0));
    dict_set(o, "executable", value_bool(access(path, X_OK) == 0));
    if (S_ISLNK(st->st_mode)) {
        char target[4096];
        ssize_t n = readlink(path, target, sizeof target - 1);
        dict_set(o, "lnk_source", value_cstr(host_realpath(m->arena, path)));
        dict_set(o, "lnk_target", value_strn(m->arena, target, n > 0 ? (size_t)n : 0));
    }
    const char *user = host_user_name(m, st->st_uid), *group = host_group_name(m, st->st_gid);
    if (user)
        dict_set(o, "pw_name", value_str(m->arena, user));
    if (group)
        dict_set(o, "gr_name", value_str(m->arena, group));
}

static void set_digest(struct dict *o, struct arena *a, const char *key, const char *alg,
                       const char *path)
{
    char hex[HASH_HEX_MAX];
    int id = hash_by_name(alg);
    bool ok = id >= 0 && hash_file((enum hash_alg)id, path, hex, NULL) == 0;
    dict_set(o, key, ok ? value_str(a, hex) : value_null());
}

// What file(1) says of a folder or an empty file without opening it, else NULL. Starting it costs
// more than all the rest.
static const char *plain_mime(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return NULL;
    if (S_ISDIR(st.st_mode))
        return "inode/directory";
    return S_ISREG(st.st_mode) && st.st_size == 0 ? "inode/x-empty" : NULL;
}

// Type and charset as file(1) tells them: "PATH: text/plain; charset=us-ascii".
static void set_mime(struct module *m, struct dict *o, const char *path)
{
    const char *plain = plain_mime(path);
    dict_set(o, "mimetype", value_cstr("unknown"));
    dict_set(o, "charset", value_cstr("unknown"));
    const char *const argv[] = {"file", "--mime-type", "--mime-encoding", path, NULL};
    struct proc_opts opts = {.clean_lang = true, .max_output = 65536};
    struct proc p;
    if (!proc_which(m->arena, "file"))
        return;
    if (plain) {
        dict_set(o, "mimetype", value_cstr(plain));
        dict_set(o, "charset", value_cstr("binary"));
        return;
    }
    if (proc_run(m, argv, &opts, &p, NULL) == 0 && p.rc == 0) {
        char *out = arena_strdup(m->arena, buf_str(&p.out));
        char *type = strrchr(out, ':'), *charset = type ? strstr(type, "; charset=") : NULL;
        if (charset) {
            *charset = '\0';
            charset += strlen("; charset=");
            charset[strcspn(charset, "\n ")] = '\0';
            dict_set(o, "mimetype", value_cstr(type + 1 + strspn(type + 1, " ")));
            dict_set(o, "charset", value_cstr(charset));
        }
    }
    proc_release(&p);
}

static const char *attribute_name(char flag)
{
    static const struct {
        char flag;
        const char *name;
    } names[] = {
        {'A', "noatime"},         {'C', "nocow"},      {'D', "dirsync"},
        {'E', "encrypted"},       {'I', "indexed"},    {'N', "inline"},
        {'S', "synchronous"},     {'T', "blockroot"},  {'X', "compressedraw"},
        {'Z', "compresseddirty"}, {'a', "append"},     {'c', "compressed"},
        {'d', "nodump"},          {'e', "extents"},    {'h', "blocksize"},
        {'i', "immutable"},       {'j', "journalled"}, {'s', "zero"},
        {'t', "notail"},          {'u', "undelete"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].flag == flag)
            return names[i].name;
    return NULL;
}

// Version and flags, which Ansible leaves out where a host has no lsattr(1).
static void set_attributes(struct module *m, struct dict *o, const char *path)
{
    struct value list = value_list(m->arena), version = value_null();
    char flags[FILE_FLAGS_MAX] = "";
    unsigned number;
    if (proc_which(m->arena, "lsattr") && host_file_flags(path, flags, &number)) {
        version = value_strf(m->arena, "%u", number);
        for (const char *f = flags; *f; f++)
            if (attribute_name(*f))
                list_add(list.u.list, value_cstr(attribute_name(*f)));
    }
    dict_set(o, "version", version);
    dict_set(o, "attributes", list);
    dict_set(o, "attr_flags", value_str(m->arena, flags));
}

int mod_stat(struct module *m)
{
    const char *path = module_str(m, "path");
    bool follow = module_bool(m, "follow");
    struct value out = value_dict(m->arena);
    struct dict *o = out.u.dict;
    struct stat st;
    module_changed(m, false);
    if ((follow ? stat(path, &st) : lstat(path, &st)) < 0) {
        if (errno != ENOENT)
            return module_fail(m, "%s", strerror(errno));
        dict_set(o, "exists", value_bool(false));
        module_set(m, "stat", out);
        return 0;
    }
    dict_set(o, "exists", value_bool(true));
    dict_set(o, "path", value_str(m->arena, path));
    stat_set_kind(m->arena, o, &st);
    stat_set_rights(o, st.st_mode);
    dict_set(o, "blocks", value_int(st.st_blocks));
    dict_set(o, "block_size", value_int(st.st_blksize));
    dict_set(o, "device_type", value_int((int64_t)st.st_rdev));
    set_names(m, o, path, &st);
    if (S_ISREG(st.st_mode) && access(path, R_OK) == 0) {
        if (module_bool(m, "get_md5"))
            set_digest(o, m->arena, "md5", "md5", path);
        if (module_bool(m, "get_checksum"))
            set_digest(o, m->arena, "checksum", module_str(m, "checksum_algorithm"), path);
    }
    if (module_bool(m, "get_mime"))
        set_mime(m, o, path);
    if (module_bool(m, "get_attributes"))
        set_attributes(m, o, path);
    module_set(m, "stat", out);
    return 0;
}
