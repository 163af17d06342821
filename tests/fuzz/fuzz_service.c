// Fuzz target: any bytes as a service file and as a policy. What is wrong with it is told with a
// reason; what is read can be asked.
#define INPUT_SUFFIX ".yml"
#include "core/buf.h"
#include "fuzz/input.h"
#include "rollout/policy.h"

#include <string.h>

static void told(void *data, struct pos pos, const char *msg)
{
    (void)pos;
    if (!msg || !*msg)
        __builtin_trap();
    ++*(size_t *)data;
}

static void ask(const struct service *s)
{
    struct arena *a = arena_new();
    const char *why;
    int64_t next = 0;
    for (size_t i = 0; i < s->n_rings; i++) {
        const struct ring *r = &s->rings[i];
        if (!r->name || !r->hosts || service_ring(s, r->name) != r)
            __builtin_trap();
        if (!calendar_allows(&r->calendar, INT64_C(1800000000000000), a, &why, &next) && next &&
            !calendar_allows(&r->calendar, next, a, NULL, NULL))
            __builtin_trap();
        for (size_t k = 0; k < r->n_after; k++)
            if (!r->after[k].name)
                __builtin_trap();
    }
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = input_file(data, size);
    struct service *s = NULL;
    struct policy *p = NULL;
    struct err e = ERR_INIT;
    size_t n = 0;
    if (!path)
        return 0;
    if (service_load(path, &s, told, &n, &e) == 0) {
        if (n)
            __builtin_trap();
        ask(s);
    } else if (!n || !e.code) {
        __builtin_trap();
    }
    err_release(&e);
    service_free(s);
    n = 0;
    if (policy_load(path, &p, told, &n, &e) == 0) {
        struct arena *a = arena_new();
        struct policy_decision d;
        struct policy_request q = {.actor = "a@b", .verified = true, .ring = "r", .now = 1};
        policy_decide(p, &q, a, &d);
        if (!d.reason)
            __builtin_trap();
        arena_free(a);
    } else if (!n || !e.code) {
        __builtin_trap();
    }
    err_release(&e);
    policy_free(p);
    return 0;
}
