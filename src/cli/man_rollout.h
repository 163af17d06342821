// Texts of the manual pages of the commands about rollouts.
#ifndef CLI_MAN_ROLLOUT_H
#define CLI_MAN_ROLLOUT_H

extern const char man_deploy_text[], man_pause_text[], man_promote_text[], man_resume_text[],
    man_rollback_text[], man_status_text[], man_stop_text[];
extern const char man_rollout_status[];
// What stands behind a command's name in its usage; program is "andon NAME".
const char *deploy_synopsis(const char *program);

#endif
