// authorized_key: public keys in a user's authorized_keys file.
#include "node/http.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A line of the file: a key, or text that is none (comments, empty lines), which stays as it is.
struct key_line {
    const char *text; // of what is no key, with its newline
    const char *type, *data, *comment;
    struct list *options; // in their order; NULL: none
    bool wanted;          // one of the task's keys
};

struct key_file {
    struct module *m;
    struct arena *a;
    struct key_line *lines;
    size_t n, cap;
    bool write;
};

static const char *const key_types[] = {
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-dss",
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-xmss@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
};

// Whether word names a kind of key, its certificates included.
static bool is_key_type(struct arena *a, const char *word)
{
    static const char cert[] = "-cert-v01@openssh.com";
    if (text_ends(word, cert)) {
        const char *base = arena_strndup(a, word, strlen(word) - strlen(cert));
        return is_key_type(a, base) || is_key_type(a, arena_printf(a, "%s@openssh.com", base));
    }
    for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++)
        if (strcmp(key_types[i], word) == 0)
            return true;
    return false;
}

// The end of the word at s: blanks and commas inside quotes belong to it.
static const char *word_end(const char *s, const char *stops)
{
    char quote = '\0';
    for (; *s && (quote || !strchr(stops, *s)); s++) {
        if (quote && *s == '\\' && s[1])
            s++;
        else if (*s == '"')
            quote = quote ? '\0' : '"';
    }
    return s;
}

static struct list *parse_options(struct arena *a, const char *s)
{
    struct list *l = value_list(a).u.list;
    while (*s) {
        const char *end = word_end(s, ",");
        if (end > s)
            list_add(l, value_strn(a, s, (size_t)(end - s)));
        s = *end ? end + 1 : end;
    }
    return l;
}

// Takes a line apart; false when it is no key.
static bool parse_key(struct arena *a, const char *line, struct key_line *ret)
{
    const char *word[3] = {0}, *s = line + strspn(line, " \t");
    size_t n = 0;
    *ret = (struct key_line){0};
    if (!*s || *s == '#')
        return false;
    while (n < 3 && *s && *s != '\n') {
        const char *end = word_end(s, " \t\r\n");
        word[n] = arena_strndup(a, s, (size_t)(end - s));
        s = end + strspn(end, " \t\r");
        n++;
        if (n == 2 && is_key_type(a, word[0]))
            break;
    }
    bool plain = n >= 2 && is_key_type(a, word[0]);
    if (!plain && !(n == 3 && is_key_type(a, word[1])))
        return false;
    char *comment = arena_strdup(a, s);
    text_rstrip(comment);
    ret->options = plain ? NULL : parse_options(a, word[0]);
    ret->type = word[plain ? 0 : 1];
    ret->data = word[plain ? 1 : 2];
    ret->comment = *comment ? comment : NULL;
    return true;
}

static struct key_line *add_line(struct key_file *f, struct key_line line)
{
    f->lines = arena_room(f->a, f->lines, f->n, &f->cap, 32, sizeof *f->lines);
    f->lines[f->n] = line;
    return &f->lines[f->n++];
}

static void remove_line(struct key_file *f, size_t at)
{
    memmove(f->lines + at, f->lines + at + 1, (f->n - at - 1) * sizeof *f->lines);
    f->n--;
    f->write = true;
}

static struct key_line *find_key(struct key_file *f, const char *data)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->lines[i].data && strcmp(f->lines[i].data, data) == 0)
            return &f->lines[i];
    return NULL;
}

// A key that is in the file several times counts once, where it stands last.
static void parse_file(struct key_file *f, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        struct key_line line;
        bool is_key = parse_key(f->a, arena_strndup(f->a, text, len), &line);
        len += text[len] == '\n';
        struct key_line *had = is_key ? find_key(f, line.data) : NULL;
        if (had) {
            bool write = f->write;
            remove_line(f, (size_t)(had - f->lines));
            f->write = write;
        }
        if (!is_key)
            line.text = arena_strndup(f->a, text, len);
        add_line(f, line);
        text += len;
    }
}

