// What the archive has, as apt-cache tells it.
#include "node/modules/apt.h"
#include "node/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const char *release_option(struct apt *t)
{
    return t->release
               ? arena_printf(t->a, " -o APT::Default-Release=%s", shlex_quote(t->a, t->release))
               : "";
}

// Whether a version meets what the task asks for.
static bool version_meets(const char *cmp, const char *wanted, const char *version)
{
    if (cmp && strcmp(cmp, "=") == 0)
        return fnmatch(wanted, version, FNM_NOESCAPE) == 0;
    if (cmp && strcmp(cmp, ">=") == 0)
        return dpkg_version_compare(version, wanted) >= 0;
    return true;
}

int apt_candidate(struct apt *t, const char *name, const char *cmp, const char *version,
                  const char **ret_version, bool *ret_known)
{
    struct apt_out o;
    *ret_version = NULL;
    *ret_known = false;
    if (apt_run(
            t,
            arena_printf(t->a, "apt-cache policy%s %s", release_option(t), shlex_quote(t->a, name)),
            &o) != 0)
        return ERR_FAILED;
    bool table = false, pinned = cmp && strcmp(cmp, "=") == 0;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        const char *candidate = text_after(line, "  Candidate: ");
        if (candidate && !pinned && strcmp(candidate, "(none)") != 0)
            *ret_version = candidate;
        if (table && strlen(line) > 5 && line[5] != ' ' && line[0] == ' ') {
            // a line of the version table: the marker "***" or blanks, the version, its priority
            char *word = line + 5;
            word[strcspn(word, " ")] = '\0';
            *ret_known = true;
            if (pinned && !*ret_version && version_meets(cmp, version, word))
                *ret_version = word;
        }
        table = table || text_after(line, "  Version table:");
    }
    return 0;
}

int apt_providers(struct apt *t, const char *name, struct list **ret)
{
    struct apt_out o;
    struct value l = value_list(t->a);
    if (apt_run(t, arena_printf(t->a, "apt-cache showpkg %s", shlex_quote(t->a, name)), &o) != 0)
        return ERR_FAILED;
    bool section = false;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        if (section) {
            char *word = text_field(&line);
            if (word && !text_list_has(l.u.list, word))
                list_add(l.u.list, value_cstr(word));
        }
        section = section || (line && text_after(line, "Reverse Provides:"));
    }
    *ret = l.u.list;
    return 0;
}

static int compare_values(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

int apt_names(struct apt *t, struct list **ret)
{
    struct apt_out o;
    struct value l = value_list(t->a);
    if (apt_run(t, "apt-cache pkgnames", &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));)
        if (*line)
            list_add(l.u.list, value_cstr(line));
    if (l.u.list->len)
        qsort(l.u.list->items, l.u.list->len, sizeof(*l.u.list->items), compare_values);
    *ret = l.u.list;
    return 0;
}
