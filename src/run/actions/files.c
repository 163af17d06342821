// copy, assemble, script, unarchive: modules whose files lie on the controller.
#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "run/actions/actions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (64u << 20)

const char *arg_local_file(struct exec *x, const char *name, const char *dir, struct value *result)
{
    char *tried;
    const char *path =
        playbook_find_file(x->a, &x->task->n, dir, name, run_basedir(x->run), &tried);
    if (!path)
        action_fail(
            x, result,
            "Could not find or access '%s'\nSearched in:%s on the Ansible Controller.\nIf you are "
            "using a module and expect the file to exist on the remote, see the remote_src option",
            name, tried);
    return path;
}

struct dict *args_without(struct exec *x, const struct dict *args, const char *const *drop)
{
    struct dict *d = value_dict(x->a).u.dict;
    dict_update(d, args);
    for (; *drop; drop++)
        dict_del(d, *drop);
    return d;
}

// What was to be copied belongs to the result also when the host refused the arguments.
static void add_checksum(struct exec *x, struct value *result, const char *hex)
{
    const char *msg = dict_str(result->u.dict, "msg", "");
    if (dict_bool(result->u.dict, "failed", false) && !dict_get(result->u.dict, "checksum") &&
        strncmp(msg, "Unsupported parameters", 22) == 0)
        dict_set(result->u.dict, "checksum", value_str(x->a, hex));
}

int copy_text(struct exec *x, struct dict *args, const char *text, size_t len, const char *shown_as,
              struct value *result)
{
    struct conn_source src = {.data = text, .len = len};
    struct dict *extra = value_dict(x->a).u.dict;
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_SHA1, text, len, hex);
    dict_set(extra, "_src_checksum", value_str(x->a, hex));
    dict_set(extra, "_src_size", value_int((int64_t)len));
    dict_set(extra, "_content", value_bool(!shown_as)); // it may not take the place of a folder
    shown_as = shown_as ? shown_as : "";
    dict_set(extra, "_src_path", value_str(x->a, shown_as));
    if (*shown_as)
        dict_set(extra, "_original_basename", value_str(x->a, path_base(shown_as)));
    struct module_call c = {
        .module = "copy", .args = args, .extra = extra, .sources = &src, .n_sources = 1};
    int rc = exec_module(x, &c, result);
    add_checksum(x, result, hex);
    return rc;
}

// --- copy of files and folders
// -----------------------------------------------------------------------------

struct tree {
    struct exec *x;
    struct list *files, *dirs, *links;
    struct conn_source *sources;
    size_t n, cap;
    bool follow, decrypt;
};

static int add_file(struct tree *t, const char *path, const char *rel, struct value *result)
{
    char hex[HASH_HEX_MAX];
    struct stat st;
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->sources = xrealloc(t->sources, t->cap * sizeof *t->sources);
    }
    int rc = local_source(t->x, path, t->decrypt, &t->sources[t->n], &st, hex, result);
    if (rc < 0)
        return rc;
    struct value f = value_dict(t->x->a);
    dict_set(f.u.dict, "path", value_str(t->x->a, rel));
    dict_set(f.u.dict, "size", value_int((int64_t)t->sources[t->n].len));
    dict_set(f.u.dict, "sha1", value_str(t->x->a, hex));
    dict_set(f.u.dict, "mode", value_strf(t->x->a, "0%o", st.st_mode & 07777));
    dict_set(f.u.dict, "source", value_int((int64_t)t->n));
    list_add(t->files, f);
    t->n++;
    return 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int walk(struct tree *t, const char *dir, const char *rel, int depth, struct value *result)
{
    const char **names = NULL;
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d || depth > 100) {
        if (d)
            closedir(d);
        return action_fail(t->x, result, "cannot read the folder %s: %s", dir,
                           d ? "too deep" : strerror(errno));
    }
    for (struct dirent *de; (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0) {
            names = xrealloc(names, (n + 1) * sizeof *names);
            names[n++] = arena_strdup(t->x->a, de->d_name);
        }
    closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *path = path_join(t->x->a, dir, names[i]),
                   *sub = *rel ? path_join(t->x->a, rel, names[i]) : names[i];
        struct stat st;
        char target[4096];
        ssize_t len;
        if (!t->follow && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
            (len = readlink(path, target, sizeof target)) > 0) {
            struct value l = value_dict(t->x->a);
            dict_set(l.u.dict, "path", value_str(t->x->a, sub));
            dict_set(l.u.dict, "target", value_strn(t->x->a, target, (size_t)len));
            list_add(t->links, l);
        } else if (stat(path, &st) < 0) {
            rc = action_fail(t->x, result, "cannot read %s: %s", path, strerror(errno));
        } else if (S_ISDIR(st.st_mode)) {
            list_add(t->dirs, value_str(t->x->a, sub));
            rc = walk(t, path, sub, depth + 1, result);
        } else {
            rc = add_file(t, path, sub, result);
        }
    }
    free(names);
    return rc;
}

static struct value list_value(struct list *l)
{
    return (struct value){.type = VALUE_LIST, .u.list = l};
}

