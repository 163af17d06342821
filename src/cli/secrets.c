// Vault passwords of a command, from options and settings, and what is decrypted with them.
#include "cli/censor.h"
#include "cli/session.h"
#include "cli/vault.h"
#include "config/path.h"
#include "core/program.h"
#include "template/hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *from_environment(void *data, const char *name)
{
    (void)data;
    return getenv(name);
}

const char *session_path(struct session *s, const char *path)
{
    char cwd[4096];
    return path_unfrack(s->arena, path, getcwd(cwd, sizeof cwd) ? cwd : "/", from_environment,
                        NULL);
}

// "ID@FILE" with the path absolute; prompts stay as they are.
static const char *absolute_slug(struct session *s, const char *slug)
{
    const char *at = strchr(slug, '@'), *source = at ? at + 1 : slug;
    if (strcmp(source, "prompt") == 0 || strcmp(source, "prompt_ask_vault_pass") == 0)
        return slug;
    return arena_printf(s->arena, "%.*s%s", (int)(source - slug), slug, session_path(s, source));
}

static const char **slugs(struct session *s, const struct list *first, const struct list *then,
                          size_t *n)
{
    size_t a = first ? first->len : 0, b = then ? then->len : 0;
    const char **out = arena_array(s->arena, const char *, a + b + 1);
    *n = 0;
    for (size_t i = 0; i < a + b; i++) {
        const struct value *v = i < a ? &first->items[i] : &then->items[i - a];
        out[(*n)++] = absolute_slug(s, value_to_cstr(s->arena, v));
    }
    return out;
}

static void warn(void *data, const char *message)
{
    const struct session *s = data;
    print_warning(&s->out, "%s", message);
}

int session_secrets(struct session *s, const struct secret_opts *o, struct vault **ret,
                    struct err *e)
{
    struct vault_sources from = {
        .default_id = config_str(s->config, CONFIG_VAULT_IDENTITY),
        .ask = o->ask,
        .create = o->create,
        .ask_if_empty = o->ask_if_empty,
        .prompt = session_ask,
        .prompt_data = s,
        .warn = warn,
        .warn_data = s,
    };
    const char *file =
        s->secrets_as_given ? NULL : config_str(s->config, CONFIG_VAULT_PASSWORD_FILE);
    struct list *files = value_list(s->arena).u.list;
    for (size_t i = 0; o->files && i < o->files->len; i++)
        list_add(files, o->files->items[i]);
    if (file && *file)
        list_add(files, value_cstr(file));
    from.ids = slugs(s, o->first_ids, o->ids, &from.n_ids);
    from.files = slugs(s, files, NULL, &from.n_files);
    *ret = vault_new(config_bool(s->config, CONFIG_VAULT_ID_MATCH));
    return vault_load_secrets(*ret, &from, e);
}

int session_load_secrets(struct session *s, struct err *e)
{
    struct secret_opts o = {
        .ids = s->o.vault_ids, .files = s->o.vault_files, .ask = s->o.ask_vault_pass};
    if (!s->secrets_as_given) {
        o.first_ids = config_list(s->config, CONFIG_VAULT_IDENTITY_LIST);
        o.ask = o.ask || config_bool(s->config, CONFIG_ASK_VAULT_PASS);
    }
    int rc = session_secrets(s, &o, &s->vault, e);
    for (size_t i = 0; rc == 0 && i < vault_count(s->vault); i++) {
        const struct vault_secret *v = vault_secret(s->vault, i);
        censor_add(s->censor, v->password, v->len);
    }
    return rc;
}

int session_decrypt(void *data, struct arena *a, const char *path, const char *text, size_t len,
                    const char **ret, size_t *ret_len, struct err *e)
{
    struct session *s = data;
    int rc = vault_reveal(s->vault, a, text, len, path, ret, ret_len, e);
    if (rc >= 0 && path)
        censor_add_file(s->censor, path, *ret, *ret_len);
    else if (rc >= 0)
        censor_add(s->censor, *ret, *ret_len);
    if (rc < 0 && e && !path)
        e->code = rc = ERR_FAILED; // no syntax error of what the value stands in
    if (rc < 0 && path && !s->compat)
        err_at(e, (struct pos){src_file(path), 1, 1});
    return rc;
}

