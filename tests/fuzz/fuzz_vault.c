// Fuzz target: any bytes as an encrypted text. The first byte chooses whether the rest is taken as
// it is or put behind a good header; what decrypts must encrypt to something that decrypts again.
#include "fuzz/fuzz.h"
#include "vault/vault.h"

#include <string.h>

static void attempt(struct vault *v, const char *text, size_t len)
{
    struct buf plain = BUF_INIT, again = BUF_INIT, back = BUF_INIT;
    struct err e = ERR_INIT;
    struct vault_header h;
    if (vault_header_read(text, len, &h, NULL) == 0 && h.size > len)
        __builtin_trap();
    int rc = vault_decrypt(v, text, len, "input", &plain, NULL, &e);
    if (rc < 0 && (!e.code || plain.len))
        __builtin_trap();
    if (rc == 0 && !vault_is_encrypted(buf_str(&plain), plain.len)) {
        if (vault_encrypt("fuzz", 4, "id", buf_str(&plain), plain.len, NULL, 0, &again, &e) < 0 ||
            vault_decrypt(v, buf_str(&again), again.len, NULL, &back, NULL, &e) < 0 ||
            back.len != plain.len || memcmp(buf_str(&back), buf_str(&plain), plain.len) != 0)
            __builtin_trap();
    }
    err_release(&e);
    vault_wipe(&plain);
    vault_wipe(&again);
    vault_wipe(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vault *v;
    static const char header[] = "$ANSIBLE_VAULT;1.1;AES256\n";
    if (!v) {
        v = vault_new(false);
        if (vault_add(v, "default", "fuzz", 4, NULL) < 0)
            __builtin_trap();
    }
    if (!size)
        return 0;
    struct buf text = BUF_INIT;
    if (data[0] & 1)
        buf_adds(&text, header);
    buf_add(&text, data + 1, size - 1);
    attempt(v, buf_str(&text), text.len);
    buf_release(&text);
    return 0;
}
