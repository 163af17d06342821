// The account of a rollout: a line per event for people, the events themselves for programs, and on
// a terminal a line that says what is waited for.
#include "cli/deploy.h"
#include "cli/text.h"

#include "core/buf.h"

#include <string.h>

#define SHOWN_HOSTS 4

// --- the live line
// --------------------------------------------------------------------------------------------

void deploy_live(struct deploy *d, const char *fmt, ...)
{
    if (d->line_shown)
        fputs("\r\033[K", stdout);
    d->line_shown = false;
    if (fmt && d->live) {
        struct buf b = BUF_INIT, line = BUF_INIT;
        va_list ap;
        va_start(ap, fmt);
        buf_vaddf(&b, fmt, ap);
        va_end(ap);
        text_add_clean(&line, buf_str(&b), b.len);
        size_t width = d->s.out.columns > 1 ? (size_t)d->s.out.columns - 1 : 79;
        printf("%.*s", (int)(line.len < width ? line.len : width), buf_str(&line));
        d->line_shown = true;
        buf_release(&b);
        buf_release(&line);
    }
    fflush(stdout);
}

// --- words
// ------------------------------------------------------------------------------------------------

const char *span_words(int64_t us, struct arena *a)
{
    int64_t s = us / 1000000;
    if (us < 9950000)
        return arena_printf(a, "%.1f s", us > 0 ? (double)us / 1e6 : 0.0);
    if (s < 120)
        return arena_printf(a, "%lld s", (long long)s);
    if (s < 7200)
        return arena_printf(a, "%lld min", (long long)(s / 60));
    if (s < 2 * 86400)
        return arena_printf(a, "%lld h", (long long)(s / 3600));
    return arena_printf(a, "%lld days", (long long)(s / 86400));
}

static const char *or_nothing(const char *s)
{
    return s ? s : "";
}

static const char *red_words(const struct step *st, struct arena *a)
{
    const struct gate_series *g = st->after ? &st->ring->after : &st->ring->before;
    if (!g->red)
        return g->samples ? "green, for longer" : "first sample";
    return arena_printf(a, "%s: %s", g->red, or_nothing(g->detail));
}

const char *step_words(const struct step *st, int64_t now, struct arena *a)
{
    const char *left = st->until > now ? span_words(st->until - now, a) : NULL;
    if (st->kind != STEP_WAIT)
        return "at work";
    switch (st->wait) {
    case WAIT_CORD:
        return arena_printf(a, "stopped by the cord: %s", or_nothing(st->reason));
    case WAIT_PAUSED:
        return arena_printf(a, "paused%s%s", st->reason ? ": " : "", or_nothing(st->reason));
    case WAIT_HELD:
        return arena_printf(a, "held: %s", or_nothing(st->reason));
    case WAIT_CALENDAR:
        return arena_printf(a, "%s%s%s", or_nothing(st->reason), left ? "; opens in " : "",
                            or_nothing(left));
    case WAIT_APPROVAL:
        return arena_printf(a, "waits for approval: %s", or_nothing(st->reason));
    case WAIT_PAUSE:
        return arena_printf(a, "pause between batches, %s more", left ? left : "no");
    case WAIT_GATES:
        return arena_printf(a, "gates %s the ring: %s; asked again in %s",
                            st->after ? "behind" : "in front of", red_words(st, a),
                            left ? left : "no time");
    }
    return "";
}

void deploy_waiting(void *data, const struct step *st, int64_t now)
{
    struct deploy *d = data;
    struct arena *a = arena_new();
    const char *words = step_words(st, now, a);
    if (d->live) {
        deploy_live(d, "  %s: %s", st->ring ? st->ring->name : d->name, words);
    } else if (!d->json && d->told_wait != (int)st->wait + 1 && st->wait != WAIT_GATES) {
        printf("  waiting: %s\n", words);
        fflush(stdout);
    }
    d->told_wait = (int)st->wait + 1;
    arena_free(a);
}

// --- lines
// ------------------------------------------------------------------------------------------------

static void add_hosts(struct buf *b, const struct list *hosts)
{
    for (size_t i = 0; i < hosts->len && i < SHOWN_HOSTS; i++)
        buf_addf(b, "%s%s", i ? " " : "", hosts->items[i].u.str.s);
    if (hosts->len > SHOWN_HOSTS)
        buf_addf(b, " and %zu more", hosts->len - SHOWN_HOSTS);
}

