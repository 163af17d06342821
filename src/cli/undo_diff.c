// What an undo changed, as a difference: those of the run it undoes, turned round. They are in the
// ledger already, without that run's secrets, which an undo itself could not know for what they
// are.
#include "cli/event_text.h"

#include "core/buf.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 16 // undos of undos

struct line {
    const char *s;
    size_t len;
};

static struct line next_line(const char **at, const char *end)
{
    const char *nl = memchr(*at, '\n', (size_t)(end - *at));
    struct line l = {*at, (size_t)((nl ? nl + 1 : end) - *at)};
    *at += l.len;
    return l;
}

static bool begins(struct line l, const char *with)
{
    size_t n = strlen(with);
    return l.len >= n && memcmp(l.s, with, n) == 0;
}

static void put(struct buf *b, const char *mark, struct line l, size_t skip)
{
    buf_adds(b, mark);
    buf_add(b, l.s + skip, l.len - skip);
}

// "before: NAME" as "after: NAME", and the other way.
static void put_name(struct buf *b, const char *mark, struct line l, const char *was,
                     const char *is)
{
    size_t n = strlen(was);
    buf_addf(b, "%s %s", mark, is);
    buf_add(b, l.s + n, l.len - n);
}

// "@@ -A +B @@" with its lines, whose numbers it tells.
static void put_hunk(struct buf *b, struct line head, const char **at, const char *end)
{
    unsigned long from = 0, old = 1, to = 0, new = 1;
    char text[80] = "";
    struct buf gone = BUF_INIT;
    memcpy(text, head.s, head.len < sizeof text - 1 ? head.len : sizeof text - 1);
    if (sscanf(text, "@@ -%lu,%lu", &from, &old) < 2)
        old = 1;
    const char *plus = strchr(text, '+');
    if (plus && sscanf(plus, "+%lu,%lu", &to, &new) < 2)
        new = 1;
    if (plus)
        buf_addf(b, "@@ -%.*s +%.*s @@\n", (int)strcspn(plus + 1, " "), plus + 1,
                 (int)strcspn(text + 4, " "), text + 4);
    struct buf *last = b;
    while (*at < end && (old || new || **at == '\\')) {
        struct line l = next_line(at, end);
        if (*l.s == '-') { // comes back, behind what goes
            put(&gone, "+", l, 1);
            last = &gone;
            old -= old > 0;
        } else if (*l.s == '+') {
            put(b, "-", l, 1);
            last = b;
            new -= new > 0;
        } else if (*l.s == '\\') {
            buf_add(last, l.s, l.len);
        } else {
            buf_add(b, gone.p, gone.len);
            buf_clear(&gone);
            buf_add(b, l.s, l.len);
            last = b;
            old -= old > 0;
            new -= new > 0;
        }
    }
    buf_add(b, gone.p, gone.len);
    buf_release(&gone);
}

void undo_diff_turn(struct buf *b, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    struct line kept = {0}; // what was before, which is after now
    while (at < end) {
        struct line l = next_line(&at, end);
        if (begins(l, "--- before")) {
            kept = l;
        } else if (begins(l, "+++ after")) {
            put_name(b, "---", l, "+++ after", "before");
            put_name(b, "+++", kept, "--- before", "after");
        } else if (begins(l, "SHA-256 before:")) {
            kept = l;
        } else if (begins(l, "SHA-256 after: ")) {
            put(b, "SHA-256 before:", l, strlen("SHA-256 after: "));
            put(b, "SHA-256 after: ", kept, strlen("SHA-256 before:"));
        } else if (begins(l, "@@ -")) {
            put_hunk(b, l, &at, end);
        } else {
            buf_add(b, l.s, l.len);
        }
    }
}

// --- the changes that were taken back
// ------------------------------------------------------------------------------------------

struct search {
    struct ledger *l;
    struct arena *a;
    struct buf *b;
    int depth;
};

static int add(struct search *s, const struct ledger_event *ev);

static int take(void *data, const struct ledger_event *ev)
{
    return add(data, ev);
}

static int add_undone(struct search *s, const struct ledger_event *undo)
{
    static const char *const started[] = {"run.started", NULL}, *const changes[] = {"change", NULL};
    struct ledger_filter f = {.types = started, .run = undo->run, .limit = 1};
    struct ledger_event *run = NULL;
    size_t n = 0;
    if (!undo->run || !undo->path || s->depth >= MAX_DEPTH ||
        ledger_list(s->l, &f, s->a, &run, &n, NULL) < 0 || !n || !event_str(run, "undoes"))
        return 0;
    f = (struct ledger_filter){.types = changes,
                               .run = event_str(run, "undoes"),
                               .host = undo->host,
                               .path = undo->path,
                               .newest_first = true};
    s->depth++;
    (void)!ledger_each(s->l, &f, s->a, take, s, NULL);
    s->depth--;
    return 0;
}

static int add(struct search *s, const struct ledger_event *ev)
{
    size_t len = 0;
    if (ev->body && dict_bool(ev->body, "undone", false)) {
        struct buf was = BUF_INIT, *outer = s->b;
        s->b = &was;
        add_undone(s, ev);
        s->b = outer;
        undo_diff_turn(s->b, buf_str(&was), was.len);
        buf_release(&was);
        return 0;
    }
    const char *text = event_diff(s->l, ev, s->a, &len);
    if (text)
        undo_diff_turn(s->b, text, len);
    return 0;
}

const char *undo_diff(struct ledger *l, const struct ledger_event *ev, struct arena *a,
                      size_t *ret_len)
{
    struct buf b = BUF_INIT;
    struct search s = {.l = l, .a = a, .b = &b};
    add_undone(&s, ev);
    const char *text = b.len ? arena_strndup(a, b.p, b.len) : NULL;
    *ret_len = b.len;
    buf_release(&b);
    return text;
}
