// What a command of andon's own asks hosts, outside of any playbook: a play of one task, and the
// answers as JSON.
#ifndef CLI_ASKED_H
#define CLI_ASKED_H

#include "cli/session.h"

// A play over hosts (a list of names or a pattern) whose one task is an internal action, which no
// playbook can name. args live as long as the session.
int asked_play(struct session *s, const char *name, const char *task, struct value hosts,
               const char *action, struct value args, struct playbook **ret, struct err *e)
    __attribute__((warn_unused_result));

// Prints all, a dict, with what fn makes of each of n hosts, a dict too, under its name in `hosts`.
void asked_print(struct arena *a, struct value all, size_t n,
                 struct value (*fn)(void *data, struct arena *a, size_t i, const char **ret_name),
                 void *data);

#endif
