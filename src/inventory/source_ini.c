// INI inventories: [group] with hosts, [group:vars], [group:children].
#include "inventory/source.h"

#include "core/shlex.h"
#include "inventory/address.h"
#include "inventory/literal.h"

#include <ctype.h>
#include <string.h>

enum state { IN_HOSTS, IN_VARS, IN_CHILDREN };

// A group that was named before its own section: as [x:vars] or as a child.
struct pending {
    const char *name;
    enum state state;
    struct pos pos;
    struct ptrs parents; // struct group
    bool done;
};

struct reader {
    struct inventory *inv;
    struct arena *a;
    uint16_t file;
    uint32_t line;
    struct group *group;
    enum state state;
    struct ptrs pending;
    struct err *e;
};

static struct pos at(const struct reader *r, size_t col)
{
    return (struct pos){r->file, (uint16_t)(col < 60000 ? col + 1 : 60000), r->line};
}

#define fail(r, col, ...) err_set((r)->e, ERR_PARSE, at(r, col), __VA_ARGS__)

static struct pending *find_pending(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->pending.len; i++) {
        struct pending *p = r->pending.items[i];
        if (!p->done && !strcmp(p->name, name))
            return p;
    }
    return NULL;
}

static struct pending *add_pending(struct reader *r, const char *name, enum state state)
{
    struct pending *p = arena_new_of(r->a, struct pending);
    *p = (struct pending){.name = name, .state = state, .pos = at(r, 0)};
    ptrs_add(r->a, &r->pending, p);
    return p;
}

