// find: files below folders by name, type, age, size and content.
#include "node/modules.h"
#include "node/module.h"
#include "node/modules/stat_fields.h"
#include "node/regex.h"

#include "core/file.h"
#include "core/hash.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 1000

struct find_task {
    struct module *m;
    const struct list *patterns, *excludes;
    struct regex **re_patterns, **re_excludes;
    struct regex *contains;
    const char *type, *stamp;
    bool use_regex, whole, recurse, hidden, follow, checksum;
    bool has_age, has_size;
    double now;
    int64_t age, size, depth;
    int64_t base_depth; // slashes of the path being searched
    struct list *files;
    int64_t examined;
    const char *error; // why a path was given up
};

// A number with a unit ("-2d", "10k"): false when malformed.
static bool parse_unit(const char *s, const char *units, const int64_t *factors, int64_t *ret)
{
    char *end;
    if (!isdigit((unsigned char)s[*s == '-']))
        return false;
    *ret = strtoll(s, &end, 10);
    if (!*end)
        return true;
    const char *unit = strchr(units, tolower((unsigned char)*end));
    if (!unit || end[1])
        return false;
    *ret *= factors[unit - units];
    return true;
}

static bool name_matches(const struct find_task *t, const char *name, const struct list *globs,
                         struct regex **res)
{
    for (size_t i = 0; globs && i < globs->len; i++) {
        if (t->use_regex ? regex_match(res[i], name, strlen(name), 0, NULL, NULL) == 1
                         : fnmatch(globs->items[i].u.str.s, name, FNM_NOESCAPE) == 0)
            return true;
    }
    return false;
}

static bool name_wanted(const struct find_task *t, const char *name)
{
    return name_matches(t, name, t->patterns, t->re_patterns) &&
           !name_matches(t, name, t->excludes, t->re_excludes);
}

static bool age_wanted(const struct find_task *t, const struct stat *st)
{
    if (!t->has_age)
        return true;
    double at = stat_seconds(*t->stamp == 'm'   ? st->st_mtim
                             : *t->stamp == 'a' ? st->st_atim
                                                : st->st_ctim);
    double old = t->now - at, limit = (double)llabs(t->age);
    return t->age >= 0 ? old >= limit : old <= limit;
}

static bool size_wanted(const struct find_task *t, const struct stat *st)
{
    if (!t->has_size)
        return true;
    return t->size >= 0 ? st->st_size >= llabs(t->size) : st->st_size <= llabs(t->size);
}

static bool content_wanted(const struct find_task *t, const char *path)
{
    char *text;
    size_t len;
    if (!t->contains)
        return true;
    if (host_read(t->m, path, &text, &len, NULL) < 0)
        return false;
    if (t->whole)
        return regex_search(t->contains, text, len, 0, NULL, NULL) == 1;
    for (size_t at = 0; at < len;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) + 1 : len - at;
        if (regex_match(t->contains, text + at, n, 0, NULL, NULL) == 1)
            return true;
        at += n;
    }
    return false;
}

static bool wanted(const struct find_task *t, const char *path, const char *name,
                   const struct stat *st)
{
    bool reg = S_ISREG(st->st_mode);
    if (!name_wanted(t, name) || !age_wanted(t, st))
        return false;
    if (strcmp(t->type, "any") == 0)
        return !reg || size_wanted(t, st);
    if (strcmp(t->type, "directory") == 0)
        return S_ISDIR(st->st_mode);
    if (strcmp(t->type, "link") == 0)
        return S_ISLNK(st->st_mode);
    return reg && size_wanted(t, st) && content_wanted(t, path);
}

static void set_stat(struct find_task *t, struct dict *o, const struct stat *st)
{
    struct arena *a = t->m->arena;
    const char *user = host_user_name(t->m, st->st_uid), *group = host_group_name(t->m, st->st_gid);
    stat_set_kind(a, o, st);
    dict_set(o, "gr_name", value_str(a, group ? group : ""));
    dict_set(o, "pw_name", value_str(a, user ? user : ""));
    stat_set_rights(o, st->st_mode);
}

