// What the modules that change text files share.
#include "node/edit.h"

#include "node/text.h"

#include <string.h>
#include <unistd.h>

void pieces_insert(struct pieces *p, size_t at, const char *s, size_t len)
{
    p->items = arena_room(p->arena, p->items, p->n, &p->cap, 64, sizeof *p->items);
    memmove(p->items + at + 1, p->items + at, (p->n - at) * sizeof *p->items);
    p->items[at] = (struct piece){s, len};
    p->n++;
}

void pieces_remove(struct pieces *p, size_t at, size_t n)
{
    memmove(p->items + at, p->items + at + n, (p->n - at - n) * sizeof *p->items);
    p->n -= n;
}

void pieces_split(struct pieces *p, const char *text, size_t len, bool any)
{
    const char *s = text, *end = text + len;
    while (s < end) {
        const char *at = s;
        while (at < end && *at != '\n' && !(any && *at == '\r'))
            at++;
        if (at < end && any && *at == '\r' && at + 1 < end && at[1] == '\n')
            at++;
        if (at < end)
            at++;
        pieces_insert(p, p->n, s, (size_t)(at - s));
        s = at;
    }
}

void pieces_join(const struct pieces *p, struct buf *out)
{
    for (size_t i = 0; i < p->n; i++)
        buf_add(out, p->items[i].s, p->items[i].len);
}

size_t piece_bare(const struct piece *p)
{
    size_t n = p->len;
    while (n && (p->s[n - 1] == '\n' || p->s[n - 1] == '\r'))
        n--;
    return n;
}

int edit_validate(struct module *m, const char *tmp, bool detailed)
{
    const char *command = module_str(m, "validate");
    if (!command || !*command)
        return 0;
    const char *at = strstr(command, "%s");
    if (!at)
        return module_fail(m, "validate must contain %%s: %s", command);
    const char *line =
        arena_printf(m->arena, "%.*s%s%s", (int)(at - command), command, tmp, at + 2);
    struct list *words;
    struct err e = ERR_INIT;
    if (shlex_split(m->arena, line, true, &words, &e) < 0)
        return module_fail_err(m, &e);
    const char **argv = arena_array(m->arena, const char *, words->len + 1);
    for (size_t i = 0; i < words->len; i++)
        argv[i] = words->items[i].u.str.s;
    struct proc p;
    if (!words->len || proc_run(m, argv, NULL, &p, &e) < 0)
        return module_fail_err(m, &e);
    int rc = p.rc;
    const char *out = arena_strndup(m->arena, buf_str(&p.out), p.out.len);
    const char *error = arena_strndup(m->arena, buf_str(&p.err), p.err.len);
    proc_release(&p);
    if (rc == 0)
        return 0;
    if (!detailed)
        return module_fail(m, "failed to validate: rc:%d error:%s", rc, error);
    module_set(m, "exit_status", value_int(rc));
    module_set_str(m, "stdout", out);
    module_set_str(m, "stderr", error);
    return module_fail(m, "failed to validate");
}

int edit_write(struct module *m, const char *path, const char *data, size_t len)
{
    struct err e = ERR_INIT;
    if (module_has(m, "validate")) {
        const char *tmp;
        int fd = host_tmpfile(m, NULL, &tmp, &e);
        if (fd < 0)
            return module_fail_err(m, &e);
        bool bad = false;
        for (size_t off = 0; off < len && !bad;) {
            ssize_t n = write(fd, data + off, len - off);
            bad = n < 0;
            off += bad ? 0 : (size_t)n;
        }
        close(fd);
        if (bad)
            return module_fail(m, "cannot write '%s'", tmp);
        if (edit_validate(m, tmp, false) < 0)
            return ERR_FAILED;
    }
    if (host_write(m, path, data, len, &e) < 0)
        return module_fail_err(m, &e);
    return 0;
}

int edit_attrs(struct module *m, const char *path, struct buf *msg, bool *changed,
               struct value *diff)
{
    struct file_attrs attrs = file_attrs_of(m);
    struct value before = value_dict(m->arena), after = value_dict(m->arena);
    bool differs = false;
    int rc = file_set_attrs(m, path, &attrs, false, &differs, before.u.dict, after.u.dict);
    if (differs) {
        buf_addf(msg, "%sownership, perms or SE linux context changed", *changed ? " and " : "");
        *changed = true;
    }
    if (!diff)
        return rc;
    *diff = value_dict(m->arena);
    if (before.u.dict->len || after.u.dict->len) {
        dict_set(diff->u.dict, "before", before);
        dict_set(diff->u.dict, "after", after);
    }
    const char *header = arena_printf(m->arena, "%s (file attributes)", path);
    dict_set(diff->u.dict, "before_header", value_cstr(header));
    dict_set(diff->u.dict, "after_header", value_cstr(header));
    return rc;
}

struct value edit_diff(struct module *m, const char *path, const char *before, size_t before_len,
                       const char *after, size_t after_len)
{
    struct value d = value_dict(m->arena);
    const char *header = arena_printf(m->arena, "%s (content)", path);
    if (m->record) {
        struct value full = value_dict(m->arena);
        dict_set(full.u.dict, "path", value_str(m->arena, path));
        dict_set(full.u.dict, "before", value_ref(before, before_len));
        dict_set(full.u.dict, "after", value_strn(m->arena, after, after_len));
        module_record(m, full);
    }
    dict_set(d.u.dict, "before", value_strn(m->arena, before, m->diff ? before_len : 0));
    dict_set(d.u.dict, "after", value_strn(m->arena, after, m->diff ? after_len : 0));
    dict_set(d.u.dict, "before_header", value_cstr(header));
    dict_set(d.u.dict, "after_header", value_cstr(header));
    return d;
}
