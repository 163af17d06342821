// A walk over history by two colours: what was deployed before is old, the rest of what the next
// release reaches is new. The newest commit is looked at first, whatever its colour, so the old
// side gets to a common ancestor before the new one does and no more of a long history is read than
// releases have in common. The walk is our own: libgit2's ends with an error where a shallow clone
// does.
#include "flow/commits.h"

#include <ctype.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>

// Commits looked at beyond the need, for clocks that were wrong: a parent may be newer than its
// child.
#define SLOP 64

struct node {
    git_oid oid;
    git_time_t committed, authored;
    uint64_t likeness; // author, time and subject
    const char *subject;
    uint32_t *parents; // nodes
    uint32_t n_parents;
    bool old, expanded, merge, cut;
};

struct commits {
    struct arena *arena;
    git_repository *repo;
    char *path;
    struct node *nodes;
    size_t n, cap;
    uint32_t *index; // open addressing over nodes, number + 1
    size_t index_size;
    uint32_t *heap; // nodes not expanded, the newest on top
    size_t heap_len, heap_cap;
    size_t fresh; // of them: new ones
    struct dict *alike;
};

// --- nodes by id
// ------------------------------------------------------------------------------------------------

static size_t slot_of(const struct commits *c, const git_oid *oid)
{
    uint64_t h;
    memcpy(&h, oid->id, sizeof h);
    size_t mask = c->index_size - 1, at = (size_t)h & mask;
    while (c->index[at] && git_oid_cmp(&c->nodes[c->index[at] - 1].oid, oid) != 0)
        at = (at + 1) & mask;
    return at;
}

static void grow_index(struct commits *c)
{
    free(c->index);
    c->index_size = c->index_size ? c->index_size * 2 : 1024;
    c->index = xcalloc(c->index_size, sizeof *c->index);
    for (size_t i = 0; i < c->n; i++)
        c->index[slot_of(c, &c->nodes[i].oid)] = (uint32_t)i + 1;
}

// --- the heap
// ------------------------------------------------------------------------------------------------

static bool newer(const struct commits *c, uint32_t a, uint32_t b)
{
    return c->nodes[a].committed > c->nodes[b].committed;
}

static void heap_push(struct commits *c, uint32_t node)
{
    if (c->heap_len == c->heap_cap) {
        c->heap_cap = c->heap_cap ? c->heap_cap * 2 : 256;
        c->heap = xrealloc(c->heap, c->heap_cap * sizeof *c->heap);
    }
    size_t i = c->heap_len++;
    for (; i && newer(c, node, c->heap[(i - 1) / 2]); i = (i - 1) / 2)
        c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = node;
}

static uint32_t heap_pop(struct commits *c)
{
    uint32_t top = c->heap[0], last = c->heap[--c->heap_len];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < c->heap_len) {
        if (child + 1 < c->heap_len && newer(c, c->heap[child + 1], c->heap[child]))
            child++;
        if (!newer(c, c->heap[child], last))
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    if (c->heap_len)
        c->heap[i] = last;
    return top;
}

// --- reading
// ------------------------------------------------------------------------------------------------

static const char *why(void)
{
    const git_error *g = git_error_last();
    return g && g->message ? g->message : "unknown error";
}

static uint64_t mix(uint64_t h, const char *s)
{
    for (; s && *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h * 31;
}

static void read_commit(struct commits *c, struct node *n, git_commit *commit)
{
    const git_signature *author = git_commit_author(commit);
    const char *subject = git_commit_summary(commit);
    n->committed = git_commit_time(commit);
    n->authored = author ? author->when.time : n->committed;
    n->subject = arena_strdup(c->arena, subject ? subject : "");
    n->merge = git_commit_parentcount(commit) > 1;
    uint64_t h = mix(UINT64_C(14695981039346656037), author ? author->email : "");
    n->likeness = mix(h ^ (uint64_t)n->authored, n->subject);
}

// The node of a commit, made and put on the heap where it is new to us; -1 when the repository does
// not have it.
static long node_of(struct commits *c, const git_oid *oid, bool old)
{
    git_commit *commit = NULL;
    if (c->n * 2 >= c->index_size)
        grow_index(c);
    size_t at = slot_of(c, oid);
    if (c->index[at])
        return (long)c->index[at] - 1;
    if (git_commit_lookup(&commit, c->repo, oid) < 0)
        return -1;
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 256;
        c->nodes = xrealloc(c->nodes, c->cap * sizeof *c->nodes);
    }
    struct node *n = &c->nodes[c->n];
    *n = (struct node){.oid = *oid, .old = old};
    read_commit(c, n, commit);
    git_commit_free(commit);
    c->index[at] = (uint32_t)++c->n;
    c->fresh += !old;
    heap_push(c, (uint32_t)c->n - 1);
    return (long)c->n - 1;
}

