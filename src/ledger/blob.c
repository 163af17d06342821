// Content by digest: dir/blobs/ab/cdef.... Files are made under another name and renamed; they are
// on disk before the transaction that comes after them is.
#include "ledger/internal.h"

#include "core/file.h"
#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY 16 // files from which on the whole file system is synced instead of each

static int cannot(struct ledger *l, struct err *e)
{
    return err_set(e, ERR_IO, POS_NONE, "content cannot be kept in '%s/blobs': %s", l->dir,
                   strerror(errno));
}

static bool is_digest(const char *s)
{
    return strlen(s) == LEDGER_DIGEST_HEX - 1 && s[strspn(s, "0123456789abcdef")] == '\0';
}

static char *blob_name(struct ledger *l, struct arena *a, const char *digest)
{
    return arena_printf(a, "%s/blobs/%.2s/%s", l->dir, digest, digest + 2);
}

// --- putting
// ------------------------------------------------------------------------------------------

struct incoming {
    struct arena *a;
    char *tmp;
    int fd;
    struct hash hash;
};

static int incoming_open(struct ledger *l, struct incoming *in, struct err *e)
{
    if (l->read_only)
        return err_set(e, ERR_IO, POS_NONE, "the ledger in '%s' is open for reading only", l->dir);
    in->a = arena_new();
    in->tmp = arena_printf(in->a, "%s/blobs/new.XXXXXX", l->dir);
    hash_init(&in->hash, HASH_SHA256);
    int rc = file_mkdirs(path_dir(in->a, in->tmp), 0700, e);
    if (rc == 0 && (in->fd = mkostemp(in->tmp, O_CLOEXEC)) < 0)
        rc = cannot(l, e);
    if (rc < 0)
        arena_free(in->a);
    return rc;
}

static int incoming_add(struct ledger *l, struct incoming *in, const char *p, size_t len,
                        struct err *e)
{
    hash_update(&in->hash, p, len);
    while (len) {
        ssize_t n = write(in->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot(l, e);
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

// Gives the content its name, unless it is there already and whole.
static int incoming_keep(struct ledger *l, struct incoming *in, const char *digest, struct err *e)
{
    char found[HASH_HEX_MAX];
    const char *name = blob_name(l, in->a, digest);
    bool there = hash_file(HASH_SHA256, name, found, NULL) == 0 && strcmp(found, digest) == 0;
    if (there)
        unlink(in->tmp);
    else if (file_mkdirs(path_dir(in->a, name), 0700, e) < 0)
        return ERR_IO;
    else if (rename(in->tmp, name) < 0)
        return cannot(l, e);
    list_add(l->unsynced, value_str(l->unsynced_arena, digest));
    return 0;
}

static int incoming_close(struct ledger *l, struct incoming *in, int rc,
                          char ret_digest[LEDGER_DIGEST_HEX], struct err *e)
{
    unsigned char digest[HASH_MAX];
    char hex[LEDGER_DIGEST_HEX];
    hash_final(&in->hash, digest);
    hash_to_hex(digest, hash_size(HASH_SHA256), hex);
    if (close(in->fd) < 0 && rc == 0)
        rc = cannot(l, e);
    if (rc == 0)
        rc = incoming_keep(l, in, hex, e);
    if (rc < 0)
        unlink(in->tmp);
    else
        memcpy(ret_digest, hex, sizeof hex);
    arena_free(in->a);
    return rc;
}

int ledger_blob_put(struct ledger *l, const void *data, size_t len,
                    char ret_digest[LEDGER_DIGEST_HEX], struct err *e)
{
    struct incoming in;
    int rc = incoming_open(l, &in, e);
    return rc < 0 ? rc : incoming_close(l, &in, incoming_add(l, &in, data, len, e), ret_digest, e);
}

int ledger_blob_put_file(struct ledger *l, const char *path, char ret_digest[LEDGER_DIGEST_HEX],
                         int64_t *ret_size, struct err *e)
{
    struct incoming in;
    char piece[65536];
    int64_t size = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = 0;
    if (fd < 0)
        return err_set(e, errno == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot read '%s': %s",
                       path, strerror(errno));
    if ((rc = incoming_open(l, &in, e)) < 0) {
        close(fd);
        return rc;
    }
    while (rc == 0 && ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))) {
        if (n < 0)
            continue;
        rc = incoming_add(l, &in, piece, (size_t)n, e);
        size += n;
    }
    if (rc == 0 && n < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot read '%s': %s", path, strerror(errno));
    close(fd);
    rc = incoming_close(l, &in, rc, ret_digest, e);
    if (rc == 0 && ret_size)
        *ret_size = size;
    return rc;
}

// --- syncing
// ------------------------------------------------------------------------------------------

static int sync_path(struct ledger *l, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? cannot(l, e) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

// All that was written to the file system at once: of many small files that is quicker by far.
static int sync_all(struct ledger *l, struct arena *a, struct err *e)
{
    int fd = open(arena_printf(a, "%s/blobs", l->dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || syncfs(fd) < 0 ? cannot(l, e) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int sync_each(struct ledger *l, struct arena *a, struct err *e)
{
    bool folders[256] = {false};
    int rc = 0;
    for (size_t i = 0; i < l->unsynced->len && rc == 0; i++) {
        const char *digest = l->unsynced->items[i].u.str.s;
        char first[3] = {digest[0], digest[1], '\0'};
        folders[strtoul(first, NULL, 16)] = true;
        rc = sync_path(l, blob_name(l, a, digest), e);
    }
    for (int i = 0; i < 256 && rc == 0; i++)
        if (folders[i])
            rc = sync_path(l, arena_printf(a, "%s/blobs/%02x", l->dir, (unsigned)i), e);
    return rc == 0 ? sync_path(l, arena_printf(a, "%s/blobs", l->dir), e) : rc;
}

int blob_sync(struct ledger *l, struct err *e)
{
    if (!l->unsynced->len)
        return 0;
    struct arena *a = arena_new();
    int rc = l->unsynced->len > MANY ? sync_all(l, a, e) : sync_each(l, a, e);
    if (rc == 0) {
        arena_reset(l->unsynced_arena);
        l->unsynced = value_list(l->unsynced_arena).u.list;
    }
    arena_free(a);
    return rc;
}

// --- getting
// ------------------------------------------------------------------------------------------

const char *ledger_blob_path(struct ledger *l, const char *digest, struct arena *a)
{
    const char *name = is_digest(digest) ? blob_name(l, a, digest) : NULL;
    return name && access(name, F_OK) == 0 ? name : NULL;
}

int ledger_blob_get(struct ledger *l, const char *digest, size_t max, struct arena *a,
                    const char **ret, size_t *ret_len, struct err *e)
{
    const char *name = ledger_blob_path(l, digest, a);
    char hex[HASH_HEX_MAX], *data;
    size_t len;
    if (!name)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no content '%.64s' in '%s/blobs'", digest,
                       l->dir);
    int rc = file_read(a, name, max, &data, &len, e);
    if (rc < 0)
        return rc;
    hash_hex(HASH_SHA256, data, len, hex);
    if (strcmp(hex, digest) != 0)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is altered: its digest is %s", name, hex);
    *ret = data;
    *ret_len = len;
    return 0;
}
