// Fuzz target: any text as a pattern of hosts, and what follows a line end as a limit.
#include "fuzz/fuzz.h"
#include "inventory/inventory.h"

#include <string.h>

static struct inventory *inventory(void)
{
    static char home[] = "HOME=/nonexistent";
    static char *const none[] = {home, NULL};
    static struct inventory *inv;
    const char *const hosts =
        "web1,web2,web10,db-a.example.org,db-b.example.org,198.18.0.7,odd_name,";
    struct config *config;
    struct config_where where = {.environ = none, .cwd = "/nonexistent", .system = "/nonexistent"};
    struct err e = ERR_INIT;
    struct arena *a;
    if (inv)
        return inv;
    a = arena_new();
    if (config_load(a, &where, &config, &e) < 0)
        __builtin_trap();
    struct inventory_opts opts = {.config = config};
    if (inventory_load(a, &hosts, 1, &opts, &inv, &e) < 0)
        __builtin_trap();
    return inv;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inventory *inv = inventory();
    struct inventory_hosts hosts;
    struct err e = ERR_INIT;
    if (size > 4096)
        return 0;
    struct arena *a = arena_new();
    const char *s = arena_strndup(a, (const char *)data, size), *limit = strchr(s, '\n');
    struct value pattern = value_strn(a, s, limit ? (size_t)(limit - s) : strlen(s));
    int rc = inventory_match(inv, a, &pattern, limit ? limit + 1 : NULL, NULL, &hosts, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    if (rc == 0 && hosts.len > inventory_host_count(inv) + 1) // the implicit localhost
        __builtin_trap();
    err_release(&e);
    arena_free(a);
    return 0;
}
