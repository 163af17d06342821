// The texts of the files that findings are in: their lines, and the comments that silence findings.
#include "check/internal.h"

#include "core/file.h"

#include <ctype.h>
#include <string.h>

static const char mark[] = "andon: ignore";

static void index_lines(struct check *c, struct source *s)
{
    size_t n = 1;
    for (size_t i = 0; i < s->len; i++)
        n += s->text[i] == '\n';
    s->lines = arena_array(c->a, uint32_t, n + 1);
    s->lines[s->n_lines++] = 0;
    for (size_t i = 0; i < s->len; i++)
        if (s->text[i] == '\n')
            s->lines[s->n_lines++] = (uint32_t)(i + 1);
}

static const char *line_at(struct check *c, struct source *s, unsigned line, size_t *ret_len)
{
    if (!s->text || !line)
        return NULL;
    if (!s->lines)
        index_lines(c, s);
    if (line > s->n_lines)
        return NULL;
    const char *p = s->text + s->lines[line - 1];
    *ret_len = strcspn(p, "\r\n");
    return p;
}

// --- comments ------------------------------------------------------------------------------------

static bool is_comment(const char *line, size_t len)
{
    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    return !len || *line == '#' || (len > 1 && line[0] == '{' && line[1] == '#');
}

static void add_silence(struct source *s, struct arena *a, struct silence one)
{
    struct silence *more = arena_array(a, struct silence, s->n_silences + 1);
    if (s->n_silences)
        memcpy(more, s->silences, s->n_silences * sizeof *more);
    more[s->n_silences++] = one;
    s->silences = more;
}

// The line a comment is for: its own, or, when it stands alone, the next that is no comment.
static unsigned target_of(struct check *c, struct source *s, unsigned line)
{
    size_t len;
    const char *p = line_at(c, s, line, &len);
    if (!is_comment(p, len))
        return line;
    while ((p = line_at(c, s, ++line, &len)) && is_comment(p, len))
        ;
    return line;
}

// Codes behind "andon: ignore" or "andon: ignore-file", up to the first word that is none.
static void parse_comment(struct check *c, struct source *s, unsigned line, const char *p)
{
    bool file = strncmp(p, "-file", 5) == 0;
    unsigned target = file ? 0 : target_of(c, s, line);
    if (file)
        p += 5;
    for (;;) {
        p += strspn(p, " \t,:");
        size_t n = 0;
        while (isalnum((unsigned char)p[n]) || p[n] == '-')
            n++;
        int id = n ? check_find_rule(p, n) : -1;
        bool code = n > 2 && strncmp(p, "AC", 2) == 0 && isdigit((unsigned char)p[2]);
        if (id < 0 && !code)
            return;
        add_silence(s, c->a, (struct silence){.line = line, .target = target, .id = id});
        p += n;
    }
}

static void find_comments(struct check *c, struct source *s)
{
    if (!s->text || !memmem(s->text, s->len, mark, sizeof mark - 1))
        return;
    for (unsigned line = 1;; line++) {
        size_t len;
        const char *p = line_at(c, s, line, &len);
        if (!p)
            return;
        const char *at = memmem(p, len, mark, sizeof mark - 1);
        const char *hash = at ? memchr(p, '#', (size_t)(at - p)) : NULL;
        if (hash)
            parse_comment(c, s, line, at + sizeof mark - 1);
    }
}

struct source *source_get(struct check *c, uint16_t file)
{
    if (c->sources[file])
        return c->sources[file];
    struct source *s = c->sources[file] = arena_new_of(c->a, struct source);
    char *text;
    if (file && file_read(c->a, src_name(file), CHECK_MAX_FILE, &text, &s->len, NULL) == 0) {
        s->text = text;
        find_comments(c, s);
    }
    return s;
}

const char *source_line(struct check *c, uint16_t file, unsigned line, size_t *ret_len)
{
    return line_at(c, source_get(c, file), line, ret_len);
}

const char *check_line(struct check *c, struct pos pos, size_t *ret_len)
{
    return source_line(c, pos.file, pos.line, ret_len);
}

