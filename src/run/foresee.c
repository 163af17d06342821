// Check runs: what earlier tasks would have made on a host. A task that fails because it is not
// there yet, or finds the same thing yet to be done, is told from one that will really fail or
// change.
#include "run/loop.h"

#include <string.h>

enum made_kind {
    MADE_PATH,
    MADE_PACKAGE,
    MADE_USER,
    MADE_GROUP,
    MADE_SERVICE,
    MADE_SOURCE,
    MADE_ANY
};

struct made {
    struct made *next;
    enum made_kind kind;
    const char *name; // normalised path, or name
    const char *by;   // "task 'x' (site.yml:3)"
    bool folder;      // a directory that is not there now
    bool tree;        // with contents nobody knows yet
    bool whole;       // all of a file's contents
};

enum row_flag {
    ROW_MAKES = 1, // makes the path when it is not there
    ROW_WHOLE = 2, // and all of what is in it
    ROW_EDITS = 4, // changes a part of a file
    ROW_READS = 8, // changes nothing, looks at the path
    ROW_TREE = 16, // fills a folder
    ROW_HERE = 32, // does nothing on a host
};

// What modules are about, by module.
static const struct row {
    const char *module;
    enum made_kind kind;
    unsigned flags;
    const char *keys[4];
} rows[] = {
    {"add_host", MADE_ANY, ROW_HERE, {NULL}},
    {"apk", MADE_PACKAGE, 0, {"name"}},
    {"apt", MADE_PACKAGE, 0, {"name", "package", "pkg", "deb"}},
    {"apt_key", MADE_SOURCE, 0, {"url", "id", "data", "file"}},
    {"apt_repository", MADE_SOURCE, 0, {"repo"}},
    {"assemble", MADE_PATH, ROW_MAKES | ROW_WHOLE, {"dest"}},
    {"assert", MADE_ANY, ROW_HERE, {NULL}},
    {"blockinfile", MADE_PATH, ROW_EDITS, {"path", "dest", "destfile", "name"}},
    {"copy", MADE_PATH, ROW_MAKES | ROW_WHOLE, {"dest"}},
    {"deb822_repository", MADE_SOURCE, 0, {"name"}},
    {"debug", MADE_ANY, ROW_HERE, {NULL}},
    {"dnf", MADE_PACKAGE, 0, {"name", "pkg"}},
    {"fail", MADE_ANY, ROW_HERE, {NULL}},
    {"file", MADE_PATH, ROW_MAKES, {"path", "dest", "name"}},
    {"find", MADE_PATH, ROW_READS, {"paths", "path", "name"}},
    {"get_url", MADE_PATH, ROW_MAKES | ROW_WHOLE, {"dest"}},
    {"git", MADE_PATH, ROW_MAKES | ROW_TREE, {"dest"}},
    {"group", MADE_GROUP, 0, {"name"}},
    {"group_by", MADE_ANY, ROW_HERE, {NULL}},
    {"include_role", MADE_ANY, 0, {NULL}},
    {"include_vars", MADE_ANY, ROW_HERE, {NULL}},
    {"ini_file", MADE_PATH, ROW_EDITS, {"path", "dest"}},
    {"lineinfile", MADE_PATH, ROW_EDITS, {"path", "dest", "destfile", "name"}},
    {"package", MADE_PACKAGE, 0, {"name"}},
    {"pause", MADE_ANY, ROW_HERE, {NULL}},
    {"pip", MADE_PACKAGE, 0, {"name"}},
    {"replace", MADE_PATH, ROW_EDITS, {"path", "dest", "destfile", "name"}},
    {"rpm_key", MADE_SOURCE, 0, {"key"}},
    {"service", MADE_SERVICE, 0, {"name"}},
    {"set_fact", MADE_ANY, ROW_HERE, {NULL}},
    {"set_stats", MADE_ANY, ROW_HERE, {NULL}},
    {"slurp", MADE_PATH, ROW_READS, {"src", "path"}},
    {"stat", MADE_PATH, ROW_READS, {"path", "dest", "name"}},
    {"systemd", MADE_SERVICE, 0, {"name", "service", "unit"}},
    {"systemd_service", MADE_SERVICE, 0, {"name", "service", "unit"}},
    {"sysvinit", MADE_SERVICE, 0, {"name", "service"}},
    {"template", MADE_PATH, ROW_MAKES | ROW_WHOLE, {"dest"}},
    {"unarchive", MADE_PATH, ROW_TREE, {"dest"}},
    {"user", MADE_USER, 0, {"name", "user"}},
    {"yum", MADE_PACKAGE, 0, {"name", "pkg"}},
    {"yum_repository", MADE_SOURCE, 0, {"name"}},
};

