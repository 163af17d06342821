// known_hosts: the keys of other hosts in a known_hosts file; ssh-keygen finds the lines.
#include "node/command.h"
#include "node/edit.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"
#include "core/hash.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SALT_LEN 20

// One line of the file: "[@marker] hosts type key ...".
struct host_key {
    const char *marker, *hosts, *type, *key;
};

struct known_hosts {
    struct module *m;
    struct arena *a;
    const char *host, *path, *tool;
    const char *key; // the line to be there, with its newline; NULL: none
    bool present;
    // What the file holds:
    bool found;   // the host is in it
    bool replace; // the line has to be written, in place of line `at` if that is not 0
    size_t at;    // number of the line, from 1
    char *text;
    size_t text_len;
};

static struct host_key parse(struct arena *a, const char *line)
{
    struct host_key k = {0};
    char *c = arena_strdup(a, line);
    const char *word = text_field(&c);
    if (word && *word == '@') {
        k.marker = word;
        word = text_field(&c);
    }
    k.hosts = word ? word : "";
    word = text_field(&c);
    k.type = word ? word : "";
    word = text_field(&c);
    k.key = word ? word : "";
    return k;
}

static bool is_hashed(const struct host_key *k)
{
    return strncmp(k->hosts, "|1|", 3) == 0;
}

static bool same_key(const struct host_key *x, const struct host_key *y)
{
    bool hosts = is_hashed(x) && is_hashed(y) ? true : strcmp(x->hosts, y->hosts) == 0;
    return hosts && strcmp(x->type, y->type) == 0 && strcmp(x->key, y->key) == 0 &&
           strcmp(x->marker ? x->marker : "", y->marker ? y->marker : "") == 0;
}

static void hmac_sha1(const unsigned char *key, size_t key_len, const char *text,
                      unsigned char out[HASH_MAX])
{
    unsigned char pad[64] = {0}, inner[HASH_MAX];
    struct hash h;
    memcpy(pad, key, key_len);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    hash_init(&h, HASH_SHA1);
    hash_update(&h, pad, sizeof pad);
    hash_update(&h, text, strlen(text));
    hash_final(&h, inner);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_init(&h, HASH_SHA1);
    hash_update(&h, pad, sizeof pad);
    hash_update(&h, inner, hash_size(HASH_SHA1));
    hash_final(&h, out);
}

// The line with the host's name hashed as HashKnownHosts does.
static int hash_host(struct known_hosts *t)
{
    unsigned char salt[SALT_LEN], digest[HASH_MAX];
    const char *rest = t->key + strcspn(t->key, " \t");
    struct buf b = BUF_INIT;
    if (is_hashed(&(struct host_key){.hosts = t->key}))
        return 0;
    if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return module_fail(t->m, "cannot get random bytes");
    hmac_sha1(salt, sizeof salt, t->host, digest);
    buf_adds(&b, "|1|");
    base64_encode(&b, salt, sizeof salt);
    buf_addc(&b, '|');
    base64_encode(&b, digest, hash_size(HASH_SHA1));
    buf_adds(&b, rest);
    t->key = arena_strndup(t->a, buf_str(&b), b.len);
    buf_release(&b);
    return 0;
}

// The key given must be one of the host.
static int check_key(struct known_hosts *t)
{
    struct err e = ERR_INIT;
    struct output o;
    const char *tmp;
    if (strchr(t->host, ','))
        return module_fail(t->m, "Comma separated list of names is not supported. Please pass a "
                                 "single name to lookup in the known_hosts file.");
    int fd = host_tmpfile(t->m, NULL, &tmp, &e);
    if (fd < 0)
        return module_fail_err(t->m, &e);
    size_t len = strlen(t->key);
    bool ok = write(fd, t->key, len) == (ssize_t)len;
    close(fd);
    if (!ok)
        return module_fail(t->m, "Failed to write to temporary file %s", tmp);
    struct argv argv = argv_of(t->a, t->tool, "-F", t->host, "-f", tmp, NULL);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    return *o.out ? 0
                  : module_fail(t->m,
                                "Host parameter does not match hashed host field in supplied key");
}

