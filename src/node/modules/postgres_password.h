// Passwords of PostgreSQL roles.
#ifndef NODE_MODULES_POSTGRES_PASSWORD_H
#define NODE_MODULES_POSTGRES_PASSWORD_H

#include <stdbool.h>

// Whether s is a hash of SCRAM-SHA-256 as the server keeps it.
bool postgres_is_scram(const char *s);
// Whether password (in the clear, or a hash itself) is what the server stores; "" and NULL are no
// password. encrypted: a password in the clear was hashed with MD5 where it was not with SCRAM.
bool postgres_password_is(const char *user, const char *password, const char *stored,
                          bool encrypted);

#endif
