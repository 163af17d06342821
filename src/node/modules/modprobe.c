// modprobe: modules of the kernel, loaded or not, now and at boot.
#include "node/command.h"
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define LOAD_DIR "/etc/modules-load.d"
#define PARAMS_DIR "/etc/modprobe.d"

struct modprobe {
    struct module *m;
    const char *name, *params;
    bool present;
};

static const char *with_underscores(struct arena *a, const char *name)
{
    char *s = arena_strdup(a, name);
    for (char *c = s; *c; c++)
        if (*c == '-')
            *c = '_';
    return s;
}

static bool is_loaded(const struct modprobe *t)
{
    struct arena *a = t->m->arena;
    const char *name = with_underscores(a, t->name);
    struct utsname u;
    for (char *c = text_read(a, "/proc/modules", NULL), *line; c && (line = text_line(&c));) {
        const char *word = text_field(&line);
        if (word && strcmp(word, name) == 0)
            return true;
    }
    if (uname(&u) != 0)
        return false;
    char *c = text_read(a, arena_printf(a, "/lib/modules/%s/modules.builtin", u.release), NULL);
    const char *end = arena_printf(a, "/%s.ko", t->name);
    for (char *line; c && (line = text_line(&c));)
        if (text_ends(text_strip(line), end))
            return true;
    return false;
}

