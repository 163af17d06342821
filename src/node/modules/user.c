// user: accounts of the host, changed with useradd, usermod and userdel (libuser's tools with
// local, busybox's on Alpine). Whether anything has to be changed is decided from the files alone.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/accounts.h"
#include "node/modules/user_home.h"
#include "node/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ARGS_MAX 64

// One task.
struct user {
    struct module *m;
    struct arena *a;
    const char *name, *group, *home, *password;
    bool local, create_home, append;
    struct list *groups; // NULL: not given
    bool has_expires;
    int64_t expires; // seconds
    const char *argv[ARGS_MAX];
    size_t argc;
    struct account_out out;
};

static void arg(struct user *u, const char *word)
{
    if (u->argc < ARGS_MAX - 1)
        u->argv[u->argc++] = word;
    u->argv[u->argc] = NULL;
}

static void arg2(struct user *u, const char *option, const char *value)
{
    arg(u, option);
    arg(u, value);
}

static const char *number(struct user *u, int64_t n)
{
    return arena_printf(u->a, "%lld", (long long)n);
}

static int run(struct user *u)
{
    return account_run(u->m, u->argv, NULL, &u->out);
}

static void start(struct user *u, const char *tool)
{
    u->argc = 0;
    arg(u, tool);
}

static bool exists(struct user *u, struct account *ret)
{
    return account_find(u->m, u->name, u->local, ret);
}

// The account with its real password field.
static bool info(struct user *u, struct account *ret)
{
    struct shadow s;
    if (!exists(u, ret))
        return false;
    if (strlen(ret->password) <= 1)
        ret->password = shadow_find(u->m, u->name, &s) ? s.password : "";
    return true;
}

static const char *date(struct user *u, int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    return arena_strdup(u->a, text);
}

static int require_group(struct user *u, const char *name, struct group_entry *ret)
{
    return group_find(u->m, name, ret) ? 0 : module_fail(u->m, "Group %s does not exist", name);
}

// The groups of the task: existing ones, each once, without the primary group (of before, when not
// NULL).
static int wanted_groups(struct user *u, const struct account *before, struct list **ret)
{
    struct list *l = value_list(u->a).u.list;
    for (size_t i = 0; u->groups && i < u->groups->len; i++) {
        const char *text = value_to_cstr(u->a, &u->groups->items[i]);
        for (char *c = arena_strdup(u->a, text), *piece; (piece = text_piece(&c, ','));) {
            struct group_entry g;
            const char *name = text_strip(piece);
            if (!*name || text_list_has(l, name))
                continue;
            if (require_group(u, name, &g) != 0)
                return ERR_FAILED;
            if (!before || g.gid != before->gid)
                list_add(l, value_cstr(name));
        }
    }
    *ret = l;
    return 0;
}

// Whether the task's groups hold a name at all ("groups: ''" holds none).
static bool names_groups(const struct user *u)
{
    for (size_t i = 0; u->groups && i < u->groups->len; i++)
        if (value_truthy(&u->groups->items[i]))
            return true;
    return false;
}

static void password_args(struct user *u)
{
    bool lock = module_bool(u->m, "password_lock");
    arg2(u, "-p", lock ? arena_printf(u->a, "!%s", u->password) : u->password);
}

// --- libuser's second steps

static int each_group(struct user *u, const char *option, const struct list *groups)
{
    for (size_t i = 0; i < groups->len; i++) {
        start(u, "lgroupmod");
        arg2(u, option, u->name);
        arg(u, groups->items[i].u.str.s);
        if (run(u) != 0)
            return ERR_FAILED;
        if (u->out.rc != 0)
            return 0;
    }
    return 0;
}

static int local_expires(struct user *u)
{
    start(u, "lchage");
    arg2(u, "-E", number(u, u->expires < 0 ? -1 : u->expires / 86400));
    arg(u, u->name);
    return run(u);
}

// --- making an account

