// Arena allocation: everything allocated from one arena is freed at once (per parse, task or
// variable). Running out of memory aborts the process, so no caller checks for NULL
// (docs/decisions.md).
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

// A new empty arena, owned by the caller; it takes no block until first used.
struct arena *arena_new(void);
// Frees the arena and all that was allocated from it. NULL is accepted.
void arena_free(struct arena *a);
// Makes child live as long as a, which frees it from now on; both stay usable. NULL is accepted.
void arena_adopt(struct arena *a, struct arena *child);
// Frees what was allocated, keeping one block for reuse.
void arena_reset(struct arena *a);
// Zeroed memory of n bytes, aligned for any type, living as long as the arena.
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));
// A NUL-terminated copy of s[0..n).
char *arena_strndup(struct arena *a, const char *s, size_t n);
// A copy of the C string s; NULL gives NULL.
char *arena_strdup(struct arena *a, const char *s);
// A formatted string in the arena.
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
// Bytes taken from the system by this arena and those it has adopted.
size_t arena_bytes(const struct arena *a);

// From now on arena_full says when more than `more` further bytes were taken. Allocation goes on
// all the same: whoever may make much asks, and stops. Returns the limit before, for
// arena_limit_back.
size_t arena_limit(struct arena *a, size_t more);
void arena_limit_back(struct arena *a, size_t before);
bool arena_full(const struct arena *a);

// malloc family that aborts when memory is exhausted.
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));

#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

void *arena_larger(struct arena *a, const void *items, size_t n, size_t *cap, size_t first,
                   size_t size);
// Where one more can be put behind n items of `size` bytes: items itself, or when its room of *cap
// is full a copy with twice as much (with `first` when there was none).
static inline void *arena_room(struct arena *a, const void *items, size_t n, size_t *cap,
                               size_t first, size_t size)
{
    return n < *cap ? (void *)(uintptr_t)items : arena_larger(a, items, n, cap, first, size);
}

#endif
