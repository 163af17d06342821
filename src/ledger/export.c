// JSON lines and tiles.
#include "ledger/export.h"
#include "ledger/internal.h"
#include "ledger/tree.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WIDTH 256 // hashes of a tile
#define PIECE 65536

// Entries with their hashes from `from` to before `to`.
static sqlite3_stmt *entries(struct ledger *l, int64_t from, int64_t to, struct err *e)
{
    sqlite3_stmt *st = db_prepare(
        l, "SELECT seq, hashes, json FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", e);
    if (st) {
        sqlite3_bind_int64(st, 1, from);
        sqlite3_bind_int64(st, 2, to);
    }
    return st;
}

// The next entry, which must be event seq.
static int next_entry(struct ledger *l, sqlite3_stmt *st, int64_t seq, struct err *e)
{
    int rc = db_step(l, st, e);
    if (rc < 0)
        return rc;
    if (rc == 0 || sqlite3_column_int64(st, 0) != seq ||
        sqlite3_column_bytes(st, 1) < (int)sizeof(struct merkle_hash) ||
        sqlite3_column_bytes(st, 2) > LEDGER_ENTRY_MAX)
        return db_damaged(l, e, "event %lld is missing", (long long)seq);
    return 0;
}

// --- checkpoints
// --------------------------------------------------------------------------------------

// Those behind changes of the key, signed by both keys: by them whoever trusts one key of the
// ledger gets to the others.
struct rotations {
    struct ledger_checkpoint *all;
    size_t n;
};

static int find_rotations(struct ledger *l, struct arena *a, uint64_t before, struct rotations *ret,
                          struct err *e)
{
    static const char *const types[] = {"key.rotated", NULL};
    struct ledger_event *evs;
    struct ledger_checkpoint *all;
    size_t n_evs, n = 0, k = 0;
    int rc = ledger_list(l, &(struct ledger_filter){.types = types}, a, &evs, &n_evs, e);
    if (rc == 0 && n_evs)
        rc = ledger_checkpoints(l, a, &all, &n, e);
    if (rc < 0)
        return rc;
    *ret = (struct rotations){.all = arena_alloc(a, (n_evs + 1) * sizeof *ret->all)};
    for (size_t i = 0; i < n_evs; i++) {
        uint64_t size = (uint64_t)evs[i].seq + 1;
        while (k < n && all[k].tree.size < size)
            k++;
        if (k < n && all[k].tree.size == size && size < before)
            ret->all[ret->n++] = all[k];
    }
    return 0;
}

static const struct ledger_checkpoint *rotation_behind(const struct rotations *r, int64_t seq)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i].tree.size == (uint64_t)seq + 1)
            return &r->all[i];
    return NULL;
}

// --- lines
// --------------------------------------------------------------------------------------------

static int flush(struct buf *b, size_t above, const struct ledger_sink *to, struct err *e)
{
    int rc = b->len > above ? to->put(to->data, b->p, b->len, e) : 0;
    if (b->len > above)
        buf_clear(b);
    return rc;
}

static void add_line(struct buf *b, sqlite3_stmt *st, int64_t seq)
{
    char leaf[2 * sizeof(struct merkle_hash) + 1];
    hash_to_hex(sqlite3_column_blob(st, 1), sizeof(struct merkle_hash), leaf);
    buf_adds(b, "{\"event\":");
    buf_add(b, sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2));
    buf_addf(b, ",\"leaf\":\"%s\",\"seq\":%lld}\n", leaf, (long long)seq);
}

static void add_checkpoint(struct buf *b, const struct ledger_checkpoint *c)
{
    buf_adds(b, "{\"checkpoint\":");
    json_write_string(b, c->note, strlen(c->note), false);
    buf_adds(b, "}\n");
}

int ledger_export_lines(struct ledger *l, int64_t from, const struct ledger_sink *to, struct err *e)
{
    struct ledger_checkpoint c;
    struct rotations keys = {0};
    struct arena *a = arena_new();
    struct buf b = BUF_INIT;
    sqlite3_stmt *st = NULL;
    int rc = ledger_newest(l, a, &c, e);
    if (rc == 0)
        rc = find_rotations(l, a, c.tree.size, &keys, e);
    if (rc == 0 && !(st = entries(l, from, (int64_t)c.tree.size, e)))
        rc = l->failed;
    for (int64_t seq = from; rc == 0 && seq < (int64_t)c.tree.size; seq++) {
        rc = next_entry(l, st, seq, e);
        if (rc == 0)
            add_line(&b, st, seq);
        const struct ledger_checkpoint *both = rc == 0 ? rotation_behind(&keys, seq) : NULL;
        if (both)
            add_checkpoint(&b, both);
        if (rc == 0)
            rc = flush(&b, PIECE, to, e);
    }
    if (rc == 0) {
        add_checkpoint(&b, &c);
        rc = flush(&b, 0, to, e);
    }
    sqlite3_finalize(st);
    buf_release(&b);
    arena_free(a);
    return rc;
}

// --- tiles
// --------------------------------------------------------------------------------------------

struct tiles {
    struct ledger *l;
    const char *dir;
    uint64_t size;
    size_t files;
    struct err *e;
};

