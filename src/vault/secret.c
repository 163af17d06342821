// Passwords from files and from the scripts that print them.
#include "vault/internal.h"

#include "core/file.h"
#include "core/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SECRET 65536
#define UNKNOWN_ID 2 // what a client script exits with when it has no such id

static bool is_client(const char *path)
{
    const char *base = path_base(path), *dot = strrchr(base, '.');
    size_t n = dot && dot != base ? (size_t)(dot - path) : strlen(path);
    return n >= 7 && memcmp(path + n - 7, "-client", 7) == 0;
}

static bool in_set(char c, const char *set)
{
    return c && strchr(set, c);
}

static void strip(struct buf *b, const char *set)
{
    while (b->len && in_set(b->p[b->len - 1], set))
        b->p[--b->len] = '\0';
    size_t n = 0;
    while (n < b->len && in_set(b->p[n], set))
        n++;
    buf_consume(b, n);
}

// --- scripts
// ---------------------------------------------------------------------------------------------------

// Reads fd to its end; what is past the limit is dropped.
static void read_all(int fd, struct buf *out)
{
    char piece[4096];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_add(out, piece, (size_t)n);
    explicit_bzero(piece, sizeof piece);
}

static int script_error(const char *path, const char *id, bool client, struct program_result *r,
                        struct err *e)
{
    int code = r->signal ? -r->signal : r->status; // as Python tells it
    if (!client)
        return err_set(e, ERR_FAILED, POS_NONE,
                       "Vault password script %s returned non-zero (%d): None", path, code);
    strip(&r->err, " \r\n");
    if (code == UNKNOWN_ID)
        return err_set(e, ERR_FAILED, POS_NONE,
                       "Vault password client script %s did not find a secret for vault-id=%s: %s",
                       path, id ? id : "None", buf_str(&r->err));
    return err_set(e, ERR_FAILED, POS_NONE,
                   "Vault password client script %s returned non-zero (%d) when getting secret "
                   "for vault-id=%s: %s",
                   path, code, id ? id : "None", buf_str(&r->err));
}

static int run_script(const char *path, const char *id, struct buf *out, struct err *e)
{
    bool client = is_client(path);
    const char *argv[] = {path, client && id ? "--vault-id" : NULL, id, NULL};
    struct program_opts o = {
        .input_is_ours = true, .error_to_terminal = !client, .max_output = MAX_SECRET + 1};
    struct program_result r;
    int rc = program_run(argv, &o, &r, NULL);
    if (rc < 0)
        rc = err_set(e, ERR_IO, POS_NONE,
                     "Problem running vault password %sscript %s ([Errno %d] %s: '%s'). If this is "
                     "not a script, remove the executable bit from the file.",
                     client ? "client " : "", path, r.error, strerror(r.error), path);
    else if (r.status != 0)
        rc = script_error(path, id, client, &r, e);
    else
        buf_add(out, buf_str(&r.out), r.out.len);
    vault_wipe(&r.out);
    program_release(&r);
    return rc;
}

// --- files
// -----------------------------------------------------------------------------------------------------

static int read_secret(struct vault *v, const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE,
                       "Could not read vault password file %s: [Errno %d] %s: '%s'", path, errno,
                       strerror(errno), path);
    read_all(fd, out);
    close(fd);
    strip(out, " \t\r\n\v\f");
    if (!vault_is_encrypted(buf_str(out), out->len))
        return 0;
    struct buf plain = BUF_INIT;
    int rc = vault_decrypt(v, buf_str(out), out->len, path, &plain, NULL, e);
    vault_wipe(out);
    *out = plain;
    return rc;
}

int secret_from_file(struct vault *v, const char *path, const char *id, struct buf *out,
                     struct err *e)
{
    struct stat st;
    buf_init(out, MAX_SECRET);
    if (stat(path, &st) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "The vault password file %s was not found", path);
    bool script = (st.st_mode & 0111) && !S_ISDIR(st.st_mode);
    int rc = script ? run_script(path, id, out, e) : read_secret(v, path, out, e);
    if (rc < 0)
        return rc;
    strip(out, "\r\n");
    if (out->overflow)
        return err_set(e, ERR_LIMIT, POS_NONE, "the vault password from %s is larger than %d bytes",
                       path, MAX_SECRET);
    if (!out->len)
        return err_set(e, ERR_INVALID, POS_NONE, "Invalid vault password was provided from %s (%s)",
                       script ? "script" : "file", path);
    return 0;
}
