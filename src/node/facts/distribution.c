// Facts about the distribution: which release file speaks for it, and what it says.
#include "node/facts/facts.h"
#include "node/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What a parser is given: the row's name, the file and the facts so far, and the dict it fills.
struct dist {
    struct facts *f;
    const char *name, *path;
    const char *data;
    struct dict *out; // what the file says
};

// Takes what data says into out; false when the file speaks of another distribution.
typedef bool dist_parse(struct dist *d);

static void dist_set(struct dist *d, const char *key, const char *s)
{
    dict_set_text(d->out, d->f->a, key, s);
}

static void dist_set_version(struct dist *d, const char *version)
{
    dist_set(d, "distribution_version", version);
    dict_set(d->out, "distribution_major_version",
             value_strn(d->f->a, version, strcspn(version, ".")));
}

// The rest of the first line that has key at any place, without surrounding quotes; NULL when there
// is none.
static char *dist_after(struct dist *d, const char *key)
{
    const char *p = strstr(d->data, key);
    if (!p)
        return NULL;
    p += strlen(key);
    char *s = arena_strndup(d->f->a, p, strcspn(p, "\n"));
    size_t n = strlen(s);
    while (n > 0 && s[n - 1] == '"')
        s[--n] = '\0';
    return s + strspn(s, "\"");
}

// As dist_after for keys at the start of a line.
static char *dist_line(struct dist *d, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = d->data; p && *p;) {
        if (strncmp(p, key, n) == 0) {
            struct dist part = *d;
            part.data = p;
            return dist_after(&part, key);
        }
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    return NULL;
}

static bool dist_has(struct dist *d, const char *s)
{
    return strstr(d->data, s) != NULL;
}

static bool dist_has_nocase(struct dist *d, const char *s)
{
    return strcasestr(d->data, s) != NULL;
}

// Red Hat, Oracle, ALT and SMGL files: the known phrase, else the first word names the
// distribution.
static bool parse_search(struct dist *d, const char *phrase)
{
    if (dist_has(d, phrase)) {
        dist_set(d, "distribution", d->name);
        dist_set(d, "distribution_file_search_string", phrase);
    } else {
        const char *s = d->data + strspn(d->data, " \t\n");
        dict_set(d->out, "distribution", value_strn(d->f->a, s, strcspn(s, " \t\n")));
    }
    return true;
}

static bool parse_redhat(struct dist *d)
{
    return parse_search(d, "Red Hat");
}

static bool parse_oracle(struct dist *d)
{
    return parse_search(d, "Oracle Linux");
}

static bool parse_alt(struct dist *d)
{
    return parse_search(d, "ALT");
}

static bool parse_smgl(struct dist *d)
{
    return parse_search(d, "Source Mage GNU/Linux");
}

static bool parse_centos(struct dist *d)
{
    if (dist_has(d, "CentOS Stream")) {
        dist_set(d, "distribution_release", "Stream");
        return true;
    }
    if (dist_has(d, "TencentOS Server")) {
        dist_set(d, "distribution", "TencentOS");
        return true;
    }
    return false;
}

static bool parse_slackware(struct dist *d)
{
    if (!dist_has(d, "Slackware"))
        return false;
    const char *p = d->data + strcspn(d->data, "0123456789");
    size_t n = strspn(p, "0123456789.+");
    if (n)
        dict_set(d->out, "distribution_version", value_strn(d->f->a, p, n));
    return true;
}

static bool parse_amazon(struct dist *d)
{
    if (!dist_has(d, "Amazon"))
        return false;
    dist_set(d, "distribution", "Amazon");
    if (strcmp(d->path, "/etc/os-release") == 0) {
        char *v = dist_after(d, "VERSION_ID=\"");
        if (v) {
            char *dot = strchr(v, '.');
            dist_set_version(d, v);
            dist_set(d, "distribution_minor_version", dot ? dot + 1 : "NA");
        }
        return true;
    }
    char *words = arena_strdup(d->f->a, d->data);
    const char *version = "NA";
    for (char *w; strcmp(version, "NA") == 0 && (w = text_field(&words));)
        if (text_is_number(w))
            version = w;
    dist_set(d, "distribution_version", version);
    return true;
}

