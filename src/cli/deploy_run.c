// What a rollout does on hosts: `andon run` and `andon undo` as children of the controller.
#include "cli/deploy_children.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "rollout/process.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNDO_TELLS_S 15 // for an undo to tell what hosts without an answer have left

// --- arguments
// --------------------------------------------------------------------------------------------

const char *child_names(struct arena *a, const struct list *names)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < names->len; i++)
        buf_addf(&b, "%s%s", i ? "," : "", value_to_cstr(a, &names->items[i]));
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

void child_add(struct child_args *args, const char *s)
{
    if (args->n + 1 < sizeof args->v / sizeof *args->v)
        args->v[args->n++] = s;
}

void child_add_sources(struct child_args *args, const struct deploy *d)
{
    for (size_t i = 0; i < d->s.o.inventories->len && i < 64; i++) {
        child_add(args, "-i");
        child_add(args, value_to_cstr(args->a, &d->s.o.inventories->items[i]));
    }
}

// The release that a job puts on hosts, as the play's andon_release.
int child_release(struct deploy *d, const struct batch_job *job, struct arena *a, struct value *ret,
                  struct err *e)
{
    struct release release = {0};
    const char *version = job->release;
    int rc = release_find(d->ledger, d->name, version, a, &release, e);
    if (rc < 0)
        return rc;
    if (rc == 0) // delivered without having been recorded: its version is all there is
        release = (struct release){.service = d->name, .version = version};
    const char *previous = job->action == BATCH_DEPLOY ? d->engine.state.previous : NULL;
    *ret = release_variable(d->ledger, &release, previous, a);
    return 0;
}

static const char *vars_path(const struct deploy *d, struct arena *a)
{
    return arena_printf(a, "%s/rollouts/%s.json", d->home, d->engine.state.id);
}

void child_vars_remove(const struct deploy *d, struct arena *a)
{
    unlink(vars_path(d, a));
}

// The variables of a run in a file of ours: what the service file gives may not stand in argv.
int child_vars_file(struct deploy *d, const struct batch_job *job, struct arena *a,
                    const char **ret, struct err *e)
{
    struct value all = value_dict(a), release;
    struct buf b = BUF_INIT;
    int rc = child_release(d, job, a, &release, e);
    if (rc < 0)
        return rc;
    if (d->service->vars)
        dict_update(all.u.dict, d->service->vars);
    dict_set(release.u.dict, "keep", value_int(d->service->keep));
    dict_set(release.u.dict, "rollout", value_cstr(d->engine.state.id));
    dict_set(release.u.dict, "ring", value_cstr(job->ring->name));
    dict_set(release.u.dict, "batch", value_int(job->batch));
    dict_set(all.u.dict, "andon_release", release);
    *ret = vars_path(d, a);
    json_write(&b, &all, NULL);
    rc = file_mkdirs(path_dir(a, *ret), 0700, e);
    if (rc == 0)
        rc = file_write_atomic(*ret, buf_str(&b), b.len, 0600, e);
    buf_release(&b);
    return rc;
}

const char *child_context(struct deploy *d, const struct batch_job *job, struct arena *a)
{
    const struct rollout_state *s = &d->engine.state;
    struct value v = value_dict(a);
    struct buf b = BUF_INIT;
    dict_set(v.u.dict, "service", value_cstr(s->service));
    dict_set(v.u.dict, "release", value_cstr(s->release));
    dict_set(v.u.dict, "rollout", value_cstr(s->id));
    dict_set(v.u.dict, "ring", value_cstr(job->ring->name));
    if (job->run) {
        dict_set(v.u.dict, "batch", value_int(job->batch));
        dict_set(v.u.dict, "run", value_cstr(job->run));
        dict_set(v.u.dict, "gives_up", child_gives_up(d, job, a));
    } else {
        dict_set(v.u.dict, "gate", value_bool(true));
    }
    if (job->authority)
        dict_set(v.u.dict, "authority", *job->authority);
    buf_adds(&b, "ANDON_CONTEXT=");
    json_write(&b, &v, NULL);
    const char *env = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return env;
}

// The time each host of an undo may take: less than the batch has, so that the undo itself tells
// which of them are done.
static void add_undo_deadline(struct deploy *d, const struct batch_job *job,
                              struct child_args *args)
{
    const struct engine_hooks *h = d->engine.hooks;
    int64_t left = job->deadline ? (job->deadline - h->now(h->data)) / 1000000 : 0;
    if (left <= 0)
        return;
    int64_t seconds = left > 2 * UNDO_TELLS_S ? left - UNDO_TELLS_S : (left + 1) / 2;
    child_add(args, "--deadline");
    child_add(args, arena_printf(args->a, "%llds", (long long)seconds));
}

