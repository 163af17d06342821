// Requests for a run on protected hosts: what it is, and its dry run as the plan others look at.
#include "cli/guard.h"

#include "cli/identity.h"
#include "cli/plan.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "rollout/approval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool guard_makes_plan(const struct session *s)
{
    return s->o.request || (s->command == OPT_PLAN && getenv(GUARD_PLAN));
}

int guard_options(struct session *s)
{
    if (s->o.request && s->o.break_glass) {
        session_usage_error(s, "--request and --break-glass exclude each other");
        return RUN_USAGE;
    }
    if (s->o.break_glass && !s->o.break_glass[strspn(s->o.break_glass, " ")]) {
        session_usage_error(s, "--break-glass needs a reason");
        return RUN_USAGE;
    }
    if (s->o.request)
        s->o.check = s->o.diff = s->out.check = true;
    return 0;
}

// --- what a run is
// ------------------------------------------------------------------------------------------

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void add_list(struct dict *d, const char *key, const struct list *l)
{
    if (l->len)
        dict_set(d, key, (struct value){.type = VALUE_LIST, .u.list = (struct list *)(uintptr_t)l});
}

// The digest of everything that decides what is done. It alone is kept: arguments may be secrets.
static void finish(struct session *s, struct value *v, const char **hosts, size_t n,
                   struct guard_job *ret)
{
    struct value list = value_list(s->arena);
    struct buf b = BUF_INIT;
    char hex[HASH_HEX_MAX];
    size_t kept = 0;
    if (n)
        qsort(hosts, n, sizeof *hosts, by_text);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(hosts[i], hosts[kept - 1]) != 0)
            hosts[kept++] = hosts[i];
    hosts[kept] = NULL;
    for (size_t i = 0; i < kept; i++)
        list_add(list.u.list, value_cstr(hosts[i]));
    dict_set(v->u.dict, "hosts", list);
    add_list(v->u.dict, "tags", s->o.tags);
    add_list(v->u.dict, "skip_tags", s->o.skip_tags);
    add_list(v->u.dict, "extra_vars", s->o.extra_vars);
    if (s->o.start_at_task)
        dict_set(v->u.dict, "start_at_task", value_cstr(s->o.start_at_task));
    json_write(&b, v, &(struct json_opts){.sort_keys = true, .compact = true});
    hash_hex(HASH_SHA256, buf_str(&b), b.len, hex);
    buf_release(&b);
    ret->hosts = hosts;
    ret->what = arena_strdup(s->arena, hex);
}

static size_t all_hosts(struct session *s, const char ***ret)
{
    struct value all = value_cstr("all");
    struct inventory_hosts found = {0};
    if (inventory_match(s->inventory, s->arena, &all, s->o.limit, NULL, &found, NULL) < 0)
        return 0;
    *ret = arena_array(s->arena, const char *, found.len + 1);
    for (size_t i = 0; i < found.len; i++)
        (*ret)[i] = found.hosts[i]->name;
    return found.len;
}

// Hosts that tasks name in delegate_to; what is a template is known when the task runs.
static void note_delegate(void *data, const struct play *p, const struct task *t, const char *name,
                          const struct list *tags)
{
    const struct value *v = node_attr(&t->n, "delegate_to");
    (void)p;
    (void)name;
    (void)tags;
    if (v && v->type == VALUE_STRING && !template_has_template(v))
        list_add(data, *v);
}

