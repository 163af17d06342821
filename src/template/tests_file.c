// Tests about files on the controller and about URLs.
#include "template/paths.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/urls.h"

#include <string.h>
#include <sys/stat.h>

static int path_of(struct call *c, const char *message, const char **ret, struct err *e)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "%s, not %s", message, value_type_name(&c->self));
    *ret = c->self.u.str.s;
    return 0;
}

static int kind(struct call *c, mode_t type, bool follow, struct value *ret, struct err *e)
{
    struct stat st;
    const char *path = "";
    if (follow &&
        (c->self.type == VALUE_INT || c->self.type == VALUE_BOOL)) { // a descriptor to Python
        *ret = value_bool(false);
        return args_none(c, e);
    }
    int rc = path_of(c,
                     follow ? "stat: path should be string, bytes, os.PathLike or integer"
                            : "lstat: path should be string, bytes or os.PathLike",
                     &path, e);
    bool there = rc >= 0 && (follow ? stat(path, &st) : lstat(path, &st)) == 0;
    *ret = value_bool(there && (!type || (st.st_mode & S_IFMT) == type));
    return rc;
}

// directory, is_dir: A folder.
BUILTIN(test_directory)
{
    return kind(c, S_IFDIR, true, ret, e);
}

// file, is_file: A regular file.
BUILTIN(test_file)
{
    return kind(c, S_IFREG, true, ret, e);
}

// link, is_link: A symbolic link.
BUILTIN(test_link)
{
    return kind(c, S_IFLNK, false, ret, e);
}

// exists: There is something at the path.
BUILTIN(test_exists)
{
    return kind(c, 0, true, ret, e);
}

// link_exists: There is something at the path, be it a dangling link.
BUILTIN(test_link_exists)
{
    return kind(c, 0, false, ret, e);
}

// abs, is_abs: An absolute path.
BUILTIN(test_abs)
{
    const char *path = "";
    int rc = path_of(c, "expected str, bytes or os.PathLike object", &path, e);
    *ret = value_bool(*path == '/');
    return rc;
}

// same_file, is_same_file: Both paths lead to the same file.
BUILTIN(test_same_file)
{
    struct text other = {"", 0};
    struct stat x, y;
    int rc = args_read(c, e, "f2:s!", &other);
    if (rc < 0)
        return rc;
    struct text t = text_of(c, &c->self);
    const char *missing = stat(t.s, &x) != 0 ? t.s : stat(other.s, &y) != 0 ? other.s : NULL;
    if (missing)
        return fail_with(c, e, "[Errno 2] No such file or directory: '%s'", missing);
    *ret = value_bool(x.st_dev == y.st_dev && x.st_ino == y.st_ino);
    return 0;
}

// mount, is_mount: A mount point.
BUILTIN(test_mount)
{
    const char *path = "";
    struct stat st, up;
    int rc = path_of(c, "lstat: path should be string, bytes or os.PathLike", &path, e);
    if (rc < 0)
        return rc;
    bool yes = false;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        const char *parent = arena_printf(c->arena, "%s/..", path);
        yes = lstat(parent, &up) == 0 && (st.st_dev != up.st_dev || st.st_ino == up.st_ino);
    }
    *ret = value_bool(yes);
    return 0;
}

static bool scheme_allowed(struct text scheme, const struct value *schemes)
{
    if (!schemes || !value_truthy(schemes))
        return true;
    if (schemes->type == VALUE_STRING)
        return str_find((struct text){schemes->u.str.s, schemes->u.str.len}, scheme) >= 0;
    if (schemes->type != VALUE_LIST)
        return false;
    for (size_t i = 0; i < schemes->u.list->len; i++)
        if (value_eqs(&schemes->u.list->items[i], scheme.s))
            return true;
    return false;
}

static int uri(struct call *c, bool url, struct value *ret, struct err *e)
{
    const struct value *schemes = NULL;
    struct url u;
    int rc = args_read(c, e, "schemes:v", &schemes);
    *ret = value_bool(false);
    if (rc < 0 || c->self.type != VALUE_STRING)
        return rc;
    if (url_split(c, text_of(c, &c->self), &u, NULL) < 0)
        return 0;
    bool yes = scheme_allowed(u.scheme, schemes);
    if (url)
        yes = yes && (u.netloc.len || strcmp(u.scheme.s, "file") == 0);
    *ret = value_bool(yes);
    return 0;
}

// uri: A URI, of one of the schemes when given.
BUILTIN(test_uri)
{
    return uri(c, false, ret, e);
}

// url: A URL: a URI with a host (or file:).
BUILTIN(test_url)
{
    return uri(c, true, ret, e);
}

// urn: A URN.
BUILTIN(test_urn)
{
    struct url u;
    int rc = args_none(c, e);
    *ret = value_bool(c->self.type == VALUE_STRING &&
                      url_split(c, text_of(c, &c->self), &u, NULL) >= 0 &&
                      strcmp(u.scheme.s, "urn") == 0);
    return rc;
}
