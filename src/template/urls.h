// URLs taken apart and put together as Python's urllib.parse does.
#ifndef TEMPLATE_URLS_H
#define TEMPLATE_URLS_H

#include "template/args.h"

struct url {
    struct text scheme, netloc, path, query, fragment;
};

// urlsplit; all parts are NUL-terminated in the call's arena.
int url_split(struct call *c, struct text s, struct url *ret, struct err *e);
// Percent-encodes everything but letters, digits, "_.-~" and the characters of safe.
void url_quote(struct buf *b, struct text s, const char *safe);

#endif
