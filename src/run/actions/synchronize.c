// synchronize: rsync between this machine (or the host delegated to) and the host of the task, over
// the ssh that its connection uses.
#include "config/path.h"
#include "core/buf.h"
#include "core/file.h"
#include "run/actions/actions.h"

#include <stdlib.h>
#include <string.h>

#define MARK "<<CHANGED>>" // begins each line of rsync that tells of a change

struct sync {
    struct exec *x;
    const struct dict *args;
    struct value *result;
    struct list *argv;
    struct remote_shell shell; // how the host is reached; host NULL: both sides are one machine
    bool elsewhere;            // rsync runs on a host delegated to
    bool links;                // link_dest: rsync also tells of what did not change
};

static void add(struct sync *s, const char *word)
{
    list_add(s->argv, value_str(s->x->a, word));
}

static bool on(struct sync *s, const char *name, bool dflt)
{
    return arg_bool(s->args, name, dflt);
}

static void add_opts(struct sync *s, const struct value *opts)
{
    if (opts && opts->type == VALUE_STRING && opts->u.str.len)
        add(s, opts->u.str.s);
    for (size_t i = 0; opts && opts->type == VALUE_LIST && i < opts->u.list->len; i++)
        add(s, value_to_cstr(s->x->a, &opts->u.list->items[i]));
}

// The parts of --archive, switched on or off one by one.
static void add_archive(struct sync *s)
{
    static const char *const parts[] = {"recursive", "links", "perms", "times", "owner", "group"};
    bool archive = on(s, "archive", true);
    if (archive)
        add(s, "--archive");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct value *v = dict_get(s->args, parts[i]);
        if (!v || v->type == VALUE_NULL || on(s, parts[i], archive) == archive)
            continue;
        add(s, arena_printf(s->x->a, archive ? "--no-%s" : "--%s", parts[i]));
    }
}

static void add_flags(struct sync *s)
{
    static const struct {
        const char *name, *flag;
        bool dflt;
    } flags[] = {{"delay_updates", "--delay-updates", true},
                 {"compress", "--compress", true},
                 {"delete", "--delete-after", false},
                 {"existing_only", "--existing", false},
                 {"checksum", "--checksum", false},
                 {"copy_links", "--copy-links", false},
                 {"dirs", "--dirs", false},
                 {"partial", "--partial", false}};
    const char *timeout = arg_str(s->x, s->args, "rsync_timeout");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (on(s, flags[i].name, flags[i].dflt))
            add(s, flags[i].flag);
    if (on(s, "delay_updates", true))
        add(s, "-F"); // Ansible honours filter files only then
    if (timeout && atoi(timeout) > 0)
        add(s, arena_printf(s->x->a, "--timeout=%d", atoi(timeout)));
    if (s->x->check)
        add(s, "--dry-run");
    add_archive(s);
}

// rsync on the other side, as the user that the task becomes.
static void add_rsync_path(struct sync *s)
{
    const char *path = arg_str(s->x, s->args, "rsync_path"), *user = s->shell.become_user;
    if (path)
        add(s, arena_printf(s->x->a, "--rsync-path=%s", path));
    else if (user && strcmp(user, "root") == 0)
        add(s, "--rsync-path=sudo rsync");
    else if (user)
        add(s, arena_printf(s->x->a, "--rsync-path=sudo -u %s rsync", user));
}

static bool own_shell(const struct value *opts)
{
    for (size_t i = 0; opts && opts->type == VALUE_LIST && i < opts->u.list->len; i++)
        if (value_is(&opts->u.list->items[i], VALUE_STRING) &&
            strstr(opts->u.list->items[i].u.str.s, "--rsh"))
            return true;
    return opts && opts->type == VALUE_STRING && strstr(opts->u.str.s, "--rsh");
}

