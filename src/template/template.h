// Ansible's templating: Jinja2 (own engine) with lazily templated variables, over values of any
// shape. Public face of the room; builtin.h is for filters, tests and lookups.
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>

// How names are found. Values are raw: strings in them are templated when they are used.
struct template_vars {
    // 1 found, 0 not defined, <0 error. *ret may refer to memory that outlives the evaluation.
    int (*get)(void *data, struct arena *a, const char *name, struct value *ret, struct err *e);
    // All names with their raw values (for `vars`, the varnames lookup, "did you mean"). May be
    // NULL.
    int (*all)(void *data, struct arena *a, struct dict **ret, struct err *e);
    void *data;
};

struct template_opts {
    bool trim_blocks, lstrip_blocks, keep_trailing_newline;
    const char *newline_sequence;
    // NULL: jinja2's own.
    const char *block_start, *block_end, *variable_start, *variable_end, *comment_start,
        *comment_end;
    const char *line_statement_prefix, *line_comment_prefix;
    bool convert_data; // text that looks like a list, dict or bool becomes one (all but template
                       // files)
    bool fail_on_undefined; // Ansible's error_on_undefined_vars
    bool keep_unsafe;       // results get VALUE_UNSAFE
    bool native;            // jinja2_native
    bool keep_vault;        // values that are still encrypted stay so
    bool own_words;         // a failing lookup is told in its own words alone
};
#define TEMPLATE_OPTS_DEFAULT                                                                      \
    ((struct template_opts){.trim_blocks = true,                                                   \
                            .newline_sequence = "\n",                                              \
                            .convert_data = true,                                                  \
                            .fail_on_undefined = true})

// Parsed templates shared by everything in the process, bounded; keyed by text and options.
struct template_cache;
struct template_cache *template_cache_new(void);
void template_cache_free(struct template_cache *c);

// Where relative files of lookups, include and import are searched, most special first.
struct template_paths {
    const char *const
        *dirs; // Ansible's ansible_search_path: dir/<subdir>/name is tried, then dir/name
    size_t n;
    const char *basedir; // play folder
};

// One evaluation context: variables of one host and task.
struct templar {
    struct template_cache *cache;
    struct template_vars vars;
    struct template_paths paths;
    struct template_opts opts;
    const struct dict *locals; // shadows vars (loop items), or NULL
    // Decrypts the text of a VALUE_VAULT string into *ret. NULL: an error is raised.
    int (*decrypt)(void *data, struct arena *a, const struct value *v, struct value *ret,
                   struct err *e);
    void *decrypt_data;
    bool suggest;        // messages about undefined names name the nearest one
    bool repeat_causes;  // messages end with what caused them, once more, as Ansible's do
    uint32_t max_rounds; // of all loops in one evaluation; 0: 10 million
    // After an error: Python's name of its class, where Ansible has none of its own for it.
    const char *exc;
    // The engine's own: of nested evaluations.
    int depth;
    struct template_session *session;
};

// Templates a value of any shape as Ansible's Templar.template does: strings are rendered (a lone
// {{ x }} keeps its type), containers are walked, variables reached are templated in turn. Unsafe
// strings stay. ERR_UNDEFINED has Ansible's wording ("'foo' is undefined"); errors carry the
// position of the scalar they are in.
// What needs no templating is shared with the variables: copy (value_copy) what you mean to change
// or to keep longer.
int template_value(struct templar *t, struct arena *a, const struct value *in, struct value *ret,
                   struct err *e) __attribute__((warn_unused_result));
// Evaluates a `when`-like condition: a bool, a bare expression string, or a list of them (all must
// hold).
int template_condition(struct templar *t, struct arena *a, const struct value *cond, bool *ret,
                       struct err *e) __attribute__((warn_unused_result));
// Evaluates one bare expression ("a.b | int > 3") to its value.
int template_expression(struct templar *t, struct arena *a, const char *expr, struct pos pos,
                        struct value *ret, struct err *e) __attribute__((warn_unused_result));
// Renders the text of a template file (name is for messages and relative includes). Handles a first
// line
// "#jinja2: key:value". The result is always text.
int template_text(struct templar *t, struct arena *a, const char *text, size_t len,
                  const char *name, const struct template_opts *opts, struct value *ret,
                  struct err *e) __attribute__((warn_unused_result));
// Whether text is UTF-8; *pos is moved on to the first byte that is not.
bool template_is_text(const char *text, size_t len, struct pos *pos);
// True when a string could contain a template (start of an expression, statement or comment).
bool template_is_template(const char *s, size_t len);
// True when any string in v could.
bool template_has_template(const struct value *v);
// Runs a lookup by name ("file", "first_found", "items"): with_* loops use it. Terms are already
// templated.
int template_lookup(struct templar *t, struct arena *a, const char *name, const struct list *terms,
                    const struct dict *kwargs, bool wantlist, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// Names of the variables a value's templates refer to (static look, for checks), as a list of
// strings.
int template_names(struct templar *t, struct arena *a, const struct value *in, struct list **ret,
                   struct err *e) __attribute__((warn_unused_result));
// Decrypts what is still encrypted in v (see keep_vault), however deep, in place where it can be.
int template_reveal(struct templar *t, struct arena *a, struct value *v, struct err *e)
    __attribute__((warn_unused_result));
// Values that a check run cannot know. A dict with TEMPLATE_UNKNOWN may have members after a run
// that it lacks now; with TEMPLATE_MAY_SKIP even those of a skipped task. Touching one is
// ERR_UNKNOWN.
#define TEMPLATE_UNKNOWN "_andon_unknown"
#define TEMPLATE_MAY_SKIP "_andon_may_skip"
// A value nothing is known of; why is the whole error message.
struct value template_unknown(struct arena *a, const char *why);
// Makes what d lacks unknown: the message is name, ".member" and why.
void template_mark_unknown(struct arena *a, struct dict *d, const char *name, const char *why);
// ERR_UNKNOWN when anything in v is not known.
int template_find_unknown(const struct value *v, struct pos pos, struct err *e);
// Syntax check only; pos is where the text starts.
int template_check_syntax(struct templar *t, const char *text, size_t len, bool is_expression,
                          struct pos pos, struct err *e) __attribute__((warn_unused_result));

#endif
