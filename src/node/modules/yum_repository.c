// yum_repository: a repository of yum and dnf as a section of a file in yum.repos.d.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A .repo file: sections in their order, each a dict of texts.
struct repo_file {
    struct module *m;
    struct arena *a;
    const char *path, *id;
    struct dict *sections;
};

// Lines that begin with a blank go on with the value before them.
static void parse(struct repo_file *f, const char *text)
{
    struct dict *section = NULL;
    struct value *last = NULL;
    for (char *c = arena_strdup(f->a, text), *line; (line = text_line(&c));) {
        bool indented = *line == ' ' || *line == '\t';
        char *s = text_strip(line);
        if (!*s || *s == '#' || *s == ';')
            continue;
        if (*s == '[' && !indented) {
            struct value v = value_dict(f->a);
            dict_set(f->sections, arena_strndup(f->a, s + 1, strcspn(s + 1, "]")), v);
            section = v.u.dict;
            last = NULL;
        } else if (indented && last) {
            *last = value_strf(f->a, "%s\n%s", last->u.str.s, s);
        } else if (section && strpbrk(s, "=:")) {
            char *eq = strpbrk(s, "=:");
            *eq = '\0';
            char *key = text_strip(s);
            for (char *k = key; *k; k++)
                if (*k >= 'A' && *k <= 'Z')
                    *k = (char)(*k | 0x20);
            dict_set(section, key, value_cstr(text_strip(eq + 1)));
            last = dict_get(section, key);
        }
    }
}

static int compare_keys(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void add_section(const struct repo_file *f, const struct dict *d, bool sorted, struct buf *b)
{
    const char **keys = arena_array(f->a, const char *, d->len + 1);
    struct dict_entry *it;
    size_t n = 0;
    DICT_EACH(d, it)
    keys[n++] = it->key.u.str.s;
    if (sorted && n)
        qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "%s = ", keys[i]);
        for (const char *c = dict_get(d, keys[i])->u.str.s; *c; c++) {
            buf_addc(b, *c);
            if (*c == '\n' && !sorted)
                buf_addc(b, '\t');
        }
        buf_addc(b, '\n');
    }
}

// The file's text; sorted: as a diff shows it, keys in order and further lines not indented.
static const char *render(const struct repo_file *f, bool sorted)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    DICT_EACH(f->sections, it)
    {
        buf_addf(&b, "[%s]\n", it->key.u.str.s);
        add_section(f, it->val.u.dict, sorted, &b);
        buf_addc(&b, '\n');
    }
    const char *s = arena_strdup(f->a, buf_str(&b));
    buf_release(&b);
    return s;
}

// What a parameter is in the file, or NULL when it is not given.
static const char *setting(struct repo_file *f, const char *name, const struct value *v)
{
    if (v->type == VALUE_NULL)
        return NULL;
    if (v->type == VALUE_BOOL)
        return v->u.b ? "1" : "0";
    if (v->type == VALUE_LIST) {
        bool words = strcmp(name, "exclude") == 0 || strcmp(name, "includepkgs") == 0;
        return text_join(f->a, v->u.list, words ? " " : "\n");
    }
    return value_to_cstr(f->a, v);
}

static int fill(struct repo_file *f)
{
    static const char *const not_settings[] = {
        "attributes", "description", "file",   "group",  "mode",   "name",          "owner",
        "reposdir",   "selevel",     "serole", "setype", "seuser", "unsafe_writes", "state"};
    const size_t n_not = sizeof not_settings / sizeof *not_settings;
    struct module *m = f->m;
    struct value section = value_dict(f->a);
    if (!module_has(m, "baseurl") && !module_has(m, "mirrorlist") && !module_has(m, "metalink"))
        return module_fail(m, "Parameter 'baseurl', 'metalink' or 'mirrorlist' is required.");
    const char **names = arena_array(f->a, const char *, m->args->len + 2);
    struct dict_entry *it;
    size_t n = 0;
    DICT_EACH(m->args, it)
    {
        size_t i = 0;
        while (i < n_not && strcmp(not_settings[i], it->key.u.str.s) != 0)
            i++;
        if (i == n_not)
            names[n++] = it->key.u.str.s;
    }
    names[n++] = "name";
    qsort(names, n, sizeof *names, compare_keys);
    for (size_t i = 0; i < n; i++) {
        const char *param = strcmp(names[i], "name") == 0 ? "description" : names[i];
        const char *text = setting(f, param, dict_get(m->args, param));
        if (text)
            dict_set(section.u.dict, names[i], value_cstr(text));
    }
    dict_del(f->sections, f->id);
    dict_set(f->sections, f->id, section);
    return 0;
}

static int write_file(struct repo_file *f)
{
    struct err e = ERR_INIT;
    const char *text = render(f, false);
    if (journal_path(f->m, f->path, NULL) < 0)
        return ERR_FAILED;
    if (!f->sections->len)
        return unlink(f->path) == 0 || !text_exists(f->path)
                   ? 0
                   : module_fail(f->m, "Cannot remove empty repo file %s.", f->path);
    return host_write(f->m, f->path, text, strlen(text), &e) == 0
               ? 0
               : module_fail(f->m, "Problems handling file %s: %s", f->path, err_msg(&e));
}

static struct value make_diff(const struct repo_file *f, const char *before, const char *after)
{
    struct value d = value_dict(f->a);
    dict_set(d.u.dict, "before_header", value_cstr(f->path));
    dict_set(d.u.dict, "before", value_cstr(before));
    dict_set(d.u.dict, "after_header", value_cstr(f->path));
    dict_set(d.u.dict, "after", value_cstr(after));
    return d;
}

int mod_yum_repository(struct module *m)
{
    const char *dir = module_str(m, "reposdir"), *name = module_str(m, "name");
    const char *file = module_str(m, "file"), *state = module_str(m, "state");
    struct repo_file f = {
        .m = m, .a = m->arena, .id = name, .sections = value_dict(m->arena).u.dict};
    bool present = strcmp(state, "present") == 0, attrs_changed = false;
    struct stat st;
    if (present && !module_has(m, "description"))
        return module_fail(m, "Parameter 'description' is required.");
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return module_fail(m, "Repo directory '%s' does not exist.", dir);
    f.path = arena_printf(m->arena, "%s/%s.repo", dir, file ? file : name);
    const char *text = text_read(m->arena, f.path, NULL);
    if (text)
        parse(&f, text);
    const char *before = render(&f, true);
    if (present && fill(&f) != 0)
        return ERR_FAILED;
    if (!present)
        dict_del(f.sections, name);
    const char *after = render(&f, true);
    bool changed = strcmp(before, after) != 0;
    if (changed && !m->check && write_file(&f) != 0)
        return ERR_FAILED;
    if (text_exists(f.path)) {
        struct file_attrs attrs = file_attrs_of(m);
        if (file_set_attrs(m, f.path, &attrs, false, &attrs_changed, NULL, NULL) != 0)
            return ERR_FAILED;
    }
    module_changed(m, changed || attrs_changed);
    module_set_str(m, "repo", name);
    module_set_str(m, "state", state);
    module_set(m, "diff", make_diff(&f, before, after));
    return 0;
}
