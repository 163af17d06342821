// What is no path: how the journal looks at services, accounts, crontabs, mounts and so on, and
// brings them back.
#include "node/journal_kinds.h"
#include "node/text.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNT_ENDS ":"
#define LINK_ENDS "\t"

// --- commands with a declared inverse ------------------------------------------------------------

static int restore_command(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct err *e)
{
    (void)log;
    return journal_must(m, argv_of(m->arena, "/bin/sh", "-c", en->name, NULL), NULL, e);
}

// --- trees that change as a whole ----------------------------------------------------------------

// Paths below base, each with a line end.
static void list_tree(struct arena *a, const char *base, const char *sub, struct buf *b, int depth)
{
    struct stat st;
    const char *path = *sub ? path_join(a, base, sub) : base;
    DIR *d = depth < 256 && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    struct dirent *ent;
    while (d && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0) {
            const char *next = *sub ? path_join(a, sub, ent->d_name) : arena_strdup(a, ent->d_name);
            buf_addf(b, "%s\n", next);
            list_tree(a, base, next, b, depth + 1);
        }
    if (d)
        closedir(d);
}

static const char *tree_state(struct module *m, const char *name, struct buf *keep)
{
    if (keep)
        list_tree(m->arena, name, "", keep, 0);
    return file_tree_state(m, name);
}

// Removes what the tree did not hold before.
static int restore_tree(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en, struct err *e)
{
    (void)log;
    struct arena *a = m->arena;
    if (strcmp(en->was, "-") == 0)
        return journal_tree(m, en->name, e) < 0 ? ERR_FAILED : host_remove(en->name, e);
    struct dict *had = keyed_lines(a, en->raw, en->raw_len, "");
    struct buf b = BUF_INIT;
    int rc = 0;
    list_tree(a, en->name, "", &b, 0);
    for (char *c = arena_strndup(a, buf_str(&b), b.len), *line; rc == 0 && (line = text_line(&c));)
        if (!dict_get(had, line)) {
            const char *path = path_join(a, en->name, line);
            rc = journal_tree(m, path, e);
            rc = rc == 0 ? host_remove(path, e) : rc;
        }
    buf_release(&b);
    return rc;
}

// What is in the tree and has records of its own has been changed by other tasks of the run: paths,
// working copies, packages of pip.
static bool touched_inside(const struct journal_log *log, const struct journal_entry *en)
{
    size_t n = strlen(en->name);
    for (const struct journal_entry *x = en + 1; x < log->entries + log->n; x++)
        if (strncmp(x->name, en->name, n) == 0 && (x->name[n] == '/' || !x->name[n]) &&
            (strcmp(x->kind, "path") == 0 || x->task != en->task))
            return true;
    return false;
}

