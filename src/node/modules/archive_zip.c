// Zip archives as archive writes them: gzip deflates each file, and what it puts around that (RFC
// 1952) gives the checksum that the zip archive wants.
#include "node/modules/archive.h"
#include "node/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GZIP_HEAD 10 // of a stream without a name
#define GZIP_TAIL 8  // CRC-32 and length
#define ENTRY_SIG 0x04034b50u
#define CENTRAL_SIG 0x02014b50u
#define END_SIG 0x06054b50u
#define CENTRAL_LEN 46
#define END_LEN 22
#define SIZE_MAX_ZIP 0xfffffffeu // more needs another format
#define CENTRAL_MAX (64u << 20)

struct entry {
    const char *name;
    struct stat st;
    uint32_t crc, packed, size, offset;
};

static void put16(struct buf *b, uint32_t v)
{
    buf_addc(b, (char)(v & 0xff));
    buf_addc(b, (char)(v >> 8 & 0xff));
}

static void put32(struct buf *b, uint32_t v)
{
    put16(b, v & 0xffff);
    put16(b, v >> 16);
}

static uint32_t get16(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const unsigned char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static int too_large(struct packing *p)
{
    return module_fail(p->m,
                       "Errors when writing archive at %s: a zip archive holds no more than "
                       "4 GiB and 65535 files; use another format",
                       p->dest);
}

// Deflates the file into fd behind what it holds; sizes and checksum go into the entry.
static int pack_content(struct packing *p, const char *path, int fd, struct entry *en)
{
    struct err e = ERR_INIT;
    const char *tmp;
    unsigned char tail[GZIP_TAIL];
    struct proc run;
    int in = host_tmpfile(p->m, NULL, &tmp, &e);
    if (in < 0)
        return module_fail_err(p->m, &e);
    const char *line =
        arena_printf(p->a, "gzip -nc < %s > %s", shlex_quote(p->a, path), shlex_quote(p->a, tmp));
    struct proc_opts opts = {.clean_lang = true};
    int rc = proc_shell(p->m, line, &opts, &run, &e) < 0 ? module_fail_err(p->m, &e) : 0;
    if (rc == 0 && run.rc != 0)
        rc = module_fail(p->m, "Errors when writing archive at %s: %s", p->dest, buf_str(&run.err));
    off_t len = lseek(in, 0, SEEK_END);
    if (rc == 0 &&
        (len < GZIP_HEAD + GZIP_TAIL || pread(in, tail, GZIP_TAIL, len - GZIP_TAIL) != GZIP_TAIL))
        rc = module_fail(p->m, "Errors when writing archive at %s: gzip gave nothing", p->dest);
    if (rc == 0 && len > SIZE_MAX_ZIP)
        rc = too_large(p);
    if (rc == 0) {
        en->crc = get32(tail);
        en->size = get32(tail + 4);
        en->packed = (uint32_t)(len - GZIP_HEAD - GZIP_TAIL);
        lseek(in, GZIP_HEAD, SEEK_SET);
        if (ftruncate(in, len - GZIP_TAIL) < 0 || host_copy_fd(in, fd, &e) < 0)
            rc = module_fail(p->m, "Errors when writing archive at %s: %s", p->dest, err_msg(&e));
    }
    err_release(&e);
    proc_release(&run);
    close(in);
    unlink(tmp);
    return rc;
}

// What a local header and the central directory say in the same words.
static void put_common(struct buf *b, const struct entry *en)
{
    struct tm tm;
    bool ascii = true, folder = S_ISDIR(en->st.st_mode);
    for (const char *s = en->name; *s; s++)
        ascii = ascii && (unsigned char)*s < 0x80;
    localtime_r(&en->st.st_mtime, &tm);
    bool old = tm.tm_year < 80; // before the format's calendar begins
    put16(b, 20);
    put16(b, ascii ? 0 : 0x800);
    put16(b, folder ? 0 : 8);
    put16(b, old ? 0 : (uint32_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2));
    put16(b, old ? 1 << 5 | 1
                 : (uint32_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday));
    put32(b, en->crc);
    put32(b, en->packed);
    put32(b, en->size);
    put16(b, (uint32_t)strlen(en->name));
    put16(b, 0);
}

static void put_central(struct buf *b, const struct entry *en)
{
    put32(b, CENTRAL_SIG);
    put16(b, 3 << 8 | 20); // made on Unix
    put_common(b, en);
    for (int i = 0; i < 3; i++) // comment, disk, kind of content
        put16(b, 0);
    put32(b, (uint32_t)en->st.st_mode << 16 | (S_ISDIR(en->st.st_mode) ? 0x10 : 0));
    put32(b, en->offset);
    buf_adds(b, en->name);
}

static int flush(struct packing *p, int fd, struct buf *b)
{
    ssize_t n = write(fd, b->p, b->len);
    bool ok = n == (ssize_t)b->len;
    buf_release(b);
    *b = (struct buf)BUF_INIT;
    return ok ? 0
              : module_fail(p->m, "Errors when writing archive at %s: %s", p->dest,
                            strerror(n < 0 ? errno : ENOSPC));
}

// Writes one member; en becomes its row of the central directory.
static int put_member(struct packing *p, const char *path, int fd, struct entry *en)
{
    struct buf head = BUF_INIT;
    off_t at = lseek(fd, 0, SEEK_CUR);
    const char *name = packing_name(p, path);
    if (stat(path, &en->st) < 0)
        return module_fail(p->m, "Errors when writing archive at %s: %s: %s", p->dest, path,
                           strerror(errno));
    bool folder = S_ISDIR(en->st.st_mode);
    if (at > SIZE_MAX_ZIP || en->st.st_size > SIZE_MAX_ZIP)
        return too_large(p);
    en->offset = (uint32_t)at;
    en->name = folder ? arena_printf(p->a, "%s/", name) : name;
    // the header comes first and knows what is only known behind it: it is written twice
    put32(&head, ENTRY_SIG);
    put_common(&head, en);
    buf_adds(&head, en->name);
    if (flush(p, fd, &head) != 0)
        return ERR_FAILED;
    if (folder)
        return 0;
    if (pack_content(p, path, fd, en) != 0)
        return ERR_FAILED;
    off_t end = lseek(fd, 0, SEEK_CUR);
    put32(&head, ENTRY_SIG);
    put_common(&head, en);
    lseek(fd, at, SEEK_SET);
    int rc = flush(p, fd, &head);
    lseek(fd, end, SEEK_SET);
    return rc;
}

int packing_zip(struct packing *p, int fd)
{
    struct entry *entries = arena_alloc(p->a, (p->members->len + 1) * sizeof *entries);
    struct buf central = BUF_INIT;
    size_t n = p->members->len;
    if (n > 0xfffe)
        return too_large(p);
    for (size_t i = 0; i < n; i++) {
        entries[i] = (struct entry){0};
        if (put_member(p, p->members->items[i].u.str.s, fd, &entries[i]) != 0)
            return ERR_FAILED;
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at > SIZE_MAX_ZIP)
        return too_large(p);
    for (size_t i = 0; i < n; i++)
        put_central(&central, &entries[i]);
    uint32_t len = (uint32_t)central.len;
    put32(&central, END_SIG);
    put32(&central, 0); // one disk
    put16(&central, (uint32_t)n);
    put16(&central, (uint32_t)n);
    put32(&central, len);
    put32(&central, (uint32_t)at);
    put16(&central, 0);
    return flush(p, fd, &central);
}

// --- reading

// Where the central directory is: it is told at the end of the file, in front of a comment.
static bool find_central(int fd, off_t size, uint32_t *ret_at, uint32_t *ret_len)
{
    unsigned char tail[END_LEN + 0xffff];
    size_t len = size < (off_t)sizeof tail ? (size_t)size : sizeof tail;
    if (len < END_LEN || pread(fd, tail, len, size - (off_t)len) != (ssize_t)len)
        return false;
    for (size_t i = len - END_LEN + 1; i-- > 0;)
        if (get32(tail + i) == END_SIG) {
            *ret_len = get32(tail + i + 12);
            *ret_at = get32(tail + i + 16);
            return *ret_len <= CENTRAL_MAX;
        }
    return false;
}

const char *packing_zip_listing(struct arena *a, const char *path)
{
    struct stat st;
    struct buf lines = BUF_INIT;
    uint32_t at, len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    bool found = fstat(fd, &st) == 0 && find_central(fd, st.st_size, &at, &len);
    unsigned char *dir = found ? arena_alloc(a, len + 1) : NULL;
    found = found && pread(fd, dir, len, at) == (ssize_t)len;
    close(fd);
    for (size_t i = 0; found && i + CENTRAL_LEN <= len && get32(dir + i) == CENTRAL_SIG;) {
        size_t name = get16(dir + i + 28), more = get16(dir + i + 30) + get16(dir + i + 32);
        if (i + CENTRAL_LEN + name > len)
            break;
        buf_addf(&lines, "%.*s %08x\n", (int)name, (const char *)dir + i + CENTRAL_LEN,
                 get32(dir + i + 16));
        i += CENTRAL_LEN + name + more;
    }
    const char *ret = found ? packing_sorted(a, buf_str(&lines)) : NULL;
    buf_release(&lines);
    return ret;
}
