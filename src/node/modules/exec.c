// _exec, _put and _get: what a connection is to Ansible's action plugins, which run on the
// controller: a command line, a file there, a file here. No modules a user can name.
#include "core/hash.h"
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Commands of a login begin in its home.
static void go_home(void)
{
    const char *home = getenv("HOME");
    if (home && *home)
        (void)!chdir(home);
}

static void set_bytes(struct module *m, const char *key, const struct buf *bytes)
{
    struct buf b = BUF_INIT;
    base64_encode(&b, bytes->p, bytes->len);
    module_set(m, key, value_strn(m->arena, buf_str(&b), b.len));
    buf_release(&b);
}

// What the command is to read: source 0, or nothing.
static int take_input(struct module *m, struct proc_opts *opts, struct err *e)
{
    const char *path;
    size_t len;
    if (!dict_bool(m->extra, "input", false))
        return 0;
    int fd = host_tmpfile(m, NULL, &path, e);
    if (fd < 0)
        return fd;
    int rc = module_receive(m, 0, fd, e);
    close(fd);
    if (rc < 0)
        return rc;
    opts->stdin_data = text_read(m->arena, path, &len);
    opts->stdin_len = len;
    return opts->stdin_data ? 0 : err_set(e, ERR_IO, POS_NONE, "%s cannot be read", path);
}

int mod__exec(struct module *m)
{
    struct proc_opts opts = {0};
    struct proc p = {0};
    struct err e = ERR_INIT;
    int rc = take_input(m, &opts, &e);
    if (rc == 0 && dict_bool(m->extra, "home", false))
        go_home();
    if (rc == 0)
        rc = proc_shell(m, dict_str(m->extra, "command", ""), &opts, &p, &e);
    if (rc < 0)
        return module_fail_err(m, &e);
    module_set(m, "rc", value_int(p.signal ? 128 + p.signal : p.rc));
    set_bytes(m, "out", &p.out);
    set_bytes(m, "err", &p.err);
    proc_release(&p);
    return 0;
}

int mod__put(struct module *m)
{
    const char *path = dict_str(m->extra, "file", "");
    mode_t mode = (mode_t)dict_int(m->extra, "mode", 0600) & 0777;
    struct err e = ERR_INIT;
    if (dict_bool(m->extra, "home", false))
        go_home();
    if (journal_path(m, path, NULL) < 0)
        return ERR_FAILED;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return module_fail(m, "%s cannot be written: %s", path, strerror(errno));
    int rc = module_receive(m, 0, fd, &e);
    if (close(fd) != 0 && rc == 0)
        rc = err_set(&e, ERR_IO, POS_NONE, "%s cannot be written: %s", path, strerror(errno));
    return rc < 0 ? module_fail_err(m, &e) : 0;
}

int mod__get(struct module *m)
{
    const char *path = dict_str(m->extra, "file", "");
    struct err e = ERR_INIT;
    struct stat st;
    if (dict_bool(m->extra, "home", false))
        go_home();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        int why = fd < 0 ? errno : EISDIR;
        if (fd >= 0)
            close(fd);
        return module_fail(m, "%s cannot be read: %s", path, strerror(why));
    }
    int rc = module_send(m, 0, fd, &e);
    close(fd);
    return rc < 0 ? module_fail_err(m, &e) : 0;
}
