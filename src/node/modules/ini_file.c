// ini_file: options and sections of INI files, edited line by line so that comments and order stay.
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// One task. The section is the lines [start, end) of the file, its heading included; the lines
// before the first heading are the section without a name.
struct ini {
    struct module *m;
    const char *path, *section, *option;
    struct list *values; // still to be put somewhere
    bool exclusive, no_value, tight;
    struct pieces lines;
    size_t start, end;
    bool found; // the section is there
    bool has_bare;
    const char *text;
    size_t text_len;
    const char *msg;
    bool changed;
};

// What a line "  #name = value" holds.
struct entry {
    bool commented;
    const char *value;
    size_t value_len;
};

static size_t blanks(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && (s[n] == ' ' || s[n] == '\t'))
        n++;
    return n;
}

// Whether the line sets option, in a comment or not; what it sets.
static bool parse_entry(const struct ini *t, size_t at, struct entry *ret)
{
    const struct piece *p = &t->lines.items[at];
    const char *s = p->s;
    size_t len = p->len, n = strlen(t->option), i = 0;
    if (len && s[len - 1] == '\n')
        len--;
    bool comment = len && (s[0] == '#' || s[0] == ';');
    i = comment ? 1 : 0;
    i += blanks(s + i, len - i);
    if (len - i < n || memcmp(s + i, t->option, n) != 0)
        return false;
    i += n;
    i += blanks(s + i, len - i);
    if (i < len && s[i] != '=')
        return false;
    i += i < len;
    i += blanks(s + i, len - i);
    *ret = (struct entry){comment, s + i, len - i};
    return true;
}

static bool parse_active(const struct ini *t, size_t at, struct entry *ret)
{
    return parse_entry(t, at, ret) && !ret->commented;
}

static bool starts_with(const struct piece *p, const char *prefix)
{
    size_t n = strlen(prefix);
    return p->len >= n && memcmp(p->s, prefix, n) == 0;
}

static void find_section(struct ini *t)
{
    bool named = t->section && *t->section;
    const char *heading = named ? arena_printf(t->m->arena, "[%s]", t->section) : "";
    t->found = !named;
    t->start = 0;
    for (size_t i = 0; i < t->lines.n; i++) {
        const struct piece *p = &t->lines.items[i];
        if (named && starts_with(p, heading)) {
            t->found = true;
            t->start = i;
        } else if (t->found && starts_with(p, "[")) {
            t->end = i;
            return;
        }
    }
    t->end = t->found ? t->lines.n : 0;
}

static const char *line_of(const struct ini *t, const struct value *v)
{
    const char *value = v ? v->u.str.s : NULL;
    if (!value)
        return arena_printf(t->m->arena, "%s\n", t->option);
    return arena_printf(t->m->arena, t->tight ? "%s=%s\n" : "%s = %s\n", t->option, value);
}

static void did(struct ini *t, const char *msg)
{
    t->changed = true;
    t->msg = msg;
}

static void replace_line(struct ini *t, size_t at, const char *line)
{
    struct piece *p = &t->lines.items[at];
    size_t n = strlen(line);
    if (p->len == n && memcmp(p->s, line, n) == 0)
        return;
    *p = (struct piece){line, n};
    did(t, "option changed");
}

static void delete_line(struct ini *t, size_t at)
{
    pieces_remove(&t->lines, at, 1);
    t->end--;
    did(t, "option changed");
}

// The index among the values of what the entry sets, or -1.
static long wanted(const struct ini *t, const struct entry *e)
{
    for (size_t i = 0; i < t->values->len; i++) {
        const struct value *v = &t->values->items[i];
        if (v->u.str.len == e->value_len && memcmp(v->u.str.s, e->value, e->value_len) == 0)
            return (long)i;
    }
    return -1;
}

// Lines that hold one of the values already are kept; done marks them.
static void keep_matching(struct ini *t, bool *done)
{
    struct entry e;
    for (size_t i = t->start; i < t->end; i++) {
        if (!parse_entry(t, i, &e))
            continue;
        if (t->values->len) {
            long at = wanted(t, &e);
            if (at < 0)
                continue;
            t->has_bare = t->has_bare || (t->no_value && !e.value_len);
            replace_line(t, i,
                         line_of(t, t->no_value && !e.value_len ? NULL : &t->values->items[at]));
            done[i] = true;
            list_remove(t->values, (size_t)at);
        } else if (t->no_value) {
            replace_line(t, i, line_of(t, NULL));
            done[i] = true;
            t->has_bare = true;
            break;
        }
    }
}

// Other settings of the option, comments too, take the values that are left; what is then too many
// goes.
static void take_over(struct ini *t, const bool *done)
{
    struct entry e;
    bool *used = arena_array(t->m->arena, bool, t->lines.n + 1);
    for (size_t i = t->start; i < t->end && t->values->len; i++) {
        used[i] = !done[i] && parse_entry(t, i, &e);
        if (!used[i])
            continue;
        replace_line(t, i, line_of(t, &t->values->items[0]));
        list_remove(t->values, 0);
    }
    size_t first = t->section && *t->section ? t->start + 1 : t->start;
    for (size_t i = t->end; i-- > first;)
        if (!done[i] && !used[i] && parse_active(t, i, &e))
            delete_line(t, i);
}

static bool is_filler(const struct piece *p)
{
    size_t i = blanks(p->s, p->len);
    return i >= p->len || p->s[i] == '\n' || p->s[i] == '#' || p->s[i] == ';';
}

