// andon do PATTERN -m MODULE -a ARGS: one module on some hosts; also ansible.
#include "cli/guard.h"
#include "cli/plan.h"
#include "cli/record.h"
#include "cli/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const wants_args[] = {"command", "shell",       "raw",
                                         "script",  "win_command", "win_shell"};

static const char *short_name(const char *module)
{
    return strncmp(module, "ansible.builtin.", 16) == 0 ? module + 16 : module;
}

// The play an ad-hoc command stands for.
static struct value make_play(struct session *s, const char *pattern, const char *module)
{
    struct arena *a = s->arena;
    struct value play = value_dict(a), task = value_dict(a), tasks = value_list(a);
    const char *args =
        s->o.module_args ? s->o.module_args : config_str(s->config, CONFIG_MODULE_ARGS);
    struct value text = value_cstr(args ? args : "");
    if (args && (*args == '{') && args[strlen(args) - 1] == '}') {
        struct value v;
        if (yaml_parse(a, args, strlen(args), "--args", &(struct yaml_opts){.json_first = true}, &v,
                       NULL) == 0 &&
            v.type == VALUE_DICT)
            text = v;
    }
    dict_set(task.u.dict, module, text);
    if (s->o.background) {
        dict_set(task.u.dict, "async", value_int(s->o.background));
        dict_set(task.u.dict, "poll", value_int(s->o.poll));
    }
    list_add(tasks.u.list, task);
    dict_set(play.u.dict, "name", value_cstr("Ansible Ad-Hoc"));
    dict_set(play.u.dict, "hosts", value_cstr(pattern));
    dict_set(play.u.dict, "gather_facts", value_bool(false));
    dict_set(play.u.dict, "tasks", tasks);
    return play;
}

static struct run_sink pick_output(struct session *s)
{
    if (s->o.output && strcmp(s->o.output, "json") == 0)
        return output_json_new(&s->out);
    if (s->compat || (s->o.output && strcmp(s->o.output, "ansible") == 0) || s->o.one_line ||
        s->o.tree) {
        s->out.ansible = true;
        return output_minimal_new(&s->out);
    }
    if (!s->out.quiet && s->out.verbosity < 1)
        s->out.verbosity = 1; // its result is what one asked for
    return output_andon_new(&s->out);
}

static int execute(struct session *s, const char *pattern, const char *module, struct plan *plan)
{
    struct playbook *pb;
    struct err e = ERR_INIT;
    struct value play = make_play(s, pattern, module);
    char cwd[4096];
    const char *dir = s->o.playbook_dir ? s->o.playbook_dir : getcwd(cwd, sizeof cwd) ? cwd : ".";
    if (playbook_from_value(s->loader, dir, &play, &pb, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_ERROR;
    }
    s->run.sink = session_callbacks(s, plan ? plan_sink(plan) : pick_output(s));
    int code = record_open(s);
    struct run *r = run_new(&s->run);
    session_watch_signals(s, r);
    if (code == 0)
        code = record_begin(s);
    bool may = code == 0;
    if (may)
        code = run_playbook(r, pb, &e);
    if (e.code) {
        session_error(s, &e);
        err_release(&e);
    }
    if (may && !s->compat && !plan)
        run_stats(r);
    record_end(s, r, code);
    run_free(r);
    output_free(&s->run.sink);
    return code;
}

// Modules that do nothing without arguments.
static int check_args(struct session *s, const char *pattern, const char *module)
{
    struct err e = ERR_INIT;
    size_t n = strlen(pattern);
    bool playbook = n > 4 && strcmp(pattern + n - 4, ".yml") == 0;
    if (strcmp(short_name(module), "import_playbook") == 0)
        err_set(&e, ERR_INVALID, POS_NONE, "'%s' is not a valid action for ad-hoc commands",
                module);
    for (size_t i = 0; i < sizeof wants_args / sizeof *wants_args; i++)
        if (strcmp(short_name(module), wants_args[i]) == 0 &&
            (!s->o.module_args || !*s->o.module_args))
            err_set(&e, ERR_INVALID, POS_NONE, "No argument passed to %s module%s%s", module,
                    playbook ? " (did you mean to run " : "",
                    !playbook   ? ""
                    : s->compat ? "ansible-playbook?)"
                                : "'andon run'?)");
    if (!e.code)
        return 0;
    session_error(s, &e);
    err_release(&e);
    return RUN_BAD_OPTIONS;
}

// Tells that the pattern matches no host. An error of --limit ends the command.
static int match_hosts(struct session *s, const char *pattern, struct inventory_hosts *ret)
{
    struct value v = value_cstr(pattern);
    struct err e = ERR_INIT;
    int rc = inventory_match(s->inventory, s->arena, &v, s->o.limit, NULL, ret, &e);
    session_warn_inventory(s);
    if (rc < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_ERROR;
    }
    if (!ret->len)
        print_warning(&s->out, "No hosts matched, nothing to do");
    return 0;
}

int cmd_do(int argc, char **argv, bool compat)
{
    struct session s;
    struct inventory_hosts hosts;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_DO);
    if (!code && !s.o.args->len) {
        session_usage_error(&s, "the following arguments are required: pattern");
        code = RUN_USAGE;
    } else if (!code && s.o.args->len > 1) {
        session_usage_error(&s, "unrecognized arguments: %s", s.o.args->items[1].u.str.s);
        code = RUN_USAGE;
    }
    if (!code)
        code = guard_options(&s);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    const char *pattern = s.o.args->items[0].u.str.s,
               *module =
                   s.o.module_name ? s.o.module_name : config_str(s.config, CONFIG_MODULE_NAME);
    code = session_open(&s);
    if (code == 0)
        code = match_hosts(&s, pattern, &hosts);
    if (code == 0 && s.o.list_hosts) {
        printf("  hosts (%zu):\n", hosts.len);
        for (size_t i = 0; i < hosts.len; i++)
            printf("    %s\n", hosts.hosts[i]->name);
    } else if (code == 0) {
        struct guard_job job = {0};
        code = check_args(&s, pattern, module);
        if (code == 0)
            code = guard_do(&s, module, pattern, &hosts, &job);
        struct plan *plan = s.o.request ? plan_new(&s) : NULL;
        if (code == 0 && hosts.len)
            code = execute(&s, pattern, module, plan);
        if (plan)
            code = guard_request(&s, &job, plan, code);
        plan_free(plan);
    }
    session_close(&s);
    return code;
}
