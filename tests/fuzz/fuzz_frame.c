// Fuzz target: any bytes as frames. What comes out may not depend on the pieces they arrive in, and
// written again it is what was read. The first byte is the size of the pieces.
#include "fuzz/fuzz.h"
#include "wire/frame.h"

#include <string.h>

// Reads the frames of s in pieces and writes them to out; the result of the last frame_next().
static int read_frames(const char *s, size_t len, size_t piece, struct buf *out)
{
    struct frame_reader r = {0};
    struct frame f;
    struct err e = ERR_INIT;
    int rc = 0;
    for (size_t off = 0; off < len && rc >= 0; off += piece) {
        frame_feed(&r, s + off, len - off < piece ? len - off : piece);
        while ((rc = frame_next(&r, &f, &e)) > 0)
            frame_put(out, f.type, f.id, f.payload, f.len);
    }
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    err_release(&e);
    frame_reader_release(&r);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536)
        return 0;
    const char *s = (const char *)data + 1;
    size_t len = size - 1;
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    int rc = read_frames(s, len, len, &whole);
    if (read_frames(s, len, data[0] + 1u, &pieces) != rc || whole.len != pieces.len ||
        memcmp(buf_str(&whole), buf_str(&pieces), whole.len) != 0)
        __builtin_trap();
    if (whole.len > len || memcmp(buf_str(&whole), s, whole.len) != 0)
        __builtin_trap();
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
