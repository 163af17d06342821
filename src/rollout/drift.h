// Drift: what is on a host beside what the ledger says andon last left there. What is expected
// comes from `change` events, whose `after` has the states a task left (docs/EVENTS.md); what is
// there comes from the helper's _state, in the same words.
#ifndef ROLLOUT_DRIFT_H
#define ROLLOUT_DRIFT_H

#include "ledger/ledger.h"

enum drift_kind { DRIFT_FILE, DRIFT_PACKAGE, DRIFT_SERVICE };

// One thing andon has put somewhere. States are short texts: of a file what it is ("-" nothing, "d"
// a folder, "f SHA-256", "l TARGET", "k KEY DIGEST" of content out of a vault), of a package its
// version or "-", of a service such as "enabled running".
struct drift_thing {
    enum drift_kind kind;
    const char *name;  // path, package or service
    const char *state; // NULL: not known
    const char *attr;  // of a file: "0644 0 0", mode, owner and group; NULL: not known
    const char *run;   // that left it so last
    const char *actor;
    int64_t time; // of that
};

struct drift_host {
    const char *name;
    struct ledger *ledger; // stays open while it is compared
    struct drift_thing *things;
    size_t n, cap;
    struct dict *at;       // "KIND NAME" -> index into things
    const int64_t *hidden; // times of changes that no_log hides
    size_t n_hidden, cap_hidden;
    size_t unknown; // packages that the ledger does not say the version of
};

// What the ledger says of a host; everything lives in a.
int drift_expected(struct ledger *l, const char *host, struct arena *a, struct drift_host *ret,
                   struct err *e) __attribute__((warn_unused_result));
// The things as the helper is asked for them: a list of {"kind", "name"}, in their order.
struct value drift_question(const struct drift_host *h, struct arena *a);

struct drift_finding {
    const struct drift_thing *thing;
    const char *expected, *found; // one line each
    int64_t since;                // when it changed, where the host knows; else 0
};
// Compares the helper's answer (a list in the order of the question, each {"state", "attr",
// "since"}) with what is expected. ERR_INVALID when it is not such a list. What is found lives in
// a.
int drift_compare(const struct drift_host *h, const struct value *answer, struct arena *a,
                  struct drift_finding **ret, size_t *ret_n, struct err *e);
const char *drift_kind_name(enum drift_kind k);
// How many things the host could not look at by what it answers, and why (of the first).
size_t drift_unable(const struct value *answer, const char **ret_why);
// The state "k KEY DIGEST" for content out of a vault: who does not have the ledger's secret key
// learns nothing from it, not even that two hosts have the same. make: a key is made where there is
// none. In a; NULL where there is no key.
const char *drift_keyed(struct ledger *l, const char *host, const char *path, const char *state,
                        bool make, struct arena *a);

// The event that tells of a finding; its body lives in a.
struct ledger_event drift_event(const char *host, const struct drift_finding *f, struct arena *a);
// Appends the events of findings that are not known yet: not told since andon last put the thing
// there, in the same words. ret_new: how many (may be NULL).
int drift_record(struct ledger *l, const char *host, const struct drift_finding *f, size_t n,
                 size_t *ret_new, struct err *e) __attribute__((warn_unused_result));

#endif
