// blockinfile: a block of lines between two marker lines is in a file, or is not.
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/regex.h"

#include "core/file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct block_task {
    struct module *m;
    const char *path, *after, *before;
    struct piece begin, end; // marker lines
    struct pieces lines;
    char *text;
    size_t text_len;
    bool existed;
};

static struct piece marker_line(struct module *m, const char *mark)
{
    struct buf b = BUF_INIT;
    for (const char *s = module_str(m, "marker"); *s;) {
        if (strncmp(s, "{mark}", 6) == 0) {
            buf_adds(&b, mark);
            s += 6;
        } else {
            buf_addc(&b, *s++);
        }
    }
    buf_addc(&b, '\n');
    struct piece ret = {arena_strndup(m->arena, b.p, b.len), b.len};
    buf_release(&b);
    return ret;
}

static bool same(const struct piece *x, const struct piece *y)
{
    return x->len == y->len && memcmp(x->s, y->s, x->len) == 0;
}

// Line number behind (or at) which insertafter or insertbefore matches: -1 nowhere, < -1 after a
// failure.
static long match_line(struct block_task *t, struct regex *re)
{
    struct err e = ERR_INIT;
    long found = -1;
    if (regex_flags(re) & REGEX_MULTILINE) {
        struct regex_span *spans = arena_array(t->m->arena, struct regex_span, regex_groups(re));
        int rc = regex_search(re, t->text, t->text_len, 0, spans, &e);
        if (rc < 0)
            return module_fail_err(t->m, &e) - 1;
        if (rc == 0)
            return -1;
        size_t until = t->after ? spans[0].end : spans[0].start;
        found = 0;
        for (size_t i = 0; i < until; i++)
            found += t->text[i] == '\n';
        return found;
    }
    for (size_t i = 0; i < t->lines.n; i++) {
        int rc = regex_search(re, t->lines.items[i].s, t->lines.items[i].len, 0, NULL, &e);
        if (rc < 0)
            return module_fail_err(t->m, &e) - 1;
        if (rc)
            found = (long)i;
    }
    return found;
}

// Where the block goes when it is not there yet; <0 after a failure.
static long place(struct block_task *t)
{
    const char *pattern = t->after && strcmp(t->after, "EOF") != 0     ? t->after
                          : t->before && strcmp(t->before, "BOF") != 0 ? t->before
                                                                       : NULL;
    if (!pattern)
        return t->before ? 0 : (long)t->lines.n;
    struct err e = ERR_INIT;
    struct regex *re = regex_compile_str(t->m->arena, pattern, 0, &e);
    if (!re) {
        module_fail(t->m, "invalid regular expression '%s': %s", pattern, err_msg(&e));
        err_release(&e);
        return -1;
    }
    long at = match_line(t, re);
    if (at < -1)
        return -1;
    return at < 0 ? (long)t->lines.n : at + (t->after ? 1 : 0);
}

// Takes the old block out; where the new one goes, <0 after a failure.
static long remove_old(struct block_task *t)
{
    long n0 = -1, n1 = -1;
    for (size_t i = 0; i < t->lines.n; i++) {
        if (same(&t->lines.items[i], &t->begin))
            n0 = (long)i;
        if (same(&t->lines.items[i], &t->end))
            n1 = (long)i;
    }
    if (n0 < 0 || n1 < 0)
        return place(t);
    long low = n0 < n1 ? n0 : n1, high = n0 < n1 ? n1 : n0;
    pieces_remove(&t->lines, (size_t)low, (size_t)(high - low + 1));
    return low;
}

static bool put_block(struct block_task *t, size_t at)
{
    const char *block = module_str(t->m, "block");
    if (at > 0) {
        struct piece *prev = &t->lines.items[at - 1];
        if (prev->s[prev->len - 1] != '\n') {
            prev->s = arena_printf(t->m->arena, "%.*s\n", (int)prev->len, prev->s);
            prev->len++;
        }
    }
    if (strcmp(module_str(t->m, "state"), "present") != 0 || !block || !*block)
        return false;
    size_t len = strlen(block);
    if (block[len - 1] != '\n')
        block = arena_printf(t->m->arena, "%s\n", block), len++;
    pieces_insert(&t->lines, at, t->begin.s, t->begin.len);
    pieces_insert(&t->lines, at + 1, block, len);
    pieces_insert(&t->lines, at + 2, t->end.s, t->end.len);
    return true;
}

