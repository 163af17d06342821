// A play of one internal task, and its answers as JSON.
#include "cli/asked.h"

#include "core/json.h"

#include <unistd.h>

int asked_play(struct session *s, const char *name, const char *task, struct value hosts,
               const char *action, struct value args, struct playbook **ret, struct err *e)
{
    struct arena *a = s->arena;
    struct value play = value_dict(a), one = value_dict(a), tasks = value_list(a);
    char cwd[4096];
    dict_set(one.u.dict, "name", value_cstr(task));
    dict_set(one.u.dict, "debug", value_dict(a));
    list_add(tasks.u.list, one);
    dict_set(play.u.dict, "name", value_cstr(name));
    dict_set(play.u.dict, "hosts", hosts);
    dict_set(play.u.dict, "gather_facts", value_bool(false));
    dict_set(play.u.dict, "become", value_bool(true));
    dict_set(play.u.dict, "tasks", tasks);
    int rc = playbook_from_value(s->loader, getcwd(cwd, sizeof cwd) ? cwd : ".", &play, ret, e);
    if (rc < 0)
        return rc;
    struct task *t = node_task((*ret)->plays[0]->tasks.items[0]);
    if (!t)
        return err_set(e, ERR_INVALID, POS_NONE, "the hosts cannot be asked");
    t->action = t->module = action;
    t->args = args;
    return 0;
}

void asked_print(struct arena *a, struct value all, size_t n,
                 struct value (*fn)(void *data, struct arena *a, size_t i, const char **ret_name),
                 void *data)
{
    struct value hosts = value_dict(a);
    for (size_t i = 0; i < n; i++) {
        const char *name;
        struct value one = fn(data, a, i, &name);
        dict_set(hosts.u.dict, name, one);
    }
    dict_set(all.u.dict, "hosts", hosts);
    print_value(&all, &(struct json_opts){.sort_keys = true});
}
