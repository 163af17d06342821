// Whether a password of a PostgreSQL role is the one it has: MD5 and SCRAM-SHA-256 hashes.
#include "node/modules/postgres_password.h"

#include "core/buf.h"
#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

#define SHA256_LEN 32
#define SHA256_BLOCK 64
#define ITERATIONS_MAX 10000000L

static void hmac(const void *key, size_t key_len, const void *data, size_t len,
                 unsigned char out[HASH_MAX])
{
    unsigned char pad[SHA256_BLOCK] = {0}, inner[HASH_MAX];
    struct hash h;
    if (key_len > SHA256_BLOCK) {
        hash_init(&h, HASH_SHA256);
        hash_update(&h, key, key_len);
        hash_final(&h, inner);
        memcpy(pad, inner, SHA256_LEN);
    } else {
        memcpy(pad, key, key_len);
    }
    for (size_t i = 0; i < SHA256_BLOCK; i++)
        pad[i] ^= 0x36;
    hash_init(&h, HASH_SHA256);
    hash_update(&h, pad, SHA256_BLOCK);
    hash_update(&h, data, len);
    hash_final(&h, inner);
    for (size_t i = 0; i < SHA256_BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_init(&h, HASH_SHA256);
    hash_update(&h, pad, SHA256_BLOCK);
    hash_update(&h, inner, SHA256_LEN);
    hash_final(&h, out);
}

// PBKDF2 with one block of output (RFC 8018), which is what SCRAM calls Hi().
static void salted(const char *password, const struct buf *salt, long iterations,
                   unsigned char out[HASH_MAX])
{
    struct buf first = BUF_INIT;
    unsigned char u[HASH_MAX];
    buf_add(&first, salt->p, salt->len);
    buf_add(&first, "\0\0\0\1", 4);
    hmac(password, strlen(password), first.p, first.len, u);
    buf_release(&first);
    memcpy(out, u, SHA256_LEN);
    for (long i = 1; i < iterations; i++) {
        hmac(password, strlen(password), u, SHA256_LEN, u);
        for (size_t k = 0; k < SHA256_LEN; k++)
            out[k] ^= u[k];
    }
}

#define SCRAM "SCRAM-SHA-256$"

bool postgres_is_scram(const char *s)
{
    const char *colon = strchr(s, ':'), *dollar = colon ? strchr(colon, '$') : NULL;
    return strncmp(s, SCRAM, strlen(SCRAM)) == 0 && dollar && strchr(dollar, ':');
}

// SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY
static bool scram_matches(const char *password, const char *stored)
{
    char *end;
    long iterations = strtol(stored + strlen(SCRAM), &end, 10);
    struct buf salt = BUF_INIT, server_key = BUF_INIT;
    bool same = false;
    if (*end != ':' || iterations < 1 || iterations > ITERATIONS_MAX)
        return false;
    const char *dollar = strchr(end, '$'), *colon = dollar ? strchr(dollar, ':') : NULL;
    if (colon && base64_decode(&salt, end + 1, (size_t)(dollar - end - 1)) == 0 &&
        base64_decode(&server_key, colon + 1, strlen(colon + 1)) == 0 &&
        server_key.len == SHA256_LEN) {
        unsigned char key[HASH_MAX], proof[HASH_MAX];
        salted(password, &salt, iterations, key);
        hmac(key, SHA256_LEN, "Server Key", 10, proof);
        same = memcmp(proof, server_key.p, SHA256_LEN) == 0;
    }
    buf_release(&salt);
    buf_release(&server_key);
    return same;
}

static bool md5_matches(const char *user, const char *password, const char *stored)
{
    struct buf both = BUF_INIT;
    char hex[HASH_HEX_MAX];
    buf_addf(&both, "%s%s", password, user);
    hash_hex(HASH_MD5, both.p, both.len, hex);
    buf_release(&both);
    return strncmp(stored, "md5", 3) == 0 && strcmp(stored + 3, hex) == 0;
}

bool postgres_password_is(const char *user, const char *password, const char *stored,
                          bool encrypted)
{
    if (!*password)
        return !stored;
    if (!stored)
        return false;
    if (postgres_is_scram(password))
        return strcmp(password, stored) == 0;
    if (postgres_is_scram(stored))
        return scram_matches(password, stored);
    if (!encrypted || (strncmp(password, "md5", 3) == 0 && strlen(password) == 35))
        return strcmp(password, stored) == 0;
    return md5_matches(user, password, stored);
}
