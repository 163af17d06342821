// The controller parts of modules; one function per row of the table in action.c. Each fills
// *result (a dict) and returns 0, or a negative code after action_fail().
#ifndef RUN_ACTIONS_ACTIONS_H
#define RUN_ACTIONS_ACTIONS_H

#include "run/internal.h"

#include <sys/stat.h>

action_fn action_add_host, action_assemble, action_assert, action_async_status, action_copy,
    action_debug, action_fail_task, action_fetch, action_gather_facts, action_group_by,
    action_include_vars, action_pause, action_raw, action_reboot, action_release, action_script,
    action_set_fact, action_set_stats, action_state, action_synchronize, action_template,
    action_unarchive, action_undo, action_uri, action_validate_argument_spec,
    action_wait_for_connection;

// An argument as text, NULL when absent or null.
const char *arg_str(struct exec *x, const struct dict *args, const char *key);
// args but the names in drop, which ends with NULL.
struct dict *args_without(struct exec *x, const struct dict *args, const char *const *drop);
bool arg_bool(const struct dict *args, const char *key, bool dflt);
// Local file named in an argument, looked for in dir along the search path; NULL after
// action_fail().
const char *arg_local_file(struct exec *x, const char *name, const char *dir, struct value *result);
// source.c: a local file as a source, decrypted if it is encrypted and decrypt says so; *ret_st is
// the file's, hex (HASH_HEX_MAX) gets the SHA-1 of what is sent. <0 after action_fail().
int local_source(struct exec *x, const char *path, bool decrypt, struct conn_source *ret,
                 struct stat *ret_st, char *hex, struct value *result);
// The same as text in x->a.
int local_text(struct exec *x, const char *path, bool decrypt, size_t max, const char **ret,
               size_t *ret_len, struct value *result);
// Sends `text` to the copy module as the content of dest, with these args (dest, mode, ...).
int copy_text(struct exec *x, struct dict *args, const char *text, size_t len, const char *shown_as,
              struct value *result);

#endif
