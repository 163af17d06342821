// andon's own output: one line per task with its hosts grouped by result, failures and changes in
// full below it, a live line at the bottom of a terminal.
#include "cli/board.h"
#include "cli/live.h"
#include "cli/notes.h"
#include "cli/source.h"
#include "cli/text.h"

#include "core/buf.h"
#include "core/file.h"
#include "template/builtin.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 8    // hosts named in a task's line
#define MAX_FIELD 8000 // bytes of a failed command's output that are shown
#define SLOW_MS 500    // a task that took longer shows its time
#define STALE_MS 5000  // a task of strategy free is told when no host finished it for so long
#define FEW_HOSTS ((size_t)20) // up to so many hosts are all in the summary
#define N_STATUS 6

// A task whose line is not printed yet: one with strategy linear, several with free.
struct line {
    struct line *next;
    const struct task *task;
    char *name;
    int64_t started_ms, last_ms;
    size_t expected, done, ignored;
    size_t count[N_STATUS]; // by enum task_status
    char **hosts[N_STATUS]; // names by status
    struct note *notes;
    bool free; // hosts come to it when they like: strategy free
};

struct output {
    struct output_opts o;
    struct line *lines;
    struct board *board;
    struct live *live;
    size_t play_hosts, lost; // hosts of the play, and of these out of it
    bool check;
    int64_t begun_ms;
};

static const char *const words[] = {"ok",     "changed",     "skipped",
                                    "failed", "unreachable", "can't know"};
static const enum config_id colors[] = {CONFIG_COLOR_OK,          CONFIG_COLOR_CHANGED,
                                        CONFIG_COLOR_SKIP,        CONFIG_COLOR_ERROR,
                                        CONFIG_COLOR_UNREACHABLE, CONFIG_COLOR_WARN};
// What a line says first.
static const enum task_status order[] = {STATUS_UNREACHABLE, STATUS_FAILED,  STATUS_CHANGED,
                                         STATUS_UNKNOWN,     STATUS_SKIPPED, STATUS_OK};

// --- a task's line -------------------------------------------------------------------------------

static struct line *line_of(struct output *out, const struct task *t)
{
    struct line *l = out->lines;
    while (l && l->task != t)
        l = l->next;
    return l;
}

static const char *word_of(const struct output *out, enum task_status s)
{
    return s == STATUS_CHANGED && out->check ? "would change" : words[s];
}

static bool worth_showing(const struct output *out, const struct line *l)
{
    return l->done && (!out->o.quiet || l->count[STATUS_CHANGED] || l->count[STATUS_FAILED] ||
                       l->count[STATUS_UNREACHABLE] || l->count[STATUS_UNKNOWN]);
}

// "2 changed (h1 h2), 1 ok, 1 ignored  3.2s"
static void describe(const struct output *out, const struct line *l, struct buf *b)
{
    int64_t ms = clock_mono_ms() - l->started_ms;
    for (size_t i = 0; i < N_STATUS; i++) {
        enum task_status s = order[i];
        size_t n = l->count[s];
        if (!n)
            continue;
        buf_addf(b, "%s%zu %s", b->len ? ", " : "", n, word_of(out, s));
        bool named = n < l->done || s == STATUS_FAILED || s == STATUS_UNREACHABLE;
        if (named && s != STATUS_OK && n <= MAX_NAMES) {
            buf_adds(b, " (");
            names_add(b, l->hosts[s], n);
            buf_addc(b, ')');
        }
    }
    if (l->ignored)
        buf_addf(b, ", %zu ignored", l->ignored);
    if (ms >= SLOW_MS)
        buf_addf(b, "  %.1fs", (double)ms / 1000.0);
}

static void show_position(const struct line *l)
{
    struct pos pos = l->task->n.pos;
    if (pos.line && !l->task->implicit)
        printf("    at %s:%u:%u\n", source_name(pos), pos.line, pos.col);
}

static void print_line(struct output *out, struct line *l)
{
    enum task_status worst = STATUS_OK;
    for (size_t i = N_STATUS; i-- > 0;)
        if (l->count[order[i]])
            worst = order[i];
    struct buf b = BUF_INIT, name = BUF_INIT;
    describe(out, l, &b);
    text_add_padded(&name, l->name, 40);
    print_color(&out->o, colors[worst], stdout, "  %-*s", out->check ? 12 : 11,
                word_of(out, worst));
    printf(" %s  %s\n", buf_str(&name), buf_str(&b));
    if (out->o.verbosity >= 2)
        show_position(l);
    notes_show(&l->notes, &out->o);
    buf_release(&name);
    buf_release(&b);
}

