// What the engine's files share.
#ifndef ROLLOUT_ENGINE_INTERNAL_H
#define ROLLOUT_ENGINE_INTERNAL_H

#include "rollout/engine.h"

#define ENGINE_EVENTS 8 // that are written at once

// An event of this rollout, with an empty body in the arena of the step.
struct ledger_event engine_event(struct engine *g, const char *type, const struct ring_state *r);
struct dict *engine_body(struct ledger_event *ev);
void engine_set(struct ledger_event *ev, const char *key, const char *text);
// Writes them unless something happened to the rollout since the state was read: then *ret_stale,
// and the step is to be decided anew.
int engine_append(struct engine *g, struct ledger_event *evs, size_t n, bool *ret_stale,
                  struct err *e) __attribute__((warn_unused_result));
// Writes what has happened, whatever else did; tries for a while.
int engine_record(struct engine *g, struct ledger_event *evs, size_t n, struct err *e)
    __attribute__((warn_unused_result));

// Steps. Positive: the state was stale.
int engine_batch(struct engine *g, const struct step *st, struct err *e);
int engine_put_back(struct engine *g, const struct step *st, struct err *e);
int engine_gates(struct engine *g, const struct step *st, struct err *e);
int engine_gates_late(struct engine *g, const struct step *st, struct err *e);
int engine_ring_failed(struct engine *g, const struct step *st, struct err *e);
int engine_finish(struct engine *g, const struct step *st, struct err *e);

#endif
