// Fuzz target, twice: any bytes as an INI or a YAML inventory (FUZZ_ENABLED says which), then a
// pattern, the variables of every host and the listing.
#include "fuzz/input.h"
#include "inventory/inventory.h"

static struct config *settings(void)
{
    static char home[] = "HOME=/nonexistent", enabled[] = "ANSIBLE_INVENTORY_ENABLED=" FUZZ_ENABLED;
    static char *const none[] = {home, enabled, NULL};
    static struct config *config;
    struct config_where where = {.environ = none, .cwd = "/nonexistent", .system = "/nonexistent"};
    struct err e = ERR_INIT;
    if (!config && config_load(arena_new(), &where, &config, &e) < 0)
        __builtin_trap();
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inventory_opts opts = {.config = settings()};
    struct inventory *inv;
    struct inventory_hosts hosts;
    struct err e = ERR_INIT;
    struct value list, pattern = value_cstr("all:!a*[0]:&~.");
    const char *source = input_file(data, size);
    if (!source)
        return 0;
    struct arena *a = arena_new();
    if (inventory_load(a, &source, 1, &opts, &inv, &e) < 0)
        __builtin_trap(); // what cannot be read is a warning
    if (!inventory_parsed(inv) && inventory_warnings(inv)->len == 0)
        __builtin_trap();
    if (inventory_match(inv, a, &pattern, NULL, "sorted", &hosts, &e) < 0 && !e.code)
        __builtin_trap();
    err_release(&e);
    if (inventory_list(inv, NULL, a, &list, &e) < 0 && !e.code)
        __builtin_trap();
    err_release(&e);
    arena_free(a);
    return 0;
}
