// Settings, inventory, variables, connections and output of a command.
#include "cli/censor.h"
#include "cli/incident.h"
#include "cli/guard.h"
#include "cli/record.h"
#include "cli/session.h"
#include "cli/man_rollout.h"
#include "cli/source.h"
#include "cli/text.h"
#include "cli/vault.h"

#include "core/buf.h"
#include "core/file.h"
#include "playbook/kv.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void session_error(const struct session *s, const struct err *e)
{
    struct buf b = BUF_INIT, excerpt = BUF_INIT, msg = BUF_INIT;
    if (s->run.sink.clear)
        s->run.sink.clear(s->run.sink.data);
    text_add_clean(&msg, err_msg(e), strlen(err_msg(e)));
    if (s->compat)
        buf_addf(&b, "ERROR! %s\n", err_msg(e));
    else if (e->pos.line)
        buf_addf(&b, "%s:%u:%u: error: %s\n", source_name(e->pos), e->pos.line, e->pos.col,
                 buf_str(&msg));
    else
        buf_addf(&b, "andon: error: %s\n", buf_str(&msg));
    if (s->compat)
        source_add_ansible(&b, e->pos);
    else
        source_add_line(&excerpt, "", e->pos);
    display(&s->out, CONFIG_COLOR_ERROR, stderr, buf_str(&b));
    fputs(buf_str(&excerpt), stderr);
    buf_release(&excerpt);
    buf_release(&msg);
    buf_release(&b);
}

// --- passwords
// ------------------------------------------------------------------------------------

static int ask_passwords(struct session *s)
{
    int rc = 0;
    if (s->o.connection_password_file &&
        (rc = session_password_file(s, s->o.connection_password_file, &s->ssh_password)))
        return rc;
    if (s->o.become_password_file &&
        (rc = session_password_file(s, s->o.become_password_file, &s->become_password)))
        return rc;
    if (s->o.ask_pass || config_bool(s->config, CONFIG_ASK_PASS))
        s->ssh_password = session_ask(s, "SSH password: ", true, 0);
    if (s->o.ask_become_pass || config_bool(s->config, CONFIG_BECOME_ASK_PASS)) {
        s->become_password = session_ask(
            s,
            s->ssh_password ? "BECOME password[defaults to SSH password]: " : "BECOME password: ",
            true, 0);
        if (s->become_password && !*s->become_password && s->ssh_password) {
            free(s->become_password);
            s->become_password = xstrdup(s->ssh_password);
        }
    }
    return 0;
}

// --- options and settings
// ------------------------------------------------------------------------------

static void usage(const struct session *s, unsigned command)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "usage: %s [options] %s\n\n", s->program,
             command == OPT_RUN        ? "PLAYBOOK..."
             : command == OPT_DO       ? "PATTERN"
             : command == OPT_CHECK    ? "[PATH...]"
             : command == OPT_VAULT    ? "ACTION [FILE...]"
             : command == OPT_DRIFT    ? "[HOSTS]"
             : command == OPT_UNDO     ? "RUN"
             : command == OPT_PLAN     ? "PLAYBOOK..."
             : command == OPT_FLOW     ? "[SERVICE...]"
             : command == OPT_LEDGER   ? "ACTION [SEQ]"
             : command == OPT_INCIDENT ? "ACTION [...]"
             : command == OPT_WHO      ? "HOST PATH|PACKAGE|NAME"
             : command == OPT_AUDIT    ? "[SERVICE]"
             : command == OPT_DEPLOY   ? deploy_synopsis(s->program)
             : command == OPT_APPROVE  ? "[ROLLOUT | REQUEST]"
             : command == OPT_RELEASE
                 ? "create SERVICE VERSION | list [SERVICE] | show SERVICE VERSION"
                 : "");
    if (command == OPT_LEDGER) {
        ledger_actions_help(&b);
        buf_addc(&b, '\n');
    }
    if (command == OPT_VAULT) {
        vault_actions_help(&b);
        buf_addc(&b, '\n');
    }
    if (command == OPT_INCIDENT) {
        incident_actions_help(&b);
        buf_addc(&b, '\n');
    }
    options_help(&b, command);
    fputs(buf_str(&b), stdout);
    buf_release(&b);
}

void session_usage_error(const struct session *s, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s: error: %s\n", s->program, buf_str(&b));
    if (!s->compat)
        fprintf(stderr, "Try '%s --help'.\n", s->program);
    buf_release(&b);
}

