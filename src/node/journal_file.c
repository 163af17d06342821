// Paths for the journal: what one is, as texts that can be compared, and putting one back.
#include "node/hold.h"
#include "node/journal.h"
#include "node/text.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DIGEST_MAX (32 << 20) // a larger file is known by its size and time
#define XATTR_MAX 65536
#define MAX_DEPTH 256
#define SETTABLE "aAcCdDijPsStTuFx" // the flags that chattr(1) sets

static int fail(struct err *e, const char *what, const char *path)
{
    return err_set(e, ERR_IO, POS_NONE, "cannot %s '%s': %s", what, path, strerror(errno));
}

// --- what is there -------------------------------------------------------------------------------

// "name=BASE64" for each extended attribute (ACLs and labels are some), sorted; NULL: it has none.
static struct list *xattrs_of(struct arena *a, const char *path)
{
    char names[4096], value[XATTR_MAX];
    ssize_t len = llistxattr(path, names, sizeof names);
    if (len <= 0)
        return NULL;
    struct list *l = value_list(a).u.list;
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
        struct buf b = BUF_INIT;
        ssize_t n = lgetxattr(path, names + i, value, sizeof value);
        buf_addf(&b, "%s=", names + i);
        if (n >= 0)
            base64_encode(&b, value, (size_t)n);
        list_add(l, value_str(a, buf_str(&b)));
        buf_release(&b);
    }
    text_list_sort(l);
    return l;
}

static void settable_flags(const char *path, char ret[FILE_FLAGS_MAX])
{
    char all[FILE_FLAGS_MAX] = "";
    size_t n = 0;
    if (host_file_flags(path, all, NULL))
        for (const char *c = all; *c; c++)
            if (strchr(SETTABLE, *c))
                ret[n++] = *c;
    ret[n] = '\0';
}

static const char *attr_text(struct module *m, const char *path, const struct stat *st)
{
    char flags[FILE_FLAGS_MAX] = "", hex[HASH_HEX_MAX];
    struct list *x = xattrs_of(m->arena, path);
    const char *text = arena_printf(m->arena, "%04o %u %u", (unsigned)st->st_mode & 07777u,
                                    (unsigned)st->st_uid, (unsigned)st->st_gid);
    settable_flags(path, flags);
    if (*flags)
        text = arena_printf(m->arena, "%s +%s", text, flags);
    if (x) {
        const char *all = text_join(m->arena, x, "\n");
        hash_hex(HASH_SHA256, all, strlen(all), hex);
        text = arena_printf(m->arena, "%s x%.16s", text, hex);
    }
    return text;
}

static const char *file_text(struct module *m, const char *path, bool content,
                             struct file_look *ret)
{
    char hex[HASH_HEX_MAX], *text;
    size_t len;
    if (ret->st.st_size > DIGEST_MAX)
        return arena_printf(m->arena, "F %lld %lld.%09ld", (long long)ret->st.st_size,
                            (long long)ret->st.st_mtim.tv_sec, ret->st.st_mtim.tv_nsec);
    if (content && ret->st.st_size <= (off_t)JOURNAL_INLINE_MAX &&
        file_read(m->arena, path, JOURNAL_INLINE_MAX, &text, &len, NULL) == 0) {
        ret->content = text;
        ret->st.st_size = (off_t)len;
        hash_hex(HASH_SHA256, text, len, hex);
    } else if (hash_file(HASH_SHA256, path, hex, NULL) < 0) {
        return "o";
    }
    return arena_printf(m->arena, "f %s", hex);
}

void file_look(struct module *m, const char *path, bool data, bool content, struct file_look *ret)
{
    char target[4096];
    *ret = (struct file_look){.data = "-", .attr = "-"};
    if (lstat(path, &ret->st) < 0)
        return;
    ret->attr = attr_text(m, path, &ret->st);
    if (!data) {
        ret->data = NULL;
    } else if (S_ISDIR(ret->st.st_mode)) {
        ret->data = "d";
    } else if (S_ISLNK(ret->st.st_mode)) {
        ssize_t n = readlink(path, target, sizeof target);
        ret->data = n < 0 ? "o" : arena_printf(m->arena, "l %.*s", (int)n, target);
    } else {
        ret->data = S_ISREG(ret->st.st_mode) ? file_text(m, path, content, ret) : "o";
    }
}

void file_keep(struct module *m, const char *path, const struct file_look *l, struct dict *d)
{
    struct list *x = *l->attr == '-' ? NULL : xattrs_of(m->arena, path);
    if (x)
        dict_set(d, "xattrs", (struct value){.type = VALUE_LIST, .u.list = x});
    if (l->data && S_ISREG(l->st.st_mode)) {
        dict_set(d, "mtime", value_int(l->st.st_mtim.tv_sec));
        dict_set(d, "mtime_ns", value_int(l->st.st_mtim.tv_nsec));
    }
}

