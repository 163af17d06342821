// alternatives: which program a generic name stands for, by update-alternatives.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

// One program that may stand for the name.
struct alternative {
    const char *path;
    int64_t priority;
    struct value followers; // list of dicts: name, path, link
};

struct alternatives {
    struct module *m;
    struct arena *a;
    const char *tool, *name, *path;
    const char *link, *current; // of the name; NULL while unknown
    bool known;                 // update-alternatives has the name
    bool manual;
    struct alternative *found; // the task's path among those there are, or NULL
    struct dict *links;        // of followers, by name
    struct value messages;
    struct dict *after; // of the diff
};

// --- what update-alternatives --display says

// "link NAME is PATH", "slave NAME is PATH".
static const char *is_path(const char *s, const char *word, struct arena *a, const char **ret_name)
{
    const char *rest = text_after(s, word);
    size_t n = rest ? strcspn(rest, " ") : 0;
    const char *path = n ? text_after(rest + n, " is ") : NULL;
    if (path)
        *ret_name = arena_strndup(a, rest, n);
    return path;
}

static const char *follower_word(const char *s)
{
    const char *rest = text_after(s, "slave ");
    return rest ? rest : text_after(s, "follower ");
}

// "PATH - priority N", also with "family F" in front of the priority.
static bool parse_alternative(struct arena *a, const char *s, struct alternative *ret)
{
    const char *dash = strstr(s, " - "), *priority = dash ? strstr(dash, "priority ") : NULL;
    if (*s != '/' || !priority)
        return false;
    *ret = (struct alternative){arena_strndup(a, s, (size_t)(dash - s)),
                                strtoll(priority + strlen("priority "), NULL, 10), value_list(a)};
    return true;
}

static void add_follower(struct alternatives *t, struct alternative *to, const char *text)
{
    const char *colon = strstr(text, ": ");
    if (!colon || strcmp(colon + 2, "(null)") == 0)
        return;
    struct value v = value_dict(t->a);
    const char *name = arena_strndup(t->a, text, (size_t)(colon - text));
    const struct value *link = dict_get(t->links, name);
    dict_set(v.u.dict, "name", value_cstr(name));
    dict_set(v.u.dict, "path", value_cstr(colon + 2));
    dict_set(v.u.dict, "link", link ? *link : value_null());
    list_add(to->followers.u.list, v);
}

// Debian does not say where followers are linked when none of them is: then the task's word counts.
static void links_of_task(struct alternatives *t)
{
    const struct list *l = module_list(t->m, "subcommands");
    for (size_t i = 0; l && t->links->len == 0 && i < l->len; i++) {
        const struct dict *d = l->items[i].u.dict;
        dict_set(t->links, dict_str(d, "name", ""), value_cstr(dict_str(d, "link", "")));
    }
}

static void parse_header(struct alternatives *t, const char *s)
{
    const char *name, *path;
    if ((path = is_path(s, "link ", t->a, &name)))
        t->link = path;
    else if ((path = text_after(s, "link currently points to ")))
        t->current = path;
    else if ((path = is_path(s, "slave ", t->a, &name)) ||
             (path = is_path(s, "follower ", t->a, &name)))
        dict_set(t->links, name, value_cstr(path));
}

static int read_current(struct alternatives *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--display", t->name, NULL);
    struct output o;
    struct alternative *last = NULL;
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return 0;
    t->known = true;
    char *first = arena_strndup(t->a, o.out, strcspn(o.out, "\n"));
    t->manual = strstr(first, "manual") != NULL;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));)
        parse_header(t, line + strspn(line, " \t"));
    links_of_task(t);
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        struct alternative one;
        const char *follower = follower_word(line + strspn(line, " \t"));
        if (parse_alternative(t->a, line, &one)) {
            last = arena_new_of(t->a, struct alternative);
            *last = one;
            if (strcmp(one.path, t->path) == 0)
                t->found = last;
        } else if (follower && last) {
            add_follower(t, last, follower);
        }
    }
    return 0;
}

// --- what is to be done

static bool same_followers(const struct list *x, const struct list *y)
{
    for (size_t i = 0; i < x->len; i++) {
        bool hit = false;
        for (size_t k = 0; k < y->len && !hit; k++)
            hit = value_equal(&x->items[i], &y->items[k]);
        if (!hit)
            return false;
    }
    return true;
}

static bool is_installed(const struct alternatives *t)
{
    const struct list *l = module_list(t->m, "subcommands");
    if (!t->found)
        return false;
    if (module_has(t->m, "priority") && module_int(t->m, "priority", 0) != t->found->priority)
        return false;
    return !l || (same_followers(l, t->found->followers.u.list) &&
                  same_followers(t->found->followers.u.list, l));
}

static int keep_link(struct alternatives *t, const char *name, const char *link)
{
    if (journal_path(t->m, arena_printf(t->a, "/etc/alternatives/%s", name), NULL) < 0)
        return ERR_FAILED;
    return link && *link ? journal_path(t->m, link, NULL) : 0;
}

