// Two sinks as one: a row per event.
#include "cli/sink_tee.h"

#include <stdlib.h>

struct tee {
    struct run_sink in[2];
};

#define BOTH(fn, ...)                                                                              \
    do {                                                                                           \
        struct tee *tee = data;                                                                    \
        for (int i = 0; i < 2; i++)                                                                \
            if (tee->in[i].fn)                                                                     \
                tee->in[i].fn(__VA_ARGS__);                                                        \
    } while (0)
#define DATA tee->in[i].data

static void playbook_start(void *data, const char *path)
{
    BOTH(playbook_start, DATA, path);
}

static void play_start(void *data, const struct play *p, const char *name, size_t n, bool check)
{
    BOTH(play_start, DATA, p, name, n, check);
}

static void no_hosts_matched(void *data)
{
    BOTH(no_hosts_matched, DATA);
}

static void no_hosts_remaining(void *data)
{
    BOTH(no_hosts_remaining, DATA);
}

static void task_start(void *data, const struct task_event *ev)
{
    BOTH(task_start, DATA, ev);
}

static void host_start(void *data, const struct task *t, const char *host)
{
    BOTH(host_start, DATA, t, host);
}

static void item(void *data, const struct result_event *ev)
{
    BOTH(item, DATA, ev);
}

static void result(void *data, const struct result_event *ev)
{
    BOTH(result, DATA, ev);
}

static void include(void *data, const struct include_event *ev)
{
    BOTH(include, DATA, ev);
}

static void retry(void *data, const struct retry_event *ev)
{
    BOTH(retry, DATA, ev);
}

static void async_poll(void *data, const char *host, const char *jid, bool finished)
{
    BOTH(async_poll, DATA, host, jid, finished);
}

static void async_end(void *data, const char *host, const char *jid, bool failed)
{
    BOTH(async_end, DATA, host, jid, failed);
}

static void notify(void *data, const char *host, const char *handler)
{
    BOTH(notify, DATA, host, handler);
}

static void output(void *data, const char *host, int stream, const char *s, size_t len)
{
    BOTH(output, DATA, host, stream, s, len);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    BOTH(warning, DATA, pos, msg);
}

static void deprecated(void *data, const char *msg)
{
    BOTH(deprecated, DATA, msg);
}

static void message(void *data, const char *msg)
{
    BOTH(message, DATA, msg);
}

static void connection(void *data, const char *host, const char *what, const char *text)
{
    BOTH(connection, DATA, host, what, text);
}

static void stats(void *data, const struct stats_event *ev)
{
    BOTH(stats, DATA, ev);
}

static void tick(void *data)
{
    BOTH(tick, DATA);
}

static void clear(void *data)
{
    BOTH(clear, DATA);
}

static void close_both(void *data)
{
    BOTH(close, DATA);
    free(data);
}

// Where neither wants an event, nobody is to believe that it is told.
#define EITHER(fn) (first.fn || second.fn ? fn : NULL)

struct run_sink sink_tee(struct run_sink first, struct run_sink second)
{
    struct tee *t = xcalloc(1, sizeof *t);
    *t = (struct tee){{first, second}};
    return (struct run_sink){.data = t,
                             .playbook_start = EITHER(playbook_start),
                             .play_start = EITHER(play_start),
                             .no_hosts_matched = EITHER(no_hosts_matched),
                             .no_hosts_remaining = EITHER(no_hosts_remaining),
                             .task_start = EITHER(task_start),
                             .host_start = EITHER(host_start),
                             .item = EITHER(item),
                             .result = EITHER(result),
                             .include = EITHER(include),
                             .retry = EITHER(retry),
                             .async_poll = EITHER(async_poll),
                             .async_end = EITHER(async_end),
                             .notify = EITHER(notify),
                             .output = EITHER(output),
                             .warning = EITHER(warning),
                             .deprecated = EITHER(deprecated),
                             .message = EITHER(message),
                             .connection = EITHER(connection),
                             .stats = EITHER(stats),
                             .tick = EITHER(tick),
                             .clear = EITHER(clear),
                             .close = close_both};
}
