// Releases: versions of a service, kept as release.created events and artifacts by digest.
#ifndef ROLLOUT_RELEASE_H
#define ROLLOUT_RELEASE_H

#include "ledger/ledger.h"

struct release {
    const char *service, *version;
    const char *commit;             // NULL: none
    const char *author, *committer; // of the commit, as git has them; NULL: not known
    const char *repo;               // folder or URL the commit is of
    const char *digest;             // of the artifact; NULL: none
    const char *name;               // of its file
    const char *service_file;       // absolute; NULL: made without one
    int64_t size;
    const char *statement, *signature; // NULL: not signed
    const char *actor;
    int64_t time, seq; // of its event
};

// The release of a service with this version: 1 found, 0 there is none, <0 error. In a.
int release_find(struct ledger *l, const char *service, const char *version, struct arena *a,
                 struct release *ret, struct err *e);
// The releases of a service (NULL: of all), newest first.
int release_list(struct ledger *l, const char *service, struct arena *a, struct release **ret,
                 size_t *ret_n, struct err *e);
// The statement that is signed for a release: JSON with sorted keys.
const char *release_statement(struct arena *a, const struct release *r);
// Records a release: 1 done, 0 it was there with the same content. ERR_INVALID when it was there
// with other content, or its version cannot be a name.
int release_create(struct ledger *l, const struct release *r, struct err *e);
// The play's variable andon_release for a release: service, version, commit, artifact (path on the
// controller), digest, name (of its file), previous.
struct value release_variable(struct ledger *l, const struct release *r, const char *previous,
                              struct arena *a);

#endif
