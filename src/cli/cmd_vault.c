// andon vault ACTION [FILE...]: encrypts and decrypts files and values; also ansible-vault.
#include "cli/vault.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum need { NEED_NOTHING, NEED_OLD, NEED_NEW, NEED_BOTH };

struct job {
    struct session *s;
    const struct vault_secret *secret; // what is encrypted with
    struct vault *fresh;               // secrets of rekey, for encrypting
};

struct action {
    const char *name;
    int (*run)(struct job *j, struct err *e); // exit code; *e is told
    enum need need;
    bool output, encrypt_id, new_secret; // takes --output, --encrypt-vault-id, --new-vault-*
    const char *help;
};

// --- files
// -----------------------------------------------------------------------------------------------------

static int read_fd(int fd, struct buf *out)
{
    ssize_t n = 1;
    while (n > 0 || (n < 0 && errno == EINTR)) {
        if (out->len > VAULT_MAX_SIZE)
            return -EFBIG;
        // the buffer doubles by hand, so that no copy of the text stays behind
        if (out->cap - out->len < 65536) {
            struct buf next = BUF_INIT;
            buf_reserve(&next, (out->cap + 65536) * 2);
            buf_add(&next, buf_str(out), out->len);
            vault_wipe(out);
            *out = next;
        }
        n = read(fd, out->p + out->len, 65535);
        if (n > 0)
            out->len += (size_t)n;
    }
    out->p[out->len] = '\0';
    return n < 0 ? -errno : 0;
}

int vault_read_file(const char *path, struct buf *out, struct err *e)
{
    int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    *out = (struct buf)BUF_INIT;
    int rc = fd < 0 ? -errno : read_fd(fd, out);
    if (fd > 0)
        close(fd);
    if (rc == 0)
        return 0;
    return err_set(e, rc == -ENOENT ? ERR_NOENT : ERR_IO, POS_NONE,
                   "Unable to read source file (%s): [Errno %d] %s: '%s'", path, -rc, strerror(-rc),
                   path);
}

// Overwrites what an open file holds.
static void overwrite(int fd)
{
    static const char zeros[65536];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return;
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof zeros) {
        off_t n = st.st_size - at < (off_t)sizeof zeros ? st.st_size - at : (off_t)sizeof zeros;
        if (pwrite(fd, zeros, (size_t)n, at) < 0)
            break;
    }
    fdatasync(fd);
}

int vault_write_file(const char *path, const struct buf *text, bool keep, bool wipe, struct err *e)
{
    struct stat st;
    if (strcmp(path, "-") == 0) {
        fwrite(buf_str(text), 1, text->len, stdout);
        return fflush(stdout) == 0 ? 0 : err_set(e, ERR_IO, POS_NONE, "%s", strerror(errno));
    }
    bool there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    int old = there && wipe ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    mode_t mask = umask(077);
    int rc = file_write_atomic(path, buf_str(text), text->len, 0600, e);
    umask(mask);
    if (rc == 0 && chmod(path, there && keep ? st.st_mode & 07777 : 0600) < 0)
        rc =
            err_set(e, ERR_IO, POS_NONE, "the mode of %s cannot be set: %s", path, strerror(errno));
    if (rc == 0 && there && keep && chown(path, st.st_uid, st.st_gid) < 0 && errno != EPERM)
        rc = err_set(e, ERR_IO, POS_NONE, "the owner of %s cannot be set: %s", path,
                     strerror(errno));
    if (old >= 0) {
        if (rc == 0)
            overwrite(old);
        close(old);
    }
    return rc;
}

// Links are followed, so that they stay; "-" stays as it is.
static const char *real(struct job *j, const char *path)
{
    if (strcmp(path, "-") == 0)
        return path;
    char *full = realpath(path, NULL);
    const char *r = full ? arena_strdup(j->s->arena, full) : session_path(j->s, path);
    free(full);
    return r;
}

