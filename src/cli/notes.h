// What is told below a task's line: failures, messages, differences. Hosts that have the same to
// tell share a note.
#ifndef CLI_NOTES_H
#define CLI_NOTES_H

#include "cli/output.h"

struct note;

// Adds host's text to the list. pos: the line of the user's file to show below it, or POS_NONE.
void notes_add(struct note **list, const char *host, const char *text, enum config_id color,
               struct pos pos);
// Prints all notes and empties the list.
void notes_show(struct note **list, const struct output_opts *o);
// Appends the names of hosts, sorted, the first few in full.
struct buf;
void names_add(struct buf *b, char **hosts, size_t n);
// Lists of names that grow by one.
void name_list_add(char ***list, size_t n, const char *name);
void name_list_free(char **list, size_t n);

#endif
