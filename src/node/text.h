// Reading and taking apart the small text files of a host (/proc, /sys, /etc) and the output of its
// commands.
#ifndef NODE_TEXT_H
#define NODE_TEXT_H

#include "core/arena.h"
#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

// The whole content of path (at most 64 MiB) in the arena, NUL-terminated; NULL when it cannot be
// read.
char *text_read(struct arena *a, const char *path, size_t *ret_len);
// As text_read without white space around it; NULL when nothing is left.
char *text_read_stripped(struct arena *a, const char *path);
// Cuts the next line (without its end) out of *cursor; NULL at the end. Destructive.
char *text_line(char **cursor);
// Cuts the next field at white space out of *cursor; NULL at the end. Destructive.
char *text_field(char **cursor);
// Cuts the next piece that ends at c out of *cursor; NULL at the end. Destructive, keeps empty
// pieces.
char *text_piece(char **cursor, char c);
// Removes white space at both ends, in place.
char *text_strip(char *s);
// Removes white space at the end, in place.
void text_rstrip(char *s);
// The value in s behind prefix, or NULL when s does not start with it.
const char *text_after(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
// Whether path exists (symlinks followed).
bool text_exists(const char *path);
// A list of strings joined by sep.
const char *text_join(struct arena *a, const struct list *l, const char *sep);
// Whether the list holds the string s.
bool text_list_has(const struct list *l, const char *s);
// Sorts a list of strings by their bytes.
void text_list_sort(struct list *l);
// True when all of s is decimal digits, and there is one.
bool text_is_number(const char *s);

// Splits s as Python's shlex.split does in POSIX mode (comments off) into a list of strings, or
// with the quotes kept when posix is false. ERR_PARSE with Python's wording when a quote is not
// closed.
int shlex_split(struct arena *a, const char *s, bool posix, struct list **ret, struct err *e);
// s quoted for /bin/sh as Python's shlex.quote does.
const char *shlex_quote(struct arena *a, const char *s);

#endif
