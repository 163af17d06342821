// Commits, as the user's git knows them.
#include "cli/revision.h"

#include "core/program.h"

#include <string.h>

#define GIT_MS 60000

// git -C DIR ARGS...: its exit code with the first line of its output in *ret, or <0. *said is the
// last line of its errors.
static int git(struct arena *a, const char *dir, const char *const *args, const char **ret,
               const char **said, struct err *e)
{
    static const char *const env[] = {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", NULL};
    const char *argv[16] = {"git", "-C", dir};
    struct program_result r;
    for (size_t i = 0; args[i] && i < 12; i++)
        argv[3 + i] = args[i];
    struct program_opts o = {.env = env, .timeout_ms = GIT_MS, .no_terminal = true};
    int rc = program_run(argv, &o, &r, e);
    if (rc == 0) {
        const char *out = buf_str(&r.out);
        *ret = arena_strndup(a, out, strcspn(out, "\n"));
        *said = program_last_line(a, &r.err);
        rc = r.status;
    }
    program_release(&r);
    return rc;
}

int revision_find(struct arena *a, const char *dir, const char *rev, struct revision *ret,
                  struct err *e)
{
    static const char *const top[] = {"rev-parse", "--show-toplevel", NULL},
                             *const changes[] = {"status", "--porcelain", "--untracked-files=no",
                                                 NULL};
    const char *line = "", *said = "", *commit;
    struct err why = ERR_INIT;
    int rc = git(a, dir, top, &line, &said, &why);
    if (rc == ERR_NOENT || (rc > 0 && strstr(said, "not a git repository"))) {
        err_release(&why);
        return 0;
    }
    if (rc < 0)
        return err_move(e, &why);
    if (rc > 0)
        return err_set(e, ERR_IO, POS_NONE, "git does not read %s: %s", dir, said);
    const char *name = arena_printf(a, "%s^{commit}", rev ? rev : "HEAD");
    const char *const verify[] = {"rev-parse",        "--verify", "--quiet",
                                  "--end-of-options", name,       NULL};
    rc = git(a, dir, verify, &commit, &said, e);
    if (rc < 0)
        return rc;
    if (rc > 0 && !rev)
        return 0;
    if (rc > 0)
        return err_set(e, ERR_NOENT, POS_NONE, "the repository %s has no commit '%s'", line, rev);
    const char *const author[] = {"log", "-1", "--format=%aN <%aE>", commit, NULL},
                      *const committer[] = {"log", "-1", "--format=%cN <%cE>", commit, NULL};
    *ret = (struct revision){.commit = commit};
    rc = git(a, dir, author, &line, &said, e);
    if (rc < 0)
        return rc;
    ret->author = rc == 0 && *line ? line : NULL;
    rc = git(a, dir, committer, &line, &said, e);
    if (rc < 0)
        return rc;
    ret->committer = rc == 0 && *line ? line : NULL;
    rc = git(a, dir, changes, &line, &said, e);
    if (rc < 0)
        return rc;
    ret->dirty = rc == 0 && *line;
    return 1;
}
