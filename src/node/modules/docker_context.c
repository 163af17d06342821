// The build context of docker_image: a tar archive of a folder without what .dockerignore names.
#include "node/modules/docker_image.h"

#include "core/file.h"
#include "node/command.h"
#include "node/text.h"

#include <dirent.h>
#include <fnmatch.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct context {
    struct module *m;
    struct arena *a;
    const char *top;
    struct value patterns; // lines of .dockerignore, cleaned
    const char *keep;      // the Dockerfile: sent whatever is ignored
    struct buf names;      // what goes into the archive, each ended by NUL
};

// A path against a pattern with "**" for any number of folders. A pattern that matches a folder
// matches all in it.
static bool matches(const char *pattern, const char *path)
{
    if (!*pattern)
        return true;
    if (strncmp(pattern, "**", 2) == 0 && (pattern[2] == '/' || !pattern[2])) {
        if (!pattern[2])
            return true;
        for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
            if (matches(pattern + 3, p))
                return true;
        return false;
    }
    char want[256], have[256];
    size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");
    if (!*path || n >= sizeof want || m >= sizeof have)
        return false;
    memcpy(want, pattern, n);
    memcpy(have, path, m);
    want[n] = have[m] = '\0';
    return fnmatch(want, have, 0) == 0 &&
           matches(pattern + n + (pattern[n] == '/'), path + m + (path[m] == '/'));
}

static bool ignored(const struct context *c, const char *path)
{
    bool ret = false;
    for (size_t i = 0; i < c->patterns.u.list->len; i++) {
        const char *pattern = c->patterns.u.list->items[i].u.str.s;
        bool not = *pattern == '!';
        if (matches(pattern + not, path))
            ret = !not ;
    }
    return ret && strcmp(path, c->keep) != 0 && strcmp(path, ".dockerignore") != 0;
}

static int walk(struct context *c, const char *sub)
{
    DIR *dir = opendir(path_join(c->a, c->top, *sub ? sub : "."));
    if (!dir)
        return module_fail(c->m, "Cannot read the build context %s/%s: %s", c->top, sub,
                           strerror(errno));
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *path =
            *sub ? path_join(c->a, sub, entry->d_name) : arena_strdup(c->a, entry->d_name);
        bool folder = lstat(path_join(c->a, c->top, path), &st) == 0 && S_ISDIR(st.st_mode);
        if (!ignored(c, path))
            buf_add(&c->names, path, strlen(path) + 1);
        if (folder) // what is in an ignored folder may be wanted again
            rc = walk(c, path);
    }
    closedir(dir);
    return rc;
}

static void read_patterns(struct context *c)
{
    char *text = text_read(c->a, path_join(c->a, c->top, ".dockerignore"), NULL);
    c->patterns = value_list(c->a);
    for (char *line; text && (line = text_line(&text));) {
        line = text_strip(line);
        bool not = *line == '!';
        char *p = line + not ;
        while (*p == '/' || strncmp(p, "./", 2) == 0)
            p += *p == '/' ? 1 : 2;
        for (size_t n = strlen(p); n && p[n - 1] == '/';)
            p[--n] = '\0';
        if (*line && *line != '#' && *p && strcmp(p, ".") != 0)
            list_add(c->patterns.u.list, value_strf(c->a, "%s%s", not ? "!" : "", p));
    }
}

int docker_make_context(struct module *m, const char *folder, const char *dockerfile,
                        const char **ret)
{
    struct context c = {.m = m, .a = m->arena, .top = folder, .keep = dockerfile};
    struct err e = ERR_INIT;
    struct output o;
    if (host_tmpfile(m, NULL, ret, &e) < 0)
        return module_fail_err(m, &e);
    read_patterns(&c);
    if (walk(&c, "") != 0)
        return ERR_FAILED;
    struct argv argv = argv_of(c.a, "tar", "-C", folder, "-c", "--no-recursion", "--numeric-owner",
                               "--owner=0", "--group=0", "--null", "-T", "-", "-f", *ret, NULL);
    struct proc_opts opts = {.stdin_data = buf_str(&c.names), .stdin_len = c.names.len};
    int rc = command_must(m, &argv, &opts, &o);
    buf_release(&c.names);
    return rc;
}
