// Checkpoints. The tree is signed inside the transaction that made it so: an Ed25519 signature
// costs less than a tenth of the commit's fsync, and a killed writer leaves no events without one.
// The newest is kept, and one per hour or 4096 events for ever, so that verification can say
// between which two of them something was replaced.
#include "ledger/internal.h"
#include "ledger/tree.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define KEEP_EVERY_EVENTS 4096
#define KEEP_EVERY_US ((int64_t)3600 * 1000000)

static char *key_path(struct ledger *l, struct arena *a)
{
    return path_join(a, l->dir, "ledger.key");
}

static int write_pub(struct ledger *l, struct arena *a, const char *vkey, struct err *e)
{
    const char *line = arena_printf(a, "%s\n", vkey);
    return file_write_atomic(path_join(a, l->dir, "ledger.pub"), line, strlen(line), 0644, e);
}

int sign_make(struct ledger *l, const char *origin, struct err *e)
{
    char machine[256] = "localhost";
    struct arena *a = arena_new();
    struct buf vkey = BUF_INIT;
    if (gethostname(machine, sizeof machine) == 0)
        machine[sizeof machine - 1] = '\0';
    if (!origin)
        origin = arena_printf(a, "%s/andon", *machine ? machine : "localhost");
    int rc = note_name_ok(origin)
                 ? note_key_make(key_path(l, a), e)
                 : err_set(e, ERR_INVALID, POS_NONE,
                           "'%s' cannot be the name of a ledger: no blanks, no '+'", origin);
    if (rc == 0)
        rc = note_signer_load(key_path(l, a), origin, &l->signer, e);
    if (rc == 0) {
        note_vkey(&vkey, &l->signer.verifier);
        rc = write_pub(l, a, buf_str(&vkey), e);
    }
    if (rc == 0)
        rc = db_set_meta(l, "origin", origin, e);
    if (rc == 0)
        rc = db_set_meta(l, "vkey", buf_str(&vkey), e);
    buf_release(&vkey);
    arena_free(a);
    return rc;
}

char *sign_new_key_path(struct ledger *l, struct arena *a)
{
    return path_join(a, l->dir, "ledger.key.new");
}

static bool is_key(const struct note_signer *s, const char *vkey)
{
    struct buf b = BUF_INIT;
    if (s->key)
        note_vkey(&b, &s->verifier);
    bool is = s->key && strcmp(buf_str(&b), vkey) == 0;
    buf_release(&b);
    return is;
}

// The key that the ledger names may still have the name it was made under.
static int adopt(struct ledger *l, struct arena *a, const char *origin, const char *vkey,
                 struct err *e)
{
    const char *path = key_path(l, a), *made = sign_new_key_path(l, a);
    if (access(made, F_OK) == 0 && note_signer_load(made, origin, &l->signer, NULL) == 0 &&
        is_key(&l->signer, vkey))
        return rename(made, path) < 0
                   ? err_set(e, ERR_IO, POS_NONE, "cannot rename '%s': %s", made, strerror(errno))
                   : write_pub(l, a, vkey, e);
    note_signer_release(&l->signer);
    return err_set(e, ERR_INVALID, POS_NONE,
                   "nothing can be recorded: '%s' is not the key that the ledger names (%s): put "
                   "that back",
                   path, vkey);
}

static int load_signer(struct ledger *l, struct arena *a, const char *vkey, struct err *e)
{
    const char *origin = db_meta(l, a, "origin", e), *path = key_path(l, a);
    note_signer_release(&l->signer);
    if (!origin)
        return db_damaged(l, e, "it has no name");
    if (access(path, F_OK) < 0)
        return err_set(
            e, ERR_NOENT, POS_NONE,
            "nothing can be recorded without the ledger's key '%s': put it back, or begin a "
            "new ledger by moving '%s/ledger.db' away",
            path, l->dir);
    int rc = note_signer_load(path, origin, &l->signer, e);
    if (rc < 0 || is_key(&l->signer, vkey))
        return rc;
    note_signer_release(&l->signer);
    return adopt(l, a, origin, vkey, e);
}

int sign_load(struct ledger *l, struct err *e)
{
    struct arena *a = arena_new();
    const char *vkey = NULL;
    int rc = ledger_vkey(l, a, &vkey, e);
    if (rc == 0 && !is_key(&l->signer, vkey)) // not loaded, or somebody changed it meanwhile
        rc = load_signer(l, a, vkey, e);
    arena_free(a);
    return rc;
}

