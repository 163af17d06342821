// What is installed and what there is, from rpm and dnf.
#include "node/modules/dnf.h"
#include "node/text.h"

#include <string.h>

static struct argv rpm(const struct dnf *t)
{
    struct argv argv = argv_of(t->a, "rpm", NULL);
    argv_option(&argv, "--root", t->root);
    return argv;
}

int dnf_installed(struct dnf *t, struct dict **ret)
{
    struct argv argv = rpm(t);
    struct output o;
    *ret = value_dict(t->a).u.dict;
    argv_option(&argv, "-qa", "--qf");
    argv_add(&argv, "%{nevra}\\n");
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));)
        if (!text_after(line, "gpg-pubkey-"))
            dict_set(*ret, line, value_bool(true));
    return 0;
}

static int rpm_says(struct dnf *t, const char *w1, const char *w2, const char *spec)
{
    struct argv argv = rpm(t);
    struct output o;
    argv_add(&argv, w1);
    argv_add(&argv, w2);
    argv_add(&argv, spec);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 && *o.out;
}

static int group_is_installed(struct dnf *t, const char *name)
{
    struct argv argv = dnf_start(t);
    struct output o;
    argv_line(t->m, &argv, "group list --installed --ids -q");
    if (dnf_run(t, &argv, &o) != 0)
        return ERR_FAILED;
    const char *id = arena_printf(t->a, "(%s)", name);
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        const char *s = text_strip(line);
        if (text_ends(s, id) || strcmp(s, name) == 0 ||
            (text_after(s, name) && text_after(text_after(s, name), " (")))
            return 1;
    }
    return 0;
}

// "name >= version": whether the installed version is like that.
static int relation_holds(struct dnf *t, const char *spec)
{
    char *c = arena_strdup(t->a, spec);
    const char *name = text_field(&c), *op = text_field(&c), *version = text_field(&c);
    struct argv argv = rpm(t);
    struct output o;
    if (!name || !op || !version)
        return 0;
    argv_option(&argv, "-q", "--qf");
    argv_add(&argv, "%{evr}\\n");
    argv_add(&argv, name);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return 0;
    const char *have = arena_strndup(t->a, o.out, strcspn(o.out, "\n"));
    if (!strchr(version, '-')) // without a release any will do
        have = arena_strndup(t->a, have, strcspn(have, "-"));
    argv = argv_of(t->a, "rpm", "--eval", NULL);
    argv_addf(&argv, "%%{lua: print(rpm.vercmp('%s', '%s'))}", have, version);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    int order = *o.out == '-' ? -1 : *o.out == '1';
    return (strchr(op, '<') && order < 0) || (strchr(op, '>') && order > 0) ||
           (strchr(op, '=') && order == 0);
}

// An rpm file: whether its very package is installed.
static int file_is_installed(struct dnf *t, const char *path)
{
    struct argv argv = argv_of(t->a, "rpm", "-qp", "--nosignature", "--qf", "%{nevra}", path, NULL);
    struct output o;
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? rpm_says(t, "-q", NULL, o.out) : 0;
}

int dnf_is_installed(struct dnf *t, const char *spec)
{
    if (*spec == '@')
        return group_is_installed(t, spec + 1);
    if (text_ends(spec, ".rpm"))
        return file_is_installed(t, spec);
    if (strpbrk(spec, "<>=") && strchr(spec, ' '))
        return relation_holds(t, spec);
    if (strpbrk(spec, "*?["))
        return rpm_says(t, "-qa", NULL, spec);
    int rc = rpm_says(t, "-q", NULL, spec);
    return rc != 0 ? rc : rpm_says(t, "-q", "--whatprovides", spec);
}

// One package as the task's list shows it; line: name|epoch|version|release|arch|repo.
static void add_package(struct dnf *t, char *line, bool installed, struct list *to)
{
    static const char *const keys[] = {"name", "epoch", "version", "release", "arch", "repo"};
    const char *field[6] = {"", "", "", "", "", ""};
    struct value v = value_dict(t->a);
    for (size_t i = 0; i < 6; i++) {
        const char *s = text_piece(&line, '|');
        field[i] = s ? s : "";
    }
    const char *epoch = strcmp(field[1], "(none)") == 0 || !*field[1] ? "0" : field[1];
    field[1] = epoch;
    for (size_t i = 0; i < 6; i++)
        dict_set(v.u.dict, keys[i], value_cstr(field[i]));
    const char *vra = arena_printf(t->a, "%s-%s.%s", field[2], field[3], field[4]);
    dict_set(v.u.dict, "nevra", value_strf(t->a, "%s:%s-%s", epoch, field[0], vra));
    dict_set(v.u.dict, "envra", value_strf(t->a, "%s:%s-%s", epoch, field[0], vra));
    dict_set(v.u.dict, "yumstate", value_cstr(installed ? "installed" : "available"));
    list_add(to, v);
}

static int add_packages(struct dnf *t, const char *what, bool installed, struct list *to)
{
    static const char format[] = "%{name}|%{epoch}|%{version}|%{release}|%{arch}";
    struct argv argv = installed ? rpm(t) : dnf_start(t);
    struct output o;
    if (installed) {
        argv_option(&argv, "-qa", "--qf");
        argv_addf(&argv, "%s|installed\\n", format);
    } else {
        argv_option(&argv, "-q", "repoquery");
        argv_option(&argv, strcmp(what, "updates") == 0 ? "--upgrades" : "--available", "--qf");
        argv_addf(&argv, "%s|%%{repoid}", format);
    }
    if (strcmp(what, "installed") != 0 && strcmp(what, "available") != 0 &&
        strcmp(what, "updates") != 0 && strcmp(what, "upgrades") != 0)
        argv_add(&argv, what);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));)
        if (strchr(line, '|') && !text_after(line, "gpg-pubkey|"))
            add_package(t, line, installed, to);
    return 0;
}

static int list_repos(struct dnf *t, struct list *to)
{
    struct argv argv = dnf_start(t);
    struct output o;
    argv_line(t->m, &argv, "-q repolist --enabled");
    if (dnf_run(t, &argv, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        const char *id = text_field(&line);
        if (!id || strcmp(id, "repo") == 0)
            continue;
        struct value v = value_dict(t->a);
        dict_set(v.u.dict, "repoid", value_cstr(id));
        dict_set(v.u.dict, "state", value_cstr("enabled"));
        list_add(to, v);
    }
    return 0;
}

int dnf_list(struct dnf *t, const char *what)
{
    bool installed = strcmp(what, "installed") == 0;
    bool offered = strcmp(what, "available") == 0 || strcmp(what, "updates") == 0 ||
                   strcmp(what, "upgrades") == 0;
    struct value l = value_list(t->a);
    int rc = 0;
    if (strcmp(what, "repos") == 0 || strcmp(what, "repositories") == 0)
        rc = list_repos(t, l.u.list);
    else if (installed || offered)
        rc = add_packages(t, what, installed, l.u.list);
    else if ((rc = add_packages(t, what, true, l.u.list)) == 0)
        rc = add_packages(t, what, false, l.u.list);
    if (rc != 0)
        return rc;
    module_set_str(t->m, "msg", "");
    module_set(t->m, "results", l);
    return 0;
}
