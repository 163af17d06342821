// template: a file of the controller, templated, for the host.
#include "core/buf.h"
#include "core/file.h"
#include "run/actions/actions.h"
#include "template/passwords.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_TEMPLATE (64u << 20)

// A line end as it is, or as it is written in YAML without double quotes; NULL: it is none.
static const char *line_end(const char *s)
{
    static const char *const ends[][2] = {{"\n", "\\n"}, {"\r", "\\r"}, {"\r\n", "\\r\\n"}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(s, ends[i][0]) == 0 || strcmp(s, ends[i][1]) == 0)
            return ends[i][0];
    return NULL;
}

static int template_opts(struct exec *x, const struct dict *args, struct template_opts *o,
                         struct value *result)
{
    const char *s = arg_str(x, args, "newline_sequence");
    *o = TEMPLATE_OPTS_DEFAULT;
    o->convert_data = false;
    o->trim_blocks = arg_bool(args, "trim_blocks", true);
    o->lstrip_blocks = arg_bool(args, "lstrip_blocks", false);
    o->block_start = arg_str(x, args, "block_start_string");
    o->block_end = arg_str(x, args, "block_end_string");
    o->variable_start = arg_str(x, args, "variable_start_string");
    o->variable_end = arg_str(x, args, "variable_end_string");
    o->comment_start = arg_str(x, args, "comment_start_string");
    o->comment_end = arg_str(x, args, "comment_end_string");
    if (s && !(o->newline_sequence = line_end(s)))
        return action_fail(x, result, "newline_sequence needs to be one of: \n, \r or \r\n");
    return 0;
}

