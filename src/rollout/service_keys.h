// The keys of a service file, in tables: the parser, the schema and the documentation follow them.
#ifndef ROLLOUT_SERVICE_KEYS_H
#define ROLLOUT_SERVICE_KEYS_H

#include "rollout/reader.h"

// Each ends with a row without name.
extern const struct key service_keys[], ring_keys[], gate_keys[], gates_keys[], freeze_keys[];

// A gate's main key, which says its kind.
struct gate_row {
    const char *name;
    enum gate_kind kind;
    enum key_type type; // of its value
    size_t offset;      // of the field of struct gate it goes to
    const char *help;
};
extern const struct gate_row gate_rows[];
extern const size_t n_gate_rows;
#define GATE_BIT(kind) (1u << (kind))

// What `before` and `after` stand for.
struct gates {
    const struct gate *gates;
    size_t n;
    struct gate_timing timing;
};
// A list of gates, or a mapping of them and their timing. false after telling what is wrong.
bool gates_read(struct reader *r, const struct value *v, struct gates *ret);

#endif
