// The keywords of plays, roles, blocks and tasks: one row each.
#ifndef PLAYBOOK_KEYWORDS_H
#define PLAYBOOK_KEYWORDS_H

#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

enum keyword_scope {
    KW_PLAY = 1,
    KW_ROLE = 2,
    KW_BLOCK = 4,
    KW_TASK = 8,
    KW_HANDLER = 16,
    KW_INCLUDE = 32 // of the tasks those that include_tasks and include_role have
};

enum keyword_type {
    KWT_ANY,
    KWT_STR,
    KWT_BOOL,
    KWT_INT,
    KWT_NUMBER,
    KWT_LIST,
    KWT_STR_LIST,
    KWT_DICT,
    KWT_COND
};

struct keyword {
    const char *name;
    unsigned scopes; // enum keyword_scope
    enum keyword_type type;
    const char *help;
};

// The row of a keyword or NULL.
const struct keyword *keyword_find(const char *name);
// All rows, sorted by name.
const struct keyword *keyword_all(size_t *ret_n);
// The keyword of that scope most like name, or NULL.
const char *keyword_suggest(const char *name, unsigned scope);
// Names that stand where a module's does but are part of the language (include_tasks, meta, ...).
const char *const *keyword_statements(size_t *ret_n);

// Whether v, which stands behind key, is of the keyword's type as far as can be said before
// templates are evaluated. ERR_INVALID with its position.
int keyword_check(const struct keyword *k, const struct value *key, const struct value *v,
                  struct err *e);

#endif
