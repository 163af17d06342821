// release: versions of a service side by side in releases/, and the links current and previous,
// which change by a rename each, so that there is no moment without them.
#include "node/journal.h"
#include "node/modules/release.h"

#include "core/file.h"
#include "node/modules.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool is_version(const char *s)
{
    bool good = isalnum((unsigned char)*s) && strlen(s) <= 100;
    for (; good && *s; s++)
        good = isalnum((unsigned char)*s) || strchr("._+~-", *s);
    return good;
}

// The version a link leads to, NULL when there is no such link.
static const char *linked(struct host_release *h, const char *name)
{
    char target[4096];
    ssize_t n = readlink(path_join(h->m->arena, h->path, name), target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = '\0';
    return arena_strdup(h->m->arena, path_base(target));
}

const char *release_note(struct host_release *h, const char *version)
{
    return arena_printf(h->m->arena, "%s/.%s.sha256", h->releases, version);
}

bool release_has(struct host_release *h, const char *version, const char **ret_digest)
{
    struct stat st;
    char *text;
    size_t len;
    const char *dir = path_join(h->m->arena, h->releases, version);
    if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) ||
        file_read(h->m->arena, release_note(h, version), 4096, &text, &len, NULL) < 0)
        return false;
    text[strcspn(text, "\n ")] = '\0';
    *ret_digest = text;
    return true;
}

static int sync_folder(struct host_release *h, const char *path)
{
    return file_sync_folder(path) == 0
               ? 0
               : module_fail(h->m, "cannot sync %s: %s", path, strerror(errno));
}

// Makes a link lead to a version in one step.
static int point(struct host_release *h, const char *name, const char *version)
{
    struct module *m = h->m;
    const char *link = path_join(m->arena, h->path, name),
               *temp = arena_printf(m->arena, "%s/.%s.andon", h->path, name),
               *target = path_join(m->arena, "releases", version);
    struct stat st;
    if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode))
        return module_fail(m, "%s is there and no link: it is not replaced", link);
    if (journal_path(m, link, NULL) < 0)
        return ERR_FAILED;
    unlink(temp);
    if (symlink(target, temp) < 0 || rename(temp, link) < 0) {
        int why = errno;
        unlink(temp);
        return module_fail(m, "cannot make %s lead to %s: %s", link, target, strerror(why));
    }
    return sync_folder(h, h->path);
}

static void tell(struct host_release *h, const char *before, const char *after)
{
    struct value d = value_dict(h->m->arena), b = value_dict(h->m->arena),
                 a = value_dict(h->m->arena);
    dict_set(b.u.dict, "current", before ? value_cstr(before) : value_null());
    dict_set(a.u.dict, "current", after ? value_cstr(after) : value_null());
    dict_set(d.u.dict, "before", b);
    dict_set(d.u.dict, "after", a);
    module_add_diff(h->m, d);
}

// `to` becomes current, and what was current previous. previous goes first: killed between the
// two, the next run finds current as it was and does both again.
static int switch_to(struct host_release *h, const char *to)
{
    const char *from = h->current;
    if (from && strcmp(from, to) == 0)
        return 0;
    module_changed(h->m, true);
    tell(h, from, to);
    if (h->m->check)
        return 0;
    if ((from && point(h, "previous", from) != 0) || point(h, "current", to) != 0)
        return ERR_FAILED;
    h->previous = from;
    h->current = to;
    return 0;
}

// Owner, group and mode of the version's folder itself.
static int set_attrs(struct host_release *h)
{
    struct file_attrs attrs = file_attrs_of(h->m);
    bool changed = false;
    int rc = file_set_attrs(h->m, h->dir, &attrs, false, &changed, NULL, NULL);
    module_changed(h->m, changed);
    return rc;
}