static int add_options(struct user *u)
{
    struct module *m = u->m;
    struct group_entry g;
    const char *comment = module_str(m, "comment"), *shell = module_str(m, "shell");
    if (module_has(m, "uid")) {
        arg2(u, "-u", number(u, module_int(m, "uid", 0)));
        if (module_bool(m, "non_unique"))
            arg(u, "-o");
    }
    if (module_has(m, "seuser"))
        arg2(u, "-Z", module_str(m, "seuser"));
    if (u->group) {
        if (require_group(u, u->group, &g) != 0)
            return ERR_FAILED;
        arg2(u, "-g", u->group);
    } else if (group_find(m, u->name, &g)) {
        arg(u, u->local ? "-n" : "-N");
    }
    struct list *groups = NULL;
    if (names_groups(u)) {
        if (wanted_groups(u, NULL, &groups) != 0)
            return ERR_FAILED;
        if (!u->local)
            arg2(u, "-G", text_join(u->a, groups, ","));
    }
    if (comment)
        arg2(u, "-c", comment);
    if (u->home) {
        char *parent = arena_strdup(u->a, u->home), *slash = strrchr(parent, '/');
        if (slash)
            *slash = '\0';
        if (u->create_home && !m->check && slash && *parent && !text_exists(parent) &&
            home_create(m, u->home, module_str(m, "skeleton")) != 0)
            return ERR_FAILED;
        arg2(u, "-d", u->home);
    }
    if (shell)
        arg2(u, "-s", shell);
    return 0;
}

static void add_home_options(struct user *u)
{
    struct module *m = u->m;
    if (!u->create_home) {
        arg(u, "-M");
        return;
    }
    if (!u->local)
        arg(u, "-m");
    if (module_str(m, "skeleton"))
        arg2(u, "-k", module_str(m, "skeleton"));
    if (module_str(m, "umask"))
        arg2(u, "-K", arena_printf(u->a, "UMASK=%s", module_str(m, "umask")));
}

static int add_local_rest(struct user *u)
{
    struct list *groups;
    if (u->has_expires && (local_expires(u) != 0 || u->out.rc != 0))
        return u->out.rc != 0 ? 0 : ERR_FAILED;
    if (!names_groups(u))
        return 0;
    return wanted_groups(u, NULL, &groups) != 0 ? ERR_FAILED : each_group(u, "-M", groups);
}

static int add_user(struct user *u)
{
    static const char *const libuser[] = {"lgroupmod", "lchage"};
    for (size_t i = 0; u->local && i < sizeof libuser / sizeof *libuser; i++)
        if (!proc_which(u->a, libuser[i]))
            return proc_fail_missing(u->m, libuser[i]);
    start(u, u->local ? "luseradd" : "useradd");
    if (add_options(u) != 0)
        return ERR_FAILED;
    if (u->has_expires && !u->local)
        arg2(u, "-e", u->expires < 0 ? "" : date(u, u->expires));
    if (u->password)
        password_args(u);
    add_home_options(u);
    if (module_bool(u->m, "system"))
        arg(u, "-r");
    arg(u, u->name);
    if (run(u) != 0)
        return ERR_FAILED;
    return u->local && u->out.rc == 0 ? add_local_rest(u) : 0;
}

// --- changing one

// Names of x that are not in y.
static struct list *difference(struct arena *a, const struct list *x, const struct list *y)
{
    struct list *l = value_list(a).u.list;
    for (size_t i = 0; i < x->len; i++)
        if (!text_list_has(y, x->items[i].u.str.s))
            list_add(l, x->items[i]);
    return l;
}

// Supplementary groups: options of usermod, or the lists for libuser.
static int modify_groups(struct user *u, struct list **ret_add, struct list **ret_del)
{
    struct list *wanted;
    if (wanted_groups(u, NULL, &wanted) != 0)
        return ERR_FAILED;
    struct list *current = groups_of(u->m, u->name);
    struct list *add = difference(u->a, wanted, current), *del = difference(u->a, current, wanted);
    if (add->len == 0 && (u->append || del->len == 0))
        return 0;
    if (u->local) {
        *ret_add = add;
        *ret_del = u->append ? value_list(u->a).u.list : del;
        return 0;
    }
    if (u->append)
        arg(u, "-a");
    arg2(u, "-G", text_join(u->a, wanted, ","));
    return 0;
}

// Whether the day of expiry differs from what the shadow file has.
static bool expires_differs(struct user *u)
{
    struct shadow s;
    int64_t current = shadow_find(u->m, u->name, &s) ? s.expire : -1;
    if (u->expires < 0)
        return current >= 0;
    return current < 0 || current != u->expires / 86400;
}

