// What proves the ledger: its public key, signed checkpoints, proofs, and the verification of all
// that is stored. docs/LEDGER.md tells how others verify it.
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "ledger/ledger.h"
#include "ledger/note.h"

// The public key of the checkpoints as NAME+ID+KEY, in a.
int ledger_vkey(struct ledger *l, struct arena *a, const char **ret, struct err *e);

// Gives the ledger a new key, which an event (key.rotated) says. The reason may be NULL.
int ledger_rotate_key(struct ledger *l, const char *reason, struct err *e)
    __attribute__((warn_unused_result));

// Brings a ledger to the format of now, as every opening for writing does. The format it had (0:
// that of now) and where a copy of it lies, in a. ERR_NOENT where there is none.
int ledger_migrate(const char *dir, int *ret_from, const char **ret_copy, struct arena *a,
                   struct err *e) __attribute__((warn_unused_result));

// Takes the content away that an event names, and records (content.redacted) who did so and why.
// The event itself stays. ret_n: how many pieces. ERR_NOENT where it names none, or it is not
// there.
int ledger_redact(struct ledger *l, int64_t seq, const char *reason, size_t *ret_n, struct err *e)
    __attribute__((warn_unused_result));
struct ledger_redaction {
    const char *digest;
    int64_t seq, time;
    const char *actor, *reason;
};
// Who took content away last: 1 somebody did, 0 nobody, <0 error. Texts in a.
int ledger_redacted(struct ledger *l, const char *digest, struct arena *a,
                    struct ledger_redaction *ret, struct err *e);
// Whether a member of an event's body is the digest of content.
bool ledger_names_content(const struct value *key, const struct value *v);

struct ledger_checkpoint {
    const char *note; // the signed note, in the arena
    int64_t time;
    struct note_checkpoint tree;
};
// The newest checkpoint; ERR_NOENT while there is no event.
int ledger_newest(struct ledger *l, struct arena *a, struct ledger_checkpoint *ret, struct err *e);
// All that are kept, oldest first; an empty note where one cannot be read.
int ledger_checkpoints(struct ledger *l, struct arena *a, struct ledger_checkpoint **ret,
                       size_t *ret_n, struct err *e);

struct ledger_proof {
    struct merkle_hash leaf; // of inclusion alone
    struct merkle_hash root; // of the tree that is proved
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    size_t n;
};
// That event seq is in the tree of the first `size` events; that this tree begins with the first
// `old`. ERR_NOENT for what the ledger does not have.
int ledger_prove(struct ledger *l, int64_t seq, uint64_t size, struct ledger_proof *ret,
                 struct err *e);
int ledger_prove_prefix(struct ledger *l, uint64_t old, uint64_t size, struct ledger_proof *ret,
                        struct err *e);

// --- verification
enum ledger_finding_kind {
    FINDING_MISSING,    // events are gone
    FINDING_ALTERED,    // an entry is not what was hashed
    FINDING_MOVED,      // an entry is another event's
    FINDING_COLUMNS,    // what queries see differs from the entry
    FINDING_TIME,       // earlier than the event before
    FINDING_HASHES,     // stored hashes are wrong: events were replaced together with theirs
    FINDING_CHECKPOINT, // a checkpoint is not signed by our key
    FINDING_REPLACED,   // the events are not those that were signed
    FINDING_TRUNCATED,  // a checkpoint knows more events than there are
    FINDING_UNSIGNED,   // events that no checkpoint covers
    FINDING_BLOB,       // content is not what its name says
    FINDING_LOST,       // content that an event names is gone
    FINDING_REDACTED,   // somebody took it away and said so: told, and not counted
};
struct ledger_finding {
    enum ledger_finding_kind kind;
    int64_t first, last; // events, -1: none in particular
    const char *text;    // one line; good during the call
};
struct ledger_verify_opts {
    const char *vkey;       // trust this key instead of the one beside the ledger
    const char *checkpoint; // a signed note kept elsewhere, which must be of this ledger
    bool blobs;             // read all content too; that it is there is looked at always
    int threads;            // 0: one per processor
    void (*found)(void *data, const struct ledger_finding *f);
    void *data;
};
struct ledger_verified {
    int64_t events;
    struct merkle_hash root; // recomputed, good when nothing was found
    size_t checkpoints, findings;
    size_t redacted; // pieces of content
    size_t blobs;    // there are; with the option also read
};
// Recomputes everything from the entries. 0 when it could be read, whatever was found.
int ledger_verify(const char *dir, const struct ledger_verify_opts *o, struct ledger_verified *ret,
                  struct err *e);
// "altered", "missing": for programs.
const char *ledger_finding_name(enum ledger_finding_kind kind);

#endif
