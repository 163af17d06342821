// The check of playbooks, roles and whole repositories without touching a host: what is certainly
// wrong, probably wrong, or worth knowing, each with the code of a rule.
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "inventory/inventory.h"
#include "playbook/load.h"

struct check;

enum check_severity { CHECK_NOTE, CHECK_WARNING, CHECK_ERROR };

// The rules, in the order of their codes.
enum check_id {
#define RULE(id, ...) CHECK_##id,
#include "check/rules.inc"
#undef RULE
    CHECK_COUNT,
};

struct check_rule {
    const char *code; // "AC101"
    enum check_severity severity;
    const char *name;          // "yaml-syntax"
    const char *title;         // one line
    const char *why;           // one paragraph
    const char *wrong, *right; // YAML
};

struct check_finding {
    enum check_id id;
    enum check_severity severity; // may be less than the rule's where it is less certain
    struct pos pos;
    const char *msg; // one line
};

struct check_stats {
    size_t files, tasks;
    size_t count[3]; // findings by severity
};

struct check_opts {
    struct loader_opts loader;   // its problem, module_* and warn are set by the check
    struct inventory *inventory; // what the user named, or NULL
    const char *const *library;  // configured folders of modules, ends with NULL; or NULL
    // Asked about every file of YAML that may be something this room does not know (a service
    // file): true when it is, and was checked by way of check_tell. May be NULL.
    bool (*other)(void *data, struct check *c, const char *path);
    void *other_data;
};

struct check *check_new(const struct check_opts *opts);
void check_free(struct check *c);
// Checks one playbook with everything it uses: here what is undefined or missing is certain.
int check_playbook(struct check *c, const char *path, struct err *e)
    __attribute__((warn_unused_result));
// Checks a folder: a repository, collection or role, whose playbooks, roles and variables are found
// by convention.
int check_tree(struct check *c, const char *dir, struct err *e) __attribute__((warn_unused_result));
// A finding of somebody else.
void check_tell(struct check *c, enum check_id id, struct pos pos, const char *msg);
// Decides what needs the whole, drops what is silenced, and gives the findings sorted by file, line
// and code. Nothing can be checked afterwards.
const struct check_finding *check_finish(struct check *c, size_t *ret_n, struct check_stats *stats);
// The line a finding is in, without its end; NULL when there is none.
const char *check_line(struct check *c, struct pos pos, size_t *ret_len);

const struct check_rule *check_rule(enum check_id id);
// The rule of a code or name, or -1.
int check_find_rule(const char *name, size_t len);
const char *check_severity_name(enum check_severity s);

// The parameters of one task of the model against the tables of the spec room: which there are
// (names that do not exist, required ones that are missing), and their values (types, choices, what
// goes together). fn is told of every mistake; messages live in a.
typedef void check_told(void *data, enum check_id id, struct pos pos, const char *msg);
void check_parameter_names(const struct task *t, struct arena *a, check_told *fn, void *data);
void check_parameter_values(const struct task *t, struct arena *a, check_told *fn, void *data);

#endif
