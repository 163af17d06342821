// What runs do, kept in the ledger: run.started before the first task, then changes, failures, the
// hosts' outcomes and run.finished. For run and do.
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/session.h"

// Whether the settings, or the rollout it is part of, want a run recorded.
bool record_wanted(const struct session *s);
// The name of this machine as run.started has it.
const char *record_machine(struct arena *a);
// Before the session is opened: asks for what takes a while, where the run will be recorded.
void record_prepare(struct session *s);
// Gives the run its id and, where settings want it, opens the ledger; to be called on an open
// session before run_new, with the sink in s->run.sink, which it takes over. An exit code after
// telling why the run may not start: part of a rollout, and the ledger cannot be written.
int record_open(struct session *s);
// Writes run.started for good, unless it has been. As record_open, it answers an exit code.
int record_begin(struct session *s);
// Writes what is outstanding, the hosts' outcomes and run.finished. code: how the run ended.
void record_end(struct session *s, struct run *r, int code);

#endif
