// The text around what is encrypted: a header line, then lines of hexadecimal digits that stand for
// three more hexadecimal numbers, salt, HMAC and cipher text, one per line.
#include "vault/internal.h"

#include <string.h>

#define LINE 80

bool vault_is_encrypted(const char *text, size_t len)
{
    size_t n = strlen(VAULT_HEADER);
    if (len < n || memcmp(text, VAULT_HEADER, n) != 0)
        return false;
    for (size_t i = n; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

static size_t line_length(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[n] != '\n' && s[n] != '\r')
        n++;
    return n;
}

static void trim(const char **s, size_t *len)
{
    while (*len && strchr(" \t\v\f", **s)) {
        ++*s;
        --*len;
    }
    while (*len && strchr(" \t\v\f", (*s)[*len - 1]))
        --*len;
}

int vault_header_read(const char *text, size_t len, struct vault_header *ret, struct err *e)
{
    struct vault_header h = {0};
    size_t n = line_length(text, len), fields = 0;
    for (size_t from = 0; from <= n; fields++) {
        const char *end = memchr(text + from, ';', n - from), *s = text + from;
        size_t size = end ? (size_t)(end - s) : n - from;
        from += size + 1;
        trim(&s, &size);
        if (fields == 1)
            h.version = s, h.version_len = size;
        else if (fields == 2)
            h.cipher = s, h.cipher_len = size;
        else if (fields == 3)
            h.id = s, h.id_len = size;
    }
    if (fields < 3)
        return err_set(e, ERR_PARSE, POS_NONE,
                       "Vault envelope format error: the first line must be %s;VERSION;CIPHER",
                       VAULT_HEADER);
    h.size = n;
    if (h.size < len)
        h.size += text[n] == '\r' && n + 1 < len && text[n + 1] == '\n' ? 2 : 1;
    *ret = h;
    return 0;
}

// --- hexadecimal
// -----------------------------------------------------------------------------------------------

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Appends the bytes that s stands for; line ends are passed over.
static int unhex(struct buf *out, const char *s, size_t len, struct err *e)
{
    int high = -1;
    buf_reserve(out, len / 2 + 1);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n' || s[i] == '\r')
            continue;
        int d = digit(s[i]);
        if (d < 0)
            return err_set(e, ERR_PARSE, POS_NONE,
                           "Vault format unhexlify error: Non-hexadecimal digit found");
        if (high >= 0)
            buf_addc(out, (char)(high << 4 | d));
        high = high < 0 ? d : -1;
    }
    if (high >= 0)
        return err_set(e, ERR_PARSE, POS_NONE, "Vault format unhexlify error: Odd-length string");
    return 0;
}

static void hex(struct buf *out, const char *s, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    buf_reserve(out, len * 2 + 1);
    for (size_t i = 0; i < len; i++) {
        buf_addc(out, digits[(unsigned char)s[i] >> 4]);
        buf_addc(out, digits[s[i] & 15]);
    }
}

// --- reading and writing
// ---------------------------------------------------------------------------------------

void envelope_release(struct vault_parts *p)
{
    buf_release(&p->salt);
    buf_release(&p->body);
}

static int read_parts(const struct buf *outer, struct vault_parts *ret, struct err *e)
{
    const char *s = buf_str(outer), *end = s + outer->len;
    const char *mac = memchr(s, '\n', outer->len);
    const char *body = mac ? memchr(mac + 1, '\n', (size_t)(end - mac - 1)) : NULL;
    if (!body)
        return err_set(e, ERR_PARSE, POS_NONE,
                       "Vault vaulttext format error: salt, HMAC and cipher text are not there");
    struct buf raw = BUF_INIT;
    int rc = unhex(&ret->salt, s, (size_t)(mac - s), e);
    if (rc == 0)
        rc = unhex(&raw, mac + 1, (size_t)(body - mac - 1), e);
    if (rc == 0)
        rc = unhex(&ret->body, body + 1, (size_t)(end - body - 1), e);
    // an HMAC of another length fits no password
    if (rc == 0 && raw.len == VAULT_MAC_SIZE)
        memcpy(ret->mac, raw.p, VAULT_MAC_SIZE);
    buf_release(&raw);
    return rc;
}

int envelope_read(const char *text, size_t len, struct vault_parts *ret, struct err *e)
{
    struct buf outer = BUF_INIT;
    *ret = (struct vault_parts){0};
    int rc = unhex(&outer, text, len, e);
    if (rc == 0)
        rc = read_parts(&outer, ret, e);
    buf_release(&outer);
    if (rc < 0)
        envelope_release(ret);
    return rc;
}

void envelope_write(struct buf *out, const char *id, const struct vault_parts *p)
{
    struct buf inner = BUF_INIT, outer = BUF_INIT;
    hex(&inner, buf_str(&p->salt), p->salt.len);
    buf_addc(&inner, '\n');
    hex(&inner, (const char *)p->mac, VAULT_MAC_SIZE);
    buf_addc(&inner, '\n');
    hex(&inner, buf_str(&p->body), p->body.len);
    hex(&outer, buf_str(&inner), inner.len);
    if (id && strcmp(id, "default") != 0 && *id)
        buf_addf(out, VAULT_HEADER ";1.2;AES256;%s\n", id);
    else
        buf_adds(out, VAULT_HEADER ";1.1;AES256\n");
    for (size_t i = 0; i < outer.len; i += LINE) {
        buf_add(out, buf_str(&outer) + i, outer.len - i < LINE ? outer.len - i : LINE);
        buf_addc(out, '\n');
    }
    buf_release(&inner);
    buf_release(&outer);
}
