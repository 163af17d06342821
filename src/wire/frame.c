// Frames of the helper protocol: writing into a buffer, reading out of a byte stream in pieces of
// any size.
#include "wire/frame.h"

#include <string.h>

void wire_put_u32(struct buf *out, uint32_t v)
{
    const unsigned char b[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                                (unsigned char)(v >> 8), (unsigned char)v};
    buf_add(out, b, sizeof b);
}

uint32_t wire_get_u32(const char *p)
{
    unsigned char b[4];
    memcpy(b, p, sizeof b);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void frame_put_header(struct buf *out, enum frame_type type, uint32_t id, size_t len)
{
    wire_put_u32(out, (uint32_t)len);
    buf_addc(out, (char)type);
    wire_put_u32(out, id);
}

void frame_put(struct buf *out, enum frame_type type, uint32_t id, const void *payload, size_t len)
{
    frame_put_header(out, type, id, len);
    buf_add(out, payload, len);
}

void frame_reader_release(struct frame_reader *r)
{
    buf_release(&r->in);
    r->off = 0;
}

void frame_feed(struct frame_reader *r, const void *data, size_t len)
{
    if (r->off) {
        buf_consume(&r->in, r->off);
        r->off = 0;
    }
    buf_add(&r->in, data, len);
}

// Smallest payload a frame of this type can have.
static size_t payload_min(int type)
{
    switch (type) {
    case FRAME_OUTPUT:
        return 1;
    case FRAME_NEED:
    case FRAME_CREDIT:
        return 8;
    case FRAME_DATA:
    case FRAME_ABORT:
        return 4;
    default:
        return 0;
    }
}

int frame_next(struct frame_reader *r, struct frame *ret, struct err *e)
{
    size_t have = r->in.len - r->off;
    if (have < 5)
        return 0;
    const char *p = r->in.p + r->off;
    uint32_t len = wire_get_u32(p);
    int type = (unsigned char)p[4];
    if (type < FRAME_HELLO || type > FRAME_BYE)
        return err_set(e, ERR_PARSE, POS_NONE, "unknown frame type %d", type);
    if (len > FRAME_MAX)
        return err_set(e, ERR_LIMIT, POS_NONE, "frame of %u bytes is too long", len);
    if (len < payload_min(type))
        return err_set(e, ERR_PARSE, POS_NONE, "frame of type %d is too short", type);
    if (have < FRAME_HEADER || have - FRAME_HEADER < len)
        return 0;
    *ret = (struct frame){
        .type = (enum frame_type)type,
        .id = wire_get_u32(p + 5),
        .payload = p + FRAME_HEADER,
        .len = len,
    };
    r->off += FRAME_HEADER + len;
    return 1;
}
