// What an undefined name was meant to be: the nearest among the variables in scope, or among the
// members of the mapping that lacks it.
#include "template/eval.h"

#include <string.h>

#define MAX_NAMES 1024

struct names {
    const char *list[MAX_NAMES];
    int n;
};

static void add_keys(struct names *names, const struct dict *d)
{
    struct dict_entry *it;
    DICT_EACH(d, it)
    if (it->key.type == VALUE_STRING && names->n < MAX_NAMES)
        names->list[names->n++] = it->key.u.str.s;
}

// The word between mark and the quote at the end of the text, or NULL.
static const char *word_of(struct arena *a, const char *text, const char *mark, const char *end)
{
    size_t n = strlen(mark), k = strlen(end), len = strlen(text);
    const char *at = strstr(text, mark);
    if (!at || len <= k || strcmp(text + len - k, end) != 0 || at + n >= text + len - k)
        return NULL;
    return arena_strndup(a, at + n, (size_t)(text + len - k - (at + n)));
}

const char *undefined_text(struct templar *t, struct arena *a, const struct value *v)
{
    const char *text = v->u.str.s ? v->u.str.s : "undefined value";
    const struct template_session *ss = t ? t->session : NULL;
    if (!ss || !t->suggest || v->flags & UNDEFINED_UNKNOWN)
        return text;
    struct names *names = arena_new_of(a, struct names);
    const char *word = NULL;
    struct dict *all;
    names->n = 0;
    if (ss->lacks_member == v->u.str.s) {
        word = word_of(a, text, "has no attribute '", "'");
        add_keys(names, ss->lacks);
    } else if (*text == '\'' && (word = word_of(a, text, "'", "' is undefined")) &&
               !strpbrk(word, "' ") && t->vars.all) {
        if (t->vars.all(t->vars.data, a, &all, NULL) >= 0)
            add_keys(names, all);
        if (t->locals)
            add_keys(names, t->locals);
    }
    const char *near = word ? err_suggest(word, names->list, names->n) : NULL;
    return near ? arena_printf(a, "%s. Did you mean '%s'?", text, near) : text;
}
