// andon: the command line. Dispatches to one cmd_*.c per subcommand; also answers as ansible and
// ansible-playbook.
#include "cli/session.h"
#include "core/file.h"
#include "rollout/lock.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv, bool compat);
    const char *help;
};

static const struct command commands[] = {
    {"approvals", cmd_approvals, "Show what waits for approval"},
    {"approve", cmd_approve, "Approve a ring of a rollout or a run, after its dry run was shown"},
    {"audit", cmd_audit, "Tell what was done without authority, approval or checks"},
    {"check", cmd_check, "Find mistakes in playbooks, roles and repositories"},
    {"completion", cmd_completion, "Print a completion script for bash"},
    {"deploy", cmd_deploy, "Carry a release through the rings of its service"},
    {"do", cmd_do, "Run one module on some hosts"},
    {"doc", cmd_doc, "Show modules, filters, keywords and settings"},
    {"drift", cmd_drift, "Tell what has changed on hosts outside andon"},
    {"explain", cmd_explain, "Tell what a finding of check means"},
    {"flow", cmd_flow, "Show how fast and how safely services are delivered"},
    {"incident", cmd_incident, "Record what went wrong in production, and its end"},
    {"inventory", cmd_inventory, "Show hosts, groups and their variables"},
    {"ledger", cmd_ledger, "Verify, export and prove what was recorded"},
    {"log", cmd_log, "Show what the ledger has recorded"},
    {"pause", cmd_pause, "Let a rollout begin nothing new"},
    {"plan", cmd_plan, "Show what playbooks would change, hosts that are alike as one"},
    {"promote", cmd_promote, "Go on past what a rollout waits for"},
    {"refuse", cmd_refuse, "Refuse what waits for approval, with a reason"},
    {"release", cmd_release, "Record versions of services and their artifacts"},
    {"resume", cmd_resume, "Go on with a rollout that was paused, held or cut off"},
    {"rollback", cmd_rollback, "Put the previous good release back on its hosts"},
    {"run", cmd_run, "Run playbooks"},
    {"status", cmd_status, "Show rollouts and where they stand"},
    {"stop", cmd_stop, "Pull the cord: nothing new begins until it is released"},
    {"undo", cmd_undo, "Put back what a run has changed"},
    {"vault", cmd_vault, "Encrypt files and values, or read encrypted ones"},
    {"who", cmd_who, "Show who changed a file, package or service on a host"},
};

#define N_COMMANDS ((int)(sizeof commands / sizeof *commands))

static int usage(FILE *to)
{
    fprintf(to, "usage: andon COMMAND [options]\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n'andon COMMAND --help' shows a command's options.\n"
                "Called as ansible-playbook or ansible (a link), it takes their options and prints "
                "what they print.\n");
    return to == stdout ? 0 : RUN_BAD_OPTIONS;
}

int main(int argc, char **argv)
{
    const char *self = path_base(argv[0]);
    if (fleet_is_askpass())
        return fleet_askpass_main(argc, argv);
    lock_inherited();
    setvbuf(stdout, NULL, _IOFBF, 65536);
    if (strncmp(self, "ansible", 7) == 0 && !session_check_locale())
        return RUN_ERROR;
    if (strcmp(self, "ansible-playbook") == 0)
        return cmd_run(argc, argv, true);
    if (strcmp(self, "ansible") == 0)
        return cmd_do(argc, argv, true);
    if (strcmp(self, "ansible-inventory") == 0)
        return cmd_inventory(argc, argv, true);
    if (strcmp(self, "ansible-vault") == 0)
        return cmd_vault(argc, argv, true);
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        printf("andon %s\n", ANDON_VERSION);
        return 0;
    }
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        char title[64];
        snprintf(title, sizeof title, "andon %s", commands[i].name);
        argv[1] = title;
        return commands[i].run(argc - 1, argv + 1, false);
    }
    const char *near = err_suggest(argv[1], names, N_COMMANDS);
    fprintf(stderr, "andon: '%s' is not a command%s%s%s\n", argv[1], near ? " (did you mean '" : "",
            near ? near : "", near ? "'?)" : "");
    return RUN_BAD_OPTIONS;
}
