// Events of the ledger as people read them.
#include "cli/event_text.h"
#include "ledger/tree.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#define DIFF_MAX ((size_t)1 << 20)
#define WHAT_MAX 300

const char *event_str(const struct ledger_event *ev, const char *key)
{
    const struct value *v = ev->body ? dict_get(ev->body, key) : NULL;
    return v && v->type == VALUE_STRING ? v->u.str.s : NULL;
}

int64_t event_int(const struct ledger_event *ev, const char *key)
{
    const struct value *v = ev->body ? dict_get(ev->body, key) : NULL;
    return v && v->type == VALUE_INT ? v->u.i : 0;
}

const struct dict *event_dict(const struct ledger_event *ev, const char *key)
{
    const struct value *v = ev->body ? dict_get(ev->body, key) : NULL;
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

static bool has_type(const struct ledger_event *ev, const char *type)
{
    return strcmp(ev->type, type) == 0;
}

// --- one line
// ------------------------------------------------------------------------------------------

void event_command(struct buf *b, const struct ledger_event *ev)
{
    const char *playbook = event_str(ev, "playbook"), *module = event_str(ev, "module"),
               *args = event_str(ev, "args"), *undoes = event_str(ev, "undoes");
    const char *command = event_str(ev, "command");
    buf_adds(b, command ? command : "run");
    if (undoes)
        buf_addf(b, " %s", undoes);
    else if (playbook)
        buf_addf(b, " %s", path_base(playbook));
    else if (module)
        buf_addf(b, " %s -m %s", event_str(ev, "pattern") ? event_str(ev, "pattern") : "", module);
    if (module && args)
        buf_addf(b, " -a '%s'", args);
    if (event_str(ev, "limit"))
        buf_addf(b, " -l '%s'", event_str(ev, "limit"));
    if (ev->body && dict_bool(ev->body, "check", false))
        buf_adds(b, " (check)");
}

static void finished(struct buf *b, const struct ledger_event *ev)
{
    const struct value *seconds = ev->body ? dict_get(ev->body, "seconds") : NULL;
    buf_addf(b, "%s: %lld host%s", ev->outcome, (long long)event_int(ev, "hosts"),
             event_int(ev, "hosts") == 1 ? "" : "s");
    static const char *const keys[] = {"changed", "failed", "unreachable"};
    for (size_t i = 0; i < 3; i++)
        if (event_int(ev, keys[i]))
            buf_addf(b, ", %lld %s", (long long)event_int(ev, keys[i]), keys[i]);
    if (seconds && seconds->type == VALUE_FLOAT)
        buf_addf(b, ", %.1f s", seconds->u.f);
}

static void host_outcome(struct buf *b, const struct ledger_event *ev)
{
    static const char *const keys[] = {"ok", "changed", "failed", "skipped", "unreachable"};
    buf_addf(b, "%s:", ev->outcome);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (event_int(ev, keys[i]))
            buf_addf(b, " %lld %s", (long long)event_int(ev, keys[i]), keys[i]);
}

static void changed(struct buf *b, const struct ledger_event *ev)
{
    const char *name = ev->path      ? ev->path
                       : ev->package ? ev->package
                                     : event_str(ev, "name"),
               *kind = event_str(ev, "kind"), *detail = event_str(ev, "detail"),
               *task = event_str(ev, "task"), *hidden = event_str(ev, "hidden");
    if (!ev->path && kind)
        buf_addf(b, "%s%s", kind, name ? " " : "");
    if (name)
        buf_adds(b, name);
    else if (!kind)
        buf_adds(b, event_str(ev, "module") ? event_str(ev, "module") : "?");
    if (detail)
        buf_addf(b, ": %s", detail);
    if (hidden)
        buf_addf(b, " [hidden: %s]", hidden);
    if (task)
        buf_addf(b, " (%s)", task);
    if (ev->body && dict_bool(ev->body, "undone", false))
        buf_adds(b, " [put back]");
    const struct value *lost = ev->body ? dict_get(ev->body, "lost") : NULL;
    for (size_t i = 0; lost && lost->type == VALUE_LIST && i < lost->u.list->len; i++) {
        buf_adds(b, i ? "; " : " [not undone: ");
        value_print(b, &lost->u.list->items[i]);
        buf_adds(b, i + 1 == lost->u.list->len ? "]" : "");
    }
}

static void failed(struct buf *b, const struct ledger_event *ev)
{
    const char *task = event_str(ev, "task"), *msg = event_str(ev, "msg");
    buf_adds(b, task ? task : event_str(ev, "module") ? event_str(ev, "module") : "?");
    if (msg)
        buf_addf(b, ": %.*s", (int)strcspn(msg, "\n"), msg);
    if (ev->body && dict_bool(ev->body, "ignored", false))
        buf_adds(b, " [ignored]");
}

// What a body says in texts and numbers; lists, digests and signatures are for --output json.
static void plain(struct buf *b, const struct ledger_event *ev)
{
    static const char *const long_ones[] = {"statement", "signature", "file",      "plan",
                                            "artifact",  "expected",  "principal", "clock"};
    const char *name = ev->path ? ev->path : ev->package ? ev->package : ev->incident;
    struct dict_entry *it;
    size_t start = b->len;
    if (name)
        buf_adds(b, name);
    if (ev->outcome)
        buf_addf(b, "%s%s", b->len > start ? ": " : "", ev->outcome);
    if (ev->body)
        DICT_EACH(ev->body, it)
        {
            bool skip = it->key.type != VALUE_STRING ||
                        (it->val.type != VALUE_STRING && it->val.type != VALUE_INT);
            for (size_t i = 0; !skip && i < sizeof long_ones / sizeof *long_ones; i++)
                skip = value_eqs(&it->key, long_ones[i]);
            if (skip)
                continue;
            buf_addf(b, "%s%s ", b->len > start ? ", " : "", it->key.u.str.s);
            value_print(b, &it->val);
        }
}

void event_what(struct buf *b, const struct ledger_event *ev)
{
    struct buf text = BUF_INIT;
    if (has_type(ev, "run.started"))
        event_command(&text, ev);
    else if (has_type(ev, "run.finished"))
        finished(&text, ev);
    else if (has_type(ev, "run.host"))
        host_outcome(&text, ev);
    else if (has_type(ev, "change"))
        changed(&text, ev);
    else if (has_type(ev, "task.failed"))
        failed(&text, ev);
    else
        plain(&text, ev);
    size_t n = strcspn(buf_str(&text), "\n");
    bool cut = n > WHAT_MAX;
    text_add_clean(b, buf_str(&text), cut ? WHAT_MAX : n);
    if (cut)
        buf_adds(b, " ...");
    buf_release(&text);
}

void event_where(struct buf *b, const struct ledger_event *ev)
{
    struct buf text = BUF_INIT;
    if (ev->host) {
        buf_adds(&text, ev->host);
    } else {
        buf_adds(&text, ev->service ? ev->service : "");
        if (ev->release)
            buf_addf(&text, " %s", ev->release);
        if (ev->ring)
            buf_addf(&text, "%s%s", text.len ? " " : "", ev->ring);
    }
    text_add_clean(b, text.len ? buf_str(&text) : "-", text.len ? text.len : 1);
    buf_release(&text);
}

void event_authority(struct buf *b, const struct dict *d)
{
    const char *kind = d ? dict_str(d, "kind", "none") : "none",
               *rule = d ? dict_str(d, "rule", "") : "";
    const struct value *list = d ? dict_get(d, "approvals") : NULL;
    if (strcmp(kind, "none") == 0) {
        buf_adds(b, "nothing allowed it");
        return;
    }
    buf_addf(b, "%s%s%s", kind, *rule ? " " : "", rule);
    for (size_t i = 0; list && list->type == VALUE_LIST && i < list->u.list->len; i++)
        if (list->u.list->items[i].type == VALUE_INT)
            buf_addf(b, "%s#%lld", i ? ", " : ", approved in ",
                     (long long)list->u.list->items[i].u.i);
    if (*dict_str(d, "reason", ""))
        buf_addf(b, ": %s", dict_str(d, "reason", ""));
}

// --- differences
// ------------------------------------------------------------------------------------------

const char *event_diff(struct ledger *l, const struct ledger_event *ev, struct arena *a,
                       size_t *ret_len)
{
    const char *digest = event_str(ev, "diff"), *text;
    struct err e = ERR_INIT;
    if (!digest && ev->body && dict_bool(ev->body, "undone", false))
        return undo_diff(l, ev, a, ret_len);
    if (!digest)
        return NULL;
    if (ledger_blob_get(l, digest, DIFF_MAX, a, &text, ret_len, &e) < 0) {
        struct ledger_redaction r;
        bool redacted = e.code == ERR_NOENT && ledger_redacted(l, digest, a, &r, NULL) == 1;
        text = redacted
                   ? arena_printf(a, "the difference was redacted by %s (#%lld): %s\n", r.actor,
                                  (long long)r.seq, r.reason)
                   : arena_printf(a, "the difference %s cannot be read: %s\n", digest, err_msg(&e));
        *ret_len = strlen(text);
        err_release(&e);
    }
    return text;
}

void event_print_diff(const struct output_opts *o, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text)), *stop = nl ? nl : end;
        struct buf clean = BUF_INIT, line = BUF_INIT;
        int color = *text == '+'   ? CONFIG_COLOR_DIFF_ADD
                    : *text == '-' ? CONFIG_COLOR_DIFF_REMOVE
                    : *text == '@' ? CONFIG_COLOR_DIFF_LINES
                                   : -1;
        text_add_clean(&clean, text, (size_t)(stop - text));
        color_text(o, color, buf_str(&clean), clean.len, &line);
        if (clean.len)
            printf("    %s", buf_str(&line));
        printf("\n");
        buf_release(&clean);
        buf_release(&line);
        text = stop + 1;
    }
}

