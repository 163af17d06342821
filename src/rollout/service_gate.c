// Gates of a service file: a mapping with one main key, which says what kind it is, and what
// belongs to that kind.
#include "rollout/canary.h"
#include "rollout/service_keys.h"

#include <math.h>
#include <string.h>

#define TIMEOUT 900.0
#define WINDOW_WAIT (7 * 86400.0)
#define MAX_GATES 100

static const struct gate_row *row_of(const char *name)
{
    for (size_t i = 0; i < n_gate_rows; i++)
        if (strcmp(gate_rows[i].name, name) == 0)
            return &gate_rows[i];
    return NULL;
}

// Its key says what kind a gate is; NULL after telling that there is none, or more than one.
static const struct gate_row *find_row(struct reader *r, const struct value *v,
                                       const struct value **ret)
{
    const struct gate_row *found = NULL;
    struct dict_entry *it;
    DICT_EACH(v->u.dict, it)
    {
        const struct gate_row *row = it->key.type == VALUE_STRING ? row_of(it->key.u.str.s) : NULL;
        if (row && found) {
            reader_problem(r, value_pos(&it->key), "a gate is '%s' or '%s', not both", found->name,
                           row->name);
            return NULL;
        }
        if (row) {
            found = row;
            *ret = &it->val;
        }
    }
    return found;
}

// A gate without a kind: the misspelt key, or the list of kinds.
static void tell_kind(struct reader *r, const struct value *v)
{
    const char *names[16];
    struct dict_entry *it;
    for (size_t i = 0; i < n_gate_rows; i++)
        names[i] = gate_rows[i].name;
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, it)
        {
            const char *text = value_to_cstr(r->a, &it->key);
            const char *near = err_suggest(text, names, (int)n_gate_rows);
            if (near && !key_find(gate_keys, text)) {
                reader_problem(r, value_pos(&it->key), "there is no gate '%s' (did you mean '%s'?)",
                               text, near);
                return;
            }
        }
    reader_problem(r, value_pos(v),
                   "a gate is a mapping with one of the keys command, on_hosts, playbook, http, "
                   "prometheus, bake, window, health or canary");
}

// The value of the main key.
static void read_main(struct reader *r, const struct gate_row *row, const struct value *v,
                      struct gate *g)
{
    struct key k = {.name = row->name, .type = row->type, .offset = row->offset};
    if (!reader_value(r, &k, v, g))
        return;
    if (row->kind == GATE_HTTP && strncmp(g->text, "http://", 7) != 0 &&
        strncmp(g->text, "https://", 8) != 0 && strncmp(g->text, "{{", 2) != 0)
        reader_problem(r, value_pos(v), "'http' takes a URL that begins with http:// or https://");
}

static const char *made_name(struct reader *r, const struct gate_row *row, const struct value *v)
{
    if (row->kind == GATE_HEALTH || row->kind == GATE_CANARY || v->type == VALUE_DICT ||
        v->type == VALUE_LIST)
        return row->name;
    return arena_printf(r->a, "%s %s", row->name, value_to_cstr(r->a, v));
}

static void read_others(struct reader *r, const struct value *v, const struct gate_row *row,
                        struct gate *g)
{
    struct dict_entry *it;
    const char *what = arena_printf(r->a, "the gate %s", row->name);
    DICT_EACH(v->u.dict, it)
    {
        const char *name = value_to_cstr(r->a, &it->key);
        const struct key *k = key_find(gate_keys, name);
        if (strcmp(name, row->name) == 0)
            continue;
        if (!k)
            reader_unknown(r, &it->key, gate_keys, what);
        else if (k->kinds && !(k->kinds & GATE_BIT(row->kind)))
            reader_problem(r, value_pos(&it->key), "'%s' does not belong to %s", name, what);
        else if (it->val.type == VALUE_NULL)
            reader_problem(r, value_pos(&it->key), "'%s' has no value", name);
        else
            reader_value(r, k, &it->val, g);
    }
}

static void canary_problem(void *data, struct pos pos, const char *msg)
{
    reader_problem(data, pos, "%s", msg);
}

