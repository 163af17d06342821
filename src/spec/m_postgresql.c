// Parameters of postgresql_db, postgresql_ext, postgresql_privs, postgresql_query and
// postgresql_user.
#include "spec/spec.h"

// How to log in, and what all five understand.
#define LOGIN_PARAMS                                                                               \
    {.name = "login_user",                                                                         \
     .dflt = "postgres",                                                                           \
     .aliases = "login",                                                                           \
     .help = "Role to log in as; become that user where the server trusts users of the host."},    \
        {.name = "login_password", .flags = PARAM_NO_LOG, .dflt = "", .help = "Its password."},    \
        {.name = "login_host", .dflt = "", .aliases = "host", .help = "Host of the server."},      \
        {.name = "login_unix_socket",                                                              \
         .dflt = "",                                                                               \
         .aliases = "unix_socket",                                                                 \
         .help = "Folder of the server's socket."},                                                \
        {.name = "port",                                                                           \
         .type = PARAM_INT,                                                                        \
         .dflt = "5432",                                                                           \
         .aliases = "login_port",                                                                  \
         .help = "Port of the server."},                                                           \
        {.name = "ssl_mode",                                                                       \
         .dflt = "prefer",                                                                         \
         .choices = "allow|disable|prefer|require|verify-ca|verify-full",                          \
         .help = "Whether TLS is used, as libpq's sslmode."},                                      \
        {.name = "ca_cert", .aliases = "ssl_rootcert", .help = "Certificates to trust."},          \
        {.name = "ssl_cert", .type = PARAM_PATH, .help = "Certificate to show."},                  \
        {.name = "ssl_key", .type = PARAM_PATH, .help = "Its key."},                               \
        {.name = "connect_params",                                                                 \
         .type = PARAM_DICT,                                                                       \
         .dflt = "{}",                                                                             \
         .help = "More settings of libpq; these count before the others."},                        \
        {.name = "session_role", .help = "Role to change to after logging in."},                   \
    {                                                                                              \
        .name = "trust_input", .type = PARAM_BOOL, .dflt = "yes",                                  \
        .help = "Accepted and not needed: names and values are always quoted."                     \
    }

static const struct param db_params[] = {
    LOGIN_PARAMS,
    {.name = "db", .flags = PARAM_REQUIRED, .aliases = "name", .help = "The database."},
    {.name = "owner", .dflt = "", .help = "Role that owns it."},
    {.name = "template", .dflt = "", .help = "Database a new one is a copy of."},
    {.name = "encoding", .dflt = "", .help = "Encoding of a new one."},
    {.name = "lc_collate", .dflt = "", .help = "Order of text in a new one."},
    {.name = "lc_ctype", .dflt = "", .help = "Kinds of characters in a new one."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|dump|present|rename|restore",
     .help = "Whether it is to be there, or is dumped, restored or renamed."},
    {.name = "target",
     .type = PARAM_PATH,
     .dflt = "",
     .help = "The dump on the host, packed by the end of its name; or the new name."},
    {.name = "target_opts", .dflt = "", .help = "More arguments of pg_dump, pg_restore or psql."},
    {.name = "maintenance_db", .dflt = "postgres", .help = "Database to connect to for all this."},
    {.name = "conn_limit", .dflt = "", .help = "How many may be connected."},
    {.name = "tablespace", .type = PARAM_PATH, .dflt = "", .help = "Tablespace it lies in."},
    {.name = "dump_extra_args", .help = "More arguments of pg_dump."},
    {.name = "force",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "End connections to a database that is dropped."},
    {0},
};

static const struct undo_limit postgresql_no_undo[] = {
    {NULL, NULL,
     "of what a PostgreSQL server holds nothing is kept: andon_undo in its vars declares what "
     "takes it back"},
    {0},
};

const struct module_spec spec_postgresql_db = {
    .name = "postgresql_db",
    .collections = "community.postgresql|community.general",
    .summary = "Manage, dump and restore databases of PostgreSQL.",
    .flags = MODULE_CHECK,
    .no_undo = postgresql_no_undo,
    .params = db_params,
};

