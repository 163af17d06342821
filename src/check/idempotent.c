// Tasks that report a change every time, and those whose outcome depends on the day.
#include "check/internal.h"

#include "core/buf.h"

#include <string.h>

// Commands that only read, as beginnings of a command line; those that end in a blank need more
// words.
static const char *const readers[] = {
    "ansible --version",
    "apt-cache ",
    "apt-mark show",
    "awk ",
    "basename ",
    "blkid",
    "cat ",
    "ceph -s",
    "ceph health",
    "ceph status",
    "cmp ",
    "command -v ",
    "cut ",
    "date",
    "df",
    "diff ",
    "dig ",
    "dirname ",
    "dmesg",
    "dmidecode",
    "docker images",
    "docker info",
    "docker inspect ",
    "docker ps",
    "docker version",
    "docker --version",
    "docker-compose --version",
    "dpkg --print-",
    "dpkg -l",
    "dpkg -s ",
    "dpkg-query ",
    "du ",
    "echo ",
    "egrep ",
    "env",
    "etcdctl get ",
    "facter",
    "false",
    "fgrep ",
    "file ",
    "findmnt",
    "free",
    "gem list",
    "getcap ",
    "getconf ",
    "getenforce",
    "getent ",
    "git describe",
    "git log",
    "git ls-remote",
    "git rev-parse",
    "git show",
    "git status",
    "grep ",
    "groups",
    "head ",
    "host ",
    "hostname -",
    "hostnamectl status",
    "id",
    "ip a",
    "ip -",
    "ip link show",
    "ip r",
    "java -version",
    "journalctl ",
    "kubectl get ",
    "kubectl version",
    "kubectl describe ",
    "last",
    "lsb_release",
    "ls",
    "lsblk",
    "lscpu",
    "lsmod",
    "lsof",
    "lspci",
    "lvs",
    "md5sum ",
    "mongo --version",
    "mysql --version",
    "netstat",
    "nginx -t",
    "nginx -v",
    "nginx -V",
    "node --version",
    "node -v",
    "npm list",
    "nproc",
    "npm --version",
    "openssl version",
    "openssl x509 ",
    "pgrep ",
    "php --version",
    "php -v",
    "ping ",
    "pip list",
    "pip freeze",
    "pip show ",
    "printf ",
    "ps",
    "pvs",
    "pwd",
    "python --version",
    "python3 --version",
    "readlink ",
    "realpath ",
    "rpm -q",
    "rpm --eval",
    "runlevel",
    "sed -n ",
    "semanage fcontext -l",
    "sestatus",
    "sha1sum ",
    "sha256sum ",
    "sort ",
    "ss",
    "sshd -T",
    "sshd -t",
    "sshd -V",
    "stat ",
    "sysctl -n",
    "sysctl -a",
    "systemctl cat ",
    "systemctl is-",
    "systemctl list-",
    "systemctl show",
    "systemctl status",
    "tail ",
    "test ",
    "timedatectl show",
    "tr ",
    "true",
    "type ",
    "ufw status",
    "ulimit",
    "umask",
    "uname",
    "uptime",
    "vgs",
    "wc ",
    "which ",
    "who",
    "whoami",
    "yum list",
    "yum repolist",
    "zfs get ",
    "zfs list",
    "zpool list",
    "zpool status",
    "[ ",
    "[[ ",
};

static bool begins(const char *line, const char *with)
{
    size_t n = strlen(with);
    if (strncmp(line, with, n) != 0)
        return false;
    return with[n - 1] == ' ' || with[n - 1] == '-' || !line[n] || strchr(" \t\n|;&>-=", line[n]);
}

static const char *without_folder(const char *line)
{
    static const char *const folders[] = {
        "/usr/local/bin/", "/usr/local/sbin/", "/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(line, folders[i], strlen(folders[i])) == 0)
            return line + strlen(folders[i]);
    return line;
}

static bool only_reads(const char *line)
{
    line += strspn(line, " \t\n");
    line = without_folder(line);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (begins(line, readers[i]))
            return !strstr(line, " > /") && !strstr(line, ">> ") && !strstr(line, "| tee ");
    // "--version" and "find" without an action
    if (strstr(line, "--version") && !strpbrk(line, ";&|>"))
        return true;
    return begins(line, "find ") && !strstr(line, "-delete") && !strstr(line, "-exec");
}

static bool is_command(const struct task *t)
{
    return strcmp(t->module, "command") == 0 || strcmp(t->module, "shell") == 0 ||
           strcmp(t->module, "raw") == 0 || strcmp(t->module, "script") == 0;
}

// True when something says whether it runs or what counts as a change.
static bool is_guarded(const struct task *t)
{
    if (dict_get(t->args.u.dict, "creates") || dict_get(t->args.u.dict, "removes") ||
        node_own(&t->n, "changed_when"))
        return true;
    for (const struct node *n = &t->n; n; n = n->parent)
        if (node_own(n, "when"))
            return true;
    return false;
}

void rule_idempotence(struct check *c, const struct task *t)
{
    if (!is_command(t) || t->handler || t->args.type != VALUE_DICT || c->maybe || is_guarded(t) ||
        dict_get(t->args.u.dict, "_variable_params"))
        return;
    const char *line = any_arg(t, "_raw_params");
    const struct value *argv = dict_get(t->args.u.dict, "argv");
    if (!line && argv && argv->type == VALUE_LIST) {
        struct buf b = BUF_INIT;
        for (size_t i = 0; i < argv->u.list->len; i++)
            buf_addf(&b, "%s%s", i ? " " : "", value_to_cstr(c->a, &argv->u.list->items[i]));
        line = arena_strdup(c->a, buf_str(&b));
        buf_release(&b);
    }
    if (!line)
        line = any_arg(t, "cmd");
    if (!line || strncmp(line, "{{", 2) == 0 ||
        (strcmp(t->module, "script") != 0 && only_reads(line)))
        return;
    report(
        c, CHECK_NEVER_IDEMPOTENT, t->n.pos,
        "this %s reports a change on every run: say when it need not run (creates, removes, when) "
        "or what is a change (changed_when)",
        t->module);
}

void rule_latest(struct check *c, const struct task *t)
{
    const struct value *v = t->args.type == VALUE_DICT ? dict_get(t->args.u.dict, "state") : NULL;
    if (v && value_eqs(v, "latest"))
        report(c, CHECK_LATEST, value_pos(v).line ? value_pos(v) : t->n.pos,
               "state: latest installs what is newest on the day of the run");
}
