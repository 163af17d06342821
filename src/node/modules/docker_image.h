// docker_image in parts: the module itself, builds (docker_build.c) and their context.
#ifndef NODE_MODULES_DOCKER_IMAGE_H
#define NODE_MODULES_DOCKER_IMAGE_H

#include "node/modules/docker.h"

struct image_task {
    struct docker d;
    struct module *m;
    struct arena *a;
    const char *name, *tag; // tag "" when name is an id
    struct value image;     // as inspected, null when it is not there
    struct value actions;
};

// A temp file with the context of a build: the folder without what .dockerignore names.
int docker_make_context(struct module *m, const char *folder, const char *dockerfile,
                        const char **ret);
// Builds the image; sets stdout. ERR_FAILED after module_fail.
int docker_build(struct image_task *t);

#endif
