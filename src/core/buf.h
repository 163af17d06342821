// A growable byte string with an optional maximum, always NUL-terminated once used.
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *p;
    size_t len;
    size_t cap;
    size_t max;    // 0: no limit
    bool overflow; // an addition was dropped because of max
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

// Makes b empty with a limit of max bytes (0: none).
void buf_init(struct buf *b, size_t max);
// Frees the memory; the buf is empty and usable again.
void buf_release(struct buf *b);
// Empties without freeing.
void buf_clear(struct buf *b);
// Appends n bytes; when the limit would be passed nothing is added and overflow is set.
void buf_add(struct buf *b, const void *s, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
// Appends i in decimal.
void buf_addi(struct buf *b, int64_t i);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
// Appends c n times.
void buf_fill(struct buf *b, char c, size_t n);
// Appends s n times.
void buf_repeat(struct buf *b, const void *s, size_t len, size_t n);
// Makes room for n more bytes and returns where they go; the caller adds what it wrote to len.
char *buf_reserve(struct buf *b, size_t n);
// Drops the first n bytes.
void buf_consume(struct buf *b, size_t n);
// The content as a C string (never NULL), owned by the buf.
const char *buf_str(const struct buf *b);
// Gives the malloc'ed C string to the caller and leaves b empty.
char *buf_detach(struct buf *b);

#endif
