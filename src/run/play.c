// Plays: hosts and batches, facts, variables from files and prompts, exit codes.
#include "core/buf.h"
#include "core/file.h"
#include "run/foreign.h"
#include "run/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <fnmatch.h>

struct run *run_new(const struct run_opts *opts)
{
    struct run *r = xcalloc(1, sizeof *r);
    r->o = *opts;
    r->arena = arena_new();
    r->round_arena = arena_new();
    r->by_name = value_dict(r->arena).u.dict;
    r->includes_tail = &r->includes;
    r->custom_stats = value_dict(r->arena).u.dict;
    pending_init(r);
    r->topts = TEMPLATE_OPTS_DEFAULT;
    r->topts.native = config_bool(opts->config, CONFIG_JINJA2_NATIVE);
    r->topts.fail_on_undefined = config_bool(opts->config, CONFIG_ERROR_ON_UNDEFINED);
    r->inject_facts = config_bool(opts->config, CONFIG_INJECT_FACTS_AS_VARS);
    r->merge_hashes = strcmp(config_str(opts->config, CONFIG_HASH_BEHAVIOUR), "merge") == 0;
    fact_cache_open(r);
    return r;
}

void run_free(struct run *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_hosts; i++) {
        struct rhost *h = r->hosts[i];
        store_release(&h->facts);
        store_release(&h->set_facts);
        store_release(&h->included);
        arena_free(h->view_arena);
        arena_free(h->failed_arena);
        arena_free(h->included_arena);
        arena_free(h->play_arena);
        for (size_t k = 0; k < h->n_conns; k++)
            conn_unref(h->conns[k]);
        free(h->conns);
        free(h->notified);
        free(h->notified_why);
        free(h);
    }
    r->executing = 0;
    run_free_retired(r);
    arena_free(r->play_arena);
    arena_free(r->round_arena);
    arena_free(r->arena);
    err_release(&r->stop);
    free(r->retired);
    free(r->hosts);
    free(r->play_hosts);
    free(r->play_matched);
    free(r->handler_group);
    free(r);
}

void run_stop(struct run *r, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!r->stopped)
        err_vset(&r->stop, ERR_INVALID, pos, fmt, ap);
    va_end(ap);
    r->stopped = true;
}

const char *run_basedir(const struct run *r)
{
    if (r->play && r->play->basedir)
        return r->play->basedir;
    return r->pb ? r->pb->basedir : ".";
}

bool start_matches(const char *wanted, const char *display, const char *name)
{
    return strcmp(wanted, display) == 0 || (name && strcmp(wanted, name) == 0) ||
           fnmatch(wanted, display, 0) == 0 || (name && fnmatch(wanted, name, 0) == 0);
}

// --- values of the play itself (no host): extra vars and play vars
// -------------------------------------

static int play_value(struct run *r, struct play *p, const char *key, struct arena *a,
                      struct value *ret, struct err *e)
{
    const struct value *raw = node_attr(&p->n, key);
    struct static_scope s;
    struct templar t;
    if (!raw)
        return 0;
    run_static_templar(r, &p->n, &s, &t);
    int rc = template_value(&t, a, raw, ret, e);
    return rc < 0 ? err_at(e, value_pos(raw)) : ret->type != VALUE_NULL;
}

const char *run_play_title(struct run *r, struct play *p, const char *pattern, struct arena *a)
{
    struct value v;
    if (p->name && play_value(r, p, "name", a, &v, NULL) > 0)
        return arena_strdup(a, value_to_cstr(a, &v));
    return arena_strdup(a, p->name ? p->name : pattern);
}

static bool play_bool(struct run *r, struct play *p, const char *key, bool dflt, struct arena *a)
{
    struct value v;
    if (play_value(r, p, key, a, &v, NULL) <= 0)
        return dflt;
    if (v.type == VALUE_STRING) {
        int b = value_parse_bool(v.u.str.s, v.u.str.len);
        return b < 0 ? dflt : b;
    }
    return value_truthy(&v);
}

