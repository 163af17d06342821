// docker_volume: a volume is there, made anew where it differs if that is wanted, or is gone.
#include "node/modules.h"
#include "node/modules/docker.h"

#include <string.h>

struct volume {
    struct docker d;
    struct module *m;
    struct arena *a;
    const char *name;
    struct value have, actions;
    struct docker_diff diff;
};

static int refresh(struct volume *v)
{
    return docker_get(&v->d, docker_path(&v->d, "/volumes/%s", v->name), &v->have) < 0 ? ERR_FAILED
                                                                                       : 0;
}

static void did(struct volume *v, struct value action)
{
    list_add(v->actions.u.list, action);
    module_changed(v->m, true);
}

static void compare(struct volume *v, const char *param, const char *key)
{
    struct value want = *dict_get(v->m->args, param), none = value_null();
    const struct value *have = docker_at(&v->have, key);
    if (!value_truthy(&want))
        return;
    bool dict = want.type == VALUE_DICT;
    if (dict)
        want = docker_strings(v->a, &want);
    if (!docker_same(dict ? DOCKER_DICT : DOCKER_VALUE, DOCKER_MORE, &want, have ? have : &none))
        docker_diff_add(&v->diff, param, want, have ? *have : none);
}

static int create(struct volume *v)
{
    const struct value *labels = dict_get(v->m->args, "labels");
    struct value body = value_dict(v->a), answer,
                 options = docker_strings(v->a, dict_get(v->m->args, "driver_options"));
    dict_set(body.u.dict, "Name", value_cstr(v->name));
    dict_set(body.u.dict, "Driver", value_cstr(module_str(v->m, "driver")));
    dict_set(body.u.dict, "DriverOpts", options);
    if (labels->type == VALUE_DICT)
        dict_set(body.u.dict, "Labels", docker_strings(v->a, labels));
    did(v,
        value_strf(v->a, "Created volume %s with driver %s", v->name, module_str(v->m, "driver")));
    if (v->m->check)
        return 0;
    return docker_must(&v->d, "POST", "/volumes/create", &body, NULL, &answer);
}

static int remove_volume(struct volume *v)
{
    if (v->have.type != VALUE_DICT)
        return 0;
    did(v, value_strf(v->a, "Removed volume %s", v->name));
    return v->m->check ? 0
                       : docker_must(&v->d, "DELETE", docker_path(&v->d, "/volumes/%s", v->name),
                                     NULL, NULL, NULL);
}

static int present(struct volume *v)
{
    const char *recreate = module_str(v->m, "recreate");
    bool there = v->have.type == VALUE_DICT;
    if (there) {
        compare(v, "driver", "Driver");
        compare(v, "driver_options", "Options");
        compare(v, "labels", "Labels");
    }
    bool anew = there && (strcmp(recreate, "always") == 0 ||
                          (strcmp(recreate, "options-changed") == 0 && docker_differs(&v->diff)));
    dict_set(v->diff.before.u.dict, "exists", value_bool(there));
    dict_set(v->diff.after.u.dict, "exists", value_bool(true));
    if (anew && remove_volume(v) != 0)
        return ERR_FAILED;
    if ((!there || anew) && create(v) != 0)
        return ERR_FAILED;
    if (refresh(v) != 0)
        return ERR_FAILED;
    module_set(v->m, "volume", v->have);
    return 0;
}

static int absent(struct volume *v)
{
    dict_set(v->diff.before.u.dict, "exists", value_bool(v->have.type == VALUE_DICT));
    dict_set(v->diff.after.u.dict, "exists", value_bool(false));
    return remove_volume(v);
}

int mod_docker_volume(struct module *m)
{
    struct volume v = {.m = m,
                       .a = m->arena,
                       .name = module_str(m, "volume_name"),
                       .actions = value_list(m->arena)};
    docker_diff_init(&v.diff, v.a);
    module_changed(m, false);
    if (docker_open(&v.d, m) != 0 || refresh(&v) != 0)
        return ERR_FAILED;
    bool gone = strcmp(module_str(m, "state"), "absent") == 0;
    if ((gone ? absent(&v) : present(&v)) != 0)
        return docker_end(m, ERR_FAILED);
    if (gone || m->check || module_bool(m, "debug"))
        module_set(m, "actions", v.actions);
    docker_tell_diff(m, &v.diff);
    return 0;
}
