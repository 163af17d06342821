// andon ledger ACTION: the ledger as a whole: verify it, take it elsewhere, prove what is in it.
#include "cli/session.h"
#include "ledger/export.h"
#include "ledger/tree.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND 1  // exit code: verification found something
#define CANNOT 2 // exit code: wrong command line, or the ledger cannot be read

struct command {
    struct session *s;
    const char *dir;
    struct arena *a;
    bool json;
    const char *word; // behind the action, NULL: none
    struct err *e;
};

static bool json_wanted(const struct session *s)
{
    return s->o.output && strcmp(s->o.output, "json") == 0;
}

static int open_to_read(struct command *c, struct ledger **ret)
{
    return ledger_open(c->dir, &(struct ledger_opts){.read_only = true}, ret, c->e);
}

// A number of the command line.
static int number(struct command *c, const char *text, const char *what, int64_t *ret)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end || end == text || n < 0)
        return err_set(c->e, ERR_INVALID, POS_NONE, "'%s' is no %s", text, what);
    *ret = n;
    return 0;
}

static const struct json_opts compact = {.compact = true};

static void set_hash(struct command *c, struct value *v, const char *key,
                     const struct merkle_hash *h)
{
    char hex[2 * sizeof h->b + 1];
    hash_to_hex(h->b, sizeof h->b, hex);
    dict_set(v->u.dict, key, value_str(c->a, hex));
}

// --- verify
// -------------------------------------------------------------------------------------------

struct findings {
    struct command *c;
    struct value list, redacted;
};

static void on_found(void *data, const struct ledger_finding *f)
{
    struct findings *all = data;
    struct arena *a = all->c->a;
    struct value v = value_dict(a);
    if (!all->c->json) {
        printf("%s\n", f->text);
        return;
    }
    dict_set(v.u.dict, "kind", value_cstr(ledger_finding_name(f->kind)));
    dict_set(v.u.dict, "first", f->first < 0 ? value_null() : value_int(f->first));
    dict_set(v.u.dict, "last", f->first < 0 ? value_null() : value_int(f->last));
    dict_set(v.u.dict, "text", value_str(a, f->text));
    list_add(f->kind == FINDING_REDACTED ? all->redacted.u.list : all->list.u.list, v);
}

static void print_verified(struct command *c, const struct ledger_verified *v,
                           const struct findings *found, int64_t ms)
{
    char hex[2 * sizeof v->root.b + 1];
    struct value all = value_dict(c->a);
    hash_to_hex(v->root.b, sizeof v->root.b, hex);
    if (!c->json) {
        printf("%lld events, %zu checkpoints", (long long)v->events, v->checkpoints);
        if (c->s->o.blobs)
            printf(", %zu blobs", v->blobs);
        if (v->redacted)
            printf(", %zu redacted", v->redacted);
        printf(": %s (%.1f s)\n", v->findings ? "ALTERED" : "as they were recorded",
               (double)ms / 1e3);
        if (!v->findings)
            printf("root %s\n", hex);
        return;
    }
    dict_set(all.u.dict, "events", value_int(v->events));
    dict_set(all.u.dict, "checkpoints", value_int((int64_t)v->checkpoints));
    if (c->s->o.blobs)
        dict_set(all.u.dict, "blobs", value_int((int64_t)v->blobs));
    dict_set(all.u.dict, "root", value_str(c->a, hex));
    dict_set(all.u.dict, "findings", found->list);
    if (v->redacted)
        dict_set(all.u.dict, "redacted", found->redacted);
    print_value(&all, &compact);
}

// A public key as such, or in a file.
static int read_key(struct command *c, const char *given, const char **ret)
{
    char *text;
    size_t len;
    *ret = given;
    if (!given || strchr(given, '+'))
        return 0;
    int rc = file_read(c->a, given, NOTE_MAX, &text, &len, c->e);
    if (rc == 0) {
        text[strcspn(text, "\n")] = '\0';
        *ret = text;
    }
    return rc;
}

static int verify(struct command *c)
{
    struct findings found = {.c = c, .list = value_list(c->a), .redacted = value_list(c->a)};
    struct ledger_verify_opts o = {.blobs = c->s->o.blobs, .found = on_found, .data = &found};
    struct ledger_verified v;
    int64_t started = clock_mono_ms();
    char *note;
    size_t len;
    int rc = read_key(c, c->s->o.key, &o.vkey);
    if (rc == 0 && c->s->o.checkpoint) {
        rc = file_read(c->a, c->s->o.checkpoint, NOTE_MAX, &note, &len, c->e);
        o.checkpoint = note;
    }
    if (rc == 0)
        rc = ledger_verify(c->dir, &o, &v, c->e);
    if (rc < 0)
        return rc;
    print_verified(c, &v, &found, clock_mono_ms() - started);
    return v.findings ? FOUND : 0;
}

