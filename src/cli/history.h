// What a playbook's last run left behind: hosts that failed, handlers that were not run. Kept in
// the state folder, one file per playbook.
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/session.h"

// host -> {"failed": true, "unreachable": true, "handlers": [{"play", "handler"}]}, only hosts that
// have any of these. Empty when there is no record.
struct dict *history_load(struct session *s, const char *playbook);
// Puts the hosts of this run in the place of what is recorded of them.
void history_save(struct session *s, const char *playbook, struct run *r);
// The hosts that failed or were not reached, as a pattern; NULL when there are none.
const char *history_failed(struct session *s, const struct list *playbooks);
// host -> list of handlers, for struct run_opts.
struct dict *history_handlers(struct session *s, const struct list *playbooks);
// "host: handler, handler" lines about what is left, under a heading. Nothing when nothing is left.
void history_tell(struct session *s, const struct dict *hosts, const char *heading, FILE *to);

#endif