// Prints a line and forgets it.
static void finish_line(struct output *out, struct line *l)
{
    struct line **at = &out->lines;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    board_erase(out->board);
    if (worth_showing(out, l))
        print_line(out, l);
    for (size_t i = 0; i < N_STATUS; i++)
        name_list_free(l->hosts[i], l->count[i]);
    free(l->name);
    free(l);
    fflush(stdout);
}

static void finish_lines(struct output *out)
{
    while (out->lines)
        finish_line(out, out->lines);
    live_flush(&out->live, &out->o, NULL);
}

static struct line *open_line(struct output *out, const struct task *t, const char *name,
                              bool handler, bool free_strategy)
{
    struct line *l = xcalloc(1, sizeof *l), **at = &out->lines;
    struct buf b = BUF_INIT, clean = BUF_INIT;
    buf_addf(&b, "%s%s", handler ? "handler: " : "", name);
    text_add_clean(&clean, buf_str(&b), b.len);
    *l = (struct line){
        .task = t, .name = buf_detach(&clean), .free = free_strategy, .expected = out->play_hosts};
    l->started_ms = l->last_ms = clock_mono_ms();
    buf_release(&b);
    while (*at)
        at = &(*at)->next;
    return *at = l;
}

// --- plays and tasks -----------------------------------------------------------------------------

static void play_start(void *data, const struct play *p, const char *name, size_t n_hosts,
                       bool check)
{
    struct output *out = data;
    (void)p;
    finish_lines(out);
    board_clear(out->board);
    out->play_hosts = n_hosts;
    out->lost = 0;
    out->check = check;
    printf("\nplay %s (%zu host%s%s)\n", name, n_hosts, n_hosts == 1 ? "" : "s",
           check ? ", check mode: nothing is changed" : "");
    fflush(stdout);
}

static void no_hosts_matched(void *data)
{
    struct output *out = data;
    finish_lines(out);
    print_color(&out->o, CONFIG_COLOR_SKIP, stdout, "  no hosts matched\n");
}

static void no_hosts_remaining(void *data)
{
    struct output *out = data;
    finish_lines(out);
    print_color(&out->o, CONFIG_COLOR_ERROR, stdout, "  stopped: too many hosts failed\n");
}

static void task_start(void *data, const struct task_event *ev)
{
    struct output *out = data;
    if (ev->again)
        return;
    if (ev->free_strategy && line_of(out, ev->task))
        return;
    if (!ev->free_strategy) {
        finish_lines(out);
        board_clear(out->board);
    }
    struct line *l = open_line(out, ev->task, ev->name, ev->handler, ev->free_strategy);
    if (!ev->free_strategy)
        l->expected = ev->n_hosts;
}

static void host_start(void *data, const struct task *t, const char *host)
{
    struct output *out = data;
    const struct line *l = line_of(out, t);
    board_took_off(out->board, host, l ? l->name : t->name ? t->name : t->action);
}

// --- what is told below the line -----------------------------------------------------------------

static void add_field(struct buf *b, const struct dict *d, const char *key, const char *label)
{
    const char *s = dict_str(d, key, "");
    size_t n = strlen(s);
    while (n && s[n - 1] == '\n')
        n--;
    const char *msg = dict_str(d, "msg", "");
    if (!n || (strlen(msg) == n && strncmp(s, msg, n) == 0)) // which is told already
        return;
    size_t skip = n > MAX_FIELD ? n - MAX_FIELD : 0; // what matters stands at the end
    while (skip && skip < n && ((unsigned char)s[skip] & 0xc0) == 0x80)
        skip++;
    buf_addf(b, "%s%s", b->len ? "\n" : "", label);
    if (skip)
        buf_addf(b, "(%zu bytes before; --output json has them) ...", skip);
    text_add_clean(b, s + skip, n - skip);
}

static void add_item(struct buf *b, const struct result_event *ev)
{
    if (!ev->item)
        return;
    buf_adds(b, "item ");
    value_print(b, ev->item);
    buf_adds(b, ": ");
}

