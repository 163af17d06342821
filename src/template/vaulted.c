// Values that are encrypted with Ansible Vault stay so while they are handed on, and are decrypted
// where somebody looks into them.
#include "template/eval.h"
#include "template/hooks.h"
#include "template/rows.h"

#include <string.h>

// Filters and tests that hand on or describe what they get. The others see plain text.
static builtin_fn *const keepers[] = {
    filter_combine,    filter_dict2items,  filter_extract,     filter_first,   filter_flatten,
    filter_items,      filter_items2dict,  filter_last,        filter_list,    filter_length,
    filter_map,        filter_reject,      filter_rejectattr,  filter_reverse, filter_select,
    filter_selectattr, filter_shuffle,     filter_subelements, filter_zip,     dict_method_get,
    dict_method_items, dict_method_values, dict_method_keys,
};

// Of these, the ones that hand on or describe a text that is encrypted itself; for the others only
// what is inside a list or mapping stays.
static builtin_fn *const text_keepers[] = {
    filter_default,      filter_mandatory, filter_type_debug, filter_to_yaml,
    filter_to_nice_yaml, filter_unvault,   test_string,       test_vault_encrypted,
};

static bool has_vault(const struct value *v, int depth)
{
    if (v->type == VALUE_STRING)
        return v->flags & VALUE_VAULT;
    if (depth > 100)
        return false;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            if (has_vault(&v->u.list->items[i], depth + 1))
                return true;
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if (has_vault(&d->val, depth + 1))
            return true;
    }
    return false;
}

static int reveal(struct templar *t, struct arena *a, struct value *v, int depth, struct err *e)
{
    int rc = 0;
    if (v->type == VALUE_STRING && v->flags & VALUE_VAULT)
        return value_reveal_text(t, a, v, e);
    if (depth > 100 || !has_vault(v, depth))
        return 0;
    *v = value_shallow(a, v);
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
            rc = reveal(t, a, &v->u.list->items[i], depth + 1, e);
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if ((rc = reveal(t, a, &d->val, depth + 1, e)) < 0)
            break;
    }
    return rc;
}

bool value_has_vault(const struct value *v)
{
    bool yes = has_vault(v, 0);
    if (yes)
        template_hooks.vault_seen = true;
    return yes;
}

int value_reveal(struct templar *t, struct arena *a, struct value *v, int depth, struct err *e)
{
    return has_vault(v, depth) ? reveal(t, a, v, depth, e) : 0;
}

int value_check_vault(const struct value *v, int depth, struct err *e)
{
    static const char header[] = "$ANSIBLE_VAULT;";
    struct dict_entry *d;
    int rc = 0;
    if (depth > 100)
        return 0;
    if (v->type == VALUE_STRING && v->flags & VALUE_VAULT && !(v->flags & VALUE_NATIVE_TEXT)) {
        const char *s = v->u.str.s + strspn(v->u.str.s, " \t\r\n");
        if (strncmp(s, header, sizeof header - 1) != 0)
            rc = err_set(e, ERR_FAILED, value_pos(v), "input is not vault encrypted data. ");
    } else if (v->type == VALUE_LIST) {
        for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
            rc = value_check_vault(&v->u.list->items[i], depth + 1, e);
    } else if (v->type == VALUE_DICT) {
        DICT_EACH(v->u.dict, d)
        if ((rc = value_check_vault(&d->val, depth + 1, e)) < 0)
            return rc;
    }
    return rc;
}

int value_reveal_text(struct templar *t, struct arena *a, struct value *v, struct err *e)
{
    struct value plain;
    if (v->type != VALUE_STRING || !(v->flags & VALUE_VAULT))
        return 0;
    if (v->flags & VALUE_NATIVE_TEXT) { // made by the filter vault
        v->flags &= (uint8_t) ~(VALUE_VAULT | VALUE_NATIVE_TEXT);
        return 0;
    }
    if (!t->decrypt)
        return err_set(e, ERR_FAILED, value_pos(v),
                       "Attempting to decrypt but no vault secrets found");
    int rc = t->decrypt(t->decrypt_data, a, v, &plain, e);
    if (rc < 0 && t->session)
        t->session->exc = "ansible.parsing.vault.AnsibleVaultError";
    if (rc < 0)
        return err_at(e, value_pos(v));
    value_set_pos(&plain, value_pos(v));
    *v = plain;
    return 0;
}

int template_reveal(struct templar *t, struct arena *a, struct value *v, struct err *e)
{
    return value_reveal(t, a, v, 0, e);
}

// --- calls
// -----------------------------------------------------------------------------------------------------

static bool in_list(builtin_fn *const *list, size_t n, builtin_fn *fn)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == fn)
            return true;
    return false;
}

static int reveal_args(struct call *c, struct err *e)
{
    struct value *args = arena_array(c->arena, struct value, c->n_args + 1);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n_args; i++) {
        args[i] = c->args[i];
        rc = value_reveal(c->t, c->arena, &args[i], 0, e);
    }
    c->args = args;
    struct value kwargs = {.type = VALUE_DICT};
    kwargs.u.dict = value_dict(c->arena).u.dict;
    dict_update(kwargs.u.dict, c->kwargs);
    if (rc == 0)
        rc = value_reveal(c->t, c->arena, &kwargs, 0, e);
    c->kwargs = kwargs.u.dict;
    return rc;
}

int call_reveal(struct call *c, builtin_fn *fn, struct err *e)
{
    if (in_list(text_keepers, sizeof text_keepers / sizeof *text_keepers, fn))
        return 0;
    if (in_list(keepers, sizeof keepers / sizeof *keepers, fn))
        return value_reveal_text(c->t, c->arena, &c->self, e);
    int rc = value_reveal(c->t, c->arena, &c->self, 0, e);
    return rc < 0 ? rc : reveal_args(c, e);
}