static int present(struct host_release *h)
{
    struct module *m = h->m;
    const char *have = NULL, *want = module_str(m, "digest");
    struct stat st;
    bool there = release_has(h, h->version, &have), unpacked = false;
    if (!there && lstat(h->dir, &st) == 0)
        return module_fail(m, "%s is there, but andon.release did not make it: it is left alone",
                           h->dir);
    if (there && want && strcasecmp(have, want) != 0)
        return module_fail(
            m,
            "version %s is here with other content (%.12s, this is %.12s): a version "
            "never changes; give this one another name",
            h->version, have, want);
    if (!there) {
        if (!module_str(m, "artifact"))
            return module_fail(m, "version %s is not here, and there is no artifact to unpack",
                               h->version);
        module_changed(m, true);
        unpacked = true;
        if (!m->check &&
            (journal_whole(m, h->dir, NULL) < 0 ||
             journal_path(m, release_note(h, h->version), NULL) < 0 || release_unpack(h) != 0))
            return ERR_FAILED;
    }
    if ((there || !m->check) && set_attrs(h) < 0)
        return ERR_FAILED;
    module_set(m, "unpacked", value_bool(unpacked));
    int rc = switch_to(h, h->version);
    struct value removed = value_list(m->arena);
    if (rc == 0)
        rc = release_prune(h, module_int(m, "keep", 5), removed.u.list);
    module_set(m, "removed", removed);
    return rc;
}

static int back(struct host_release *h)
{
    const char *digest;
    if (h->version && (!h->current || strcmp(h->current, h->version) != 0))
        return 0;
    if (!h->previous || !release_has(h, h->previous, &digest))
        return module_fail(h->m, "there is no previous version in %s to go back to", h->path);
    return switch_to(h, h->previous);
}

static int absent(struct host_release *h)
{
    struct module *m = h->m;
    struct stat st;
    if (h->current && strcmp(h->current, h->version) == 0)
        return module_fail(m, "version %s is current: it is not removed", h->version);
    bool there = lstat(h->dir, &st) == 0,
         led_to = h->previous && strcmp(h->previous, h->version) == 0;
    module_changed(m, there || led_to);
    if (m->check || !(there || led_to))
        return 0;
    const char *link = path_join(m->arena, h->path, "previous");
    if ((led_to && journal_path(m, link, NULL) < 0) || journal_tree(m, h->dir, NULL) < 0 ||
        journal_path(m, release_note(h, h->version), NULL) < 0)
        return ERR_FAILED;
    if (led_to)
        unlink(link);
    return release_remove(h, h->version);
}

// One task at a time in a folder; *ret_fd stays open until the task ends.
static int lock(struct host_release *h, int *ret_fd)
{
    struct module *m = h->m;
    struct err e = ERR_INIT;
    *ret_fd = -1;
    if (!m->check && access(h->releases, F_OK) < 0 && journal_path(m, h->releases, NULL) < 0)
        return ERR_FAILED;
    if (!m->check && host_mkdirs(h->releases, 0755, &e) < 0)
        return module_fail_err(m, &e);
    int fd = open(h->releases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && m->check && errno == ENOENT)
        return 0;
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return module_fail(m, "cannot lock %s: %s", h->releases, strerror(why));
    }
    *ret_fd = fd;
    return 0;
}

int mod_release(struct module *m)
{
    struct host_release h = {
        .m = m, .path = module_str(m, "path"), .version = module_str(m, "version")};
    const char *state = module_str(m, "state");
    bool to_previous = strcmp(state, "previous") == 0;
    int fd;
    m->no_details = true;
    module_changed(m, false);
    if (!h.version && !to_previous)
        return module_fail(m, "version is needed (outside of a rollout there is no andon_release)");
    if (h.version && !is_version(h.version))
        return module_fail(m, "'%s' is no name for a version: letters, digits and . _ + ~ -",
                           h.version);
    h.releases = path_join(m->arena, h.path, "releases");
    h.dir = h.version ? path_join(m->arena, h.releases, h.version) : NULL;
    if (lock(&h, &fd) != 0)
        return ERR_FAILED;
    h.current = linked(&h, "current");
    h.previous = linked(&h, "previous");
    int rc = to_previous ? back(&h) : strcmp(state, "absent") == 0 ? absent(&h) : present(&h);
    if (fd >= 0)
        close(fd);
    module_set(m, "path", value_cstr(h.path));
    module_set(m, "current", h.current ? value_cstr(h.current) : value_null());
    module_set(m, "previous", h.previous ? value_cstr(h.previous) : value_null());
    return rc;
}
