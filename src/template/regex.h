// Regular expressions in the dialect of Python's re, on PCRE2.
#ifndef TEMPLATE_REGEX_H
#define TEMPLATE_REGEX_H

#include "template/args.h"

enum regex_flag { REGEX_IGNORECASE = 1, REGEX_MULTILINE = 2, REGEX_DOTALL = 4, REGEX_VERBOSE = 8 };

struct regex;

// Compiles a pattern (enum regex_flag bits); regex_free releases it. Fails with the message
// Python's re gives for the common mistakes.
int regex_compile(struct text pattern, int flags, struct regex **ret, struct err *e)
    __attribute__((warn_unused_result));
void regex_free(struct regex *re);

// One match: byte offsets of group i (0: all) in ovector[2*i], [2*i+1]; SIZE_MAX when it did not
// take part. Searches s from offset start; anchored: only there; not_empty: no empty match at
// start. 1 found, 0 not, <0 error. The offsets stay valid until the next search.
int regex_search(struct regex *re, struct text s, size_t start, bool anchored, bool not_empty,
                 const size_t **ret_groups, struct err *e);
// Groups in the pattern, and the number of a named one (-1: none).
size_t regex_groups(const struct regex *re);
int regex_group_number(const struct regex *re, const char *name, size_t len);
// re.sub: appends s with up to count (0: all) matches replaced by the template (\1, \g<name>, \n
// ...).
int regex_sub(struct regex *re, struct text s, struct text template, size_t count, struct buf *b,
              struct err *e) __attribute__((warn_unused_result));
// re.escape.
void regex_escape(struct buf *b, struct text s);

#endif