static int copy_dir(struct exec *x, struct dict *args, const char *src, const char *path,
                    bool follow, bool decrypt, struct value *result)
{
    struct tree t = {.x = x,
                     .files = value_list(x->a).u.list,
                     .dirs = value_list(x->a).u.list,
                     .links = value_list(x->a).u.list,
                     .follow = follow,
                     .decrypt = decrypt};
    // without a slash at its end, the folder itself is copied
    bool inside = src[strlen(src) - 1] == '/';
    const char *clean = arena_strdup(x->a, path);
    for (size_t n = strlen(clean); n > 1 && clean[n - 1] == '/'; n--)
        clean = arena_strndup(x->a, clean, n - 1);
    const char *rel = inside ? "" : path_base(clean);
    if (!inside)
        list_add(t.dirs, value_str(x->a, rel));
    int rc = walk(&t, clean, rel, 0, result);
    if (rc == 0) {
        struct dict *extra = value_dict(x->a).u.dict;
        dict_set(extra, "_files", list_value(t.files));
        dict_set(extra, "_dirs", list_value(t.dirs));
        dict_set(extra, "_links", list_value(t.links));
        dict_set(extra, "_src_path", value_str(x->a, path));
        struct module_call c = {
            .module = "copy", .args = args, .extra = extra, .sources = t.sources, .n_sources = t.n};
        rc = exec_module(x, &c, result);
    }
    free(t.sources);
    return rc;
}

// A local file as source 0 of a module.
static int send_file(struct exec *x, const char *module, struct dict *args, const char *path,
                     bool decrypt, struct value *result)
{
    struct stat st;
    char hex[HASH_HEX_MAX];
    struct conn_source src;
    int rc = local_source(x, path, decrypt, &src, &st, hex, result);
    if (rc < 0)
        return rc;
    struct dict *extra = value_dict(x->a).u.dict;
    dict_set(extra, "_src_checksum", value_str(x->a, hex));
    dict_set(extra, "_src_size", value_int((int64_t)src.len));
    dict_set(extra, "_src_mode", value_strf(x->a, "0%o", st.st_mode & 07777));
    dict_set(extra, "_src_path", value_str(x->a, path));
    dict_set(extra, "_original_basename", value_str(x->a, path_base(path)));
    if (strcmp(module, "script") == 0) // Ansible runs scripts through ssh -tt
        dict_set(extra, "_tty", value_bool(strcmp(exec_connection(x), "local") != 0));
    struct module_call c = {
        .module = module, .args = args, .extra = extra, .sources = &src, .n_sources = 1};
    rc = exec_module(x, &c, result);
    if (strcmp(module, "copy") == 0)
        add_checksum(x, result, hex);
    return rc;
}

int action_copy(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const drop[] = {"content", "src", "decrypt", "local_follow", NULL},
                             *const drop_remote[] = {"decrypt", NULL};
    const struct value *content = dict_get(args, "content");
    const char *src = arg_str(x, args, "src"), *dest = arg_str(x, args, "dest");
    bool has_content = content && content->type != VALUE_NULL;
    bool decrypt = arg_bool(args, "decrypt", true);
    if (!src && !has_content)
        return action_fail(x, result, "src (or content) is required");
    if (!dest)
        return action_fail(x, result, "dest is required");
    if (src && has_content)
        return action_fail(x, result, "src and content are mutually exclusive");
    if (has_content && *dest && dest[strlen(dest) - 1] == '/')
        return action_fail(x, result, "can not use content with a dir as dest");
    if (arg_bool(args, "remote_src", false)) {
        struct module_call c = {.module = "copy", .args = args_without(x, args, drop_remote)};
        return exec_module(x, &c, result);
    }
    if (has_content) {
        struct buf b = BUF_INIT;
        if (content->type == VALUE_DICT || content->type == VALUE_LIST)
            json_write(&b, content, &(struct json_opts){.ascii = true});
        else
            value_print(&b, content);
        int rc = copy_text(x, args_without(x, args, drop), arena_strndup(x->a, buf_str(&b), b.len),
                           b.len, NULL, result);
        buf_release(&b);
        return rc;
    }
    const char *path = arg_local_file(x, src, "files", result);
    struct stat st;
    if (!path)
        return ERR_NOENT;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return copy_dir(x, args_without(x, args, drop), src, path,
                        arg_bool(args, "local_follow", true), decrypt, result);
    return send_file(x, "copy", args_without(x, args, drop), path, decrypt, result);
}

// --- assemble, script, unarchive
// --------------------------------------------------------------------------------