static bool parse_lsb_style(struct dist *d, const char *phrase)
{
    if (!dist_has(d, phrase))
        return false;
    char *version = dist_after(d, "DISTRIB_RELEASE=\""),
         *code = dist_after(d, "DISTRIB_CODENAME=\"");
    if (version)
        dist_set(d, "distribution_version", version);
    if (code)
        dist_set(d, "distribution_release", code);
    return true;
}

static bool parse_openwrt(struct dist *d)
{
    return parse_lsb_style(d, "OpenWrt");
}

static bool parse_mandriva(struct dist *d)
{
    return parse_lsb_style(d, "Mandriva");
}

static bool parse_alpine(struct dist *d)
{
    dist_set(d, "distribution_version", d->data);
    return true;
}

static bool parse_arch(struct dist *d)
{
    return dist_has(d, "Arch Linux");
}

// VERSION_ID of SUSE: digits, one dot, digits; the part behind the dot is the release.
static void suse_version(struct dist *d)
{
    char *v = dist_line(d, "VERSION_ID=");
    if (!v || !isdigit((unsigned char)*v))
        return;
    size_t n = strspn(v, "0123456789");
    const char *minor = "";
    if (v[n] == '.') {
        size_t len = strspn(v + n + 1, "0123456789");
        minor = arena_strndup(d->f->a, v + n + 1, len);
        n += 1 + len;
    }
    v[n] = '\0';
    dist_set_version(d, v);
    if (dist_has_nocase(d, "open"))
        dist_set(d, "distribution_release", minor);
    else if (dist_has_nocase(d, "enterprise"))
        dist_set(d, "distribution_release", *minor ? minor : "0");
}

static bool parse_suse(struct dist *d)
{
    char link[4096];
    if (!dist_has_nocase(d, "suse"))
        return false;
    if (strcmp(d->path, "/etc/os-release") == 0) {
        char *name = dist_line(d, "NAME=");
        if (name)
            dist_set(d, "distribution", name);
        suse_version(d);
    } else if (dist_has_nocase(d, "open")) {
        dict_set(d->out, "distribution", value_strn(d->f->a, d->data, strcspn(d->data, " \n")));
        char *code = dist_after(d, "CODENAME = ");
        if (code)
            dist_set(d, "distribution_release", text_strip(code));
    } else if (dist_has_nocase(d, "enterprise")) {
        if (dist_has(d, "Server"))
            dist_set(d, "distribution", "SLES");
        else if (dist_has(d, "Desktop"))
            dist_set(d, "distribution", "SLED");
        char *level = dist_after(d, "PATCHLEVEL = ");
        if (level) {
            dist_set(d, "distribution_release", level);
            dict_set(d->out, "distribution_version",
                     value_strf(d->f->a, "%s.%s", dict_str(d->f->out, "distribution_version", ""),
                                level));
        }
    }
    ssize_t n = readlink("/etc/products.d/baseproduct", link, sizeof(link) - 1);
    if (n > 0 && d->f->root[0] == '\0') {
        link[n] = '\0';
        if (text_ends(link, "SLES_SAP.prod"))
            dist_set(d, "distribution", "SLES_SAP");
    }
    return true;
}