// The filter or test most like the one that Ansible's words name as unknown.
static const char *nearest_filter(const char *msg)
{
    static const char mark[] = "Could not load \"";
    const char *names[512], *at = strstr(msg, mark);
    size_t n_filters, n_tests;
    int n = 0;
    if (!at)
        return NULL;
    const struct builtin *filters = filter_all(&n_filters), *tests = test_rows(&n_tests);
    for (size_t i = 0; i < n_filters && n < 400; i++)
        names[n++] = filters[i].name;
    for (size_t i = 0; i < n_tests && n < 512; i++)
        names[n++] = tests[i].name;
    at += sizeof mark - 1;
    char *word = xstrndup(at, strcspn(at, "\""));
    const char *near = err_suggest(word, names, n);
    free(word);
    return near;
}

// What to do about a failure that a module reports in Ansible's words.
static const char *hint(const char *msg)
{
    static const struct {
        const char *begin, *end, *hint;
    } rows[] = {
        {"Missing ", " password", "-K asks for it, ansible_become_password holds it"},
        {"Incorrect ", " password", "of become: see -K and ansible_become_password"},
    };
    size_t len = strlen(msg);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].end);
        if (strncmp(msg, rows[i].begin, strlen(rows[i].begin)) == 0 && len > n &&
            strcmp(msg + len - n, rows[i].end) == 0)
            return rows[i].hint;
    }
    return NULL;
}

// What is to be read of a failed result: message, exit code, output.
static char *failure_text(const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    const struct dict *d = ev->result;
    if (ev->no_log)
        return xstrdup("(hidden: no_log)");
    add_item(&b, ev);
    const struct value *msg = dict_get(d, "msg");
    if (msg)
        value_print(&b, msg);
    if (b.len > MAX_FIELD) {
        b.p[b.len = MAX_FIELD / 4] = '\0';
        buf_adds(&b, " ...");
    }
    if (msg && msg->type == VALUE_STRING && hint(msg->u.str.s))
        buf_addf(&b, " (%s)", hint(msg->u.str.s));
    if (msg && msg->type == VALUE_STRING && nearest_filter(msg->u.str.s))
        buf_addf(&b, " (did you mean '%s'?)", nearest_filter(msg->u.str.s));
    if (dict_get(d, "rc"))
        buf_addf(&b, " (rc %lld)", (long long)dict_int(d, "rc", 0));
    if (dict_get(d, "assertion")) {
        buf_adds(&b, ": ");
        value_print(&b, dict_get(d, "assertion"));
    }
    add_field(&b, d, "stderr", "stderr: ");
    add_field(&b, d, "module_stderr", "stderr: ");
    add_field(&b, d, "stdout", "stdout: ");
    add_field(&b, d, "module_stdout", "stdout: ");
    return buf_detach(&b);
}

static void note_failure(struct line *l, const struct result_event *ev)
{
    char *text = failure_text(ev);
    bool failed = ev->status == STATUS_FAILED;
    struct pos pos = !failed || ev->no_log ? POS_NONE : ev->pos.line ? ev->pos : ev->task->n.pos;
    notes_add(&l->notes, ev->host, text, failed ? CONFIG_COLOR_ERROR : CONFIG_COLOR_UNREACHABLE,
              pos);
    free(text);
}

static void note_diff(struct output *out, struct line *l, const struct result_event *ev)
{
    const struct value *d = dict_get(ev->result, "diff");
    struct output_opts o = out->o;
    if (!d || !ev->diff || ev->no_log || !dict_bool(ev->result, "changed", false))
        return;
    if (ev->secret) {
        notes_add(&l->notes, ev->host, "difference " HIDDEN_DIFF, CONFIG_COLOR_DIFF_LINES,
                  POS_NONE);
        return;
    }
    o.color = false; // the lines get theirs when they are printed
    char *text = diff_text(&o, d);
    if (*text)
        notes_add(&l->notes, ev->host, text, CONFIG_COLOR_DIFF_LINES, POS_NONE);
    free(text);
}

