// Permission notation: octal numbers and text, and chmod's symbols ("u=rwX,go-w", "a+x", "g=u").
#include "node/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PERM_BITS 07777u

static int bad_mode(struct err *e)
{
    return err_set(e, ERR_INVALID, POS_NONE, "mode must be in octal or symbolic form");
}

// What one permission letter means for one class of users (shift 6 u, 3 g, 0 o).
static int letter_bits(char c, int shift, mode_t prev, bool exec_ok, mode_t mask, mode_t *ret)
{
    switch (c) {
    case 'r':
        *ret = mask & (04u << shift);
        return 0;
    case 'w':
        *ret = mask & (02u << shift);
        return 0;
    case 'x':
        *ret = mask & (01u << shift);
        return 0;
    case 'X':
        *ret = exec_ok ? 01u << shift : 0;
        return 0;
    case 's':
        *ret = shift == 6 ? S_ISUID : shift == 3 ? S_ISGID : 0;
        return 0;
    case 't':
        *ret = shift == 0 ? S_ISVTX : 0;
        return 0;
    case 'u':
        *ret = (prev >> 6 & 07u) << shift;
        return 0;
    case 'g':
        *ret = (prev >> 3 & 07u) << shift;
        return 0;
    case 'o':
        *ret = (prev & 07u) << shift;
        return 0;
    default:
        return ERR_INVALID;
    }
}

static int apply(mode_t *mode, char op, const char *perms, size_t n, int shift, mode_t prev,
                 bool exec_ok, mode_t mask)
{
    mode_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        mode_t b;
        if (letter_bits(perms[i], shift, prev, exec_ok, mask, &b) < 0)
            return ERR_INVALID;
        bits |= b;
    }
    mode_t all = 07u << shift | (shift == 6 ? S_ISUID : shift == 3 ? S_ISGID : S_ISVTX);
    if (op == '=')
        *mode = (*mode & (all ^ PERM_BITS)) | bits;
    else if (op == '+')
        *mode |= bits;
    else
        *mode &= ~bits;
    return 0;
}

// One clause between commas: users, then any number of operator and permissions.
static int clause(const char *s, size_t len, const struct stat *st, mode_t *mode)
{
    mode_t prev = st->st_mode & PERM_BITS, mask = PERM_BITS;
    bool exec_ok = S_ISDIR(st->st_mode) || (prev & 0111);
    size_t users = 0;
    while (users < len && !strchr("+-=", s[users]))
        users++;
    const char *who = s;
    size_t n_who = users;
    if (n_who == 0) {
        mask = umask(0);
        umask(mask);
        mask ^= PERM_BITS;
    }
    if (n_who > 1 || (n_who == 1 && *who != 'a'))
        if (!strchr("ugo", *who))
            return ERR_INVALID;
    if (n_who == 0 || (n_who == 1 && *who == 'a')) {
        who = "ugo";
        n_who = 3;
    }
    for (size_t at = users; at < len;) {
        char op = s[at++];
        size_t n = 0;
        while (at + n < len && !strchr("+-=", s[at + n]))
            n++;
        for (size_t i = 0; i < n_who; i++) {
            int shift = who[i] == 'u' ? 6 : who[i] == 'g' ? 3 : who[i] == 'o' ? 0 : -1;
            if (shift < 0 || apply(mode, op, s + at, n, shift, prev, exec_ok, mask) < 0)
                return ERR_INVALID;
        }
        at += n;
    }
    return 0;
}

static bool octal(const char *s, mode_t *ret)
{
    if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
        s += 2;
    if (!*s || strlen(s) > 11 || strspn(s, "01234567") != strlen(s))
        return false;
    *ret = (mode_t)strtoul(s, NULL, 8);
    return true;
}

int file_mode_parse(const struct value *v, const struct stat *st, mode_t *ret, struct err *e)
{
    if (v->type == VALUE_INT) {
        *ret = (mode_t)v->u.i & PERM_BITS;
        return 0;
    }
    if (v->type != VALUE_STRING)
        return bad_mode(e);
    const char *s = v->u.str.s;
    if (octal(s, ret)) {
        *ret &= PERM_BITS;
        return 0;
    }
    mode_t mode = st->st_mode & PERM_BITS;
    while (s) {
        const char *comma = strchr(s, ',');
        size_t len = comma ? (size_t)(comma - s) : strlen(s);
        if (clause(s, len, st, &mode) < 0)
            return bad_mode(e);
        s = comma ? comma + 1 : NULL;
    }
    *ret = mode;
    return 0;
}
