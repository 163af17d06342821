// How what is delivered is packed: a tar archive, whatever compresses it, a zip archive, or
// nothing, when a file is to stay as it is. Its name decides where it tells, else what it begins
// with.
#ifndef CORE_ARTIFACT_H
#define CORE_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>

#define ARTIFACT_HEAD 512 // bytes of the beginning that are enough to know

enum artifact_form { ARTIFACT_FILE, ARTIFACT_TAR, ARTIFACT_ZIP };

// How a file of that name (NULL: not known), which begins so, is packed. Zip archives that are used
// as they are (.jar, .whl) and single compressed files (.gz) are ARTIFACT_FILE.
enum artifact_form artifact_form_of(const char *name, const void *head, size_t n);
// "tar", "zip" or "file".
const char *artifact_form_name(enum artifact_form p);

// What decompresses a tar archive: tar's option and the program it needs.
struct compression {
    const char *name, *magic;
    size_t magic_len;
    const char *flag, *program;
};
// By the beginning of a file; NULL: it is not compressed by anything we know.
const struct compression *compression_of(const void *head, size_t n);
// Whether what begins so can be a tar archive at all.
bool artifact_is_tar(const void *head, size_t n);
bool artifact_is_zip(const void *head, size_t n);

#endif
