// Drawing the live line. The terminal is asked for its width each time, so it may be resized. Where
// there is none, a log gets a line about a long wait now and then.
#include "cli/board.h"

#include "cli/text.h"

#include "core/arena.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUIET_MS 300 // tasks that are quicker are not worth a line
#define MIN_NAME 16  // columns a task's name keeps where room is short
#define LOG_MS 10000 // the first line in a log; the next ones after twice the time each
#define LOG_COLUMNS ((size_t)160)

struct flight {
    char *host, *task;
    int64_t since_ms;
};

struct board {
    bool on, drawn;
    struct flight *flights; // in the order they began: the first waits longest
    size_t n, cap;
    int64_t wait_ms, log_ms; // in a log: when the wait began, how long it is at the next line
};

struct board *board_new(bool on)
{
    struct board *b = xcalloc(1, sizeof *b);
    b->on = on;
    return b;
}

void board_clear(struct board *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->flights[i].host);
        free(b->flights[i].task);
    }
    b->n = 0;
}

void board_free(struct board *b)
{
    if (!b)
        return;
    board_erase(b);
    board_clear(b);
    free(b->flights);
    free(b);
}

void board_took_off(struct board *b, const char *host, const char *task)
{
    board_landed(b, host); // includes end without a result
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->flights = xrealloc(b->flights, b->cap * sizeof *b->flights);
    }
    b->flights[b->n++] =
        (struct flight){.host = xstrdup(host), .task = xstrdup(task), .since_ms = clock_mono_ms()};
}

void board_landed(struct board *b, const char *host)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->flights[i].host, host) == 0) {
            free(b->flights[i].host);
            free(b->flights[i].task);
            memmove(b->flights + i, b->flights + i + 1, (--b->n - i) * sizeof *b->flights);
            return;
        }
}

void board_erase(struct board *b)
{
    if (b->drawn) {
        fputs("\r\033[K", stdout);
        fflush(stdout);
    }
    b->drawn = false;
}

static size_t columns(void)
{
    struct winsize w;
    return ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

static void add_seconds(struct buf *b, int64_t ms)
{
    int64_t s = ms / 1000;
    if (s < 60)
        buf_addf(b, "%llds", (long long)s);
    else
        buf_addf(b, "%lldm%02llds", (long long)(s / 60), (long long)(s % 60));
}

// The slowest hosts, as many as fit into room.
static void add_waiting(const struct board *b, struct buf *line, size_t room, bool with_task)
{
    int64_t now = clock_mono_ms();
    size_t shown = 0, used = 0;
    for (; shown < b->n; shown++) {
        struct buf one = BUF_INIT;
        const struct flight *f = &b->flights[shown];
        buf_addf(&one, "%s%s", shown ? ", " : ", waiting for ", f->host);
        if (with_task)
            buf_addf(&one, " at '%s'", f->task);
        if (now - f->since_ms >= 1000) {
            buf_addc(&one, ' ');
            add_seconds(&one, now - f->since_ms);
        }
        size_t w = text_columns(buf_str(&one), one.len);
        size_t more = b->n - shown > 1 ? sizeof " and 1000 more" - 1 : 0;
        bool fits = used + w + more <= room;
        if (fits)
            buf_adds(line, buf_str(&one));
        used += w;
        buf_release(&one);
        if (!fits)
            break;
    }
    if (shown && shown < b->n)
        buf_addf(line, " and %zu more", b->n - shown);
}

// Whether a log is to be told of a wait since started_ms now.
static bool log_due(struct board *b, int64_t started_ms, int64_t ms)
{
    if (b->wait_ms != started_ms) {
        b->wait_ms = started_ms;
        b->log_ms = LOG_MS;
    }
    if (ms < b->log_ms)
        return false;
    b->log_ms *= 2;
    return true;
}

void board_draw(struct board *b, const char *task, size_t done, size_t expected, int64_t started_ms)
{
    int64_t ms = clock_mono_ms() - started_ms;
    if (b->on ? ms < QUIET_MS : !log_due(b, started_ms, ms))
        return;
    size_t width = b->on ? columns() : LOG_COLUMNS, max = width > 1 ? width - 1 : 1;
    struct buf count = BUF_INIT, head = BUF_INIT, line = BUF_INIT;
    if (task)
        buf_addf(&count, "  %zu of %zu hosts, ", done, expected);
    else
        buf_addf(&count, "  %zu host%s at work, ", b->n, b->n == 1 ? "" : "s");
    add_seconds(&count, ms);
    // The count always shows, then the slowest host, then as much as possible of the name.
    size_t slow =
        b->n ? strlen(b->flights[0].host) + sizeof ", waiting for  10m00s and 1000 more" : 0;
    size_t name_room = max > count.len + slow + 2 ? max - count.len - slow - 2 : 0;
    if (task) {
        buf_adds(&head, "  ");
        text_add_cut(&head, task, name_room > MIN_NAME ? name_room : MIN_NAME);
    }
    buf_adds(&head, buf_str(&count));
    size_t used = text_columns(buf_str(&head), head.len);
    add_waiting(b, &head, max > used ? max - used : 0, !task);
    text_add_cut(&line, buf_str(&head), max);
    printf(b->on ? "\r\033[K%s" : "%s\n", buf_str(&line));
    fflush(stdout);
    b->drawn = b->on;
    buf_release(&count);
    buf_release(&head);
    buf_release(&line);
}
