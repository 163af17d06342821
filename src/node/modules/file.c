// file: files, folders, links and their attributes.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 256

// A wanted time of change or access.
struct stamp {
    enum { STAMP_PRESERVE, STAMP_NOW, STAMP_AT } kind;
    time_t at;
};

struct file_task {
    struct module *m;
    const char *given, *path, *src, *state; // given: path as it was written
    bool follow, force, recurse, changed;
    struct file_attrs attrs;
    struct stamp mtime, atime;
    struct dict *before, *after; // of the diff
};

static int fail_at(struct file_task *t, const char *msg)
{
    module_set_str(t->m, "path", t->path);
    return module_fail(t->m, "%s", msg);
}

static const char *os_error(struct file_task *t, const char *path)
{
    return arena_printf(t->m->arena, "[Errno %d] %s: b'%s'", errno, strerror(errno), path);
}

static const char *state_of(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return "absent";
    return S_ISLNK(st.st_mode)   ? "link"
           : S_ISDIR(st.st_mode) ? "directory"
           : st.st_nlink > 1     ? "hard"
                                 : "file";
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static const char *strip_slashes(struct arena *a, const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return path[n] ? arena_strndup(a, path, n) : path;
}

// --- diff
// ------------------------------------------------------------------------------------------------------

static void list_tree(struct arena *a, const char *path, struct list *dirs, struct list *files,
                      int depth)
{
    DIR *d = depth < MAX_DEPTH ? opendir(path) : NULL;
    struct dirent *ent;
    struct value below = value_list(a);
    while (d && (ent = readdir(d))) {
        if (is(ent->d_name, ".") || is(ent->d_name, ".."))
            continue;
        const char *full = path_join(a, path, ent->d_name);
        struct stat st, target;
        bool dir = stat(full, &target) == 0 && S_ISDIR(target.st_mode);
        list_add(dir ? dirs : files, value_cstr(full));
        if (dir && lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
            list_add(below.u.list, value_cstr(full));
    }
    if (d)
        closedir(d);
    for (size_t i = 0; i < below.u.list->len; i++)
        list_tree(a, below.u.list->items[i].u.str.s, dirs, files, depth + 1);
}

static void start_diff(struct file_task *t, const char *state, const char *prev)
{
    struct arena *a = t->m->arena;
    t->before = value_dict(a).u.dict;
    t->after = value_dict(a).u.dict;
    const char *shown = is(strip_slashes(a, t->given), t->path) ? t->given : t->path;
    dict_set(t->before, "path", value_cstr(shown));
    dict_set(t->after, "path", value_cstr(shown));
    if (is(state, prev))
        return;
    dict_set(t->before, "state", value_cstr(prev));
    dict_set(t->after, "state", value_cstr(state));
    if (is(state, "absent") && is(prev, "directory") && t->m->diff) {
        struct value content = value_dict(a), dirs = value_list(a), files = value_list(a);
        list_tree(a, t->path, dirs.u.list, files.u.list, 0);
        dict_set(content.u.dict, "directories", dirs);
        dict_set(content.u.dict, "files", files);
        dict_set(t->before, "path_content", content);
    }
}

static int finish(struct file_task *t, const char *key)
{
    module_changed(t->m, t->changed);
    module_set_str(t->m, key, t->path);
    if (t->before) {
        struct value d = value_dict(t->m->arena);
        dict_set(d.u.dict, "before", (struct value){.type = VALUE_DICT, .u.dict = t->before});
        dict_set(d.u.dict, "after", (struct value){.type = VALUE_DICT, .u.dict = t->after});
        module_set(t->m, "diff", d);
    }
    return 0;
}

// --- times
// -----------------------------------------------------------------------------------------------------

static int read_stamp(struct file_task *t, const char *param, struct stamp *ret)
{
    const char *text = module_str(t->m, param);
    const char *format = module_str(t->m, arena_printf(t->m->arena, "%s_format", param));
    if (!text)
        text = is(t->state, "touch") ? "now" : "preserve";
    ret->kind = is(text, "now") ? STAMP_NOW : is(text, "preserve") ? STAMP_PRESERVE : STAMP_AT;
    if (ret->kind != STAMP_AT)
        return 0;
    struct tm tm = {.tm_mday = 1, .tm_isdst = -1};
    const char *end = strptime(text, format, &tm);
    if (!end || *end)
        return module_fail(
            t->m,
            "Error while obtaining timestamp for time %s using format %s: time data '%s' "
            "does not match format '%s'",
            text, format, text, format);
    tm.tm_isdst = -1;
    ret->at = mktime(&tm);
    return 0;
}

static double seconds(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct timespec stamp_time(struct stamp s, struct timespec now, struct timespec had)
{
    return s.kind == STAMP_PRESERVE ? had
           : s.kind == STAMP_NOW    ? now
                                    : (struct timespec){.tv_sec = s.at};
}

static bool same_time(struct timespec x, struct timespec y)
{
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
}

static void diff_time(struct file_task *t, const char *key, struct timespec had,
                      struct timespec want)
{
    if (same_time(had, want) || !t->before)
        return;
    dict_set(t->before, key, value_float(seconds(had)));
    dict_set(t->after, key, value_float(seconds(want)));
}

static int set_times(struct file_task *t, const char *path, bool with_diff)
{
    struct stat st;
    struct timespec now;
    if (t->mtime.kind == STAMP_PRESERVE && t->atime.kind == STAMP_PRESERVE)
        return 0;
    if (stat(path, &st) < 0)
        return t->m->check
                   ? (t->changed = true, 0)
                   : fail_at(t, arena_printf(t->m->arena,
                                             "Error while updating modification or access time: %s",
                                             os_error(t, path)));
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec mtime = stamp_time(t->mtime, now, st.st_mtim);
    struct timespec atime = stamp_time(t->atime, now, st.st_atim);
    if (same_time(mtime, st.st_mtim) && same_time(atime, st.st_atim))
        return 0;
    bool both_now = t->mtime.kind == STAMP_NOW && t->atime.kind == STAMP_NOW;
    const struct timespec times[2] = {atime, mtime};
    if (!t->m->check && utimensat(AT_FDCWD, path, both_now ? NULL : times, 0) < 0)
        return fail_at(t, arena_printf(t->m->arena,
                                       "Error while updating modification or access time: %s",
                                       os_error(t, path)));
    if (with_diff) {
        diff_time(t, "mtime", st.st_mtim, mtime);
        diff_time(t, "atime", st.st_atim, atime);
    }
    t->changed = true;
    return 0;
}

// Attributes and times of one path.
static int set_all(struct file_task *t, const char *path, bool with_diff)
{
    int rc = file_set_attrs(t->m, path, &t->attrs, false, &t->changed, with_diff ? t->before : NULL,
                            with_diff ? t->after : NULL);
    return rc < 0 ? rc : set_times(t, path, with_diff);
}

// The path whose attributes are meant: through a link when follow is set.
static const char *meant(struct file_task *t)
{
    return t->follow && is(state_of(t->path), "link") ? host_realpath(t->m->arena, t->path)
                                                      : t->path;
}

// --- states
// ----------------------------------------------------------------------------------------------------

static int make_absent(struct file_task *t)
{
    const char *prev = state_of(t->path);
    module_set_str(t->m, "state", "absent");
    if (is(prev, "absent"))
        return finish(t, "path");
    start_diff(t, "absent", prev);
    t->changed = true;
    if (!t->m->check) {
        struct err e = ERR_INIT;
        bool dir = is(prev, "directory");
        if (journal_tree(t->m, t->path, NULL) < 0)
            return ERR_FAILED;
        if (host_remove(t->path, &e) < 0) {
            const char *msg = arena_printf(
                t->m->arena, dir ? "rmtree failed: %s" : "unlinking failed: %s ", err_msg(&e));
            err_release(&e);
            return dir ? module_fail(t->m, "%s", msg) : fail_at(t, msg);
        }
    }
    return finish(t, "path");
}

static int make_touch(struct file_task *t)
{
    const char *prev = state_of(t->path);
    if (is(prev, "absent")) {
        t->changed = true;
        if (t->m->check)
            return finish(t, "dest");
        if (journal_path(t->m, t->path, NULL) < 0)
            return ERR_FAILED;
        int fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
            return fail_at(t, arena_printf(t->m->arena, "Error, could not touch target: %s",
                                           os_error(t, t->path)));
        close(fd);
    }
    start_diff(t, "touch", prev);
    if (set_all(t, meant(t), true) < 0) {
        if (is(prev, "absent"))
            unlink(t->path);
        return ERR_FAILED;
    }
    return finish(t, "dest");
}

static int make_file(struct file_task *t)
{
    const char *prev = state_of(t->path);
    if (is(prev, "link") && t->follow) {
        t->path = host_realpath(t->m->arena, t->path);
        prev = state_of(t->path);
    }
    if (!is(prev, "file") && !is(prev, "hard")) {
        module_set_str(t->m, "state", prev);
        return fail_at(
            t, arena_printf(t->m->arena, "file (%s) is %s, cannot continue", t->path, prev));
    }
    start_diff(t, "file", prev);
    if (set_all(t, t->path, true) < 0)
        return ERR_FAILED;
    return finish(t, "path");
}

static int walk_set(struct file_task *t, const char *dir, int depth);

static int walk_one(struct file_task *t, const char *path, int depth)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return 0;
    if (!S_ISLNK(st.st_mode)) {
        if (set_all(t, path, false) < 0)
            return ERR_FAILED;
        return S_ISDIR(st.st_mode) ? walk_set(t, path, depth + 1) : 0;
    }
    if (file_set_attrs(t->m, path, &t->attrs, false, &t->changed, NULL, NULL) < 0)
        return ERR_FAILED;
    if (!t->follow || stat(path, &st) < 0)
        return 0;
    const char *target = host_realpath(t->m->arena, path);
    if (S_ISDIR(st.st_mode) && walk_set(t, target, depth + 1) < 0)
        return ERR_FAILED;
    return set_all(t, target, false);
}

static int walk_set(struct file_task *t, const char *dir, int depth)
{
    if (depth > MAX_DEPTH)
        return module_fail(t->m,
                           "Could not recursively set attributes on %s. Original error was: '%s'",
                           dir, "maximum recursion depth exceeded");
    DIR *d = opendir(dir);
    struct dirent *ent;
    int rc = 0;
    while (d && rc == 0 && (ent = readdir(d)))
        if (!is(ent->d_name, ".") && !is(ent->d_name, ".."))
            rc = walk_one(t, path_join(t->m->arena, dir, ent->d_name), depth);
    if (d)
        closedir(d);
    return rc;
}

// A tree may be large: what will change is looked for first, and kept in one go.
static int walk_all(struct file_task *t)
{
    bool check = t->m->check;
    if (!check && t->m->journal) {
        t->m->check = true;
        journal_collect(t->m);
        int rc = walk_set(t, t->path, 0);
        t->m->check = false;
        if (rc < 0 || journal_flush(t->m, NULL) < 0)
            return ERR_FAILED;
    }
    return walk_set(t, t->path, 0);
}

// Makes every missing folder on the way, each with the wanted attributes.
static int make_folders(struct file_task *t)
{
    char *path = arena_strdup(t->m->arena, t->path);
    if (journal_path(t->m, path, NULL) < 0)
        return ERR_FAILED;
    for (char *p = path + 1;; p++) {
        if (*p != '/' && *p)
            continue;
        char c = *p;
        *p = '\0';
        if (!exists(path)) {
            struct stat st;
            if (mkdir(path, 0777) < 0 &&
                !(errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
                return fail_at(t, arena_printf(t->m->arena,
                                               "There was an issue creating %s as requested: %s",
                                               path, os_error(t, path)));
            if (set_all(t, arena_strdup(t->m->arena, path), true) < 0)
                return ERR_FAILED;
        }
        *p = c;
        if (!c)
            return 0;
    }
}

static int make_directory(struct file_task *t)
{
    const char *prev = state_of(t->path);
    if (is(prev, "link") && t->follow) {
        t->path = host_realpath(t->m->arena, t->path);
        prev = state_of(t->path);
    }
    start_diff(t, "directory", prev);
    if (is(prev, "absent")) {
        t->changed = true;
        if (!t->m->check && make_folders(t) < 0)
            return ERR_FAILED;
        return finish(t, "path");
    }
    if (!is(prev, "directory"))
        return fail_at(t, arena_printf(t->m->arena, "%s already exists as a %s", t->path, prev));
    if (set_all(t, t->path, true) < 0 || (t->recurse && walk_all(t) < 0))
        return ERR_FAILED;
    return finish(t, "path");
}

// Puts a link made under a temporary name (hard: of src) in the place of what is at path.
static int replace_by_link(struct file_task *t, const char *prev, bool hard)
{
    struct module *m = t->m;
    bool fresh = is(prev, "absent");
    const char *to = t->path;
    if (journal_path(m, to, NULL) < 0)
        return ERR_FAILED;
    if (!fresh) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        to = arena_printf(m->arena, "%s/.%d.%ld.tmp", path_dir(m->arena, t->path), (int)getpid(),
                          now.tv_nsec);
        if (is(prev, "directory") && (hard ? unlink(t->path) : rmdir(t->path)) < 0 &&
            errno != ENOENT)
            return fail_at(
                t, arena_printf(m->arena, "Error while replacing: %s", os_error(t, t->path)));
    }
    int rc = hard ? link(t->src, to) : symlink(t->src, to);
    if (rc == 0 && !fresh && rename(to, t->path) < 0) {
        rc = -1;
        unlink(to);
    } else if (rc == 0 && !fresh && hard) {
        unlink(to); // rename does nothing when both are the same file
    }
    if (rc < 0)
        return fail_at(t, arena_printf(m->arena, "Error while %s: [Errno %d] %s: b'%s' -> b'%s'",
                                       fresh ? "linking" : "replacing", errno, strerror(errno),
                                       t->src, to));
    return 0;
}

static bool folder_empty(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    while (d && n < 3 && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n <= 2;
}

static const char *read_link(struct arena *a, const char *path)
{
    char target[4096];
    ssize_t n = readlink(path, target, sizeof target - 1);
    return n < 0 ? NULL : arena_strndup(a, target, (size_t)n);
}

static void diff_src(struct file_task *t, const char *old)
{
    dict_set(t->before, "src", value_cstr(old));
    dict_set(t->after, "src", value_cstr(t->src));
}

// Whether path may become a link; fails the task otherwise.
static int check_link(struct file_task *t, const char *prev)
{
    struct arena *a = t->m->arena;
    const char *dir = is(prev, "directory") ? t->path : path_dir(a, t->path);
    if (!t->force && t->src && !exists(path_join(a, dir, t->src))) {
        module_set_str(t->m, "src", t->src);
        return fail_at(
            t, arena_printf(a,
                            "src file does not exist, use \"force=yes\" if you really want to "
                            "create the link: %s",
                            path_join(a, dir, t->src)));
    }
    bool dir_now = is(prev, "directory");
    if ((dir_now || is(prev, "file") || is(prev, "hard")) && !t->force)
        return fail_at(
            t, arena_printf(a, "refusing to convert from %s to symlink for %s", prev, t->path));
    if (dir_now && !folder_empty(t->path))
        return fail_at(
            t, arena_printf(a, "the directory %s is not empty, refusing to convert it", t->path));
    return 0;
}

static int finish_link(struct file_task *t)
{
    module_set_str(t->m, "src", t->src);
    return finish(t, "dest");
}

static int make_link(struct file_task *t)
{
    struct arena *a = t->m->arena;
    const char *prev = state_of(t->path), *old = is(prev, "link") ? read_link(a, t->path) : NULL;
    if (!t->src && t->follow && exists(t->path) && old)
        t->src = old;
    if (check_link(t, prev) < 0)
        return ERR_FAILED;
    start_diff(t, "link", prev);
    if (!old && !t->src)
        return module_fail(t->m, "src is required for creating new symlinks");
    if (!old) {
        t->changed = true;
    } else if (t->src && !is(old, t->src)) {
        diff_src(t, old);
        t->changed = true;
    }
    if (t->changed && !t->m->check && replace_by_link(t, prev, false) < 0)
        return ERR_FAILED;
    if (t->m->check && !exists(t->path))
        return finish_link(t);
    const char *target = meant(t);
    if (t->follow && is(state_of(t->path), "link") && !exists(target))
        module_warn(
            t->m,
            "Cannot set fs attributes on a non-existent symlink target. follow should be set to "
            "False to avoid this.");
    else if (set_all(t, target, true) < 0)
        return ERR_FAILED;
    return finish_link(t);
}

static int fail_hard(struct file_task *t, const char *msg)
{
    module_set_str(t->m, "dest", t->path);
    module_set_str(t->m, "src", t->src);
    return module_fail(t->m, "%s", msg);
}

// Whether path differs from the wanted hard link; fails the task where it may not be replaced.
static int check_hard(struct file_task *t, const char *prev)
{
    struct stat have, want;
    bool same = t->src && stat(t->path, &have) == 0 && stat(t->src, &want) == 0 &&
                have.st_ino == want.st_ino && have.st_dev == want.st_dev;
    if (is(prev, "absent")) {
        t->changed = true;
    } else if (is(prev, "link")) {
        const char *old = read_link(t->m->arena, t->path);
        if (t->src && old && !is(old, t->src)) {
            diff_src(t, old);
            t->changed = true;
        }
    } else if (is(prev, "hard")) {
        t->changed = t->src && !same;
        if (t->changed && !t->force)
            return fail_hard(t, "Cannot link, different hard link exists at destination");
    } else if (is(prev, "file")) {
        t->changed = true;
        if (!t->force)
            return fail_hard(t, "Cannot link, file exists at destination");
    } else {
        t->changed = true;
        if (!t->force)
            return fail_hard(t, "Cannot link: different hard link exists at destination");
    }
    return 0;
}

static int make_hard(struct file_task *t)
{
    const char *prev = state_of(t->path);
    if (!is(prev, "hard") && !t->src)
        return module_fail(t->m, "src is required for creating new hardlinks");
    if (t->src && !exists(t->src))
        return fail_hard(t, "src does not exist");
    start_diff(t, "hard", prev);
    if (check_hard(t, prev) < 0)
        return ERR_FAILED;
    if (t->changed && !t->m->check && replace_by_link(t, prev, true) < 0)
        return ERR_FAILED;
    if (t->m->check && !exists(t->path))
        return finish_link(t);
    if (set_all(t, meant(t), true) < 0)
        return ERR_FAILED;
    return finish_link(t);
}

// --- the module
// ------------------------------------------------------------------------------------------------

static int settle(struct file_task *t)
{
    struct stat st;
    const char *name = module_str(t->m, "_original_basename");
    bool inside = !t->state || (!is(t->state, "link") && !is(t->state, "absent"));
    if (!name && t->src)
        name = path_base(t->src);
    if (inside && name && *name && stat(t->path, &st) == 0 && S_ISDIR(st.st_mode))
        t->path = path_join(t->m->arena, t->path, name);
    const char *prev = state_of(t->path);
    if (!t->state)
        t->state = !is(prev, "absent") ? prev : t->recurse ? "directory" : "file";
    if (t->recurse && !is(t->state, "directory"))
        return fail_at(t, "recurse option requires state to be 'directory'");
    if (t->src && !is(t->state, "link") && !is(t->state, "hard"))
        return fail_at(t, "src option requires state to be 'link' or 'hard'");
    return 0;
}

// In check mode a user or group that is not there yet may be made by an earlier task of the real
// run.
static void check_names(struct file_task *t)
{
    gid_t gid;
    if (t->attrs.owner && !host_user(t->m, t->attrs.owner, NULL, NULL, NULL))
        module_warn(t->m, "failed to look up user %s. Create user up to this point in real play",
                    t->attrs.owner);
    if (t->attrs.group && !host_group(t->m, t->attrs.group, &gid))
        module_warn(t->m, "failed to look up group %s. Create group up to this point in real play",
                    t->attrs.group);
}

static int diff_peek(struct file_task *t)
{
    char head[8192];
    int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0)
        close(fd);
    module_set_str(t->m, "path", t->path);
    module_set(t->m, "appears_binary", value_bool(n > 0 && memchr(head, 0, (size_t)n)));
    return 0;
}

int mod_file(struct module *m)
{
    static const struct {
        const char *state;
        int (*make)(struct file_task *t);
    } states[] = {
        {"absent", make_absent}, {"directory", make_directory}, {"file", make_file},
        {"hard", make_hard},     {"link", make_link},           {"touch", make_touch},
    };
    struct file_task t = {
        .m = m,
        .path = module_str(m, "path"),
        .src = module_str(m, "src"),
        .state = module_str(m, "state"),
        .follow = module_bool(m, "follow"),
        .force = module_bool(m, "force"),
        .recurse = module_bool(m, "recurse"),
        .attrs = file_attrs_of(m),
    };
    t.given = t.path;
    if (settle(&t) < 0)
        return ERR_FAILED;
    if (m->check && !is(t.state, "absent"))
        check_names(&t);
    if (read_stamp(&t, "modification_time", &t.mtime) < 0 ||
        read_stamp(&t, "access_time", &t.atime) < 0)
        return ERR_FAILED;
    if (module_has(m, "_diff_peek"))
        return diff_peek(&t);
    t.path = strip_slashes(m->arena, t.path);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (is(states[i].state, t.state)) {
            int rc = states[i].make(&t);
            const char *key = dict_get(m->result, "path") ? "path" : "dest";
            if (is(strip_slashes(m->arena, t.given), t.path) && dict_get(m->result, key))
                module_set_str(m, key, t.given); // as it was written
            return rc;
        }
    return module_fail(m, "unexpected state '%s'", t.state);
}
