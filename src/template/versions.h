// Version numbers in the four orders Ansible knows.
#ifndef TEMPLATE_VERSIONS_H
#define TEMPLATE_VERSIONS_H

#include "template/args.h"

enum version_kind { VERSION_LOOSE, VERSION_STRICT, VERSION_SEMANTIC, VERSION_PEP440 };

// Compares x and y: *ret <0, 0 or >0. Fails for what is no version of the kind, and for loose
// versions whose parts cannot be ordered (a number against a word).
int version_compare(struct call *c, enum version_kind kind, struct text x, struct text y, int *ret,
                    struct err *e);

#endif
