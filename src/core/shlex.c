// A word splitter: quotes, backslashes and comments.
#include "core/shlex.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Takes the quoted part that begins at x->at; false when it is not closed.
static bool quoted(struct shlex *x)
{
    char quote = *x->at;
    const char *p = x->at + 1;
    if (x->keep_quotes)
        buf_addc(&x->word, quote);
    for (; *p && *p != quote; p++) {
        if (!x->keep_quotes && quote == '"' && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        buf_addc(&x->word, *p);
    }
    if (!*p)
        return false;
    if (x->keep_quotes)
        buf_addc(&x->word, quote);
    x->at = p + 1;
    return true;
}

static int wrong(struct shlex *x, const char *why)
{
    x->why = why;
    return -1;
}

int shlex_next(struct shlex *x)
{
    while (is_space(*x->at))
        x->at++;
    buf_clear(&x->word);
    x->start = x->at;
    if (!*x->at || (x->comments && *x->at == '#'))
        return 0;
    while (*x->at && !is_space(*x->at) && !(x->comments && *x->at == '#')) {
        bool begins = x->at == x->start;
        if ((*x->at == '\'' || *x->at == '"') && (begins || !x->keep_quotes)) {
            if (!quoted(x))
                return wrong(x, "No closing quotation");
            if (x->keep_quotes)
                break;
        } else if (*x->at == '\\' && !x->keep_quotes) {
            if (!x->at[1])
                return wrong(x, "No escaped character");
            buf_addc(&x->word, x->at[1]);
            x->at += 2;
        } else {
            buf_addc(&x->word, *x->at++);
        }
    }
    return 1;
}
