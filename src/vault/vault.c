// A set of secrets, and texts decrypted and encrypted with them.
#include "vault/internal.h"

#include "core/hash.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_TOTAL ((size_t)16 << 20) // bytes of plain texts remembered

// A plain text, known by the digest of its encrypted text.
struct kept {
    struct kept *next;
    unsigned char digest[32];
    struct buf plain;
};

struct vault {
    struct vault_secret *secrets;
    size_t n;
    bool match;
    struct kept *kept[256];
    size_t kept_bytes;
};

struct vault *vault_new(bool match)
{
    struct vault *v = xcalloc(1, sizeof *v);
    v->match = match;
    return v;
}

static void forget(struct vault *v)
{
    for (size_t i = 0; i < 256; i++)
        for (struct kept *k = v->kept[i], *next; k; k = next) {
            next = k->next;
            vault_wipe(&k->plain);
            free(k);
        }
    memset(v->kept, 0, sizeof v->kept);
    v->kept_bytes = 0;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    forget(v);
    for (size_t i = 0; i < v->n; i++) {
        OPENSSL_cleanse(v->secrets[i].password, v->secrets[i].len);
        free(v->secrets[i].password);
        free(v->secrets[i].id);
    }
    free(v->secrets);
    free(v);
}

int vault_add(struct vault *v, const char *id, const char *password, size_t len, struct err *e)
{
    if (!len)
        return err_set(e, ERR_INVALID, POS_NONE, "Invalid vault password was provided");
    v->secrets = xrealloc(v->secrets, (v->n + 1) * sizeof *v->secrets);
    v->secrets[v->n++] =
        (struct vault_secret){.id = xstrdup(id), .password = xstrndup(password, len), .len = len};
    return 0;
}

size_t vault_count(const struct vault *v)
{
    return v->n;
}

const struct vault_secret *vault_secret(const struct vault *v, size_t i)
{
    return i < v->n ? &v->secrets[i] : NULL;
}

const struct vault_secret *vault_find(const struct vault *v, const char *id)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->secrets[i].id, id) == 0)
            return &v->secrets[i];
    return NULL;
}

// --- decrypting
// ------------------------------------------------------------------------------------------------

static bool has_id(const struct vault_secret *s, const struct vault_header *h)
{
    return h->id && h->id_len && strlen(s->id) == h->id_len && memcmp(s->id, h->id, h->id_len) == 0;
}

// Tries the secrets in their order: those the text names, or the others.
static int try_secrets(const struct vault *v, const struct vault_header *h, bool named,
                       const struct vault_parts *p, struct buf *out,
                       const struct vault_secret **used, struct err *e)
{
    for (size_t i = 0; i < v->n; i++) {
        if (has_id(&v->secrets[i], h) != named)
            continue;
        int rc = cipher_open(p, v->secrets[i].password, v->secrets[i].len, out, e);
        if (rc == 0)
            continue;
        if (rc > 0)
            *used = &v->secrets[i];
        return rc;
    }
    return 0;
}

static int open_parts(const struct vault *v, const struct vault_header *h,
                      const struct vault_parts *p, const char *name, struct buf *out,
                      const struct vault_secret **used, struct err *e)
{
    int rc = try_secrets(v, h, true, p, out, used, e);
    if (rc == 0 && !(v->match && h->id && h->id_len))
        rc = try_secrets(v, h, false, p, out, used, e);
    if (rc == 0)
        return err_set(e, ERR_FAILED, POS_NONE,
                       "Decryption failed (no vault secrets were found that could decrypt)%s%s",
                       name ? " on " : "", name ? name : "");
    return rc < 0 ? rc : 0;
}

