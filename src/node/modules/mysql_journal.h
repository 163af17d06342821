// What the modules for MySQL write into the undo journal.
#ifndef NODE_MODULES_MYSQL_JOURNAL_H
#define NODE_MODULES_MYSQL_JOURNAL_H

#include "node/modules/mysql.h"

// Before a thing of the task's server changes. kind: "mysql_user" ('name'@'host'), "mysql_db" or
// "mysql_variable". As journal_thing; without a login that needs no password it is lost.
int mysql_journal(struct module *m, const char *kind, const char *thing);

#endif
