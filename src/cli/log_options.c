// What the commands that read the ledger have in common: the ledger, and spans of time.
#include "cli/event_text.h"
#include "cli/when.h"

#include "core/file.h"

int events_fail(struct session *s, struct err *e)
{
    fflush(stdout);
    session_error(s, e);
    err_release(e);
    return RUN_ERROR;
}

void events_warn_clock(const struct session *s, struct ledger *l)
{
    int64_t ahead = ledger_ahead(l);
    if (ahead)
        print_warning(&s->out,
                      "the newest event of the ledger is of %s, and this clock says %s: events get "
                      "that time until it is there, and the clock's as 'clock'",
                      when_string(s->arena, ahead), when_string(s->arena, clock_real_us()));
}

// Opens the ledger for reading. An exit code after telling why not.
static int events_open(struct session *s, struct ledger **ret)
{
    struct err e = ERR_INIT;
    const char *dir = session_state_dir(s);
    if (ledger_open(dir, &(struct ledger_opts){.read_only = true}, ret, &e) == 0)
        return 0;
    if (e.code == ERR_NOENT) {
        err_release(&e);
        err_set(&e, ERR_NOENT, POS_NONE, "there is no ledger in %s: nothing has been recorded",
                dir);
    }
    return events_fail(s, &e);
}

// --since and --until into the filter; an exit code after telling what is wrong.
static int events_span(struct session *s, struct ledger_filter *f)
{
    struct err e = ERR_INIT;
    int64_t now = clock_real_us();
    if ((s->o.since && when_parse(s->o.since, now, false, &f->since, &e) < 0) ||
        (s->o.until && when_parse(s->o.until, now, true, &f->until, &e) < 0)) {
        session_usage_error(s, "%s", err_msg(&e));
        err_release(&e);
        return RUN_USAGE;
    }
    return 0;
}

int events_command(int argc, char **argv, bool compat, unsigned command, size_t least, size_t most,
                   const char *lacking,
                   int (*fn)(struct session *s, struct ledger *l, const struct ledger_filter *span))
{
    struct session s;
    struct ledger *l = NULL;
    struct ledger_filter span = {0};
    int code = session_options(&s, argv[0], compat, argc, argv, command);
    size_t n = code ? 0 : s.o.args->len;
    if (!code && (n < least || n > most)) {
        if (lacking)
            session_usage_error(&s, "%s", lacking);
        else
            session_usage_error(&s, "unrecognized arguments: %s", s.o.args->items[most].u.str.s);
        code = RUN_USAGE;
    }
    if (!code)
        code = events_span(&s, &span);
    if (!code)
        code = events_open(&s, &l);
    if (!code)
        code = fn(&s, l, &span);
    ledger_close(l);
    arena_free(s.arena);
    return code < 0 ? 0 : code;
}
