// command, shell and script: run what the task says and report it.
#include "node/hold.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/proc_cut.h"
#include "node/text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// What a result holds of a stream unless the controller says otherwise: the beginning, and of more
// than fits the end as well.
#define OUTPUT_MAX (4u << 20)
#define OUTPUT_TAIL (64u << 10)

// One run of a command: what to execute and how it is reported.
struct command {
    const char *const *argv; // NULL-terminated
    struct value shown;      // result.cmd
    const char *cwd;
    const char *stdin_data;
    size_t stdin_len;
};

// Local time as Python prints a datetime.
static struct value time_text(struct arena *a, int64_t us)
{
    time_t sec = (time_t)(us / 1000000);
    struct tm tm;
    localtime_r(&sec, &tm);
    char text[64];
    size_t n = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    if (us % 1000000)
        return value_strf(a, "%.*s.%06d", (int)n, text, (int)(us % 1000000));
    return value_strn(a, text, n);
}

// A duration as Python prints a timedelta.
static struct value delta_text(struct arena *a, int64_t us)
{
    int64_t sec = us / 1000000, frac = us % 1000000;
    struct buf b = BUF_INIT;
    if (sec >= 86400)
        buf_addf(&b, "%lld day%s, ", (long long)(sec / 86400), sec / 86400 == 1 ? "" : "s");
    buf_addf(&b, "%d:%02d:%02d", (int)(sec % 86400 / 3600), (int)(sec % 3600 / 60),
             (int)(sec % 60));
    if (frac)
        buf_addf(&b, ".%06d", (int)frac);
    struct value v = value_strn(a, buf_str(&b), b.len);
    buf_release(&b);
    return v;
}

static int64_t now_us(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

// Whether a name or pattern matches anything, as Python's glob.glob sees it.
static bool path_matches(const char *pattern)
{
    if (!strpbrk(pattern, "*?[")) {
        struct stat st;
        return lstat(pattern, &st) == 0;
    }
    glob_t g;
    bool found = glob(pattern, GLOB_NOSORT, NULL, &g) == 0 && g.gl_pathc > 0;
    globfree(&g);
    return found;
}

// $NAME and ${NAME} replaced where NAME is set, others left as they are.
static void expand_vars(struct buf *b, const char *s)
{
    while (*s) {
        if (*s != '$') {
            buf_addc(b, *s++);
            continue;
        }
        bool brace = s[1] == '{';
        const char *name = s + (brace ? 2 : 1);
        size_t n = brace ? strcspn(name, "}")
                         : strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_");
        char key[256];
        const char *val = NULL;
        if (n > 0 && n < sizeof(key) && (!brace || name[n] == '}')) {
            memcpy(key, name, n);
            key[n] = '\0';
            val = getenv(key);
        }
        if (val) {
            buf_adds(b, val);
            s = name + n + (brace ? 1 : 0);
        } else {
            buf_addc(b, *s++);
        }
    }
}

// One word of a command without shell: variables and a leading ~ or ~user.
static const char *expand_word(struct module *m, const char *word)
{
    struct buf b = BUF_INIT;
    expand_vars(&b, word);
    const char *s = arena_strndup(m->arena, buf_str(&b), b.len);
    buf_release(&b);
    if (*s != '~')
        return s;
    size_t n = strcspn(s, "/");
    const char *home = getenv("HOME");
    if (n > 1 || !home) {
        uid_t uid;
        gid_t gid;
        home = NULL;
        const char *name = n > 1 ? arena_strndup(m->arena, s + 1, n - 1)
                                 : arena_printf(m->arena, "%u", (unsigned)getuid());
        if (!host_user(m, name, &uid, &gid, &home))
            return s;
    }
    return home ? arena_printf(m->arena, "%s%s", home, s + n) : s;
}

// Text without the line ends at its end, when strip is on.
static struct value output_text(struct arena *a, const struct buf *b, bool strip)
{
    size_t n = b->len;
    while (strip && n > 0 && (b->p[n - 1] == '\n' || b->p[n - 1] == '\r'))
        n--;
    return value_strn(a, n ? b->p : "", n);
}

static void warn_cut(struct module *m, const char *stream, uint64_t total, size_t max, bool cut)
{
    if (cut)
        module_warn(m,
                    "the command printed %llu bytes on its %s: the first %zu and the last %u of "
                    "them are in the result; write it to a file to have all, or set "
                    "ANDON_OUTPUT_MAX (MiB)",
                    (unsigned long long)total, stream, max, OUTPUT_TAIL);
}

// 0, or the errno with which exec of name would fail.
static int exec_errno(const char *name)
{
    if (!*name)
        return ENOENT;
    if (strchr(name, '/')) {
        struct stat st;
        if (access(name, X_OK) != 0)
            return errno;
        return stat(name, &st) == 0 && S_ISREG(st.st_mode) ? 0 : EACCES;
    }
    const char *path = getenv("PATH");
    int result = ENOENT;
    for (path = path ? path : "/usr/local/bin:/bin:/usr/bin"; *path;) {
        size_t n = strcspn(path, ":");
        char full[4096];
        if (n + strlen(name) + 2 < sizeof(full)) {
            memcpy(full, path, n);
            full[n] = '/';
            memcpy(full + n + 1, name, strlen(name) + 1);
            if (access(full, X_OK) == 0)
                return 0;
            if (errno == EACCES && access(full, F_OK) == 0)
                result = EACCES;
        }
        path += n + (path[n] == ':');
    }
    return result;
}

// The result of a program that cannot be executed, worded as Python's OSError.
static int fail_exec(struct module *m, const struct command *c, int error)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; c->argv[i]; i++)
        buf_addf(&b, "%s%s", i ? " " : "", shlex_quote(m->arena, c->argv[i]));
    module_set(m, "cmd", value_strn(m->arena, buf_str(&b), b.len));
    buf_release(&b);
    module_set(m, "rc", value_int(error));
    return module_fail(m, "[Errno %d] %s: b'%s'", error, strerror(error), c->argv[0]);
}

