// The table of options and its parser (long, short, bundled short, --name=value, unique beginnings
// of long names).
#include "cli/options.h"

#include "core/buf.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, COUNT, INT, STR, LIST, COMMA_LIST };

struct row {
    char shortname;
    const char *name;
    const char *arg; // what its value is called, NULL: a flag
    enum kind kind;
    size_t offset;
    unsigned commands;
    const char *help;
};

#define AT(field) offsetof(struct options, field)
#define OPT_EVERY                                                                                  \
    (OPT_ALL | OPT_LEDGER | OPT_VAULT | OPT_CHECK | OPT_DEPLOY | OPT_RELEASE | OPT_APPROVE |       \
     OPT_FLOW | OPT_INCIDENT | OPT_EVENTS)

static const struct row table[] = {
    {'i', "inventory", "SOURCE", LIST, AT(inventories), OPT_ALL | OPT_CHECK,
     "Inventory: a file, folder, script or host list ending in a comma"},
    {0, "inventory-file", "SOURCE", LIST, AT(inventories), OPT_ALL, "The same"},
    {'l', "limit", "PATTERN", STR, AT(limit), OPT_ALL, "Only these hosts of those the play names"},
    {'e', "extra-vars", "VARS", LIST, AT(extra_vars), OPT_ALL | OPT_CHECK,
     "Variables: k=v pairs, JSON, YAML, or @FILE"},
    {'t', "tags", "TAGS", COMMA_LIST, AT(tags), OPT_RUN | OPT_PLAN, "Only tasks with these tags"},
    {0, "skip-tags", "TAGS", COMMA_LIST, AT(skip_tags), OPT_RUN | OPT_PLAN,
     "No tasks with these tags"},
    {'C', "check", NULL, FLAG, AT(check), OPT_RUN | OPT_DO | OPT_UNDO,
     "Change nothing; tell what would change"},
    {'D', "diff", NULL, FLAG, AT(diff), OPT_RUN | OPT_DO | OPT_UNDO, "Show differences in files"},
    {'f', "forks", "N", INT, AT(forks), OPT_HOSTS, "Hosts worked on at once"},
    {'b', "become", NULL, FLAG, AT(become), OPT_HOSTS, "Run as another user"},
    {0, "become-method", "METHOD", STR, AT(become_method), OPT_HOSTS, "sudo, su or doas"},
    {0, "become-user", "USER", STR, AT(become_user), OPT_HOSTS, "The user to become (root)"},
    {'K', "ask-become-pass", NULL, FLAG, AT(ask_become_pass), OPT_HOSTS,
     "Ask for the password of become"},
    {0, "become-password-file", "FILE", STR, AT(become_password_file), OPT_HOSTS,
     "Read it from a file"},
    {0, "become-pass-file", "FILE", STR, AT(become_password_file), OPT_HOSTS, "The same"},
    {0, "vault-id", "ID@SOURCE", LIST, AT(vault_ids), OPT_ALL | OPT_VAULT | OPT_CHECK,
     "A vault password by name: from a file, a script or 'prompt'"},
    {0, "vault-password-file", "FILE", LIST, AT(vault_files), OPT_ALL | OPT_VAULT | OPT_CHECK,
     "A file or script that gives the vault password"},
    {0, "vault-pass-file", "FILE", LIST, AT(vault_files), OPT_ALL | OPT_VAULT | OPT_CHECK,
     "The same"},
    {0, "ask-vault-password", NULL, FLAG, AT(ask_vault_pass), OPT_ALL | OPT_VAULT | OPT_CHECK,
     "Ask for the vault password"},
    {0, "ask-vault-pass", NULL, FLAG, AT(ask_vault_pass), OPT_ALL | OPT_VAULT | OPT_CHECK,
     "The same"},
    {'u', "user", "USER", STR, AT(user), OPT_HOSTS, "User of the connection"},
    {'k', "ask-pass", NULL, FLAG, AT(ask_pass), OPT_HOSTS,
     "Ask for the password of the connection"},
    {0, "connection-password-file", "FILE", STR, AT(connection_password_file), OPT_HOSTS,
     "Read it from a file"},
    {0, "conn-pass-file", "FILE", STR, AT(connection_password_file), OPT_HOSTS, "The same"},
    {0, "private-key", "FILE", STR, AT(private_key), OPT_HOSTS, "Key of the connection"},
    {0, "key-file", "FILE", STR, AT(private_key), OPT_HOSTS, "The same"},
    {'c', "connection", "KIND", STR, AT(connection), OPT_HOSTS, "ssh or local"},
    {'T', "timeout", "SECONDS", INT, AT(timeout), OPT_HOSTS, "Time to connect"},
    {0, "ssh-common-args", "ARGS", STR, AT(ssh_common_args), OPT_HOSTS, "Further arguments of ssh"},
    {0, "ssh-extra-args", "ARGS", STR, AT(ssh_extra_args), OPT_HOSTS, "Further arguments of ssh"},
    {0, "scp-extra-args", "ARGS", STR, AT(ignored), OPT_HOSTS,
     "Accepted: files go through the one SSH session"},
    {0, "sftp-extra-args", "ARGS", STR, AT(ignored), OPT_HOSTS, "Accepted, as above"},
    {'M', "module-path", "PATHS", STR, AT(ignored), OPT_HOSTS, "Accepted: modules are built in"},
    {0, "list-hosts", NULL, FLAG, AT(list_hosts), OPT_RUN | OPT_DO, "Show the hosts; do nothing"},
    {0, "list-tasks", NULL, FLAG, AT(list_tasks), OPT_RUN, "Show the tasks; do nothing"},
    {0, "list-tags", NULL, FLAG, AT(list_tags), OPT_RUN, "Show the tags; do nothing"},
    {0, "syntax-check", NULL, FLAG, AT(syntax_check), OPT_RUN | OPT_DO,
     "Read the playbook; do nothing"},
    {0, "start-at-task", "NAME", STR, AT(start_at_task), OPT_RUN, "Begin at this task"},
    {0, "step", NULL, FLAG, AT(step), OPT_RUN, "Ask before each task"},
    {0, "force-handlers", NULL, FLAG, AT(force_handlers), OPT_RUN,
     "Run handlers even after a failure"},
    {0, "failed", NULL, FLAG, AT(failed), OPT_RUN,
     "Only hosts that failed or were lost in the playbook's last run"},
    {0, "drop-handlers", NULL, FLAG, AT(drop_handlers), OPT_RUN,
     "Do not run handlers that the last run left undone"},
    {0, "flush-cache", NULL, FLAG, AT(flush_cache), OPT_RUN | OPT_INVENTORY, "Forget cached facts"},
    {'m', "module-name", "NAME", STR, AT(module_name), OPT_DO, "The module (command)"},
    {'a', "args", "ARGS", STR, AT(module_args), OPT_DO, "Its arguments: k=v pairs, or a command"},
    {'o', "one-line", NULL, FLAG, AT(one_line), OPT_DO, "One line per host"},
    {'t', "tree", "DIR", STR, AT(tree), OPT_DO, "Write each host's result to a file in DIR"},
    {'B', "background", "SECONDS", INT, AT(background), OPT_DO,
     "Run in the background for at most this long"},
    {'P', "poll", "SECONDS", INT, AT(poll), OPT_DO, "Look at it this often"},
    {0, "playbook-dir", "DIR", STR, AT(playbook_dir), OPT_DO | OPT_INVENTORY,
     "Folder for relative files and group_vars"},
    {0, "output", "KIND", STR, AT(output), OPT_RUN | OPT_DO, "andon, ansible or json"},
    {0, "live", NULL, FLAG, AT(live), OPT_RUN | OPT_DO,
     "Show the output of commands while they run"},
    {'q', "quiet", NULL, FLAG, AT(quiet), OPT_RUN | OPT_DO, "Show only changes and failures"},
    {0, "list", NULL, FLAG, AT(list), OPT_INVENTORY, "Everything, as JSON"},
    {0, "graph", NULL, FLAG, AT(graph), OPT_INVENTORY, "A tree of groups and hosts"},
    {0, "host", "NAME", STR, AT(host), OPT_INVENTORY, "The variables of a host, as JSON"},
    {0, "output", "FILE", STR, AT(output_file), OPT_VAULT,
     "encrypt, decrypt, encrypt_string: write to FILE (- for standard output)"},
    {0, "encrypt-vault-id", "ID", STR, AT(encrypt_vault_id), OPT_VAULT,
     "The vault id to encrypt with (needed where there are several)"},
    {0, "new-vault-id", "ID@SOURCE", STR, AT(new_vault_id), OPT_VAULT,
     "rekey: the new password by name"},
    {0, "new-vault-password-file", "FILE", STR, AT(new_vault_password_file), OPT_VAULT,
     "rekey: a file or script that gives the new password"},
    {'p', "prompt", NULL, FLAG, AT(ask_text), OPT_VAULT, "encrypt_string: ask for the string"},
    {0, "show-input", NULL, FLAG, AT(show_input), OPT_VAULT, "encrypt_string: show what is typed"},
    {'n', "name", "NAME", LIST, AT(names), OPT_VAULT, "encrypt_string: the variable's name"},
    {0, "stdin-name", "NAME", STR, AT(stdin_name), OPT_VAULT,
     "encrypt_string: the name of what is read from standard input"},
    {0, "output", "KIND", STR, AT(output), OPT_CHECK, "text, json (an object per line) or sarif"},
    {'q', "quiet", NULL, FLAG, AT(quiet), OPT_CHECK, "No notes"},
    {0, "strict", NULL, FLAG, AT(strict), OPT_CHECK, "Warnings count as errors"},
    {0, "since", "TIME", STR, AT(since), OPT_FLOW,
     "From then on: a date, RFC 3339, 90d, '3 weeks ago' (90d)"},
    {0, "until", "TIME", STR, AT(until), OPT_FLOW, "Before then; a day counts to its end (now)"},
    {0, "by", "PERIOD", STR, AT(by), OPT_FLOW, "The trend by week or month (week)"},
    {0, "only", "PARTS", COMMA_LIST, AT(only), OPT_FLOW,
     "Only these, with commas between: lead-time, frequency, recovery, change-fail, rework, "
     "detect, mitigate, mtbf, scrap, levels, stream, trend; a speed brings its stability"},
    {0, "repo", "DIR", STR, AT(repo), OPT_FLOW,
     "The git repository of the commits, instead of the one the releases name"},
    {0, "authored", NULL, FLAG, AT(authored), OPT_FLOW,
     "Lead time from when the author wrote a commit, not from when it was committed"},
    {0, "explain", NULL, FLAG, AT(explain), OPT_FLOW,
     "List what each number is made of, with the numbers of the events"},
    {0, "output", "KIND", STR, AT(output), OPT_FLOW, "text, json or csv"},
    {0, "service", "NAME", STR, AT(service), OPT_INCIDENT, "open, list: the service it is of"},
    {0, "rollout", "ID", STR, AT(rollout), OPT_INCIDENT, "open: the deployment that caused it"},
    {0, "noticed-by", "WHO", STR, AT(noticed_by), OPT_INCIDENT,
     "open: gate, alert, customer or operator (operator)"},
    {0, "started", "TIME", STR, AT(started), OPT_INCIDENT,
     "open: when it began, where that is known: a date and time, or 20m (ago)"},
    {0, "severity", "WORD", STR, AT(severity), OPT_INCIDENT, "open: how bad it is, in your words"},
    {0, "at", "TIME", STR, AT(at), OPT_INCIDENT, "When it happened, where not now"},
    {0, "by", "ID", STR, AT(by), OPT_INCIDENT,
     "close, mitigate: the rollout or run that restored it, which then counts as rework"},
    {0, "reason", "TEXT", STR, AT(reason), OPT_INCIDENT, "close, mitigate, link: a word on why"},
    {0, "all", NULL, FLAG, AT(all), OPT_INCIDENT, "list: closed ones too"},
    {0, "output", "KIND", STR, AT(output), OPT_INCIDENT, "list, show: text or json"},
    {0, "service", "NAME", STR, AT(service), OPT_LOG, "Only events of this service"},
    {0, "host", "NAME", STR, AT(host), OPT_LOG, "Only events of this host"},
    {0, "ring", "NAME", STR, AT(ring), OPT_LOG, "Only events of this ring"},
    {0, "actor", "NAME", STR, AT(actor), OPT_LOG, "Only what this person did"},
    {0, "since", "TIME", STR, AT(since), OPT_EVENTS,
     "From then on: a date, RFC 3339, 2h, '3 days ago', today, yesterday"},
    {0, "until", "TIME", STR, AT(until), OPT_EVENTS, "Before then; a day counts to its end"},
    {0, "path", "PATH", STR, AT(path), OPT_LOG, "Only changes of this file; *, ? and [] match"},
    {0, "package", "NAME", STR, AT(package), OPT_LOG,
     "Only changes of this package; *, ? and [] match"},
    {0, "outcome", "WORD", STR, AT(outcome), OPT_LOG,
     "Only what ended so: ok, changed, failed, unreachable, interrupted, done, ..."},
    {0, "type", "TYPES", STR, AT(type), OPT_LOG,
     "Only these types of events, with commas between: change, run.*, gate.failed, ..."},
    {0, "run", "ID", STR, AT(run_id), OPT_LOG, "Only events of this run"},
    {0, "rollout", "ID", STR, AT(rollout), OPT_LOG, "Only events of this rollout"},
    {0, "runs", NULL, FLAG, AT(runs), OPT_LOG, "List runs, a line each, instead of events"},
    {'n', "number", "N", INT, AT(number), OPT_LOG | OPT_WHO,
     "At most the last N (log: 100; 0: all)"},
    {'D', "diff", NULL, FLAG, AT(diff), OPT_LOG, "Show the differences of changes"},
    {'q', "quiet", NULL, FLAG, AT(quiet), OPT_WHO, "Without the differences"},
    {0, "output", "KIND", STR, AT(output), OPT_LOG | OPT_WHO, "text or json (an object per line)"},
    {0, "output", "KIND", STR, AT(output), OPT_AUDIT, "text, csv or json (an object per line)"},
    {0, "output", "KIND", STR, AT(output), OPT_LEDGER, "text or json"},
    {0, "format", "FORMAT", STR, AT(format), OPT_LEDGER,
     "export: jsonl, tiles (static files of C2SP tlog-tiles) or cdevents"},
    {0, "to", "PATH", STR, AT(to), OPT_LEDGER, "export: the file or, for tiles, the folder"},
    {0, "from", "SEQ", STR, AT(from), OPT_LEDGER, "export: only this event and those behind it"},
    {0, "blobs", NULL, FLAG, AT(blobs), OPT_LEDGER, "verify: read all kept content too"},
    {0, "reason", "TEXT", STR, AT(reason), OPT_LEDGER,
     "rotate-key, redact: why, for the event that says so (redact needs it)"},
    {0, "key", "KEY", STR, AT(key), OPT_LEDGER,
     "verify: trust this public key (or the one in this file), not the one beside the ledger"},
    {0, "checkpoint", "FILE", STR, AT(checkpoint), OPT_LEDGER,
     "verify: the ledger must also go on from this checkpoint, which was kept elsewhere"},
    {0, "size", "N", STR, AT(size), OPT_LEDGER, "proof: of the tree of the first N events"},
    {0, "old", "N", STR, AT(old), OPT_LEDGER,
     "proof: that this tree begins with that of the first N events"},
    {0, "origin", "NAME", STR, AT(origin), OPT_LEDGER,
     "init: the name in checkpoints (HOST/andon)"},
    {0, "artifact", "FILE", STR, AT(artifact), OPT_RELEASE,
     "create: what is delivered: a tar archive, compressed or not, a zip archive or any other "
     "file; kept by its digest"},
    {0, "commit", "SHA", STR, AT(commit), OPT_RELEASE,
     "create: the commit it is made of (HEAD of the service's repository)"},
    {0, "digest", "SHA256", STR, AT(digest), OPT_RELEASE,
     "create: the digest the artifact must have"},
    {0, "file", "FILE", STR, AT(service_file), OPT_RELEASE,
     "The service file (andon.yml here or above)"},
    {0, "ring", "RING", STR, AT(ring), OPT_APPROVE, "approve, refuse: which ring of the rollout"},
    {0, "reason", "TEXT", STR, AT(reason), OPT_APPROVE, "Why; refuse needs it"},
    {'y', "yes", NULL, FLAG, AT(yes), OPT_APPROVE, "Do not ask"},
    {0, "output", "KIND", STR, AT(output), OPT_RELEASE | OPT_APPROVE,
     "text or json (an object per line)"},
    {0, "request", NULL, FLAG, AT(request), OPT_RUN | OPT_DO,
     "Protected hosts: ask others to approve this, with its dry run"},
    {0, "break-glass", "REASON", STR, AT(break_glass), OPT_RUN | OPT_DO | OPT_UNDO,
     "Protected hosts: do it without approval; it is recorded, with the reason"},
    {0, "reason", "TEXT", STR, AT(reason), OPT_DEPLOY,
     "Why; it is recorded (stop and promote need one)"},
    {0, "release", NULL, FLAG, AT(let_go), OPT_DEPLOY, "stop: let the line go on"},
    {0, "output", "KIND", STR, AT(output), OPT_DEPLOY, "text or json (an event per line)"},
    {0, "out", "FILE", STR, AT(out_file), OPT_PLAN,
     "Keep the plan in a file, as JSON; its digest is told"},
    {'C', "check", NULL, FLAG, AT(check), OPT_DRIFT, "Only tell; record nothing"},
    {0, "output", "KIND", STR, AT(output), OPT_DRIFT, "text or json"},
    {0, "force", NULL, FLAG, AT(force), OPT_UNDO, "Put back also what was changed since the run"},
    {0, "deadline", "TIME", STR, AT(deadline), OPT_UNDO,
     "How long a host may take: 90s, 15m, 2h (30m)"},
    {0, "status", NULL, FLAG, AT(status), OPT_UNDO,
     "Tell what hosts know of the run and of interrupted undos; change nothing"},
    {0, "output", "KIND", STR, AT(output), OPT_UNDO | OPT_PLAN, "text or json"},
    {'v', "verbose", NULL, COUNT, AT(verbosity), OPT_ALL | OPT_VAULT,
     "More output: -v results, -vv where tasks stand, -vvv arguments and connections"},
    {'h', "help", NULL, FLAG, AT(help), OPT_EVERY, "This text"},
    {0, "version", NULL, FLAG, AT(version), OPT_EVERY, "The version"},
};

