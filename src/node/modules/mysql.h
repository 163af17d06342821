// A MySQL or MariaDB server, spoken to through the host's own client. User and password are handed
// over in a file that only this task's user can read, never in a command.
#ifndef NODE_MODULES_MYSQL_H
#define NODE_MODULES_MYSQL_H

#include "node/command.h"

struct mysql {
    struct module *m;
    struct arena *a;
    const char *client;   // mysql or mariadb
    const char *defaults; // the file with the credentials
    const char *prelude;  // statements in front of every query ("SET sql_log_bin=0;")
    const char *version;  // "10.11.6-MariaDB-0+deb12u1"
    bool mariadb;
};

// Rows of text; NULL fields are VALUE_NULL.
struct mysql_rows {
    struct list *rows; // of lists
};

// Logs in with the task's parameters (config_file, login_*, check_implicit_admin) and asks for the
// version. ERR_FAILED after module_fail.
int mysql_open(struct mysql *db, struct module *m);
// Runs one statement. ERR_FAILED after module_fail with the server's message.
int mysql_query(struct mysql *db, struct mysql_rows *ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// As mysql_query; an error of the server is in e and the task goes on.
int mysql_try(struct mysql *db, const char *sql, struct mysql_rows *ret, struct err *e);
// Field of a row as text, "" for NULL or when there is none.
const char *mysql_field(const struct mysql_rows *rows, size_t row, size_t col);
// s as a string literal, and name as an identifier in backticks.
const char *mysql_literal(struct arena *a, const char *s);
const char *mysql_identifier(struct arena *a, const char *name);
// Writes the file for a program that logs in as the task does; restrict: it reads no other
// configuration. Adds the option that names it to argv.
void mysql_add_login(const struct mysql *db, struct argv *argv, bool only);

#endif