// --- places in scalars ---------------------------------------------------------------------------

// How a block scalar that begins at pos goes on: 0 when it is none, else the indentation of its
// text.
static unsigned block_indent(struct check *c, struct pos pos)
{
    size_t len;
    const char *p = source_line(c, pos.file, pos.line, &len);
    if (!p || !pos.col || pos.col > len || (p[pos.col - 1] != '|' && p[pos.col - 1] != '>'))
        return 0;
    for (unsigned line = pos.line + 1; (p = source_line(c, pos.file, line, &len)); line++) {
        size_t n = 0;
        while (n < len && p[n] == ' ')
            n++;
        if (n < len)
            return (unsigned)n + 1;
    }
    return 0;
}

// True when a quoted scalar begins at pos, whose text begins behind the quote.
static bool is_quoted(struct check *c, struct pos pos)
{
    size_t len;
    const char *p = source_line(c, pos.file, pos.line, &len);
    return p && pos.col && pos.col <= len && (p[pos.col - 1] == '\'' || p[pos.col - 1] == '"');
}

struct pos source_inside(struct check *c, struct pos start, struct pos at)
{
    unsigned indent = block_indent(c, start);
    if (!indent && at.line == start.line && is_quoted(c, start))
        at.col++;
    if (!indent || at.line < start.line)
        return at;
    at.col = (uint16_t)(at.line == start.line ? at.col - start.col + indent : at.col + indent - 1);
    at.line++;
    return at;
}

static bool is_word(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_';
}

struct pos source_find(struct check *c, struct pos pos, unsigned line, const char *word)
{
    struct pos at = pos;
    size_t len, n = strlen(word);
    at.line += line - 1;
    at.col = line > 1 ? 1 : pos.col;
    at = source_inside(c, pos, at);
    for (unsigned tries = 0; tries < 4; tries++, at.line++, at.col = 1) {
        const char *p = source_line(c, at.file, at.line, &len);
        for (size_t i = at.col ? at.col - 1u : 0; p && i + n <= len; i++)
            if (memcmp(p + i, word, n) == 0 && (!i || !is_word(p[i - 1])) && !is_word(p[i + n])) {
                at.col = (uint16_t)(i + 1);
                return at;
            }
    }
    return pos;
}

// --- silencing -----------------------------------------------------------------------------------

static bool silenced(struct source *s, const struct check_finding *f)
{
    bool hit = false;
    for (size_t i = 0; i < s->n_silences; i++) {
        struct silence *q = &s->silences[i];
        if (q->id == (int)f->id &&
            (!q->target || q->target == f->pos.line || q->line == f->pos.line))
            hit = q->used = true;
    }
    return hit;
}

static void note_unused(struct check *c)
{
    for (size_t file = 1; file < sizeof c->sources / sizeof *c->sources; file++) {
        struct source *s = c->sources[file];
        for (size_t i = 0; s && i < s->n_silences; i++) {
            const struct silence *q = &s->silences[i];
            struct pos pos = {.file = (uint16_t)file, .line = q->line, .col = 1};
            size_t len;
            const char *p = line_at(c, s, q->line, &len);
            pos.col = (uint16_t)((const char *)memmem(p, len, mark, sizeof mark - 1) - p + 1);
            if (q->id < 0)
                report(c, CHECK_BAD_SILENCE, pos, "this comment names a code that does not exist");
            else if (!q->used)
                report(c, CHECK_UNUSED_SILENCE, pos, "there is no %s here to ignore",
                       check_rule((enum check_id)q->id)->code);
        }
    }
}

void source_silence(struct check *c)
{
    struct dict_entry *it;
    size_t n = 0;
    DICT_EACH(c->seen_files, it)
    source_get(c, src_file(it->key.u.str.s));
    for (size_t i = 0; i < c->findings.len; i++) {
        struct check_finding f = *VEC_AT(&c->findings, struct check_finding, i);
        if (!silenced(source_get(c, f.pos.file), &f))
            *VEC_AT(&c->findings, struct check_finding, n++) = f;
    }
    c->findings.len = n;
    note_unused(c);
}
