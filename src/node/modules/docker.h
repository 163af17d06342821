// The Docker API as the docker_* modules speak it: HTTP to the daemon's socket (or tcp://), JSON
// both ways, and registry logins from Docker's own configuration. Nothing of Docker's is needed on
// the host but its daemon.
#ifndef NODE_MODULES_DOCKER_H
#define NODE_MODULES_DOCKER_H

#include "node/http.h"

struct docker {
    struct module *m;
    struct arena *a;
    struct http_request base; // where and how; url is set per call
    const char *prefix;       // "/v1.41"
    const char *version;      // "1.41"
    const char *where;        // the daemon as its refusals name it
    const char *address;      // as the user does
    const char *error;        // of the last call that the daemon refused
};

struct docker_call {
    const char *method, *path; // path behind the version, with the query
    const struct value *body;  // sent as JSON; NULL: none
    const char *file;          // sent instead of body: a tar archive
    const char *auth; // X-Registry-Auth or X-Registry-Config header, "Name: value"; NULL: none
    int timeout_s;    // 0: the task's, <0: none
    int out_fd;       // where a good answer's body goes; 0: into the answer
};

struct docker_answer {
    int status;
    struct value value; // the body, where it was JSON
    struct buf body;    // else
};

// Reads the connection parameters and asks the daemon for its version. ERR_FAILED after
// module_fail.
int docker_open(struct docker *d, struct module *m);
// Does a call. Returns the HTTP status (d->error says why from 400 on), or ERR_FAILED after
// module_fail when the daemon cannot be reached.
int docker_try(struct docker *d, const struct docker_call *call, struct docker_answer *ret);
// As docker_try for a JSON body or none; a status from 400 on fails the task with
// "what: the daemon's reason" (what NULL: with the reason alone). ret may be NULL.
int docker_must(struct docker *d, const char *method, const char *path, const struct value *body,
                const char *what, struct value *ret);
// GET path: 1 found, 0 when there is none, ERR_FAILED.
int docker_get(struct docker *d, const char *path, struct value *ret);
// A path from a format whose strings are quoted for URLs.
const char *docker_path(struct docker *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// s quoted for a query or a path.
const char *docker_quote(struct arena *a, const char *s);
// Whether the daemon's API is at least this version ("1.41").
bool docker_has_api(const struct docker *d, const char *version);
// Shows the warnings of an answer as warnings of the task.
void docker_warnings(struct docker *d, const struct value *answer);

// --- images (docker_image.c)
// "host/name:tag" and "name@sha256:..." into name and tag (NULL when there is none).
void docker_split_tag(struct arena *a, const char *image, const char **ret_name,
                      const char **ret_tag);
bool docker_is_image_id(const char *name);
// Inspects an image by name, tag ("" or NULL: none) or id: 1, 0 when there is none, ERR_FAILED.
int docker_find_image(struct docker *d, const char *name, const char *tag, struct value *ret);
// Pulls an image. *ret_image is the image then, *ret_old whether it is the one that was there.
int docker_pull(struct docker *d, const char *name, const char *tag, const char *platform,
                struct value *ret_image, bool *ret_old);
// "Name: value" header that logs in to the image's registry, or NULL.
const char *docker_auth_header(struct docker *d, const char *image);
// The registry of an image's name, "docker.io" for none.
const char *docker_registry(struct arena *a, const char *image);
// Whether an answer that is a stream of JSON lines holds an error: then the task fails with it.
int docker_stream_error(struct docker *d, const struct buf *body, const char *what);

// --- comparing what is wanted with what is
enum docker_compare { DOCKER_VALUE, DOCKER_LIST, DOCKER_SET, DOCKER_DICTS, DOCKER_DICT };
enum docker_mode { DOCKER_STRICT, DOCKER_MORE, DOCKER_IGNORE };
// Whether have is as wanted; DOCKER_MORE: it may hold more besides.
bool docker_same(enum docker_compare kind, enum docker_mode mode, const struct value *want,
                 const struct value *have);
// The value behind names separated by dots ("HostConfig.Memory"), or NULL.
const struct value *docker_at(const struct value *v, const char *path);
// Sets the value behind such names, making the dicts between.
void docker_put(struct dict *d, const char *path, struct value v);
// Text of a member, "" when there is none.
const char *docker_str(const struct value *v, const char *path);
// A copy of v whose values are all strings, true and false as Docker writes them.
struct value docker_strings(struct arena *a, const struct value *v);
// Notes a difference for the result's diff.
struct docker_diff {
    struct value before, after, list; // list: the differences one by one
    bool image;                       // of another image
};
void docker_diff_init(struct docker_diff *diff, struct arena *a);
void docker_diff_add(struct docker_diff *diff, const char *name, struct value want,
                     struct value have);
bool docker_differs(const struct docker_diff *diff);
// What a module returns: a task that failed tells of no change.
int docker_end(struct module *m, int rc);
// Puts the differences into the result, in diff mode or with the parameter debug.
void docker_tell_diff(struct module *m, const struct docker_diff *diff);

#endif
