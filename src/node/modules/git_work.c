// git: changing a working copy: fetch, check out, submodules, signatures.
#include "node/modules/git.h"

#include "core/file.h"

#include <string.h>
#include <unistd.h>

#define MAX_WORDS 60

struct words {
    const char *w[MAX_WORDS + 1];
    int n;
};

static void add(struct words *w, const char *s)
{
    if (s && w->n < MAX_WORDS)
        w->w[w->n++] = s;
    w->w[w->n] = NULL;
}

static int fail_with(struct git *g, int rc, const char *out, const char *error, const char *msg)
{
    module_set(g->m, "rc", value_int(rc));
    module_set_str(g->m, "stdout", out);
    module_set_str(g->m, "stderr", error);
    return module_fail(g->m, "%s", msg);
}

bool git_remote_url_differs(struct git *g, const char **ret_url)
{
    const char *out;
    *ret_url = NULL;
    if (git_run(g, g->dest, &out, NULL, "ls-remote", "--get-url", g->remote, NULL) != 0)
        return true;
    *ret_url = arena_strndup(g->m->arena, out, strcspn(out, "\n"));
    return strcmp(*ret_url, g->repo) != 0;
}

int git_set_remote_url(struct git *g)
{
    const char *had, *out, *error;
    if (!git_remote_url_differs(g, &had))
        return 0;
    int rc = git_run(g, g->dest, &out, &error, "remote", "set-url", g->remote, g->repo, NULL);
    if (rc != 0)
        return rc < 0 ? rc
                      : module_fail(g->m, "Failed to set a new url %s for %s: %s %s", g->repo,
                                    g->remote, out, error);
    return had != NULL;
}

// The refspecs of a shallow fetch; none when version is a bare commit.
static int shallow_refspecs(struct git *g, const char *version, struct words *specs)
{
    struct arena *a = g->m->arena;
    bool follow = strcmp(version, "HEAD") == 0 && !g->refspec;
    const char *head = git_head_branch(g, follow);
    int rc;
    if (!head && follow)
        return ERR_FAILED;
    if (g->refspec) {
        add(specs, g->refspec);
    } else if (follow) {
        add(specs, head);
    } else if ((rc = git_is_remote_branch(g, g->repo, version)) != 0) {
        if (rc < 0)
            return rc;
        if (!head || strcmp(head, version) != 0)
            add(specs, arena_printf(a, "+refs/heads/%s:refs/heads/%s", version, version));
        add(specs,
            arena_printf(a, "+refs/heads/%s:refs/remotes/%s/%s", version, g->remote, version));
    } else if ((rc = git_is_remote_tag(g, g->repo, version)) != 0) {
        if (rc < 0)
            return rc;
        add(specs, arena_printf(a, "+refs/tags/%s:refs/tags/%s", version, version));
    }
    return 0;
}

int git_fetch(struct git *g, const char *version, bool force)
{
    struct words cmd = {.n = 0}, specs = {.n = 0};
    if (git_set_remote_url(g) < 0)
        return ERR_FAILED;
    add(&cmd, "fetch");
    if (g->depth && shallow_refspecs(g, version, &specs) < 0)
        return ERR_FAILED;
    if (specs.n) {
        add(&cmd, "--depth");
        add(&cmd, arena_printf(g->m->arena, "%lld", (long long)g->depth));
    } else {
        if (g->bare) {
            add(&specs, "+refs/heads/*:refs/heads/*");
            add(&specs, "+refs/tags/*:refs/tags/*");
        } else {
            add(&cmd, "--tags");
        }
        add(&specs, g->refspec);
    }
    if (force)
        add(&cmd, "--force");
    add(&cmd, g->remote);
    for (int i = 0; i < specs.n; i++)
        add(&cmd, specs.w[i]);
    const char *out, *error;
    int rc = git_runv(g, g->dest, &out, &error, cmd.w);
    if (rc <= 0)
        return rc;
    return module_fail(g->m, "Failed to download remote objects and refs: %s %s", out, error);
}

// The primary key's fingerprint in what gpg said, or NULL.
static const char *fingerprint(struct arena *a, const char *text)
{
    char *save = NULL, *copy = arena_strdup(a, text);
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *words[16], *inner = NULL;
        int n = 0;
        for (char *w = strtok_r(line, " ", &inner); w && n < 16; w = strtok_r(NULL, " ", &inner))
            words[n++] = w;
        if (n > 2 && strcmp(words[1], "VALIDSIG") == 0)
            return words[n == 12 || n == 11 ? n - 1 : 2];
    }
    return NULL;
}

int git_verify(struct git *g)
{
    const struct list *allowed = module_list(g->m, "gpg_whitelist");
    const char *kind = "", *out, *error, *sub = "verify-commit";
    if (!module_bool(g->m, "verify_commit"))
        return 0;
    if (git_run(g, g->dest, &kind, NULL, "cat-file", "-t",
                arena_printf(g->m->arena, "refs/tags/%s", g->version), NULL) == 0 &&
        strncmp(kind, "tag", 3) == 0)
        sub = "verify-tag";
    bool raw = allowed && allowed->len;
    int rc = git_run(g, g->dest, &out, &error, sub, g->version, raw ? "--raw" : NULL, NULL);
    if (rc < 0)
        return rc;
    if (rc != 0)
        return fail_with(g, rc, out, error,
                         arena_printf(g->m->arena,
                                      "Failed to verify GPG signature of commit/tag \"%s\"",
                                      g->version));
    const char *key = raw ? fingerprint(g->m->arena, error) : NULL;
    for (size_t i = 0; raw && key && i < allowed->len; i++)
        if (strcmp(allowed->items[i].u.str.s, key) == 0)
            return 0;
    if (!raw)
        return 0;
    return fail_with(
        g, rc, out, error,
        arena_printf(g->m->arena,
                     "The gpg_whitelist does not include the public key \"%s\" for this commit",
                     key ? key : "None"));
}