// --- export
// -------------------------------------------------------------------------------------------

static int put(void *data, const char *p, size_t len, struct err *e)
{
    FILE *f = data;
    return fwrite(p, 1, len, f) == len
               ? 0
               : err_set(e, ERR_IO, POS_NONE, "cannot write: %s", strerror(errno));
}

static int export_tiles(struct command *c, struct ledger *l)
{
    size_t files = 0;
    if (!c->s->o.to)
        return err_set(c->e, ERR_INVALID, POS_NONE, "tiles need --to, the folder they go to");
    int rc = ledger_export_tiles(l, c->s->o.to, &files, c->e);
    if (rc == 0)
        printf("%zu files written\n", files);
    return rc;
}

static int export_text(struct command *c, struct ledger *l, bool cdevents)
{
    int64_t from = 0;
    int rc = c->s->o.from ? number(c, c->s->o.from, "number of an event", &from) : 0;
    const char *path = c->s->o.to;
    FILE *f = rc < 0 ? NULL : path ? fopen(path, "we") : stdout;
    if (rc < 0)
        return rc;
    if (!f)
        return err_set(c->e, ERR_IO, POS_NONE, "cannot write '%s': %s", path, strerror(errno));
    struct ledger_sink to = {put, f};
    rc = cdevents ? ledger_export_cdevents(l, from, &to, c->e)
                  : ledger_export_lines(l, from, &to, c->e);
    if ((path ? fclose(f) : fflush(f)) != 0 && rc == 0)
        rc = err_set(c->e, ERR_IO, POS_NONE, "cannot write '%s': %s",
                     path ? path : "standard output", strerror(errno));
    return rc;
}

static int export_ledger(struct command *c)
{
    static const char *const formats[] = {"jsonl", "tiles", "cdevents"};
    const char *format = c->s->o.format ? c->s->o.format : "jsonl";
    struct ledger *l = NULL;
    size_t i = 0;
    while (i < 3 && strcmp(formats[i], format) != 0)
        i++;
    if (i == 3)
        return err_set(c->e, ERR_INVALID, POS_NONE,
                       "'%s' is no format of export: jsonl, tiles or cdevents", format);
    int rc = open_to_read(c, &l);
    if (rc == 0)
        rc = i == 1 ? export_tiles(c, l) : export_text(c, l, i == 2);
    ledger_close(l);
    return rc;
}

// --- proofs
// -------------------------------------------------------------------------------------------

// The checkpoint of the tree that is wanted; its note is NULL where none of that size is kept.
static int wanted_tree(struct command *c, struct ledger *l, struct ledger_checkpoint *ret)
{
    struct ledger_checkpoint *all;
    size_t n;
    int64_t size;
    if (!c->s->o.size)
        return ledger_newest(l, c->a, ret, c->e);
    int rc = number(c, c->s->o.size, "number of events", &size);
    if (rc == 0)
        rc = ledger_checkpoints(l, c->a, &all, &n, c->e);
    if (rc < 0)
        return rc;
    *ret = (struct ledger_checkpoint){.tree.size = (uint64_t)size};
    for (size_t i = 0; i < n; i++)
        if (all[i].tree.size == (uint64_t)size && *all[i].note)
            *ret = all[i];
    return ret->note || c->json ? 0
                                : err_set(c->e, ERR_NOENT, POS_NONE,
                                          "no checkpoint of %lld events is kept (--output json "
                                          "gives the proof without one)",
                                          (long long)size);
}

static void print_proof(struct command *c, const struct ledger_proof *p,
                        const struct ledger_checkpoint *tree, const char *what, int64_t at)
{
    struct value all = value_dict(c->a), hashes = value_list(c->a);
    struct buf b = BUF_INIT;
    bool inclusion = strcmp(what, "index") == 0;
    for (size_t i = 0; i < p->n; i++) {
        base64_encode(&b, p->hashes[i].b, sizeof p->hashes[i].b);
        buf_addc(&b, '\n');
        struct value hex = value_dict(c->a);
        set_hash(c, &hex, "h", &p->hashes[i]);
        list_add(hashes.u.list, *dict_get(hex.u.dict, "h"));
    }
    if (!c->json) { // as C2SP tlog-proof, or the request to a C2SP tlog-witness, has it
        printf("%s%s %lld\n%s\n%s", inclusion ? "c2sp.org/tlog-proof@v1\n" : "", what,
               (long long)at, buf_str(&b), tree->note);
    } else {
        dict_set(all.u.dict, what, value_int(at));
        dict_set(all.u.dict, "size", value_int((int64_t)tree->tree.size));
        if (inclusion)
            set_hash(c, &all, "leaf", &p->leaf);
        set_hash(c, &all, "root", &p->root);
        dict_set(all.u.dict, "proof", hashes);
        dict_set(all.u.dict, "checkpoint", tree->note ? value_cstr(tree->note) : value_null());
        print_value(&all, &compact);
    }
    buf_release(&b);
}

