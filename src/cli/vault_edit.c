// Plain texts of encrypted files in the hands of editors and pagers.
#include "cli/vault.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// --- the private folder
// ----------------------------------------------------------------------------------------

char *private_dir(struct err *e)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    const char *const places[] = {runtime, "/dev/shm", tmp, "/tmp"};
    char name[4096];
    for (size_t i = 0; i < 4; i++) {
        if (!places[i] || !*places[i])
            continue;
        int n = snprintf(name, sizeof name, "%s/andon-vault-XXXXXX", places[i]);
        if (n > 0 && n < (int)sizeof name && mkdtemp(name))
            return xstrdup(name);
    }
    err_set(e, ERR_IO, POS_NONE, "no private folder can be made in /dev/shm or /tmp: %s",
            strerror(errno));
    return NULL;
}

static void wipe_file(int dir, const char *name)
{
    static const char zeros[4096];
    struct stat st;
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0)
        for (off_t at = 0; at < st.st_size; at += (off_t)sizeof zeros)
            if (write(fd, zeros, sizeof zeros) < 0)
                break;
    if (fd >= 0) {
        fdatasync(fd);
        close(fd);
    }
    unlinkat(dir, name, 0);
}

void private_dir_remove(char *dir)
{
    DIR *d = dir ? opendir(dir) : NULL;
    for (struct dirent *de; d && (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            wipe_file(dirfd(d), de->d_name);
    if (d)
        closedir(d);
    if (dir)
        rmdir(dir);
    free(dir);
}

int private_file(struct arena *a, const char *dir, const char *name, const struct buf *text,
                 char **ret, struct err *e)
{
    *ret = path_join(a, dir, name);
    int fd = open(*ret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const char *s = text ? buf_str(text) : "";
    size_t left = text ? text->len : 0;
    bool ok = fd >= 0;
    while (ok && left) {
        ssize_t n = write(fd, s, left);
        ok = n >= 0 || errno == EINTR;
        if (n > 0) {
            s += n;
            left -= (size_t)n;
        }
    }
    int rc = ok ? 0 : err_set(e, ERR_IO, POS_NONE, "cannot write %s: %s", *ret, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

// --- children
// --------------------------------------------------------------------------------------------------

// Runs a command of the user's with the shell, with one argument (or none) behind it, its standard
// input from in (or ours, <0). 0, or what the shell says; 127: there is no such program.
static int shell(struct arena *a, const char *command, const char *arg, int in, pid_t *ret_pid)
{
    posix_spawn_file_actions_t acts;
    char *line = arena_printf(a, "%s%s", command, arg ? " \"$@\"" : "");
    char *const argv[] = {arena_strdup(a, "sh"),    arena_strdup(a, "-c"), line,
                          arena_strdup(a, command), arena_strdup(a, arg),  NULL};
    posix_spawn_file_actions_init(&acts);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&acts, in, 0);
    int rc = posix_spawn(ret_pid, "/bin/sh", &acts, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    return rc;
}

// The exit code of a child; 127 also when it could not be started (rc).
static int wait_child(int rc, pid_t pid)
{
    int status = 0;
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return rc ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// An ending such as ".yml", by which editors choose their mode.
static const char *ending(const char *path)
{
    const char *dot = strrchr(path_base(path), '.');
    return dot && dot != path_base(path) ? dot : "";
}

int vault_edit_text(const char *path, const struct buf *text, struct buf *ret, struct err *e)
{
    struct arena *a = arena_new();
    const char *editor = getenv("EDITOR");
    char *dir = private_dir(e), *file;
    int rc = dir ? 0 : ERR_IO;
    pid_t pid = 0;
    *ret = (struct buf)BUF_INIT;
    editor = editor && *editor ? editor : "vi";
    if (rc == 0)
        rc = private_file(a, dir, arena_printf(a, "edit%s", ending(path)), text, &file, e);
    if (rc == 0) {
        int why = shell(a, editor, file, -1, &pid);
        if (wait_child(why, pid) == 127)
            rc = err_set(e, ERR_IO, POS_NONE, "Unable to execute the command \"%s %s\"", editor,
                         file);
    }
    if (rc == 0)
        rc = vault_read_file(file, ret, e);
    private_dir_remove(dir);
    arena_free(a);
    return rc;
}

// --- the pager
// -------------------------------------------------------------------------------------------------

static void print_text(const struct buf *text)
{
    fwrite(buf_str(text), 1, text->len, stdout);
    if (!text->len || text->p[text->len - 1] != '\n')
        putchar('\n');
    fflush(stdout);
}

static bool page(const struct buf *text, const char *pager)
{
    struct arena *a = arena_new();
    int pipes[2], code = 127;
    pid_t pid = 0;
    if (pipe2(pipes, O_CLOEXEC) == 0) {
        setenv("LESS", "FRSX", 0);
        int rc = shell(a, pager, NULL, pipes[0], &pid);
        close(pipes[0]);
        signal(SIGPIPE, SIG_IGN); // the user may leave the pager early
        FILE *to = fdopen(pipes[1], "w");
        if (rc == 0 && to)
            fwrite(buf_str(text), 1, text->len, to);
        if (to)
            fclose(to);
        code = wait_child(rc, pid);
    }
    arena_free(a);
    return code != 127;
}

void vault_show(const struct buf *text)
{
    const char *pager = getenv("PAGER");
    if (!isatty(1) || !page(text, pager && *pager ? pager : "less"))
        print_text(text);
}