static const struct row *row_of(const char *module)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].module, module) == 0)
            return &rows[i];
    return NULL;
}

// --- names ---------------------------------------------------------------------------------------

// The path without slashes at its end.
static const char *trimmed(struct arena *a, const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return arena_strndup(a, path, n);
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

// The names a value holds: text, with commas or not, or a list of it.
static void add_names(struct arena *a, const struct value *v, bool commas, struct list *ret)
{
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            add_names(a, &v->u.list->items[i], commas, ret);
        return;
    }
    if (v->type != VALUE_STRING || !v->u.str.len)
        return;
    for (const char *s = v->u.str.s; *s;) {
        size_t n = commas ? strcspn(s, ",") : strlen(s);
        const char *name = arena_strndup(a, s, n);
        name += strspn(name, " ");
        list_add(ret, value_cstr(*name == '/' ? trimmed(a, name) : name));
        s += n + (s[n] == ',');
    }
}

// What the task is about. A file in a folder is named by the result.
static struct list *subjects(struct exec *x, const struct row *row, const struct dict *args,
                             const struct dict *result)
{
    struct list *l = value_list(x->a).u.list;
    const char *dest = row->flags & ROW_WHOLE ? dict_str(result, "dest", NULL) : NULL;
    if (dest && *dest == '/') {
        list_add(l, value_cstr(trimmed(x->a, dest)));
        return l;
    }
    for (size_t i = 0; i < sizeof row->keys / sizeof *row->keys && row->keys[i]; i++) {
        const struct value *v = dict_get(args, row->keys[i]);
        if (v)
            add_names(x->a, v, row->kind == MADE_PACKAGE, l);
    }
    return l;
}

// --- remembering ---------------------------------------------------------------------------------

static struct made *add(struct exec *x, enum made_kind kind, const char *name)
{
    struct arena *a = x->run->arena;
    struct made *m = arena_new_of(a, struct made);
    *m = (struct made){.next = x->target->made,
                       .kind = kind,
                       .name = arena_strdup(a, name),
                       .by = arena_strdup(a, exec_where(x))};
    x->target->made = m;
    return m;
}

// file: state=directory where there is nothing now.
static bool makes_folder(const struct dict *args, const struct dict *result)
{
    const struct value *diff = dict_get(result, "diff");
    const struct value *before =
        diff && diff->type == VALUE_DICT ? dict_get(diff->u.dict, "before") : NULL;
    return strcmp(dict_str(args, "state", ""), "directory") == 0 && before &&
           before->type == VALUE_DICT &&
           strcmp(dict_str(before->u.dict, "state", ""), "absent") == 0;
}

static void remember(struct exec *x, const struct row *row, const struct dict *args,
                     const struct dict *result)
{
    const struct list *l = subjects(x, row, args, result);
    for (size_t i = 0; i < l->len; i++) {
        struct made *m = add(x, row->kind, l->items[i].u.str.s);
        m->folder = strcmp(row->module, "file") == 0 && makes_folder(args, result);
        m->tree = row->flags & ROW_TREE;
        m->whole = row->flags & ROW_WHOLE;
    }
}

void foresee_unknown(struct exec *x)
{
    const struct row *row = row_of(x->task->module);
    bool harmless = task_never_changes(x->task) || (row && row->flags & (ROW_HERE | ROW_READS));
    if (!harmless)
        add(x, MADE_ANY, "");
}

