// dpkg's status file, apt's extended states, and the order of Debian versions.
#include "node/modules/dpkg.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// The value when the line is "KEY: value", else NULL.
static char *field_value(char *line, const char *key, size_t n)
{
    if (strncmp(line, key, n) != 0 || line[n] != ':')
        return NULL;
    line += n + 1;
    while (*line == ' ' || *line == '\t')
        line++;
    return line;
}

static void stanza_field(struct dpkg_pkg *p, char *line)
{
    char *v;
    switch (*line) {
    case 'P':
        if ((v = field_value(line, "Package", 7)))
            p->name = v;
        else if ((v = field_value(line, "Provides", 8)))
            p->provides = v;
        break;
    case 'S':
        if ((v = field_value(line, "Status", 6))) {
            const char *last = strrchr(v, ' ');
            p->installed = last && strcmp(last, " installed") == 0;
            p->present =
                last && strcmp(last, " not-installed") != 0 && strcmp(last, " config-files") != 0;
        } else if ((v = field_value(line, "Section", 7))) {
            p->section = v;
        }
        break;
    case 'A':
        if ((v = field_value(line, "Architecture", 12)))
            p->arch = v;
        break;
    case 'V':
        if ((v = field_value(line, "Version", 7)))
            p->version = v;
        break;
    default:
        break;
    }
}

static void db_add(struct dpkg_db *db, const struct dpkg_pkg *p)
{
    if (!*p->name)
        return;
    db->pkgs = arena_room(db->arena, db->pkgs, db->len, &db->cap, 1024, sizeof *db->pkgs);
    db->pkgs[db->len++] = *p;
    if (strcmp(p->name, "dpkg") == 0)
        db->native = p->arch;
}

void dpkg_parse(struct dpkg_db *db, struct arena *a, char *text)
{
    static const struct dpkg_pkg blank = {"", "", "", "", "", false, false};
    struct dpkg_pkg p = blank;
    *db = (struct dpkg_db){.arena = a, .native = ""};
    for (char *line; (line = text_line(&text));) {
        if (*line == '\0') {
            db_add(db, &p);
            p = blank;
        } else {
            stanza_field(&p, line);
        }
    }
    db_add(db, &p);
}

void dpkg_read(struct dpkg_db *db, struct arena *a)
{
    dpkg_parse(db, a, text_read(a, "/var/lib/dpkg/status", NULL));
}

// Cuts "name:arch"; arch becomes "" when there is none.
static size_t split_name(const char *name, const char **ret_arch)
{
    const char *colon = strchr(name, ':');
    *ret_arch = colon ? colon + 1 : "";
    return colon ? (size_t)(colon - name) : strlen(name);
}

static bool arch_fits(const struct dpkg_db *db, const struct dpkg_pkg *p, const char *arch)
{
    if (*arch == '\0' || strcmp(arch, "native") == 0)
        return strcmp(p->arch, db->native) == 0 || strcmp(p->arch, "all") == 0;
    return strcmp(arch, "any") == 0 || strcmp(p->arch, arch) == 0 ||
           (strcmp(p->arch, "all") == 0 && strcmp(arch, db->native) == 0);
}

const struct dpkg_pkg *dpkg_find(const struct dpkg_db *db, const char *name)
{
    const char *arch;
    size_t n = split_name(name, &arch);
    for (size_t i = 0; i < db->len; i++) {
        const struct dpkg_pkg *p = &db->pkgs[i];
        if (strncmp(p->name, name, n) == 0 && p->name[n] == '\0' && arch_fits(db, p, arch))
            return p;
    }
    return NULL;
}

const struct dpkg_pkg *dpkg_provider(const struct dpkg_db *db, const char *name)
{
    size_t n = strcspn(name, ":");
    for (size_t i = 0; i < db->len; i++) {
        const struct dpkg_pkg *p = &db->pkgs[i];
        for (const char *s = p->installed ? p->provides : ""; *s;) {
            s += strspn(s, " ,");
            if (strncmp(s, name, n) == 0 && strchr(" ,(:", s[n]))
                return p;
            s += strcspn(s, ",");
        }
    }
    return NULL;
}