static int prove(struct command *c, struct ledger *l)
{
    struct ledger_checkpoint tree;
    struct ledger_proof p;
    const char *old = c->s->o.old;
    int64_t at = 0;
    if (!old == !c->word)
        return err_set(c->e, ERR_INVALID, POS_NONE,
                       "what is to be proved: the number of an event, or --old SIZE");
    int rc = number(c, old ? old : c->word, old ? "number of events" : "number of an event", &at);
    if (rc == 0)
        rc = wanted_tree(c, l, &tree);
    if (rc == 0)
        rc = old ? ledger_prove_prefix(l, (uint64_t)at, tree.tree.size, &p, c->e)
                 : ledger_prove(l, at, tree.tree.size, &p, c->e);
    if (rc == 0)
        print_proof(c, &p, &tree, old ? "old" : "index", at);
    return rc;
}

static int checkpoint(struct command *c, struct ledger *l)
{
    struct ledger_checkpoint t;
    struct value v = value_dict(c->a);
    char time[LEDGER_TIME];
    int rc = ledger_newest(l, c->a, &t, c->e);
    if (rc < 0)
        return rc;
    if (!c->json) {
        fputs(t.note, stdout);
        return 0;
    }
    ledger_time(t.time, time);
    dict_set(v.u.dict, "origin", value_cstr(t.tree.origin));
    dict_set(v.u.dict, "size", value_int((int64_t)t.tree.size));
    set_hash(c, &v, "root", &t.tree.root);
    dict_set(v.u.dict, "time", value_cstr(time));
    dict_set(v.u.dict, "note", value_cstr(t.note));
    print_value(&v, &compact);
    return 0;
}

static int print_key(struct command *c, struct ledger *l)
{
    const char *vkey = NULL;
    int rc = ledger_vkey(l, c->a, &vkey, c->e);
    if (rc == 0)
        printf("%s\n", vkey);
    return rc;
}

static int show(struct command *c, struct ledger *l)
{
    struct ledger_event ev;
    struct ledger_proof p;
    struct value v = value_dict(c->a), event;
    struct buf b = BUF_INIT;
    int64_t seq;
    int rc = c->word ? number(c, c->word, "number of an event", &seq)
                     : err_set(c->e, ERR_INVALID, POS_NONE, "the number of the event is missing");
    if (rc == 0)
        rc = ledger_prove(l, seq, (uint64_t)seq + 1, &p, c->e);
    if (rc == 0)
        rc = ledger_get(l, seq, c->a, &ev, c->e);
    if (rc >= 0)
        ledger_event_json(&b, &ev);
    if (rc >= 0 && (rc = json_parse(c->a, buf_str(&b), b.len, &event, c->e)) == 0) {
        dict_set(v.u.dict, "event", event);
        set_hash(c, &v, "leaf", &p.leaf);
        dict_set(v.u.dict, "seq", value_int(seq));
        print_value(&v, c->json ? &compact : &(struct json_opts){.indent = 2});
    }
    buf_release(&b);
    return rc < 0 ? rc : 0;
}

static int init(struct command *c)
{
    struct ledger *l = NULL;
    int rc = open_to_read(c, &l);
    ledger_close(l);
    if (rc == 0)
        return err_set(c->e, ERR_INVALID, POS_NONE, "there is a ledger in '%s' already", c->dir);
    if (c->e->code != ERR_NOENT)
        return rc;
    err_release(c->e);
    rc = ledger_open(c->dir, &(struct ledger_opts){.origin = c->s->o.origin}, &l, c->e);
    if (rc == 0)
        rc = print_key(c, l);
    ledger_close(l);
    return rc;
}

static int rotate(struct command *c)
{
    struct ledger *l = NULL;
    int rc = open_to_read(c, &l); // there must be one: none is made for this
    ledger_close(l);
    l = NULL;
    if (rc == 0)
        rc = ledger_open(c->dir, NULL, &l, c->e);
    if (rc == 0)
        rc = ledger_rotate_key(l, c->s->o.reason, c->e);
    if (rc == 0)
        rc = print_key(c, l);
    ledger_close(l);
    return rc;
}

