// Deployments in the order they were in production, each with what its repository says it brought.
#include "flow/contents.h"

#include "flow/commits.h"

#include <stdlib.h>
#include <string.h>

#define MAX_REPOS 16

struct reading {
    const struct flow_history *h;
    const char *service, *repo;
    struct arena *a;
    struct commits *repos[MAX_REPOS]; // NULL: it could not be opened
    const char *paths[MAX_REPOS], *why[MAX_REPOS];
    bool based[MAX_REPOS]; // something was deployed from it before
    size_t n_repos;
};

static int by_deployed(const void *a, const void *b)
{
    const struct flow_rollout *x = *(const struct flow_rollout *const *)a,
                              *y = *(const struct flow_rollout *const *)b;
    if (x->deployed != y->deployed)
        return x->deployed < y->deployed ? -1 : 1;
    return (x->ev_started > y->ev_started) - (x->ev_started < y->ev_started);
}

static const struct flow_rollout **deployed(struct reading *r, size_t *ret_n)
{
    const struct flow_rollout **out =
        arena_array(r->a, const struct flow_rollout *, r->h->n_rollouts + 1);
    size_t n = 0;
    for (size_t i = 0; i < r->h->n_rollouts; i++) {
        const struct flow_rollout *f = &r->h->rollouts[i];
        if (f->deployed && strcmp(f->service, r->service) == 0)
            out[n++] = f;
    }
    if (n)
        qsort(out, n, sizeof *out, by_deployed);
    *ret_n = n;
    return out;
}

// Its place among the open repositories; -1 when it cannot be opened, and why not.
static long repo_at(struct reading *r, const char *path, const char **ret_why)
{
    struct err e = ERR_INIT;
    size_t i = 0;
    while (i < r->n_repos && strcmp(r->paths[i], path) != 0)
        i++;
    if (i == MAX_REPOS) {
        *ret_why = "the releases name more than 16 repositories; the rest is not read";
        return -1;
    }
    if (i == r->n_repos) {
        r->n_repos++;
        r->paths[i] = path;
        if (strstr(path, "://"))
            r->why[i] = arena_printf(
                r->a, "%s is no folder here; --repo DIR says where a clone of it is", path);
        else if (commits_open(path, &r->repos[i], &e) < 0)
            r->why[i] = arena_strdup(r->a, err_msg(&e));
        err_release(&e);
    }
    *ret_why = r->why[i];
    return r->repos[i] ? (long)i : -1;
}

static const char *commit_of(const struct reading *r, const struct flow_rollout *f,
                             const char *version)
{
    const struct flow_release *rel = flow_find_release(r->h, f->service, version);
    if (f->commit && version == f->release)
        return f->commit;
    return rel ? rel->commit : NULL;
}

// The first deployment brings all of history, which was in production before the ledger began: only
// what came behind the release it replaced counts.
static bool set_base(struct reading *r, size_t repo, const struct flow_rollout *f)
{
    const char *before = f->previous ? commit_of(r, f, f->previous) : NULL;
    if (r->based[repo])
        return true;
    r->based[repo] = true;
    return before && commits_skip(r->repos[repo], before, NULL) == 0;
}

static const char *version(const struct flow_rollout *f)
{
    return f->release ? f->release : "?";
}

static void read_range(struct reading *r, size_t repo, const char *commit, struct flow_contents *c)
{
    const struct flow_rollout *f = c->rollout;
    struct commits_range range = {0};
    struct err e = ERR_INIT;
    bool based = set_base(r, repo, f);
    int rc = based ? commits_next(r->repos[repo], commit, r->a, &range, &e)
                   : commits_skip(r->repos[repo], commit, &e);
    if (rc < 0)
        c->note = arena_printf(r->a, "release %s: %s; what it brought counts with the next",
                               version(f), err_msg(&e));
    else if (!based)
        c->note = arena_printf(r->a,
                               "%s (%s) is the first deployment the ledger knows: what it contains "
                               "may have been in production before, and does not count",
                               version(f), f->id);
    else if (range.cut)
        c->note = arena_printf(
            r->a, "%s is not whole (a shallow clone?): %s may contain more than is seen",
            r->paths[repo], version(f));
    err_release(&e);
    c->commits = range.commits;
    c->n = range.n;
    c->merges = range.merges;
    c->rebased = range.rebased;
}

static void read_one(struct reading *r, struct flow_contents *c)
{
    const struct flow_rollout *f = c->rollout;
    const struct flow_release *rel = flow_find_release(r->h, f->service, f->release);
    const char *path = r->repo ? r->repo
                       : rel   ? rel->repo
                               : NULL,
               *commit = commit_of(r, f, f->release), *why = NULL;
    if (!commit) {
        c->note = "releases without a commit: what they brought counts with the next";
        return;
    }
    if (!path) {
        c->note = "releases without a repository; --repo DIR says where it is";
        return;
    }
    long at = repo_at(r, path, &why);
    if (at < 0)
        c->note = why;
    else
        read_range(r, (size_t)at, commit, c);
}

struct flow_contents *flow_contents_read(const struct flow_history *h, const char *service,
                                         const char *repo, struct arena *a, size_t *ret_n)
{
    struct reading r = {.h = h, .service = service, .repo = repo, .a = a};
    size_t n;
    const struct flow_rollout **order = deployed(&r, &n);
    struct flow_contents *out = arena_array(a, struct flow_contents, n + 1);
    for (size_t i = 0; i < n; i++) {
        out[i].rollout = order[i];
        read_one(&r, &out[i]);
    }
    for (size_t i = 0; i < r.n_repos; i++)
        commits_close(r.repos[i]);
    *ret_n = n;
    return out;
}
