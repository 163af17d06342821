// Lines of live output put together from pieces, one buffer per host and stream.
#include "cli/live.h"

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINE ((size_t)64 << 10) // a longer line is printed in parts

struct live {
    struct live *next;
    char *host;
    int stream;
    struct buf rest; // of a line that is not complete
};

void live_free(struct live *l)
{
    while (l) {
        struct live *next = l->next;
        buf_release(&l->rest);
        free(l->host);
        free(l);
        l = next;
    }
}

static void print_line(const struct live *l, const struct output_opts *o, const char *s, size_t len)
{
    struct buf b = BUF_INIT;
    text_add_clean(&b, s, len);
    print_color(o, l->stream == 2 ? CONFIG_COLOR_WARN : CONFIG_COLOR_VERBOSE, stdout,
                "    %s | %s\n", l->host, buf_str(&b));
    buf_release(&b);
}

static struct live *line_of(struct live **list, const char *host, int stream)
{
    for (; *list; list = &(*list)->next)
        if ((*list)->stream == stream && strcmp((*list)->host, host) == 0)
            return *list;
    *list = xcalloc(1, sizeof **list);
    (*list)->host = xstrdup(host);
    (*list)->stream = stream;
    return *list;
}

void live_add(struct live **list, const struct output_opts *o, const char *host, int stream,
              const char *s, size_t len)
{
    struct live *l = line_of(list, host, stream);
    size_t done = 0;
    buf_add(&l->rest, s, len);
    for (;;) {
        const char *from = l->rest.p + done;
        const char *nl = memchr(from, '\n', l->rest.len - done);
        if (!nl)
            break;
        print_line(l, o, from, (size_t)(nl - from));
        done = (size_t)(nl + 1 - l->rest.p);
    }
    buf_consume(&l->rest, done);
    if (l->rest.len > MAX_LINE) {
        print_line(l, o, l->rest.p, l->rest.len);
        buf_clear(&l->rest);
    }
}

void live_flush(struct live **list, const struct output_opts *o, const char *host)
{
    for (struct live *l = *list; l; l = l->next)
        if (l->rest.len && (!host || strcmp(l->host, host) == 0)) {
            print_line(l, o, l->rest.p, l->rest.len);
            buf_clear(&l->rest);
        }
}
