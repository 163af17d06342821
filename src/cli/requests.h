// What waits for approval: requests as the ledger has them, for rings of rollouts and for runs by
// hand.
#ifndef CLI_REQUESTS_H
#define CLI_REQUESTS_H

#include "cli/session.h"
#include "rollout/approval.h"

// How long a run that was approved may wait.
#define REQUEST_LIFE INT64_C(86400000000)

struct request {
    struct approval_subject subject;
    const char *by;      // who asked
    const char *command; // of a run: for people
    const char *what;    // of a run: digest of what it is
    int64_t time, seq;   // of the event
    bool over;           // the ring started, the rollout ended, the run was done, or it is too old
    struct approval_state state;
};

// All requests for a subject (NULL: all there are) and a ring (NULL: any), oldest first, with their
// approvals counted. In a.
int requests_list(struct session *s, struct ledger *l, const struct policy *p, const char *subject,
                  const char *ring, struct arena *a, struct request **ret, size_t *ret_n,
                  struct err *e);
// "shop 1.3 to the ring rest", "run site.yml -l prod"
const char *request_words(const struct request *r, struct arena *a);

#endif
