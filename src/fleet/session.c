// What a session's process says: the answers of the bootstrap script, HELLO, then frames; and what
// it is sent beside tasks.
#include "fleet/internal.h"

#include "core/json.h"

#include <string.h>

#define STALL_MS 30000 // a bootstrap that makes no progress
#define HELLO_MS 20000
#define HANGUP_MS 3000 // between the end of the session's output and that of ssh

// --- reading

static void on_hello(struct conn *c, const struct frame *fr)
{
    struct err e = ERR_INIT;
    c->hello_arena = arena_new();
    if (fr->type != FRAME_HELLO ||
        json_parse(c->hello_arena, fr->payload, fr->len, &c->hello, &e) ||
        c->hello.type != VALUE_DICT) {
        err_release(&e);
        conn_fail(c, false, "The helper on the host did not greet as expected");
        return;
    }
    int64_t version = dict_int(c->hello.u.dict, "version", 0);
    if (version != WIRE_VERSION) {
        conn_fail(c, false, "The helper on the host speaks version %lld of the protocol, not %d",
                  (long long)version, WIRE_VERSION);
        return;
    }
    conn_give_slot(c);
    boot_reader_release(&c->boot);
    c->attempt = 0;
    c->fresh = false;
    conn_set_state(c, CONN_READY, 0);
    conn_dirty(c);
    fleet_emit(c, FLEET_CONNECTED, "");
}

static void read_frames(struct conn *c, const char *s, size_t len)
{
    struct err e = ERR_INIT;
    struct frame fr;
    int rc = 0;
    const struct child *session = c->child;
    frame_feed(&c->reader, s, len);
    while (c->child == session && (rc = frame_next(&c->reader, &fr, &e)) > 0) {
        if (c->state == CONN_STARTING)
            on_hello(c, &fr);
        else
            rc = tasks_frame(c, &fr, &e);
        if (rc < 0)
            break;
    }
    if (c->child == session && rc < 0)
        conn_fail(c, false, "The host does not keep to the protocol: %s", err_msg(&e));
    err_release(&e);
    // Large results leave a large buffer behind.
    if (c->reader.off == c->reader.in.len && c->reader.in.cap > STDERR_KEPT)
        frame_reader_release(&c->reader);
}

static void start_push(struct conn *c, const char *arg, bool packed)
{
    char arch[32] = "";
    size_t n = strcspn(arg, " ");
    if (n < sizeof arch)
        memcpy(arch, arg, n);
    const struct helper *h = helpers_find(c->f, arch);
    if (!h || (packed && !h->gz) || ++c->pushes > BOOT_PUSH_MAX) {
        conn_fail(c, false, "The host asks for the helper in a way that makes no sense");
        return;
    }
    c->push = packed ? h->gz : h->data;
    c->push_left = packed ? h->gz_len : h->len;
    conn_set_state(c, CONN_BOOTING, STALL_MS);
    conn_dirty(c);
}

static void boot_failed(struct conn *c, const char *arg)
{
    if (strncmp(arg, "arch ", 5) == 0)
        conn_fail(c, false, "There is no helper for the host's architecture (%s)", arg + 5);
    else if (strcmp(arg, "dir") == 0)
        conn_fail(c, false,
                  "There is no folder for the helper on the host: each is full, read-only, mounted "
                  "noexec or somebody else's (~/.cache/andon, $XDG_CACHE_HOME, /var/tmp, /tmp, "
                  "/dev/shm, /run/user); make room for it in one of them");
    else
        conn_fail(c, false, "The helper cannot be started on the host: %s", arg);
}

// Acts on one answer of the script; false when the session is over.
static bool boot_answer(struct conn *c, enum boot_verb verb, const char *arg)
{
    switch (verb) {
    case BOOT_MORE:
        return true;
    case BOOT_SCRIPT:
        c->script = c->f->helpers.script;
        conn_set_state(c, CONN_BOOTING, STALL_MS);
        conn_dirty(c);
        return true;
    case BOOT_PUSH:
    case BOOT_PUSH_PACKED:
        start_push(c, arg, verb == BOOT_PUSH_PACKED);
        return c->child != NULL;
    case BOOT_ALTERED:
        fleet_emit(c, FLEET_ALTERED, arg);
        return true;
    case BOOT_FALLBACK:
        fleet_emit(c, FLEET_FALLBACK, arg);
        return true;
    case BOOT_PUSHED:
        fleet_emit(c, FLEET_PUSHED, arg);
        return true;
    case BOOT_RUN:
        conn_set_state(c, CONN_STARTING, HELLO_MS);
        return true;
    case BOOT_FAIL:
        boot_failed(c, arg);
        return false;
    case BOOT_NOISE:
        break;
    }
    conn_fail(c, false,
              "The host prints too much before the helper starts: check its login shell's profile");
    return false;
}

static void read_boot(struct conn *c, const char *s, size_t len)
{
    while (len && c->state == CONN_BOOTING) {
        size_t used = 0;
        const char *arg = "";
        enum boot_verb verb = boot_feed(&c->boot, s, len, &used, &arg);
        s += used;
        len -= used;
        if (!boot_answer(c, verb, arg))
            return;
    }
    if (len)
        read_frames(c, s, len);
}

static void on_session_out(void *data, const char *s, size_t len)
{
    struct conn *c = data;
    if (len == 0) { // the exit will tell more
        if (c->state != CONN_ENDING) {
            c->deadline = uv_now(&c->f->loop) + HANGUP_MS;
            fleet_wake_at(c->f, c->deadline);
        }
        return;
    }
    if (c->state == CONN_BOOTING)
        read_boot(c, s, len);
    else if (c->state == CONN_STARTING || c->state == CONN_READY || c->state == CONN_ENDING)
        read_frames(c, s, len);
}

static void on_session_err(void *data, const char *s, size_t len)
{
    struct conn *c = data;
    if (len > STDERR_KEPT) {
        s += len - STDERR_KEPT;
        len = STDERR_KEPT;
    }
    if (c->err.len + len > STDERR_KEPT)
        buf_consume(&c->err, c->err.len + len - STDERR_KEPT);
    buf_add(&c->err, s, len);
}

// What to write next: the second script, the binary, or content of tasks.
static bool on_session_fill(void *data, struct buf *out)
{
    struct conn *c = data;
    if (c->script) {
        buf_adds(out, c->script);
        c->script = NULL;
        return true;
    }
    if (c->push) {
        size_t n = c->push_left < FRAME_CHUNK ? c->push_left : FRAME_CHUNK;
        buf_add(out, c->push, n);
        c->push_left -= n;
        c->push = c->push_left ? c->push + n : NULL;
        conn_set_state(c, CONN_BOOTING, STALL_MS);
        return true;
    }
    return c->state == CONN_READY && tasks_fill(c, out);
}

const struct child_ops session_ops = {on_session_out, on_session_err, on_session_fill,
                                      conn_session_exit};
