// Home folders, SSH keys and password ages of the user module.
#ifndef NODE_MODULES_USER_HOME_H
#define NODE_MODULES_USER_HOME_H

#include "node/modules/accounts.h"

// Makes a home folder from a skeleton (NULL: /etc/skel), with login.defs' UMASK. ERR_FAILED after
// module_fail.
int home_create(struct module *m, const char *path, const char *skeleton);
// Gives the folder and everything in it to the user; links themselves, not what they point to.
int home_chown(struct module *m, const char *path, uid_t uid, gid_t gid);
// Generates the user's key as the task says and adds ssh_* fields to the result.
int user_ssh_key(struct module *m, const struct account *u);
// Sets password_expire_min, _max and _warn where they differ. ERR_FAILED after module_fail.
int user_password_ageing(struct module *m, const char *name);

#endif