// A child has got its section: it, and parents that wait for theirs, can be connected.
static int connect(struct reader *r, struct pending *p)
{
    struct group *child = inventory_find_group(r->inv, p->name);
    p->done = true;
    for (size_t i = 0; i < p->parents.len; i++) {
        struct group *parent = p->parents.items[i];
        int rc = model_add_child(r->inv, parent, child, p->pos, r->e);
        if (rc < 0)
            return rc;
        struct pending *up = find_pending(r, parent->name);
        if (up && up->state == IN_CHILDREN)
            rc = connect(r, up);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool name_char(char c)
{
    return c && c != ':' && c != ']' && !isspace((unsigned char)c);
}

// Skips blanks and a comment; true at the end of the line.
static bool rest_is_comment(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return !*p || *p == '#';
}

// Takes "[name]" or "[name:kind]" apart; false when the line is not one.
static bool split_section(struct arena *a, const char *line, const char **name, const char **kind)
{
    const char *p = line + 1, *from = p;
    if (*line != '[')
        return false;
    while (name_char(*p))
        p++;
    if (p == from)
        return false;
    *name = arena_strndup(a, from, (size_t)(p - from));
    *kind = "";
    if (*p == ':') {
        from = ++p;
        while (isalnum((unsigned char)*p) || *p == '_')
            p++;
        if (p == from)
            return false;
        *kind = arena_strndup(a, from, (size_t)(p - from));
    }
    return *p == ']' && rest_is_comment(p + 1);
}

static int begin_section(struct reader *r, const char *name, const char *kind, size_t col)
{
    static const char *const kinds[] = {"hosts", "vars", "children"};
    enum state state = IN_HOSTS;
    if (*kind) {
        size_t i = 0;
        while (i < 3 && strcmp(kinds[i], kind) != 0)
            i++;
        const char *guess = i < 3 ? NULL : err_suggest(kind, kinds, 3);
        if (i == 3)
            return fail(
                r, col,
                "the section [%s:%s] is of an unknown kind: it can be vars or children%s%s%s", name,
                kind, guess ? "; did you mean " : "", guess ? guess : "", guess ? "?" : "");
        state = (enum state)i;
    }
    size_t before = inventory_group_count(r->inv);
    r->group = model_add_group(r->inv, name);
    bool known = inventory_group_count(r->inv) == before;
    r->state = state;
    name = r->group->name;
    if (!known && state == IN_VARS && !find_pending(r, name))
        add_pending(r, name, IN_VARS);
    struct pending *p = find_pending(r, name);
    if (p && state != IN_VARS) {
        if (p->state == IN_CHILDREN)
            return connect(r, p);
        p->done = true;
    }
    return 0;
}

static struct value typed(struct reader *r, const char *text, size_t col)
{
    struct value v = literal_value(r->a, text);
    value_set_pos(&v, at(r, col));
    if (v.type == VALUE_STRING)
        v.flags |= VALUE_PLAIN_STR;
    return v;
}

static struct value key_value(struct reader *r, const char *s, size_t len, size_t col)
{
    struct value v = value_strn(r->a, s, len);
    value_set_pos(&v, at(r, col));
    v.flags |= VALUE_PLAIN_STR;
    return v;
}

static int read_variable(struct reader *r, const char *line, size_t col)
{
    const char *eq = strchr(line, '=');
    if (!eq)
        return fail(r, col, "a line of [%s:vars] must be \"name = value\"", r->group->name);
    size_t n = (size_t)(eq - line);
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        n--;
    const char *val = eq + 1;
    while (isspace((unsigned char)*val))
        val++;
    return model_set_var(r->inv, r->group->name, key_value(r, line, n, col),
                         typed(r, val, col + (size_t)(val - line)), r->e);
}

static int read_child(struct reader *r, const char *line, size_t col)
{
    const char *p = line;
    while (name_char(*p))
        p++;
    if (p == line || !rest_is_comment(p))
        return fail(r, col, "a line of [%s:children] must be the name of a group, not \"%s\"",
                    r->group->name, line);
    const char *name = arena_strndup(r->a, line, (size_t)(p - line));
    struct group *child = inventory_find_group(r->inv, name);
    if (child)
        return model_add_child(r->inv, r->group, child, at(r, col), r->e);
    struct pending *pending = find_pending(r, name);
    if (!pending)
        pending = add_pending(r, name, IN_CHILDREN);
    ptrs_add(r->a, &pending->parents, r->group);
    return 0;
}

static int open_end(struct reader *r, const char *line, size_t col)
{
    return fail(r, col, "a quote or backslash is not finished: \"%s\"", line);
}

// The variables behind a host's name, as a dict; words stands behind the name.
static int host_vars(struct reader *r, struct shlex *words, const char *line, size_t col,
                     struct value *ret)
{
    struct value vars = value_dict(r->a);
    int rc;
    while ((rc = shlex_next(words)) > 0) {
        const char *word = arena_strndup(r->a, buf_str(&words->word), words->word.len);
        const char *eq = strchr(word, '=');
        size_t at_col = col + (size_t)(words->start - line);
        if (!eq)
            return fail(r, at_col, "behind a host only \"name=value\" can follow, not \"%s\"%s",
                        word, strchr(word, ':') ? "" : "; a value with blanks must be in quotes");
        dict_setv(vars.u.dict, key_value(r, word, (size_t)(eq - word), at_col),
                  typed(r, eq + 1, at_col));
    }
    *ret = vars;
    return rc < 0 ? open_end(r, line, col) : 0;
}

static int read_host(struct reader *r, struct shlex *words, const char *line, size_t col)
{
    struct value vars;
    int port, rc = shlex_next(words);
    if (rc < 0)
        return open_end(r, line, col);
    if (rc == 0)
        return fail(r, col, "a host must have a name: \"%s\"", line);
    const char *host = arena_strndup(r->a, buf_str(&words->word), words->word.len);
    struct list *names = value_list(r->a).u.list;
    rc = address_expand(r->a, host, at(r, col), names, &port, r->e);
    if (rc < 0)
        return rc;
    if (*host && host[strlen(host) - 1] == ':' && port < 0)
        return fail(
            r, col,
            "\"%s\" ends in a colon; in INI files the part behind it is the port (is this YAML?)",
            host);
    if (!*host || !strcmp(host, "---"))
        return fail(r, col,
                    *host ? "\"---\" begins a YAML file, but this is read as INI"
                          : "a host must have a name");
    rc = host_vars(r, words, line, col, &vars);
    for (size_t i = 0; rc == 0 && i < names->len; i++) {
        model_add_host(r->inv, names->items[i].u.str.s, r->group, port);
        rc = source_set_vars(r->inv, names->items[i].u.str.s, &vars, r->e);
    }
    return rc;
}

static int read_hosts(struct reader *r, const char *line, size_t col)
{
    struct shlex words = {.at = line, .comments = true};
    int rc = read_host(r, &words, line, col);
    buf_release(&words.word);
    return rc;
}

static int read_line(struct reader *r, const char *text, size_t len)
{
    size_t col = 0;
    while (col < len && isspace((unsigned char)text[col]))
        col++;
    while (len > col && isspace((unsigned char)text[len - 1]))
        len--;
    if (col == len || text[col] == '#' || text[col] == ';')
        return 0;
    const char *line = arena_strndup(r->a, text + col, len - col), *name, *kind;
    if (split_section(r->a, line, &name, &kind))
        return begin_section(r, name, kind, col);
    if (line[0] == '[' && line[len - col - 1] == ']')
        return fail(
            r, col,
            "%s is no section: write [group], [group:vars] or [group:children] without blanks",
            line);
    if (r->state == IN_VARS)
        return read_variable(r, line, col);
    return r->state == IN_CHILDREN ? read_child(r, line, col) : read_hosts(r, line, col);
}

static int check_pending(struct reader *r)
{
    for (size_t i = 0; i < r->pending.len; i++) {
        struct pending *p = r->pending.items[i];
        if (p->done)
            continue;
        if (p->state == IN_VARS)
            return err_set(r->e, ERR_PARSE, p->pos, "[%s:vars] is for a group that is not defined",
                           p->name);
        const struct group *parent = p->parents.items[p->parents.len - 1];
        return err_set(r->e, ERR_PARSE, p->pos,
                       "[%s:children] has the group %s, which is not defined", parent->name,
                       p->name);
    }
    return 0;
}

int source_ini(struct inventory *inv, const char *path, struct err *e)
{
    const char *text;
    size_t len;
    int rc = source_text(inv, path, &text, &len, e);
    if (rc < 0)
        return rc;
    struct reader r = {
        .inv = inv, .a = inv->a, .file = src_file(path), .group = inv->ungrouped, .e = e};
    const char *p = text, *end = text + len;
    if (len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3))
        p += 3;
    while (p < end && rc == 0) {
        const char *stop = p;
        while (stop < end && !strchr("\n\r\v\f", *stop))
            stop++;
        r.line++;
        rc = read_line(&r, p, (size_t)(stop - p));
        p = stop + 1 + (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n');
    }
    return rc < 0 ? rc : check_pending(&r);
}
