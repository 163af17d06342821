// apt_repository: a source of apt in one-line style, or a PPA.
#include "node/command.h"
#include "node/http.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/apt.h"
#include "node/modules/apt_sources.h"
#include "node/text.h"

#include "core/file.h"
#include "core/json.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS_DIR "/etc/apt/sources.list.d"
#define PPA_API "https://api.launchpad.net/1.0/~%s/+archive/%s"
#define PPA_LINE "deb http://ppa.launchpadcontent.net/%s/%s/ubuntu %s main"
#define KEYSERVER "hkp://keyserver.ubuntu.com:80"

struct repository {
    struct module *m;
    struct arena *a;
    struct apt_sources sources;
    const char *owner, *ppa; // NULL: no PPA
};

// --- PPAs

static const char *codename(struct repository *t)
{
    if (module_has(t->m, "codename"))
        return module_str(t->m, "codename");
    for (char *c = text_read(t->a, "/etc/os-release", NULL), *line; c && (line = text_line(&c));) {
        const char *s = text_after(line, "VERSION_CODENAME=");
        if (s)
            return s;
    }
    return "";
}

// "ppa:OWNER/NAME" as a line; the line itself otherwise.
static const char *expand(struct repository *t, const char *repo)
{
    const char *s = text_after(repo, "ppa:");
    if (!s)
        return repo;
    size_t n = strcspn(s, "/");
    t->owner = arena_strndup(t->a, s, n);
    t->ppa = s[n] && s[n + 1] ? s + n + 1 : "ppa";
    return arena_printf(t->a, PPA_LINE, t->owner, t->ppa, codename(t));
}

static int ppa_fingerprint(struct repository *t, const char **ret)
{
    struct http_request req;
    struct http_response res = {0};
    struct value info, accept = value_dict(t->a);
    struct err e = ERR_INIT;
    http_request_init(t->m, &req);
    dict_set(accept.u.dict, "Accept", value_cstr("application/json"));
    req.url = arena_printf(t->a, PPA_API, t->owner, t->ppa);
    req.headers = accept.u.dict;
    req.use_proxy = true;
    if (http_fetch(t->m, &req, &res) != 0 || res.status != 200)
        return module_fail(t->m, "failed to fetch PPA information, error was: %s",
                           http_message(t->m, &res));
    int rc = json_parse(t->a, buf_str(&res.body), res.body.len, &info, &e);
    buf_release(&res.body);
    if (rc != 0)
        return module_fail_err(t->m, &e);
    *ret = info.type == VALUE_DICT ? dict_str(info.u.dict, "signing_key_fingerprint", "") : "";
    return 0;
}

// Has apt trust the key of the PPA.
static int trust_ppa(struct repository *t, const char *source)
{
    struct module *m = t->m;
    const char *print = "", *apt_key = proc_which(t->a, "apt-key"), *gpg = proc_which(t->a, "gpg");
    struct output o;
    struct err e = ERR_INIT;
    if (m->check)
        return 0;
    if (!apt_key && !gpg)
        return module_fail(m, "Either apt-key or gpg binary is required, but neither could be "
                              "found");
    if (ppa_fingerprint(t, &print) != 0)
        return ERR_FAILED;
    if (apt_key) {
        struct argv have = argv_of(t->a, apt_key, "export", print, NULL);
        if (command_run(m, &have, NULL, &o) != 0)
            return ERR_FAILED;
        if (o.rc == 0 && !*o.err)
            return 0;
        struct argv get = argv_of(t->a, apt_key, "adv", "--recv-keys", "--no-tty", "--keyserver",
                                  KEYSERVER, print, NULL);
        return command_must(m, &get, NULL, &o);
    }
    const char *dir =
        text_exists("/etc/apt/keyrings") ? "/etc/apt/keyrings" : "/etc/apt/trusted.gpg.d";
    const char *path = arena_printf(t->a, "%s/%s-%s-%s.gpg", dir,
                                    apt_source_file_name(t->a, source), t->owner, t->ppa);
    if (text_exists(path))
        return 0;
    struct argv get =
        argv_of(t->a, gpg, "--no-tty", "--keyserver", KEYSERVER, "--recv-keys", print, NULL);
    struct argv export = argv_of(t->a, gpg, "--no-tty", "--export", print, NULL);
    if (command_must(m, &get, NULL, &o) != 0 || command_must(m, &export, NULL, &o) != 0)
        return ERR_FAILED;
    if (!o.out_len)
        return module_fail(m, "Unable to get required signing key");
    return host_write(m, path, o.out, o.out_len, &e) == 0 ? 0 : module_fail_err(m, &e);
}

// --- files