static int redact(struct command *c)
{
    struct ledger *l = NULL;
    int64_t seq;
    size_t n = 0;
    const char *reason = c->s->o.reason;
    int rc = c->word ? number(c, c->word, "number of an event", &seq)
                     : err_set(c->e, ERR_INVALID, POS_NONE, "the number of the event is missing");
    if (rc == 0 && (!reason || !reason[strspn(reason, " ")]))
        rc = err_set(c->e, ERR_INVALID, POS_NONE, "--reason is required: it is recorded");
    if (rc == 0)
        rc = open_to_read(c, &l); // there must be one: none is made for this
    ledger_close(l);
    l = NULL;
    if (rc == 0)
        rc = ledger_open(c->dir, NULL, &l, c->e);
    if (rc == 0)
        rc = ledger_redact(l, seq, reason, &n, c->e);
    if (rc == 0)
        printf("%zu piece%s of content removed; the event stays as it was recorded\n", n,
               n == 1 ? "" : "s");
    ledger_close(l);
    return rc;
}

static int migrate(struct command *c)
{
    int from = 0;
    const char *copy = NULL;
    int rc = ledger_migrate(c->dir, &from, &copy, c->a, c->e);
    if (rc == 0 && from)
        printf("the ledger had format %d; as it was it is kept in %s\n", from, copy);
    else if (rc == 0)
        printf("the ledger has the format of now\n");
    return rc;
}

// --- the command
// --------------------------------------------------------------------------------------

// What works on an open ledger, or opens it itself.
static const struct action {
    const char *name, *words, *help;
    int (*with)(struct command *c, struct ledger *l);
    int (*alone)(struct command *c);
} actions[] = {
    {"checkpoint", "", "Print the newest signed checkpoint", checkpoint, NULL},
    {"export", "", "Write events as JSON lines, tiles or CDEvents", NULL, export_ledger},
    {"init", "", "Make a ledger (which is else made when first needed) and print its key", NULL,
     init},
    {"key", "", "Print the public key that checkpoints are signed with", print_key, NULL},
    {"migrate", "", "Bring a ledger of an earlier andon to the format of now, and keep a copy",
     NULL, migrate},
    {"proof", "SEQ", "Prove that an event is in the ledger, or with --old that it only grew", prove,
     NULL},
    {"redact", "SEQ", "Remove the content that an event names, and record who did so and why", NULL,
     redact},
    {"rotate-key", "", "Sign with a new key from now on, and print its public half", NULL, rotate},
    {"show", "SEQ", "Print an event", show, NULL},
    {"verify", "", "Recompute everything and tell what was altered", NULL, verify},
};
#define N_ACTIONS ((int)(sizeof actions / sizeof *actions))

void ledger_actions_help(struct buf *b)
{
    for (int i = 0; i < N_ACTIONS; i++)
        buf_addf(b, "  %-10s %-5s %s\n", actions[i].name, actions[i].words, actions[i].help);
}

static const struct action *find_action(struct session *s)
{
    const char *names[N_ACTIONS], *word = s->o.args->len ? s->o.args->items[0].u.str.s : "";
    for (int i = 0; i < N_ACTIONS; i++) {
        names[i] = actions[i].name;
        if (strcmp(word, actions[i].name) != 0)
            continue;
        if (s->o.args->len <= (*actions[i].words ? 2 : 1))
            return &actions[i];
        session_usage_error(s, "'%s' is one word too many",
                            s->o.args->items[*actions[i].words ? 2 : 1].u.str.s);
        return NULL;
    }
    const char *near = *word ? err_suggest(word, names, N_ACTIONS) : NULL;
    if (*word)
        session_usage_error(s, "'%s' is no action%s%s%s", word, near ? " (did you mean '" : "",
                            near ? near : "", near ? "'?)" : "");
    else
        session_usage_error(s, "an action is missing");
    return NULL;
}

static int act(struct session *s, const struct action *action)
{
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    struct command c = {.s = s,
                        .dir = session_state_dir(s),
                        .a = s->arena,
                        .json = json_wanted(s),
                        .word = s->o.args->len > 1 ? s->o.args->items[1].u.str.s : NULL,
                        .e = &e};
    int rc = action->alone ? action->alone(&c) : open_to_read(&c, &l);
    if (rc == 0 && action->with)
        rc = action->with(&c, l);
    ledger_close(l);
    if (rc < 0)
        session_error(s, &e);
    err_release(&e);
    return rc < 0 ? CANNOT : rc;
}

int cmd_ledger(int argc, char **argv, bool compat)
{
    struct session s;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_LEDGER);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : CANNOT;
    }
    const struct action *action = find_action(&s);
    code = action ? act(&s, action) : CANNOT;
    if (fflush(stdout) != 0 && code == 0)
        code = CANNOT;
    arena_free(s.arena);
    return code;
}
