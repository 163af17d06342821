// rpm_key: keys that rpm trusts, by rpm and gpg.
#include "node/command.h"
#include "node/http.h"
#include "node/modules.h"
#include "node/text.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

struct rpm_key {
    struct module *m;
    struct arena *a;
    const char *id;   // in upper case
    const char *file; // NULL when only the id is known
    struct list *prints;
};

static int download(struct rpm_key *t, const char *url)
{
    struct http_request req;
    struct http_response res = {0};
    struct err e = ERR_INIT;
    http_request_init(t->m, &req);
    req.url = url;
    req.use_proxy = true;
    req.out_fd = host_tmpfile(t->m, NULL, &t->file, &e);
    if (req.out_fd < 0)
        return module_fail_err(t->m, &e);
    int rc = http_fetch(t->m, &req, &res);
    close(req.out_fd);
    if (rc != 0 || res.status != 200)
        return module_fail(t->m, "failed to fetch key at %s , error was: %s", url,
                           http_message(t->m, &res));
    return 0;
}

// The key's id and fingerprints, from gpg.
static int read_key(struct rpm_key *t, const char *shown)
{
    struct argv argv = argv_of(t->a, "gpg", "--no-tty", "--batch", "--with-colons",
                               "--fixed-list-mode", "--with-fingerprint", t->file, NULL);
    struct output o;
    bool primary = false;
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        char *field[10] = {0}, *rest = line;
        for (size_t i = 0; i < 10; i++)
            field[i] = text_piece(&rest, ':');
        if (!field[0] || !field[4])
            continue;
        if (strcmp(field[0], "pub") == 0) {
            if (!t->id)
                t->id = field[4];
            primary = true;
        } else if (strcmp(field[0], "fpr") == 0 && primary && field[9]) {
            list_add(t->prints, value_cstr(field[9]));
            primary = false;
        }
    }
    return t->id ? 0 : module_fail(t->m, "Not a valid key %s", shown);
}

static const char *plain(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    for (; *s; s++)
        if (!isspace((unsigned char)*s))
            buf_addc(&b, (char)toupper((unsigned char)*s));
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static bool is_id(const char *s)
{
    const char *digits = strncasecmp(s, "0x", 2) == 0 ? s + 2 : s;
    return *digits && !digits[strspn(digits, "0123456789abcdefABCDEF")];
}

// Whether rpm has the key; its keys are packages gpg-pubkey-ID, their descriptions the keys.
static int is_imported(struct rpm_key *t, bool *ret)
{
    struct argv argv = argv_of(t->a, "rpm", "-q", "gpg-pubkey", NULL);
    struct output o;
    *ret = false;
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return 0;
    argv = argv_of(t->a, "rpm", "--qf", "%{description}\\n", "-q", "gpg-pubkey", NULL);
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    struct proc_opts opts = {.stdin_data = o.out, .stdin_len = o.out_len, .clean_lang = true};
    argv = argv_of(t->a, "gpg", "--no-tty", "--batch", "--with-colons", "--fixed-list-mode", "-",
                   NULL);
    if (command_run(t->m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        char *rest = line;
        const char *kind = text_piece(&rest, ':'), *id = NULL;
        for (int i = 0; i < 4; i++)
            id = text_piece(&rest, ':');
        bool key = kind && (strcmp(kind, "pub") == 0 || strcmp(kind, "sub") == 0);
        *ret = *ret || (key && id && text_ends(t->id, id + (strlen(id) > 8 ? strlen(id) - 8 : 0)));
    }
    return 0;
}

static int find_key(struct rpm_key *t, const char *key)
{
    if (strstr(key, "://"))
        return download(t, key) != 0 ? ERR_FAILED : read_key(t, key);
    if (is_id(key)) {
        t->id = strncasecmp(key, "0x", 2) == 0 ? key + 2 : key;
        return 0;
    }
    if (!text_exists(key))
        return module_fail(t->m, "Not a valid key %s", key);
    t->file = key;
    return read_key(t, key);
}

static int check_fingerprint(struct rpm_key *t, const char *wanted)
{
    if (!wanted || !t->file)
        return 0;
    if (text_list_has(t->prints, plain(t->a, wanted)))
        return 0;
    return module_fail(t->m,
                       "The specified fingerprint, '%s', does not match any of the key "
                       "fingerprints in '%s'",
                       plain(t->a, wanted), text_join(t->a, t->prints, ", "));
}

int mod_rpm_key(struct module *m)
{
    struct rpm_key t = {.m = m, .a = m->arena, .prints = value_list(m->arena).u.list};
    const char *key = module_str(m, "key");
    bool present = strcmp(module_str(m, "state"), "present") == 0, there;
    struct output o;
    if (!proc_which(m->arena, "rpm"))
        return proc_fail_missing(m, "rpm");
    if (!proc_which(m->arena, "gpg"))
        return proc_fail_missing(m, "gpg");
    if (find_key(&t, key) != 0)
        return ERR_FAILED;
    t.id = plain(m->arena, t.id);
    if (is_imported(&t, &there) != 0)
        return ERR_FAILED;
    module_changed(m, false);
    if (there == present)
        return 0;
    if (present && !t.file)
        return module_fail(m, "When importing a key, a valid file must be given");
    if (present && check_fingerprint(&t, module_str(m, "fingerprint")) != 0)
        return ERR_FAILED;
    module_changed(m, true);
    if (m->check)
        return 0;
    struct argv argv = argv_of(m->arena, "rpm", NULL);
    if (present) {
        argv_option(&argv, "--import", t.file);
    } else {
        size_t len = strlen(t.id);
        char *tail = arena_strdup(m->arena, t.id + (len > 8 ? len - 8 : 0));
        for (char *c = tail; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        argv_option(&argv, "--erase", "--allmatches");
        argv_addf(&argv, "gpg-pubkey-%s", tail);
    }
    return command_must(m, &argv, NULL, &o);
}
