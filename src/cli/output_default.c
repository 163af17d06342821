// What Ansible's default callback prints, byte for byte, so that scripts around ansible-playbook
// keep working.
#include "cli/output.h"

#include "core/buf.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

struct output {
    struct output_opts o;
    bool show_ok, show_skipped, check_markers, show_args, show_custom, failed_to_stderr, show_path,
        show_start, dry_run;
    bool check, free_strategy; // of the play
    char *name;                // of the task begun last, NULL: each result brings its own
    const char *prefix;
    const struct task *begun;    // the task begun last
    const struct task *bannered; // the task whose banner was printed last
};

static void add_args(struct buf *b, const struct dict *args);

static bool checks(const struct output *out, const struct task *t)
{
    const struct value *v = node_attr(&t->n, "check_mode");
    return v && v->type == VALUE_BOOL ? v->u.b : out->check;
}

static void print_path(const struct output *out, const struct task *t)
{
    if (t->n.pos.file)
        displayf(&out->o, CONFIG_COLOR_DEBUG, stdout, "task path: %s:%u", src_name(t->n.pos.file),
                 t->n.pos.line);
}

static void banner(struct output *out, const struct task *t, const char *name, bool handler)
{
    struct buf b = BUF_INIT;
    const struct value *no_log = node_attr(&t->n, "no_log");
    const char *prefix = t == out->begun && out->prefix ? out->prefix
                         : handler                      ? "RUNNING HANDLER"
                                                        : "TASK";
    buf_addf(&b, "%s [%s", prefix, out->name ? out->name : name);
    if (out->show_args && t->args.type == VALUE_DICT && (!no_log || !value_truthy(no_log)))
        add_args(&b, t->args.u.dict);
    buf_addc(&b, ']');
    if (out->check_markers && checks(out, t))
        buf_adds(&b, " [CHECK MODE]");
    print_banner(&out->o, buf_str(&b));
    if (out->o.verbosity >= 2)
        print_path(out, t);
    out->bannered = t;
    buf_release(&b);
}

// The banner of a result's task, unless it is the last one printed.
static void need_banner(struct output *out, const struct result_event *ev)
{
    if (out->bannered != ev->task)
        banner(out, ev->task, ev->task_name, ev->handler);
}

static void playbook_start(void *data, const char *path)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    if (out->o.verbosity > 1) {
        buf_addf(&b, "PLAYBOOK: %s", path_base(path));
        print_banner(&out->o, buf_str(&b));
    }
    if (out->dry_run && out->check_markers)
        print_banner(&out->o, "DRY RUN");
    buf_release(&b);
}

static bool is_free(const struct output *out, const struct play *p)
{
    const struct value *v = dict_get(p->n.attrs, "strategy");
    const char *s =
        v && v->type == VALUE_STRING ? v->u.str.s : config_str(out->o.config, CONFIG_STRATEGY);
    if (strncmp(s, "ansible.builtin.", 16) == 0)
        s += 16;
    return strcmp(s, "free") == 0 || strcmp(s, "host_pinned") == 0;
}

static void play_start(void *data, const struct play *p, const char *name, size_t n_hosts,
                       bool check)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    (void)n_hosts;
    out->check = check;
    out->free_strategy = is_free(out, p);
    name += strspn(name, " \t\n");
    if (*name)
        buf_addf(&b, "PLAY [%s]", name);
    else
        buf_adds(&b, "PLAY");
    if (check && out->check_markers)
        buf_adds(&b, " [CHECK MODE]");
    print_banner(&out->o, buf_str(&b));
    buf_release(&b);
    fflush(stdout);
}

static void no_hosts_matched(void *data)
{
    struct output *out = data;
    display(&out->o, CONFIG_COLOR_SKIP, stdout, "skipping: no hosts matched");
}

static void no_hosts_remaining(void *data)
{
    struct output *out = data;
    print_banner(&out->o, "NO MORE HOSTS LEFT");
}

static void add_args(struct buf *b, const struct dict *args)
{
    struct dict_entry *it;
    bool first = true;
    DICT_EACH(args, it)
    {
        buf_adds(b, first ? " " : ", ");
        first = false;
        value_print(b, &it->key);
        buf_addc(b, '=');
        value_print(b, &it->val);
    }
}

