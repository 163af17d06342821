// Commands of the host for the journal, whose failures are not the task's.
#include "node/journal_kinds.h"
#include "node/text.h"

#include "core/hash.h"

#include <string.h>

int journal_run(struct module *m, struct argv v, const char *input, struct output *ret,
                struct err *e)
{
    struct proc_opts opts = {.clean_lang = true,
                             .cwd = "/",
                             .stdin_data = input,
                             .stdin_len = input ? strlen(input) : 0};
    struct proc p = {0};
    int rc = proc_run(m, v.v, &opts, &p, e);
    *ret = (struct output){.rc = rc < 0 ? -1 : p.rc, .out = "", .err = ""};
    if (rc == 0) {
        char *out = arena_strndup(m->arena, buf_str(&p.out), p.out.len),
             *error = arena_strdup(m->arena, buf_str(&p.err));
        text_rstrip(error);
        ret->out = out;
        ret->err = error;
        ret->out_len = p.out.len;
    }
    proc_release(&p);
    return rc;
}

int journal_must(struct module *m, struct argv v, const char *input, struct err *e)
{
    struct output o;
    if (journal_run(m, v, input, &o, e) < 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0
                     : err_set(e, ERR_FAILED, POS_NONE, "'%s' failed (%d): %s", argv_text(&v), o.rc,
                               *o.err ? o.err : o.out);
}

const char *journal_digest(struct arena *a, const char *text)
{
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, text, strlen(text), hex);
    return arena_strndup(a, hex, 16);
}
