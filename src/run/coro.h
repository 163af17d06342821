// Coroutines: each host walks its play on a small stack of its own and gives way while it waits for
// the network.
#ifndef RUN_CORO_H
#define RUN_CORO_H

#include <stdbool.h>

struct coro;

// A coroutine that will call fn(arg) when first resumed. Its stack is mapped lazily and has a guard
// page.
struct coro *coro_new(void (*fn)(void *arg), void *arg);
// Frees a coroutine that has ended (or was never resumed).
void coro_free(struct coro *c);
// Runs c until it yields or ends. Called from outside of any coroutine only.
void coro_resume(struct coro *c);
// Gives way to whoever resumed the current coroutine.
void coro_yield(void);
// The coroutine running now, or NULL.
struct coro *coro_current(void);
bool coro_done(const struct coro *c);

#endif
