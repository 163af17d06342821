// Breaking text into lines as Python's textwrap does, as Ansible's warnings are.
#ifndef CLI_TEXTWRAP_H
#define CLI_TEXTWRAP_H

#include "core/buf.h"

#include <stdbool.h>

// Appends text (UTF-8) to b in lines of at most width characters, joined with line breaks, none at
// the end. keep_space: blanks at the ends of lines stay (drop_whitespace=False).
void text_wrap(struct buf *b, const char *text, size_t width, bool keep_space);

#endif
