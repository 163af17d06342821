// Shared by the files of the spec room.
#ifndef SPEC_INTERNAL_H
#define SPEC_INTERNAL_H

#include "spec/spec.h"

// The parameters that every MODULE_FILE_ARGS module also takes; ends with a NULL name.
extern const struct param spec_file_params[];

// Python's ast.literal_eval over s: 0, or ERR_PARSE when s is no literal.
int spec_literal(struct arena *a, const char *s, size_t len, struct value *ret);
// Converts v to type as Ansible's validators do. On failure e holds the part behind "unable to
// convert to T: ".
int spec_coerce(struct arena *a, enum param_type type, const struct value *v, struct value *ret,
                struct err *e);
// Ansible's name of a type ("int").
const char *spec_type_name(enum param_type type);
// The value of a default written as text in its type's notation.
struct value spec_default(struct arena *a, const struct param *p);

// readable.c: whether texts that stand for dicts of parameters can be read as such, however deep.
int spec_readable(struct arena *a, const struct param *rows, const struct dict *given, int depth,
                  struct err *e) __attribute__((warn_unused_result));

#endif
