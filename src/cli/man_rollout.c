// Texts of the manual pages of the commands about rollouts.
#include "cli/man_rollout.h"

#include <stddef.h>
#include <string.h>

const char man_deploy_text[] =
    ".SH DESCRIPTION\n"
    "Carries a release of a service through the rings of its\n.IR andon.yml ,\n"
    "in order, and stays until it has ended. SERVICE is a name that the ledger knows or that the "
    "andon.yml here has, a folder with an andon.yml, or such a file; VERSION a release made by\n"
    ".BR andon\\-release (1).\n"
    ".PP\nIn front of a ring its calendar, approvals and gates must agree. Its hosts get the "
    "release in batches, each an\n.B andon run\nof the service's playbook. When more hosts fail "
    "than may, a gate behind the ring does not become green in its time, or the ring's deadline is "
    "over, the rollout is put back (on_failure: undo), the release before it is deployed "
    "(redeploy), or everything is left as it is (hold). Then the line is held: nothing new begins "
    "until\n.B andon stop SERVICE \\-\\-release\n.\n"
    ".PP\nEvery step is recorded before and after it. A controller may be killed at any instant:\n"
    ".B andon resume\ngoes on where the ledger says the rollout stands.\n"
    ".PP\nCtrl-C lets the batch at work come to its end and then stops; once more, it ends the "
    "batch. The rollout can be resumed.\n";

const char man_pause_text[] =
    ".SH DESCRIPTION\nThe rollout of the service that is under way begins nothing new until\n"
    ".BR andon\\-resume (1).\nWhat is at work comes to its end; the deadline of the ring goes "
    "on.\n";

const char man_promote_text[] =
    ".SH DESCRIPTION\nGoes on past the gates, the pause, the closed window or the failure that a "
    "rollout waits for. It is recorded as skipped checks, with the reason, and shows in\n"
    ".BR andon\\-audit (1).\nApprovals cannot be skipped.\n";

const char man_resume_text[] =
    ".SH DESCRIPTION\nGoes on with the rollout of a service that was paused, is held, or whose "
    "controller has died. What is recorded as done is not done again; a batch that was cut short "
    "is run again, as soon as nothing of it works on hosts any more. Of a held rollout, what "
    "failed is tried again. The service file must be as it was.\n";

const char man_rollback_text[] =
    ".SH DESCRIPTION\nPuts the last release that reached all its hosts (or VERSION) back on the "
    "rings that the rollout after it reached, the last of them first. Calendar, gates in front, "
    "baking and statistics are not waited for. A rollout under way ends with its batch.\n";

const char man_status_text[] =
    ".SH DESCRIPTION\nShows the last rollout of each service, or of one with its rings and what it "
    "waits for.\n";

const char man_stop_text[] =
    ".SH DESCRIPTION\nPulls the cord of a service, or of everything: rollouts begin nothing new "
    "until it is released. Anyone may pull it and release it; both are recorded. A rollout that "
    "fails pulls the cord of its service by itself; that one does not stop a rollback.\n";

const char man_rollout_status[] =
    "0 done, 1 an error (nothing was begun, or the rollout can be resumed), 2 the release did not "
    "stay (undone, redeployed, partly, held) or the command line is wrong, 3 refused (another "
    "rollout, the cord, the policy), 99 interrupted.";

const char *deploy_synopsis(const char *program)
{
    static const char *const rows[][2] = {{"deploy", "SERVICE VERSION"},
                                          {"pause", "SERVICE"},
                                          {"promote", "SERVICE --reason TEXT"},
                                          {"resume", "SERVICE"},
                                          {"rollback", "SERVICE [VERSION]"},
                                          {"status", "[SERVICE]"},
                                          {"stop", "[SERVICE] --reason TEXT | --release"}};
    const char *name = strrchr(program, ' ');
    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i][0], name + 1) == 0)
            return rows[i][1];
    return "";
}
