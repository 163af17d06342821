// The commit that a folder stands at, by the git program: it knows worktrees, alternates and what
// its owner allows.
#include "cli/git_state.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 1000
#define OID "# branch.oid "

extern char **environ;

static bool in_repository(struct arena *a, const char *dir)
{
    char *real = realpath(dir, NULL);
    const char *at = real ? arena_strdup(a, real) : dir;
    free(real);
    while (access(path_join(a, at, ".git"), F_OK) != 0) {
        const char *up = path_dir(a, at);
        if (*at != '/' || strcmp(up, at) == 0)
            return false;
        at = up;
    }
    return true;
}

// git status, its output on *ret_fd. The user's hooks and monitors are not run for it.
static pid_t start(const char *dir, int *ret_fd)
{
    const char *const argv[] = {"git",
                                "-C",
                                dir,
                                "--no-optional-locks",
                                "-c",
                                "core.fsmonitor=false",
                                "status",
                                "--porcelain=v2",
                                "--branch",
                                "--untracked-files=no",
                                "--ignore-submodules=all",
                                NULL};
    int p[2];
    pid_t pid = -1;
    posix_spawn_file_actions_t fa;
    if (pipe2(p, O_CLOEXEC) < 0)
        return -1;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, p[1], 1);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, "git", &fa, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&fa);
    close(p[1]);
    if (pid < 0)
        close(p[0]);
    *ret_fd = p[0];
    return pid;
}

// What is read until a line tells of a changed file, the end, or the time is up.
static void read_status(struct arena *a, int fd, struct git_state *ret)
{
    char text[8192];
    size_t n = 0;
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        ssize_t got = left > 0 && n < sizeof text - 1 && poll(&p, 1, (int)left) > 0
                          ? read(fd, text + n, sizeof text - 1 - n)
                          : 0;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    text[n] = '\0';
    for (char *line = text, *nl; (nl = strchr(line, '\n')); line = nl + 1) {
        *nl = '\0';
        if (strncmp(line, OID, strlen(OID)) == 0 && strcmp(line + strlen(OID), "(initial)") != 0)
            ret->commit = arena_strdup(a, line + strlen(OID));
        ret->dirty = ret->dirty || *line != '#';
    }
}

void git_query_start(struct git_query *q, struct arena *a, const char *dir)
{
    q->pid = in_repository(a, dir) ? start(dir, &q->fd) : 0;
    if (q->pid < 0)
        q->pid = 0;
}

struct git_state git_query_end(struct git_query *q, struct arena *a)
{
    struct git_state st = {0};
    if (!q->pid)
        return st;
    if (a)
        read_status(a, q->fd, &st);
    close(q->fd);
    kill(q->pid, SIGKILL); // it has said what was asked
    while (waitpid(q->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    q->pid = 0;
    return st;
}
