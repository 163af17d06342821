// Marks are empty files named after runs, in a folder beside the user's journals and, of root,
// where all users see them. Helpers and background jobs are found by an abstract socket, whose name
// goes with the last process that has it: the helper, or a task that it left to come to its end.
#include "node/fence.h"
#include "node/journal.h"
#include "node/text.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOT_MARKS "/var/lib/andon/fence"
#define MARKS_MAX 200   // runs that a user remembers
#define PLACES 8        // helpers of one run and user that can be found: sessions side by side
#define JOBS 256        // jobs of one run that can be found, whoever they work as
#define RUN_NAME_MAX 64 // a socket's name has 107 bytes
#define AGAIN_MS 50     // before a helper that does not listen to us is looked for again

static char *marks_folder(void)
{
    struct arena *a = arena_new();
    char *dir = xstrdup(path_join(a, path_dir(a, journal_root(a, NULL)), "fence"));
    arena_free(a);
    return dir;
}

static bool marked(const char *folder, const char *run)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, run);
    return n > 0 && n < (int)sizeof path && access(path, F_OK) == 0;
}

// Where to look for those that work for a run.
struct places {
    const char *run;
    uid_t uid; // of helpers
    bool jobs; // of all users
};

static int count(const struct places *p)
{
    return p->jobs ? JOBS : PLACES;
}

// The name of one of them.
static socklen_t address(const struct places *p, int number, struct sockaddr_un *ret)
{
    size_t max = sizeof ret->sun_path - 1;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    char *name = ret->sun_path + 1; // behind a NUL: of no file
    int n = p->jobs ? snprintf(name, max, "andon-job/%s/%d", p->run, number)
                    : snprintf(name, max, "andon-run/%s/%u/%d", p->run, (unsigned)p->uid, number);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

// --- who works for a run
// --------------------------------------------------------------------------------

static int listen_at(const struct places *p)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    for (int i = 0; fd >= 0 && i < count(p); i++) {
        struct sockaddr_un at;
        socklen_t len = address(p, i, &at);
        if (bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, PLACES) == 0)
            return fd;
        if (errno != EADDRINUSE)
            break;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

void fence_enter(struct fence *f, const char *run)
{
    if (!journal_good_run(run, RUN_NAME_MAX) || (f->run && strcmp(f->run, run) == 0))
        return;
    char *folder = f->folder ? f->folder : marks_folder();
    f->folder = NULL;
    fence_release(f);
    struct places p = {.run = run, .uid = geteuid()};
    *f = (struct fence){.run = xstrdup(run), .folder = folder, .fd = listen_at(&p)};
}

void fence_enter_job(struct fence *f, const char *run)
{
    struct places p = {.run = run, .jobs = true};
    if (journal_good_run(run, RUN_NAME_MAX))
        *f = (struct fence){.run = xstrdup(run), .fd = listen_at(&p)};
}

bool fence_is_up(const struct fence *f)
{
    return f->run && (marked(f->folder, f->run) || marked(ROOT_MARKS, f->run));
}

static bool may_call(int fd)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

bool fence_called(struct fence *f)
{
    for (int fd; (fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd))
        if (may_call(fd))
            return true; // it stays open as long as we are there: the caller waits for its end
    return false;
}

const char *fence_refusal(struct arena *a, const char *run)
{
    return arena_printf(a,
                        "the run %s was given up on this host: it is undone, or its rollout went "
                        "on without it; nothing more of it is done here",
                        run);
}

void fence_release(struct fence *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->run);
    free(f->folder);
    *f = (struct fence)FENCE_INIT;
}

// --- giving a run up
// ------------------------------------------------------------------------------------

static int is_mark(const struct dirent *d)
{
    return *d->d_name != '.';
}

// The oldest go: ids of runs sort by time.
static void prune(struct arena *a, const char *folder)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, is_mark, alphasort);
    for (int i = 0; i < n; i++) {
        if (i + MARKS_MAX < n)
            unlink(path_join(a, folder, found[i]->d_name));
        free(found[i]);
    }
    free(found);
}

static int mark(struct arena *a, const char *folder, const char *run, struct err *e)
{
    const char *path = path_join(a, folder, run);
    mode_t mask = umask(0);
    int rc = host_mkdirs(folder, 0711, e); // others may ask for a run whose name they know
    umask(mask);
    if (rc < 0 || access(path, F_OK) == 0)
        return rc;
    prune(a, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fsync(fd) < 0 || file_sync_folder(folder) < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot write '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

// Who was called.
struct calls {
    int fds[2 * PLACES + JOBS];
    size_t n;
    pid_t last; // one of them, or 0
    bool busy;  // one has so many callers that we could not be one of them
};

static bool is_theirs(const struct places *p, uid_t uid)
{
    return p->jobs ? geteuid() == 0 || uid == geteuid() : uid == p->uid;
}

static void call(struct calls *c, const struct places *p, int number)
{
    struct sockaddr_un at;
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = address(p, number, &at), size = sizeof who;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool there = fd >= 0 && connect(fd, (struct sockaddr *)&at, len) == 0;
    c->busy |= fd >= 0 && !there && errno == EAGAIN;
    // or somebody else took the name
    if (there && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
        is_theirs(p, who.uid)) {
        c->fds[c->n++] = fd;
        c->last = who.pid;
    } else if (fd >= 0) {
        close(fd);
    }
}

static void call_all(struct calls *c, const struct places *p)
{
    for (int i = 0; i < count(p); i++)
        call(c, p, i);
}

// A helper closes the connection by its end, or that of the tasks that go on without it.
static void wait_for_end(struct calls *c, int64_t until)
{
    for (size_t i = 0; i < c->n; i++) {
        struct pollfd p = {.fd = c->fds[i], .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        if (left > 0)
            poll(&p, 1, (int)left);
        close(c->fds[i]);
    }
}

// Root's helpers are waited for by others, too: they end with the helper of the login above them.
static int wait_for_all(const char *run, int wait_ms, struct err *e)
{
    struct places own = {.run = run, .uid = geteuid()}, root = {.run = run, .uid = 0},
                  jobs = {.run = run, .jobs = true};
    int64_t until = clock_mono_ms() + wait_ms;
    for (;;) {
        struct calls c = {.n = 0};
        call_all(&c, &own);
        if (own.uid != 0)
            call_all(&c, &root);
        call_all(&c, &jobs);
        if (!c.n && !c.busy)
            return 0;
        wait_for_end(&c, until);
        if (clock_mono_ms() < until) {
            poll(NULL, 0, AGAIN_MS);
            continue;
        }
        char who[64] = "";
        if (c.last > 0)
            snprintf(who, sizeof who, " (process %ld, or one that it began)", (long)c.last);
        return err_set(e, ERR_FAILED, POS_NONE,
                       "the run %s is still at work here%s, with something that must not be "
                       "left half done; once more when that has ended",
                       run, who);
    }
}

int fence_put_up(const char *run, int wait_ms, struct err *unmarked, struct err *e)
{
    if (!journal_good_run(run, RUN_NAME_MAX))
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no run", run);
    struct arena *a = arena_new();
    char *folder = marks_folder();
    (void)!mark(a, folder, run, unmarked);
    free(folder);
    arena_free(a);
    return wait_for_all(run, wait_ms, e);
}
