// The helper binaries by architecture: loaded once, executed here, or named by their SHA-256 and
// pushed to hosts.
#include "fleet/internal.h"

#include "core/blake2.h"
#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HELPER_MAX (256u << 20)

static const char *own_arch(struct fleet *f)
{
    struct utsname u;
    return uname(&u) ? "unknown" : arena_strdup(f->arena, u.machine);
}

// Maps all of a file: its descriptor, which stays open, or -1 with errno (0: it cannot be right).
static int map(const char *path, const char **ret, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        int n = errno;
        if (fd >= 0)
            close(fd);
        errno = n;
        return -1;
    }
    void *p = MAP_FAILED;
    if (st.st_size > 0 && st.st_size <= HELPER_MAX)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        close(fd);
        errno = 0;
        return -1;
    }
    *ret = p;
    *ret_len = (size_t)st.st_size;
    return fd;
}

static int map_file(struct helper *h, struct err *e)
{
    const char *path = h->given.path;
    h->fd = map(path, &h->data, &h->len); // the file that was hashed is the one executed here
    if (h->fd >= 0) {
        h->mapped = true;
        return 0;
    }
    if (errno == 0)
        return err_set(e, ERR_INVALID, POS_NONE, "\"%s\" cannot be the helper", path);
    return err_set(e, errno == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE,
                   "cannot read the helper \"%s\": %s", path, strerror(errno));
}

// The same packed by gzip, which the build leaves beside it. Hosts check what they unpack, and ask
// for the other when it is wrong, so the size alone is looked at here.
static void map_packed(struct fleet *f, struct helper *h)
{
    const char *data;
    size_t len;
    int fd = map(arena_printf(f->arena, "%s.gz", h->given.path), &data, &len);
    if (fd < 0)
        return;
    close(fd);
    const unsigned char *end = (const unsigned char *)data + len;
    bool ours = len > 18 && h->len <= UINT32_MAX && // header and trailer of gzip
                (end[-4] | end[-3] << 8 | end[-2] << 16 | (uint32_t)end[-1] << 24) == h->len;
    if (ours) {
        h->gz = data;
        h->gz_len = len;
    } else {
        munmap((void *)(uintptr_t)data, len);
    }
}

static int load_one(struct fleet *f, struct helper *h, const struct fleet_helper *given,
                    struct err *e)
{
    *h = (struct helper){.given = *given, .fd = -1, .data = given->data, .len = given->len};
    h->arch = given->arch ? arena_strdup(f->arena, given->arch) : own_arch(f);
    int rc = given->data ? 0 : map_file(h, e);
    if (rc)
        return rc;
    if (h->mapped)
        map_packed(f, h);
    return 0;
}

// Takes size and digests from what the build has written beside the helper, if that is no older.
static bool read_sums(struct fleet *f, struct helper *h)
{
    char line[256] = "";
    size_t size = 0;
    struct stat own, st;
    int fd = open(arena_printf(f->arena, "%s.sums", h->given.path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool fresh =
        fstat(fd, &st) == 0 && fstat(h->fd, &own) == 0 &&
        (st.st_mtim.tv_sec != own.st_mtim.tv_sec ? st.st_mtim.tv_sec > own.st_mtim.tv_sec
                                                 : st.st_mtim.tv_nsec >= own.st_mtim.tv_nsec);
    ssize_t n = fresh ? read(fd, line, sizeof line - 1) : 0;
    close(fd);
    return n > 0 && sscanf(line, "%zu %64[0-9a-f] %64[0-9a-f]", &size, h->sha256, h->blake2) == 3 &&
           size == h->len && strlen(h->sha256) == 64 && strlen(h->blake2) == 64;
}

static void name_one(struct fleet *f, struct helper *h)
{
    char hex[HASH_HEX_MAX];
    if (h->mapped && read_sums(f, h))
        return;
    hash_hex(HASH_SHA256, h->data, h->len, hex);
    memcpy(h->sha256, hex, sizeof h->sha256);
    blake2_hex(h->data, h->len, h->blake2);
}

int helpers_load(struct fleet *f, struct err *e)
{
    struct helpers *hs = &f->helpers;
    if (hs->ready)
        return 0;
    if (!f->opts.n_helpers)
        return err_set(e, ERR_NOENT, POS_NONE, "no helper program is installed");
    hs->v = arena_array(f->arena, struct helper, f->opts.n_helpers);
    helpers_release(f);
    for (size_t i = 0; i < f->opts.n_helpers; i++) {
        int rc = load_one(f, &hs->v[i], &f->opts.helpers[i], e);
        hs->n = i + 1;
        if (rc) {
            helpers_release(f);
            return rc;
        }
    }
    hs->ready = true;
    return 0;
}

int helpers_name(struct fleet *f, struct err *e)
{
    struct helpers *hs = &f->helpers;
    int rc = helpers_load(f, e);
    if (rc || hs->command)
        return rc;
    struct boot_helper *b = arena_array(f->arena, struct boot_helper, hs->n);
    for (size_t i = 0; i < hs->n; i++) {
        struct helper *h = &hs->v[i];
        name_one(f, h);
        b[i] = (struct boot_helper){h->arch, h->sha256, h->blake2, h->len, h->gz_len};
    }
    hs->script = boot_script(f->arena, b, hs->n);
    hs->command = boot_command(f->arena, b, hs->n, hs->script);
    return 0;
}

const struct helper *helpers_find(const struct fleet *f, const char *arch)
{
    for (size_t i = 0; i < f->helpers.n; i++)
        if (strcmp(f->helpers.v[i].arch, arch) == 0)
            return &f->helpers.v[i];
    return NULL;
}

static int memory_file(const struct helper *h, struct err *e)
{
    int fd = memfd_create("andon-node", MFD_CLOEXEC);
    for (size_t off = 0; fd >= 0 && off < h->len;) {
        ssize_t n = write(fd, h->data + off, h->len - off);
        if (n <= 0) {
            close(fd);
            fd = -1;
        } else {
            off += (size_t)n;
        }
    }
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make the helper executable: %s",
                       strerror(errno));
    return fd;
}

int helpers_local_fd(struct fleet *f, struct err *e)
{
    int rc = helpers_load(f, e);
    if (rc)
        return rc;
    const char *arch = own_arch(f);
    for (size_t i = 0; i < f->helpers.n; i++) {
        struct helper *h = &f->helpers.v[i];
        if (strcmp(h->arch, arch) != 0)
            continue;
        if (h->fd < 0)
            h->fd = memory_file(h, e);
        return h->fd;
    }
    return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                   "there is no helper for this machine's architecture (%s)", arch);
}

void helpers_release(struct fleet *f)
{
    struct helpers *hs = &f->helpers;
    for (size_t i = 0; i < hs->n; i++) {
        struct helper *h = &hs->v[i];
        if (h->mapped)
            munmap((void *)(uintptr_t)h->data, h->len);
        if (h->gz)
            munmap((void *)(uintptr_t)h->gz, h->gz_len);
        if (h->fd >= 0)
            close(h->fd);
    }
    hs->n = 0;
    hs->ready = false;
    hs->command = hs->script = NULL;
}