// What a command printed, for -v. false: the result is none of a command.
static bool note_command(struct line *l, const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    if (!dict_get(ev->result, "rc") || !dict_get(ev->result, "stdout"))
        return false;
    add_item(&b, ev);
    buf_addf(&b, "rc %lld", (long long)dict_int(ev->result, "rc", 0));
    add_field(&b, ev->result, "stdout", "");
    add_field(&b, ev->result, "stderr", "stderr: ");
    notes_add(&l->notes, ev->host, buf_str(&b), CONFIG_COLOR_VERBOSE, POS_NONE);
    buf_release(&b);
    return true;
}

// debug's message, and with -v the result.
static void note_shown(struct output *out, struct line *l, const struct result_event *ev)
{
    bool debug = strcmp(ev->task->module, "debug") == 0 && ev->status != STATUS_SKIPPED;
    if (!debug && out->o.verbosity < 1)
        return;
    if (ev->no_log) {
        notes_add(&l->notes, ev->host, "(hidden: no_log)", CONFIG_COLOR_VERBOSE, POS_NONE);
        return;
    }
    const struct value *msg = debug ? dict_get(ev->result, "msg") : NULL;
    if (msg && msg->type == VALUE_STRING) {
        notes_add(&l->notes, ev->host, msg->u.str.s, CONFIG_COLOR_VERBOSE, POS_NONE);
        return;
    }
    if (!debug && out->o.verbosity == 1 && note_command(l, ev))
        return;
    struct arena *a = arena_new();
    char *text =
        dump_result(&out->o, open_result(a, ev), ev->task->module, false, debug ? DUMP_INDENT : 0);
    notes_add(&l->notes, ev->host, text, CONFIG_COLOR_VERBOSE, POS_NONE);
    free(text);
    arena_free(a);
}

static void note_warnings(struct line *l, const struct result_event *ev)
{
    const struct value *w = dict_get(ev->result, "warnings");
    for (size_t i = 0; w && w->type == VALUE_LIST && i < w->u.list->len; i++)
        if (w->u.list->items[i].type == VALUE_STRING && !ev->no_log) {
            struct buf b = BUF_INIT;
            buf_addf(&b, "warning: %s", w->u.list->items[i].u.str.s);
            notes_add(&l->notes, ev->host, buf_str(&b), CONFIG_COLOR_WARN, POS_NONE);
            buf_release(&b);
        }
}

static void note_unknown(struct line *l, const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    add_item(&b, ev);
    buf_adds(&b, dict_str(ev->result, "msg", ""));
    notes_add(&l->notes, ev->host, ev->no_log ? "(hidden: no_log)" : buf_str(&b), CONFIG_COLOR_WARN,
              POS_NONE);
    buf_release(&b);
}

static void note_result(struct output *out, struct line *l, const struct result_event *ev)
{
    note_warnings(l, ev);
    note_diff(out, l, ev);
    if (ev->status == STATUS_UNKNOWN) {
        note_unknown(l, ev);
        return;
    }
    if (ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE)
        note_failure(l, ev);
    if ((ev->status != STATUS_FAILED && ev->status != STATUS_UNREACHABLE) || out->o.verbosity >= 2)
        note_shown(out, l, ev);
}

static void item(void *data, const struct result_event *ev)
{
    struct output *out = data;
    struct line *l = line_of(out, ev->task);
    if (l && ev->status != STATUS_UNREACHABLE) // told with the host's result
        note_result(out, l, ev);
}

static void result(void *data, const struct result_event *ev)
{
    struct output *out = data;
    struct line *l = line_of(out, ev->task);
    enum task_status s = ev->status;
    bool bad = s == STATUS_FAILED || s == STATUS_UNREACHABLE;
    board_landed(out->board, ev->host);
    live_flush(&out->live, &out->o, ev->host);
    if (ev->include && !bad && s != STATUS_UNKNOWN)
        return;
    if (!l) // its line was printed before this host was done
        l = open_line(out, ev->task, ev->task_name, ev->handler, true);
    name_list_add(&l->hosts[s], l->count[s], ev->host);
    l->count[s]++;
    l->done++;
    l->ignored += ev->ignored;
    l->last_ms = clock_mono_ms();
    if (!ev->loop || s == STATUS_UNREACHABLE)
        note_result(out, l, ev);
    out->lost += bad && !ev->ignored;
    if (l->free ? bad || l->done + out->lost >= l->expected : l->done >= l->expected)
        finish_line(out, l);
}

