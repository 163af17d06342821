// The password lookup: a password kept in a file, made when the file is not there.
#include "core/file.h"
#include "core/hash.h"
#include "template/lookups.h"
#include "template/passwords.h"
#include "template/paths.h"
#include "template/pyrandom.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ASCII_LOWER "abcdefghijklmnopqrstuvwxyz"
#define ASCII_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define PUNCTUATION "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
#define WHITESPACE " \t\n\r\v\f"
#define SALT_CHARS ASCII_LOWER ASCII_UPPER DIGITS "./"

static const struct {
    const char *name, *chars;
} sets[] = {
    {"ascii_letters", ASCII_LOWER ASCII_UPPER},
    {"ascii_lowercase", ASCII_LOWER},
    {"ascii_uppercase", ASCII_UPPER},
    {"digits", DIGITS},
    {"hexdigits", DIGITS "abcdefABCDEF"},
    {"octdigits", "01234567"},
    {"printable", DIGITS ASCII_LOWER ASCII_UPPER PUNCTUATION WHITESPACE},
    {"punctuation", PUNCTUATION},
    {"whitespace", WHITESPACE},
};

struct options {
    struct text path;
    int64_t length;
    struct text encrypt, ident, seed, chars;
    bool encrypted, seeded;
};

// Names of sets and literal characters, without quotes.
static struct text candidate_chars(struct call *c, const struct value *v)
{
    struct value specs = value_list(c->arena);
    struct text comma = text_lit(",");
    struct buf b = BUF_INIT;
    if (!v) {
        list_add(specs.u.list, value_cstr("ascii_letters"));
        list_add(specs.u.list, value_cstr("digits"));
        list_add(specs.u.list, value_cstr(".,:-_"));
    } else if (v->type == VALUE_LIST) {
        specs = *v;
    } else {
        struct text t = text_of(c, v);
        struct buf single = BUF_INIT;
        if (str_find(t, text_lit(",,")) >= 0)
            list_add(specs.u.list, value_cstr(","));
        str_replace(&single, t, text_lit(",,"), comma, -1);
        struct value all = take_buf(c, &single);
        str_split(c, text_of(c, &all), &comma, -1, specs.u.list);
    }
    for (size_t i = 0; i < specs.u.list->len; i++) {
        struct text t = text_of(c, &specs.u.list->items[i]);
        for (size_t k = 0; k < sizeof sets / sizeof *sets; k++)
            if (strcmp(t.s, sets[k].name) == 0)
                t = text_lit(sets[k].chars);
        for (size_t k = 0; k < t.len; k++)
            if (t.s[k] != '"' && t.s[k] != '\'')
                buf_addc(&b, t.s[k]);
    }
    struct value out = take_buf(c, &b);
    return text_of(c, &out);
}

static int read_options(struct call *c, struct text term, struct options *o, struct err *e)
{
    static const char *const names[] = {"length", "encrypt", "chars", "ident", "seed"};
    struct value opts = value_dict(c->arena), kv = value_dict(c->arena);
    struct text raw = {"", 0};
    struct dict_entry *d;
    const char *space = memchr(term.s, ' ', term.len);
    dict_update(opts.u.dict, c->kwargs);
    o->path = term;
    if (space) {
        struct text rest = {space + 1, (size_t)(term.s + term.len - space) - 1};
        int rc = lookup_parse_kv(c, rest, kv.u.dict, &raw, e);
        if (rc < 0)
            return rc;
        o->path = (struct text){arena_strndup(c->arena, term.s, (size_t)(space - term.s)),
                                (size_t)(space - term.s)};
        if (raw.len)
            o->path = text_lit(arena_printf(c->arena, "%s %s", o->path.s, raw.s));
        if (!str_starts(term, o->path))
            return lookup_fail(
                c, e, "Unrecognized value after key=value parameters given to password lookup");
    }
    DICT_EACH(kv.u.dict, d)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known |= value_eqs(&d->key, names[i]);
        if (!known)
            return lookup_fail(c, e, "Unrecognized parameter(s) given to password lookup: %s",
                               text_of(c, &d->key).s);
        dict_setv(opts.u.dict, d->key, d->val);
    }
    struct call with = *c;
    with.kwargs = opts.u.dict;
    struct text length = lookup_text(&with, "length", "20");
    if (!parse_int(length.s, length.len, 10, &o->length))
        return lookup_fail(c, e, "invalid literal for int() with base 10: '%s'", length.s);
    o->encrypted = lookup_opt(&with, "encrypt") != NULL;
    o->seeded = lookup_opt(&with, "seed") != NULL;
    o->encrypt = lookup_text(&with, "encrypt", "");
    o->ident = lookup_text(&with, "ident", "");
    o->seed = lookup_text(&with, "seed", "");
    o->chars = candidate_chars(c, lookup_opt(&with, "chars"));
    return o->length > 1 << 20 ? lookup_fail(c, e, "password: length too large") : 0;
}

