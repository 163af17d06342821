// Paths as Ansible expands them in settings and options.
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "core/arena.h"

// Looks up an environment variable; NULL when not set.
typedef const char *(*path_env)(void *data, const char *name);

// path made absolute: $VARIABLES and ~ expanded, relative to base, "." and ".." and double slashes
// taken out. Symbolic links stay.
char *path_unfrack(struct arena *a, const char *path, const char *base, path_env env, void *data);

// path with ~ or ~user at its start replaced by that home; as it is when there is none.
const char *path_home(struct arena *a, const char *path);

#endif