// --- encrypting and decrypting
// ---------------------------------------------------------------------------------------

static int encrypt(struct job *j, const struct buf *plain, const char *id, struct buf *out,
                   struct err *e)
{
    return vault_encrypt(j->secret->password, j->secret->len, id, buf_str(plain), plain->len, NULL,
                         0, out, e);
}

static int decrypt(struct job *j, const char *path, const char *name, const char *shown,
                   struct buf *plain, const struct vault_secret **used, struct err *e)
{
    struct buf text;
    *plain = (struct buf)BUF_INIT;
    int rc = vault_read_file(path, &text, e);
    if (rc == 0) {
        rc = vault_decrypt(j->s->vault, buf_str(&text), text.len, name, plain, used, e);
        if (rc < 0) {
            char *msg = xstrdup(err_msg(e));
            rc = err_set(e, rc, POS_NONE, "%s for %s", msg, shown);
            free(msg);
        }
    }
    vault_wipe(&text);
    return rc;
}

// The files named, or standard input.
static struct list *files_or_stdin(struct job *j)
{
    struct list *l = value_list(j->s->arena).u.list;
    for (size_t i = 1; i < j->s->o.args->len; i++)
        list_add(l, j->s->o.args->items[i]);
    if (!l->len)
        list_add(l, value_cstr("-"));
    return l;
}

static void hint_stdin(struct job *j, const char *what)
{
    if (j->s->o.args->len < 2 && isatty(0))
        fprintf(stderr, "Reading %s input from stdin\n", what);
}

static void success(const char *what)
{
    if (isatty(1))
        fprintf(stderr, "%s successful\n", what);
}

static int run_encrypt(struct job *j, struct err *e)
{
    struct list *files = files_or_stdin(j);
    int rc = 0;
    hint_stdin(j, "plaintext");
    for (size_t i = 0; rc == 0 && i < files->len; i++) {
        const char *path = real(j, files->items[i].u.str.s), *to = j->s->o.output_file;
        struct buf plain, text = BUF_INIT;
        rc = vault_read_file(path, &plain, e);
        if (rc == 0)
            rc = encrypt(j, &plain, j->secret->id, &text, e);
        if (rc == 0)
            rc = vault_write_file(to ? to : path, &text, false, !to, e);
        buf_release(&text);
        vault_wipe(&plain);
    }
    if (rc == 0)
        success("Encryption");
    return rc;
}

static int run_decrypt(struct job *j, struct err *e)
{
    struct list *files = files_or_stdin(j);
    int rc = 0;
    hint_stdin(j, "ciphertext");
    for (size_t i = 0; rc == 0 && i < files->len; i++) {
        const char *path = real(j, files->items[i].u.str.s), *to = j->s->o.output_file;
        struct buf plain;
        rc = decrypt(j, path, path, path, &plain, NULL, e);
        if (rc == 0)
            rc = vault_write_file(to ? to : path, &plain, false, false, e);
        vault_wipe(&plain);
    }
    if (rc == 0)
        success("Decryption");
    return rc;
}

static int run_view(struct job *j, struct err *e)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < j->s->o.args->len; i++) {
        const char *path = j->s->o.args->items[i].u.str.s;
        struct buf plain;
        rc = decrypt(j, path, path, path, &plain, NULL, e);
        if (rc == 0)
            vault_show(&plain);
        vault_wipe(&plain);
    }
    return rc;
}

// Encrypts what the editor left, unless nothing changed.
static int edit_and_save(struct job *j, const char *path, const struct buf *plain, bool created,
                         const char *id, struct err *e)
{
    struct buf edited, text = BUF_INIT;
    int rc = vault_edit_text(path, plain, &edited, e);
    bool changed = created ? edited.len > 0
                           : edited.len != plain->len ||
                                 memcmp(buf_str(&edited), buf_str(plain), plain->len) != 0;
    if (rc == 0 && changed)
        rc = encrypt(j, &edited, id, &text, e);
    if (rc == 0 && changed)
        rc = vault_write_file(path, &text, true, false, e);
    buf_release(&text);
    vault_wipe(&edited);
    return rc;
}

