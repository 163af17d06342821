// The secrets of a command: vault ids and password files in their order, asked for where they say
// so.
#include "vault/internal.h"

#include <stdlib.h>
#include <string.h>

struct loading {
    struct vault *v;
    const struct vault_sources *from;
    struct arena *a;
    struct err last; // of a source that gave nothing
};

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

// The line without white space at its ends, in place.
static char *trimmed(char *s)
{
    static const char blank[] = " \t\r\n\v\f";
    size_t skip = strspn(s, blank), n = strlen(s);
    while (n > skip && strchr(blank, s[n - 1]))
        s[--n] = '\0';
    memmove(s, s + skip, n - skip + 1);
    return s;
}

static int ask_once(struct loading *l, const char *id, const char *text, char **ret, struct err *e)
{
    *ret = l->from->prompt ? l->from->prompt(l->from->prompt_data, text, true, 0) : NULL;
    if (!*ret)
        return err_set(e, ERR_FAILED, POS_NONE, "EOFError (ctrl-d) on prompt for (%s)", id);
    if (**ret)
        return 0;
    wipe(*ret);
    *ret = NULL;
    return err_set(e, ERR_INVALID, POS_NONE, "Invalid vault password was provided");
}

// Asks, twice for a new password. plain: the words of --ask-vault-pass, without the id.
static int ask(struct loading *l, const char *id, bool plain, struct err *e)
{
    bool create = l->from->create;
    const char *word =
        create ? plain ? "New Vault password" : "New vault password" : "Vault password";
    const char *again = plain ? "Confirm New Vault password" : "Confirm new vault password";
    const char *tail = plain ? ": " : arena_printf(l->a, " (%s): ", id);
    char *first, *second = NULL;
    int rc = ask_once(l, id, arena_printf(l->a, "%s%s", word, tail), &first, e);
    if (rc == 0 && create)
        rc = ask_once(l, id, arena_printf(l->a, "%s%s", again, tail), &second, e);
    if (rc == 0 && create && strcmp(trimmed(first), trimmed(second)) != 0)
        rc = err_set(e, ERR_INVALID, POS_NONE, "Passwords do not match");
    if (rc == 0)
        rc = vault_add(l->v, id, trimmed(first), strlen(first), e);
    wipe(first);
    wipe(second);
    return rc;
}

static void warn(struct loading *l, const char *what, const char *id)
{
    if (l->from->warn)
        l->from->warn(l->from->warn_data,
                      arena_printf(l->a, "%s (%s): %s", what, id ? id : "None", err_msg(&l->last)));
}

static void add_file(struct loading *l, const char *id, const char *path)
{
    struct buf b;
    err_release(&l->last);
    int rc = secret_from_file(l->v, path, id, &b, &l->last);
    if (rc == 0)
        rc = vault_add(l->v, id ? id : l->from->default_id, buf_str(&b), b.len, &l->last);
    if (rc < 0)
        warn(l,
             rc == ERR_NOENT ? "Error getting vault password file"
                             : "Error in vault password file loading",
             id);
    vault_wipe(&b);
}

// "ID@SOURCE" or "SOURCE".
static int add_slug(struct loading *l, const char *slug, struct err *e)
{
    const char *at = strchr(slug, '@'), *source = at ? at + 1 : slug;
    const char *id = at ? arena_strndup(l->a, slug, (size_t)(at - slug)) : NULL;
    bool plain = strcmp(source, "prompt_ask_vault_pass") == 0;
    if (!plain && strcmp(source, "prompt") != 0) {
        add_file(l, id, source);
        return 0;
    }
    int rc = ask(l, id && *id ? id : l->from->default_id, plain, &l->last);
    if (rc < 0) {
        warn(l, "Error in vault password prompt", id);
        return err_move(e, &l->last);
    }
    return 0;
}

int vault_load_secrets(struct vault *v, const struct vault_sources *from, struct err *e)
{
    struct loading l = {.v = v, .from = from, .a = arena_new(), .last = ERR_INIT};
    const char *ask_slug = arena_printf(l.a, "%s@prompt_ask_vault_pass", from->default_id);
    bool none = !from->n_ids && !from->n_files;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < from->n_ids; i++)
        rc = add_slug(&l, from->ids[i], e);
    for (size_t i = 0; rc == 0 && i < from->n_files; i++)
        add_file(&l, from->default_id, from->files[i]);
    if (rc == 0 && (from->ask || (none && from->ask_if_empty)))
        rc = add_slug(&l, ask_slug, e);
    if (rc == 0 && l.last.code && !vault_count(v))
        rc = err_move(e, &l.last);
    err_release(&l.last);
    arena_free(l.a);
    return rc;
}
