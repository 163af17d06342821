// Editing fstab line by line.
#include "node/modules/fstab.h"
#include "node/edit.h"
#include "node/text.h"

#include <string.h>

enum { SRC, PATH, FSTYPE, OPTS, DUMP, PASSNO, FIELDS };

// Blanks and backslashes inside a field are written in octal.
static const char *escape(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    for (; s && *s; s++) {
        if (*s == '\\' || *s == ' ' || *s == '&')
            buf_addf(&b, "\\%03o", (unsigned)*s);
        else
            buf_addc(&b, *s);
    }
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

// The fields of a line; false for comments and what is no entry.
static bool parse(struct arena *a, const struct piece *p, const char *field[FIELDS])
{
    char *c = text_strip(arena_strndup(a, p->s, p->len));
    size_t n = 0;
    if (!*c || *c == '#')
        return false;
    field[DUMP] = field[PASSNO] = "0";
    for (const char *word; (word = text_field(&c)); n++) {
        if (n == FIELDS)
            return false;
        field[n] = word;
    }
    return n >= 4;
}

static bool is_mine(const struct fstab_entry *e, const char *const want[FIELDS],
                    const char *const have[FIELDS])
{
    bool swap = strcmp(have[PATH], "none") == 0 && strcmp(have[FSTYPE], "swap") == 0;
    return strcmp(have[PATH], want[PATH]) == 0 &&
           !(swap && e->src && strcmp(have[SRC], want[SRC]) != 0);
}

static void add(struct buf *out, const char *const field[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++)
        buf_addf(out, "%s%c", field[i], i + 1 < FIELDS ? ' ' : '\n');
}

bool fstab_edit(struct arena *a, const char *text, size_t len, const struct fstab_entry *entry,
                bool present, struct buf *out)
{
    const char *want[FIELDS] = {escape(a, entry->src),    escape(a, entry->path),
                                escape(a, entry->fstype), escape(a, entry->opts),
                                escape(a, entry->dump),   escape(a, entry->passno)};
    const char *have[FIELDS];
    struct pieces lines = {.arena = a};
    bool changed = false, found = false;
    pieces_split(&lines, text, len, false);
    for (size_t i = 0; i < lines.n; i++) {
        const struct piece *p = &lines.items[i];
        bool mine = parse(a, p, have) && is_mine(entry, want, have), differs = false;
        if (mine && !present) {
            changed = true;
            continue;
        }
        for (size_t k = 0; mine && k < FIELDS; k++)
            differs = differs || strcmp(have[k], want[k]) != 0;
        found = found || mine;
        changed = changed || differs;
        if (differs)
            add(out, want);
        else
            buf_add(out, p->s, p->len);
    }
    if (!present || found)
        return changed;
    if (out->len && out->p[out->len - 1] != '\n')
        buf_addc(out, '\n');
    add(out, want);
    return true;
}