bool dpkg_has_files(struct arena *a, const struct dpkg_db *db, const char *name)
{
    const char *arch;
    size_t n = split_name(name, &arch);
    const char *base = arena_strndup(a, name, n);
    const char *paths[] = {
        arena_printf(a, "/var/lib/dpkg/info/%s:%s.list", base, *arch ? arch : db->native),
        arena_printf(a, "/var/lib/dpkg/info/%s.list", base)};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct stat st;
        if (stat(paths[i], &st) == 0 && st.st_size > 0)
            return true;
    }
    return false;
}

// Weight of a character in the parts between numbers: ~ before the end, letters before the rest.
static int char_order(char c)
{
    if (c == '~')
        return -1;
    if (c == '\0' || isdigit((unsigned char)c))
        return 0;
    return isalpha((unsigned char)c) ? (unsigned char)c : (unsigned char)c + 256;
}

// Compares one part of a version (epoch removed), of given lengths.
static int part_compare(const char *x, size_t xn, const char *y, size_t yn)
{
    const char *xe = x + xn, *ye = y + yn;
    while (x < xe || y < ye) {
        while ((x < xe && !isdigit((unsigned char)*x)) || (y < ye && !isdigit((unsigned char)*y))) {
            int a = x < xe ? char_order(*x) : 0, b = y < ye ? char_order(*y) : 0;
            if (a != b)
                return a - b;
            x += x < xe;
            y += y < ye;
        }
        while (x < xe && *x == '0')
            x++;
        while (y < ye && *y == '0')
            y++;
        int first = 0;
        while (x < xe && isdigit((unsigned char)*x) && y < ye && isdigit((unsigned char)*y)) {
            if (!first)
                first = *x - *y;
            x++;
            y++;
        }
        if (x < xe && isdigit((unsigned char)*x))
            return 1;
        if (y < ye && isdigit((unsigned char)*y))
            return -1;
        if (first)
            return first;
    }
    return 0;
}

int dpkg_version_compare(const char *x, const char *y)
{
    const char *xc = strchr(x, ':'), *yc = strchr(y, ':');
    long xe = xc ? strtol(x, NULL, 10) : 0, ye = yc ? strtol(y, NULL, 10) : 0;
    if (xe != ye)
        return xe < ye ? -1 : 1;
    x = xc ? xc + 1 : x;
    y = yc ? yc + 1 : y;
    const char *xr = strrchr(x, '-'), *yr = strrchr(y, '-');
    size_t xn = xr ? (size_t)(xr - x) : strlen(x), yn = yr ? (size_t)(yr - y) : strlen(y);
    int c = part_compare(x, xn, y, yn);
    if (c)
        return c;
    xr = xr ? xr + 1 : "";
    yr = yr ? yr + 1 : "";
    return part_compare(xr, strlen(xr), yr, strlen(yr));
}

bool apt_auto_installed(struct arena *a, const char *text, const char *name, const char *native)
{
    const char *arch;
    size_t n = split_name(name, &arch);
    if (!*arch)
        arch = native;
    bool here = false, arch_ok = true;
    for (char *c = arena_strdup(a, text), *line; c && (line = text_line(&c));) {
        char *v;
        if (*line == '\0') {
            here = false;
            arch_ok = true;
        } else if ((v = field_value(line, "Package", 7))) {
            here = strncmp(v, name, n) == 0 && v[n] == '\0';
        } else if ((v = field_value(line, "Architecture", 12))) {
            arch_ok = strcmp(v, arch) == 0;
        } else if (here && arch_ok && (v = field_value(line, "Auto-Installed", 14))) {
            return *v == '1';
        }
    }
    return false;
}
