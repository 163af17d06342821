// Digests by name: md5, sha1, sha224, sha256, sha384, sha512 (RFC 1321, FIPS 180-4). One-shot and
// streaming.
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

enum hash_alg { HASH_MD5, HASH_SHA1, HASH_SHA224, HASH_SHA256, HASH_SHA384, HASH_SHA512 };

#define HASH_MAX 64
#define HASH_HEX_MAX (2 * HASH_MAX + 1)

struct hash {
    enum hash_alg alg;
    uint64_t total; // bytes seen
    union {
        uint32_t w32[8];
        uint64_t w64[8];
    } h;
    unsigned char block[128];
    size_t fill;
};

// The algorithm called name ("sha256", case-insensitive, also "sha-256"), or -1.
int hash_by_name(const char *name);
// Bytes of a digest.
size_t hash_size(enum hash_alg alg);
void hash_init(struct hash *h, enum hash_alg alg);
void hash_update(struct hash *h, const void *data, size_t len);
// Writes hash_size() bytes; the hash must be initialised again before reuse.
void hash_final(struct hash *h, unsigned char out[HASH_MAX]);
// Lower-case hex of the digest of data, NUL-terminated.
void hash_hex(enum hash_alg alg, const void *data, size_t len, char out[HASH_HEX_MAX]);
// Hex of a file's content; ERR_NOENT or ERR_IO on failure.
int hash_file(enum hash_alg alg, const char *path, char out[HASH_HEX_MAX], struct err *e);
// Lower-case hex of n bytes.
void hash_to_hex(const unsigned char *in, size_t n, char *out);
// Base64 (RFC 4648, padded) of data appended to b; and back (white space skipped), <0 when
// malformed.
struct buf;
void base64_encode(struct buf *b, const void *data, size_t len);
int base64_decode(struct buf *b, const char *s, size_t len);

#endif
