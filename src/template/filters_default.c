// Filters about what is missing, true or of some type: default, bool, ternary, mandatory, int,
// float, type_debug.
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <math.h>
#include <string.h>

// default, d [undefined]: The value, or default_value when it is undefined (or false, with
// boolean).
BUILTIN(filter_default)
{
    const struct value *dflt = NULL;
    bool boolean = false;
    int rc = args_read(c, e, "default_value:v boolean:b", &dflt, &boolean);
    if (rc < 0)
        return rc;
    bool use = c->self.type == VALUE_UNDEFINED;
    if (!use && boolean) {
        bool truth;
        rc = truth_of(c, &c->self, &truth, e);
        if (rc < 0)
            return rc;
        use = !truth;
    }
    *ret = !use ? c->self : dflt ? *dflt : value_cstr("");
    return 0;
}

// bool: true for true, 1 and the words yes, on, 1, true; null stays; all else is false.
BUILTIN(filter_bool)
{
    int rc = args_none(c, e);
    const struct value *v = &c->self;
    if (v->type == VALUE_NULL || v->type == VALUE_BOOL) {
        *ret = *v;
        return rc;
    }
    double n;
    bool truth = false;
    if (v->type == VALUE_STRING) {
        struct buf b = BUF_INIT;
        str_lower(&b, v->u.str.s, v->u.str.len);
        const char *s = buf_str(&b);
        truth = b.len == v->u.str.len &&
                (!strcmp(s, "yes") || !strcmp(s, "on") || !strcmp(s, "1") || !strcmp(s, "true"));
        buf_release(&b);
    } else if (number_of(v, &n)) {
        truth = n == 1;
    }
    *ret = value_bool(truth);
    return rc;
}

// ternary: true_val or false_val by truth; none_val for null when given.
BUILTIN(filter_ternary)
{
    const struct value *yes = NULL, *no = NULL, *none = NULL;
    bool truth = false;
    int rc = args_read(c, e, "true_val:v! false_val:v! none_val:v", &yes, &no, &none);
    if (rc < 0)
        return rc;
    if (c->self.type == VALUE_NULL && none && none->type != VALUE_NULL) {
        *ret = *none;
        return 0;
    }
    rc = truth_of(c, &c->self, &truth, e);
    *ret = truth ? *yes : *no;
    return rc;
}

// mandatory [undefined]: The value; an error with msg when it is undefined.
BUILTIN(filter_mandatory)
{
    const struct value *msg = NULL;
    int rc = args_read(c, e, "msg:v", &msg);
    if (rc < 0)
        return rc;
    *ret = c->self;
    if (c->self.type != VALUE_UNDEFINED)
        return 0;
    if (msg && msg->type != VALUE_NULL)
        return fail_with(c, e, "%s", text_of(c, msg).s);
    const char *hint = c->self.u.str.s ? c->self.u.str.s : "", *behind = NULL;
    if (*hint == '\'')
        behind = strchr(hint + 1, '\'');
    if (behind && strcmp(behind, "' is undefined") == 0)
        return fail_with(c, e, "Mandatory variable '%.*s'  not defined.", (int)(behind - hint - 1),
                         hint + 1);
    return fail_with(c, e, "Mandatory variable  not defined.");
}

// type_debug [undefined]: The Python name of the value's type.
BUILTIN(filter_type_debug)
{
    *ret = value_cstr(class_name(&c->self));
    return args_none(c, e);
}

// int: A whole number; default when it is none.
BUILTIN(filter_int)
{
    const struct value *dflt = NULL;
    int64_t base = 10, n;
    double f;
    int rc = args_read(c, e, "default:v base:i", &dflt, &base);
    if (rc < 0)
        return rc;
    const struct value *v = &c->self;
    *ret = dflt ? *dflt : value_int(0);
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type == VALUE_STRING) {
        if (base < 0 || base == 1 || base > 36)
            return fail_with(c, e, "int() base must be >= 2 and <= 36, or 0");
        if (parse_int(v->u.str.s, v->u.str.len, (int)base, &n)) {
            *ret = value_int(n);
            return 0;
        }
        if (!parse_float(v->u.str.s, v->u.str.len, &f) || isnan(f))
            return 0;
    } else if (v->type == VALUE_INT) {
        *ret = *v;
        return 0;
    } else if (!number_of(v, &f) || isnan(f)) {
        return 0;
    }
    if (isinf(f))
        return fail_with(c, e, "cannot convert float infinity to integer");
    if (fabs(f) >= 0x1p63)
        return fail_with(c, e, "integer does not fit in 64 bits");
    *ret = value_int((int64_t)f);
    return 0;
}

// float: A floating-point number; default when it is none.
BUILTIN(filter_float)
{
    const struct value *dflt = NULL;
    double f;
    int rc = args_read(c, e, "default:v", &dflt);
    if (rc < 0)
        return rc;
    const struct value *v = &c->self;
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (number_of(v, &f) || (v->type == VALUE_STRING && parse_float(v->u.str.s, v->u.str.len, &f)))
        *ret = value_float(f);
    else
        *ret = dflt ? *dflt : value_float(0);
    return 0;
}

// attr: The attribute called name.
BUILTIN(filter_attr)
{
    struct text name = {0};
    int rc = args_read(c, e, "name:s!", &name);
    if (rc < 0)
        return rc;
    if (c->self.type == VALUE_UNDEFINED && !is_strict(&c->self))
        return fail_undefined(c, &c->self, e);
    // items of mappings are not attributes
    struct dict *d = dict_of(c, &c->self);
    if (d && c->self.type == VALUE_DICT && !method_find(&c->self, name.s, name.len)) {
        *ret = value_undefined(c->arena, "'dict object' has no attribute '%s'", name.s);
        return 0;
    }
    return value_getattr(c, &c->self, name.s, ret, e);
}

// safe: The text marked as already escaped.
BUILTIN(filter_safe)
{
    int rc = args_none(c, e);
    struct text t = text_of(c, &c->self);
    *ret = value_ref(t.s, t.len);
    ret->flags |= VALUE_MARKUP;
    return rc;
}