// --- passwords of connections and of become
// ---------------------------------------------------------------------

static int script_output(const char *path, struct buf *out, struct err *e)
{
    const char *argv[] = {path, NULL};
    struct program_opts o = {.input_is_ours = true};
    struct program_result r;
    int rc = program_run(argv, &o, &r, NULL);
    if (rc < 0)
        rc = err_set(e, ERR_FAILED, POS_NONE,
                     "The password script %s cannot be run: %s. If this is not a script, remove "
                     "the executable bit from the file",
                     path, strerror(r.error));
    else if (r.status != 0)
        rc =
            err_set(e, ERR_FAILED, POS_NONE, "The password script %s returned an error (rc=%d)%s%s",
                    path, r.status, r.err.len ? ": " : "", buf_str(&r.err));
    else
        buf_add(out, buf_str(&r.out), r.out.len);
    vault_wipe(&r.out);
    program_release(&r);
    return rc;
}

static int password_text(struct session *s, const char *path, struct buf *out, struct err *e)
{
    const char *full = session_path(s, path);
    struct stat st;
    if (strcmp(path, "-") == 0)
        return vault_read_file(path, out, e);
    if (stat(full, &st) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "The password file %s was not found", path);
    return st.st_mode & 0111 ? script_output(full, out, e) : vault_read_file(full, out, e);
}

int session_password_file(struct session *s, const char *path, char **ret)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    buf_init(&b, 65536);
    int rc = password_text(s, path, &b, &e);
    while (rc == 0 && b.len && strchr("\r\n", b.p[b.len - 1]))
        b.p[--b.len] = '\0';
    if (rc == 0 && !b.len)
        rc = err_set(&e, ERR_INVALID, POS_NONE, "Empty password was provided from file (%s)", path);
    if (rc == 0) {
        *ret = xstrdup(buf_str(&b));
        censor_add(s->censor, b.p, b.len);
    } else
        session_error(s, &e);
    err_release(&e);
    vault_wipe(&b);
    return rc < 0 ? RUN_ERROR : 0;
}

// --- filters
// ---------------------------------------------------------------------------------------------------

static int encrypt_text(struct arena *a, const struct value *plain, const struct value *password,
                        const char *id, const char *salt, size_t salt_len, struct value *ret,
                        struct err *e)
{
    struct buf out = BUF_INIT;
    int rc = vault_encrypt(password->u.str.s, password->u.str.len, id, plain->u.str.s,
                           plain->u.str.len, salt, salt_len, &out, e);
    if (rc == 0)
        *ret = value_strn(a, buf_str(&out), out.len);
    buf_release(&out);
    return rc;
}

static int decrypt_text(struct arena *a, const struct value *text, const struct value *password,
                        const char *id, struct value *ret, struct err *e)
{
    struct buf out = BUF_INIT;
    const char *s = text->u.str.s;
    size_t len = text->u.str.len;
    *ret = value_ref(s, len);
    if (!vault_is_encrypted(s, len))
        return 0;
    struct vault *v = vault_new(false);
    int rc = vault_add(v, id, password->u.str.s, password->u.str.len, e);
    if (rc == 0)
        rc = vault_decrypt(v, s, len, NULL, &out, NULL, e);
    if (rc == 0) {
        *ret = value_strn(a, buf_str(&out), out.len);
        session_secret_met(out.p, out.len);
    }
    vault_wipe(&out);
    vault_free(v);
    return rc;
}

void session_set_vault_hooks(void)
{
    template_hooks.vault = encrypt_text;
    template_hooks.unvault = decrypt_text;
}
