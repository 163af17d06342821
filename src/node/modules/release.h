// release: what its two files share.
#ifndef NODE_MODULES_RELEASE_H
#define NODE_MODULES_RELEASE_H

#include "node/module.h"

struct host_release {
    struct module *m;
    const char *path, *version;
    const char *releases;           // path/releases
    const char *dir;                // path/releases/VERSION
    const char *current, *previous; // versions the links lead to, NULL: none
};

// Whether the folder of a version is there and whole: it has a note of its digest, which goes into
// *ret (in the arena).
bool release_has(struct host_release *h, const char *version, const char **ret_digest);
// Where that note is.
const char *release_note(struct host_release *h, const char *version);
// Brings the artifact here, verifies it, and unpacks it; when the folder has its name it is whole
// and on the disk.
int release_unpack(struct host_release *h);
// What an artifact holds, into an empty folder, and the result's format. (release_extract.c)
int release_extract(struct host_release *h, const char *file, const char *into);
// Removes a version.
int release_remove(struct host_release *h, const char *version);
// Removes versions beyond those to be kept, and what an interrupted task left; names of the
// versions go into the list.
int release_prune(struct host_release *h, int64_t keep, struct list *removed);

#endif
