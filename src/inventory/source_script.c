// Executable inventories: the program is asked with --list, and with --host for each host when that
// has no _meta.
#include "inventory/source.h"

#include "core/buf.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT ((size_t)64 << 20)
#define MAX_ERRORS 4000

static struct pos in_file(const char *path)
{
    return (struct pos){.file = src_file(path)};
}

// Reads from both pipes until they are closed; false when out got too much.
static bool drain(int out_fd, int err_fd, struct buf *out, struct buf *err)
{
    struct pollfd fds[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
    char chunk[65536];
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return false;
        for (int i = 0; i < 2; i++) {
            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            ssize_t n = read(fds[i].fd, chunk, sizeof(chunk));
            if (n > 0)
                buf_add(i ? err : out, chunk, (size_t)n);
            else if (n == 0 || errno != EINTR)
                fds[i].fd = -1;
        }
        if (out->overflow)
            return false;
    }
    return true;
}

static int start(char *const argv[], int out_fd, int err_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
    int rc = posix_spawn(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

// Runs the program and gives its output, which the caller releases.
static int run(char *const argv[], struct buf *out, struct err *e)
{
    int outs[2], errs[2], status = 0;
    pid_t pid;
    struct buf err;
    buf_init(out, MAX_OUTPUT);
    buf_init(&err, MAX_ERRORS);
    if (pipe2(outs, O_CLOEXEC) < 0)
        return err_set(e, ERR_IO, in_file(argv[0]), "no pipe for the inventory script: %s",
                       strerror(errno));
    if (pipe2(errs, O_CLOEXEC) < 0) {
        int saved = errno;
        close(outs[0]);
        close(outs[1]);
        return err_set(e, ERR_IO, in_file(argv[0]), "no pipe for the inventory script: %s",
                       strerror(saved));
    }
    int rc = start(argv, outs[1], errs[1], &pid);
    close(outs[1]);
    close(errs[1]);
    bool ok = rc == 0 && drain(outs[0], errs[0], out, &err);
    close(outs[0]);
    close(errs[0]);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc != 0)
        rc = err_set(e, ERR_IO, in_file(argv[0]), "the inventory script cannot be run: %s%s",
                     strerror(rc),
                     rc == EACCES    ? " (chmod +x it)"
                     : rc == ENOEXEC ? " (it needs a first line #!)"
                                     : "");
    else if (!ok)
        rc = err_set(e, ERR_LIMIT, in_file(argv[0]), "the inventory script wrote more than %zu MB",
                     MAX_OUTPUT >> 20);
    else if (status != 0)
        rc =
            err_set(e, ERR_FAILED, in_file(argv[0]), "the inventory script failed with %s %d: %.*s",
                    WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                    (int)strcspn(buf_str(&err), "\n"), buf_str(&err));
    buf_release(&err);
    return rc;
}

// Runs the program and reads its output as a JSON dict.
static int run_json(struct inventory *inv, const char *path, const char *option, const char *host,
                    struct value *ret, struct err *e)
{
    char *argv[] = {arena_strdup(inv->a, path), arena_strdup(inv->a, option),
                    arena_strdup(inv->a, host), NULL};
    struct buf out;
    struct err why = ERR_INIT;
    int rc = run(argv, &out, e);
    if (rc == 0 && host && !buf_str(&out)[strspn(buf_str(&out), " \t\r\n")])
        *ret = value_dict(inv->a);
    else if (rc == 0 && json_parse(inv->a, buf_str(&out), out.len, ret, &why) < 0)
        rc = err_set(e, ERR_PARSE, in_file(path),
                     "what the inventory script wrote for %s is not JSON: %s", option,
                     err_msg(&why));
    else if (rc == 0 && !value_is(ret, VALUE_DICT))
        rc = err_set(e, ERR_PARSE, in_file(path),
                     "what the inventory script wrote for %s must be a JSON dict", option);
    err_release(&why);
    buf_release(&out);
    return rc;
}

static int read_hosts(struct inventory *inv, const char *path, struct group *g,
                      const struct value *hosts, struct ptrs *seen, struct err *e)
{
    if (!value_is(hosts, VALUE_LIST))
        return err_set(e, ERR_PARSE, in_file(path), "the hosts of the group %s must be a list",
                       g->name);
    for (size_t i = 0; i < hosts->u.list->len; i++) {
        const struct value *name = &hosts->u.list->items[i];
        if (!value_is(name, VALUE_STRING) || !name->u.str.len)
            return err_set(e, ERR_PARSE, in_file(path), "a host of the group %s has no name",
                           g->name);
        struct host *h = model_add_host(inv, name->u.str.s, g, -1);
        ptrs_add(inv->a, seen, h);
    }
    return 0;
}

static int read_children(struct inventory *inv, const char *path, struct group *g,
                         const struct value *children, struct err *e)
{
    if (!value_is(children, VALUE_LIST))
        return err_set(e, ERR_PARSE, in_file(path), "the children of the group %s must be a list",
                       g->name);
    for (size_t i = 0; i < children->u.list->len; i++) {
        const struct value *name = &children->u.list->items[i];
        if (!value_is(name, VALUE_STRING) || !name->u.str.len)
            return err_set(e, ERR_PARSE, in_file(path), "a child of the group %s has no name",
                           g->name);
        int rc = model_add_child(inv, g, model_add_group(inv, name->u.str.s), in_file(path), e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_group(struct inventory *inv, const char *path, const char *name,
                      const struct value *data, struct ptrs *seen, struct err *e)
{
    struct group *g = model_add_group(inv, name);
    if (!value_is(data, VALUE_DICT))
        return read_hosts(inv, path, g, data, seen, e);
    const struct value *hosts = dict_get(data->u.dict, "hosts");
    const struct value *vars = dict_get(data->u.dict, "vars");
    const struct value *children = dict_get(data->u.dict, "children");
    struct value self = value_list(inv->a);
    if (!hosts && !vars && !children) { // the short form: a host with its variables
        list_add(self.u.list, value_cstr(g->name));
        hosts = &self;
        vars = data;
    }
    int rc = hosts ? read_hosts(inv, path, g, hosts, seen, e) : 0;
    if (rc == 0 && vars && !value_is(vars, VALUE_DICT))
        rc = err_set(e, ERR_PARSE, in_file(path), "the vars of the group %s must be a dict",
                     g->name);
    if (rc == 0 && vars)
        rc = source_set_vars(inv, g->name, vars, e);
    if (rc == 0 && children)
        rc = read_children(inv, path, g, children, e);
    return rc;
}

// Groups with their hosts, children and variables, then the variables of hosts under _meta; without
// that the script (path, when asked is true) is asked for each host.
static int read_document(struct inventory *inv, const char *path, const struct dict *data,
                         bool asked, struct err *e)
{
    struct ptrs seen = {0};
    struct dict_entry *entry;
    int rc = 0;
    const struct value *meta = dict_get(data, "_meta"), *hostvars = NULL;
    if (meta && value_is(meta, VALUE_DICT))
        hostvars = dict_get(meta->u.dict, "hostvars");
    if (hostvars && !value_is(hostvars, VALUE_DICT))
        return err_set(e, ERR_PARSE, in_file(path), "hostvars under _meta must be a dict");
    DICT_EACH(data, entry)
    {
        if (rc == 0 && !value_eqs(&entry->key, "_meta"))
            rc = read_group(inv, path, entry->key.u.str.s, &entry->val, &seen, e);
    }
    unsigned mark = ++inv->mark;
    for (size_t i = 0; rc == 0 && i < seen.len; i++) {
        struct host *h = seen.items[i];
        struct value one = value_null();
        if (h->state->mark == mark)
            continue;
        h->state->mark = mark;
        const struct value *vars = hostvars ? dict_get(hostvars->u.dict, h->name) : &one;
        if (!hostvars && asked)
            rc = run_json(inv, path, "--host", h->name, &one, e);
        if (rc == 0)
            rc = source_set_vars(inv, h->name, vars, e);
    }
    return rc;
}

int source_script(struct inventory *inv, const char *path, struct err *e)
{
    struct value data;
    int rc = run_json(inv, path, "--list", NULL, &data, e);
    return rc < 0 ? rc : read_document(inv, path, data.u.dict, true, e);
}

int source_plugin(struct inventory *inv, const char *path, const struct value *plugin,
                  struct err *e)
{
    struct value data;
    if (!inv->opts.plugins)
        return err_set(e, ERR_UNSUPPORTED, value_pos(plugin),
                       "the inventory plugin %s is not available here",
                       value_to_cstr(inv->a, plugin));
    const char **sources = arena_array(inv->a, const char *, inv->sources.len + 1);
    for (size_t i = 0; i < inv->sources.len; i++)
        sources[i] = inv->sources.items[i];
    int rc = inv->opts.plugins(inv->opts.plugins_data, inv->a, sources, inv->sources.len, &data, e);
    if (rc < 0)
        return err_at(e, value_pos(plugin));
    if (!value_is(&data, VALUE_DICT))
        return err_set(e, ERR_PARSE, value_pos(plugin), "the inventory plugin %s gave no inventory",
                       value_to_cstr(inv->a, plugin));
    return read_document(inv, path, data.u.dict, false, e);
}