static int finish(struct block_task *t, const char *said, const struct buf *after)
{
    struct module *m = t->m;
    bool changed = *said != '\0';
    struct err e = ERR_INIT;
    if (changed && !m->check) {
        const char *backup = NULL;
        if (module_bool(m, "backup") && t->existed && !(backup = host_backup(m, t->path, &e)))
            return module_fail_err(m, &e);
        if (edit_write(m, t->path, buf_str(after), after->len) < 0)
            return ERR_FAILED;
        if (backup)
            module_set_str(m, "backup_file", backup);
    }
    struct value diff = edit_diff(m, t->path, t->text, t->text_len, buf_str(after), after->len),
                 attr_diff;
    struct buf msg = BUF_INIT;
    buf_adds(&msg, said);
    int rc = 0;
    if (m->check && !t->existed) {
        module_set(m, "diff", diff);
    } else if ((rc = edit_attrs(m, t->path, &msg, &changed, &attr_diff)) == 0) {
        struct value list = value_list(m->arena);
        list_add(list.u.list, diff);
        list_add(list.u.list, attr_diff);
        module_set(m, "diff", list);
    }
    if (rc == 0) {
        module_changed(m, changed);
        module_set_str(m, "msg", buf_str(&msg));
    }
    buf_release(&msg);
    return rc;
}

static int read_old(struct block_task *t)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    t->text = arena_strdup(m->arena, "");
    if (t->existed) {
        if (host_read(m, t->path, &t->text, &t->text_len, &e) < 0)
            return module_fail_err(m, &e);
        pieces_split(&t->lines, t->text, t->text_len, true);
        return 0;
    }
    if (!module_bool(m, "create")) {
        module_set(m, "rc", value_int(257));
        return module_fail(m, "Path %s does not exist !", t->path);
    }
    const char *dir = path_dir(m->arena, t->path);
    if (!m->check && access(dir, F_OK) < 0 && journal_path(m, t->path, NULL) < 0)
        return ERR_FAILED;
    if (!m->check && access(dir, F_OK) < 0 && host_mkdirs(dir, 0777, &e) < 0) {
        int rc = module_fail(m, "Error creating %s: %s", dir, err_msg(&e));
        err_release(&e);
        return rc;
    }
    return 0;
}

int mod_blockinfile(struct module *m)
{
    struct block_task t = {
        .m = m,
        .path = module_str(m, "path"),
        .after = module_str(m, "insertafter"),
        .before = module_str(m, "insertbefore"),
        .begin = marker_line(m, module_str(m, "marker_begin")),
        .end = marker_line(m, module_str(m, "marker_end")),
        .lines = {.arena = m->arena},
    };
    struct stat st;
    t.existed = stat(t.path, &st) == 0;
    if (t.existed && S_ISDIR(st.st_mode)) {
        module_set(m, "rc", value_int(256));
        return module_fail(m, "Path %s is a directory !", t.path);
    }
    if (read_old(&t) < 0)
        return ERR_FAILED;
    if (!t.existed && strcmp(module_str(m, "state"), "present") != 0) {
        module_set(m, "msg", value_strf(m->arena, "File %s not present", t.path));
        return 0;
    }
    if (!t.before && !t.after)
        t.after = "EOF";
    long at = remove_old(&t);
    if (at < 0)
        return ERR_FAILED;
    bool put = put_block(&t, (size_t)at);
    struct buf after = BUF_INIT;
    pieces_join(&t.lines, &after);
    bool equal =
        t.existed && after.len == t.text_len && memcmp(buf_str(&after), t.text, after.len) == 0;
    int rc = finish(&t,
                    equal        ? ""
                    : !t.existed ? "File created"
                    : put        ? "Block inserted"
                                 : "Block removed",
                    &after);
    buf_release(&after);
    return rc;
}
