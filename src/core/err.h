// Errors: a code, a one-line message and, where a file is to blame, its position.
// Also the source positions that parsed values carry.
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum err_code {
    ERR_OK = 0,
    ERR_INVALID = -1,     // wrong argument, type or value
    ERR_NOENT = -2,       // file, host, module, ... not found
    ERR_PARSE = -3,       // syntax of a file or expression
    ERR_UNDEFINED = -4,   // undefined variable, attribute or key
    ERR_IO = -5,          // read, write, connect
    ERR_LIMIT = -6,       // a size, depth or count limit was passed
    ERR_UNSUPPORTED = -7, // known in Ansible, not in andon
    ERR_UNREACHABLE = -8, // the host cannot be reached
    ERR_TIMEOUT = -9,
    ERR_FAILED = -10, // a task or command failed
    ERR_CANCELLED = -11,
    ERR_UNKNOWN = -12, // depends on what only a run can tell (check mode)
};

// A position in a source file: file is a number from src_file(), 0 for "none"; line and col count
// from 1.
struct pos {
    uint16_t file;
    uint16_t col;
    uint32_t line;
};

struct err {
    int code; // enum err_code, 0 while unset
    struct pos pos;
    char *msg; // malloc'ed, owned by the err
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }
#define POS_NONE ((struct pos){0})

// Sets code, position and message (replacing what was there) and returns code. e may be NULL.
int err_set(struct err *e, int code, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int err_vset(struct err *e, int code, struct pos pos, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));
// Puts context in front: "context: message". Keeps code and position. Returns the code.
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Sets the position if the error has none yet. Returns the code.
int err_at(struct err *e, struct pos pos);
// Frees the message and makes e unset.
void err_release(struct err *e);
// Moves src into dst (dst may be NULL: then src is only released). Returns the code.
int err_move(struct err *dst, struct err *src);
// The message, "" when unset.
const char *err_msg(const struct err *e);

// Number of a file name in the process-wide table of source files (append-only, at most 16383; then
// 0).
uint16_t src_file(const char *path);
// Name behind a number; "" for 0.
const char *src_name(uint16_t file);

// The best match for word among names[0..n) (NULL entries are skipped), or NULL when none is near
// enough: for "did you mean".
const char *err_suggest(const char *word, const char *const *names, int n);

#endif