int run_play_hosts(struct run *r, struct playbook *pb, struct play *p, struct value *ret_pattern,
                   const char ***ret_names, size_t *ret_n, struct err *e)
{
    (void)pb;
    struct value v;
    int rc = play_value(r, p, "hosts", r->arena, &v, e);
    if (rc < 0)
        return err_wrap(e, "the hosts pattern of the play");
    struct buf b = BUF_INIT;
    if (v.type == VALUE_LIST)
        for (size_t i = 0; i < v.u.list->len; i++)
            buf_addf(&b, "%s%s", i ? "," : "", value_to_cstr(r->arena, &v.u.list->items[i]));
    else
        buf_adds(&b, value_to_cstr(r->arena, &v));
    *ret_pattern = value_str(r->arena, buf_str(&b));
    buf_release(&b);
    struct value order;
    const char *how = play_value(r, p, "order", r->arena, &order, NULL) > 0
                          ? value_to_cstr(r->arena, &order)
                          : NULL;
    return run_match(r, ret_pattern->u.str.s, how, ret_names, ret_n, e);
}

// --- facts
// ---------------------------------------------------------------------------------------------

bool play_wants_facts(struct run *r, struct rhost *h)
{
    const char *gathering = config_str(r->o.config, CONFIG_GATHERING);
    const struct value *own = node_attr(&r->play->n, "gather_facts");
    if (own)
        return true; // decided when the task was made
    if (gathering && strcmp(gathering, "smart") == 0 && h->gathered)
        return false;
    return true;
}

static struct task *gather_task(struct run *r, struct play *p)
{
    const char *gathering = config_str(r->o.config, CONFIG_GATHERING);
    bool dflt = !gathering || strcmp(gathering, "explicit") != 0;
    struct arena *a = r->play_arena;
    if (!play_bool(r, p, "gather_facts", dflt, a))
        return NULL;
    struct task *t = arena_new_of(a, struct task);
    struct value attrs = value_dict(a), args = value_dict(a), tags = value_list(a);
    list_add(tags.u.list, value_cstr("always"));
    if (!node_attr(&p->n, "tags")) // a play with tags is selected by them, its facts too
        dict_set(attrs.u.dict, "tags", tags);
    static const char *const keys[] = {"gather_subset", "gather_timeout", "fact_path"};
    for (size_t i = 0; i < 3; i++) {
        const struct value *v = node_attr(&p->n, keys[i]);
        if (v)
            dict_set(args.u.dict, keys[i], *v);
    }
    t->n = (struct node){.kind = NODE_TASK,
                         .parent = &p->n,
                         .attrs = attrs.u.dict,
                         .play = p,
                         .pos = p->n.pos,
                         .file = p->n.file};
    t->name = "Gathering Facts";
    t->action = "gather_facts";
    t->module = "gather_facts";
    t->args = args;
    t->implicit = true;
    return t;
}

// --- variables
// -------------------------------------------------------------------------------------------

// One entry of vars_files: a file, or a list of which the first that exists counts.
static int vars_file_entry(struct exec *x, const struct value *entry, struct dict *into,
                           struct err *e)
{
    struct run *r = x->run;
    struct value list = value_as_list(x->a, entry);
    bool undefined = false;
    for (size_t i = 0; i < list.u.list->len; i++) {
        struct value name;
        struct err inner = ERR_INIT;
        if (exec_template(x, &list.u.list->items[i], &name, &inner) < 0) {
            undefined = inner.code == ERR_UNDEFINED;
            err_release(&inner);
            continue;
        }
        const char *path = playbook_find_file(x->a, &r->play->n, "vars", value_to_cstr(x->a, &name),
                                              run_basedir(r), NULL);
        if (!path)
            continue;
        struct dict *vars;
        int rc = loader_vars_file(r->o.loader, path, &vars, e);
        if (rc == 0)
            dict_update(into, vars);
        return rc;
    }
    if (undefined)
        return 0; // depends on facts of hosts; Ansible passes over it
    return err_set(e, ERR_NOENT, value_pos(entry), "vars file %s was not found",
                   value_to_cstr(x->a, &list.u.list->items[0]));
}

void play_load_vars_files(struct run *r, struct rhost *h)
{
    const struct value *files = r->play->vars_files;
    struct err e = ERR_INIT;
    struct arena *a = arena_new();
    struct exec x;
    int rc = 0;
    if (!files || files->type == VALUE_NULL) {
        arena_free(a);
        return;
    }
    h->play_vars_files = value_dict(h->play_arena).u.dict;
    struct value list = value_as_list(a, files);
    for (size_t i = 0; i < list.u.list->len && rc == 0; i++) {
        exec_init(&x, r, h, NULL, a);
        rc = vars_file_entry(&x, &list.u.list->items[i], h->play_vars_files, &e);
    }
    if (rc < 0)
        run_stop(r, e.pos, "%s", err_msg(&e));
    err_release(&e);
    arena_free(a);
}

