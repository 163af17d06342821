// crypt(3) behind Ansible's names for the schemes; encodings by hand, as there are few.
#include "template/passwords.h"

#include "template/pyrandom.h"
#include "template/unicode.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char salt_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";

static const struct scheme {
    const char *name, *alias, *id;
    int64_t salt_size, implicit_rounds;
    bool exact;
} schemes[] = {
    {"md5", "md5_crypt", "1", 8, 0, false},
    {"blowfish", "bcrypt", "2b", 22, 12, true},
    {"sha256", "sha256_crypt", "5", 16, 535000, false},
    {"sha512", "sha512_crypt", "6", 16, 656000, false},
};

static const struct scheme *scheme_find(const char *name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(name, schemes[i].name) == 0 || strcmp(name, schemes[i].alias) == 0)
            return &schemes[i];
    return NULL;
}

int64_t password_salt_size(const char *name)
{
    const struct scheme *s = scheme_find(name);
    return s ? s->salt_size : 8;
}

int password_hash(struct call *c, struct text password, const char *name,
                  const struct password_opts *o, struct value *ret, struct err *e)
{
    const struct scheme *s = scheme_find(name);
    if (!s)
        return fail_with(c, e, "crypt.crypt does not support '%s' algorithm", name);
    struct buf salt = BUF_INIT;
    int64_t size = o->salt_size ? o->salt_size : s->salt_size;
    if (o->salt && *o->salt) {
        buf_adds(&salt, o->salt);
    } else {
        struct pyrandom r;
        pyrandom_system(&r);
        pyrandom_text(&r, (struct text){salt_chars, sizeof salt_chars - 1}, size > 64 ? 64 : size,
                      &salt);
    }
    bool valid =
        strspn(buf_str(&salt), salt_chars) == salt.len && strlen(buf_str(&salt)) == salt.len;
    bool fits = s->exact ? (int64_t)salt.len == s->salt_size : (int64_t)salt.len <= s->salt_size;
    if (!valid || !fits) {
        buf_release(&salt);
        return fail_with(c, e, valid ? "invalid salt size" : "invalid characters in salt");
    }
    char *setting;
    if (s->exact)
        setting = arena_printf(c->arena, "$%s$%02d$%s", o->ident ? o->ident : s->id,
                               (int)(o->rounds ? o->rounds : s->implicit_rounds), buf_str(&salt));
    else if (o->rounds && o->rounds != s->implicit_rounds)
        setting = arena_printf(c->arena, "$%s$rounds=%lld$%s", s->id, (long long)o->rounds,
                               buf_str(&salt));
    else
        setting = arena_printf(c->arena, "$%s$%s", s->id, buf_str(&salt));
    buf_release(&salt);
    struct crypt_data *data = xcalloc(1, sizeof *data);
    const char *hash = crypt_rn(password.s, setting, data, (int)sizeof *data);
    int rc = 0;
    if (hash && *hash != '*')
        *ret = value_str(c->arena, hash);
    else
        rc = fail_with(c, e, "crypt.crypt does not support '%s' algorithm", s->alias);
    explicit_bzero(data, sizeof *data);
    free(data);
    return rc;
}

enum encoding {
    ENC_UTF8,
    ENC_ASCII,
    ENC_LATIN1,
    ENC_UTF16,
    ENC_UTF16LE,
    ENC_UTF16BE,
    ENC_UTF32,
    ENC_UNKNOWN
};

static enum encoding encoding_of(struct text name)
{
    static const struct {
        const char *name;
        enum encoding enc;
    } names[] = {
        {"utf8", ENC_UTF8},       {"ascii", ENC_ASCII},     {"usascii", ENC_ASCII},
        {"latin1", ENC_LATIN1},   {"iso88591", ENC_LATIN1}, {"utf16", ENC_UTF16},
        {"utf16le", ENC_UTF16LE}, {"utf16be", ENC_UTF16BE}, {"utf32", ENC_UTF32},
        {"u8", ENC_UTF8},
    };
    char tmp[32];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n + 1 < sizeof tmp; i++)
        if (name.s[i] != '-' && name.s[i] != '_')
            tmp[n++] = (char)tolower((unsigned char)name.s[i]);
    tmp[n] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(tmp, names[i].name) == 0)
            return names[i].enc;
    return ENC_UNKNOWN;
}

static void add_unit(struct buf *b, uint32_t u, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(b, (char)(u >> (8 * (big ? bytes - 1 - i : i))));
}

