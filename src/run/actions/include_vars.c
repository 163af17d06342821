// include_vars: variables from files or a folder of them.
#include "core/buf.h"
#include "core/file.h"
#include "run/actions/actions.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct include_vars {
    struct exec *x;
    struct value *result;
    struct dict *vars;
    struct list *files;
    const struct value *extensions, *ignore;
    const char *matching;
    int64_t depth;
    bool ignore_unknown;
};

static bool known_extension(struct include_vars *v, const char *path)
{
    static const char *const dflt[] = {"yaml", "yml", "json"};
    const char *dot = strrchr(path_base(path), '.');
    if (!dot)
        return false;
    if (v->extensions && v->extensions->type == VALUE_LIST) {
        for (size_t i = 0; i < v->extensions->u.list->len; i++)
            if (value_eqs(&v->extensions->u.list->items[i], dot + 1))
                return true;
        return false;
    }
    for (size_t i = 0; i < 3; i++)
        if (strcmp(dflt[i], dot + 1) == 0)
            return true;
    return false;
}

// What went wrong with a file is the result's `message`; only wrong arguments have a `msg`.
static int refuse(struct include_vars *v, const char *msg)
{
    dict_set(v->result->u.dict, "failed", value_bool(true));
    dict_set(v->result->u.dict, "message", value_str(v->x->a, msg));
    return ERR_FAILED;
}

static int refuse_extension(struct include_vars *v, const char *path)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s does not have a valid extension: ", path);
    if (v->extensions && v->extensions->type == VALUE_LIST)
        for (size_t i = 0; i < v->extensions->u.list->len; i++)
            buf_addf(&b, "%s%s", i ? ", " : "",
                     value_to_cstr(v->x->a, &v->extensions->u.list->items[i]));
    else
        buf_adds(&b, "yaml, yml, json");
    int rc = refuse(v, buf_str(&b));
    buf_release(&b);
    return rc;
}

static int load(struct include_vars *v, const char *path)
{
    struct err e = ERR_INIT;
    struct dict *vars;
    if (loader_vars_file(v->x->run->o.loader, path, &vars, &e) < 0) {
        refuse(v, e.code == ERR_INVALID
                      ? arena_printf(v->x->a, "%s must be stored as a dictionary/hash", path)
                      : task_error(v->x, "", &e, POS_NONE));
        err_release(&e);
        return ERR_FAILED;
    }
    dict_update(v->vars, vars);
    list_add(v->files, value_str(v->x->a, path));
    return 0;
}

static bool name_matches(struct include_vars *v, const char *name)
{
    struct value r;
    if (!v->matching)
        return true;
    const char *expr = arena_printf(v->x->a, "__name is search(__pattern)");
    dict_set(v->x->locals, "__name", value_str(v->x->a, name));
    dict_set(v->x->locals, "__pattern", value_str(v->x->a, v->matching));
    bool ok =
        template_expression(&v->x->tpl, v->x->a, expr, POS_NONE, &r, NULL) == 0 && value_truthy(&r);
    dict_del(v->x->locals, "__name");
    dict_del(v->x->locals, "__pattern");
    return ok;
}

