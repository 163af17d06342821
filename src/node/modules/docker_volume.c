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

// Of a dict each key counts by itself; whole: as one, where the volume has none at all.
static void compare_dict(struct volume *v, const char *param, const char *key, bool whole)
{
    const struct value *have = docker_at(&v->have, key), none = value_null();
    struct value want = docker_strings(v->a, dict_get(v->m->args, param));
    if (!value_truthy(&want))
        return;
    bool some = have && have->type == VALUE_DICT && have->u.dict->len > 0;
    if (whole && !some) {
        docker_diff_add(&v->diff, param, want, have ? *have : none);
        return;
    }
    struct dict_entry *e;
    DICT_EACH(want.u.dict, e)
    {
        const char *name = value_to_cstr(v->a, &e->key);
        const struct value *now = some ? dict_get(have->u.dict, name) : NULL;
        if (!now || !value_equal(now, &e->val))
            docker_diff_add(&v->diff, arena_printf(v->a, "%s.%s", param, name), e->val,
                            now ? *now : none);
    }
}

static void compare(struct volume *v)
{
    const struct value *driver = docker_at(&v->have, "Driver"), none = value_null();
    const char *want = module_str(v->m, "driver");
    if (want && *want && (!driver || !value_eqs(driver, want)))
        docker_diff_add(&v->diff, "driver", value_cstr(want), driver ? *driver : none);
    compare_dict(v, "driver_options", "Options", true);
    compare_dict(v, "labels", "Labels", false);
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
    if (there)
        compare(v);
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
