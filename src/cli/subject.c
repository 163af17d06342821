// What a change was made to: a row per module says which fields name it.
#include "cli/subject.h"

#include "core/buf.h"
#include "spec/spec.h"

#include <ctype.h>
#include <string.h>

#define DETAIL_MAX 300
#define MAX_SUBJECTS 1000
#define MAX_UNDONE 10000 // of one task, which takes back a whole run

struct row {
    const char *module;
    enum subject_kind kind;
    const char *what;   // of SUBJECT_OTHER
    const char *fields; // of the result, then of the arguments: the first that is set counts
};

// Sorted by module.
static const struct row table[] = {
    {"acl", SUBJECT_FILE, NULL, "path name"},
    {"add_host", SUBJECT_NONE, NULL, NULL},
    {"alternatives", SUBJECT_OTHER, "alternative", "name"},
    {"apk", SUBJECT_PACKAGE, NULL, "name"},
    {"apt", SUBJECT_PACKAGE, NULL, "name pkg package deb"},
    {"apt_key", SUBJECT_OTHER, "key", "id"},
    {"apt_repository", SUBJECT_OTHER, "repository", "repo"},
    {"archive", SUBJECT_FILE, NULL, "dest"},
    {"assemble", SUBJECT_FILE, NULL, "dest"},
    {"authorized_key", SUBJECT_FILE, NULL, "keyfile path"},
    {"blockinfile", SUBJECT_FILE, NULL, "path dest destfile name"},
    {"command", SUBJECT_OTHER, "command", NULL},
    {"copy", SUBJECT_FILE, NULL, "dest path"},
    {"cron", SUBJECT_OTHER, "cron", "name"},
    {"cronvar", SUBJECT_OTHER, "cron", "name"},
    {"deb822_repository", SUBJECT_FILE, NULL, "dest name"},
    {"debconf", SUBJECT_PACKAGE, NULL, "name pkg"},
    {"debug", SUBJECT_NONE, NULL, NULL},
    {"dnf", SUBJECT_PACKAGE, NULL, "name pkg"},
    {"dnf5", SUBJECT_PACKAGE, NULL, "name pkg"},
    {"docker_container", SUBJECT_OTHER, "container", "name"},
    {"docker_image", SUBJECT_OTHER, "image", "name"},
    {"docker_network", SUBJECT_OTHER, "network", "name"},
    {"docker_volume", SUBJECT_OTHER, "volume", "name volume_name"},
    {"dpkg_divert", SUBJECT_FILE, NULL, "path name"},
    {"dpkg_selections", SUBJECT_PACKAGE, NULL, "name"},
    {"expect", SUBJECT_OTHER, "command", NULL},
    {"fetch", SUBJECT_NONE, NULL, NULL},
    {"file", SUBJECT_FILE, NULL, "path dest name"},
    {"gather_facts", SUBJECT_NONE, NULL, NULL},
    {"gem", SUBJECT_PACKAGE, NULL, "name"},
    {"get_url", SUBJECT_FILE, NULL, "dest"},
    {"git", SUBJECT_TREE, NULL, "dest"},
    {"group", SUBJECT_OTHER, "group", "name"},
    {"group_by", SUBJECT_NONE, NULL, NULL},
    {"hostname", SUBJECT_OTHER, "hostname", "name"},
    {"htpasswd", SUBJECT_FILE, NULL, "path dest destfile"},
    {"include_vars", SUBJECT_NONE, NULL, NULL},
    {"ini_file", SUBJECT_FILE, NULL, "path dest"},
    {"iptables", SUBJECT_OTHER, "firewall", "chain"},
    {"known_hosts", SUBJECT_FILE, NULL, "path"},
    {"lineinfile", SUBJECT_FILE, NULL, "path dest destfile name"},
    {"locale_gen", SUBJECT_OTHER, "locale", "name"},
    {"modprobe", SUBJECT_OTHER, "kernel module", "name"},
    {"mount", SUBJECT_OTHER, "mount", "path name"},
    {"mysql_db", SUBJECT_OTHER, "database", "name db"},
    {"mysql_user", SUBJECT_OTHER, "database user", "name user"},
    {"npm", SUBJECT_PACKAGE, NULL, "name"},
    {"openssl_privatekey", SUBJECT_FILE, NULL, "path"},
    {"package", SUBJECT_PACKAGE, NULL, "name"},
    {"pacman", SUBJECT_PACKAGE, NULL, "name package"},
    {"pip", SUBJECT_PACKAGE, NULL, "name"},
    {"postgresql_db", SUBJECT_OTHER, "database", "name db"},
    {"postgresql_user", SUBJECT_OTHER, "database user", "name user"},
    {"raw", SUBJECT_OTHER, "command", NULL},
    {"reboot", SUBJECT_OTHER, "reboot", NULL},
    {"replace", SUBJECT_FILE, NULL, "path dest destfile name"},
    {"rpm_key", SUBJECT_OTHER, "key", "key"},
    {"script", SUBJECT_OTHER, "command", NULL},
    {"seboolean", SUBJECT_OTHER, "seboolean", "name"},
    {"service", SUBJECT_OTHER, "service", "name"},
    {"set_fact", SUBJECT_NONE, NULL, NULL},
    {"set_stats", SUBJECT_NONE, NULL, NULL},
    {"setup", SUBJECT_NONE, NULL, NULL},
    {"shell", SUBJECT_OTHER, "command", NULL},
    {"slurp", SUBJECT_NONE, NULL, NULL},
    {"snap", SUBJECT_PACKAGE, NULL, "name"},
    {"subversion", SUBJECT_TREE, NULL, "dest"},
    {"synchronize", SUBJECT_TREE, NULL, "dest"},
    {"sysctl", SUBJECT_OTHER, "sysctl", "name key"},
    {"systemd", SUBJECT_OTHER, "service", "name service unit"},
    {"systemd_service", SUBJECT_OTHER, "service", "name service unit"},
    {"sysvinit", SUBJECT_OTHER, "service", "name service"},
    {"tempfile", SUBJECT_FILE, NULL, "path"},
    {"template", SUBJECT_FILE, NULL, "dest path"},
    {"timezone", SUBJECT_OTHER, "timezone", "name"},
    {"unarchive", SUBJECT_TREE, NULL, "dest"},
    {"uri", SUBJECT_OTHER, "url", "url"},
    {"user", SUBJECT_OTHER, "user", "name user"},
    {"wait_for", SUBJECT_NONE, NULL, NULL},
    {"xml", SUBJECT_FILE, NULL, "path dest file"},
    {"yum", SUBJECT_PACKAGE, NULL, "name pkg"},
    {"yum_repository", SUBJECT_OTHER, "repository", "name"},
    {"zypper", SUBJECT_PACKAGE, NULL, "name pkg"},
};