// --- what is told at once ------------------------------------------------------------------------

static void retry(void *data, const struct retry_event *ev)
{
    struct output *out = data;
    board_erase(out->board);
    print_color(&out->o, CONFIG_COLOR_DEBUG, stdout,
                "    %s: trying again, %lld attempt%s left (%s)\n", ev->host, (long long)ev->left,
                ev->left == 1 ? "" : "s", ev->task_name);
    fflush(stdout);
}

static void live_output(void *data, const char *host, int stream, const char *s, size_t len)
{
    struct output *out = data;
    board_erase(out->board);
    live_add(&out->live, &out->o, host, stream, s, len);
    fflush(stdout);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    struct output *out = data;
    board_erase(out->board);
    fflush(stdout);
    if (pos.line)
        print_color(&out->o, CONFIG_COLOR_WARN, stderr, "%s:%u:%u: warning: %s\n", source_name(pos),
                    pos.line, pos.col, msg);
    else
        print_warning(&out->o, "%s", msg);
}

static void message(void *data, const char *msg)
{
    const struct output *out = data;
    board_erase(out->board);
    printf("%s\n", msg);
    fflush(stdout);
}

static void clear(void *data)
{
    const struct output *out = data;
    board_erase(out->board);
}

static void tick(void *data)
{
    struct output *out = data;
    int64_t now = clock_mono_ms();
    for (struct line *l = out->lines, *next; l; l = next) {
        next = l->next;
        if (l->free && l->done && now - l->last_ms >= STALE_MS)
            finish_line(out, l);
    }
    const struct line *l = out->lines;
    if (l && !l->free)
        board_draw(out->board, l->name, l->done, l->expected, l->started_ms);
    else if (l)
        board_draw(out->board, NULL, 0, 0, l->started_ms);
}

// --- the end -------------------------------------------------------------------------------------

static void print_host(const struct output *out, const struct host_stats *h, size_t width)
{
    enum config_id color = h->failed || h->unreachable ? CONFIG_COLOR_ERROR
                           : h->changed                ? CONFIG_COLOR_CHANGED
                                                       : CONFIG_COLOR_OK;
    const struct {
        unsigned n;
        const char *word;
    } rest[] = {{h->unknown, "can't know"},
                {h->skipped, "skipped"},
                {h->failed, "failed"},
                {h->rescued, "rescued"},
                {h->ignored, "ignored"}};
    print_color(&out->o, color, stdout, "%-*s", (int)width, h->host);
    printf("  %u ok, %u %s", h->ok, h->changed, word_of(out, STATUS_CHANGED));
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (rest[i].n)
            printf(", %u %s", rest[i].n, rest[i].word);
    printf("%s\n", h->unreachable ? ", unreachable" : "");
}

static void stats(void *data, const struct stats_event *ev)
{
    struct output *out = data;
    size_t good = 0, bad = 0, changed = 0, width = 8;
    finish_lines(out);
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        bad += h->failed || h->unreachable;
        changed += h->changed && !h->failed && !h->unreachable;
        good += !h->failed && !h->unreachable && !h->changed && !h->unknown;
        width = strlen(h->host) > width ? strlen(h->host) : width;
    }
    printf("\n");
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        if (ev->n <= FEW_HOSTS || h->failed || h->unreachable || h->changed || h->unknown)
            print_host(out, h, width); // of many hosts only those worth a look
    }
    if (ev->n > FEW_HOSTS && good)
        printf("%zu host%s ok, nothing changed\n", good, good == 1 ? "" : "s");
    if (ev->n > 1)
        printf("%zu hosts, %zu %s, %zu failed, %.1fs\n", ev->n, changed,
               word_of(out, STATUS_CHANGED), bad,
               (double)(clock_mono_ms() - out->begun_ms) / 1000.0);
    print_foreign(ev);
    if (ev->recorded && !ev->check)
        printf("recorded as %s\n", ev->recorded);
    fflush(stdout);
}

static void close_output(void *data)
{
    struct output *out = data;
    finish_lines(out);
    board_free(out->board);
    live_free(out->live);
    free(out);
}

struct run_sink output_andon_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    out->begun_ms = clock_mono_ms();
    out->board = board_new(o->tty);
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
                             .clear = clear,
                             .close = close_output};
}
