// Fuzz target: any bytes as an entry of the ledger, a checkpoint, a public key and a signed note.
// What was read and written is read as the same again. The first byte chooses.
#include "core/buf.h"
#include "fuzz/fuzz.h"
#include "ledger/internal.h"
#include "ledger/note.h"

#include <stdlib.h>
#include <string.h>

#define KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

static void entry(const char *s, size_t len)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct ledger_event ev, again;
    struct buf first = BUF_INIT, second = BUF_INIT;
    int rc = entry_parse(a, s, len, &ev, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    if (rc == 0) {
        ev = entry_clean(a, &ev);
        ledger_event_json(&first, &ev);
        if (entry_parse(a, first.p, first.len, &again, NULL) < 0)
            __builtin_trap();
        ledger_event_json(&second, &again);
        if (first.len != second.len || memcmp(first.p, second.p, first.len) != 0)
            __builtin_trap();
    }
    buf_release(&first);
    buf_release(&second);
    err_release(&e);
    arena_free(a);
}

static void checkpoint(const char *s, size_t len)
{
    struct note_checkpoint c, again;
    struct buf b = BUF_INIT;
    if (note_checkpoint_parse(s, len, &c, NULL) < 0)
        return;
    note_checkpoint_text(&b, &c);
    if (b.len > len || memcmp(b.p, s, b.len) != 0 ||
        note_checkpoint_parse(b.p, b.len, &again, NULL) < 0 || memcmp(&c, &again, sizeof c) != 0)
        __builtin_trap();
    buf_release(&b);
}

static void key(const char *s)
{
    struct note_verifier v;
    struct buf b = BUF_INIT;
    if (note_vkey_parse(s, &v, NULL) < 0)
        return;
    note_vkey(&b, &v);
    if (strcmp(buf_str(&b), s) != 0 || !note_name_ok(v.name))
        __builtin_trap();
    buf_release(&b);
}

static void note(const char *s, size_t len)
{
    struct note_verifier v;
    struct err e = ERR_INIT;
    size_t n = 0;
    if (note_vkey_parse(KEY, &v, NULL) < 0)
        __builtin_trap();
    int rc = note_verify(s, len, &v, &n, &e);
    if ((rc < 0) != (e.code != 0) || (rc == 0 && (n == 0 || n >= len || s[n - 1] != '\n')))
        __builtin_trap();
    err_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *s = xstrndup((const char *)data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        entry(s, size - 1);
        break;
    case 1:
        checkpoint(s, size - 1);
        break;
    case 2:
        key(s);
        break;
    default:
        note(s, size - 1);
    }
    free(s);
    return 0;
}