// str.format with the names that ansible_managed may use; others stay as they are.
static const char *format_managed(struct exec *x, const char *text, const char *host,
                                  const char *path, const char *owner)
{
    const struct {
        const char *name, *value;
    } names[] = {{"{host}", host}, {"{uid}", owner}, {"{file}", path}};
    struct buf b = BUF_INIT;
    while (*text) {
        size_t i = 0;
        while (i < 3 && strncmp(text, names[i].name, strlen(names[i].name)) != 0)
            i++;
        if (i == 3) {
            buf_addc(&b, *text++);
            continue;
        }
        for (const char *s = names[i].value; *s; s++) { // strftime comes behind it
            if (*s == '%')
                buf_addc(&b, '%');
            buf_addc(&b, *s);
        }
        text += strlen(names[i].name);
    }
    const char *ret = arena_strdup(x->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static const char *managed_text(struct exec *x, const char *host, const char *name,
                                const char *owner, time_t mtime)
{
    const char *format = config_str(x->run->o.config, CONFIG_ANSIBLE_MANAGED);
    struct tm tm;
    char text[1024];
    format = format_managed(x, format ? format : "Ansible managed", host, name, owner);
    localtime_r(&mtime, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
    "-Wformat-nonliteral" // the format is the user's, and strftime's cannot do harm
    if (strchr(format, '%') && strftime(text, sizeof text, format, &tm))
        format = arena_strdup(x->a, text);
#pragma GCC diagnostic pop
    return format;
}

// name: the template as the task names it.
static void template_locals(struct exec *x, const char *name, const char *path, const char *dest)
{
    struct stat st = {0};
    char host[256] = "", when[64];
    struct tm tm;
    stat(path, &st);
    gethostname(host, sizeof host - 1);
    struct passwd *pw = getpwuid(st.st_uid);
    struct value owner = pw ? value_str(x->a, pw->pw_name) : value_int(st.st_uid);
    time_t now = (time_t)(clock_real_us() / 1000000);
    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    const char *managed = managed_text(x, host, name, value_to_cstr(x->a, &owner), st.st_mtime);
    localtime_r(&st.st_mtime, &tm);
    char mtime[64];
    strftime(mtime, sizeof mtime, "%Y-%m-%d %H:%M:%S", &tm);
    dict_set(x->locals, "ansible_managed", value_str(x->a, managed));
    dict_set(x->locals, "template_host", value_str(x->a, host));
    dict_set(x->locals, "template_path", value_str(x->a, name));
    dict_set(x->locals, "template_fullpath", value_str(x->a, path));
    dict_set(x->locals, "template_destpath", value_str(x->a, dest));
    dict_set(x->locals, "template_uid", owner);
    dict_set(x->locals, "template_mtime", value_str(x->a, mtime));
    dict_set(x->locals, "template_run_date", value_str(x->a, when));
}

// The text in the encoding it is wanted in.
static int encode(struct exec *x, struct value *text, const char *encoding, struct value *result)
{
    struct err e = ERR_INIT;
    struct call c = {.t = &x->tpl,
                     .arena = x->a,
                     .self = *text,
                     .kwargs = value_dict(x->a).u.dict,
                     .name = "template"};
    struct text from = {text->u.str.s, text->u.str.len}, name = {encoding, strlen(encoding)};
    if (text_encode(&c, from, name, text, &e) == 0)
        return 0;
    action_fail(x, result, "%s", err_msg(&e));
    err_release(&e);
    return ERR_FAILED;
}

// Bytes that are no UTF-8 are refused, at their place.
static int check_encoding(struct exec *x, const char *path, const char *text, size_t len,
                          struct value *result)
{
    struct pos pos = {.file = src_file(path), .line = 1, .col = 1};
    if (template_is_text(text, len, &pos))
        return 0;
    x->fail_pos = pos;
    return action_fail(x, result, "Template source files must be utf-8 encoded");
}

int action_template(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const drop[] = {"src",
                                       "block_start_string",
                                       "block_end_string",
                                       "variable_start_string",
                                       "variable_end_string",
                                       "comment_start_string",
                                       "comment_end_string",
                                       "newline_sequence",
                                       "trim_blocks",
                                       "lstrip_blocks",
                                       "output_encoding",
                                       NULL};
    const char *src = arg_str(x, args, "src"), *dest = arg_str(x, args, "dest");
    struct template_opts o;
    struct err e = ERR_INIT;
    struct value out;
    const char *text;
    size_t len;
    if (!src || !dest)
        return action_fail(x, result, "src and dest are required");
    const char *path = arg_local_file(x, src, "templates", result);
    if (!path)
        return ERR_NOENT;
    int rc = local_text(x, path, true, MAX_TEMPLATE, &text, &len, result);
    if (rc == 0)
        rc = check_encoding(x, path, text, len, result);
    if (rc == 0)
        rc = template_opts(x, args, &o, result);
    if (rc < 0)
        return rc;
    template_locals(x, src, path, dest);
    size_t n = 0, have = x->tpl.paths.n;
    const char **dirs = arena_array(x->a, const char *, have * 2 + 2);
    dirs[n++] = path_dir(x->a, path);
    for (size_t i = 0; i < have; i++) {
        dirs[n++] = path_join(x->a, x->tpl.paths.dirs[i], "templates");
        dirs[n++] = x->tpl.paths.dirs[i];
    }
    struct template_paths saved = x->tpl.paths;
    x->tpl.paths.dirs = dirs;
    x->tpl.paths.n = n;
    rc = template_text(&x->tpl, x->a, text, len, path, &o, &out, &e);
    x->tpl.paths = saved;
    if (rc < 0) {
        if (e.code == ERR_UNKNOWN)
            exec_unknown(x, &e);
        x->fail_pos = e.pos;
        action_fail(
            x, result, "%s%s",
            e.code == ERR_UNDEFINED ? "AnsibleUndefinedVariable: " : "AnsibleError: ", err_msg(&e));
        err_release(&e);
        return ERR_FAILED;
    }
    const char *encoding = arg_str(x, args, "output_encoding");
    if (encoding && *encoding && (rc = encode(x, &out, encoding, result)) < 0)
        return rc;
    struct dict *send = args_without(x, args, drop);
    struct stat st;
    const struct value *mode = dict_get(send, "mode");
    if (mode && value_eqs(mode, "preserve") && stat(path, &st) == 0)
        dict_set(send, "mode", value_strf(x->a, "0%03o", st.st_mode & 07777));
    return copy_text(x, send, out.u.str.s, out.u.str.len, path, result);
}
