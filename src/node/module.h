// What a module of the helper sees: its validated arguments, its result, processes, content from
// the controller. A module has its process for itself until it returns, and may leave memory, cwd,
// umask and environment as they are: worker.c looks before it uses the process again.
#ifndef NODE_MODULE_H
#define NODE_MODULE_H

#include "core/buf.h"
#include "core/err.h"
#include "core/value.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <sys/stat.h>

struct session;

struct module {
    struct arena *arena;
    const struct module_spec *spec;
    struct dict
        *args; // validated, every parameter present (null when not given and without default)
    struct dict
        *extra; // what the controller's part passes beside them ("_src_checksum", ...); never NULL
    struct dict *result; // what the task returns; module_* calls fill it
    bool check, diff;
    bool record;           // changes are told to the ledger; diff is off then
    struct list *recorded; // what module_record was given, or NULL
    size_t recorded_bytes; // of its texts
    int verbosity;
    bool no_details;         // owner, mode, ... of its path or dest do not belong into the result
    bool live;               // send command output as it comes
    struct session *session; // frames to the controller; NULL in unit tests
    struct module_tmp *tmp;  // temp files and folders to remove when the task ends
    struct journal *journal; // what undo needs (journal.h); NULL: none is kept
};

// Runs one task: 0, or a negative code after module_fail().
typedef int module_fn(struct module *m);

struct module_row {
    const char *name;
    module_fn *run;
};
// Sorted by name; node/modules/table.c.
extern const struct module_row module_table[];
extern const size_t module_table_len;

