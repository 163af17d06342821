// Histories written down as text: one event a line, and what the measures of it must be.
//
//   # a comment: the working by hand
//   2026-03-02T10:00:00Z rollout.started service=shop release=1.1 rollout=d-2
//   rings=canary,production commit d-2 2026-03-01T10:00:00Z fix the cart      (what git would say
//   of a deployment) report shop 2026-03-01T00:00:00Z 2026-04-01T00:00:00Z week =
//   change_lead_time.median 86400
//
// Words with = set fields of the event, or of its body where it has no such field; "a,b" is a list
// for rings and production, numbers are numbers, a blank in a value is written as "_".
#ifndef FLOW_CASE_H
#define FLOW_CASE_H

#include "flow/history.h"

// One line as an event, whose texts live in a; 1: it is one, 0: it is something else.
int flow_case_event(struct arena *a, const char *line, struct ledger_event *ret);
// A time such as 2026-03-02T10:00:00Z; ends the test program when it is none.
int64_t flow_case_time(const char *s, size_t len);
// The next line of *text, without its end, in a; NULL at the end.
const char *flow_case_line(struct arena *a, const char **text);
// The words of a line, at most max.
size_t flow_case_words(struct arena *a, const char *line, const char **ret, size_t max);

#endif
