// Building and running the commands of modules.
#include "node/command.h"
#include "node/text.h"

#include <string.h>

void argv_add(struct argv *argv, const char *word)
{
    if (!word)
        return;
    if (argv->n + 1 >= argv->cap) {
        size_t cap = argv->cap ? argv->cap * 2 : 16;
        const char **v = arena_array(argv->arena, const char *, cap);
        if (argv->n)
            memcpy(v, argv->v, argv->n * sizeof(*v));
        argv->v = v;
        argv->cap = cap;
    }
    argv->v[argv->n++] = word;
    argv->v[argv->n] = NULL;
}

struct argv argv_of(struct arena *a, ...)
{
    struct argv argv = {.arena = a};
    va_list ap;
    va_start(ap, a);
    for (const char *word; (word = va_arg(ap, const char *));)
        argv_add(&argv, word);
    va_end(ap);
    return argv;
}

struct argv *argv_new(struct arena *a)
{
    struct argv *argv = arena_new_of(a, struct argv);
    argv->arena = a;
    return argv;
}

void argv_add_list(struct argv *argv, const struct list *words)
{
    for (size_t i = 0; words && i < words->len; i++)
        argv_add(argv, words->items[i].u.str.s);
}

void argv_addf(struct argv *argv, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    argv_add(argv, arena_vprintf(argv->arena, fmt, ap));
    va_end(ap);
}

void argv_option(struct argv *argv, const char *flag, const char *value)
{
    if (!value)
        return;
    argv_add(argv, flag);
    argv_add(argv, value);
}

int argv_line(struct module *m, struct argv *argv, const char *line)
{
    struct list *words;
    struct err e = ERR_INIT;
    if (shlex_split(m->arena, line, true, &words, &e) < 0)
        return module_fail_err(m, &e);
    for (size_t i = 0; i < words->len; i++)
        argv_add(argv, words->items[i].u.str.s);
    return 0;
}

struct value argv_value(const struct argv *argv)
{
    struct value l = value_list(argv->arena);
    for (size_t i = 0; i < argv->n; i++)
        list_add(l.u.list, value_cstr(argv->v[i]));
    return l;
}

const char *argv_text(const struct argv *argv)
{
    struct value l = argv_value(argv);
    return text_join(argv->arena, l.u.list, " ");
}

int command_run(struct module *m, const struct argv *argv, const struct proc_opts *opts,
                struct output *ret)
{
    static const struct proc_opts plain = {.clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    int rc = proc_run(m, argv->v, opts ? opts : &plain, &p, &e);
    if (rc == 0)
        *ret = (struct output){p.rc, arena_strndup(m->arena, buf_str(&p.out), p.out.len),
                               arena_strndup(m->arena, buf_str(&p.err), p.err.len), p.out.len};
    proc_release(&p);
    return rc == 0 ? 0 : module_fail_err(m, &e);
}

int command_must(struct module *m, const struct argv *argv, const struct proc_opts *opts,
                 struct output *ret)
{
    if (command_run(m, argv, opts, ret) != 0)
        return ERR_FAILED;
    if (ret->rc == 0)
        return 0;
    char *said = arena_strdup(m->arena, ret->err);
    text_rstrip(said);
    struct value words = value_list(m->arena);
    for (size_t i = 0; i < argv->n; i++)
        list_add(words.u.list, value_cstr(shlex_quote(m->arena, argv->v[i])));
    module_set_str(m, "cmd", text_join(m->arena, words.u.list, " "));
    module_set(m, "rc", value_int(ret->rc));
    module_set_str(m, "stdout", ret->out);
    module_set_str(m, "stderr", ret->err);
    return module_fail(m, "%s", said);
}

bool command_ok(struct module *m, const struct argv *argv)
{
    static const struct proc_opts plain = {.clean_lang = true};
    struct proc p = {0};
    bool ok = proc_run(m, argv->v, &plain, &p, NULL) == 0 && p.rc == 0;
    proc_release(&p);
    return ok;
}
