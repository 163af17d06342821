// Running another program to its end: what it is given, what it says, how long it may take.
#ifndef CORE_PROGRAM_H
#define CORE_PROGRAM_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct program_opts {
    const char *input; // its standard input; NULL: /dev/null
    size_t input_len;
    bool input_is_ours;     // its standard input is ours, so that it can ask
    const char *cwd;        // NULL: ours
    const char *const *env; // "NAME=value" in front of ours, ends with NULL; may be NULL
    int timeout_ms;         // 0: none
    bool no_terminal;       // in a session of its own, so that it cannot ask anybody
    bool error_to_terminal; // its standard error is ours
    size_t max_output;      // of each stream, 0: 1 MiB; more is dropped
    bool more_is_error;     // than max_output on standard output: it is killed
};

struct program_result {
    int status; // exit code, 128+signal
    int signal; // that ended it, 0: none
    int error;  // errno of a start that failed
    struct buf out, err;
};

// Runs argv (searched in PATH; ends with NULL) and waits. The result is to be released also after
// an error: ERR_NOENT when there is no such program, ERR_IO, ERR_TIMEOUT or ERR_LIMIT (it was
// killed).
int program_run(const char *const *argv, const struct program_opts *opts,
                struct program_result *ret, struct err *e) __attribute__((warn_unused_result));
// The same in two steps, for what is to be done meanwhile: argv[0], input and env must live until
// the second. timeout_ms counts from program_finish, which ends it also: 0 waits without end, <0
// kills it at once. After ERR_TIMEOUT the result has what it said until then.
struct program;
int program_start(const char *const *argv, const struct program_opts *opts, struct program **ret,
                  struct err *e) __attribute__((warn_unused_result));
int program_finish(struct program *p, int timeout_ms, struct program_result *ret, struct err *e);
void program_release(struct program_result *r);
// The last line that is not empty, without its end, for messages.
const char *program_last_line(struct arena *a, const struct buf *b);

#endif