#define N_ROWS (sizeof table / sizeof *table)

static void add_commas(struct arena *a, struct list *l, const char *s)
{
    while (*s) {
        size_t n = strcspn(s, ",");
        const char *from = s + strspn(s, " ");
        if (n && from < s + n)
            list_add(l, value_strn(a, from, (size_t)(s + n - from)));
        s += n + (s[n] == ',');
    }
}

static int fail(struct err *e, const struct row *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct err *e, const struct row *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, ERR_INVALID, POS_NONE, fmt, ap);
    va_end(ap);
    return r->shortname ? err_wrap(e, "argument -%c/--%s", r->shortname, r->name)
                        : err_wrap(e, "argument --%s", r->name);
}

static int apply(struct options *o, const struct row *r, const char *value, struct err *e)
{
    char *field = (char *)o + r->offset, *end;
    switch (r->kind) {
    case FLAG:
        *(bool *)(void *)field = true;
        break;
    case COUNT:
        ++*(int *)(void *)field;
        break;
    case INT: {
        long n = strtol(value, &end, 10);
        if (*end || end == value || n < 0 || n > 1000000)
            return fail(e, r, "invalid int value: '%s'", value);
        *(int *)(void *)field = n ? (int)n : r->offset == AT(forks) ? -1 : 0;
        break;
    }
    case STR:
        *(const char **)(void *)field = value;
        break;
    case LIST:
        list_add(*(struct list **)(void *)field, value_cstr(value));
        break;
    case COMMA_LIST:
        add_commas(o->arena, *(struct list **)(void *)field, value);
        break;
    }
    return 0;
}

