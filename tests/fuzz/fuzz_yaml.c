// Fuzz target: any bytes through the YAML reader, once as one document and once as a stream.
#include "core/buf.h"
#include "fuzz/fuzz.h"
#include "yaml/yaml.h"

static void ignore(void *data, struct pos pos, const char *msg)
{
    (void)data, (void)pos, (void)msg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    struct yaml_opts opts = {.json_first = true, .warn = ignore};
    if (yaml_parse(a, (const char *)data, size, "fuzz", &opts, &v, &e) < 0 && !e.code)
        __builtin_trap(); // a failure must say why
    err_release(&e);
    if (yaml_parse_all(a, (const char *)data, size, "fuzz", NULL, &v, &e) == 0 &&
        v.type != VALUE_LIST)
        __builtin_trap();
    err_release(&e);
    arena_free(a);
    return 0;
}