// The code name in parentheses of Debian's PRETTY_NAME, and the minor version of
// /etc/debian_version.
static void parse_debian_itself(struct dist *d)
{
    dist_set(d, "distribution", "Debian");
    char *pretty = dist_after(d, "PRETTY_NAME="), *open = pretty ? strchr(pretty, '(') : NULL;
    char *close = open ? strchr(open, ')') : NULL;
    if (close && close > open + 1)
        dict_set(d->out, "distribution_release",
                 value_strn(d->f->a, open + 1, (size_t)(close - open - 1)));
    char *lines = facts_file(d->f, "/etc/debian_version");
    for (char *line; (line = text_line(&lines));) {
        char *dot = strchr(line, '.');
        if (dot && dot > line && isdigit((unsigned char)dot[-1]) && isdigit((unsigned char)dot[1]))
            dict_set(d->out, "distribution_minor_version",
                     value_strn(d->f->a, dot + 1, strspn(dot + 1, "0123456789")));
    }
}

// Derivatives of Debian whose release file gives version and code name.
static void parse_derivative(struct dist *d, const char *name, const char *code_key,
                             bool with_version)
{
    dist_set(d, "distribution", name);
    char *code = code_key ? dist_after(d, code_key) : NULL;
    if (code)
        dist_set(d, "distribution_release", code);
    char *version = with_version ? dist_after(d, "VERSION_ID=") : NULL;
    if (version)
        dist_set_version(d, version);
}

static void parse_devuan(struct dist *d)
{
    parse_derivative(d, "Devuan", NULL, true);
    char *pretty = dist_after(d, "PRETTY_NAME="), *open = pretty ? strchr(pretty, '(') : NULL;
    char *word = open ? open + 1 : pretty ? strrchr(pretty, ' ') : NULL;
    if (!word)
        return;
    word += *word == ' ';
    dict_set(d->out, "distribution_release", value_strn(d->f->a, word, strcspn(word, ") \"")));
}

static bool parse_debian(struct dist *d)
{
    if (dist_has(d, "Debian") || dist_has(d, "Raspbian"))
        parse_debian_itself(d);
    else if (dist_has(d, "Ubuntu"))
        dist_set(d, "distribution", "Ubuntu");
    else if (dist_has(d, "SteamOS"))
        dist_set(d, "distribution", "SteamOS");
    else if (dist_has(d, "Kali"))
        parse_derivative(d, "Kali", "DISTRIB_RELEASE=", false);
    else if (dist_has(d, "Parrot"))
        parse_derivative(d, "Parrot", "DISTRIB_RELEASE=", false);
    else if (dist_has(d, "Devuan"))
        parse_devuan(d);
    else if (dist_has(d, "Cumulus"))
        parse_derivative(d, "Cumulus Linux", "VERSION=\"", true);
    else if (dist_has(d, "Mint"))
        parse_derivative(d, "Linux Mint", NULL, true);
    else if (dist_has(d, "UOS") || dist_has(d, "Uos") || dist_has(d, "uos"))
        parse_derivative(d, "Uos", "VERSION_CODENAME=", true);
    else if (dist_has(d, "Deepin") || dist_has(d, "deepin"))
        parse_derivative(d, "Deepin", "VERSION_CODENAME=", true);
    else
        return false;
    return true;
}

static bool parse_clear(struct dist *d)
{
    char *name = dist_after(d, "NAME=\"");
    if (name && !strstr(name, "Clear Linux"))
        return false;
    if (name)
        dist_set(d, "distribution", name);
    char *version = dist_after(d, "VERSION_ID=");
    if (version) {
        dist_set(d, "distribution_version", version);
        dist_set(d, "distribution_major_version", version);
    }
    char *id = dist_after(d, "ID=");
    if (id)
        dist_set(d, "distribution_release", id);
    return true;
}

static bool guess_is(struct dist *d, const char *name)
{
    return strcasecmp(dict_str(d->f->out, "distribution", ""), name) == 0;
}

static bool parse_coreos(struct dist *d)
{
    if (!guess_is(d, "coreos") || !*d->data)
        return false;
    char *group = dist_line(d, "GROUP=");
    if (group)
        dist_set(d, "distribution_release", group);
    return true;
}

