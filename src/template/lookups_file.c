// Lookups of files: file, template, fileglob, first_found, unvault.
#include "core/file.h"
#include "template/datetime.h"
#include "template/eval.h"
#include "template/lookups.h"
#include "template/paths.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// file: The content of files, without trailing white space unless rstrip is false.
LOOKUP(lookup_file)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct text term = text_of(c, &terms->items[i]);
        const char *path = lookup_find_file(c, "files", term.s);
        char *s;
        size_t len;
        if (!path)
            return lookup_fail(c, e, "could not locate file in lookup: %s", term.s);
        int rc = lookup_read(c, path, &s, &len, e);
        if (rc < 0)
            return rc;
        struct text t = {s, len};
        if (lookup_bool(c, "lstrip", false))
            t = str_strip(t, NULL, STRIP_LEFT);
        if (lookup_bool(c, "rstrip", true))
            t = str_strip(t, NULL, STRIP_RIGHT);
        list_add(ret->u.list, str_from(c, t.s, t.len));
    }
    return 0;
}

// unvault: The decrypted content of files.
LOOKUP(lookup_unvault)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct text term = text_of(c, &terms->items[i]);
        const char *path = lookup_find_file(c, "files", term.s);
        char *s;
        size_t len;
        if (!path)
            return lookup_fail(c, e, "Unable to find file matching \"%s\" ", term.s);
        int rc = lookup_read(c, path, &s, &len, e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, str_from(c, s, len));
    }
    return 0;
}

// fileglob: The regular files that match patterns.
LOOKUP(lookup_fileglob)
{
    (void)e;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const char *term = text_of(c, &terms->items[i]).s, *base = path_base(term);
        struct value dirs = value_list(c->arena);
        if (base != term) {
            const char *dir = lookup_find_file(c, "files", path_dir(c->arena, term));
            if (dir)
                list_add(dirs.u.list, value_cstr(dir));
        } else if (c->t->paths.n) {
            for (size_t k = 0; k < c->t->paths.n; k++) {
                list_add(dirs.u.list, value_strf(c->arena, "%s/files", c->t->paths.dirs[k]));
                list_add(dirs.u.list, value_cstr(c->t->paths.dirs[k]));
            }
        } else {
            list_add(dirs.u.list, value_strf(c->arena, "%s/files", lookup_basedir(c)));
            list_add(dirs.u.list, value_cstr(lookup_basedir(c)));
        }
        size_t before = ret->u.list->len;
        for (size_t k = 0; k < dirs.u.list->len && ret->u.list->len == before; k++)
            path_glob(c, path_join(c->arena, dirs.u.list->items[k].u.str.s, base), ret->u.list);
    }
    return 0;
}

// Pieces of texts (or lists of them) between any of the separators, empty ones included.
static void split_on(struct call *c, const struct list *in, const char *separators,
                     struct list *out)
{
    for (size_t i = 0; i < in->len; i++) {
        if (in->items[i].type == VALUE_LIST) {
            split_on(c, in->items[i].u.list, separators, out);
            continue;
        }
        struct text t = text_of(c, &in->items[i]);
        for (size_t from = 0, k = 0; k <= t.len; k++)
            if (k == t.len || strchr(separators, t.s[k])) {
                list_add(out, str_from(c, t.s + from, k - from));
                from = k + 1;
            }
    }
}

// Adds what one term says to search for.
static int search_term(struct call *c, const struct value *term, const struct dict *opts,
                       struct value *search, bool *skip)
{
    struct value files = value_list(c->arena), paths = value_list(c->arena);
    struct call with = *c;
    with.kwargs = opts;
    split_on(c, lookup_list(c, dict_get(opts, "files")), ",;", files.u.list);
    split_on(c, lookup_list(c, dict_get(opts, "paths")), ",:;", paths.u.list);
    *skip = lookup_bool(&with, "skip", false);
    for (size_t i = 0; i < paths.u.list->len; i++)
        for (size_t k = 0; k < files.u.list->len; k++) {
            struct buf b = BUF_INIT;
            buf_adds(&b, paths.u.list->items[i].u.str.s);
            path_add(&b, text_of(c, &files.u.list->items[k]));
            list_add(search->u.list, take_buf(c, &b));
        }
    if (!paths.u.list->len && files.u.list->len)
        *search = files; // replaces what came before, as Ansible's does
    else if (!paths.u.list->len)
        list_add(search->u.list, *term);
    return 0;
}

static int search_terms(struct call *c, const struct list *terms, int depth, struct value *search,
                        bool *skip, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < terms->len && rc >= 0; i++) {
        const struct value *t = &terms->items[i];
        struct dict *d = dict_of(c, t);
        if (d) {
            rc = search_term(c, t, d, search, skip);
        } else if (t->type == VALUE_STRING) {
            rc = search_term(c, t, c->kwargs, search, skip);
        } else if (t->type == VALUE_LIST && depth < 100) {
            struct value part = value_list(c->arena);
            rc = search_terms(c, t->u.list, depth + 1, &part, skip, e);
            for (size_t k = 0; k < part.u.list->len; k++)
                list_add(search->u.list, part.u.list->items[k]);
        } else {
            rc = lookup_fail_final(
                c, e,
                "Invalid term supplied, can handle string, mapping or list of strings but got: %s "
                "for %s",
                class_of(c, t), text_of(c, t).s);
        }
    }
    return rc;
}

