// Paths as Python's os.path treats them; shared by the path filters and the file lookups.
#ifndef TEMPLATE_PATHS_H
#define TEMPLATE_PATHS_H

#include "template/args.h"

// os.path.join of what b holds and part.
void path_add(struct buf *b, struct text part);
// Append os.path.normpath(p), abspath(p), expanduser(p).
void path_norm(struct buf *b, struct text p);
void path_abs(struct buf *b, struct text p);
void path_expanduser(struct buf *b, struct text p);
// Adds the regular files matching a shell pattern, in directory order.
void path_glob(struct call *c, const char *pattern, struct list *out);

#endif
