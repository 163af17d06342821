// A job: the task's process forks a supervisor in a session of its own, which survives helper and
// connection. The supervisor runs the module in a further process (and process group), keeps the
// time, ends it when its run is given up, and leaves the result in the job's file.
#include "node/async.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "node/fence.h"
#include "node/payload.h"
#include "node/session.h"
#include "node/shared.h"
#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_WAIT_MS 5000
#define LATE_MS 5000  // past the limit, so that who waits for the job says that its time is over
#define GRACE_MS 5000 // from SIGTERM to SIGKILL where the run is given up
#define LOOK_MS 50    // between looks at what is left of it

struct job {
    struct arena *a;
    const struct dict *task;
    const char *jid, *path;
    int64_t limit_ms;
    struct fence fence;    // of the supervisor
    struct shared *shared; // of the supervisor and the module
};

const char *async_dir(struct arena *a, const char *dir)
{
    if (dir[0] != '~' || (dir[1] && dir[1] != '/'))
        return dir;
    const char *home = getenv("HOME");
    struct passwd *pw = home && *home ? NULL : getpwuid(getuid());
    return arena_printf(a, "%s%s", home && *home ? home : pw ? pw->pw_dir : "", dir + 1);
}

static void fail(struct arena *a, struct value *result, const char *msg)
{
    *result = value_dict(a);
    dict_set(result->u.dict, "failed", value_bool(true));
    dict_set(result->u.dict, "changed", value_bool(false));
    dict_set(result->u.dict, "msg", value_cstr(msg));
}

static int write_state(const struct job *j, const struct value *state, struct err *e)
{
    struct buf b = BUF_INIT;
    json_write(&b, state, NULL);
    int rc = file_write_atomic(j->path, buf_str(&b), b.len, 0600, e);
    buf_release(&b);
    return rc;
}

static struct value started(const struct job *j)
{
    struct value v = value_dict(j->a);
    dict_set(v.u.dict, "started", value_int(1));
    dict_set(v.u.dict, "finished", value_int(0));
    dict_set(v.u.dict, "ansible_job_id", value_cstr(j->jid));
    return v;
}

// --- the module's process
// --------------------------------------------------------------------------------------

static _Noreturn void run_module(const struct job *j)
{
    struct session nobody = {.in_fd = -1, .out_fd = -1, .shared = j->shared};
    struct value result;
    sigset_t none;
    setpgid(0, 0);
    shared_die_with_router(j->shared); // which is the supervisor here
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    task_run(j->a, j->task, &nobody, &result);
    _exit(write_state(j, &result, NULL) < 0 ? 1 : 0);
}

// --- the supervisor
// -------------------------------------------------------------------------------------------

enum end { ENDED, LATE, GIVEN_UP };

// Waits for the module's process to end, or for a reason to end it. sigchld: a signalfd.
static enum end wait_module(struct job *j, pid_t pid, int sigchld, int *status)
{
    int64_t until = clock_mono_ms() + j->limit_ms + LATE_MS;
    struct pollfd p[] = {{.fd = sigchld, .events = POLLIN}, {.fd = j->fence.fd, .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo info;
        (void)!read(sigchld, &info, sizeof info);
        if (waitpid(pid, status, WNOHANG) == pid)
            return ENDED;
        int64_t left = until - clock_mono_ms();
        if (left <= 0)
            return LATE;
        poll(p, 2, left < INT_MAX ? (int)left : INT_MAX);
        if (p[1].revents && fence_called(&j->fence))
            return GIVEN_UP;
    }
}

// Ends the module with all it has started; at something that must not be left half done it ends
// behind that.
static void end_module(const struct job *j, pid_t pid, int grace_ms)
{
    int status;
    if (!shared_let_finish(j->shared)) {
        kill(-pid, grace_ms ? SIGTERM : SIGKILL);
        for (int64_t until = clock_mono_ms() + grace_ms; kill(-pid, 0) == 0;
             poll(NULL, 0, LOOK_MS)) {
            waitpid(pid, &status, WNOHANG);
            if (clock_mono_ms() >= until)
                kill(-pid, SIGKILL);
        }
    }
    waitpid(pid, &status, 0);
}

static void leave_failure(const struct job *j, const char *msg)
{
    struct value result;
    fail(j->a, &result, msg);
    dict_set(result.u.dict, "ansible_job_id", value_cstr(j->jid));
    (void)!write_state(j, &result, NULL);
}

static void leave_timeout(const struct job *j, pid_t pid)
{
    struct value result;
    fail(j->a, &result, "Timeout exceeded");
    dict_del(result.u.dict, "changed");
    dict_set(result.u.dict, "child_pid", value_int(pid));
    (void)!write_state(j, &result, NULL);
}

static void supervise(struct job *j, pid_t pid, int sigchld)
{
    const char *module = dict_str(j->task, "module", "");
    int status = 0;
    switch (wait_module(j, pid, sigchld, &status)) {
    case LATE:
        leave_timeout(j, pid);
        end_module(j, pid, 0);
        break;
    case GIVEN_UP:
        end_module(j, pid, GRACE_MS);
        leave_failure(j, fence_refusal(j->a, j->fence.run));
        break;
    case ENDED:
        if (WIFSIGNALED(status))
            leave_failure(j, arena_printf(j->a, "the module %s was ended by signal %d (%s)", module,
                                          WTERMSIG(status), strsignal(WTERMSIG(status))));
        else if (WEXITSTATUS(status) != 0) // else it has written its result
            leave_failure(
                j, arena_printf(j->a, "the result of the module %s could not be written", module));
        break;
    }
    shared_free(j->shared, true);
}

// Closes what the session left open: while somebody holds the stream, ssh does not end.
static void let_go(int keep)
{
    long max = sysconf(_SC_OPEN_MAX);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    for (int fd = 3; fd < (max > 0 && max < 4096 ? max : 4096); fd++)
        if (fd != keep)
            close(fd);
}

static _Noreturn void supervisor(struct job *j, int ready)
{
    struct value state = started(j);
    struct err e = ERR_INIT;
    sigset_t chld;
    setsid();
    prctl(PR_SET_PDEATHSIG, 0);
    let_go(ready);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    int sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    j->shared = shared_new();
    fence_enter_job(&j->fence, dict_str(j->task, "run", ""));
    pid_t pid = -1;
    if (write_state(j, &state, &e) == 0) {
        pid = fork();
        if (pid == 0) {
            close(ready); // j->fence stays: while this process is there, the run is at work
            close(sigchld);
            run_module(j);
        }
    } else {
        (void)!write(ready, err_msg(&e), strlen(err_msg(&e)));
    }
    close(ready); // without a word: it goes
    if (pid > 0) {
        setpgid(pid, pid);
        supervise(j, pid, sigchld);
    }
    _exit(0);
}

// --- starting
// -------------------------------------------------------------------------------------------------

// What the supervisor complained about until it let go of the pipe; "" when nothing.
static const char *hear(struct arena *a, int fd)
{
    char text[512];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, START_WAIT_MS) <= 0)
        return "";
    ssize_t n = read(fd, text, sizeof text - 1);
    return n > 0 ? arena_strndup(a, text, (size_t)n) : "";
}

