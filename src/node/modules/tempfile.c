// tempfile: makes a temporary file or folder that stays.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

// Eight letters, digits or underscores, as Python's tempfile has them.
static const char *random_name(struct arena *a)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    unsigned char bytes[8];
    char *name = arena_strdup(a, "????????");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        name[i] = chars[bytes[i] % (sizeof chars - 1)];
    return name;
}

int mod_tempfile(struct module *m)
{
    const char *dir = module_str(m, "path"), *suffix = module_str(m, "suffix");
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    bool file = strcmp(module_str(m, "state"), "file") == 0;
    char *path = NULL;
    int made = -1;
    for (int tries = 0; tries < 100 && (tries == 0 || (made < 0 && errno == EEXIST)); tries++) {
        path = arena_printf(m->arena, "%s/%s%s%s", dir, module_str(m, "prefix"),
                            random_name(m->arena), suffix);
        if (journal_path(m, path, NULL) < 0)
            return ERR_FAILED;
        made = file ? open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                    : mkdir(path, 0700);
    }
    if (made < 0)
        return module_fail(m, "[Errno %d] %s: '%s'", errno, strerror(errno), path);
    if (file)
        close(made);
    module_changed(m, true);
    module_set_str(m, "path", path);
    return 0;
}
