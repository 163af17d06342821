// Approvals: asked for, given and refused as events, signed, and verified whenever they are
// counted.
#ifndef ROLLOUT_APPROVAL_H
#define ROLLOUT_APPROVAL_H

#include "ledger/ledger.h"
#include "rollout/policy.h"

// What is to be approved. subject is the id of the rollout, or of the request of a run.
struct approval_subject {
    const char *subject;
    const char *ring; // NULL: a run
    const char *service, *release, *commit, *digest;
    const char *plan;               // digest of the plan's blob: an approval is of this plan alone
    const char *author, *committer; // of the commit
    const char *starter;            // who started the rollout, or asked for the run
    bool protected;                 // the ring, or a host of the run
    int need;                       // how many (struct policy_decision.approvals)
    const char *const *approvers;   // of whom (the same), or NULL
    bool four_eyes;                 // neither author, committer nor starter counts (the same)
    const char *const *hosts;       // of a run, for rules that name hosts; ends with NULL
};

// Whether somebody may approve of a subject, or refuse it, at `now`; ret says why not.
bool approval_allowed(const struct policy *p, const struct approval_subject *s,
                      const char *principal, bool verified, int64_t now, struct arena *a,
                      struct policy_decision *ret);

// Records approval.requested, unless it is there already for the same plan. `by` is the actor.
int approval_request(struct ledger *l, const struct approval_subject *s, const char *by,
                     struct err *e) __attribute__((warn_unused_result));

// The plan that was asked about last for a ring of a rollout, in a; NULL when nothing was.
int approval_plan(struct ledger *l, const char *rollout, const char *ring, struct arena *a,
                  const char **ret, struct err *e) __attribute__((warn_unused_result));

struct approval_state {
    int have, need;
    const char *const *by;                // principals that count, ends with NULL
    const int64_t *events;                // numbers of their events, `have` of them
    const char *refused_by, *refused_why; // somebody who may approve has refused; NULL: nobody
    const char *ignored; // why the last one that does not count does not; NULL: all count
};

// Counts the approvals of a subject that are in the ledger. Each is verified again: its signature
// over its statement at the time of its event, that the statement says what the subject is, that
// the plan is the same, that the policy let its principal approve then, that nobody counts twice
// and, with four eyes, that it is not the author or starter. In a. <0 when the ledger cannot be
// read.
int approval_count(struct ledger *l, const struct policy *p, const char *allowed_signers,
                   const struct approval_subject *s, struct arena *a, struct approval_state *ret,
                   struct err *e) __attribute__((warn_unused_result));

// The canonical statement that is signed: JSON with sorted keys, without blanks. verb: "approve"
// or "refuse".
const char *approval_statement(struct arena *a, const char *verb, const struct approval_subject *s,
                               int64_t time);

#endif