// --- batches
// ------------------------------------------------------------------------------------------------

// The size the serial item says for `all` hosts; 0: all of them.
static size_t batch_size(const struct value *v, size_t all, struct arena *a)
{
    const char *s = value_to_cstr(a, v);
    char *end;
    double n = strtod(s, &end);
    if (*end == '%')
        n = floor(n / 100.0 * (double)all);
    if (*end == '%' && n < 1)
        n = 1;
    return n <= 0 ? 0 : (size_t)n;
}

// Whether an item of serial is a number or a percentage.
static int check_serial(const struct value *v, struct arena *a, struct err *e)
{
    const char *s = value_to_cstr(a, v);
    char *end;
    strtod(s, &end);
    if (end > s && (!*end || strcmp(end, "%") == 0))
        return 0;
    return err_set(e, ERR_INVALID, value_pos(v),
                   "'serial' should be a number or a percentage, not '%s'", s);
}

static void reset_host(struct run *r, struct rhost *h)
{
    h->frames = NULL;
    h->done = h->waiting = h->running = h->passed_over = h->forced = false;
    h->in_rescue = h->rescues = 0;
    h->n_notified = 0;
    h->ended = false;
    h->follow = h->follow_pending = h->follow_ready = h->leader = false;
    h->play_vars_files = NULL;
    if (h->failed_arena)
        run_retire(r, h->failed_arena);
    h->failed_arena = NULL;
    arena_free(h->play_arena);
    h->play_arena = arena_new();
    h->roles = value_dict(h->play_arena).u.dict;
}

static void tell_play(struct run *r, struct play *p, size_t n)
{
    if (r->o.sink.play_start)
        r->o.sink.play_start(r->o.sink.data, p, r->play_name, n, r->play_check);
}

static void run_batch(struct run *r, struct play *p, const char *strategy)
{
    tell_play(r, p, r->batch.n);
    for (size_t i = 0; i < r->batch.n; i++)
        reset_host(r, r->batch.hosts[i]);
    collect_handlers(r, p);
    r->end_batch = false;
    r->fatal = r->halted = false;
    schedule_batch(r, strcmp(strategy, "linear") == 0 || strcmp(strategy, "debug") == 0);
}

static bool all_out(const struct run *r)
{
    for (size_t i = 0; i < r->batch.n; i++)
        if (!r->batch.hosts[i]->failed && !r->batch.hosts[i]->unreachable)
            return false;
    return r->batch.n > 0;
}