int vault_decrypt(struct vault *v, const char *text, size_t len, const char *name, struct buf *out,
                  const struct vault_secret **ret_used, struct err *e)
{
    struct vault_header h;
    struct vault_parts p;
    const struct vault_secret *used = NULL;
    if (len > VAULT_MAX_SIZE)
        return err_set(e, ERR_LIMIT, POS_NONE, "the encrypted text is larger than %zu MB",
                       VAULT_MAX_SIZE >> 20);
    if (!vault_is_encrypted(text, len))
        return err_set(e, ERR_PARSE, POS_NONE, "input is not vault encrypted data. %s%s",
                       name ? name : "", name ? " is not a vault encrypted file" : "");
    int rc = vault_header_read(text, len, &h, e);
    if (rc < 0)
        return rc;
    if (h.cipher_len != 6 || memcmp(h.cipher, "AES256", 6) != 0)
        return err_set(e, ERR_PARSE, POS_NONE, "%.*s cipher could not be found",
                       h.cipher_len < 40 ? (int)h.cipher_len : 40, h.cipher);
    if (!v || !v->n)
        return err_set(e, ERR_FAILED, POS_NONE, "Attempting to decrypt but no vault secrets found");
    rc = envelope_read(text + h.size, len - h.size, &p, e);
    if (rc < 0)
        return rc;
    rc = open_parts(v, &h, &p, name, out, &used, e);
    envelope_release(&p);
    if (rc == 0 && ret_used)
        *ret_used = used;
    return rc;
}

// --- remembering
// -----------------------------------------------------------------------------------------------

static struct kept *find_kept(struct vault *v, const unsigned char *digest)
{
    struct kept *k = v->kept[digest[0]];
    while (k && memcmp(k->digest, digest, sizeof k->digest) != 0)
        k = k->next;
    return k;
}

static void keep(struct vault *v, const unsigned char *digest, const struct buf *plain)
{
    if (plain->len > KEPT_TOTAL / 4)
        return;
    if (v->kept_bytes + plain->len > KEPT_TOTAL)
        forget(v);
    struct kept *k = xcalloc(1, sizeof *k);
    memcpy(k->digest, digest, sizeof k->digest);
    buf_add(&k->plain, buf_str(plain), plain->len);
    k->next = v->kept[digest[0]];
    v->kept[digest[0]] = k;
    v->kept_bytes += plain->len;
}

int vault_reveal(struct vault *v, struct arena *a, const char *text, size_t len, const char *name,
                 const char **ret, size_t *ret_len, struct err *e)
{
    struct hash h;
    unsigned char digest[HASH_MAX];
    struct buf plain = BUF_INIT;
    hash_init(&h, HASH_SHA256);
    hash_update(&h, text, len);
    hash_final(&h, digest);
    const struct kept *known = v ? find_kept(v, digest) : NULL;
    int rc = known ? 0 : vault_decrypt(v, text, len, name, &plain, NULL, e);
    if (rc < 0)
        return rc;
    const struct buf *from = known ? &known->plain : &plain;
    *ret = arena_strndup(a, buf_str(from), from->len);
    *ret_len = from->len;
    if (!known)
        keep(v, digest, &plain);
    vault_wipe(&plain);
    return 0;
}

// --- encrypting
// ------------------------------------------------------------------------------------------------

int vault_encrypt(const char *password, size_t password_len, const char *id, const char *plain,
                  size_t len, const void *salt, size_t salt_len, struct buf *out, struct err *e)
{
    struct vault_parts p = {0};
    if (vault_is_encrypted(plain, len))
        return err_set(e, ERR_INVALID, POS_NONE, "input is already encrypted");
    if (len > VAULT_MAX_SIZE / 4)
        return err_set(e, ERR_LIMIT, POS_NONE, "more than %zu MB cannot be encrypted",
                       VAULT_MAX_SIZE / 4 >> 20);
    int rc = 0;
    if (salt) {
        buf_add(&p.salt, salt, salt_len);
    } else {
        rc = cipher_random(buf_reserve(&p.salt, VAULT_SALT_SIZE), VAULT_SALT_SIZE, e);
        p.salt.len = VAULT_SALT_SIZE;
    }
    if (rc == 0)
        rc = cipher_seal(&p, password, password_len, plain, len, e);
    if (rc == 0)
        envelope_write(out, id, &p);
    envelope_release(&p);
    return rc;
}
