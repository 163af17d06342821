// The room's public face: text, streams of documents and files to values.
#include "yaml/yaml.h"

#include "yaml/compose.h"

#include "core/file.h"
#include "core/json.h"

#include <string.h>

static const struct yaml_opts no_opts;

#define VAULT_HEADER "$ANSIBLE_VAULT;"

// In JSON of Ansible's own making a vaulted or unsafe string is a dict with one telling key.
static void unwrap_json(struct arena *a, struct value *v)
{
    if (value_is(v, VALUE_LIST)) {
        for (size_t i = 0; i < v->u.list->len; i++)
            unwrap_json(a, &v->u.list->items[i]);
        return;
    }
    if (!value_is(v, VALUE_DICT))
        return;
    struct dict_entry *e;
    DICT_EACH(v->u.dict, e) unwrap_json(a, &e->val);
    DICT_EACH(v->u.dict, e)
    {
        bool vault = value_eqs(&e->key, "__ansible_vault");
        if (!vault && !value_eqs(&e->key, "__ansible_unsafe"))
            continue;
        struct value inner = e->val;
        if (vault && value_is(&inner, VALUE_STRING))
            inner.flags |= VALUE_VAULT;
        else
            value_mark_unsafe(&inner);
        *v = inner;
        return;
    }
}

// Gives a value read as JSON the positions of the same value read as YAML.
static void copy_positions(struct value *to, const struct value *from)
{
    value_set_pos(to, value_pos(from));
    if (to->type != from->type)
        return;
    if (value_is(to, VALUE_LIST)) {
        for (size_t i = 0; i < to->u.list->len && i < from->u.list->len; i++)
            copy_positions(&to->u.list->items[i], &from->u.list->items[i]);
    } else if (value_is(to, VALUE_DICT)) {
        struct dict_entry *e;
        DICT_EACH(to->u.dict, e)
        {
            const struct value *other = dict_getv(from->u.dict, &e->key);
            if (other)
                copy_positions(&e->val, other);
        }
    }
}

static bool maybe_json(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
        i++;
    return i < len && text[i] && strchr("{[\"-0123456789NIntf", text[i]);
}

// Reads all documents of the stream into a list.
static int read_stream(struct compose *c, struct value *ret)
{
    struct value docs = value_list(c->a), v;
    int rc;
    compose_begin(c);
    while ((rc = compose_document(c, &v)) > 0)
        list_add(docs.u.list, v);
    compose_end(c);
    if (rc == 0)
        *ret = docs;
    return rc;
}

static int read_text(struct compose *c, struct value *ret)
{
    struct value first = value_null();
    compose_begin(c);
    int rc = compose_document(c, &first);
    if (rc > 0)
        rc = compose_at_document(c);
    if (rc > 0)
        rc = err_set(
            c->e, ERR_PARSE, compose_pos(c, &c->event.start_mark),
            "a second document begins here, but this file can hold only one (remove the ---)");
    compose_end(c);
    if (rc == 0)
        *ret = first;
    return rc;
}

static int check_size(size_t len, const char *name, struct err *e)
{
    if (len <= YAML_MAX_SIZE)
        return 0;
    return err_set(e, ERR_LIMIT, (struct pos){.file = src_file(name)}, "larger than %zu MB",
                   YAML_MAX_SIZE >> 20);
}

static struct compose start(struct arena *a, const char *text, size_t len, const char *name,
                            const struct yaml_opts *opts, struct err *e)
{
    if (len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) { // a byte order mark takes no column
        text += 3;
        len -= 3;
    }
    return (struct compose){.a = a,
                            .opts = opts ? opts : &no_opts,
                            .text = text,
                            .len = len,
                            .file = src_file(name ? name : ""),
                            .e = e};
}

int yaml_parse_all(struct arena *a, const char *text, size_t len, const char *name,
                   const struct yaml_opts *opts, struct value *ret, struct err *e)
{
    int rc = check_size(len, name, e);
    if (rc < 0)
        return rc;
    struct compose c = start(a, text, len, name, opts, e);
    return read_stream(&c, ret);
}

int yaml_parse(struct arena *a, const char *text, size_t len, const char *name,
               const struct yaml_opts *opts, struct value *ret, struct err *e)
{
    int rc = check_size(len, name, e);
    if (rc < 0)
        return rc;
    struct compose c = start(a, text, len, name, opts, e);
    struct value json, v;
    if (!c.opts->json_first || !maybe_json(text, len) ||
        json_parse(a, text, len, &json, NULL) < 0) {
        rc = read_text(&c, ret);
        return rc;
    }
    c.e = NULL; // the YAML reading is for the positions alone
    c.opts = &no_opts;
    if (read_text(&c, &v) == 0)
        copy_positions(&json, &v);
    unwrap_json(a, &json);
    *ret = json;
    return 0;
}

int yaml_load_file(struct arena *a, const char *path, const struct yaml_opts *opts,
                   struct value *ret, struct err *e)
{
    char *raw;
    size_t len;
    int rc = file_read(a, path, YAML_MAX_SIZE, &raw, &len, e);
    if (rc < 0)
        return rc;
    const char *text = raw;
    struct yaml_opts plain = opts ? *opts : no_opts;
    if (len >= strlen(VAULT_HEADER) && !memcmp(text, VAULT_HEADER, strlen(VAULT_HEADER))) {
        struct pos pos = {.file = src_file(path), .line = 1, .col = 1};
        if (!plain.decrypt)
            return err_set(e, ERR_PARSE, pos,
                           "this file is encrypted with Ansible Vault and there is no password");
        rc = plain.decrypt(plain.decrypt_data, a, path, raw, len, &text, &len, e);
        if (rc < 0)
            return rc;
        plain.hide_text = true;
    }
    return yaml_parse(a, text, len, path, &plain, ret, e);
}