// --- results
// result.failed = true, result.msg = message. Returns ERR_FAILED: `return module_fail(m, ...)`.
int module_fail(struct module *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Same from an err, which is released.
int module_fail_err(struct module *m, struct err *e);
// result.changed |= changed.
void module_changed(struct module *m, bool changed);
// Whether anyone wants differences: for result.diff, or for the record of changes.
static inline bool module_wants_diff(const struct module *m)
{
    return m->diff || m->record;
}
// Adds to the record of changes when one is kept: d (before, after and their headers, or prepared)
// is cut to what differs, and large or binary contents to their digests. The result stays as it is.
void module_record(struct module *m, struct value d);
// Adds to result.diff when diff mode is on (before/after text; NULL header: none).
void module_diff(struct module *m, const char *before, size_t before_len, const char *after,
                 size_t after_len, const char *before_header, const char *after_header);
// Adds any other kind of difference (dict with before and after) to result.diff: the first as it
// is, more as a list. Where diff mode is off it goes to the record alone.
void module_add_diff(struct module *m, struct value diff);
// Sets one field of the result.
void module_set(struct module *m, const char *key, struct value v);
// As module_set, for a string that is copied.
void module_set_str(struct module *m, const char *key, const char *s);
// Adds to result.warnings.
void module_warn(struct module *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// --- arguments (spec_validate has made them right, so these do not fail)
const char *module_str(const struct module *m, const char *name); // NULL when null
bool module_bool(const struct module *m, const char *name);       // false when null
int64_t module_int(const struct module *m, const char *name, int64_t dflt);
const struct list *module_list(const struct module *m, const char *name); // NULL when null
bool module_has(const struct module *m, const char *name);                // not null

// --- processes
struct proc_opts {
    const char *cwd;
    const char *stdin_data; // NULL: /dev/null
    size_t stdin_len;
    const struct dict *env; // added to the environment
    bool only_env;          // and the only environment
    bool clean_lang;        // C locale, for parsing output
    bool live;              // forward output as FRAME_OUTPUT while it comes
    bool tty;               // stdout and stderr are one terminal, as with `ssh -tt`
    int timeout_ms;         // 0: none
    size_t max_output; // per stream, 0: 64 MiB; beyond it output is dropped and `truncated` set
};
struct proc {
    int rc;     // exit code, 128+signal as shells say; -1 when it could not be started
    int signal; // that ended it, 0: none
    struct buf out, err;
    bool truncated, timed_out;
};
// Runs argv (searched in PATH and the sbin folders) and waits. ERR_NOENT when there is no such
// program.
int proc_run(struct module *m, const char *const *argv, const struct proc_opts *opts,
             struct proc *ret, struct err *e);
// As a line of /bin/sh -c.
int proc_shell(struct module *m, const char *command, const struct proc_opts *opts,
               struct proc *ret, struct err *e);
void proc_release(struct proc *p);
// Fails as Ansible does where the host lacks a program that is needed. Returns ERR_FAILED.
int proc_fail_missing(struct module *m, const char *name);
// The full path of a program in PATH or the sbin folders, or NULL.
const char *proc_which(struct arena *a, const char *name);

// --- content
// Asks the controller for source number n of the task and writes it to fd. ERR_IO when it cannot be
// read there.
int module_receive(struct module *m, unsigned n, int fd, struct err *e);
// Streams what fd holds to the controller as source number n (fetch).
int module_send(struct module *m, unsigned n, int fd, struct err *e);

// --- files
// Applies mode (octal or symbolic), owner, group, attributes of MODULE_FILE_ARGS to path; sets
// changed, honours check mode, adds to the diff. follow: through a symlink.
int file_apply_attrs(struct module *m, const char *path, bool follow);
// What is wanted of a path; NULL leaves a part alone. file_attrs_of reads it from the arguments.
struct file_attrs {
    const struct value *mode; // octal number or text, or symbolic
    const char *owner, *group, *attributes;
};
struct file_attrs file_attrs_of(const struct module *m);
// As file_apply_attrs without touching the result: *ret_changed is set when something differed; the
// differences go into the dicts before and after when these are not NULL. Failures are in the
// result.
int file_set_attrs(struct module *m, const char *path, const struct file_attrs *attrs, bool follow,
                   bool *ret_changed, struct dict *before, struct dict *after);
// The mode that v ("0644", 420, "u=rw,g+X") gives a file that has st. ERR_INVALID in Ansible's
// words.
int file_mode_parse(const struct value *v, const struct stat *st, mode_t *ret, struct err *e);
// The letters that lsattr(1) has for the flags of a file or folder, and its version (NULL: not
// wanted). false where the file system knows of none. FILE_FLAGS_MAX has room for all.
#define FILE_FLAGS_MAX 32
bool host_file_flags(const char *path, char ret_flags[FILE_FLAGS_MAX], unsigned *ret_version);
// Adds uid, gid, owner, group, mode ("0644"), size, state of path to the result. Done by itself at
// the end of a task whose result has a path or dest, as Ansible does.
void file_add_result(struct module *m, const char *path);
// Reads a file on the host into the arena.
int host_read(struct module *m, const char *path, char **ret, size_t *ret_len, struct err *e);
// Replaces path's content atomically: temp file in the same folder, fsync, owner/mode/xattrs of an
// existing file kept, rename. Honours unsafe_writes. New files get 0666 & ~umask. Follows a symlink
// at path to its target.
int host_write(struct module *m, const char *path, const void *data, size_t len, struct err *e);
// As host_write, but a symlink at path is replaced itself.
int host_replace(struct module *m, const char *path, const void *data, size_t len, struct err *e);
// Moves a finished temp file (same or other file system) over path with the same guarantees.
int host_install(struct module *m, const char *tmp, const char *path, struct err *e);
// A temp file that disappears when the task ends; returns its fd (read and write), its path in the
// arena. dir NULL: TMPDIR or /tmp.
int host_tmpfile(struct module *m, const char *dir, const char **ret_path, struct err *e);
// As host_tmpfile, a folder (0700) that disappears with all in it; its path in the arena, NULL on
// error.
const char *host_tmpdir(struct module *m, const char *dir, struct err *e);
// Removes the temp files and folders of the task.
void host_tmp_cleanup(struct module *m);
// Copies what in holds from its current offset to out. ERR_IO.
int host_copy_fd(int in, int out, struct err *e);
// mkdir -p for one path: every missing folder is made, with mode & ~umask.
int host_mkdirs(const char *path, mode_t mode, struct err *e);
// Removes path and everything in it, links not followed. ERR_IO; ENOENT is no error.
int host_remove(const char *path, struct err *e);
// The path with all links resolved (parts that do not exist kept), in the arena.
const char *host_realpath(struct arena *a, const char *path);
// Copies path to path.PID.YYYY-MM-DD@HH:MM:SS~ and returns that name; NULL when path does not exist
// or on error.
const char *host_backup(struct module *m, const char *path, struct err *e);
// User and group look-ups: /etc/passwd and /etc/group first, `getent` for the rest. false when
// unknown.
bool host_user(struct module *m, const char *name_or_uid, uid_t *ret_uid, gid_t *ret_gid,
               const char **ret_home);
bool host_group(struct module *m, const char *name_or_gid, gid_t *ret_gid);
const char *host_user_name(struct module *m, uid_t uid);  // NULL when unknown
const char *host_group_name(struct module *m, gid_t gid); // NULL when unknown

#endif
