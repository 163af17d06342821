// The recorded answers of Ansible (data/template/*.tsv; tests/oracle/template.py --update writes
// them). argv[1] is the case file.
#include "core/file.h"
#include "core/json.h"
#include "template_case.h"

#include <stdio.h>
#include <string.h>

#define MAX_FILE (8u << 20)

static void unescape(const char *s, size_t len, struct buf *b)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '\\' && i + 1 < len) {
            c = s[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        buf_addc(b, c);
    }
}

// Addresses differ from run to run, and so does how deep a recursion gets.
static void normalise(struct buf *b)
{
    struct buf r = BUF_INIT;
    if (strstr(buf_str(b), "recursive loop detected")) {
        buf_clear(b);
        buf_adds(b, "!error recursive loop detected");
        return;
    }
    for (const char *p = buf_str(b); *p; p++) {
        buf_addc(&r, *p);
        if (p[0] == '0' && p[1] == 'x') {
            buf_addc(&r, 'x');
            p += 1 + strspn(p + 2, "0123456789abcdef");
        }
    }
    buf_release(b);
    *b = r;
}

struct suite {
    struct template_cache *cache;
    struct value vars;
    const char *dir;
    int total, bad;
};

static void split(char *line, const char *field[4], size_t len[4])
{
    for (int i = 0; i < 4; i++) {
        char *tab = i < 3 ? strchr(line, '\t') : NULL;
        field[i] = line;
        len[i] = tab ? (size_t)(tab - line) : strcspn(line, "\t");
        line = tab ? tab + 1 : line + strlen(line);
    }
}

static int run_line(struct suite *s, struct arena *a, const char *field[4], const size_t len[4],
                    struct buf *got)
{
    struct value in = value_dict(a), vars = value_copy(a, &s->vars), own, dirs = value_list(a), ret;
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT;
    unescape(field[1], len[1], &text);
    struct value tpl = value_strn(a, buf_str(&text), text.len);
    buf_release(&text);
    if (len[3] && json_parse(a, field[3], len[3], &own, &e) == 0)
        dict_update(vars.u.dict, own.u.dict);
    if (tpl.u.str.s[0] == '[' && len[0] == 9 &&
        json_parse(a, tpl.u.str.s, tpl.u.str.len, &tpl, &e) < 0)
        err_release(&e);
    list_add(dirs.u.list, value_str(a, s->dir));
    dict_set(in.u.dict, "template", tpl);
    dict_set(in.u.dict, "vars", vars);
    dict_set(in.u.dict, "dirs", dirs);
    dict_set(in.u.dict, "mode", value_strn(a, field[0], len[0]));
    int rc = template_case_run(s->cache, a, in.u.dict, &ret, &e);
    if (rc == 0)
        value_repr(got, &ret);
    else
        buf_addf(got, "!%s %s", rc == ERR_UNDEFINED ? "undefined" : "error", err_msg(&e));
    err_release(&e);
    return rc;
}

static void check_line(struct suite *s, char *line, int number)
{
    const char *field[4];
    size_t len[4];
    struct buf want = BUF_INIT, got = BUF_INIT;
    struct arena *a = arena_new();
    split(line, field, len);
    unescape(field[2], len[2], &want);
    run_line(s, a, field, len, &got);
    normalise(&got);
    normalise(&want);
    s->total++;
    if (strcmp(buf_str(&got), buf_str(&want)) != 0) {
        s->bad++;
        printf("not ok line %d: %.*s\n#  want %s\n#  got  %s\n", number, (int)len[1], field[1],
               buf_str(&want), buf_str(&got));
    }
    buf_release(&got);
    buf_release(&want);
    arena_free(a);
}

int main(int argc, char **argv)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct suite s = {.cache = template_cache_new(), .dir = TEST_ROOT "/unit/data/template/files"};
    char *cases, *vars;
    size_t n, n_vars;
    if (argc < 2 || file_read(a, argv[1], MAX_FILE, &cases, &n, &e) < 0 ||
        file_read(a, TEST_ROOT "/unit/data/template/vars.json", MAX_FILE, &vars, &n_vars, &e) < 0 ||
        json_parse(a, vars, n_vars, &s.vars, &e) < 0) {
        printf("cannot read the cases: %s\n", err_msg(&e));
        return 2;
    }
    int number = 0;
    for (char *line = cases, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (strncmp(line, "##", 2) != 0 && *line)
            check_line(&s, line, number);
    }
    printf("%d cases, %d wrong\n", s.total, s.bad);
    template_cache_free(s.cache);
    arena_free(a);
    return s.bad || !s.total;
}
