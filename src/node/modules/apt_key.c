// apt_key: keys in apt's keyring, by the apt-key of the host.
#include "node/command.h"
#include "node/http.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct apt_key {
    struct module *m;
    struct arena *a;
    const char *id;            // as given or found
    const char *print, *brief; // its last 16 and last 8 digits
    const char *data;
    size_t data_len;
    struct list *keys; // in the keyring
};

static struct argv apt_key(const struct apt_key *t)
{
    struct argv argv = argv_of(t->a, "apt-key", NULL);
    const char *keyring = module_str(t->m, "keyring");
    argv_option(&argv, "--keyring", keyring && *keyring ? keyring : NULL);
    return argv;
}

static int fail(const struct apt_key *t, const struct argv *argv, const struct output *o,
                const char *msg)
{
    module_set(t->m, "cmd", argv_value(argv));
    module_set(t->m, "rc", value_int(o->rc));
    module_set_str(t->m, "stdout", o->out);
    module_set_str(t->m, "stderr", o->err);
    return module_fail(t->m, "%s", msg);
}

// The ids of keys and subkeys in what gpg printed, with or without colons.
static struct list *parse_ids(const struct apt_key *t, const char *out)
{
    struct list *l = value_list(t->a).u.list;
    for (char *c = arena_strdup(t->a, out), *line; (line = text_line(&c));) {
        if ((!text_after(line, "pub") && !text_after(line, "sub")) || strstr(line, "expired"))
            continue;
        const char *id = NULL;
        if (line[3] == ':') {
            char *rest = line;
            for (int i = 0; i < 5; i++)
                id = text_piece(&rest, ':');
        } else {
            char *rest = line, *code;
            text_field(&rest);
            code = text_field(&rest);
            id = code && strchr(code, '/') ? strchr(code, '/') + 1 : NULL;
        }
        if (id && *id)
            list_add(l, value_cstr(id));
    }
    return l;
}

static const char *last(const char *s, size_t n)
{
    size_t len = strlen(s);
    return len > n ? s + len - n : s;
}

static int list_keys(struct apt_key *t)
{
    struct argv argv = apt_key(t);
    struct output o;
    argv_line(t->m, &argv, "adv --list-public-keys --keyid-format=long");
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return fail(t, &argv, &o, "Unable to list public keys");
    t->keys = parse_ids(t, o.out);
    for (size_t i = 0; strlen(t->id) == 8 && i < t->keys->len; i++)
        t->keys->items[i] = value_cstr(last(t->keys->items[i].u.str.s, 8));
    return 0;
}

static bool is_there(const struct apt_key *t)
{
    return text_list_has(t->keys, strlen(t->id) == 8 ? t->brief : t->print);
}

static struct value keys_value(const struct apt_key *t)
{
    return (struct value){.type = VALUE_LIST, .u.list = t->keys};
}

static int download(struct apt_key *t, const char *url)
{
    struct http_request req;
    struct http_response res = {0};
    http_request_init(t->m, &req);
    req.url = url;
    req.use_proxy = true;
    if (http_fetch(t->m, &req, &res) != 0 || res.status != 200)
        return module_fail(t->m, "Failed to download key at %s: %s", url, http_message(t->m, &res));
    t->data = arena_strndup(t->a, buf_str(&res.body), res.body.len);
    t->data_len = res.body.len;
    buf_release(&res.body);
    return 0;
}