static void add_found(struct find_task *t, const char *path, const struct stat *st)
{
    struct value v = value_dict(t->m->arena);
    dict_set(v.u.dict, "path", value_cstr(path));
    set_stat(t, v.u.dict, st);
    bool files = strcmp(t->type, "any") == 0 || strcmp(t->type, "file") == 0;
    if (t->checksum && files && S_ISREG(st->st_mode)) {
        char hex[HASH_HEX_MAX];
        bool ok = hash_file(HASH_SHA1, path, hex, NULL) == 0;
        dict_set(v.u.dict, "checksum", ok ? value_str(t->m->arena, hex) : value_null());
    }
    list_add(t->files, v);
}

// os.path.normpath: no doubled slashes, no "." and, where it can be told, no "..".
static const char *normal_path(struct arena *a, const char *path)
{
    struct buf b = BUF_INIT;
    bool absolute = *path == '/';
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        bool up = n == 2 && p[0] == '.' && p[1] == '.';
        char *slash = b.len ? strrchr(b.p, '/') : NULL;
        const char *last = slash ? slash + 1 : buf_str(&b);
        if (up && b.len && strcmp(last, "..") != 0) {
            b.len = slash ? (size_t)(slash - b.p) : 0;
            b.p[b.len] = '\0';
        } else if (n && !(n == 1 && *p == '.') && !(up && absolute)) {
            if (b.len)
                buf_addc(&b, '/');
            buf_add(&b, p, n);
        }
        p += n + (p[n] == '/');
    }
    const char *ret = arena_printf(a, "%s%s", absolute ? "/" : "", buf_str(&b));
    buf_release(&b);
    return *ret ? ret : ".";
}

static int64_t slashes(const char *s)
{
    int64_t n = 0;
    for (; *s; s++)
        n += *s == '/';
    return n;
}

// One entry; false when it is deeper than wanted.
static bool visit(struct find_task *t, const char *root, const char *name)
{
    struct arena *a = t->m->arena;
    const char *path = normal_path(a, path_join(a, root, name));
    struct stat st;
    if (t->depth && slashes(path) - t->base_depth + 1 > t->depth)
        return false;
    if (*path_base(path) == '.' && !t->hidden)
        return true;
    if (lstat(path, &st) < 0)
        return true; // gone meanwhile
    if (wanted(t, path, name, &st))
        add_found(t, path, &st);
    return true;
}

static void walk(struct find_task *t, const char *root, int depth)
{
    struct arena *a = t->m->arena;
    DIR *d = depth < MAX_DEPTH ? opendir(root) : NULL;
    if (!d) {
        t->error = arena_printf(a, "[Errno %d] %s: '%s'", errno, strerror(errno), root);
        return;
    }
    struct value dirs = value_list(a), files = value_list(a);
    struct dirent *ent;
    while ((ent = readdir(d))) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        struct stat st;
        bool dir = stat(path_join(a, root, ent->d_name), &st) == 0 && S_ISDIR(st.st_mode);
        list_add(dir ? dirs.u.list : files.u.list, value_str(a, ent->d_name));
    }
    closedir(d);
    bool deeper = t->recurse;
    t->examined += (int64_t)(dirs.u.list->len + files.u.list->len);
    for (size_t i = 0; i < files.u.list->len; i++)
        deeper &= visit(t, root, files.u.list->items[i].u.str.s);
    for (size_t i = 0; i < dirs.u.list->len; i++)
        deeper &= visit(t, root, dirs.u.list->items[i].u.str.s);
    for (size_t i = 0; deeper && !t->error && i < dirs.u.list->len; i++) {
        const char *path = path_join(a, root, dirs.u.list->items[i].u.str.s);
        struct stat st;
        if (t->follow || (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode)))
            walk(t, path, depth + 1);
    }
}

static int compile_all(struct module *m, const struct list *l, struct regex ***ret)
{
    *ret = arena_array(m->arena, struct regex *, (l ? l->len : 0) + 1);
    for (size_t i = 0; l && i < l->len; i++) {
        struct err e = ERR_INIT;
        (*ret)[i] = regex_compile_str(m->arena, l->items[i].u.str.s, REGEX_TEXT, &e);
        if (!(*ret)[i]) {
            int rc = module_fail(m, "invalid regular expression '%s': %s", l->items[i].u.str.s,
                                 err_msg(&e));
            err_release(&e);
            return rc;
        }
    }
    return 0;
}

