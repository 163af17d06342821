// Secrets that a command has met (vault values, passwords, hidden answers), and texts without them.
#ifndef CLI_CENSOR_H
#define CLI_CENSOR_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct censor;

struct censor *censor_new(void);
// Wipes what it knows. NULL is accepted.
void censor_free(struct censor *c);

// A secret as such: a password, an answer, an encrypted value. Of one with several lines each line
// counts, too, and so does its base64 text. c may be NULL.
void censor_add(struct censor *c, const char *s, size_t len);
// The plain text of an encrypted file, path being its name: every value when it is YAML, else every
// line. The same file is looked at once.
void censor_add_file(struct censor *c, const char *path, const char *s, size_t len);

// Appends s to out with stars in the place of every secret. true: there were some.
bool censor_text(struct censor *c, const char *s, size_t len, struct buf *out);
// The same for a path, package or other name: ordinary words that merely stand in an encrypted file
// stay.
bool censor_name(struct censor *c, const char *s, size_t len, struct buf *out);

#endif
