// vars_prompt: variables a play asks for before it begins.
#include "run/internal.h"
#include "template/passwords.h"

#include <stdlib.h>
#include <string.h>

static const char *const known[] = {"name",    "prompt",    "default", "private", "confirm",
                                    "encrypt", "salt_size", "salt",    "unsafe"};

static int check_entry(const struct value *v, struct err *e)
{
    struct dict_entry *it;
    if (v->type != VALUE_DICT || !dict_str(v->u.dict, "name", NULL))
        return err_set(e, ERR_INVALID, value_pos(v),
                       "Invalid vars_prompt data structure, missing 'name' key");
    DICT_EACH(v->u.dict, it)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && !value_eqs(&it->key, known[i]))
            i++;
        if (i == sizeof known / sizeof *known)
            return err_set(e, ERR_INVALID, value_pos(&it->key),
                           "Invalid vars_prompt data structure, found unsupported key '%s'",
                           it->key.type == VALUE_STRING ? it->key.u.str.s : "");
    }
    return 0;
}

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

static char *ask_once(struct run *r, const char *text, bool private)
{
    return r->o.prompt ? r->o.prompt(r->o.prompt_data, text, private, 0) : NULL;
}

// Asks until both answers are the same; NULL: nobody is there to answer.
static char *ask_twice(struct run *r, const char *text, bool private)
{
    const char *again = arena_printf(r->play_arena, "confirm %s", text);
    for (;;) {
        char *first = ask_once(r, text, private);
        char *second = first ? ask_once(r, again, private) : NULL;
        if (!first || !second || strcmp(first, second) == 0) {
            wipe(second);
            return first;
        }
        wipe(first);
        wipe(second);
        if (r->o.sink.message)
            r->o.sink.message(r->o.sink.data, "***** VALUES ENTERED DO NOT MATCH ****");
    }
}

// The answer hashed for /etc/shadow.
static int encrypt(struct run *r, const struct dict *d, struct value *v, struct err *e)
{
    const char *scheme = dict_str(d, "encrypt", NULL);
    if (!scheme || !*scheme)
        return 0;
    struct templar t = {.cache = r->o.cache, .opts = r->topts};
    struct call c = {.t = &t,
                     .arena = r->play_arena,
                     .kwargs = value_dict(r->play_arena).u.dict,
                     .name = "encrypt"};
    struct password_opts o = {.salt = dict_str(d, "salt", NULL),
                              .salt_size = dict_int(d, "salt_size", 0)};
    const char *s = value_to_cstr(r->play_arena, v);
    return password_hash(&c, (struct text){s, strlen(s)}, scheme, &o, v, e);
}

static int ask_one(struct run *r, const struct dict *d, struct pos pos, struct err *e)
{
    const char *name = dict_str(d, "name", NULL), *text = dict_str(d, "prompt", name);
    const struct value *dflt = dict_get(d, "default");
    bool private = dict_bool(d, "private", true), has_default = dflt && dflt->type != VALUE_NULL;
    const char *shown = !*text        ? arena_printf(r->play_arena, "input for %s: ", name)
                        : has_default ? arena_printf(r->play_arena, "%s [%s]: ", text,
                                                     value_to_cstr(r->play_arena, dflt))
                                      : arena_printf(r->play_arena, "%s: ", text);
    char *answer =
        dict_bool(d, "confirm", false) ? ask_twice(r, shown, private) : ask_once(r, shown, private);
    struct value got = answer && *answer ? value_str(r->play_arena, answer)
                       : has_default     ? *dflt
                       : answer          ? value_cstr("")
                                         : value_cstr("None"); // as Python prints no answer
    wipe(answer);
    int rc = encrypt(r, d, &got, e);
    if (rc < 0)
        return err_at(e, pos);
    if (got.type != VALUE_STRING)
        got = value_str(r->play_arena, value_to_cstr(r->play_arena, &got));
    got.flags |= dict_bool(d, "unsafe", false) ? VALUE_UNSAFE : 0;
    dict_set(r->play_prompts, name, got);
    return 0;
}

// What would have been asked for without showing it, and was given by -e.
static void tell_secret(struct run *r, const struct value *v)
{
    const char *s = value_to_cstr(r->play_arena, v);
    if (r->o.secret && *s)
        r->o.secret(r->o.prompt_data, s, strlen(s));
}

int play_ask_vars(struct run *r, struct play *p, struct err *e)
{
    struct value list;
    struct static_scope s;
    struct templar t;
    int rc = 0;
    r->play_prompts = NULL;
    if (!p->vars_prompt || p->vars_prompt->type != VALUE_LIST)
        return 0;
    run_static_templar(r, &p->n, &s, &t);
    r->play_prompts = value_dict(r->play_arena).u.dict;
    for (size_t i = 0; rc == 0 && i < p->vars_prompt->u.list->len; i++)
        rc = check_entry(&p->vars_prompt->u.list->items[i], e);
    if (rc == 0)
        rc = template_value(&t, r->play_arena, p->vars_prompt, &list, e);
    for (size_t i = 0; rc == 0 && i < list.u.list->len && !r->interrupted; i++) {
        const struct value *v = &list.u.list->items[i];
        const struct value *given = dict_get(r->o.extra_vars, dict_str(v->u.dict, "name", ""));
        if (!given)
            rc = ask_one(r, v->u.dict, value_pos(v), e);
        else if (dict_bool(v->u.dict, "private", true))
            tell_secret(r, given);
    }
    return rc;
}