// --output must be one of the kinds there are.
static bool output_known(const struct session *s)
{
    static const struct {
        unsigned commands;
        const char *kinds[4];
    } rows[] = {{OPT_RUN | OPT_DO, {"andon", "ansible", "json"}},
                {OPT_CHECK, {"text", "json", "sarif"}},
                {OPT_FLOW, {"text", "json", "csv"}},
                {OPT_DRIFT | OPT_INCIDENT | OPT_LEDGER | OPT_LOG | OPT_WHO | OPT_RELEASE |
                     OPT_APPROVE | OPT_DEPLOY | OPT_UNDO | OPT_PLAN,
                 {"text", "json"}},
                {OPT_AUDIT, {"text", "csv", "json"}}};
    struct buf list = BUF_INIT;
    size_t row = 0;
    int n = 0;
    while (row < sizeof rows / sizeof *rows && !(rows[row].commands & s->command))
        row++;
    if (!s->o.output || row == sizeof rows / sizeof *rows)
        return true;
    const char *const *kinds = rows[row].kinds;
    for (; kinds[n]; n++) {
        if (strcmp(s->o.output, kinds[n]) == 0) {
            buf_release(&list);
            return true;
        }
        buf_addf(&list, "%s'%s'", n ? ", " : "", kinds[n]);
    }
    const char *near = err_suggest(s->o.output, kinds, n);
    session_usage_error(s, "argument --output: invalid choice: '%s' (choose from %s)%s%s%s",
                        s->o.output, buf_str(&list), near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "");
    buf_release(&list);
    return false;
}

// Tells which settings are used. JSON output stays JSON.
static void tell_config(const struct session *s)
{
    FILE *to = s->o.output && strcmp(s->o.output, "json") == 0 ? stderr : stdout;
    if (s->o.verbosity > 0 && config_file(s->config))
        displayf(&s->out, CONFIG_COLOR_VERBOSE, to, "Using %s as config file",
                 config_file(s->config));
    else if (s->o.verbosity > 0)
        display(&s->out, CONFIG_COLOR_VERBOSE, to, "No config file found; using defaults");
}

static int columns(void)
{
    struct winsize w;
    const char *env = getenv("COLUMNS");
    if (isatty(1) && ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col > 80)
        return w.ws_col;
    return !isatty(1) || !env || atoi(env) < 80 ? 80 : atoi(env);
}