// Of what no row knows: a path is a file, and a name the name of whatever the module is for.
static const struct row unknown_file = {NULL, SUBJECT_FILE, NULL, "path dest"},
                        unknown_thing = {NULL, SUBJECT_OTHER, NULL, "name"};

const char *subject_module(const struct task *t)
{
    const struct module_spec *spec = spec_find(t->action);
    const char *dot = strrchr(t->action, '.');
    return spec ? spec->name : dot ? dot + 1 : t->action;
}

static const struct row *find_row(const char *module)
{
    size_t lo = 0, hi = sizeof table / sizeof *table;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(module, table[mid].module);
        if (c == 0)
            return &table[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

// The first of the fields, words of one text, that d has; NULL.
static const struct value *first_field(const struct dict *d, const char *fields)
{
    while (d && fields && *fields) {
        size_t n = strcspn(fields, " ");
        const struct value *v = dict_getn(d, fields, n);
        if (v && (v->type == VALUE_LIST ? v->u.list->len : v->type == VALUE_STRING && v->u.str.len))
            return v;
        fields += n + (fields[n] == ' ');
    }
    return NULL;
}

static const struct value *named(const struct result_event *ev, const char *fields)
{
    const struct value *v = first_field(ev->result, fields);
    return v ? v : first_field(ev->args, fields);
}

// --- details
// ------------------------------------------------------------------------------------------

// "state restarted, enabled yes" of the arguments that say what was wanted.
static const char *wanted(const struct result_event *ev, struct arena *a)
{
    static const char *const keys[] = {"state", "enabled", "version", "src",
                                       "mode",  "owner",   "group",   "value"};
    enum { VALUE_KEY = 7 };
    struct buf b = BUF_INIT;
    buf_init(&b, DETAIL_MAX);
    for (size_t i = 0; ev->args && i < sizeof keys / sizeof *keys; i++) {
        const struct value *v = dict_get(ev->args, keys[i]);
        if (!v || v->type == VALUE_NULL || v->type == VALUE_LIST || v->type == VALUE_DICT ||
            (i == VALUE_KEY && strcmp(subject_module(ev->task), "sysctl") != 0))
            continue; // other modules' values may be secret, and are in the difference
        if (b.len)
            buf_adds(&b, ", ");
        buf_addf(&b, "%s %s", keys[i], value_to_cstr(a, v));
    }
    const char *s = b.len ? arena_strdup(a, buf_str(&b)) : NULL;
    buf_release(&b);
    return s;
}

// The command line that ran, as the user wrote it.
static const char *command_line(const struct result_event *ev, struct arena *a)
{
    const struct value *v = ev->args ? first_field(ev->args, "_raw_params cmd argv command") : NULL;
    struct buf b = BUF_INIT;
    if (!v)
        return NULL;
    if (v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len; i++)
            buf_addf(&b, "%s%s", i ? " " : "", value_to_cstr(a, &v->u.list->items[i]));
    else
        buf_add(&b, v->u.str.s, v->u.str.len);
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

// --- packages
// ------------------------------------------------------------------------------------------

struct subjects {
    struct arena *a;
    struct subject *all;
    size_t n, cap, max;
};

static void add(struct subjects *l, struct subject s)
{
    if (l->n == l->cap) {
        struct subject *more = arena_array(l->a, struct subject, l->cap * 2 + 8);
        if (l->n)
            memcpy(more, l->all, l->n * sizeof *more);
        l->all = more;
        l->cap = l->cap * 2 + 8;
    }
    if (l->n < l->max)
        l->all[l->n++] = s;
}

static void add_package(struct subjects *l, const char *name, size_t len, const char *detail)
{
    const char *s = arena_strndup(l->a, name, len);
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->all[i].name, s) == 0) { // what came later counts
            l->all[i].detail = detail;
            return;
        }
    add(l, (struct subject){SUBJECT_PACKAGE, "package", s, detail});
}

// A line of dpkg that tells what became of a package: "Setting up NAME:ARCH (VERSION) ...".
static void dpkg_line(struct subjects *l, const char *line, size_t len)
{
    static const struct {
        const char *start, *word;
    } kinds[] = {{"Setting up ", "installed"},
                 {"Removing ", "removed"},
                 {"Purging configuration files for ", "purged"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i].start);
        if (len <= n || strncmp(line, kinds[i].start, n) != 0)
            continue;
        const char *name = line + n, *end = line + len;
        size_t name_len = strcspn(name, ": (\n");
        const char *open = memchr(name, '(', (size_t)(end - name)),
                   *close = open ? memchr(open, ')', (size_t)(end - open)) : NULL;
        if (name_len && close)
            add_package(
                l, name, name_len,
                arena_printf(l->a, "%s %.*s", kinds[i].word, (int)(close - open - 1), open + 1));
    }
}