// What only the whole gate can tell.
static void check_gate(struct reader *r, const struct gate *g)
{
    if (g->kind == GATE_PROMETHEUS && !g->url)
        reader_problem(r, g->pos, "the gate prometheus needs the key 'url'");
    if (g->kind == GATE_PROMETHEUS && isnan(g->min) && isnan(g->max))
        reader_problem(r, g->pos, "the gate prometheus needs the key 'min', 'max' or both");
    if (g->kind == GATE_PROMETHEUS && g->min > g->max)
        reader_problem(r, g->pos, "'min' is more than 'max': nothing could lie between");
    if (g->kind == GATE_CANARY && canary_check(g->canary, canary_problem, r) && !g->url &&
        canary_queries(g->canary))
        reader_problem(r, g->pos, "the gate canary needs the key 'url' for its queries");
    if (g->timeout <= 0)
        reader_problem(r, g->pos, "a gate needs a timeout that is more than 0");
}

static void read_gate(struct reader *r, const struct value *v, struct gate *g)
{
    *g = (struct gate){.pos = value_pos(v),
                       .timeout = 30,
                       .tls_verify = true,
                       .status_min = 200,
                       .status_max = 299,
                       .method = "GET",
                       .min = NAN,
                       .max = NAN,
                       .max_failed = {.set = true}};
    const struct value *main = NULL;
    if (v->type == VALUE_STRING && strcmp(v->u.str.s, "health") == 0) {
        g->kind = GATE_HEALTH;
        g->name = "health";
        return;
    }
    size_t before = r->problems;
    const struct gate_row *row = v->type == VALUE_DICT ? find_row(r, v, &main) : NULL;
    if (!row) {
        if (r->problems == before)
            tell_kind(r, v);
        return;
    }
    g->kind = row->kind;
    read_main(r, row, main, g);
    read_others(r, v, row, g);
    if (!g->name)
        g->name = made_name(r, row, main);
    if (r->problems == before)
        check_gate(r, g);
}

// Gates that take their time need more of it than others.
static void set_timeout(struct reader *r, const struct value *v, bool given, struct gates *set)
{
    double bake = 0, wait = 0;
    const struct gate *longest = NULL;
    for (size_t i = 0; i < set->n; i++) {
        const struct gate *g = &set->gates[i];
        if (g->kind == GATE_BAKE && g->seconds > bake) {
            bake = g->seconds;
            longest = g;
        }
        if (g->kind == GATE_WINDOW)
            wait = WINDOW_WAIT;
    }
    struct gate_timing *t = &set->timing;
    if (!given)
        t->timeout = TIMEOUT + bake + wait + t->delay + t->green_for;
    else if (longest && t->timeout < bake + t->green_for)
        reader_problem(r, longest->pos, "the timeout of these gates is shorter than '%s'",
                       longest->name);
    else if (t->timeout < t->delay + t->green_for)
        reader_problem(r, value_pos(v),
                       "the timeout of these gates is shorter than delay and green_for together");
    if (t->every <= 0)
        reader_problem(r, value_pos(v), "'every' is more than 0");
}

bool gates_read(struct reader *r, const struct value *v, struct gates *ret)
{
    size_t before = r->problems;
    const struct value *list = v, *timeout = NULL;
    *ret = (struct gates){.timing = {.every = 15, .timeout = TIMEOUT}};
    if (v->type == VALUE_DICT) {
        reader_mapping(r, v, gates_keys, &ret->timing, "a set of gates");
        list = dict_get(v->u.dict, "gates");
        timeout = dict_get(v->u.dict, "timeout");
        if (!list) {
            if (find_row(r, v, &timeout)) // one gate without its dash
                reader_problem(r, value_pos(v), "gates are a list: write '- ' in front of each");
            return false;
        }
    }
    if (list->type != VALUE_LIST || list->u.list->len > MAX_GATES) {
        reader_problem(r, value_pos(list), "gates are a list%s",
                       list->type == VALUE_LIST ? " of at most 100" : "");
        return false;
    }
    struct gate *gates = arena_array(r->a, struct gate, list->u.list->len + 1);
    for (size_t i = 0; i < list->u.list->len; i++)
        read_gate(r, &list->u.list->items[i], &gates[i]);
    ret->gates = gates;
    ret->n = list->u.list->len;
    if (r->problems == before)
        set_timeout(r, v, timeout != NULL, ret);
    return r->problems == before;
}
