// Starting a helper as another user through sudo, su or doas: one conversation of prompt, password,
// and a small shell script that finds or receives the helper's binary. The password goes through
// the prompt alone, never argv or env.
#include "node/become.h"

#include "node/module.h"

#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SUDO_PROMPT "[sudo via ansible, key=andon] password:"
#define TEXT_MAX 65536
#define MAX_WORDS 64
#define HAVE_MARK "andon:have\n"
#define NEED_MARK "andon:need\n"

// What runs as the other user. $1 our path, $2 our digest, $3 our size. Root can read our file
// where it is; anyone else gets a copy in a folder of his own, in the first place that lets
// programs run.
// One line and ${x} throughout: `sudo -i` drops newlines and lets the login shell expand a bare $x.
// The user's own umask is given back before the helper starts.
static const char bootstrap[] =
    "p='%s' h=%s n=%zu; "
    "if [ -x \"${p}\" ]; then echo andon:have; exec \"${p}\" serve; fi; "
    "o=$(umask); umask 077; "
    "try() { "
    "[ -O \"${1}\" ] && chmod 700 \"${1}\" && printf '#!/bin/sh\\nexit 0\\n' >\"${1}/t$$\" && "
    "chmod "
    "700 \"${1}/t$$\" || return 1; "
    "\"${1}/t$$\" 2>/dev/null; r=$?; rm -f \"${1}/t$$\"; return ${r}; "
    "}; "
    "good() { [ -O \"${1}\" ] && [ -x \"${1}\" ] && echo \"${h}  ${1}\" | sha256sum -c >/dev/null "
    "2>&1; }; "
    "d=${HOME}/.cache/andon; rm=; "
    "if ! { mkdir -p \"${d}\" && try \"${d}\"; } 2>/dev/null; then "
    "d=; "
    "for t in /tmp /var/tmp /dev/shm; do "
    "d=$(mktemp -d \"${t}/andon.XXXXXX\" 2>/dev/null) && try \"${d}\" 2>/dev/null && rm=${d} && "
    "break; "
    "[ -z \"${d}\" ] || rmdir \"${d}\" 2>/dev/null; d=; "
    "done; "
    "[ -n \"${d}\" ] || { echo 'no folder that lets programs run was found' >&2; exit 1; }; "
    "fi; "
    "f=${d}/node-${h}; "
    "if good \"${f}\"; then echo andon:have; umask \"${o}\"; exec \"${f}\" serve; fi; "
    "echo andon:need; "
    "head -c ${n} >\"${f}.$$\" && chmod 700 \"${f}.$$\" && mv -f \"${f}.$$\" \"${f}\"; "
    "good \"${f}\" || { rm -f \"${f}\"; echo 'the copy of the helper is damaged' >&2; exit 1; }; "
    "umask \"${o}\"; "
    "exec \"${f}\" serve ${rm:+--remove} ${rm:+\"${rm}\"}";

static const char *const methods[] = {"sudo", "su", "doas"};

static bool known_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i], name) == 0)
            return true;
    return false;
}

static bool is_us(const char *user)
{
    struct passwd *pw = getpwuid(getuid());
    return pw && strcmp(pw->pw_name, user) == 0;
}

struct become *become_of(const struct dict *task)
{
    const struct value *v = dict_get(task, "become");
    if (!v || v->type != VALUE_DICT)
        return NULL;
    const struct dict *d = v->u.dict;
    const char *user = dict_str(d, "user", "root"), *method = dict_str(d, "method", "sudo");
    const char *password = dict_str(d, "password", NULL);
    if (is_us(user) && !dict_bool(d, "same_user", false))
        return NULL;
    struct become *b = xcalloc(1, sizeof *b);
    b->method = xstrdup(method);
    b->user = xstrdup(user);
    b->password = password && *password ? xstrdup(password) : NULL;
    b->pty = strcmp(method, "sudo") != 0;
    b->in = b->out = b->err = -1;
    buf_init(&b->errors, TEXT_MAX);
    struct buf key = BUF_INIT;
    buf_addf(&key, "%s\n%s\n%s\n%s\n%s", method, user, dict_str(d, "exe", ""),
             dict_str(d, "flags", ""), b->password ? b->password : "");
    b->key = buf_detach(&key);
    return b;
}

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

void become_free(struct become *b)
{
    if (!b)
        return;
    if (b->err >= 0)
        close(b->err);
    wipe(b->password);
    wipe(b->key);
    free(b->method);
    free(b->user);
    buf_release(&b->text);
    buf_release(&b->errors);
    free(b);
}

// --- the command
// -----------------------------------------------------------------------------------------------

struct words {
    const char *w[MAX_WORDS + 8];
    int n;
};

static void add_flags(struct arena *a, struct words *w, const char *flags, const char *without)
{
    char *save = NULL, *copy = arena_strdup(a, flags);
    for (char *s = strtok_r(copy, " \t", &save); s; s = strtok_r(NULL, " \t", &save))
        if (w->n < MAX_WORDS && !(without && strcmp(s, without) == 0))
            w->w[w->n++] = s;
}

