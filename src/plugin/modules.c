// Modules: which file a name means, what kind of program it is, and its assembly by Ansible.
#include "core/file.h"
#include "core/hash.h"
#include "plugin/internal.h"
#include "spec/spec.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODULE ((size_t)256 << 20)
#define MAX_REDIRECTS 10

// --- what kind of program
// -------------------------------------------------------------------------------------------------

static bool has(const char *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what)) != NULL;
}

// A line that imports from ansible.module_utils, or relatively from module_utils as modules in
// collections do.
static bool imports_utils(const char *line, size_t len)
{
    static const char *const words[] = {"ansible.module_utils", "ansible_collections.",
                                        ".module_utils", "..module_utils"};
    const char *end = line + len;
    while (line < end && isspace((unsigned char)*line))
        line++;
    bool from = end - line > 5 && strncmp(line, "from ", 5) == 0;
    if (!from && !(end - line > 7 && strncmp(line, "import ", 7) == 0))
        return false;
    line += from ? 5 : 7;
    while (line < end && *line == ' ')
        line++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - line) <= n || strncmp(line, words[i], n) != 0)
            continue;
        if (i != 1 || has(line, (size_t)(end - line), "plugins.module_utils"))
            return true;
    }
    return from && *line == '.' && has(line, (size_t)(end - line), "module_utils");
}

static bool new_style_python(const char *text, size_t len)
{
    const char *end = text + len;
    if (has(text, len, "#<<INCLUDE_ANSIBLE_MODULE_COMMON>>"))
        return true;
    for (const char *line = text; line < end;) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((nl ? nl : end) - line);
        if (imports_utils(line, n))
            return true;
        line += n + 1;
    }
    return false;
}

// Bytes that no text has among the first 1024.
static bool is_binary(const char *text, size_t len)
{
    for (size_t i = 0; i < len && i < 1024; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 ? !strchr("\a\b\t\n\f\r\033", c) || !c : c == 0x7f)
            return true;
    }
    return false;
}

static enum module_style style_of(const char *text, size_t len)
{
    static const char *const powershell[] = {"# POWERSHELL_COMMON", "#Requires -Module",
                                             "#Requires -Version", "#AnsibleRequires -"};
    if (is_binary(text, len))
        return STYLE_BINARY;
    if (new_style_python(text, len))
        return STYLE_PYTHON;
    for (size_t i = 0; i < sizeof powershell / sizeof *powershell; i++)
        if (has(text, len, powershell[i]))
            return STYLE_POWERSHELL;
    if (has(text, len, "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"))
        return STYLE_JSONARGS;
    return has(text, len, "WANT_JSON") ? STYLE_WANT_JSON : STYLE_OLD;
}

// --- which file
// -------------------------------------------------------------------------------------------------

static const struct plugin_module *module_at(struct plugins *p, const char *name, const char *path,
                                             const char *action)
{
    const char *key =
        arena_printf(p->arena, "%s %s %s", name, path ? path : "", action ? action : "");
    const struct value *v = dict_get(p->known, key);
    if (v)
        return (const struct plugin_module *)(uintptr_t)v->u.i;
    struct plugin_module *m = arena_new_of(p->arena, struct plugin_module);
    *m = (struct plugin_module){.name = arena_strdup(p->arena, name),
                                .path = path,
                                .interpreter = "",
                                .style = STYLE_OLD,
                                .action = action};
    struct arena *a = arena_new();
    char *text;
    size_t len;
    if (path && file_read(a, path, MAX_MODULE, &text, &len, NULL) == 0) {
        m->style = style_of(text, len);
        if (len > 2 && memcmp(text, "#!", 2) == 0) {
            size_t n = strcspn(text, "\r\n"), skip = 2 + strspn(text + 2, " \t");
            m->interpreter = arena_strndup(p->arena, text + skip, n > skip ? n - skip : 0);
        }
    }
    arena_free(a);
    dict_set(p->known, key, value_int((int64_t)(uintptr_t)m));
    return m;
}

const char *local_file(struct plugins *p, const char *sub, enum config_id paths, const char *name,
                       bool any)
{
    const char *found = NULL;
    for (size_t i = 0; i < p->folders.n && !found; i++)
        found = file_in(p, path_join(p->arena, p->folders.items[i], sub), name, any);
    const struct list *l = config_list(p->o.config, paths);
    for (size_t i = 0; i < l->len && !found; i++)
        found = file_in(p, l->items[i].u.str.s, name, any);
    return found;
}

