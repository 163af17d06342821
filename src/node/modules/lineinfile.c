// lineinfile: one line is in a file, or is not.
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/regex.h"

#include "core/file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct line_task {
    struct module *m;
    const char *path, *regexp, *search, *line, *after, *before;
    size_t line_len;
    struct regex *re, *re_insert;
    bool backrefs, first;
    struct pieces lines;
    const char *text; // as it was
    size_t text_len;
    bool existed;
    // Where something was found: line number or -1.
    long matched, insert_at;
    bool match; // regexp or search_string found it
    struct regex_span *spans;
    const char *subject; // of spans
};

static bool contains(const struct piece *p, const char *needle)
{
    return memmem(p->s, p->len, needle, strlen(needle)) != NULL;
}

static bool same_line(const struct line_task *t, const struct piece *p)
{
    return piece_bare(p) == t->line_len && memcmp(p->s, t->line, t->line_len) == 0;
}

static int compile(struct line_task *t, const char *pattern, struct regex **ret)
{
    struct err e = ERR_INIT;
    *ret = regex_compile_str(t->m->arena, pattern, 0, &e);
    if (*ret)
        return 0;
    int rc = module_fail(t->m, "invalid regular expression '%s': %s", pattern, err_msg(&e));
    err_release(&e);
    return rc;
}

// Whether the line matches regexp or search_string; <0 after a failure.
static int matches(struct line_task *t, const struct piece *p)
{
    struct err e = ERR_INIT;
    if (t->search)
        return contains(p, t->search);
    int rc = regex_search(t->re, p->s, p->len, 0, t->spans, &e);
    return rc < 0 ? module_fail_err(t->m, &e) : rc;
}

static int find_match(struct line_task *t)
{
    struct regex_span *found = NULL;
    for (size_t i = 0; i < t->lines.n; i++) {
        int rc = matches(t, &t->lines.items[i]);
        if (rc < 0)
            return rc;
        if (!rc)
            continue;
        t->matched = (long)i;
        t->match = true;
        t->subject = t->lines.items[i].s;
        if (t->re) {
            found = arena_array(t->m->arena, struct regex_span, regex_groups(t->re));
            memcpy(found, t->spans, regex_groups(t->re) * sizeof *found);
        }
        if (t->first)
            break;
    }
    if (found)
        t->spans = found;
    return 0;
}

static int find_place(struct line_task *t)
{
    for (size_t i = 0; i < t->lines.n; i++) {
        const struct piece *p = &t->lines.items[i];
        struct err e = ERR_INIT;
        if (same_line(t, p)) {
            t->matched = (long)i;
            continue;
        }
        int rc = t->re_insert ? regex_search(t->re_insert, p->s, p->len, 0, NULL, &e) : 0;
        if (rc < 0)
            return module_fail_err(t->m, &e);
        if (!rc)
            continue;
        t->insert_at = (long)i + (t->after ? 1 : 0);
        if (t->first)
            break;
    }
    return 0;
}

// The line with a newline at its end, after the expansion of back-references.
static int wanted_line(struct line_task *t, struct piece *ret)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    if (t->backrefs && t->match && t->re) {
        if (regex_expand(t->re, t->subject, t->spans, t->line, &b, &e) < 0) {
            buf_release(&b);
            return module_fail_err(t->m, &e);
        }
    } else {
        buf_add(&b, t->line, t->line_len);
    }
    if (!b.len || b.p[b.len - 1] != '\n')
        buf_addc(&b, '\n');
    *ret = (struct piece){arena_strndup(t->m->arena, b.p, b.len), b.len};
    buf_release(&b);
    return 0;
}

static const char *insert(struct line_task *t, size_t at)
{
    const char *s = arena_printf(t->m->arena, "%s\n", t->line);
    pieces_insert(&t->lines, at, s, t->line_len + 1);
    return "line added";
}

