// JSON text to values and back. The reader is strict (RFC 8259) plus NaN/Infinity, with limits on
// depth and size.
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/buf.h"
#include "core/value.h"

#define JSON_MAX_DEPTH 512

struct json_opts {
    int indent;           // 0: one line; n: pretty with n spaces
    bool sort_keys;       // by key text
    bool ascii;           // \uXXXX for everything outside ASCII
    bool strict;          // numbers JSON does not have (NaN, Infinity) become null
    bool compact;         // "," and ":" without spaces (default: ", " and ": " as Python does)
    const char *item_sep; // NULL: by the above
    const char *key_sep;  // NULL: ": " or ":"
};

// Parses all of s[0..len) into *ret, in the arena. Errors carry line and column within the text.
int json_parse(struct arena *a, const char *s, size_t len, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// The value at the beginning of s[0..len), and how long it is there. Strings without escapes stay
// in s, which is written to and must live as long as the value.
int json_parse_in_place(struct arena *a, char *s, size_t len, struct value *ret, size_t *ret_len)
    __attribute__((warn_unused_result));
// The first byte from s on that ends a string or needs an escape in it, or `end`.
const char *json_plain_end(const char *s, const char *end);
// Appends v as JSON. opts NULL: one line as Python's json.dumps, but UTF-8 kept. Bytes that are not
// UTF-8 become U+FFFD. Undefined is written as null; objects are materialized or written as their
// type name.
// Encrypted values (VALUE_VAULT) become {"__ansible_vault": text}.
void json_write(struct buf *b, const struct value *v, const struct json_opts *opts);
// A JSON string literal (with quotes).
void json_write_string(struct buf *b, const char *s, size_t len, bool ascii);

#endif
