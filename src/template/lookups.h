// What lookups share: reading options, finding files as Ansible does, key=value terms.
#ifndef TEMPLATE_LOOKUPS_H
#define TEMPLATE_LOOKUPS_H

#include "template/args.h"

#define LOOKUP(name)                                                                               \
    int name(struct call *c, const struct list *terms, struct value *ret, struct err *e)

// An AnsibleError inside a lookup (ERR_INVALID: lookup() says which lookup it was) and its own,
// final errors (ERR_FAILED).
int lookup_fail(struct call *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int lookup_fail_final(struct call *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Options out of the keyword arguments; the default when not given or null. Bools take Ansible's
// words.
const struct value *lookup_opt(const struct call *c, const char *name);
bool lookup_bool(struct call *c, const char *name, bool dflt);
struct text lookup_text(struct call *c, const char *name, const char *dflt);
// A list option: a list as it is, a text split at commas, anything else as its only item.
struct list *lookup_list(struct call *c, const struct value *v);

// The path of a file below the search path: dir/subdir/name, then dir/name, the play's folder last;
// absolute names as they are. NULL when there is none.
const char *lookup_find_file(struct call *c, const char *subdir, const char *name);
// Content of a file, decrypted when it is a vault file.
int lookup_read(struct call *c, const char *path, char **ret, size_t *ret_len, struct err *e)
    __attribute__((warn_unused_result));
// The play's folder.
const char *lookup_basedir(const struct call *c);
// "word word key=value key='a b'": the pairs into out, the words without = (joined by blanks) into
// *raw.
int lookup_parse_kv(struct call *c, struct text term, struct dict *out, struct text *raw,
                    struct err *e);

#endif
