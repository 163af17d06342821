// The line of a file that a message speaks of.
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>

// The name of the file pos is in as the user would type it: relative when it is below the working
// folder. Owned by the table of files.
const char *source_name(struct pos pos);
// Appends "INDENT   12 | text of the line" and a second line with a caret under the column. Nothing
// when the file has no such line any more.
void source_add_line(struct buf *b, const char *indent, struct pos pos);
// Appends the excerpt Ansible puts behind its messages: the line before, the line, "^ here".
void source_add_ansible(struct buf *b, struct pos pos);

#endif
