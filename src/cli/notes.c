// Notes below a task's line, and lists of host names.
#include "cli/notes.h"

#include "cli/source.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 8 // hosts named in a line

struct note {
    struct note *next;
    char *text;
    char **hosts;
    size_t n;
    enum config_id color;
    struct pos pos;
};

void name_list_add(char ***list, size_t n, const char *name)
{
    if ((n & (n - 1)) == 0)
        *list = xrealloc(*list, (n ? n * 2 : 1) * sizeof **list);
    (*list)[n] = xstrdup(name);
}

void name_list_free(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static int by_name(const void *x, const void *y)
{
    return strverscmp(*(char *const *)x, *(char *const *)y);
}

void names_add(struct buf *b, char **hosts, size_t n)
{
    if (n)
        qsort(hosts, n, sizeof *hosts, by_name);
    for (size_t i = 0; i < n && i < MAX_NAMES; i++)
        buf_addf(b, "%s%s", i ? " " : "", hosts[i]);
    if (n > MAX_NAMES)
        buf_addf(b, " and %zu more", n - MAX_NAMES);
}

void notes_add(struct note **list, const char *host, const char *text, enum config_id color,
               struct pos pos)
{
    struct buf clean = BUF_INIT;
    text_add_clean(&clean, text, strlen(text));
    for (; *list; list = &(*list)->next)
        if ((*list)->color == color && strcmp((*list)->text, buf_str(&clean)) == 0)
            break;
    if (!*list) {
        *list = xcalloc(1, sizeof **list);
        (*list)->text = xstrdup(buf_str(&clean));
        (*list)->color = color;
        (*list)->pos = pos;
    }
    buf_release(&clean);
    for (size_t i = 0; i < (*list)->n; i++)
        if (strcmp((*list)->hosts[i], host) == 0) // another item said the same
            return;
    name_list_add(&(*list)->hosts, (*list)->n, host);
    (*list)->n++;
}

// The lines of a difference have colours of their own.
static enum config_id line_color(enum config_id color, const char *line)
{
    if (color != CONFIG_COLOR_DIFF_LINES)
        return color;
    return *line == '+' ? CONFIG_COLOR_DIFF_ADD : *line == '-' ? CONFIG_COLOR_DIFF_REMOVE : color;
}

static void print_lines(const struct output_opts *o, const struct note *n)
{
    for (const char *s = n->text; *s;) {
        size_t len = strcspn(s, "\n");
        print_color(o, line_color(n->color, s), stdout, "      %.*s\n", (int)len, s);
        s += len + (s[len] == '\n');
    }
}

static void show_source(struct pos pos)
{
    struct buf b = BUF_INIT;
    if (pos.line) {
        buf_addf(&b, "      at %s:%u:%u\n", source_name(pos), pos.line, pos.col);
        source_add_line(&b, "      ", pos);
        fputs(buf_str(&b), stdout);
    }
    buf_release(&b);
}

void notes_show(struct note **list, const struct output_opts *o)
{
    for (struct note *n = *list; n;) {
        struct note *next = n->next;
        struct buf b = BUF_INIT;
        names_add(&b, n->hosts, n->n);
        if (strchr(n->text, '\n')) {
            print_color(o, n->color, stdout, "    %s:\n", buf_str(&b));
            print_lines(o, n);
        } else {
            print_color(o, n->color, stdout, "    %s: %s\n", buf_str(&b), n->text);
        }
        show_source(n->pos);
        buf_release(&b);
        name_list_free(n->hosts, n->n);
        free(n->text);
        free(n);
        n = next;
    }
    *list = NULL;
}
