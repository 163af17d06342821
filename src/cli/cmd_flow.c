// andon flow [SERVICE...]: how fast and how safely services are delivered, from the ledger and git.
#include "cli/flow_output.h"
#include "cli/session.h"
#include "cli/when.h"

#include "core/file.h"
#include "flow/contents.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_SINCE "90d"

// What --only may name.
static const struct {
    const char *name;
    unsigned part;
} parts[] = {
    {"lead-time", 1u << FLOW_LEAD_TIME}, {"frequency", 1u << FLOW_FREQUENCY},
    {"recovery", 1u << FLOW_RECOVERY},   {"change-fail", 1u << FLOW_CHANGE_FAIL},
    {"rework", 1u << FLOW_REWORK},       {"detect", 1u << FLOW_DETECT},
    {"mitigate", 1u << FLOW_MITIGATE},   {"mtbf", 1u << FLOW_BETWEEN},
    {"scrap", 1u << FLOW_SCRAP},         {"levels", FLOW_PART_LEVELS},
    {"stream", FLOW_PART_STREAM},        {"trend", FLOW_PART_TREND},
};
#define N_PARTS ((int)(sizeof parts / sizeof *parts))

static int bad_part(struct session *s, const char *word)
{
    const char *names[N_PARTS];
    struct buf all = BUF_INIT;
    for (int i = 0; i < N_PARTS; i++) {
        names[i] = parts[i].name;
        buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = err_suggest(word, names, N_PARTS);
    session_usage_error(s, "argument --only: there is no '%s'%s%s%s (%s)", word,
                        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "",
                        buf_str(&all));
    buf_release(&all);
    return RUN_USAGE;
}

// A measure of speed brings the measure of stability it is told with; levels are of something.
static unsigned with_partners(unsigned chosen)
{
    const unsigned levelled = 1u << FLOW_LEAD_TIME | 1u << FLOW_FREQUENCY | 1u << FLOW_RECOVERY;
    if ((chosen & FLOW_PART_LEVELS) && !(chosen & (FLOW_PART_LEVELS - 1)))
        chosen |= levelled;
    for (int id = 0; id < FLOW_MEASURES; id++)
        if ((chosen & (1u << id)) && flow_measures[id].partner >= 0)
            chosen |= 1u << flow_measures[id].partner;
    return chosen;
}

static int read_parts(struct session *s, unsigned *ret)
{
    unsigned chosen = 0;
    for (size_t i = 0; i < s->o.only->len; i++) {
        const char *word = s->o.only->items[i].u.str.s;
        int k = 0;
        while (k < N_PARTS && strcmp(parts[k].name, word) != 0)
            k++;
        if (k == N_PARTS)
            return bad_part(s, word);
        chosen |= parts[k].part;
    }
    *ret = s->o.only->len ? with_partners(chosen) : FLOW_PART_ALL;
    return 0;
}

static int read_time(struct session *s, const char *option, const char *text, int64_t now, bool end,
                     int64_t *ret)
{
    struct err e = ERR_INIT;
    int rc = when_parse(text, now, end, ret, &e);
    if (rc < 0)
        session_usage_error(s, "argument --%s: %s", option, err_msg(&e));
    err_release(&e);
    return rc < 0 ? RUN_USAGE : 0;
}

static int read_options(struct session *s, struct flow_opts *fo, struct flow_output *out)
{
    int64_t now = clock_real_us();
    int code;
    if ((code = read_parts(s, &out->parts)) != 0)
        return code;
    if ((code = read_time(s, "since", s->o.since ? s->o.since : DEFAULT_SINCE, now, false,
                          &fo->since)) != 0 ||
        (code = read_time(s, "until", s->o.until ? s->o.until : "now", now, true, &fo->until)) != 0)
        return code;
    if (fo->since >= fo->until) {
        session_usage_error(s, "--since is not before --until");
        return RUN_USAGE;
    }
    if (s->o.by && strcmp(s->o.by, "week") != 0 && strcmp(s->o.by, "month") != 0) {
        session_usage_error(s, "argument --by: '%s' is neither week nor month", s->o.by);
        return RUN_USAGE;
    }
    fo->period = s->o.by && strcmp(s->o.by, "month") == 0 ? FLOW_MONTH : FLOW_WEEK;
    fo->authored = s->o.authored;
    out->period = fo->period;
    out->explain = s->o.explain;
    out->columns = s->out.columns;
    return 0;
}

static bool terminal_is_utf8(void)
{
    locale_t loc = newlocale(LC_ALL_MASK, "", (locale_t)0);
    bool yes = loc && strcasecmp(nl_langinfo_l(CODESET, loc), "UTF-8") == 0;
    if (loc)
        freelocale(loc);
    return yes;
}

// --- services
// ------------------------------------------------------------------------------------------------

static int unknown_service(struct session *s, const char *name, const char **known, size_t n)
{
    struct err e = ERR_INIT;
    const char *near = err_suggest(name, known, (int)n);
    if (!n)
        err_set(&e, ERR_NOENT, POS_NONE,
                "the ledger knows no service yet: andon release and andon deploy write of them");
    else
        err_set(&e, ERR_NOENT, POS_NONE, "the ledger knows no service '%s'%s%s%s", name,
                near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    session_error(s, &e);
    err_release(&e);
    return RUN_ERROR;
}

// Those named, else all there are.
static int choose(struct session *s, const struct flow_history *h, const char ***ret, size_t *ret_n)
{
    size_t n, wanted = s->o.args->len;
    const char **known = flow_services(h, &n);
    if (!wanted && !n)
        return unknown_service(s, "", known, n);
    if (!wanted) {
        *ret = known;
        *ret_n = n;
        return 0;
    }
    *ret = arena_array(s->arena, const char *, wanted);
    *ret_n = wanted;
    for (size_t i = 0; i < wanted; i++) {
        const char *name = s->o.args->items[i].u.str.s;
        size_t k = 0;
        while (k < n && strcmp(known[k], name) != 0)
            k++;
        if (k == n)
            return unknown_service(s, name, known, n);
        (*ret)[i] = name;
    }
    return 0;
}

static void print(struct session *s, const struct flow_output *out, const struct flow_report *r,
                  size_t n)
{
    const char *kind = s->o.output ? s->o.output : "text";
    if (strcmp(kind, "json") == 0)
        flow_print_json(out, r, n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(kind, "csv") == 0)
            flow_print_csv(out, &r[i], i == 0);
        if (strcmp(kind, "text") != 0)
            continue;
        if (i)
            printf("\n");
        flow_print_text(out, &r[i]);
    }
}

static int report(struct session *s, const struct flow_history *h, struct flow_opts *fo,
                  const struct flow_output *out)
{
    const char **services;
    size_t n;
    int code = choose(s, h, &services, &n);
    if (code)
        return code;
    struct flow_report *reports = arena_array(s->arena, struct flow_report, n);
    for (size_t i = 0; i < n; i++) {
        size_t n_contents;
        const char *repo = s->o.repo ? session_path(s, s->o.repo) : NULL;
        fo->service = services[i];
        fo->contents = flow_contents_read(h, services[i], repo, s->arena, &n_contents);
        fo->n_contents = n_contents;
        flow_report_make(h, fo, s->arena, &reports[i]);
    }
    print(s, out, reports, n);
    return 0;
}

static int load(struct session *s, struct flow_history *h)
{
    struct ledger *l = NULL;
    struct err e = ERR_INIT;
    int rc = ledger_open(session_state_dir(s), &(struct ledger_opts){.read_only = true}, &l, &e);
    if (rc == ERR_NOENT)
        err_set(&e, rc, POS_NONE,
                "there is no ledger in %s yet: andon run and andon deploy write it",
                session_state_dir(s));
    flow_history_init(h, s->arena);
    if (rc == 0)
        rc = flow_history_load(h, l, &e);
    if (rc < 0)
        session_error(s, &e);
    err_release(&e);
    ledger_close(l);
    return rc < 0 ? RUN_ERROR : 0;
}

int cmd_flow(int argc, char **argv, bool compat)
{
    struct session s;
    struct flow_opts fo = {0};
    struct flow_output out = {.utf8 = terminal_is_utf8()};
    struct flow_history h;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_FLOW);
    if (code == 0)
        code = read_options(&s, &fo, &out);
    if (code == 0)
        code = load(&s, &h);
    if (code == 0)
        code = report(&s, &h, &fo, &out);
    arena_free(s.arena);
    return code < 0 ? 0 : code;
}
