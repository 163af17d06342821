// dpkg_selections: what dpkg is to do with a package (hold, install, ...).
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>

int mod_dpkg_selections(struct module *m)
{
    const char *name = module_str(m, "name"), *wanted = module_str(m, "selection");
    const char *tool = proc_which(m->arena, "dpkg"), *current = "not present", *word;
    struct output o;
    if (!tool)
        return proc_fail_missing(m, "dpkg");
    struct argv argv = argv_of(m->arena, tool, "--get-selections", name, NULL);
    if (command_must(m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(m->arena, o.out); (word = text_field(&c));)
        current = strcmp(word, name) == 0 ? current : word;
    bool changed = strcmp(current, wanted) != 0;
    if (changed && !m->check) {
        const char *line = arena_printf(m->arena, "%s %s\n", name, wanted);
        struct proc_opts opts = {.stdin_data = line, .stdin_len = strlen(line), .clean_lang = true};
        argv = argv_of(m->arena, tool, "--set-selections", NULL);
        if (journal_thing(m, "apt", "dpkg", NULL, NULL) < 0)
            return ERR_FAILED;
        if (command_must(m, &argv, &opts, &o) != 0)
            return ERR_FAILED;
    }
    module_changed(m, changed);
    module_set_str(m, "before", current);
    module_set_str(m, "after", wanted);
    return 0;
}
