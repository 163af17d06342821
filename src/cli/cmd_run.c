// andon run PLAYBOOK...: runs playbooks; also ansible-playbook.
#include "cli/guard.h"
#include "cli/history.h"
#include "cli/plan.h"
#include "cli/precheck.h"
#include "cli/record.h"
#include "cli/session.h"
#include "cli/textwrap.h"

#include "core/buf.h"

#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct run_sink pick_output(struct session *s)
{
    const char *kind = s->o.output ? s->o.output : s->compat ? "ansible" : "andon";
    if (strcmp(kind, "json") == 0)
        return output_json_new(&s->out);
    if (strcmp(kind, "andon") == 0)
        return output_andon_new(&s->out);
    s->out.ansible = true;
    return output_default_new(&s->out);
}

// The error a run ended with, behind the warnings that explain it.
static void tell_error(struct session *s, struct err *e)
{
    session_warn_inventory(s);
    session_error(s, e);
    err_release(e);
}

static void list_hosts(struct session *s, struct run *r, struct playbook *pb, struct play *p)
{
    struct value pattern;
    const char **names;
    size_t n;
    struct err e = ERR_INIT;
    if (run_play_hosts(r, pb, p, &pattern, &names, &n, &e) < 0) {
        printf("    %s\n", err_msg(&e));
        err_release(&e);
        return;
    }
    printf("    pattern: [");
    if (p->hosts && p->hosts->type == VALUE_LIST)
        for (size_t i = 0; i < p->hosts->u.list->len; i++)
            printf("%s'%s'", i ? ", " : "", value_to_cstr(s->arena, &p->hosts->u.list->items[i]));
    else
        printf("'%s'", pattern.u.str.s);
    printf("]\n    hosts (%zu):\n", n);
    for (size_t i = 0; i < n; i++)
        printf("      %s\n", names[i]);
}

struct listing {
    struct list *all; // tags of the play
    bool tasks;
    struct arena *a;
};

