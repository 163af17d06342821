// What the files of the apt module share.
#ifndef NODE_MODULES_APT_H
#define NODE_MODULES_APT_H

#include "node/module.h"
#include "node/modules/dpkg.h"

// One task of the module.
struct apt {
    struct module *m;
    struct arena *a;
    struct dpkg_db db;
    const char *apt_get, *aptitude; // paths; aptitude NULL when not there
    const char *dpkg_options;       // -o "Dpkg::Options::=--..." for each
    const char *release;            // default_release or NULL
    bool updated;                   // the lists were updated
    int64_t update_time;            // when they last were
};

// Output of one command, in the arena.
struct apt_out {
    int rc;
    const char *out, *err;
};

// Runs a line (cut as a shell would, without one) non-interactively. Waits for dpkg's lock as
// lock_timeout says. ERR_FAILED after module_fail when it cannot be started.
int apt_run(struct apt *t, const char *line, struct apt_out *ret);
// As apt_run with policy-rc.d in place, when the task asks for it.
int apt_run_policed(struct apt *t, const char *line, struct apt_out *ret);
// stdout, stderr and (in diff mode) diff of the result from what a command printed.
void apt_set_output(struct apt *t, const struct apt_out *o, bool with_diff);
// apt-get's part of the output that says what it does.
const char *apt_prepared(struct arena *a, const char *out);
// Fills msg "'CMD' failed: STDERR", rc and output. Returns ERR_FAILED.
int apt_fail(struct apt *t, const char *cmd, const struct apt_out *o, bool with_stderr);

// apt-get update, tried again as update_cache_retries says. The task fails when it does not work.
int apt_update_lists(struct apt *t);

// --- the archive's packages (asks apt-cache)
// The version that would be installed of name, NULL when there is none. cmp "=" and version (a
// pattern) or ">=" narrow it; sets *ret_known to whether the archive or dpkg has the package at all
// (not only as a virtual one).
int apt_candidate(struct apt *t, const char *name, const char *cmp, const char *version,
                  const char **ret_version, bool *ret_known);
// Packages of the archive that provide a virtual one.
int apt_providers(struct apt *t, const char *name, struct list **ret);
// Names of all packages, sorted.
int apt_names(struct apt *t, struct list **ret);

// Installs the packages of specs (name, name=version, ...) as the task's parameters say; fills the
// result. with_update_fields: cache_updated and cache_update_time.
int apt_install(struct apt *t, const struct list *specs, bool upgrade, bool build_dep, bool fixed);
// Installs package files (names separated by commas).
int apt_install_debs(struct apt *t, const char *debs);

#endif
