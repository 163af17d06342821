// andon plan PLAYBOOK...: a dry run of the whole fleet (plan.h).
#include "cli/plan.h"
#include "cli/precheck.h"

#include "core/file.h"
#include "core/hash.h"

#include <stdio.h>
#include <string.h>

static int keep(struct session *s, const struct buf *json)
{
    struct err e = ERR_INIT;
    char hex[HASH_HEX_MAX];
    int rc = file_write_atomic(session_path(s, s->o.out_file), json->p, json->len, 0644, &e);
    hash_hex(HASH_SHA256, json->p, json->len, hex);
    if (rc < 0)
        session_error(s, &e);
    else
        fprintf(stderr, "plan %s sha256:%s\n", s->o.out_file, hex);
    err_release(&e);
    return rc < 0 ? RUN_ERROR : 0;
}

static int tell(struct session *s, struct plan *p)
{
    struct buf json = BUF_INIT, text = BUF_INIT;
    plan_json(p, &json);
    plan_text(p, &text);
    if (s->o.output && strcmp(s->o.output, "json") == 0)
        puts(buf_str(&json));
    else
        fputs(buf_str(&text), stdout);
    int code = s->o.out_file ? keep(s, &json) : 0;
    buf_release(&json);
    buf_release(&text);
    return code ? code : plan_code(p);
}

// --- the run -------------------------------------------------------------------------------------

static int plan_one(struct session *s, struct run *r, const char *path)
{
    struct playbook *pb;
    struct err e = ERR_INIT;
    int code = RUN_PARSER;
    if (playbook_load(s->loader, path, &pb, &e) == 0 && precheck(pb, &e) == 0)
        code = run_playbook(r, pb, &e);
    if (!e.code)
        return code == RUN_FAILED || code == RUN_UNREACHABLE ? 0 : code;
    session_error(s, &e);
    err_release(&e);
    return code ? code : RUN_ERROR;
}

static int execute(struct session *s)
{
    int code = 0;
    struct plan *p = plan_new(s);
    s->run.sink = session_callbacks(s, plan_sink(p));
    struct run *r = run_new(&s->run);
    session_watch_signals(s, r);
    for (size_t i = 0; i < s->o.args->len && code == 0; i++)
        code = plan_one(s, r, s->o.args->items[i].u.str.s);
    if (code == 0)
        code = tell(s, p);
    run_free(r);
    output_free(&s->run.sink);
    plan_free(p);
    return code;
}

int cmd_plan(int argc, char **argv, bool compat)
{
    struct session s;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_PLAN);
    if (!code && !s.o.args->len) {
        session_usage_error(&s, "the following arguments are required: playbook");
        code = RUN_USAGE;
    }
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    s.o.check = true;
    code = session_open(&s);
    if (code == 0)
        code = execute(&s);
    session_close(&s);
    return code;
}
