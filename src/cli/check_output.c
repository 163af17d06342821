// Findings as text, JSON lines and SARIF.
#include "cli/check_output.h"
#include "cli/output.h"

#include "core/buf.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The name of a file as seen from the working folder.
static const char *shown(uint16_t file)
{
    static char cwd[4096];
    const char *name = src_name(file);
    size_t n;
    if (!*cwd && !getcwd(cwd, sizeof cwd))
        return name;
    n = strlen(cwd);
    return strncmp(name, cwd, n) == 0 && name[n] == '/' ? name + n + 1 : name;
}

static bool is_shown(const struct check_result *r, const struct check_finding *f)
{
    return !r->quiet || f->severity != CHECK_NOTE;
}

// --- text ----------------------------------------------------------------------------------------

static void print_source(const struct check_result *r, const struct check_finding *f)
{
    size_t len;
    const char *line = check_line(r->check, f->pos, &len);
    if (line && f->pos.line)
        printf("%5u | %.*s\n      | %*s^\n", f->pos.line, (int)len, line,
               f->pos.col ? f->pos.col - 1 : 0, "");
}

static void print_finding(const struct check_result *r, const struct check_finding *f)
{
    static const enum config_id colors[] = {CONFIG_COLOR_DEBUG, CONFIG_COLOR_WARN,
                                            CONFIG_COLOR_ERROR};
    struct buf b = BUF_INIT;
    if (f->pos.line)
        buf_addf(&b, "%s:%u:%u: ", shown(f->pos.file), f->pos.line, f->pos.col);
    else if (f->pos.file)
        buf_addf(&b, "%s: ", shown(f->pos.file));
    buf_addf(&b, "%s: %s [%s]", check_severity_name(f->severity), f->msg, check_rule(f->id)->code);
    display(r->out, colors[f->severity], stdout, buf_str(&b));
    print_source(r, f);
    buf_release(&b);
}

static void plural(size_t n, const char *what, const char *end)
{
    printf("%zu %s%s%s", n, what, n == 1 ? "" : "s", end);
}

void check_print_text(const struct check_result *r)
{
    const struct check_finding *last = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct check_finding *f = &r->findings[i];
        if (!is_shown(r, f))
            continue;
        if (last && last->pos.file != f->pos.file)
            printf("\n");
        print_finding(r, f);
        last = f;
    }
    if (last)
        printf("\n");
    plural(r->stats.files, "file", ", ");
    plural(r->stats.tasks, "task", ": ");
    plural(r->stats.count[CHECK_ERROR], "error", ", ");
    plural(r->stats.count[CHECK_WARNING], "warning", ", ");
    plural(r->stats.count[CHECK_NOTE], "note", "");
    printf(" (%lld ms)\n", (long long)r->ms);
    if (last)
        printf("'andon explain CODE' tells more of a finding and how to silence it.\n");
}

// --- JSON ----------------------------------------------------------------------------------------

void check_print_json(const struct check_result *r)
{
    struct arena *a = arena_new();
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < r->n; i++) {
        const struct check_finding *f = &r->findings[i];
        struct value v = value_dict(a);
        size_t len;
        if (!is_shown(r, f))
            continue;
        const char *line = check_line(r->check, f->pos, &len);
        dict_set(v.u.dict, "code", value_cstr(check_rule(f->id)->code));
        dict_set(v.u.dict, "name", value_cstr(check_rule(f->id)->name));
        dict_set(v.u.dict, "severity", value_cstr(check_severity_name(f->severity)));
        dict_set(v.u.dict, "file", value_cstr(shown(f->pos.file)));
        dict_set(v.u.dict, "line", value_int(f->pos.line));
        dict_set(v.u.dict, "column", value_int(f->pos.col));
        dict_set(v.u.dict, "message", value_cstr(f->msg));
        dict_set(v.u.dict, "source", line && f->pos.line ? value_strn(a, line, len) : value_null());
        json_write(&b, &v, NULL);
        buf_addc(&b, '\n');
        fputs(buf_str(&b), stdout);
        buf_clear(&b);
        arena_reset(a);
    }
    buf_release(&b);
    arena_free(a);
}

// --- SARIF ---------------------------------------------------------------------------------------

static struct value text_object(struct arena *a, const char *text)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "text", value_cstr(text));
    return v;
}

static const char *level(enum check_severity s)
{
    return check_severity_name(s); // SARIF has the same words
}

