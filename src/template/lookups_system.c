// Lookups of the machine and the play: env, pipe, lines, vars, varnames, and those that others
// answer (config, url, inventory_hostnames).
#include "template/hooks.h"
#include "template/lookups.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT ((size_t)256 << 20)
#define SIGNALLED 256 // plus the number of the signal that ended a command

extern char **environ;

// env: Environment variables; default (nothing) when one is not set.
LOOKUP(lookup_env)
{
    const struct value *dflt = dict_get(c->kwargs, "default");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct value words = value_list(c->arena);
        str_split(c, text_of(c, &terms->items[i]), NULL, -1, words.u.list);
        if (!words.u.list->len)
            return lookup_fail(c, e, "list index out of range");
        const char *name = words.u.list->items[0].u.str.s, *val = getenv(name);
        if (!val && dflt && dflt->type == VALUE_UNDEFINED)
            return err_set(e, ERR_UNDEFINED, c->pos,
                           "The \"env\" lookup, found an undefined variable: %s", name);
        list_add(ret->u.list, val ? value_str(c->arena, val) : dflt ? *dflt : value_cstr(""));
    }
    return 0;
}

// Runs a shell command in the play's folder; its standard output into b. Returns the exit status,
// or <0.
static int run_shell(struct call *c, const char *command, struct buf *b, struct err *e)
{
    int fd[2];
    pid_t pid;
    char *argv[] = {arena_strdup(c->arena, "/bin/sh"), arena_strdup(c->arena, "-c"),
                    arena_strdup(c->arena, command), NULL};
    if (pipe2(fd, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, c->pos, "cannot make a pipe: %s", strerror(errno));
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, fd[1], 1);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addchdir_np(&fa, lookup_basedir(c));
    int rc = posix_spawn(&pid, "/bin/sh", &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    close(fd[1]);
    if (rc != 0) {
        close(fd[0]);
        return err_set(e, ERR_IO, c->pos, "cannot run '%s': %s", command, strerror(rc));
    }
    char *chunk = xmalloc(65536);
    for (;;) {
        ssize_t n = read(fd[0], chunk, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        buf_add(b, chunk, (size_t)n);
    }
    free(chunk);
    close(fd[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

static int run_terms(struct call *c, const struct list *terms, bool lines, struct value *ret,
                     struct err *e)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const char *command = text_of(c, &terms->items[i]).s;
        struct buf b;
        buf_init(&b, MAX_OUTPUT);
        int rc = run_shell(c, command, &b, e);
        struct value out = take_buf(c, &b);
        if (rc < 0)
            return rc;
        if (rc > 0)
            return lookup_fail(c, e, "lookup_plugin.%s(%s) returned %d", lines ? "lines" : "pipe",
                               command, rc);
        struct text t = text_of(c, &out);
        if (lines) {
            str_splitlines(c, t, false, ret->u.list);
        } else {
            t = str_strip(t, NULL, STRIP_RIGHT);
            list_add(ret->u.list, str_from(c, t.s, t.len));
        }
    }
    return 0;
}

// pipe: The output of commands.
LOOKUP(lookup_pipe)
{
    return run_terms(c, terms, false, ret, e);
}

// lines: The lines commands print.
LOOKUP(lookup_lines)
{
    return run_terms(c, terms, true, ret, e);
}

static int find_variable(struct call *c, const char *name, struct value *ret, struct err *e)
{
    const struct value *v = c->t->locals ? dict_get(c->t->locals, name) : NULL;
    if (v) {
        *ret = *v;
        return 1;
    }
    return c->t->vars.get ? c->t->vars.get(c->t->vars.data, c->arena, name, ret, e) : 0;
}

// vars: Variables by name; default when one is undefined.
LOOKUP(lookup_vars)
{
    const struct value *dflt = dict_get(c->kwargs, "default");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const struct value *t = &terms->items[i];
        struct value raw, v;
        struct err why = ERR_INIT;
        if (t->type != VALUE_STRING)
            return lookup_fail(c, e, "Invalid setting identifier, \"%s\" is not a string, its a %s",
                               text_of(c, t).s, class_of(c, t));
        int rc = find_variable(c, t->u.str.s, &raw, &why);
        if (rc == 0)
            rc = err_set(&why, ERR_UNDEFINED, c->pos, "No variable found with this name: %s",
                         t->u.str.s);
        if (rc > 0)
            rc = template_value(c->t, c->arena, &raw, &v, &why);
        if (rc == ERR_UNDEFINED && dflt && dflt->type != VALUE_NULL) {
            err_release(&why);
            if (dflt->type == VALUE_UNDEFINED)
                return fail_undefined(c, dflt, e);
            v = *dflt;
            rc = 0;
        }
        if (rc < 0)
            return err_move(e, &why);
        list_add(ret->u.list, v);
    }
    return 0;
}

// varnames: Names of variables that match patterns.
LOOKUP(lookup_varnames)
{
    struct dict *all = NULL;
    struct value names = value_dict(c->arena);
    struct dict_entry *d;
    int rc = 0;
    if (c->t->vars.all)
        rc = c->t->vars.all(c->t->vars.data, c->arena, &all, e);
    if (rc < 0)
        return rc;
    if (all)
        dict_update(names.u.dict, all);
    if (c->t->locals)
        dict_update(names.u.dict, c->t->locals);
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const struct value *t = &terms->items[i];
        struct regex *re;
        struct err why = ERR_INIT;
        const size_t *g;
        if (t->type != VALUE_STRING)
            return lookup_fail(c, e,
                               "Invalid setting identifier, \"%s\" is not a string, it is a %s",
                               text_of(c, t).s, class_of(c, t));
        if (regex_compile(text_of(c, t), 0, &re, &why) < 0) {
            rc = lookup_fail(c, e, "Unable to use \"%s\" as a search parameter: %s", t->u.str.s,
                             err_msg(&why));
            err_release(&why);
            return rc;
        }
        DICT_EACH(names.u.dict, d)
        if (regex_search(re, text_of(c, &d->key), 0, false, false, &g, NULL) == 1)
            list_add(ret->u.list, d->key);
        regex_free(re);
    }
    return 0;
}

// inventory_hostnames: Hosts that match patterns.
LOOKUP(lookup_inventory_hostnames)
{
    struct value groups = value_dict(c->arena), raw;
    if (!template_hooks.inventory_hostnames)
        return err_set(e, ERR_UNSUPPORTED, c->pos,
                       "the inventory_hostnames lookup needs an inventory");
    if (find_variable(c, "groups", &raw, e) == 1)
        groups = raw;
    return template_hooks.inventory_hostnames(c->arena, terms, &groups, ret, e);
}

// config: Settings of ansible.cfg; on_missing says what an unknown one does: error, warn or skip.
LOOKUP(lookup_config)
{
    struct text missing = lookup_text(c, "on_missing", "error");
    struct text type = lookup_text(c, "plugin_type", ""), name = lookup_text(c, "plugin_name", "");
    if (!type.len != !name.len)
        return lookup_fail_final(
            c, e,
            "Both plugin_type and plugin_name are required, cannot use one without the other");
    if (strcmp(missing.s, "error") && strcmp(missing.s, "warn") && strcmp(missing.s, "skip"))
        return lookup_fail_final(
            c, e,
            "\"on_missing\" must be a string and one of \"error\", \"warn\" or \"skip\", not %s",
            missing.s);
    if (!template_hooks.config)
        return err_set(e, ERR_UNSUPPORTED, c->pos, "the config lookup has no settings to look in");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        const struct value *t = &terms->items[i];
        struct value v;
        if (t->type != VALUE_STRING)
            return lookup_fail_final(c, e,
                                     "Invalid setting identifier, \"%s\" is not a string, its a %s",
                                     text_of(c, t).s, class_of(c, t));
        int rc = template_hooks.config(c->arena, t->u.str.s, type.s, name.s, &v, e);
        if (rc < 0)
            return rc;
        if (rc > 0)
            list_add(ret->u.list, v);
        else if (strcmp(missing.s, "error") == 0)
            return lookup_fail_final(c, e, "Unable to find setting %s", t->u.str.s);
        else if (strcmp(missing.s, "warn") == 0 && template_hooks.warn)
            template_hooks.warn(
                arena_printf(c->arena, "Skipping, did not find setting %s", t->u.str.s));
    }
    return 0;
}

// url: What URLs give, by lines unless split_lines is false.
LOOKUP(lookup_url)
{
    if (!template_hooks.fetch_url)
        return err_set(e, ERR_UNSUPPORTED, c->pos, "the url lookup is not available");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct value body;
        int rc =
            template_hooks.fetch_url(c->arena, text_of(c, &terms->items[i]).s, c->kwargs, &body, e);
        if (rc < 0)
            return rc;
        if (lookup_bool(c, "split_lines", true))
            str_splitlines(c, text_of(c, &body), false, ret->u.list);
        else
            list_add(ret->u.list, body);
    }
    return 0;
}
