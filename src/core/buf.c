// A growable byte string with an optional maximum.
#include "core/buf.h"

#include "core/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->p)
        b->p[0] = '\0';
}

static __attribute__((noinline)) bool enlarge(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap * 2 : 64;
    while (cap - b->len <= n)
        cap *= 2;
    b->p = xrealloc(b->p, cap);
    b->cap = cap;
    return true;
}

// Makes room for n bytes and the NUL behind them; false when the limit forbids it.
static inline bool grow(struct buf *b, size_t n)
{
    if (b->max && n > b->max - b->len) {
        b->overflow = true;
        return false;
    }
    return b->cap - b->len > n || enlarge(b, n);
}

void buf_add(struct buf *b, const void *s, size_t n)
{
    if (!grow(b, n))
        return;
    if (n)
        memcpy(b->p + b->len, s, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addi(struct buf *b, int64_t i)
{
    char text[24], *p = text + sizeof text;
    uint64_t n = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    if (i < 0)
        *--p = '-';
    size_t len = (size_t)(text + sizeof text - p);
    if (!grow(b, len))
        return;
    memcpy(b->p + b->len, p, len);
    b->len += len;
    b->p[b->len] = '\0';
}

void buf_fill(struct buf *b, char c, size_t n)
{
    if (!grow(b, n))
        return;
    memset(b->p + b->len, c, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_repeat(struct buf *b, const void *s, size_t len, size_t n)
{
    size_t total;
    if (len == 1) {
        buf_fill(b, *(const char *)s, n);
        return;
    }
    if (__builtin_mul_overflow(len, n, &total)) {
        b->overflow = true;
        return;
    }
    if (!total || !grow(b, total))
        return;
    for (; n > 0; n--, b->len += len)
        memcpy(b->p + b->len, s, len);
    b->p[b->len] = '\0';
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || !grow(b, (size_t)n))
        return;
    vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

char *buf_reserve(struct buf *b, size_t n)
{
    return grow(b, n) ? b->p + b->len : NULL;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (!n)
        return;
    memmove(b->p, b->p + n, b->len - n);
    b->len -= n;
    b->p[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
    return b->p && b->len ? b->p : "";
}

char *buf_detach(struct buf *b)
{
    char *p = b->p ? b->p : xstrdup("");
    *b = (struct buf){.max = b->max};
    return p;
}
