// Digests of what must not be guessed: HMAC-SHA-256 with a key that lies beside the ledger and in
// no event, export or backup of it.
#include "ledger/internal.h"

#include "core/file.h"
#include "core/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

static int read_key(struct ledger *l, unsigned char key[LEDGER_SECRET], struct err *e)
{
    char *data;
    size_t len;
    struct arena *a = arena_new();
    const char *path = path_join(a, l->dir, "secret.key");
    int rc = file_read(a, path, LEDGER_SECRET + 1, &data, &len, e);
    if (rc == 0 && len == LEDGER_SECRET)
        memcpy(key, data, len);
    else if (rc == 0)
        rc = err_set(e, ERR_INVALID, POS_NONE, "'%s' is no key", path);
    arena_free(a);
    return rc;
}

// Made under the lock of the ledger: two that need it first at once get the same.
static int make_key(void *data, struct ledger *l, struct err *e)
{
    unsigned char *key = data;
    struct err why = ERR_INIT;
    int rc = read_key(l, key, &why);
    if (rc != ERR_NOENT)
        return rc < 0 ? err_move(e, &why) : 0;
    err_release(&why);
    if (RAND_bytes(key, LEDGER_SECRET) != 1)
        return err_set(e, ERR_IO, POS_NONE, "there is no randomness for a key");
    struct arena *a = arena_new();
    rc = file_write_atomic(path_join(a, l->dir, "secret.key"), (const char *)key, LEDGER_SECRET,
                           0600, e);
    arena_free(a);
    return rc;
}

static int have_key(struct ledger *l, bool make, struct err *e)
{
    struct err why = ERR_INIT;
    if (l->has_secret)
        return 0;
    int rc = read_key(l, l->secret, &why);
    if (rc == ERR_NOENT && make) {
        err_release(&why);
        rc = ledger_transact(l, make_key, l->secret, &why);
    }
    l->has_secret = rc == 0;
    return rc < 0 ? err_move(e, &why) : 0;
}

int ledger_keyed_digest(struct ledger *l, const char *const *texts, size_t n, bool make,
                        char ret[LEDGER_DIGEST_HEX], struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf b = BUF_INIT;
    int rc = have_key(l, make, e);
    for (size_t i = 0; i < n; i++)
        buf_add(&b, texts[i], strlen(texts[i]) + 1); // with its end, so that no two run together
    if (rc == 0 && !HMAC(EVP_sha256(), l->secret, LEDGER_SECRET, (const unsigned char *)b.p, b.len,
                         digest, &len))
        rc = err_set(e, ERR_IO, POS_NONE, "a digest cannot be made");
    if (rc == 0)
        hash_to_hex(digest, len, ret);
    buf_release(&b);
    return rc;
}