static void task_start(void *data, const struct task_event *ev)
{
    struct output *out = data;
    free(out->name);
    out->name = NULL;
    out->begun = ev->task;
    out->prefix = ev->prefix;
    if (out->free_strategy)
        return;
    out->bannered = NULL; // the task may have come by before, in another include
    out->name = xstrdup(ev->name);
    if (out->show_ok && out->show_skipped)
        banner(out, ev->task, ev->name, ev->handler);
    fflush(stdout);
}

static void host_start(void *data, const struct task *t, const char *host)
{
    struct output *out = data;
    if (out->show_start)
        displayf(&out->o, CONFIG_COLOR_OK, stdout, " [started TASK: %s on %s]",
                 out->name ? out->name
                 : t->name ? t->name
                           : t->action,
                 host);
}

static void label(struct buf *b, const struct result_event *ev)
{
    buf_adds(b, ev->host);
    if (ev->delegated && strcmp(ev->delegated, ev->host) != 0) {
        buf_addf(b, " -> %s", ev->delegated);
        const struct value *v = dict_get(ev->result, "_ansible_delegated_vars");
        const char *addr =
            v && v->type == VALUE_DICT ? dict_str(v->u.dict, "ansible_host", NULL) : NULL;
        if (addr && strcmp(addr, ev->delegated) != 0)
            buf_addf(b, "(%s)", addr);
    }
}

static bool verbose(const struct output *out, const struct dict *result, bool no_log, int above)
{
    if (no_log)
        return out->o.verbosity > above;
    return (out->o.verbosity > above || dict_bool(result, "_ansible_verbose_always", false)) &&
           !dict_get(result, "_ansible_verbose_override");
}

static void warnings(struct output *out, const struct result_event *ev)
{
    if (!ev->no_log)
        print_result_warnings(&out->o, ev->result);
}

static void show_exception(struct output *out, const struct result_event *ev)
{
    const char *text = dict_str(ev->result, "exception", NULL), *last;
    FILE *to = out->failed_to_stderr ? stderr : stdout;
    if (!text || ev->no_log)
        return;
    if (out->o.verbosity >= 3) {
        displayf(&out->o, CONFIG_COLOR_ERROR, to, "The full traceback is:\n%s", text);
        return;
    }
    size_t len = strlen(text);
    while (len && strchr(" \t\n\r", text[len - 1]))
        len--;
    for (last = text + len; last > text && last[-1] != '\n';)
        last--;
    displayf(&out->o, CONFIG_COLOR_ERROR, to,
             "An exception occurred during task execution. To see the full traceback, use -vvv. "
             "The error was: %.*s",
             (int)(text + len - last), last);
}

static void show_diff(struct output *out, const struct result_event *ev)
{
    const struct value *d = dict_get(ev->result, "diff");
    bool changed = dict_bool(ev->result, "changed", false);
    if (!d || !ev->diff || ev->no_log || !changed)
        return;
    char *text = diff_text(&out->o, d);
    if (*text) {
        need_banner(out, ev);
        display(&out->o, -1, stdout, text);
    }
    free(text);
}

// What a loop item is called in its line.
static void add_item(struct buf *b, const struct result_event *ev)
{
    if (ev->no_log)
        buf_adds(b, "None"); // Ansible's results keep no item then
    else
        value_print(b, ev->item);
}

static char *dumped(const struct output *out, const struct result_event *ev)
{
    if (ev->status == STATUS_SKIPPED && ev->task->loop && dict_get(ev->result, "results")) {
        struct arena *a = arena_new();
        struct value bare = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)ev->result};
        bare = value_shallow(a, &bare); // its items were shown one by one
        dict_del(bare.u.dict, "results");
        char *text = dump_result(&out->o, bare.u.dict, ev->task->module, ev->no_log, DUMP_WARNINGS);
        arena_free(a);
        return text;
    }
    bool apart = ev->status != STATUS_SKIPPED && ev->status != STATUS_UNREACHABLE;
    return dump_result(&out->o, ev->result, ev->task->module, ev->no_log,
                       (apart ? 0 : DUMP_WARNINGS) |
                           (ev->status == STATUS_UNREACHABLE ? DUMP_ALL : 0));
}

