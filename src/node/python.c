// Which Python of this host runs modules: Ansible's interpreter discovery.
#include "node/python.h"

#include "node/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOC                                                                                        \
    "See https://docs.ansible.com/ansible-core/2.14/reference_appendices/"                         \
    "interpreter_discovery.html for more information."

// Looked for in this order where the distribution does not say.
static const char *const fallback[] = {
    "python3.14", "python3.13",      "python3.12",       "python3.11",
    "python3.10", "python3.9",       "python3.8",        "python3.7",
    "python3.6",  "python3.5",       "/usr/bin/python3", "/usr/libexec/platform-python",
    "python2.7",  "/usr/bin/python", "python",
};

// The Python that belongs to a distribution from a release on.
static const struct {
    const char *family;
    int version;
    const char *python;
} platforms[] = {
    {"debian", 10, "/usr/bin/python3"},
    {"debian", 0, "/usr/bin/python"},
    {"fedora", 0, "/usr/bin/python3"},
    {"redhat", 9, "/usr/bin/python3"},
    {"redhat", 8, "/usr/libexec/platform-python"},
    {"redhat", 0, "/usr/bin/python"},
    {"ubuntu", 16, "/usr/bin/python3"},
    {"ubuntu", 0, "/usr/bin/python"},
};

static char *os_field(struct arena *a, const char *name)
{
    char *text = text_read(a, "/etc/os-release", NULL);
    size_t n = strlen(name);
    for (char *line; text && (line = text_line(&text));) {
        if (strncmp(line, name, n) != 0 || line[n] != '=')
            continue;
        char *v = line + n + 1;
        size_t len = strlen(v);
        if (len >= 2 && (*v == '"' || *v == '\'') && v[len - 1] == *v) {
            v[len - 1] = '\0';
            v++;
        }
        return v;
    }
    return NULL;
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = list; s && (s = strstr(s, word)); s += n)
        if ((s == list || s[-1] == ' ') && (!s[n] || s[n] == ' '))
            return true;
    return false;
}

static const char *family_of(struct arena *a)
{
    const char *id = os_field(a, "ID"), *like = os_field(a, "ID_LIKE");
    if (!id)
        return NULL;
    if (!strcmp(id, "debian") || !strcmp(id, "fedora") || !strcmp(id, "ubuntu"))
        return id;
    if (!strcmp(id, "rhel") || has_word(like, "rhel"))
        return "redhat";
    return has_word(like, "debian") ? "debian" : NULL;
}

static const char *platform_python(struct arena *a, const char **ret_what)
{
    const char *family = family_of(a), *version = os_field(a, "VERSION_ID");
    if (!family || !version)
        return NULL;
    *ret_what = arena_printf(a, "%s %s", os_field(a, "ID"), version);
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (!strcmp(platforms[i].family, family) && atoi(version) >= platforms[i].version)
            return platforms[i].python;
    return NULL;
}

const char *python_discover(struct module *m, const char *mode, const char *host)
{
    struct arena *a = m->arena;
    bool silent = text_ends(mode, "_silent"), legacy = strncmp(mode, "auto_legacy", 11) == 0;
    const char *first = NULL, *what = "";
    for (size_t i = 0; i < sizeof fallback / sizeof *fallback && !first; i++)
        first = proc_which(a, fallback[i]);
    if (!first)
        return NULL;
    const char *wanted = platform_python(a, &what);
    if (wanted && legacy && strcmp(wanted, "/usr/bin/python") != 0 &&
        proc_which(a, "/usr/bin/python"))
        return "/usr/bin/python";
    if (wanted && proc_which(a, wanted))
        return wanted;
    if (wanted && !silent)
        module_warn(
            m,
            "Distribution %s on host %s should use %s, but is using %s, since the discovered "
            "platform python interpreter was not present. " DOC,
            what, host, wanted, first);
    else if (!silent)
        module_warn(
            m,
            "Platform linux on host %s is using the discovered Python interpreter at %s, but "
            "future installation of another Python interpreter could change the meaning of "
            "that path. " DOC,
            host, first);
    return first;
}