static int make_command(struct arena *a, const struct become *b, const struct dict *d,
                        struct words *w, struct err *e)
{
    char hash[HASH_HEX_MAX], self[4096];
    struct stat st;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0 || stat("/proc/self/exe", &st) < 0 ||
        hash_file(HASH_SHA256, "/proc/self/exe", hash, e) < 0)
        return err_set(e, ERR_IO, POS_NONE, "the helper cannot read its own program");
    self[n] = '\0';
    if (strchr(self, '\''))
        self[0] = '\0';
    const char *script = arena_printf(a, bootstrap, self, hash, (size_t)st.st_size);
    const char *exe = dict_str(d, "exe", ""), *flags = dict_str(d, "flags", NULL);
    w->w[w->n++] = *exe ? exe : b->method;
    if (strcmp(b->method, "su") == 0) {
        add_flags(a, w, flags ? flags : "", NULL);
        w->w[w->n++] = b->user;
        w->w[w->n++] = "-c";
        w->w[w->n++] = script;
        return 0;
    }
    bool sudo = strcmp(b->method, "sudo") == 0;
    add_flags(a, w, flags ? flags : sudo ? "-H -S -n" : "", b->password ? "-n" : NULL);
    if (sudo && b->password) {
        w->w[w->n++] = "-p";
        w->w[w->n++] = SUDO_PROMPT;
    } else if (!sudo && !b->password) {
        w->w[w->n++] = "-n";
    }
    w->w[w->n++] = "-u";
    w->w[w->n++] = b->user;
    w->w[w->n++] = "/bin/sh";
    w->w[w->n++] = "-c";
    w->w[w->n++] = script;
    return 0;
}

// --- the process
// -----------------------------------------------------------------------------------------------

static _Noreturn void exec_method(const char *path, const struct words *w, int in, int out, int err,
                                  bool tty)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (tty)
        ioctl(in, TIOCSCTTY, 0);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    char **argv = (char **)(uintptr_t)w->w;
    execv(path, argv);
    _exit(127);
}

static void set_cloexec(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void set_nonblock(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int spawn_pty(struct become *b, const char *path, const struct words *w, struct err *e)
{
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make a terminal for %s: %s", b->method,
                       strerror(errno));
    set_cloexec(master);
    set_cloexec(slave);
    struct termios t;
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    t.c_lflag |= ICANON; // until the password is through: it is read as a line
    tcsetattr(slave, TCSANOW, &t);
    b->pid = fork();
    if (b->pid == 0)
        exec_method(path, w, slave, slave, slave, true);
    close(slave);
    if (b->pid < 0) {
        close(master);
        return err_set(e, ERR_IO, POS_NONE, "cannot start %s: %s", b->method, strerror(errno));
    }
    b->in = b->out = master;
    set_nonblock(master);
    return 0;
}

static int spawn_pipes(struct become *b, const char *path, const struct words *w, struct err *e)
{
    int p[3][2];
    for (int i = 0; i < 3; i++)
        if (pipe2(p[i], O_CLOEXEC) < 0) {
            while (i-- > 0) {
                close(p[i][0]);
                close(p[i][1]);
            }
            return err_set(e, ERR_IO, POS_NONE, "cannot make a pipe: %s", strerror(errno));
        }
    b->pid = fork();
    if (b->pid == 0)
        exec_method(path, w, p[0][0], p[1][1], p[2][1], false);
    close(p[0][0]);
    close(p[1][1]);
    close(p[2][1]);
    b->in = p[0][1];
    b->out = p[1][0];
    b->err = p[2][0];
    set_nonblock(b->in);
    set_nonblock(b->out);
    set_nonblock(b->err);
    return b->pid < 0
               ? err_set(e, ERR_IO, POS_NONE, "cannot start %s: %s", b->method, strerror(errno))
               : 0;
}

int become_start(struct become *b, const struct dict *task, struct err *e)
{
    const struct dict *d = dict_get(task, "become")->u.dict;
    if (!known_method(b->method))
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "become method '%s' is not supported; sudo, su and doas are", b->method);
    struct arena *a = arena_new();
    struct words w = {.n = 0};
    int rc = make_command(a, b, d, &w, e);
    const char *path = rc == 0 ? proc_which(a, w.w[0]) : NULL;
    if (rc == 0 && !path)
        rc = err_set(e, ERR_NOENT, POS_NONE,
                     "cannot become %s: there is no '%s' on this host; install the package %s",
                     b->user, w.w[0], strcmp(b->method, "su") == 0 ? "util-linux" : b->method);
    if (rc == 0)
        rc = b->pty ? spawn_pty(b, path, &w, e) : spawn_pipes(b, path, &w, e);
    arena_free(a);
    return rc;
}

// --- the conversation
// ------------------------------------------------------------------------------------------

