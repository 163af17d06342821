// Signed notes: a text, a blank line, and lines "— NAME BASE64" where the base64 is of the key's id
// and the signature.
#include "ledger/note.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ED25519 1 // the algorithm's byte
#define DASH "\xe2\x80\x94 "
#define SIGNATURE 64

// --- names and ids
// ------------------------------------------------------------------------------------

static bool is_space(uint32_t c)
{
    return c <= 0x20 || c == 0x7f || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool name_ok(const char *s, size_t len)
{
    const char *end = s + len;
    if (!len || len > NOTE_NAME_MAX || !utf8_valid(s, len))
        return false;
    while (s < end) {
        uint32_t c = utf8_next(&s, end);
        if (is_space(c) || c == '+')
            return false;
    }
    return true;
}

bool note_name_ok(const char *name)
{
    return name_ok(name, strlen(name));
}

static void key_id(struct note_verifier *v)
{
    struct hash h;
    unsigned char out[HASH_MAX];
    hash_init(&h, HASH_SHA256);
    hash_update(&h, v->name, strlen(v->name));
    hash_update(&h, "\n\1", 2);
    hash_update(&h, v->key, sizeof v->key);
    hash_final(&h, out);
    memcpy(v->id, out, sizeof v->id);
}

// Base64 as it must be written: padded, nothing else in it. The bytes, or -1 when they are not n.
static int decode(const char *s, size_t len, unsigned char *ret, size_t n)
{
    struct buf data = BUF_INIT, again = BUF_INIT;
    int rc = base64_decode(&data, s, len) == 0 && data.len == n ? 0 : -1;
    if (rc == 0) {
        base64_encode(&again, data.p, data.len);
        rc = again.len == len && memcmp(again.p, s, len) == 0 ? 0 : -1;
    }
    if (rc == 0)
        memcpy(ret, data.p, n);
    buf_release(&data);
    buf_release(&again);
    return rc;
}

// --- keys
// ---------------------------------------------------------------------------------------------

int note_key_make(const char *path, struct err *e)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;
    int rc = 0;
    if (!key || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        rc = err_set(e, ERR_IO, POS_NONE, "no key can be made for '%s'", path);
    } else if (access(path, F_OK) < 0) {
        long n = BIO_get_mem_data(bio, &text);
        rc = file_write_atomic(path, text, (size_t)n, 0600, e);
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return rc;
}

static EVP_PKEY *read_key(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (!f) {
        err_set(e, errno == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE,
                "the ledger's key '%s' cannot be read: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        err_set(e, ERR_INVALID, POS_NONE, "'%s' is no Ed25519 key", path);
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

int note_signer_load(const char *path, const char *name, struct note_signer *ret, struct err *e)
{
    struct note_signer s = {.key = read_key(path, e)};
    size_t len = sizeof s.verifier.key;
    if (!s.key)
        return ERR_IO;
    if (!note_name_ok(name) || EVP_PKEY_get_raw_public_key(s.key, s.verifier.key, &len) != 1) {
        EVP_PKEY_free(s.key);
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' cannot be the name of a key", name);
    }
    memcpy(s.verifier.name, name, strlen(name) + 1);
    key_id(&s.verifier);
    *ret = s;
    return 0;
}

void note_signer_release(struct note_signer *s)
{
    EVP_PKEY_free(s->key);
    *s = (struct note_signer){0};
}

void note_vkey(struct buf *b, const struct note_verifier *v)
{
    unsigned char key[1 + sizeof v->key] = {ED25519};
    char id[2 * sizeof v->id + 1];
    memcpy(key + 1, v->key, sizeof v->key);
    hash_to_hex(v->id, sizeof v->id, id);
    buf_addf(b, "%s+%s+", v->name, id);
    base64_encode(b, key, sizeof key);
}

int note_vkey_parse(const char *text, struct note_verifier *ret, struct err *e)
{
    struct note_verifier v = {0};
    unsigned char key[1 + sizeof v.key];
    char id[2 * sizeof v.id + 1];
    const char *p = strchr(text, '+'), *q = p ? strchr(p + 1, '+') : NULL;
    if (!q || !name_ok(text, (size_t)(p - text)) ||
        decode(q + 1, strlen(q + 1), key, sizeof key) < 0 || key[0] != ED25519)
        goto bad;
    memcpy(v.name, text, (size_t)(p - text));
    memcpy(v.key, key + 1, sizeof v.key);
    key_id(&v);
    hash_to_hex(v.id, sizeof v.id, id);
    if ((size_t)(q - p) != sizeof id || memcmp(p + 1, id, sizeof id - 1) != 0)
        goto bad;
    *ret = v;
    return 0;
bad:
    return err_set(e, ERR_PARSE, POS_NONE,
                   "'%.200s' is no public key of a ledger (NAME+ID+KEY, as 'andon ledger key' "
                   "prints it)",
                   text);
}

// --- signing and verifying
// ----------------------------------------------------------------------------

int note_cosign(const struct note_signer *s, const char *text, struct buf *ret, struct err *e)
{
    unsigned char sig[sizeof s->verifier.id + SIGNATURE];
    size_t len = SIGNATURE;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) == 1 &&
              EVP_DigestSign(ctx, sig + sizeof s->verifier.id, &len, (const unsigned char *)text,
                             strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok || len != SIGNATURE)
        return err_set(e, ERR_IO, POS_NONE, "the ledger's key does not sign");
    memcpy(sig, s->verifier.id, sizeof s->verifier.id);
    buf_addf(ret, DASH "%s ", s->verifier.name);
    base64_encode(ret, sig, sizeof sig);
    buf_addc(ret, '\n');
    return 0;
}

int note_sign(const struct note_signer *s, const char *text, struct buf *ret, struct err *e)
{
    buf_addf(ret, "%s\n", text);
    return note_cosign(s, text, ret, e);
}

static bool signature_ok(const struct note_verifier *v, const unsigned char *sig, const char *text,
                         size_t len)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, v->key, sizeof v->key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, sig, SIGNATURE, (const unsigned char *)text, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

// Where the signatures begin: behind the last blank line.
static const char *find_signatures(const char *note, size_t len)
{
    if (len < 3 || len > NOTE_MAX || note[len - 1] != '\n' || !utf8_valid(note, len))
        return NULL;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)note[i] < 0x20 && note[i] != '\n')
            return NULL;
    for (size_t i = len - 1; i > 0; i--)
        if (note[i] == '\n' && note[i - 1] == '\n')
            return i + 1 < len ? note + i + 1 : NULL;
    return NULL;
}

enum line { LINE_BAD, LINE_FOREIGN, LINE_WRONG, LINE_GOOD };

// One line of signatures, without its newline.
static enum line look_at(const char *line, size_t len, const struct note_verifier *v,
                         const char *text, size_t text_len)
{
    const size_t dash = sizeof DASH - 1;
    unsigned char sig[sizeof v->id + SIGNATURE];
    const char *name = line + dash, *end = line + len;
    if (len < dash || memcmp(line, DASH, dash) != 0)
        return LINE_BAD;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    if (!blank || blank + 1 == end || !name_ok(name, (size_t)(blank - name)))
        return LINE_BAD;
    if ((size_t)(blank - name) != strlen(v->name) ||
        memcmp(name, v->name, (size_t)(blank - name)) != 0)
        return LINE_FOREIGN;
    if (decode(blank + 1, (size_t)(end - blank - 1), sig, sizeof sig) < 0 ||
        memcmp(sig, v->id, sizeof v->id) != 0)
        return LINE_FOREIGN; // of another key of this name
    return signature_ok(v, sig + sizeof v->id, text, text_len) ? LINE_GOOD : LINE_WRONG;
}

int note_verify(const char *note, size_t len, const struct note_verifier *v, size_t *ret_text_len,
                struct err *e)
{
    const char *p = find_signatures(note, len), *end = note + len;
    size_t text_len = p ? (size_t)(p - note) - 1 : 0;
    bool good = false;
    for (int n = 0; p && p < end; n++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        enum line kind = n < NOTE_SIGNATURES_MAX
                             ? look_at(p, (size_t)(newline - p), v, note, text_len)
                             : LINE_BAD;
        if (kind == LINE_BAD)
            p = NULL;
        else if (kind == LINE_WRONG)
            return err_set(e, ERR_INVALID, POS_NONE, "the signature of '%s' is wrong", v->name);
        else
            p = newline + 1;
        good = good || kind == LINE_GOOD;
    }
    if (!p)
        return err_set(e, ERR_PARSE, POS_NONE, "this is no signed note");
    if (!good)
        return err_set(e, ERR_INVALID, POS_NONE, "the note is not signed by '%s'", v->name);
    *ret_text_len = text_len;
    return 0;
}

// --- checkpoints
// --------------------------------------------------------------------------------------

void note_checkpoint_text(struct buf *b, const struct note_checkpoint *c)
{
    buf_addf(b, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    base64_encode(b, c->root.b, sizeof c->root.b);
    buf_addc(b, '\n');
}

static bool read_size(const char *s, size_t len, uint64_t *ret)
{
    uint64_t n = 0;
    if (!len || len > 18 || (s[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    *ret = n;
    return true;
}

int note_checkpoint_parse(const char *text, size_t len, struct note_checkpoint *ret, struct err *e)
{
    struct note_checkpoint c = {0};
    const char *line[3], *p = text, *end = text + len;
    size_t n[3];
    for (int i = 0; i < 3; i++) {
        const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!newline)
            goto bad;
        line[i] = p;
        n[i] = (size_t)(newline - p);
        p = newline + 1;
    }
    if (!n[0] || n[0] > NOTE_NAME_MAX || memchr(line[0], '\0', n[0]) ||
        !read_size(line[1], n[1], &c.size) || decode(line[2], n[2], c.root.b, sizeof c.root.b) < 0)
        goto bad;
    memcpy(c.origin, line[0], n[0]);
    *ret = c;
    return 0;
bad:
    return err_set(e, ERR_PARSE, POS_NONE, "this is no checkpoint of a ledger");
}
