// Parameters of mysql_db, mysql_user and mysql_variables.
#include "spec/spec.h"

// How to log in; all three share it.
#define LOGIN_PARAMS                                                                               \
    {.name = "login_user", .help = "User to log in as."},                                          \
        {.name = "login_password", .flags = PARAM_NO_LOG, .help = "Their password."},              \
        {.name = "login_host", .dflt = "localhost", .help = "Host of the server."},                \
        {.name = "login_port", .type = PARAM_INT, .dflt = "3306", .help = "Port of the server."},  \
        {.name = "login_unix_socket", .help = "Socket of the server."},                            \
        {.name = "config_file",                                                                    \
         .type = PARAM_PATH,                                                                       \
         .dflt = "~/.my.cnf",                                                                      \
         .help = "File with user and password, in its section client."},                           \
        {.name = "connect_timeout", .type = PARAM_INT, .dflt = "30", .help = "Seconds to wait."},  \
        {.name = "client_cert",                                                                    \
         .type = PARAM_PATH,                                                                       \
         .aliases = "ssl_cert",                                                                    \
         .help = "Certificate to show."},                                                          \
        {.name = "client_key", .type = PARAM_PATH, .aliases = "ssl_key", .help = "Its key."},      \
        {.name = "ca_cert",                                                                        \
         .type = PARAM_PATH,                                                                       \
         .aliases = "ssl_ca",                                                                      \
         .help = "Certificates to trust."},                                                        \
    {                                                                                              \
        .name = "check_hostname", .type = PARAM_BOOL,                                              \
        .help = "Check the server's name in its certificate."                                      \
    }

static const struct param db_params[] = {
    LOGIN_PARAMS,
    {.name = "name",
     .type = PARAM_LIST,
     .flags = PARAM_REQUIRED,
     .aliases = "db",
     .help = "The databases; all: every one, to dump or import."},
    {.name = "encoding", .dflt = "", .help = "Character set of a new one, of a dump or import."},
    {.name = "collation", .dflt = "", .help = "Collation of a new one."},
    {.name = "target", .type = PARAM_PATH, .help = "The dump, on the host."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|dump|import|present",
     .help = "Whether they are to be there, or are dumped or imported."},
    {.name = "single_transaction",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Dump in one transaction."},
    {.name = "quick", .type = PARAM_BOOL, .dflt = "yes", .help = "Dump row by row."},
    {.name = "ignore_tables", .type = PARAM_LIST, .dflt = "", .help = "Tables not to dump."},
    {.name = "hex_blob", .type = PARAM_BOOL, .dflt = "no", .help = "Dump binary columns in hex."},
    {.name = "force", .type = PARAM_BOOL, .dflt = "no", .help = "Go on after errors."},
    {.name = "master_data",
     .type = PARAM_INT,
     .dflt = "0",
     .choices = "0|1|2",
     .help = "Put the replication's position into the dump (2: in a comment)."},
    {.name = "skip_lock_tables",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Do not lock tables for the dump."},
    {.name = "dump_extra_args", .help = "More arguments for mysqldump."},
    {.name = "use_shell", .type = PARAM_BOOL, .dflt = "no", .help = "Import through a shell."},
    {.name = "unsafe_login_password",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Accepted and not needed: the password never is in a command."},
    {.name = "restrict_config_file",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Read no other configuration than config_file."},
    {.name = "check_implicit_admin",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Try to log in as root without a password first."},
    {.name = "config_overrides_defaults",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Host and port of config_file count before the defaults here."},
    {.name = "chdir", .type = PARAM_PATH, .help = "Folder to work in."},
    {.name = "pipefail",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Fail when a command in a pipe does."},
    {0},
};

static const struct undo_limit mysql_db_no_undo[] = {
    {"state", "absent", "a dropped database does not come back: dump it before"},
    {"state", "import", "what the import replaced is not kept: dump the database before"},
    {0},
};

const struct module_spec spec_mysql_db = {
    .name = "mysql_db",
    .collections = "community.mysql|community.general",
    .summary = "Manage, dump and import databases of MySQL and MariaDB.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .no_undo = mysql_db_no_undo,
    .params = db_params,
};

static const struct param user_params[] = {
    LOGIN_PARAMS,
    {.name = "name", .flags = PARAM_REQUIRED, .aliases = "user", .help = "The user."},
    {.name = "password", .flags = PARAM_NO_LOG, .help = "Their password."},
    {.name = "encrypted",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "The password is a hash of mysql_native_password."},
    {.name = "host", .dflt = "localhost", .help = "Host they connect from."},
    {.name = "host_all",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Change them for every host there is."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether they are to be there."},
    {.name = "priv",
     .type = PARAM_RAW,
     .help = "Privileges: db.table:PRIV,PRIV/... or a dict of these."},
    {.name = "column_case_sensitive",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Tell columns apart that differ in case alone."},
    {.name = "tls_requires", .type = PARAM_DICT, .help = "What TLS has to be like."},
    {.name = "append_privs",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Keep the privileges they have besides."},
    {.name = "subtract_privs",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Take these privileges away."},
    {.name = "check_implicit_admin",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Try to log in as root without a password first."},
    {.name = "update_password",
     .dflt = "always",
     .choices = "always|on_create|on_new_username",
     .help = "When the password is set."},
    {.name = "sql_log_bin",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Write the changes to the binary log."},
    {.name = "plugin", .help = "Plugin they log in by."},
    {.name = "plugin_hash_string", .flags = PARAM_NO_LOG, .help = "Its hash."},
    {.name = "plugin_auth_string", .flags = PARAM_NO_LOG, .help = "What it authenticates by."},
    {.name = "resource_limits", .type = PARAM_DICT, .help = "Limits on what they use."},
    {.name = "force_context",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Work with the database mysql in use."},
    {.name = "session_vars", .type = PARAM_DICT, .help = "Variables of the session to set."},
    {0},
};

const struct module_spec spec_mysql_user = {
    .name = "mysql_user",
    .collections = "community.mysql|community.general",
    .summary = "Manage users of MySQL and MariaDB and their privileges.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = user_params,
    .mutually_exclusive = (const char *const[]){"append_privs,subtract_privs", NULL},
};

static const struct param variables_params[] = {
    LOGIN_PARAMS,
    {.name = "variable", .flags = PARAM_REQUIRED, .help = "The variable."},
    {.name = "value", .help = "What it is to be; none: only tell."},
    {.name = "mode",
     .dflt = "global",
     .choices = "global|persist|persist_only",
     .help = "Set it now, now and for later, or for later alone."},
    {0},
};

static const struct undo_limit mysql_variables_no_undo[] = {
    {"mode", "persist|persist_only",
     "what the server has written down for its next start is not kept"},
    {0},
};

const struct module_spec spec_mysql_variables = {
    .name = "mysql_variables",
    .collections = "community.mysql|community.general",
    .summary = "Read and set global variables of MySQL and MariaDB.",
    .flags = MODULE_UNDO,
    .no_undo = mysql_variables_no_undo,
    .params = variables_params,
};