static const char *status_word(enum task_status s)
{
    static const char *const words[] = {"ok", "changed", "skipping", "failed", "unreachable"};
    return words[s];
}

static enum config_id status_color(enum task_status s)
{
    static const enum config_id colors[] = {CONFIG_COLOR_OK, CONFIG_COLOR_CHANGED,
                                            CONFIG_COLOR_SKIP, CONFIG_COLOR_ERROR,
                                            CONFIG_COLOR_UNREACHABLE};
    return colors[s];
}

static bool hidden(const struct output *out, enum task_status s)
{
    return (s == STATUS_OK && !out->show_ok) || (s == STATUS_SKIPPED && !out->show_skipped);
}

static void item_failed(struct output *out, const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    char *dump = dump_result(&out->o, ev->result, ev->task->module, ev->no_log, 0);
    need_banner(out, ev);
    show_exception(out, ev);
    buf_adds(&b, "failed: [");
    label(&b, ev);
    buf_adds(&b, "]");
    warnings(out, ev);
    buf_adds(&b, " (item=");
    add_item(&b, ev);
    buf_addf(&b, ") => %s", dump);
    display(&out->o, CONFIG_COLOR_ERROR, out->failed_to_stderr ? stderr : stdout, buf_str(&b));
    free(dump);
    buf_release(&b);
}

static void item(void *data, const struct result_event *ev)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    if (ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE) {
        item_failed(out, ev);
        fflush(stdout);
        return;
    }
    if (ev->status != STATUS_SKIPPED)
        show_diff(out, ev);
    if (hidden(out, ev->status) || (ev->include && ev->status != STATUS_SKIPPED))
        return;
    need_banner(out, ev);
    buf_addf(&b, "%s: [", status_word(ev->status));
    if (ev->status == STATUS_SKIPPED)
        buf_adds(&b, ev->host);
    else
        label(&b, ev);
    buf_adds(&b, "] => (item=");
    add_item(&b, ev);
    buf_adds(&b, ev->status == STATUS_SKIPPED ? ") " : ")");
    if (verbose(out, ev->result, ev->no_log, 0)) {
        char *dump = dump_result(&out->o, ev->result, ev->task->module, ev->no_log, DUMP_WARNINGS);
        buf_addf(&b, " => %s", dump);
        free(dump);
    }
    display(&out->o, status_color(ev->status), stdout, buf_str(&b));
    buf_release(&b);
    fflush(stdout);
}

// True when the result is that of a loop whose items were shown. Ansible does not know it of
// secret ones, nor of a debug that failed, whose result it has cut down to the message.
static bool items_told(const struct result_event *ev)
{
    bool cut = ev->status == STATUS_FAILED && strcmp(ev->task->module, "debug") == 0;
    return ev->loop && !ev->no_log && !cut && dict_get(ev->result, "results");
}

static void fatal(struct output *out, const struct result_event *ev)
{
    struct buf b = BUF_INIT;
    FILE *to = out->failed_to_stderr ? stderr : stdout;
    bool unreachable = ev->status == STATUS_UNREACHABLE;
    need_banner(out, ev);
    if (!unreachable) {
        show_exception(out, ev);
        warnings(out, ev);
    }
    if (unreachable || !items_told(ev)) {
        char *dump = dumped(out, ev);
        if (!unreachable && out->o.verbosity < 2 && out->show_path)
            print_path(out, ev->task);
        buf_adds(&b, "fatal: [");
        label(&b, ev);
        buf_addf(&b, "]: %s! => %s", unreachable ? "UNREACHABLE" : "FAILED", dump);
        display(&out->o, unreachable ? CONFIG_COLOR_UNREACHABLE : CONFIG_COLOR_ERROR, to,
                buf_str(&b));
        free(dump);
    }
    if (ev->ignored)
        display(&out->o, CONFIG_COLOR_SKIP, stdout, "...ignoring");
    buf_release(&b);
}

