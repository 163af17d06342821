// For targets whose subject reads a file: the input as one.
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <unistd.h>

#ifndef INPUT_SUFFIX
#define INPUT_SUFFIX "" // of its name
#endif

static char input_path[] = "/tmp/andon-fuzz-XXXXXX" INPUT_SUFFIX;

static inline void input_remove(void)
{
    unlink(input_path);
}

// The path of a file that holds the input; it is removed at the end. NULL when there can be none.
static inline const char *input_file(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = mkstemps(input_path, sizeof INPUT_SUFFIX - 1);
        atexit(input_remove);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return NULL;
    return input_path;
}

#endif
