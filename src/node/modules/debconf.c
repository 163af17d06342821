// debconf: answers to the questions of Debian packages.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>

// "* pkg/question: value" of debconf-show, a dict in its order.
static struct value parse_answers(struct arena *a, const char *text)
{
    struct value v = value_dict(a);
    for (char *c = arena_strdup(a, text), *line; (line = text_line(&c));) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        char *name = line + strspn(line, "* ");
        text_rstrip(name);
        dict_set(v.u.dict, name, value_cstr(text_strip(colon + 1)));
    }
    return v;
}

static int set_answer(struct module *m, const char *question, const char *type, const char *value)
{
    struct argv argv = argv_of(m->arena, "debconf-set-selections", NULL);
    struct output o;
    if (strcmp(type, "boolean") == 0)
        value = strcasecmp(value, "true") == 0    ? "true"
                : strcasecmp(value, "false") == 0 ? "false"
                                                  : value;
    if (module_bool(m, "unseen"))
        argv_add(&argv, "-u");
    const char *thing = arena_printf(m->arena, "%s %s", module_str(m, "name"), question);
    if (journal_thing(m, "debconf", thing, NULL, NULL) < 0)
        return ERR_FAILED;
    const char *line =
        arena_printf(m->arena, "%s %s %s %s\n", module_str(m, "name"), question, type, value);
    struct proc_opts opts = {.stdin_data = line, .stdin_len = strlen(line), .clean_lang = true};
    if (command_run(m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : module_fail(m, "%s", o.err);
}

static bool is_same(const char *type, const char *have, const char *want)
{
    if (strcmp(type, "boolean") == 0 && strcasecmp(have, want) == 0)
        return true;
    return strcmp(have, want) == 0;
}

static struct value one(struct arena *a, const char *question, const struct value *v)
{
    struct value d = value_dict(a);
    dict_set(d.u.dict, question, *v);
    return d;
}

int mod_debconf(struct module *m)
{
    const char *name = module_str(m, "name"), *question = module_str(m, "question");
    const char *type = module_str(m, "vtype"), *value = module_str(m, "value");
    struct argv argv = argv_of(m->arena, "debconf-show", name, NULL);
    struct output o;
    if (!proc_which(m->arena, "debconf-show"))
        return proc_fail_missing(m, "debconf-show");
    if (command_run(m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return module_fail(m, "%s", o.err);
    struct value answers = parse_answers(m->arena, o.out);
    if (!question) {
        module_set(m, "current", answers);
        module_set_str(m, "msg", "");
        return 0;
    }
    if (!type || !value)
        return module_fail(m, "when supplying a question you must supply a valid vtype and value");
    const struct value *had = dict_get(answers.u.dict, question);
    bool changed = !had || !is_same(type, had->u.str.s, value);
    if (changed && !m->check && set_answer(m, question, type, value) != 0)
        return ERR_FAILED;
    module_set_str(m, "msg", "");
    module_changed(m, changed);
    if (!changed) {
        module_set(m, "current", answers);
        return 0;
    }
    struct value now = value_cstr(value), diff = value_dict(m->arena);
    struct value current = one(m->arena, question, &now);
    if (had)
        answers = one(m->arena, question, had);
    else
        dict_set(answers.u.dict, question, value_cstr(""));
    struct value after = value_copy(m->arena, &answers);
    dict_update(after.u.dict, current.u.dict);
    module_set(m, "current", current);
    module_set(m, "previous", answers);
    dict_set(diff.u.dict, "before", answers);
    dict_set(diff.u.dict, "after", after);
    module_set(m, "diff", diff);
    return 0;
}
