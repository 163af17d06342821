// Free-form arguments: "path=/tmp/x mode=0644" and command lines, split as Ansible does.
#ifndef PLAYBOOK_KV_H
#define PLAYBOOK_KV_H

#include "core/value.h"

// Splits text into key=value pairs, respecting quotes and {{ }}; what has no "=" (or, with raw set,
// an unknown key) is joined under "_raw_params". Values are strings at pos. ERR_PARSE for
// unbalanced quotes or braces.
int kv_parse(struct arena *a, const char *text, size_t len, bool raw, struct pos pos,
             struct dict **ret, struct err *e) __attribute__((warn_unused_result));

#endif