static int run_command(struct module *m, const struct command *c, bool report_times)
{
    struct proc_opts opts = {.cwd = c->cwd,
                             .stdin_data = c->stdin_data,
                             .stdin_len = c->stdin_len,
                             .live = m->live,
                             .tty = dict_bool(m->extra, "_tty", false)};
    struct proc_cut cut = {.max = (size_t)dict_int(m->extra, "_output_max", OUTPUT_MAX),
                           .tail = OUTPUT_TAIL};
    struct proc p = {0};
    struct err e = ERR_INIT;
    bool strip = module_bool(m, "strip_empty_ends"); // not a parameter of script
    int error = exec_errno(c->argv[0]);
    if (error)
        return fail_exec(m, c, error);
    if (journal_inverse(m, NULL) < 0)
        return ERR_FAILED;
    int64_t start = now_us();
    if (proc_run_cut(m, c->argv, &opts, &cut, &p, &e) != 0) {
        proc_release(&p);
        error = errno ? errno : ENOENT;
        if (c->cwd && access(c->cwd, X_OK) != 0)
            return module_fail_err(m, &e);
        err_release(&e);
        return fail_exec(m, c, error);
    }
    int64_t end = now_us();
    module_changed(m, true);
    module_set(m, "rc", value_int(p.signal ? -p.signal : p.rc));
    module_set(m, "stdout", output_text(m->arena, &p.out, strip));
    module_set(m, "stderr", output_text(m->arena, &p.err, strip));
    if (report_times) {
        module_set(m, "start", time_text(m->arena, start));
        module_set(m, "end", time_text(m->arena, end));
        module_set(m, "delta", delta_text(m->arena, end - start));
        module_set_str(m, "msg", "");
    }
    warn_cut(m, "stdout", cut.out_total, cut.max, p.out.overflow);
    warn_cut(m, "stderr", cut.err_total, cut.max, p.err.overflow);
    int rc = p.rc;
    proc_release(&p);
    return rc == 0 ? 0 : module_fail(m, "non-zero return code");
}

// creates and removes: true when the command is not to run; the result is filled.
static bool command_skipped(struct module *m)
{
    const char *creates = module_str(m, "creates"), *removes = module_str(m, "removes");
    const char *would = m->check ? "Would" : "Did";
    const char *path = NULL, *why = NULL;
    if (creates && path_matches(creates)) {
        path = creates;
        why = "exists";
    } else if (removes && !path_matches(removes)) {
        path = removes;
        why = "does not exist";
    }
    if (!path)
        return false;
    module_set(m, "msg",
               value_strf(m->arena, "%s not run command since '%s' %s", would, path, why));
    module_set(m, "stdout", value_strf(m->arena, "skipped, since %s %s", path, why));
    module_set(m, "rc", value_int(0));
    return true;
}

