// Frames between the controller and the helper on a host (docs/PROTOCOL.md).
// A frame is: u32 payload length, u8 type, u32 id (all big endian), payload. The id is the
// controller's task number; 0 speaks of the session.
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

#define WIRE_VERSION 1
#define FRAME_HEADER 9
#define FRAME_MAX (64u << 20)   // payload; larger is a protocol error
#define FRAME_CHUNK (64u << 10) // size of DATA payloads
#define FRAME_WINDOW 16         // chunks a receiver grants at a time

enum frame_type {
    FRAME_HELLO = 1,  // helper: JSON {version, pid, uid, user, hash}; first frame of a session
    FRAME_TASK = 2,   // controller: JSON task (docs/PROTOCOL.md)
    FRAME_RESULT = 3, // helper: JSON result of the task; ends the id
    FRAME_OUTPUT = 4, // helper: u8 stream (1 out, 2 err), bytes; live output of a command
    FRAME_NEED =
        5, // receiver: u32 source number, u32 credit in chunks; asks for a source of the task
    FRAME_DATA = 6,   // either side: u32 source number, bytes; no bytes: end of this source
    FRAME_CREDIT = 7, // receiver of DATA: u32 source number, u32 further chunks
    FRAME_ABORT = 8,  // sender of DATA: u32 source number, message: the source cannot be read
    FRAME_CANCEL = 9, // controller: kill the task; a RESULT still follows
    FRAME_BYE = 10,   // controller: finish what runs and exit
};

struct frame {
    enum frame_type type;
    uint32_t id;
    const char *payload; // points into the reader's buffer, good until the next frame_feed()
    size_t len;
};

// Appends a frame to out.
void frame_put(struct buf *out, enum frame_type type, uint32_t id, const void *payload, size_t len);
// Appends the header alone; the caller appends len bytes itself.
void frame_put_header(struct buf *out, enum frame_type type, uint32_t id, size_t len);
// Big-endian numbers inside payloads.
void wire_put_u32(struct buf *out, uint32_t v);
uint32_t wire_get_u32(const char *p);

// Reads frames out of a byte stream fed in pieces of any size.
struct frame_reader {
    struct buf in;
    size_t off;
};
// Frees the buffered bytes.
void frame_reader_release(struct frame_reader *r);
// Adds bytes from the stream.
void frame_feed(struct frame_reader *r, const void *data, size_t len);
// 1: *ret is the next frame; 0: more bytes needed; <0: not our protocol (too long, unknown type).
int frame_next(struct frame_reader *r, struct frame *ret, struct err *e);

#endif
