// Who acts: the key a user signs with, the name allowed_signers has for it, and where policy and
// allowed signers are.
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "cli/session.h"
#include "rollout/policy.h"

// The file of allowed signers, and that of the policy: the settings', else those in the state
// folder. They need not be there.
const char *identity_signers(struct session *s);
const char *identity_policy_file(struct session *s);
int identity_policy(struct session *s, struct policy **ret, struct err *e)
    __attribute__((warn_unused_result));

// Signs a statement with the user's key: 1 done, 0 there is no key. *ret_principal is who that is
// by the allowed signers, NULL when they do not have the key. must: that a key cannot sign is an
// error also where nobody named it; else a warning is printed, and it is as if there were none.
int identity_sign(struct session *s, const char *statement, bool must, const char **ret_signature,
                  const char **ret_principal, struct err *e) __attribute__((warn_unused_result));

#endif
