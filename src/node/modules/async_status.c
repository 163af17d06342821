// async_status: how a background job stands; mode cleanup forgets it.
#include "node/async.h"
#include "node/module.h"
#include "node/modules.h"

#include "core/file.h"
#include "core/json.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_STATE ((size_t)64 << 20)

// What every answer holds, whatever the job's file adds.
static void answer_base(struct module *m, const char *jid, const char *path, bool cleanup)
{
    module_set(m, "started", value_int(!cleanup));
    module_set(m, "finished", value_int(0));
    module_set(m, "stdout", value_cstr(""));
    module_set(m, "stderr", value_cstr(""));
    module_set(m, "stdout_lines", value_list(m->arena));
    module_set(m, "stderr_lines", value_list(m->arena));
    module_set_str(m, "ansible_job_id", jid);
    module_set_str(m, cleanup ? "erased" : "results_file", path);
}

static int look(struct module *m, const char *path)
{
    char *text;
    size_t len;
    struct value state;
    if (file_read(m->arena, path, MAX_STATE, &text, &len, NULL) < 0 ||
        json_parse(m->arena, text, len, &state, NULL) < 0 || state.type != VALUE_DICT) {
        module_set(m, "started", value_int(1)); // not written yet
        return 0;
    }
    bool running = dict_get(state.u.dict, "started") != NULL;
    if (!running) {
        dict_del(m->result, "stdout_lines"); // they are the module's own
        dict_del(m->result, "stderr_lines");
    }
    dict_update(m->result, state.u.dict);
    if (!running)
        module_set(m, "finished", value_int(1));
    else if (!dict_get(state.u.dict, "finished"))
        module_set(m, "finished", value_int(0));
    m->no_details = true; // a path in the job's result was looked at then
    return 0;
}

int mod_async_status(struct module *m)
{
    const char *jid = module_str(m, "jid"), *dir = dict_str(m->extra, "_async_dir", NULL);
    bool cleanup = strcmp(module_str(m, "mode"), "cleanup") == 0;
    const char *path =
        path_join(m->arena, async_dir(m->arena, dir ? dir : "~/.ansible_async"), path_base(jid));
    answer_base(m, jid, path, cleanup);
    if (access(path, F_OK) < 0) {
        module_set(m, "started", value_int(1));
        module_set(m, "finished", value_int(1));
        return module_fail(m, "could not find job");
    }
    if (!cleanup)
        return look(m, path);
    if (unlink(path) < 0)
        return module_fail(m, "the job's file %s cannot be removed: %s", path, strerror(errno));
    return 0;
}
