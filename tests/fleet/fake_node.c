// A stand-in for the helper that speaks the protocol and does what a test asks: {"do": verb, "n":
// number}.
#include "core/json.h"
#include "wire/frame.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fake {
    struct frame_reader in;
    bool bye;
};

static void put(enum frame_type type, uint32_t id, const void *p, size_t len)
{
    struct buf b = BUF_INIT;
    frame_put(&b, type, id, p, len);
    for (size_t off = 0; off < b.len;) {
        ssize_t n = write(STDOUT_FILENO, b.p + off, b.len - off);
        if (n <= 0)
            exit(1);
        off += (size_t)n;
    }
    buf_release(&b);
}

static void put2(enum frame_type type, uint32_t id, uint32_t n, uint32_t v)
{
    struct buf b = BUF_INIT;
    wire_put_u32(&b, n);
    wire_put_u32(&b, v);
    put(type, id, b.p, b.len);
    buf_release(&b);
}

static void result(uint32_t id, const char *json)
{
    put(FRAME_RESULT, id, json, strlen(json));
}

// The next frame; false at the end of input or, with a limit, when ms have passed.
static bool next_frame(struct fake *k, struct frame *ret, int ms)
{
    struct err e = ERR_INIT;
    static char b[65536];
    for (;;) {
        int rc = frame_next(&k->in, ret, &e);
        if (rc < 0)
            exit(3);
        if (rc > 0)
            return true;
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0)
            return false;
        ssize_t n = read(STDIN_FILENO, b, sizeof b);
        if (n <= 0) {
            k->bye = true;
            return false;
        }
        frame_feed(&k->in, b, (size_t)n);
    }
}

static void result_failed(uint32_t id, const char *msg, size_t len)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "{\"failed\": true, \"msg\": ");
    json_write_string(&b, msg, len, false);
    buf_adds(&b, "}");
    result(id, buf_str(&b));
    buf_release(&b);
}

// Reads source n of the task and answers with its size and the sum of its bytes.
static void do_need(struct fake *k, uint32_t id, uint32_t n)
{
    uint64_t size = 0, sum = 0;
    unsigned chunks = 0;
    struct frame f;
    char out[256];
    put2(FRAME_NEED, id, n, FRAME_WINDOW);
    while (next_frame(k, &f, -1)) {
        if (f.type == FRAME_ABORT) {
            result_failed(id, f.payload + 4, f.len - 4);
            return;
        }
        if (f.type != FRAME_DATA || f.id != id || wire_get_u32(f.payload) != n)
            exit(4);
        if (f.len == 4)
            break;
        size += f.len - 4;
        for (size_t i = 4; i < f.len; i++)
            sum += (unsigned char)f.payload[i];
        if (++chunks % (FRAME_WINDOW / 2) == 0)
            put2(FRAME_CREDIT, id, n, FRAME_WINDOW / 2);
    }
    snprintf(out, sizeof out, "{\"size\": %llu, \"sum\": %llu}", (unsigned long long)size,
             (unsigned long long)sum);
    result(id, out);
}

// Sends n chunks as source 0, minding credit.
static void do_send(struct fake *k, uint32_t id, uint32_t n)
{
    static char b[FRAME_CHUNK];
    uint32_t credit = FRAME_WINDOW;
    struct frame f;
    memset(b + 4, 'x', sizeof b - 4);
    for (uint32_t i = 0; i <= n; i++) {
        while (!credit && next_frame(k, &f, -1)) {
            if (f.type == FRAME_CANCEL) {
                result(id, "{\"cancelled\": true}");
                return;
            }
            if (f.type == FRAME_CREDIT)
                credit += wire_get_u32(f.payload + 4);
        }
        credit--;
        put(FRAME_DATA, id, b, i < n ? sizeof b : 4);
    }
    result(id, "{\"sent\": true}");
}

static void do_sleep(struct fake *k, uint32_t id, int ms)
{
    struct frame f;
    if (next_frame(k, &f, ms) && f.type == FRAME_CANCEL)
        result(id, "{\"cancelled\": true}");
    else
        result(id, "{\"slept\": true}");
}

static void do_task(struct fake *k, uint32_t id, const struct dict *d)
{
    const char *what = dict_str(d, "do", "ping");
    int64_t n = dict_int(d, "n", 0);
    struct buf b = BUF_INIT;
    if (strcmp(what, "ping") == 0) {
        result(id, "{\"ping\": \"pong\", \"changed\": false}");
    } else if (strcmp(what, "exit") == 0) {
        fprintf(stderr, "fake: exiting\n");
        exit((int)n);
    } else if (strcmp(what, "kill") == 0) {
        abort();
    } else if (strcmp(what, "garbage") == 0) {
        (void)!write(STDOUT_FILENO, "this is not a frame at all", 26);
    } else if (strcmp(what, "badjson") == 0) {
        result(id, "{\"x\": ");
    } else if (strcmp(what, "need") == 0) {
        do_need(k, id, (uint32_t)n);
    } else if (strcmp(what, "send") == 0) {
        do_send(k, id, (uint32_t)n);
    } else if (strcmp(what, "sleep") == 0) {
        do_sleep(k, id, (int)n);
    } else if (strcmp(what, "deaf") == 0) {
        for (;;)
            pause();
    } else if (strcmp(what, "output") == 0) {
        put(FRAME_OUTPUT, id, "\1one", 4);
        put(FRAME_OUTPUT, id, "\2two", 4);
        result(id, "{\"rc\": 0}");
    } else if (strcmp(what, "big") == 0) {
        buf_adds(&b, "{\"s\": \"");
        buf_fill(&b, 'y', (size_t)n);
        buf_adds(&b, "\"}");
        result(id, buf_str(&b));
    }
    buf_release(&b);
}

int main(int argc, char **argv)
{
    struct fake k = {.bye = false};
    struct frame f;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return 0;
    if (argc < 2 || strcmp(argv[1], "serve") != 0)
        return 2;
    char hello[128];
    mode_t mask = umask(0);
    umask(mask);
    snprintf(hello, sizeof hello,
             "{\"version\": %d, \"pid\": %d, \"uid\": %d, \"user\": \"fake\", \"umask\": %d}",
             WIRE_VERSION, getpid(), getuid(), (int)mask);
    put(FRAME_HELLO, 0, hello, strlen(hello));
    while (!k.bye && next_frame(&k, &f, -1)) {
        if (f.type == FRAME_BYE)
            break;
        if (f.type != FRAME_TASK)
            continue;
        struct arena *a = arena_new();
        struct value v;
        uint32_t id = f.id;
        if (json_parse(a, f.payload, f.len, &v, NULL) == 0 && v.type == VALUE_DICT)
            do_task(&k, id, v.u.dict);
        arena_free(a);
    }
    frame_reader_release(&k.in);
    return 0;
}
