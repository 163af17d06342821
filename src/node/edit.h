// What the modules that change text files share: lines, validation of the new content, attributes.
#ifndef NODE_EDIT_H
#define NODE_EDIT_H

#include "node/module.h"

// One line or piece of a text, its end included.
struct piece {
    const char *s;
    size_t len;
};

struct pieces {
    struct arena *arena;
    struct piece *items;
    size_t n, cap;
};

void pieces_insert(struct pieces *p, size_t at, const char *s, size_t len);
void pieces_remove(struct pieces *p, size_t at, size_t n);
// Splits text behind every newline; any: behind \r and \r\n too.
void pieces_split(struct pieces *p, const char *text, size_t len, bool any);
void pieces_join(const struct pieces *p, struct buf *out);
// Length of a line without the \r and \n at its end.
size_t piece_bare(const struct piece *p);

// Runs the module's `validate` command, if there is one, over the file at tmp. Fails the task when
// it does not pass: code and errors are in the message, or (detailed, as copy has it) in
// exit_status, stdout and stderr.
int edit_validate(struct module *m, const char *tmp, bool detailed);
// Validates and writes new content to path (through links).
int edit_write(struct module *m, const char *path, const char *data, size_t len);
// Applies mode, owner and so on to path; when something changed says so in msg (with " and " behind
// what is there) and sets *changed. Differences go into diff's before and after.
int edit_attrs(struct module *m, const char *path, struct buf *msg, bool *changed,
               struct value *diff);
// A diff entry of before and after text under "PATH (content)".
struct value edit_diff(struct module *m, const char *path, const char *before, size_t before_len,
                       const char *after, size_t after_len);

#endif
