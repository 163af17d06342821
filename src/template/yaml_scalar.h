// How a scalar may be written in YAML: what its characters allow, and what a plain one would be
// read as.
#ifndef TEMPLATE_YAML_SCALAR_H
#define TEMPLATE_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct yaml_scalar {
    bool multiline;
    bool flow_plain, block_plain, single_quoted, block;
};

// Which styles the text allows (unicode: characters outside ASCII may stay).
struct yaml_scalar yaml_analyze(const char *s, size_t len, bool unicode);
// True when the text as a plain scalar would be read as something else than a string (YAML 1.1 as
// PyYAML resolves it).
bool yaml_resolves(const char *s, size_t len);
// Adds the text of a !!binary: base64, 76 characters in a line.
void yaml_binary(struct buf *b, const void *data, size_t len);

#endif