static int run_batches(struct run *r, struct play *p, const char *strategy, struct err *e)
{
    struct value serial;
    struct rhost **hosts = r->play_hosts;
    size_t n = r->n_play_hosts, done = 0;
    int rc = play_value(r, p, "serial", r->play_arena, &serial, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        serial = value_int(0);
    struct value sizes = serial;
    if (serial.type != VALUE_LIST || !serial.u.list->len) {
        sizes = value_list(r->play_arena);
        list_add(sizes.u.list, serial.type == VALUE_LIST ? value_int(0) : serial);
    }
    for (size_t i = 0; i < sizes.u.list->len; i++)
        if (check_serial(&sizes.u.list->items[i], r->play_arena, e) < 0)
            return err_at(e, p->n.pos);
    for (size_t i = 0; done < n && !r->interrupted && !r->end_play && !r->stopped; i++) {
        size_t at = i < sizes.u.list->len ? i : sizes.u.list->len - 1;
        size_t size = batch_size(&sizes.u.list->items[at], n, r->play_arena);
        if (!size || size > n - done)
            size = n - done;
        r->batch = (struct batch){.hosts = hosts + done, .n = size};
        done += size;
        run_batch(r, p, strategy);
        if (r->fatal && r->o.sink.no_hosts_remaining)
            r->o.sink.no_hosts_remaining(r->o.sink.data);
        if (all_out(r) || r->fatal)
            break;
    }
    return 0;
}

// Notes the hosts' places in the inventory when the play has an order of its own.
static int rank_hosts(struct run *r, struct play *p, const char *pattern, struct err *e)
{
    const char **names;
    size_t n;
    if (!node_attr(&p->n, "order"))
        return 0;
    int rc = run_match(r, pattern, NULL, &names, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        run_host_get(r, names[i], true)->rank = i;
    return rc;
}

static int play_strategy(struct run *r, struct play *p, const char **ret, struct err *e)
{
    static const char *const known[] = {"linear",         "free",         "host_pinned", "debug",
                                        "mitogen_linear", "mitogen_free", "mitogen"};
    const char *name = config_str(r->o.config, CONFIG_STRATEGY);
    struct value v;
    if (play_value(r, p, "strategy", r->play_arena, &v, NULL) > 0)
        name = value_to_cstr(r->play_arena, &v);
    if (strncmp(name, "ansible.builtin.", 16) == 0)
        name += 16;
    bool ok = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ok = ok || strcmp(name, known[i]) == 0;
    if (!ok) {
        if (r->o.ansible_wording)
            tell_play(r, p, r->n_play_hosts);
        return err_set(e, ERR_INVALID, p->n.pos, "Invalid play strategy specified: %s%s", name,
                       r->o.ansible_wording ? "" : " (known: linear, free, host_pinned)");
    }
    if (strncmp(name, "mitogen", 7) == 0)
        name = strcmp(name, "mitogen_free") == 0 ? "free" : "linear";
    *ret = name;
    return 0;
}

static int run_play(struct run *r, struct play *p, struct err *e)
{
    const char **names;
    size_t n;
    struct value pattern, v;
    arena_free(r->play_arena);
    r->play_arena = arena_new();
    r->play = p;
    r->play_name = p->name; // until it is templated
    r->n_play_hosts = r->n_play_matched = 0;
    r->handlers = (struct node_list){0};
    r->batch = (struct batch){0};
    r->play_prompts = NULL;
    r->gather_task = NULL;
    r->end_play = false;
    int rc = run_play_hosts(r, r->pb, p, &pattern, &names, &n, e);
    if (rc < 0)
        return rc;
    r->play_name = run_play_title(r, p, pattern.u.str.s, r->play_arena);
    r->play_check = play_bool(r, p, "check_mode", r->o.check, r->play_arena);
    free(r->play_hosts);
    free(r->play_matched);
    r->play_hosts = xcalloc(n + 1, sizeof(struct rhost *));
    r->play_matched = xcalloc(n + 1, sizeof(struct rhost *));
    r->n_play_matched = n;
    r->n_play_hosts = 0;
    if ((rc = rank_hosts(r, p, pattern.u.str.s, e)) < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (r->o.reach && (rc = r->o.reach(r->o.prompt_data, names[i], e)) < 0)
            return rc;
        struct rhost *h = run_host_get(r, names[i], true);
        r->play_matched[i] = h;
        if (!node_attr(&p->n, "order"))
            h->rank = i;
        if (!h->failed && !h->unreachable)
            r->play_hosts[r->n_play_hosts++] = h;
    }
    if (!n || !r->n_play_hosts) {
        tell_play(r, p, 0);
        if (!n && r->o.sink.no_hosts_matched)
            r->o.sink.no_hosts_matched(r->o.sink.data);
        return 0;
    }
    if ((rc = play_ask_vars(r, p, e)) < 0)
        return rc;
    warn_reserved_names(r, p);
    bool force = r->o.force_handlers || config_bool(r->o.config, CONFIG_FORCE_HANDLERS);
    r->force_handlers = play_bool(r, p, "force_handlers", force, r->play_arena);
    r->max_fail_percentage = -1;
    if (play_value(r, p, "max_fail_percentage", r->play_arena, &v, NULL) > 0)
        r->max_fail_percentage = v.type == VALUE_INT ? (double)v.u.i
                                 : v.type == VALUE_FLOAT
                                     ? v.u.f
                                     : strtod(value_to_cstr(r->play_arena, &v), NULL);
    const char *strategy = NULL;
    if ((rc = play_strategy(r, p, &strategy, e)) < 0)
        return rc;
    r->gather_task = gather_task(r, p);
    return run_batches(r, p, strategy, e);
}

static void on_tick(uv_timer_t *t)
{
    struct run *r = t->data;
    if (r->o.sink.tick)
        r->o.sink.tick(r->o.sink.data);
}

static int exit_code(const struct run *r)
{
    int code = RUN_OK;
    for (size_t i = 0; i < r->n_hosts; i++) {
        if (r->hosts[i]->unreachable)
            code |= RUN_UNREACHABLE;
        if (r->hosts[i]->failed)
            code |= RUN_FAILED;
    }
    return code & RUN_UNREACHABLE ? RUN_UNREACHABLE : code;
}

int run_playbook(struct run *r, struct playbook *pb, struct err *e)
{
    int rc = 0;
    r->pb = pb;
    r->flush_task =
        (struct task){.kind = TASK_META, .module = "meta", .action = "meta", .implicit = true};
    r->flush_task.n = (struct node){.kind = NODE_TASK, .attrs = value_dict(r->arena).u.dict};
    uv_timer_init(fleet_loop(r->o.fleet), &r->tick);
    r->tick.data = r;
    uv_timer_start(&r->tick, on_tick, 100, 100);
    uv_unref((uv_handle_t *)&r->tick);
    if (r->o.sink.playbook_start)
        r->o.sink.playbook_start(r->o.sink.data, pb->path);
    for (size_t i = 0; i < pb->n_plays && rc == 0 && !r->interrupted; i++) {
        rc = run_play(r, pb->plays[i], e);
        if (rc == 0 && r->stopped)
            rc = err_move(e, &r->stop);
        if (r->n_play_hosts && r->n_play_hosts == r->n_play_matched && all_out(r))
            break;
        if (r->fatal)
            break;
    }
    r->play = NULL;
    uv_close((uv_handle_t *)&r->tick, NULL);
    uv_run(fleet_loop(r->o.fleet), UV_RUN_NOWAIT);
    if (rc == 0 && r->o.start_at_task && !r->started && !r->o.ansible_wording && !r->interrupted)
        rc = err_set(e, ERR_NOENT, POS_NONE,
                     "no task is called '%s' (--start-at-task; what is included while the playbook "
                     "runs cannot be found)",
                     r->o.start_at_task);
    if (rc < 0)
        return r->stop_code ? r->stop_code : RUN_ERROR;
    return r->interrupted ? RUN_INTERRUPTED : exit_code(r);
}

static int by_host_name(const void *x, const void *y)
{
    return strcmp(((const struct host_stats *)x)->host, ((const struct host_stats *)y)->host);
}

struct host_stats *run_host_stats(struct run *r, struct arena *a, size_t *ret_n)
{
    struct host_stats *s = arena_array(a, struct host_stats, r->n_hosts + 1);
    size_t n = 0;
    for (size_t i = 0; i < r->n_hosts; i++) {
        const struct host_stats *h = &r->hosts[i]->stats;
        if (h->ok || h->changed || h->unreachable || h->failed || h->skipped || h->rescued ||
            h->ignored || h->unknown) {
            s[n] = *h;
            s[n++].host = r->hosts[i]->name;
        }
    }
    qsort(s, n, sizeof *s, by_host_name);
    *ret_n = n;
    return s;
}

void run_stats(struct run *r)
{
    struct arena *a = arena_new();
    size_t n;
    struct host_stats *s = run_host_stats(r, a, &n);
    struct stats_event ev = {.hosts = s,
                             .n = n,
                             .check = r->o.check,
                             .recorded = r->o.recorded && *r->o.recorded ? r->o.run_id : NULL,
                             .custom = r->custom_stats->len ? r->custom_stats : NULL};
    if (r->o.plugins)
        ev.n_foreign = plugins_uses(r->o.plugins, &ev.foreign);
    if (r->o.sink.stats)
        r->o.sink.stats(r->o.sink.data, &ev);
    arena_free(a);
}

size_t run_failed_hosts(struct run *r, const char **names, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_hosts && n < max; i++)
        if (r->hosts[i]->failed || r->hosts[i]->unreachable)
            names[n++] = r->hosts[i]->name;
    return n;
}

bool run_started(const struct run *r)
{
    return r->started;
}

void run_interrupt(struct run *r)
{
    r->interrupted = true;
    for (size_t i = 0; i < r->n_hosts; i++) {
        struct rhost *h = r->hosts[i];
        if (h->conn_used && h->conn_id)
            conn_cancel(h->conn_used, h->conn_id);
        exec_wake(h);
        plugin_wake(h);
    }
}
