// Filters that encode and digest: b64encode, b64decode, hash, md5, sha1, checksum, to_uuid,
// password_hash.
#include "core/hash.h"
#include "template/passwords.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// b64encode: Base64 of the text.
BUILTIN(filter_b64encode)
{
    struct text enc = text_lit("utf-8");
    int rc = args_read(c, e, "encoding:t", &enc);
    if (rc < 0)
        return rc;
    struct value bytes = c->self;
    if (bytes.type != VALUE_STRING || !(bytes.flags & VALUE_BYTES))
        rc = text_encode(c, text_of(c, &c->self), enc, &bytes, e);
    if (rc < 0)
        return rc;
    struct text in = {bytes.u.str.s, bytes.u.str.len};
    struct buf b = call_buf(c);
    base64_encode(&b, in.s, in.len);
    *ret = take_buf(c, &b);
    return 0;
}

// The Base64 characters of t as Python reads them: others are skipped, as is "=" unless it fills
// four up, which is the end. Returns how many there are; clean gets their padding too where t has
// it.
static size_t base64_letters(struct text t, struct buf *clean)
{
    size_t n = 0, pads = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.s[i] == '=' && n % 4 >= 2 && n % 4 + ++pads == 4) {
            buf_fill(clean, '=', pads);
            break;
        }
        if (!isalnum((unsigned char)t.s[i]) && t.s[i] != '+' && t.s[i] != '/')
            continue;
        buf_addc(clean, t.s[i]);
        pads = 0;
        n++;
    }
    return n;
}

// b64decode: The text that Base64 stands for.
BUILTIN(filter_b64decode)
{
    struct text enc = text_lit("utf-8");
    int rc = args_read(c, e, "encoding:t", &enc);
    if (rc < 0)
        return rc;
    struct buf clean = BUF_INIT, out = BUF_INIT;
    size_t n = base64_letters(bare_text_of(c, &c->self), &clean);
    rc = base64_decode(&out, buf_str(&clean), clean.len);
    buf_release(&clean);
    if (rc < 0 && n % 4 == 1) {
        buf_release(&out);
        return fail_with(c, e,
                         "Invalid base64-encoded string: number of data characters (%zu) cannot be "
                         "1 more than a multiple of 4",
                         n);
    }
    if (rc < 0) {
        buf_release(&out);
        return fail_with(c, e, "Incorrect padding");
    }
    struct value bytes = take_buf(c, &out);
    return text_decode(c, (struct text){bytes.u.str.s, bytes.u.str.len}, enc, ret, e);
}

static int digest(struct call *c, int alg, struct value *ret)
{
    char hex[HASH_HEX_MAX];
    struct text t = bare_text_of(c, &c->self);
    hash_hex((enum hash_alg)alg, t.s, t.len, hex);
    *ret = value_str(c->arena, hex);
    return 0;
}

// hash: Hex digest by hashtype (sha1 unless given).
BUILTIN(filter_hash)
{
    struct text type = text_lit("sha1");
    int rc = args_read(c, e, "hashtype:t", &type);
    if (rc < 0)
        return rc;
    int alg = hash_by_name(type.s);
    if (alg < 0)
        return fail_with(c, e, "unsupported hash type %s", type.s);
    return digest(c, alg, ret);
}

// md5: MD5 in hex.
BUILTIN(filter_md5)
{
    int rc = args_none(c, e);
    return rc < 0 ? rc : digest(c, HASH_MD5, ret);
}

// sha1, checksum: SHA-1 in hex.
BUILTIN(filter_sha1)
{
    int rc = args_none(c, e);
    return rc < 0 ? rc : digest(c, HASH_SHA1, ret);
}

// Reads 32 hex digits with dashes, braces and "urn:uuid:" anywhere.
static bool parse_uuid(struct text t, unsigned char out[16])
{
    size_t n = 0;
    if (str_starts(t, text_lit("urn:")))
        t = (struct text){t.s + 4, t.len - 4};
    if (str_starts(t, text_lit("uuid:")))
        t = (struct text){t.s + 5, t.len - 5};
    for (size_t i = 0; i < t.len; i++) {
        if (strchr("-{}", t.s[i]) && t.s[i])
            continue;
        if (!isxdigit((unsigned char)t.s[i]) || n >= 32)
            return false;
        int d = isdigit((unsigned char)t.s[i]) ? t.s[i] - '0'
                                               : tolower((unsigned char)t.s[i]) - 'a' + 10;
        out[n / 2] = (unsigned char)(n % 2 ? out[n / 2] | d : d << 4);
        n++;
    }
    return n == 32;
}

// to_uuid: The version 5 UUID of the text in a namespace (Ansible's unless given).
BUILTIN(filter_to_uuid)
{
    struct text ns = text_lit("361E6D51-FAEC-444A-9079-341386DA8E2E");
    unsigned char space[16], d[HASH_MAX];
    int rc = args_read(c, e, "namespace:t", &ns);
    if (rc < 0)
        return rc;
    if (!parse_uuid(ns, space))
        return fail_with(
            c, e, "Invalid value '%s' for 'namespace': badly formed hexadecimal UUID string", ns.s);
    struct text t = bare_text_of(c, &c->self);
    struct hash h;
    hash_init(&h, HASH_SHA1);
    hash_update(&h, space, 16);
    hash_update(&h, t.s, t.len);
    hash_final(&h, d);
    d[6] = (unsigned char)((d[6] & 0x0f) | 0x50);
    d[8] = (unsigned char)((d[8] & 0x3f) | 0x80);
    char hex[33];
    hash_to_hex(d, 16, hex);
    *ret = value_strf(c->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                      hex + 20);
    return 0;
}

// password_hash: A password as crypt(3) keeps it: sha512, sha256, md5 or blowfish.
BUILTIN(filter_password_hash)
{
    struct text type = text_lit("sha512");
    const struct value *salt = NULL, *size = NULL, *rounds = NULL, *ident = NULL;
    struct password_opts o = {0};
    int rc = args_read(c, e, "hashtype:t salt:v salt_size:v rounds:v ident:v", &type, &salt, &size,
                       &rounds, &ident);
    if (rc < 0)
        return rc;
    if (salt && salt->type != VALUE_NULL)
        o.salt = text_of(c, salt).s;
    if (ident && ident->type != VALUE_NULL)
        o.ident = text_of(c, ident).s;
    if (size && size->type != VALUE_NULL)
        rc = index_of(c, size, &o.salt_size, e);
    if (rc >= 0 && rounds && rounds->type != VALUE_NULL)
        rc = index_of(c, rounds, &o.rounds, e);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "crypt() argument 1 must be str, not %s", value_type_name(&c->self));
    rc = password_hash(c, text_of(c, &c->self), type.s, &o, ret, e);
    if (rc == ERR_FAILED && e) { // Ansible says it twice
        const char *msg = arena_strdup(c->arena, err_msg(e));
        fail_with(c, e, "%s. %s", msg, msg);
    }
    return rc;
}
