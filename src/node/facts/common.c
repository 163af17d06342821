// What all fact collectors share: reading files below the root, running commands, listing folders.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

char *facts_file(struct facts *f, const char *path)
{
    return text_read_stripped(f->a, arena_printf(f->a, "%s%s", f->root, path));
}

char *facts_filef(struct facts *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *path = arena_vprintf(f->a, fmt, ap);
    va_end(ap);
    return facts_file(f, path);
}

bool facts_exists(struct facts *f, const char *path)
{
    return text_exists(arena_printf(f->a, "%s%s", f->root, path));
}

void dict_set_text(struct dict *d, struct arena *a, const char *name, const char *s)
{
    dict_set(d, name, s ? value_str(a, s) : value_null());
}

void facts_set(struct facts *f, const char *name, const char *s)
{
    dict_set_text(f->out, f->a, name, s);
}

char *facts_run(struct facts *f, const char *const *argv)
{
    struct proc p = {0};
    struct proc_opts opts = {.clean_lang = true, .timeout_ms = 30000};
    char *out = NULL;
    if (!f->module)
        return NULL;
    if (proc_run(f->module, argv, &opts, &p, NULL) == 0 && p.rc == 0)
        out = arena_strndup(f->a, buf_str(&p.out), p.out.len);
    proc_release(&p);
    return out;
}

struct dict *facts_os_release(struct facts *f)
{
    struct dict *d = value_dict(f->a).u.dict;
    char *data = facts_file(f, "/etc/os-release");
    if (!data)
        data = facts_file(f, "/usr/lib/os-release");
    for (char *line; (line = text_line(&data));) {
        struct list *words = NULL;
        line = text_strip(line);
        if (*line == '#' || shlex_split(f->a, line, true, &words, NULL) != 0 || words->len == 0)
            continue;
        const char *word = words->items[0].u.str.s;
        const char *eq = strchr(word, '=');
        if (!eq)
            continue;
        char *key = arena_strndup(f->a, word, (size_t)(eq - word));
        for (char *p = key; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        dict_set(d, key, value_cstr(eq + 1));
    }
    return d;
}

struct list *facts_listdir(struct facts *f, const char *path)
{
    struct list *l = value_list(f->a).u.list;
    DIR *d = opendir(arena_printf(f->a, "%s%s", f->root, path));
    if (!d)
        return l;
    for (struct dirent *de; (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            list_add(l, value_str(f->a, de->d_name));
    closedir(d);
    return l;
}
