// Arena allocation in growing blocks; large requests get a block of their own.
#include "core/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 512
#define DOUBLED 4096
#define MAX_BLOCK (64 * 1024)
#define ALIGN 16

struct block {
    struct block *next;
    size_t size; // usable bytes behind the header
    size_t used;
    size_t pad;
};

struct arena {
    struct block *head;
    size_t next_size;
    size_t bytes;
    size_t max;                      // arena_full says when bytes passes it; 0: never
    struct arena *adopted, *sibling; // those that live as long as this one
};

static void oom(void)
{
    static const char msg[] = "andon: out of memory\n";
    fwrite(msg, 1, sizeof msg - 1, stderr);
    abort();
}

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        oom();
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        oom();
    return p;
}

void *xrealloc(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p)
        oom();
    return p;
}

char *xstrndup(const char *s, size_t n)
{
    char *p = xmalloc(n + 1);
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

struct arena *arena_new(void)
{
    struct arena *a = xcalloc(1, sizeof *a);
    a->next_size = FIRST_BLOCK;
    return a;
}

static void free_adopted(struct arena *a)
{
    while (a->adopted) {
        struct arena *child = a->adopted;
        a->adopted = child->sibling;
        arena_free(child);
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    free_adopted(a);
    for (struct block *b = a->head; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(a);
}

void arena_adopt(struct arena *a, struct arena *child)
{
    if (!child)
        return;
    child->sibling = a->adopted;
    a->adopted = child;
}

void arena_reset(struct arena *a)
{
    free_adopted(a);
    struct block *keep = a->head;
    if (!keep)
        return;
    for (struct block *b = keep->next; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    if (keep->size > MAX_BLOCK) {
        free(keep);
        a->head = NULL;
        a->bytes = 0;
        return;
    }
    keep->next = NULL;
    memset(keep + 1, 0, keep->used);
    keep->used = 0;
    a->bytes = keep->size + sizeof *keep;
}

static struct block *block_add(struct arena *a, size_t n)
{
    size_t size = a->next_size > n ? a->next_size : n;
    struct block *b = xcalloc(1, sizeof *b + size);
    b->size = size;
    a->bytes += size + sizeof *b;
    if (n > a->next_size && a->head) { // a large one: behind the current block, which stays current
        b->next = a->head->next;
        a->head->next = b;
        return b;
    }
    b->next = a->head;
    a->head = b;
    // doubled while small, then a quarter of what there is: little of a large arena is left unused
    if (a->next_size < DOUBLED)
        a->next_size *= 2;
    else if (a->bytes / 4 > a->next_size && a->next_size < MAX_BLOCK)
        a->next_size = a->bytes / 4 < MAX_BLOCK ? a->bytes / 4 & ~(size_t)(ALIGN - 1) : MAX_BLOCK;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        oom();
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->head;
    if (!b || b->size - b->used < n)
        b = block_add(a, n);
    void *p = (char *)(b + 1) + b->used;
    b->used += n;
    return p;
}

void *arena_larger(struct arena *a, const void *items, size_t n, size_t *cap, size_t first,
                   size_t size)
{
    *cap = *cap ? 2 * *cap : first;
    void *more = arena_alloc(a, *cap * size);
    if (n)
        memcpy(more, items, n * size);
    return more;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return arena_strdup(a, "");
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

size_t arena_bytes(const struct arena *a)
{
    size_t n = a->bytes;
    for (const struct arena *child = a->adopted; child; child = child->sibling)
        n += arena_bytes(child);
    return n;
}

size_t arena_limit(struct arena *a, size_t more)
{
    size_t before = a->max;
    a->max = a->bytes + more;
    return before;
}

void arena_limit_back(struct arena *a, size_t before)
{
    a->max = before;
}

bool arena_full(const struct arena *a)
{
    return a->max && a->bytes > a->max;
}