// The id in the header of a file, in the session's arena; NULL when it has none.
static const char *id_of(struct job *j, const char *path)
{
    struct buf text;
    struct vault_header h;
    const char *id = NULL;
    if (vault_read_file(path, &text, NULL) == 0 &&
        vault_header_read(buf_str(&text), text.len, &h, NULL) == 0 && h.id)
        id = arena_strndup(j->s->arena, h.id, h.id_len);
    buf_release(&text);
    return id;
}

static int run_edit(struct job *j, struct err *e)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < j->s->o.args->len; i++) {
        const char *path = real(j, j->s->o.args->items[i].u.str.s);
        struct buf plain;
        rc = decrypt(j, path, NULL, path, &plain, &j->secret, e);
        if (rc == 0)
            rc = edit_and_save(j, path, &plain, false, id_of(j, path), e);
        vault_wipe(&plain);
    }
    return rc;
}

static int run_create(struct job *j, struct err *e)
{
    struct session *s = j->s;
    const char *path = s->o.args->items[1].u.str.s, *dir = path_dir(s->arena, path);
    struct stat st;
    struct buf none = BUF_INIT;
    if (strchr(path, '/') && stat(dir, &st) < 0) {
        print_warning(&s->out, "%s does not exist, creating...", dir);
        if (file_mkdirs(dir, 0700, e) < 0)
            return e->code;
    }
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, POS_NONE, "%s exists, please use 'edit' instead", path);
    return edit_and_save(j, path, &none, true, j->secret->id, e);
}

static int run_rekey(struct job *j, struct err *e)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < j->s->o.args->len; i++) {
        const char *path = real(j, j->s->o.args->items[i].u.str.s);
        struct buf plain, text = BUF_INIT;
        rc = decrypt(j, path, NULL, path, &plain, NULL, e);
        if (rc == 0)
            rc = encrypt(j, &plain, j->secret->id, &text, e);
        if (rc == 0)
            rc = vault_write_file(path, &text, true, false, e);
        buf_release(&text);
        vault_wipe(&plain);
    }
    if (rc == 0)
        fprintf(stderr, "Rekey successful\n");
    return rc;
}

// --- git
// -------------------------------------------------------------------------------------------------------

static int run_encrypt_string(struct job *j, struct err *e)
{
    int rc = vault_encrypt_string(j->s, j->secret, e);
    if (rc == 0)
        success("Encryption");
    return rc;
}

static int run_textconv(struct job *j, struct err *e)
{
    if (j->s->o.args->len != 2)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "textconv takes one file");
    return vault_textconv(j->s, j->s->o.args->items[1].u.str.s);
}

static int run_merge(struct job *j, struct err *e)
{
    const struct list *a = j->s->o.args;
    if (a->len != 4)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "merge takes three files: the base, ours and theirs");
    return vault_merge(j->s, a->items[1].u.str.s, a->items[2].u.str.s, a->items[3].u.str.s);
}

// --- the command
// -----------------------------------------------------------------------------------------------

static const struct action actions[] = {
    {"create", run_create, NEED_NEW, false, true, false, "Create new vault encrypted file"},
    {"decrypt", run_decrypt, NEED_OLD, true, false, false, "Decrypt vault encrypted file"},
    {"edit", run_edit, NEED_OLD, false, true, false, "Edit vault encrypted file"},
    {"view", run_view, NEED_OLD, false, false, false, "View vault encrypted file"},
    {"encrypt", run_encrypt, NEED_NEW, true, true, false, "Encrypt YAML file"},
    {"encrypt_string", run_encrypt_string, NEED_NEW, true, true, false, "Encrypt a string"},
    {"rekey", run_rekey, NEED_BOTH, false, true, true, "Re-key a vault encrypted file"},
    {"textconv", run_textconv, NEED_NOTHING, false, false, false,
     "For git: print a file with what is encrypted in it decrypted"},
    {"merge", run_merge, NEED_NOTHING, false, false, false,
     "For git: merge encrypted files (a merge driver: merge %O %A %B)"},
};

