// Facts kept between runs: a folder with one JSON file per host, as Ansible's jsonfile plugin keeps
// them, so that both may share it.
#include "config/path.h"
#include "core/file.h"
#include "core/json.h"
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FACTS (64u << 20)

static const char *short_plugin(const char *name)
{
    static const char prefix[] = "ansible.builtin.";
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

static void warn(struct run *r, const char *text)
{
    if (r->o.sink.warning)
        r->o.sink.warning(r->o.sink.data, POS_NONE, text);
}

// The folder, made when it is not there; NULL (and a warning) when it cannot be used.
static const char *folder(struct run *r)
{
    const char *dir = config_str(r->o.config, CONFIG_FACT_CACHING_CONNECTION);
    struct err e = ERR_INIT;
    if (!dir || !*dir) {
        warn(r,
             "error, 'jsonfile' cache plugin requires the 'fact_caching_connection' config option "
             "to be set (to a writeable directory path)");
        return NULL;
    }
    dir = path_home(r->arena, dir);
    if (access(dir, F_OK) < 0 ? file_mkdirs(dir, 0777, &e) < 0
                              : access(dir, R_OK | W_OK | X_OK) < 0)
        warn(r,
             arena_printf(r->arena,
                          "error in 'jsonfile' cache, configured path (%s) does not have necessary "
                          "permissions (rwx), disabling plugin",
                          dir));
    else
        return arena_strdup(r->arena, dir);
    err_release(&e);
    return NULL;
}

void fact_cache_open(struct run *r)
{
    const char *plugin = short_plugin(config_str(r->o.config, CONFIG_FACT_CACHING));
    if (strcmp(plugin, "jsonfile") == 0)
        r->fact_dir = folder(r);
    else if (strcmp(plugin, "memory") != 0)
        warn(r, arena_printf(r->arena, "Unable to load the facts cache plugin (%s).", plugin));
}

static const char *path_of(const struct rhost *h, struct arena *a)
{
    const struct config *c = h->run->o.config;
    bool prefixed = strcmp(config_origin(c, CONFIG_FACT_CACHING_PREFIX), "default") != 0;
    return arena_printf(a, "%s/%s%s", h->run->fact_dir,
                        prefixed ? config_str(c, CONFIG_FACT_CACHING_PREFIX) : "", h->name);
}

static bool usable(const struct rhost *h)
{
    return h->run->fact_dir && !strchr(h->name, '/');
}

static bool fresh(const struct run *r, const char *path)
{
    int64_t timeout = config_int(r->o.config, CONFIG_FACT_CACHING_TIMEOUT);
    struct stat st;
    return stat(path, &st) == 0 && (timeout == 0 || time(NULL) - st.st_mtime <= timeout);
}

static void store_facts(struct rhost *h, const struct dict *facts)
{
    struct arena *a = arena_new();
    store_set_all(h->run, &h->facts, facts_allowed(h->run, a, facts));
    arena_free(a);
}

void fact_cache_load(struct rhost *h)
{
    struct run *r = h->run;
    if (r->o.flush_cache)
        fact_cache_forget(h);
    if (!usable(h) || r->o.flush_cache)
        return;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    const char *path = path_of(h, a);
    char *text;
    size_t len;
    struct value v;
    if (!fresh(r, path))
        ;
    else if (file_read(a, path, MAX_FACTS, &text, &len, &e) < 0)
        warn(r, err_msg(&e));
    else if (json_parse(a, text, len, &v, &e) < 0 || v.type != VALUE_DICT)
        run_stop(
            r, POS_NONE,
            "The cache file %s was corrupt, or did not otherwise contain valid data. Remove it "
            "and run again.",
            path);
    else {
        value_mark_unsafe(&v);
        store_facts(h, v.u.dict);
        h->gathered = dict_bool(v.u.dict, "_ansible_facts_gathered", false);
    }
    err_release(&e);
    arena_free(a);
}

void fact_cache_save(struct rhost *h)
{
    if (!usable(h))
        return;
    struct arena *a = arena_new();
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    struct value v = {.type = VALUE_DICT, .u.dict = h->facts.d};
    json_write(&b, &v, &(struct json_opts){.indent = 4, .sort_keys = true, .ascii = true});
    if (file_write_atomic(path_of(h, a), buf_str(&b), b.len, 0600, &e) < 0)
        warn(h->run, err_msg(&e));
    err_release(&e);
    buf_release(&b);
    arena_free(a);
}

void fact_cache_forget(struct rhost *h)
{
    if (!usable(h))
        return;
    struct arena *a = arena_new();
    unlink(path_of(h, a));
    arena_free(a);
}

void host_set_facts(struct rhost *h, const struct dict *facts, bool gathered)
{
    store_facts(h, facts);
    if (gathered) {
        struct value yes = value_bool(true);
        store_set(h->run, &h->facts, "_ansible_facts_gathered", &yes);
        h->gathered = true;
    }
    fact_cache_save(h);
}

void host_clear_facts(struct rhost *h)
{
    store_clear(h->run, &h->facts);
    h->gathered = false;
    fact_cache_forget(h);
}
