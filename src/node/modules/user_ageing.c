// The days of the user module's password_expire_*, set with chage.
#include "node/modules/user_home.h"

#define ROWS 3

int user_password_ageing(struct module *m, const char *name)
{
    struct shadow s;
    if (!shadow_find(m, name, &s))
        return 0;
    const struct {
        const char *param, *option;
        int64_t now;
    } days[ROWS] = {
        {"password_expire_min", "-m", s.min},
        {"password_expire_max", "-M", s.max},
        {"password_expire_warn", "-W", s.warn},
    };
    const char *argv[2 * ROWS + 3] = {"chage"};
    size_t n = 1;
    for (size_t i = 0; i < ROWS; i++) {
        int64_t wanted = module_int(m, days[i].param, 0);
        if (!module_has(m, days[i].param) || wanted == days[i].now)
            continue;
        argv[n++] = days[i].option;
        argv[n++] = arena_printf(m->arena, "%lld", (long long)wanted);
    }
    if (n == 1)
        return 0;
    argv[n] = name;
    struct account_out out = {0};
    if (account_run(m, argv, NULL, &out) != 0)
        return ERR_FAILED;
    module_changed(m, true);
    return out.rc == 0 ? 0 : account_fail(m, name, &out, true);
}