// --- trees ---------------------------------------------------------------------------------------

static void hash_tree(struct module *m, struct hash *h, const char *path, const char *shown,
                      int depth)
{
    struct file_look l;
    struct dirent **names;
    file_look(m, path, true, false, &l);
    const char *line = arena_printf(m->arena, "%s %s %s\n", shown, l.data, l.attr);
    hash_update(h, line, strlen(line));
    int n =
        strcmp(l.data, "d") == 0 && depth < MAX_DEPTH ? scandir(path, &names, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            hash_tree(m, h, path_join(m->arena, path, name), path_join(m->arena, shown, name),
                      depth + 1);
        free(names[i]);
    }
    if (n > 0)
        free(names);
}

const char *file_tree_state(struct module *m, const char *path)
{
    struct hash h;
    struct stat st;
    unsigned char sum[HASH_MAX];
    char hex[HASH_HEX_MAX];
    if (lstat(path, &st) < 0)
        return "-";
    hash_init(&h, HASH_SHA256);
    hash_tree(m, &h, path, ".", 0);
    hash_final(&h, sum);
    hash_to_hex(sum, hash_size(HASH_SHA256), hex);
    return arena_printf(m->arena, "t %s", hex);
}

// --- putting it back -----------------------------------------------------------------------------

static int chattr(struct module *m, char sign, const char *letters, const char *path)
{
    const char *arg = arena_printf(m->arena, "%c%s", sign, letters);
    const char *const argv[] = {"chattr", arg, path, NULL};
    struct proc p = {0};
    int rc = *letters ? proc_run(m, argv, NULL, &p, NULL) : 0;
    rc = rc < 0 || p.rc ? -1 : 0;
    proc_release(&p);
    return rc;
}

// The letters of x that are not in y.
static const char *without(struct arena *a, const char *x, const char *y)
{
    char *s = arena_strdup(a, x), *to = s;
    for (const char *c = s; *c; c++)
        if (!strchr(y, *c))
            *to++ = *c;
    *to = '\0';
    return s;
}

