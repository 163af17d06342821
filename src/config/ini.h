// ini files as Python's configparser reads them for ansible.cfg: sections, "key = value" or "key:
// value", values that continue on indented lines, "#" and ";" comment lines, " ;" comments behind
// values.
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "core/arena.h"
#include "core/err.h"
#include "core/value.h"

#include <stddef.h>

struct ini {
    struct dict *sections; // name -> dict of lower-case key -> string with its position
};

// Reads text; name is the file name for positions. A section or key that is there twice is an
// error, as in Ansible.
int ini_parse(struct arena *a, const char *text, size_t len, const char *name, struct ini *ret,
              struct err *e) __attribute__((warn_unused_result));
// The value of a key, also from [DEFAULT] when the section exists; NULL when not set.
const struct value *ini_get(const struct ini *ini, const char *section, const char *key);

#endif
