// Commands of the host as most modules run them: an argv built word by word, output in the task's
// arena.
#ifndef NODE_COMMAND_H
#define NODE_COMMAND_H

#include "node/module.h"

// A growing argv that always ends with NULL; words live in the arena.
struct argv {
    struct arena *arena;
    const char **v;
    size_t n, cap;
};

// Starts an argv with the words given (the last one NULL).
struct argv argv_of(struct arena *a, ...) __attribute__((sentinel));
// An empty one in the arena.
struct argv *argv_new(struct arena *a);
void argv_add(struct argv *argv, const char *word); // NULL adds nothing
void argv_add_list(struct argv *argv, const struct list *words);
void argv_addf(struct argv *argv, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Adds flag and value when value is not NULL.
void argv_option(struct argv *argv, const char *flag, const char *value);
// Adds every word of a line, cut as a shell would. Fails the task when a quote is not closed.
int argv_line(struct module *m, struct argv *argv, const char *line);
// The words joined with spaces, as Ansible shows a command.
const char *argv_text(const struct argv *argv);
// The words as a list.
struct value argv_value(const struct argv *argv);

// What a command printed, in the arena.
struct output {
    int rc;
    const char *out, *err;
    size_t out_len;
};

// Runs argv; opts NULL: in the C locale. ERR_FAILED after module_fail when it cannot be started;
// an exit code other than 0 is no failure.
int command_run(struct module *m, const struct argv *argv, const struct proc_opts *opts,
                struct output *ret);
// As command_run; another exit code than 0 fails the task with cmd, rc, stdout, stderr and msg as
// Ansible's run_command(check_rc=True) does.
int command_must(struct module *m, const struct argv *argv, const struct proc_opts *opts,
                 struct output *ret);
// Whether the command ends with 0; false when it cannot be started.
bool command_ok(struct module *m, const struct argv *argv);

#endif
