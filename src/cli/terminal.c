// The user at the terminal: questions and Ctrl-C.
#include "cli/censor.h"
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

// Takes the live line away; what is written next begins on a line of its own.
static void clear(const struct session *s)
{
    if (s && s->run.sink.clear)
        s->run.sink.clear(s->run.sink.data);
    fflush(stdout);
}

static void interrupt(struct session *s)
{
    static int times;
    clear(s);
    if (++times > 1)
        _exit(RUN_INTERRUPTED);
    if (s->compat)
        fprintf(stderr, " [ERROR]: User interrupted execution\n");
    else
        fprintf(stderr, "andon: interrupted: what runs is being cancelled (once more: ends at "
                        "once)\n");
    if (s->running)
        run_interrupt(s->running);
}

static void on_signal(uv_signal_t *h, int signum)
{
    (void)signum;
    interrupt(h->data);
}

void session_watch_signals(struct session *s, struct run *r)
{
    static const int signums[] = {SIGINT, SIGTERM};
    s->running = r;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(fleet_loop(s->fleet), &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, signums[i]);
        uv_unref((uv_handle_t *)&s->signals[i]);
    }
}

void session_unwatch_signals(struct session *s)
{
    if (!s->running)
        return;
    s->running = NULL;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(fleet_loop(s->fleet), UV_RUN_NOWAIT);
}

// --- asking
// --------------------------------------------------------------------------------------

static volatile sig_atomic_t asking_interrupted;

static void on_signal_asking(int signum)
{
    (void)signum;
    asking_interrupted = 1;
}

// Waits for a line on fd; false: interrupted. The event loop, which else hears signals, stands
// still meanwhile.
static bool wait_line(int fd)
{
    struct sigaction mine = {.sa_handler = on_signal_asking}, old_int, old_term;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t both, before;
    int n;
    sigemptyset(&mine.sa_mask);
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    asking_interrupted = 0;
    sigprocmask(SIG_BLOCK, &both, &before);
    sigaction(SIGINT, &mine, &old_int);
    sigaction(SIGTERM, &mine, &old_term);
    do
        n = ppoll(&p, 1, NULL, &before);
    while (n < 0 && errno == EINTR && !asking_interrupted);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !asking_interrupted;
}

bool session_can_ask(void)
{
    int fd = isatty(0) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;
    bool can = fd >= 0 && tcgetpgrp(fd) == getpgrp();
    if (fd >= 0)
        close(fd);
    return can;
}

char *session_ask(void *data, const char *text, bool hidden, int timeout_s)
{
    struct session *s = data;
    struct termios old, raw;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = -1;
    (void)timeout_s;
    if (s && s->running && !isatty(0)) {
        print_warning(&s->out, "Not prompting as we are not in interactive mode");
        return NULL;
    }
    clear(s);
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    FILE *in = fd >= 0 ? fdopen(fd, "r+") : NULL;
    FILE *from = in ? in : stdin, *to = in ? in : stderr;
    if (!in && !isatty(0) && feof(stdin))
        return NULL;
    fputs(text, to);
    fflush(to);
    bool echo_off = hidden && tcgetattr(fileno(from), &old) == 0;
    if (echo_off) {
        raw = old;
        raw.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(from), TCSAFLUSH, &raw);
    }
    bool waited = !s->running || !in || wait_line(fd);
    if (waited)
        n = getline(&line, &cap, from);
    if (echo_off) {
        tcsetattr(fileno(from), TCSAFLUSH, &old);
        fputc('\n', to);
    }
    if (in)
        fclose(in);
    if (!waited)
        interrupt(s);
    if (n < 0) {
        free(line);
        return NULL;
    }
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = '\0';
    if (s && hidden)
        censor_add(s->censor, line, (size_t)n);
    return line;
}