static struct text random_text(struct call *c, struct text chars, int64_t length,
                               const struct options *o)
{
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    struct buf b = BUF_INIT;
    struct value seed = value_ref(o ? o->seed.s : "", o ? o->seed.len : 0);
    if (!o || !o->seeded || !pyrandom_seed(r, &seed))
        pyrandom_system(r);
    pyrandom_text(r, chars, length, &b);
    struct value v = take_buf(c, &b);
    return text_of(c, &v);
}

// "password salt=... ident=..." as the file keeps it.
static void parse_content(struct call *c, struct text all, struct text *password, struct text *salt,
                          struct text *ident)
{
    int64_t at = str_rfind(all, text_lit(" salt="));
    *password = all;
    if (at < 0)
        return;
    *password = text_lit(arena_strndup(c->arena, all.s, (size_t)at));
    struct text rest = {all.s + at + 6, all.len - (size_t)at - 6};
    at = str_rfind(rest, text_lit(" ident="));
    *salt = text_lit(arena_strndup(c->arena, rest.s, at < 0 ? rest.len : (size_t)at));
    if (at >= 0)
        *ident = text_lit(arena_strndup(c->arena, rest.s + at + 7, rest.len - (size_t)at - 7));
}

static int keep(struct call *c, const char *path, struct text password, struct text salt,
                struct text ident, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_add(&b, password.s, password.len);
    if (salt.len)
        buf_addf(&b, " salt=%s", salt.s);
    if (salt.len && ident.len)
        buf_addf(&b, " ident=%s", ident.s);
    buf_addc(&b, '\n');
    int rc = file_mkdirs(path_dir(c->arena, path), 0700, e);
    if (rc >= 0)
        rc = file_write_atomic(path, buf_str(&b), b.len, 0600, e);
    buf_release(&b);
    return rc;
}

static int one(struct call *c, const struct options *o, struct value *ret, struct err *e)
{
    struct text password = {"", 0}, salt = {"", 0}, ident = {"", 0};
    struct buf abs = BUF_INIT, expanded = BUF_INIT;
    path_expanduser(&expanded, o->path);
    const char *path = path_join(c->arena, lookup_basedir(c), buf_str(&expanded));
    buf_release(&expanded);
    path_abs(&abs, text_lit(path));
    path = take_buf(c, &abs).u.str.s;
    bool keepable = strcmp(path, "/dev/null") != 0, changed = false;
    char *s;
    size_t len;
    int rc = keepable ? file_read(c->arena, path, 1 << 20, &s, &len, NULL) : ERR_NOENT;
    if (rc >= 0) {
        struct text t = str_strip((struct text){s, len}, NULL, STRIP_RIGHT);
        parse_content(c, text_lit(arena_strndup(c->arena, t.s, t.len)), &password, &salt, &ident);
    } else if (rc == ERR_NOENT) {
        password = random_text(c, o->chars, o->length, o);
        changed = true;
    } else {
        return err_set(e, rc, c->pos, "cannot read '%s'", path);
    }
    struct text in_file = ident;
    if (o->encrypted && !salt.len) {
        salt = random_text(c, text_lit(SALT_CHARS), password_salt_size(o->encrypt.s), NULL);
        changed = true;
    }
    bool bcrypt = strcmp(o->encrypt.s, "bcrypt") == 0 || strcmp(o->encrypt.s, "blowfish") == 0;
    ident = o->ident.len  ? o->ident
            : in_file.len ? in_file
            : bcrypt      ? text_lit("2b")
                          : text_lit("");
    changed |= o->encrypted && ident.len != in_file.len;
    if (changed && keepable)
        rc = keep(c, path, password, o->encrypted || salt.len ? salt : text_lit(""), ident, e);
    else
        rc = 0;
    if (rc < 0)
        return rc;
    if (!o->encrypted) {
        *ret = str_from(c, password.s, password.len);
        return 0;
    }
    struct password_opts po = {.salt = salt.s, .ident = ident.len ? ident.s : NULL};
    return password_hash(c, password, o->encrypt.s, &po, ret, e);
}

// password: A password from a file, made at random (length, chars, seed) when there is none; hashed
// by encrypt.
LOOKUP(lookup_password)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct options o;
        struct value v;
        int rc = read_options(c, text_of(c, &terms->items[i]), &o, e);
        if (rc >= 0)
            rc = one(c, &o, &v, e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, v);
    }
    return 0;
}