static int id_from_key(struct apt_key *t, const char *file)
{
    struct argv argv = argv_of(t->a, "gpg", "--with-colons", file ? file : "-", NULL);
    struct proc_opts opts = {.stdin_data = file ? NULL : t->data,
                             .stdin_len = file ? 0 : t->data_len,
                             .clean_lang = true};
    struct output o;
    if (command_run(t->m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    struct list *ids = parse_ids(t, o.out);
    if (o.rc == 0 && ids->len) {
        t->id = ids->items[0].u.str.s;
        return 0;
    }
    module_set_str(t->m, "stdout", o.out);
    module_set_str(t->m, "stderr", o.err);
    return module_fail(t->m, "Unable to extract key from '%s'", file ? file : "inline data");
}

static int find_id(struct apt_key *t)
{
    const char *url = module_str(t->m, "url"), *file = module_str(t->m, "file");
    t->id = module_str(t->m, "id");
    if (t->id && *t->id)
        return 0;
    if (module_has(t->m, "keyserver"))
        return module_fail(t->m, "Missing key_id, required with keyserver.");
    if (url && download(t, url) != 0)
        return ERR_FAILED;
    return file || t->data ? id_from_key(t, file) : module_fail(t->m, "Invalid key_id");
}

// Takes the id apart; a number in hex of 8, 16 or more digits.
static int parse_id(struct apt_key *t)
{
    char *id = arena_strdup(t->a, t->id);
    for (char *c = id; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    if (strncmp(id, "0X", 2) == 0)
        id += 2;
    size_t len = strlen(id);
    bool good = len == strspn(id, "0123456789ABCDEF") && (len == 8 || len >= 16);
    module_set_str(t->m, "id", t->id);
    if (!good)
        return module_fail(t->m, "Invalid key_id");
    t->id = id;
    t->print = last(id, 16);
    t->brief = last(id, 8);
    module_set_str(t->m, "short_id", t->brief);
    module_set_str(t->m, "fp", t->print);
    module_set_str(t->m, "key_id", t->id);
    return 0;
}

static int receive(struct apt_key *t, const char *server)
{
    struct argv argv = apt_key(t);
    struct output o = {0};
    argv_line(t->m, &argv, "adv --no-tty --keyserver");
    argv_add(&argv, server);
    argv_option(&argv, "--recv", t->id);
    for (int i = 0; i < 5; i++) {
        if (command_run(t->m, &argv, NULL, &o) != 0)
            return ERR_FAILED;
        if (o.rc == 0)
            return 0;
    }
    bool unknown = o.rc == 2 && strstr(o.out, "not found on keyserver");
    return fail(
        t, &argv, &o,
        unknown ? arena_printf(t->a, "Key %s not found on keyserver %s", t->id, server)
                : arena_printf(t->a, "Error fetching key %s from keyserver: %s", t->id, server));
}

static int add(struct apt_key *t)
{
    const char *file = module_str(t->m, "file"), *server = module_str(t->m, "keyserver");
    const char *url = module_str(t->m, "url");
    struct argv argv = apt_key(t);
    struct output o;
    if (!file && server)
        return receive(t, server);
    if (!file && !t->data && url && download(t, url) != 0)
        return ERR_FAILED;
    if (!file && !t->data)
        return module_fail(t->m, "No key to add ... how did i get here?!?!");
    argv_option(&argv, "add", file ? file : "-");
    struct proc_opts opts = {.stdin_data = file ? NULL : t->data,
                             .stdin_len = file ? 0 : t->data_len,
                             .clean_lang = true};
    if (command_run(t->m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    if (o.rc == 0)
        return 0;
    return fail(t, &argv, &o,
                file ? arena_printf(t->a, "Unable to add a key from file %s", file)
                     : "Unable to add a key from binary data");
}

static int drop(struct apt_key *t)
{
    struct argv argv = apt_key(t);
    struct output o;
    argv_option(&argv, "del", t->brief);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0
                     : fail(t, &argv, &o,
                            arena_printf(t->a, "Unable to remove a key with id %s", t->brief));
}

int mod_apt_key(struct module *m)
{
    struct apt_key t = {.m = m, .a = m->arena, .data = module_str(m, "data")};
    bool present = strcmp(module_str(m, "state"), "present") == 0;
    t.data_len = t.data ? strlen(t.data) : 0;
    static const char *const needed[] = {"apt-key", "gpg"};
    for (size_t i = 0; i < 2; i++)
        if (!proc_which(m->arena, needed[i]))
            return proc_fail_missing(m, needed[i]);
    if (find_id(&t) != 0 || parse_id(&t) != 0 || list_keys(&t) != 0)
        return ERR_FAILED;
    module_set(m, "before", keys_value(&t));
    bool changed = is_there(&t) != present;
    module_changed(m, changed);
    if (!changed || m->check)
        return 0;
    if (journal_path(m, "/etc/apt/trusted.gpg", NULL) < 0 ||
        journal_path(m, "/etc/apt/trusted.gpg~", NULL) < 0 ||
        journal_whole(m, "/etc/apt/trusted.gpg.d", NULL) < 0 ||
        (module_str(m, "keyring") && journal_path(m, module_str(m, "keyring"), NULL) < 0))
        return ERR_FAILED;
    if ((present ? add(&t) : drop(&t)) != 0 || list_keys(&t) != 0)
        return ERR_FAILED;
    module_set(m, "after", keys_value(&t));
    if (is_there(&t) == present)
        return 0;
    return module_fail(m,
                       "apt-key did not return an error, but %s (check that the id is correct and "
                       "*not* a subkey)",
                       present ? "failed to add the key" : "the key was not removed");
}
