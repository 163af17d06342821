// Protected hosts: what touches them by hand is allowed by a rule, approved by others, or a
// break-glass with a reason, and the ledger knows which.
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include "cli/session.h"

// A run by hand as it is judged.
struct guard_job {
    const char *command;        // for people: "run site.yml --limit prod"
    const char *what;           // digest of what it is: another playbook is another change
    const char *const *hosts;   // names it would touch, ends with NULL
    const struct list *reached; // names its tasks give in delegate_to, or NULL
};

// Set in the environment of an `andon plan` whose plan somebody else is to see: it has no secrets.
#define GUARD_PLAN "ANDON_PLAN"
bool guard_makes_plan(const struct session *s);

// To be called on parsed options, before the session is opened: a request (--request) is a run in
// check mode that shows differences. An exit code after telling what is wrong with the options.
int guard_options(struct session *s);
// Before anything is sent, on an open session: 0 when the playbooks, or the module, may go on
// (s->authority says by what), else an exit code after telling why not and what can be done.
int guard_run(struct session *s, struct run *r, struct guard_job *j);
int guard_do(struct session *s, const char *module, const char *pattern,
             const struct inventory_hosts *hosts, struct guard_job *j);
// Of a run that goes on: whether it may touch a host that was not judged before it began (named by
// a template, or added meanwhile). data: the session. ERR_INVALID after telling why not in the
// ledger.
int guard_reach(void *data, const char *host, struct err *e);
void guard_end(struct session *s);
// Behind the dry run of a request, which ended with `code`: shows its plan and records the request
// with it. An exit code.
struct plan;
int guard_request(struct session *s, const struct guard_job *j, struct plan *p, int code);

// A protected host that another name has the address of.
struct guard_meant {
    const char *name, *address;
    struct inventory *inventory; // where it is called so
};
struct policy;
// Finds the addresses of protected hosts, in the inventory of the run and in that of the policy.
int guard_addresses_read(struct session *s, const struct policy *p, struct err *e);
// The protected host at the address of that name; NULL: none, or they have not been read.
const struct guard_meant *guard_meant(struct session *s, const char *host);

// For struct policy_request: data is the session, on whose inventory patterns are matched. A host
// at the address of a protected one is that one, too.
bool guard_host_matches(void *data, const char *pattern, const char *host);

// --- guard_request.c
// What playbooks or a module are and touch.
int guard_job_of_playbooks(struct session *s, struct run *r, struct guard_job *ret, struct err *e);
void guard_job_of_module(struct session *s, const char *module, const char *pattern,
                         const struct inventory_hosts *hosts, struct guard_job *ret);

#endif