// The last kept checkpoint, and the newest if that is to go. <0 error.
static int what_is_kept(struct ledger *l, int64_t *ret_size, int64_t *ret_time, int64_t *ret_drop,
                        struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_NEWEST, e);
    int rc = st ? 0 : l->failed;
    *ret_size = *ret_time = *ret_drop = -1;
    while (st && *ret_size < 0 && (rc = db_step(l, st, e)) == 1)
        if (sqlite3_column_int(st, 2)) {
            *ret_size = sqlite3_column_int64(st, 0);
            *ret_time = sqlite3_column_int64(st, 1);
        } else {
            *ret_drop = sqlite3_column_int64(st, 0);
        }
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int store(struct ledger *l, const char *note, struct err *e)
{
    int64_t kept, kept_time, drop, size = (int64_t)l->edge.size;
    int rc = what_is_kept(l, &kept, &kept_time, &drop, e);
    sqlite3_stmt *add = db_stmt(l, STMT_ADD_CHECKPOINT, e),
                 *remove = db_stmt(l, STMT_DROP_CHECKPOINT, e);
    if (rc < 0 || !add || !remove)
        return l->failed;
    bool keep = kept < 0 || l->next.key || size - kept >= KEEP_EVERY_EVENTS ||
                l->last_time - kept_time >= KEEP_EVERY_US;
    sqlite3_bind_int64(add, 1, size);
    sqlite3_bind_int64(add, 2, l->last_time);
    sqlite3_bind_int(add, 3, keep);
    sqlite3_bind_text(add, 4, note, -1, SQLITE_STATIC);
    rc = db_step(l, add, e);
    sqlite3_reset(add);
    if (rc == 0 && drop >= 0) {
        sqlite3_bind_int64(remove, 1, drop);
        rc = db_step(l, remove, e);
        sqlite3_reset(remove);
    }
    return rc;
}

int sign_checkpoint(struct ledger *l, struct err *e)
{
    struct note_checkpoint c = {.size = l->edge.size};
    struct buf text = BUF_INIT, note = BUF_INIT;
    if (!l->appended)
        return 0;
    int rc = l->next.key ? 0 : sign_load(l, e);
    if (rc == 0) {
        memcpy(c.origin, l->signer.verifier.name, sizeof c.origin);
        merkle_edge_root(&l->hashing, &l->edge, &c.root);
        note_checkpoint_text(&text, &c);
        rc = note_sign(&l->signer, buf_str(&text), &note, e);
    }
    if (rc == 0 && l->next.key)
        rc = note_cosign(&l->next, buf_str(&text), &note, e);
    if (rc == 0)
        rc = store(l, buf_str(&note), e);
    buf_release(&text);
    buf_release(&note);
    return rc;
}

int sign_check(struct ledger *l, struct err *e)
{
    struct ledger_checkpoint c;
    struct merkle_hash root;
    struct arena *a = arena_new();
    struct err why = ERR_INIT;
    int rc = ledger_newest(l, a, &c, &why);
    merkle_edge_root(&l->hashing, &l->edge, &root);
    if (rc == ERR_NOENT && l->edge.size == 0)
        rc = 0;
    else if (rc == ERR_NOENT)
        rc = db_damaged(l, e, "its checkpoints are gone");
    else if (rc < 0)
        rc = err_move(e, &why);
    else if (c.tree.size != l->edge.size)
        rc = db_damaged(l, e, "it has %llu events, its checkpoint knows %llu",
                        (unsigned long long)l->edge.size, (unsigned long long)c.tree.size);
    else if (!merkle_equal(&c.tree.root, &root))
        rc = db_damaged(l, e, "its events are not those of its checkpoint");
    err_release(&why);
    arena_free(a);
    return rc;
}

// --- the newest checkpoint as a file
// -----------------------------------------------------------------

static bool newer_than_file(const char *path, uint64_t size)
{
    struct arena *a = arena_new();
    struct note_checkpoint c;
    char *text;
    size_t len;
    bool newer = file_read(a, path, NOTE_MAX, &text, &len, NULL) < 0 ||
                 note_checkpoint_parse(text, len, &c, NULL) < 0 || c.size < size;
    arena_free(a);
    return newer;
}

void sign_publish(struct ledger *l)
{
    struct ledger_checkpoint c;
    struct arena *a = arena_new();
    const char *path = path_join(a, l->dir, "checkpoint");
    int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0 && ledger_newest(l, a, &c, NULL) == 0 &&
        newer_than_file(path, c.tree.size))
        (void)!file_write_atomic(path, c.note, strlen(c.note), 0644, NULL);
    if (fd >= 0)
        close(fd);
    arena_free(a);
}
