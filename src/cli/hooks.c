// What the template room needs from rooms it may not use: YAML, the inventory's patterns, settings.
#include "cli/censor.h"
#include "cli/session.h"
#include "core/file.h"
#include "template/hooks.h"

#include <string.h>

#define MAX_FILE ((size_t)256 << 20)

// Hooks are process-wide in the template room, so their session is too.
static struct session *session;

void session_secret_met(const char *text, size_t len)
{
    if (session)
        censor_add(session->censor, text, len);
}

static int yaml_load(struct arena *a, const char *text, size_t len, bool all, struct value *ret,
                     struct err *e)
{
    return all ? yaml_parse_all(a, text, len, "<unicode string>", NULL, ret, e)
               : yaml_parse(a, text, len, "<unicode string>", NULL, ret, e);
}

static int read_file(struct arena *a, const char *path, char **ret, size_t *ret_len, struct err *e)
{
    const char *plain;
    int rc = file_read(a, path, MAX_FILE, ret, ret_len, e);
    if (rc < 0 || !vault_is_encrypted(*ret, *ret_len))
        return rc;
    rc = session_decrypt(session, a, path, *ret, *ret_len, &plain, ret_len, e);
    if (rc == 0)
        *ret = arena_strndup(a, plain, *ret_len);
    return rc;
}

static int inventory_hostnames(struct arena *a, const struct list *patterns,
                               const struct value *groups, struct value *ret, struct err *e)
{
    struct inventory_hosts hosts;
    struct value list = {.type = VALUE_LIST};
    (void)groups;
    list.u.list = (struct list *)(uintptr_t)patterns;
    int rc = inventory_match(session->inventory, a, &list, NULL, NULL, &hosts, e);
    if (rc < 0)
        return rc;
    *ret = value_list(a);
    for (size_t i = 0; i < hosts.len; i++)
        list_add(ret->u.list, value_cstr(hosts.hosts[i]->name));
    return 0;
}

static int setting(struct arena *a, const char *name, const char *plugin_type,
                   const char *plugin_name, struct value *ret, struct err *e)
{
    int id = plugin_type && *plugin_type ? -1 : config_find(name);
    (void)plugin_name;
    (void)e;
    if (id < 0)
        return 0;
    *ret = value_copy(a, config_get(session->config, (enum config_id)id));
    return 1;
}

static int fetch_url(struct arena *a, const char *url, const struct dict *opts, struct value *ret,
                     struct err *e)
{
    return session_fetch_url(session, a, url, opts, ret, e);
}

static void warn(const char *message)
{
    print_warning(&session->out, "%s", message);
}

void session_set_hooks(struct session *s)
{
    session = s;
    template_hooks.yaml_load = yaml_load;
    template_hooks.read_file = read_file;
    template_hooks.inventory_hostnames = inventory_hostnames;
    template_hooks.config = setting;
    template_hooks.fetch_url = fetch_url;
    template_hooks.warn = warn;
    session_set_vault_hooks();
}