static int modify_basics(struct user *u, const struct account *now)
{
    struct module *m = u->m;
    const char *comment = module_str(m, "comment"), *shell = module_str(m, "shell");
    if (module_has(m, "uid") && now->uid != (uid_t)module_int(m, "uid", 0)) {
        arg2(u, "-u", number(u, module_int(m, "uid", 0)));
        if (module_bool(m, "non_unique"))
            arg(u, "-o");
    }
    if (u->group) {
        struct group_entry g;
        if (require_group(u, u->group, &g) != 0)
            return ERR_FAILED;
        if (now->gid != g.gid)
            arg2(u, "-g", number(u, g.gid));
    }
    struct list *add = NULL, *del = NULL;
    if (u->groups && modify_groups(u, &add, &del) != 0)
        return ERR_FAILED;
    if (comment && strcmp(now->comment, comment) != 0)
        arg2(u, "-c", comment);
    if (u->home && strcmp(now->home, u->home) != 0) {
        arg2(u, "-d", u->home);
        if (module_bool(m, "move_home"))
            arg(u, "-m");
    }
    if (shell && strcmp(now->shell, shell) != 0)
        arg2(u, "-s", shell);
    return 0;
}

static void modify_password(struct user *u, const struct account *now)
{
    struct module *m = u->m;
    bool locked = *now->password == '!';
    bool always = strcmp(module_str(m, "update_password"), "always") == 0;
    const char *old = now->password + strspn(now->password, "!");
    if (always && u->password && strcmp(old, u->password + strspn(u->password, "!")) != 0)
        password_args(u);
    else if (module_has(m, "password_lock") && module_bool(m, "password_lock") != locked)
        arg(u, locked ? "-U" : "-L");
}

static int modify_local_rest(struct user *u)
{
    struct list *wanted;
    if (u->has_expires && expires_differs(u) && (local_expires(u) != 0 || u->out.rc != 0))
        return u->out.rc != 0 ? 0 : ERR_FAILED;
    if (!u->groups)
        return 0;
    if (wanted_groups(u, NULL, &wanted) != 0)
        return ERR_FAILED;
    struct list *current = groups_of(u->m, u->name);
    if (each_group(u, "-M", difference(u->a, wanted, current)) != 0 || u->out.rc != 0 || u->append)
        return u->out.rc != 0 || u->append ? 0 : ERR_FAILED;
    return each_group(u, "-m", difference(u->a, current, wanted));
}

static int modify_user(struct user *u)
{
    struct account now;
    if (!info(u, &now))
        return 0;
    start(u, u->local ? "lusermod" : "usermod");
    if (modify_basics(u, &now) != 0)
        return ERR_FAILED;
    if (u->has_expires && !u->local && expires_differs(u))
        arg2(u, "-e", u->expires < 0 ? "" : date(u, u->expires));
    modify_password(u, &now);
    if (u->argc > 1) {
        arg(u, u->name);
        if (run(u) != 0)
            return ERR_FAILED;
    }
    return u->local && (!u->out.ran || u->out.rc == 0) ? modify_local_rest(u) : 0;
}

// --- busybox

static int busybox_password(struct user *u)
{
    const char *argv[] = {"chpasswd", "--encrypted", NULL};
    return account_run(u->m, argv, arena_printf(u->a, "%s:%s\n", u->name, u->password), &u->out);
}

static int busybox_groups(struct user *u, const char *tool, const struct list *groups)
{
    for (size_t i = 0; i < groups->len; i++) {
        const char *argv[] = {tool, u->name, groups->items[i].u.str.s, NULL};
        if (account_run(u->m, argv, NULL, &u->out) != 0)
            return ERR_FAILED;
        if (u->out.rc != 0)
            return account_fail(u->m, u->name, &u->out, true);
    }
    return 0;
}

