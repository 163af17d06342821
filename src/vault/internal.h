// Inside of the vault room: the cipher and how its parts are written.
#ifndef VAULT_INTERNAL_H
#define VAULT_INTERNAL_H

#include "vault/vault.h"

#define VAULT_HEADER "$ANSIBLE_VAULT"
#define VAULT_MAC_SIZE 32

// The parts of a text of cipher AES256, owned by the struct.
struct vault_parts {
    struct buf salt, body; // body: encrypted and padded
    unsigned char mac[VAULT_MAC_SIZE];
};

// --- envelope.c
// Reads the hexadecimal lines behind the header.
int envelope_read(const char *text, size_t len, struct vault_parts *ret, struct err *e);
// Appends header and lines of 80 characters.
void envelope_write(struct buf *out, const char *id, const struct vault_parts *p);
void envelope_release(struct vault_parts *p);

// --- cipher.c
// 1: decrypted (appended to out), 0: the password is another one, <0: error.
int cipher_open(const struct vault_parts *p, const char *password, size_t len, struct buf *out,
                struct err *e);
// Encrypts plain into p, whose salt is set.
int cipher_seal(struct vault_parts *p, const char *password, size_t password_len, const char *plain,
                size_t len, struct err *e);
int cipher_random(void *out, size_t n, struct err *e);

// --- secret.c
// The password that a file holds or a script prints, appended to out. id: for client scripts.
// An encrypted file is decrypted with what v has so far.
int secret_from_file(struct vault *v, const char *path, const char *id, struct buf *out,
                     struct err *e);

#endif
