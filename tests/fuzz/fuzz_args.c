// Fuzz target: any text as free-form arguments of a task ("path=/x mode=0644", a command line) and
// as arguments of ssh. The first byte chooses.
#include "fleet/ssh_args.h"
#include "fuzz/fuzz.h"
#include "playbook/kv.h"

#include <string.h>

static void key_values(struct arena *a, const char *s, size_t len, bool raw)
{
    struct err e = ERR_INIT;
    struct dict *d;
    struct dict_entry *entry;
    int rc = kv_parse(a, s, len, raw, POS_NONE, &d, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap(); // a failure must say why
    if (rc == 0)
        DICT_EACH(d, entry)
    if (entry->val.type != VALUE_STRING || entry->val.u.str.len > len)
        __builtin_trap();
    err_release(&e);
}

static void words(struct arena *a, const char *s)
{
    struct err e = ERR_INIT;
    struct argv v;
    int rc = ssh_split_args(a, s, &v, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    size_t n = 0;
    while (rc == 0 && v.v[n])
        n++;
    if (rc == 0 && (n != v.n || n >= SSH_ARGS_MAX))
        __builtin_trap();
    err_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena *a = arena_new();
    const char *s = arena_strndup(a, (const char *)data + 1, size - 1);
    if (data[0] % 3 == 2)
        words(a, s);
    else
        key_values(a, s, size - 1, data[0] % 3);
    arena_free(a);
    return 0;
}