static const struct batch_run *run_of(const struct deploy *d, const struct ledger_event *ev)
{
    const struct rollout_state *s = &d->engine.state;
    for (size_t i = 0; i < s->n_runs; i++)
        if (ev->run && strcmp(s->runs[i].run, ev->run) == 0)
            return &s->runs[i];
    return NULL;
}

static void batch_line(struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    static const char *const verbs[] = {"batch", "undo of batch", "previous release on batch"};
    const struct batch_run *run = run_of(d, ev);
    struct arena *a = arena_new();
    if (!run)
        return;
    buf_addf(b, "  %s %u of %u  ", verbs[run->action], run->batch, run->of);
    add_hosts(b, run->hosts);
    const char *reason = dict_str(ev->body, "reason", NULL);
    if (run->ok)
        buf_addf(b, "  ok  %s%s%s", span_words(run->ended - run->started, a), reason ? ": " : "",
                 or_nothing(reason));
    else
        buf_addf(b, "  FAILED on %zu: %s", run->failed->len, dict_str(ev->body, "reason", ""));
    buf_addc(b, '\n');
    arena_free(a);
}

// The results of a sample, when they are not as those of the sample before.
static void sample_lines(struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    const struct value *results = dict_get(ev->body, "results");
    uint64_t pattern = 1;
    for (size_t i = 0; results && i < results->u.list->len; i++) {
        const struct dict *r = results->u.list->items[i].u.dict;
        bool ok = dict_bool(r, "ok", false);
        pattern = pattern * 2 + ok;
        buf_addf(b, "  gate %s  %s  %s\n", dict_str(r, "gate", ""), ok ? "ok" : "red",
                 dict_str(r, "detail", ""));
    }
    if (pattern == d->told_pattern && dict_int(ev->body, "n", 1) > 1)
        buf_clear(b);
    d->told_pattern = pattern;
}

static void end_line(struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    const struct rollout_state *s = &d->engine.state;
    struct arena *a = arena_new();
    if (strcmp(ev->outcome, "done") == 0)
        buf_addf(b, "%s %s is on all its hosts, after %s\n", s->service, s->release,
                 span_words(s->ended - s->started, a));
    else
        buf_addf(b, "%s %s: %s\n", s->service, s->release, ev->outcome);
    if (strcmp(ev->outcome, "partly") == 0) {
        buf_adds(b, "  not put back: ");
        add_hosts(b, rollout_state_left(s, a));
        buf_addc(b, '\n');
    }
    arena_free(a);
}

static void gate_line(const struct ledger_event *ev, struct buf *b)
{
    if (strcmp(ev->type, "gate.passed") == 0)
        buf_addf(b, "  gates passed, %lld sample%s\n", (long long)dict_int(ev->body, "samples", 0),
                 dict_int(ev->body, "samples", 0) == 1 ? "" : "s");
    else
        buf_addf(b, "  gate %s FAILED: %s\n", dict_str(ev->body, "gate", ""),
                 dict_str(ev->body, "reason", ""));
}

static void ring_line(const struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    const struct ring_state *r = rollout_state_ring(&d->engine.state, ev->ring);
    const char *verb = ev->type + strlen("ring.");
    if (strcmp(verb, "started") == 0)
        buf_addf(b, "ring %s  %zu host%s\n", ev->ring, r ? r->hosts->len : 0,
                 r && r->hosts->len == 1 ? "" : "s");
    else if (strcmp(verb, "failed") == 0 && dict_str(ev->body, "gate", NULL)) // which has told why
        buf_addf(b, "ring %s FAILED: gate %s\n", ev->ring, dict_str(ev->body, "gate", ""));
    else if (strcmp(verb, "failed") == 0)
        buf_addf(b, "ring %s FAILED: %s\n", ev->ring, dict_str(ev->body, "reason", ""));
    else if (strcmp(verb, "undone") == 0 && dict_int(ev->body, "failed", 0))
        buf_addf(b, "ring %s NOT put back on %lld\n", ev->ring,
                 (long long)dict_int(ev->body, "failed", 0));
    else
        buf_addf(b, "ring %s %s\n", ev->ring, strcmp(verb, "passed") == 0 ? "passed" : "put back");
}

