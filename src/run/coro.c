// Coroutines on ucontext. Told to AddressSanitizer, which otherwise loses track of stacks.
#include "run/coro.h"

#include "core/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define STACK_SIZE (4u << 20) // instrumented frames are several times larger
#else
#define STACK_SIZE (512u << 10)
#endif

struct coro {
    ucontext_t ctx, back;
    void (*fn)(void *arg);
    void *arg;
    void *stack;
    size_t size; // of the mapping, guard page included
    bool done;
    void *fake; // the sanitizer's
};

// The one running now: coroutines belong to the loop's single thread.
static struct coro *current;
static const void *main_bottom;
static size_t main_size;
static void *main_fake;

static void enter_fiber(void **save, const void *bottom, size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(save, bottom, size);
#else
    (void)save;
    (void)bottom;
    (void)size;
#endif
}

static void entered_fiber(void *fake, const void **bottom, size_t *size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, bottom, size);
#else
    (void)fake;
    (void)bottom;
    (void)size;
#endif
}

static void trampoline(unsigned hi, unsigned lo)
{
    struct coro *c = (struct coro *)(((uintptr_t)hi << 32) | lo);
    entered_fiber(c->fake, &main_bottom, &main_size);
    c->fn(c->arg);
    c->done = true;
    current = NULL;
    enter_fiber(NULL, main_bottom, main_size);
    swapcontext(&c->ctx, &c->back);
    abort(); // an ended coroutine is never resumed
}

struct coro *coro_new(void (*fn)(void *arg), void *arg)
{
    struct coro *c = xcalloc(1, sizeof *c);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    c->size = STACK_SIZE + page;
    c->fn = fn;
    c->arg = arg;
    c->stack = mmap(NULL, c->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (c->stack == MAP_FAILED || mprotect(c->stack, page, PROT_NONE) < 0 ||
        getcontext(&c->ctx) < 0) {
        fputs("andon: no memory for another host's stack\n", stderr);
        abort();
    }
    c->ctx.uc_stack.ss_sp = (char *)c->stack + page;
    c->ctx.uc_stack.ss_size = STACK_SIZE;
    makecontext(&c->ctx, (void (*)(void))trampoline, 2, (unsigned)((uintptr_t)c >> 32),
                (unsigned)(uintptr_t)c);
    return c;
}

void coro_free(struct coro *c)
{
    if (!c)
        return;
    munmap(c->stack, c->size);
    free(c);
}

void coro_resume(struct coro *c)
{
    current = c;
    enter_fiber(&main_fake, c->ctx.uc_stack.ss_sp, c->ctx.uc_stack.ss_size);
    swapcontext(&c->back, &c->ctx);
    entered_fiber(main_fake, NULL, NULL);
    current = NULL;
}

void coro_yield(void)
{
    struct coro *c = current;
    current = NULL;
    enter_fiber(&c->fake, main_bottom, main_size);
    swapcontext(&c->ctx, &c->back);
    entered_fiber(c->fake, &main_bottom, &main_size);
    current = c;
}

struct coro *coro_current(void)
{
    return current;
}

bool coro_done(const struct coro *c)
{
    return c->done;
}
