// Events of the ledger as people read them.
#ifndef CLI_EVENT_TEXT_H
#define CLI_EVENT_TEXT_H

#include "cli/session.h"
#include "ledger/ledger.h"

// What one event says in a line, appended: "/etc/motd: mode 0644 (Set the motd)".
void event_what(struct buf *b, const struct ledger_event *ev);
// Where: the host, else service, release and ring; appended.
void event_where(struct buf *b, const struct ledger_event *ev);
// "site.yml" or "web -m copy -a ..." of a run.started, appended.
void event_command(struct buf *b, const struct ledger_event *started);
// "rule deploy-web (approved in #12, #15)" of an authority as in docs/EVENTS.md, appended; "nothing
// allowed it" for none.
void event_authority(struct buf *b, const struct dict *authority);
// Strings and numbers of a body; NULL and 0 where there is no such thing.
const char *event_str(const struct ledger_event *ev, const char *key);
int64_t event_int(const struct ledger_event *ev, const char *key);
const struct dict *event_dict(const struct ledger_event *ev, const char *key);

// Warns where the clock is behind what the ledger has, before something is recorded.
void events_warn_clock(const struct session *s, struct ledger *l);

// The difference an event has, NULL: none; in a. What cannot be read is said in its place.
const char *event_diff(struct ledger *l, const struct ledger_event *ev, struct arena *a,
                       size_t *ret_len);
// undo_diff.c: as event_diff of what an undo put back: the differences of the run it undoes, newest
// first, turned round.
const char *undo_diff(struct ledger *l, const struct ledger_event *ev, struct arena *a,
                      size_t *ret_len);
// Turns a difference of the ledger round, appended: what it adds goes, what it removes comes back.
void undo_diff_turn(struct buf *b, const char *text, size_t len);
// Prints a difference with its colours, indented.
void event_print_diff(const struct output_opts *o, const char *text, size_t len);
// Prints an event as one line of JSON: that of the ledger, with its number in front as "seq" and,
// where asked for, its difference as "diff_text".
void event_print_json(struct ledger *l, const struct ledger_event *ev, bool diff);

// Lines of columns, padded to the widest of the lines before and with it.
struct event_table {
    const struct output_opts *o;
    struct ledger *l;
    bool diff;
    size_t number, actor, type, where;
};
void event_table_widths(struct event_table *t, const struct ledger_event *events, size_t n);
void event_table_print(struct event_table *t, const struct ledger_event *ev);

// --- log_options.c
// A command that reads the ledger, with --since and --until: of at least `least` and at most `most`
// arguments, else `lacking` is said (NULL: which is one too many). fn's answer is the exit code.
int events_command(int argc, char **argv, bool compat, unsigned command, size_t least, size_t most,
                   const char *lacking,
                   int (*fn)(struct session *s, struct ledger *l,
                             const struct ledger_filter *span));
// The error as the command prints it, released; RUN_ERROR.
int events_fail(struct session *s, struct err *e);

#endif
