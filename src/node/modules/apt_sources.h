// apt's sources in one-line style: sources.list and sources.list.d/*.list.
#ifndef NODE_MODULES_APT_SOURCES_H
#define NODE_MODULES_APT_SOURCES_H

#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

// One line: a source in use or commented out, or other text.
struct apt_source {
    bool valid, enabled;
    const char *text;    // of a source its words with one blank between them
    const char *comment; // behind it, "" for none
};

struct apt_source_file {
    const char *path;
    bool existed;
    const char *before; // its content, as read
    struct apt_source *lines;
    size_t n, cap;
};

struct apt_sources {
    struct arena *arena;
    struct apt_source_file *files;
    size_t n, cap;
};

// Takes one line apart.
struct apt_source apt_source_parse(struct arena *a, const char *line);
// Reads the host's files.
void apt_sources_read(struct apt_sources *s, struct arena *a);
// Makes source (as parsed) one in use: a line that has it commented out is turned on, else it is
// added to the file at path.
void apt_sources_add(struct apt_sources *s, const char *source, const char *path);
// Takes every line with that source in use out.
void apt_sources_remove(struct apt_sources *s, const char *source);
// What a file is to hold; "" when nothing is left.
const char *apt_source_file_text(const struct apt_sources *s, const struct apt_source_file *f);
// The name (without .list) of a file for the source, made from its address.
const char *apt_source_file_name(struct arena *a, const char *source);

#endif
