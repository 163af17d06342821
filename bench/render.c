// render TEMPLATE VARIABLES.json: how often per second andon's engine renders a template; the
// counterpart of render.py. Prints one JSON object with the text and both rates.
#include "core/arena.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS 1.0
#define MAX_FILE (16 << 20)

struct job {
    const char *name, *text;
    size_t len;
    struct templar templar;
    struct template_opts opts;
};

static int get_variable(void *data, struct arena *a, const char *name, struct value *ret,
                        struct err *e)
{
    (void)a;
    (void)e;
    const struct value *v = dict_get(data, name);
    if (!v)
        return 0;
    *ret = *v;
    return 1;
}

static void fail(const char *what, const struct err *e)
{
    fprintf(stderr, "render: %s: %s\n", what, err_msg(e));
    exit(1);
}

static struct value render(struct job *j, struct arena *a)
{
    struct err e = ERR_INIT;
    struct value text = value_null();
    if (template_text(&j->templar, a, j->text, j->len, j->name, &j->opts, &text, &e) < 0)
        fail(j->name, &e);
    return text;
}

// Processor time: what else the machine does must not count.
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Renderings per second of processor time, after a warm-up, over about SECONDS. Each uses an arena
// as a task does.
static double per_second(struct job *j)
{
    struct arena *a = arena_new();
    render(j, a);
    long calls = 0;
    double start = now(), passed;
    do {
        for (int i = 0; i < 20; i++) {
            arena_reset(a);
            render(j, a);
        }
        calls += 20;
        passed = now() - start;
    } while (passed < SECONDS);
    arena_free(a);
    return (double)calls / passed;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: render TEMPLATE VARIABLES.json\n");
        return 2;
    }
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    char *text, *json;
    size_t text_len, json_len;
    struct value variables;
    if (file_read(a, argv[1], MAX_FILE, &text, &text_len, &e) < 0 ||
        file_read(a, argv[2], MAX_FILE, &json, &json_len, &e) < 0 ||
        json_parse(a, json, json_len, &variables, &e) < 0)
        fail("reading", &e);
    if (variables.type != VALUE_DICT) {
        fprintf(stderr, "render: %s holds no object\n", argv[2]);
        return 1;
    }

    struct job j = {.name = argv[1], .text = text, .len = text_len};
    j.opts = TEMPLATE_OPTS_DEFAULT;
    j.opts.keep_trailing_newline = true;
    j.opts.convert_data = false;
    j.templar.opts = j.opts;
    j.templar.vars = (struct template_vars){.get = get_variable, .data = variables.u.dict};
    j.templar.cache = template_cache_new();

    struct value answer = value_dict(a);
    dict_set(answer.u.dict, "text", render(&j, a));
    dict_set(answer.u.dict, "rendered", value_float(per_second(&j)));
    template_cache_free(j.templar.cache);
    j.templar.cache = NULL;
    dict_set(answer.u.dict, "parsed and rendered", value_float(per_second(&j)));

    struct buf out = BUF_INIT;
    json_write(&out, &answer, NULL);
    puts(buf_str(&out));
    buf_release(&out);
    arena_free(a);
    return 0;
}
