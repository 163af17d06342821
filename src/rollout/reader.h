// Reading mappings by tables of keys: what service and policy files have in common. Every mistake
// is told with its place; reading goes on behind it, so that one look tells all.
#ifndef ROLLOUT_READER_H
#define ROLLOUT_READER_H

#include "rollout/service.h"

#include <stddef.h>

// What the value of a key may be, and the field it goes to.
enum key_type {
    KEY_TEXT,    // const char *
    KEY_NAME,    // const char *: letters, digits and . _ -
    KEY_FILE,    // const char *, absolute: a file that is there
    KEY_FOLDER,  // the same, a folder
    KEY_SOURCES, // const char *const *: one or a list; absolute where they name files
    KEY_TEXTS,   // const char *const *: one or a list
    KEY_BOOL,    // bool
    KEY_COUNT,   // int, not negative
    KEY_NUMBER,  // double
    KEY_SECONDS, // double: a duration
    KEY_AMOUNT,  // struct amount
    KEY_CHOICE,  // int: which of the choices
    KEY_REGEX,   // const char *: POSIX extended
    KEY_DICT,    // const struct dict *
    KEY_STATUS,  // int[2]: 200 or 200-299
    KEY_WINDOWS, // struct calendar: one or a list
    KEY_FREEZES, // the same
    KEY_ZONE,    // const char *
    KEY_OTHER,   // read by the owner of the table
};

enum key_flag { KEY_REQUIRED = 1 };

struct key {
    const char *name;
    enum key_type type;
    size_t offset;       // of the field
    unsigned kinds;      // gates: bits of enum gate_kind it belongs to, 0: all
    unsigned flags;      // enum key_flag
    const char *choices; // "a|b", of KEY_CHOICE
    const char *dflt;    // as it would be written, or NULL
    const char *help;    // one sentence
};

struct reader {
    struct arena *a;
    const char *dir;  // what paths are relative to
    const char *zone; // of windows and freezes that name none
    void (*problem)(void *data, struct pos pos, const char *msg);
    void *data;
    struct err *e; // the first problem
    size_t problems;
};

void reader_problem(struct reader *r, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// An err as a problem at pos (where it has no place of its own); it is released.
void reader_problem_err(struct reader *r, struct pos pos, struct err *e);
// The row of a name, or NULL.
const struct key *key_find(const struct key *keys, const char *name);
// Reads one value into base + key->offset. false after telling what is wrong with it. KEY_OTHER is
// left alone.
bool reader_value(struct reader *r, const struct key *key, const struct value *v, void *base);
// Reads a mapping whose keys are in the table (which ends with a NULL name): unknown keys, missing
// ones and wrong values are told. what: "a ring".
bool reader_mapping(struct reader *r, const struct value *v, const struct key *keys, void *base,
                    const char *what);
// A key that is not in the table, with the one that was meant.
void reader_unknown(struct reader *r, const struct value *name, const struct key *keys,
                    const char *what);
// Whether text is made of letters, digits and . _ - alone, and begins with a letter or digit.
bool is_plain_name(const char *s);

#endif
