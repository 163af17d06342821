// git: a checkout of a repository, by the host's git.
#include "node/journal.h"
#include "node/modules/git.h"

#include "node/modules.h"

#include "core/file.h"
#include "core/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_CHECK "-o StrictHostKeyChecking=no"
#define ACCEPT_NEW "-o StrictHostKeyChecking=accept-new"

// --- environment
// -----------------------------------------------------------------------------------------------

static void set_ssh_command(struct module *m)
{
    struct buf opts = BUF_INIT;
    const char *env = getenv("GIT_SSH_OPTS"), *user = module_str(m, "ssh_opts"),
               *key = module_str(m, "key_file");
    const char *program = getenv("GIT_SSH"), *command = getenv("GIT_SSH_COMMAND");
    buf_addf(&opts, "%s %s", env ? env : "", user ? user : "");
    bool decided = strstr(opts.p, NO_CHECK) || strstr(opts.p, ACCEPT_NEW);
    if (!decided && module_bool(m, "accept_hostkey"))
        buf_adds(&opts, " " NO_CHECK);
    if (!decided && module_bool(m, "accept_newhostkey"))
        buf_adds(&opts, " " ACCEPT_NEW);
    if (!strstr(opts.p, "BatchMode=yes"))
        buf_adds(&opts, " -o BatchMode=yes");
    if (key)
        buf_addf(&opts, " -i '%s' -o IdentitiesOnly=yes", key);
    setenv("GIT_SSH_COMMAND",
           arena_printf(m->arena, "%s %s",
                        program   ? program
                        : command ? command
                                  : "ssh",
                        opts.p),
           1);
    setenv("GIT_TERMINAL_PROMPT", "0", 0); // nobody is there to answer
    buf_release(&opts);
}

static int set_umask(struct module *m)
{
    const struct value *v = dict_get(m->args, "umask");
    if (!v || v->type == VALUE_NULL)
        return 0;
    if (v->type != VALUE_STRING)
        return module_fail(m, "umask must be defined as a quoted octal integer");
    char *end;
    unsigned long mask = strtoul(v->u.str.s, &end, 8);
    if (*end || !v->u.str.len)
        return module_fail(m, "umask must be an octal integer");
    umask((mode_t)mask & 0777);
    return 0;
}