static struct value sarif_rule(struct arena *a, const struct check_rule *r)
{
    struct value v = value_dict(a), conf = value_dict(a);
    dict_set(v.u.dict, "id", value_cstr(r->code));
    dict_set(v.u.dict, "name", value_cstr(r->name));
    dict_set(v.u.dict, "shortDescription", text_object(a, r->title));
    dict_set(v.u.dict, "fullDescription", text_object(a, r->why));
    dict_set(v.u.dict, "help",
             text_object(a, arena_printf(a, "Wrong:\n\n%s\nRight:\n\n%s", r->wrong, r->right)));
    dict_set(conf.u.dict, "level", value_cstr(level(r->severity)));
    dict_set(v.u.dict, "defaultConfiguration", conf);
    return v;
}

// A path as a URI reference: what may not stand in one is escaped.
static const char *uri(struct arena *a, const char *path)
{
    struct buf b = BUF_INIT;
    if (*path == '/')
        buf_adds(&b, "file://");
    for (; *path; path++)
        if (strchr(" %\"#<>?[]\\^`{|}", *path) || (unsigned char)*path >= 0x80)
            buf_addf(&b, "%%%02X", (unsigned char)*path);
        else
            buf_addc(&b, *path);
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static struct value sarif_location(struct arena *a, const struct check_result *r,
                                   const struct check_finding *f)
{
    struct value v = value_dict(a), physical = value_dict(a), artifact = value_dict(a),
                 region = value_dict(a);
    size_t len;
    const char *line = check_line(r->check, f->pos, &len);
    dict_set(artifact.u.dict, "uri", value_cstr(uri(a, shown(f->pos.file))));
    dict_set(physical.u.dict, "artifactLocation", artifact);
    if (f->pos.line) {
        dict_set(region.u.dict, "startLine", value_int(f->pos.line));
        if (f->pos.col)
            dict_set(region.u.dict, "startColumn", value_int(f->pos.col));
        if (line)
            dict_set(region.u.dict, "snippet", text_object(a, arena_strndup(a, line, len)));
        dict_set(physical.u.dict, "region", region);
    }
    dict_set(v.u.dict, "physicalLocation", physical);
    return v;
}

static struct value sarif_result(struct arena *a, const struct check_result *r,
                                 const struct check_finding *f)
{
    struct value v = value_dict(a), locations = value_list(a);
    dict_set(v.u.dict, "ruleId", value_cstr(check_rule(f->id)->code));
    dict_set(v.u.dict, "ruleIndex", value_int((int64_t)f->id));
    dict_set(v.u.dict, "level", value_cstr(level(f->severity)));
    dict_set(v.u.dict, "message", text_object(a, f->msg));
    if (f->pos.file)
        list_add(locations.u.list, sarif_location(a, r, f));
    dict_set(v.u.dict, "locations", locations);
    return v;
}

static struct value sarif_run(struct arena *a, const struct check_result *r)
{
    struct value run = value_dict(a), tool = value_dict(a), driver = value_dict(a),
                 rules = value_list(a), results = value_list(a);
    for (int i = 0; i < CHECK_COUNT; i++)
        list_add(rules.u.list, sarif_rule(a, check_rule((enum check_id)i)));
    for (size_t i = 0; i < r->n; i++)
        if (is_shown(r, &r->findings[i]))
            list_add(results.u.list, sarif_result(a, r, &r->findings[i]));
    dict_set(driver.u.dict, "name", value_cstr("andon"));
    dict_set(driver.u.dict, "version", value_cstr(ANDON_VERSION));
    dict_set(driver.u.dict, "semanticVersion", value_cstr(ANDON_VERSION));
    dict_set(driver.u.dict, "rules", rules);
    dict_set(tool.u.dict, "driver", driver);
    dict_set(run.u.dict, "tool", tool);
    dict_set(run.u.dict, "columnKind", value_cstr("unicodeCodePoints"));
    dict_set(run.u.dict, "results", results);
    return run;
}

void check_print_sarif(const struct check_result *r)
{
    struct arena *a = arena_new();
    struct value log = value_dict(a), runs = value_list(a);
    list_add(runs.u.list, sarif_run(a, r));
    dict_set(log.u.dict, "$schema",
             value_cstr("https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/"
                        "sarif-schema-2.1.0.json"));
    dict_set(log.u.dict, "version", value_cstr("2.1.0"));
    dict_set(log.u.dict, "runs", runs);
    print_value(&log, &(struct json_opts){.indent = 2});
    arena_free(a);
}