void event_print_json(struct ledger *l, const struct ledger_event *ev, bool diff)
{
    struct buf b = BUF_INIT, extra = BUF_INIT;
    struct arena *a = arena_new();
    size_t len;
    const char *text = diff ? event_diff(l, ev, a, &len) : NULL;
    if (text) {
        buf_adds(&extra, "\"diff_text\":");
        json_write_string(&extra, text, len, false);
        buf_addc(&extra, ',');
    }
    ledger_event_json(&b, ev);
    printf("{%s\"seq\":%lld,%s\n", buf_str(&extra), (long long)ev->seq, buf_str(&b) + 1);
    buf_release(&b);
    buf_release(&extra);
    arena_free(a);
}

// --- tables
// ------------------------------------------------------------------------------------------

static size_t digits_of(int64_t n)
{
    size_t len = 1;
    while (n >= 10) {
        n /= 10;
        len++;
    }
    return len;
}

static void widen(size_t *width, size_t n)
{
    if (n > *width)
        *width = n;
}

void event_table_widths(struct event_table *t, const struct ledger_event *events, size_t n)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct ledger_event *ev = &events[i];
        buf_clear(&b);
        event_where(&b, ev);
        widen(&t->where, b.len < 40 ? b.len : 40);
        widen(&t->number, digits_of(ev->seq));
        widen(&t->type, strlen(ev->type));
        widen(&t->actor, ev->actor ? strlen(ev->actor) : 1);
    }
    buf_release(&b);
}

