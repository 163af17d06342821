// The Python process: starting it, asking it, answering what it asks meanwhile, and noticing when
// it is dead or takes too long. Requests block: plugins run where templates are evaluated, which
// cannot wait otherwise.
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "plugin/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SAID 16384  // of its error output that is kept
#define START_MS 120000 // Python and Ansible on a slow machine
#define ANSWER_MS 300000
#define MAX_STARTS 5
#define END_MS 500

struct talk {
    struct plugins *p;
    struct arena *a;
    const struct var_source *vars;
    const char *what;
    int64_t deadline;
    unsigned start; // which process it is held with: a request inside it may have ended that one
    int timeout_ms;
    struct err *e;
};

// --- starting and ending
// -------------------------------------------------------------------------------------------------

static void close_fd(int *fd)
{
    if (*fd > 0)
        close(*fd);
    *fd = 0;
}

void process_end(struct plugins *p)
{
    struct process *k = &p->proc;
    if (!k->pid)
        return;
    close_fd(&k->to);
    close_fd(&k->from);
    close_fd(&k->errors);
    close_fd(&k->pass);
    // it ends by itself when its input does, and takes its temporary folder with it
    pid_t ended = 0;
    for (int waited = 0; waited < END_MS && (ended = waitpid(k->pid, NULL, WNOHANG)) == 0;
         waited += 5)
        poll(NULL, 0, 5);
    if (ended == 0) {
        kill(k->pid, SIGKILL);
        waitpid(k->pid, NULL, 0);
    }
    k->pid = 0;
    k->ready = false;
    p->told_folders = p->told_playbooks = 0;
}

static void run_child(const char *python, const struct plugins_opts *o, const int fds[4],
                      pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a controller that is killed leaves no process behind
    if (getppid() != parent)
        _exit(127);
    for (int i = 0; i < 4; i++)
        if (dup2(fds[i], i) < 0)
            _exit(127);
    execl(python, python, "-u", o->server, o->decrypt ? "vault" : (char *)NULL, (char *)NULL);
    _exit(127);
}

// Four lines: [0][1] to the child's input, [2][3] from its output, [4][5] from its errors, [6][7]
// for descriptors passed to it.
static int make_pipes(int fds[8])
{
    for (int i = 0; i < 8; i++)
        fds[i] = -1;
    // a socket for its input: writing to a dead process must not raise SIGPIPE
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds + 6) < 0)
        return -1;
    for (int i = 2; i < 6; i += 2)
        if (pipe2(fds + i, O_CLOEXEC) < 0)
            return -1;
    for (int i = 0; i < 8; i++) { // above the ones the child gets, so that dup2 makes copies
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 4);
        if (fd < 0)
            return -1;
        close(fds[i]);
        fds[i] = fd;
    }
    return 0;
}

