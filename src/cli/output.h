// Outputs: implementations of the run's sink.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "config/config.h"
#include "run/events.h"

#include <stdbool.h>
#include <stdio.h>

struct output_opts {
    const struct config *config;
    int verbosity;
    bool color;
    bool tty;         // a terminal: a live board may be drawn
    int columns;      // of the terminal, 80 elsewhere
    bool one_line;    // ansible -o
    const char *tree; // ansible -t DIR
    bool quiet;       // changes and failures only
    bool check;       // --check
    bool ansible;     // warnings are worded and wrapped as Ansible's
};

// What Ansible's default callback prints.
struct run_sink output_default_new(const struct output_opts *o);
// What Ansible's minimal (or oneline) callback prints for ad-hoc commands.
struct run_sink output_minimal_new(const struct output_opts *o);
// andon's own: a line per task, hosts grouped by result, failures in full.
struct run_sink output_andon_new(const struct output_opts *o);
// One JSON object per event and line.
struct run_sink output_json_new(const struct output_opts *o);
// Its events as a section of a man page.
struct buf;
void output_json_man(struct buf *b);
// Ends an output made by one of the above.
static inline void output_free(struct run_sink *s)
{
    if (s->close)
        s->close(s->data);
    *s = (struct run_sink){0};
}

// --- shared (output_common.c)
// Ansible's banner line: text and stars to the width.
void print_banner(const struct output_opts *o, const char *text);
// Text in a colour (CONFIG_COLOR_*), when colours are on; nothing is added to it.
void print_color(const struct output_opts *o, enum config_id color, FILE *to, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// The same into a buffer; color < 0: none.
struct buf;
void color_text(const struct output_opts *o, int color, const char *s, size_t len, struct buf *b);
// Prints text as Ansible's Display does: a line break is added unless it ends in one.
void display(const struct output_opts *o, int color, FILE *to, const char *text);
void displayf(const struct output_opts *o, int color, FILE *to, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// A value as JSON on standard output, with a line break behind it.
struct json_opts;
void print_value(const struct value *v, const struct json_opts *o);
// "[WARNING]: ..." wrapped, to stderr; each text once.
void print_warning(const struct output_opts *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// "[DEPRECATION WARNING]: ..." likewise; version, date and collection may be NULL.
void print_deprecation(const struct output_opts *o, const char *msg, const char *version,
                       const char *date, const char *collection);
// The warnings and deprecations a result carries.
void print_result_warnings(const struct output_opts *o, const struct dict *result);

// The result as andon's own outputs may show it: differences in what came out of a vault are
// hidden.
#define HIDDEN_DIFF "hidden: what was sent comes out of a vault"
const struct dict *open_result(struct arena *a, const struct result_event *ev);

// --- results as text (output_dump.c)
enum dump_flag {
    DUMP_INDENT = 1,   // over several lines
    DUMP_WARNINGS = 2, // with the result's warnings (where they are not printed apart)
    DUMP_TIGHT = 8,    // no blank behind commas
    DUMP_ALL = 4,      // debug's result with everything it has
};
// The result as Ansible's callbacks dump it (JSON or YAML, by the settings), malloc'ed: internal
// keys are dropped. module: its short name, or NULL.
char *dump_result(const struct output_opts *o, const struct dict *result, const char *module,
                  bool no_log, unsigned flags);
// A dict in one line, as custom statistics are shown; malloc'ed.
char *dump_line(const struct output_opts *o, const struct dict *d);
// The before or after of a difference that is a dict.
void dump_diff_dict(const struct output_opts *o, const struct value *v, struct buf *b);

// What ran through the user's Ansible: a line of the recap, and a list. (foreign.c)
void print_foreign(const struct stats_event *ev);
struct value foreign_value(struct arena *a, const struct stats_event *ev);

// Text of result.diff as Ansible shows it ("" when nothing differs), malloc'ed. (output_diff.c)
char *diff_text(const struct output_opts *o, const struct value *diff);

#endif
