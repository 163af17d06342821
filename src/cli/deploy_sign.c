// Who begins or promotes a rollout: the statement of it, signed with the user's key.
#include "cli/deploy.h"
#include "cli/identity.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

static const char *statement_of(struct deploy *d, const char *action, const char *rollout,
                                const char *release)
{
    struct value v = value_dict(d->arena);
    struct buf b = BUF_INIT;
    char time[LEDGER_TIME];
    ledger_time(clock_real_us(), time);
    dict_set(v.u.dict, "action", value_cstr(action));
    dict_set(v.u.dict, "release", value_cstr(release));
    dict_set(v.u.dict, "rollout", value_cstr(rollout));
    dict_set(v.u.dict, "service", value_cstr(d->name));
    dict_set(v.u.dict, "time", value_cstr(time));
    json_write(&b, &v, &(struct json_opts){.compact = true, .sort_keys = true});
    const char *s = arena_strdup(d->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

int deploy_sign(struct deploy *d, const char *action, const char *rollout, const char *release)
{
    const char *principal = NULL, *signature = NULL,
               *statement = statement_of(d, action, rollout, release);
    struct err e = ERR_INIT;
    int rc = identity_sign(&d->s, statement, false, &signature, &principal, &e);
    if (rc < 0)
        return deploy_error(d, &e, RUN_ERROR);
    if (rc > 0 && principal) {
        d->actor = principal;
        d->verified = true;
        d->statement = statement;
        d->signature = signature;
    }
    return 0;
}
