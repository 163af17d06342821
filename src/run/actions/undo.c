// _andon_undo: has the helper put back what a run changed on a host, as each user the run worked
// as. All of them are asked first whether everything is as the run left it.
#include "core/file.h"
#include "run/actions/actions.h"

#include <string.h>

#define PARTS_MAX 64 // users of one host
#define REST_S 5     // for telling how far it came

struct undo {
    struct exec *x;
    const char *run;
    bool force, closes;           // closes: nothing more of the run may be done here
    int64_t seconds;              // this host may take, 0: as long as it wants
    int64_t until;                // by clock_mono_ms, 0: for ever
    bool late;                    // it is over
    bool began;                   // something may have been put back
    const char *users[PARTS_MAX]; // "": the login itself
    size_t n;
    struct value *result;
    struct value actions, conflicts, lost, left, diff, warnings;
    const char *half, *state; // of the last part
};

static void add_all(struct value *to, const struct dict *d, const char *key)
{
    const struct value *v = dict_get(d, key);
    for (size_t i = 0; v && v->type == VALUE_LIST && i < v->u.list->len; i++)
        list_add(to->u.list, v->u.list->items[i]);
    if (v && v->type == VALUE_DICT)
        list_add(to->u.list, *v);
}

// Gives what comes next the time that is left; false when there is none.
static bool set_timeout(struct undo *u)
{
    int64_t left = u->until ? u->until - clock_mono_ms() : 0;
    u->late = u->until && left <= 0;
    u->x->timeout = u->until ? (int)((left + 999) / 1000) : 0;
    return !u->late;
}

// Asks the helper as a user: 0, or an error whose result is in *ret.
static int ask(struct undo *u, const char *user, const char *op, struct value *ret)
{
    struct value extra = value_dict(u->x->a), args = value_dict(u->x->a);
    dict_set(extra.u.dict, "run", value_cstr(u->run));
    dict_set(extra.u.dict, "op", value_cstr(op));
    dict_set(extra.u.dict, "force", value_bool(u->force));
    if (u->x->run->o.run_id)
        dict_set(extra.u.dict, "by", value_cstr(u->x->run->o.run_id));
    struct module_call c = {.module = "_undo",
                            .args = args.u.dict,
                            .extra = extra.u.dict,
                            .bare = true,
                            .as_login = !*user,
                            .become_user = *user ? user : NULL};
    *ret = value_dict(u->x->a);
    if (!set_timeout(u))
        return ERR_FAILED;
    int rc = exec_module(u->x, &c, ret);
    u->late = u->until && clock_mono_ms() >= u->until;
    add_all(&u->warnings, ret->u.dict, "warnings");
    return rc < 0 || dict_bool(ret->u.dict, "unreachable", false) ||
                   dict_bool(ret->u.dict, "failed", false)
               ? ERR_FAILED
               : 0;
}

static void add_part(struct undo *u, const char *user)
{
    if (u->n < PARTS_MAX)
        u->users[u->n++] = user;
}

// Who has a journal of the run: users first, root last, as runs mostly begin as root.
static int find_parts(struct undo *u)
{
    struct value own, root = value_null(), closed;
    if (u->closes && ask(u, "", "close", &closed) < 0) {
        *u->result = closed;
        return ERR_FAILED;
    }
    if (ask(u, "", "look", &own) < 0) {
        *u->result = own;
        return ERR_FAILED;
    }
    u->half = dict_str(own.u.dict, "half", NULL);
    bool is_root = dict_bool(own.u.dict, "is_root", false);
    bool other = dict_bool(own.u.dict, "root", false) && !is_root;
    if (other && u->closes && ask(u, "root", "close", &closed) < 0) {
        *u->result = closed;
        return ERR_FAILED;
    }
    if (other && ask(u, "root", "look", &root) < 0) {
        *u->result = root;
        return ERR_FAILED;
    }
    if (!u->half && other)
        u->half = dict_str(root.u.dict, "half", NULL);
    const struct value *users = dict_get(other ? root.u.dict : own.u.dict, "users");
    bool mine = dict_get(own.u.dict, "state") != NULL;
    u->state = dict_str(own.u.dict, "state", NULL);
    if (other)
        u->state = dict_str(root.u.dict, "state", u->state);
    for (size_t i = 0; users && users->type == VALUE_LIST && i < users->u.list->len; i++) {
        const char *name = value_to_cstr(u->x->a, &users->u.list->items[i]);
        if (is_root || strcmp(name, dict_str(own.u.dict, "user", "")) != 0)
            add_part(u, name); // the login itself comes below
    }
    if (mine)
        add_part(u, "");
    if (other)
        add_part(u, "root");
    return 0;
}

static void set_list(struct undo *u, const char *key, const struct value *l)
{
    if (l->u.list->len)
        dict_set(u->result->u.dict, key, *l);
}