// Where the repository of dest is: its .git, or what a .git file points at.
static int find_git_dir(struct git *g)
{
    struct module *m = g->m;
    struct stat st;
    char *text;
    size_t len;
    g->git_dir = g->bare ? g->dest : path_join(m->arena, g->dest, ".git");
    if (stat(g->git_dir, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    bool good =
        host_read(m, g->git_dir, &text, &len, NULL) == 0 && strncmp(text, "gitdir: ", 8) == 0;
    if (good) {
        text[strcspn(text, "\r\n")] = '\0';
        g->git_dir = path_join(m->arena, g->dest, text + 8);
        good = stat(g->git_dir, &st) == 0 && S_ISDIR(st.st_mode);
    }
    return good ? 0
                : module_fail(m, "Current repo does not have a valid reference to a separate Git "
                                 "dir or it refers to "
                                 "the invalid path");
}

// Moves the repository out of the working copy to separate_git_dir.
static int relocate(struct git *g)
{
    struct module *m = g->m;
    struct err e = ERR_INIT;
    const char *file = path_join(m->arena, g->dest, ".git");
    if (!g->separate || access(g->git_dir, F_OK) < 0 ||
        strcmp(host_realpath(m->arena, g->git_dir), g->separate) == 0)
        return 0;
    module_changed(m, true);
    if (m->check)
        return 0;
    if (access(g->separate, F_OK) == 0)
        return module_fail(m, "Separate-git-dir path %s already exists.", g->separate);
    if (rename(g->git_dir, g->separate) < 0)
        return module_fail(m, "Unable to move git dir. %s", strerror(errno));
    const char *line = arena_printf(m->arena, "gitdir: %s\n", g->separate);
    if (file_write_atomic(file, line, strlen(line), 0644, &e) < 0)
        return module_fail_err(m, &e);
    g->git_dir = g->separate;
    return 0;
}

// --- clone and update
// ------------------------------------------------------------------------------------------

struct words {
    const char *w[40];
    int n;
};

static void add(struct words *w, const char *s)
{
    w->w[w->n++] = s;
    w->w[w->n] = NULL;
}

static int clone_words(struct git *g, struct words *w)
{
    struct module *m = g->m;
    struct arena *a = m->arena;
    const char *reference = module_str(m, "reference"),
               *depth = arena_printf(a, "%lld", (long long)g->depth);
    int named = git_is_remote_branch(g, g->repo, g->version);
    if (named == 0)
        named = git_is_remote_tag(g, g->repo, g->version);
    if (named < 0)
        return named;
    add(w, "clone");
    if (g->bare) {
        add(w, "--bare");
    } else {
        add(w, "--origin");
        add(w, g->remote);
    }
    bool head = strcmp(g->version, "HEAD") == 0 || g->refspec, branch = false;
    if (g->depth && (head || named)) {
        add(w, "--depth");
        add(w, depth);
        branch = !head;
    } else if (g->depth) {
        module_warn(m, "Ignoring depth argument. Shallow clones are only available for HEAD, "
                       "branches, tags or in "
                       "combination with refspec.");
    }
    if (reference) {
        add(w, "--reference");
        add(w, reference);
    }
    if (module_bool(m, "single_branch")) {
        add(w, "--single-branch");
        branch |= named > 0;
    }
    if (branch) {
        add(w, "--branch");
        add(w, g->version);
    }
    if (g->separate)
        add(w, arena_printf(a, "--separate-git-dir=%s", g->separate));
    add(w, g->repo);
    add(w, g->dest);
    return 0;
}

static int clone(struct git *g)
{
    struct arena *a = g->m->arena;
    struct words w = {.n = 0};
    const char *parent = path_dir(a, g->dest),
               *depth = arena_printf(a, "%lld", (long long)g->depth);
    if (journal_whole(g->m, g->dest, NULL) < 0 ||
        (g->separate && journal_whole(g->m, g->separate, NULL) < 0))
        return ERR_FAILED;
    host_mkdirs(parent, 0777, NULL);
    if (clone_words(g, &w) < 0 || git_must(g, parent, NULL, w.w) < 0)
        return ERR_FAILED;
    const char *const remote[] = {"remote", "add", g->remote, g->repo, NULL};
    if (g->bare && strcmp(g->remote, "origin") != 0 && git_must(g, g->dest, NULL, remote) < 0)
        return ERR_FAILED;
    if (g->refspec) {
        struct words f = {.n = 0};
        add(&f, "fetch");
        if (g->depth) {
            add(&f, "--depth");
            add(&f, depth);
        }
        add(&f, g->remote);
        add(&f, g->refspec);
        if (git_must(g, g->dest, NULL, f.w) < 0)
            return ERR_FAILED;
    }
    return git_verify(g);
}

static bool has_local_changes(struct git *g)
{
    const char *out;
    if (g->bare || git_run(g, g->dest, &out, NULL, "status", "--porcelain", NULL) < 0)
        return false;
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "??", 2) != 0)
            return true;
    return false;
}

static void add_diff(struct git *g, const char *before, const char *after)
{
    struct module *m = g->m;
    const char *out, *error, *text;
    if (m->record && (!before || strcmp(before, after) != 0)) { // the diff would cost a fetch
        struct value said = value_dict(m->arena);
        dict_set(said.u.dict, "prepared",
                 value_strf(m->arena, "commit %s -> %s\n", before ? before : "none", after));
        module_record(m, said);
    }
    if (!m->diff || (before && strcmp(before, after) == 0))
        return;
    if (!before) {
        text = arena_printf(m->arena, ">> Newly checked out %s", after);
    } else {
        if (git_fetch(g, after, false) < 0) { // the diff is not worth the task
            dict_del(m->result, "failed");
            dict_del(m->result, "msg");
        }
        int rc = git_run(g, g->dest, &out, &error, "diff", before, after, NULL);
        if (rc < 0)
            return;
        text = rc == 0 && *out ? out
               : rc == 0 ? arena_printf(m->arena, ">> No visual differences between %s and %s",
                                        before, after)
                         : arena_printf(m->arena,
                                        ">> Failed to get proper diff between %s and %s:\n>> %s",
                                        before, after, error);
    }
    struct value d = value_dict(m->arena);
    dict_set(d.u.dict, "prepared", value_str(m->arena, text));
    module_set(m, "diff", d);
}

// --- archive
// ---------------------------------------------------------------------------------------------------

