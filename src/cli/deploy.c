// Opening what a command about rollouts needs: ledger, service file, policy, hosts.
#include "cli/deploy.h"
#include "cli/event_text.h"
#include "cli/identity.h"

#include "core/buf.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int deploy_error(struct deploy *d, struct err *e, int code)
{
    deploy_live(d, NULL);
    fflush(stdout);
    session_error(&d->s, e);
    err_release(e);
    return code;
}

int deploy_refuse(struct deploy *d, int code, const char *fmt, ...)
{
    struct err e = ERR_INIT;
    va_list ap;
    va_start(ap, fmt);
    err_vset(&e, ERR_INVALID, POS_NONE, fmt, ap);
    va_end(ap);
    return deploy_error(d, &e, code);
}

int deploy_begin(struct deploy *d, int argc, char **argv, bool write)
{
    struct err e = ERR_INIT;
    *d = (struct deploy){.lock = -1, .signals = -1};
    int code = session_options(&d->s, argv[0], false, argc, argv, OPT_DEPLOY);
    d->arena = d->s.arena;
    if (code)
        return code < 0 ? 1 : code + 1;
    d->json = d->s.o.output && strcmp(d->s.o.output, "json") == 0;
    d->live = !d->json && d->s.out.tty;
    d->home = session_state_dir(&d->s);
    d->actor = ledger_actor(d->arena);
    struct ledger_opts lo = {.read_only = !write};
    int rc = ledger_open(d->home, &lo, &d->ledger, &e);
    if (rc == ERR_NOENT && !write) {
        err_release(&e); // nothing has been recorded yet
        return 0;
    }
    if (rc == 0 && write)
        events_warn_clock(&d->s, d->ledger);
    return rc < 0 ? deploy_error(d, &e, RUN_ERROR) + 1 : 0;
}

void deploy_end(struct deploy *d)
{
    deploy_live(d, NULL);
    if (d->engine_open)
        engine_close(&d->engine);
    ledger_close(d->ledger);
    service_free(d->service);
    policy_free(d->policy);
    if (d->signals >= 0)
        close(d->signals);
    if (d->lock >= 0)
        close(d->lock);
    session_close(&d->s);
}

// --- the service
// -----------------------------------------------------------------------------------------------

static int load(struct deploy *d, const char *path, struct err *e)
{
    int rc = service_load(path, &d->service, NULL, NULL, e);
    if (rc == 0)
        d->name = d->service->name;
    return rc;
}

static const char *file_at(struct deploy *d, const char *arg)
{
    struct stat st;
    if (stat(arg, &st) < 0)
        return NULL;
    if (!S_ISDIR(st.st_mode))
        return arg;
    const char *path = path_join(d->arena, arg, "andon.yml");
    if (access(path, F_OK) == 0)
        return path;
    path = path_join(d->arena, arg, "andon.yaml");
    return access(path, F_OK) == 0 ? path : NULL;
}

// The file that the last rollout of a service, or its last release, was made from.
static const char *file_of_last(struct deploy *d, const char *name)
{
    static const char *const types[] = {"rollout.started", "release.created", NULL};
    struct ledger_filter f = {.types = types, .service = name, .newest_first = true, .limit = 20};
    struct ledger_event *evs;
    size_t n = 0;
    if (!d->ledger || ledger_list(d->ledger, &f, d->arena, &evs, &n, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *path = evs[i].body ? dict_str(evs[i].body, "service_file", NULL) : NULL;
        if (path && access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

static bool known_to_ledger(struct deploy *d, const char *name)
{
    struct ledger_filter f = {.service = name, .limit = 1};
    struct ledger_event *evs;
    size_t n = 0;
    return d->ledger && ledger_list(d->ledger, &f, d->arena, &evs, &n, NULL) == 0 && n;
}

int deploy_find(struct deploy *d, const char *arg, struct err *e)
{
    const char *here = service_find_file(d->arena, ".");
    struct service *near = NULL;
    if (!arg && !here)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "no service is named, and there is no andon.yml here or above");
    const char *path = arg ? file_at(d, arg) : here;
    if (path && (!arg || strchr(arg, '/') || strcmp(arg, ".") == 0 || strchr(arg, '.')))
        return load(d, path, e);
    // a name: of the service here, or of one that was delivered before
    if (here && service_load(here, &near, NULL, NULL, NULL) == 0 && strcmp(near->name, arg) == 0) {
        d->service = near;
        d->name = near->name;
        return 0;
    }
    service_free(near);
    const char *last = file_of_last(d, arg);
    if (last)
        return load(d, last, e);
    if (path)
        return load(d, path, e);
    if (known_to_ledger(d, arg)) {
        d->name = arg;
        return 0;
    }
    return err_set(e, ERR_NOENT, POS_NONE,
                   "no service '%s': the ledger does not know it, and there is no such folder or "
                   "andon.yml",
                   arg);
}

int deploy_enter(struct deploy *d, struct err *e)
{
    if (!d->service)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "the andon.yml of %s is not where it was: name its folder instead", d->name);
    if (chdir(d->service->dir) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot work in '%s'", d->service->dir);
    int rc = config_load(d->arena, NULL, &d->s.config, e);
    d->s.out.config = d->s.config;
    d->signers = identity_signers(&d->s);
    return rc < 0 ? rc : identity_policy(&d->s, &d->policy, e);
}

int deploy_open_hosts(struct deploy *d)
{
    struct list *sources = d->s.o.inventories;
    for (size_t i = 0; d->sources && i < d->sources->len; i++)
        list_add(sources, d->sources->items[i]);
    for (size_t i = 0; !d->sources && d->service->inventories && d->service->inventories[i]; i++)
        list_add(sources, value_cstr(d->service->inventories[i]));
    int code = session_open(&d->s);
    if (code)
        return code;
    d->hosts_open = true;
    session_warn_inventory(&d->s);
    struct dict_entry *it;
    if (d->service->vars)
        DICT_EACH(d->service->vars, it)
    dict_setv(d->s.extra_vars, it->key, it->val);
    return 0;
}