// Where an undo was interrupted the tree as a whole may be anything between; its paths are compared
// one by one.
static void check_tree(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct list *conflicts)
{
    if (log->undoing || !en->after || touched_inside(log, en))
        return;
    const char *now = file_tree_state(m, en->name);
    if (strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
        list_add(conflicts, value_strf(m->arena, "%s was changed inside since", en->name));
}

// --- services ------------------------------------------------------------------------------------

static bool has_systemd(void)
{
    return text_exists("/run/systemd/system");
}

// name: "nginx", or "--user nginx".
static struct argv systemctl(struct module *m, const char *verb, const char *name)
{
    struct argv v = argv_of(m->arena, "systemctl", NULL);
    const char *bare = strrchr(name, ' ');
    if (bare)
        argv_add(&v, arena_strndup(m->arena, name, (size_t)(bare - name)));
    argv_add(&v, verb);
    argv_add(&v, bare ? bare + 1 : name);
    return v;
}

static const char *first_word(struct module *m, const char *verb, const char *name)
{
    struct output o;
    if (journal_run(m, systemctl(m, verb, name), NULL, &o, NULL) < 0)
        return "unknown";
    size_t n = strcspn(o.out, " \n");
    return n ? arena_strndup(m->arena, o.out, n) : "unknown";
}

static const char *script_of(struct module *m, const char *name)
{
    return *name == '/' ? name : arena_printf(m->arena, "/etc/init.d/%s", name);
}

// systemd: "enabled running"; else whether the init script says that it runs.
static const char *service_state(struct module *m, const char *name, struct buf *keep)
{
    struct output o;
    (void)keep;
    if (has_systemd()) {
        const char *active = first_word(m, "is-active", name);
        bool on = strcmp(active, "active") == 0 || strcmp(active, "activating") == 0 ||
                  strcmp(active, "reloading") == 0;
        return arena_printf(m->arena, "%s %s", first_word(m, "is-enabled", name),
                            on ? "running" : "stopped");
    }
    if (!text_exists(script_of(m, name)))
        return "-";
    bool on = journal_run(m, argv_of(m->arena, script_of(m, name), "status", NULL), NULL, &o,
                          NULL) == 0 &&
              !o.rc;
    return on ? "- running" : "- stopped";
}

static int restore_systemd(struct module *m, const struct journal_entry *en, const char *now,
                           struct err *e)
{
    bool ran = text_ends(en->was, " running"), runs = text_ends(now, " running");
    bool masked = text_after(en->was, "masked"), is_masked = text_after(now, "masked");
    bool enabled = text_after(en->was, "enabled"), is_enabled = text_after(now, "enabled");
    const char *verbs[6];
    size_t n = 0;
    if (is_masked && !masked)
        verbs[n++] = "unmask";
    if (runs && !ran)
        verbs[n++] = "stop";
    if (enabled && !is_enabled && !masked)
        verbs[n++] = "enable";
    if (!enabled && is_enabled && text_after(en->was, "disabled"))
        verbs[n++] = "disable";
    if (masked && !is_masked)
        verbs[n++] = "mask";
    if (ran && !runs)
        verbs[n++] = "start";
    for (size_t i = 0; i < n; i++)
        if (journal_must(m, systemctl(m, verbs[i], en->name), NULL, e) < 0)
            return ERR_FAILED;
    return 0;
}

static int service_restore(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct err *e)
{
    const char *now = service_state(m, en->name, NULL), *script = script_of(m, en->name);
    (void)log;
    if (journal_thing(m, "service", en->name, NULL, e) < 0)
        return ERR_FAILED;
    if (has_systemd())
        return restore_systemd(m, en, now, e);
    if (strcmp(now, "-") == 0 || strcmp(en->was, "-") == 0)
        return 0; // it came or went with its package
    bool ran = text_ends(en->was, " running"), runs = text_ends(now, " running");
    return ran == runs
               ? 0
               : journal_must(m, argv_of(m->arena, script, ran ? "start" : "stop", NULL), NULL, e);
}

int service_bounce(struct module *m, const char *name, const char *verb, struct err *e)
{
    if (!text_ends(service_state(m, name, NULL), " running"))
        return 0;
    return journal_must(m,
                        has_systemd() ? systemctl(m, verb, name)
                                      : argv_of(m->arena, script_of(m, name), verb, NULL),
                        NULL, e);
}

// A package that came or went later in the run takes its service along.
static void service_check(struct module *m, const struct journal_log *log,
                          const struct journal_entry *en, struct list *conflicts)
{
    const char *now = service_state(m, en->name, NULL);
    for (const struct journal_entry *x = en + 1; x < log->entries + log->n; x++)
        if (strcmp(x->kind, "apt") == 0)
            return;
    if (en->after && strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
        list_add(conflicts, value_strf(m->arena, "service %s is '%s' now, the run left it '%s'",
                                       en->name, now, en->after));
}

// --- what is started at boot ---------------------------------------------------------------------

// "PATH \t TARGET" of the links that start services. Tools that add one number others anew.
static const char *links_text(struct module *m, size_t *ret_len)
{
    static const char *const patterns[] = {"/etc/rc?.d/[SK]*", "/etc/systemd/system/*.wants/*"};
    struct buf b = BUF_INIT;
    glob_t g = {0};
    char target[4096];
    for (size_t i = 0; i < 2; i++) {
        if (glob(patterns[i], 0, NULL, &g) == 0)
            for (size_t k = 0; k < g.gl_pathc; k++) {
                ssize_t n = readlink(g.gl_pathv[k], target, sizeof target);
                if (n > 0)
                    buf_addf(&b, "%s\t%.*s\n", g.gl_pathv[k], (int)n, target);
            }
        globfree(&g);
    }
    *ret_len = b.len;
    const char *text = arena_strndup(m->arena, buf_str(&b), b.len);
    buf_release(&b);
    return text;
}

static struct dict *links_now(struct module *m)
{
    size_t len;
    const char *text = links_text(m, &len);
    return keyed_lines(m->arena, text, len, LINK_ENDS);
}

static const char *links_state(struct module *m, const char *name, struct buf *keep)
{
    size_t len;
    const char *text = links_text(m, &len);
    (void)name;
    if (keep)
        buf_add(keep, text, len);
    return "";
}

static const char *links_after(struct module *m, const char *name, const char *kept)
{
    (void)name;
    return keyed_changes(m->arena, keyed_lines(m->arena, kept, strlen(kept), LINK_ENDS),
                         links_now(m));
}

static void links_check(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en, struct list *conflicts)
{
    // packages that went or came take their links along
    for (const struct journal_entry *x = en + 1; x < log->entries + log->n; x++)
        if (strcmp(x->kind, "apt") == 0)
            return;
    keyed_check(m->arena, log, en, links_now(m), LINK_ENDS, conflicts);
}

static int links_restore(struct module *m, const struct journal_log *log,
                         const struct journal_entry *en, struct err *e)
{
    struct arena *a = m->arena;
    struct dict *before = keyed_lines(a, en->raw, en->raw_len, LINK_ENDS), *now = links_now(m);
    struct dict *changed = keyed_changed(a, en, before, now);
    struct dict_entry *it;
    (void)log;
    if (journal_thing(m, "links", en->name, NULL, e) < 0)
        return ERR_FAILED;
    DICT_EACH(changed, it)
    {
        const char *path = it->key.u.str.s, *line = dict_str(before, path, NULL);
        const char *target = line ? line + strlen(path) + 1 : NULL;
        if (line && strcmp(line, dict_str(now, path, "")) == 0)
            continue;
        unlink(path);
        if (target && (host_mkdirs(path_dir(a, path), 0755, e) < 0 ||
                       symlink(arena_strndup(a, target, strcspn(target, "\n")), path) < 0))
            return err_set(e, ERR_IO, POS_NONE, "cannot make %s: %s", path, strerror(errno));
    }
    return 0;
}

int journal_links(struct module *m, struct err *e)
{
    return m->journal ? journal_thing(m, "links", "/etc", NULL, e) : 0;
}

int journal_service(struct module *m, const char *scope, const char *name, const char *verb,
                    struct err *e)
{
    bool bounce = verb && (strcmp(verb, "restart") == 0 || strcmp(verb, "reload") == 0);
    bool outer = journal_collects(m);
    if (!m->journal)
        return 0;
    if (scope && strcmp(scope, "system") != 0)
        name = arena_printf(m->arena, "--%s %s", scope, name);
    journal_collect(m);
    int rc = has_systemd() ? 0 : journal_links(m, e);
    rc = rc == 0 ? journal_thing(m, "service", name, bounce ? verb : NULL, e) : rc;
    return rc < 0 || outer ? rc : journal_flush(m, e);
}

int journal_service_known(struct module *m, const char *name, const char *verb, bool runs,
                          struct err *e)
{
    bool stays = strcmp(verb, "reload") == 0, stops = strcmp(verb, "stop") == 0;
    if (m->journal && !has_systemd() && text_exists(script_of(m, name)))
        journal_known(m, "service", name, runs ? "- running" : "- stopped",
                      stops || (stays && !runs) ? "- stopped" : "- running");
    return journal_service(m, NULL, name, verb, e);
}

// --- account files -------------------------------------------------------------------------------

static const char *lines_state(struct module *m, const char *name, struct buf *keep)
{
    size_t len = 0;
    const char *text = text_read(m->arena, name, &len);
    if (keep && text)
        buf_add(keep, text, len);
    return "";
}

static struct dict *account_lines(struct module *m, const char *name)
{
    size_t len = 0;
    const char *text = text_read(m->arena, name, &len);
    return keyed_lines(m->arena, text ? text : "", len, ACCOUNT_ENDS);
}

static const char *lines_after(struct module *m, const char *name, const char *kept)
{
    return keyed_changes(m->arena, keyed_lines(m->arena, kept, strlen(kept), ACCOUNT_ENDS),
                         account_lines(m, name));
}

static void lines_check(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en, struct list *conflicts)
{
    keyed_check(m->arena, log, en, account_lines(m, en->name), ACCOUNT_ENDS, conflicts);
}

static int lines_restore(struct module *m, const struct journal_log *log,
                         const struct journal_entry *en, struct err *e)
{
    (void)log;
    size_t len = 0;
    const char *text = text_read(m->arena, en->name, &len);
    struct dict *before = keyed_lines(m->arena, en->raw, en->raw_len, ACCOUNT_ENDS);
    struct dict *changed = keyed_changed(m->arena, en, before, account_lines(m, en->name));
    if (!text || !changed->len)
        return 0;
    const char *now = keyed_restore(m->arena, text, arena_strndup(m->arena, en->raw, en->raw_len),
                                    changed, ACCOUNT_ENDS, &len);
    if (journal_thing(m, "lines", en->name, NULL, e) < 0)
        return ERR_FAILED;
    journal_covers(m, en->name);
    return strcmp(now, text) == 0 ? 0 : host_write(m, en->name, now, len, e);
}

int journal_accounts(struct module *m, struct err *e)
{
    static const char *const files[] = {"/etc/gshadow", "/etc/shadow", "/etc/subgid",
                                        "/etc/subuid",  "/etc/group",  "/etc/passwd"};
    bool outer = journal_collects(m);
    int rc = 0;
    journal_collect(m); // one wait for the disk
    for (size_t i = 0; m->journal && rc == 0 && i < sizeof files / sizeof *files; i++)
        if (text_exists(files[i]))
            rc = journal_thing(m, "lines", files[i], NULL, e);
    return rc < 0 || outer ? rc : journal_flush(m, e);
}

// --- crontabs ------------------------------------------------------------------------------------

static struct argv crontab(struct module *m, const char *user)
{
    struct argv v = argv_of(m->arena, "crontab", NULL);
    argv_option(&v, "-u", *user ? user : NULL);
    return v;
}

static const char *crontab_state(struct module *m, const char *name, struct buf *keep)
{
    char hex[HASH_HEX_MAX];
    struct output o;
    struct argv v = crontab(m, name);
    argv_add(&v, "-l");
    if (journal_run(m, v, NULL, &o, NULL) < 0 || o.rc != 0)
        return "-";
    if (keep)
        buf_add(keep, o.out, o.out_len);
    hash_hex(HASH_SHA256, o.out, o.out_len, hex);
    return arena_strndup(m->arena, hex, 16);
}

static int crontab_restore(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct err *e)
{
    struct argv v = crontab(m, en->name);
    bool none = strcmp(en->was, "-") == 0;
    (void)log;
    argv_add(&v, none ? "-r" : "-");
    if (journal_thing(m, "crontab", en->name, NULL, e) < 0)
        return ERR_FAILED;
    return journal_must(m, v, none ? NULL : arena_strndup(m->arena, en->raw, en->raw_len), e);
}

// --- working copies of git -----------------------------------------------------------------------

// "COMMIT BRANCH", or "COMMIT" without a branch.
static const char *git_state(struct module *m, const char *name, struct buf *keep)
{
    struct output o;
    (void)keep;
    const char *dir = name;
    if (journal_run(m, argv_of(m->arena, "git", "-C", dir, "rev-parse", "HEAD", NULL), NULL, &o,
                    NULL) < 0 ||
        o.rc != 0)
        return "-";
    const char *commit = text_strip(arena_strdup(m->arena, o.out));
    if (journal_run(
            m, argv_of(m->arena, "git", "-C", dir, "symbolic-ref", "-q", "--short", "HEAD", NULL),
            NULL, &o, NULL) < 0 ||
        o.rc != 0)
        return commit;
    return arena_printf(m->arena, "%s %s", commit, text_strip(arena_strdup(m->arena, o.out)));
}

static int git_restore(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct err *e)
{
    size_t n = strcspn(en->was, " ");
    const char *commit = arena_strndup(m->arena, en->was, n);
    struct argv v = argv_of(m->arena, "git", "-C", en->name, "checkout", "-q", "-f", NULL);
    (void)log;
    if (journal_thing(m, "git", en->name, NULL, e) < 0)
        return ERR_FAILED;
    argv_add(&v, en->was[n] ? en->was + n + 1 : commit);
    if (journal_must(m, v, NULL, e) < 0)
        return ERR_FAILED;
    return journal_must(
        m, argv_of(m->arena, "git", "-C", en->name, "reset", "-q", "--hard", commit, NULL), NULL,
        e);
}

// --- mounts --------------------------------------------------------------------------------------

// "FSTYPE SOURCE OPTIONS" of the last mount at a path, "-" when nothing is mounted there.
static const char *mount_state(struct module *m, const char *name, struct buf *keep)
{
    const char *state = "-";
    (void)keep;
    for (char *c = text_read(m->arena, "/proc/self/mounts", NULL), *line; (line = text_line(&c));) {
        char *f[4];
        int n = 0;
        for (char *w; n < 4 && (w = text_field(&line));)
            f[n++] = w;
        if (n == 4 && strcmp(f[1], name) == 0)
            state = arena_printf(m->arena, "%s %s %s", f[2], f[0], f[3]);
    }
    return state;
}

static int mount_restore(struct module *m, const struct journal_log *log,
                         const struct journal_entry *en, struct err *e)
{
    char *c = arena_strdup(m->arena, en->was), *type = text_field(&c), *source = text_field(&c),
         *opts = text_field(&c);
    bool mounted = strcmp(mount_state(m, en->name, NULL), "-") != 0;
    (void)log;
    if (journal_thing(m, "mount", en->name, NULL, e) < 0)
        return ERR_FAILED;
    if (!opts)
        return journal_must(m, argv_of(m->arena, "umount", en->name, NULL), NULL, e);
    if (mounted)
        opts = arena_printf(m->arena, "remount,%s", opts);
    return journal_must(
        m, argv_of(m->arena, "mount", "-t", type, "-o", opts, source, en->name, NULL), NULL, e);
}

// --- the kernel ----------------------------------------------------------------------------------

static const char *sysctl_path(struct module *m, const char *name)
{
    char *path = arena_printf(m->arena, "/proc/sys/%s", name);
    for (char *c = path + 10; *c; c++)
        if (*c == '.' || *c == '/')
            *c = *c == '.' ? '/' : '.';
    return path;
}

static const char *sysctl_state(struct module *m, const char *name, struct buf *keep)
{
    const char *s = text_read_stripped(m->arena, sysctl_path(m, name));
    (void)keep;
    return s ? s : "-";
}

static int sysctl_restore(struct module *m, const struct journal_log *log,
                          const struct journal_entry *en, struct err *e)
{
    const char *path = sysctl_path(m, en->name);
    (void)log;
    FILE *f = strcmp(en->was, "-") != 0 ? fopen(path, "we") : NULL;
    if (journal_thing(m, "sysctl", en->name, NULL, e) < 0)
        return ERR_FAILED;
    bool bad = !f || fprintf(f, "%s\n", en->was) < 0;
    if (f && fclose(f) != 0)
        bad = true;
    return bad ? err_set(e, ERR_IO, POS_NONE, "cannot write %s: %s", path, strerror(errno)) : 0;
}

static const char *hostname_state(struct module *m, const char *name, struct buf *keep)
{
    char now[256] = "";
    (void)name;
    (void)keep;
    gethostname(now, sizeof now - 1);
    return arena_strdup(m->arena, now);
}

static int hostname_restore(struct module *m, const struct journal_log *log,
                            const struct journal_entry *en, struct err *e)
{
    (void)log;
    if (journal_thing(m, "hostname", "", NULL, e) < 0)
        return ERR_FAILED;
    return sethostname(en->was, strlen(en->was)) == 0
               ? 0
               : err_set(e, ERR_IO, POS_NONE, "cannot set the host's name: %s", strerror(errno));
}

// --- the table -----------------------------------------------------------------------------------

static const struct journal_kind kinds[] = {
    {"apt", apt_state, apt_after, apt_check, apt_restore, NULL, apt_tell, true},
    {"command", NULL, NULL, NULL, restore_command, "run", NULL, false},
    {"crontab", crontab_state, NULL, NULL, crontab_restore, "put back the crontab of", NULL, false},
    {"git", git_state, NULL, NULL, git_restore, "put back the working copy", NULL, false},
    {"hostname", hostname_state, NULL, NULL, hostname_restore, "put back the host's name", NULL,
     false},
    {"lines", lines_state, lines_after, lines_check, lines_restore, "put back accounts in", NULL,
     false},
    {"links", links_state, links_after, links_check, links_restore, "put back start links in", NULL,
     false},
    {"mount", mount_state, NULL, NULL, mount_restore, "put back the mount of", NULL, false},
    {"service", service_state, NULL, service_check, service_restore, "put back service", NULL,
     false},
    {"sysctl", sysctl_state, NULL, NULL, sysctl_restore, "put back the kernel's", NULL, false},
    {"tree", tree_state, NULL, check_tree, restore_tree, "put back all of", NULL, false},
};

const struct journal_kind *journal_kind(const char *name)
{
    const struct journal_kinds own = {kinds, sizeof kinds / sizeof *kinds};
    const struct journal_kinds *const tables[] = {&own, &journal_kinds_tools,
                                                  &journal_kinds_packages, &journal_kinds_mysql};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (size_t k = 0; k < tables[i]->n; k++)
            if (strcmp(tables[i]->kinds[k].name, name) == 0)
                return &tables[i]->kinds[k];
    return NULL;
}
