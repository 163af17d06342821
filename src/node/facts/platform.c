// Facts of the platform collector (kernel, names, architecture) and of Python on the host.
#include "node/facts/facts.h"
#include "node/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

// A line of /etc/hosts that has addr (when not NULL) as its address or name among its names. The
// names are returned, the address through ret_addr.
static struct list *hosts_line(struct facts *f, const char *addr, const char *name,
                               const char **ret_addr)
{
    char *data = facts_file(f, "/etc/hosts");
    for (char *line; (line = text_line(&data));) {
        line[strcspn(line, "#")] = '\0';
        char *cursor = line, *ip = text_field(&cursor);
        if (!ip || (addr && strcmp(ip, addr) != 0))
            continue;
        struct list *names = value_list(f->a).u.list;
        for (char *field; (field = text_field(&cursor));)
            list_add(names, value_cstr(field));
        bool hit = addr != NULL;
        for (size_t i = 0; i < names->len && !hit; i++)
            hit = strcasecmp(names->items[i].u.str.s, name) == 0;
        if (hit && names->len > 0) {
            if (ret_addr)
                *ret_addr = ip;
            return names;
        }
    }
    return NULL;
}

// Whether names that are not in /etc/hosts may be asked for by DNS.
static bool dns_configured(struct facts *f)
{
    char *data = facts_file(f, "/etc/resolv.conf");
    bool server = false;
    for (char *line; (line = text_line(&data));)
        server = server || text_after(line, "nameserver");
    if (!server)
        return false;
    data = facts_file(f, "/etc/nsswitch.conf");
    for (char *line; (line = text_line(&data));)
        if (text_after(line, "hosts:"))
            return strstr(line, "dns") != NULL || strstr(line, "resolve") != NULL;
    return true;
}

// Forward and back through DNS, in this process.
static void dns_canonical(const char *name, char *out, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai = NULL;
    out[0] = '\0';
    if (getaddrinfo(name, NULL, &hints, &ai) != 0 || !ai)
        return;
    if (getnameinfo(ai->ai_addr, ai->ai_addrlen, out, (socklen_t)size, NULL, 0, NI_NAMEREQD) != 0)
        out[0] = '\0';
    freeaddrinfo(ai);
}

// As dns_canonical, given up after five seconds.
static const char *dns_ask(struct facts *f, const char *name)
{
    int fds[2];
    char out[256] = "";
    if (pipe2(fds, O_CLOEXEC) != 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        dns_canonical(name, out, sizeof(out));
        ssize_t ignored = write(fds[1], out, strlen(out));
        _exit(ignored < 0);
    }
    close(fds[1]);
    ssize_t n = 0;
    struct pollfd pfd = {.fd = fds[0], .events = POLLIN};
    if (pid > 0 && poll(&pfd, 1, 5000) > 0)
        n = read(fds[0], out, sizeof(out) - 1);
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return n > 0 ? arena_strndup(f->a, out, (size_t)n) : NULL;
}

// The fully qualified name as Python's socket.getfqdn finds it.
static const char *find_fqdn(struct facts *f, const char *node)
{
    const char *addr = NULL;
    struct list *names = hosts_line(f, NULL, node, &addr);
    if (names) {
        struct list *first = hosts_line(f, addr, NULL, NULL);
        names = first ? first : names;
        for (size_t i = 0; i < names->len; i++)
            if (strchr(names->items[i].u.str.s, '.'))
                return names->items[i].u.str.s;
        return names->items[0].u.str.s;
    }
    const char *found = dns_configured(f) ? dns_ask(f, node) : NULL;
    return found ? found : node;
}

// "64" or "32", of the programs installed (not of the kernel).
static const char *userspace_bits(struct facts *f)
{
    unsigned char head[5] = {0};
    int fd = open(arena_printf(f->a, "%s/bin/sh", f->root), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, head, sizeof(head));
        close(fd);
        if (n == (ssize_t)sizeof(head) && memcmp(head, "\177ELF", 4) == 0)
            return head[4] == 1 ? "32" : "64";
    }
    return sizeof(void *) == 8 ? "64" : "32";
}