static const char *package_file(struct plugins *p, const char *sub, const char *name)
{
    const char *package = ansible_package(p);
    return package ? file_in(p, path_join(p->arena, package, sub), name, false) : NULL;
}

const char *collection_file(struct plugins *p, const char *dir, const char *sub, const char *name,
                            bool any)
{
    char *rest = arena_strdup(p->arena, name);
    char *last = strrchr(rest, '.');
    for (char *s = rest; *s; s++)
        if (*s == '.')
            *s = '/';
    if (last)
        *last++ = '\0';
    const char *folder = last ? arena_printf(p->arena, "%s/plugins/%s/%s", dir, sub, rest)
                              : arena_printf(p->arena, "%s/plugins/%s", dir, sub);
    return file_in(p, folder, last ? last : rest, any);
}

static const struct plugin_module *find(struct plugins *p, const char *name,
                                        const struct list *collections, int depth);

size_t collection_of(const char *name)
{
    const char *dot = strchr(name, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
    return second ? (size_t)(second - name) : 0;
}

// The action plugin of a full name, which may stand for one of another name.
static const char *action_file(struct plugins *p, const char *name, int depth)
{
    size_t n = collection_of(name);
    const char *dir = n ? collection_dir(p, name, n) : NULL, *found;
    if (!dir)
        return NULL;
    if ((found = collection_file(p, dir, "action", name + n + 1, false)))
        return found;
    const char *to = routed(p, name, n, "action", name + n + 1);
    return to && depth < MAX_REDIRECTS ? action_file(p, to, depth + 1) : NULL;
}

static const struct plugin_module *in_collection(struct plugins *p, const char *name, size_t len,
                                                 int depth)
{
    const char *rest = name + len + 1, *dir = collection_dir(p, name, len);
    if (!dir)
        return NULL;
    const char *action = action_file(p, name, 0), *to = routed(p, name, len, "modules", rest);
    if (to && depth < MAX_REDIRECTS) {
        const struct plugin_module *m = find(p, to, NULL, depth + 1);
        return m && action ? module_at(p, m->name, m->path, action) : m;
    }
    const char *path = collection_file(p, dir, "modules", rest, true);
    if ((to = routed_to_action(p, name, len, rest)) && action_file(p, to, 0))
        action = action_file(p, to, 0); // as modules of platforms have
    return path || action ? module_at(p, name, path, action) : NULL;
}

// A module that was Ansible's own once and is a collection's now.
static const struct plugin_module *moved(struct plugins *p, const char *name, int depth)
{
    const char *to = routed(p, "ansible.builtin", strlen("ansible.builtin"), "modules", name);
    return to && depth < MAX_REDIRECTS ? find(p, to, NULL, depth + 1) : NULL;
}

static const struct plugin_module *find_short(struct plugins *p, const char *name,
                                              const struct list *collections, int depth)
{
    for (size_t i = 0; collections && i < collections->len; i++) {
        const char *c = value_to_cstr(p->arena, &collections->items[i]);
        const char *full = arena_printf(p->arena, "%s.%s", c, name);
        if (strncmp(c, "ansible.", 8) == 0 &&
            (!strcmp(c + 8, "builtin") || !strcmp(c + 8, "legacy")))
            continue;
        if (spec_find(full))
            return NULL; // andon has it
        const struct plugin_module *m = in_collection(p, full, strlen(c), depth);
        if (m)
            return m;
    }
    const char *path = local_file(p, "library", CONFIG_LIBRARY, name, true),
               *action = local_file(p, "action_plugins", CONFIG_ACTION_PLUGINS, name, false);
    if (path || action)
        return module_at(p, name, path, action);
    if (spec_find(name))
        return NULL;
    if ((path = package_file(p, "modules", name)))
        return module_at(p, name, path, package_file(p, "plugins/action", name));
    return moved(p, name, depth);
}

static const struct plugin_module *find(struct plugins *p, const char *name,
                                        const struct list *collections, int depth)
{
    if (strncmp(name, "ansible.legacy.", 15) == 0)
        return find_short(p, name + 15, NULL, depth);
    size_t len = collection_of(name);
    if (!len)
        return find_short(p, name, collections, depth);
    if (spec_find(name))
        return NULL;
    if (strncmp(name, "ansible.builtin.", 16) != 0)
        return in_collection(p, name, len, depth);
    const char *path = package_file(p, "modules", name + 16);
    return path ? module_at(p, name + 16, path, package_file(p, "plugins/action", name + 16))
                : moved(p, name + 16, depth);
}

const struct plugin_module *plugins_module(struct plugins *p, const char *name,
                                           const struct list *collections)
{
    struct buf key = BUF_INIT;
    buf_adds(&key, name);
    for (size_t i = 0; collections && i < collections->len; i++)
        buf_addf(&key, " %s", value_to_cstr(p->arena, &collections->items[i]));
    const struct value *v = dict_get(p->modules, buf_str(&key));
    const struct plugin_module *m = v ? (const struct plugin_module *)(uintptr_t)v->u.i : NULL;
    if (!v) {
        m = find(p, name, collections, 0);
        dict_set(p->modules, buf_str(&key), value_int((int64_t)(uintptr_t)m));
    }
    buf_release(&key);
    return m;
}

const char *plugins_module_hint(struct plugins *p, const char *name, struct arena *a)
{
    size_t len = collection_of(name);
    if (!len) {
        name = routed(p, "ansible.builtin", strlen("ansible.builtin"), "modules", name);
        len = name ? collection_of(name) : 0;
    }
    if (!len || strncmp(name, "ansible.", 8) == 0)
        return NULL;
    if (collection_dir(p, name, len))
        return NULL;
    return arena_printf(a,
                        "it belongs to the collection %.*s, which is not installed (try: "
                        "ansible-galaxy collection install %.*s)",
                        (int)len, name, (int)len, name);
}

const char *plugins_find(struct plugins *p, const char *kind, const char *name, struct arena *a)
{
    static const struct {
        const char *kind;
        enum config_id paths;
    } kinds[] = {
        {"become", CONFIG_BECOME_PLUGINS},       {"cache", CONFIG_CACHE_PLUGINS},
        {"callback", CONFIG_CALLBACK_PLUGINS},   {"connection", CONFIG_CONNECTION_PLUGINS},
        {"inventory", CONFIG_INVENTORY_PLUGINS}, {"strategy", CONFIG_STRATEGY_PLUGINS},
        {"vars", CONFIG_VARS_PLUGINS},
    };
    if (strncmp(name, "ansible.builtin.", 16) == 0)
        name += 16;
    size_t len = collection_of(name);
    const char *dir = len ? collection_dir(p, name, len) : NULL, *found = NULL, *to;
    if (dir)
        found = collection_file(p, dir, kind, name + len + 1, false);
    for (size_t i = 0; !len && i < sizeof kinds / sizeof *kinds && !found; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            found = local_file(p, arena_printf(p->arena, "%s_plugins", kind), kinds[i].paths, name,
                               false);
    if (!found && !len)
        found = package_file(p, arena_printf(p->arena, "plugins/%s", kind), name);
    if (!found && !len && (to = routed(p, "ansible.builtin", 15, kind, name)) && collection_of(to))
        return plugins_find(p, kind, to, a);
    return found ? arena_strdup(a, found) : NULL;
}

// --- assembling
// -------------------------------------------------------------------------------------------------

static int request_module(struct plugins *p, const struct plugin_module *m, const struct dict *args,
                          struct arena *a, struct value *ret, struct err *e)
{
    struct buf b = BUF_INIT;
    struct value name = value_cstr(m->name), path = value_cstr(m->path);
    buf_adds(&b, "\"op\":\"module\",\"name\":");
    codec_write(&b, a, &name);
    buf_adds(&b, ",\"path\":");
    codec_write(&b, a, &path);
    if (args) {
        struct value v = {.type = VALUE_DICT};
        v.u.dict = (struct dict *)(uintptr_t)args;
        buf_adds(&b, ",\"args\":");
        codec_write(&b, a, &v);
    }
    int rc = process_request(p, a, buf_str(&b), NULL,
                             arena_printf(a, "the module '%s' (%s)", m->name, m->path), ret, e);
    buf_release(&b);
    if (rc == 0 && ret->type != VALUE_DICT)
        rc = err_set(e, ERR_FAILED, POS_NONE, "assembling %s gave nothing", m->path);
    return rc;
}

static int read_payload(struct arena *a, const struct dict *d, struct plugin_payload *ret,
                        struct err *e)
{
    struct buf b = BUF_INIT;
    const char *text = dict_str(d, "data", "");
    const struct value *gap = dict_get(d, "gap");
    if (base64_decode(&b, text, strlen(text)) < 0 || !b.len) {
        buf_release(&b);
        return err_set(e, ERR_FAILED, POS_NONE, "the assembled module cannot be read");
    }
    char *data = arena_strndup(a, b.p, b.len), hex[HASH_HEX_MAX];
    *ret = (struct plugin_payload){
        .data = data, .len = b.len, .version = arena_strdup(a, dict_str(d, "version", ""))};
    buf_release(&b);
    if (gap && gap->type == VALUE_LIST && gap->u.list->len == 2) {
        int64_t from = gap->u.list->items[0].u.i, to = gap->u.list->items[1].u.i;
        if (from < 0 || to < from || (size_t)to > ret->len)
            return err_set(e, ERR_FAILED, POS_NONE,
                           "the gap of the assembled module is outside it");
        memmove(data + from, data + to, ret->len - (size_t)to);
        ret->len -= (size_t)(to - from);
        ret->gap = (size_t)from;
        ret->has_gap = true;
    }
    hash_hex(HASH_SHA256, ret->data, ret->len, hex);
    memcpy(ret->digest, hex, sizeof ret->digest);
    return 0;
}

int plugins_assemble(struct plugins *p, const struct plugin_module *m,
                     const struct plugin_payload **ret, struct err *e)
{
    const struct value *v = dict_get(p->payloads, m->path);
    if (v) {
        *ret = (const struct plugin_payload *)(uintptr_t)v->u.i;
        return 0;
    }
    struct arena *a = arena_new();
    struct plugin_payload *made = arena_new_of(p->arena, struct plugin_payload);
    struct value got;
    char hex[HASH_HEX_MAX];
    int rc = m->style == STYLE_PYTHON ? request_module(p, m, NULL, a, &got, e)
                                      : hash_file(HASH_SHA256, m->path, hex, e);
    if (rc == 0 && m->style == STYLE_PYTHON)
        rc = read_payload(p->arena, got.u.dict, made, e);
    else if (rc == 0)
        memcpy(made->digest, hex, sizeof made->digest);
    arena_free(a);
    if (rc < 0)
        return rc;
    dict_set(p->payloads, m->path, value_int((int64_t)(uintptr_t)made));
    *ret = made;
    return 0;
}

int plugins_assemble_with(struct plugins *p, const struct plugin_module *m, const struct dict *args,
                          struct arena *a, struct plugin_payload *ret, struct err *e)
{
    struct value got;
    int rc = request_module(p, m, args, a, &got, e);
    return rc < 0 ? rc : read_payload(a, got.u.dict, ret, e);
}

bool plugins_knows_argument(const struct plugins *p, const char *name)
{
    return !p->arguments || dict_get(p->arguments, name) != NULL;
}

bool plugins_beyond_us(const struct plugin_module *m)
{
    return m->style == STYLE_POWERSHELL;
}

int plugins_check(struct plugins *p, const struct plugin_module *m, struct err *e)
{
    if (m->style == STYLE_POWERSHELL)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "the module '%s' (%s) is written for Windows, which andon does not manage",
                       m->name, m->path);
    if (m->path && m->style != STYLE_BINARY && m->style != STYLE_PYTHON && !*m->interpreter)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "the module '%s' (%s) does not begin with #! and an interpreter", m->name,
                       m->path);
    if ((m->style != STYLE_PYTHON && !m->action) || p->proc.ready || ansible_package(p))
        return 0;
    struct arena *a = arena_new();
    struct value v;
    int rc = process_request(p, a, "\"op\":\"ping\"", NULL,
                             arena_printf(a, "the %s '%s' (%s)", m->path ? "module" : "action",
                                          m->name, m->path ? m->path : m->action),
                             &v, e);
    arena_free(a);
    return rc;
}