static void dpkg_packages(struct subjects *l, const char *out)
{
    while (*out) {
        size_t n = strcspn(out, "\n");
        dpkg_line(l, out, n);
        out += n + (out[n] == '\n');
    }
}

// "Installed: NAME-VERSION-RELEASE.ARCH", as dnf and yum list what they did; told as dpkg's is.
static void rpm_packages(struct subjects *l, const struct list *done)
{
    static const struct {
        const char *start, *word;
    } kinds[] = {{"Removed: ", "removed"}, {"Installed: ", "installed"}};
    // what a newer version replaced was removed, too: that it is installed comes later
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < done->len; i++) {
            const char *s = value_to_cstr(l->a, &done->items[i]);
            size_t n = strlen(kinds[k].start);
            if (strncmp(s, kinds[k].start, n) != 0)
                continue;
            const char *full = s + n, *cut = full + strlen(full);
            for (int dashes = 0; cut > full && dashes < 2; dashes += *cut == '-')
                cut--;
            if (cut > full)
                add_package(l, full, (size_t)(cut - full),
                            arena_printf(l->a, "%s %s", kinds[k].word, cut + 1));
        }
}

// The names as the task has them, without what says which version.
static void asked_packages(struct subjects *l, const struct value *names, const char *detail)
{
    struct value list = value_as_list(l->a, names);
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *s = value_to_cstr(l->a, &list.u.list->items[i]);
        while (*s) {
            size_t n = strcspn(s, ",");
            size_t name = strcspn(s, "=<>!~[; ,");
            if (name)
                add_package(l, s, name, detail);
            s += n + (s[n] == ',');
        }
    }
}