// Looks for the host's keys: the very line, or one of the same type.
static int search(struct known_hosts *t)
{
    struct output o;
    struct host_key mine = parse(t->a, t->key ? t->key : "");
    size_t at = 0;
    if (!text_exists(t->path))
        return 0;
    struct argv argv = argv_of(t->a, t->tool, "-F", t->host, "-f", t->path, NULL);
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (!*o.out && !*o.err && (o.rc == 0 || o.rc == 1))
        return 0;
    if (o.rc != 0)
        return module_fail(t->m, "ssh-keygen failed (rc=%d, stdout='%s',stderr='%s')", o.rc, o.out,
                           o.err);
    t->found = true;
    if (!t->key)
        return 0;
    t->replace = true;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        const char *number = strstr(line, "found: line ");
        if (*line == '#') {
            at = number ? strtoul(number + strlen("found: line "), NULL, 10) : 0;
            continue;
        }
        struct host_key have = parse(t->a, line);
        if (same_key(&mine, &have)) {
            t->replace = false;
            t->at = at;
            return 0;
        }
        if (strcmp(mine.type, have.type) == 0) {
            t->at = at;
            return 0;
        }
    }
    return 0;
}

// The file as it is to be: without line `at`, with the key at its end.
static const char *new_text(struct known_hosts *t, size_t *ret_len)
{
    struct pieces lines = {.arena = t->a};
    struct buf b = BUF_INIT;
    pieces_split(&lines, t->text, t->text_len, false);
    bool write = t->replace || t->found != t->present;
    if (write && t->at && t->at <= lines.n)
        pieces_remove(&lines, t->at - 1, 1);
    pieces_join(&lines, &b);
    if (write && t->present) {
        if (b.len && b.p[b.len - 1] != '\n')
            buf_addc(&b, '\n');
        buf_adds(&b, t->key);
    }
    *ret_len = b.len;
    const char *s = arena_strndup(t->a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static struct value make_diff(struct known_hosts *t, const char *now, size_t len)
{
    struct value d = value_dict(t->a);
    bool there = text_exists(t->path);
    dict_set(d.u.dict, "before_header", value_cstr(there ? t->path : "/dev/null"));
    dict_set(d.u.dict, "after_header", value_cstr(len ? t->path : "/dev/null"));
    dict_set(d.u.dict, "before", value_strn(t->a, t->text, t->text_len));
    dict_set(d.u.dict, "after", value_strn(t->a, now, len));
    return d;
}

static int change(struct known_hosts *t, const char *now, size_t len)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    struct output o;
    if (t->found && !t->key && !t->present) {
        struct argv argv = argv_of(t->a, t->tool, "-R", t->host, "-f", t->path, NULL);
        module_changed(m, true);
        return command_must(m, &argv, NULL, &o);
    }
    if (!t->replace && t->found == t->present)
        return 0;
    if (host_replace(m, t->path, now, len, &e) != 0)
        return module_fail_err(m, &e);
    module_changed(m, true);
    return 0;
}

int mod_known_hosts(struct module *m)
{
    struct known_hosts t = {.m = m,
                            .a = m->arena,
                            .path = module_str(m, "path"),
                            .key = module_str(m, "key"),
                            .tool = proc_which(m->arena, "ssh-keygen"),
                            .present = strcmp(module_str(m, "state"), "present") == 0};
    char *host = arena_strdup(m->arena, module_str(m, "name"));
    for (char *c = host; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    t.host = host;
    if (!t.tool)
        return proc_fail_missing(m, "ssh-keygen");
    if (t.key && !*t.key)
        t.key = NULL;
    if (!t.key && t.present)
        return module_fail(m, "No key specified when adding a host");
    if (t.key && module_bool(m, "hash_host") && hash_host(&t) != 0)
        return ERR_FAILED;
    if (t.key && !text_ends(t.key, "\n"))
        t.key = arena_printf(m->arena, "%s\n", t.key);
    if (t.key && check_key(&t) != 0)
        return ERR_FAILED;
    t.text = text_read(m->arena, t.path, &t.text_len);
    if (!t.text)
        t.text = arena_strdup(m->arena, "");
    if (search(&t) != 0)
        return ERR_FAILED;
    size_t len;
    const char *now = new_text(&t, &len);
    if (!t.found && !t.present)
        t.replace = false;
    if (!t.present && t.key && !t.at) { // the host may have other keys
        const struct value none = make_diff(&t, now, len);
        dict_update(m->result, m->args);
        module_set(m, "diff", none);
        return 0;
    }
    if (m->check) {
        module_changed(m, t.replace || t.present != t.found);
        module_set(m, "diff", make_diff(&t, now, len));
        return 0;
    }
    const struct value diff = make_diff(&t, now, len);
    if (change(&t, now, len) != 0)
        return ERR_FAILED;
    dict_update(m->result, m->args);
    module_set(m, "diff", diff);
    return 0;
}
