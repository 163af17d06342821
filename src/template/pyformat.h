// Python's two string formatters: "..." % args and "...".format().
#ifndef TEMPLATE_PYFORMAT_H
#define TEMPLATE_PYFORMAT_H

#include "template/args.h"

// In both, c gives the arena and the position of errors; what is put into text marked safe
// (c->self) is escaped. Appends fmt % args; args is a tuple, a dict or a single value.
int py_percent(struct call *c, struct text fmt, const struct value *args, struct buf *b,
               struct err *e) __attribute__((warn_unused_result));
// Appends fmt.format(*args, **kwargs).
int py_format(struct call *c, struct text fmt, const struct value *args, size_t n_args,
              const struct dict *kwargs, struct buf *b, struct err *e)
    __attribute__((warn_unused_result));
// Appends format(v, spec).
int py_format_value(struct call *c, const struct value *v, struct text spec, struct buf *b,
                    struct err *e) __attribute__((warn_unused_result));

#endif
