// Fuzz target: any bytes as an ansible.cfg.
#define INPUT_SUFFIX ".cfg"
#include "config/config.h"
#include "core/buf.h"
#include "fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char home[] = "HOME=/nonexistent";
    static char *const none[] = {home, NULL};
    const char *path = input_file(data, size);
    struct config_where where = {.environ = none, .cwd = "/nonexistent", .system = path};
    struct config *config;
    struct err e = ERR_INIT;
    if (!path)
        return 0;
    struct arena *a = arena_new();
    int rc = config_load(a, &where, &config, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    for (int i = 0; rc == 0 && i < CONFIG_COUNT; i++) {
        struct buf b = BUF_INIT;
        value_repr(&b, config_get(config, (enum config_id)i));
        if (!config_origin(config, (enum config_id)i))
            __builtin_trap();
        buf_release(&b);
    }
    err_release(&e);
    arena_free(a);
    return 0;
}
