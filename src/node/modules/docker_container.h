// docker_container in parts: what is wanted of a container in the words of the API
// (docker_options.c, docker_ports.c, docker_mounts.c), and what is done about it
// (docker_container.c, docker_networks.c).
#ifndef NODE_MODULES_DOCKER_CONTAINER_H
#define NODE_MODULES_DOCKER_CONTAINER_H

#include "node/modules/docker.h"

struct container;

// One property of a container: a parameter of the module and where the API has it.
struct docker_option {
    const char *name; // parameter; also its name in comparisons and differences
    const char *key;  // "Config.User"; creating takes what is in Config at its top
    enum docker_compare kind;
    bool update; // can be changed while the container lives
    // The parameter as the API has it; NULL: as it is. ERR_FAILED after module_fail.
    int (*convert)(struct container *c, const struct docker_option *o, const struct value *arg,
                   struct value *ret);
};

enum { DOCKER_OPTIONS_MAX = 80 };

struct container {
    struct docker d;
    struct module *m;
    struct arena *a;
    // Per option: what was asked for (VALUE_UNDEFINED: nothing), and how it is compared.
    struct value want[DOCKER_OPTIONS_MAX];
    enum docker_mode mode[DOCKER_OPTIONS_MAX], networks_mode;
    struct value have;     // the container as it is, null when there is none
    struct value image;    // of which its properties come beside those wanted; null: not known
    struct value networks; // the parameter, its members with ids; null when not given
    struct value actions;
    struct docker_diff diff;
};

extern const struct docker_option docker_options[];
extern const size_t docker_options_len;

// The row of a parameter, -1 when it has none.
int docker_option_index(const char *name);
// Reads the comparisons, converts all parameters. ERR_FAILED after module_fail.
int docker_read_options(struct container *c);
int docker_read_comparisons(struct container *c);
// What POST /containers/create takes.
struct value docker_create_body(struct container *c, const char *image);
// Notes in diff how the container differs in options that can (update) or cannot be changed while
// it lives.
int docker_compare_options(struct container *c, bool update, struct docker_diff *diff);
// What POST /containers/.../update takes for the differences noted.
struct value docker_update_body(struct container *c, const struct docker_diff *diff);

// published_ports and exposed_ports (docker_ports.c).
int docker_convert_published(struct container *c, const struct docker_option *o,
                             const struct value *arg, struct value *ret);
struct value docker_exposed_ports(struct container *c, const struct value *published,
                                  const struct value *exposed);
// mounts and volumes (docker_mounts.c).
int docker_convert_mounts(struct container *c, const struct docker_option *o,
                          const struct value *arg, struct value *ret);
struct value docker_mounts_body(struct arena *a, const struct value *mounts);
struct value docker_mounts_had(struct arena *a, const struct value *mounts);
// The volumes that are only named (binds false), or the others as binds.
struct value docker_volumes(struct container *c, bool binds);
// human sizes: "512M"; fails the task with the parameter's name.
int docker_bytes(struct container *c, const char *name, const char *text, struct value *ret);

// Inspects the container again. ERR_FAILED.
int docker_refresh(struct container *c, const char *name);
// Connects to the wanted networks, and leaves others where only those are wanted
// (docker_networks.c).
int docker_read_networks(struct container *c);
int docker_update_networks(struct container *c, bool created);
// Notes one thing that is done.
void docker_action(struct container *c, const char *what, struct value with);

#endif