static int start(struct plugins *p, struct err *e)
{
    struct process *k = &p->proc;
    const char *python = ansible_python(p);
    int fds[8];
    if (k->pid)
        return 0;
    if (!python || access(python, X_OK) < 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "there is no Python on this machine");
    if (access(p->o.server, R_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "'%s' cannot be read: %s", p->o.server,
                       strerror(errno));
    if (k->starts >= MAX_STARTS)
        return err_set(e, ERR_FAILED, POS_NONE,
                       "the Python process for plugins ended %d times and is not started again",
                       MAX_STARTS);
    int rc = make_pipes(fds);
    pid_t parent = getpid(), pid = rc < 0 ? -1 : fork();
    if (pid == 0)
        run_child(python, &p->o, (const int[4]){fds[0], fds[3], fds[5], fds[6]}, parent);
    static const int theirs[] = {0, 3, 5, 6}, ours[] = {1, 2, 4, 7};
    for (int i = 0; i < 4; i++) {
        if (fds[theirs[i]] >= 0)
            close(fds[theirs[i]]);
        if (pid < 0 && fds[ours[i]] >= 0)
            close(fds[ours[i]]);
    }
    if (pid < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot start %s: %s", python, strerror(errno));
    k->pid = pid;
    k->to = fds[1];
    k->from = fds[2];
    k->errors = fds[4];
    k->pass = fds[7];
    k->ready = false;
    k->starts++;
    buf_clear(&k->said);
    fcntl(k->to, F_SETFL, O_NONBLOCK);
    fcntl(k->from, F_SETFL, O_NONBLOCK);
    fcntl(k->errors, F_SETFL, O_NONBLOCK);
    return 0;
}

void process_prepare(struct plugins *p)
{
    struct err e = ERR_INIT;
    start(p, &e);
    err_release(&e);
}

// --- waiting
// -------------------------------------------------------------------------------------------------

static void take_errors(struct process *k)
{
    char piece[4096];
    ssize_t n;
    while (k->errors && (n = read(k->errors, piece, sizeof piece)) > 0) {
        buf_add(&k->said, piece, (size_t)n);
        if (k->said.len > 2 * MAX_SAID)
            buf_consume(&k->said, k->said.len - MAX_SAID);
    }
}

// The last line it wrote to its error output that says something.
static const char *last_words(struct talk *t)
{
    const char *s = buf_str(&t->p->proc.said), *end = s + t->p->proc.said.len;
    while (end > s && (end[-1] == '\n' || end[-1] == ' '))
        end--;
    const char *line = end;
    while (line > s && line[-1] != '\n')
        line--;
    return arena_strndup(t->a, line, (size_t)(end - line));
}

static int died(struct talk *t)
{
    struct process *k = &t->p->proc;
    int status = 0, waited = 0;
    take_errors(k);
    close_fd(&k->to); // its end, if it still waits for more
    for (pid_t got = 0; (got = waitpid(k->pid, &status, WNOHANG)) == 0 && waited < 2000;
         waited += 10)
        poll(NULL, 0, 10);
    take_errors(k);
    const char *words = last_words(t);
    bool signalled = WIFSIGNALED(status);
    int rc = err_set(
        t->e, ERR_FAILED, POS_NONE, "the Python process ended with %s %d while it worked on %s%s%s",
        signalled ? "signal" : "status", signalled ? WTERMSIG(status) : WEXITSTATUS(status),
        t->what, *words ? ": " : "", words);
    process_end(t->p);
    return rc;
}

static int too_late(struct talk *t)
{
    int rc = err_set(t->e, ERR_TIMEOUT, POS_NONE,
                     "%s took longer than %d s and was ended (ANDON_PLUGIN_TIMEOUT sets the limit)",
                     t->what, t->timeout_ms / 1000);
    process_end(t->p);
    return rc;
}

// Waits until fd is ready, collecting error output meanwhile.
static int wait_for(struct talk *t, int fd, short events)
{
    struct process *k = &t->p->proc;
    for (;;) {
        int64_t left = t->deadline - clock_mono_ms();
        if (left <= 0)
            return too_late(t);
        struct pollfd fds[2] = {{fd, events, 0}, {k->errors, POLLIN, 0}};
        int n = poll(fds, k->errors ? 2 : 1, left > 60000 ? 60000 : (int)left);
        if (n < 0 && errno != EINTR)
            return err_set(t->e, ERR_IO, POS_NONE, "poll failed: %s", strerror(errno));
        if (n > 0 && k->errors && fds[1].revents) {
            take_errors(k);
            if (!(fds[1].revents & POLLIN)) // closed: no more to come
                close_fd(&k->errors);
        }
        if (n > 0 && fds[0].revents)
            return 0;
    }
}

static int check_alive(struct talk *t)
{
    const struct process *k = &t->p->proc;
    if (k->pid && k->starts == t->start)
        return 0;
    return err_set(t->e, ERR_FAILED, POS_NONE,
                   "the Python process ended while it worked on %s and on a variable of it",
                   t->what);
}

static int write_all(struct talk *t, const char *s, size_t len)
{
    int alive = check_alive(t);
    if (alive < 0)
        return alive;
    while (len) {
        ssize_t n = send(t->p->proc.to, s, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE)
            return died(t);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_set(t->e, ERR_IO, POS_NONE, "write failed: %s", strerror(errno));
        if (n > 0) {
            s += n;
            len -= (size_t)n;
            continue;
        }
        int rc = wait_for(t, t->p->proc.to, POLLOUT);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_all(struct talk *t, char *s, size_t len)
{
    int alive = check_alive(t);
    if (alive < 0)
        return alive;
    while (len) {
        ssize_t n = read(t->p->proc.from, s, len);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return died(t);
        if (n > 0) {
            s += n;
            len -= (size_t)n;
            continue;
        }
        int rc = wait_for(t, t->p->proc.from, POLLIN);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int send_frame(struct talk *t, const struct buf *b)
{
    unsigned char head[FRAME_HEAD];
    if (b->len > FRAME_LIMIT)
        return err_set(t->e, ERR_LIMIT, POS_NONE, "%s was given more than %zu MB", t->what,
                       FRAME_LIMIT >> 20);
    frame_head(head, b->len);
    int rc = write_all(t, (const char *)head, sizeof head);
    return rc < 0 ? rc : write_all(t, b->p, b->len);
}

static int receive_frame(struct talk *t, struct value *ret)
{
    unsigned char head[FRAME_HEAD];
    int rc = read_all(t, (char *)head, sizeof head);
    if (rc < 0)
        return rc;
    size_t len = frame_length(head);
    if (len > FRAME_LIMIT) {
        process_end(t->p);
        return err_set(t->e, ERR_LIMIT, POS_NONE, "%s gave more than %zu MB", t->what,
                       FRAME_LIMIT >> 20);
    }
    char *data = xmalloc(len + 1);
    rc = read_all(t, data, len);
    if (rc == 0)
        rc = json_parse(t->a, data, len, ret, t->e);
    if (rc == 0 && ret->type != VALUE_DICT)
        rc = err_set(t->e, ERR_PARSE, POS_NONE, "the Python process sent no JSON object");
    free(data);
    return rc;
}

// --- what it asks and tells meanwhile
// -------------------------------------------------------------------------------------------------

static int answer_names(const struct var_source *vars, struct arena *a, const char *host,
                        struct buf *b, struct err *e)
{
    struct list *names = value_list(a).u.list;
    int rc = vars && vars->names ? vars->names(vars->data, a, host, &names, e) : 0;
    struct value v = {.type = VALUE_LIST, .u.list = names};
    buf_adds(b, "{\"names\":");
    codec_write(b, a, &v);
    buf_addc(b, '}');
    return rc;
}

static void answer_variable(const struct var_source *vars, struct arena *a, const char *host,
                            const char *name, struct buf *b)
{
    struct value v = value_null();
    int rc = vars && vars->get ? vars->get(vars->data, a, host, name, &v, NULL) : 0;
    if (rc <= 0 || v.type == VALUE_UNDEFINED) {
        buf_adds(b, "{\"found\":false}");
        return;
    }
    buf_adds(b, "{\"found\":true,\"value\":");
    codec_write(b, a, &v);
    buf_addc(b, '}');
}

static void answer_plain(struct plugins *p, struct arena *a, const char *text, const char *path,
                         struct buf *b)
{
    struct err e = ERR_INIT;
    const char *plain;
    size_t len;
    int rc = p->o.decrypt ? p->o.decrypt(p->o.data, a, path, text, strlen(text), &plain, &len, &e)
                          : err_set(&e, ERR_FAILED, POS_NONE, "no vault secrets found");
    if (rc < 0) {
        buf_adds(b, "{\"failed\":");
        json_write_string(b, err_msg(&e), strlen(err_msg(&e)), true);
        buf_addc(b, '}');
    } else {
        buf_adds(b, "{\"plain\":\"");
        base64_encode(b, plain, len);
        buf_adds(b, "\"}");
    }
    err_release(&e);
}

// News: it wants no answer.
static bool is_news(struct plugins *p, const struct dict *d)
{
    const char *warning = dict_str(d, "warn", NULL), *text = dict_str(d, "display", NULL);
    if (warning && p->o.warn)
        p->o.warn(p->o.data, warning);
    if (text && p->o.display)
        p->o.display(p->o.data, text, dict_bool(d, "error", false));
    return warning || text || dict_get(d, "deprecated");
}

int process_question(struct plugins *p, const struct var_source *vars, struct arena *a,
                     const struct dict *d, struct buf *ret, struct err *e)
{
    const char *name = dict_str(d, "get", NULL), *host = dict_str(d, "host", NULL),
               *encrypted = dict_str(d, "unvault", NULL);
    if (is_news(p, d))
        return 1;
    if (encrypted) {
        answer_plain(p, a, encrypted, dict_str(d, "file", NULL), ret);
        return 1;
    }
    if (!name && !dict_get(d, "names"))
        return 0;
    int rc = 0;
    if (name)
        answer_variable(vars, a, host, name, ret);
    else
        rc = answer_names(vars, a, host, ret, e);
    return rc < 0 ? rc : 1;
}

// 1 when the message was a question or news, 0 when it is an answer.
static int serve(struct talk *t, const struct dict *d)
{
    struct buf b = BUF_INIT;
    int rc = process_question(t->p, t->vars, t->a, d, &b, t->e);
    if (rc > 0 && b.len) {
        int sent = send_frame(t, &b);
        rc = sent < 0 ? sent : 1;
    }
    buf_release(&b);
    return rc;
}

static int receive(struct talk *t, struct value *ret)
{
    for (;;) {
        int rc = receive_frame(t, ret);
        if (rc == 0)
            rc = serve(t, ret->u.dict);
        if (rc <= 0)
            return rc;
    }
}

// --- requests
// -------------------------------------------------------------------------------------------------

static int no_ansible(struct talk *t, const char *why)
{
    return err_set(t->e, ERR_UNSUPPORTED, POS_NONE,
                   "%s is not part of andon and needs Ansible on this machine, which %s%s%s; "
                   "install it (Debian: apt install ansible-core)",
                   t->what, *why ? "cannot be used (" : "is not installed", why, *why ? ")" : "");
}

static int greet(struct talk *t)
{
    struct plugins *p = t->p;
    struct value v;
    int rc = receive(t, &v);
    if (rc < 0)
        return rc;
    const char *fatal = dict_str(v.u.dict, "fatal", NULL);
    if (fatal) {
        process_end(p);
        p->proc.starts = 0; // every further use gets the same answer
        return no_ansible(
            t, dict_bool(v.u.dict, "missing", false) && strstr(fatal, "'ansible'") ? "" : fatal);
    }
    const struct value *known = dict_get(v.u.dict, "arguments");
    if (known && known->type == VALUE_LIST) {
        p->arguments = value_dict(p->arena).u.dict;
        for (size_t i = 0; i < known->u.list->len; i++)
            dict_set(p->arguments, value_to_cstr(p->arena, &known->u.list->items[i]),
                     value_bool(1));
    }
    p->proc.ready = true;
    return 0;
}

static int limit_ms(void)
{
    const char *s = getenv("ANDON_PLUGIN_TIMEOUT");
    int n = s ? atoi(s) : 0;
    return n > 0 && n < 1000000 ? n * 1000 : ANSWER_MS;
}

static void add_folders(struct talk *t, struct buf *b)
{
    struct plugins *p = t->p;
    struct paths *l[] = {&p->folders, &p->playbooks};
    size_t *told[] = {&p->told_folders, &p->told_playbooks};
    static const char *const names[] = {"folders", "playbooks"};
    for (size_t i = 0; i < 2; i++) {
        if (*told[i] == l[i]->n)
            continue;
        struct value v = value_list(t->a);
        for (; *told[i] < l[i]->n; ++*told[i])
            list_add(v.u.list, value_cstr(l[i]->items[*told[i]]));
        buf_addf(b, ",\"%s\":", names[i]);
        codec_write(b, t->a, &v);
    }
    if (p->playbooks.n) {
        struct value v = value_cstr(p->playbooks.items[p->playbooks.n - 1]);
        buf_adds(b, ",\"basedir\":");
        codec_write(b, t->a, &v);
    }
}

static int failed(struct talk *t, const struct value *error)
{
    const struct dict *d = error->u.dict;
    const char *kind = dict_str(d, "kind", ""), *msg = dict_str(d, "msg", "");
    int code = !strcmp(kind, "undefined") ? ERR_UNDEFINED
               : !strcmp(kind, "type")    ? ERR_INVALID
                                          : ERR_FAILED;
    t->p->error_cause = dict_str(d, "cause", NULL);
    if (!strcmp(kind, "other"))
        t->p->error_class = dict_str(d, "class", NULL);
    return err_set(t->e, code, POS_NONE, "%s", msg);
}

static int talk(struct talk *t, const char *members, struct value *ret)
{
    struct value answer;
    struct buf b = BUF_INIT;
    int rc = 0;
    t->timeout_ms = START_MS;
    t->deadline = clock_mono_ms() + START_MS;
    if (!t->p->proc.ready && (rc = greet(t)) < 0)
        return rc;
    t->timeout_ms = limit_ms();
    t->deadline = clock_mono_ms() + t->timeout_ms;
    buf_addf(&b, "{%s", members);
    add_folders(t, &b);
    buf_addc(&b, '}');
    rc = send_frame(t, &b);
    buf_release(&b);
    if (rc == 0)
        rc = receive(t, &answer);
    if (rc < 0)
        return rc;
    const struct value *ok = dict_get(answer.u.dict, "ok"),
                       *error = dict_get(answer.u.dict, "error");
    if (error && error->type == VALUE_DICT)
        return failed(t, error);
    if (!ok)
        return err_set(t->e, ERR_FAILED, POS_NONE, "the Python process sent no answer");
    return codec_read(t->a, ok, ret, t->e);
}

int process_request(struct plugins *p, struct arena *a, const char *members,
                    const struct var_source *vars, const char *what, struct value *ret,
                    struct err *e)
{
    struct err own = ERR_INIT;
    struct talk t = {.p = p, .a = a, .vars = vars, .what = what, .e = &own};
    int rc = start(p, &own);
    t.start = p->proc.starts;
    if (rc == ERR_UNSUPPORTED)
        rc = no_ansible(&t, "");
    else if (rc == 0)
        rc = talk(&t, members, ret);
    return rc < 0 ? err_move(e, &own) : rc;
}
