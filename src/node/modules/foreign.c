// _foreign: a module that is no part of the helper: a program the controller sends, run as Ansible
// runs it. The result is its raw output, which the controller takes apart.
#include "core/file.h"
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/payload.h"
#include "node/python.h"
#include "node/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *extra(const struct module *m, const char *key)
{
    return dict_str(m->extra, key, "");
}

static int report(struct module *m, const struct proc *p)
{
    module_set(m, "rc", value_int(p->signal ? -p->signal : p->rc));
    module_set(m, "stdout", value_strn(m->arena, buf_str(&p->out), p->out.len));
    module_set(m, "stderr", value_strn(m->arena, buf_str(&p->err), p->err.len));
    return 0;
}

// An interpreter that cannot be started reads as a shell would tell it.
static int report_missing(struct module *m, const char *program)
{
    module_set(m, "rc", value_int(127));
    module_set_str(m, "stdout", "");
    module_set(m, "stderr", value_strf(m->arena, "/bin/sh: 1: %s: not found\n", program));
    return 0;
}

static int run(struct module *m, const struct list *words, const char *in, size_t in_len)
{
    struct proc_opts opts = {.stdin_data = in, .stdin_len = in_len};
    struct proc p = {0};
    struct err e = ERR_INIT;
    const char **argv = arena_array(m->arena, const char *, words->len + 1);
    for (size_t i = 0; i < words->len; i++)
        argv[i] = words->items[i].u.str.s;
    if (journal_inverse(m, NULL) < 0)
        return ERR_FAILED;
    int rc = proc_run(m, argv, &opts, &p, &e);
    rc = rc == 0 ? report(m, &p) : report_missing(m, argv[0]);
    proc_release(&p);
    err_release(&e);
    return rc;
}

// The interpreter's words; a Python that is to be found is found.
static struct list *interpreter(struct module *m, struct err *e)
{
    const char *line = extra(m, "interpreter"), *mode = extra(m, "discover");
    struct list *words = value_list(m->arena).u.list;
    if (*mode) {
        const char *python = python_discover(m, mode, extra(m, "host"));
        if (!python) {
            err_set(e, ERR_NOENT, POS_NONE,
                    "the module '%s' is written in Python, and this host has none (Debian: apt "
                    "install python3; ansible_python_interpreter names one elsewhere)",
                    extra(m, "name"));
            return NULL;
        }
        module_set_str(m, "discovered", python);
        line = *line ? arena_printf(m->arena, "%s %s", python, line) : python;
    }
    return shlex_split(m->arena, line, true, &words, e) < 0 ? NULL : words;
}

// A Python program with its arguments as a literal in its text: goes to the interpreter's input, so
// that no secret among the arguments ever is in a file.
static int run_text(struct module *m, struct list *words, const char *text, size_t len)
{
    const struct value *literal = dict_get(m->extra, "literal");
    size_t gap = (size_t)dict_int(m->extra, "gap", 0);
    struct buf b = BUF_INIT;
    if (gap > len)
        return module_fail(m, "the gap for the module's arguments lies behind its end");
    buf_add(&b, text, gap);
    if (literal && literal->type == VALUE_STRING)
        buf_add(&b, literal->u.str.s, literal->u.str.len);
    buf_add(&b, text + gap, len - gap);
    int rc = run(m, words, b.p, b.len);
    buf_release(&b);
    return rc;
}

static int write_file(const char *path, const char *s, size_t len, mode_t mode, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good = fd >= 0;
    while (good && len) {
        ssize_t n = write(fd, s, len);
        if (n < 0 && errno == EINTR)
            continue;
        good = n > 0;
        s += good ? n : 0;
        len -= good ? (size_t)n : 0;
    }
    good = fd >= 0 && close(fd) == 0 && good;
    return good ? 0 : err_set(e, ERR_IO, POS_NONE, "cannot write %s: %s", path, strerror(errno));
}

// A private folder, on a file system where programs may be executed if they are.
static const char *folder(struct module *m, bool executed, struct err *e)
{
    const char *dirs[] = {NULL, "/var/tmp", getenv("HOME")};
    struct statvfs fs;
    for (size_t i = 0; executed && i < sizeof dirs / sizeof *dirs; i++) {
        const char *dir = dirs[i]            ? dirs[i]
                          : i                ? NULL
                          : getenv("TMPDIR") ? getenv("TMPDIR")
                                             : "/tmp";
        const char *made = dir && statvfs(dir, &fs) == 0 && !(fs.f_flag & ST_NOEXEC)
                               ? host_tmpdir(m, dir, NULL)
                               : NULL;
        if (made)
            return made;
    }
    return host_tmpdir(m, NULL, e);
}

// Any other program: a file, and its arguments in another whose path it is told.
static int run_file(struct module *m, struct list *words, const char *text, size_t len)
{
    struct err e = ERR_INIT;
    const struct value *args = dict_get(m->extra, "arguments");
    const char *dir = folder(m, words->len == 0, &e);
    const char *path = dir ? path_join(m->arena, dir, path_base(extra(m, "file"))) : NULL;
    int rc = dir ? write_file(path, text, len, 0700, &e) : ERR_IO;
    list_add(words, value_cstr(path ? path : ""));
    if (rc == 0 && args && args->type == VALUE_STRING) {
        const char *file = path_join(m->arena, dir, "args");
        rc = write_file(file, args->u.str.s, args->u.str.len, 0600, &e);
        list_add(words, value_cstr(file));
    }
    return rc < 0 ? module_fail_err(m, &e) : run(m, words, NULL, 0);
}

static int get_text(struct module *m, const char **ret, size_t *ret_len, struct err *e)
{
    const struct value *had = dict_get(m->extra, "text");
    if (!had)
        return payload_get(m, extra(m, "digest"), !dict_bool(m->extra, "once", false), ret, ret_len,
                           e);
    *ret = had->u.str.s;
    *ret_len = had->u.str.len;
    module_set(m, "foreign", value_bool(true)); // for who reads the job's file
    return 0;
}

int foreign_fetch(struct arena *a, const struct dict *task, struct session *s, struct err *e)
{
    const struct value *given = dict_get(task, "extra");
    const char *text;
    size_t len;
    if (!given || given->type != VALUE_DICT)
        return err_set(e, ERR_INVALID, POS_NONE, "a module without a program");
    struct module m = {
        .arena = a, .extra = given->u.dict, .result = value_dict(a).u.dict, .session = s};
    int rc = get_text(&m, &text, &len, e);
    if (rc == 0)
        dict_set(given->u.dict, "text", value_strn(a, text, len));
    host_tmp_cleanup(&m);
    return rc;
}

int mod__foreign(struct module *m)
{
    struct err e = ERR_INIT;
    const char *text;
    size_t len;
    struct list *words = interpreter(m, &e);
    int rc = words ? get_text(m, &text, &len, &e) : ERR_NOENT;
    if (rc < 0)
        return module_fail_err(m, &e);
    return dict_get(m->extra, "literal") ? run_text(m, words, text, len)
                                         : run_file(m, words, text, len);
}