// "x001/x234/067", and ".p/W" behind it where the tile is partial.
static void add_number(struct buf *b, uint64_t n, size_t width)
{
    char part[8][4];
    int k = 0;
    do {
        snprintf(part[k++], sizeof part[0], "%03u", (unsigned)(n % 1000));
        n /= 1000;
    } while (n && k < 8);
    while (k-- > 0)
        buf_addf(b, "%s%s%s", k ? "x" : "", part[k], k ? "/" : "");
    if (width < WIDTH)
        buf_addf(b, ".p/%zu", width);
}

static char *tile_path(struct tiles *t, struct arena *a, const char *kind, uint64_t n, size_t width)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s/tile/%s/", t->dir, kind);
    add_number(&b, n, width);
    char *path = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return path;
}

// A tile never changes, so that what is there as a whole needs no second writing. It is renamed
// into place, and only the checkpoint behind all of them is waited for.
static bool is_there(const char *path, size_t width)
{
    struct stat st;
    return width == WIDTH && stat(path, &st) == 0 && st.st_size > 0;
}

static int write_tile(struct tiles *t, struct arena *a, const char *path, const struct buf *b)
{
    const char *tmp = arena_printf(a, "%s.new", path);
    int rc = file_mkdirs(path_dir(a, path), 0755, t->e);
    FILE *f = rc < 0 ? NULL : fopen(tmp, "we");
    if (rc < 0)
        return rc;
    bool ok = f && fwrite(b->p, 1, b->len, f) == b->len;
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok || rename(tmp, path) < 0) {
        rc = err_set(t->e, ERR_IO, POS_NONE, "cannot write '%s': %s", path, strerror(errno));
        unlink(tmp);
        return rc;
    }
    t->files++;
    return 0;
}

// Hashes of tree level 8 * level, from n * 256 on.
static int hash_tile(struct tiles *t, int level, uint64_t n, size_t width)
{
    struct arena *a = arena_new();
    const char *path = tile_path(t, a, arena_printf(a, "%d", level), n, width);
    struct merkle_store store = hashes_store(t->l);
    struct buf b = BUF_INIT;
    int rc = 0;
    bool there = is_there(path, width);
    for (size_t i = 0; i < width && rc == 0 && !there; i++) {
        struct merkle_hash h;
        rc = store.get(store.data, 8 * level, n * WIDTH + i, &h, t->e);
        buf_add(&b, h.b, sizeof h.b);
    }
    if (rc == 0 && !there)
        rc = write_tile(t, a, path, &b);
    buf_release(&b);
    arena_free(a);
    return rc;
}

// Entries, each with its length in two bytes.
static int entry_tile(struct tiles *t, uint64_t n, size_t width)
{
    struct arena *a = arena_new();
    const char *path = tile_path(t, a, "entries", n, width);
    struct buf b = BUF_INIT;
    int64_t from = (int64_t)n * WIDTH, to = from + (int64_t)width;
    sqlite3_stmt *st = is_there(path, width) ? NULL : entries(t->l, from, to, t->e);
    int rc = st || is_there(path, width) ? 0 : t->l->failed;
    for (int64_t seq = from; seq < to && rc == 0 && st; seq++) {
        rc = next_entry(t->l, st, seq, t->e);
        size_t len = rc < 0 ? 0 : (size_t)sqlite3_column_bytes(st, 2);
        buf_addc(&b, (char)(len >> 8));
        buf_addc(&b, (char)len);
        if (len)
            buf_add(&b, sqlite3_column_blob(st, 2), len);
    }
    if (rc == 0 && st)
        rc = write_tile(t, a, path, &b);
    sqlite3_finalize(st);
    buf_release(&b);
    arena_free(a);
    return rc;
}

static int all_tiles(struct tiles *t)
{
    int rc = 0;
    for (int level = 0; level < 8 && t->size >> (8 * level); level++) {
        uint64_t hashes = t->size >> (8 * level);
        for (uint64_t n = 0; n * WIDTH < hashes && rc == 0; n++) {
            size_t width = hashes - n * WIDTH < WIDTH ? (size_t)(hashes - n * WIDTH) : WIDTH;
            rc = hash_tile(t, level, n, width);
            if (rc == 0 && level == 0)
                rc = entry_tile(t, n, width);
        }
    }
    return rc;
}

static int write_note(struct tiles *t, struct arena *a, const char *name, const char *note)
{
    t->files++;
    return file_write_atomic(path_join(a, t->dir, name), note, strlen(note), 0644, t->e);
}

int ledger_export_tiles(struct ledger *l, const char *dir, size_t *ret_files, struct err *e)
{
    struct ledger_checkpoint c;
    struct rotations keys = {0};
    struct arena *a = arena_new();
    struct tiles t = {.l = l, .dir = dir, .e = e};
    int rc = ledger_newest(l, a, &c, e);
    if (rc == 0)
        rc = find_rotations(l, a, c.tree.size, &keys, e);
    if (rc == 0)
        rc = file_mkdirs(dir, 0755, e);
    if (rc == 0) {
        t.size = c.tree.size;
        rc = all_tiles(&t);
    }
    for (size_t i = 0; i < keys.n && rc == 0; i++) {
        const char *name =
            arena_printf(a, "checkpoint-%llu", (unsigned long long)keys.all[i].tree.size);
        rc = write_note(&t, a, name, keys.all[i].note);
    }
    if (rc == 0)
        rc = write_note(&t, a, "checkpoint", c.note);
    if (rc == 0)
        *ret_files = t.files;
    arena_free(a);
    return rc;
}