static int write_archive(struct git *g, const char *to, const char *format)
{
    const char *prefix = module_str(g->m, "archive_prefix"), *out, *error;
    struct words w = {.n = 0};
    add(&w, "archive");
    add(&w, "--format");
    add(&w, format);
    add(&w, "--output");
    add(&w, to);
    if (prefix) {
        add(&w, "--prefix");
        add(&w, prefix);
    }
    add(&w, g->version);
    int rc = git_runv(g, g->dest, &out, &error, w.w);
    if (rc <= 0)
        return rc;
    module_set_str(
        g->m, "details",
        arena_printf(g->m->arena,
                     "Git archive command failed to create archive %s using %s directory.Error: %s",
                     to, g->dest, error));
    return module_fail(g->m, "Failed to perform archive operation");
}

static int make_archive(struct git *g)
{
    static const char *const formats[][2] = {
        {".zip", "zip"}, {".gz", "tar.gz"}, {".tar", "tar"}, {".tgz", "tgz"}};
    struct module *m = g->m;
    const char *to = module_str(m, "archive"), *format = NULL, *dot = to ? strrchr(to, '.') : NULL;
    char have[HASH_HEX_MAX], got[HASH_HEX_MAX];
    struct err e = ERR_INIT;
    if (!to)
        return 0;
    if (m->check) {
        module_changed(m, true);
        return 0;
    }
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(dot, formats[i][0]) == 0)
            format = formats[i][1];
    if (!format) {
        module_set_str(
            m, "details",
            "Please specify archive as filename with extension. File extension can be one of "
            "['tar', 'tar.gz', 'zip', 'tgz']");
        return module_fail(m, "Unable to get file extension from archive file name : %s", to);
    }
    if (access(to, F_OK) < 0) {
        if (journal_path(m, to, NULL) < 0)
            return ERR_FAILED;
        module_changed(m, true);
        return write_archive(g, to, format);
    }
    const char *dir = host_tmpdir(m, NULL, &e),
               *tmp = dir ? arena_printf(m->arena, "%s/new.%s", dir, format) : NULL;
    if (!tmp)
        return module_fail_err(m, &e);
    if (write_archive(g, tmp, format) < 0)
        return ERR_FAILED;
    bool same = hash_file(HASH_SHA1, to, have, NULL) == 0 &&
                hash_file(HASH_SHA1, tmp, got, NULL) == 0 && strcmp(have, got) == 0;
    dict_set(m->result, "changed", value_bool(!same)); // as Ansible: the archive alone decides
    if (!same && host_install(m, tmp, to, &e) < 0)
        return module_fail_err(m, &e);
    return 0;
}

// --- the module
// ------------------------------------------------------------------------------------------------

static int report_remote(struct git *g, const char *before, const char *remote, bool cloning,
                         bool url_changed)
{
    const char *head = git_remote_head(g, remote, cloning);
    if (!head)
        return ERR_FAILED;
    module_changed(g->m, !before || strcmp(before, head) != 0 || url_changed);
    module_set_str(g->m, "after", head);
    add_diff(g, before, head);
    return 0;
}

// Brings an existing working copy up to date; *ret_touched when something but the version changed.
static int update(struct git *g, const char *before, bool *ret_touched, bool *ret_done)
{
    struct module *m = g->m;
    const char *url;
    bool local = has_local_changes(g);
    const char *said =
        arena_printf(m->arena, "Local modifications exist in the destination: %s", g->dest);
    if (local && !g->force) {
        *ret_done = true;
        return module_fail(m, "%s (force=no).", said);
    }
    if (local && !m->check) {
        journal_lost(m, g->dest, "its local modifications were discarded");
        const char *const reset[] = {"reset", "--hard", "HEAD", NULL};
        if (git_must(g, g->dest, NULL, reset) < 0)
            return ERR_FAILED;
        module_changed(m, true);
        module_set_str(m, "msg", said);
    }
    int moved = m->check ? git_remote_url_differs(g, &url) && url : git_set_remote_url(g);
    if (moved < 0)
        return moved;
    module_set(m, "remote_url_changed", value_bool(moved));
    *ret_touched = local || moved;
    if (m->check) {
        *ret_done = true;
        return report_remote(g, before, g->remote, false, moved);
    }
    return git_fetch(g, g->version, g->force);
}

