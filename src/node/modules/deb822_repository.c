// deb822_repository: a source of apt as a file of fields, with its key.
#include "node/http.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCES_DIR "/etc/apt/sources.list.d"
#define KEYRINGS_DIR "/etc/apt/keyrings"

struct deb822 {
    struct module *m;
    struct arena *a;
    const char *slug, *path;
    const char *key_file; // NULL: not ours
};

// The fields in the order they are written; the parameter's name and apt's.
static const struct {
    const char *param, *field;
} fields[] = {
    {"allow_downgrade_to_insecure", "Allow-Downgrade-To-Insecure"},
    {"allow_insecure", "Allow-Insecure"},
    {"allow_weak", "Allow-Weak"},
    {"architectures", "Architectures"},
    {"by_hash", "By-Hash"},
    {"check_date", "Check-Date"},
    {"check_valid_until", "Check-Valid-Until"},
    {"components", "Components"},
    {"date_max_future", "Date-Max-Future"},
    {"enabled", "Enabled"},
    {"inrelease_path", "InRelease-Path"},
    {"languages", "Languages"},
    {"name", "X-Repolib-Name"},
    {"pdiffs", "PDiffs"},
    {"signed_by", "Signed-By"},
    {"suites", "Suites"},
    {"targets", "Targets"},
    {"trusted", "Trusted"},
    {"types", "Types"},
    {"uris", "URIs"},
};

// The name in lower case, with a dash for whatever does not fit into a file's name.
static const char *make_slug(struct arena *a, const char *name)
{
    struct buf b = BUF_INIT;
    for (; *name; name++) {
        int c = tolower((unsigned char)*name);
        if (isalnum(c))
            buf_addc(&b, (char)c);
        else if (b.len && b.p[b.len - 1] != '-')
            buf_addc(&b, '-');
    }
    const char *slug = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return slug;
}

// Puts text at path with the mode when it is not there like that.
static int put(struct deb822 *t, const char *path, const char *text, size_t len,
               const struct value *mode)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    size_t had_len = 0;
    bool differs = false;
    char *had = text_read(t->a, path, &had_len);
    if (!had || had_len != len || memcmp(had, text, len) != 0) {
        module_diff(m, had ? had : "", had_len, text, len, had ? path : "/dev/null", path);
        module_changed(m, true);
        if (m->check)
            return 0;
        if (host_replace(m, path, text, len, &e) != 0)
            return module_fail_err(m, &e);
    }
    struct file_attrs attrs = {.mode = mode};
    int rc = file_set_attrs(m, path, &attrs, false, &differs, NULL, NULL);
    module_changed(m, differs);
    return rc;
}

static int ensure_keyrings(struct deb822 *t)
{
    if (text_exists(KEYRINGS_DIR))
        return 0;
    module_changed(t->m, true);
    if (!t->m->check && journal_path(t->m, KEYRINGS_DIR, NULL) < 0)
        return ERR_FAILED;
    if (!t->m->check && mkdir(KEYRINGS_DIR, 0755) != 0)
        return module_fail(t->m, "cannot make " KEYRINGS_DIR ": %s", strerror(errno));
    return 0;
}

// What Signed-By is to say: a key at an address is fetched into a file first.
static int signed_by(struct deb822 *t, const char *given, const char **ret)
{
    struct http_request req;
    struct http_response res = {0};
    struct value mode = value_cstr("0644");
    *ret = given;
    if (text_exists(given) || !strstr(given, "://") || strchr(given, '\n'))
        return 0;
    http_request_init(t->m, &req);
    req.url = given;
    req.use_proxy = req.validate_certs = true;
    if (http_fetch(t->m, &req, &res) != 0 || res.status != 200)
        return module_fail(t->m, "Could not fetch signed_by key: %s", http_message(t->m, &res));
    bool armored = memmem(buf_str(&res.body), res.body.len, "-----BEGIN PGP PUBLIC KEY BLOCK-----",
                          36) != NULL;
    t->key_file = arena_printf(t->a, KEYRINGS_DIR "/%s.%s", t->slug, armored ? "asc" : "gpg");
    *ret = t->key_file;
    int rc = put(t, t->key_file, buf_str(&res.body), res.body.len, &mode);
    buf_release(&res.body);
    return rc;
}

// A text of several lines as the value of a field: each line indented, empty ones as a dot.
static const char *indented(struct arena *a, const char *text)
{
    struct buf b = BUF_INIT;
    for (char *c = text_strip(arena_strdup(a, text)), *line; (line = text_line(&c));) {
        line = text_strip(line);
        buf_addf(&b, "\n    %s", *line ? line : ".");
    }
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static int field_text(struct deb822 *t, const char *param, const struct value *v, const char **ret)
{
    const char *s = "";
    if (v->type == VALUE_BOOL)
        s = v->u.b ? "yes" : "no";
    else if (v->type == VALUE_LIST)
        s = text_join(t->a, v->u.list, " ");
    else
        s = value_to_cstr(t->a, v);
    if (strcmp(param, "signed_by") == 0 && signed_by(t, s, &s) != 0)
        return ERR_FAILED;
    *ret = strchr(s, '\n') ? indented(t->a, s) : s;
    return 0;
}

static int present(struct deb822 *t)
{
    struct module *m = t->m;
    struct buf b = BUF_INIT;
    int rc = ensure_keyrings(t);
    for (size_t i = 0; rc == 0 && i < sizeof fields / sizeof *fields; i++) {
        const struct value *v = dict_get(m->args, fields[i].param);
        const char *text;
        if (!v || v->type == VALUE_NULL)
            continue;
        rc = field_text(t, fields[i].param, v, &text);
        if (rc == 0)
            buf_addf(&b, *text == '\n' ? "%s:%s\n" : "%s: %s\n", fields[i].field, text);
    }
    if (rc == 0) {
        module_set_str(m, "repo", buf_str(&b));
        rc = put(t, t->path, buf_str(&b), b.len, dict_get(m->args, "mode"));
    }
    buf_release(&b);
    return rc;
}

static int absent(struct deb822 *t)
{
    const char *const paths[] = {t->path, arena_printf(t->a, KEYRINGS_DIR "/%s.asc", t->slug),
                                 arena_printf(t->a, KEYRINGS_DIR "/%s.gpg", t->slug)};
    for (size_t i = 0; i < 3; i++) {
        if (!text_exists(paths[i]))
            continue;
        size_t len = 0;
        const char *had = text_read(t->a, paths[i], &len);
        if (had)
            module_diff(t->m, had, len, "", 0, paths[i], "/dev/null");
        module_changed(t->m, true);
        if (!t->m->check && journal_path(t->m, paths[i], NULL) < 0)
            return ERR_FAILED;
        if (!t->m->check && unlink(paths[i]) != 0)
            return module_fail(t->m, "cannot remove %s: %s", paths[i], strerror(errno));
        if (i > 0)
            t->key_file = paths[i];
    }
    module_set(t->m, "repo", value_null());
    return 0;
}

int mod_deb822_repository(struct module *m)
{
    struct deb822 t = {.m = m, .a = m->arena, .slug = make_slug(m->arena, module_str(m, "name"))};
    t.path = arena_printf(m->arena, SOURCES_DIR "/%s.sources", t.slug);
    module_changed(m, false);
    int rc = strcmp(module_str(m, "state"), "present") == 0 ? present(&t) : absent(&t);
    if (rc != 0)
        return rc;
    module_set_str(m, "dest", t.path);
    module_set_str(m, "key_filename", t.key_file);
    return 0;
}
