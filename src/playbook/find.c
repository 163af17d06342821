// Where the files named in tasks are looked for.
#include "config/path.h"
#include "core/buf.h"
#include "core/file.h"
#include "playbook/loader.h"

#include <string.h>

#define MAX_DIRS 128

const char *const *playbook_search_path(struct arena *a, const struct node *n, const char *basedir,
                                        size_t *ret_n)
{
    const char **dirs = arena_array(a, const char *, MAX_DIRS + 1);
    size_t k = 0;
    const char *seen[MAX_DIRS];
    const char *add[MAX_DIRS];
    size_t n_add = 0;
    for (const struct role *r = n->role; r && n_add < MAX_DIRS - 4; r = r->parent)
        add[n_add++] = r->path;
    if (n->file && *n->file)
        add[n_add++] = path_dir(a, n->file);
    for (const struct node *at = n->parent; at && n_add < MAX_DIRS - 2; at = at->parent)
        if (at->kind == NODE_INCLUDE && at->file && *at->file)
            add[n_add++] = path_dir(a, at->file);
    if (basedir)
        add[n_add++] = basedir;
    else if (n->play && n->play->n.file)
        add[n_add++] = path_dir(a, n->play->n.file);
    for (size_t i = 0; i < n_add; i++) {
        size_t j = 0;
        while (j < k && strcmp(seen[j], add[i]) != 0)
            j++;
        if (j == k)
            seen[k] = dirs[k] = add[i], k++;
    }
    *ret_n = k;
    return dirs;
}

static const char *attempt(struct arena *a, struct buf *tried, const char *dir, const char *sub,
                           const char *name)
{
    const char *path = *sub ? arena_printf(a, "%s/%s/%s", dir, sub, name) : path_join(a, dir, name);
    if (is_file(path) || is_dir(path))
        return path;
    buf_addf(tried, "\n\t%s", path);
    return NULL;
}

const char *playbook_find_file(struct arena *a, const struct node *n, const char *dir,
                               const char *name, const char *basedir, char **ret_tried)
{
    struct buf tried = BUF_INIT;
    const char *path = NULL;
    name = path_home(a, name);
    if (name[0] == '/') {
        path = attempt(a, &tried, "", "", name);
    } else {
        size_t k;
        const char *const *dirs = playbook_search_path(a, n, basedir, &k);
        for (size_t i = 0; i < k && !path; i++) {
            // the folder of a task file inside tasks/ is searched as it is; a folder itself named
            // `dir` is not doubled
            bool doubled = *dir && strcmp(path_base(dirs[i]), dir) == 0;
            if (!doubled && *dir)
                path = attempt(a, &tried, dirs[i], dir, name);
            if (!path)
                path = attempt(a, &tried, dirs[i], "", name);
        }
        // Ansible tells of its last resort even where that was tried before
        if (!path && k) {
            const char *last = basedir ? basedir : dirs[k - 1];
            if (*dir)
                buf_addf(&tried, "\n\t%s/%s/%s", last, dir, name);
            buf_addf(&tried, "\n\t%s", path_join(a, last, name));
        }
    }
    if (ret_tried)
        *ret_tried = arena_strdup(a, buf_str(&tried));
    buf_release(&tried);
    return path;
}

const struct list *playbook_collections(const struct node *n)
{
    const struct role *role = n->role;
    for (; n && n->role == role; n = n->parent) {
        const struct value *v = dict_get(n->attrs, "collections");
        if (v && v->type == VALUE_LIST && (!role || n != role->node))
            return v->u.list;
    }
    return role ? role->collections : NULL;
}

const char *playbook_find_tasks(struct arena *a, const struct node *n, bool handler,
                                const char *name, const char *basedir, char **ret_tried)
{
    const char *path =
        handler ? playbook_find_file(a, n, "handlers", name, basedir, ret_tried) : NULL;
    return path ? path : playbook_find_file(a, n, "tasks", name, basedir, ret_tried);
}
