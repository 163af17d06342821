// A plan: what a dry run would change, host group by host group.
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/session.h"

#include "core/buf.h"

// Makes the runs of an open session dry runs that tell their differences.
struct plan *plan_new(struct session *s);
void plan_free(struct plan *p);
// What collects the results of such runs.
struct run_sink plan_sink(struct plan *p);
// The plan as people read it, appended.
void plan_text(struct plan *p, struct buf *ret);
// As one JSON object: keys sorted and no spaces, so that equal plans have equal digests.
void plan_json(struct plan *p, struct buf *ret);
// RUN_FAILED where a task would fail, RUN_UNREACHABLE where a host was not reached, else 0.
int plan_code(const struct plan *p);

#endif