static bool parse_flatcar(struct dist *d)
{
    if (!guess_is(d, "flatcar") || !*d->data)
        return false;
    char *version = dist_after(d, "VERSION=");
    if (version)
        dist_set_version(d, version);
    return true;
}

static bool parse_other(struct dist *d)
{
    char *name = dist_line(d, "NAME="), *version = dist_line(d, "VERSION=");
    if (name)
        dist_set(d, "distribution", name);
    if (version && strcmp(dict_str(d->f->out, "distribution_version", "NA"), "NA") == 0)
        dist_set(d, "distribution_version", version);
    return true;
}

// Release files in the order in which they are believed.
static const struct dist_file {
    const char *path, *name;
    dist_parse *parse; // NULL: the file's existence is enough
} dist_files[] = {
    {"/etc/altlinux-release", "Altlinux", parse_alt},
    {"/etc/oracle-release", "OracleLinux", parse_oracle},
    {"/etc/slackware-version", "Slackware", parse_slackware},
    {"/etc/centos-release", "CentOS", parse_centos},
    {"/etc/redhat-release", "RedHat", parse_redhat},
    {"/etc/vmware-release", "VMwareESX", NULL},
    {"/etc/openwrt_release", "OpenWrt", parse_openwrt},
    {"/etc/os-release", "Amazon", parse_amazon},
    {"/etc/system-release", "Amazon", parse_amazon},
    {"/etc/alpine-release", "Alpine", parse_alpine},
    {"/etc/arch-release", "Archlinux", NULL},
    {"/etc/os-release", "Archlinux", parse_arch},
    {"/etc/os-release", "SUSE", parse_suse},
    {"/etc/SuSE-release", "SUSE", parse_suse},
    {"/etc/os-release", "Debian", parse_debian},
    {"/etc/lsb-release", "Debian", parse_debian},
    {"/etc/lsb-release", "Mandriva", parse_mandriva},
    {"/etc/sourcemage-release", "SMGL", parse_smgl},
    {"/usr/lib/os-release", "ClearLinux", parse_clear},
    {"/etc/coreos/update.conf", "Coreos", parse_coreos},
    {"/etc/os-release", "Flatcar", parse_flatcar},
    {"/etc/os-release", "NA", parse_other},
};

// Families and the distributions in them; others are a family of their own.
static const struct {
    const char *family;
    const char *names; // separated by "|"
} families[] = {
    {"RedHat", "|RedHat|RHEL|Fedora|CentOS|Scientific|SLC|Ascendos|CloudLinux|PSBM|OracleLinux|OVS|"
               "OEL|Amazon|Virtuozzo|XenServer|Alibaba|EulerOS|openEuler|AlmaLinux|Rocky|TencentOS|"
               "EuroLinux|Kylin Linux Advanced Server|"},
    {"Debian", "|Debian|Ubuntu|Raspbian|Neon|KDE neon|Linux Mint|SteamOS|Devuan|Kali|Cumulus Linux|"
               "Pop!_OS|Parrot|Pardus GNU/Linux|Uos|Deepin|OSMC|"},
    {"Suse", "|SuSE|SLES|SLED|openSUSE|openSUSE Tumbleweed|SLES_SAP|SUSE_LINUX|openSUSE Leap|"},
    {"Archlinux", "|Archlinux|Antergos|Manjaro|"},
    {"Mandrake", "|Mandrake|Mandriva|"},
    {"Gentoo", "|Gentoo|Funtoo|"},
    {"ClearLinux", "|Clear Linux OS|Clear Linux Mix|"},
};

// The code name in parentheses (without digits) of "9.3 (Blue Onyx)", or behind a comma.
static const char *codename_in(struct arena *a, const char *version)
{
    const char *open = version ? strchr(version, '(') : NULL,
               *close = open ? strchr(open, ')') : NULL;
    if (close && close > open + 1) {
        char *s = arena_strndup(a, open + 1, (size_t)(close - open - 1));
        if (!strpbrk(s, "0123456789"))
            return text_strip(s);
    }
    const char *comma = version ? strchr(version, ',') : NULL;
    if (comma && comma[1] && !isdigit((unsigned char)comma[1]))
        return text_strip(arena_strndup(a, comma + 1, strcspn(comma + 1, "0123456789")));
    return NULL;
}

