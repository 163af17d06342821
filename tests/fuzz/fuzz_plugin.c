// Fuzz target: any bytes as what the Python process or a worker of it sends: frames, the JSON in
// them, and the marks for values that JSON does not have. What could be read must be writable, and
// readable again.
#include "core/json.h"
#include "fuzz/fuzz.h"
#include "plugin/internal.h"

#include <string.h>

static void round_trip(struct arena *a, const struct value *message)
{
    struct value v, parsed, again;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    if (codec_read(a, message, &v, &e) == 0) {
        codec_write(&b, a, &v);
        if (json_parse(a, b.p, b.len, &parsed, NULL) < 0 ||
            codec_read(a, &parsed, &again, NULL) < 0)
            __builtin_trap();
    } else if (!e.code) {
        __builtin_trap();
    }
    err_release(&e);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    int rc = 0;
    for (size_t half = size / 2, i = 0; i < 2 && rc >= 0; i++) {
        buf_add(&b, i ? data + half : data, i ? size - half : half);
        do {
            struct arena *a = arena_new();
            struct value v;
            size_t before = b.len;
            rc = frame_take(&b, a, "fuzzing", &v, &e);
            if (rc > 0)
                round_trip(a, &v);
            if (rc > 0 && b.len + FRAME_HEAD > before)
                __builtin_trap();
            arena_free(a);
        } while (rc > 0);
    }
    if (rc < 0 && !e.code)
        __builtin_trap();
    err_release(&e);
    buf_release(&b);
    return 0;
}