static int busybox_add(struct user *u)
{
    struct module *m = u->m;
    struct group_entry g;
    struct list *groups;
    static const char *const plain[][2] = {{"comment", "-g"}, {"home", "-h"}, {"shell", "-s"}};
    start(u, "adduser");
    arg(u, "-D");
    if (module_has(m, "uid"))
        arg2(u, "-u", number(u, module_int(m, "uid", 0)));
    if (u->group) {
        if (require_group(u, u->group, &g) != 0)
            return ERR_FAILED;
        arg2(u, "-G", u->group);
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (module_str(m, plain[i][0]))
            arg2(u, plain[i][1], module_str(m, plain[i][0]));
    if (!u->create_home)
        arg(u, "-H");
    if (module_str(m, "skeleton"))
        arg2(u, "-k", module_str(m, "skeleton"));
    if (module_bool(m, "system"))
        arg(u, "-S");
    arg(u, u->name);
    if (run(u) != 0)
        return ERR_FAILED;
    if (u->out.rc != 0)
        return account_fail(m, u->name, &u->out, true);
    if (u->password && busybox_password(u) != 0)
        return ERR_FAILED;
    if (!names_groups(u))
        return 0;
    return wanted_groups(u, NULL, &groups) != 0 ? ERR_FAILED : busybox_groups(u, "adduser", groups);
}

static int busybox_modify(struct user *u)
{
    struct account now;
    struct list *wanted;
    if (!info(u, &now))
        return 0;
    if (names_groups(u)) {
        if (wanted_groups(u, &now, &wanted) != 0)
            return ERR_FAILED;
        struct list *current = groups_of(u->m, u->name);
        if (busybox_groups(u, "adduser", difference(u->a, wanted, current)) != 0)
            return ERR_FAILED;
        if (!u->append && busybox_groups(u, "delgroup", difference(u->a, current, wanted)) != 0)
            return ERR_FAILED;
    }
    bool always = strcmp(module_str(u->m, "update_password"), "always") == 0;
    if (always && u->password && strcmp(now.password, u->password) != 0)
        return busybox_password(u);
    return 0;
}

// --- the task

// A home comes or goes as a whole, with the user's mail.
static int keep_home(struct user *u, const char *home)
{
    if (journal_whole(u->m, home, NULL) < 0)
        return ERR_FAILED;
    return journal_path(u->m, arena_printf(u->a, "/var/mail/%s", u->name), NULL);
}

// Where useradd makes the home of a new user.
static const char *default_home(struct user *u)
{
    const char *base = "/home";
    if (u->home)
        return u->home;
    for (char *c = text_read(u->a, "/etc/default/useradd", NULL), *line; (line = text_line(&c));)
        if (text_after(line, "HOME="))
            base = line + 5;
    return arena_printf(u->a, "%s/%s", base, u->name);
}

static int remove_user(struct user *u)
{
    bool busybox = accounts_busybox(u->m);
    struct account now;
    if (!u->m->check && module_bool(u->m, "remove") && info(u, &now) && keep_home(u, now.home) < 0)
        return ERR_FAILED;
    start(u, busybox ? "deluser" : u->local ? "luserdel" : "userdel");
    if (busybox) {
        arg(u, u->name);
        if (module_bool(u->m, "remove"))
            arg(u, "--remove-home");
        return run(u);
    }
    if (module_bool(u->m, "force") && !u->local)
        arg(u, "-f");
    if (module_bool(u->m, "remove"))
        arg(u, "-r");
    arg(u, u->name);
    return run(u);
}

// Warns about a password that is not a hash.
static void check_password(struct user *u)
{
    const char *p = u->password;
    static const struct {
        const char *kind;
        size_t len;
    } hashes[] = {{"1", 22}, {"5", 43}, {"6", 86}};
    if (!p || !*p || strcmp(p, "*") == 0 || strcmp(p, "!") == 0 || strcmp(p, "*************") == 0)
        return;
    const char *kind = strchr(p, '$'), *hash = strrchr(p, '$');
    bool bad = strpbrk(p, ":*!") || !kind || kind == hash;
    if (kind && kind != hash) {
        for (const char *c = hash + 1; *c; c++)
            bad = bad || !(isalnum((unsigned char)*c) || strchr("./=", *c));
        for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
            size_t n = strlen(hashes[i].kind);
            if (strncmp(kind + 1, hashes[i].kind, n) == 0 && kind[1 + n] == '$')
                bad = bad || strlen(hash + 1) != hashes[i].len;
        }
    }
    if (bad)
        module_warn(u->m, "The input password appears not to have been hashed. The 'password' "
                          "argument must be encrypted for this module to work properly.");
}

// Account fields of the result; makes a home that is missing.
static int report_account(struct user *u, const struct account *now)
{
    struct module *m = u->m;
    module_set(m, "uid", value_int(now->uid));
    module_set(m, "group", value_int(now->gid));
    module_set_str(m, "comment", now->comment);
    module_set_str(m, "home", now->home);
    module_set_str(m, "shell", now->shell);
    if (u->groups)
        module_set_str(m, "groups", text_join(u->a, u->groups, ","));
    const char *home = u->home ? u->home : now->home;
    if (!u->create_home || text_exists(home))
        return 0;
    module_changed(m, true);
    if (m->check)
        return 0;
    if (keep_home(u, home) < 0)
        return ERR_FAILED;
    if (home_create(m, home, module_str(m, "skeleton")) != 0)
        return ERR_FAILED;
    return home_chown(m, home, now->uid, now->gid);
}