// Whether the working copy is about to become another commit.
static bool will_move(struct git *g, const char *before)
{
    const char *at = arena_printf(g->m->arena, "%s/%s", g->remote, g->version);
    const char *commit = git_commit(g, at);
    if (strlen(commit) < 40)
        commit = git_commit(g, arena_printf(g->m->arena, "%s^{commit}", g->version));
    return g->m->journal && strcmp(commit, before) != 0;
}

static int finish(struct git *g, const char *before, bool touched)
{
    struct module *m = g->m;
    int submodules = 0;
    if (before && !g->bare && will_move(g, before) &&
        journal_thing(m, "git", g->dest, g->exe, NULL) < 0)
        return ERR_FAILED;
    if (!g->bare && git_switch(g) < 0)
        return ERR_FAILED;
    if (module_bool(m, "recursive") && !g->bare) {
        if ((submodules = git_submodules(g)) < 0)
            return submodules;
        if (submodules)
            module_set(m, "submodules_changed", value_bool(true));
    }
    const char *after = git_commit(g, "HEAD");
    module_set_str(m, "after", after);
    if (!before || strcmp(before, after) != 0 || touched || submodules) {
        module_changed(m, true);
        add_diff(g, before, after);
    }
    return make_archive(g);
}

static int prepare(struct git *g)
{
    struct module *m = g->m;
    const char *separate = module_str(m, "separate_git_dir"), *exe = module_str(m, "executable");
    if (set_umask(m) < 0)
        return ERR_FAILED;
    g->exe = exe ? exe : proc_which(m->arena, "git");
    if (!g->exe)
        return module_fail(
            m, "Failed to find required executable \"git\" in paths: %s; install the package git",
            getenv("PATH"));
    if (*g->repo == '/')
        g->repo = arena_printf(m->arena, "file://%s", g->repo);
    else if (strncmp(g->repo, "~/", 2) == 0 && getenv("HOME"))
        g->repo = arena_printf(m->arena, "file://%s%s", getenv("HOME"), g->repo + 1);
    if (!g->dest && module_bool(m, "clone"))
        return module_fail(m, "the destination directory must be specified unless clone=no");
    if (separate)
        g->separate = host_realpath(m->arena, separate);
    set_ssh_command(m);
    if (!g->dest)
        return 0;
    char cwd[4096];
    if (*g->dest != '/' && getcwd(cwd, sizeof cwd))
        g->dest = path_join(m->arena, arena_strdup(m->arena, cwd), g->dest);
    size_t n = strlen(g->dest);
    while (n > 1 && g->dest[n - 1] == '/')
        n--;
    g->dest = arena_strndup(m->arena, g->dest, n);
    return find_git_dir(g) < 0 ? ERR_FAILED : relocate(g);
}

static int run(struct git *g)
{
    struct module *m = g->m;
    bool allowed = module_bool(m, "clone"), touched = false, done = false;
    bool there = g->dest && access(path_join(m->arena, g->git_dir, "config"), F_OK) == 0;
    const char *before = NULL;
    module_set(m, "before", value_null());
    if (!there && (m->check || !allowed))
        return report_remote(g, NULL, g->repo, true, false);
    if (!there)
        return clone(g) < 0 ? ERR_FAILED : finish(g, NULL, false);
    before = git_commit(g, "HEAD");
    module_set_str(m, "before", before);
    if (!module_bool(m, "update")) {
        module_set_str(m, "after", before);
        return make_archive(g);
    }
    int rc = update(g, before, &touched, &done);
    return rc < 0 || done ? rc : finish(g, before, touched);
}

int mod_git(struct module *m)
{
    static const char *const partial[] = {
        "after", "before", "changed", "diff", "remote_url_changed", "submodules_changed"};
    struct git g = {
        .m = m,
        .repo = module_str(m, "repo"),
        .dest = module_str(m, "dest"),
        .version = module_str(m, "version"),
        .remote = module_str(m, "remote"),
        .refspec = module_str(m, "refspec"),
        .depth = module_int(m, "depth", 0),
        .bare = module_bool(m, "bare"),
        .force = module_bool(m, "force"),
        .track = module_bool(m, "track_submodules"),
    };
    if (prepare(&g) < 0)
        return ERR_FAILED;
    int rc = run(&g);
    bool local = strncmp(dict_str(m->result, "msg", ""), "Local mod", 9) == 0; // says what is there
    for (size_t i = local ? 2 : 0; rc < 0 && i < sizeof partial / sizeof *partial; i++)
        dict_del(m->result, partial[i]); // a failure tells no half results
    return rc;
}
