// Commands that need no helper on the host: raw.
#include "core/buf.h"
#include "run/loop.h"
#include "run/remote.h"

#include <string.h>

struct raw_wait {
    struct wait w;
    struct value *result;
};

// What a command printed on a stream; of more than a result holds, one byte more is there.
static void set_stream(struct arena *a, struct dict *d, const char *stream, const char *s,
                       size_t len)
{
    size_t max = output_max();
    dict_set(d, stream, value_strn(a, s, len < max ? len : max));
    if (len <= max)
        return;
    struct value *w = dict_get(d, "warnings"), list = value_list(a);
    if (!w)
        dict_set(d, "warnings", list);
    list_add(w ? w->u.list : list.u.list,
             value_strf(a,
                        "the command printed more than %zu bytes on its %s: the first of them are "
                        "in the result; write it to a file to have all, or set " OUTPUT_MAX
                        " (MiB)",
                        max, stream));
}

static void on_raw(void *data, const struct conn_raw_result *r)
{
    struct raw_wait *w = data;
    struct arena *a = w->w.x->a;
    struct dict *d = w->result->u.dict;
    w->w.r =
        (struct conn_result){.status = r->status, .msg = arena_strdup(a, r->msg ? r->msg : "")};
    if (r->status == CONN_OK) {
        dict_set(d, "rc", value_int(r->rc));
        set_stream(a, d, "stdout", r->out, r->out_len);
        set_stream(a, d, "stderr", r->err, r->err_len);
        value_mark_unsafe(w->result);
    }
    wait_over(&w->w);
}

const char *shell_quote(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_adds(&b, "'\"'\"'");
        else
            buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    const char *q = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return q;
}

// command as the become user, for raw, which has no helper to change user.
static const char *raw_become(struct exec *x, const char *command, const struct value *b,
                              const char **prompt, const char **answer)
{
    const char *method = dict_str(b->u.dict, "method", "sudo"),
               *user = dict_str(b->u.dict, "user", "root");
    const char *pass = dict_str(b->u.dict, "password", NULL), *q = shell_quote(x->a, command);
    const char *exe = dict_str(b->u.dict, "exe", method);
    if (strcmp(method, "su") == 0) {
        *prompt = pass ? "assword: " : NULL;
        *answer = pass;
        return arena_printf(x->a, "%s %s %s -c %s", exe, dict_str(b->u.dict, "flags", ""), user, q);
    }
    if (strcmp(method, "doas") == 0)
        return arena_printf(x->a, "%s -n -u %s /bin/sh -c %s", exe, user, q);
    const char *flags = dict_str(b->u.dict, "flags", "-H -S");
    if (!pass)
        return arena_printf(x->a, "%s %s -n -u %s /bin/sh -c %s", exe, flags, user, q);
    *prompt = "[andon] password:";
    *answer = pass;
    return arena_printf(x->a, "%s %s -p '[andon] password:' -u %s /bin/sh -c %s", exe, flags, user,
                        q);
}

int exec_raw(struct exec *x, const char *command, const char *executable, struct value *result)
{
    if (exec_refused(x, result))
        return ERR_FAILED;
    struct value b = exec_become(x);
    struct conn *conn = exec_conn(x, false, result);
    if (!conn)
        return ERR_FAILED;
    struct raw_wait w = {.w = {.x = x}, .result = result};
    struct conn_raw_opts o = {
        .command = command, .timeout_ms = x->timeout * 1000, .max_output = output_max() + 1};
    if (x->environment) {
        struct dict_entry *it;
        struct buf env = BUF_INIT;
        DICT_EACH(x->environment, it)
        buf_addf(&env, "%s=%s ", value_to_cstr(x->a, &it->key),
                 shell_quote(x->a, value_to_cstr(x->a, &it->val)));
        o.command = arena_printf(x->a, "%s%s", buf_str(&env), o.command);
        buf_release(&env);
    }
    if (executable && *executable)
        o.command = arena_printf(x->a, "%s -c %s", executable, shell_quote(x->a, o.command));
    if (b.type == VALUE_DICT)
        o.command = raw_become(x, o.command, &b, &o.prompt, &o.answer);
    uint32_t id = conn_raw(conn, &o, on_raw, &w);
    wait_for(x, &w.w, conn, id);
    conn_keep(x, conn);
    if (w.w.r.status == CONN_UNREACHABLE)
        unreachable(x, w.w.r.msg, result);
    else if (w.w.r.status != CONN_OK)
        action_fail(x, result, "%s", *w.w.r.msg ? w.w.r.msg : "timed out");
    return 0;
}