// What the clock said, where it was behind the ledger.
static void print_clock(const struct ledger_event *ev)
{
    const char *text = event_str(ev, "clock");
    struct buf b = BUF_INIT;
    int64_t us;
    if (!text || ledger_time_parse(text, &us) < 0)
        return;
    when_local(&b, us);
    printf("  (by the clock: %s)", buf_str(&b));
    buf_release(&b);
}

void event_table_print(struct event_table *t, const struct ledger_event *ev)
{
    struct buf time = BUF_INIT, where = BUF_INIT, what = BUF_INIT, actor = BUF_INIT;
    const char *who = ev->actor ? ev->actor : "-";
    when_local(&time, ev->time);
    event_where(&where, ev);
    event_what(&what, ev);
    text_add_clean(&actor, who, strlen(who));
    printf("#%-*lld  %s  %-*s  %-*s  %-*s  %s", (int)t->number, (long long)ev->seq, buf_str(&time),
           (int)t->type, ev->type, (int)t->actor, buf_str(&actor), (int)t->where, buf_str(&where),
           buf_str(&what));
    if (ev->run)
        printf("  %s", ev->run);
    print_clock(ev);
    printf("\n");
    struct arena *a = arena_new();
    size_t len;
    const char *text = t->diff ? event_diff(t->l, ev, a, &len) : NULL;
    if (text)
        event_print_diff(t->o, text, len);
    arena_free(a);
    buf_release(&time);
    buf_release(&where);
    buf_release(&what);
    buf_release(&actor);
}