int session_options(struct session *s, const char *program, bool compat, int argc, char **argv,
                    unsigned command)
{
    struct err e = ERR_INIT;
    *s = (struct session){
        .arena = arena_new(), .compat = compat, .program = program, .command = command};
    s->out = (struct output_opts){.columns = columns(), .tty = isatty(1), .ansible = compat};
    if (config_load(s->arena, NULL, &s->config, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_BAD_OPTIONS;
    }
    s->out.config = s->config;
    s->out.color = config_bool(s->config, CONFIG_FORCE_COLOR) ||
                   (isatty(1) && !config_bool(s->config, CONFIG_NOCOLOR));
    if (options_parse(&s->o, s->arena, argc, argv, command, &e) < 0) {
        session_usage_error(s, "%s", err_msg(&e));
        err_release(&e);
        return RUN_USAGE;
    }
    if (s->o.help) {
        usage(s, command);
        return -1;
    }
    if (s->o.version) {
        printf("%s %s\n", compat ? program : "andon", ANDON_VERSION);
        return -1;
    }
    const struct list *w = config_warnings(s->config);
    for (size_t i = 0; i < w->len; i++)
        print_warning(&s->out, "%s", value_to_cstr(s->arena, &w->items[i]));
    if (s->o.forks < 0) {
        session_usage_error(s, "The number of processes (--forks) must be >= 1");
        return RUN_USAGE;
    }
    if (!output_known(s))
        return RUN_USAGE;
    s->o.verbosity += (int)config_int(s->config, CONFIG_VERBOSITY);
    s->out.verbosity = s->o.verbosity;
    tell_config(s);
    s->out.one_line = s->o.one_line;
    s->out.tree = s->o.tree;
    s->out.quiet = s->o.quiet;
    s->out.check = s->o.check;
    return 0;
}

// --- variables
// -----------------------------------------------------------------------------------------

static int add_extra(struct session *s, const char *text, struct err *e)
{
    struct value v;
    struct dict *d;
    int rc;
    while (*text == ' ')
        text++;
    if (*text == '@') {
        struct yaml_opts opts = {.json_first = true, .decrypt = session_decrypt, .decrypt_data = s};
        rc = yaml_load_file(s->arena, session_path(s, text + 1), &opts, &v, e);
        if (rc < 0)
            return rc;
    } else if (*text == '{' || *text == '[') {
        rc = yaml_parse(s->arena, text, strlen(text), "--extra-vars",
                        &(struct yaml_opts){.json_first = true}, &v, e);
        if (rc < 0)
            return rc;
    } else if (*text == '/' || *text == '.') {
        return err_set(e, ERR_INVALID, POS_NONE, "Please prepend extra_vars filename '%s' with '@'",
                       text);
    } else {
        rc = kv_parse(s->arena, text, strlen(text), false, POS_NONE, &d, e);
        if (rc < 0)
            return rc;
        v = (struct value){.type = VALUE_DICT, .u.dict = d};
    }
    if (v.type == VALUE_NULL)
        return 0;
    if (v.type != VALUE_DICT)
        return err_set(e, ERR_INVALID, value_pos(&v),
                       "Invalid extra vars data supplied. '%s' could not be made into a dictionary",
                       text);
    dict_update(s->extra_vars, v.u.dict);
    return 0;
}

// --- warnings of the loader
// -------------------------------------------------------------------------------------------------

static void warn(void *data, struct pos pos, const char *msg)
{
    const struct session *s = data;
    (void)pos;
    print_warning(&s->out, "%s", msg);
}

// --- opening
// -------------------------------------------------------------------------------------------------

static void on_secret(void *data, const char *text, size_t len)
{
    const struct session *s = data;
    censor_add(s->censor, text, len);
}

static const char *const *strings(struct session *s, const struct list *l)
{
    const char **out = arena_array(s->arena, const char *, l->len + 1);
    for (size_t i = 0; i < l->len; i++)
        out[i] = value_to_cstr(s->arena, &l->items[i]);
    return out;
}

const char *session_own_file(struct session *s, const char *env, const char *name)
{
    const char *set = getenv(env);
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (set)
        return set;
    if (n <= 0)
        return name;
    self[n] = '\0';
    const char *dir = path_dir(s->arena, self);
    const char *beside = path_join(s->arena, dir, name);
    if (access(beside, R_OK) == 0)
        return beside;
    return arena_printf(s->arena, "%s/../libexec/andon/%s", dir, name);
}

const char *session_state_dir(struct session *s)
{
    const char *home = getenv("ANDON_HOME"), *xdg = getenv("XDG_STATE_HOME"),
               *user = getenv("HOME");
    char cwd[4096];
    if (home && *home && *home != '/' && getcwd(cwd, sizeof cwd))
        return path_join(s->arena, cwd, home);
    if (home && *home)
        return home;
    if (xdg && *xdg)
        return path_join(s->arena, xdg, "andon");
    return path_join(s->arena, user && *user ? user : "/root", ".local/state/andon");
}

static void on_event(void *data, const struct conn *c, enum fleet_event event, const char *text)
{
    const struct session *s = data;
    if (s->o.verbosity < 3 && event != FLEET_ALTERED)
        return;
    if (s->run.sink.clear)
        s->run.sink.clear(s->run.sink.data);
    if (event == FLEET_ALTERED) {
        const char *msg = arena_printf(s->arena,
                                       "%s: the helper kept on the host (%s) was altered or "
                                       "damaged; it has been removed and is sent anew",
                                       conn_name(c), text);
        if (s->run.sink.warning)
            s->run.sink.warning(s->run.sink.data, POS_NONE, msg);
        else
            print_warning(&s->out, "%s", msg);
        return;
    }
    fprintf(stderr, "<%s> %s%s%s\n", conn_name(c), fleet_event_name(event), *text ? ": " : "",
            text);
}

// Asks what ssh wants to know of a host, on the terminal.
static char *ask_for_ssh(void *data, const struct conn *c, enum ask_kind kind, const char *prompt)
{
    struct session *s = data;
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s%s: ", s->out.tty ? "\r\033[K" : "", conn_name(c));
    for (const char *p = prompt; *p; p++) // parts of it may come from the host
        buf_addc(&b, (unsigned char)*p < ' ' && *p != '\n' ? ' ' : *p);
    char *answer = NULL;
    if (kind == ASK_NOTICE)
        fprintf(stderr, "%s\n", buf_str(&b));
    else
        answer = session_ask(s, buf_str(&b), kind == ASK_SECRET, 0);
    buf_release(&b);
    return answer;
}

static int open_fleet(struct session *s, struct err *e)
{
    static struct fleet_helper helper;
    const char *dir = session_state_dir(s);
    helper.path = session_own_file(s, "ANDON_NODE", "andon-node");
    if (access(helper.path, R_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "the helper '%s' cannot be read: %s (set ANDON_NODE to where it is)",
                       helper.path, strerror(errno));
    const char *control = path_join(s->arena, dir, "cp"); // fleet.c falls back to other folders
    struct fleet_opts fo = {.helpers = &helper,
                            .n_helpers = 1,
                            .max_connecting = s->run.forks,
                            .control_dir = control,
                            .ask = session_can_ask() ? ask_for_ssh : NULL,
                            .on_event = on_event,
                            .data = s};
    s->fleet = fleet_new(&fo, e);
    return s->fleet ? 0 : ERR_IO;
}

static int load_inventory(struct session *s, struct err *e)
{
    const struct list *from =
        s->o.inventories->len ? s->o.inventories : config_list(s->config, CONFIG_INVENTORY);
    struct inventory_opts io = {
        .config = s->config, .decrypt = session_decrypt, .decrypt_data = s, .strict = !s->compat};
    session_inventory_plugins(s, &io);
    return inventory_load(s->arena, strings(s, from), from->len, &io, &s->inventory, e);
}

static int reload_inventory(void *data, struct inventory **ret, struct err *e)
{
    struct session *s = data;
    int rc = load_inventory(s, e);
    if (rc == 0)
        *ret = s->inventory;
    return rc;
}

static int default_forks(const struct session *s)
{
    if (s->o.forks)
        return s->o.forks;
    // Ansible's default of 5 is for its own cost per host; ours is higher unless the user has set
    // one
    const char *origin = config_origin(s->config, CONFIG_FORKS);
    return !s->compat && strcmp(origin, "default") == 0 ? 50
                                                        : (int)config_int(s->config, CONFIG_FORKS);
}

static void on_error(void *data, const struct err *e)
{
    fflush(stdout);
    session_error(data, e);
}

// Told and done as Ansible does, down to what its check mode skips.
static bool as_ansible(const struct session *s)
{
    return s->compat || s->o.one_line || s->o.tree ||
           (s->o.output && strcmp(s->o.output, "ansible") == 0);
}

// A failed ring is put back by undo, so that what cannot be undone is not done; but for that undo
// itself, which may be what makes room on a full disk.
static bool part_of_rollout(void)
{
    const char *context = getenv("ANDON_CONTEXT");
    return context && *context;
}

static void fill_run_opts(struct session *s)
{
    struct run_opts *r = &s->run;
    *r = (struct run_opts){.inventory = s->inventory,
                           .config = s->config,
                           .cache = s->cache,
                           .extra_vars = s->extra_vars,
                           .limit = s->o.limit,
                           .forks = default_forks(s),
                           .check = s->o.check,
                           .diff = s->o.diff || config_bool(s->config, CONFIG_DIFF_ALWAYS),
                           .force_handlers = s->o.force_handlers,
                           .become = s->o.become,
                           .become_method = s->o.become_method,
                           .become_user = s->o.become_user,
                           .remote_user = s->o.user,
                           .private_key = s->o.private_key,
                           .connection = s->o.connection,
                           .ssh_common_args = s->o.ssh_common_args,
                           .ssh_extra_args = s->o.ssh_extra_args,
                           .timeout = s->o.timeout,
                           .verbosity = s->o.verbosity,
                           .start_at_task = s->o.start_at_task,
                           .step = s->o.step,
                           .pending = s->pending,
                           .ansible_wording = s->compat,
                           .defer_unknown = s->o.check && !as_ansible(s),
                           .live_output = s->o.live,
                           .decrypt = session_decrypt,
                           .decrypt_data = s,
                           .flush_cache = s->o.flush_cache,
                           .prompt = session_ask,
                           .reload_inventory = reload_inventory,
                           .error = on_error,
                           .secret = on_secret,
                           .reach = guard_reach,
                           .prompt_data = s};
    r->undo = config_bool(s->config, CONFIG_UNDO);
    r->undo_required = r->undo && part_of_rollout() && !s->undoes;
    r->undo_runs = config_int(s->config, CONFIG_UNDO_RUNS);
    r->undo_bytes = config_int(s->config, CONFIG_UNDO_BYTES);
    r->tags = s->o.tags->len ? strings(s, s->o.tags)
                             : strings(s, config_list(s->config, CONFIG_TAGS_RUN));
    r->skip_tags = s->o.skip_tags->len ? strings(s, s->o.skip_tags)
                                       : strings(s, config_list(s->config, CONFIG_TAGS_SKIP));
    r->ssh_password = s->ssh_password;
    r->become_password = s->become_password;
}

int session_open(struct session *s)
{
    struct err e = ERR_INIT;
    if ((s->command & (OPT_RUN | OPT_DO) && record_wanted(s)) || guard_makes_plan(s))
        s->censor = censor_new();
    int rc = ask_passwords(s);
    if (rc)
        return rc;
    int fail_code = RUN_ERROR;
    if (session_load_secrets(s, &e) < 0)
        goto fail;
    s->extra_vars = value_dict(s->arena).u.dict;
    for (size_t i = 0; i < s->o.extra_vars->len; i++)
        if (add_extra(s, s->o.extra_vars->items[i].u.str.s, &e) < 0) {
            fail_code = e.code == ERR_INVALID ? RUN_BAD_OPTIONS : RUN_ERROR;
            goto fail;
        }
    s->cache = template_cache_new();
    session_set_hooks(s);
    if (!s->o.playbook_dir)
        s->o.playbook_dir = config_str(s->config, CONFIG_PLAYBOOK_DIR);
    session_open_plugins(s);
    if (session_check_plugins(s, &e) < 0 || load_inventory(s, &e) < 0)
        goto fail;
    fill_run_opts(s);
    struct loader_opts lo = {.extra_vars = s->extra_vars,
                             .roles_path = strings(s, config_list(s->config, CONFIG_ROLES_PATH)),
                             .collections_path =
                                 strings(s, config_list(s->config, CONFIG_COLLECTIONS_PATHS)),
                             .cache = s->cache,
                             .lax_keywords = !config_bool(s->config, CONFIG_INVALID_TASK_ATTRIBUTE),
                             .warn = warn,
                             .data = s};
    lo.yaml = (struct yaml_opts){
        .warn = warn, .warn_data = s, .decrypt = session_decrypt, .decrypt_data = s};
    session_loader_plugins(s, &lo);
    s->loader = loader_new(&lo);
    s->run.loader = s->loader;
    if (s->command & OPT_HOSTS && open_fleet(s, &e) < 0)
        goto fail;
    s->run.fleet = s->fleet;
    return 0;
fail:
    session_error(s, &e);
    err_release(&e);
    return fail_code;
}

void session_warn_inventory(struct session *s)
{
    const struct list *w = inventory_warnings(s->inventory);
    struct inventory_hosts all = {0};
    struct value pattern = value_cstr("all");
    for (size_t i = 0; i < w->len; i++)
        print_warning(&s->out, "%s", value_to_cstr(s->arena, &w->items[i]));
    const char *first = s->o.args->len ? s->o.args->items[0].u.str.s : "";
    bool local = strcmp(first, "localhost") == 0 || strcmp(first, "127.0.0.1") == 0 ||
                 strcmp(first, "::1") == 0;
    if (s->compat && (s->command == OPT_RUN || (s->command == OPT_DO && !local)) &&
        config_bool(s->config, CONFIG_LOCALHOST_WARNING) && !inventory_parsed(s->inventory) &&
        inventory_match(s->inventory, s->arena, &pattern, NULL, NULL, &all, NULL) == 0 && !all.len)
        print_warning(&s->out, "provided hosts list is empty, only localhost is available. Note "
                               "that the implicit localhost does not match 'all'");
}

static void wipe(char *p)
{
    if (p)
        explicit_bzero(p, strlen(p));
    free(p);
}

void session_close(struct session *s)
{
    session_unwatch_signals(s);
    if (s->fleet)
        fleet_close(s->fleet, 500);
    session_close_plugins(s);
    loader_free(s->loader);
    template_cache_free(s->cache);
    git_query_end(&s->git, NULL);
    wipe(s->ssh_password);
    wipe(s->become_password);
    vault_free(s->vault);
    censor_free(s->censor);
    guard_end(s);
    arena_free(s->arena);
}
