// One sample: all gates are asked at the same time, in one loop over their processes and requests,
// and each is cut off at its own deadline.
#include "rollout/gate_ask.h"

#include "core/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_AT_ONCE 32  // items of one gate that run at the same time
#define LONGEST_WAIT 500 // ms; only a guard, everything waited for has a descriptor or a time
#define DEFAULT_TIMEOUT 30

static const struct gate_ops *const kinds[] = {
    [GATE_COMMAND] = &gate_command_ops,       [GATE_ON_HOSTS] = &gate_on_hosts_ops,
    [GATE_PLAYBOOK] = &gate_on_hosts_ops,     [GATE_HTTP] = &gate_http_ops,
    [GATE_PROMETHEUS] = &gate_prometheus_ops, [GATE_BAKE] = &gate_bake_ops,
    [GATE_WINDOW] = &gate_window_ops,         [GATE_HEALTH] = &gate_health_ops,
    [GATE_CANARY] = &gate_canary_ops,
};

struct asking {
    struct question *questions;
    size_t n;
    CURLM *multi;
    int stop_fd;
    struct curl_waitfd *fds; // room for all that may be waited for
    size_t n_fds, max_fds;
};

static void begin(struct question *q)
{
    struct err e = ERR_INIT;
    double timeout = q->gate->timeout > 0 ? q->gate->timeout : DEFAULT_TIMEOUT;
    q->began = clock_mono_ms();
    q->deadline = q->began + (int64_t)ceil(fmin(timeout, 1e9) * 1000);
    if (q->ops->start(q, &e) < 0)
        ask_answer(q, GATE_UNKNOWN, NULL, "%s", err_msg(&e));
    err_release(&e);
}

static void end_item(struct item *i, int64_t now)
{
    i->state = ITEM_ENDED;
    if (!i->seconds)
        i->seconds = (double)(now - i->began) / 1000;
}

static void start_item(struct asking *ask, struct item *i, int64_t now)
{
    struct err e = ERR_INIT;
    i->state = ITEM_RUNNING;
    i->began = now;
    int r = i->process ? gate_process_start(i, &e) : gate_request_start(i, ask->multi, now, &e);
    if (r < 0) {
        i->error = arena_strdup(i->q->a, err_msg(&e));
        end_item(i, now);
    }
    err_release(&e);
}

static void start_items(struct asking *ask, struct question *q, int64_t now)
{
    size_t running = 0;
    for (struct item *i = q->first; i; i = i->next)
        running += i->state == ITEM_RUNNING;
    for (struct item *i = q->first; i && running < MOST_AT_ONCE; i = i->next) {
        if (i->state != ITEM_WAITING)
            continue;
        start_item(ask, i, now);
        running += i->state == ITEM_RUNNING;
    }
}

// What has not ended at the deadline: requests are dropped, processes told to end.
static void cut_off(struct asking *ask, struct question *q, int64_t now)
{
    for (struct item *i = q->first; i; i = i->next) {
        if (i->state == ITEM_ENDED)
            continue;
        bool waiting = i->state == ITEM_WAITING;
        i->late = true;
        if (waiting) {
            i->began = now;
            i->error = "not asked in time";
        }
        if (i->process && !waiting) {
            gate_process_stop(i, now);
            continue;
        }
        if (i->request && !waiting) {
            gate_request_ended(i, CURLE_OPERATION_TIMEDOUT);
            gate_request_release(i->request, ask->multi);
        }
        end_item(i, now);
    }
}

static void take_requests(struct asking *ask, int64_t now)
{
    int left, running;
    CURLMsg *m;
    curl_multi_perform(ask->multi, &running);
    while ((m = curl_multi_info_read(ask->multi, &left))) {
        void *data = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&data);
        struct item *i = data;
        gate_request_ended(i, code);
        gate_request_release(i->request, ask->multi);
        end_item(i, now);
    }
}

static void take_processes(struct question *q, int64_t now)
{
    for (struct item *i = q->first; i; i = i->next)
        if (i->process && i->state == ITEM_RUNNING) {
            gate_process_look(i, now);
            if (i->process->watch < 0)
                end_item(i, now);
        }
}

