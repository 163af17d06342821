// Inside of gate_sample: gates as questions, each with the processes and HTTP requests (its items)
// that answer it, all waited for in one loop.
#ifndef ROLLOUT_GATE_ASK_H
#define ROLLOUT_GATE_ASK_H

#include "core/buf.h"
#include "rollout/gate.h"

#include <curl/curl.h>
#include <sys/types.h>

struct question;

// A process of its own session. Fields above the line are set by whoever adds it.
struct process {
    const char *const *argv; // ends with NULL, argv[0] is searched in PATH
    const char *const *env;  // more variables as NAME=VALUE, ends with NULL; NULL: none
    const char *dir;         // where it runs, NULL: here
    bool split;              // standard error is kept apart
    size_t keep;             // bytes of standard output kept: its end
    // ---
    pid_t pid;
    int watch, out, err; // descriptors, -1 when closed
    int status;          // as of waitpid
    int64_t kill_at;     // ms, when the next step to end it is due; 0: not told to end
    bool killed;
    struct buf output, errors;
    bool cut; // more came than is kept
};

struct request {
    const char *url, *method;   // method NULL: GET, or POST with a body
    const char *const *headers; // "Name: value", ends with NULL; NULL: none
    const char *post;           // form-encoded body, NULL: none
    bool tls_verify;
    size_t max; // bytes of the answer kept: its start
    // ---
    CURL *easy;
    struct curl_slist *list;
    char errbuf[CURL_ERROR_SIZE];
    long status; // 0: no answer
    struct buf body;
    bool cut; // it is longer
};

struct item {
    struct item *next;
    struct question *q;
    const char *host;        // NULL: for all or none
    size_t hosts;            // how many hosts it speaks for
    void *data;              // the kind's own
    struct process *process; // either this
    struct request *request; // or this
    enum { ITEM_WAITING, ITEM_RUNNING, ITEM_ENDED } state;
    bool late;         // did not end in time
    const char *error; // why there is no answer, NULL: there is one
    int64_t began;     // ms
    double seconds;
};

// One kind of gate. start adds items or answers at once; finish answers when all items have ended.
struct gate_ops {
    int (*start)(struct question *q, struct err *e);
    void (*finish)(struct question *q);
};
extern const struct gate_ops gate_command_ops, gate_on_hosts_ops, gate_http_ops,
    gate_prometheus_ops, gate_bake_ops, gate_window_ops, gate_health_ops, gate_canary_ops;

struct question {
    const struct gate *gate;
    const struct gate_ops *ops;
    const struct gate_env *env;
    struct arena *a;
    struct gate_result *result;
    struct item *first, **tail;
    int64_t began, deadline; // ms
    bool answered;
    void *data; // the kind's own
};

// An item of q that is started as soon as there is room.
struct item *ask_process(struct question *q, const struct process *p);
struct item *ask_request(struct question *q, const struct request *r);
// Answers q: printf-like detail becomes one line of printable text. values may be NULL.
void ask_answer(struct question *q, enum gate_answer answer, const struct value *values,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
// Text with {{ }} as a host (NULL: the controller) sees it; what has none stays as it is.
int ask_expand(struct question *q, const char *host, const char *text, const char **ret,
               struct err *e);
// The number of hosts of the ring.
size_t ask_hosts(const struct question *q);
// ANDON_* variables for commands: the rollout, its hosts.
const char *const *ask_environment(struct question *q);
// The folder of the service file, NULL when it is not known.
const char *ask_folder(const struct question *q);
// One printable line of at most max bytes of what a program or server said.
const char *ask_line(struct arena *a, const char *s, size_t len, size_t max);
// The last lines of a program's output as one line.
const char *ask_last_lines(struct arena *a, const struct buf *b);
// The URL without what may be secret: name, password and query.
const char *ask_url(struct arena *a, const char *url);
// How a process ended: "exit code 3", "signal 9 (Killed)", "not ended after 30 s".
const char *ask_ending(struct arena *a, const struct item *i);

// gate_process.c
int gate_process_start(struct item *i, struct err *e);
// Reads what there is and sees whether it has ended.
void gate_process_look(struct item *i, int64_t now);
// The next step to end it and its children when it is due: told to, killed two seconds later, given
// up when even that does not end it.
void gate_process_stop(struct item *i, int64_t now);
// Ends it in at most three seconds if it runs, and frees what it said.
void gate_process_release(struct item *i);

// gate_request.c
int gate_request_start(struct item *i, CURLM *multi, int64_t now, struct err *e);
// Takes over what libcurl says about it.
void gate_request_ended(struct item *i, CURLcode code);
void gate_request_release(struct request *r, CURLM *multi);

#endif