static int job_args(struct deploy *d, const struct batch_job *job, struct child_args *args,
                    struct err *e)
{
    const char *vars = NULL;
    child_add(args, CHILD_SELF);
    child_add(args, job->action == BATCH_UNDO ? "undo" : "run");
    if (job->action == BATCH_UNDO) {
        child_add(args, job->undoes);
        add_undo_deadline(d, job, args);
    } else {
        int rc = child_vars_file(d, job, args->a, &vars, e);
        if (rc < 0)
            return rc;
        child_add(args, d->service->playbook);
        child_add(args, "-e");
        child_add(args, arena_printf(args->a, "@%s", vars));
    }
    child_add_sources(args, d);
    child_add(args, "-l");
    child_add(args, child_names(args->a, job->hosts));
    child_add(args, "--output");
    child_add(args, "json");
    return 0;
}

// --- what a run tells
// -----------------------------------------------------------------------------------------

struct watch {
    struct deploy *d;
    const struct batch_job *job;
    struct arena *a;
    struct value stats;  // hosts of the stats event, or those that an undo tells
    const char *detail;  // the first failure
    unsigned interrupts; // when it began
    bool late;
};

static void note_failure(struct watch *w, const struct dict *ev)
{
    const char *status = dict_str(ev, "status", "");
    const struct value *result = dict_get(ev, "result");
    if (w->detail || dict_bool(ev, "ignored", false) ||
        (strcmp(status, "failed") != 0 && strcmp(status, "unreachable") != 0))
        return;
    const char *msg =
        result && result->type == VALUE_DICT ? dict_str(result->u.dict, "msg", NULL) : NULL;
    int line = msg ? (int)strcspn(msg, "\n") : 0;
    w->detail =
        arena_printf(w->a, "%s: %s%s%.*s", dict_str(ev, "host", "?"),
                     strcmp(status, "failed") == 0 ? dict_str(ev, "task", "") : "unreachable",
                     msg ? ": " : "", line > 300 ? 300 : line, msg ? msg : "");
}

static void on_line(void *data, const char *s, size_t len)
{
    struct watch *w = data;
    struct value v;
    struct arena *a = arena_new();
    if (json_parse(a, s, len, &v, NULL) == 0 && v.type == VALUE_DICT) {
        const char *event = dict_str(v.u.dict, "event", "");
        const struct value *hosts = dict_get(v.u.dict, "hosts");
        if (strcmp(event, "task") == 0)
            deploy_live(w->d, "  batch %u of %u  %s", w->job->batch, w->job->of,
                        dict_str(v.u.dict, "name", ""));
        else if (strcmp(event, "result") == 0)
            note_failure(w, v.u.dict);
        else if ((strcmp(event, "stats") == 0 || dict_get(v.u.dict, "undoes")) && hosts &&
                 hosts->type == VALUE_DICT)
            w->stats = value_copy(w->a, hosts);
    }
    arena_free(a);
}

// The first wish to stop lets the batch come to its end; the second one ends it.
static int on_tick(void *data)
{
    struct watch *w = data;
    const struct engine_hooks *h = w->d->engine.hooks;
    unsigned before = w->d->interrupts;
    h->wait(h->data, 0);
    if (w->d->interrupts && !before)
        fprintf(stderr, "\nthe batch goes on to its end; once more ends it\n");
    if (w->job->deadline && h->now(h->data) > w->job->deadline) {
        w->late = true;
        return SIGTERM;
    }
    return w->d->interrupts > 1 ? SIGTERM : 0;
}

static bool host_failed(const struct watch *w, const struct value *name)
{
    const struct value *one = w->stats.type == VALUE_DICT ? dict_getv(w->stats.u.dict, name) : NULL;
    if (!one || one->type != VALUE_DICT) // nothing was done to it: the play did not get so far
        return true;
    return dict_int(one->u.dict, "failed", 0) > 0 || dict_int(one->u.dict, "unreachable", 0) > 0;
}

// The last line that is not empty.
static const char *last_line(struct arena *a, const struct buf *b)
{
    const char *s = buf_str(b), *end = s + b->len;
    while (end > s && (end[-1] == '\n' || end[-1] == ' '))
        end--;
    const char *from = end;
    while (from > s && from[-1] != '\n')
        from--;
    return end > from ? arena_strndup(a, from, (size_t)(end - from)) : NULL;
}

static const char *no_stats_detail(const struct watch *w, int status, const struct buf *errors)
{
    const char *said = last_line(w->a, errors);
    if (w->late)
        return w->job->action == BATCH_DEPLOY ? "ended at the ring's deadline"
                                              : "putting back did not end within its deadline";
    if (said)
        return said;
    return WIFSIGNALED(status)
               ? arena_printf(w->a, "the run was killed by signal %d", WTERMSIG(status))
               : arena_printf(w->a, "the run ended with code %d", WEXITSTATUS(status));
}

