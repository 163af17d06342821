// Parts of executing a task: loop items and their control, arguments, facts in results.
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "run/internal.h"

struct loop_control {
    const char *var;       // "item"
    const char *index_var; // or NULL
    const struct value *label;
    double pause;
    bool extended, extended_allitems;
};

// Items of the task's loop, templated. *ret stays NULL when the task has no loop. An error is kept
// for after `when`.
int loop_items(struct exec *x, struct list **ret, struct err *e);
int loop_control_read(struct exec *x, struct loop_control *lc, struct err *e);
// Makes item i visible to templates.
void loop_set_item(struct exec *x, const struct loop_control *lc, const struct list *items,
                   size_t i);
int loop_label(struct exec *x, const struct loop_control *lc, const struct value *item,
               struct value *ret, struct err *e);
// Adds the item, ansible_loop_var and so on to an item's result.
void loop_decorate(struct exec *x, const struct loop_control *lc, struct value *result,
                   const struct list *items, size_t i, const struct value *label);
// defaults.c: defaults for the module from module_defaults of play, blocks and task, into args.
int defaults_apply(struct exec *x, struct dict *args, struct err *e);
// Arguments given as one templated text ("k=v k2=v2").
int loop_text_args(struct exec *x, const struct value *text, struct dict *raw, struct dict **ret,
                   struct err *e);
// Removes arguments that are `omit`.
void loop_drop_omitted(struct exec *x, struct dict *args);
// The placeholder value of `omit`.
const char *omit_text(void);
// environment: of play, blocks and task merged into x->environment.
int loop_environment(struct exec *x, struct err *e);
// --- facts.c
// The facts of a result become locals of what is left of the task: other items see them, and
// changed_when, failed_when and until.
void facts_show(struct exec *x, const struct dict *result);
// Remembers the facts of a result, which must live as long as the task.
void facts_note(struct exec *x, const struct dict *result);
// Gives what is remembered to the host (with delegate_facts to the one delegated to, with run_once
// to all of the batch): the task did not fail.
void facts_keep(struct exec *x);
// Removes _ansible_* and invocation before a result is registered.
void loop_strip_internal(struct dict *d);

#endif
