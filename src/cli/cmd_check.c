// andon check [PATH...]: what is wrong with playbooks, roles and repositories, without a host.
// andon explain [CODE...]: what a finding means.
#include "check/check.h"
#include "cli/check_output.h"
#include "cli/check_service.h"
#include "cli/session.h"

#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_FOUND 1

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// The inventory a run would use, when it names any host.
static struct inventory *known_inventory(struct session *s)
{
    bool any = s->o.inventories->len || inventory_host_count(s->inventory);
    return inventory_parsed(s->inventory) && any ? s->inventory : NULL;
}

static int check_paths(struct session *s, struct check *c, struct err *e)
{
    static const char *const here[] = {"."};
    size_t n = s->o.args->len;
    int rc = 0;
    for (size_t i = 0; i < (n ? n : 1) && rc == 0; i++) {
        const char *path = n ? s->o.args->items[i].u.str.s : here[0];
        rc = is_folder(path) ? check_tree(c, path, e) : check_playbook(c, path, e);
    }
    return rc;
}

static int check_and_print(struct session *s, int64_t started)
{
    struct check_opts co = {.loader = *loader_options(s->loader),
                            .inventory = known_inventory(s),
                            .other = check_service_file};
    struct check *c = check_new(&co);
    struct err e = ERR_INIT;
    int code = 0;
    if (check_paths(s, c, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        code = RUN_USAGE;
    } else {
        struct check_result r = {.check = c, .quiet = s->o.quiet, .out = &s->out};
        r.findings = check_finish(c, &r.n, &r.stats);
        r.ms = clock_mono_ms() - started;
        const char *kind = s->o.output ? s->o.output : "text";
        if (strcmp(kind, "json") == 0)
            check_print_json(&r);
        else if (strcmp(kind, "sarif") == 0)
            check_print_sarif(&r);
        else
            check_print_text(&r);
        size_t bad = r.stats.count[CHECK_ERROR] + (s->o.strict ? r.stats.count[CHECK_WARNING] : 0);
        code = bad ? CHECK_FOUND : 0;
    }
    check_free(c);
    return code;
}

// A repository's own inventory and source of vault passwords may be scripts, which nobody asked to
// be run; what is encrypted stays unknown.
static void distrust_settings(struct session *s)
{
    bool folder = !s->o.args->len;
    for (size_t i = 0; i < s->o.args->len; i++)
        folder = folder || is_folder(s->o.args->items[i].u.str.s);
    s->secrets_as_given = folder;
    if (folder && !s->o.inventories->len)
        list_add(s->o.inventories, value_cstr(","));
}

int cmd_check(int argc, char **argv, bool compat)
{
    struct session s;
    int64_t started = clock_mono_ms();
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_CHECK);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : RUN_USAGE;
    }
    distrust_settings(&s);
    if ((code = session_open(&s)) == 0)
        code = check_and_print(&s, started);
    else
        code = RUN_USAGE;
    session_close(&s);
    return code;
}

// --- andon explain -------------------------------------------------------------------------------

static void print_indented(const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        printf("    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static int explain(const char *name)
{
    int id = check_find_rule(name, strlen(name));
    if (id < 0) {
        fprintf(stderr, "andon: there is no finding '%s' (andon explain lists them)\n", name);
        return RUN_USAGE;
    }
    const struct check_rule *r = check_rule((enum check_id)id);
    printf("%s %s (%s)\n\n%s.\n\n%s\n\nWrong:\n\n", r->code, r->name,
           check_severity_name(r->severity), r->title, r->why);
    print_indented(r->wrong);
    printf("\nRight:\n\n");
    print_indented(r->right);
    printf("\nTo silence it, on the line or the one above: # andon: ignore %s\n"
           "and for a whole file: # andon: ignore-file %s\n",
           r->code, r->code);
    return 0;
}

int cmd_explain(int argc, char **argv, bool compat)
{
    int code = 0;
    (void)compat;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("usage: andon explain [CODE...]\n");
        return 0;
    }
    for (int i = 0; argc < 2 && i < CHECK_COUNT; i++) {
        const struct check_rule *r = check_rule((enum check_id)i);
        printf("  %s  %-8s %-24s %s\n", r->code, check_severity_name(r->severity), r->name,
               r->title);
    }
    for (int i = 1; i < argc && code == 0; i++) {
        if (i > 1)
            printf("\n");
        code = explain(argv[i]);
    }
    return code;
}