// A prompt is waiting: answers it, or gives up when it was answered before or there is nothing to
// say.
static void answer(struct become *b)
{
    if (!b->password || b->password_sent) {
        b->password_refused = b->password_sent;
        b->state = BECOME_FAILED;
        if (!b->password)
            buf_adds(&b->errors, "a password is required\n");
        return;
    }
    struct buf line = BUF_INIT;
    buf_addf(&line, "%s\n", b->password);
    ssize_t w = write(b->in, line.p, line.len);
    bool whole = w == (ssize_t)line.len;
    explicit_bzero(line.p, line.len);
    buf_release(&line);
    b->password_sent = true;
    if (!whole)
        b->state = BECOME_FAILED;
}

static bool cut_mark(struct become *b, const char *mark)
{
    const char *at = memmem(b->text.p, b->text.len, mark, strlen(mark));
    if (!at)
        return false;
    buf_consume(&b->text, (size_t)(at - b->text.p) + strlen(mark));
    if (b->pty) {
        struct termios t;
        if (tcgetattr(b->in, &t) == 0) {
            cfmakeraw(&t);
            tcsetattr(b->in, TCSANOW, &t);
        }
    }
    return true;
}

// Whether the text ends as prompts do: a line with a colon at its end, not finished. "doas:" alone
// begins a message of which the rest is still to come.
static bool ends_in_prompt(const struct become *b)
{
    const char *s = buf_str(&b->text), *nl = strrchr(s, '\n');
    const char *line = nl ? nl + 1 : s;
    size_t n = strlen(line), name = strlen(b->method);
    while (n && line[n - 1] == ' ')
        n--;
    return n && line[n - 1] == ':' && !(n == name + 1 && memcmp(line, b->method, name) == 0);
}

void become_feed(struct become *b, const char *data, size_t len, bool is_err)
{
    buf_add(is_err ? &b->errors : &b->text, data, len);
    if (b->state != BECOME_STARTING)
        return;
    if (is_err) {
        const char *prompt = b->errors.p ? strstr(b->errors.p, SUDO_PROMPT) : NULL;
        if (prompt) {
            buf_consume(&b->errors, (size_t)(prompt - b->errors.p) + strlen(SUDO_PROMPT));
            answer(b);
        }
        return;
    }
    if (cut_mark(b, HAVE_MARK)) {
        b->state = BECOME_READY;
    } else if (cut_mark(b, NEED_MARK)) {
        b->state = BECOME_SENDING;
    } else if (b->pty && ends_in_prompt(b)) {
        buf_clear(&b->text);
        answer(b);
    } else if (b->text.len > TEXT_MAX) {
        b->state = BECOME_FAILED;
    }
}

// Whether a password was missing or wrong: the words for it, or NULL.
static const char *password_trouble(struct arena *a, const struct become *b)
{
    const char *said = b->errors.len ? b->errors.p : buf_str(&b->text);
    static const char *const wrong[] = {"Authentication failure", "ncorrect password",
                                        "Sorry, try again", "Authorization failed",
                                        "Authentication failed"};
    static const char *const missing[] = {"password is required", "a terminal is required",
                                          "Authentication required", "Authorization required"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (!b->password && strstr(said, missing[i]))
            return arena_printf(a, "Missing %s password", b->method);
    bool refused = b->password_refused;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused |= b->password_sent && strstr(said, wrong[i]);
    return refused ? arena_printf(a, "Incorrect %s password", b->method) : NULL;
}

struct value become_unstarted(struct arena *a, const struct err *e)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "changed", value_bool(false));
    dict_set(v.u.dict, "failed", value_bool(true));
    dict_set(v.u.dict, "msg", value_str(a, err_msg(e)));
    if (e->code != ERR_NOENT)
        return v;
    // what a shell would have said of the missing program, which content asks for
    dict_set(v.u.dict, "module_stderr", value_strf(a, "%s\n", err_msg(e)));
    dict_set(v.u.dict, "module_stdout", value_cstr(""));
    dict_set(v.u.dict, "rc", value_int(127));
    return v;
}

struct value become_failure(struct arena *a, const struct become *b, int status)
{
    struct value v = value_dict(a);
    const char *trouble = password_trouble(a, b);
    dict_set(v.u.dict, "failed", value_bool(true));
    if (trouble) {
        dict_set(v.u.dict, "msg", value_cstr(trouble));
        return v;
    }
    if (!b->errors.len && !b->text.len)
        trouble = arena_printf(a, "%s to %s ended without a word\n", b->method, b->user);
    dict_set(v.u.dict, "changed", value_bool(false));
    dict_set(v.u.dict, "module_stderr", value_str(a, trouble ? trouble : buf_str(&b->errors)));
    dict_set(v.u.dict, "module_stdout", value_str(a, buf_str(&b->text)));
    dict_set(v.u.dict, "msg", value_cstr("MODULE FAILURE\nSee stdout/stderr for the exact error"));
    dict_set(v.u.dict, "rc",
             value_int(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
    return v;
}