static void finish(struct undo *u, bool changed)
{
    struct dict *d = u->result->u.dict;
    dict_set(d, "changed", value_bool(changed));
    dict_set(d, "run", value_cstr(u->run));
    set_list(u, "actions", &u->actions);
    set_list(u, "conflicts", &u->conflicts);
    set_list(u, "lost", &u->lost);
    set_list(u, "left", &u->left);
    set_list(u, "diff", &u->diff);
    set_list(u, "warnings", &u->warnings);
}

// Everybody's check; a failure when something is not as the run left it.
static int check(struct undo *u)
{
    for (size_t i = 0; i < u->n; i++) {
        struct value v;
        if (ask(u, u->users[i], "check", &v) < 0) {
            *u->result = v;
            return ERR_FAILED;
        }
        add_all(&u->conflicts, v.u.dict, "conflicts");
    }
    size_t n = u->conflicts.u.list->len;
    if (!n || u->force)
        return 0;
    finish(u, false);
    return action_fail(u->x, u->result,
                       "%zu %s not as the run left %s; nothing was put back "
                       "(--force does so all the same)",
                       n, n == 1 ? "thing is" : "things are", n == 1 ? "it" : "them");
}

static int put_back(struct undo *u)
{
    bool changed = false, again = u->n > 0;
    const char *failure = NULL;
    for (size_t i = 0; i < u->n && !failure; i++) {
        struct value v;
        u->began = true;
        if (ask(u, u->users[i], "undo", &v) < 0)
            failure = dict_str(v.u.dict, "msg", "the undo failed");
        changed = changed || dict_bool(v.u.dict, "changed", false);
        again = again && strcmp(dict_str(v.u.dict, "state", ""), "undone") == 0;
        add_all(&u->actions, v.u.dict, "actions");
        add_all(&u->lost, v.u.dict, "lost");
        add_all(&u->left, v.u.dict, "left");
        add_all(&u->diff, v.u.dict, "diff");
        if (dict_bool(v.u.dict, "unreachable", false)) {
            *u->result = v;
            return ERR_FAILED;
        }
    }
    finish(u, changed);
    dict_set(u->result->u.dict, "undone_before", value_bool(again));
    dict_set(u->result->u.dict, "_andon_undone", value_bool(changed));
    return failure ? action_fail(u->x, u->result, "%s", failure) : 0;
}

// The host has had its time: what was put back and what is left, as far as it still answers.
static int tell_late(struct undo *u)
{
    struct value rest;
    bool answers = u->n > 0;
    *u->result = value_dict(u->x->a);
    u->left = value_list(u->x->a);
    u->until = clock_mono_ms() + REST_S * 1000;
    for (size_t i = 0; i < u->n && answers; i++) {
        answers = ask(u, u->users[i], "rest", &rest) == 0;
        if (!answers)
            break;
        add_all(&u->actions, rest.u.dict, "actions");
        add_all(&u->left, rest.u.dict, "left");
    }
    finish(u, u->began);
    dict_set(u->result->u.dict, "late", value_bool(true));
    dict_set(u->result->u.dict, "_andon_undone", value_bool(u->began));
    size_t left = u->left.u.list->len;
    const char *time =
        arena_printf(u->x->a, "the host had %lld seconds and was not done", (long long)u->seconds);
    if (!u->began)
        return action_fail(u->x, u->result, "%s: nothing was put back", time);
    if (!answers)
        return action_fail(u->x, u->result, "%s: it does not say how far it came", time);
    return action_fail(u->x, u->result, "%s: %zu %s left", time, left,
                       left == 1 ? "thing is" : "things are");
}

static int perform(struct undo *u, bool status)
{
    struct dict *d = u->result->u.dict;
    u->closes = !status && !u->x->check;
    if (find_parts(u) < 0)
        return ERR_FAILED;
    if (u->half)
        dict_set(d, "half", value_cstr(u->half));
    if (status) {
        finish(u, false);
        if (u->state)
            dict_set(d, "state", value_cstr(u->state));
        return 0;
    }
    if (!u->n) {
        finish(u, false);
        dict_set(d, "skipped", value_bool(true));
        dict_set(d, "msg", value_cstr("there is no journal of this run"));
        return 0;
    }
    if (check(u) < 0)
        return ERR_FAILED;
    return put_back(u);
}

int action_undo(struct exec *x, struct dict *args, struct value *result)
{
    struct undo u = {.x = x,
                     .run = dict_str(args, "run", ""),
                     .force = dict_bool(args, "force", false),
                     .seconds = dict_int(args, "deadline", 0),
                     .result = result,
                     .actions = value_list(x->a),
                     .conflicts = value_list(x->a),
                     .lost = value_list(x->a),
                     .left = value_list(x->a),
                     .diff = value_list(x->a),
                     .warnings = value_list(x->a)};
    if (u.seconds > 0)
        u.until = clock_mono_ms() + u.seconds * 1000;
    int rc = perform(&u, dict_bool(args, "status", false));
    return rc < 0 && u.late ? tell_late(&u) : rc;
}
