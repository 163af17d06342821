// andon audit: what was changed, approved or left out against the rules, each line traceable to
// events of the ledger.
#include "cli/audit.h"
#include "cli/event_text.h"
#include "cli/record.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#define FOUND 2 // the exit code where there are findings

// "#12 #15"
static void put_events(struct buf *b, const struct finding *f, const char *mark)
{
    for (size_t i = 0; i < f->n_events; i++)
        buf_addf(b, "%s%s%lld", i ? " " : "", mark, (long long)f->events[i]);
}

// --- text
// ------------------------------------------------------------------------------------------

static void print_finding(const struct finding *f)
{
    struct buf b = BUF_INIT, events = BUF_INIT;
    put_events(&events, f, "#");
    buf_addf(&b, "  %-18s  ", buf_str(&events));
    when_local(&b, f->time);
    buf_addf(&b, "  %s  ", f->actor ? f->actor : "-");
    text_add_clean(&b, f->what, strlen(f->what));
    if (f->run)
        buf_addf(&b, "  %s", f->run);
    printf("%s\n", buf_str(&b));
    buf_release(&b);
    buf_release(&events);
}

static size_t count(const struct audit *a, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += strcmp(a->all[i].kind, kind) == 0;
    return n;
}

static void print_text(const struct audit *a)
{
    for (const struct audit_kind *k = audit_kinds; k->name; k++) {
        size_t n = count(a, k->name);
        printf("%s: %zu\n", k->title, n);
        for (size_t i = 0; i < a->n; i++)
            if (strcmp(a->all[i].kind, k->name) == 0)
                print_finding(&a->all[i]);
    }
    if (a->n)
        printf("\nThe numbers are those of events: 'andon ledger show N' shows one, "
               "'andon ledger proof N' proves it.\n");
}

// --- CSV and JSON
// ------------------------------------------------------------------------------------------

// A field of RFC 4180. What a spreadsheet would take for a formula is kept from it by a quote.
static void put_field(struct buf *b, const char *s)
{
    bool quote = strpbrk(s, ",\"\r\n") != NULL, formula = *s && strchr("=+-@\t\r", *s);
    if (b->len && b->p[b->len - 1] != '\n')
        buf_addc(b, ',');
    if (quote || formula)
        buf_addc(b, '"');
    if (formula)
        buf_addc(b, '\'');
    for (; *s; s++)
        buf_adds(b, *s == '"' ? "\"\"" : (char[]){*s, '\0'});
    if (quote || formula)
        buf_addc(b, '"');
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static void print_csv(const struct audit *a)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "kind,time,events,actor,service,run,rollout,host,what,proof\r\n");
    for (size_t i = 0; i < a->n; i++) {
        const struct finding *f = &a->all[i];
        struct buf events = BUF_INIT, proof = BUF_INIT;
        char time[LEDGER_TIME];
        ledger_time(f->time, time);
        put_events(&events, f, "");
        buf_addf(&proof, "andon ledger proof %lld", (long long)f->events[0]);
        const char *fields[] = {f->kind,
                                time,
                                buf_str(&events),
                                or_empty(f->actor),
                                or_empty(f->service),
                                or_empty(f->run),
                                or_empty(f->rollout),
                                or_empty(f->host),
                                f->what,
                                buf_str(&proof)};
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            if (k)
                put_field(&b, fields[k]);
            else
                buf_adds(&b, fields[k]);
        buf_adds(&b, "\r\n");
        buf_release(&events);
        buf_release(&proof);
    }
    fputs(buf_str(&b), stdout);
    buf_release(&b);
}

static void set(struct dict *d, const char *key, const char *s)
{
    if (s)
        dict_set(d, key, value_cstr(s));
}

static void print_json(const struct finding *f)
{
    struct arena *a = arena_new();
    char time[LEDGER_TIME];
    struct value v = value_dict(a), events = value_list(a);
    ledger_time(f->time, time);
    for (size_t i = 0; i < f->n_events; i++)
        list_add(events.u.list, value_int(f->events[i]));
    set(v.u.dict, "kind", f->kind);
    set(v.u.dict, "time", time);
    dict_set(v.u.dict, "events", events);
    set(v.u.dict, "actor", f->actor);
    set(v.u.dict, "service", f->service);
    set(v.u.dict, "run", f->run);
    set(v.u.dict, "rollout", f->rollout);
    set(v.u.dict, "host", f->host);
    set(v.u.dict, "what", f->what);
    dict_set(v.u.dict, "proof", value_strf(a, "andon ledger proof %lld", (long long)f->events[0]));
    print_value(&v, &(struct json_opts){.strict = true});
    arena_free(a);
}

static int report(struct session *s, struct ledger *l, const struct ledger_filter *span)
{
    struct err e = ERR_INIT;
    struct audit a = {.ledger = l,
                      .arena = s->arena,
                      .service = s->o.args->len ? s->o.args->items[0].u.str.s : NULL,
                      .since = span->since,
                      .until = span->until,
                      .machine = record_machine(s->arena)};
    const char *kind = s->o.output ? s->o.output : "text";
    if (audit_run(&a, &e) < 0) {
        audit_release(&a);
        return events_fail(s, &e);
    }
    if (strcmp(kind, "csv") == 0)
        print_csv(&a);
    else if (strcmp(kind, "json") == 0)
        for (size_t i = 0; i < a.n; i++)
            print_json(&a.all[i]);
    else
        print_text(&a);
    int code = a.n ? FOUND : 0;
    audit_release(&a);
    return code;
}

int cmd_audit(int argc, char **argv, bool compat)
{
    return events_command(argc, argv, compat, OPT_AUDIT, 0, 1, NULL, report);
}