static int prepare(struct find_task *t)
{
    static const int64_t ages[] = {1, 60, 3600, 86400, 604800};
    static const int64_t sizes[] = {1, 1 << 10, 1 << 20, 1 << 30, 1LL << 40};
    struct module *m = t->m;
    const char *age = module_str(m, "age"), *size = module_str(m, "size"),
               *contains = module_str(m, "contains");
    if (age && !parse_unit(age, "smhdw", ages, &t->age)) {
        module_set_str(m, "age", age);
        return module_fail(m, "failed to process age");
    }
    if (size && !parse_unit(size, "bkmgt", sizes, &t->size)) {
        module_set_str(m, "size", size);
        return module_fail(m, "failed to process size");
    }
    t->has_age = age;
    t->has_size = size;
    if (!t->patterns || !t->patterns->len) {
        struct value any = value_list(m->arena);
        list_add(any.u.list, value_cstr(t->use_regex ? ".*" : "*"));
        t->patterns = any.u.list;
    }
    struct err e = ERR_INIT;
    if (contains && !(t->contains = regex_compile_str(m->arena, contains, REGEX_TEXT, &e)))
        return module_fail_err(m, &e);
    if (!t->use_regex)
        return 0;
    return compile_all(m, t->patterns, &t->re_patterns) < 0
               ? ERR_FAILED
               : compile_all(m, t->excludes, &t->re_excludes);
}

static const char *expand(struct module *m, const char *path)
{
    const struct value v = value_ref(path, strlen(path));
    const struct param as_path = {.name = "path", .type = PARAM_PATH};
    const struct param *rows = (const struct param[]){as_path, {0}};
    const struct module_spec spec = {.name = "find", .params = rows};
    struct value args = value_dict(m->arena);
    struct dict *ret;
    dict_set(args.u.dict, "path", v);
    return spec_validate(&spec, m->arena, args.u.dict, &ret, NULL) == 0
               ? dict_str(ret, "path", path)
               : path;
}

int mod_find(struct module *m)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct value files = value_list(m->arena), skipped = value_dict(m->arena);
    struct find_task t = {
        .m = m,
        .patterns = module_list(m, "patterns"),
        .excludes = module_list(m, "excludes"),
        .type = module_str(m, "file_type"),
        .stamp = module_str(m, "age_stamp"),
        .use_regex = module_bool(m, "use_regex"),
        .whole = module_bool(m, "read_whole_file"),
        .recurse = module_bool(m, "recurse"),
        .hidden = module_bool(m, "hidden"),
        .follow = module_bool(m, "follow"),
        .checksum = module_bool(m, "get_checksum"),
        .depth = module_int(m, "depth", 0),
        .now = stat_seconds(now),
        .files = files.u.list,
    };
    if (prepare(&t) < 0)
        return ERR_FAILED;
    const struct list *paths = module_list(m, "paths");
    for (size_t i = 0; i < paths->len; i++) {
        const char *path = expand(m, paths->items[i].u.str.s);
        size_t n = strlen(path);
        struct stat st;
        while (n > 1 && path[n - 1] == '/')
            n--;
        t.base_depth = slashes(arena_strndup(m->arena, path, n)) + 1;
        t.error = NULL;
        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
            t.error = arena_printf(m->arena, "'%s' is not a directory", path);
        else
            walk(&t, path, 0);
        if (t.error) {
            dict_set(skipped.u.dict, path, value_cstr(t.error));
            module_warn(m, "Skipped '%s' path due to this access issue: %s\n", path, t.error);
        }
    }
    module_set(m, "files", files);
    module_changed(m, false);
    module_set_str(m, "msg",
                   skipped.u.dict->len ? "Not all paths examined, check warnings for details"
                                       : "All paths examined");
    module_set(m, "matched", value_int((int64_t)files.u.list->len));
    module_set(m, "examined", value_int(t.examined));
    module_set(m, "skipped_paths", skipped);
    return 0;
}
