// One anonymous shared mapping per task: flags and a log of paths. The task writes, the router
// reads once the process has ended, so a process killed at any moment leaves a log that can be
// read.
#include "node/shared.h"

#include "node/module.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SIZE 32768 // a page is used of it, mostly

// One entry: LIVE or GONE, then the path with its NUL.
enum { END, LIVE, GONE };

struct shared {
    volatile sig_atomic_t held, stop;
    pid_t router;
    size_t used;
    char log[SIZE - 4 * sizeof(size_t)]; // ends with END: the mapping is zero and never filled up
};

// The one whose process this is, for its signal handler alone.
static struct shared *mine;

// --- the log -------------------------------------------------------------------------------------

// The next live entry at or behind p, NULL at the end.
static char *next_live(struct shared *s, char *p)
{
    char *end = s->log + sizeof s->log;
    while (p < end && *p != END) {
        if (*p == LIVE)
            return p;
        p += strlen(p) + 1;
    }
    return NULL;
}

void shared_add(struct shared *s, const char *path)
{
    size_t n = strlen(path) + 1;
    if (!s || *path != '/' || n + 2 > sizeof s->log - s->used)
        return;
    if (!next_live(s, s->log)) {
        memset(s->log, 0, s->used);
        s->used = 0;
    }
    memcpy(s->log + s->used + 1, path, n);
    s->log[s->used] = LIVE; // last: what stands behind an END does not count
    s->used += n + 1;
}

void shared_drop(struct shared *s, const char *path)
{
    for (char *p = s ? s->log : NULL; p && (p = next_live(s, p)); p++)
        if (strcmp(p + 1, path) == 0) {
            *p = GONE;
            return;
        }
}

// --- the router ----------------------------------------------------------------------------------

struct shared *shared_new(void)
{
    void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                   -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    struct shared *s = p;
    s->router = getpid();
    return s;
}

void shared_free(struct shared *s, bool ended)
{
    if (!s)
        return;
    s->log[sizeof s->log - 1] = END;
    for (char *p = s->log; ended && (p = next_live(s, p)); p += strlen(p) + 1)
        (void)!host_remove(p + 1, NULL);
    munmap(s, sizeof *s);
}

bool shared_let_finish(struct shared *s)
{
    if (!s || !s->held)
        return false;
    s->stop = 1;
    return true;
}

// --- the task ------------------------------------------------------------------------------------

// The router is gone, killed without a chance to end its tasks: what it would have done is done
// here. Folders stay.
static void on_router_death(int signum)
{
    (void)signum;
    for (char *p = mine ? mine->log : NULL; p && (p = next_live(mine, p)); p++)
        unlink(p + 1);
    kill(0, SIGKILL);
}

static void tie_to_router(struct shared *s)
{
    prctl(PR_SET_PDEATHSIG, SIGHUP);
    if (s && getppid() != s->router)
        kill(0, SIGKILL);
}

void shared_die_with_router(struct shared *s)
{
    struct sigaction act = {.sa_handler = on_router_death};
    mine = s;
    sigaction(SIGHUP, &act, NULL);
    tie_to_router(s);
}

void shared_hold(struct shared *s)
{
    if (!s || s->held++)
        return;
    signal(SIGHUP, SIG_IGN); // also for the programs it starts
    prctl(PR_SET_PDEATHSIG, 0);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); // nothing of the session is held open
    if (null >= 0)
        dup2(null, 2);
    if (null > 2)
        close(null);
}

void shared_release(struct shared *s, void (*remove)(void *data), void *data)
{
    if (!s || --s->held)
        return;
    if (s->stop || getppid() != s->router) {
        remove(data);
        kill(0, SIGTERM);
        _exit(1);
    }
    shared_die_with_router(s);
}
