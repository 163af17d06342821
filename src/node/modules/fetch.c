// fetch: the host's part sends a file; the controller writes it and makes the result.
#include "node/modules.h"
#include "node/module.h"

#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// The file cannot be had: a failure, or with fail_on_missing off a remark.
static int missing(struct module *m, const char *src, const char *msg)
{
    if (module_bool(m, "fail_on_missing"))
        return module_fail(m, "%s", msg);
    module_set_str(m, "file", src);
    module_set_str(m, "msg", msg);
    return 0;
}

int mod_fetch(struct module *m)
{
    const char *src = module_str(m, "src"), *have = dict_str(m->extra, "_have_checksum", "");
    struct stat st;
    char sha1[HASH_HEX_MAX], md5[HASH_HEX_MAX];
    struct err e = ERR_INIT;
    if (stat(src, &st) < 0)
        return missing(m, src,
                       errno == ENOENT ? "the remote file does not exist, not transferring, ignored"
                                       : arena_printf(m->arena, "file is not readable: %s", src));
    if (S_ISDIR(st.st_mode))
        return missing(m, src, "remote file is a directory, fetch cannot work on directories");
    int fd = open(src, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return missing(m, src, arena_printf(m->arena, "file is not readable: %s", src));
    int rc = hash_file(HASH_SHA1, src, sha1, &e);
    if (rc == 0)
        rc = hash_file(HASH_MD5, src, md5, &e);
    if (rc == 0 && strcmp(sha1, have) != 0)
        rc = module_send(m, 0, fd, &e);
    close(fd);
    if (rc < 0)
        return module_fail_err(m, &e);
    module_set_str(m, "file", src);
    module_set_str(m, "checksum", sha1);
    module_set_str(m, "md5sum", md5);
    module_set(m, "size", value_int(st.st_size));
    return 0;
}
