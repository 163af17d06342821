// getent: entries of the host's name service databases, as facts.
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>

// Cuts a line at sep, or at white space when sep is NULL.
static struct list *cut(struct arena *a, const char *line, const char *sep)
{
    struct list *l = value_list(a).u.list;
    char *c = arena_strdup(a, line);
    size_t n = sep ? strlen(sep) : 0;
    if (!sep) {
        for (char *w; (w = text_field(&c));)
            list_add(l, value_cstr(w));
        return l;
    }
    for (char *end; (end = strstr(c, sep)); c = end + n) {
        *end = '\0';
        list_add(l, value_cstr(c));
    }
    list_add(l, value_cstr(c));
    return l;
}

// Adds a line: its first field becomes the key; a key that comes again gets a list of its values.
static void add_record(struct arena *a, struct dict *tree, struct dict *seen,
                       const struct list *rec)
{
    if (rec->len == 0)
        return;
    const char *key = rec->items[0].u.str.s;
    struct value rest = value_list(a);
    for (size_t i = 1; i < rec->len; i++)
        list_add(rest.u.list, rec->items[i]);
    int64_t times = dict_int(seen, key, 0);
    if (times == 0) {
        dict_set(tree, key, rest);
    } else {
        if (times == 1) {
            struct value all = value_list(a);
            list_add(all.u.list, *dict_get(tree, key));
            dict_set(tree, key, all);
        }
        list_add(dict_get(tree, key)->u.list, rest);
    }
    dict_set(seen, key, value_int(times + 1));
}

static int run(struct module *m, struct proc *p)
{
    const char *argv[8], *key = module_str(m, "key"), *service = module_str(m, "service");
    struct proc_opts opts = {0};
    struct err e = ERR_INIT;
    size_t n = 0;
    argv[n++] = "getent";
    argv[n++] = module_str(m, "database");
    if (key)
        argv[n++] = key;
    if (service) {
        argv[n++] = "-s";
        argv[n++] = service;
    }
    argv[n] = NULL;
    return proc_run(m, argv, &opts, p, &e) == 0 ? 0 : module_fail_err(m, &e);
}

int mod_getent(struct module *m)
{
    static const char *const colon[] = {"passwd", "shadow", "group", "gshadow"};
    static const char *const messages[] = {
        "Unexpected failure!", "Missing arguments, or database unknown.",
        "One or more supplied key could not be found in the database.",
        "Enumeration not supported on this database."};
    const char *database = module_str(m, "database"), *split = module_str(m, "split");
    struct value facts = value_dict(m->arena), tree = value_dict(m->arena);
    struct dict *seen = value_dict(m->arena).u.dict;
    struct proc p = {0};
    for (size_t i = 0; !split && i < sizeof(colon) / sizeof(*colon); i++)
        if (strcmp(database, colon[i]) == 0)
            split = ":";
    if (run(m, &p) != 0)
        return ERR_FAILED;
    int rc = p.rc;
    char *out = arena_strndup(m->arena, buf_str(&p.out), p.out.len);
    proc_release(&p);
    dict_set(facts.u.dict, arena_printf(m->arena, "getent_%s", database), tree);
    const char *msg = messages[rc >= 1 && rc <= 3 ? rc : 0];
    if (rc == 0) {
        for (char *line; (line = text_line(&out));)
            add_record(m->arena, tree.u.dict, seen, cut(m->arena, line, split));
    } else if (rc == 2 && !module_bool(m, "fail_key") && module_str(m, "key")) {
        dict_set(tree.u.dict, module_str(m, "key"), value_null());
        module_set_str(m, "msg", msg);
    } else {
        return module_fail(m, "%s", msg);
    }
    module_set(m, "ansible_facts", facts);
    return 0;
}
