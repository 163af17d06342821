// What Ansible's minimal and oneline callbacks print for ad-hoc commands.
#include "cli/output.h"

#include "core/buf.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

struct output {
    struct output_opts o;
};

// Modules whose result is shown as the text of the command.
static bool command_like(const struct result_event *ev)
{
    static const char *const names[] = {"command", "shell",       "script",
                                        "raw",     "win_command", "win_shell"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], ev->task->module) == 0)
            return !ev->no_log || ev->status == STATUS_OK || ev->status == STATUS_CHANGED;
    return false;
}

static enum config_id color(const struct result_event *ev)
{
    static const enum config_id colors[] = {CONFIG_COLOR_OK, CONFIG_COLOR_CHANGED,
                                            CONFIG_COLOR_SKIP, CONFIG_COLOR_ERROR,
                                            CONFIG_COLOR_UNREACHABLE};
    return colors[ev->status];
}

// One file per host; the callback for it ignores how results are to look.
static void write_tree(const struct output *out, const struct result_event *ev)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct output_opts plain = out->o;
    plain.ansible = false;
    char *text = dump_result(&plain, ev->result, NULL, ev->no_log, DUMP_WARNINGS | DUMP_ALL);
    const char *path = path_join(a, out->o.tree, ev->host);
    if (file_mkdirs(out->o.tree, 0755, &e) < 0 ||
        file_write_atomic(path, text, strlen(text), 0644, &e) < 0)
        print_warning(&out->o, "%s", err_msg(&e));
    err_release(&e);
    free(text);
    arena_free(a);
}

static void add_field(struct buf *b, const struct result_event *ev, const char *key)
{
    const struct value *v = ev->no_log ? NULL : dict_get(ev->result, key);
    if (v)
        value_print(b, v);
}

static void add_escaped(struct buf *b, const struct result_event *ev, const char *key)
{
    struct buf text = BUF_INIT;
    add_field(&text, ev, key);
    for (const char *s = buf_str(&text); *s; s++)
        if (*s == '\n' || *s == '\r')
            buf_adds(b, *s == '\n' ? "\\n" : "\\r");
        else
            buf_addc(b, *s);
    buf_release(&text);
}

static void add_rc(struct buf *b, const struct result_event *ev, const char *caption)
{
    buf_addf(b, "%s | %s | rc=", ev->host, caption);
    if (!ev->no_log && dict_get(ev->result, "rc"))
        add_field(b, ev, "rc");
    else
        buf_adds(b, "-1");
}

// The text of a command, or its result as a dump.
static void show_done(struct output *out, const struct result_event *ev, const char *caption,
                      bool as_text)
{
    struct buf b = BUF_INIT;
    bool failed = ev->status == STATUS_FAILED;
    if (as_text && out->o.one_line) {
        add_rc(&b, ev, caption);
        buf_adds(&b, " | (stdout) ");
        add_escaped(&b, ev, "stdout");
        if (!ev->no_log && *dict_str(ev->result, "stderr", "")) {
            buf_adds(&b, " (stderr) ");
            add_escaped(&b, ev, "stderr");
        }
    } else if (as_text) {
        add_rc(&b, ev, caption);
        buf_adds(&b, " >>\n");
        add_field(&b, ev, "stdout");
        add_field(&b, ev, "stderr");
        add_field(&b, ev, "msg");
        buf_addc(&b, '\n');
    } else {
        unsigned flags = (failed || out->o.one_line ? DUMP_ALL : 0) |
                         (out->o.one_line ? DUMP_WARNINGS | DUMP_TIGHT : DUMP_INDENT);
        char *text = dump_result(&out->o, ev->result, ev->task->module, ev->no_log, flags);
        buf_addf(&b, "%s | %s%s => ", ev->host, caption, failed ? "!" : "");
        for (const char *s = text; *s; s++)
            if (*s != '\n' || !out->o.one_line)
                buf_addc(&b, *s);
        free(text);
    }
    display(&out->o, (int)color(ev), stdout, buf_str(&b));
    buf_release(&b);
}

static void show_unreachable(struct output *out, const struct result_event *ev)
{
    if (out->o.one_line) {
        displayf(&out->o, CONFIG_COLOR_UNREACHABLE, stdout, "%s | UNREACHABLE!: %s", ev->host,
                 ev->no_log ? "" : dict_str(ev->result, "msg", ""));
        return;
    }
    char *text = dump_result(&out->o, ev->result, ev->task->module, ev->no_log,
                             DUMP_INDENT | DUMP_WARNINGS | DUMP_ALL);
    displayf(&out->o, CONFIG_COLOR_UNREACHABLE, stdout, "%s | UNREACHABLE! => %s", ev->host, text);
    free(text);
}

static void show_diff(struct output *out, const struct result_event *ev)
{
    const struct value *diff = dict_get(ev->result, "diff");
    if (!diff || !ev->diff || ev->no_log || out->o.one_line || !value_truthy(diff))
        return;
    char *text = diff_text(&out->o, diff);
    display(&out->o, -1, stdout, text);
    free(text);
}

static void result(void *data, const struct result_event *ev)
{
    if (ev->include && ev->status <= STATUS_CHANGED) // its tasks are told
        return;
    struct output *out = data;
    bool job = !ev->no_log && dict_get(ev->result, "ansible_job_id"),
         stderr_alone = !ev->no_log && dict_get(ev->result, "module_stderr");
    if (out->o.tree)
        write_tree(out, ev);
    if (!out->o.one_line && !ev->no_log && ev->status != STATUS_SKIPPED &&
        ev->status != STATUS_UNREACHABLE)
        print_result_warnings(&out->o, ev->result);
    switch (ev->status) {
    case STATUS_UNKNOWN: // never in Ansible's way
    case STATUS_SKIPPED:
        displayf(&out->o, CONFIG_COLOR_SKIP, stdout, "%s | SKIPPED", ev->host);
        break;
    case STATUS_UNREACHABLE:
        show_unreachable(out, ev);
        break;
    case STATUS_FAILED:
        show_done(out, ev, "FAILED", command_like(ev) && !stderr_alone && !out->o.one_line);
        break;
    case STATUS_OK:
    case STATUS_CHANGED:
        show_diff(out, ev);
        show_done(out, ev, ev->status == STATUS_OK ? "SUCCESS" : "CHANGED",
                  command_like(ev) && !job);
        break;
    }
    fflush(stdout);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    struct output *out = data;
    (void)pos;
    print_warning(&out->o, "%s", msg);
}

struct run_sink output_minimal_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    return (struct run_sink){.data = out, .result = result, .warning = warning, .close = free};
}
