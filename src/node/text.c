// Reading and taking apart small text: whole-file reads, lines, fields.
#include "node/text.h"

#include "core/shlex.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 << 20)

// The rest of a file whose first n bytes are in first; NULL when it cannot be read.
static char *read_rest(struct arena *a, int fd, const char *first, size_t n, size_t *ret_len)
{
    struct buf b;
    ssize_t got;
    buf_init(&b, TEXT_MAX);
    buf_add(&b, first, n);
    do {
        char *p = buf_reserve(&b, 65536);
        got = read(fd, p, 65536);
        if (got > 0)
            b.len += (size_t)got;
    } while (got > 0 && b.len < TEXT_MAX - 131072);
    char *s = got < 0 ? NULL : arena_strndup(a, b.p, b.len);
    *ret_len = b.len;
    buf_release(&b);
    return s;
}

char *text_read(struct arena *a, const char *path, size_t *ret_len)
{
    char first[4096]; // most files of /proc and /sys are smaller
    size_t len = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    while (len < sizeof(first) && (n = read(fd, first + len, sizeof(first) - len)) > 0)
        len += (size_t)n;
    char *s = NULL;
    if (n > 0)
        s = read_rest(a, fd, first, len, &len);
    else if (n == 0)
        s = arena_strndup(a, first, len);
    close(fd);
    if (s && ret_len)
        *ret_len = len;
    return s;
}

char *text_read_stripped(struct arena *a, const char *path)
{
    char *s = text_read(a, path, NULL);
    if (!s)
        return NULL;
    s = text_strip(s);
    return *s ? s : NULL;
}

char *text_line(char **cursor)
{
    char *s = *cursor;
    if (!s || !*s)
        return NULL;
    char *end = strchr(s, '\n');
    if (end) {
        *cursor = end + 1;
        if (end > s && end[-1] == '\r')
            end[-1] = '\0';
        *end = '\0';
    } else {
        *cursor = s + strlen(s);
    }
    return s;
}

char *text_field(char **cursor)
{
    char *s = *cursor;
    if (!s)
        return NULL;
    while (*s && isspace((unsigned char)*s))
        s++;
    if (!*s) {
        *cursor = s;
        return NULL;
    }
    char *end = s;
    while (*end && !isspace((unsigned char)*end))
        end++;
    *cursor = *end ? end + 1 : end;
    *end = '\0';
    return s;
}

char *text_piece(char **cursor, char c)
{
    char *s = *cursor;
    if (!s)
        return NULL;
    char *end = strchr(s, c);
    if (end) {
        *end = '\0';
        *cursor = end + 1;
    } else {
        *cursor = NULL;
    }
    return s;
}

void text_rstrip(char *s)
{
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
}

char *text_strip(char *s)
{
    while (*s && isspace((unsigned char)*s))
        s++;
    text_rstrip(s);
    return s;
}

const char *text_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool text_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

const char *text_join(struct arena *a, const struct list *l, const char *sep)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; l && i < l->len; i++) {
        if (i)
            buf_adds(&b, sep);
        buf_adds(&b, value_to_cstr(a, &l->items[i]));
    }
    char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

bool text_list_has(const struct list *l, const char *s)
{
    for (size_t i = 0; l && i < l->len; i++)
        if (value_eqs(&l->items[i], s))
            return true;
    return false;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

void text_list_sort(struct list *l)
{
    if (l->len)
        qsort(l->items, l->len, sizeof *l->items, by_text);
}

bool text_is_number(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (*s < '0' || *s > '9')
            return false;
    return true;
}

int shlex_split(struct arena *a, const char *s, bool posix, struct list **ret, struct err *e)
{
    struct shlex x = {.at = s, .keep_quotes = !posix};
    struct list *l = value_list(a).u.list;
    int rc;
    while ((rc = shlex_next(&x)) > 0)
        list_add(l, value_strn(a, buf_str(&x.word), x.word.len));
    buf_release(&x.word);
    if (rc < 0)
        return err_set(e, ERR_PARSE, POS_NONE, "%s", x.why);
    *ret = l;
    return 0;
}

const char *shlex_quote(struct arena *a, const char *s)
{
    bool safe = *s != '\0';
    for (const char *p = s; *p && safe; p++)
        safe = isalnum((unsigned char)*p) || strchr("_@%+=:,./-", *p);
    if (safe)
        return arena_strdup(a, s);
    struct buf b = BUF_INIT;
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_adds(&b, "'\"'\"'");
        else
            buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    char *r = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return r;
}