// --- judging -------------------------------------------------------------------------------------

// The task that would make name, or what is above it.
static const struct made *maker(const struct exec *x, const char *path)
{
    const struct made *m = x->target->made;
    while (m && !(m->kind == MADE_PATH && (strcmp(m->name, path) == 0 || below(path, m->name))))
        m = m->next;
    return m;
}

static const struct made *made_before(const struct exec *x, enum made_kind kind, const char *name)
{
    const struct made *m = x->target->made;
    while (m && !(m->kind == kind && (!name || strcmp(m->name, name) == 0)))
        m = m->next;
    return m;
}

// "needs /x, which depends on task 'y'"
static void doubt(struct exec *x, const char *before, const char *what, const char *after,
                  const struct made *by)
{
    x->unknown = arena_printf(x->a, "%s%s%s%s", before, what, after, by->by);
}

static void would_change(struct exec *x, struct value *result, const char *what,
                         const struct made *by)
{
    *result = value_dict(x->a);
    dict_set(result->u.dict, "changed", value_bool(true));
    dict_set(result->u.dict, "msg", value_strf(x->a, "%s would be made by %s", what, by->by));
}

// A path among the arguments that an earlier task would make.
static const struct made *made_path(struct exec *x, const struct dict *args, const char **ret_path)
{
    struct dict_entry *it;
    DICT_EACH(args, it)
    {
        struct list *l = value_list(x->a).u.list;
        add_names(x->a, &it->val, false, l);
        for (size_t i = 0; i < l->len; i++) {
            const char *path = l->items[i].u.str.s;
            const struct made *m = *path == '/' ? maker(x, path) : NULL;
            if (m) {
                *ret_path = path;
                return m;
            }
        }
    }
    return NULL;
}

// A user or group that the task needs and an earlier one would make.
static const struct made *made_account(struct exec *x, const struct dict *args)
{
    static const char *const keys[] = {"owner", "user", "name", "group", "groups"};
    struct list *l = value_list(x->a).u.list;
    struct value v;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (dict_get(args, keys[i]))
            add_names(x->a, dict_get(args, keys[i]), true, l);
    if (exec_attr(x, "become_user", &v, NULL) > 0)
        add_names(x->a, &v, false, l);
    for (size_t i = 0; i < l->len; i++) {
        const char *name = l->items[i].u.str.s;
        const struct made *m = made_before(x, MADE_USER, name);
        if (!m)
            m = made_before(x, MADE_GROUP, name);
        if (m)
            return m;
    }
    return NULL;
}

// One name holds the other: nginx and nginx-light, /etc/systemd/system/app.service and app.
static bool related(const char *x, const char *y)
{
    return *x && *y && (strstr(x, y) || strstr(y, x));
}

// Anything that may make what a host lacks; what goes by a like name before the rest.
static const struct made *made_anything(const struct exec *x, const struct row *row,
                                        const struct dict *args)
{
    const char *name = dict_str(args, "name", "");
    const struct made *any = NULL, *near = NULL;
    for (const struct made *m = x->target->made; m; m = m->next) {
        bool fits = m->kind == MADE_ANY || m->kind == MADE_PACKAGE || m->tree;
        if (row && row->kind == MADE_PACKAGE)
            fits = fits || m->kind == MADE_SOURCE;
        bool like = row && row->kind == MADE_SERVICE && related(m->name, name);
        if (like && m->kind == MADE_PACKAGE)
            return m;
        if (like && !near && (fits || m->kind == MADE_PATH))
            near = m;
        if (fits && !any)
            any = m;
    }
    return near ? near : any;
}

// Mistakes in the task itself, which no other task can mend.
static bool own_mistake(const char *msg)
{
    static const char *const marks[] = {
        "Unsupported parameters",  "missing required arg", "value of ",
        "parameters are required", "argument '",           "parameters are mutually exclusive"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(msg, marks[i], strlen(marks[i])) == 0)
            return true;
    return strstr(msg, "mutually exclusive") != NULL;
}

