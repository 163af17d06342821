// Writes a history (flow_case.h) into a ledger: flow_ledger DIR <HISTORY. For the tests of the
// command line.
#include "core/file.h"
#include "flow_case.h"

#include <stdio.h>

#define MAX_TEXT (64u << 20)

int main(int argc, char **argv)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    struct ledger_event *events;
    char *text;
    const char *line;
    size_t len, n = 0, lines = 1;
    if (argc != 2 || file_read(a, "/dev/stdin", MAX_TEXT, &text, &len, &e) < 0 ||
        file_mkdirs(argv[1], 0700, &e) < 0 || ledger_open(argv[1], NULL, &l, &e) < 0) {
        fprintf(stderr, "flow_ledger: %s\n", err_msg(&e));
        return 1;
    }
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    events = arena_array(a, struct ledger_event, lines);
    for (const char *at = text; (line = flow_case_line(a, &at));)
        n += flow_case_event(a, line, &events[n]) == 1;
    int rc = ledger_append(l, events, n, &e);
    if (rc < 0)
        fprintf(stderr, "flow_ledger: %s\n", err_msg(&e));
    ledger_close(l);
    arena_free(a);
    return rc < 0;
}
