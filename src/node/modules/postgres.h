// A PostgreSQL server, spoken to through the host's own psql. The password is handed over in the
// environment of that one process, statements on its standard input, never in a command.
#ifndef NODE_MODULES_POSTGRES_H
#define NODE_MODULES_POSTGRES_H

#include "node/command.h"

struct postgres {
    struct module *m;
    struct arena *a;
    const char *client;   // path of psql
    const char *login;    // how to reach the database, as libpq reads it; without the password
    struct dict *env;     // what libpq is told beside it
    const char *encoding; // of the client; NULL: the database's
};

// What one statement gave. A statement without rows has no columns.
struct pg_result {
    struct list *columns; // names
    struct list *rows;    // lists of text or null
    const char *tag;      // "INSERT 0 1", "CREATE TABLE", "SELECT 3"
};

// Takes the task's login_*, port, ssl_* and connect_params. Does not connect yet: the first
// statement does. database NULL: the server's choice.
// ERR_FAILED after module_fail.
int postgres_open(struct postgres *db, struct module *m, const char *database);
// Runs statements in one session until one fails; session_role is set before. results has room for
// one each, *ret_done is how many worked. ERR_FAILED with the server's words; the task goes on.
int postgres_run(struct postgres *db, const struct list *sql, struct pg_result *results,
                 size_t *ret_done, struct err *e);
// Runs one statement; fails the task with the server's words.
int postgres_query(struct postgres *db, struct pg_result *ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Field of a row as text, NULL when it is null or not there.
const char *postgres_field(const struct pg_result *r, size_t row, size_t col);
// s as a string literal, and name as an identifier.
const char *postgres_literal(struct arena *a, const char *s);
const char *postgres_identifier(struct arena *a, const char *name);
// The items of a comma separated text.
struct list *postgres_split(struct arena *a, const char *s, bool upper);

#endif