// Check mode: what would happen can be told only by creates and removes.
static int command_check(struct module *m)
{
    module_set(m, "rc", value_int(0));
    module_set_str(m, "msg", "Command would have run if not in check mode");
    if (!module_has(m, "creates") && !module_has(m, "removes"))
        module_set(m, "skipped", value_bool(true));
    else
        module_changed(m, true);
    return 0;
}

static const char *const *argv_of(struct module *m, const struct list *words)
{
    const char **argv = arena_array(m->arena, const char *, words->len + 1);
    for (size_t i = 0; i < words->len; i++)
        argv[i] = expand_word(m, value_to_cstr(m->arena, &words->items[i]));
    return argv;
}

static const char *const *shell_argv(struct module *m, const char *line)
{
    const char **argv = arena_array(m->arena, const char *, 4);
    const char *shell = module_str(m, "executable");
    argv[0] = shell && *shell ? shell : "/bin/sh";
    argv[1] = "-c";
    argv[2] = line;
    return argv;
}

// Fills argv and shown; returns <0 after module_fail when there is no command, or more than one.
static int command_words(struct module *m, bool shell, struct command *c)
{
    const char *raw = module_str(m, "_raw_params");
    const struct list *argv = module_list(m, "argv");
    bool given = raw && raw[strspn(raw, " \t\r\n\f\v")];
    bool listed = argv && argv->len > 0;
    if (!given && !listed) {
        module_set(m, "rc", value_int(256));
        return module_fail(m, "no command given");
    }
    if (raw && *raw && listed) {
        module_set(m, "rc", value_int(256));
        return module_fail(m, "only command or argv can be given, not both");
    }
    if (shell) {
        if (!given) {
            struct value quoted = value_list(m->arena);
            for (size_t i = 0; i < argv->len; i++) {
                const char *word = value_to_cstr(m->arena, &argv->items[i]);
                list_add(quoted.u.list, value_cstr(shlex_quote(m->arena, word)));
            }
            raw = text_join(m->arena, quoted.u.list, " ");
        }
        c->shown = given ? value_str(m->arena, raw) : *dict_get(m->args, "argv");
        c->argv = shell_argv(m, raw);
        return 0;
    }
    struct list *words = NULL;
    struct err e = ERR_INIT;
    if (given) {
        if (shlex_split(m->arena, raw, true, &words, &e) != 0)
            return module_fail_err(m, &e);
        argv = words;
    }
    struct value shown = value_list(m->arena);
    for (size_t i = 0; i < argv->len; i++)
        list_add(shown.u.list, value_cstr(value_to_cstr(m->arena, &argv->items[i])));
    c->shown = shown;
    c->argv = argv_of(m, argv);
    return 0;
}

// All fields, in the order in which Ansible has them.
static void command_result_init(struct module *m)
{
    static const char *const fields[] = {"stdout", "stderr", "rc",    "cmd",
                                         "start",  "end",    "delta", "msg"};
    module_changed(m, false);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        bool text = i < 2 || i == 7;
        module_set(m, fields[i], text ? value_cstr("") : value_null());
    }
}

static int command_main(struct module *m, bool shell)
{
    struct command c = {0};
    command_result_init(m);
    if (!shell && module_has(m, "executable"))
        module_warn(m,
                    "As of Ansible 2.4, the parameter 'executable' is no longer supported with the "
                    "'command' module. Not using '%s'.",
                    module_str(m, "executable"));
    if (command_words(m, shell, &c) != 0)
        return ERR_FAILED;
    module_set(m, "cmd", c.shown);
    const char *chdir_to = module_str(m, "chdir");
    if (chdir_to && *chdir_to && chdir(chdir_to) != 0)
        return module_fail(m, "Unable to change directory before execution: [Errno %d] %s: b'%s'",
                           errno, strerror(errno), chdir_to);
    module_changed(m, false);
    if (command_skipped(m))
        return 0;
    if (m->check)
        return command_check(m);
    const char *in = module_str(m, "stdin");
    if (in && *in) {
        c.stdin_data =
            module_bool(m, "stdin_add_newline") ? arena_printf(m->arena, "%s\n", in) : in;
        c.stdin_len = strlen(c.stdin_data);
    }
    return run_command(m, &c, true);
}