static int create(struct user *u)
{
    struct module *m = u->m;
    struct account now;
    char *parent = arena_strdup(u->a, u->home ? u->home : ""), *slash = strrchr(parent, '/');
    if (slash)
        *slash = '\0';
    if (!m->check && keep_home(u, default_home(u)) < 0)
        return ERR_FAILED;
    bool lone = u->home && u->create_home && slash && *parent && !text_exists(parent);
    if ((accounts_busybox(m) ? busybox_add(u) : add_user(u)) != 0)
        return ERR_FAILED;
    if (lone && info(u, &now) && text_exists(u->home) &&
        home_chown(m, u->home, now.uid, now.gid) != 0)
        return ERR_FAILED;
    return 0;
}

static int make_present(struct user *u, bool there)
{
    struct module *m = u->m;
    if (!there)
        return create(u);
    return accounts_busybox(m) ? busybox_modify(u) : modify_user(u);
}

// Fields that tell what was done to the account.
static void report_action(struct user *u, bool present, bool there)
{
    struct module *m = u->m;
    if (present && there) {
        module_set(m, "append", value_bool(u->append));
        module_set(m, "move_home", value_bool(module_bool(m, "move_home")));
    } else if (present) {
        module_set(m, "system", value_bool(module_bool(m, "system")));
        module_set(m, "create_home", value_bool(u->create_home));
    } else if (there) {
        module_set(m, "force", value_bool(module_bool(m, "force")));
        module_set(m, "remove", value_bool(module_bool(m, "remove")));
    }
    if (present && u->password)
        module_set_str(m, "password", "NOT_LOGGING_PASSWORD");
}

static int perform(struct user *u, bool present, bool there)
{
    struct module *m = u->m;
    struct account now;
    if (present ? make_present(u, there) : there ? remove_user(u) : 0)
        return ERR_FAILED;
    if (u->out.ran && u->out.rc != 0)
        return account_fail(m, u->name, &u->out, true);
    report_action(u, present, there);
    module_set_str(m, "name", u->name);
    module_set_str(m, "state", module_str(m, "state"));
    module_changed(m, u->out.ran);
    if (u->out.out && *u->out.out)
        module_set_str(m, "stdout", u->out.out);
    if (u->out.err && *u->out.err)
        module_set_str(m, "stderr", u->out.err);
    if (!present || !info(u, &now))
        return 0;
    if (report_account(u, &now) != 0)
        return ERR_FAILED;
    if (module_bool(m, "generate_ssh_key") && user_ssh_key(m, &now) != 0)
        return ERR_FAILED;
    return user_password_ageing(m, u->name);
}

int mod_user(struct module *m)
{
    struct user u = {.m = m,
                     .a = m->arena,
                     .name = module_str(m, "name"),
                     .group = module_str(m, "group"),
                     .home = module_str(m, "home"),
                     .password = module_str(m, "password"),
                     .local = module_bool(m, "local"),
                     .create_home = module_bool(m, "create_home"),
                     .append = module_bool(m, "append")};
    const struct value *expires = dict_get(m->args, "expires");
    const struct list *groups = module_list(m, "groups");
    struct account now;
    if (module_str(m, "umask") && u.local)
        return module_fail(m, "'umask' can not be used with 'local'");
    if (groups) {
        struct value copy = value_list(m->arena);
        for (size_t i = 0; i < groups->len; i++)
            list_add(copy.u.list, groups->items[i]);
        u.groups = copy.u.list;
    }
    if (expires && (value_is(expires, VALUE_FLOAT) || value_is(expires, VALUE_INT))) {
        u.has_expires = true;
        u.expires = value_is(expires, VALUE_INT) ? expires->u.i : (int64_t)floor(expires->u.f);
    }
    if (!u.groups && u.append)
        module_warn(m, "'append' is set, but no 'groups' are specified. Use 'groups' for appending "
                       "new groups.This will change to an error in Ansible 2.14.");
    check_password(&u);
    bool present = strcmp(module_str(m, "state"), "present") == 0, there = exists(&u, &now);
    if (u.local && !there)
        module_warn(m,
                    "'local: true' specified and user '%s' was not found in /etc/passwd. The local "
                    "user account may already exist if the local account database exists somewhere "
                    "other than /etc/passwd.",
                    u.name);
    if (m->check && present != there) {
        module_changed(m, true);
        return 0;
    }
    return perform(&u, present, there);
}
