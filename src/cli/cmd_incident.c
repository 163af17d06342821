// andon incident ACTION: production problems in the ledger, from noticing to the end.
#include "cli/actor.h"
#include "cli/incident.h"
#include "cli/session.h"
#include "cli/when.h"

#include "core/file.h"

#include <stdio.h>
#include <string.h>

struct action {
    const char *name;
    int (*run)(struct incident_job *j, struct err *e);
    int args_min, args_max;
    bool writes;
    const char *synopsis, *help;
};

static const struct action actions[] = {
    {"close", incident_close, 1, 1, true, "close INCIDENT",
     "It is over: --at when, --by what restored it"},
    {"link", incident_link, 2, 2, true, "link INCIDENT ROLLOUT",
     "That deployment caused it ('none': no change did); the last link counts"},
    {"list", incident_list, 0, 0, false, "list", "Those that are open; --all: all"},
    {"mitigate", incident_mitigate, 1, 1, true, "mitigate INCIDENT",
     "It hurts nobody any more, though it is not mended"},
    {"open", incident_open, 1, 1, true, "open TITLE", "Something is wrong in production"},
    {"show", incident_show, 1, 1, false, "show INCIDENT", "All that is known of one"},
};
#define N_ACTIONS ((int)(sizeof actions / sizeof *actions))

void incident_actions_help(struct buf *b)
{
    for (int i = 0; i < N_ACTIONS; i++)
        buf_addf(b, "  %-24s%s\n", actions[i].synopsis, actions[i].help);
}

static const struct action *find_action(struct session *s)
{
    const char *names[N_ACTIONS], *word = s->o.args->len ? s->o.args->items[0].u.str.s : NULL;
    for (int i = 0; i < N_ACTIONS; i++)
        names[i] = actions[i].name;
    for (int i = 0; word && i < N_ACTIONS; i++)
        if (strcmp(names[i], word) == 0)
            return &actions[i];
    const char *near = word ? err_suggest(word, names, N_ACTIONS) : NULL;
    if (word)
        session_usage_error(s, "there is no action '%s'%s%s%s", word,
                            near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    else
        session_usage_error(s, "which action? (close, link, list, mitigate, open, show)");
    return NULL;
}

// A time of the command line; nothing can have happened in the future.
static int read_time(struct session *s, const char *option, const char *text, int64_t now,
                     int64_t *ret)
{
    struct err e = ERR_INIT;
    int rc = text ? when_parse(text, now, false, ret, &e) : 0;
    if (rc < 0)
        session_usage_error(s, "argument --%s: %s", option, err_msg(&e));
    else if (text && *ret > now)
        session_usage_error(s, "argument --%s: '%s' is still to come", option, text);
    bool bad = rc < 0 || (text && *ret > now);
    err_release(&e);
    return bad ? RUN_USAGE : 0;
}

static int read_noticer(struct session *s)
{
    static const char *const names[] = {"gate", "alert", "customer", "operator"};
    if (!s->o.noticed_by)
        return 0;
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], s->o.noticed_by) == 0)
            return 0;
    const char *near = err_suggest(s->o.noticed_by, names, 4);
    session_usage_error(
        s, "argument --noticed-by: invalid choice: '%s' (gate, alert, customer or operator)%s%s%s",
        s->o.noticed_by, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return RUN_USAGE;
}

static int read_options(struct session *s, const struct action *a, struct incident_job *j)
{
    int given = (int)s->o.args->len - 1, code;
    if (given < a->args_min || given > a->args_max) {
        session_usage_error(s, "usage: andon incident %s%s", a->synopsis,
                            given > a->args_max && strcmp(a->name, "open") == 0
                                ? " (a title of several words needs quotes)"
                                : "");
        return RUN_USAGE;
    }
    j->now = clock_real_us();
    j->arg = given > 0 ? s->o.args->items[1].u.str.s : NULL;
    j->arg2 = given > 1 ? s->o.args->items[2].u.str.s : NULL;
    if ((code = read_noticer(s)) != 0 ||
        (code = read_time(s, "at", s->o.at, j->now, &j->at)) != 0 ||
        (code = read_time(s, "started", s->o.started, j->now, &j->started)) != 0)
        return code;
    return 0;
}

static int open_ledger(struct session *s, const struct action *a, struct ledger **ret,
                       struct err *e)
{
    const char *dir = session_state_dir(s);
    int rc = a->writes ? file_mkdirs(dir, 0700, e) : 0;
    if (rc == 0)
        rc = ledger_open(dir, &(struct ledger_opts){.read_only = !a->writes}, ret, e);
    if (rc == ERR_NOENT && !a->writes)
        err_set(e, rc, POS_NONE, "there is no ledger in %s yet", dir);
    return rc;
}

int cmd_incident(int argc, char **argv, bool compat)
{
    struct session s;
    struct err e = ERR_INIT;
    struct incident_job j = {.session = &s};
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_INCIDENT);
    const struct action *a = code == 0 ? find_action(&s) : NULL;
    if (code == 0)
        code = a ? read_options(&s, a, &j) : RUN_USAGE;
    if (code == 0) {
        j.arena = s.arena;
        j.actor = actor_name(s.arena);
        int rc = open_ledger(&s, a, &j.ledger, &e);
        if (rc == 0)
            rc = a->run(&j, &e);
        if (rc < 0) {
            session_error(&s, &e);
            code = RUN_ERROR;
        }
        ledger_close(j.ledger);
    }
    err_release(&e);
    arena_free(s.arena);
    return code < 0 ? 0 : code;
}
