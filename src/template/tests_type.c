// Jinja2's tests about types and being defined.
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

static int answer(struct call *c, bool yes, struct value *ret, struct err *e)
{
    *ret = value_bool(yes);
    return args_none(c, e);
}

// defined [undefined]: There is a value.
BUILTIN(test_defined)
{
    return answer(c, c->self.type != VALUE_UNDEFINED, ret, e);
}

// undefined [undefined]: There is no value.
BUILTIN(test_undefined)
{
    return answer(c, c->self.type == VALUE_UNDEFINED, ret, e);
}

// none [undefined]: Null.
BUILTIN(test_none)
{
    return answer(c, c->self.type == VALUE_NULL, ret, e);
}

// boolean [undefined]: true or false.
BUILTIN(test_boolean)
{
    return answer(c, c->self.type == VALUE_BOOL, ret, e);
}

// true [undefined]: The value true itself.
BUILTIN(test_true)
{
    return answer(c, c->self.type == VALUE_BOOL && c->self.u.b, ret, e);
}

// false [undefined]: The value false itself.
BUILTIN(test_false)
{
    return answer(c, c->self.type == VALUE_BOOL && !c->self.u.b, ret, e);
}

// integer [undefined]: A whole number.
BUILTIN(test_integer)
{
    return answer(c, c->self.type == VALUE_INT, ret, e);
}

// float [undefined]: A floating-point number.
BUILTIN(test_float)
{
    return answer(c, c->self.type == VALUE_FLOAT, ret, e);
}

// number [undefined]: A number or a bool.
BUILTIN(test_number)
{
    return answer(c, is_number(&c->self), ret, e);
}

// string [undefined]: Text.
BUILTIN(test_string)
{
    // Python has a class of its own for what is still encrypted
    return answer(c, c->self.type == VALUE_STRING && !(c->self.flags & (VALUE_BYTES | VALUE_VAULT)),
                  ret, e);
}

// mapping [undefined]: A mapping.
BUILTIN(test_mapping)
{
    return answer(c, dict_of(c, &c->self) != NULL, ret, e);
}

// sequence [undefined]: Something with a length and items: list, text, mapping.
BUILTIN(test_sequence)
{
    struct value v;
    bool yes = plain_of(c, &c->self, &v, NULL) >= 0 &&
               (v.type == VALUE_LIST || v.type == VALUE_STRING || v.type == VALUE_DICT ||
                (v.type == VALUE_UNDEFINED && !is_strict(&v)));
    return answer(c, yes, ret, e);
}

static bool is_callable(const struct value *v)
{
    return v->type == VALUE_OBJECT && v->u.obj->ops->call;
}

// iterable: Something a loop can go through.
BUILTIN(test_iterable)
{
    struct value v;
    bool yes = !is_callable(&c->self) && plain_of(c, &c->self, &v, NULL) >= 0 &&
               (v.type == VALUE_LIST || v.type == VALUE_STRING || v.type == VALUE_DICT);
    return answer(c, yes, ret, e);
}

// callable [undefined]: A function or macro.
BUILTIN(test_callable)
{
    return answer(c, c->self.type == VALUE_UNDEFINED || is_callable(&c->self), ret, e);
}

// escaped [undefined]: Text marked safe for HTML.
BUILTIN(test_escaped)
{
    return answer(c, c->self.type == VALUE_UNDEFINED || (c->self.flags & VALUE_MARKUP), ret, e);
}

// True for text that has cased characters, all of case k.
static bool all_case(struct call *c, enum uni_class k)
{
    struct text t = text_of(c, &c->self);
    bool any = false;
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        if (uni_is(cp, k))
            any = true;
        else if (uni_is_cased(cp))
            return false;
    }
    return any;
}

// lower: Text in lower case.
BUILTIN(test_lower)
{
    return answer(c, all_case(c, UNI_LOWER), ret, e);
}

// upper: Text in upper case.
BUILTIN(test_upper)
{
    return answer(c, all_case(c, UNI_UPPER), ret, e);
}

static const char *short_name(struct text t)
{
    static const char prefix[] = "ansible.builtin.";
    return strncmp(t.s, prefix, sizeof prefix - 1) == 0 ? t.s + sizeof prefix - 1 : t.s;
}

// filter: The name of a filter there is.
BUILTIN(test_filter)
{
    const char *name = short_name(text_of(c, &c->self));
    if (!filter_find(name, strlen(name)))
        return err_set(e, ERR_NOENT, c->pos, "Could not load \"%s\": '%s'", name, name);
    return answer(c, true, ret, e);
}

// test: The name of a test there is.
BUILTIN(test_test)
{
    const char *name = short_name(text_of(c, &c->self));
    if (!test_find(name, strlen(name)))
        return err_set(e, ERR_NOENT, c->pos, "Could not load \"%s\": '%s'", name, name);
    return answer(c, true, ret, e);
}

// vault_encrypted [undefined]: A value that is still an encrypted !vault text.
BUILTIN(test_vault_encrypted)
{
    const int wrapped = VALUE_VAULT | VALUE_NATIVE_TEXT; // what the filter vault made
    return answer(c, c->self.type == VALUE_STRING && (c->self.flags & wrapped) == VALUE_VAULT, ret,
                  e);
}

static int same_thing(const struct value *x, const struct value *y)
{
    if (x->type != y->type)
        return 0;
    switch ((enum value_type)x->type) {
    case VALUE_NULL:
        return 1;
    case VALUE_BOOL:
        return x->u.b == y->u.b;
    case VALUE_INT: // Python keeps one object for small numbers only
        return x->u.i == y->u.i && x->u.i >= -5 && x->u.i <= 256;
    case VALUE_LIST:
        return x->u.list == y->u.list;
    case VALUE_DICT:
        return x->u.dict == y->u.dict;
    case VALUE_OBJECT:
        return x->u.obj == y->u.obj;
    case VALUE_STRING:
        return x->u.str.s == y->u.str.s && x->u.str.len == y->u.str.len;
    case VALUE_FLOAT:
    case VALUE_UNDEFINED:
        return 0;
    }
    return 0;
}

// sameas [undefined]: The very same object.
BUILTIN(test_sameas)
{
    const struct value *other = NULL;
    int rc = args_read(c, e, "other:v!", &other);
    *ret = value_bool(rc >= 0 && same_thing(&c->self, other));
    return rc;
}