int mod_command(struct module *m)
{
    return command_main(m, module_bool(m, "_uses_shell"));
}

int mod_shell(struct module *m)
{
    return command_main(m, true);
}

// A private folder on a file system where programs may be executed; NULL when there is none.
static char *script_folder(struct arena *a)
{
    const char *home = getenv("HOME");
    const char *candidates[] = {"/tmp", "/var/tmp", home};
    for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
        struct statvfs fs;
        if (!candidates[i] || statvfs(candidates[i], &fs) != 0 || (fs.f_flag & ST_NOEXEC))
            continue;
        char *dir = arena_printf(a, "%s/.andon-script-XXXXXX", candidates[i]);
        if (mkdtemp(dir))
            return dir;
    }
    return NULL;
}

// The command line with its first word (the script's name on the controller) replaced by path.
static const char *script_line(struct module *m, const char *raw, const char *first,
                               const char *path)
{
    const char *executable = module_str(m, "executable");
    struct buf b = BUF_INIT;
    if (executable && *executable)
        buf_addf(&b, "%s ", executable);
    size_t n = strlen(first);
    while (*raw) {
        if (n && strncmp(raw, first, n) == 0) {
            buf_adds(&b, path);
            raw += n;
        } else {
            buf_addc(&b, *raw++);
        }
    }
    const char *line = arena_strndup(m->arena, buf_str(&b), b.len);
    buf_release(&b);
    return line;
}

// Puts the script beside nobody else's files and runs it; the caller removes the folder.
static int script_run(struct module *m, const char *raw, const char *first, const char *path)
{
    struct err e = ERR_INIT;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0)
        return module_fail(m, "cannot create %s: %s", path, strerror(errno));
    int rc = module_receive(m, 0, fd, &e);
    if (close(fd) != 0 && rc == 0)
        rc = err_set(&e, ERR_IO, POS_NONE, "cannot write %s: %s", path, strerror(errno));
    if (rc != 0)
        return module_fail_err(m, &e);
    struct command c = {.cwd = module_str(m, "chdir")};
    const char **argv = arena_array(m->arena, const char *, 4);
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script_line(m, raw, first, path);
    c.argv = argv;
    return run_command(m, &c, false);
}

// creates, removes and check mode of script; true when there is nothing more to do.
static bool script_skipped(struct module *m)
{
    const char *creates = module_str(m, "creates"), *removes = module_str(m, "removes");
    struct value msg = value_null();
    if (creates && text_exists(creates))
        msg = value_strf(m->arena, "%s exists, matching creates option", creates);
    else if (removes && !text_exists(removes))
        msg = value_strf(m->arena, "%s does not exist, matching removes option", removes);
    else if (m->check && !creates && !removes)
        msg = value_cstr("Check mode is not supported for this task.");
    if (value_is(&msg, VALUE_STRING)) {
        module_set(m, "skipped", value_bool(true));
        module_set(m, "msg", msg);
        module_changed(m, false);
        return true;
    }
    if (m->check)
        module_changed(m, true);
    return m->check;
}

int mod_script(struct module *m)
{
    const char *raw = module_str(m, "_raw_params");
    const char *dir = module_str(m, "chdir");
    struct list *words = NULL;
    struct err e = ERR_INIT;
    if (script_skipped(m))
        return 0;
    if (dir && *dir != '/')
        return module_fail(m, "chdir %s must be an absolute path for a Unix-aware remote node",
                           dir);
    if (shlex_split(m->arena, raw ? raw : "", true, &words, &e) != 0)
        return module_fail_err(m, &e);
    if (words->len == 0)
        return module_fail(m, "no command given");
    const char *first = words->items[0].u.str.s;
    const char *base = strrchr(first, '/') ? strrchr(first, '/') + 1 : first;
    char *folder = script_folder(m->arena);
    if (!folder)
        return module_fail(m, "there is no folder on this host in which a script may be executed");
    host_tmp_note(m, folder, true);
    const char *path = arena_printf(m->arena, "%s/%s", folder, base);
    char *line = text_strip(arena_strdup(m->arena, raw));
    int rc = script_run(m, line, first, path);
    unlink(path);
    rmdir(folder);
    host_tmp_note(m, folder, false);
    return rc;
}
