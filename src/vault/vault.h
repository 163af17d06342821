// Ansible Vault: texts encrypted with passwords that have names (vault ids). Reads the formats 1.1
// and 1.2, writes the one that fits, byte for byte as ansible-vault does. What was decrypted never
// stands in an error; passwords, keys and remembered plain texts are wiped before their memory is
// freed.
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define VAULT_MAX_SIZE ((size_t)256 << 20) // of an encrypted text
#define VAULT_SALT_SIZE 32

// A password with its vault id.
struct vault_secret {
    char *id;
    char *password; // may hold any bytes
    size_t len;
};

// The secrets of a command, the best first.
struct vault;

// An empty set; match: a text with an id is tried with the secrets of that id alone.
struct vault *vault_new(bool match);
void vault_free(struct vault *v);
// Adds a secret (copied) behind the others; an empty password is ERR_INVALID.
int vault_add(struct vault *v, const char *id, const char *password, size_t len, struct err *e);
size_t vault_count(const struct vault *v);
const struct vault_secret *vault_secret(const struct vault *v, size_t i);
// The first secret with that id, or NULL.
const struct vault_secret *vault_find(const struct vault *v, const char *id);

// True for "$ANSIBLE_VAULT..." in ASCII alone.
bool vault_is_encrypted(const char *text, size_t len);

// What the header line of an encrypted text says; pieces point into the text.
struct vault_header {
    const char *version, *cipher, *id; // id NULL: none
    size_t version_len, cipher_len, id_len;
    size_t size; // of the line with its end
};
int vault_header_read(const char *text, size_t len, struct vault_header *ret, struct err *e)
    __attribute__((warn_unused_result));

// Decrypts text with the first secret that fits and appends the plain text to out (which the caller
// wipes). name is the file for messages, or NULL; *ret_used (may be NULL) tells which secret it
// was. Errors: ERR_PARSE (no vault text, or a damaged one), ERR_FAILED (no secret fits).
int vault_decrypt(struct vault *v, const char *text, size_t len, const char *name, struct buf *out,
                  const struct vault_secret **ret_used, struct err *e)
    __attribute__((warn_unused_result));
// As vault_decrypt, into the arena; plain texts are remembered, so that a value used on many hosts
// is decrypted once.
int vault_reveal(struct vault *v, struct arena *a, const char *text, size_t len, const char *name,
                 const char **ret, size_t *ret_len, struct err *e)
    __attribute__((warn_unused_result));
// Encrypts plain[0..len) and appends the text to out; id NULL or "default" gives format 1.1, others
// 1.2. salt NULL: a random one of VAULT_SALT_SIZE. ERR_INVALID when it is encrypted already.
int vault_encrypt(const char *password, size_t password_len, const char *id, const char *plain,
                  size_t len, const void *salt, size_t salt_len, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

// Wipes and releases a buffer that held something secret.
void vault_wipe(struct buf *b);

// --- where passwords come from
// ---------------------------------------------------------------------------------

// "ID@prompt", "ID@FILE", "FILE"; scripts are run, those called *-client with --vault-id ID.
struct vault_sources {
    const char *const *ids; // of vault_identity_list and --vault-id, in this order
    size_t n_ids;
    const char *const *files; // of --vault-password-file and the setting
    size_t n_files;
    const char *default_id;
    bool ask;          // --ask-vault-pass
    bool create;       // the passwords are new ones: ask twice
    bool ask_if_empty; // ask when there is no other source
    // Asks for a password: a malloc'ed line, NULL at the end of input.
    char *(*prompt)(void *data, const char *text, bool hidden, int timeout_s);
    void *prompt_data;
    void (*warn)(void *data, const char *message);
    void *warn_data;
};
// Adds the secrets of all sources to v. A source that gives none is a warning while another does;
// otherwise ERR_FAILED.
int vault_load_secrets(struct vault *v, const struct vault_sources *from, struct err *e)
    __attribute__((warn_unused_result));

#endif