static void platform_architecture(struct facts *f, const char *machine)
{
    const char *bits = userspace_bits(f);
    facts_set(f, "userspace_bits", bits);
    bool x86_32 = machine[0] == 'i' && machine[1] >= '3' && machine[1] <= '6' &&
                  strcmp(machine + 2, "86") == 0;
    if (strcmp(machine, "x86_64") == 0 || x86_32) {
        facts_set(f, "architecture", x86_32 ? "i386" : machine);
        facts_set(f, "userspace_architecture", strcmp(bits, "64") == 0 ? "x86_64" : "i386");
    } else {
        facts_set(f, "architecture", machine);
    }
}

void facts_platform(struct facts *f)
{
    struct utsname u;
    struct python_install py;
    if (uname(&u) != 0)
        return;
    facts_set(f, "system", u.sysname);
    facts_set(f, "kernel", u.release);
    facts_set(f, "kernel_version", u.version);
    facts_set(f, "machine", u.machine);
    if (facts_find_python(f, &py)) {
        dict_set(f->out, "python_version",
                 value_strf(f->a, "%d.%d.%d", py.major, py.minor, py.micro));
        f->python = arena_new_of(f->a, struct python_install);
        *f->python = py;
    }
    const char *fqdn = find_fqdn(f, u.nodename), *dot = strchr(fqdn, '.');
    facts_set(f, "fqdn", fqdn);
    facts_set(f, "nodename", u.nodename);
    facts_set(f, "domain", dot ? dot + 1 : "");
    dict_set(f->out, "hostname", value_strn(f->a, u.nodename, strcspn(u.nodename, ".")));
    platform_architecture(f, u.machine);
    char *id = facts_file(f, "/var/lib/dbus/machine-id");
    if (!id)
        id = facts_file(f, "/etc/machine-id");
    if (id)
        facts_set(f, "machine_id", text_line(&id));
}

// The version of Debian's package of this Python, "3.11.2-6" for 3.11.2; -1 when dpkg does not have
// it.
static int micro_by_dpkg(struct facts *f, int major, int minor)
{
    const char *status =
        text_read(f->a, arena_printf(f->a, "%s/var/lib/dpkg/status", f->root), NULL);
    const char *head = arena_printf(f->a, "\nPackage: python%d.%d-minimal\n", major, minor);
    const char *p = status ? strstr(status, head) : NULL, *end = p ? strstr(p, "\n\n") : NULL;
    p = p ? strstr(p, "\nVersion: ") : NULL;
    int x, y, z;
    if (!p || (end && p > end) || sscanf(p, "\nVersion: %d.%d.%d", &x, &y, &z) != 3)
        return -1;
    return x == major && y == minor ? z : -1;
}

// The read-only data of an ELF file in memory, where its constant strings are; all of it when that
// is not found.
static void elf_rodata(const char *map, size_t size, const char **ret, size_t *ret_len)
{
    Elf64_Ehdr head;
    *ret = map;
    *ret_len = size;
    if (size < sizeof(head))
        return;
    memcpy(&head, map, sizeof(head));
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_shentsize != sizeof(Elf64_Shdr) || head.e_shoff > size ||
        head.e_shnum > (size - head.e_shoff) / sizeof(Elf64_Shdr) ||
        head.e_shstrndx >= head.e_shnum)
        return;
    Elf64_Shdr names, s;
    memcpy(&names, map + head.e_shoff + head.e_shstrndx * sizeof(s), sizeof(s));
    for (size_t i = 0; i < head.e_shnum; i++) {
        memcpy(&s, map + head.e_shoff + i * sizeof(s), sizeof(s));
        if (s.sh_type != SHT_PROGBITS || s.sh_name >= names.sh_size || names.sh_offset > size ||
            names.sh_size > size - names.sh_offset || names.sh_size - s.sh_name < 8 ||
            memcmp(map + names.sh_offset + s.sh_name, ".rodata", 8) != 0 || s.sh_offset > size ||
            s.sh_size > size - s.sh_offset)
            continue;
        *ret = map + s.sh_offset;
        *ret_len = s.sh_size;
        return;
    }
}

