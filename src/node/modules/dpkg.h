// What dpkg and apt have written down about installed packages, read without starting any program.
#ifndef NODE_MODULES_DPKG_H
#define NODE_MODULES_DPKG_H

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

// One stanza of dpkg's status file. Texts are "" when the field is not there.
struct dpkg_pkg {
    const char *name, *arch, *version, *section, *provides;
    bool installed; // status "installed", not half-way or only its configuration
    bool present;   // some version is unpacked at least
};

struct dpkg_db {
    struct arena *arena;
    struct dpkg_pkg *pkgs;
    size_t len, cap;
    const char *native; // architecture of dpkg itself, "" when unknown
};

// Parses the text of a status file, which is taken apart in place and must outlive the db.
void dpkg_parse(struct dpkg_db *db, struct arena *a, char *text);
// Reads the host's status file; empty when there is none.
void dpkg_read(struct dpkg_db *db, struct arena *a);
// The package called name or name:arch; without arch the native one. NULL when dpkg does not know
// it.
const struct dpkg_pkg *dpkg_find(const struct dpkg_db *db, const char *name);
// An installed package that provides name (Provides:), or NULL.
const struct dpkg_pkg *dpkg_provider(const struct dpkg_db *db, const char *name);
// Whether files of the package are still listed (configuration of a removed one).
bool dpkg_has_files(struct arena *a, const struct dpkg_db *db, const char *name);
// Debian's order of versions: <0, 0, >0.
int dpkg_version_compare(const char *x, const char *y);
// Whether apt's extended states (text) say that name was installed automatically.
bool apt_auto_installed(struct arena *a, const char *text, const char *name, const char *native);

#endif