static int one_is_enough(void *data, const struct ledger_event *ev)
{
    (void)data;
    (void)ev;
    return 1;
}

// Whether the ledger says that a run changed a host.
static bool changed_by(const struct watch *w, const char *run, const char *host)
{
    static const char *const types[] = {"change", NULL};
    struct ledger_filter f = {.types = types, .run = run, .host = host, .limit = 1};
    return ledger_each(w->d->ledger, &f, w->a, one_is_enough, NULL, NULL) != 0;
}

#define PARTLY "partly undone"
#define LOST_MAX 1000 // bytes of a list of what is left

static const char *text_of_list(struct arena *a, const struct list *l)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < l->len && b.len < LOST_MAX; i++)
        buf_addf(&b, "%s%s", i ? "; " : "", value_to_cstr(a, &l->items[i]));
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

// Why a host was not put back, or NULL.
static const char *not_undone(const struct watch *w, const struct value *name)
{
    const char *host = value_to_cstr(w->a, name);
    const struct value *one = w->stats.type == VALUE_DICT ? dict_getv(w->stats.u.dict, name) : NULL;
    if (!one || one->type != VALUE_DICT)
        return "the undo told nothing of it";
    const char *outcome = dict_str(one->u.dict, "outcome", "failed");
    if (strncmp(outcome, "undone", 6) == 0 || strcmp(outcome, PARTLY) == 0)
        return NULL;
    if (strcmp(outcome, "unknown run") == 0)
        return changed_by(w, w->job->undoes, host) ? "it has no journal of the run" : NULL;
    return dict_str(one->u.dict, "msg", outcome);
}

// What the run did there that nothing takes back: told, though the host counts as put back.
static void note_lost(struct watch *w, const struct value *name)
{
    const struct value *one = dict_getv(w->stats.u.dict, name);
    const struct value *lost = dict_get(one->u.dict, "lost");
    if (w->detail || strcmp(dict_str(one->u.dict, "outcome", ""), PARTLY) != 0 || !lost ||
        lost->type != VALUE_LIST || !lost->u.list->len)
        return;
    w->detail = arena_printf(w->a, "partly undone; on %s this is left: %s",
                             value_to_cstr(w->a, name), text_of_list(w->a, lost->u.list));
}

static void take_undo(struct watch *w, struct batch_result *ret)
{
    for (size_t i = 0; i < w->job->hosts->len; i++) {
        const struct value *name = &w->job->hosts->items[i];
        const char *why = not_undone(w, name);
        if (!why)
            continue;
        list_add(ret->failed, *name);
        if (!w->detail)
            w->detail = arena_printf(w->a, "%s: %s", value_to_cstr(w->a, name), why);
    }
    for (size_t i = 0; !ret->failed->len && i < w->job->hosts->len; i++)
        note_lost(w, &w->job->hosts->items[i]);
}

static void take_result(struct watch *w, int status, const struct buf *errors,
                        struct batch_result *ret)
{
    bool whole = w->stats.type == VALUE_DICT && !w->late;
    ret->failed = value_list(w->a).u.list;
    if (whole && w->job->action == BATCH_UNDO)
        take_undo(w, ret);
    for (size_t i = 0; !(whole && w->job->action == BATCH_UNDO) && i < w->job->hosts->len; i++)
        if (!whole || host_failed(w, &w->job->hosts->items[i]))
            list_add(ret->failed, w->job->hosts->items[i]);
    ret->detail = w->detail;
    if (ret->failed->len && !ret->detail)
        ret->detail = whole ? "the playbook did not reach it" : no_stats_detail(w, status, errors);
    ret->interrupted = !whole && w->d->interrupts > 1 && !w->late;
    ret->lost = !whole && WIFSIGNALED(status) && !ret->interrupted && !w->late;
}

int deploy_run_batch(void *data, const struct batch_job *job, struct arena *a,
                     struct batch_result *ret, struct err *e)
{
    struct deploy *d = data;
    struct child_args args = {.a = a};
    struct watch w = {.d = d, .job = job, .a = a, .stats = value_null()};
    struct buf errors = BUF_INIT;
    int status = 0, rc = job_args(d, job, &args, e);
    if (rc < 0)
        return rc;
    const char *const env[] = {child_context(d, job, a), NULL};
    struct process_opts o = {.argv = args.v,
                             .env = env,
                             .keep_fd = d->lock,
                             .data = &w,
                             .line = on_line,
                             .tick = on_tick};
    rc = process_run(&o, &status, &errors, e);
    child_vars_remove(d, a);
    deploy_live(d, NULL);
    if (rc == 0)
        take_result(&w, status, &errors, ret);
    buf_release(&errors);
    return rc;
}
