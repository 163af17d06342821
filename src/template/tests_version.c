// The version test: loose, strict, semantic and PEP 440 versions compared.
#include "template/versions.h"
#include "template/rows.h"

#include <string.h>

static const struct {
    const char *name;
    int code; // -2 le, -1 lt, 0 eq, 1 gt, 2 ge, 3 ne
} operators[] = {
    {"==", 0}, {"=", 0},  {"eq", 0}, {"<", -1}, {"lt", -1}, {"<=", -2}, {"le", -2},
    {">", 1},  {"gt", 1}, {">=", 2}, {"ge", 2}, {"!=", 3},  {"<>", 3},  {"ne", 3},
};

static const struct {
    const char *name;
    enum version_kind kind;
} kinds[] = {
    {"loose", VERSION_LOOSE},       {"strict", VERSION_STRICT}, {"semver", VERSION_SEMANTIC},
    {"semantic", VERSION_SEMANTIC}, {"pep440", VERSION_PEP440},
};

static int kind_of(struct call *c, const char *name, enum version_kind *ret, struct err *e)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0) {
            *ret = kinds[i].kind;
            return 0;
        }
    return fail_with(c, e,
                     "Invalid version type (%s). Must be one of 'loose', 'strict', 'semver', "
                     "'semantic', 'pep440'",
                     name);
}

static int operator_of(struct call *c, const char *name, int *ret, struct err *e)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(name, operators[i].name) == 0) {
            *ret = operators[i].code;
            return 0;
        }
    return fail_with(c, e,
                     "Invalid operator type (%s). Must be one of '==', '=', 'eq', '<', 'lt', '<=', "
                     "'le', '>', 'gt', "
                     "'>=', 'ge', '!=', '<>', 'ne'",
                     name);
}

// version, version_compare: The version stands in relation operator to another; version_type says
// how they compare.
BUILTIN(test_version)
{
    const struct value *other = NULL, *strict = NULL, *type = NULL;
    struct text op = {"eq", 2};
    bool is_strict = false, given = false;
    enum version_kind kind = VERSION_LOOSE;
    int code = 0, cmp = 0;
    int rc = args_read(c, e, "version:v! operator:t strict:v version_type:v", &other, &op, &strict,
                       &type);
    if (rc < 0)
        return rc;
    bool has_type = type && type->type != VALUE_NULL;
    if (strict && strict->type != VALUE_NULL && has_type)
        return fail_with(c, e, "Cannot specify both 'strict' and 'version_type'");
    rc = truth_of(c, &c->self, &given, e);
    if (rc >= 0 && !given)
        rc = fail_with(c, e, "Input version value cannot be empty");
    if (rc >= 0)
        rc = truth_of(c, other, &given, e);
    if (rc >= 0 && !given)
        rc = fail_with(c, e, "Version parameter to compare against cannot be empty");
    if (rc >= 0 && strict)
        rc = truth_of(c, strict, &is_strict, e);
    if (rc >= 0 && is_strict)
        kind = VERSION_STRICT;
    else if (rc >= 0 && has_type && value_truthy(type))
        rc = kind_of(c, text_of(c, type).s, &kind, e);
    if (rc >= 0)
        rc = operator_of(c, op.s, &code, e);
    if (rc < 0)
        return rc;
    struct err why = ERR_INIT;
    rc = version_compare(c, kind, text_of(c, &c->self), text_of(c, other), &cmp, &why);
    if (rc < 0) {
        fail_with(c, e, "Version comparison failed: %s", err_msg(&why));
        err_release(&why);
        return ERR_FAILED;
    }
    bool yes = code == 0    ? cmp == 0
               : code == 3  ? cmp != 0
               : code == -1 ? cmp < 0
               : code == -2 ? cmp <= 0
               : code == 1  ? cmp > 0
                            : cmp >= 0;
    *ret = value_bool(yes);
    return 0;
}