static void judge_failure(struct exec *x, const struct row *row, const struct dict *args,
                          struct value *result)
{
    const char *msg = dict_str(result->u.dict, "msg", "failed"), *path = NULL;
    if (!x->on_host || own_mistake(msg))
        return;
    const struct made *m = made_path(x, args, &path);
    if (m && m->folder && row && row->flags & ROW_MAKES && below(path, m->name)) {
        would_change(x, result, m->name, m);
        return;
    }
    if (m) {
        doubt(x, "needs ", path, ", which depends on ", m);
        return;
    }
    if ((m = made_account(x, args))) {
        if (m->kind == MADE_GROUP && row && row->kind == MADE_USER)
            would_change(x, result, m->name, m);
        else
            doubt(x, "needs ", m->name, ", which would be made by ", m);
        return;
    }
    if ((m = made_anything(x, row, args)))
        doubt(x, "fails now (", msg, "), which may change with ", m);
}

// An edit after an edit of the same file stays what it is; anything else done twice need not be.
static bool done_before(const struct row *row, const struct made *m, bool changed)
{
    if (row->flags & ROW_EDITS)
        return m->whole;
    return changed || row->flags & ROW_WHOLE;
}

// A package or archive brings files nobody can name here: one that is to be absent may come with
// it.
static const struct made *brings_files(const struct exec *x)
{
    const struct made *m = x->target->made;
    while (m && m->kind != MADE_PACKAGE && !m->tree)
        m = m->next;
    return m;
}

static void judge_success(struct exec *x, const struct row *row, const struct dict *args,
                          const struct dict *result, bool changed)
{
    const struct list *l = subjects(x, row, args, result);
    const char *state = dict_str(args, "state", "");
    if (row->kind == MADE_SERVICE &&
        (strcmp(state, "restarted") == 0 || strcmp(state, "reloaded") == 0))
        return;
    const struct made *bringer = strcmp(state, "absent") == 0 && !changed ? brings_files(x) : NULL;
    for (size_t i = 0; i < l->len && !x->unknown; i++) {
        const char *name = l->items[i].u.str.s;
        if (row->kind == MADE_PATH && bringer)
            doubt(x, "", name, " may come with ", bringer);
        const struct made *m = made_before(x, row->kind, name);
        if (row->flags & ROW_READS && !m && (m = maker(x, name)) && !m->tree)
            m = NULL;
        if (!x->unknown && m && (row->flags & ROW_READS || done_before(row, m, changed)))
            doubt(x, "", name, " depends on ", m);
    }
}

// --- the whole -----------------------------------------------------------------------------------

// The module did nothing because it cannot without doing it.
static bool not_run(const struct exec *x, const struct dict *result)
{
    return dict_bool(result, "skipped", false) &&
           (task_runs_command(x->task) || strstr(dict_str(result, "msg", ""), "check mode"));
}

// A command that its `creates` or `removes` would let run.
static void remember_command(struct exec *x, const struct dict *args)
{
    const char *path = dict_str(args, "creates", "");
    foresee_unknown(x);
    if (*path == '/')
        add(x, MADE_PATH, trimmed(x->a, path))->tree = true;
}

void foresee(struct exec *x, const struct dict *args, struct value *result)
{
    const struct row *row = row_of(x->task->module);
    if (x->unknown)
        return;
    if (not_run(x, result->u.dict)) {
        x->unknown = arena_printf(x->a, "%s is not run in check mode", x->task->module);
        return;
    }
    enum task_status status = result_status(result->u.dict);
    if (status == STATUS_CHANGED && task_runs_command(x->task))
        remember_command(x, args);
    if (status == STATUS_FAILED)
        judge_failure(x, row, args, result);
    else if (row && (status == STATUS_OK || status == STATUS_CHANGED))
        judge_success(x, row, args, result->u.dict, status == STATUS_CHANGED);
    x->foreseen = row != NULL;
    if (row && !(row->flags & (ROW_READS | ROW_HERE)) &&
        (x->unknown || result_status(result->u.dict) == STATUS_CHANGED))
        remember(x, row, args, result->u.dict);
}