int guard_job_of_playbooks(struct session *s, struct run *r, struct guard_job *ret, struct err *e)
{
    struct value v = value_dict(s->arena), digests = value_list(s->arena),
                 reached = value_list(s->arena);
    struct buf command = BUF_INIT;
    const char **hosts = NULL;
    size_t n = 0;
    int rc = 0;
    buf_adds(&command, "run");
    for (size_t i = 0; i < s->o.args->len && rc == 0; i++) {
        const char *path = s->o.args->items[i].u.str.s;
        struct playbook *pb;
        char hex[HASH_HEX_MAX];
        buf_addf(&command, " %s", path);
        rc = playbook_load(s->loader, path, &pb, e);
        for (size_t k = 0; rc == 0 && k < pb->n_plays; k++) {
            const char **names;
            struct value pattern;
            size_t m = 0;
            if (run_play_hosts(r, pb, pb->plays[k], &pattern, &names, &m, NULL) < 0)
                m = all_hosts(s, &names); // its hosts are not known yet
            hosts = xrealloc(hosts, (n + m + 1) * sizeof *hosts);
            for (size_t h = 0; h < m; h++)
                hosts[n++] = names[h];
            rc = run_list_tasks(r, pb, pb->plays[k], note_delegate, reached.u.list, e);
        }
        if (rc == 0 && hash_file(HASH_SHA256, path, hex, NULL) == 0)
            list_add(digests.u.list, value_str(s->arena, hex));
    }
    if (s->o.limit)
        buf_addf(&command, " --limit %s", s->o.limit);
    const char **kept = arena_array(s->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        kept[i] = arena_strdup(s->arena, hosts[i]);
    free(hosts);
    dict_set(v.u.dict, "playbooks", digests);
    ret->command = arena_strdup(s->arena, buf_str(&command));
    ret->reached = reached.u.list;
    buf_release(&command);
    if (rc == 0)
        finish(s, &v, kept, n, ret);
    return rc;
}

void guard_job_of_module(struct session *s, const char *module, const char *pattern,
                         const struct inventory_hosts *hosts, struct guard_job *ret)
{
    struct value v = value_dict(s->arena);
    const char **names = arena_array(s->arena, const char *, hosts->len + 1);
    for (size_t i = 0; i < hosts->len; i++)
        names[i] = hosts->hosts[i]->name;
    dict_set(v.u.dict, "module", value_cstr(module));
    dict_set(v.u.dict, "args", value_cstr(s->o.module_args ? s->o.module_args : ""));
    ret->command = arena_printf(s->arena, "do %s -m %s", pattern, module);
    finish(s, &v, names, hosts->len, ret);
}

// --- the plan
// ------------------------------------------------------------------------------------------

static int keep(struct session *s, const struct guard_job *j, const char *plan, size_t len,
                char id[32], struct err *e)
{
    char digest[LEDGER_DIGEST_HEX];
    struct ledger *l = NULL;
    struct policy *p = NULL;
    struct ledger_opts lo = {0};
    struct value body = value_dict(s->arena), hosts = value_list(s->arena);
    struct policy_decision d = {0};
    const char *statement =
                   arena_printf(s->arena, "{\"verb\":\"request\",\"what\":\"%s\"}", j->what),
               *signature, *principal = NULL;
    int rc = identity_policy(s, &p, e);
    if (rc == 0)
        rc = guard_addresses_read(s, p, e);
    if (rc == 0)
        rc = identity_sign(s, statement, false, &signature, &principal, e);
    if (rc >= 0 && !principal) // else who asked could approve it, too
        rc = err_set(e, ERR_INVALID, POS_NONE,
                     "a request is signed, and %s: others could not tell it from their own",
                     rc == 0 ? "there is no key to sign with" : "your key is no allowed signer's");
    if (rc >= 0)
        rc = ledger_open(session_state_dir(s), &lo, &l, e);
    if (rc == 0)
        rc = ledger_blob_put(l, plan, len, digest, e);
    if (rc == 0) {
        struct policy_request q = {.action = s->undoes ? POLICY_UNDO : POLICY_RUN,
                                   .actor = principal,
                                   .verified = true,
                                   .protected = true,
                                   .hosts = j->hosts,
                                   .host_matches = guard_host_matches,
                                   .data = s,
                                   .now = clock_real_us()};
        policy_decide(p, &q, s->arena, &d);
        ledger_new_id('a', id);
        for (const char *const *h = j->hosts; *h; h++)
            list_add(hosts.u.list, value_cstr(*h));
        dict_set(body.u.dict, "for", value_cstr("run"));
        dict_set(body.u.dict, "subject", value_cstr(id));
        dict_set(body.u.dict, "plan", value_cstr(digest));
        dict_set(body.u.dict, "what", value_cstr(j->what));
        dict_set(body.u.dict, "command", value_cstr(j->command));
        dict_set(body.u.dict, "hosts", hosts);
        dict_set(body.u.dict, "by", value_cstr(principal));
        dict_set(body.u.dict, "statement", value_cstr(statement));
        dict_set(body.u.dict, "signature", value_cstr(signature));
        dict_set(body.u.dict, "need", value_int(d.approvals > 0 ? d.approvals : 1));
        dict_set(body.u.dict, "protected", value_bool(true));
        // what no rule allows yet is approved of by others alone
        dict_set(body.u.dict, "four_eyes", value_bool(d.verdict == POLICY_DENIED || d.four_eyes));
        struct ledger_event ev = {
            .type = "approval.requested", .actor = principal, .body = body.u.dict};
        rc = ledger_append(l, &ev, 1, e);
    }
    ledger_close(l);
    policy_free(p);
    return rc;
}

int guard_request(struct session *s, const struct guard_job *j, struct plan *p, int code)
{
    struct err e = ERR_INIT;
    struct buf plan = BUF_INIT;
    char id[32];
    plan_text(p, &plan);
    fwrite(buf_str(&plan), 1, plan.len, stdout);
    if (code != 0) {
        fprintf(stderr, "andon: the dry run did not succeed: nothing is requested\n");
    } else if (keep(s, j, buf_str(&plan), plan.len, id, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        code = RUN_ERROR;
    } else {
        printf("Requested as %s. Others approve it with: andon approve %s\nThen run the same "
               "without --request, within a day.\n",
               id, id);
    }
    buf_release(&plan);
    return code;
}
