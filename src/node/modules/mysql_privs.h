// Privileges of MySQL users: what a task asks for, what SHOW GRANTS tells, and what lies between.
#ifndef NODE_MODULES_MYSQL_PRIVS_H
#define NODE_MODULES_MYSQL_PRIVS_H

#include "core/value.h"

#include "core/err.h"

// Both give a dict of lists: `db`.`table` (or *.*) to privileges in upper case; GRANT stands for
// WITH GRANT OPTION, ALL for all of them. Names of columns are in upper case as well unless
// keep_columns, since servers do not tell their case apart.

// priv of a task, text or dict. ERR_INVALID when it is malformed.
int mysql_privs_parse(struct arena *a, const struct value *priv, bool keep_columns,
                      struct dict **ret, struct err *e);
// One line of SHOW GRANTS, added to privs.
void mysql_privs_add_grant(struct arena *a, const char *line, bool keep_columns,
                           struct dict *privs);

#endif
