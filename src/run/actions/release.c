// release: the artifact lies on the controller; in a rollout the variable andon_release says what
// is not given.
#include "core/file.h"
#include "core/hash.h"
#include "run/actions/actions.h"

#include <errno.h>
#include <string.h>

static void fill_in(struct exec *x, struct dict *args)
{
    static const char *const names[] = {"version", "artifact", "digest", "name", "keep"};
    struct value r;
    if (template_expression(&x->tpl, x->a, "andon_release | default({})", POS_NONE, &r, NULL) < 0 ||
        r.type != VALUE_DICT)
        return;
    const char *given = arg_str(x, args, "version"), *version = dict_str(r.u.dict, "version", NULL);
    if (given && (!version || strcmp(given, version) != 0))
        return; // another version: what is said of this one is not of it
    if (arg_str(x, args, "artifact") && !arg_str(x, args, "digest") && !given)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *v = dict_get(r.u.dict, names[i]);
        if (!arg_str(x, args, names[i]) && v && v->type != VALUE_NULL)
            dict_set(args, names[i], *v);
    }
}

int action_release(struct exec *x, struct dict *given, struct value *result)
{
    struct dict *args = args_without(x, given, (const char *const[]){NULL});
    struct conn_source src = {0};
    struct stat st;
    const char *state = arg_str(x, args, "state");
    struct module_call c = {.module = "release", .args = args};
    if (!state || strcmp(state, "present") == 0)
        fill_in(x, args);
    const char *artifact = arg_str(x, args, "artifact");
    if (artifact && !arg_str(x, args, "name"))
        dict_set(args, "name", value_cstr(path_base(artifact)));
    if (artifact && (!state || strcmp(state, "present") == 0) &&
        !arg_bool(args, "remote_src", false)) {
        const char *path = arg_local_file(x, artifact, "files", result);
        char hex[HASH_HEX_MAX];
        struct err e = ERR_INIT;
        if (!path)
            return ERR_NOENT;
        if (stat(path, &st) < 0)
            return action_fail(x, result, "cannot read %s: %s", path, strerror(errno));
        if (!arg_str(x, args, "digest")) {
            if (hash_file(HASH_SHA256, path, hex, &e) < 0) {
                int rc = action_fail(x, result, "%s", err_msg(&e));
                err_release(&e);
                return rc;
            }
            dict_set(args, "digest", value_str(x->a, hex));
        }
        src = (struct conn_source){.path = path, .len = (size_t)st.st_size};
        c.sources = &src;
        c.n_sources = 1;
    }
    return exec_module(x, &c, result);
}
