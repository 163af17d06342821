// unarchive of tar archives, by GNU tar.
#include "node/modules/unarchive.h"

#include <string.h>
#include <unistd.h>

static void start(struct archive *a, struct argv *v, const char *action)
{
    v->n = 0;
    argv_add(v, proc_which(a->m->arena, proc_which(a->m->arena, "gtar") ? "gtar" : "tar"));
    argv_add(v, action);
    argv_add(v, "-C");
    argv_add(v, a->dest);
    if (*a->flag)
        argv_add(v, a->flag);
    if (a->opts && a->opts->len) {
        argv_add(v, "--show-transformed-names");
        argv_add_list(v, a->opts);
    }
}

static void finish(struct archive *a, struct argv *v)
{
    for (size_t i = 0; a->exclude && i < a->exclude->len; i++) {
        const char *p = a->exclude->items[i].u.str.s;
        size_t n = strlen(p);
        while (n && p[n - 1] == '/')
            n--;
        argv_add(v, arena_printf(a->m->arena, "--exclude=%.*s", (int)n, p));
    }
    argv_add(v, "-f");
    argv_add(v, a->src);
    argv_add_list(v, a->include);
}

static void ownership(struct archive *a, struct argv *v)
{
    if (a->owner)
        argv_add(v, arena_printf(a->m->arena, "--owner=%s", a->owner));
    if (a->group)
        argv_add(v, arena_printf(a->m->arena, "--group=%s", a->group));
    if (module_bool(a->m, "keep_newer"))
        argv_add(v, "--keep-newer-files");
}

// A name as tar prints it, its escapes (\n, \\, \303) replaced.
static const char *unescape(struct arena *arena, const char *s)
{
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    struct buf b = BUF_INIT;
    while (*s) {
        const char *at = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
        if (at) {
            buf_addc(&b, to[at - from]);
            s += 2;
        } else if (*s == '\\' && s[1] >= '0' && s[1] <= '7') {
            int c = 0, n = 0;
            for (s++; n < 3 && *s >= '0' && *s <= '7'; n++)
                c = c * 8 + (*s++ - '0');
            buf_addc(&b, (char)c);
        } else {
            buf_addc(&b, *s++);
        }
    }
    const char *ret = arena_strndup(arena, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}

int tar_list(struct archive *a)
{
    struct argv *v = argv_new(a->m->arena);
    struct proc p;
    start(a, v, "--list");
    finish(a, v);
    if (archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    char *save = NULL, *text = arena_strndup(a->m->arena, buf_str(&p.out), p.out.len);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *name = unescape(a->m->arena, line);
        name += *name == '/';
        if (!archive_matches(a->exclude, name))
            list_add(a->files, value_str(a->m->arena, name));
    }
    int rc = 0;
    const char *intro =
        arena_printf(a->m->arena,
                     "Failed to find handler for \"%s\". Make sure the required command to extract "
                     "the file is installed.\nCommand \"%s\"",
                     a->src, v->v[0]);
    if (p.rc != 0)
        rc = module_fail(a->m,
                         "%s could not handle archive: Unable to list files in the archive: %s",
                         intro, buf_str(&p.err));
    else if (!a->files->len)
        rc = module_fail(
            a->m, "%s found no files in archive. Empty archive files are not supported.", intro);
    proc_release(&p);
    return rc;
}

// Whether a line of `tar --diff` tells a difference that matters.
static bool tells(const struct archive *a, const char *line)
{
    bool root = getuid() == 0;
    if (strstr(line, ": : Warning: Cannot stat"))
        return false; // a folder that --strip-components left without a name
    if (strstr(line, ": Uid differs"))
        return root && !a->owner;
    if (strstr(line, ": Gid differs"))
        return root && !a->group;
    if (strstr(line, ": Mode differs"))
        return !a->mode;
    return strstr(line, ": Mod time differs") ||
           strstr(line, ": Warning: Cannot stat: No such file or directory") ||
           strstr(line, ": Invalid owner") || strstr(line, ": Invalid group");
}

int tar_compare(struct archive *a, bool *ret_same)
{
    struct argv *v = argv_new(a->m->arena);
    struct proc p;
    start(a, v, "--diff");
    ownership(a, v);
    finish(a, v);
    if (archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    *ret_same = true;
    buf_add(&p.out, buf_str(&p.err), p.err.len);
    char *save = NULL, *text = arena_strndup(a->m->arena, buf_str(&p.out), p.out.len);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (tells(a, line))
            *ret_same = false;
    proc_release(&p);
    return 0;
}

int tar_extract(struct archive *a)
{
    struct argv *v = argv_new(a->m->arena);
    struct proc p;
    start(a, v, "--extract");
    ownership(a, v);
    finish(a, v);
    if (archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    archive_report(a, v, &p);
    int rc = p.rc == 0 ? 0 : module_fail(a->m, "failed to unpack %s to %s", a->src, a->dest);
    proc_release(&p);
    return rc;
}