// Makes a commit old, and all below it that was read as new.
static void make_old(struct commits *c, uint32_t from)
{
    size_t len = 0, cap = 64;
    uint32_t *stack = xcalloc(cap, sizeof *stack);
    stack[len++] = from;
    while (len) {
        struct node *n = &c->nodes[stack[--len]];
        if (n->old)
            continue;
        n->old = true;
        c->fresh -= !n->expanded;
        if (len + n->n_parents > cap) {
            cap = (len + n->n_parents) * 2;
            stack = xrealloc(stack, cap * sizeof *stack);
        }
        for (uint32_t i = 0; i < n->n_parents; i++)
            stack[len++] = n->parents[i];
    }
    free(stack);
}

static char *like_key(uint64_t likeness, char key[24])
{
    for (int i = 0; i < 16; i++)
        key[i] = "0123456789abcdef"[(likeness >> (4 * i)) & 15];
    key[16] = '\0';
    return key;
}

static int expand(struct commits *c, uint32_t at, struct err *e)
{
    git_commit *commit = NULL;
    char key[24], hex[GIT_OID_HEXSZ + 1];
    if (git_commit_lookup(&commit, c->repo, &c->nodes[at].oid) < 0)
        return err_set(e, ERR_IO, POS_NONE, "commit %s in %s cannot be read: %s",
                       git_oid_tostr(hex, sizeof hex, &c->nodes[at].oid), c->path, why());
    unsigned n = git_commit_parentcount(commit);
    uint32_t *parents = arena_array(c->arena, uint32_t, n + 1), found = 0;
    bool old = c->nodes[at].old, cut = false;
    c->nodes[at].expanded = true;
    c->fresh -= !old;
    if (old && !c->nodes[at].merge)
        dict_set(c->alike, like_key(c->nodes[at].likeness, key), value_bool(true));
    for (unsigned i = 0; i < n; i++) {
        long p = node_of(c, git_commit_parent_id(commit, i), old);
        if (p < 0) {
            cut = true;
            continue;
        }
        parents[found++] = (uint32_t)p;
        if (old && !c->nodes[p].old)
            make_old(c, (uint32_t)p);
    }
    git_commit_free(commit);
    c->nodes[at].parents = parents;
    c->nodes[at].n_parents = found;
    c->nodes[at].cut = cut;
    return 0;
}

// --- ids
// ------------------------------------------------------------------------------------------------

static int resolve(struct commits *c, const char *commit, git_oid *ret, struct err *e)
{
    git_object *o = NULL, *peeled = NULL;
    git_oid prefix;
    size_t len = strlen(commit);
    for (const char *s = commit; *s; s++)
        if (!isxdigit((unsigned char)*s))
            len = 0;
    if (len < GIT_OID_MINPREFIXLEN || len > GIT_OID_HEXSZ)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no id of a commit", commit);
    if (git_oid_fromstrn(&prefix, commit, len) < 0)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no id of a commit", commit);
    int rc = git_object_lookup_prefix(&o, c->repo, &prefix, len, GIT_OBJECT_ANY);
    if (rc == GIT_EAMBIGUOUS)
        return err_set(e, ERR_INVALID, POS_NONE, "several commits in %s begin with %s", c->path,
                       commit);
    if (rc == GIT_ENOTFOUND)
        return err_set(e, ERR_NOENT, POS_NONE, "commit %s is not in %s%s", commit, c->path,
                       commits_shallow(c) ? ", which is a shallow clone" : "");
    if (rc == 0)
        rc = git_object_peel(&peeled, o, GIT_OBJECT_COMMIT);
    if (rc == 0)
        *ret = *git_object_id(peeled);
    git_object_free(peeled);
    git_object_free(o);
    return rc == 0 ? 0
                   : err_set(e, ERR_IO, POS_NONE, "%s in %s is not a commit that can be read: %s",
                             commit, c->path, why());
}

// --- walking
// ------------------------------------------------------------------------------------------------

