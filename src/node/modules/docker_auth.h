// Logins to registries as Docker's configuration file and its credential helpers keep them.
#ifndef NODE_MODULES_DOCKER_AUTH_H
#define NODE_MODULES_DOCKER_AUTH_H

#include "node/command.h"
#include "node/modules/docker.h"

struct docker_login {
    const char *server, *user, *password, *token; // token "": none
};

// The configuration file of the user that the task runs as.
const char *docker_config_path(struct arena *a);
// Its content, an empty dict when there is none.
struct value docker_read_config(struct module *m, const char *path);
// The program that keeps the logins of a registry, NULL when the file itself does.
const char *docker_credential_helper(struct arena *a, const struct value *config,
                                     const char *registry);
// Runs a credential helper's verb (get, store, erase). ERR_FAILED after module_fail.
int docker_run_helper(struct module *m, const char *helper, const char *verb, const char *input,
                      struct output *ret);
// Finds the login of a registry; false when there is none.
bool docker_find_login(struct module *m, const struct value *config, const char *registry,
                       struct docker_login *ret);
// Header with all logins, for builds; NULL when there are none.
const char *docker_config_header(struct docker *d);

#endif
