// What archive and its zip half share.
#ifndef NODE_MODULES_ARCHIVE_H
#define NODE_MODULES_ARCHIVE_H

#include "node/command.h"

// What one task packs, and where to.
struct packing {
    struct module *m;
    struct arena *a;
    const char *format, *dest;
    const char *root;               // what is cut off in front of the names; ends with / or is ""
    struct list *given, *left_out;  // path and exclude_path, patterns replaced by what they match
    struct list *paths;             // given without left_out, sorted
    struct list *targets, *missing; // those of paths that are there, and those that are not
    struct list *members;           // full paths of all that is packed
    bool whole;                     // an archive is made; otherwise one file is compressed
};

// The name of a member in the archive.
const char *packing_name(const struct packing *p, const char *path);
// Writes the members as a zip archive to fd. ERR_FAILED after module_fail.
int packing_zip(struct packing *p, int fd);
// Names and checksums in a zip archive, sorted, one per line; NULL when it cannot be read.
const char *packing_zip_listing(struct arena *a, const char *path);
// The lines of a text in order.
const char *packing_sorted(struct arena *a, const char *text);

#endif