static void rollout_line(struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    const char *verb = ev->type + strlen("rollout."), *reason = dict_str(ev->body, "reason", NULL);
    if (strcmp(verb, "finished") == 0) {
        end_line(d, ev, b);
    } else if (strcmp(verb, "held") == 0) {
        buf_addf(b,
                 "held: %s\n  'andon resume %s' tries again, 'andon promote %s' goes on "
                 "regardless, 'andon rollback %s' puts it back\n",
                 or_nothing(reason), d->name, d->name, d->name);
    } else if (strcmp(verb, "started") != 0) {
        buf_addf(b, "%s by %s%s%s\n", verb, or_nothing(ev->actor), reason ? ": " : "",
                 or_nothing(reason));
    }
}

static void cord_line(const struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    const char *what = ev->service ? d->name : "everything";
    if (ev->service && strcmp(ev->service, d->name) != 0)
        return;
    if (strcmp(ev->type, "cord.pulled") == 0)
        buf_addf(
            b, "the line of %s is stopped%s%s: %s\n  'andon stop%s%s --release' lets it go on\n",
            what, ev->rollout ? "" : " by ", ev->rollout ? "" : or_nothing(ev->actor),
            dict_str(ev->body, "reason", ""), ev->service ? " " : "", ev->service ? d->name : "");
    else
        buf_addf(b, "the line of %s may go on (%s)\n", what, or_nothing(ev->actor));
}

static void event_lines(struct deploy *d, const struct ledger_event *ev, struct buf *b)
{
    if (strncmp(ev->type, "cord.", 5) == 0)
        cord_line(d, ev, b);
    else if (strncmp(ev->type, "rollout.", 8) == 0)
        rollout_line(d, ev, b);
    else if (strncmp(ev->type, "ring.", 5) == 0)
        ring_line(d, ev, b);
    else if (strcmp(ev->type, "gate.sample") == 0)
        sample_lines(d, ev, b);
    else if (strncmp(ev->type, "gate.", 5) == 0)
        gate_line(ev, b);
    else if (strcmp(ev->type, "batch.finished") == 0)
        batch_line(d, ev, b);
    else if (strcmp(ev->type, "incident.opened") == 0)
        buf_addf(b, "incident %s: %s\n", ev->incident, dict_str(ev->body, "title", ""));
    else if (strncmp(ev->type, "approval.", 9) == 0)
        buf_addf(b, "  approval %s%s%s\n", ev->type + 9, ev->actor ? " by " : "",
                 or_nothing(ev->actor));
}

// What is carried, when it begins or is taken up again.
static void header(struct deploy *d, struct buf *b)
{
    const struct rollout_state *s = &d->engine.state;
    size_t hosts = 0;
    for (size_t i = 0; i < s->n_rings; i++)
        hosts += s->rings[i].hosts->len;
    buf_addf(b, "%s %s%s%s%s  %zu ring%s, %zu host%s  %s\n", s->service, s->release,
             s->previous ? " (" : "",
             s->previous ? arena_printf(d->arena, "before: %s", s->previous) : "",
             s->previous ? ")" : "", s->n_rings, s->n_rings == 1 ? "" : "s", hosts,
             hosts == 1 ? "" : "s", s->id);
}

void deploy_tell(void *data, const struct ledger_event *ev)
{
    struct deploy *d = data;
    struct buf b = BUF_INIT, clean = BUF_INIT;
    d->told_wait = 0;
    if (d->json && ev) {
        ledger_event_json(&b, ev);
        printf("%s\n", buf_str(&b));
    } else if (!d->json) {
        if (ev)
            event_lines(d, ev, &b);
        else
            header(d, &b);
        if (b.len) {
            deploy_live(d, NULL);
            for (const char *p = buf_str(&b); *p; p++) // parts of it come from hosts
                buf_addc(&clean, (unsigned char)*p < ' ' && *p != '\n' ? ' ' : *p);
            fputs(buf_str(&clean), stdout);
        }
    }
    fflush(stdout);
    buf_release(&b);
    buf_release(&clean);
}
