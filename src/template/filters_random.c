// Filters with chance: random and shuffle (repeatable with a seed, as Python's), random_mac.
#include "core/hash.h"
#include "template/pyrandom.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <stdio.h>
#include <string.h>

static int generator(struct call *c, const struct value *seed, bool given, struct pyrandom *r,
                     struct err *e)
{
    if (!given) {
        pyrandom_system(r);
        return 0;
    }
    if (seed->type == VALUE_UNDEFINED)
        return fail_undefined(c, seed, e);
    if (!pyrandom_seed(r, seed))
        return fail_type(
            c, e,
            "The only supported seed types are: None,\nint, float, str, bytes, and bytearray.");
    return 0;
}

// random: A random item, or a number below the value (from start, in steps of step); the same for
// the same seed.
BUILTIN(filter_random)
{
    const struct value *start = NULL, *step = NULL, *seed = NULL;
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    int rc = args_read(c, e, "start:v step:v seed:v", &start, &step, &seed);
    if (rc >= 0)
        rc = generator(c, seed, seed && seed->type != VALUE_NULL, r, e);
    if (rc < 0)
        return rc;
    bool has_start = start && value_truthy(start), has_step = step && value_truthy(step);
    if (c->self.type == VALUE_INT || c->self.type == VALUE_BOOL) {
        int64_t lo = 0, by = 1, hi = 0, n;
        rc = index_of(c, &c->self, &hi, e);
        if (rc >= 0 && has_start)
            rc = index_of(c, start, &lo, e);
        if (rc >= 0 && has_step)
            rc = index_of(c, step, &by, e);
        if (rc < 0)
            return rc;
        if (!pyrandom_range(r, lo, hi, by, &n))
            return by != 1 ? fail_with(c, e, "empty range for randrange()")
                           : fail_with(c, e, "empty range for randrange() (%lld, %lld, %lld)",
                                       (long long)lo, (long long)hi, (long long)(hi - lo));
        *ret = value_int(n);
        return 0;
    }
    if (c->self.type == VALUE_DICT && c->self.u.dict->len && !has_start && !has_step) {
        struct value key = value_int((int64_t)pyrandom_below(r, c->self.u.dict->len));
        struct value *hit = dict_getv(c->self.u.dict, &key); // Python asks for a key by its number
        if (!hit)
            return fail_with(c, e, "%lld", (long long)key.u.i);
        *ret = *hit;
        return 0;
    }
    struct list *l = NULL;
    if (c->self.type != VALUE_UNDEFINED && value_iterate(c, &c->self, &l, NULL) < 0)
        return fail_with(c, e, "random can only be used on sequences and integers");
    if (has_start || has_step)
        return fail_with(c, e, "start and step can only be used with integer values");
    if (!l)
        return fail_undefined(c, &c->self, e);
    if (!l->len)
        return fail_with(c, e, "Cannot choose from an empty sequence");
    *ret = l->items[pyrandom_below(r, l->len)];
    return 0;
}

// shuffle: The items in random order; the same for the same seed.
BUILTIN(filter_shuffle)
{
    const struct value *seed = NULL;
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    struct list *l;
    int rc = args_read(c, e, "seed:v", &seed);
    if (rc < 0)
        return rc;
    if (value_iterate(c, &c->self, &l, NULL) < 0) {
        *ret = c->self;
        return 0;
    }
    *ret = list_from(c, l->items, l->len);
    bool bad = seed && is_strict(seed); // whatever goes wrong leaves the items in their order
    if (!bad && generator(c, seed, seed && value_truthy(seed), r, NULL) >= 0)
        pyrandom_shuffle(r, ret->u.list->items, ret->u.list->len);
    return 0;
}

// random_mac: The MAC address prefix filled up with random bytes; the same for the same seed.
BUILTIN(filter_random_mac)
{
    const struct value *seed = NULL;
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    int rc = args_read(c, e, "seed:v", &seed);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_with(c, e, "Invalid value type (%s) for random_mac (%s)", class_of(c, &c->self),
                         text_of(c, &c->self).s);
    struct value parts = value_list(c->arena);
    struct text colon = text_lit(":"), in = str_strip(text_of(c, &c->self), &colon, STRIP_BOTH);
    struct buf b = BUF_INIT;
    str_lower(&b, in.s, in.len);
    struct value low = take_buf(c, &b);
    str_split(c, (struct text){low.u.str.s, low.u.str.len}, &colon, -1, parts.u.list);
    size_t n = parts.u.list->len;
    if (n > 5)
        return fail_with(c, e, "Invalid value (%s) for random_mac: 5 colon(:) separated items max",
                         c->self.u.str.s);
    for (size_t i = 0; i < n; i++) {
        const struct value *p = &parts.u.list->items[i];
        if (p->u.str.len != 2 || strspn(p->u.str.s, "0123456789abcdef") != 2)
            return fail_with(c, e, "Invalid value (%s) for random_mac: %s not hexa byte",
                             c->self.u.str.s, p->u.str.s);
        buf_addf(&b, "%s%s", i ? ":" : "", p->u.str.s);
    }
    rc = generator(c, seed, seed && seed->type != VALUE_NULL, r, e);
    // Random(seed).randint(68719476736, 1099511627775) in hex
    uint64_t v = rc < 0 ? 0 : 68719476736u + pyrandom_below(r, 1099511627776u - 68719476736u);
    char hex[16];
    snprintf(hex, sizeof hex, "%010llx", (unsigned long long)v);
    for (size_t i = 0; i < 6 - n; i++)
        buf_addf(&b, "%s%.2s", b.len ? ":" : "", hex + 2 * i);
    *ret = take_buf(c, &b);
    return rc;
}
