// Fuzz target: any bytes as JSON, as it comes from hosts, inventory scripts and plugins. What was
// read is written in several ways, each of which must be read as the same value again, once bytes
// that are no UTF-8 have been replaced (keys may stand in another order then).
#include "core/json.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void write_and_read(struct arena *a, const struct value *v, const struct json_opts *opts)
{
    struct buf b = BUF_INIT, again = BUF_INIT;
    struct err e = ERR_INIT;
    struct value back;
    json_write(&b, v, opts);
    if (json_parse(a, buf_str(&b), b.len, &back, &e) < 0)
        __builtin_trap();
    // texts are compared, since NaN equals nothing
    json_write(&again, &back, opts);
    if (b.len != again.len || memcmp(buf_str(&b), buf_str(&again), b.len) != 0)
        __builtin_trap();
    buf_release(&b);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_opts ways[] = {
        {.ascii = true},
        {.indent = 4, .sort_keys = true},
        {.compact = true, .strict = true},
    };
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    int rc = json_parse(a, (const char *)data, size, &v, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    if (rc == 0) {
        struct buf b = BUF_INIT;
        json_write(&b, &v, NULL);
        if (json_parse(a, buf_str(&b), b.len, &v, &e) < 0)
            __builtin_trap();
        buf_release(&b);
        write_and_read(a, &v, NULL);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            write_and_read(a, &v, &ways[i]);
    }
    err_release(&e);
    arena_free(a);
    return 0;
}
