// Where the installed Ansible is, and what lies in folders of plugins.
#include "config/installed.h"

#include "core/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// --- files of plugins ----------------------------------------------------------------------------

static bool rejected(const char *name, bool any)
{
    static const char *const ends[] = {".pyc", ".pyo",   ".swp",  ".bak", "~",
                                       ".rpm", ".md",    ".txt",  ".rst", ".orig",
                                       ".cfg", ".retry", ".yaml", ".yml", ".ini"};
    size_t len = strlen(name);
    if (name[0] == '.' || strncmp(name, "__", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len > n && strcmp(name + len - n, ends[i]) == 0)
            return true;
    }
    return !any && (len < 4 || strcmp(name + len - 3, ".py") != 0);
}

// Adds the files of one folder by their names without extension; .py goes before others.
static void list_dir(struct arena *a, struct dict *names, const char *dir, bool any, int depth)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        const char *path = path_join(a, dir, de->d_name), *dot = strrchr(de->d_name, '.');
        if (de->d_name[0] == '.' || strcmp(de->d_name, "__pycache__") == 0)
            continue;
        if (is_dir(path)) {
            if (depth < 2)
                list_dir(a, names, path, any, depth + 1);
            continue;
        }
        if (rejected(de->d_name, any))
            continue;
        size_t n = dot && dot != de->d_name ? (size_t)(dot - de->d_name) : strlen(de->d_name);
        const char *base = arena_strndup(a, de->d_name, n);
        if (!dict_get(names, base) || (dot && strcmp(dot, ".py") == 0))
            dict_set(names, base, value_cstr(path));
    }
    closedir(d);
}

void plugin_files(struct arena *a, const char *dir, bool any, struct dict *ret_names)
{
    list_dir(a, ret_names, dir, any, 0);
}

// --- the installed Ansible -----------------------------------------------------------------------

static const char *in_path(struct arena *a, const char *name)
{
    const char *path = getenv("PATH");
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;) {
        size_t n = strcspn(path, ":");
        const char *full = arena_printf(a, "%.*s/%s", (int)n, path, name);
        if (n && access(full, X_OK) == 0 && !is_dir(full))
            return full;
        path += n + (path[n] == ':');
    }
    return NULL;
}

// The Python in the first line of a script, or NULL. Programs called ansible may be andon itself.
static const char *shebang_python(struct arena *a, const char *script)
{
    char line[512];
    int fd = open(script, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    if (n < 3 || memcmp(line, "#!", 2) != 0)
        return NULL;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char *word = line + 2 + strspn(line + 2, " \t");
    size_t len = strcspn(word, " \t");
    if (len >= 4 && strncmp(word + len - 4, "/env", 4) == 0) {
        word += len + strspn(word + len, " \t");
        len = strcspn(word, " \t");
        return strncmp(word, "python", 6) == 0 ? in_path(a, arena_strndup(a, word, len)) : NULL;
    }
    word[len] = '\0';
    return strncmp(path_base(word), "python", 6) == 0 && access(word, X_OK) == 0
               ? arena_strdup(a, word)
               : NULL;
}

// The Python of the first program of that name in PATH that is a script of Python's.
static const char *script_python(struct arena *a, const char *name)
{
    const char *path = getenv("PATH"), *found = NULL;
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path && !found;) {
        size_t n = strcspn(path, ":");
        const char *script = arena_printf(a, "%.*s/%s", (int)n, path, name);
        if (n && access(script, X_OK) == 0 && !is_dir(script))
            found = shebang_python(a, script);
        path += n + (path[n] == ':');
    }
    return found;
}

const char *installed_python(struct arena *a)
{
    static const char *const scripts[] = {"ansible", "ansible-playbook", "ansible-doc"};
    const char *env = getenv("ANDON_PYTHON"), *found = env && *env ? env : NULL;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts && !found; i++)
        found = script_python(a, scripts[i]);
    return found ? found : in_path(a, "python3");
}

static const char *first_dir(struct arena *a, const char *pattern)
{
    glob_t g;
    const char *found = NULL;
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = g.gl_pathc; i-- > 0 && !found;) // the newest Python comes last
            if (is_dir(g.gl_pathv[i]))
                found = arena_strdup(a, g.gl_pathv[i]);
    globfree(&g);
    return found;
}

const char *installed_package(struct arena *a, const char *python)
{
    static const char *const below[] = {
        "lib/python3*/site-packages/ansible", "local/lib/python3*/dist-packages/ansible",
        "lib/python3/dist-packages/ansible", "lib64/python3*/site-packages/ansible"};
    const char *home = getenv("HOME"), *found = NULL;
    if (!python)
        return NULL;
    const char *prefix = path_dir(a, path_dir(a, python));
    for (size_t i = 0; i < sizeof below / sizeof *below && !found; i++)
        found = first_dir(a, path_join(a, prefix, below[i]));
    return found || !home ? found : first_dir(a, arena_printf(a, "%s/.local/%s", home, below[0]));
}