static int run(struct modprobe *t, const struct argv *argv)
{
    struct module *m = t->m;
    struct output o;
    if (command_run(m, argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc == 0)
        return 0;
    module_set(m, "rc", value_int(o.rc));
    module_set_str(m, "stdout", o.out);
    module_set_str(m, "stderr", o.err);
    return module_fail(m, "%s", o.err);
}

static int load(struct modprobe *t)
{
    struct argv argv = argv_of(t->m->arena, "modprobe", NULL);
    if (t->m->check)
        argv_add(&argv, "-n");
    argv_add(&argv, t->name);
    if (!t->m->check && journal_thing(t->m, "kmod", t->name, NULL, NULL) < 0)
        return ERR_FAILED;
    if (argv_line(t->m, &argv, t->params) != 0 || run(t, &argv) != 0)
        return ERR_FAILED;
    // an alias may stand for something that is there already
    bool changed = true;
    if (!t->m->check && !is_loaded(t)) {
        struct argv again = argv_of(t->m->arena, "modprobe", "-n", "--first-time", t->name, NULL);
        if (argv_line(t->m, &again, t->params) != 0)
            return ERR_FAILED;
        changed = command_ok(t->m, &again);
    }
    module_changed(t->m, changed);
    return 0;
}

static int unload(struct modprobe *t)
{
    struct argv argv = argv_of(t->m->arena, "modprobe", "-r", t->name, NULL);
    if (t->m->check)
        argv_add(&argv, "-n");
    else if (journal_thing(t->m, "kmod", t->name, NULL, NULL) < 0)
        return ERR_FAILED;
    if (run(t, &argv) != 0)
        return ERR_FAILED;
    module_changed(t->m, true);
    return 0;
}

// --- what is done at boot

// The parameters an "options NAME ..." line gives the module; NULL when it is another line.
static const char *options_of(const struct modprobe *t, struct arena *a, const char *line)
{
    char *c = arena_strdup(a, line);
    const char *word = text_field(&c);
    if (!word || strcmp(word, "options") != 0)
        return NULL;
    word = text_field(&c);
    return word && strcmp(word, t->name) == 0 ? text_strip(c ? c : arena_strdup(a, "")) : NULL;
}

static bool names_module(const struct modprobe *t, struct arena *a, const char *line)
{
    char *s = text_strip(arena_strndup(a, line, strcspn(line, "#;")));
    return strcmp(s, t->name) == 0;
}

// Goes through the lines of every *.conf of dir that concern the module; with comment_out they are
// turned into comments. Sets *ret_params to their parameters, where they have some.
static int scan(struct modprobe *t, const char *dir, bool comment_out, bool *ret_found,
                struct list *params)
{
    struct arena *a = t->m->arena;
    DIR *d = opendir(dir);
    struct err e = ERR_INIT;
    int rc = 0;
    for (struct dirent *de; d && rc == 0 && (de = readdir(d));) {
        if (!text_ends(de->d_name, ".conf"))
            continue;
        const char *path = arena_printf(a, "%s/%s", dir, de->d_name);
        struct buf b = BUF_INIT;
        bool hit = false;
        for (char *c = text_read(a, path, NULL), *line; c && (line = text_line(&c));) {
            const char *options = options_of(t, a, line);
            bool mine = params ? options != NULL : names_module(t, a, line);
            for (char *o = mine && params ? arena_strdup(a, options) : NULL, *w;
                 o && (w = text_field(&o));)
                list_add(params, value_cstr(w));
            hit = hit || mine;
            buf_addf(&b, "%s%s\n", mine ? "#" : "", line);
        }
        *ret_found = *ret_found || hit;
        if (hit && comment_out && host_replace(t->m, path, buf_str(&b), b.len, &e) != 0)
            rc = module_fail_err(t->m, &e);
        buf_release(&b);
    }
    if (d)
        closedir(d);
    return rc;
}

static int write_conf(struct modprobe *t, const char *dir, const char *text)
{
    struct err e = ERR_INIT;
    const char *path = arena_printf(t->m->arena, "%s/%s.conf", dir, t->name);
    if (host_replace(t->m, path, text, strlen(text), &e) != 0)
        return module_fail_err(t->m, &e);
    return 0;
}

static bool same_params(const struct modprobe *t, const struct list *have)
{
    size_t n = 0;
    for (char *c = arena_strdup(t->m->arena, t->params), *w; (w = text_field(&c)); n++)
        if (!text_list_has(have, w))
            return false;
    return n == have->len;
}

static int keep_for_boot(struct modprobe *t)
{
    struct module *m = t->m;
    struct arena *a = m->arena;
    struct list *params = value_list(a).u.list;
    bool listed = false, optioned = false;
    if (scan(t, LOAD_DIR, false, &listed, NULL) != 0 ||
        scan(t, PARAMS_DIR, false, &optioned, params) != 0)
        return ERR_FAILED;
    bool params_ok = same_params(t, params);
    module_changed(m, !listed || !params_ok);
    if (m->check)
        return 0;
    if (!listed && write_conf(t, LOAD_DIR, arena_printf(a, "%s\n", t->name)) != 0)
        return ERR_FAILED;
    if (params_ok)
        return 0;
    if (scan(t, PARAMS_DIR, true, &optioned, params) != 0)
        return ERR_FAILED;
    struct buf b = BUF_INIT;
    for (char *c = arena_strdup(a, t->params), *w; (w = text_field(&c));)
        buf_addf(&b, "options %s %s\n", t->name, w);
    int rc = b.len ? write_conf(t, PARAMS_DIR, buf_str(&b)) : 0;
    buf_release(&b);
    return rc;
}

static int forget_for_boot(struct modprobe *t)
{
    struct list *params = value_list(t->m->arena).u.list;
    bool found = false;
    if (scan(t, LOAD_DIR, !t->m->check, &found, NULL) != 0 ||
        scan(t, PARAMS_DIR, !t->m->check, &found, params) != 0)
        return ERR_FAILED;
    module_changed(t->m, found);
    return 0;
}

int mod_modprobe(struct module *m)
{
    struct modprobe t = {.m = m,
                         .name = module_str(m, "name"),
                         .params = module_str(m, "params"),
                         .present = strcmp(module_str(m, "state"), "present") == 0};
    const char *persistent = module_str(m, "persistent");
    if (!proc_which(m->arena, "modprobe"))
        return proc_fail_missing(m, "modprobe");
    module_changed(m, false);
    module_set_str(m, "name", t.name);
    module_set_str(m, "params", t.params);
    module_set_str(m, "state", module_str(m, "state"));
    bool loaded = is_loaded(&t);
    int rc = 0;
    if (t.present && !loaded)
        rc = load(&t);
    else if (!t.present && loaded)
        rc = unload(&t);
    if (rc == 0 && strcmp(persistent, "present") == 0)
        rc = keep_for_boot(&t);
    else if (rc == 0 && strcmp(persistent, "absent") == 0)
        rc = forget_for_boot(&t);
    return rc;
}
