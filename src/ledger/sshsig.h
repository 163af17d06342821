// Signatures by SSH keys (SSHSIG), made and verified by the user's own ssh-keygen: keys in agents,
// on smart cards and FIDO tokens work as they do for ssh and git.
#ifndef LEDGER_SSHSIG_H
#define LEDGER_SSHSIG_H

#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stdint.h>

// What is signed is signed for this purpose alone.
#define SSHSIG_NAMESPACE "change@andon"

// Where a key to sign with may come from, in this order; NULL: not there.
struct sshsig_sources {
    const char *setting; // a file, or a public key ("ssh-ed25519 AAAA..." or "key::ssh-...")
    const char *git;     // git's user.signingkey, when gpg.format is ssh
    const char *home;    // for ~/.ssh/id_*
    bool no_agent;       // do not ask the agent for its first key
};

struct sshsig_key {
    const char *file;   // private key, or a public key whose private one the agent has
    const char *text;   // or the public key itself
    const char *origin; // where it comes from, for messages
    bool named;         // somebody named it: that it cannot sign is an error
};

// The key to sign with: 1 found, 0 there is none, <0 when the one that is named does not exist.
int sshsig_find_key(struct arena *a, const struct sshsig_sources *from, struct sshsig_key *ret,
                    struct err *e) __attribute__((warn_unused_result));

// Signs data; *ret is the armoured signature, in a. can_ask: ssh-keygen may ask on the terminal
// for a passphrase or a touch; else a key that needs a passphrase is an error. ERR_FAILED.
int sshsig_sign(struct arena *a, const struct sshsig_key *key, const char *namespace,
                const char *data, size_t len, bool can_ask, const char **ret, struct err *e)
    __attribute__((warn_unused_result));

// Verifies an armoured signature over data as of `time` (microseconds; 0: now) against a file of
// allowed signers: who, with which key, for which namespaces, from when until when. *ret is the
// principal, in a. claimed: the principal it must be, or NULL for the first whose key it is.
// ERR_INVALID when the signature does not fit data or namespace, ERR_FAILED when the signer is not
// in the file, or was not valid then; ERR_NOENT without the file or ssh-keygen.
int sshsig_verify(struct arena *a, const char *allowed_signers, const char *claimed,
                  const char *namespace, const char *data, size_t len, const char *signature,
                  int64_t time, const char **ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
