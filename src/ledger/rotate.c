// A new key for the checkpoints. An event names it; the checkpoint behind that event is signed with
// the old key and the new one, those that follow with the new one. So whoever trusts either can go
// from it to the other, and the old one may be lost from then on.
#include "ledger/internal.h"
#include "ledger/tree.h"

#include <string.h>
#include <unistd.h>

static int make_next(struct ledger *l, struct arena *a, struct err *e)
{
    const char *origin = db_meta(l, a, "origin", e), *path = sign_new_key_path(l, a);
    if (!origin)
        return db_damaged(l, e, "it has no name");
    unlink(path); // of one who was killed before the ledger named it
    int rc = note_key_make(path, e);
    return rc < 0 ? rc : note_signer_load(path, origin, &l->next, e);
}

static int rotate(void *data, struct ledger *l, struct err *e)
{
    const char *reason = data, *old = NULL;
    struct arena *a = arena_new();
    struct buf vkey = BUF_INIT;
    struct value body = value_dict(a);
    int rc = sign_load(l, e); // the old one, under the lock: nobody changes it meanwhile
    if (rc == 0)
        rc = ledger_vkey(l, a, &old, e);
    if (rc == 0)
        rc = make_next(l, a, e);
    if (rc == 0) {
        note_vkey(&vkey, &l->next.verifier);
        dict_set(body.u.dict, "old", value_cstr(old));
        dict_set(body.u.dict, "new", value_cstr(buf_str(&vkey)));
        if (reason)
            dict_set(body.u.dict, "reason", value_cstr(reason));
        struct ledger_event ev = {.type = "key.rotated", .body = body.u.dict};
        rc = ledger_append(l, &ev, 1, e);
    }
    if (rc == 0)
        rc = db_set_meta(l, "vkey", buf_str(&vkey), e);
    buf_release(&vkey);
    arena_free(a);
    return rc;
}

int ledger_rotate_key(struct ledger *l, const char *reason, struct err *e)
{
    struct arena *a = arena_new();
    int rc = ledger_transact(l, rotate, (void *)(uintptr_t)reason, e);
    if (rc < 0 && l->next.key)
        unlink(sign_new_key_path(l, a));
    note_signer_release(&l->next);
    arena_free(a);
    return rc < 0 ? rc : sign_load(l, e);
}
