// AES256 as Ansible means it: keys by PBKDF2 with SHA-256, AES in counter mode over text padded as
// PKCS 7 says, HMAC with SHA-256 over what comes out.
#include "vault/internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 10000
#define BLOCK 16
#define KEY 32

struct keys {
    unsigned char cipher[KEY], mac[KEY], counter[BLOCK];
};

static int fail(struct err *e, const char *what)
{
    return err_set(e, ERR_FAILED, POS_NONE, "%s failed in libcrypto", what);
}

static int derive(const char *password, size_t len, const struct buf *salt, struct keys *ret,
                  struct err *e)
{
    const unsigned char *s = (const unsigned char *)buf_str(salt);
    if (len > INT32_MAX || salt->len > INT32_MAX ||
        PKCS5_PBKDF2_HMAC(password, (int)len, s, (int)salt->len, ROUNDS, EVP_sha256(), sizeof *ret,
                          (unsigned char *)ret) != 1)
        return fail(e, "deriving a key");
    return 0;
}

// Counter mode is the same both ways.
static int crypt(const struct keys *k, const void *in, size_t len, unsigned char *out,
                 struct err *e)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const unsigned char *from = in;
    int n, ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_ctr(), NULL, k->cipher, k->counter) == 1;
    while (ok && len) {
        int piece = len < 1 << 20 ? (int)len : 1 << 20;
        ok = EVP_EncryptUpdate(c, out, &n, from, piece) == 1 && n == piece;
        from += piece;
        out += piece;
        len -= (size_t)piece;
    }
    EVP_CIPHER_CTX_free(c);
    return ok ? 0 : fail(e, "AES");
}

static int authenticate(const struct keys *k, const struct buf *body, unsigned char *mac,
                        struct err *e)
{
    unsigned n = VAULT_MAC_SIZE;
    if (!HMAC(EVP_sha256(), k->mac, KEY, (const unsigned char *)buf_str(body), body->len, mac, &n))
        return fail(e, "HMAC");
    return 0;
}

// Takes the padding off: its last byte says how many there are, all alike.
static int unpad(struct buf *out, size_t start, struct err *e)
{
    const unsigned char *p = (const unsigned char *)out->p + start;
    size_t len = out->len - start;
    unsigned n = len ? p[len - 1] : 0;
    bool good = len % BLOCK == 0 && n >= 1 && n <= BLOCK;
    for (size_t i = 0; good && i < n; i++)
        good = p[len - 1 - i] == n;
    if (!good)
        return err_set(e, ERR_PARSE, POS_NONE, "Invalid padding bytes.");
    out->len -= n;
    OPENSSL_cleanse(out->p + out->len, n);
    return 0;
}

int cipher_open(const struct vault_parts *p, const char *password, size_t len, struct buf *out,
                struct err *e)
{
    struct keys k;
    unsigned char mac[VAULT_MAC_SIZE];
    int rc = derive(password, len, &p->salt, &k, e);
    if (rc == 0)
        rc = authenticate(&k, &p->body, mac, e);
    bool fits = rc == 0 && CRYPTO_memcmp(mac, p->mac, sizeof mac) == 0;
    if (fits) {
        size_t start = out->len;
        unsigned char *to = (unsigned char *)buf_reserve(out, p->body.len + 1);
        rc = crypt(&k, buf_str(&p->body), p->body.len, to, e);
        if (rc == 0) {
            out->len += p->body.len;
            rc = unpad(out, start, e);
            if (rc < 0)
                out->len = start;
            out->p[out->len] = '\0';
        }
    }
    OPENSSL_cleanse(&k, sizeof k);
    return rc < 0 ? rc : fits;
}

int cipher_seal(struct vault_parts *p, const char *password, size_t password_len, const char *plain,
                size_t len, struct err *e)
{
    struct keys k;
    size_t padding = BLOCK - len % BLOCK, total = len + padding;
    int rc = derive(password, password_len, &p->salt, &k, e);
    if (rc < 0)
        return rc;
    unsigned char *padded = xmalloc(total), *to = (unsigned char *)buf_reserve(&p->body, total);
    memcpy(padded, plain, len);
    memset(padded + len, (int)padding, padding);
    rc = crypt(&k, padded, total, to, e);
    p->body.len += total;
    if (rc == 0)
        rc = authenticate(&k, &p->body, p->mac, e);
    OPENSSL_cleanse(padded, total);
    OPENSSL_cleanse(&k, sizeof k);
    free(padded);
    return rc;
}

int cipher_random(void *out, size_t n, struct err *e)
{
    return RAND_bytes(out, (int)n) == 1 ? 0 : fail(e, "the random number generator");
}

void vault_wipe(struct buf *b)
{
    if (b->p)
        OPENSSL_cleanse(b->p, b->cap);
    buf_release(b);
}