static const char *start_job(struct job *j, const char *prefix, const char *dir)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return "cannot start the job: too many open files";
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        if (fork() == 0) {
            // the id holds the number of the process that supervises
            j->jid = arena_printf(j->a, "%s.%d", prefix, (int)getpid());
            j->path = path_join(j->a, dir, j->jid);
            (void)!write(ready[1], j->jid, strlen(j->jid) + 1);
            supervisor(j, ready[1]);
        }
        _exit(0);
    }
    close(ready[1]);
    if (pid < 0) {
        close(ready[0]);
        return "cannot start the job: no more processes";
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    char jid[256];
    size_t n = 0;
    while (n < sizeof jid && read(ready[0], &jid[n], 1) == 1 && jid[n])
        n++;
    j->jid = arena_strndup(j->a, jid, n < sizeof jid ? n : 0);
    j->path = path_join(j->a, dir, j->jid);
    const char *complaint = n ? hear(j->a, ready[0]) : "cannot start the job: no more processes";
    close(ready[0]);
    return *complaint ? complaint : NULL;
}

// Whether an undo takes back what the job does, as far as that is known of a module before it has
// run.
static void tell_undo(struct arena *a, const struct dict *task, struct dict *result)
{
    const struct value *journal = dict_get(task, "journal"), *args = dict_get(task, "args");
    if (!journal || journal->type != VALUE_DICT)
        return;
    const char *why =
        spec_no_undo(spec_find(dict_str(task, "module", "")),
                     args && args->type == VALUE_DICT ? args->u.dict : value_dict(a).u.dict);
    struct value out = value_dict(a);
    bool inverse = dict_get(journal->u.dict, "inverse") != NULL;
    dict_set(out.u.dict, "undo", value_cstr(!why ? "yes" : inverse ? "inverse" : "no"));
    dict_set(result, "_andon", out);
}

void async_start(struct arena *a, const struct dict *task, struct session *s,
                 struct value *ret_result)
{
    const struct dict *opts = dict_get(task, "async")->u.dict;
    const char *dir = async_dir(a, dict_str(opts, "dir", "~/.ansible_async"));
    struct job j = {
        .a = a, .task = task, .limit_ms = dict_int(opts, "limit", 0) * 1000, .fence = FENCE_INIT};
    struct err e = ERR_INIT;
    if (strcmp(dict_str(task, "module", ""), "_foreign") == 0 &&
        foreign_fetch(a, task, s, &e) < 0) {
        fail(a, ret_result, arena_strdup(a, err_msg(&e)));
        err_release(&e);
        return;
    }
    if (file_mkdirs(dir, 0700, &e) < 0) {
        fail(a, ret_result,
             arena_printf(a, "could not create directory: %s - %s", dir, err_msg(&e)));
        err_release(&e);
        return;
    }
    const char *why = start_job(&j, dict_str(opts, "jid", "j0"), dir);
    if (why) {
        fail(a, ret_result, why);
        return;
    }
    *ret_result = started(&j);
    struct dict *d = ret_result->u.dict;
    dict_set(d, "results_file", value_cstr(j.path));
    dict_set(d, "failed", value_int(0));
    dict_set(d, "changed", value_bool(true));
    tell_undo(a, task, d);
}