// One command of a switch; failure starts the message. The last command of a switch is reported.
static int checkout(struct git *g, const char *failure, const char *what, bool last,
                    const char *const *words)
{
    const char *out, *error;
    int rc = git_runv(g, g->dest, &out, &error, words);
    if (rc <= 0)
        return rc;
    if (last)
        git_report_cmd(g, words);
    return fail_with(g, rc, out, error, arena_printf(g->m->arena, "%s %s", failure, what));
}

// Makes the local branch what the remote's is.
static int follow_branch(struct git *g, const char *branch, const char *failure)
{
    const char *upstream = arena_printf(g->m->arena, "%s/%s", g->remote, branch);
    const char *const force[] = {"checkout", "--force", branch, NULL};
    const char *const reset[] = {"reset", "--hard", upstream, "--", NULL};
    if (checkout(g, "Failed to checkout branch", branch, false, force) < 0)
        return ERR_FAILED;
    return checkout(g, failure, branch, true, reset);
}

static int new_branch(struct git *g)
{
    struct arena *a = g->m->arena;
    const char *upstream = arena_printf(a, "%s/%s", g->remote, g->version);
    const char *const track[] = {"checkout", "--track", "-b", g->version, upstream, NULL};
    return checkout(g, "Failed to checkout", g->version, true, track);
}

int git_switch(struct git *g)
{
    struct arena *a = g->m->arena;
    int rc;
    if (strcmp(g->version, "HEAD") == 0) {
        const char *branch = git_head_branch(g, true);
        rc = branch ? follow_branch(g, branch, "Failed to checkout branch") : ERR_FAILED;
    } else if ((rc = git_is_remote_branch(g, g->remote, g->version)) > 0) {
        if (g->depth && !git_is_local_branch(g, g->version)) {
            const char *out, *error;
            rc = git_run(g, g->dest, &out, &error, "fetch",
                         arena_printf(a, "--depth=%lld", (long long)g->depth), g->remote,
                         arena_printf(a, "+refs/heads/%s:refs/heads/%s", g->version, g->version),
                         arena_printf(a, "+refs/heads/%s:refs/remotes/%s/%s", g->version, g->remote,
                                      g->version),
                         NULL);
            if (rc != 0)
                return rc < 0 ? rc
                              : fail_with(g, rc, out, error,
                                          arena_printf(a, "Failed to fetch branch from remote: %s",
                                                       g->version));
        }
        rc = git_is_local_branch(g, g->version) ? follow_branch(g, g->version, "Failed to checkout")
                                                : new_branch(g);
    } else if (rc == 0) {
        const char *const force[] = {"checkout", "--force", g->version, NULL};
        rc = checkout(g, "Failed to checkout", g->version, true, force);
    }
    return rc < 0 ? rc : git_verify(g);
}

// --- submodules
// ------------------------------------------------------------------------------------------------

// Whether a submodule was never set up.
static bool has_new_submodule(struct git *g, const char *modules)
{
    char *text, *save = NULL;
    size_t len;
    if (host_read(g->m, modules, &text, &len, NULL) < 0)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " \t");
        char *eq = strchr(line, '=');
        if (strncmp(line, "path", 4) != 0 || !eq)
            continue;
        eq += 1 + strspn(eq + 1, " \t");
        if (access(path_join(g->m->arena, path_join(g->m->arena, g->dest, eq), ".git"), F_OK) < 0)
            return true;
    }
    return false;
}

// 1 when what is checked out in the submodules is not what is wanted.
static int submodules_differ(struct git *g)
{
    const char *before, *out, *const fetch[] = {"submodule", "foreach", "git", "fetch", NULL};
    const char *const status[] = {"submodule", "status", NULL};
    const char *const have[] = {"submodule", "foreach", "git", "rev-parse", "HEAD", NULL};
    const char *upstream = arena_printf(g->m->arena, "%s/master", g->remote);
    const char *const want[] = {"submodule", "foreach", "git", "rev-parse", upstream, NULL};
    if (git_must(g, g->dest, &before, have) < 0 || git_must(g, g->dest, NULL, fetch) < 0)
        return ERR_FAILED;
    if (g->track)
        return git_must(g, g->dest, &out, want) < 0 ? ERR_FAILED : strcmp(before, out) != 0;
    if (git_must(g, g->dest, &out, status) < 0)
        return ERR_FAILED;
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (*line != ' ')
            return 1;
    return 0;
}

int git_submodules(struct git *g)
{
    const char *modules = path_join(g->m->arena, g->dest, ".gitmodules"), *out, *error;
    if (access(modules, F_OK) < 0)
        return 0;
    int rc = has_new_submodule(g, modules) ? 1 : submodules_differ(g);
    if (rc <= 0 || g->m->check)
        return rc;
    const char *const sync[] = {"submodule", "sync", NULL};
    if (git_must(g, g->dest, NULL, sync) < 0)
        return ERR_FAILED;
    struct words cmd = {.n = 0};
    add(&cmd, "submodule");
    add(&cmd, "update");
    add(&cmd, "--init");
    add(&cmd, "--recursive");
    if (g->track)
        add(&cmd, "--remote");
    if (g->force)
        add(&cmd, "--force");
    rc = git_runv(g, g->dest, &out, &error, cmd.w);
    if (rc != 0)
        return rc < 0 ? rc
                      : module_fail(g->m, "Failed to init/update submodules: %s%s", out, error);
    return 1;
}