// The C library's table of encodings, for those that are not built in. name is the one asked for.
static int convert(struct call *c, struct text t, const char *from, const char *to,
                   const char *name, struct value *ret, struct err *e)
{
    iconv_t cd = iconv_open(to, from);
    struct buf b = BUF_INIT;
    char piece[4096], *in = (char *)(uintptr_t)t.s;
    size_t left = t.len, rc = 0;
    if (cd == (iconv_t)-1)
        return fail_with(c, e, "unknown encoding: %s", name);
    do {
        char *out = piece;
        size_t room = sizeof piece;
        rc = left ? iconv(cd, &in, &left, &out, &room) : iconv(cd, NULL, NULL, &out, &room);
        buf_add(&b, piece, sizeof piece - room);
    } while (left && (rc != (size_t)-1 || errno == E2BIG));
    iconv_close(cd);
    if (left) {
        buf_release(&b);
        return fail_with(c, e, "'%s' codec can't convert the text at position %zu", name,
                         t.len - left);
    }
    *ret = take_buf(c, &b);
    return 0;
}

int text_encode(struct call *c, struct text t, struct text name, struct value *ret, struct err *e)
{
    enum encoding enc = encoding_of(name);
    struct buf b = BUF_INIT;
    if (enc == ENC_UNKNOWN)
        return convert(c, t, "UTF-8", name.s, name.s, ret, e);
    if (enc == ENC_UTF16)
        add_unit(&b, 0xFEFF, 2, false);
    if (enc == ENC_UTF32)
        add_unit(&b, 0xFEFF, 4, false);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        if (enc == ENC_UTF8) {
            utf8_add(&b, cp);
        } else if (enc == ENC_ASCII || enc == ENC_LATIN1) {
            if (cp > (enc == ENC_ASCII ? 0x7Fu : 0xFFu)) {
                buf_release(&b);
                return fail_with(c, e,
                                 "'%s' codec can't encode character '\\u%04x' in position %zu: "
                                 "ordinal not in range(%d)",
                                 enc == ENC_ASCII ? "ascii" : "latin-1", cp,
                                 utf8_count(t.s, (size_t)(p - t.s)) - 1,
                                 enc == ENC_ASCII ? 128 : 256);
            }
            buf_addc(&b, (char)cp);
        } else if (enc == ENC_UTF32) {
            add_unit(&b, cp, 4, false);
        } else if (cp > 0xFFFF) {
            add_unit(&b, 0xD800 + ((cp - 0x10000) >> 10), 2, enc == ENC_UTF16BE);
            add_unit(&b, 0xDC00 + ((cp - 0x10000) & 0x3FF), 2, enc == ENC_UTF16BE);
        } else {
            add_unit(&b, cp, 2, enc == ENC_UTF16BE);
        }
    }
    *ret = take_buf(c, &b);
    return 0;
}

static uint32_t unit_at(struct text t, size_t at, int bytes, bool big)
{
    uint32_t u = 0;
    for (int i = 0; i < bytes; i++)
        u |= (uint32_t)(unsigned char)t.s[at + (size_t)i] << (8 * (big ? bytes - 1 - i : i));
    return u;
}

static void decode_wide(struct text t, int bytes, bool big, bool bom, struct buf *b)
{
    size_t step = (size_t)bytes;
    for (size_t i = 0; i + step <= t.len; i += step) {
        uint32_t cp = unit_at(t, i, bytes, big);
        if (bom && i == 0 && (cp == 0xFEFF || cp == (bytes == 2 ? 0xFFFEu : 0xFFFE0000u))) {
            big = cp == 0xFEFF ? big : !big;
            continue;
        }
        if (bytes == 2 && cp >= 0xD800 && cp < 0xDC00 && i + 2 * step <= t.len) {
            i += step;
            cp = 0x10000 + ((cp - 0xD800) << 10) + (unit_at(t, i, 2, big) - 0xDC00);
        }
        utf8_add(b, cp);
    }
}

int text_decode(struct call *c, struct text t, struct text name, struct value *ret, struct err *e)
{
    enum encoding enc = encoding_of(name);
    struct buf b = BUF_INIT;
    switch (enc) {
    case ENC_UTF8:
    case ENC_ASCII:
        buf_add(&b, t.s, t.len);
        break;
    case ENC_LATIN1:
        for (size_t i = 0; i < t.len; i++)
            utf8_add(&b, (unsigned char)t.s[i]);
        break;
    case ENC_UTF16:
    case ENC_UTF16LE:
    case ENC_UTF16BE:
        decode_wide(t, 2, enc == ENC_UTF16BE, enc == ENC_UTF16, &b);
        break;
    case ENC_UTF32:
        decode_wide(t, 4, false, true, &b);
        break;
    case ENC_UNKNOWN:
        return convert(c, t, name.s, "UTF-8", name.s, ret, e);
    }
    *ret = take_buf(c, &b);
    return 0;
}