static const struct param ext_params[] = {
    LOGIN_PARAMS,
    {.name = "db", .flags = PARAM_REQUIRED, .aliases = "login_db", .help = "The database."},
    {.name = "ext", .flags = PARAM_REQUIRED, .aliases = "name", .help = "The extension."},
    {.name = "schema", .help = "Schema for what it brings."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be there."},
    {.name = "cascade",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Also install what it needs, or drop what needs it."},
    {.name = "version", .help = "Version to install or update to, or latest."},
    {0},
};

const struct module_spec spec_postgresql_ext = {
    .name = "postgresql_ext",
    .collections = "community.postgresql|community.general",
    .summary = "Manage extensions of a PostgreSQL database.",
    .flags = MODULE_CHECK,
    .no_undo = postgresql_no_undo,
    .params = ext_params,
};

static const struct param privs_params[] = {
    LOGIN_PARAMS,
    {.name = "database",
     .flags = PARAM_REQUIRED,
     .aliases = "db|login_db",
     .help = "The database."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether privileges are granted or revoked."},
    {.name = "privs", .aliases = "priv", .help = "The privileges, with commas."},
    {.name = "type",
     .dflt = "table",
     .choices = "table|sequence|function|procedure|database|schema|language|tablespace|group|"
                "default_privs|foreign_data_wrapper|foreign_server|type",
     .help = "What kind of object they are on."},
    {.name = "objs",
     .aliases = "obj",
     .help = "The objects, with commas, or ALL_IN_SCHEMA; colons for the commas of signatures."},
    {.name = "schema", .help = "Schema they are in (public), or not-specified."},
    {.name = "roles",
     .flags = PARAM_REQUIRED,
     .aliases = "role",
     .help = "Who gets or loses them, with commas, or PUBLIC."},
    {.name = "target_roles", .help = "Whose future objects default_privs is about."},
    {.name = "grant_option",
     .type = PARAM_BOOL,
     .aliases = "admin_option",
     .help = "Whether they may hand them on; unset leaves that."},
    {.name = "password",
     .flags = PARAM_NO_LOG | PARAM_DEPRECATED,
     .dflt = "",
     .help = "Password to log in with."},
    {.name = "fail_on_role",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Fail when a role is not there; otherwise warn."},
    {.name = "usage_on_types",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Also grant USAGE ON TYPES with default_privs."},
    {0},
};

const struct module_spec spec_postgresql_privs = {
    .name = "postgresql_privs",
    .collections = "community.postgresql|community.general",
    .summary = "Grant and revoke privileges in a PostgreSQL database.",
    .flags = MODULE_CHECK,
    .no_undo = postgresql_no_undo,
    .params = privs_params,
};

static const struct param query_params[] = {
    LOGIN_PARAMS,
    {.name = "query", .type = PARAM_RAW, .help = "The statement, or several in a list."},
    {.name = "db", .aliases = "login_db", .help = "The database."},
    {.name = "positional_args",
     .type = PARAM_LIST,
     .elements = PARAM_RAW,
     .help = "Values for every %s."},
    {.name = "named_args", .type = PARAM_DICT, .help = "Values for every %(name)s."},
    {.name = "path_to_script", .type = PARAM_PATH, .help = "A file with statements, on the host."},
    {.name = "autocommit",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Run each statement by itself, as VACUUM needs it."},
    {.name = "encoding", .help = "Encoding of the client."},
    {.name = "search_path", .type = PARAM_LIST, .help = "Schemas to look into."},
    {.name = "as_single_query",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Run a script as a whole, not statement by statement."},
    {0},
};

static const struct undo_limit postgresql_query_no_undo[] = {
    {NULL, NULL,
     "a query may have done anything: andon_undo in its vars declares what takes it back"},
    {0},
};

const struct module_spec spec_postgresql_query = {
    .name = "postgresql_query",
    .collections = "community.postgresql|community.general",
    .summary = "Run statements in a PostgreSQL database.",
    .flags = MODULE_CHECK,
    .no_undo = postgresql_query_no_undo,
    .params = query_params,
    .mutually_exclusive = (const char *const[]){"positional_args,named_args", NULL},
};

static const struct param user_params[] = {
    LOGIN_PARAMS,
    {.name = "user", .flags = PARAM_REQUIRED, .aliases = "name", .help = "The role, or PUBLIC."},
    {.name = "password",
     .flags = PARAM_NO_LOG,
     .help = "Its password, or the MD5 or SCRAM hash of it; empty: none."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be there."},
    {.name = "priv",
     .flags = PARAM_DEPRECATED,
     .help = "Privileges on the database and its tables: CONNECT/table:SELECT,INSERT."},
    {.name = "db",
     .dflt = "",
     .aliases = "login_db",
     .help = "Database to connect to, and which priv is about."},
    {.name = "fail_on_user",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .aliases = "fail_on_role",
     .help = "Fail when it cannot be removed."},
    {.name = "role_attr_flags",
     .dflt = "",
     .help = "Attributes, with commas: CREATEDB, NOLOGIN, SUPERUSER."},
    {.name = "encrypted",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "The server keeps the password as a hash."},
    {.name = "no_password_changes",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Leave passwords, expiry and limit alone."},
    {.name = "expires", .help = "When the password ends, or infinity."},
    {.name = "conn_limit", .type = PARAM_INT, .help = "How many connections it may have."},
    {.name = "groups",
     .type = PARAM_LIST,
     .flags = PARAM_DEPRECATED,
     .help = "Roles it becomes a member of."},
    {.name = "comment", .help = "Comment on the role."},
    {0},
};

const struct module_spec spec_postgresql_user = {
    .name = "postgresql_user",
    .collections = "community.postgresql|community.general",
    .summary = "Manage roles of a PostgreSQL server.",
    .flags = MODULE_CHECK,
    .no_undo = postgresql_no_undo,
    .params = user_params,
};
