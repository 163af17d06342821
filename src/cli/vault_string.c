// andon vault encrypt_string: values from the command line, standard input or a prompt, printed as
// !vault blocks.
#include "cli/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plain_text {
    struct buf text;
    const char *name, *source; // name NULL: none
};

struct plain_texts {
    struct plain_text *items;
    size_t n;
};

static struct plain_text *add_text(struct plain_texts *t, const char *name, const char *source)
{
    t->items = xrealloc(t->items, (t->n + 1) * sizeof *t->items);
    t->items[t->n] = (struct plain_text){.name = name, .source = source};
    return &t->items[t->n++];
}

static int empty(struct err *e, const char *what)
{
    return err_set(e, ERR_UNSUPPORTED, POS_NONE, "%s, not encrypting", what);
}

static int ask_text(struct session *s, struct plain_texts *t, struct err *e)
{
    bool hide = !s->o.show_input;
    char *name = session_ask(s, "Variable name (enter for no name): ", false, 0);
    struct plain_text *p =
        add_text(t, name && *name ? arena_strdup(s->arena, name) : NULL, "the interactive prompt");
    free(name);
    char *text =
        session_ask(s, hide ? "String to encrypt (hidden): " : "String to encrypt:", hide, 0);
    if (!text || !*text) {
        free(text);
        return empty(e, "The plaintext provided from the prompt was empty");
    }
    buf_adds(&p->text, text);
    explicit_bzero(text, strlen(text));
    free(text);
    return 0;
}

static int read_text(struct session *s, struct plain_texts *t, struct err *e)
{
    struct plain_text *p = add_text(t, s->o.stdin_name, "stdin");
    if (isatty(1))
        fprintf(stderr, "Reading plaintext input from stdin. (ctrl-d to end input, twice if your "
                        "content does not already have a newline)\n");
    int rc = vault_read_file("-", &p->text, e);
    if (rc == 0 && !p->text.len)
        rc = empty(e, "stdin was empty");
    if (rc == 0 && isatty(1) && p->text.p[p->text.len - 1] != '\n')
        printf("\n\n");
    return rc;
}

static int take_args(const struct session *s, struct plain_texts *t, struct err *e)
{
    const struct list *args = s->o.args, *names = s->o.names;
    size_t n = 0, texts = 0;
    for (size_t i = 1; i < args->len; i++)
        texts += !value_eqs(&args->items[i], "-");
    if (names->len && texts > names->len)
        fprintf(stderr,
                "The number of --name options do not match the number of args.\nThe last named "
                "variable will be \"%s\". The rest will not have names.\n",
                names->items[names->len - 1].u.str.s);
    for (size_t i = 1; i < args->len; i++) {
        const struct value *v = &args->items[i];
        if (value_eqs(v, "-"))
            continue;
        if (!v->u.str.len)
            return empty(e, "The plaintext provided from the command line args was empty");
        const char *name = n < names->len ? names->items[n].u.str.s : NULL;
        buf_add(&add_text(t, name, "the command line args")->text, v->u.str.s, v->u.str.len);
        n++;
    }
    return 0;
}

// "name: !vault |" and the encrypted text, indented.
static int format_text(const struct vault_secret *secret, const struct plain_text *p,
                       struct buf *out, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = vault_encrypt(secret->password, secret->len, secret->id, buf_str(&p->text),
                           p->text.len, NULL, 0, &text, e);
    if (p->name)
        buf_addf(out, "%s: ", p->name);
    buf_adds(out, "!vault |");
    for (const char *line = buf_str(&text); rc == 0 && *line;) {
        size_t n = strcspn(line, "\n");
        buf_addf(out, "\n          %.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    buf_release(&text);
    return rc;
}

static int print_texts(struct session *s, const struct vault_secret *secret,
                       const struct plain_texts *t, struct err *e)
{
    struct buf out = BUF_INIT;
    const char *to = s->o.output_file;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n; i++) {
        const struct plain_text *p = &t->items[i];
        if (t->n > 1 && p->name)
            fprintf(stderr,
                    "# The encrypted version of variable (\"%s\", the string #%zu from %s).\n",
                    p->name, i + 1, p->source);
        else if (t->n > 1)
            fprintf(stderr, "# The encrypted version of the string #%zu from %s.)\n", i + 1,
                    p->source);
        if (i)
            buf_addc(&out, '\n');
        rc = format_text(secret, p, &out, e);
    }
    if (!s->compat)
        buf_addc(&out, '\n');
    if (rc == 0)
        rc = vault_write_file(to ? to : "-", &out, false, false, e);
    buf_release(&out);
    return rc;
}

bool vault_reads_stdin(const struct options *o)
{
    bool dash = o->args->len < 2 || o->stdin_name;
    for (size_t i = 1; i < o->args->len; i++)
        dash = dash || value_eqs(&o->args->items[i], "-");
    return dash;
}

int vault_encrypt_string(struct session *s, const struct vault_secret *secret, struct err *e)
{
    struct plain_texts t = {0};
    const struct options *o = &s->o;
    int rc = o->ask_text ? ask_text(s, &t, e) : 0;
    if (rc == 0 && !o->ask_text && vault_reads_stdin(o))
        rc = read_text(s, &t, e);
    if (rc == 0)
        rc = take_args(s, &t, e);
    if (rc == 0)
        rc = print_texts(s, secret, &t, e);
    for (size_t i = 0; i < t.n; i++)
        vault_wipe(&t.items[i].text);
    free(t.items);
    return rc;
}
