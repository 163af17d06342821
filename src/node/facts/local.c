// Facts that the host's owner put into files: JSON, INI or programs that print either.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include "core/json.h"

#include <ctype.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <errno.h>

// What is being read of an INI file.
struct ini {
    struct arena *a;
    struct dict *sections, *defaults, *section;
    const char *option; // the last one, for lines that continue it
};

static char *lower(char *s)
{
    for (char *p = s; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return s;
}

// [name]: false when it was there before.
static bool ini_section(struct ini *i, char *line)
{
    char *end = strrchr(line, ']');
    if (!end)
        return false;
    *end = '\0';
    i->option = NULL;
    if (strcmp(line + 1, "DEFAULT") == 0) {
        i->section = i->defaults;
        return true;
    }
    if (dict_get(i->sections, line + 1))
        return false;
    struct value v = value_dict(i->a);
    i->section = v.u.dict;
    dict_set(i->sections, line + 1, v);
    return true;
}

// key = value or key: value; false when there is no section or it has the option already.
static bool ini_option(struct ini *i, char *line)
{
    char *sep = strpbrk(line, "=:");
    if (!i->section || !sep || sep == line)
        return false;
    *sep = '\0';
    char *key = lower(text_strip(line));
    if (dict_get(i->section, key))
        return false;
    dict_set(i->section, key, value_cstr(text_strip(sep + 1)));
    i->option = key;
    return true;
}

// A line that is indented goes on with the option before it.
static void ini_continue(struct ini *i, const char *line)
{
    const char *old = dict_str(i->section, i->option, "");
    dict_set(i->section, i->option, value_strf(i->a, "%s\n%s", old, line));
}

// Python's ConfigParser on text: a dict of dicts, or false where it raises.
static bool ini_parse(struct arena *a, const char *text, struct value *ret)
{
    struct value sections = value_dict(a), defaults = value_dict(a);
    struct ini i = {a, sections.u.dict, defaults.u.dict, NULL, NULL};
    char *data = arena_strdup(a, text);
    for (char *line; (line = text_line(&data));) {
        bool indented = isspace((unsigned char)*line) && i.option && i.section;
        char *s = text_strip(line);
        if (!*s || *s == '#' || *s == ';')
            continue;
        if (indented)
            ini_continue(&i, s);
        else if (*s == '[' ? !ini_section(&i, s) : !ini_option(&i, s))
            return false;
    }
    struct dict_entry *e, *o;
    DICT_EACH(i.sections, e)
    DICT_EACH(i.defaults, o)
    if (!dict_getv(e->val.u.dict, &o->key))
        dict_setv(e->val.u.dict, o->key, o->val);
    *ret = sections;
    return true;
}

// The content of a fact file, or the output of an executable one; NULL after *ret_problem was set.
static const char *fact_text(struct facts *f, const char *path, const char **ret_problem)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        *ret_problem = arena_printf(f->a, "Could not stat fact (%s): %s", path, strerror(errno));
        return NULL;
    }
    if (!(st.st_mode & S_IXUSR) || !f->module) {
        const char *s = text_read_stripped(f->a, path);
        return s ? s : "";
    }
    const char *argv[] = {path, NULL};
    struct proc_opts opts = {0};
    struct proc p = {0};
    struct err e = ERR_INIT;
    const char *out = NULL;
    if (proc_run(f->module, argv, &opts, &p, &e) != 0)
        *ret_problem =
            arena_printf(f->a, "Could not execute fact script (%s): %s", path, err_msg(&e));
    else if (p.rc != 0)
        *ret_problem = arena_printf(f->a, "Failure executing fact script (%s), rc: %d, err: %s",
                                    path, p.rc, buf_str(&p.err));
    else
        out = arena_strndup(f->a, buf_str(&p.out), p.out.len);
    err_release(&e);
    proc_release(&p);
    return out;
}

static struct value fact_value(struct facts *f, const char *path)
{
    const char *problem = NULL, *text = fact_text(f, path, &problem);
    struct value v;
    if (text) {
        if (json_parse(f->a, text, strlen(text), &v, NULL) == 0 || ini_parse(f->a, text, &v))
            return v;
        problem = arena_printf(
            f->a, "error loading facts as JSON or ini - please check content: %s", path);
    }
    if (f->module)
        module_warn(f->module, "%s", problem);
    return value_cstr(problem);
}

void facts_local(struct facts *f)
{
    struct value v = value_dict(f->a);
    glob_t g = {0};
    dict_set(f->out, "local", v);
    if (!f->fact_path || !facts_exists(f, f->fact_path))
        return;
    if (glob(arena_printf(f->a, "%s%s/*.fact", f->root, f->fact_path), 0, NULL, &g) == 0) {
        for (size_t i = 0; i < g.gl_pathc; i++) {
            const char *base = strrchr(g.gl_pathv[i], '/') + 1;
            char *name = arena_strdup(f->a, base);
            name[strlen(name) - strlen(".fact")] = '\0';
            dict_set(v.u.dict, name, fact_value(f, arena_strdup(f->a, g.gl_pathv[i])));
        }
    }
    globfree(&g);
}