// What update-alternatives may touch: its own file and the links of the group.
static int keep(struct alternatives *t)
{
    const struct list *l = module_list(t->m, "subcommands");
    const char *link = module_str(t->m, "link") ? module_str(t->m, "link") : t->link;
    struct dict_entry *it;
    if (journal_path(t->m, arena_printf(t->a, "/var/lib/dpkg/alternatives/%s", t->name), NULL) <
            0 ||
        keep_link(t, t->name, link) < 0)
        return ERR_FAILED;
    DICT_EACH(t->links, it)
    if (keep_link(t, it->key.u.str.s, value_to_cstr(t->a, &it->val)) < 0)
        return ERR_FAILED;
    for (size_t i = 0; l && i < l->len; i++)
        if (keep_link(t, dict_str(l->items[i].u.dict, "name", ""),
                      dict_str(l->items[i].u.dict, "link", "")) < 0)
            return ERR_FAILED;
    return 0;
}

// Does one thing: says so in msg and, in diff mode, in the diff.
static int act(struct alternatives *t, const struct argv *argv, const char *state,
               const char *message)
{
    struct output o;
    module_changed(t->m, true);
    list_add(t->messages.u.list, value_cstr(message));
    if (t->m->diff)
        dict_set(t->after, "state", value_cstr(state));
    if (t->m->check)
        return 0;
    return keep(t) < 0 ? ERR_FAILED : command_must(t->m, argv, NULL, &o);
}

static int install(struct alternatives *t)
{
    struct module *m = t->m;
    const char *link = module_str(m, "link") ? module_str(m, "link") : t->link;
    int64_t priority = module_int(m, "priority", t->found ? t->found->priority : 50);
    const struct list *l = module_list(m, "subcommands");
    if (!text_exists(t->path))
        return module_fail(m, "Specified path %s does not exist", t->path);
    if (!link || !*link)
        return module_fail(m, "Needed to install the alternative, but unable to do so as we are "
                              "missing the link");
    struct argv argv = argv_of(t->a, t->tool, "--install", link, t->name, t->path, NULL);
    argv_addf(&argv, "%lld", (long long)priority);
    for (size_t i = 0; l && i < l->len; i++) {
        const struct dict *d = l->items[i].u.dict;
        argv_option(&argv, "--slave", dict_str(d, "link", ""));
        argv_option(&argv, dict_str(d, "name", ""), dict_str(d, "path", ""));
    }
    if (m->diff) {
        struct value all = l ? value_list(t->a) : t->found ? t->found->followers : value_list(t->a);
        if (l)
            all.u.list = dict_get(m->args, "subcommands")->u.list;
        dict_set(t->after, "path", value_cstr(t->path));
        dict_set(t->after, "priority", value_int(priority));
        dict_set(t->after, "link", value_cstr(link));
        if (all.u.list->len)
            dict_set(t->after, "subcommands", all);
    }
    return act(t, &argv, "present",
               arena_printf(t->a, "Install alternative '%s' for '%s'.", t->path, t->name));
}

static int select_it(struct alternatives *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--set", t->name, t->path, NULL);
    return act(t, &argv, "selected",
               arena_printf(t->a, "Set alternative '%s' for '%s'.", t->path, t->name));
}

static int automatic(struct alternatives *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--auto", t->name, NULL);
    return act(t, &argv, "present",
               arena_printf(t->a, "Set alternative to auto for '%s'.", t->name));
}

static int remove_it(struct alternatives *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--remove", t->name, t->path, NULL);
    return act(t, &argv, "absent",
               arena_printf(t->a, "Remove alternative '%s' from '%s'.", t->path, t->name));
}

// What is there before, for the diff. Ansible calls selected what some other choice hides, and so
// do we here.
static struct value picture(struct alternatives *t)
{
    struct value v = value_dict(t->a);
    if (!t->m->diff || !t->known)
        return v;
    bool current = t->current && strcmp(t->current, t->path) == 0;
    const char *state = !t->found ? "absent" : t->manual && !current ? "selected" : "present";
    dict_set(v.u.dict, "state", value_cstr(state));
    if (!t->found)
        return v;
    dict_set(v.u.dict, "path", value_cstr(t->path));
    dict_set(v.u.dict, "priority", value_int(t->found->priority));
    dict_set(v.u.dict, "link", t->link ? value_cstr(t->link) : value_null());
    if (t->found->followers.u.list->len)
        dict_set(v.u.dict, "subcommands", t->found->followers);
    return v;
}

static int change(struct alternatives *t)
{
    const char *state = module_str(t->m, "state");
    if (strcmp(state, "absent") == 0)
        return t->found ? remove_it(t) : 0;
    if (!is_installed(t) && install(t) != 0)
        return ERR_FAILED;
    if (strcmp(state, "selected") == 0 && !(t->current && strcmp(t->current, t->path) == 0))
        return select_it(t);
    return strcmp(state, "auto") == 0 && t->manual ? automatic(t) : 0;
}

int mod_alternatives(struct module *m)
{
    struct alternatives t = {.m = m,
                             .a = m->arena,
                             .tool = proc_which(m->arena, "update-alternatives"),
                             .name = module_str(m, "name"),
                             .path = module_str(m, "path"),
                             .links = value_dict(m->arena).u.dict,
                             .messages = value_list(m->arena)};
    if (!t.tool)
        return proc_fail_missing(m, "update-alternatives");
    if (read_current(&t) != 0)
        return ERR_FAILED;
    struct value before = picture(&t), diff = value_dict(m->arena), after = value_dict(m->arena);
    t.after = after.u.dict;
    module_changed(m, false);
    if (change(&t) != 0)
        return ERR_FAILED;
    dict_set(diff.u.dict, "before", before);
    dict_set(diff.u.dict, "after", after);
    module_set(m, "diff", diff);
    module_set_str(m, "msg", text_join(m->arena, t.messages.u.list, " "));
    return 0;
}
