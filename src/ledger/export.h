// The ledger for others: JSON lines, static files as C2SP tlog-tiles has them, and CDEvents.
#ifndef LEDGER_EXPORT_H
#define LEDGER_EXPORT_H

#include "ledger/ledger.h"

// Where text goes, piece by piece. Answers <0 with an error.
struct ledger_sink {
    int (*put)(void *data, const char *p, size_t len, struct err *e);
    void *data;
};

// One line per event, {"event":...,"leaf":HEX,"seq":N}, the event as it was hashed; then
// {"checkpoint":NOTE} of just these events. from: the first event wanted.
int ledger_export_lines(struct ledger *l, int64_t from, const struct ledger_sink *to,
                        struct err *e);
// Writes checkpoint, tile/... and tile/entries/... below dir; whole tiles that are there already
// stay. ret_files gets how many files were written.
int ledger_export_tiles(struct ledger *l, const char *dir, size_t *ret_files, struct err *e);
// Rollouts, runs, hosts, releases and incidents as CDEvents 0.5.1, one JSON object per line; events
// CDEvents has no word for are left out. from: the first event wanted.
int ledger_export_cdevents(struct ledger *l, int64_t from, const struct ledger_sink *to,
                           struct err *e);

#endif
