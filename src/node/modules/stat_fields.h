// What stat and find tell of a file, under Ansible's names and in its order, which shows where an
// entry is the item of a loop.
#ifndef NODE_MODULES_STAT_FIELDS_H
#define NODE_MODULES_STAT_FIELDS_H

#include "core/value.h"

#include <sys/stat.h>

double stat_seconds(struct timespec t);
// The mode, of what type it is, numbers and times.
void stat_set_kind(struct arena *a, struct dict *o, const struct stat *st);
// Who may do what: wusr, rusr and so on.
void stat_set_rights(struct dict *o, mode_t mode);

#endif