// The first word of s that starts with a digit.
static const char *version_in(struct arena *a, const char *s)
{
    for (char *w, *c = arena_strdup(a, s ? s : ""); (w = text_field(&c));)
        if (isdigit((unsigned char)*w))
            return w;
    return "";
}

static size_t count_dots(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '.';
    return n;
}

// What os-release (or, on old systems, the release file of Red Hat) says before any special
// knowledge.
static void dist_guess(struct facts *f)
{
    struct dict *os = facts_os_release(f);
    char *release = facts_file(f, "/etc/centos-release");
    if (!release)
        release = facts_file(f, "/etc/redhat-release");
    if (!release)
        release = facts_file(f, "/etc/system-release");
    const char *id = dict_str(os, "id", NULL), *version = dict_str(os, "version_id", "");
    if (!id)
        id = release ? arena_strndup(f->a, release, strcspn(release, " ")) : "OtherLinux";
    if (!*version)
        version = version_in(f->a, release ? release : dict_str(os, "pretty_name", ""));
    if (strcasecmp(id, "centos") == 0) {
        const char *best = version_in(f->a, release);
        if (count_dots(best) > count_dots(version)) {
            char *cut = arena_strdup(f->a, best), *dot = strchr(cut, '.');
            dot = dot ? strchr(dot + 1, '.') : NULL;
            if (dot)
                *dot = '\0';
            version = cut;
        }
    }
    const char *code = dict_str(os, "version_codename", NULL);
    if (!code)
        code = dict_str(os, "ubuntu_codename", NULL);
    if (!code)
        code = codename_in(f->a, dict_str(os, "version", NULL));
    if (!code && !dict_get(os, "id")) // a system older than os-release
        code = codename_in(f->a, release);
    char *name = arena_strdup(f->a, strcmp(id, "amzn") == 0 ? "Amazon" : id);
    for (char *p = name; *p; p++)
        *p = (char)(p == name ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
    const char *major = arena_strndup(f->a, version, strcspn(version, "."));
    facts_set(f, "distribution", strcmp(name, "Rhel") == 0 ? "Redhat" : name);
    facts_set(f, "distribution_version", *version ? version : "NA");
    facts_set(f, "distribution_release", code ? code : "NA");
    facts_set(f, "distribution_major_version", *major ? major : "NA");
}

void facts_distribution(struct facts *f)
{
    dist_guess(f);
    for (size_t i = 0; i < sizeof(dist_files) / sizeof(*dist_files); i++) {
        const struct dist_file *row = &dist_files[i];
        struct stat st;
        if (stat(arena_printf(f->a, "%s%s", f->root, row->path), &st) != 0 ||
            (row->parse && st.st_size == 0))
            continue;
        struct value said = value_dict(f->a);
        const char *data = facts_file(f, row->path);
        struct dist d = {f, row->name, row->path, data ? data : "", said.u.dict};
        if (row->parse && !row->parse(&d))
            continue;
        if (!dict_get(said.u.dict, "distribution"))
            dict_set(said.u.dict, "distribution", value_cstr(row->name));
        facts_set(f, "distribution_file_path", row->path);
        facts_set(f, "distribution_file_variety", row->name);
        if (row->parse)
            dict_set(f->out, "distribution_file_parsed", value_bool(true));
        dict_update(f->out, said.u.dict);
        break;
    }
    const char *name = dict_str(f->out, "distribution", "");
    const char *family = name, *key = arena_printf(f->a, "|%s|", name);
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
        if (strstr(families[i].names, key))
            family = families[i].family;
    facts_set(f, "os_family", family);
}
