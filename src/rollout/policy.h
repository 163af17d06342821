// The policy: who may do what, where, when, and how many others must agree. A file of rules and a
// pure function over them. docs/POLICY.md has the keys.
#ifndef ROLLOUT_POLICY_H
#define ROLLOUT_POLICY_H

#include "rollout/service.h"

enum policy_action {
    POLICY_DEPLOY,
    POLICY_APPROVE,
    POLICY_UNDO,
    POLICY_STOP,
    POLICY_RUN, // andon run and do by hand
    POLICY_ROLLBACK,
    POLICY_PROMOTE,
    POLICY_ACTIONS,
};
const char *policy_action_name(enum policy_action a);

struct policy_rule {
    const char *name;
    struct pos pos;
    const char *const *who;       // principals, patterns of them, or groups; NULL: anyone
    unsigned may, may_not;        // bits of enum policy_action
    const char *const *services;  // patterns; NULL: any
    const char *const *rings;     // patterns; NULL: any
    const char *const *hosts;     // host patterns, for POLICY_RUN and POLICY_UNDO; NULL: any
    struct calendar calendar;     // when it holds
    int approvals;                // how many others must agree
    const char *const *approvers; // of whom: principals, patterns or groups; NULL: whoever may
    bool four_eyes;               // true: not the author of the commit, nor who started it
};

struct policy {
    struct arena *arena;
    const char *file;          // NULL: there is none
    const struct dict *groups; // name -> list of principals and patterns
    const struct policy_rule *rules;
    size_t n_rules;
    const char *const *protected_hosts; // host patterns that by hand are touched by rule alone
    const char *const *inventory;       // where these stand besides that of the run; NULL: not said
    bool default_deny;                  // what no rule allows is denied everywhere
};

// Reads a policy; a file that is not there is a policy without rules. Mistakes are told as those
// of a service file.
int policy_load(const char *path, struct policy **ret,
                void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                struct err *e) __attribute__((warn_unused_result));
void policy_free(struct policy *p);

// What is asked. Texts that do not apply are NULL.
struct policy_request {
    enum policy_action action;
    const char *actor; // principal, or login@machine
    bool verified;     // actor is the principal of a verified signature
    const char *service, *ring;
    bool protected;        // the ring or some host is protected
    const char *which;     // that host, for people; NULL: a ring, or not known
    int approvals;         // how many the ring itself wants
    const char *author;    // of the commit, as git has it ("Ann <ann@example.org>" or the address)
    const char *committer; // the same
    const char *starter;   // who started the rollout or asked for the run
    const char *const *hosts; // names, end with NULL
    // Whether a host is among those a host pattern stands for; NULL: shell patterns on names.
    bool (*host_matches)(void *data, const char *pattern, const char *host);
    void *data;
    int64_t now; // microseconds
};

enum policy_verdict { POLICY_ALLOWED, POLICY_NEEDS_APPROVAL, POLICY_DENIED };

struct policy_decision {
    enum policy_verdict verdict;
    const char *rule;             // its name; NULL: no rule said it
    const char *reason;           // one line, for people and for the ledger
    int approvals;                // how many are needed (NEEDS_APPROVAL)
    const char *const *approvers; // of whom; NULL: whoever may approve
    bool four_eyes;
    int64_t next; // when it will be allowed, where only the time is wrong; else 0
};

// Decides. A rule that forbids wins over all that allow; else the first that allows counts. Where
// no rule speaks: stop is allowed to everyone, all else where neither is protected nor the policy
// denies by default. Nothing that is protected is allowed to an actor who is not verified.
void policy_decide(const struct policy *p, const struct policy_request *q, struct arena *a,
                   struct policy_decision *ret);
// How the actor is the author, committer or starter of what is asked about; NULL: he is none of
// them.
const char *policy_own_change(const struct policy_request *q, struct arena *a);
// Whether a principal is among names, patterns and groups of a list (NULL: yes).
bool policy_is_among(const struct policy *p, const char *const *list, const char *principal);
// Whether two names of a person are the same: an address alone or within "Name <address>".
bool policy_same_person(const char *x, const char *y);

#endif