static void result(void *data, const struct result_event *ev)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    bool skipped = ev->status == STATUS_SKIPPED;
    if (ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE) {
        fatal(out, ev);
        fflush(stdout);
        return;
    }
    if (!ev->loop && !skipped)
        show_diff(out, ev);
    if (ev->include && !skipped) {
        need_banner(out, ev);
        return;
    }
    if (hidden(out, ev->status))
        return;
    need_banner(out, ev);
    if (!skipped)
        warnings(out, ev);
    if (skipped || !items_told(ev)) {
        buf_addf(&b, "%s: [", status_word(ev->status));
        if (skipped)
            buf_adds(&b, ev->host);
        else
            label(&b, ev);
        buf_addc(&b, ']');
        if (verbose(out, ev->result, ev->no_log, 0)) {
            char *dump = dumped(out, ev);
            buf_addf(&b, " => %s", dump);
            free(dump);
        }
        display(&out->o, status_color(ev->status), stdout, buf_str(&b));
    }
    buf_release(&b);
    fflush(stdout);
}

static void include(void *data, const struct include_event *ev)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    buf_addf(&b, "included: %s for ", ev->file);
    for (size_t i = 0; i < ev->n_hosts; i++)
        buf_addf(&b, "%s%s", i ? ", " : "", ev->hosts[i]);
    if (ev->no_log || (ev->item && value_truthy(ev->item))) {
        buf_adds(&b, " => (item=");
        if (ev->no_log)
            buf_adds(&b, "(censored due to no_log)");
        else
            value_print(&b, ev->item);
        buf_addc(&b, ')');
    }
    display(&out->o, CONFIG_COLOR_SKIP, stdout, buf_str(&b));
    buf_release(&b);
    fflush(stdout);
}

static void retry(void *data, const struct retry_event *ev)
{
    struct output *out = data;
    struct buf b = BUF_INIT;
    buf_addf(&b, "FAILED - RETRYING: [%s]: %s (%lld retries left).", ev->host, ev->task_name,
             (long long)ev->left);
    if (verbose(out, ev->result, false, 2)) {
        char *dump = dump_result(&out->o, ev->result, NULL, false, DUMP_WARNINGS);
        buf_addf(&b, "Result was: %s", dump);
        free(dump);
    }
    display(&out->o, CONFIG_COLOR_DEBUG, stdout, buf_str(&b));
    buf_release(&b);
    fflush(stdout);
}

static void notify(void *data, const char *host, const char *handler)
{
    struct output *out = data;
    if (out->o.verbosity > 1)
        displayf(&out->o, CONFIG_COLOR_VERBOSE, stdout, "NOTIFIED HANDLER %s for %s", handler,
                 host);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    struct output *out = data;
    (void)pos;
    print_warning(&out->o, "%s", msg);
}

static void deprecated(void *data, const char *msg)
{
    struct output *out = data;
    print_deprecation(&out->o, msg, NULL, NULL, NULL);
}

static void message(void *data, const char *msg)
{
    struct output *out = data;
    display(&out->o, -1, stdout, msg);
    fflush(stdout);
}

static void stat_field(struct output *out, struct buf *b, const char *name, unsigned n,
                       enum config_id color)
{
    char text[64];
    snprintf(text, sizeof text, "%s=%-4u", name, n);
    buf_addc(b, ' ');
    color_text(&out->o, n ? (int)color : -1, text, strlen(text), b);
}

static void host_line(struct output *out, const struct host_stats *h)
{
    struct buf b = BUF_INIT;
    enum config_id color = h->failed || h->unreachable ? CONFIG_COLOR_ERROR
                           : h->changed                ? CONFIG_COLOR_CHANGED
                                                       : CONFIG_COLOR_OK;
    size_t width = out->o.color ? 37 : 26; // Ansible counts the colour's codes too
    color_text(&out->o, (int)color, h->host, strlen(h->host), &b);
    if (b.len < width)
        buf_fill(&b, ' ', width - b.len);
    buf_adds(&b, " :");
    stat_field(out, &b, "ok", h->ok, CONFIG_COLOR_OK);
    stat_field(out, &b, "changed", h->changed, CONFIG_COLOR_CHANGED);
    stat_field(out, &b, "unreachable", h->unreachable, CONFIG_COLOR_UNREACHABLE);
    stat_field(out, &b, "failed", h->failed, CONFIG_COLOR_ERROR);
    stat_field(out, &b, "skipped", h->skipped, CONFIG_COLOR_SKIP);
    stat_field(out, &b, "rescued", h->rescued, CONFIG_COLOR_OK);
    stat_field(out, &b, "ignored", h->ignored, CONFIG_COLOR_WARN);
    display(&out->o, -1, stdout, buf_str(&b));
    buf_release(&b);
}

