// Entries of a file like /etc/fstab.
#ifndef NODE_MODULES_FSTAB_H
#define NODE_MODULES_FSTAB_H

#include "core/arena.h"
#include "core/buf.h"

#include <stdbool.h>

struct fstab_entry {
    const char *src, *path, *fstype, *opts, *dump, *passno; // unescaped; src may be NULL
};

// Appends text to out with the entry for its path (for swap: its source) added or brought up to
// date, or taken out. Other lines stay as they are. Returns whether anything differs.
bool fstab_edit(struct arena *a, const char *text, size_t len, const struct fstab_entry *entry,
                bool present, struct buf *out);

#endif
