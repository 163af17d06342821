// YAML 1.1 documents to values, typed as Ansible's loader types them, with the source position of
// every scalar, key, list and dict. Reading is limited in size, depth and alias expansion, so
// hostile files end in an error.
#ifndef YAML_YAML_H
#define YAML_YAML_H

#include "core/arena.h"
#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_MAX_DEPTH 200
#define YAML_MAX_SIZE ((size_t)64 << 20)
#define YAML_MAX_ALIASED 1000000 // nodes that aliases may stand for in one document

enum yaml_duplicates { YAML_DUP_WARN, YAML_DUP_ERROR, YAML_DUP_IGNORE };

// How to read; zeroed (or NULL) means: warn about nothing, YAML only, no decryption.
struct yaml_opts {
    // Told of duplicate keys. msg is good during the call alone.
    void (*warn)(void *data, struct pos pos, const char *msg);
    void *warn_data;
    enum yaml_duplicates duplicates;
    bool json_first; // what is valid JSON is read as JSON (1e3 is then a number): Ansible's file
                     // loader
    bool hide_text;  // error messages never quote the text (it was decrypted)
    // Turns the text of a wholly vault-encrypted file ("$ANSIBLE_VAULT;...") into plain text in the
    // arena. NULL: such a file is an error.
    int (*decrypt)(void *data, struct arena *a, const char *path, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e);
    void *decrypt_data;
};

// Reads the single document in text[0..len) into *ret (null when there is none), everything in the
// arena. name is the file name for positions. A dict or list that an alias repeats is shared, not
// copied. Dates become strings as Python prints them, whole numbers outside 64 bits strings of
// digits, !!set a list, !vault and !unsafe flagged strings. ERR_PARSE (with position and a hint for
// the usual mistakes) or ERR_LIMIT.
int yaml_parse(struct arena *a, const char *text, size_t len, const char *name,
               const struct yaml_opts *opts, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// As yaml_parse for a stream of any number of documents; *ret is the list of them.
int yaml_parse_all(struct arena *a, const char *text, size_t len, const char *name,
                   const struct yaml_opts *opts, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// Reads a file as yaml_parse. Also ERR_NOENT, ERR_IO.
int yaml_load_file(struct arena *a, const char *path, const struct yaml_opts *opts,
                   struct value *ret, struct err *e) __attribute__((warn_unused_result));

#endif
