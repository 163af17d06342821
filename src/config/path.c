// Expansion of variables and ~, and normalization, as Python's os.path does them.
#include "config/path.h"

#include "core/buf.h"
#include "core/file.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// $NAME and ${NAME}; what is not set stays as it is.
static void expand_vars(struct buf *b, struct arena *a, const char *s, path_env env, void *data)
{
    while (*s) {
        bool brace = s[0] == '$' && s[1] == '{';
        const char *name = s + 1 + brace, *end = name;
        if (brace)
            end = strchr(name, '}') ? strchr(name, '}') : name;
        else if (*s == '$')
            while (isalnum((unsigned char)*end) || *end == '_')
                end++;
        const char *val = NULL;
        if (*s == '$' && end > name)
            val = env(data, arena_strndup(a, name, (size_t)(end - name)));
        if (!val) {
            buf_addc(b, *s++);
            continue;
        }
        buf_adds(b, val);
        s = end + brace;
    }
}

static const char *home_of(const char *user, path_env env, void *data)
{
    const char *home = *user ? NULL : env(data, "HOME");
    if (home)
        return home;
    const struct passwd *pw = *user ? getpwnam(user) : getpwuid(getuid());
    return pw ? pw->pw_dir : NULL;
}

static const char *expand_home(struct arena *a, const char *s, path_env env, void *data)
{
    if (*s != '~')
        return s;
    size_t n = strcspn(s, "/");
    const char *home = home_of(arena_strndup(a, s + 1, n - 1), env, data);
    if (!home)
        return s;
    size_t len = strlen(home);
    while (len > 0 && home[len - 1] == '/')
        len--;
    return len == 0 && !s[n] ? "/" : arena_printf(a, "%.*s%s", (int)len, home, s + n);
}

// Takes out empty parts, "." and "..".
static char *normalize(struct arena *a, const char *abs)
{
    char *out = arena_alloc(a, strlen(abs) + 2);
    size_t len = 0;
    while (*abs) {
        size_t n = strcspn(abs, "/");
        if (n == 2 && abs[0] == '.' && abs[1] == '.') {
            while (len > 0 && out[--len] != '/')
                continue;
        } else if (n > 0 && !(n == 1 && abs[0] == '.')) {
            out[len++] = '/';
            memcpy(out + len, abs, n);
            len += n;
        }
        abs += n + (abs[n] == '/');
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

char *path_unfrack(struct arena *a, const char *path, const char *base, path_env env, void *data)
{
    struct buf b = BUF_INIT;
    expand_vars(&b, a, path, env, data);
    const char *p = expand_home(a, arena_strdup(a, buf_str(&b)), env, data);
    buf_release(&b);
    return normalize(a, path_join(a, base, p));
}

static const char *process_env(void *data, const char *name)
{
    (void)data;
    return getenv(name);
}

const char *path_home(struct arena *a, const char *path)
{
    return expand_home(a, path, process_env, NULL);
}
