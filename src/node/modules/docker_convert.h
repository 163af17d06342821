// Conversions of docker_container's parameters to what the API takes; see struct docker_option.
#ifndef NODE_MODULES_DOCKER_CONVERT_H
#define NODE_MODULES_DOCKER_CONVERT_H

#include "node/modules/docker_container.h"

#define CONVERT(name)                                                                              \
    int name(struct container *c, const struct docker_option *o, const struct value *arg,          \
             struct value *ret)

CONVERT(docker_to_size);
CONVERT(docker_to_words);
CONVERT(docker_to_nanos);
CONVERT(docker_to_strings);
CONVERT(docker_to_pairs);
CONVERT(docker_to_mac);
CONVERT(docker_to_namespace);
CONVERT(docker_to_links);
CONVERT(docker_to_devices);
CONVERT(docker_to_rates);
CONVERT(docker_to_requests);
CONVERT(docker_to_ulimits);
CONVERT(docker_to_tmpfs);
CONVERT(docker_to_healthcheck);

// The Test of a healthcheck; NULL: none is done.
struct value docker_health_test(struct container *c, const struct value *test);
// Adds NAME=VALUE to a list, in the place of one with the same name.
void docker_add_env(struct container *c, struct list *env, const char *line);
// Reads env_file and env; *ret stays as it is when neither is given.
int docker_read_env(struct container *c, struct value *ret);

#endif
