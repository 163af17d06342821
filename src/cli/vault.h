// andon vault: what its files share. Plain texts stand in buffers that are wiped, or in files of a
// private folder that are overwritten before they are removed.
#ifndef CLI_VAULT_H
#define CLI_VAULT_H

#include "cli/session.h"
#include "core/buf.h"

// The actions with a line about each.
void vault_actions_help(struct buf *b);
// A whole file, or standard input for "-". The caller wipes out.
int vault_read_file(const char *path, struct buf *out, struct err *e);
// Puts text in the place of path ("-": standard output). A new file gets mode 0600; keep: mode and
// owner stay those of the file that was there. wipe: what was there is overwritten first.
int vault_write_file(const char *path, const struct buf *text, bool keep, bool wipe, struct err *e);

// --- vault_edit.c
// A folder that only this user can look into, in memory where the system has such; NULL and *e on
// failure. The name is malloc'ed.
char *private_dir(struct err *e);
// Overwrites and removes everything in it, and itself.
void private_dir_remove(char *dir);
// A file in it; text may be NULL.
int private_file(struct arena *a, const char *dir, const char *name, const struct buf *text,
                 char **ret, struct err *e);
// Lets the user edit text as a file whose name ends like that of path.
int vault_edit_text(const char *path, const struct buf *text, struct buf *ret, struct err *e);
// Shows text with the user's pager when standard output is a terminal.
void vault_show(const struct buf *text);

// --- vault_string.c
// Encrypts what arguments, standard input or the user give, with the secret, and prints it.
int vault_encrypt_string(struct session *s, const struct vault_secret *secret, struct err *e);
bool vault_reads_stdin(const struct options *o);

// --- vault_git.c
// andon vault textconv FILE, merge BASE OURS THEIRS. Exit codes.
int vault_textconv(struct session *s, const char *path);
int vault_merge(struct session *s, const char *base, const char *ours, const char *theirs);

#endif
