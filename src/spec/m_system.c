// Parameters of ini_file, sysctl, mount, modprobe, alternatives and locale_gen.
#include "spec/spec.h"

static const struct param ini_file_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest",
     .help = "The INI file."},
    {.name = "section", .help = "The section; none: what stands in front of the first one."},
    {.name = "option", .help = "The option; none: the section as a whole."},
    {.name = "value", .help = "What the option is to be."},
    {.name = "values",
     .type = PARAM_LIST,
     .help = "What it is to be, for an option that may be there several times."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep the file as it was."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether the option or section is to be there."},
    {.name = "exclusive",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Let no other values of the option stay (or, with absent, remove them all)."},
    {.name = "no_extra_spaces",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Write no spaces around the equals sign."},
    {.name = "create", .type = PARAM_BOOL, .dflt = "yes", .help = "Make a file that is not there."},
    {.name = "allow_no_value",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "An option without a value is all right."},
    {0},
};

const struct module_spec spec_ini_file = {
    .name = "ini_file",
    .collections = "community.general",
    .summary = "Manage options and sections of INI files.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = ini_file_params,
    .mutually_exclusive = (const char *const[]){"value,values", NULL},
};

static const struct param sysctl_params[] = {
    {.name = "name",
     .flags = PARAM_REQUIRED,
     .aliases = "key",
     .help = "The parameter, its parts separated by dots."},
    {.name = "value", .aliases = "val", .help = "What it is to be."},
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether it is to be in the file."},
    {.name = "ignoreerrors",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Parameters that the kernel does not know are no error."},
    {.name = "reload",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Have the file read after a change."},
    {.name = "sysctl_set",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Also set the running kernel's value when it differs."},
    {.name = "sysctl_file", .type = PARAM_PATH, .dflt = "/etc/sysctl.conf", .help = "The file."},
    {0},
};

const struct module_spec spec_sysctl = {
    .name = "sysctl",
    .collections = "ansible.posix",
    .summary = "Manage parameters of the kernel.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = sysctl_params,
    .required_if = (const char *const[]){"state=present:value", NULL},
};

static const struct param mount_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "name",
     .help = "Where it is mounted."},
    {.name = "src", .type = PARAM_PATH, .help = "What is mounted: a device, a share, a folder."},
    {.name = "fstype", .help = "Kind of file system."},
    {.name = "opts", .help = "Options, separated by commas."},
    {.name = "dump", .dflt = "0", .help = "Fifth field of fstab."},
    {.name = "passno", .dflt = "0", .help = "Sixth field of fstab."},
    {.name = "state",
     .flags = PARAM_REQUIRED,
     .choices = "absent|absent_from_fstab|mounted|present|unmounted|remounted|ephemeral",
     .help = "present and absent_from_fstab are about fstab alone, unmounted, remounted and "
             "ephemeral about what is mounted, mounted and absent about both."},
    {.name = "fstab", .help = "File to use instead of /etc/fstab."},
    {.name = "boot",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Mount it at boot; no adds noauto to the options."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep fstab as it was."},
    {0},
};

const struct module_spec spec_mount = {
    .name = "mount",
    .collections = "ansible.posix",
    .summary = "Manage mount points and their entries in fstab.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = mount_params,
    .required_if = (const char *const[]){"state=mounted:src,fstype", "state=present:src,fstype",
                                         "state=ephemeral:src,fstype", NULL},
};

static const struct param modprobe_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The kernel's module."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be loaded."},
    {.name = "params", .dflt = "", .help = "Its parameters when it is loaded."},
    {.name = "persistent",
     .dflt = "disabled",
     .choices = "disabled|absent|present",
     .help = "Whether it is to be loaded at boot; disabled leaves that alone."},
    {0},
};

const struct module_spec spec_modprobe = {
    .name = "modprobe",
    .collections = "community.general",
    .summary = "Load and unload modules of the kernel.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = modprobe_params,
};

static const struct param subcommand_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "Name of what follows."},
    {.name = "path", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "The real file."},
    {.name = "link", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "The link to it."},
    {0},
};

static const struct param alternatives_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The generic name."},
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "The program that may stand for it."},
    {.name = "link",
     .type = PARAM_PATH,
     .help = "The link that leads to the program; needed for a new name."},
    {.name = "priority", .type = PARAM_INT, .help = "Its priority; 50 for a new one."},
    {.name = "state",
     .dflt = "selected",
     .choices = "present|selected|absent|auto",
     .help = "Installed, installed and chosen, installed with the best one chosen, or not there."},
    {.name = "subcommands",
     .type = PARAM_LIST,
     .elements = PARAM_DICT,
     .aliases = "slaves",
     .sub = subcommand_params,
     .help = "Links that follow it."},
    {0},
};

const struct module_spec spec_alternatives = {
    .name = "alternatives",
    .collections = "community.general",
    .summary = "Choose the program behind a generic name.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = alternatives_params,
};

static const struct param locale_gen_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The locale, such as de_DE.UTF-8."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be generated."},
    {0},
};

const struct module_spec spec_locale_gen = {
    .name = "locale_gen",
    .collections = "community.general",
    .summary = "Generate and remove locales.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = locale_gen_params,
};
