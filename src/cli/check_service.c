// Service files and policies are known by their names and checked by the room that reads them.
#include "cli/check_service.h"

#include "core/file.h"
#include "rollout/policy.h"
#include "rollout/service.h"
#include "yaml/yaml.h"

#include <string.h>

static bool is_named(const char *path, const char *name)
{
    const char *base = path_base(path);
    size_t n = strlen(name);
    return strncmp(base, name, n) == 0 &&
           (strcmp(base + n, ".yml") == 0 || strcmp(base + n, ".yaml") == 0);
}

// Other programs have a policy.yml too.
static bool is_policy(const char *path)
{
    static const char *const keys[] = {"rules", "protected_hosts", "groups"};
    struct arena *a = arena_new();
    struct value v;
    bool ours = false;
    if (is_named(path, "policy") && yaml_load_file(a, path, NULL, &v, NULL) == 0 &&
        v.type == VALUE_DICT)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            ours = ours || dict_get(v.u.dict, keys[i]);
    arena_free(a);
    return ours;
}

static void service_problem(void *check, struct pos pos, const char *msg)
{
    check_tell(check, CHECK_SERVICE, pos, msg);
}

static void policy_problem(void *check, struct pos pos, const char *msg)
{
    check_tell(check, CHECK_POLICY, pos, msg);
}

bool check_service_file(void *data, struct check *c, const char *path)
{
    (void)data;
    if (is_named(path, "andon")) {
        struct service *s = NULL;
        if (service_load(path, &s, service_problem, c, NULL) == 0)
            service_free(s);
        return true;
    }
    if (is_policy(path)) {
        struct policy *p = NULL;
        if (policy_load(path, &p, policy_problem, c, NULL) == 0)
            policy_free(p);
        return true;
    }
    return false;
}
