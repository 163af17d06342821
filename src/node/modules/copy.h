// What the two halves of copy share: content from the controller, and remote_src.
#ifndef NODE_MODULES_COPY_H
#define NODE_MODULES_COPY_H

#include "node/module.h"

// Makes the missing folders above (and including) dir, with directory_mode, owner and group on each
// new one.
int copy_make_folders(struct module *m, const char *dir);
// Adds the difference between what path holds and the new content in the file at tmp, as Ansible
// shows it: text, or that a side is binary or too large.
void copy_diff(struct module *m, const char *path, const char *tmp, const char *source_name);
// Validates and puts the finished temp file in the place of dest (replacing a link when follow is
// not set), with a backup when asked for.
int copy_install(struct module *m, const char *tmp, const char *dest, bool follow);
// copy with remote_src.
int copy_remote(struct module *m);

#endif
