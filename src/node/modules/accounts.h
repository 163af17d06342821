// User and group accounts as the host's files have them, those of a directory service by getent.
#ifndef NODE_MODULES_ACCOUNTS_H
#define NODE_MODULES_ACCOUNTS_H

#include "node/module.h"

struct account {
    const char *name, *password; // password: "x" when it is in the shadow file
    uid_t uid;
    gid_t gid;
    const char *comment, *home, *shell;
};

struct group_entry {
    const char *name;
    gid_t gid;
    struct list *members; // strings
};

// A line of the shadow file; numbers -1 when empty.
struct shadow {
    const char *password;
    int64_t min, max, warn, expire; // days
};

// Parse one line (taken apart in place); false when it is malformed.
bool account_parse(char *line, struct account *ret);
bool group_parse(struct arena *a, char *line, struct group_entry *ret);
bool shadow_parse(char *line, struct shadow *ret);

// The user called name; local: only in /etc/passwd.
bool account_find(struct module *m, const char *name, bool local, struct account *ret);
// The shadow entry of a user; false when it cannot be read or is not there.
bool shadow_find(struct module *m, const char *name, struct shadow *ret);
// The group with that number, if it is one, else called so; local: only in /etc/group, by name
// alone.
bool group_find(struct module *m, const char *name_or_gid, struct group_entry *ret);
bool group_find_name(struct module *m, const char *name, bool local, struct group_entry *ret);
// The first group with that number, of /etc/group alone.
bool group_find_gid(struct module *m, gid_t gid, struct group_entry *ret);
// Names of the groups of /etc/group that list the user as a member.
struct list *groups_of(struct module *m, const char *name);
// Whether the host's accounts are managed by busybox (Alpine).
bool accounts_busybox(struct module *m);

// The commands' result, texts in the arena. In check mode nothing is run and rc is 0.
struct account_out {
    bool ran; // false: nothing had to be done
    int rc;
    const char *out, *err;
};
// Runs argv (NULL-terminated) and adds to ret's texts. ERR_FAILED after module_fail when it cannot
// be started.
int account_run(struct module *m, const char *const *argv, const char *input,
                struct account_out *ret);
// Sets name, msg and rc of the result and fails.
int account_fail(struct module *m, const char *name, const struct account_out *o, bool with_rc);

#endif