#define N_ACTIONS (sizeof actions / sizeof *actions)

void vault_actions_help(struct buf *b)
{
    for (size_t i = 0; i < N_ACTIONS; i++)
        buf_addf(b, "  %-20s%s\n", actions[i].name, actions[i].help);
}

static void tell_unknown(struct session *s, const char *name)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < N_ACTIONS; i++)
        buf_addf(&b, "%s'%s'", i ? ", " : "", actions[i].name);
    session_usage_error(s, "argument action: invalid choice: '%s' (choose from %s)", name,
                        buf_str(&b));
    buf_release(&b);
}

static const struct action *find_action(struct session *s)
{
    if (!s->o.args->len) {
        session_usage_error(s, "the following arguments are required: action");
        return NULL;
    }
    const char *name = s->o.args->items[0].u.str.s;
    for (size_t i = 0; i < N_ACTIONS; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    tell_unknown(s, name);
    return NULL;
}

static int check_options(struct session *s, const struct action *a)
{
    const struct options *o = &s->o;
    const char *wrong = o->output_file && !a->output                   ? "--output"
                        : o->encrypt_vault_id && !a->encrypt_id        ? "--encrypt-vault-id"
                        : o->new_vault_id && !a->new_secret            ? "--new-vault-id"
                        : o->new_vault_password_file && !a->new_secret ? "--new-vault-password-file"
                                                                       : NULL;
    if (wrong) {
        session_usage_error(s, "unrecognized arguments: %s", wrong);
        return RUN_USAGE;
    }
    if (o->new_vault_id && o->new_vault_password_file) {
        session_usage_error(s, "argument --new-vault-id: not allowed with argument "
                               "--new-vault-password-file");
        return RUN_USAGE;
    }
    return 0;
}

// What Ansible calls an options error.
static int check_combination(struct session *s, const struct action *a, struct err *e)
{
    const struct options *o = &s->o;
    for (size_t i = 0; i < o->vault_ids->len; i++)
        if (strchr(o->vault_ids->items[i].u.str.s, ';'))
            return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                           "'%s' is not a valid vault id. The character ';' is not allowed in "
                           "vault ids",
                           o->vault_ids->items[i].u.str.s);
    if (o->output_file && o->args->len > 2 && a->run != run_encrypt_string)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "At most one input file may be used with the --output option");
    if (o->ask_text && vault_reads_stdin(o) && (o->stdin_name || o->args->len > 1))
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "The --prompt option is not supported if also reading input from stdin");
    if (a->run == run_create && o->args->len != 2)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "ansible-vault create can take only one filename argument");
    return 0;
}

static int no_password(struct err *e, const char *what)
{
    return err_set(e, ERR_UNSUPPORTED, POS_NONE, "%s", what);
}

// The secret to encrypt with: the one named, or the first.
static int pick_secret(const struct vault *v, const char *id, const struct vault_secret **ret,
                       struct err *e)
{
    struct buf known = BUF_INIT;
    *ret = id && *id ? vault_find(v, id) : vault_secret(v, 0);
    for (size_t i = 0; i < vault_count(v); i++)
        buf_addf(&known, "%s'%s'", i ? ", " : "", vault_secret(v, i)->id);
    int rc = *ret ? 0
                  : err_set(e, ERR_FAILED, POS_NONE,
                            "Did not find a match for --encrypt-vault-id=%s in the known "
                            "vault-ids [%s]",
                            id, buf_str(&known));
    buf_release(&known);
    return rc;
}

