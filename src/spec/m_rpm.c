// Parameters of dnf, yum, yum_repository and rpm_key.
#include "spec/spec.h"

// What dnf and yum share.
#define DNF_PARAMS                                                                                 \
    {.name = "name",                                                                               \
     .type = PARAM_LIST,                                                                           \
     .aliases = "pkg",                                                                             \
     .help = "Packages, groups (@name), "                                                          \
             "files and addresses of rpms; "                                                       \
             "* stands for all."},                                                                 \
        {.name = "list",                                                                           \
         .help = "List packages instead: installed, available, updates, repos or "                 \
                 "a name."},                                                                       \
        {.name = "state",                                                                          \
         .choices = "absent|installed|latest|present|removed",                                     \
         .help = "What the packages are to be."},                                                  \
        {.name = "enablerepo",                                                                     \
         .type = PARAM_LIST,                                                                       \
         .dflt = "",                                                                               \
         .help = "Repositories to use too."},                                                      \
        {.name = "disablerepo",                                                                    \
         .type = PARAM_LIST,                                                                       \
         .dflt = "",                                                                               \
         .help = "Repositories not to use."},                                                      \
        {.name = "conf_file", .help = "Configuration file to use."},                               \
        {.name = "disable_gpg_check",                                                              \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Do not check signatures."},                                                      \
        {.name = "installroot", .dflt = "/", .help = "Root of the file system to install into."},  \
        {.name = "releasever", .help = "Release of the distribution to install from."},            \
        {.name = "autoremove",                                                                     \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Remove what nothing needs any more."},                                           \
        {.name = "exclude", .type = PARAM_LIST, .dflt = "", .help = "Packages to leave alone."},   \
        {.name = "skip_broken",                                                                    \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Leave out what cannot be installed."},                                           \
        {.name = "update_cache",                                                                   \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .aliases = "expire-cache",                                                                \
         .help = "Fetch the lists of the repositories anew."},                                     \
        {.name = "update_only",                                                                    \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "With latest, only update what is there."},                                       \
        {.name = "security", .type = PARAM_BOOL, .dflt = "no", .help = "Security updates only."},  \
        {.name = "bugfix",                                                                         \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Updates that mend bugs only."},                                                  \
        {.name = "enable_plugin", .type = PARAM_LIST, .dflt = "", .help = "Plugins to use."},      \
        {.name = "disable_plugin", .type = PARAM_LIST, .dflt = "", .help = "Plugins not to use."}, \
        {.name = "disable_excludes",                                                               \
         .help = "Where excludes do not count: all, main or a "                                    \
                 "repository."},                                                                   \
        {.name = "validate_certs",                                                                 \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Check certificates when an rpm is fetched from its address."},                   \
        {.name = "sslverify",                                                                      \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Check certificates of the repositories."},                                       \
        {.name = "allow_downgrade",                                                                \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "An older version than the one that is there is all right."},                     \
        {.name = "install_repoquery",                                                              \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Accepted and not needed."},                                                      \
        {.name = "download_only",                                                                  \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Fetch the packages without installing them."},                                   \
        {.name = "lock_timeout",                                                                   \
         .type = PARAM_INT,                                                                        \
         .dflt = "30",                                                                             \
         .help = "Seconds to wait for another package manager."},                                  \
        {.name = "install_weak_deps",                                                              \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Install what packages recommend."},                                              \
        {.name = "download_dir", .help = "Folder to fetch into."},                                 \
        {.name = "cacheonly",                                                                      \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Use the lists as they are, fetch none."},                                        \
        {.name = "allowerasing",                                                                   \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Packages in the way may be removed."},                                           \
    {                                                                                              \
        .name = "nobest", .type = PARAM_BOOL, .dflt = "no",                                        \
        .help = "An older candidate is all right."                                                 \
    }

static const struct param dnf_params[] = {DNF_PARAMS, {0}};

static const struct param yum_params[] = {
    DNF_PARAMS,
    {.name = "use_backend",
     .dflt = "auto",
     .choices = "auto|yum|yum4|dnf|dnf4|dnf5",
     .help = "Which program to use."},
    {0},
};

static const char *const dnf_exclusive[] = {"name,list", "autoremove,latest", NULL};
static const char *const dnf_one_of[] = {"name,list,update_cache,autoremove", NULL};

static const struct undo_limit dnf_no_undo[] = {
    {"download_only", "yes|true|True", "what was downloaded stays"},
    {0},
};

const struct module_spec spec_dnf = {
    .name = "dnf",
    .summary = "Manage packages with dnf.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .no_undo = dnf_no_undo,
    .params = dnf_params,
    .mutually_exclusive = dnf_exclusive,
    .required_one_of = dnf_one_of,
};

const struct module_spec spec_yum = {
    .name = "yum",
    .summary = "Manage packages with yum or what has followed it.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .no_undo = dnf_no_undo,
    .params = yum_params,
    .mutually_exclusive = dnf_exclusive,
    .required_one_of = dnf_one_of,
};

static const struct param yum_repository_params[] = {
    {.name = "async", .type = PARAM_BOOL, .help = "Fetch from it in the background."},
    {.name = "bandwidth", .help = "Bandwidth there is."},
    {.name = "baseurl", .type = PARAM_LIST, .help = "Its addresses."},
    {.name = "cost", .help = "What it costs beside others."},
    {.name = "deltarpm_metadata_percentage", .help = "Size of delta metadata that still pays."},
    {.name = "deltarpm_percentage", .help = "Size of delta rpms that still pays."},
    {.name = "description", .help = "Its name for people; needed with present."},
    {.name = "enabled", .type = PARAM_BOOL, .help = "Whether it is used."},
    {.name = "enablegroups", .type = PARAM_BOOL, .help = "Whether its groups are used."},
    {.name = "exclude", .type = PARAM_LIST, .help = "Packages to leave out."},
    {.name = "failovermethod",
     .choices = "roundrobin|priority",
     .help = "How one of several addresses is chosen."},
    {.name = "file", .help = "Name of the file without .repo; the repository's if not given."},
    {.name = "gpgcakey", .help = "Address of the key that signs its keys."},
    {.name = "gpgcheck", .type = PARAM_BOOL, .help = "Check signatures of packages."},
    {.name = "gpgkey", .type = PARAM_LIST, .help = "Addresses of its keys."},
    {.name = "http_caching", .choices = "all|packages|none", .help = "What HTTP may cache."},
    {.name = "include", .help = "File with more configuration."},
    {.name = "includepkgs", .type = PARAM_LIST, .help = "The only packages to use."},
    {.name = "ip_resolve", .choices = "4|6|IPv4|IPv6|whatever", .help = "Kind of addresses."},
    {.name = "keepalive", .type = PARAM_BOOL, .help = "Keep connections open."},
    {.name = "keepcache", .choices = "0|1", .help = "Keep packages after installing them."},
    {.name = "metadata_expire", .help = "How long its lists are good for."},
    {.name = "metadata_expire_filter",
     .choices = "never|read-only:past|read-only:present|read-only:future",
     .help = "Which commands may use lists that are older."},
    {.name = "metalink", .help = "Address of its metalink."},
    {.name = "mirrorlist", .help = "Address of its list of mirrors."},
    {.name = "mirrorlist_expire", .help = "How long that is good for."},
    {.name = "module_hotfixes", .type = PARAM_BOOL, .help = "It mends modules."},
    {.name = "name", .flags = PARAM_REQUIRED, .help = "Its id."},
    {.name = "password", .flags = PARAM_NO_LOG, .help = "Password for it."},
    {.name = "priority", .help = "Its priority, 1 to 99."},
    {.name = "protect", .type = PARAM_BOOL, .help = "Do not let others replace its packages."},
    {.name = "proxy", .help = "Proxy to fetch through."},
    {.name = "proxy_password", .flags = PARAM_NO_LOG, .help = "Password for the proxy."},
    {.name = "proxy_username", .help = "User at the proxy."},
    {.name = "repo_gpgcheck", .type = PARAM_BOOL, .help = "Check the signature of its lists."},
    {.name = "reposdir",
     .type = PARAM_PATH,
     .dflt = "/etc/yum.repos.d",
     .help = "Folder of the file."},
    {.name = "retries", .help = "How often to try."},
    {.name = "s3_enabled", .type = PARAM_BOOL, .help = "It is in S3."},
    {.name = "skip_if_unavailable", .type = PARAM_BOOL, .help = "Go on without it."},
    {.name = "ssl_check_cert_permissions",
     .type = PARAM_BOOL,
     .help = "Check the modes of certificates."},
    {.name = "sslcacert", .aliases = "ca_cert", .help = "Certificates to trust."},
    {.name = "sslclientcert", .aliases = "client_cert", .help = "Certificate to show."},
    {.name = "sslclientkey", .aliases = "client_key", .help = "Its key."},
    {.name = "sslverify",
     .type = PARAM_BOOL,
     .aliases = "validate_certs",
     .help = "Check its certificate."},
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether it is to be there."},
    {.name = "throttle", .help = "Bandwidth to use."},
    {.name = "timeout", .help = "Seconds to wait for an answer."},
    {.name = "ui_repoid_vars", .help = "Variables shown behind its id."},
    {.name = "username", .help = "User at the repository."},
    {0},
};

const struct module_spec spec_yum_repository = {
    .name = "yum_repository",
    .summary = "Manage repositories of yum and dnf.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = yum_repository_params,
};

static const struct param rpm_key_params[] = {
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether rpm is to trust the key."},
    {.name = "key", .flags = PARAM_REQUIRED, .help = "Address, path or id of the key."},
    {.name = "fingerprint", .help = "Its fingerprint, to be checked."},
    {.name = "validate_certs",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Check the certificate of the address."},
    {0},
};

static const struct undo_limit rpm_key_no_undo[] = {
    {NULL, NULL, "keys are in the database of rpm, of which nothing is kept"},
    {0},
};

const struct module_spec spec_rpm_key = {
    .name = "rpm_key",
    .summary = "Manage the keys that rpm trusts.",
    .flags = MODULE_CHECK,
    .no_undo = rpm_key_no_undo,
    .params = rpm_key_params,
};