// first_found: The first file there is among files (in paths); nothing with skip, else an error.
// The option _subdir (files unless given) is where the task at hand keeps its files.
LOOKUP(lookup_first_found)
{
    struct value search = value_list(c->arena);
    bool skip = false;
    const char *subdir = dict_str(c->kwargs, "_subdir", "files");
    int rc = search_terms(c, terms, 0, &search, &skip, e);
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < search.u.list->len; i++) {
        struct value name;
        struct err why = ERR_INIT;
        rc = template_value(c->t, c->arena, &search.u.list->items[i], &name, &why);
        if (rc == ERR_UNDEFINED) {
            err_release(&why);
            continue;
        }
        if (rc < 0)
            return err_move(e, &why);
        const char *path = lookup_find_file(c, subdir, text_of(c, &name).s);
        if (path) {
            list_add(ret->u.list, value_cstr(path));
            return 0;
        }
    }
    return skip ? 0 : lookup_fail_final(c, e, "No file was found when using first_found.");
}

// template_host, template_path and so on, as a template file sees them.
static struct dict *template_locals(struct call *c, const char *term, const char *path)
{
    struct value d = value_dict(c->arena);
    struct stat st = {0};
    char host[256] = "", tmp[4096];
    struct passwd pw, *found = NULL;
    struct tm tm;
    if (c->t->locals)
        dict_update(d.u.dict, c->t->locals);
    gethostname(host, sizeof host - 1);
    if (stat(path, &st) == 0)
        getpwuid_r(st.st_uid, &pw, tmp, sizeof tmp, &found);
    localtime_r(&st.st_mtime, &tm);
    struct datetime mtime = {tm.tm_year + 1900,
                             tm.tm_mon + 1,
                             tm.tm_mday,
                             tm.tm_hour,
                             tm.tm_min,
                             tm.tm_sec,
                             (int)(st.st_mtim.tv_nsec / 1000),
                             false,
                             0};
    struct datetime now = datetime_now(false);
    dict_set(d.u.dict, "template_host", value_str(c->arena, host));
    dict_set(d.u.dict, "template_path", value_str(c->arena, term));
    dict_set(d.u.dict, "template_fullpath", value_str(c->arena, path));
    dict_set(d.u.dict, "template_uid",
             found ? value_str(c->arena, found->pw_name) : value_strf(c->arena, "%u", st.st_uid));
    dict_set(d.u.dict, "template_mtime", datetime_value(c->arena, &mtime));
    dict_set(d.u.dict, "template_run_date", datetime_value(c->arena, &now));
    dict_set(d.u.dict, "template_destpath", value_null());
    const struct value *extra = lookup_opt(c, "template_vars");
    struct dict *more = extra ? dict_of(c, extra) : NULL;
    if (more)
        dict_update(d.u.dict, more);
    return d.u.dict;
}

// The folders a template's includes are looked for in: beside it, then templates/ of the search
// path.
static void include_dirs(struct call *c, const char *path, struct template_paths *paths)
{
    const char **dirs = arena_array(c->arena, const char *, 2 * c->t->paths.n + 1);
    size_t n = 0;
    dirs[n++] = path_dir(c->arena, path);
    for (size_t i = 0; i < c->t->paths.n; i++) {
        dirs[n++] = path_join(c->arena, c->t->paths.dirs[i], "templates");
        dirs[n++] = c->t->paths.dirs[i];
    }
    paths->dirs = dirs;
    paths->n = n;
}

static const char *marker(struct call *c, const char *name, const char *dflt)
{
    const struct value *v = lookup_opt(c, name);
    return v ? text_of(c, v).s : dflt;
}

static bool memmem_any(const char *s, size_t len, const char *what)
{
    return memmem(s, len, what, strlen(what)) != NULL;
}

static int render(struct call *c, const char *term, const char *path, struct value *ret,
                  struct err *e)
{
    char *s;
    size_t len;
    int rc = lookup_read(c, path, &s, &len, e);
    if (rc < 0)
        return rc;
    struct templar t = *c->t;
    struct template_opts o = c->t->opts;
    include_dirs(c, path, &t.paths);
    t.locals = template_locals(c, term, path);
    o.trim_blocks = true;
    o.newline_sequence = o.newline_sequence ? o.newline_sequence : "\n";
    o.fail_on_undefined = true;
    o.variable_start = marker(c, "variable_start_string", o.variable_start);
    o.variable_end = marker(c, "variable_end_string", o.variable_end);
    o.comment_start = marker(c, "comment_start_string", o.comment_start);
    o.comment_end = marker(c, "comment_end_string", o.comment_end);
    bool plain = !memmem_any(s, len, o.variable_start ? o.variable_start : "{{") &&
                 !memmem_any(s, len, o.block_start ? o.block_start : "{%") &&
                 !memmem_any(s, len, o.comment_start ? o.comment_start : "{#");
    if (plain) { // not a template at all
        *ret = str_from(c, s, len);
        return 0;
    }
    rc = template_text(&t, c->arena, s, len, path, &o, ret, e);
    if (rc < 0)
        return rc;
    bool convert = lookup_bool(c, "convert_data", true);
    struct value lit;
    const char *text = ret->u.str.s;
    bool like = *text == '{' || *text == '[' || value_eqs(ret, "True") || value_eqs(ret, "False");
    if (convert && like && literal_eval(c->arena, text, ret->u.str.len, true, &lit))
        *ret = lit;
    else if (!convert)
        ret->flags |= VALUE_NATIVE_TEXT;
    return 0;
}

// template: Template files rendered; text that looks like data becomes data unless convert_data is
// false.
LOOKUP(lookup_template)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const char *term = text_of(c, &terms->items[i]).s;
        const char *path = lookup_find_file(c, "templates", term);
        struct value v;
        if (!path)
            return lookup_fail(c, e, "the template file %s could not be found for the lookup",
                               term);
        int rc = render(c, term, path, &v, e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, v);
    }
    return 0;
}