static bool all_ended(const struct question *q)
{
    for (const struct item *i = q->first; i; i = i->next)
        if (i->state != ITEM_ENDED)
            return false;
    return true;
}

// One turn for all gates; true when all have their answers.
static bool turn(struct asking *ask)
{
    bool done = true;
    take_requests(ask, clock_mono_ms());
    for (size_t k = 0; k < ask->n; k++) {
        struct question *q = &ask->questions[k];
        int64_t now = clock_mono_ms();
        if (q->answered)
            continue;
        take_processes(q, now);
        if (now >= q->deadline)
            cut_off(ask, q, now);
        else
            start_items(ask, q, now);
        if (all_ended(q))
            q->ops->finish(q);
        done = done && q->answered;
    }
    return done;
}

static void wait_for(struct asking *ask, int fd)
{
    if (fd >= 0 && ask->n_fds < ask->max_fds)
        ask->fds[ask->n_fds++] = (struct curl_waitfd){.fd = fd, .events = CURL_WAIT_POLLIN};
}

// Waits until something happens or a time has come; ERR_CANCELLED when it is to stop.
static int wait_events(struct asking *ask, struct err *e)
{
    int64_t now = clock_mono_ms(), until = now + LONGEST_WAIT;
    ask->n_fds = 0;
    wait_for(ask, ask->stop_fd);
    for (size_t k = 0; k < ask->n; k++) {
        const struct question *q = &ask->questions[k];
        if (q->answered)
            continue;
        until = q->deadline > now && q->deadline < until ? q->deadline : until;
        for (struct item *i = q->first; i; i = i->next) {
            if (!i->process || i->state != ITEM_RUNNING)
                continue;
            wait_for(ask, i->process->watch);
            wait_for(ask, i->process->out);
            wait_for(ask, i->process->err);
            if (i->process->kill_at && i->process->kill_at < until)
                until = i->process->kill_at;
        }
    }
    int wait = until > now ? (int)(until - now) : 0;
    curl_multi_poll(ask->multi, ask->fds, (unsigned)ask->n_fds, wait, NULL);
    if (ask->stop_fd >= 0 && ask->fds[0].revents)
        return err_set(e, ERR_CANCELLED, POS_NONE, "the gates were not asked to the end");
    return 0;
}

static void release(struct asking *ask)
{
    for (size_t k = 0; k < ask->n; k++)
        for (struct item *i = ask->questions[k].first; i; i = i->next)
            if (i->process && i->state == ITEM_RUNNING)
                gate_process_stop(i, clock_mono_ms());
    for (size_t k = 0; k < ask->n; k++)
        for (struct item *i = ask->questions[k].first; i; i = i->next) {
            if (i->process)
                gate_process_release(i);
            if (i->request) {
                gate_request_release(i->request, ask->multi);
                buf_release(&i->request->body);
            }
        }
    curl_multi_cleanup(ask->multi);
    free(ask->fds);
}

int gate_sample(const struct gate *gates, size_t n, const struct gate_env *env, struct arena *a,
                struct gate_result *results, int stop_fd, struct err *e)
{
    struct asking ask = {.n = n, .stop_fd = stop_fd};
    int r = 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(ask.multi = curl_multi_init()))
        return err_set(e, ERR_FAILED, POS_NONE, "libcurl cannot be used");
    ask.questions = arena_array(a, struct question, n ? n : 1);
    ask.max_fds = 1 + n * MOST_AT_ONCE * 3;
    ask.fds = xcalloc(ask.max_fds, sizeof *ask.fds);
    for (size_t k = 0; k < n; k++) {
        struct question *q = &ask.questions[k];
        results[k] = (struct gate_result){.gate = &gates[k], .values = value_dict(a)};
        *q = (struct question){.gate = &gates[k],
                               .ops = kinds[gates[k].kind],
                               .env = env,
                               .a = a,
                               .result = &results[k]};
        q->tail = &q->first;
        begin(q);
    }
    while (r == 0 && !turn(&ask))
        r = wait_events(&ask, e);
    release(&ask);
    curl_global_cleanup();
    return r;
}