static int by_key(const void *x, const void *y)
{
    const struct dict_entry *const *p = x, *const *q = y;
    return strcmp((*p)->key.u.str.s, (*q)->key.u.str.s);
}

static void custom_stats(struct output *out, const struct dict *custom)
{
    struct dict_entry *it;
    const struct dict_entry **sorted = xcalloc(custom->len + 1, sizeof(struct dict_entry *));
    const struct value *whole = dict_get(custom, "_run");
    size_t n = 0;
    print_banner(&out->o, "CUSTOM STATS: ");
    DICT_EACH(custom, it)
    if (it->key.type == VALUE_STRING && it->val.type == VALUE_DICT && !value_eqs(&it->key, "_run"))
        sorted[n++] = it;
    qsort(sorted, n, sizeof(struct dict_entry *), by_key);
    for (size_t i = 0; i < n; i++) {
        char *text = dump_line(&out->o, sorted[i]->val.u.dict);
        printf("\t%s: %s\n", sorted[i]->key.u.str.s, text);
        free(text);
    }
    if (whole && whole->type == VALUE_DICT) {
        char *text = dump_line(&out->o, whole->u.dict);
        printf("\n\tRUN: %s\n", text);
        free(text);
    }
    printf("\n");
    free(sorted);
}

static void stats(void *data, const struct stats_event *ev)
{
    struct output *out = data;
    print_banner(&out->o, "PLAY RECAP");
    for (size_t i = 0; i < ev->n; i++)
        host_line(out, &ev->hosts[i]);
    printf("\n");
    if (ev->custom && ev->custom->len && out->show_custom)
        custom_stats(out, ev->custom);
    if (out->dry_run && out->check_markers)
        print_banner(&out->o, "DRY RUN");
    fflush(stdout);
}

static void async_poll(void *data, const char *host, const char *jid, bool finished)
{
    struct output *out = data;
    displayf(&out->o, CONFIG_COLOR_DEBUG, stdout, "ASYNC POLL on %s: jid=%s started=1 finished=%d",
             host, jid, finished);
}

static void async_end(void *data, const char *host, const char *jid, bool failed)
{
    struct output *out = data;
    displayf(&out->o, CONFIG_COLOR_DEBUG, stdout, "ASYNC %s on %s: jid=%s",
             failed ? "FAILED" : "OK", host, jid);
}

static void close_output(void *data)
{
    struct output *out = data;
    free(out->name);
    free(out);
}

struct run_sink output_default_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    out->show_ok = config_bool(o->config, CONFIG_DISPLAY_OK_HOSTS);
    out->show_skipped = config_bool(o->config, CONFIG_DISPLAY_SKIPPED_HOSTS);
    out->check_markers = config_bool(o->config, CONFIG_CHECK_MODE_MARKERS);
    out->show_args = config_bool(o->config, CONFIG_DISPLAY_ARGS);
    out->show_custom = config_bool(o->config, CONFIG_SHOW_CUSTOM_STATS);
    out->failed_to_stderr = config_bool(o->config, CONFIG_DISPLAY_FAILED_STDERR);
    out->show_path = config_bool(o->config, CONFIG_SHOW_TASK_PATH);
    out->show_start = config_bool(o->config, CONFIG_SHOW_PER_HOST_START);
    out->dry_run = o->check;
    return (struct run_sink){.data = out,
                             .playbook_start = playbook_start,
                             .play_start = play_start,
                             .no_hosts_matched = no_hosts_matched,
                             .no_hosts_remaining = no_hosts_remaining,
                             .task_start = task_start,
                             .host_start = host_start,
                             .item = item,
                             .result = result,
                             .include = include,
                             .retry = retry,
                             .async_poll = async_poll,
                             .async_end = async_end,
                             .notify = notify,
                             .warning = warning,
                             .deprecated = deprecated,
                             .message = message,
                             .stats = stats,
                             .close = close_output};
}