// Puts what is missing behind the section's last line that is neither empty nor a comment.
static void add_missing(struct ini *t)
{
    bool bare = t->no_value && !t->values->len && !t->has_bare;
    if (!t->values->len && !bare)
        return;
    bool named = t->section && *t->section;
    size_t at = t->end;
    while (at > t->start && is_filler(&t->lines.items[at - 1]))
        at--;
    if (at == t->start && named)
        return;
    for (size_t i = 0; i < (bare ? 1 : t->values->len); i++) {
        const char *line = line_of(t, bare ? NULL : &t->values->items[i]);
        pieces_insert(&t->lines, at + i, line, strlen(line));
    }
    did(t, "option added");
}

static void add_section(struct ini *t)
{
    const char *heading = arena_printf(t->m->arena, "[%s]\n", t->section);
    pieces_insert(&t->lines, t->lines.n, heading, strlen(heading));
    bool bare = t->option && t->no_value && !t->values->len;
    size_t n = bare ? 1 : t->option ? t->values->len : 0;
    for (size_t i = 0; i < n; i++) {
        const char *line = line_of(t, bare ? NULL : &t->values->items[i]);
        pieces_insert(&t->lines, t->lines.n, line, strlen(line));
    }
    did(t, n ? "section and option added" : "only section added");
}

static void present(struct ini *t)
{
    if (!t->found) {
        add_section(t);
        return;
    }
    if (!t->option)
        return;
    bool *done = arena_array(t->m->arena, bool, t->lines.n + 1);
    keep_matching(t, done);
    if (t->exclusive && !t->no_value)
        take_over(t, done);
    add_missing(t);
}

static void absent(struct ini *t)
{
    struct entry e;
    if (!t->option) {
        if (t->end > t->start) {
            pieces_remove(&t->lines, t->start, t->end - t->start);
            did(t, "section removed");
        }
        return;
    }
    for (size_t i = t->end; i-- > t->start;)
        if (parse_active(t, i, &e) && (t->exclusive || wanted(t, &e) >= 0))
            delete_line(t, i);
}

static int read_lines(struct ini *t)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    char *text = arena_strdup(m->arena, "");
    if (!text_exists(t->path)) {
        if (!module_bool(m, "create")) {
            module_set(m, "rc", value_int(257));
            return module_fail(m, "Destination %s does not exist!", t->path);
        }
        const char *dir = path_dir(m->arena, t->path);
        if (!m->check && !text_exists(dir) && journal_path(m, t->path, NULL) < 0)
            return ERR_FAILED;
        if (!m->check && !text_exists(dir) && host_mkdirs(dir, 0777, &e) != 0)
            return module_fail_err(m, &e);
    } else if (host_read(m, t->path, &text, &t->text_len, &e) != 0) {
        return module_fail_err(m, &e);
    }
    if (t->text_len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        t->text_len -= 3;
    }
    t->text = text;
    pieces_split(&t->lines, text, t->text_len, false);
    if (!t->lines.n)
        pieces_insert(&t->lines, 0, "\n", 1);
    struct piece *last = &t->lines.items[t->lines.n - 1];
    if (last->s[last->len - 1] != '\n') {
        *last = (struct piece){arena_printf(m->arena, "%.*s\n", (int)last->len, last->s),
                               last->len + 1};
        t->changed = true;
    }
    return 0;
}

static int write_lines(struct ini *t)
{
    struct module *m = t->m;
    struct buf after = BUF_INIT;
    struct err e = ERR_INIT;
    const char *backup = NULL;
    int rc = 0;
    pieces_join(&t->lines, &after);
    if (t->changed && !m->check) {
        if (module_bool(m, "backup") && text_exists(t->path) &&
            !(backup = host_backup(m, t->path, &e)))
            rc = module_fail_err(m, &e);
        if (rc == 0 && host_replace(m, t->path, buf_str(&after), after.len, &e) != 0)
            rc = module_fail_err(m, &e);
    }
    struct value diff = edit_diff(m, t->path, t->text, t->text_len, buf_str(&after), after.len);
    buf_release(&after);
    if (rc != 0)
        return rc;
    if (!m->check && text_exists(t->path)) {
        struct file_attrs attrs = file_attrs_of(m);
        rc = file_set_attrs(m, t->path, &attrs, false, &t->changed, NULL, NULL);
    }
    if (rc != 0)
        return rc;
    module_changed(m, t->changed);
    module_set(m, "diff", diff);
    module_set_str(m, "msg", t->msg);
    module_set_str(m, "path", t->path);
    if (backup)
        module_set_str(m, "backup_file", backup);
    return 0;
}

// value or values, each once.
static struct list *wanted_values(struct module *m)
{
    struct list *l = value_list(m->arena).u.list;
    const struct list *given = module_list(m, "values");
    if (module_has(m, "value"))
        list_add(l, value_cstr(module_str(m, "value")));
    for (size_t i = 0; given && i < given->len; i++)
        if (given->items[i].type == VALUE_STRING && !text_list_has(l, given->items[i].u.str.s))
            list_add(l, given->items[i]);
    return l;
}

int mod_ini_file(struct module *m)
{
    struct ini t = {
        .m = m,
        .path = module_str(m, "path"),
        .section = module_str(m, "section"),
        .option = module_str(m, "option"),
        .values = wanted_values(m),
        .exclusive = module_bool(m, "exclusive"),
        .no_value = module_bool(m, "allow_no_value"),
        .tight = module_bool(m, "no_extra_spaces"),
        .lines = {.arena = m->arena},
        .msg = "OK",
    };
    bool is_present = strcmp(module_str(m, "state"), "present") == 0;
    const struct list *given = module_list(m, "values");
    if (is_present && !t.no_value && !module_has(m, "value") && !(given && given->len))
        return module_fail(m, "Parameter 'value(s)' must be defined if state=present and "
                              "allow_no_value=False.");
    if (read_lines(&t) != 0)
        return ERR_FAILED;
    find_section(&t);
    if (is_present)
        present(&t);
    else
        absent(&t);
    return write_lines(&t);
}
