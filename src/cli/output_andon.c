// andon's own output: one line per task with its hosts grouped by result, failures and changes in
// full below it, a live line at the bottom of a terminal.
#include "cli/output.h"

#include "core/buf.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 8 // hosts named in a line
#define MAX_SOURCE ((size_t)8 << 20)
#define SLOW_MS 500 // a task that took longer shows its time

// Text that several hosts have in common (a failure, a message, a diff).
struct note {
    struct note *next;
    char *text;
    char **hosts;
    size_t n;
    enum config_id color;
    struct pos pos;
};

struct output {
    struct output_opts o;
    const struct task *task; // whose line is open, NULL: none
    char *name;
    int64_t started_ms, play_started_ms;
    size_t expected, play_hosts, done;
    size_t count[5]; // by enum task_status
    size_t ignored;
    char **hosts[5]; // names by status
    struct note *notes;
    char **flying; // hosts under way
    size_t n_flying, cap_flying;
    bool board_drawn;
};

static const char *const words[] = {"ok", "changed", "skipped", "failed", "unreachable"};
static const enum config_id colors[] = {CONFIG_COLOR_OK, CONFIG_COLOR_CHANGED, CONFIG_COLOR_SKIP,
                                        CONFIG_COLOR_ERROR, CONFIG_COLOR_UNREACHABLE};

static void erase_board(struct output *out)
{
    if (out->board_drawn)
        fputs("\r\033[K", stdout);
    out->board_drawn = false;
}

static void add_name(char ***list, size_t n, const char *name)
{
    if ((n & (n - 1)) == 0)
        *list = xrealloc(*list, (n ? n * 2 : 1) * sizeof **list);
    (*list)[n] = xstrdup(name);
}

