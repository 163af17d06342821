// archive: packs files and folders of the host, by its own tar and compressors.
#include "node/modules/archive.h"

#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_DEPTH 1000

// --- what is to be packed

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool is_pattern(const char *path)
{
    return strpbrk(path, "*?") != NULL;
}

// Replaces patterns by what they match on the host.
static struct list *expand(struct arena *a, const struct list *paths)
{
    struct list *l = value_list(a).u.list;
    for (size_t i = 0; paths && i < paths->len; i++) {
        glob_t found = {0};
        const char *path = paths->items[i].u.str.s;
        if (!is_pattern(path)) {
            list_add(l, paths->items[i]);
            continue;
        }
        if (glob(path, 0, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                list_add(l, value_str(a, found.gl_pathv[k]));
        globfree(&found);
    }
    return l;
}

static int compare_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

static void sort_list(struct list *l)
{
    if (l->len)
        qsort(l->items, l->len, sizeof *l->items, compare_text);
}

const char *packing_sorted(struct arena *a, const char *text)
{
    struct value lines = value_list(a);
    char *cursor = arena_strdup(a, text), *line;
    while ((line = text_line(&cursor)))
        list_add(lines.u.list, value_cstr(line));
    sort_list(lines.u.list);
    return text_join(a, lines.u.list, "\n");
}

// Length of a path up to its last slash and with it.
static size_t folder_len(const char *path, size_t len)
{
    while (len && path[len - 1] != '/')
        len--;
    return len;
}

// The folder that all paths have in common.
static const char *common_root(struct packing *p)
{
    const char *first = p->paths->items[0].u.str.s;
    size_t len = folder_len(first, strlen(first));
    for (size_t i = 1; i < p->paths->len; i++) {
        const char *path = p->paths->items[i].u.str.s;
        size_t n = 0, most = folder_len(path, strlen(path));
        while (n < len && n < most && path[n] == first[n])
            n++;
        len = folder_len(first, n);
    }
    return arena_strndup(p->a, first, len);
}

const char *packing_name(const struct packing *p, const char *path)
{
    return path + strlen(p->root);
}

// Patterns are for the names in an archive; those of zip archives for full paths, as Ansible has
// it.
static bool is_excluded(const struct packing *p, const char *path)
{
    const struct list *patterns = module_list(p->m, "exclusion_patterns");
    const char *name = strcmp(p->format, "zip") == 0 ? path : packing_name(p, path);
    for (size_t i = 0; patterns && i < patterns->len; i++)
        if (fnmatch(patterns->items[i].u.str.s, name, FNM_NOESCAPE) == 0)
            return true;
    return false;
}

static void add_member(struct packing *p, const char *path)
{
    struct stat st;
    bool skip = strcmp(path, p->dest) == 0 || is_excluded(p, path);
    if (!skip && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        list_add(p->members, value_cstr(path));
}

static void add_folder(struct packing *p, const char *folder, int depth)
{
    struct value names = value_list(p->a);
    DIR *d = depth < MAX_DEPTH ? opendir(folder) : NULL;
    for (struct dirent *de; d && (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            list_add(names.u.list, value_str(p->a, de->d_name));
    if (d)
        closedir(d);
    sort_list(names.u.list);
    for (size_t i = 0; i < names.u.list->len; i++) {
        const char *path = path_join(p->a, folder, names.u.list->items[i].u.str.s);
        struct stat st;
        add_member(p, path);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            add_folder(p, path, depth + 1);
    }
}

static void find_members(struct packing *p)
{
    for (size_t i = 0; i < p->targets->len; i++) {
        const char *path = p->targets->items[i].u.str.s;
        if (is_folder(path))
            add_folder(p, path, 0);
        else
            add_member(p, path);
    }
}

// --- packing

struct compressor {
    const char *format, *program, *tar_option;
};

static const struct compressor *compressor_of(const char *format)
{
    static const struct compressor table[] = {
        {"bz2", "bzip2", "--bzip2"}, {"gz", "gzip", "--gzip"}, {"xz", "xz", "--xz"}, {0}};
    const struct compressor *c = table;
    while (c->format && strcmp(c->format, format) != 0)
        c++;
    return c;
}

static int run_tar(struct packing *p, const char *to)
{
    const struct compressor *c = compressor_of(p->format);
    struct argv argv = argv_of(p->a, "tar", "--create", "--format=gnu", "--no-recursion", NULL);
    struct buf names = BUF_INIT;
    struct output o;
    argv_add(&argv, c->tar_option);
    argv_option(&argv, "--file", to);
    argv_option(&argv, "--directory", *p->root ? p->root : ".");
    argv_add(&argv, "--null");
    argv_option(&argv, "--files-from", "-");
    for (size_t i = 0; i < p->members->len; i++) {
        const char *name = packing_name(p, p->members->items[i].u.str.s);
        buf_add(&names, name, strlen(name) + 1);
    }
    struct proc_opts opts = {.stdin_data = names.p, .stdin_len = names.len, .clean_lang = true};
    int rc = command_run(p->m, &argv, &opts, &o);
    buf_release(&names);
    if (rc == 0 && o.rc > 1) // 1: a file changed while it was read
        rc = module_fail(p->m, "Errors when writing archive at %s: %s", p->dest, o.err);
    return rc;
}

// Runs a line of the shell in the C locale; *ret_rc is its exit code.
static int run_shell(struct packing *p, const char *line, int *ret_rc)
{
    struct err e = ERR_INIT;
    struct proc run;
    struct proc_opts opts = {.clean_lang = true};
    if (proc_shell(p->m, line, &opts, &run, &e) < 0)
        return module_fail_err(p->m, &e);
    *ret_rc = run.rc;
    proc_release(&run);
    return 0;
}

static int compress_file(struct packing *p, const char *to)
{
    const char *program = compressor_of(p->format)->program, *path = p->targets->items[0].u.str.s;
    int code;
    if (run_shell(p,
                  arena_printf(p->a, "%s -c < %s > %s", program, shlex_quote(p->a, path),
                               shlex_quote(p->a, to)),
                  &code) != 0)
        return ERR_FAILED;
    return code == 0 ? 0 : module_fail(p->m, "Unable to compress %s with %s", path, program);
}

static bool is_plain(const struct packing *p)
{
    return !p->whole && compressor_of(p->format)->program;
}

// --- what has changed

// What tar tells of the members, sorted; NULL when there is no archive to read. Fractions of
// seconds are not kept by every tar, and left out.
static const char *tar_listing(struct packing *p, const char *path)
{
    struct argv argv =
        argv_of(p->a, "tar", "--list", "--verbose", "--full-time", "--numeric-owner", NULL);
    struct output o;
    struct buf b = BUF_INIT;
    argv_option(&argv, "--file", path);
    if (!is_there(path) || command_run(p->m, &argv, NULL, &o) != 0 || o.rc != 0)
        return NULL;
    char *cursor = arena_strdup(p->a, o.out), *line;
    while ((line = text_line(&cursor))) {
        size_t colon = strcspn(line, ":"), len = colon + strcspn(line + colon, ". ");
        const char *rest = line + len + (line[len] == '.');
        buf_add(&b, line, len);
        buf_addf(&b, "%s\n", rest + strspn(rest, line[len] == '.' ? "0123456789" : ""));
    }
    const char *ret = packing_sorted(p->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static const char *listing(struct packing *p, const char *path)
{
    return strcmp(p->format, "zip") == 0 ? packing_zip_listing(p->a, path) : tar_listing(p, path);
}

// Whether dest is the source compressed.
static int holds_source(struct packing *p, bool *ret)
{
    int code = 1;
    const char *program = compressor_of(p->format)->program;
    const char *path = p->targets->items[0].u.str.s;
    if (is_there(p->dest) &&
        run_shell(p,
                  arena_printf(p->a, "%s -dc < %s 2>/dev/null | cmp -s - %s", program,
                               shlex_quote(p->a, p->dest), shlex_quote(p->a, path)),
                  &code) != 0)
        return ERR_FAILED;
    *ret = code == 0;
    return 0;
}

// Makes the archive beside dest and moves it there; *ret_same: dest held the same before.
static int write_archive(struct packing *p, bool *ret_same)
{
    struct err e = ERR_INIT;
    const char *tmp, *before = NULL, *after;
    int rc, fd = host_tmpfile(p->m, path_dir(p->a, p->dest), &tmp, &e);
    if (fd < 0)
        return module_fail_err(p->m, &e);
    if (is_plain(p))
        rc = compress_file(p, tmp) != 0 ? ERR_FAILED : holds_source(p, ret_same);
    else
        rc = strcmp(p->format, "zip") == 0 ? packing_zip(p, fd) : run_tar(p, tmp);
    close(fd);
    if (rc == 0 && !is_plain(p)) {
        before = listing(p, p->dest);
        after = listing(p, tmp);
        *ret_same = before && after && strcmp(before, after) == 0;
    }
    if (rc == 0 && host_install(p->m, tmp, p->dest, &e) < 0)
        rc = module_fail_err(p->m, &e);
    return rc;
}

// --- removing what was packed

static int check_removal(struct packing *p)
{
    for (size_t i = 0; i < p->paths->len; i++) {
        const char *path = p->paths->items[i].u.str.s;
        const char *inside = is_folder(path) ? text_after(p->dest, path) : NULL;
        size_t n = strlen(path);
        if (!inside || (*inside != '/' && !(n && path[n - 1] == '/')))
            continue;
        module_set_str(p->m, "path", text_join(p->a, p->paths, ", "));
        return module_fail(
            p->m, "Error, created archive can not be contained in source paths when remove=true");
    }
    return 0;
}

// Removes the paths of l, or the folders among them alone.
static void remove_all(struct packing *p, const struct list *l, bool folders, struct list *ret_bad)
{
    for (size_t i = 0; i < l->len; i++) {
        struct err e = ERR_INIT;
        const char *path = l->items[i].u.str.s;
        struct stat st;
        bool wanted = lstat(path, &st) == 0 && (!folders || S_ISDIR(st.st_mode));
        if (wanted && (journal_tree(p->m, path, &e) < 0 || host_remove(path, &e) < 0))
            list_add(ret_bad, value_cstr(path));
        err_release(&e);
    }
}

static int remove_sources(struct packing *p)
{
    struct value bad = value_list(p->a);
    remove_all(p, p->members, false, bad.u.list);
    remove_all(p, p->paths, true, bad.u.list);
    if (!bad.u.list->len)
        return 0;
    module_set_str(p->m, "dest", p->dest);
    module_set(p->m, "files", bad);
    return module_fail(p->m, "Error deleting some source files: ");
}

// --- the task

static struct value list_of(struct list *l)
{
    return (struct value){.type = VALUE_LIST, .u.list = l};
}

// paths: what is given and not left out, once each.
static void choose_paths(struct packing *p)
{
    for (size_t i = 0; i < p->given->len; i++) {
        const char *path = p->given->items[i].u.str.s;
        if (!text_list_has(p->left_out, path) && !text_list_has(p->paths, path))
            list_add(p->paths, p->given->items[i]);
    }
    sort_list(p->paths);
    for (size_t i = 0; i < p->paths->len; i++)
        list_add(is_there(p->paths->items[i].u.str.s) ? p->targets : p->missing,
                 p->paths->items[i]);
}

static int no_paths(struct packing *p)
{
    module_set_str(p->m, "path", text_join(p->a, module_list(p->m, "path"), ", "));
    module_set_str(p->m, "expanded_paths", text_join(p->a, p->given, ", "));
    module_set_str(p->m, "expanded_exclude_paths", text_join(p->a, p->left_out, ", "));
    return module_fail(p->m, "Error, no source paths were found");
}

static int read_arguments(struct packing *p)
{
    const struct list *path = module_list(p->m, "path");
    const char *dest = module_str(p->m, "dest");
    bool patterns = false;
    for (size_t i = 0; i < path->len; i++)
        patterns = patterns || is_pattern(path->items[i].u.str.s);
    p->given = expand(p->a, path);
    p->left_out = expand(p->a, module_list(p->m, "exclude_path"));
    choose_paths(p);
    if (!p->paths->len)
        return no_paths(p);
    const char *first = p->paths->items[0].u.str.s;
    p->root = common_root(p);
    p->whole =
        module_bool(p->m, "force_archive") || patterns || p->paths->len > 1 || is_folder(first);
    if (dest)
        p->dest = dest;
    else if (!p->whole)
        p->dest = arena_printf(p->a, "%s.%s", first, p->format);
    if (!p->dest) {
        module_set_str(p->m, "dest", "None"); // as Ansible prints nothing
        module_set_str(p->m, "path", text_join(p->a, p->paths, ", "));
        return module_fail(p->m,
                           "Error, must specify \"dest\" when archiving multiple files or trees");
    }
    return module_bool(p->m, "remove") ? check_removal(p) : 0;
}

// What dest is called, where nothing is packed into it.
static const char *state_by_name(const char *dest)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tar.bz2", ".tar.xz",
                                       ".tgz", ".tbz2",   ".zip"};
    size_t len = strlen(dest);
    if (!is_there(dest))
        return "absent";
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (len > strlen(ends[i]) && strcasecmp(dest + len - strlen(ends[i]), ends[i]) == 0)
            return "archive";
    return "compress";
}

// What is told to be in the archive: of zip archives the files alone, as Ansible has it.
static struct value archived(const struct packing *p)
{
    struct value l = value_list(p->a);
    bool zip = strcmp(p->format, "zip") == 0;
    for (size_t i = 0; i < p->members->len; i++)
        if (!zip || !is_folder(p->members->items[i].u.str.s))
            list_add(l.u.list, p->members->items[i]);
    return l;
}

static int pack(struct packing *p, const char **ret_state)
{
    bool same = false;
    const char *program = compressor_of(p->format)->program;
    if (program && !proc_which(p->a, program))
        return proc_fail_missing(p->m, program);
    find_members(p);
    if (write_archive(p, &same) != 0)
        return ERR_FAILED;
    *ret_state = is_plain(p) ? "compress" : p->missing->len ? "incomplete" : "archive";
    module_changed(p->m, !same);
    module_set(p->m, "archived", archived(p));
    return module_bool(p->m, "remove") ? remove_sources(p) : 0;
}

int mod_archive(struct module *m)
{
    struct packing p = {.m = m,
                        .a = m->arena,
                        .format = module_str(m, "format"),
                        .paths = value_list(m->arena).u.list,
                        .targets = value_list(m->arena).u.list,
                        .missing = value_list(m->arena).u.list,
                        .members = value_list(m->arena).u.list};
    const char *state = "absent";
    if (read_arguments(&p) != 0)
        return ERR_FAILED;
    module_changed(m, false);
    module_set(m, "archived", value_list(m->arena));
    if (!p.targets->len)
        state = state_by_name(p.dest);
    else if (m->check)
        module_changed(m, p.whole || !is_there(p.dest));
    else if (pack(&p, &state) != 0)
        return ERR_FAILED;
    if (is_there(p.dest) && file_apply_attrs(m, p.dest, false) != 0)
        return ERR_FAILED;
    module_set_str(m, "dest", p.dest);
    module_set_str(m, "dest_state", state);
    module_set_str(m, "arcroot", p.root);
    module_set(m, "missing", list_of(p.missing));
    module_set(m, "expanded_paths", list_of(p.given));
    module_set(m, "expanded_exclude_paths", list_of(p.left_out));
    return 0;
}
