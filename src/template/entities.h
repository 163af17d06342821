// Character references of HTML: &amp; &#38; and the like.
#ifndef TEMPLATE_ENTITIES_H
#define TEMPLATE_ENTITIES_H

#include "template/args.h"

struct entity {
    const char *name; // what stands behind the &; nearly all end in ;
    uint32_t chars[2];
};

extern const struct entity entities[]; // sorted by name
extern const size_t n_entities;

// Adds t with all references replaced by what they stand for, by HTML 5's rules.
void html_unescape(struct buf *b, struct text t);

#endif