static int write_file(struct repository *t, const char *path, const char *text, bool existed)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    struct value mode = value_cstr("0644");
    const struct value *given = dict_get(m->args, "mode");
    if (journal_path(m, path, NULL) < 0)
        return ERR_FAILED;
    if (!*text)
        return !existed || unlink(path) == 0 ? 0 : module_fail(m, "cannot remove %s", path);
    if (!text_exists(PARTS_DIR) && host_mkdirs(PARTS_DIR, 0755, &e) != 0)
        return module_fail_err(m, &e);
    if (host_replace(m, path, text, strlen(text), &e) != 0)
        return module_fail_err(m, &e);
    if (existed)
        return 0;
    bool changed = false;
    struct file_attrs attrs = {.mode = given && given->type != VALUE_NULL ? given : &mode};
    return file_set_attrs(m, path, &attrs, false, &changed, NULL, NULL);
}

// Writes every file that is to look different (undo: as it was before).
static int write_files(struct repository *t, bool undo)
{
    for (size_t i = 0; i < t->sources.n; i++) {
        const struct apt_source_file *f = &t->sources.files[i];
        const char *after = apt_source_file_text(&t->sources, f);
        if (strcmp(after, f->before) == 0)
            continue;
        if (undo && !f->existed)
            unlink(f->path);
        else if (write_file(t, f->path, undo ? f->before : after, f->existed) != 0)
            return ERR_FAILED;
    }
    return 0;
}

static bool differs(const struct apt_sources *before, const struct apt_sources *after)
{
    for (size_t i = 0; i < after->n; i++)
        if (i >= before->n || strcmp(apt_source_file_text(before, &before->files[i]),
                                     apt_source_file_text(after, &after->files[i])) != 0)
            return true;
    return false;
}

// All files as Ansible shows them, those that stay the same too.
static struct value make_diff(struct repository *t, const struct apt_sources *before)
{
    struct value l = value_list(t->a);
    if (!differs(before, &t->sources))
        return value_dict(t->a);
    for (size_t i = 0; module_wants_diff(t->m) && i < t->sources.n; i++) {
        const struct apt_source_file *f = &t->sources.files[i];
        const char *was = i < before->n ? apt_source_file_text(before, &before->files[i]) : "";
        const char *is = apt_source_file_text(&t->sources, f);
        struct value d = value_dict(t->a);
        dict_set(d.u.dict, "before", value_cstr(was));
        dict_set(d.u.dict, "after", value_cstr(is));
        dict_set(d.u.dict, "before_header", value_cstr(i < before->n ? f->path : "/dev/null"));
        dict_set(d.u.dict, "after_header", value_cstr(f->n ? f->path : "/dev/null"));
        module_record(t->m, d);
        if (t->m->diff)
            list_add(l.u.list, d);
    }
    return l;
}

static int update(struct repository *t)
{
    struct apt apt = {.m = t->m, .a = t->a, .apt_get = proc_which(t->a, "apt-get")};
    if (!apt.apt_get)
        return proc_fail_missing(t->m, "apt-get");
    if (apt_update_lists(&apt) == 0)
        return 0;
    // the message of the failed update stays
    struct value msg = *dict_get(t->m->result, "msg");
    write_files(t, true);
    module_set(t->m, "msg", msg);
    return ERR_FAILED;
}

static int edit(struct repository *t, const char *repo)
{
    struct module *m = t->m;
    const char *name = module_str(m, "filename");
    const char *line = expand(t, repo);
    struct apt_source s = apt_source_parse(t->a, line);
    if (!s.valid || !s.enabled)
        return module_fail(m, "Invalid repository string: %s", *line == '#' ? line + 1 : line);
    if (strcmp(module_str(m, "state"), "absent") == 0) {
        apt_sources_remove(&t->sources, s.text);
        return 0;
    }
    if (!name)
        name = apt_source_file_name(t->a, s.text);
    const char *path = strchr(name, '/') ? arena_printf(t->a, "%s.list", name)
                                         : arena_printf(t->a, PARTS_DIR "/%s.list", name);
    apt_sources_add(&t->sources, s.text, path);
    return 0;
}

int mod_apt_repository(struct module *m)
{
    struct repository t = {.m = m, .a = m->arena};
    struct apt_sources before;
    const char *repo = module_str(m, "repo");
    if (!*repo)
        return module_fail(m, "Please set argument 'repo' to a non-empty value");
    apt_sources_read(&before, m->arena);
    apt_sources_read(&t.sources, m->arena);
    if (edit(&t, repo) != 0)
        return ERR_FAILED;
    bool changed = differs(&before, &t.sources);
    struct value diff = make_diff(&t, &before);
    if (changed && t.ppa && strcmp(module_str(m, "state"), "present") == 0 &&
        trust_ppa(&t, repo) != 0)
        return ERR_FAILED;
    if (changed && !m->check &&
        (write_files(&t, false) != 0 || (module_bool(m, "update_cache") && update(&t) != 0)))
        return ERR_FAILED;
    module_changed(m, changed);
    module_set_str(m, "repo", repo);
    module_set_str(m, "state", module_str(m, "state"));
    module_set(m, "diff", diff);
    return 0;
}
