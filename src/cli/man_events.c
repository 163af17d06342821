// Texts of the man pages of log, who and audit.
#include "cli/man_events.h"

const char man_log_text[] =
    ".SH DESCRIPTION\nShows what the ledger of this user\n.RB ( $ANDON_HOME ,\nelse "
    "~/.local/state/andon) has recorded: a line per event, the newest last, with the number of "
    "the "
    "event, its time, its type, who did it, where, what, and the run it belongs to. Several "
    "filters "
    "together must all fit.\n.PP\nEvery\n.B andon run\nand\n.B andon do\n(also as "
    "ansible-playbook "
    "and ansible) is recorded: that it began, before its first task; each file, package or other "
    "thing that it changed, with the difference; each task that failed; how each host and the run "
    "ended. A check run leaves its beginning and end alone. Changes are written about every "
    "second: "
    "of a controller that is killed those of its last second are missing here, and its run has no "
    "end. What differs is compared on the host, also where nobody asked for\n.BR \\-\\-diff "
    ":\ncontents that are binary or too long stand there with their SHA-256.\n.PP\nSecrets are not "
    "recorded: of a task with\n.I no_log\nthe module alone, of a file that comes out of a vault no "
    "difference, and in all other texts stars take the place of vault values, passwords and "
    "answers "
    "to hidden questions (and of their lines and base64 texts), of what looks like a password in a "
    "command or URL, and of what modules know as a secret parameter. Other things that are secret, "
    "such as results of lookups, are to be kept in a vault or under\n.IR no_log .\n.PP\nThe "
    "setting\n.I ledger = no\nin the section\n.I [andon]\nof ansible.cfg, or\n.BR "
    "ANDON_LEDGER=off "
    ",\nkeeps runs from being recorded; runs of a rollout always are. A ledger that cannot be "
    "written is a warning; a run that is part of a rollout does not start then.\n.PP\n"
    ".B \\-\\-runs\nlists runs, a line each: the id (for\n.BR \\-\\-run ),\ntime, who, outcome "
    "(unfinished: it still runs, or was killed), number of hosts, and what was run.\n.PP\n"
    ".B \\-\\-output json\nprints each event as it is hashed (docs/EVENTS.md), with its number "
    "as\n.I seq\nand, with\n.BR \\-\\-diff ,\nits difference as\n.IR diff_text .\n";

const char man_who_text[] =
    ".SH DESCRIPTION\nTells every change that the ledger knows of a thing on a host, the newest "
    "last: when, by whom, by which task of which run (and at which commit of the playbook), of "
    "which release and rollout, on whose authority, and what was different afterwards. The thing "
    "is a PATH when it begins with a slash (of a folder that was changed as a whole, such as a git "
    "checkout or an unpacked archive, each change counts for all that is in it); else a package, "
    "or "
    "the name of a service, user, group, cron job or whatever else a module takes a name of. "
    "Changes "
    "that were found to be made outside andon are among them.\n.PP\n.B \\-\\-output json\nprints "
    "the events as\n.B andon log\ndoes.\n";

const char man_audit_text[] =
    ".SH DESCRIPTION\nTells what was done against the rules, of a SERVICE or of all, in a span of "
    "time:\n.TP\n.B unauthorised\nRuns that changed hosts and that nothing allowed: no rule, no "
    "approval, no rollout, no break-glass.\n.TP\n.B own-approval\nApprovals by who started the "
    "rollout or run, made the release, or wrote or committed its commit.\n.TP\n.B break-glass\n"
    "Rules that were broken in an emergency, with the reason.\n.TP\n.B checks-skipped\nGates and "
    "checks that were left out.\n.TP\n.B redacted\nContent that somebody removed from the ledger "
    "(andon ledger redact), with the reason.\n.TP\n.B drift\nChanges on hosts that were made "
    "outside andon, as "
    "found by andon drift.\n.TP\n.B unfinished\nRuns that never finished, and do not run any more: "
    "their controller was killed.\n.PP\nEach line has the numbers of the events it rests on:\n"
    ".B andon ledger proof\nN proves that event N is in the ledger as it was recorded.\n"
    ".B \\-\\-output csv\n(RFC 4180) and\n.B json\nhave these members: kind, time, events, actor, "
    "service, run, rollout, host, what, proof.\n";

const char man_events_status[] =
    "0 the ledger was read (also when nothing fits), 1 there is no ledger or it cannot be read, "
    "2 the command line is wrong.";
const char man_audit_status[] =
    "0 nothing was found, 1 there is no ledger or it cannot be read, 2 there are findings, or the "
    "command line is wrong.";