static const struct row *find_long(const char *name, size_t n, unsigned command, struct err *e)
{
    const struct row *found = NULL;
    const char *names[N_ROWS];
    int k = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!(table[i].commands & command))
            continue;
        names[k++] = table[i].name;
        if (strncmp(table[i].name, name, n) != 0)
            continue;
        if (strlen(table[i].name) == n)
            return &table[i];
        if (found && found->offset != table[i].offset) {
            err_set(e, ERR_INVALID, POS_NONE, "ambiguous option: --%.*s could match --%s, --%s",
                    (int)n, name, found->name, table[i].name);
            return NULL;
        }
        found = &table[i];
    }
    if (found)
        return found;
    char word[64];
    size_t len = n < sizeof word - 1 ? n : sizeof word - 1;
    memcpy(word, name, len);
    word[len] = '\0';
    const char *near = err_suggest(word, names, k);
    err_set(e, ERR_INVALID, POS_NONE, "unrecognized arguments: --%s%s%s%s", word,
            near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
    return NULL;
}

static const struct row *find_short(char c, unsigned command)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (table[i].shortname == c && (table[i].commands & command))
            return &table[i];
    return NULL;
}

static int parse_short(struct options *o, int argc, char **argv, int *i, unsigned command,
                       struct err *e)
{
    for (const char *s = argv[*i] + 1; *s; s++) {
        const struct row *r = find_short(*s, command);
        if (!r)
            return err_set(e, ERR_INVALID, POS_NONE, "unrecognized arguments: -%c", *s);
        const char *value = NULL;
        if (r->arg) {
            value = s[1] ? s + 1 : ++*i < argc ? argv[*i] : NULL;
            if (!value)
                return fail(e, r, "expected one argument");
            return apply(o, r, value, e);
        }
        int rc = apply(o, r, NULL, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse_long(struct options *o, int argc, char **argv, int *i, unsigned command,
                      struct err *e)
{
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    const struct row *r = find_long(name, eq ? (size_t)(eq - name) : strlen(name), command, e);
    if (!r)
        return ERR_INVALID;
    const char *value = eq ? eq + 1 : NULL;
    if (r->arg && !value)
        value = ++*i < argc ? argv[*i] : NULL;
    if (r->arg && !value)
        return fail(e, r, "expected one argument");
    if (!r->arg && eq)
        return fail(e, r, "ignored explicit argument '%s'", value);
    return apply(o, r, value, e);
}

int options_parse(struct options *o, struct arena *a, int argc, char **argv, unsigned command,
                  struct err *e)
{
    *o = (struct options){.arena = a};
    o->inventories = value_list(a).u.list;
    o->extra_vars = value_list(a).u.list;
    o->tags = value_list(a).u.list;
    o->skip_tags = value_list(a).u.list;
    o->vault_ids = value_list(a).u.list;
    o->vault_files = value_list(a).u.list;
    o->names = value_list(a).u.list;
    o->only = value_list(a).u.list;
    o->args = value_list(a).u.list;
    o->poll = 15;
    o->number = -1;
    bool only_args = false;
    int rc = 0;
    for (int i = 1; i < argc && rc == 0; i++) {
        const char *s = argv[i];
        if (only_args || s[0] != '-' || !s[1])
            list_add(o->args, value_cstr(s));
        else if (strcmp(s, "--") == 0)
            only_args = true;
        else if (s[1] == '-')
            rc = parse_long(o, argc, argv, &i, command, e);
        else
            rc = parse_short(o, argc, argv, &i, command, e);
    }
    return rc;
}

void options_help(struct buf *b, unsigned command)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *r = &table[i];
        if (!(r->commands & command) || strcmp(r->help, "The same") == 0)
            continue;
        size_t start = b->len;
        if (r->shortname)
            buf_addf(b, "  -%c, --%s", r->shortname, r->name);
        else
            buf_addf(b, "      --%s", r->name);
        if (r->arg)
            buf_addf(b, " %s", r->arg);
        size_t n = b->len - start;
        buf_fill(b, ' ', n < 32 ? 32 - n : 2);
        buf_addf(b, "%s\n", r->help);
    }
}

void options_man(struct buf *b, unsigned command)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *r = &table[i];
        if (!(r->commands & command))
            continue;
        buf_adds(b, ".TP\n");
        if (r->shortname)
            buf_addf(b, "\\fB\\-%c\\fR, ", r->shortname);
        buf_adds(b, "\\fB\\-\\-");
        for (const char *p = r->name; *p; p++)
            buf_adds(b, *p == '-' ? "\\-" : (char[]){*p, '\0'});
        buf_adds(b, "\\fR");
        if (r->arg)
            buf_addf(b, " \\fI%s\\fR", r->arg);
        buf_addf(b, "\n%s.\n", r->help);
    }
}

void options_words(struct buf *b, unsigned command)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (table[i].commands & command)
            buf_addf(b, "%s--%s", b->len ? " " : "", table[i].name);
}