static void packages(struct subjects *l, const struct row *row, const struct result_event *ev)
{
    const struct value *done = dict_get(ev->result, "results"),
                       *names = ev->args ? first_field(ev->args, row->fields) : NULL;
    dpkg_packages(l, dict_str(ev->result, "stdout", ""));
    if (!l->n && done && done->type == VALUE_LIST)
        rpm_packages(l, done->u.list);
    if (!l->n && names)
        asked_packages(l, names, wanted(ev, l->a));
    if (!l->n)
        add(l, (struct subject){SUBJECT_PACKAGE, "package", NULL, wanted(ev, l->a)});
}

// --- all
// ------------------------------------------------------------------------------------------

static bool is_file(const struct result_event *ev)
{
    const struct value *v = named(ev, unknown_file.fields);
    return v && v->type == VALUE_STRING && *v->u.str.s == '/';
}

// --- what an undo put back: paths, and things as "KIND:NAME"
// ------------------------------------------------------------------------------------------

static void add_once(struct subjects *l, struct dict *seen, struct subject s)
{
    const char *key = arena_printf(l->a, "%s %s", s.what, s.name);
    if (dict_get(seen, key))
        return;
    dict_set(seen, key, value_bool(true));
    s.detail = "undone";
    add(l, s);
}

// The keys of "KEY\tDIGEST" lines: accounts, packages, also as "NAME:ARCH" (dpkg) and "NAME.ARCH"
// (rpm, dotted).
static void add_keys(struct subjects *l, struct dict *seen, enum subject_kind kind,
                     const char *what, bool dotted, const char *lines)
{
    for (const char *end; *lines; lines = end + (*end == '\n')) {
        end = lines + strcspn(lines, "\n");
        size_t n = strcspn(lines, kind == SUBJECT_PACKAGE ? ":\t\n" : "\t\n");
        char *name = arena_strndup(l->a, lines, n), *dot = dotted ? strrchr(name, '.') : NULL;
        if (dot)
            *dot = '\0';
        if (n)
            add_once(l, seen, (struct subject){kind, what, name, NULL});
    }
}