int action_assemble(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const drop[] = {"src",           "remote_src", "delimiter", "regexp",
                                       "ignore_hidden", "decrypt",    NULL};
    const char *src = arg_str(x, args, "src"), *dest = arg_str(x, args, "dest");
    if (!src || !dest)
        return action_fail(x, result, "src and dest are required");
    if (x->check) {
        dict_set(result->u.dict, "skipped", value_bool(true));
        dict_set(result->u.dict, "msg", value_cstr("check mode is not supported for this task."));
        return 0;
    }
    if (arg_bool(args, "remote_src", true)) {
        static const char *const only[] = {"decrypt", NULL};
        struct module_call c = {.module = "assemble", .args = args_without(x, args, only)};
        return exec_module(x, &c, result);
    }
    const char *dir = arg_local_file(x, src, "files", result);
    struct stat st;
    if (!dir)
        return ERR_NOENT;
    if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return action_fail(x, result, "Source (%s) is not a directory", dir);
    const char **names = NULL, *delimiter = arg_str(x, args, "delimiter"),
               *regexp = arg_str(x, args, "regexp");
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));)
        if (de->d_name[0] != '.' ||
            (!arg_bool(args, "ignore_hidden", false) && strcmp(de->d_name, ".") != 0 &&
             strcmp(de->d_name, "..") != 0)) {
            names = xrealloc(names, (n + 1) * sizeof *names);
            names[n++] = arena_strdup(x->a, de->d_name);
        }
    if (d)
        closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    struct buf b = BUF_INIT;
    bool first = true, decrypt = arg_bool(args, "decrypt", true);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        const char *path = path_join(x->a, dir, names[i]), *text;
        size_t len;
        struct value ok = value_bool(true);
        if (regexp) {
            dict_set(x->locals, "__name", value_str(x->a, names[i]));
            dict_set(x->locals, "__pattern", value_str(x->a, regexp));
            if (template_expression(&x->tpl, x->a, "__name is search(__pattern)", POS_NONE, &ok,
                                    NULL) < 0)
                ok = value_bool(false);
        }
        if (!value_truthy(&ok) || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        rc = local_text(x, path, decrypt, MAX_FILE, &text, &len, result);
        if (rc < 0)
            break;
        if (!first && b.len && buf_str(&b)[b.len - 1] != '\n')
            buf_addc(&b, '\n');
        if (!first && delimiter) {
            buf_adds(&b, delimiter);
            if (*delimiter && delimiter[strlen(delimiter) - 1] != '\n')
                buf_addc(&b, '\n');
        }
        first = false;
        buf_add(&b, text, len);
    }
    free(names);
    const char *text = arena_strndup(x->a, buf_str(&b), b.len);
    size_t len = b.len;
    buf_release(&b);
    char md5[HASH_HEX_MAX];
    if (rc < 0)
        return rc;
    rc = copy_text(x, args_without(x, args, drop), text, len, "", result);
    struct dict *r = result->u.dict;
    if (rc == 0 && dict_get(r, "path") && !dict_bool(r, "failed", false)) {
        // Ansible runs copy here even where nothing differs
        hash_hex(HASH_MD5, text, len, md5);
        dict_set(r, "src", value_cstr("source"));
        dict_set(r, "md5sum", value_str(x->a, md5));
        dict_del(r, "path");
    }
    if (!x->diff)
        dict_del(r, "diff");
    return rc;
}

int action_script(struct exec *x, struct dict *args, struct value *result)
{
    const char *line = arg_str(x, args, "_raw_params");
    if (!line)
        line = arg_str(x, args, "cmd");
    if (!line)
        return action_fail(x, result, "script needs the path of a script");
    while (*line == ' ')
        line++;
    char quote = *line == '"' || *line == '\'' ? *line : 0;
    const char *start = quote ? line + 1 : line, *end = start;
    while (*end && (quote ? *end != quote : *end != ' ' && *end != '\n'))
        end++;
    const char *name = arena_strndup(x->a, start, (size_t)(end - start)),
               *rest = *end && quote ? end + 1 : end;
    const char *path = arg_local_file(x, name, "files", result);
    if (!path)
        return ERR_NOENT;
    struct dict *send = value_dict(x->a).u.dict;
    dict_update(send, args);
    dict_del(send, "cmd");
    while (*rest == ' ')
        rest++;
    dict_set(send, "_raw_params", value_strf(x->a, "'%s'%s%s", path, *rest ? " " : "", rest));
    return send_file(x, "script", send, path, arg_bool(args, "decrypt", true), result);
}

int action_unarchive(struct exec *x, struct dict *args, struct value *result)
{
    const char *src = arg_str(x, args, "src"), *dest = arg_str(x, args, "dest");
    if (!src || !dest)
        return action_fail(x, result, "src (or content) and dest are required");
    if (arg_bool(args, "remote_src", !arg_bool(args, "copy", true)) || strstr(src, "://")) {
        struct module_call c = {.module = "unarchive", .args = args};
        return exec_module(x, &c, result);
    }
    const char *path = arg_local_file(x, src, "files", result);
    bool decrypt = arg_bool(args, "decrypt", true);
    return path ? send_file(x, "unarchive", args, path, decrypt, result) : ERR_NOENT;
}

// uri's src lies here unless remote_src says otherwise.
int action_uri(struct exec *x, struct dict *args, struct value *result)
{
    const char *src = arg_str(x, args, "src");
    if (!src || arg_bool(args, "remote_src", false)) {
        struct module_call c = {.module = "uri", .args = args};
        return exec_module(x, &c, result);
    }
    const char *path = arg_local_file(x, src, "files", result);
    return path ? send_file(x, "uri", args, path, false, result) : ERR_NOENT;
}
