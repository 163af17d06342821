// What the kinds of gates share: items, answers, and how what others said is shown in one line.
#include "rollout/gate_ask.h"

#include "core/file.h"
#include "core/utf8.h"

#include <string.h>
#include <sys/wait.h>

#define DETAIL_MAX 400
#define LAST_LINES 3
#define HOSTS_MAX (100u << 10) // of ANDON_HOSTS: Linux takes 128 KiB per variable

static struct item *add_item(struct question *q)
{
    struct item *i = arena_new_of(q->a, struct item);
    i->q = q;
    i->hosts = 1;
    *q->tail = i;
    q->tail = &i->next;
    return i;
}

struct item *ask_process(struct question *q, const struct process *p)
{
    struct item *i = add_item(q);
    i->process = arena_new_of(q->a, struct process);
    *i->process = *p;
    i->process->watch = i->process->out = i->process->err = -1;
    return i;
}

struct item *ask_request(struct question *q, const struct request *r)
{
    struct item *i = add_item(q);
    i->request = arena_new_of(q->a, struct request);
    *i->request = *r;
    return i;
}

void ask_answer(struct question *q, enum gate_answer answer, const struct value *values,
                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(q->a, fmt, ap);
    va_end(ap);
    q->answered = true;
    q->result->answer = answer;
    q->result->detail = ask_line(q->a, text, SIZE_MAX, DETAIL_MAX);
    if (values)
        q->result->values = *values;
    q->result->seconds = (double)(clock_mono_ms() - q->began) / 1000;
}

int ask_expand(struct question *q, const char *host, const char *text, const char **ret,
               struct err *e)
{
    *ret = text;
    if (!strstr(text, "{{") && !strstr(text, "{%"))
        return 0;
    if (!q->env->expand)
        return err_set(e, ERR_UNSUPPORTED, q->gate->pos, "templates cannot be used here");
    return q->env->expand(q->env->data, host, text, q->a, ret, e);
}

size_t ask_hosts(const struct question *q)
{
    size_t n = 0;
    while (q->env->hosts && q->env->hosts[n])
        n++;
    return n;
}

// --- for commands

static const char *joined(struct arena *a, const char *const *names)
{
    struct buf b = BUF_INIT;
    for (const char *const *n = names; n && *n; n++)
        buf_addf(&b, "%s%s", b.len ? " " : "", *n);
    const char *s = b.len > HOSTS_MAX ? "" : arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

const char *const *ask_environment(struct question *q)
{
    const struct gate_env *env = q->env;
    const struct {
        const char *name, *value;
    } vars[] = {
        {"SERVICE", env->service},
        {"RELEASE", env->release},
        {"ROLLOUT", env->rollout},
        {"RING", env->ring},
        {"COMMIT", env->commit},
        {"ARTIFACT", env->artifact},
        {"HOSTS", joined(q->a, env->hosts)},
        {"BASELINE_HOSTS", joined(q->a, env->baseline_hosts)},
    };
    const size_t n = sizeof vars / sizeof *vars;
    const char **list = arena_array(q->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] =
            arena_printf(q->a, "ANDON_%s=%s", vars[i].name, vars[i].value ? vars[i].value : "");
    return list;
}

const char *ask_folder(const struct question *q)
{
    const char *file = src_name(q->gate->pos.file);
    return *file == '/' ? path_dir(q->a, file) : NULL;
}

// --- what others said

const char *ask_line(struct arena *a, const char *s, size_t len, size_t max)
{
    struct buf b = BUF_INIT;
    len = strnlen(s, len);
    bool space = false;
    for (size_t i = 0; i < len && b.len < max;) {
        uint32_t cp;
        size_t n = utf8_decode(s + i, len - i, &cp);
        if (n && (cp <= ' ' || cp == 0x7f || (cp >= 0x80 && cp < 0xa0))) {
            space = b.len > 0;
        } else {
            if (space)
                buf_addc(&b, ' ');
            space = false;
            if (n && !(cp >= 0xd800 && cp < 0xe000))
                buf_add(&b, s + i, n);
            else
                buf_addc(&b, '?');
        }
        i += n ? n : 1;
    }
    if (b.len >= max)
        buf_adds(&b, "...");
    const char *line = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return line;
}

const char *ask_last_lines(struct arena *a, const struct buf *b)
{
    const char *s = buf_str(b), *end = s + b->len, *from = end;
    for (int lines = 0; from > s; from--)
        if (from[-1] == '\n' && from < end && *from != '\n' && ++lines == LAST_LINES)
            break;
    return ask_line(a, from, (size_t)(end - from), DETAIL_MAX / 2);
}

const char *ask_url(struct arena *a, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', len);
    const char *shown = at ? at + 1 : host;
    return ask_line(
        a, arena_printf(a, "%.*s%.*s", (int)(host - url), url, (int)strcspn(shown, "?#"), shown),
        SIZE_MAX, 200);
}

const char *ask_ending(struct arena *a, const struct item *i)
{
    int status = i->process->status;
    if (i->late)
        return arena_printf(a, "not ended after %.3g s",
                            i->q->gate->timeout > 0
                                ? i->q->gate->timeout
                                : (double)(i->q->deadline - i->q->began) / 1000);
    if (i->error)
        return i->error;
    if (WIFSIGNALED(status))
        return arena_printf(a, "ended by signal %d (%s)", WTERMSIG(status),
                            strsignal(WTERMSIG(status)));
    return arena_printf(a, "exit code %d", WEXITSTATUS(status));
}