// How the kinds of the helper's journal are told. keys: the state has a line for each.
static const struct undone_kind {
    const char *kind;
    enum subject_kind subject;
    const char *what;
    bool keys;
} undone_kinds[] = {
    {"apt", SUBJECT_PACKAGE, "package", true},
    {"crontab", SUBJECT_OTHER, "cron", false},
    {"debconf", SUBJECT_OTHER, "debconf", false},
    {"dnf", SUBJECT_PACKAGE, "package", true},
    {"git", SUBJECT_TREE, "file", false},
    {"links", SUBJECT_NONE, NULL, false}, // with the service, and too many
    {"mysql_db", SUBJECT_OTHER, "database", false},
    {"mysql_user", SUBJECT_OTHER, "database user", false},
    {"pip", SUBJECT_PACKAGE, "package", true},
    {"tree", SUBJECT_TREE, "file", false},
};

static void undone_thing(struct subjects *l, struct dict *seen, const char *kind, const char *name,
                         const char *state)
{
    const char *last = strrchr(name, ' '); // "--user nginx"
    if (strcmp(kind, "lines") == 0) {
        bool group = strcmp(name, "/etc/group") == 0 || strcmp(name, "/etc/gshadow") == 0;
        add_keys(l, seen, SUBJECT_OTHER, group ? "group" : "user", false, state);
        return;
    }
    if (strcmp(kind, "service") == 0 && last)
        name = last + 1;
    struct undone_kind row = {kind, SUBJECT_OTHER, kind, false};
    for (size_t i = 0; i < sizeof undone_kinds / sizeof *undone_kinds; i++)
        if (strcmp(undone_kinds[i].kind, kind) == 0)
            row = undone_kinds[i];
    if (row.keys)
        add_keys(l, seen, row.subject, row.what, strcmp(kind, "dnf") == 0, state);
    else if (row.subject != SUBJECT_NONE)
        add_once(l, seen, (struct subject){row.subject, row.what, name, NULL});
}

static void undone(struct subjects *l, const struct result_event *ev)
{
    const struct value *after = dict_get(ev->result, "_andon_after");
    struct dict *seen = value_dict(l->a).u.dict;
    struct dict_entry *it;
    if (!after || after->type != VALUE_DICT)
        return;
    DICT_EACH(after->u.dict, it)
    {
        const char *name = value_to_cstr(l->a, &it->key), *colon = strchr(name, ':');
        if (*name == '/' || !colon)
            add_once(l, seen, (struct subject){SUBJECT_FILE, "file", name, NULL});
        else
            undone_thing(l, seen, arena_strndup(l->a, name, (size_t)(colon - name)), colon + 1,
                         value_to_cstr(l->a, &it->val));
    }
}

struct subject *subjects_of(const struct result_event *ev, struct arena *a, size_t *ret_n)
{
    const char *module = subject_module(ev->task);
    const struct row *row = find_row(module);
    struct subjects l = {.a = a, .max = MAX_SUBJECTS};
    if (strcmp(module, "_andon_undo") == 0) {
        l.max = MAX_UNDONE;
        undone(&l, ev);
        *ret_n = l.n;
        return l.all;
    }
    if (!row)
        row = is_file(ev) ? &unknown_file : &unknown_thing;
    if (row->kind == SUBJECT_PACKAGE) {
        packages(&l, row, ev);
    } else if (row->kind != SUBJECT_NONE) {
        const struct value *v = named(ev, row->fields);
        bool command = row->what && strcmp(row->what, "command") == 0;
        struct value names = v ? value_as_list(a, v) : value_list(a);
        struct subject s = {.kind = row->kind,
                            .what = row->kind != SUBJECT_OTHER ? "file"
                                    : row->what                ? row->what
                                                               : module,
                            .detail = command ? command_line(ev, a) : wanted(ev, a)};
        for (size_t i = 0; i < names.u.list->len; i++) {
            s.name = value_to_cstr(a, &names.u.list->items[i]);
            add(&l, s);
        }
        if (!l.n)
            add(&l, s);
    }
    *ret_n = l.n;
    return l.all;
}
