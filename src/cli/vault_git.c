// Encrypted files in git: plain text for diffs, and a merge driver.
#include "cli/vault.h"

#include "core/file.h"
#include "core/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- textconv
// --------------------------------------------------------------------------------------------------

// The blanks at the start of a line.
static size_t indent_of(const char *s)
{
    return strspn(s, " ");
}

static const char *next_line(const char *s)
{
    const char *nl = strchr(s, '\n');
    return nl ? nl + 1 : s + strlen(s);
}

// True for "key: !vault |" and its kin: a block of text follows.
static bool opens_block(const char *line)
{
    size_t n = strcspn(line, "\n");
    const char *tag = memmem(line, n, "!vault", 6);
    if (!tag)
        return false;
    const char *p = tag + strcspn(tag, " \n");
    p += strspn(p, " ");
    return p < line + n && (*p == '|' || *p == '>');
}

// Appends the plain text of the block at s in its indentation. False: it stays as it is.
static bool show_block(struct vault *v, const char *s, const char *end, struct buf *out)
{
    struct buf text = BUF_INIT, plain = BUF_INIT;
    size_t indent = indent_of(s);
    for (const char *line = s; line < end; line = next_line(line))
        buf_add(&text, line + indent_of(line), (size_t)(next_line(line) - line) - indent_of(line));
    bool ok = vault_decrypt(v, buf_str(&text), text.len, NULL, &plain, NULL, NULL) == 0;
    for (const char *line = buf_str(&plain); ok && *line; line = next_line(line)) {
        size_t n = strcspn(line, "\n");
        buf_fill(out, ' ', indent);
        buf_add(out, line, n);
        buf_addc(out, '\n');
    }
    vault_wipe(&plain);
    buf_release(&text);
    return ok;
}

// Text with the !vault blocks in it decrypted where they can be.
static void show_inline(struct vault *v, const char *s, struct buf *out)
{
    while (*s) {
        const char *line = s;
        s = next_line(s);
        buf_add(out, line, (size_t)(s - line));
        if (!opens_block(line) || strncmp(s + indent_of(s), "$ANSIBLE_VAULT", 14) != 0)
            continue;
        const char *end = s;
        size_t indent = indent_of(s);
        while (*end && indent > 0 && indent_of(end) >= indent && end[indent] != '\n')
            end = next_line(end);
        if (end > s && show_block(v, s, end, out))
            s = end;
    }
}

int vault_textconv(struct session *s, const char *path)
{
    struct buf text, plain = BUF_INIT;
    struct err e = ERR_INIT;
    int rc = vault_read_file(path, &text, &e);
    if (rc == 0 && vault_is_encrypted(buf_str(&text), text.len)) {
        rc = vault_decrypt(s->vault, buf_str(&text), text.len, path, &plain, NULL, &e);
        if (rc < 0) { // a diff of what is encrypted is better than none
            session_error(s, &e);
            buf_add(&plain, buf_str(&text), text.len);
            rc = 0;
        }
    } else if (rc == 0 && memchr(buf_str(&text), '\0', text.len)) {
        buf_add(&plain, buf_str(&text), text.len);
    } else if (rc == 0) {
        show_inline(s->vault, buf_str(&text), &plain);
    } else {
        session_error(s, &e);
    }
    fwrite(buf_str(&plain), 1, plain.len, stdout);
    vault_wipe(&plain);
    vault_wipe(&text);
    err_release(&e);
    return rc < 0 ? RUN_ERROR : 0;
}

// --- merge
// -----------------------------------------------------------------------------------------------------

struct side {
    const char *path;
    struct buf text, plain;
    const struct vault_secret *secret;
    char *file;     // its plain text in the private folder
    bool encrypted; // the file was
};

