// Errors with positions, the table of source files, and spelling suggestions.
#include "core/err.h"

#include "core/arena.h"
#include "core/buf.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES 16383

// The one process-wide table: file names by number. Append-only, so numbers stay valid.
static char **files;
static unsigned n_files;

uint16_t src_file(const char *path)
{
    for (unsigned i = n_files; i > 0; i--)
        if (strcmp(files[i - 1], path) == 0)
            return (uint16_t)i;
    if (n_files >= MAX_FILES)
        return 0;
    if ((n_files & (n_files - 1)) == 0)
        files = xrealloc(files, sizeof *files * (n_files ? n_files * 2 : 1));
    files[n_files++] = xstrdup(path);
    return (uint16_t)n_files;
}

const char *src_name(uint16_t file)
{
    return file && file <= n_files ? files[file - 1] : "";
}

int err_vset(struct err *e, int code, struct pos pos, const char *fmt, va_list ap)
{
    if (!e)
        return code;
    struct buf b = BUF_INIT;
    buf_vaddf(&b, fmt, ap);
    free(e->msg);
    e->msg = buf_detach(&b);
    e->code = code;
    e->pos = pos;
    return code;
}

int err_set(struct err *e, int code, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, code, pos, fmt, ap);
    va_end(ap);
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_FAILED;
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    buf_addf(&b, ": %s", err_msg(e));
    free(e->msg);
    e->msg = buf_detach(&b);
    return e->code;
}

int err_at(struct err *e, struct pos pos)
{
    if (!e)
        return ERR_FAILED;
    if (!e->pos.file && !e->pos.line)
        e->pos = pos;
    return e->code;
}

void err_release(struct err *e)
{
    free(e->msg);
    *e = (struct err)ERR_INIT;
}

int err_move(struct err *dst, struct err *src)
{
    int code = src->code;
    if (dst && dst != src) {
        free(dst->msg);
        *dst = *src;
        *src = (struct err)ERR_INIT;
    } else if (!dst) {
        err_release(src);
    }
    return code;
}

const char *err_msg(const struct err *e)
{
    return e->msg ? e->msg : "";
}

// Damerau-Levenshtein distance (adjacent swaps count one), case-insensitive, for short words only.
static int distance(const char *a, const char *b)
{
    enum { MAX = 48 };
    int la = (int)strlen(a), lb = (int)strlen(b), d[MAX + 1][MAX + 1];
    if (la > MAX || lb > MAX)
        return INT_MAX;
    for (int i = 0; i <= la; i++)
        d[i][0] = i;
    for (int j = 0; j <= lb; j++)
        d[0][j] = j;
    for (int i = 1; i <= la; i++)
        for (int j = 1; j <= lb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            int best = d[i - 1][j - 1] + (ca != cb);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[la][lb];
}

// Letters that both words have, in any order.
static int common_letters(const char *a, const char *b)
{
    int count[256] = {0}, n = 0;
    for (; *a; a++)
        count[tolower((unsigned char)*a)]++;
    for (; *b; b++)
        n += count[tolower((unsigned char)*b)]-- > 0;
    return n;
}

const char *err_suggest(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    int limit = (int)strlen(word) / 3 + 1, best_d = limit + 1;
    for (int i = 0; i < n; i++) {
        if (!names[i])
            continue;
        int d = distance(word, names[i]);
        bool nearer =
            d == best_d && best && common_letters(word, names[i]) > common_letters(word, best);
        if (d < best_d || nearer) {
            best_d = d;
            best = names[i];
        }
    }
    return best;
}
