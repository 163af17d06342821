// package: hands the task to the module of the host's package manager.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/modules.h"

#include <string.h>

static const char *package_manager(struct module *m)
{
    const char *use = dict_str(m->args, "use", "auto");
    if (*use && strcmp(use, "auto") != 0)
        return use;
    struct facts f = {.a = m->arena,
                      .out = value_dict(m->arena).u.dict,
                      .all = value_dict(m->arena).u.dict,
                      .module = m,
                      .root = ""};
    facts_distribution(&f);
    f.all = f.out;
    f.out = value_dict(m->arena).u.dict;
    facts_pkg_mgr(&f);
    return dict_str(f.out, "pkg_mgr", "unknown");
}

int mod_package(struct module *m)
{
    const char *manager = package_manager(m);
    struct dict *given = value_dict(m->arena).u.dict;
    struct err e = ERR_INIT;
    dict_update(given, m->args);
    dict_del(given, "use");
    if (strcmp(manager, "apt") != 0)
        return module_fail(m,
                           "the package manager of this host is '%s', and andon manages packages "
                           "with apt alone so far; run its own tool with the command module",
                           manager);
    m->spec = spec_find("apt");
    if (spec_validate(m->spec, m->arena, given, &m->args, &e) != 0)
        return module_fail_err(m, &e);
    return mod_apt(m);
}
