// Regular expressions against Python's re: data/regex_cases.json holds what Python makes of each
// case.
#include "node/regex.h"

#include "core/file.h"
#include "core/json.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static unsigned flags_of(const char *s)
{
    unsigned flags = 0;
    for (; *s; s++)
        flags |= *s == 'i'   ? REGEX_IGNORECASE
                 : *s == 'm' ? REGEX_MULTILINE
                 : *s == 's' ? REGEX_DOTALL
                 : *s == 'x' ? REGEX_VERBOSE
                             : REGEX_TEXT;
    return flags;
}

static void show_spans(struct buf *b, int rc, const struct regex_span *spans, size_t n)
{
    if (rc != 1) {
        buf_adds(b, rc == 0 ? "null" : "too long");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (spans[i].start == REGEX_NONE)
            buf_adds(b, "- ");
        else
            buf_addf(b, "%zu:%zu ", spans[i].start, spans[i].end);
}

static void show_want(struct buf *b, const struct value *spans)
{
    if (spans->type == VALUE_NULL) {
        buf_adds(b, "null");
        return;
    }
    for (size_t i = 0; i < spans->u.list->len; i++) {
        const struct value *s = &spans->u.list->items[i];
        if (s->type == VALUE_NULL)
            buf_adds(b, "- ");
        else
            buf_addf(b, "%d:%d ", (int)s->u.list->items[0].u.i, (int)s->u.list->items[1].u.i);
    }
}

// Bytes as JSON carries them for byte patterns: one code point each.
static const char *latin1(struct arena *a, const struct value *v, bool text, size_t *ret_len)
{
    if (text) {
        *ret_len = v->u.str.len;
        return v->u.str.s;
    }
    char *out = arena_alloc(a, v->u.str.len + 1);
    size_t n = 0;
    for (const char *p = v->u.str.s; *p || p < v->u.str.s + v->u.str.len; p++) {
        unsigned char c = (unsigned char)*p;
        out[n++] = c < 0x80 ? (char)c : (char)((c & 3) << 6 | ((unsigned char)*++p & 0x3f));
    }
    *ret_len = n;
    return out;
}

static int check_case(struct arena *a, const struct list *c)
{
    const char *pattern = c->items[0].u.str.s, *subject = c->items[2].u.str.s;
    unsigned flags = flags_of(c->items[1].u.str.s);
    const struct value *template = &c->items[3], *want = &c->items[4];
    struct err e = ERR_INIT;
    struct regex *r = regex_compile_str(a, pattern, flags, &e);
    if (!r || want->type == VALUE_STRING) {
        int bad = (r != NULL) == (want->type == VALUE_STRING);
        if (bad)
            printf("%s: %s but Python %s (%s)\n", pattern, r ? "compiles" : "does not",
                   r ? "refuses" : "takes it", err_msg(&e));
        err_release(&e);
        return bad;
    }
    struct regex_span spans[200];
    struct buf got = BUF_INIT, wanted = BUF_INIT;
    int rc = regex_search(r, subject, c->items[2].u.str.len, 0, spans, NULL);
    show_spans(&got, rc, spans, regex_groups(r));
    show_want(&wanted, dict_get(want->u.dict, "spans"));
    int bad = strcmp(got.p, wanted.p) != 0;
    if (template->type == VALUE_STRING) {
        const struct value *sub = dict_get(want->u.dict, "sub");
        struct buf out = BUF_INIT;
        long n = regex_subn(r, subject, c->items[2].u.str.len, template->u.str.s, &out, NULL);
        buf_addf(&got, " sub %ld %s", n < 0 ? -1 : n, n < 0 ? "" : buf_str(&out));
        if (sub->type == VALUE_STRING) {
            buf_adds(&wanted, " sub -1 ");
        } else {
            size_t len;
            const char *s = latin1(a, &sub->u.list->items[0], flags & REGEX_TEXT, &len);
            buf_addf(&wanted, " sub %d %.*s", (int)sub->u.list->items[1].u.i, (int)len, s);
        }
        bad |= strcmp(got.p, wanted.p) != 0;
        buf_release(&out);
    }
    if (bad)
        printf("/%s/%s on '%s'\n  python %s\n  ours   %s\n", pattern, c->items[1].u.str.s, subject,
               wanted.p, got.p);
    buf_release(&got);
    buf_release(&wanted);
    return bad;
}

static void agrees_with_python(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const char *path = getenv("REGEX_CASES");
    char *text;
    size_t len;
    struct value cases;
    assert_int_equal(file_read(a, path ? path : TEST_ROOT "/unit/data/regex_cases.json", 64u << 20,
                               &text, &len, NULL),
                     0);
    assert_int_equal(json_parse(a, text, len, &cases, NULL), 0);
    assert_true(cases.u.list->len > 500);
    int bad = 0;
    for (size_t i = 0; i < cases.u.list->len; i++) {
        struct arena *own = arena_new();
        bad += check_case(own, cases.u.list->items[i].u.list);
        arena_free(own);
    }
    assert_int_equal(bad, 0);
    arena_free(a);
}

static void gives_up_in_bounded_time(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct regex *r = regex_compile_str(a, "(a|aa)+$", 0, NULL);
    assert_non_null(r);
    static const char text[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    struct err e = ERR_INIT;
    assert_int_equal(regex_search(r, text, sizeof text - 1, 0, NULL, &e), ERR_LIMIT);
    err_release(&e);
    assert_null(regex_compile_str(a, "((((a{300}){300}){300}){300})", 0, &e));
    err_release(&e);
    arena_free(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8"); // the helper's own C library knows letters in any locale
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_python),
        cmocka_unit_test(gives_up_in_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
