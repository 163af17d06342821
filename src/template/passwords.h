// Password hashing by crypt(3), random texts, and text encodings.
#ifndef TEMPLATE_PASSWORDS_H
#define TEMPLATE_PASSWORDS_H

#include "template/args.h"

struct password_opts {
    const char *salt;  // NULL: random
    const char *ident; // of bcrypt: 2a, 2b, 2y; NULL: 2b
    int64_t salt_size; // of a random salt; 0: the scheme's own
    int64_t rounds;    // 0: the scheme's own
};

// Hashes a password with the scheme called name: sha512, sha256, md5, blowfish, or passlib's names
// (sha512_crypt, bcrypt, ...).
int password_hash(struct call *c, struct text password, const char *name,
                  const struct password_opts *o, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// The salt size of a scheme, 8 when it is unknown.
int64_t password_salt_size(const char *name);

// Text to bytes of an encoding and back: utf-8, ascii, latin-1, utf-16(-le/-be), utf-32.
int text_encode(struct call *c, struct text t, struct text encoding, struct value *ret,
                struct err *e) __attribute__((warn_unused_result));
int text_decode(struct call *c, struct text bytes, struct text encoding, struct value *ret,
                struct err *e) __attribute__((warn_unused_result));

#endif
