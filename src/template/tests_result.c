// Tests on task results (failed, changed, skipped, ...) and on text (match, search, regex).
#include "template/eval.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/hooks.h"
#include "template/rows.h"

#include <string.h>

static int result_of(struct call *c, const char *test, struct dict **ret, struct err *e)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    *ret = dict_of(c, &c->self);
    return *ret ? 0 : fail_with(c, e, "The '%s' test expects a dictionary", test);
}

// The truth of a key of a result, false when it has none.
static int key_truth(struct call *c, const char *test, const char *key, bool want,
                     struct value *ret, struct err *e)
{
    struct dict *d;
    bool yes = false;
    int rc = result_of(c, test, &d, e);
    struct value *v = rc < 0 ? NULL : dict_get(d, key);
    if (v)
        rc = truth_of(c, v, &yes, e);
    else if (rc >= 0 && template_hooks.unknown_seen)
        rc = unknown_member(&c->self, key, c->pos, e);
    *ret = value_bool(yes == want);
    return rc;
}

// failed, failure [undefined]: The task failed.
BUILTIN(test_failed)
{
    return key_truth(c, "failed", "failed", true, ret, e);
}

// succeeded, success, successful [undefined]: The task did not fail.
BUILTIN(test_succeeded)
{
    return key_truth(c, "failed", "failed", false, ret, e);
}

// unreachable [undefined]: The host was unreachable.
BUILTIN(test_unreachable)
{
    return key_truth(c, "unreachable", "unreachable", true, ret, e);
}

// reachable [undefined]: The host was reachable.
BUILTIN(test_reachable)
{
    return key_truth(c, "unreachable", "unreachable", false, ret, e);
}

// skipped, skip [undefined]: The task was skipped.
BUILTIN(test_skipped)
{
    return key_truth(c, "skipped", "skipped", true, ret, e);
}

// changed, change [undefined]: The task, or any item of its loop, changed something.
BUILTIN(test_changed)
{
    struct dict *d;
    int rc = result_of(c, "changed", &d, e);
    bool yes = false;
    if (rc < 0)
        return rc;
    struct value *v = dict_get(d, "changed"), *results = dict_get(d, "results");
    if (!v && template_hooks.unknown_seen &&
        (rc = unknown_member(&c->self, "changed", c->pos, e)) < 0)
        return rc;
    if (v)
        rc = truth_of(c, v, &yes, e);
    else if (results && results->type == VALUE_LIST && !results->u.list->len)
        rc = fail_with(c, e, "list index out of range");
    else if (results && results->type == VALUE_LIST && dict_of(c, &results->u.list->items[0]))
        for (size_t i = 0; i < results->u.list->len && !yes && rc >= 0; i++) {
            struct dict *item = dict_of(c, &results->u.list->items[i]);
            struct value *ch = item ? dict_get(item, "changed") : NULL;
            if (ch)
                rc = truth_of(c, ch, &yes, e);
        }
    *ret = value_bool(yes);
    return rc;
}

static int async_state(struct call *c, const char *key, struct value *ret, struct err *e)
{
    struct dict *d;
    int rc = result_of(c, key, &d, e);
    if (rc < 0)
        return rc;
    struct value *v = dict_get(d, key), one = value_int(1);
    if (!v && template_hooks.unknown_seen && (rc = unknown_member(&c->self, key, c->pos, e)) < 0)
        return rc;
    if (!v && template_hooks.warn)
        template_hooks.warn(arena_printf(
            c->arena, "The '%s' test expects an async task, but a non-async task was tested", key));
    *ret = value_bool(!v || value_equal(v, &one));
    return 0;
}

// started [undefined]: The asynchronous task has started.
BUILTIN(test_started)
{
    return async_state(c, "started", ret, e);
}

// finished [undefined]: The asynchronous task has finished.
BUILTIN(test_finished)
{
    return async_state(c, "finished", ret, e);
}

// What re.match, re.search or re.fullmatch says.
static int matches(struct call *c, struct text pattern, int flags, const char *how,
                   struct value *ret, struct err *e)
{
    struct regex *re;
    const size_t *g;
    struct text s = bare_text_of(c, &c->self);
    int rc;
    if (is_strict(&c->self))
        return fail_undefined(c, &c->self, e);
    if (strcmp(how, "fullmatch") == 0)
        pattern = text_lit(arena_printf(c->arena, "(?:%s)\\Z", pattern.s));
    rc = regex_compile(pattern, flags, &re, e);
    if (rc < 0)
        return rc;
    bool anchored = strcmp(how, "match") == 0 || strcmp(how, "fullmatch") == 0;
    rc = regex_search(re, s, 0, anchored, false, &g, e);
    *ret = value_bool(rc == 1 && (!anchored || g[0] == 0)); // not behind bytes that are no UTF-8
    regex_free(re);
    return rc < 0 ? rc : 0;
}

static int pattern_of(struct call *c, const struct value *v, struct text *ret, struct err *e)
{
    *ret = text_lit("");
    if (!v)
        return 0;
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type == VALUE_LIST || v->type == VALUE_DICT)
        return fail_type(c, e, "unhashable type: '%s'", value_type_name(v));
    if (v->type != VALUE_STRING)
        return fail_type(c, e, "first argument must be string or compiled pattern");
    *ret = text_of(c, v);
    return 0;
}

static int match_test(struct call *c, const char *how, struct value *ret, struct err *e)
{
    const struct value *pattern = NULL;
    bool ignorecase = false, multiline = false;
    struct text p;
    int rc =
        args_read(c, e, "pattern:v ignorecase:b multiline:b", &pattern, &ignorecase, &multiline);
    if (rc >= 0)
        rc = pattern_of(c, pattern, &p, e);
    if (rc < 0)
        return rc;
    return matches(c, p, (ignorecase ? REGEX_IGNORECASE : 0) | (multiline ? REGEX_MULTILINE : 0),
                   how, ret, e);
}

// match: The text begins with a match of the pattern.
BUILTIN(test_match)
{
    return match_test(c, "match", ret, e);
}

// search: There is a match of the pattern in the text.
BUILTIN(test_search)
{
    return match_test(c, "search", ret, e);
}

// regex: As search, or as match_type says.
BUILTIN(test_regex)
{
    const struct value *pattern = NULL;
    bool ignorecase = false, multiline = false;
    struct text p, how = text_lit("search");
    int rc = args_read(c, e, "pattern:v ignorecase:b multiline:b match_type:t", &pattern,
                       &ignorecase, &multiline, &how);
    if (rc >= 0)
        rc = pattern_of(c, pattern, &p, e);
    if (rc >= 0 && strcmp(how.s, "search") != 0 && strcmp(how.s, "match") != 0 &&
        strcmp(how.s, "fullmatch") != 0)
        rc = fail_type(c, e, "'str' object is not callable");
    if (rc < 0)
        return rc;
    return matches(c, p, (ignorecase ? REGEX_IGNORECASE : 0) | (multiline ? REGEX_MULTILINE : 0),
                   how.s, ret, e);
}
