// Crontabs as lists of lines, with the "#Ansible: NAME" marks in front of managed jobs.
#ifndef NODE_MODULES_CRONTAB_H
#define NODE_MODULES_CRONTAB_H

#include "core/value.h"

struct crontab {
    struct arena *arena;
    struct list *lines;   // strings
    const char *existing; // the text before any change
};

// When a job takes place, and what it is.
struct cron_job {
    const char *minute, *hour, *day, *month, *weekday;
    const char *special; // reboot, daily, ...; NULL: by the fields
    const char *user;    // in files of /etc/cron.d; NULL in a user's own crontab
    const char *job;
    bool disabled;
};

// Takes a crontab apart. spool: the text is a spool file or crontab -l's output, whose header lines
// are dropped.
void crontab_parse(struct crontab *c, struct arena *a, const char *text, bool spool);
// The text again: lines with one newline at the end; "" when there are none.
const char *crontab_render(const struct crontab *c);
bool crontab_is_empty(const struct crontab *c);
// A job as a line.
const char *crontab_job_line(struct arena *a, const struct cron_job *job);
// Makes line the job called name. True when that changed something.
bool crontab_set_job(struct crontab *c, const char *name, const char *line);
bool crontab_remove_job(struct crontab *c, const char *name);
// Makes name="value" a line: in place, else at the top or beside another variable. -1 when that is
// not there.
int crontab_set_env(struct crontab *c, const char *name, const char *value, const char *after,
                    const char *before);
bool crontab_remove_env(struct crontab *c, const char *name);
// Names of managed jobs, and of variables.
struct value crontab_jobs(const struct crontab *c);
struct value crontab_envs(const struct crontab *c);

#endif