// Folders on the receiving side whose equal files are linked to. A file that becomes such a link is
// no change to rsync unless it is told to speak of everything.
static int add_link_dest(struct sync *s)
{
    const char *mode = arg_str(s->x, s->args, "mode");
    bool here = !s->shell.host || (mode && strcmp(mode, "pull") == 0);
    const struct value *v = dict_get(s->args, "link_dest");
    const char *dest = arg_str(s->x, s->args, "dest");
    struct value list = value_list(s->x->a);
    if (!v || v->type == VALUE_NULL)
        return 0;
    if (v->type == VALUE_LIST)
        list = *v;
    else
        list_add(list.u.list, *v);
    s->links = list.u.list->len > 0;
    if (s->links) {
        add(s, "-H");
        add(s, "-vv");
    }
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *path = value_to_cstr(s->x->a, &list.u.list->items[i]);
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
            n--;
        if (here && dest && strncmp(path_dir(s->x->a, dest), path, n) == 0)
            return action_fail(s->x, s->result,
                               "Hardlinking into a subdirectory of the source would cause "
                               "recursion. %.*s and %s",
                               (int)n, path, dest);
        add(s, arena_printf(s->x->a, "--link-dest=%.*s", (int)n, path));
    }
    return 0;
}

// The ssh of the connection as one line, for rsync to cut.
static void add_shell(struct sync *s)
{
    struct buf b = BUF_INIT;
    if (own_shell(dict_get(s->args, "rsync_opts")))
        return;
    buf_adds(&b, "--rsh=");
    for (size_t i = 0; s->shell.ssh[i]; i++) {
        const char *word = s->shell.ssh[i];
        bool plain = !word[strcspn(word, " \"'\\*?$")];
        buf_addf(&b, "%s%s", i ? " " : "", plain ? word : shell_quote(s->x->a, word));
    }
    add(s, buf_str(&b));
    buf_release(&b);
}

// --- the two ends

static bool is_daemon(const char *path)
{
    return strncmp(path, "rsync://", 8) == 0;
}

// A path on this machine: relative ones are looked for as those of copy are.
static const char *local_path(struct sync *s, const char *path, bool source)
{
    const char *found = NULL;
    struct arena *a = s->x->a;
    size_t n = strlen(path);
    if (strchr(path, ':') || s->elsewhere || *path == '/')
        return path; // another host's, or as it is
    if (*path == '~' && *path_home(a, path) == '/')
        return path_home(a, path);
    char *tried;
    if (source)
        found =
            playbook_find_file(a, &s->x->task->n, "files", path, run_basedir(s->x->run), &tried);
    if (!found)
        return path_join(a, run_basedir(s->x->run), path);
    bool slash = n && path[n - 1] == '/' && found[strlen(found) - 1] != '/';
    return slash ? arena_printf(a, "%s/", found) : found; // the slash has a meaning for rsync
}

static const char *remote_path(struct sync *s, const char *path)
{
    const char *host = s->shell.host;
    if (!host || is_daemon(path))
        return path;
    return arena_printf(s->x->a, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, path);
}

static int add_ends(struct sync *s)
{
    const char *src = arg_str(s->x, s->args, "src"), *dest = arg_str(s->x, s->args, "dest");
    const char *mode = arg_str(s->x, s->args, "mode");
    if (!src || !dest)
        return action_fail(s->x, s->result,
                           "synchronize requires both src and dest parameters are set");
    bool pull = mode && strcmp(mode, "pull") == 0, one = !s->shell.host;
    add(s, pull && !one ? remote_path(s, src) : local_path(s, src, true));
    add(s, pull || one ? local_path(s, dest, false) : remote_path(s, dest));
    return 0;
}

// --- running it

static const char *joined(struct sync *s)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < s->argv->len; i++)
        buf_addf(&b, "%s%s", i ? " " : "", s->argv->items[i].u.str.s);
    const char *text = arena_strdup(s->x->a, buf_str(&b));
    buf_release(&b);
    return text;
}

