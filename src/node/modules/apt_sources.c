// Reading and editing apt's one-line sources.
#include "node/modules/apt_sources.h"
#include "node/text.h"

#include "core/buf.h"

#include <ctype.h>
#include <glob.h>
#include <string.h>

#define LIST "/etc/apt/sources.list"
#define PARTS "/etc/apt/sources.list.d/*.list"

static bool is_type(const char *word)
{
    return word && (strcmp(word, "deb") == 0 || strcmp(word, "deb-src") == 0);
}

static const char *squeezed(struct arena *a, const char *text)
{
    struct value words = value_list(a);
    for (char *c = arena_strdup(a, text), *w; (w = text_field(&c));)
        list_add(words.u.list, value_cstr(w));
    return text_join(a, words.u.list, " ");
}

struct apt_source apt_source_parse(struct arena *a, const char *line)
{
    struct apt_source s = {.enabled = true, .comment = ""};
    char *text = text_strip(arena_strdup(a, line));
    if (*text == '#') {
        s.enabled = false;
        text++;
    }
    char *hash = strchr(text, '#');
    if (hash && hash > text) {
        *hash = '\0';
        s.comment = text_strip(hash + 1);
    }
    s.text = text_strip(text);
    char *c = arena_strdup(a, s.text);
    s.valid = is_type(text_field(&c));
    if (s.valid)
        s.text = squeezed(a, s.text);
    return s;
}

static void add_line(struct apt_sources *s, struct apt_source_file *f, struct apt_source line)
{
    f->lines = arena_room(s->arena, f->lines, f->n, &f->cap, 16, sizeof *f->lines);
    f->lines[f->n++] = line;
}

static struct apt_source_file *add_file(struct apt_sources *s, const char *path)
{
    s->files = arena_room(s->arena, s->files, s->n, &s->cap, 16, sizeof *s->files);
    s->files[s->n] = (struct apt_source_file){.path = path, .before = ""};
    return &s->files[s->n++];
}

static void read_file(struct apt_sources *s, const char *path)
{
    char *text = text_read(s->arena, path, NULL);
    if (!text)
        return;
    struct apt_source_file *f = add_file(s, arena_strdup(s->arena, path));
    f->existed = true;
    f->before = arena_strdup(s->arena, text);
    for (char *line; (line = text_line(&text));)
        add_line(s, f, apt_source_parse(s->arena, line));
}

void apt_sources_read(struct apt_sources *s, struct arena *a)
{
    glob_t g = {0};
    *s = (struct apt_sources){.arena = a};
    read_file(s, LIST);
    if (glob(PARTS, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++)
            read_file(s, g.gl_pathv[i]);
    globfree(&g);
}

void apt_sources_add(struct apt_sources *s, const char *source, const char *path)
{
    struct apt_source_file *into = NULL;
    bool found = false;
    for (size_t i = 0; i < s->n; i++) {
        struct apt_source_file *f = &s->files[i];
        for (size_t k = 0; k < f->n; k++) {
            if (!f->lines[k].valid || strcmp(f->lines[k].text, source) != 0)
                continue;
            f->lines[k].enabled = true;
            found = true;
        }
        if (strcmp(f->path, path) == 0)
            into = f;
    }
    if (found)
        return;
    if (!into)
        into = add_file(s, path);
    add_line(s, into,
             (struct apt_source){.valid = true, .enabled = true, .text = source, .comment = ""});
}

void apt_sources_remove(struct apt_sources *s, const char *source)
{
    for (size_t i = 0; i < s->n; i++) {
        struct apt_source_file *f = &s->files[i];
        size_t n = 0;
        for (size_t k = 0; k < f->n; k++) {
            const struct apt_source *l = &f->lines[k];
            if (!(l->valid && l->enabled && strcmp(l->text, source) == 0))
                f->lines[n++] = *l;
        }
        f->n = n;
    }
}

const char *apt_source_file_text(const struct apt_sources *s, const struct apt_source_file *f)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < f->n; i++) {
        const struct apt_source *l = &f->lines[i];
        buf_addf(&b, "%s%s%s%s\n", l->enabled ? "" : "# ", l->text, *l->comment ? " # " : "",
                 l->comment);
    }
    const char *text = arena_strdup(s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

const char *apt_source_file_name(struct arena *a, const char *source)
{
    struct buf b = BUF_INIT;
    int depth = 0;
    for (const char *c = source; *c; c++) { // without [options]
        if (*c == '[' && strchr(c, ']'))
            depth++;
        if (!depth)
            buf_addc(&b, *c);
        if (*c == ']' && depth)
            depth--;
    }
    char *rest = arena_strdup(a, buf_str(&b)), *word = text_field(&rest);
    if (is_type(word))
        word = text_field(&rest);
    buf_clear(&b);
    const char *address = word ? word : "", *scheme = strstr(address, "://");
    if (scheme)
        address = scheme + 3;
    const char *at = strchr(address, '@'); // nobody's password becomes a name
    for (const char *c = at ? at + 1 : address; *c; c++) {
        if (isalnum((unsigned char)*c))
            buf_addc(&b, *c);
        else if (b.len && b.p[b.len - 1] != '_')
            buf_addc(&b, '_');
    }
    while (b.len && b.p[b.len - 1] == '_')
        b.len--;
    const char *name = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return name;
}
