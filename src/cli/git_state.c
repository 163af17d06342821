// Repositories, by the git program: it knows worktrees, alternates and what its owner allows.
#include "cli/git_state.h"

#include "core/file.h"
#include "core/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUERY_MS 1000
#define QUERY_MAX 8192 // bytes: the commit comes first, one changed file says all
#define GIT_MS 60000
#define OID "# branch.oid "

// No lock that another git would wait for, its messages in the words we know.
static const char *const environment[] = {"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", NULL};

// git status of a folder. The user's hooks and monitors are not run for it.
#define STATUS(dir, modules)                                                                       \
    {                                                                                              \
        "git", "-C", dir, "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch",    \
            "--untracked-files=no", "--ignore-submodules=" modules, NULL                           \
    }

static void read_status(struct arena *a, const char *text, struct git_state *ret)
{
    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        const char *oid = text + strlen(OID);
        if (strncmp(text, OID, strlen(OID)) == 0 && strncmp(oid, "(initial)", 9) != 0)
            ret->commit = arena_strndup(a, oid, (size_t)(nl - oid));
        ret->dirty = ret->dirty || *text != '#';
    }
}

// --- while something else is done
// ------------------------------------------------------------------------------------------

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

void git_query_start(struct git_query *q, struct arena *a, const char *dir)
{
    static const struct program_opts o = {
        .env = environment, .no_terminal = true, .max_output = QUERY_MAX};
    const char *const argv[] = STATUS(dir, "all");
    q->program = NULL;
    if (in_repository(a, dir) && program_start(argv, &o, &q->program, NULL) < 0)
        q->program = NULL;
}

struct git_state git_query_end(struct git_query *q, struct arena *a)
{
    struct git_state st = {0};
    struct program_result r;
    if (!q->program)
        return st;
    (void)program_finish(q->program, a ? QUERY_MS : -1, &r, NULL);
    if (a)
        read_status(a, buf_str(&r.out), &st);
    program_release(&r);
    q->program = NULL;
    return st;
}

// --- one commit
// ------------------------------------------------------------------------------------------

// Its exit code with what it printed in *ret and the last line of its errors in *said, or <0.
static int git(struct arena *a, const char *const *argv, const char **ret, const char **said,
               struct err *e)
{
    static const struct program_opts o = {
        .env = environment, .timeout_ms = GIT_MS, .no_terminal = true};
    struct program_result r;
    int rc = program_run(argv, &o, &r, e);
    if (rc == 0) {
        *ret = arena_strdup(a, buf_str(&r.out));
        *said = program_last_line(a, &r.err);
        rc = r.status;
    }
    program_release(&r);
    return rc;
}

// The next line of text; NULL for one that is empty or not there.
static const char *line_of(struct arena *a, const char **text)
{
    size_t n = strcspn(*text, "\n");
    const char *line = n ? arena_strndup(a, *text, n) : NULL;
    *text += n + ((*text)[n] == '\n');
    return line;
}

// git log ended with an error: no repository and no commit yet are none of ours.
static int no_commit(const char *dir, const char *rev, const char *said, struct err *e)
{
    if (strstr(said, "not a git repository") ||
        (!rev &&
         (strstr(said, "does not have any commits yet") || strstr(said, "'HEAD^{commit}'"))))
        return 0;
    if (rev && strstr(said, rev))
        return err_set(e, ERR_NOENT, POS_NONE, "the repository of %s has no commit '%s'", dir, rev);
    return err_set(e, ERR_IO, POS_NONE, "git does not read %s: %s", dir, said);
}

int revision_find(struct arena *a, const char *dir, const char *rev, struct revision *ret,
                  struct err *e)
{
    const char *out = "", *said = "", *name = arena_printf(a, "%s^{commit}", rev ? rev : "HEAD");
    const char *const log[] = {"git",
                               "-C",
                               dir,
                               "log",
                               "-1",
                               "--no-show-signature",
                               "--format=%H%n%aN <%aE>%n%cN <%cE>",
                               "--end-of-options",
                               name,
                               "--",
                               NULL},
                      *const status[] = STATUS(dir, "untracked");
    struct err why = ERR_INIT;
    struct git_state st = {0};
    int rc = git(a, log, &out, &said, &why);
    if (rc == ERR_NOENT) { // no git
        err_release(&why);
        return 0;
    }
    if (rc != 0)
        return rc < 0 ? err_move(e, &why) : no_commit(dir, rev, said, e);
    *ret = (struct revision){.commit = line_of(a, &out)};
    ret->author = line_of(a, &out);
    ret->committer = line_of(a, &out);
    rc = git(a, status, &out, &said, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        read_status(a, out, &st);
    ret->dirty = st.dirty;
    return 1;
}