static void free_names(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static void add_note(struct output *out, const char *host, const char *text, enum config_id color,
                     struct pos pos)
{
    struct note **at = &out->notes;
    for (; *at; at = &(*at)->next)
        if ((*at)->color == color && strcmp((*at)->text, text) == 0)
            break;
    if (!*at) {
        *at = xcalloc(1, sizeof **at);
        (*at)->text = xstrdup(text);
        (*at)->color = color;
        (*at)->pos = pos;
    }
    add_name(&(*at)->hosts, (*at)->n, host);
    (*at)->n++;
}

static void names(struct buf *b, char **hosts, size_t n)
{
    for (size_t i = 0; i < n && i < MAX_NAMES; i++)
        buf_addf(b, "%s%s", i ? " " : "", hosts[i]);
    if (n > MAX_NAMES)
        buf_addf(b, " and %zu more", n - MAX_NAMES);
}

static void indented(const struct output *out, enum config_id color, const char *text,
                     const char *indent)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        print_color(&out->o, color, stdout, "%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

// The line of the file that is to blame.
static void show_source(const struct output *out, struct pos pos)
{
    struct arena *a = arena_new();
    char *text;
    size_t len;
    printf("      at %s:%u:%u\n", src_name(pos.file), pos.line, pos.col);
    if (file_read(a, src_name(pos.file), MAX_SOURCE, &text, &len, NULL) == 0) {
        const char *line = text;
        for (unsigned i = 1; line && i < pos.line; i++) {
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
        if (line)
            printf("      %5u | %.*s\n", pos.line, (int)strcspn(line, "\n"), line);
    }
    (void)out;
    arena_free(a);
}

static void show_notes(struct output *out)
{
    for (struct note *n = out->notes; n;) {
        struct note *next = n->next;
        struct buf b = BUF_INIT;
        names(&b, n->hosts, n->n);
        if (strchr(n->text, '\n')) {
            print_color(&out->o, n->color, stdout, "    %s:\n", buf_str(&b));
            indented(out, n->color, n->text, "      ");
        } else {
            print_color(&out->o, n->color, stdout, "    %s: %s\n", buf_str(&b), n->text);
        }
        if (n->pos.line)
            show_source(out, n->pos);
        buf_release(&b);
        free_names(n->hosts, n->n);
        free(n->text);
        free(n);
        n = next;
    }
    out->notes = NULL;
}

static bool worth_showing(const struct output *out)
{
    return !out->o.quiet || out->count[STATUS_CHANGED] || out->count[STATUS_FAILED] ||
           out->count[STATUS_UNREACHABLE];
}

// Ends the line of the task that is open.
static void finish_task(struct output *out)
{
    static const enum task_status order[] = {STATUS_UNREACHABLE, STATUS_FAILED, STATUS_CHANGED,
                                             STATUS_SKIPPED, STATUS_OK};
    enum task_status worst = STATUS_OK;
    if (!out->task)
        return;
    erase_board(out);
    for (size_t i = 0; i < 5; i++)
        if (out->count[order[i]]) {
            worst = order[i];
            break;
        }
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < 5; i++) {
        enum task_status s = order[i];
        if (!out->count[s])
            continue;
        buf_addf(&b, "%s%zu %s", b.len ? ", " : "", out->count[s], words[s]);
        bool name_them = out->count[s] < out->done || s == STATUS_FAILED || s == STATUS_UNREACHABLE;
        if (name_them && s != STATUS_OK && out->count[s] <= MAX_NAMES) {
            buf_adds(&b, " (");
            names(&b, out->hosts[s], out->count[s]);
            buf_addc(&b, ')');
        }
    }
    if (out->ignored)
        buf_addf(&b, ", %zu ignored", out->ignored);
    int64_t ms = clock_mono_ms() - out->started_ms;
    if (ms >= SLOW_MS)
        buf_addf(&b, "  %.1fs", (double)ms / 1000.0);
    if (out->done && worth_showing(out)) {
        print_color(&out->o, colors[worst], stdout, "  %-11s", words[worst]);
        printf(" %-40s  %s\n", out->name, buf_str(&b));
        show_notes(out);
    }
    buf_release(&b);
    for (size_t i = 0; i < 5; i++) {
        free_names(out->hosts[i], out->count[i]);
        out->hosts[i] = NULL;
        out->count[i] = 0;
    }
    free_names(out->flying, out->n_flying);
    out->flying = NULL;
    out->n_flying = out->cap_flying = 0;
    out->done = out->ignored = 0;
    free(out->name);
    out->name = NULL;
    out->task = NULL;
    fflush(stdout);
}

static void play_start(void *data, const struct play *p, const char *name, size_t n_hosts,
                       bool check)
{
    struct output *out = data;
    (void)p;
    finish_task(out);
    out->play_hosts = n_hosts;
    out->play_started_ms = clock_mono_ms();
    printf("\nplay %s (%zu host%s%s)\n", name, n_hosts, n_hosts == 1 ? "" : "s",
           check ? ", check mode: nothing is changed" : "");
    fflush(stdout);
}

static void no_hosts_matched(void *data)
{
    struct output *out = data;
    finish_task(out);
    print_color(&out->o, CONFIG_COLOR_SKIP, stdout, "  no hosts matched\n");
}

static void no_hosts_remaining(void *data)
{
    struct output *out = data;
    finish_task(out);
    print_color(&out->o, CONFIG_COLOR_ERROR, stdout, "  stopped: too many hosts failed\n");
}

static void open_task(struct output *out, const struct task *t, const char *name, bool handler)
{
    struct buf b = BUF_INIT;
    finish_task(out);
    out->task = t;
    buf_addf(&b, "%s%s", handler ? "handler: " : "", name);
    out->name = buf_detach(&b);
    out->started_ms = clock_mono_ms();
    out->expected = 0;
}

static void task_start(void *data, const struct task_event *ev)
{
    struct output *out = data;
    open_task(out, ev->task, ev->name, ev->handler);
    out->expected = ev->n_hosts;
}

static void host_start(void *data, const struct task *t, const char *host)
{
    struct output *out = data;
    if (t == out->task && out->o.tty) {
        add_name(&out->flying, out->n_flying, host);
        out->n_flying++;
    }
}

static void landed(struct output *out, const char *host)
{
    for (size_t i = 0; i < out->n_flying; i++)
        if (strcmp(out->flying[i], host) == 0) {
            free(out->flying[i]);
            out->flying[i] = out->flying[--out->n_flying];
            if (out->n_flying == 0) {
                free(out->flying);
                out->flying = NULL;
            }
            return;
        }
}

static void add_field(struct buf *b, const struct dict *d, const char *key, const char *label)
{
    const char *s = dict_str(d, key, "");
    size_t n = strlen(s);
    while (n && s[n - 1] == '\n')
        n--;
    if (n)
        buf_addf(b, "%s%s%.*s", b->len ? "\n" : "", label, (int)(n > 4000 ? 4000 : n), s);
}

// What is to be read of a failed result: message, exit code, output.
static char *failure_text(const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    const struct dict *d = ev->result;
    if (ev->no_log)
        return xstrdup("(hidden: no_log)");
    if (ev->item) {
        buf_adds(&b, "item ");
        value_print(&b, ev->item);
        buf_adds(&b, ": ");
    }
    const struct value *msg = dict_get(d, "msg");
    if (msg)
        value_print(&b, msg);
    if (dict_get(d, "rc"))
        buf_addf(&b, " (rc %lld)", (long long)dict_int(d, "rc", 0));
    if (dict_get(d, "assertion")) {
        buf_adds(&b, ": ");
        value_print(&b, dict_get(d, "assertion"));
    }
    add_field(&b, d, "stderr", "stderr: ");
    add_field(&b, d, "module_stderr", "stderr: ");
    if (!*dict_str(d, "stderr", ""))
        add_field(&b, d, "stdout", "stdout: ");
    return buf_detach(&b);
}

static void note_failure(struct output *out, const struct result_event *ev)
{
    char *text = failure_text(ev);
    struct pos pos = ev->pos.line ? ev->pos : ev->task->n.pos;
    add_note(out, ev->host, text,
             ev->status == STATUS_FAILED ? CONFIG_COLOR_ERROR : CONFIG_COLOR_UNREACHABLE, pos);
    free(text);
}

static void note_diff(struct output *out, const struct result_event *ev)
{
    const struct value *d = dict_get(ev->result, "diff");
    if (!d || !ev->diff || ev->no_log || !dict_bool(ev->result, "changed", false))
        return;
    char *text = diff_text(&out->o, d);
    if (*text)
        add_note(out, ev->host, text, CONFIG_COLOR_DIFF_LINES, POS_NONE);
    free(text);
}

// debug's message, and with -v the whole result.
static void note_shown(struct output *out, const struct result_event *ev)
{
    bool debug = strcmp(ev->task->module, "debug") == 0 && ev->status != STATUS_SKIPPED;
    if (!debug &&
        (out->o.verbosity < 1 || ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE))
        return;
    const struct value *msg = debug ? dict_get(ev->result, "msg") : NULL;
    if (msg && msg->type == VALUE_STRING && !ev->no_log) {
        add_note(out, ev->host, msg->u.str.s, CONFIG_COLOR_VERBOSE, POS_NONE);
        return;
    }
    char *text =
        dump_result(&out->o, ev->result, ev->task->module, ev->no_log, debug ? DUMP_INDENT : 0);
    add_note(out, ev->host, text, CONFIG_COLOR_VERBOSE, POS_NONE);
    free(text);
}

static void note_warnings(struct output *out, const struct result_event *ev)
{
    const struct value *w = dict_get(ev->result, "warnings");
    for (size_t i = 0; w && w->type == VALUE_LIST && i < w->u.list->len; i++)
        if (w->u.list->items[i].type == VALUE_STRING && !ev->no_log) {
            struct buf b = BUF_INIT;
            buf_addf(&b, "warning: %s", w->u.list->items[i].u.str.s);
            add_note(out, ev->host, buf_str(&b), CONFIG_COLOR_WARN, POS_NONE);
            buf_release(&b);
        }
}

static void item(void *data, const struct result_event *ev)
{
    struct output *out = data;
    if (ev->task != out->task)
        return;
    note_warnings(out, ev);
    note_diff(out, ev);
    if (ev->status == STATUS_FAILED)
        note_failure(out, ev);
    else
        note_shown(out, ev);
}

static void result(void *data, const struct result_event *ev)
{
    struct output *out = data;
    if (ev->include && ev->status != STATUS_FAILED)
        return;
    if (ev->task != out->task) // another host is elsewhere: strategy free
        open_task(out, ev->task, ev->task_name, ev->handler);
    landed(out, ev->host);
    enum task_status s = ev->status;
    add_name(&out->hosts[s], out->count[s], ev->host);
    out->count[s]++;
    out->done++;
    out->ignored += ev->ignored;
    if (!ev->loop || s == STATUS_UNREACHABLE) {
        note_warnings(out, ev);
        note_diff(out, ev);
        if (s == STATUS_FAILED || s == STATUS_UNREACHABLE)
            note_failure(out, ev);
        else
            note_shown(out, ev);
    }
}

static void retry(void *data, const struct retry_event *ev)
{
    struct output *out = data;
    erase_board(out);
    print_color(&out->o, CONFIG_COLOR_DEBUG, stdout,
                "    %s: trying again, %lld attempt%s left (%s)\n", ev->host, (long long)ev->left,
                ev->left == 1 ? "" : "s", ev->task_name);
    fflush(stdout);
}

static void live_output(void *data, const char *host, int stream, const char *s, size_t len)
{
    struct output *out = data;
    erase_board(out);
    while (len) {
        const char *nl = memchr(s, '\n', len);
        size_t n = nl ? (size_t)(nl - s) : len;
        print_color(&out->o, stream == 2 ? CONFIG_COLOR_WARN : CONFIG_COLOR_VERBOSE, stdout,
                    "    %s | %.*s\n", host, (int)n, s);
        s += n + (nl != NULL);
        len -= n + (nl != NULL);
    }
    fflush(stdout);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    struct output *out = data;
    erase_board(out);
    fflush(stdout);
    if (pos.line)
        print_color(&out->o, CONFIG_COLOR_WARN, stderr, "%s:%u:%u: warning: %s\n",
                    src_name(pos.file), pos.line, pos.col, msg);
    else
        print_warning(&out->o, "%s", msg);
}

static void message(void *data, const char *msg)
{
    erase_board(data);
    printf("%s\n", msg);
    fflush(stdout);
}

// The bottom line: how far the task is, and whom it waits for.
static void tick(void *data)
{
    struct output *out = data;
    if (!out->o.tty || !out->task || clock_mono_ms() - out->started_ms < 300)
        return;
    struct buf b = BUF_INIT;
    buf_addf(&b, "  %s  %zu of %zu hosts, %.0fs", out->name, out->done, out->expected,
             (double)(clock_mono_ms() - out->started_ms) / 1000.0);
    if (out->n_flying) {
        buf_adds(&b, ", waiting for ");
        names(&b, out->flying, out->n_flying);
    }
    size_t max = (size_t)out->o.columns - 1;
    printf("\r\033[K%.*s", (int)(b.len < max ? b.len : max), buf_str(&b));
    fflush(stdout);
    out->board_drawn = true;
    buf_release(&b);
}

static void stats(void *data, const struct stats_event *ev)
{
    struct output *out = data;
    size_t good = 0, width = 8;
    finish_task(out);
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        good += !h->failed && !h->unreachable && !h->changed;
        width = strlen(h->host) > width ? strlen(h->host) : width;
    }
    printf("\n");
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        bool bad = h->failed || h->unreachable;
        if (!bad && !h->changed && ev->n > 20)
            continue; // many hosts: only those worth a look
        print_color(&out->o,
                    bad          ? CONFIG_COLOR_ERROR
                    : h->changed ? CONFIG_COLOR_CHANGED
                                 : CONFIG_COLOR_OK,
                    stdout, "%-*s", (int)width, h->host);
        printf("  %u ok, %u changed", h->ok, h->changed);
        if (h->skipped)
            printf(", %u skipped", h->skipped);
        if (h->failed)
            printf(", %u failed", h->failed);
        if (h->unreachable)
            printf(", unreachable");
        if (h->rescued)
            printf(", %u rescued", h->rescued);
        if (h->ignored)
            printf(", %u ignored", h->ignored);
        printf("\n");
    }
    if (ev->n > 20 && good)
        printf("%zu host%s ok, nothing changed\n", good, good == 1 ? "" : "s");
    print_foreign(ev);
    fflush(stdout);
}

static void close_output(void *data)
{
    struct output *out = data;
    finish_task(out);
    free(out);
}

struct run_sink output_andon_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    return (struct run_sink){.data = out,
                             .play_start = play_start,
                             .no_hosts_matched = no_hosts_matched,
                             .no_hosts_remaining = no_hosts_remaining,
                             .task_start = task_start,
                             .host_start = host_start,
                             .item = item,
                             .result = result,
                             .retry = retry,
                             .output = live_output,
                             .warning = warning,
                             .message = message,
                             .stats = stats,
                             .tick = tick,
                             .close = close_output};
}
