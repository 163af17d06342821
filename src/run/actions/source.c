// Local files that modules send, decrypted where they are encrypted with Ansible Vault.
#include "core/file.h"
#include "core/hash.h"
#include "run/actions/actions.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VAULT_HEADER "$ANSIBLE_VAULT"
#define MAX_ENCRYPTED ((size_t)256 << 20)

static bool is_encrypted(const char *path)
{
    char start[sizeof VAULT_HEADER - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, start, sizeof start);
    close(fd);
    return n == sizeof start && memcmp(start, VAULT_HEADER, sizeof start) == 0;
}

static int decrypted(struct exec *x, const char *path, struct conn_source *ret,
                     struct value *result)
{
    const struct run_opts *o = &x->run->o;
    struct err e = ERR_INIT;
    char *text;
    const char *plain;
    size_t len;
    int rc = file_read(x->a, path, MAX_ENCRYPTED, &text, &len, &e);
    if (rc == 0)
        rc = o->decrypt(o->decrypt_data, x->a, path, text, len, &plain, &len, &e);
    x->secret = true;
    if (rc == 0)
        *ret = (struct conn_source){.data = plain, .len = len};
    else if (strcmp(err_msg(&e), "Attempting to decrypt but no vault secrets found") == 0)
        action_fail(x, result, "A vault password or secret must be specified to decrypt %s", path);
    else
        action_fail(x, result, "%s", err_msg(&e));
    err_release(&e);
    return rc;
}

int local_source(struct exec *x, const char *path, bool decrypt, struct conn_source *ret,
                 struct stat *ret_st, char *hex, struct value *result)
{
    struct err e = ERR_INIT;
    int rc = 0;
    if (stat(path, ret_st) < 0)
        return action_fail(x, result, "cannot read %s: %s", path, strerror(errno));
    if (decrypt && x->run->o.decrypt && is_encrypted(path)) {
        rc = decrypted(x, path, ret, result);
        if (rc == 0)
            hash_hex(HASH_SHA1, ret->data, ret->len, hex);
        ret_st->st_mode = S_IFREG | 0600; // what was encrypted is nobody else's
        return rc;
    }
    *ret = (struct conn_source){.path = arena_strdup(x->a, path), .len = (size_t)ret_st->st_size};
    if (hash_file(HASH_SHA1, path, hex, &e) < 0) {
        rc = action_fail(x, result, "%s", err_msg(&e));
        err_release(&e);
    }
    return rc;
}

int local_text(struct exec *x, const char *path, bool decrypt, size_t max, const char **ret,
               size_t *ret_len, struct value *result)
{
    struct conn_source src;
    struct err e = ERR_INIT;
    char *text;
    if (decrypt && x->run->o.decrypt && is_encrypted(path)) {
        int rc = decrypted(x, path, &src, result);
        if (rc == 0) {
            *ret = src.data;
            *ret_len = src.len;
        }
        return rc;
    }
    int rc = file_read(x->a, path, max, &text, ret_len, &e);
    *ret = text;
    if (rc < 0)
        action_fail(x, result, "%s", err_msg(&e));
    err_release(&e);
    return rc;
}