static bool ignored(struct include_vars *v, const char *name)
{
    for (size_t i = 0; v->ignore && v->ignore->type == VALUE_LIST && i < v->ignore->u.list->len;
         i++) {
        const char *p = value_to_cstr(v->x->a, &v->ignore->u.list->items[i]);
        size_t n = strlen(p), m = strlen(name);
        if (m >= n && strcmp(name + m - n, p) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int load_dir(struct include_vars *v, const char *dir, int64_t level)
{
    const char **names = NULL;
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return refuse(v, arena_printf(v->x->a, "%s directory does not exist", dir));
    for (struct dirent *de; (de = readdir(d));) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        names = xrealloc(names, (n + 1) * sizeof *names);
        names[n++] = arena_strdup(v->x->a, de->d_name);
    }
    closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    int rc = 0;
    struct value before = value_dict(v->x->a);
    dict_update(before.u.dict, v->vars);
    for (int dirs = 0; dirs < 2; dirs++) // files first, then folders
        for (size_t i = 0; i < n && rc == 0; i++) {
            const char *path = path_join(v->x->a, dir, names[i]);
            struct stat st;
            if (stat(path, &st) < 0 || S_ISDIR(st.st_mode) != dirs)
                continue;
            if (dirs)
                rc = v->depth == 0 || level + 1 < v->depth ? load_dir(v, path, level + 1) : 0;
            else if (names[i][0] == '.' || ignored(v, names[i]) || !name_matches(v, names[i]))
                continue;
            else if (known_extension(v, path))
                rc = load(v, path);
            else if (!v->ignore_unknown)
                rc = refuse_extension(v, path);
            if (rc < 0 && !dirs) // a folder counts whole or not at all
                *v->vars = *before.u.dict;
        }
    free(names);
    return rc;
}

static bool one_of(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static int plain_fail(struct value *result, const char *msg)
{
    dict_del(result->u.dict, "changed");
    dict_set(result->u.dict, "failed", value_bool(true));
    dict_set(result->u.dict, "msg", value_cstr(msg));
    return ERR_INVALID;
}

// Whether only arguments for files, or only those for folders, are given.
static int check_names(struct exec *x, const struct dict *args, struct value *result)
{
    static const char *const dirs[] = {
        "dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions",
        NULL};
    static const char *const files[] = {"file", "_raw_params", NULL}, *const all[] = {
                                                                          "name", "hash_behaviour",
                                                                          NULL};
    size_t n_dirs = 0, n_files = 0;
    struct dict_entry *it;
    DICT_EACH(args, it)
    {
        const char *key = value_to_cstr(x->a, &it->key);
        if (one_of(dirs, key))
            n_dirs++;
        else if (one_of(files, key))
            n_files++;
        else if (!one_of(all, key))
            return plain_fail(result,
                              arena_printf(x->a, "%s is not a valid option in include_vars", key));
    }
    if (n_dirs && n_files)
        return plain_fail(
            result, "You are mixing file only and dir only arguments, these are incompatible");
    return 0;
}

// from's entries over into's, dictionaries in both put together.
static struct value merge(struct arena *a, const struct value *into, const struct value *from)
{
    struct value ret = value_dict(a);
    struct dict_entry *it;
    if (!into || into->type != VALUE_DICT || from->type != VALUE_DICT)
        return *from;
    dict_update(ret.u.dict, into->u.dict);
    DICT_EACH(from->u.dict, it)
    {
        const struct value *had = dict_getv(into->u.dict, &it->key);
        dict_setv(ret.u.dict, it->key, merge(a, had, &it->val));
    }
    return ret;
}

// hash_behaviour=merge: what a variable holds already stays where the file has nothing else.
static void merge_known(struct include_vars *v, struct dict *vars)
{
    struct dict_entry *it;
    DICT_EACH(vars, it)
    {
        struct value had;
        dict_set(v->x->locals, "__name", it->key);
        if (it->val.type == VALUE_DICT &&
            template_expression(&v->x->tpl, v->x->a, "lookup('vars', __name, default=none)",
                                POS_NONE, &had, NULL) == 0)
            it->val = merge(v->x->a, &had, &it->val);
    }
    dict_del(v->x->locals, "__name");
}

static int load_from_dir(struct include_vars *v, const char *dir)
{
    struct exec *x = v->x;
    const char *path =
        playbook_find_file(x->a, &x->task->n, "vars", dir, run_basedir(x->run), NULL);
    if (!path)
        path = path_join(x->a, run_basedir(x->run), dir);
    return load_dir(v, path, 0);
}

static int load_from_file(struct include_vars *v, const char *file)
{
    struct exec *x = v->x;
    while (*file == ' ')
        file++;
    size_t n = strlen(file);
    while (n && (file[n - 1] == ' ' || file[n - 1] == '\n'))
        n--;
    struct value failure = value_dict(x->a);
    const char *path = arg_local_file(x, arena_strndup(x->a, file, n), "vars", &failure);
    return path ? load(v, path) : refuse(v, dict_str(failure.u.dict, "msg", ""));
}

int action_include_vars(struct exec *x, struct dict *args, struct value *result)
{
    struct value vars = value_dict(x->a), files = value_list(x->a);
    struct include_vars v = {.x = x,
                             .result = result,
                             .vars = vars.u.dict,
                             .files = files.u.list,
                             .extensions = dict_get(args, "extensions"),
                             .ignore = dict_get(args, "ignore_files"),
                             .matching = arg_str(x, args, "files_matching"),
                             .depth = dict_int(args, "depth", 0),
                             .ignore_unknown = arg_bool(args, "ignore_unknown_extensions", false)};
    const char *dir = arg_str(x, args, "dir"), *file = arg_str(x, args, "file"),
               *name = arg_str(x, args, "name");
    const char *behaviour = arg_str(x, args, "hash_behaviour");
    int rc = check_names(x, args, result);
    if (rc < 0)
        return rc;
    if (!file)
        file = arg_str(x, args, "_raw_params");
    if (!dir && !file)
        return action_fail(x, result, "No file or directory specified for include_vars");
    rc = dir ? load_from_dir(&v, dir) : load_from_file(&v, file);
    if (name) {
        struct value outer = value_dict(x->a);
        dict_set(outer.u.dict, name, vars);
        vars = outer;
    }
    if (rc == 0 && behaviour && strcmp(behaviour, "merge") == 0)
        merge_known(&v, vars.u.dict);
    dict_set(result->u.dict, "ansible_facts", vars);
    dict_set(result->u.dict, "ansible_included_var_files", files);
    return rc;
}
