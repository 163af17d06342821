// Python's classes of plain values, as far as templates ask for them: {{ x.__class__ }} and its
// name.
#include "template/eval.h"

#include <string.h>

struct class_row {
    struct value_object object; // first: one per class, so that a class is the same as itself
    const char *name, *module;  // module: NULL for Python's own
};

static int class_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                     struct value *ret, struct err *e)
{
    const struct class_row *row = (const struct class_row *)o;
    (void)a;
    (void)e;
    if (!attr || !value_eqs(key, "__name__"))
        return 0;
    *ret = value_cstr(row->name);
    return 1;
}

static int class_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    const struct class_row *row = (const struct class_row *)o;
    (void)e;
    *ret = value_strf(a, "<class '%s%s%s'>", row->module ? row->module : "", row->module ? "." : "",
                      row->name);
    return 0;
}

static const struct value_ops class_ops = {
    .type_name = "type", .get = class_get, .materialize = class_text, .constant = true};

#define YAML_OBJECTS "ansible.parsing.yaml.objects"
#define CLASS(name, module)                                                                        \
    {                                                                                              \
        {.ops = &class_ops}, name, module                                                          \
    }
static const struct class_row rows[] = {
    CLASS("NoneType", NULL),
    CLASS("bool", NULL),
    CLASS("int", NULL),
    CLASS("float", NULL),
    CLASS("str", NULL),
    CLASS("bytes", NULL),
    CLASS("list", NULL),
    CLASS("tuple", NULL),
    CLASS("dict", NULL),
    CLASS("AnsibleUnicode", YAML_OBJECTS),
    CLASS("AnsibleVaultEncryptedUnicode", YAML_OBJECTS),
    CLASS("AnsibleUnsafeText", "ansible.utils.unsafe_proxy"),
    CLASS("NativeJinjaText", "ansible.utils.native_jinja"),
    CLASS("NativeJinjaUnsafeText", "ansible.utils.unsafe_proxy"),
    CLASS("Markup", "markupsafe"),
};

const char *class_name(const struct value *v)
{
    if (value_is_group(v))
        return "_GroupTuple";
    if (v->type != VALUE_STRING || v->flags & VALUE_BYTES)
        return value_type_name(v);
    bool unsafe = v->flags & VALUE_UNSAFE;
    if (v->flags & VALUE_VAULT)
        return "AnsibleVaultEncryptedUnicode";
    if (v->flags & VALUE_NATIVE_TEXT)
        return unsafe ? "NativeJinjaUnsafeText" : "NativeJinjaText";
    if (unsafe)
        return "AnsibleUnsafeText";
    if (v->flags & VALUE_MARKUP)
        return "Markup";
    return v->line && !(v->flags & VALUE_PLAIN_STR) ? "AnsibleUnicode" : value_type_name(v);
}

bool class_value(const struct value *v, struct value *ret)
{
    const char *name = class_name(v);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        *ret = (struct value){.type = VALUE_OBJECT,
                              .u.obj = (struct value_object *)(uintptr_t)&rows[i].object};
        return true;
    }
    return false;
}