// The output of rsync without the marks.
static struct value clean(struct sync *s, const char *out)
{
    struct buf b = BUF_INIT;
    for (const char *mark; (mark = strstr(out, MARK)); out = mark + strlen(MARK))
        buf_add(&b, out, (size_t)(mark - out));
    buf_adds(&b, out);
    struct value ret = value_strn(s->x->a, buf_str(&b), b.len);
    buf_release(&b);
    ret.flags |= VALUE_UNSAFE;
    return ret;
}

static struct value lines_of(struct sync *s, const char *text)
{
    struct value ret = value_list(s->x->a);
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        struct value line = value_strn(s->x->a, text, strcspn(text, "\n"));
        line.flags |= VALUE_UNSAFE;
        if (line.u.str.len)
            list_add(ret.u.list, line);
    }
    return ret;
}

// With link_dest rsync also names what stays as it is, after a dot.
static bool tells_of_change(const struct sync *s, const char *out)
{
    const char *mark = strstr(out, MARK);
    while (mark && s->links && mark[strlen(MARK)] == '.')
        mark = strstr(mark + 1, MARK);
    return mark != NULL;
}

static int tell(struct sync *s, const struct value *ran)
{
    const char *out = dict_str(ran->u.dict, "stdout", ""),
               *err = dict_str(ran->u.dict, "stderr", "");
    const struct value *rc = dict_get(ran->u.dict, "rc");
    if (dict_bool(ran->u.dict, "unreachable", false) || !rc || rc->type != VALUE_INT) {
        *s->result = *ran;
        return ERR_FAILED;
    }
    *s->result = value_dict(s->x->a);
    struct dict *d = s->result->u.dict;
    struct value text = clean(s, out);
    dict_set(d, "cmd", value_cstr(joined(s)));
    dict_set(d, "rc", *rc);
    if (rc->u.i != 0)
        return action_fail(s->x, s->result, "%s", *err ? err : out);
    dict_set(d, "changed", value_bool(tells_of_change(s, out)));
    dict_set(d, "msg", text);
    dict_set(d, "stdout_lines", lines_of(s, text.u.str.s));
    if (s->x->diff) {
        struct value diff = value_dict(s->x->a);
        dict_set(diff.u.dict, "prepared", text);
        dict_set(d, "diff", diff);
    }
    return 0;
}

int action_synchronize(struct exec *x, struct dict *args, struct value *result)
{
    struct value argv = value_list(x->a), call_args = value_dict(x->a), ran = value_dict(x->a);
    struct sync s = {.x = x, .args = args, .result = result, .argv = argv.u.list};
    const char *port = arg_str(x, args, "dest_port"),
               *rsync = exec_var_str(x, "ansible_rsync_path");
    struct remote_shell_opts o = {.port = port ? atoi(port) : 0,
                                  .private_key = arg_str(x, args, "private_key"),
                                  .keep_user = on(&s, "set_remote_user", true),
                                  .verify_host = on(&s, "verify_host", false),
                                  .ssh_args = on(&s, "use_ssh_args", false)};
    if (exec_refused(x, result) || exec_remote_shell(x, &o, &s.shell, result) < 0)
        return ERR_FAILED;
    s.elsewhere = !s.shell.from_here;
    add(&s, rsync ? rsync : "rsync");
    add_flags(&s);
    if (s.shell.host) {
        add_shell(&s);
        add_rsync_path(&s);
    }
    add_opts(&s, dict_get(args, "rsync_opts"));
    if (add_link_dest(&s) < 0)
        return ERR_FAILED;
    add(&s, "--out-format=" MARK "%i %n%L");
    if (add_ends(&s) < 0)
        return ERR_FAILED;
    dict_set(call_args.u.dict, "argv", argv);
    dict_set(call_args.u.dict, "strip_empty_ends", value_bool(false));
    struct module_call c = {.module = "command",
                            .args = call_args.u.dict,
                            .ignore_check = true, // rsync itself is told
                            .force_run = true,
                            .here = s.shell.from_here};
    (void)!exec_module(x, &c, &ran);
    return tell(&s, &ran);
}