static int open_side(struct session *s, struct side *f, struct err *e)
{
    int rc = vault_read_file(f->path, &f->text, e);
    if (rc < 0)
        return rc;
    f->encrypted = vault_is_encrypted(buf_str(&f->text), f->text.len);
    if (f->encrypted)
        return vault_decrypt(s->vault, buf_str(&f->text), f->text.len, f->path, &f->plain,
                             &f->secret, e);
    buf_add(&f->plain, buf_str(&f->text), f->text.len);
    return 0;
}

static bool same(const struct buf *x, const struct buf *y)
{
    return x->len == y->len && memcmp(buf_str(x), buf_str(y), x->len) == 0;
}

// `git merge-file` over the plain texts, which leaves the outcome in the file of ours: the number
// of conflicts, or <0.
static int merge_files(const struct side f[3], struct err *e)
{
    static const char *const fixed[] = {"git", "merge-file", "-L", "ours",
                                        "-L",  "base",       "-L", "theirs"};
    const char *argv[12];
    size_t n = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        argv[n++] = fixed[i];
    argv[n++] = f[1].file;
    argv[n++] = f[0].file;
    argv[n++] = f[2].file;
    argv[n] = NULL;
    struct program_opts o = {.error_to_terminal = true};
    struct program_result r;
    int rc = program_run(argv, &o, &r, e), conflicts = r.status;
    program_release(&r);
    if (rc < 0)
        return rc;
    return conflicts < 128 ? conflicts : err_set(e, ERR_FAILED, POS_NONE, "git merge-file failed");
}

// The outcome in place of ours, encrypted with the secret and id ours has (or theirs).
static int save_merged(const struct side f[3], const struct buf *merged, struct err *e)
{
    const struct side *like = f[1].encrypted ? &f[1] : &f[2];
    struct buf text = BUF_INIT;
    struct vault_header h;
    int rc = 0;
    if (same(merged, &f[1].plain))
        return 0;
    if (same(merged, &f[2].plain)) {
        buf_add(&text, buf_str(&f[2].text), f[2].text.len);
    } else if (!like->encrypted) {
        buf_add(&text, buf_str(merged), merged->len);
    } else {
        rc = vault_header_read(buf_str(&like->text), like->text.len, &h, e);
        char *id = rc == 0 && h.id ? xstrndup(h.id, h.id_len) : NULL;
        if (rc == 0)
            rc = vault_encrypt(like->secret->password, like->secret->len, id, buf_str(merged),
                               merged->len, NULL, 0, &text, e);
        free(id);
    }
    if (rc == 0)
        rc = vault_write_file(f[1].path, &text, true, false, e);
    vault_wipe(&text);
    return rc;
}

int vault_merge(struct session *s, const char *base, const char *ours, const char *theirs)
{
    static const char *const names[] = {"base", "ours", "theirs"};
    struct side f[3] = {{.path = base}, {.path = ours}, {.path = theirs}};
    struct buf merged = BUF_INIT;
    struct err e = ERR_INIT;
    char *dir = private_dir(&e);
    int rc = dir ? 0 : ERR_IO, conflicts = 0;
    for (size_t i = 0; i < 3 && rc == 0; i++) {
        rc = open_side(s, &f[i], &e);
        if (rc == 0)
            rc = private_file(s->arena, dir, names[i], &f[i].plain, &f[i].file, &e);
    }
    if (rc == 0)
        rc = conflicts = merge_files(f, &e);
    if (rc >= 0)
        rc = vault_read_file(f[1].file, &merged, &e);
    if (rc == 0)
        rc = save_merged(f, &merged, &e);
    if (rc < 0)
        session_error(s, &e);
    else if (conflicts && (f[1].encrypted || f[2].encrypted))
        fprintf(stderr, "The conflicts are inside the encrypted text: resolve them with "
                        "`andon vault edit`.\n");
    err_release(&e);
    vault_wipe(&merged);
    for (size_t i = 0; i < 3; i++) {
        vault_wipe(&f[i].text);
        vault_wipe(&f[i].plain);
    }
    private_dir_remove(dir);
    // git takes more than 128 as a failure of the driver itself
    return rc < 0 ? 129 : conflicts > 0;
}
