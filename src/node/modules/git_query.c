// git: running it, and questions to a repository.
#include "node/modules/git.h"

#include "core/file.h"

#include <string.h>
#include <unistd.h>

#define MAX_WORDS 64

int git_runv(struct git *g, const char *cwd, const char **out, const char **err,
             const char *const *words)
{
    const char *argv[MAX_WORDS + 2] = {g->exe};
    struct proc_opts opts = {.cwd = cwd, .clean_lang = true};
    struct proc p;
    struct err e = ERR_INIT;
    for (int i = 0; words[i] && i < MAX_WORDS; i++)
        argv[i + 1] = words[i];
    if (proc_run(g->m, argv, &opts, &p, &e) < 0)
        return module_fail_err(g->m, &e);
    if (out)
        *out = arena_strndup(g->m->arena, buf_str(&p.out), p.out.len);
    if (err)
        *err = arena_strndup(g->m->arena, buf_str(&p.err), p.err.len);
    int rc = p.rc;
    proc_release(&p);
    return rc;
}

int git_run(struct git *g, const char *cwd, const char **out, const char **err, ...)
{
    const char *words[MAX_WORDS + 1];
    int n = 0;
    va_list ap;
    va_start(ap, err);
    while (n < MAX_WORDS && (words[n] = va_arg(ap, const char *)))
        n++;
    words[n] = NULL;
    va_end(ap);
    return git_runv(g, cwd, out, err, words);
}

void git_report_cmd(struct git *g, const char *const *words)
{
    struct buf cmd = BUF_INIT;
    buf_adds(&cmd, g->exe);
    for (; *words; words++)
        buf_addf(&cmd, " %s", *words);
    module_set_str(g->m, "cmd", cmd.p);
    buf_release(&cmd);
}

int git_must(struct git *g, const char *cwd, const char **out, const char *const *words)
{
    const char *said, *error;
    int rc = git_runv(g, cwd, &said, &error, words);
    if (rc < 0)
        return rc;
    if (out)
        *out = said;
    if (rc == 0)
        return 0;
    git_report_cmd(g, words);
    module_set(g->m, "rc", value_int(rc));
    module_set_str(g->m, "stdout", said);
    module_set_str(g->m, "stderr", error);
    size_t n = strlen(error);
    while (n && strchr(" \r\n\t", error[n - 1]))
        n--;
    return module_fail(g->m, "%.*s", (int)n, error);
}

static const char *first_word(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strcspn(s, " \t\r\n"));
}

const char *git_commit(struct git *g, const char *ref)
{
    const char *out;
    if (git_run(g, g->dest, &out, NULL, "rev-parse", ref, NULL) < 0)
        return "";
    return first_word(g->m->arena, out);
}

static int at_remote(struct git *g, const char *remote, const char *option, const char *ref,
                     const char *version)
{
    const char *out, *const words[] = {"ls-remote", remote, option, ref, NULL};
    const char *cwd = access(g->dest ? g->dest : "", F_OK) == 0 ? g->dest : NULL;
    if (git_must(g, cwd, &out, words) < 0)
        return ERR_FAILED;
    return strstr(out, version) != NULL;
}

int git_is_remote_branch(struct git *g, const char *remote, const char *version)
{
    return at_remote(g, remote, "-h", arena_printf(g->m->arena, "refs/heads/%s", version), version);
}

int git_is_remote_tag(struct git *g, const char *remote, const char *version)
{
    return at_remote(g, remote, "-t", arena_printf(g->m->arena, "refs/tags/%s", version), version);
}

bool git_is_local_branch(struct git *g, const char *branch)
{
    return git_run(g, g->dest, NULL, NULL, "show-ref", "--verify", "--quiet",
                   arena_printf(g->m->arena, "refs/heads/%s", branch), NULL) == 0;
}

const char *git_head_branch(struct git *g, bool required)
{
    const char *out, *prefix = arena_printf(g->m->arena, "refs/remotes/%s/", g->remote);
    if (git_run(g, g->dest, &out, NULL, "symbolic-ref", "-q", "HEAD", NULL) == 0)
        return first_word(g->m->arena, out) + strlen("refs/heads/");
    int rc = git_run(g, g->dest, &out, NULL, "symbolic-ref", "-q",
                     arena_printf(g->m->arena, "%sHEAD", prefix), NULL);
    if (rc == 0 && strncmp(out, prefix, strlen(prefix)) == 0)
        return first_word(g->m->arena, out) + strlen(prefix);
    if (rc >= 0 && required)
        module_fail(g->m, "Unable to determine the branch that HEAD of '%s' is on", g->dest);
    return NULL;
}

// The line of ls-remote for a tag: the commit behind an annotated one where there is one.
static const char *tag_line(struct arena *a, const char *out, const char *version)
{
    const char *found = out, *peeled = arena_printf(a, "%s^{}", version);
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *text = arena_strndup(a, line, strcspn(line, "\n"));
        size_t n = strlen(text), p = strlen(peeled), v = strlen(version);
        if (n >= p && strcmp(text + n - p, peeled) == 0)
            return text;
        if (n >= v && strcmp(text + n - v, version) == 0)
            found = text;
    }
    return found;
}

const char *git_remote_head(struct git *g, const char *remote, bool cloning)
{
    struct arena *a = g->m->arena;
    const char *ref, *option = "-h", *out, *cwd = cloning ? NULL : g->dest;
    bool tag = false;
    int rc;
    if (strcmp(g->version, "HEAD") == 0) {
        const char *branch = cloning ? NULL : git_head_branch(g, true);
        if (!cloning && !branch)
            return NULL;
        ref = cloning ? "HEAD" : arena_printf(a, "refs/heads/%s", branch);
    } else if ((rc = git_is_remote_branch(g, remote, g->version)) != 0) {
        if (rc < 0)
            return NULL;
        ref = arena_printf(a, "refs/heads/%s", g->version);
    } else if ((rc = git_is_remote_tag(g, remote, g->version)) != 0) {
        if (rc < 0)
            return NULL;
        tag = true;
        option = "-t";
        ref = arena_printf(a, "refs/tags/%s*", g->version);
    } else {
        return g->version;
    }
    // A remote HEAD is no branch, so -h would hide it.
    const char *const head[] = {"ls-remote", remote, "HEAD", NULL};
    const char *const words[] = {"ls-remote", remote, option, ref, NULL};
    if (git_must(g, cwd, &out, strcmp(ref, "HEAD") == 0 ? head : words) < 0)
        return NULL;
    if (!*out) {
        module_fail(g->m, "Could not determine remote revision for %s", g->version);
        return NULL;
    }
    return first_word(a, tag ? tag_line(a, out, g->version) : out);
}