static int several(const struct vault *v, struct err *e)
{
    struct buf ids = BUF_INIT;
    for (size_t i = 0; i < vault_count(v); i++)
        buf_addf(&ids, "%s%s", i ? "," : "", vault_secret(v, i)->id);
    int rc = err_set(e, ERR_UNSUPPORTED, POS_NONE,
                     "The vault-ids %s are available to encrypt. Specify the vault-id to encrypt "
                     "with --encrypt-vault-id",
                     buf_str(&ids));
    buf_release(&ids);
    return rc;
}

static int load_new(struct job *j, const char *id, struct err *e)
{
    struct session *s = j->s;
    struct list *ids = value_list(s->arena).u.list, *files = value_list(s->arena).u.list;
    if (s->o.new_vault_id)
        list_add(ids, value_cstr(s->o.new_vault_id));
    if (s->o.new_vault_password_file)
        list_add(files, value_cstr(s->o.new_vault_password_file));
    struct secret_opts o = {
        .first_ids = id && *id ? config_list(s->config, CONFIG_VAULT_IDENTITY_LIST) : NULL,
        .ids = ids,
        .files = files,
        .ask = s->o.ask_vault_pass || config_bool(s->config, CONFIG_ASK_VAULT_PASS),
        .create = true,
        .ask_if_empty = true};
    int rc = session_secrets(s, &o, &j->fresh, e);
    if (rc == 0 && !vault_count(j->fresh))
        rc = no_password(e, "A new vault password is required to use Ansible's Vault rekey");
    return rc < 0 ? rc : pick_secret(j->fresh, id, &j->secret, e);
}

static int load_secrets(struct job *j, enum need need, struct err *e)
{
    struct session *s = j->s;
    const char *id = s->o.encrypt_vault_id ? s->o.encrypt_vault_id
                                           : config_str(s->config, CONFIG_VAULT_ENCRYPT_IDENTITY);
    struct secret_opts o = {.first_ids = config_list(s->config, CONFIG_VAULT_IDENTITY_LIST),
                            .ids = s->o.vault_ids,
                            .files = s->o.vault_files,
                            .ask = s->o.ask_vault_pass ||
                                   config_bool(s->config, CONFIG_ASK_VAULT_PASS),
                            .create = need == NEED_NEW,
                            .ask_if_empty = need != NEED_NOTHING};
    int rc = session_secrets(s, &o, &s->vault, e);
    if (rc < 0 || need == NEED_NOTHING)
        return rc;
    if (need == NEED_NEW && vault_count(s->vault) > 1 && !(id && *id))
        return several(s->vault, e);
    if (!vault_count(s->vault))
        return no_password(e, "A vault password is required to use Ansible's Vault");
    if (need == NEED_NEW)
        return pick_secret(s->vault, id, &j->secret, e);
    return need == NEED_BOTH ? load_new(j, id, e) : 0;
}

static int perform(struct session *s, const struct action *a)
{
    struct job j = {.s = s};
    struct err e = ERR_INIT;
    int rc = check_combination(s, a, &e);
    if (rc == 0)
        rc = load_secrets(&j, a->need, &e);
    if (rc == 0)
        rc = a->run(&j, &e);
    int code = rc >= 0 ? rc : rc == ERR_UNSUPPORTED ? RUN_BAD_OPTIONS : RUN_ERROR;
    if (rc < 0)
        session_error(s, &e);
    err_release(&e);
    vault_free(j.fresh);
    return code;
}

int cmd_vault(int argc, char **argv, bool compat)
{
    struct session s;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_VAULT);
    if (code == 0) {
        const struct action *a = find_action(&s);
        code = a ? check_options(&s, a) : RUN_USAGE;
        if (code == 0)
            code = perform(&s, a);
    }
    vault_free(s.vault);
    arena_free(s.arena);
    return code < 0 ? 0 : code;
}