static const char *render(const struct key_file *f)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < f->n; i++) {
        const struct key_line *l = &f->lines[i];
        if (l->text) {
            buf_adds(&b, l->text);
            continue;
        }
        if (l->options && l->options->len)
            buf_addf(&b, "%s ", text_join(f->a, l->options, ","));
        // the blank stays where there is no comment, as Ansible writes it
        buf_addf(&b, "%s %s %s\n", l->type, l->data, l->comment ? l->comment : "");
    }
    const char *s = arena_strndup(f->a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static bool same_text(const char *x, const char *y)
{
    return strcmp(x ? x : "", y ? y : "") == 0;
}

static bool same_options(const struct list *x, const struct list *y)
{
    size_t nx = x ? x->len : 0, ny = y ? y->len : 0;
    for (size_t i = 0; i < nx; i++)
        if (!y || !text_list_has(y, x->items[i].u.str.s))
            return false;
    return nx == ny;
}

static void put_key(struct key_file *f, struct key_line key)
{
    struct key_line *had = find_key(f, key.data);
    key.wanted = true;
    if (had && same_text(had->type, key.type) && same_text(had->comment, key.comment) &&
        same_options(had->options, key.options)) {
        had->wanted = true;
        return;
    }
    if (had)
        remove_line(f, (size_t)(had - f->lines));
    add_line(f, key);
    f->write = true;
}

// Applies the task's keys, one per line of text, to the file.
static int apply(struct key_file *f, const char *text)
{
    struct module *m = f->m;
    const char *options = module_str(m, "key_options"), *comment = module_str(m, "comment");
    bool present = strcmp(module_str(m, "state"), "present") == 0;
    for (char *c = arena_strdup(f->a, text), *line; (line = text_line(&c));) {
        struct key_line key;
        line[strcspn(line, "\r")] = '\0';
        if (!*line || *line == '#')
            continue;
        if (!parse_key(f->a, line, &key))
            return module_fail(m, "invalid key specified: %s", line);
        if (options)
            key.options = parse_options(f->a, options);
        if (comment)
            key.comment = comment;
        struct key_line *had = find_key(f, key.data);
        if (present)
            put_key(f, key);
        else if (had)
            remove_line(f, (size_t)(had - f->lines));
    }
    if (present && module_bool(m, "exclusive"))
        for (size_t i = f->n; i-- > 0;)
            if (!f->lines[i].wanted)
                remove_line(f, i);
    return 0;
}

// key, or what the web server at that address says.
static int key_text(struct module *m, const char **ret)
{
    const char *key = module_str(m, "key");
    *ret = key;
    if (!text_after(key, "http"))
        return 0;
    struct http_request req;
    struct http_response res;
    http_request_init(m, &req);
    req.url = key;
    req.use_proxy = true;
    if (http_fetch(m, &req, &res) != 0 || res.status != 200)
        return module_fail(m, "Error getting key from: %s", key);
    *ret = arena_strndup(m->arena, buf_str(&res.body), res.body.len);
    buf_release(&res.body);
    return 0;
}

struct owner {
    uid_t uid;
    gid_t gid;
    const char *home;
};

static int find_path(struct module *m, struct owner *o, const char **ret)
{
    const char *path = module_str(m, "path"), *user = module_str(m, "user");
    bool known = host_user(m, user, &o->uid, &o->gid, &o->home);
    if (!known && !(m->check && path))
        return m->check
                   ? module_fail(m, "Either user must exist or you must provide full path to key "
                                    "file in check mode")
                   : module_fail(m,
                                 "Failed to lookup user %s: \"getpwnam(): name not found: '%s'\"",
                                 user, user);
    if (!path)
        path = arena_printf(m->arena, "%s/.ssh/authorized_keys", o->home);
    *ret = path;
    return 0;
}

// Folder and file, with the owner and modes that sshd asks for.
static int make_file(struct module *m, const struct owner *o, const char *path)
{
    const char *dir = path_dir(m->arena, path);
    struct err e = ERR_INIT;
    if (journal_path(m, path, NULL) < 0 || (text_exists(dir) && journal_attrs(m, dir, NULL) < 0))
        return ERR_FAILED;
    if (module_bool(m, "manage_dir")) {
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return module_fail(m, "Failed to create directory %s : [Errno %d] %s: '%s'", dir, errno,
                               strerror(errno), dir);
        if (chown(dir, o->uid, o->gid) != 0 || chmod(dir, 0700) != 0)
            return module_fail(m, "cannot change owner and mode of %s: %s", dir, strerror(errno));
    }
    if (!text_exists(dir) && host_mkdirs(dir, 0777, &e) != 0)
        return module_fail_err(m, &e);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return module_fail(m, "Failed to write to file %s: %s", path, strerror(errno));
    // not being allowed to is no failure: the file may be somebody else's
    bool ok = fchown(fd, o->uid, o->gid) == 0 && fchmod(fd, 0600) == 0;
    int bad = errno;
    close(fd);
    return ok || bad == EPERM || bad == EROFS
               ? 0
               : module_fail(m, "cannot change owner and mode of %s: %s", path, strerror(bad));
}

int mod_authorized_key(struct module *m)
{
    struct key_file f = {.m = m, .a = m->arena};
    struct owner owner = {0};
    const char *path = NULL, *keys = NULL;
    struct err e = ERR_INIT;
    struct stat st;
    if (key_text(m, &keys) != 0 || find_path(m, &owner, &path) != 0)
        return ERR_FAILED;
    char *had =
        stat(path, &st) == 0 && S_ISREG(st.st_mode) ? text_read(m->arena, path, NULL) : NULL;
    parse_file(&f, had ? had : "");
    if (apply(&f, keys) != 0)
        return ERR_FAILED;
    const char *now = render(&f);
    const char *target = module_bool(m, "follow") ? host_realpath(m->arena, path) : path;
    if (f.write)
        module_diff(m, had ? had : "", had ? strlen(had) : 0, now, strlen(now), path, target);
    if (m->check && !f.write)
        return 0;
    if (f.write && !m->check &&
        (make_file(m, &owner, target) != 0 ||
         (host_replace(m, target, now, strlen(now), &e) != 0 && module_fail_err(m, &e))))
        return ERR_FAILED;
    module_changed(m, f.write);
    dict_update(m->result, m->args);
    module_set_str(m, "key", keys);
    module_set_str(m, "keyfile", path);
    return 0;
}
