// The plan of a ring: what its run would change, host group by host group, for those who are to
// approve of it.
#include "cli/deploy_children.h"
#include "cli/guard.h"

#include "core/buf.h"
#include "core/program.h"

#include <string.h>

#define PLAN_MS 900000
#define PLAN_MAX ((size_t)8 << 20)

// A dry run over the ring's hosts. All that is kept of it is the plan it prints, without secrets.
static int dry_run(struct deploy *d, const struct batch_job *job, struct arena *a, struct buf *out,
                   struct err *e)
{
    static const char *const env[] = {GUARD_PLAN "=1", "ANSIBLE_FORCE_COLOR=0", NULL};
    struct child_args args = {.a = a};
    struct program_result r;
    struct err why = ERR_INIT;
    const char *vars = NULL;
    int rc = child_vars_file(d, job, a, &vars, e);
    if (rc < 0)
        return rc;
    child_add(&args, CHILD_SELF);
    child_add(&args, "plan");
    child_add(&args, d->service->playbook);
    child_add(&args, "-e");
    child_add(&args, arena_printf(a, "@%s", vars));
    child_add_sources(&args, d);
    child_add(&args, "-l");
    child_add(&args, child_names(a, job->hosts));
    struct program_opts o = {
        .env = env, .timeout_ms = PLAN_MS, .no_terminal = true, .max_output = PLAN_MAX};
    rc = program_run(args.v, &o, &r, &why);
    child_vars_remove(d, a);
    buf_add(out, r.out.p ? r.out.p : "", r.out.len);
    if (rc < 0) // who approves is to see that nothing is known
        buf_addf(out, "\nThe dry run did not come to its end: %s\n", err_msg(&why));
    else if (r.status != 0)
        buf_addf(out, "\nThe dry run ended with code %d: %s\n", r.status,
                 program_last_line(a, &r.err));
    program_release(&r);
    err_release(&why);
    return 0;
}

int deploy_plan_ring(struct deploy *d, const struct ring_state *r, const struct ring *def,
                     struct arena *a, const char **ret, struct err *e)
{
    const struct rollout_state *s = &d->engine.state;
    struct batch_job job = {.action = BATCH_DEPLOY,
                            .ring = r,
                            .def = def,
                            .release = s->release,
                            .batch = 1,
                            .of = 1,
                            .hosts = r->hosts};
    char digest[LEDGER_DIGEST_HEX];
    struct buf out = BUF_INIT;
    deploy_live(d, "%s: dry run of ring %s for its approval", s->service, r->name);
    int rc = dry_run(d, &job, a, &out, e);
    deploy_live(d, NULL);
    if (rc == 0)
        rc = ledger_blob_put(d->ledger, buf_str(&out), out.len, digest, e);
    if (rc == 0)
        *ret = arena_strdup(a, digest);
    buf_release(&out);
    return rc;
}
