// slurp: a file's content in base64.
#include "node/module.h"
#include "node/modules.h"

#include "core/hash.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int mod_slurp(struct module *m)
{
    const char *path = module_str(m, "src");
    struct stat st;
    if (stat(path, &st) < 0 && errno == ENOENT)
        return module_fail(m, "file not found: %s", path);
    if (access(path, R_OK) < 0 && errno == EACCES)
        return module_fail(m, "file is not readable: %s", path);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return module_fail(m, "source is a directory and must be a file: %s", path);
    char *data;
    size_t len;
    struct err e = ERR_INIT;
    if (host_read(m, path, &data, &len, &e) < 0) {
        err_release(&e);
        return module_fail(m, "unable to slurp file: %s", path);
    }
    struct buf b = BUF_INIT;
    base64_encode(&b, data, len);
    module_set(m, "content", value_strn(m->arena, buf_str(&b), b.len));
    buf_release(&b);
    module_set_str(m, "source", path);
    module_set_str(m, "encoding", "base64");
    return 0;
}
