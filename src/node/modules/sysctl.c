// sysctl: kernel parameters, in a file and in the running kernel.
#include "node/command.h"
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>

struct sysctl {
    struct module *m;
    const char *name, *value, *file;
    bool present;
    const char *in_file;   // NULL: not in it
    const char *in_kernel; // NULL: the kernel has no such parameter
};

// Words for yes and no become 1 and 0.
static const char *parse_value(struct arena *a, const char *s)
{
    if (!s)
        return "";
    int truth = value_parse_bool(s, strlen(s));
    return truth >= 0 ? (truth ? "1" : "0") : text_strip(arena_strdup(a, s));
}

// "a = b" of a line; false for comments and what has no =.
static bool parse_line(struct arena *a, const struct piece *p, const char **ret_name,
                       const char **ret_value)
{
    char *line = text_strip(arena_strndup(a, p->s, p->len));
    char *eq = strchr(line, '=');
    if (!*line || *line == '#' || *line == ';' || !eq)
        return false;
    *eq = '\0';
    *ret_name = text_strip(line);
    *ret_value = text_strip(eq + 1);
    return true;
}

static void find_in_file(struct sysctl *t, const struct pieces *lines)
{
    const char *name, *value;
    for (size_t i = 0; i < lines->n; i++)
        if (parse_line(t->m->arena, &lines->items[i], &name, &value) && strcmp(name, t->name) == 0)
            t->in_file = value;
}

static bool same_words(struct arena *a, const char *x, const char *y)
{
    char *cx = arena_strdup(a, x), *cy = arena_strdup(a, y);
    for (;;) {
        const char *wx = text_field(&cx), *wy = text_field(&cy);
        if (!wx || !wy)
            return !wx && !wy;
        if (strcmp(wx, wy) != 0)
            return false;
    }
}

// What the file is to hold: each parameter once, the task's with its value or not at all.
static const char *new_text(struct sysctl *t, const struct pieces *lines)
{
    struct arena *a = t->m->arena;
    struct value seen = value_dict(a);
    struct buf b = BUF_INIT;
    const char *name, *value;
    for (size_t i = 0; i < lines->n; i++) {
        const struct piece *p = &lines->items[i];
        if (!parse_line(a, p, &name, &value)) {
            buf_addf(&b, "%s\n", text_strip(arena_strndup(a, p->s, p->len)));
            continue;
        }
        if (dict_get(seen.u.dict, name))
            continue;
        dict_set(seen.u.dict, name, value_bool(true));
        if (strcmp(name, t->name) != 0)
            buf_addf(&b, "%s=%s\n", name, value);
        else if (t->present)
            buf_addf(&b, "%s=%s\n", name, t->value);
    }
    if (t->present && !dict_get(seen.u.dict, t->name))
        buf_addf(&b, "%s=%s\n", t->name, t->value);
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static bool kernel_differs(const struct sysctl *t)
{
    return !t->in_kernel || !same_words(t->m->arena, t->in_kernel, t->value);
}

static int read_kernel(struct sysctl *t)
{
    struct argv argv = argv_of(t->m->arena, "sysctl", "-e", "-n", t->name, NULL);
    struct output o;
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    t->in_kernel = o.rc == 0 ? o.out : NULL;
    return 0;
}

// sysctl says with its exit code 0 that some parameters could not be set.
static bool went_wrong(const struct output *o)
{
    return o->rc != 0 || strstr(o->err, ": Invalid argument") || strstr(o->err, ": Read-only file");
}

static int set_kernel(struct sysctl *t)
{
    struct argv argv = argv_of(t->m->arena, "sysctl", NULL);
    struct output o;
    if (module_bool(t->m, "ignoreerrors"))
        argv_add(&argv, "-e");
    argv_add(&argv, "-w");
    argv_addf(&argv, "%s=%s", t->name, t->value);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return went_wrong(&o) ? module_fail(t->m, "setting %s failed: %s%s", t->name, o.out, o.err) : 0;
}

static int reload(struct sysctl *t)
{
    struct argv argv = argv_of(t->m->arena, "sysctl", "-p", t->file, NULL);
    struct output o;
    if (module_bool(t->m, "ignoreerrors"))
        argv = argv_of(t->m->arena, "sysctl", "-e", "-p", t->file, NULL);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return went_wrong(&o) ? module_fail(t->m, "Failed to reload sysctl: %s%s", o.out, o.err) : 0;
}

// What has to be done: writing the file, setting the kernel's value; whether anything changes.
static bool decide(struct sysctl *t, bool *ret_write, bool *ret_set)
{
    struct module *m = t->m;
    bool changed = false;
    if (t->present)
        *ret_write = !t->in_file || strcmp(t->in_file, t->value) != 0;
    else
        *ret_write = t->in_file && *t->in_file;
    changed = *ret_write;
    if (!changed && t->in_file && module_bool(m, "reload"))
        changed = kernel_differs(t);
    *ret_set = false;
    if (t->present && module_bool(m, "sysctl_set") && kernel_differs(t)) {
        changed = true;
        *ret_set = t->in_kernel != NULL;
    }
    return changed;
}

int mod_sysctl(struct module *m)
{
    struct sysctl t = {.m = m,
                       .name = module_str(m, "name"),
                       .value = parse_value(m->arena, module_str(m, "value")),
                       .file = module_str(m, "sysctl_file"),
                       .present = strcmp(module_str(m, "state"), "present") == 0};
    struct pieces lines = {.arena = m->arena};
    size_t len = 0;
    bool write, set;
    struct err e = ERR_INIT;
    if (!*t.name)
        return module_fail(m, "name cannot be blank");
    if (t.present && !*module_str(m, "value"))
        return module_fail(m, "value cannot be blank");
    if (!proc_which(m->arena, "sysctl"))
        return proc_fail_missing(m, "sysctl");
    char *text = text_read(m->arena, t.file, &len);
    pieces_split(&lines, text ? text : "", len, false);
    find_in_file(&t, &lines);
    if (read_kernel(&t) != 0)
        return ERR_FAILED;
    bool changed = decide(&t, &write, &set);
    if (m->check || !changed) {
        module_changed(m, changed);
        return 0;
    }
    const char *now = new_text(&t, &lines);
    if ((set || module_bool(m, "reload")) && journal_thing(m, "sysctl", t.name, NULL, NULL) < 0)
        return ERR_FAILED;
    if (set && set_kernel(&t) != 0)
        return ERR_FAILED;
    if (write && host_replace(m, host_realpath(m->arena, t.file), now, strlen(now), &e) != 0)
        return module_fail_err(m, &e);
    if (module_bool(m, "reload") && reload(&t) != 0)
        return ERR_FAILED;
    module_changed(m, changed);
    return 0;
}
