// ledger_add DIR [BATCH]: appends the events of standard input, one JSON object per line with the
// fields of docs/EVENTS.md ("time" may be missing), to the ledger in DIR. For tests of commands
// that read it.
#include "core/json.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t time_of(const struct dict *d)
{
    int64_t us = 0;
    const char *text = dict_str(d, "time", NULL);
    if (text && ledger_time_parse(text, &us) < 0)
        fprintf(stderr, "ledger_add: '%s' is no time\n", text);
    return us;
}

static int read_event(struct arena *a, const char *line, struct ledger_event *ret, struct err *e)
{
    struct value v;
    int rc = json_parse(a, line, strlen(line), &v, e);
    if (rc < 0 || v.type != VALUE_DICT)
        return rc < 0 ? rc : err_set(e, ERR_PARSE, POS_NONE, "a line is no object");
    const struct dict *d = v.u.dict;
    const struct value *body = dict_get(d, "body");
    *ret = (struct ledger_event){.time = time_of(d),
                                 .type = dict_str(d, "type", NULL),
                                 .actor = dict_str(d, "actor", NULL),
                                 .service = dict_str(d, "service", NULL),
                                 .release = dict_str(d, "release", NULL),
                                 .rollout = dict_str(d, "rollout", NULL),
                                 .ring = dict_str(d, "ring", NULL),
                                 .run = dict_str(d, "run", NULL),
                                 .host = dict_str(d, "host", NULL),
                                 .path = dict_str(d, "path", NULL),
                                 .package = dict_str(d, "package", NULL),
                                 .outcome = dict_str(d, "outcome", NULL),
                                 .incident = dict_str(d, "incident", NULL),
                                 .body = body && body->type == VALUE_DICT ? body->u.dict : NULL};
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    struct arena *a = arena_new();
    char *line = NULL;
    size_t cap = 0, n = 0, batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    if (argc < 2 || !batch) {
        fprintf(stderr, "usage: ledger_add DIR [BATCH] < EVENTS\n");
        return 2;
    }
    struct ledger_event *events = xcalloc(batch, sizeof *events);
    int rc = ledger_open(argv[1], NULL, &l, &e);
    while (rc == 0 && getline(&line, &cap, stdin) > 0) {
        rc = read_event(a, line, &events[n++], &e);
        if (rc < 0 || n < batch)
            continue;
        rc = ledger_append(l, events, n, &e);
        arena_reset(a);
        n = 0;
    }
    if (rc == 0)
        rc = ledger_append(l, events, n, &e);
    if (rc < 0)
        fprintf(stderr, "ledger_add: %s\n", err_msg(&e));
    ledger_close(l);
    free(line);
    free(events);
    arena_free(a);
    err_release(&e);
    return rc < 0;
}
