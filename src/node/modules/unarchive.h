// What the halves of unarchive (tar and zip) share.
#ifndef NODE_MODULES_UNARCHIVE_H
#define NODE_MODULES_UNARCHIVE_H

#include "node/command.h"

struct archive {
    struct module *m;
    const char *src, *dest;
    const char *owner, *group;
    const struct value *mode;
    const struct list *exclude, *include, *opts;
    const char *flag;    // tar: how to decompress, "" none
    struct list *files;  // in the archive, without the excluded
    struct buf diff;     // zip: what differs, in rsync's notation
    struct list *wanted; // zip: what to extract
};

// Runs it in dest with the C locale: output in *ret, to be released. <0 with the task failed.
int archive_run(struct archive *a, struct argv *v, struct proc *ret);
// Whether a pattern of the list matches path.
bool archive_matches(const struct list *patterns, const char *path);
// result.extract_results
void archive_report(struct archive *a, const struct argv *v, const struct proc *p);

// Lists the archive; compares it with dest (*ret_same); extracts. <0 with the task failed.
int tar_list(struct archive *a);
int tar_compare(struct archive *a, bool *ret_same);
int tar_extract(struct archive *a);
int zip_list(struct archive *a);
int zip_compare(struct archive *a, bool *ret_same);
int zip_extract(struct archive *a);

#endif
