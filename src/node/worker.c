// A process of tasks. Forking one for each costs more than most tasks do, so one that a task has
// left as it was (no program started, same folder, umask, environment, descriptors and time zone,
// little memory) runs the next one too.
#include "node/worker.h"

#include "node/async.h"
#include "node/session.h"

#include "core/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TASKS_MAX 200           // of one process
#define GROWTH_MAX_KB (8 << 10) // of its memory

// What of a process a task may change.
struct condition {
    mode_t mask;
    dev_t cwd_dev;
    ino_t cwd_ino;
    int next_fd;
    ino_t zone; // /etc/localtime, which libc reads once
    struct timespec zone_time;
    uintptr_t environment; // over the addresses: setenv() gives a variable a new one
    long memory_kb;        // at its most
    bool had_children;
};

static struct condition look(void)
{
    struct condition c = {.mask = umask(0)};
    struct stat st;
    umask(c.mask);
    if (stat(".", &st) == 0) {
        c.cwd_dev = st.st_dev;
        c.cwd_ino = st.st_ino;
    }
    if (lstat("/etc/localtime", &st) == 0) {
        c.zone = st.st_ino;
        c.zone_time = st.st_mtim;
    }
    c.next_fd = dup(STDIN_FILENO);
    close(c.next_fd);
    c.environment = (uintptr_t)environ;
    for (char **v = environ; v && *v; v++)
        c.environment = c.environment * 31 + (uintptr_t)*v;
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    c.memory_kb = self.ru_maxrss;
    c.had_children = children.ru_minflt || children.ru_majflt;
    return c;
}

// Whether the process is as it was when it looked like this. A program that was started may have
// left others behind, which must not end with a later task.
static bool as_before(const struct condition *was)
{
    struct condition is = look();
    return is.mask == was->mask && is.cwd_dev == was->cwd_dev && is.cwd_ino == was->cwd_ino &&
           is.next_fd == was->next_fd && is.environment == was->environment &&
           is.zone == was->zone && is.zone_time.tv_sec == was->zone_time.tv_sec &&
           is.zone_time.tv_nsec == was->zone_time.tv_nsec &&
           is.memory_kb - was->memory_kb <= GROWTH_MAX_KB && !is.had_children;
}

static void put_result(struct buf *out, uint32_t id, const struct value *result)
{
    static const char too_large[] =
        "{\"changed\": false, \"failed\": true, \"msg\": \"the result is larger than 64 MiB\"}";
    struct buf header = BUF_INIT;
    frame_put_header(out, FRAME_RESULT, id, 0); // its length comes when it is known
    json_write(out, result, NULL);
    if (out->len - FRAME_HEADER > FRAME_MAX) {
        out->len = FRAME_HEADER;
        buf_adds(out, too_large);
    }
    frame_put_header(&header, FRAME_RESULT, id, out->len - FRAME_HEADER);
    memcpy(out->p, header.p, FRAME_HEADER);
    buf_release(&header);
}

// Runs one task and sends its result, through out; whether the process may go on.
static bool run(struct session *s, struct arena *a, const struct dict *task,
                const struct condition *was, struct buf *out)
{
    struct value result;
    const struct value *job = dict_get(task, "async");
    bool background = job && job->type == VALUE_DICT;
    if (background)
        async_start(a, task, s, &result);
    else
        task_run(a, task, s, &result);
    // what failed may have left something behind in memory
    bool on = was && !background && !dict_bool(result.u.dict, "failed", false) && as_before(was);
    buf_clear(out);
    put_result(out, s->id, &result);
    if (on)
        frame_put(out, FRAME_HELLO, s->id, "", 0);
    return session_write(s, out->p, out->len, NULL) == 0 && on;
}

// Waits for the next task; NULL when none will come.
static const struct dict *next_task(struct session *s, struct arena *a)
{
    struct frame f;
    struct value v;
    do {
        if (session_next(s, &f, NULL) < 0)
            return NULL;
    } while (f.type != FRAME_TASK); // content that the last task did not wait for
    s->id = f.id;
    return json_parse(a, f.payload, f.len, &v, NULL) == 0 && v.type == VALUE_DICT ? v.u.dict : NULL;
}

_Noreturn void worker_run(struct arena *a, const struct dict *task, struct session s)
{
    struct condition was = look();
    struct buf answer = BUF_INIT;
    bool on = run(&s, a, task, &was, &answer);
    a = arena_new(); // the first one's is the router's
    for (int n = 2; on && (task = next_task(&s, a)); n++) {
        on = run(&s, a, task, n < TASKS_MAX ? &was : NULL, &answer);
        arena_reset(a);
    }
    _exit(0);
}