// The third number of "MAJOR.MINOR.x" as a string of its own in data, or -1.
static int micro_in(const char *data, size_t len, int major, int minor)
{
    char head[32];
    int n = snprintf(head, sizeof(head), "%c%d.%d.", 0, major, minor);
    const char *p = data, *end = data + len;
    while (p < end && (p = memmem(p, (size_t)(end - p), head, (size_t)n))) {
        p += n;
        int value = 0, digits = 0;
        while (p < end && digits < 3 && *p >= '0' && *p <= '9') {
            value = value * 10 + (*p++ - '0');
            digits++;
        }
        if (digits > 0 && p < end && *p == '\0')
            return value;
    }
    return -1;
}

// The interpreter (or its library) holds its version as a string.
static int micro_by_file(const char *path, int major, int minor)
{
    int micro = -1, fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && st.st_size > 64 && st.st_size < (off_t)1 << 30) {
        size_t size = (size_t)st.st_size, len;
        char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            const char *data;
            elf_rodata(map, size, &data, &len);
            micro = micro_in(data, len, major, minor);
            munmap(map, size);
        }
    }
    close(fd);
    return micro;
}

static int python_micro(struct facts *f, const char *real, int major, int minor)
{
    static const char *const libs[] = {"/usr/lib64", "/usr/lib", "/usr/lib/x86_64-linux-gnu",
                                       "/usr/lib/aarch64-linux-gnu", "/usr/local/lib"};
    int micro = micro_by_dpkg(f, major, minor);
    if (micro < 0)
        micro = micro_by_file(real, major, minor);
    for (size_t i = 0; micro < 0 && i < sizeof(libs) / sizeof(*libs); i++)
        micro = micro_by_file(
            arena_printf(f->a, "%s%s/libpython%d.%d.so.1.0", f->root, libs[i], major, minor), major,
            minor);
    return micro;
}

bool facts_find_python(struct facts *f, struct python_install *ret)
{
    static const char *const places[] = {"/usr/bin/python3", "/usr/libexec/platform-python",
                                         "/usr/local/bin/python3", "/usr/bin/python"};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        char real[PATH_MAX];
        const char *path = arena_printf(f->a, "%s%s", f->root, places[i]);
        if (!realpath(path, real))
            continue;
        const char *base = strrchr(real, '/');
        int major = 0, minor = 0;
        const char *tail = base ? strstr(base, "python") : NULL;
        if (!tail || sscanf(tail, "python%d.%d", &major, &minor) != 2)
            continue;
        int micro = python_micro(f, real, major, minor);
        if (micro < 0)
            continue;
        *ret = (struct python_install){places[i], major, minor, micro};
        return true;
    }
    return false;
}

void facts_python(struct facts *f)
{
    struct python_install py;
    if (f->python)
        py = *f->python;
    else if (!facts_find_python(f, &py))
        return;
    struct value fact = value_dict(f->a), version = value_dict(f->a), info = value_list(f->a);
    struct dict *v = version.u.dict;
    dict_set(v, "major", value_int(py.major));
    dict_set(v, "minor", value_int(py.minor));
    dict_set(v, "micro", value_int(py.micro));
    dict_set(v, "releaselevel", value_cstr("final"));
    dict_set(v, "serial", value_int(0));
    struct dict_entry *e;
    DICT_EACH(v, e)
    list_add(info.u.list, e->val);
    dict_set(fact.u.dict, "version", version);
    dict_set(fact.u.dict, "version_info", info);
    dict_set(fact.u.dict, "executable", value_cstr(py.path));
    dict_set(fact.u.dict, "has_sslcontext", value_bool(true));
    dict_set(fact.u.dict, "type", value_cstr("cpython"));
    dict_set(f->out, "python", fact);
}