static bool ends_line(const struct pieces *p)
{
    if (!p->n)
        return true;
    const struct piece *last = &p->items[p->n - 1];
    return last->s[last->len - 1] == '\n' || last->s[last->len - 1] == '\r';
}

// Changes the lines; what was done, "" for nothing, NULL after a failure.
static const char *change(struct line_task *t)
{
    struct piece want;
    bool bof =
        (t->before && strcmp(t->before, "BOF") == 0) || (t->after && strcmp(t->after, "BOF") == 0);
    if (t->matched >= 0) {
        struct piece *have = &t->lines.items[t->matched];
        if (wanted_line(t, &want) < 0)
            return NULL;
        if (have->len == want.len && memcmp(have->s, want.s, want.len) == 0)
            return "";
        *have = want;
        return "line replaced";
    }
    if (t->backrefs)
        return "";
    if (bof)
        return insert(t, 0);
    if ((t->after && strcmp(t->after, "EOF") == 0) || t->insert_at < 0) {
        if (!ends_line(&t->lines))
            pieces_insert(&t->lines, t->lines.n, "\n", 1);
        return insert(t, t->lines.n);
    }
    size_t at = (size_t)t->insert_at;
    if (t->after) {
        const struct piece *there = &t->lines.items[at == t->lines.n ? at - 1 : at];
        if (same_line(t, there))
            return "";
        if (at == t->lines.n && !ends_line(&t->lines)) {
            struct piece *last = &t->lines.items[at - 1];
            last->s = arena_printf(t->m->arena, "%.*s\n", (int)last->len, last->s);
            last->len++;
        }
    }
    return insert(t, at);
}

static int read_lines(struct line_task *t)
{
    char *text;
    struct err e = ERR_INIT;
    if (!t->existed)
        return 0;
    if (host_read(t->m, t->path, &text, &t->text_len, &e) < 0)
        return module_fail_err(t->m, &e);
    t->text = text;
    pieces_split(&t->lines, text, t->text_len, false);
    return 0;
}

// Writes what changed, applies attributes and fills the result.
static int finish(struct line_task *t, bool changed, const char *said)
{
    struct module *m = t->m;
    struct buf after = BUF_INIT, msg = BUF_INIT;
    struct err e = ERR_INIT;
    const char *backup = NULL;
    pieces_join(&t->lines, &after);
    buf_adds(&msg, said);
    int rc = 0;
    if (changed && !m->check) {
        if (module_bool(m, "backup") && t->existed && !(backup = host_backup(m, t->path, &e)))
            rc = module_fail_err(m, &e);
        if (rc == 0)
            rc = edit_write(m, t->path, buf_str(&after), after.len);
    }
    struct value diff = edit_diff(m, t->path, t->text, t->text_len, buf_str(&after), after.len),
                 attr_diff;
    if (rc == 0 && !(m->check && !t->existed)) {
        rc = edit_attrs(m, t->path, &msg, &changed, &attr_diff);
        if (rc == 0) {
            struct value list = value_list(m->arena);
            list_add(list.u.list, diff);
            list_add(list.u.list, attr_diff);
            module_set(m, "diff", list);
        }
    } else if (rc == 0) {
        module_set(m, "diff", diff);
    }
    if (rc == 0) {
        module_changed(m, changed);
        module_set_str(m, "msg", buf_str(&msg));
        module_set_str(m, "backup", backup ? backup : "");
    }
    buf_release(&after);
    buf_release(&msg);
    return rc;
}

static int make_parent(struct line_task *t)
{
    const char *dir = path_dir(t->m->arena, t->path);
    struct err e = ERR_INIT;
    if (!t->m->check && access(dir, F_OK) != 0 && journal_path(t->m, t->path, NULL) < 0)
        return ERR_FAILED;
    if (t->m->check || access(dir, F_OK) == 0 || host_mkdirs(dir, 0777, &e) == 0)
        return 0;
    int rc = module_fail(t->m, "Error creating %s (%s)", dir, err_msg(&e));
    err_release(&e);
    return rc;
}

