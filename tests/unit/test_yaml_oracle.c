// Our YAML reader against what Ansible's loader made of the same documents
// (tests/oracle/yaml_oracle.py).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(struct buf *b, const struct value *v, bool pos);

static void show_pos(struct buf *b, const struct value *v, bool pos)
{
    struct pos p = value_pos(v);
    if (pos && p.line)
        buf_addf(b, "@%u:%u", p.line, p.col);
}

static void show_string(struct buf *b, const struct value *v, bool pos)
{
    if (v->flags & VALUE_BYTES) {
        struct buf latin = BUF_INIT;
        for (size_t i = 0; i < v->u.str.len; i++) {
            unsigned char c = (unsigned char)v->u.str.s[i];
            if (c >= 0x80)
                buf_addc(&latin, (char)(0xC0 | (c >> 6)));
            buf_addc(&latin, (char)(c >= 0x80 ? 0x80 | (c & 0x3F) : c));
        }
        buf_addc(b, 'b');
        json_write_string(b, buf_str(&latin), latin.len, true);
        buf_release(&latin);
        return;
    }
    if (v->flags & VALUE_UNSAFE)
        buf_addc(b, 'u');
    if (v->flags & VALUE_VAULT)
        buf_addc(b, 'v');
    json_write_string(b, v->u.str.s, v->u.str.len, true);
    if (!(v->flags & VALUE_UNSAFE)) // Ansible's unsafe strings lose their position
        show_pos(b, v, pos);
}

static void show_list(struct buf *b, const struct value *v, bool pos)
{
    bool tuple = v->flags & VALUE_TUPLE;
    buf_addc(b, tuple ? '(' : '[');
    for (size_t i = 0; i < v->u.list->len; i++) {
        if (i)
            buf_adds(b, ", ");
        show(b, &v->u.list->items[i], pos);
    }
    buf_addc(b, tuple ? ')' : ']');
    if (!tuple)
        show_pos(b, v, pos);
}

static void show_dict(struct buf *b, const struct value *v, bool pos)
{
    struct dict_entry *e;
    const char *sep = "";
    buf_addc(b, '{');
    DICT_EACH(v->u.dict, e)
    {
        buf_adds(b, sep);
        show(b, &e->key, pos);
        buf_adds(b, ": ");
        show(b, &e->val, pos);
        sep = ", ";
    }
    buf_addc(b, '}');
    show_pos(b, v, pos);
}

// The notation of yaml_oracle.py's show().
static void show(struct buf *b, const struct value *v, bool pos)
{
    switch ((int)v->type) {
    case VALUE_NULL:
        buf_adds(b, "null");
        break;
    case VALUE_BOOL:
        buf_adds(b, v->u.b ? "true" : "false");
        break;
    case VALUE_INT:
        buf_addf(b, "%lld", (long long)v->u.i);
        break;
    case VALUE_FLOAT:
        buf_addc(b, 'f');
        value_print_float(b, v->u.f);
        break;
    case VALUE_STRING:
        show_string(b, v, pos);
        break;
    case VALUE_LIST:
        show_list(b, v, pos);
        break;
    case VALUE_DICT:
        show_dict(b, v, pos);
        break;
    default:
        buf_adds(b, "?");
    }
}

static void count_warning(void *data, struct pos pos, const char *msg)
{
    assert_true(pos.line > 0);
    assert_non_null(strstr(msg, "already in this mapping"));
    ++*(int *)data;
}

static void read_document(struct buf *b, const char *text, size_t len, bool pos)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    int warnings = 0;
    struct yaml_opts opts = {.json_first = true, .warn = count_warning, .warn_data = &warnings};
    if (yaml_parse(a, text, len, "doc", &opts, &v, &e) < 0) {
        buf_adds(b, "error");
        assert_int_not_equal(err_msg(&e)[0], '\0');
        assert_null(strchr(err_msg(&e), '\n'));
        assert_true(e.pos.line > 0);
    } else {
        show(b, &v, pos);
        if (warnings)
            buf_addf(b, " duplicates=%d", warnings);
    }
    err_release(&e);
    arena_free(a);
}

// What Ansible does and we do otherwise, on purpose.
static const struct {
    const char *name, *ours;
} differences[] = {
    // The JSON reader has no whole numbers beyond 64 bits.
    {"json big", "[f1.2345678901234567e+19, -5, finf]"},
};

static int failures;

// Compares one document with its line "name\tresult"; *expected moves to the next one.
static void compare(const char *name, const char *text, size_t len, char **expected)
{
    char *line = *expected, *nl = strchr(line, '\n');
    assert_non_null(nl);
    *nl = '\0';
    *expected = nl + 1;
    bool nopos = !strncmp(line, "nopos ", 6) && strncmp(name, "nopos ", 6) != 0;
    line += nopos ? 6 : 0;
    if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != '\t')
        fail_msg("document \"%s\" has no expectation: run tests/oracle/yaml_oracle.py", name);
    const char *want = line + strlen(name) + 1;
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        if (!strcmp(differences[i].name, name))
            want = differences[i].ours;
    struct buf b = BUF_INIT;
    read_document(&b, text, len, !nopos && strncmp(name, "nopos ", 6) != 0);
    if (strcmp(buf_str(&b), want) != 0) {
        failures++;
        print_error("%s:\n  want %.300s\n  got  %.300s\n", name, want, buf_str(&b));
    }
    buf_release(&b);
}

static char *read_data(struct arena *a, const char *name, size_t *len)
{
    char *s;
    struct err e = ERR_INIT;
    if (file_read(a, arena_printf(a, "%s/oracle/yaml/%s", TEST_ROOT, name), 16 << 20, &s, len, &e) <
        0)
        fail_msg("%s", err_msg(&e));
    return s;
}

static void test_same_as_ansible(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    size_t len, ignored;
    char *expected = read_data(a, "expected.txt", &ignored);
    char *p = read_data(a, "corpus.txt", &len), *end = p + len;
    int count = 0;
    while (p < end) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        char *name = arena_strndup(a, p + 4, (size_t)(nl - p - 4));
        char *next = memmem(nl, (size_t)(end - nl), "\n=== ", 5);
        next = next ? next + 1 : end;
        compare(name, nl + 1, (size_t)(next - nl - 1), &expected);
        p = next;
        count++;
    }
    char *words = read_data(a, "scalars.txt", &len);
    for (char *w = words, *nl; (nl = strchr(w, '\n')); w = nl + 1) {
        *nl = '\0';
        char *text = arena_printf(a, "k: %s\n", w);
        compare(arena_printf(a, "nopos scalar %s", w), text, strlen(text), &expected);
        count++;
    }
    arena_free(a);
    assert_true(count >= 600);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_ansible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
