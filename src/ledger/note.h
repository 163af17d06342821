// Signed notes (C2SP signed-note) with Ed25519 keys, and the checkpoints written as such (C2SP
// tlog-checkpoint). Formats alone: where keys and notes lie is for others to know.
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

#include "core/buf.h"
#include "core/err.h"
#include "ledger/merkle.h"

#define NOTE_MAX 65536 // bytes of a note we read
#define NOTE_NAME_MAX 255
#define NOTE_SIGNATURES_MAX 64 // looked at in one note

// Who can check signatures: a name and a public key.
struct note_verifier {
    char name[NOTE_NAME_MAX + 1];
    unsigned char id[4];
    unsigned char key[32];
};

struct note_signer {
    struct evp_pkey_st *key; // owned
    struct note_verifier verifier;
};

// Makes a private key in a file of mode 0600 (PEM, as openssl reads it); an existing one stays.
int note_key_make(const char *path, struct err *e);
// Reads it. name must be fit for a key (note_name_ok).
int note_signer_load(const char *path, const char *name, struct note_signer *ret, struct err *e);
void note_signer_release(struct note_signer *s);
// Names of keys are not empty and have no blanks, no '+' and no control characters.
bool note_name_ok(const char *name);

// "NAME+ID+KEY", how public keys are handed around.
void note_vkey(struct buf *b, const struct note_verifier *v);
int note_vkey_parse(const char *text, struct note_verifier *ret, struct err *e);

// Appends text (which ends with a newline) and its signature.
int note_sign(const struct note_signer *s, const char *text, struct buf *ret, struct err *e);
// Appends one more signature to a note of that text.
int note_cosign(const struct note_signer *s, const char *text, struct buf *ret, struct err *e);
// Whether v signed the note; ret_text_len gets how much of it was signed. ERR_PARSE for what is no
// note, ERR_INVALID when it is not signed by v or the signature is wrong.
int note_verify(const char *note, size_t len, const struct note_verifier *v, size_t *ret_text_len,
                struct err *e);

struct note_checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    struct merkle_hash root;
};
void note_checkpoint_text(struct buf *b, const struct note_checkpoint *c);
// Reads the text of a checkpoint; what stands behind its three lines is not looked at.
int note_checkpoint_parse(const char *text, size_t len, struct note_checkpoint *ret, struct err *e);

#endif
