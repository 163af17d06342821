// The filters vault and unvault.
#include "template/hooks.h"
#include "template/pystr.h"
#include "template/rows.h"

// Texts are given as strings; anything else is a type error that names its class.
static int want_text(struct call *c, const struct value *v, const char *what, struct err *e)
{
    if (v->type == VALUE_STRING)
        return 0;
    return fail_type(c, e, "%s, instead we got: %s", what, class_of(c, v));
}

static int no_vault(struct call *c, struct err *e)
{
    return fail_with(c, e, "there is no vault in this program");
}

static int fail_because(struct call *c, struct err *e, const char *what, const struct err *why)
{
    bool again = c->t->repeat_causes;
    return fail_with(c, e, "%s: %s%s%s", what, err_msg(why), again ? ". " : "",
                     again ? err_msg(why) : "");
}

// vault: The text encrypted with the password secret, labelled vaultid (filter_default unless
// given).
BUILTIN(filter_vault)
{
    const struct value *secret = NULL, *salt = NULL;
    struct text id = text_lit("filter_default");
    bool wrap = false;
    struct value out;
    struct err why = ERR_INIT;
    int rc =
        args_read(c, e, "secret:v! salt:v vaultid:t wrap_object:b", &secret, &salt, &id, &wrap);
    if (rc == 0)
        rc = want_text(c, secret, "Secret passed is required to be a string", e);
    if (rc == 0)
        rc = want_text(c, &c->self, "Can only vault strings", e);
    if (rc < 0)
        return rc;
    if (!template_hooks.vault)
        return no_vault(c, e);
    struct text s = {NULL, 0};
    if (salt && salt->type != VALUE_NULL)
        s = text_of(c, salt);
    if (s.s && !s.len)
        rc = err_set(&why, ERR_INVALID, POS_NONE, "Empty or invalid salt passed to encrypt()");
    else
        rc = template_hooks.vault(c->arena, &c->self, secret, id.s, s.s, s.len, &out, &why);
    if (rc < 0) {
        fail_because(c, e, "Unable to encrypt", &why);
        err_release(&why);
        return ERR_FAILED;
    }
    if (wrap)
        out.flags |= VALUE_VAULT | VALUE_NATIVE_TEXT; // not one that the play's secrets open
    *ret = out;
    return 0;
}

// unvault: The text decrypted with the password secret; what is not encrypted stays as it is.
BUILTIN(filter_unvault)
{
    const struct value *secret = NULL;
    struct text id = text_lit("filter_default");
    struct err why = ERR_INIT;
    int rc = args_read(c, e, "secret:v! vaultid:t", &secret, &id);
    if (rc == 0)
        rc = want_text(c, secret, "Secret passed is required to be as string", e);
    if (rc == 0)
        rc = want_text(c, &c->self, "Vault should be in the form of a string", e);
    if (rc < 0)
        return rc;
    if (!template_hooks.unvault)
        return no_vault(c, e);
    rc = template_hooks.unvault(c->arena, &c->self, secret, id.s, ret, &why);
    if (rc == 0)
        return 0;
    if (c->self.flags & VALUE_VAULT)
        fail_with(c, e, "%s", err_msg(&why));
    else
        fail_because(c, e, "Unable to decrypt", &why);
    err_release(&why);
    return ERR_FAILED;
}