int commits_skip(struct commits *c, const char *commit, struct err *e)
{
    git_oid oid;
    int rc = resolve(c, commit, &oid, e);
    if (rc < 0)
        return rc;
    long at = node_of(c, &oid, true);
    if (at < 0)
        return err_set(e, ERR_IO, POS_NONE, "commit %s in %s cannot be read: %s", commit, c->path,
                       why());
    make_old(c, (uint32_t)at);
    return 0;
}

static int walk(struct commits *c, struct err *e)
{
    int slop = SLOP, rc = 0;
    while (rc == 0 && c->heap_len && (c->fresh || slop-- > 0))
        rc = expand(c, heap_pop(c), e);
    return rc;
}

// What is new since node `from` was the next free one becomes the range, and old.
static void collect(struct commits *c, size_t from, struct arena *a, struct commits_range *ret)
{
    char key[24];
    ret->commits = arena_array(a, struct flow_commit, c->n - from + 1);
    for (size_t i = from; i < c->n; i++) {
        struct node *n = &c->nodes[i];
        if (n->old)
            continue;
        n->old = true;
        ret->cut += n->cut;
        bool known = dict_get(c->alike, like_key(n->likeness, key)) != NULL;
        if (n->merge) {
            ret->merges++;
            continue;
        }
        dict_set(c->alike, key, value_bool(true));
        if (known) {
            ret->rebased++;
            continue;
        }
        char *id = arena_alloc(a, GIT_OID_HEXSZ + 1);
        git_oid_tostr(id, GIT_OID_HEXSZ + 1, &n->oid);
        ret->commits[ret->n++] =
            (struct flow_commit){.id = id,
                                 .subject = arena_strdup(a, n->subject),
                                 .committed = (int64_t)n->committed * FLOW_SECOND,
                                 .authored = (int64_t)n->authored * FLOW_SECOND};
    }
}

int commits_next(struct commits *c, const char *commit, struct arena *a, struct commits_range *ret,
                 struct err *e)
{
    git_oid oid;
    size_t from = c->n;
    struct commits_range r = {0};
    int rc = resolve(c, commit, &oid, e);
    if (rc < 0)
        return rc;
    if (node_of(c, &oid, false) < 0)
        return err_set(e, ERR_IO, POS_NONE, "commit %s in %s cannot be read: %s", commit, c->path,
                       why());
    rc = c->fresh ? walk(c, e) : 0;
    if (rc < 0)
        return rc;
    collect(c, from, a, &r);
    *ret = r;
    return 0;
}

// --- opening
// ------------------------------------------------------------------------------------------------

bool commits_shallow(const struct commits *c)
{
    return git_repository_is_shallow(c->repo) == 1;
}

// Someone else's repository. libgit2 1.5 says "not found" of it where git's settings have no
// safe.directory at all, so whether there is one is asked again.
static bool is_foreign(const char *path, int rc)
{
    git_buf found = GIT_BUF_INIT;
    bool there = rc == GIT_ENOTFOUND && git_repository_discover(&found, path, 0, NULL) == 0;
    git_buf_dispose(&found);
    return there || rc == GIT_EOWNER;
}

static int cannot_open(const char *path, int rc, struct err *e)
{
    if (is_foreign(path, rc))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "the git repository in %s belongs to another user; to read it all the same: "
                       "git config --global --add safe.directory %s",
                       path, path);
    if (rc == GIT_ENOTFOUND)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no git repository in %s", path);
    return err_set(e, ERR_IO, POS_NONE, "the git repository in %s cannot be opened: %s", path,
                   why());
}

int commits_open(const char *path, struct commits **ret, struct err *e)
{
    git_repository *repo = NULL;
    git_libgit2_init();
    int rc = git_repository_open_ext(&repo, path, 0, NULL);
    if (rc < 0) {
        rc = cannot_open(path, rc, e);
        git_libgit2_shutdown();
        return rc;
    }
    struct commits *c = xcalloc(1, sizeof *c);
    *c = (struct commits){.arena = arena_new(), .repo = repo, .path = xstrdup(path)};
    c->alike = value_dict(c->arena).u.dict;
    *ret = c;
    return 0;
}

void commits_close(struct commits *c)
{
    if (!c)
        return;
    git_repository_free(c->repo);
    arena_free(c->arena);
    free(c->nodes);
    free(c->index);
    free(c->heap);
    free(c->path);
    free(c);
    git_libgit2_shutdown();
}
