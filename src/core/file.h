// Whole-file reading and atomic writing, and the clock.
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "core/arena.h"
#include "core/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Opens a file for reading, with further flags of open(2), and leaves its access time alone where
// that is allowed (the owner's right). -1 with errno.
int file_open(const char *path, int flags);
// Reads a whole file of at most max bytes into the arena, NUL-terminated. ERR_NOENT, ERR_IO or
// ERR_LIMIT.
int file_read(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len,
              struct err *e) __attribute__((warn_unused_result));
// Writes content beside path, fsyncs, renames over path. mode applies to a new file.
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));
// Has the disk keep what a folder holds: 0, or -1 with errno.
int file_sync_folder(const char *dir);
// mkdir -p.
int file_mkdirs(const char *path, mode_t mode, struct err *e) __attribute__((warn_unused_result));
// dir + "/" + name in the arena; name alone when it is absolute or dir is empty.
char *path_join(struct arena *a, const char *dir, const char *name);
// The folder part of path ("." when it has none), in the arena.
char *path_dir(struct arena *a, const char *path);
// The last component, pointing into path.
const char *path_base(const char *path);

// Milliseconds of the monotonic clock.
int64_t clock_mono_ms(void);
// Microseconds since the epoch.
int64_t clock_real_us(void);

#endif