static int present(struct line_task *t)
{
    struct module *m = t->m;
    if (t->backrefs && !t->regexp)
        return module_fail(m, "regexp is required with backrefs=true");
    if (!t->line)
        return module_fail(m, "line is required with state=present");
    if (!t->existed && !module_bool(m, "create")) {
        module_set(m, "rc", value_int(257));
        return module_fail(m, "Destination %s does not exist !", t->path);
    }
    if (!t->existed && make_parent(t) < 0)
        return ERR_FAILED;
    if (!t->before && !t->after)
        t->after = "EOF";
    const char *place = t->after && strcmp(t->after, "BOF") != 0 && strcmp(t->after, "EOF") != 0
                            ? t->after
                        : t->before && strcmp(t->before, "BOF") != 0 ? t->before
                                                                     : NULL;
    if (place && compile(t, place, &t->re_insert) < 0)
        return ERR_FAILED;
    if (read_lines(t) < 0 || ((t->re || t->search) && find_match(t) < 0) ||
        (!t->match && find_place(t) < 0))
        return ERR_FAILED;
    const char *said = change(t);
    return said ? finish(t, *said != '\0', said) : ERR_FAILED;
}

static int absent(struct line_task *t)
{
    struct module *m = t->m;
    if (!t->regexp && !t->search && !t->line)
        return module_fail(m,
                           "one of line, search_string, or regexp is required with state=absent");
    if (!t->existed) {
        module_set_str(m, "msg", "file not present");
        return 0;
    }
    if (read_lines(t) < 0)
        return ERR_FAILED;
    struct pieces kept = {.arena = m->arena};
    size_t found = 0;
    for (size_t i = 0; i < t->lines.n; i++) {
        const struct piece *p = &t->lines.items[i];
        int hit = t->re || t->search ? matches(t, p) : same_line(t, p);
        if (hit < 0)
            return hit;
        if (hit)
            found++;
        else
            pieces_insert(&kept, kept.n, p->s, p->len);
    }
    t->lines = kept;
    module_set(m, "found", value_int((int64_t)found));
    return finish(t, found > 0, found ? arena_printf(m->arena, "%zu line(s) removed", found) : "");
}

int mod_lineinfile(struct module *m)
{
    struct line_task t = {
        .m = m,
        .path = module_str(m, "path"),
        .regexp = module_str(m, "regexp"),
        .search = module_str(m, "search_string"),
        .line = module_str(m, "line"),
        .after = module_str(m, "insertafter"),
        .before = module_str(m, "insertbefore"),
        .backrefs = module_bool(m, "backrefs"),
        .first = module_bool(m, "firstmatch"),
        .lines = {.arena = m->arena},
        .text = "",
        .matched = -1,
        .insert_at = -1,
    };
    t.line_len = t.line ? strlen(t.line) : 0;
    const char *empty = t.regexp && !*t.regexp   ? "regular expression"
                        : t.search && !*t.search ? "search string"
                                                 : NULL;
    if (empty)
        module_warn(
            m,
            "The %s is an empty string, which will match every line in the file. This may have "
            "unintended consequences, such as replacing the last line in the file rather than "
            "appending.%s",
            empty,
            *empty == 'r'
                ? " If this is desired, use '^' to match every line in the file and avoid "
                  "this warning."
                : "");
    struct stat st;
    t.existed = stat(t.path, &st) == 0;
    if (t.existed && S_ISDIR(st.st_mode)) {
        module_set(m, "rc", value_int(256));
        return module_fail(m, "Path %s is a directory !", t.path);
    }
    if (t.regexp) {
        if (compile(&t, t.regexp, &t.re) < 0)
            return ERR_FAILED;
        t.spans = arena_array(m->arena, struct regex_span, regex_groups(t.re));
    }
    return strcmp(module_str(m, "state"), "present") == 0 ? present(&t) : absent(&t);
}