static void list_task(void *data, const struct play *p, const struct task *t, const char *name,
                      const struct list *tags)
{
    struct listing *l = data;
    (void)p;
    if (l->tasks) {
        printf("      %s\tTAGS: [", t->name ? name : t->action);
        for (size_t i = 0; i < tags->len; i++)
            printf("%s%s", i ? ", " : "", tags->items[i].u.str.s);
        printf("]\n");
    }
    for (size_t i = 0; i < tags->len; i++) {
        bool seen = false;
        for (size_t j = 0; j < l->all->len; j++)
            seen = seen || value_equal(&l->all->items[j], &tags->items[i]);
        if (!seen)
            list_add(l->all, value_copy(l->a, &tags->items[i]));
    }
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

static int list_only(struct session *s, struct run *r, struct playbook *pb, const char *path)
{
    struct err e = ERR_INIT;
    printf("\nplaybook: %s\n", path);
    for (size_t i = 0; i < pb->n_plays; i++) {
        struct play *p = pb->plays[i];
        struct listing l = {
            .all = value_list(s->arena).u.list, .tasks = s->o.list_tasks, .a = s->arena};
        struct value tags = value_list(s->arena);
        run_play_tags(r, p, s->arena, tags.u.list);
        struct value pattern;
        const char **names;
        size_t n;
        const char *hosts =
            run_play_hosts(r, pb, p, &pattern, &names, &n, NULL) == 0 ? pattern.u.str.s : "";
        printf("\n  play #%zu (%s): %s\tTAGS: [", i + 1, hosts,
               run_play_title(r, p, hosts, s->arena));
        for (size_t k = 0; k < tags.u.list->len; k++)
            printf("%s%s", k ? "," : "", tags.u.list->items[k].u.str.s);
        printf("]\n");
        if (s->o.list_hosts)
            list_hosts(s, r, pb, p);
        if (!s->o.list_tasks && !s->o.list_tags)
            continue;
        if (s->o.list_tasks)
            printf("    tasks:\n");
        if (run_list_tasks(r, pb, p, list_task, &l, &e) < 0) {
            tell_error(s, &e);
            return RUN_ERROR;
        }
        if (s->o.list_tags) {
            if (l.all->len)
                qsort(l.all->items, l.all->len, sizeof *l.all->items, by_text);
            printf("      TASK TAGS: [");
            for (size_t k = 0; k < l.all->len; k++)
                printf("%s%s", k ? ", " : "", l.all->items[k].u.str.s);
            printf("]\n");
        }
    }
    return 0;
}

// --limit that leaves no host at all is an error before anything runs.
static int check_limit(struct session *s)
{
    struct inventory_hosts hosts;
    struct value all = value_cstr("all");
    struct err e = ERR_INIT;
    int rc = s->o.limit
                 ? inventory_match(s->inventory, s->arena, &all, s->o.limit, NULL, &hosts, &e)
                 : 0;
    if (s->o.limit && rc == 0 && hosts.len == 0 && strcmp(s->o.limit, "localhost") != 0)
        rc = err_set(
            &e, ERR_INVALID, POS_NONE,
            "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.");
    if (rc < 0) {
        session_warn_inventory(s);
        session_error(s, &e);
    }
    err_release(&e);
    return rc < 0 ? RUN_ERROR : 0;
}

// --- what a run leaves behind
// -----------------------------------------------------------------------------------

// FILE.retry with the hosts that failed, where the settings want it.
static void write_retry_file(struct session *s, struct run *r, const char *path)
{
    const char *names[4096], *dir = config_str(s->config, CONFIG_RETRY_FILES_SAVE_PATH);
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    size_t n = run_failed_hosts(r, names, sizeof names / sizeof *names);
    if (!n || !config_bool(s->config, CONFIG_RETRY_FILES_ENABLED))
        return;
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s\n", names[i]);
    const char *base = path_base(path), *dot = strrchr(base, '.');
    const char *folder = dir && *dir ? dir : path_dir(s->arena, session_path(s, path));
    const char *file =
        arena_printf(s->arena, "%s/%.*s.retry", folder,
                     (int)(dot && dot != base ? dot - base : (long)strlen(base)), base);
    if (file_mkdirs(folder, 0755, &e) < 0 ||
        file_write_atomic(file, buf_str(&b), b.len, 0644, &e) < 0)
        print_warning(&s->out, "Could not create retry file '%s'.\n\t%s", file, err_msg(&e));
    else
        printf("\tto retry, use: --limit @%s\n\n", file);
    err_release(&e);
    buf_release(&b);
}

static FILE *aside(const struct session *s)
{
    return s->o.output && strcmp(s->o.output, "json") == 0 ? stderr : stdout;
}

// Not only a look at what would be run.
static bool runs(const struct session *s)
{
    return !s->o.syntax_check && !s->o.list_hosts && !s->o.list_tasks && !s->o.list_tags;
}

static bool keeps_history(const struct session *s)
{
    return !s->compat && !s->o.check && runs(s);
}

// --failed becomes a limit; 0, or an exit code + 1 when there is nothing to do.
static int use_history(struct session *s)
{
    if (!keeps_history(s) && !s->o.failed)
        return 0;
    if (s->o.failed) {
        const char *failed = history_failed(s, s->o.args);
        if (!failed) {
            fprintf(aside(s), "No host failed in the last run.\n");
            return 1;
        }
        s->o.limit = s->o.limit ? arena_printf(s->arena, "%s,&%s", failed, s->o.limit) : failed;
    }
    if (keeps_history(s) && !s->o.drop_handlers) {
        s->pending = history_handlers(s, s->o.args);
        history_tell(s, s->pending, "Handlers that an earlier run left undone will run on",
                     aside(s));
    }
    return 0;
}

static void keep_history(struct session *s, struct run *r)
{
    struct dict *now = value_dict(s->arena).u.dict;
    for (size_t i = 0; i < s->o.args->len; i++)
        history_save(s, s->o.args->items[i].u.str.s, r);
    run_outcome(r, s->arena, now);
    history_tell(s, now,
                 "Handlers left undone, for the next run (--drop-handlers forgets them), on",
                 aside(s));
}

static int run_one(struct session *s, struct run *r, const char *path, bool *ran)
{
    struct playbook *pb;
    struct err e = ERR_INIT;
    if (playbook_load(s->loader, path, &pb, &e) < 0) {
        session_error(s, &e);
        int code = e.code == ERR_NOENT || e.code == ERR_FAILED ? RUN_ERROR : RUN_PARSER;
        err_release(&e);
        return code;
    }
    if (!s->compat && precheck(pb, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_PARSER;
    }
    if (s->o.syntax_check) {
        printf("\nplaybook: %s\n", path);
        return 0;
    }
    if (s->o.list_hosts || s->o.list_tasks || s->o.list_tags)
        return list_only(s, r, pb, path);
    int code = record_begin(s);
    if (code)
        return code;
    code = run_playbook(r, pb, &e);
    *ran = !e.code; // a run that ended with an error has no recap
    if (e.code)
        tell_error(s, &e);
    write_retry_file(s, r, path);
    if (*ran && s->compat)
        run_stats(r); // behind each playbook
    return code;
}

static void tell_not_started(const struct session *s)
{
    struct buf b = BUF_INIT, wrapped = BUF_INIT;
    buf_addf(&b,
             "%sNo matching task \"%s\" found. Note: --start-at-task can only follow static "
             "includes.",
             s->compat ? " [ERROR]: " : "andon: error: ", s->o.start_at_task);
    text_wrap(&wrapped, buf_str(&b), (size_t)(s->out.columns - 1), false);
    display(&s->out, CONFIG_COLOR_ERROR, stderr, buf_str(s->compat ? &wrapped : &b));
    buf_release(&wrapped);
    buf_release(&b);
}

int cmd_run(int argc, char **argv, bool compat)
{
    struct session s;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_RUN);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    if (!s.o.args->len) {
        session_usage_error(&s, "the following arguments are required: playbook");
        arena_free(s.arena);
        return RUN_USAGE;
    }
    if (guard_options(&s)) {
        arena_free(s.arena);
        return RUN_USAGE;
    }
    if (use_history(&s)) {
        arena_free(s.arena);
        return 0;
    }
    if (runs(&s))
        record_prepare(&s);
    code = session_open(&s);
    if (code == 0) {
        bool ran = false;
        code = check_limit(&s);
        session_warn_inventory(&s);
        struct plan *plan = s.o.request ? plan_new(&s) : NULL;
        s.run.sink = session_callbacks(&s, plan ? plan_sink(plan) : pick_output(&s));
        if (code == 0 && runs(&s))
            code = record_open(&s);
        struct run *r = run_new(&s.run);
        struct guard_job job = {0};
        if (code == 0)
            code = guard_run(&s, r, &job);
        session_watch_signals(&s, r);
        for (size_t i = 0; i < s.o.args->len && code == 0; i++)
            code = run_one(&s, r, s.o.args->items[i].u.str.s, &ran);
        if (ran && !s.compat && !plan)
            run_stats(r);
        if (ran && keeps_history(&s))
            keep_history(&s, r);
        if (ran && s.o.start_at_task && !run_started(r))
            tell_not_started(&s);
        record_end(&s, r, code);
        run_free(r);
        output_free(&s.run.sink);
        if (plan)
            code = guard_request(&s, &job, plan, code);
        plan_free(plan);
    }
    session_close(&s);
    return code;
}
