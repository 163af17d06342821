// locale_gen: which locales are generated, by /etc/locale.gen or in Ubuntu's own way.
#include "node/command.h"
#include "node/edit.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LIST "/etc/locale.gen"
#define UBUNTU_DIR "/var/lib/locales/supported.d"
#define UBUNTU_LIST UBUNTU_DIR "/local"
#define SUPPORTED "/usr/share/i18n/SUPPORTED"

// "de_DE.utf8" and "de_DE.UTF-8" are one locale: the charset in lower case, without dashes.
static const char *plain_name(struct arena *a, const char *name)
{
    char *s = arena_strdup(a, name), *dot = strchr(s, '.'), *to = dot;
    for (char *c = dot; c && *c && *c != '@'; c++)
        if (*c != '-')
            *to++ = (char)tolower((unsigned char)*c);
    if (dot) {
        const char *modifier = strchr(name, '@');
        *to = '\0';
        if (modifier)
            return arena_printf(a, "%s%s", s, modifier);
    }
    return s;
}

static int is_generated(struct module *m, const char *name, bool *ret)
{
    struct argv argv = argv_of(m->arena, "locale", "-a", NULL);
    struct output o;
    const char *plain = plain_name(m->arena, name);
    *ret = false;
    if (command_run(m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));)
        *ret = *ret || strcmp(plain_name(m->arena, text_strip(line)), plain) == 0;
    return 0;
}

// A line "# NAME CHARSET" or "NAME CHARSET": whether it is about name, what stands behind the #.
static const char *entry(struct arena *a, const char *line, const char *name)
{
    const char *s = line + strspn(line, "# \t"), *rest = text_after(s, name);
    if (!rest || *rest != ' ' || !rest[strspn(rest, " \t")])
        return NULL;
    char *text = arena_strdup(a, s);
    text_rstrip(text);
    return text;
}

static bool is_listed(struct arena *a, const char *path, const char *name)
{
    for (char *c = text_read(a, path, NULL), *line; c && (line = text_line(&c));)
        if (entry(a, line, name))
            return true;
    return false;
}

static int write_file(struct module *m, const char *path, const struct buf *b)
{
    struct err e = ERR_INIT;
    return host_write(m, path, buf_str(b), b->len, &e) == 0 ? 0 : module_fail_err(m, &e);
}

static int edit_list(struct module *m, const char *name, bool present)
{
    struct buf b = BUF_INIT;
    for (char *c = text_read(m->arena, LIST, NULL), *line; c && (line = text_line(&c));) {
        const char *text = entry(m->arena, line, name);
        if (text)
            buf_addf(&b, "%s%s\n", present ? "" : "# ", text);
        else
            buf_addf(&b, "%s\n", line);
    }
    int rc = write_file(m, LIST, &b);
    buf_release(&b);
    return rc;
}

static int drop_from_ubuntu_list(struct module *m, const char *name)
{
    struct buf b = BUF_INIT;
    for (char *c = text_read(m->arena, UBUNTU_LIST, NULL), *line; c && (line = text_line(&c));)
        if (!entry(m->arena, line, name))
            buf_addf(&b, "%s\n", line);
    int rc = write_file(m, UBUNTU_LIST, &b);
    buf_release(&b);
    return rc;
}

static int generate(struct module *m, const char *name, bool present, bool ubuntu)
{
    struct argv argv = argv_of(m->arena, "locale-gen", NULL);
    struct output o;
    if (ubuntu)
        argv_add(&argv, present ? name : "--purge");
    if (command_run(m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc == 0)
        return 0;
    module_set(m, "exitValue", value_int(o.rc));
    return module_fail(m, "[Errno %d] locale-gen failed to execute, it returned %d", o.rc, o.rc);
}

int mod_locale_gen(struct module *m)
{
    const char *name = module_str(m, "name");
    bool present = strcmp(module_str(m, "state"), "present") == 0, ubuntu = false, there;
    if (!text_exists(LIST)) {
        ubuntu = text_exists(UBUNTU_LIST);
        if (!ubuntu)
            return module_fail(m, LIST " and " UBUNTU_LIST
                                       " are missing. Is the package \"locales\" installed?");
    }
    // a name without a territory (C.UTF-8) is none that can be generated
    if (!strchr(name, '_') || !is_listed(m->arena, ubuntu ? SUPPORTED : LIST, name))
        return module_fail(m, "The locale you've entered is not available on your system.");
    if (is_generated(m, name, &there) != 0)
        return ERR_FAILED;
    module_changed(m, there != present);
    if (m->check)
        return 0;
    if (there != present) {
        // what is written down first is put back last: the locales follow the list
        if (journal_thing(m, "locales", "", NULL, NULL) < 0 ||
            journal_path(m, ubuntu ? UBUNTU_LIST : LIST, NULL) < 0)
            return ERR_FAILED;
        int rc = !ubuntu   ? edit_list(m, name, present)
                 : present ? 0
                           : drop_from_ubuntu_list(m, name);
        if (rc != 0 || generate(m, name, present, ubuntu) != 0)
            return ERR_FAILED;
    }
    module_set_str(m, "name", name);
    module_set_str(m, "msg", "OK");
    return 0;
}
