// What a compiled regular expression is, between its compiler and its matcher.
#ifndef NODE_REGEX_PROGRAM_H
#define NODE_REGEX_PROGRAM_H

#include "node/regex.h"

#include <stdint.h>

#define REGEX_MAX_GROUPS 200
#define REGEX_MAX_CODE 60000
#define REGEX_INF UINT32_MAX

enum re_op {
    RE_CHAR,   // x: character; y: 1 when case does not matter
    RE_ANY,    // all but newline
    RE_ALL,    //
    RE_SET,    // x: set number; y: 1 when case does not matter
    RE_SAVE,   // x: register
    RE_JUMP,   // x: target
    RE_SPLIT,  // x: first choice, y: second
    RE_REPEAT, // one-character instruction at pc + 1, x: min, y: max, mode; continues at pc + 2
    RE_BOL,    // ^ without MULTILINE, \A
    RE_BOL_MULTI,
    RE_EOL, // $ without MULTILINE
    RE_EOL_MULTI,
    RE_END, // \Z
    RE_WORD_EDGE,
    RE_NOT_WORD_EDGE,
    RE_BACKREF, // x: group; y: 1 when case does not matter
    RE_MARK,    // x: register that remembers where an iteration began
    RE_EMPTY,   // x: register, y: target: jump there when the iteration matched nothing
    RE_LOOK,    // x: continue at, y: characters to step back (behind) ; mode: bits below
    RE_ATOMIC,  // x: continue at
    RE_COND,    // x: group, y: target when it took no part
    RE_MATCH,
};

enum re_mode { RE_GREEDY = 0, RE_LAZY = 1, RE_POSSESSIVE = 2, RE_NEGATIVE = 4, RE_BEHIND = 8 };

struct re_inst {
    uint8_t op, mode;
    uint32_t x, y;
};

enum re_class { CLASS_DIGIT, CLASS_SPACE, CLASS_WORD };

struct re_range {
    uint32_t lo, hi;
};

// A character class: any of its members, or none of them when negated.
struct re_set {
    uint8_t bits[32];        // characters below 256
    struct re_range *ranges; // from 256 on
    size_t n_ranges;
    uint8_t classes, not_classes; // bit per re_class, for characters from 128 on in text
    bool negated;
};

struct re_name {
    const char *name;
    size_t len;
    int group;
};

struct regex {
    struct re_inst *code;
    size_t n_code, cap_code;
    struct re_set **sets;
    size_t n_sets, cap_sets;
    struct re_name names[REGEX_MAX_GROUPS];
    size_t n_names;
    size_t n_groups; // with the whole match
    size_t n_regs;   // two per group, then marks
    unsigned flags;
};

// Whether c is of the class; beyond ASCII only when text is set.
bool re_in_class(uint32_t c, enum re_class class, bool text);
// Whether c is in the set; fold: in either case.
bool re_in_set(const struct re_set *set, uint32_t c, bool fold, bool text);
uint32_t re_lower(uint32_t c, bool text);
uint32_t re_upper(uint32_t c, bool text);
// Decodes the character at s (s < end) into *ret_c and returns its length; a malformed byte is a
// character by itself.
size_t re_decode(const char *s, const char *end, uint32_t *ret_c);
void re_encode(struct buf *b, uint32_t c, bool text);

#endif
