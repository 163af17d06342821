// Fuzz target: any bytes as what a host sends, first to the reader of the bootstrap's answers,
// then, once the helper is said to run, to the reader of frames.
#include "fleet/boot.h"
#include "fuzz/fuzz.h"
#include "wire/frame.h"

#include <string.h>

// The frames of s, fed in two pieces; their payloads must lie within what was fed.
static void read_frames(const char *s, size_t len)
{
    struct frame_reader r = {0};
    struct frame f;
    struct err e = ERR_INIT;
    size_t seen = 0, half = len / 2;
    int rc = 0;
    for (int i = 0; i < 2 && rc >= 0; i++) {
        frame_feed(&r, i ? s + half : s, i ? len - half : half);
        while ((rc = frame_next(&r, &f, &e)) > 0) {
            seen += FRAME_HEADER + f.len;
            volatile char last = f.len ? f.payload[f.len - 1] : 0;
            (void)last;
        }
    }
    if (seen > len || (rc < 0 && !e.code))
        __builtin_trap();
    err_release(&e);
    frame_reader_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    struct boot_reader r;
    boot_reader_init(&r);
    while (size) {
        size_t used = 0;
        const char *arg = "";
        size_t piece = size > 97 ? 97 : size;
        enum boot_verb verb = boot_feed(&r, s, piece, &used, &arg);
        if (used > piece || (verb == BOOT_MORE && used != piece) || strlen(arg) > BOOT_LINE_MAX)
            __builtin_trap();
        s += used;
        size -= used;
        if (verb == BOOT_RUN)
            read_frames(s, size);
        if (verb == BOOT_RUN || verb == BOOT_NOISE)
            break;
    }
    boot_reader_release(&r);
    return 0;
}
