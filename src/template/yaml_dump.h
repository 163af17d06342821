// YAML text as PyYAML with libyaml writes it (yaml.dump with Ansible's dumper), byte for byte.
#ifndef TEMPLATE_YAML_DUMP_H
#define TEMPLATE_YAML_DUMP_H

#include "template/args.h"

enum yaml_flow { YAML_BLOCK, YAML_FLOW, YAML_FLOW_LEAVES }; // default_flow_style False, True, None

struct yaml_dump_opts {
    int indent; // 2..9, else 2
    int width;  // columns; 0: 80; <0: no limit
    enum yaml_flow flow;
    bool unsorted;       // keep the order of keys
    bool ascii;          // escape everything outside ASCII
    bool explicit_start; // "---"
    bool explicit_end;   // "..."
    char style;          // default style of scalars: 0, '\'', '"', '|', '>'
    // When set, may give a string another text (in the arena) and style.
    void (*string)(void *data, struct arena *a, struct text *t, char *style);
    void *data;
};

// Appends v. ERR_UNDEFINED for undefined values, ERR_FAILED for what cannot be represented,
// ERR_LIMIT when nested too deeply.
int yaml_dump(struct call *c, const struct value *v, const struct yaml_dump_opts *opts,
              struct buf *b, struct err *e) __attribute__((warn_unused_result));

#endif