static int restore_flags(struct module *m, const char *path, const char *attr, struct err *e)
{
    char have[FILE_FLAGS_MAX] = "";
    const char *plus = strchr(attr, '+');
    const char *want = plus ? arena_strndup(m->arena, plus + 1, strcspn(plus + 1, " ")) : "";
    settable_flags(path, have);
    if (chattr(m, '-', without(m->arena, have, want), path) < 0 ||
        chattr(m, '+', without(m->arena, want, have), path) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot set the flags of '%s'", path);
    return 0;
}

// Immutable files want their flag taken off first.
static void loosen(struct module *m, const char *path)
{
    char have[FILE_FLAGS_MAX] = "";
    settable_flags(path, have);
    if (strpbrk(have, "ia"))
        chattr(m, '-', "ia", path);
}

static void restore_xattrs(struct module *m, const char *path, const struct dict *d)
{
    struct list *have = xattrs_of(m->arena, path);
    const struct value *want = dict_get(d, "xattrs");
    size_t n_want = want && want->type == VALUE_LIST ? want->u.list->len : 0;
    for (size_t i = 0; have && i < have->len; i++) {
        bool keep = false;
        for (size_t k = 0; k < n_want && !keep; k++)
            keep = value_equal(&have->items[i], &want->u.list->items[k]);
        const char *s = have->items[i].u.str.s;
        if (!keep)
            lremovexattr(path, arena_strndup(m->arena, s, strcspn(s, "=")));
    }
    for (size_t k = 0; k < n_want; k++) {
        const char *s = value_to_cstr(m->arena, &want->u.list->items[k]);
        size_t n = strcspn(s, "=");
        struct buf b = BUF_INIT;
        if (s[n] && base64_decode(&b, s + n + 1, strlen(s + n + 1)) == 0)
            lsetxattr(path, arena_strndup(m->arena, s, n), buf_str(&b), b.len, 0);
        buf_release(&b);
    }
}

static int restore_attrs(struct module *m, const struct journal_entry *en, const char *path,
                         struct err *e)
{
    unsigned mode, uid, gid;
    struct stat st;
    if (sscanf(en->attr, "%o %u %u", &mode, &uid, &gid) != 3)
        return err_set(e, ERR_INVALID, POS_NONE, "the record of '%s' is damaged", en->name);
    if (lstat(path, &st) < 0)
        return fail(e, "find", path);
    if ((st.st_uid != uid || st.st_gid != gid) && lchown(path, uid, gid) < 0)
        return fail(e, "give the owner back to", path);
    if (!S_ISLNK(st.st_mode) && chmod(path, mode) < 0)
        return fail(e, "set the mode of", path);
    restore_xattrs(m, path, en->d);
    return restore_flags(m, path, en->attr, e);
}

static int write_content(const struct journal_entry *en, const char *blobs, struct arena *a, int fd,
                         struct err *e)
{
    const char *blob = dict_str(en->d, "blob", NULL);
    if (blob) {
        int in = open(path_join(a, blobs, path_base(blob)), O_RDONLY | O_CLOEXEC);
        int rc = in < 0 ? fail(e, "open the kept content of", en->name) : host_copy_fd(in, fd, e);
        if (in >= 0)
            close(in);
        return rc;
    }
    for (size_t off = 0; off < en->raw_len;) {
        ssize_t n = write(fd, en->raw + off, en->raw_len - off);
        if (n < 0 && errno != EINTR)
            return fail(e, "write", en->name);
        off += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int restore_file(struct module *m, const struct journal_entry *en, const char *blobs,
                        struct err *e)
{
    const char *dir = path_dir(m->arena, en->name), *tmp;
    char hex[HASH_HEX_MAX];
    if (host_mkdirs(dir, 0755, e) < 0)
        return ERR_FAILED;
    int fd = host_tmpfile(m, dir, &tmp, e);
    if (fd < 0)
        return ERR_FAILED;
    int rc = write_content(en, blobs, m->arena, fd, e);
    if (rc == 0 && *en->was == 'f' &&
        (hash_file(HASH_SHA256, tmp, hex, e) < 0 || strcmp(hex, en->was + 2) != 0))
        rc = err_set(e, ERR_INVALID, POS_NONE, "the kept content of '%s' is damaged", en->name);
    if (rc == 0)
        rc = restore_attrs(m, en, tmp, e);
    futimens(fd, (const struct timespec[]){{.tv_nsec = UTIME_OMIT},
                                           {.tv_sec = dict_int(en->d, "mtime", 0),
                                            .tv_nsec = dict_int(en->d, "mtime_ns", 0)}});
    if (rc == 0 && fsync(fd) < 0)
        rc = fail(e, "sync", tmp);
    close(fd);
    if (rc == 0 && rename(tmp, en->name) < 0 &&
        (errno != EISDIR || rmdir(en->name) < 0 || rename(tmp, en->name) < 0))
        rc = fail(e, "put back", en->name);
    (void)file_sync_folder(dir);
    return rc;
}

static int restore_link(struct module *m, const struct journal_entry *en, struct err *e)
{
    const char *dir = path_dir(m->arena, en->name);
    const char *tmp = arena_printf(m->arena, "%s/.andon_tmp_%d", dir, (int)getpid());
    if (host_mkdirs(dir, 0755, e) < 0)
        return ERR_FAILED;
    unlink(tmp);
    if (symlink(en->was + 2, tmp) < 0)
        return fail(e, "make the link", en->name);
    if (rename(tmp, en->name) < 0 &&
        (errno != EISDIR || rmdir(en->name) < 0 || rename(tmp, en->name) < 0)) {
        unlink(tmp);
        return fail(e, "put back", en->name);
    }
    (void)file_sync_folder(dir);
    return 0;
}

// What is there goes, or becomes a folder.
static int restore_other(const struct journal_entry *en, const struct stat *now, struct err *e)
{
    bool dir = S_ISDIR(now->st_mode), there = now->st_mode != 0;
    if (*en->was == 'd')
        return (there && !dir && unlink(en->name) < 0) ||
                       (!dir && host_mkdirs(en->name, 0755, e) < 0)
                   ? fail(e, "make the folder", en->name)
                   : 0;
    if (there && (dir ? rmdir(en->name) : unlink(en->name)) < 0)
        return fail(e, "remove", en->name);
    return 0;
}

int file_restore(struct module *m, const struct journal_entry *en, const char *blobs, struct err *e)
{
    struct stat now = {0};
    int rc = en->attrs_only ? journal_attrs(m, en->name, e) : journal_path(m, en->name, e);
    if (lstat(en->name, &now) == 0)
        loosen(m, en->name);
    if (rc < 0 || (en->attrs_only && !now.st_mode))
        return rc;
    if (en->attrs_only)
        return restore_attrs(m, en, en->name, e);
    switch (*en->was) {
    case 'f':
    case 'F':
        return restore_file(m, en, blobs, e);
    case 'l':
        rc = restore_link(m, en, e);
        break;
    case 'd':
    case '-':
        rc = restore_other(en, &now, e);
        break;
    default:
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "'%s' was no file, folder or link", en->name);
    }
    return rc == 0 && *en->was != '-' ? restore_attrs(m, en, en->name, e) : rc;
}
