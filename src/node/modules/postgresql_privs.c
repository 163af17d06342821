// postgresql_privs: privileges on what is in a PostgreSQL database. Whether something changed is
// told by the access control lists before and after, in one transaction.
#include "node/modules.h"
#include "node/modules/postgres.h"
#include "node/text.h"

#include "core/buf.h"

#include <string.h>
#include <strings.h>

struct privs_task {
    struct postgres db;
    struct module *m;
    struct arena *a;
    const struct object_kind *kind;
    const char *schema; // NULL: none
    struct list *objs;  // names
    struct list *privs; // upper case; NULL for groups
    const char *whom;   // quoted roles, or PUBLIC
    bool public, all;   // all: the schema's, not named ones
    struct value queries;
};

// --- kinds of objects

struct object_kind {
    const char *type;
    bool has_schema;
    const char *acl;   // the query for the lists, %s the names, and the schema where it has one
    const char *every; // the query for all names in a schema; NULL: ALL_IN_SCHEMA is not allowed
    const char *plural;
};

#define CLASS_ACL(kinds)                                                                           \
    "SELECT relacl FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN "  \
    "(" kinds ") AND relname IN (%s) AND nspname = %s ORDER BY relname"
#define CLASS_EVERY(kinds)                                                                         \
    "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = "  \
    "%s AND relkind IN (" kinds ")"
#define PROC_ACL                                                                                   \
    "SELECT proacl FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proname IN "   \
    "(%s) AND nspname = %s ORDER BY proname, proargtypes"
#define PROC_EVERY(kind)                                                                           \
    "SELECT proname || '(' || oidvectortypes(proargtypes) || ')' FROM pg_proc JOIN pg_namespace "  \
    "n ON n.oid = pronamespace WHERE nspname = %s AND prokind = '" kind "'"

static const struct object_kind kinds[] = {
    {"table", true, CLASS_ACL("'r','p','v','m'"), CLASS_EVERY("'r','p','v','m'"), "TABLES"},
    {"sequence", true, CLASS_ACL("'S'"), CLASS_EVERY("'S'"), "SEQUENCES"},
    {"function", true, PROC_ACL, PROC_EVERY("f"), "FUNCTIONS"},
    {"procedure", true, PROC_ACL, PROC_EVERY("p"), "PROCEDURES"},
    {"type", true,
     "SELECT typacl FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE typname IN (%s) "
     "AND nspname = %s ORDER BY typname",
     NULL, NULL},
    {"schema", false, "SELECT nspacl FROM pg_namespace WHERE nspname IN (%s) ORDER BY nspname",
     NULL, NULL},
    {"language", false, "SELECT lanacl FROM pg_language WHERE lanname IN (%s) ORDER BY lanname",
     NULL, NULL},
    {"tablespace", false, "SELECT spcacl FROM pg_tablespace WHERE spcname IN (%s) ORDER BY spcname",
     NULL, NULL},
    {"database", false, "SELECT datacl FROM pg_database WHERE datname IN (%s) ORDER BY datname",
     NULL, NULL},
    {"foreign_data_wrapper", false,
     "SELECT fdwacl FROM pg_foreign_data_wrapper WHERE fdwname IN (%s) ORDER BY fdwname", NULL,
     NULL},
    {"foreign_server", false,
     "SELECT srvacl FROM pg_foreign_server WHERE srvname IN (%s) ORDER BY srvname", NULL, NULL},
    {"group", false,
     "SELECT roleid, grantor, member, admin_option FROM pg_auth_members am JOIN pg_roles r ON "
     "r.oid = roleid WHERE rolname IN (%s) ORDER BY roleid, grantor, member",
     NULL, NULL},
    // their names are kinds themselves, so all lists of the schema count
    {"default_privs", true,
     "SELECT defaclacl FROM pg_default_acl a LEFT JOIN pg_namespace n ON defaclnamespace = n.oid "
     "WHERE '' NOT IN (%s) AND nspname = %s ORDER BY defaclrole, defaclobjtype",
     NULL, NULL},
};

static const struct object_kind *kind_of(const char *type)
{
    const struct object_kind *k = kinds;
    while (strcmp(k->type, type) != 0)
        k++;
    return k;
}

// What can be granted by default, and on what.
static const struct {
    const char *objs, *privs;
} by_default[] = {{"TABLES", "ALL,SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER"},
                  {"SEQUENCES", "ALL,SELECT,UPDATE,USAGE"},
                  {"FUNCTIONS", "ALL,EXECUTE"},
                  {"TYPES", "ALL,USAGE"},
                  {"SCHEMAS", "CREATE,USAGE"}};

// --- lists as SQL

static const char *joined(struct arena *a, const struct list *l,
                          const char *(*each)(struct arena *, const char *))
{
    struct value words = value_list(a);
    for (size_t i = 0; i < l->len; i++)
        list_add(words.u.list, value_cstr(each(a, l->items[i].u.str.s)));
    return text_join(a, words.u.list, ",");
}

static bool is_routine(const struct privs_task *t)
{
    return strcmp(t->kind->type, "function") == 0 || strcmp(t->kind->type, "procedure") == 0;
}

static bool is_default(const struct privs_task *t)
{
    return strcmp(t->kind->type, "default_privs") == 0;
}

// The names in the query for the lists; routines without their arguments.
static const char *names_for_acl(struct privs_task *t)
{
    struct value names = value_list(t->a);
    for (size_t i = 0; i < t->objs->len; i++) {
        const char *name = t->objs->items[i].u.str.s;
        size_t len = is_routine(t) ? strcspn(name, "(") : strlen(name);
        list_add(names.u.list, value_strn(t->a, name, len));
    }
    return joined(t->a, names.u.list, postgres_literal);
}

// kind->acl with its two places filled.
static const char *acl_query(struct privs_task *t)
{
    struct buf b = BUF_INIT;
    const char *fill[] = {names_for_acl(t),
                          t->schema ? postgres_literal(t->a, t->schema) : "nspname"};
    size_t n = 0;
    for (const char *s = t->kind->acl; *s; s++) {
        if (s[0] == '%' && s[1] == 's') {
            buf_adds(&b, fill[n++]);
            s++;
        } else {
            buf_addc(&b, *s);
        }
    }
    const char *ret = arena_strdup(t->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

// An object as GRANT names it.
static const char *object_name(struct privs_task *t, const char *name)
{
    const char *dot = t->schema && t->kind->has_schema
                          ? arena_printf(t->a, "%s.", postgres_identifier(t->a, t->schema))
                          : "";
    const char *arguments = is_routine(t) ? strchr(name, '(') : NULL;
    if (!arguments)
        return arena_printf(t->a, "%s%s", dot, postgres_identifier(t->a, name));
    const char *bare = arena_strndup(t->a, name, (size_t)(arguments - name));
    return arena_printf(t->a, "%s%s%s", dot, postgres_identifier(t->a, bare), arguments);
}

// "SELECT,INSERT ON table "s"."t"", or the groups.
static const char *what(struct privs_task *t)
{
    struct value names = value_list(t->a);
    for (size_t i = 0; i < t->objs->len; i++)
        list_add(names.u.list, value_cstr(object_name(t, t->objs->items[i].u.str.s)));
    const char *objs = text_join(t->a, names.u.list, ",");
    if (!t->privs)
        return objs;
    const char *privs = text_join(t->a, t->privs, ",");
    if (t->all)
        return arena_printf(t->a, "%s ON ALL %s IN SCHEMA %s", privs, t->kind->plural,
                            postgres_identifier(t->a, t->schema));
    char *type = arena_strdup(t->a, t->kind->type);
    for (char *c = type; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return arena_printf(t->a, "%s ON %s %s", privs, type, objs);
}

// --- what is to be run

static void grant_or_revoke(struct privs_task *t, struct list *lines, bool present)
{
    const struct value *option = dict_get(t->m->args, "grant_option");
    bool given = present && option && option->type == VALUE_BOOL;
    const char *word = t->privs ? "GRANT" : "ADMIN", *set = what(t);
    if (!present) {
        list_add(lines, value_strf(t->a, "REVOKE %s FROM %s;", set, t->whom));
        return;
    }
    const char *with = given && option->u.b ? arena_printf(t->a, " WITH %s OPTION", word) : "";
    list_add(lines, value_strf(t->a, "GRANT %s TO %s%s;", set, t->whom, with));
    if (given && !option->u.b)
        list_add(lines, value_strf(t->a, "REVOKE %s OPTION FOR %s FROM %s;", word, set, t->whom));
}

static void change_defaults(struct privs_task *t, struct list *lines, bool present)
{
    static const char *const all[] = {"TABLES", "SEQUENCES", "TYPES"};
    const char *targets = module_str(t->m, "target_roles"), *head = "ALTER DEFAULT PRIVILEGES";
    const char *option = module_bool(t->m, "grant_option") ? " WITH GRANT OPTION" : "";
    if (targets && *targets)
        head =
            arena_printf(t->a, "%s FOR ROLE %s", head,
                         joined(t->a, postgres_split(t->a, targets, false), postgres_identifier));
    if (t->schema)
        head = arena_printf(t->a, "%s IN SCHEMA %s", head, postgres_identifier(t->a, t->schema));
    for (size_t i = 0; !present && i < sizeof all / sizeof *all; i++)
        list_add(lines, value_strf(t->a, "%s REVOKE ALL ON %s FROM %s;", head, all[i], t->whom));
    if (!present)
        return;
    for (size_t i = 0; i < t->objs->len; i++)
        list_add(lines, value_strf(t->a, "%s REVOKE ALL ON %s FROM %s;", head,
                                   t->objs->items[i].u.str.s, t->whom));
    for (size_t i = 0; i < t->objs->len; i++)
        list_add(lines, value_strf(t->a, "%s GRANT %s ON %s TO %s%s;", head,
                                   text_join(t->a, t->privs, ","), t->objs->items[i].u.str.s,
                                   t->whom, option));
    if (module_bool(t->m, "usage_on_types"))
        list_add(lines,
                 value_strf(t->a, "%s GRANT USAGE ON TYPES TO %s%s;", head, t->whom, option));
}

static int run(struct privs_task *t)
{
    struct value lines = value_list(t->a), script = value_list(t->a);
    struct pg_result results[5];
    struct err e = ERR_INIT;
    size_t done;
    bool present = strcmp(module_str(t->m, "state"), "present") == 0;
    (is_default(t) ? change_defaults : grant_or_revoke)(t, lines.u.list, present);
    const char *query = text_join(t->a, lines.u.list, "\n"), *acl = acl_query(t);
    list_add(t->queries.u.list, value_cstr(query));
    list_add(script.u.list, value_cstr("BEGIN"));
    list_add(script.u.list, value_cstr(acl));
    list_add(script.u.list, value_cstr(query));
    list_add(script.u.list, value_cstr(acl));
    list_add(script.u.list, value_cstr(t->m->check ? "ROLLBACK" : "COMMIT"));
    if (postgres_run(&t->db, script.u.list, results, &done, &e) != 0)
        return module_fail_err(t->m, &e);
    struct value before = {.type = VALUE_LIST, .u.list = results[1].rows};
    struct value after = {.type = VALUE_LIST, .u.list = results[3].rows};
    module_changed(t->m, t->public || !value_equal(&before, &after));
    return 0;
}

// --- the task's arguments

static int read_default_objs(struct privs_task *t, const char *objs)
{
    t->objs = postgres_split(t->a, objs, true);
    if (strcmp(objs, "ALL_DEFAULT") == 0) {
        t->objs = value_list(t->a).u.list;
        for (size_t i = 0; i < 4; i++)
            list_add(t->objs, value_cstr(by_default[i].objs));
    }
    for (size_t i = 0; i < t->objs->len; i++) {
        size_t k = 0;
        while (k < 5 && !value_eqs(&t->objs->items[i], by_default[k].objs))
            k++;
        if (k == 5)
            return module_fail(t->m, "Invalid Object set specified: %s", t->objs->items[i].u.str.s);
        struct list *valid = postgres_split(t->a, by_default[k].privs, false);
        for (size_t p = 0; p < t->privs->len; p++)
            if (!text_list_has(valid, t->privs->items[p].u.str.s))
                return module_fail(t->m, "Invalid priv specified: %s cannot be granted on %s",
                                   t->privs->items[p].u.str.s, by_default[k].objs);
    }
    return 0;
}

static int read_privs(struct privs_task *t)
{
    static const char valid[] = "SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,CREATE,"
                                "CONNECT,TEMPORARY,TEMP,EXECUTE,USAGE,ALL";
    const char *privs = module_str(t->m, "privs");
    bool group = strcmp(t->kind->type, "group") == 0, given = privs && *privs;
    if (group && given)
        return module_fail(t->m, "Argument \"privs\" is not allowed for type \"group\".");
    if (!group && !given)
        return module_fail(t->m, "Argument \"privs\" is required for type \"%s\".", t->kind->type);
    if (group)
        return 0;
    struct list *known = postgres_split(t->a, valid, false);
    t->privs = postgres_split(t->a, privs, true);
    for (size_t i = 0; i < t->privs->len; i++)
        if (!text_list_has(known, t->privs->items[i].u.str.s))
            return module_fail(t->m, "Invalid privileges specified: frozenset({'%s'})",
                               t->privs->items[i].u.str.s);
    return 0;
}

static int read_schema(struct privs_task *t)
{
    const char *schema = module_str(t->m, "schema");
    bool given = schema && *schema;
    if (given && !t->kind->has_schema)
        return module_fail(t->m, "Argument \"schema\" is not allowed for type \"%s\".",
                           t->kind->type);
    if (t->kind->has_schema)
        t->schema = given ? schema : "public";
    if (given && strcmp(schema, "not-specified") == 0)
        t->schema = NULL;
    return 0;
}

static int check_objs(struct privs_task *t, const char *objs)
{
    if (objs && strcmp(objs, "ALL_IN_SCHEMA") == 0 && !t->kind->every)
        return module_fail(t->m,
                           "Argument \"objs\": ALL_IN_SCHEMA can be used only for type: table, "
                           "sequence, function or procedure, %s was passed.",
                           t->kind->type);
    if (!objs && strcmp(t->kind->type, "database") != 0)
        return module_fail(t->m, "Argument \"objs\" is required for type \"%s\".", t->kind->type);
    return 0;
}

static int read_objs(struct privs_task *t, const char *objs)
{
    struct pg_result r;
    if (is_default(t))
        return read_default_objs(t, objs);
    t->all = objs && strcmp(objs, "ALL_IN_SCHEMA") == 0;
    t->objs = postgres_split(t->a, objs ? objs : module_str(t->m, "database"), false);
    if (t->all) {
        const char *schema = postgres_literal(t->a, t->schema ? t->schema : "public");
        const char *at = strstr(t->kind->every, "%s");
        const char *head = arena_strndup(t->a, t->kind->every, (size_t)(at - t->kind->every));
        if (postgres_query(&t->db, &r, "SELECT 1 FROM pg_namespace WHERE nspname = %s", schema))
            return ERR_FAILED;
        if (!r.rows->len)
            return module_fail(t->m, "Schema \"%s\" does not exist.", t->schema);
        if (postgres_query(&t->db, &r, "%s%s%s", head, schema, at + 2) != 0)
            return ERR_FAILED;
        t->objs = value_list(t->a).u.list;
        for (size_t i = 0; i < r.rows->len; i++)
            list_add(t->objs, value_cstr(postgres_field(&r, i, 0)));
    }
    for (size_t i = 0; i < t->objs->len && is_routine(t); i++) {
        char *name = arena_strdup(t->a, t->objs->items[i].u.str.s);
        if (!strchr(name, '('))
            return module_fail(t->m, "Illegal function / procedure signature: \"%s\".", name);
        for (char *c = name; *c; c++)
            *c = *c == ':' ? ',' : *c;
        t->objs->items[i] = value_cstr(name);
    }
    return 0;
}

// Quotes the roles there are; whom stays NULL when there is none.
static int read_roles(struct privs_task *t)
{
    const char *given = module_str(t->m, "roles");
    struct list *roles = postgres_split(t->a, given, false);
    struct value found = value_list(t->a);
    struct pg_result r;
    t->public = strcasecmp(given, "PUBLIC") == 0;
    if (t->public) {
        t->whom = "PUBLIC";
        return 0;
    }
    if (postgres_query(&t->db, &r, "SELECT rolname FROM pg_roles WHERE rolname IN (%s)",
                       joined(t->a, roles, postgres_literal)) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < roles->len; i++) {
        const char *role = roles->items[i].u.str.s;
        bool there = false;
        for (size_t k = 0; k < r.rows->len; k++)
            there = there || strcmp(postgres_field(&r, k, 0), role) == 0;
        if (!there && module_bool(t->m, "fail_on_role"))
            return module_fail(t->m, "Role '%s' does not exist", role);
        if (there)
            list_add(found.u.list, roles->items[i]);
        else
            module_warn(t->m, "Role '%s' does not exist, %s", role,
                        roles->len == 1 ? "nothing to do" : "pass it");
    }
    if (found.u.list->len)
        t->whom = joined(t->a, found.u.list, postgres_identifier);
    return 0;
}

static int read_arguments(struct privs_task *t)
{
    struct module *m = t->m;
    const char *objs = module_str(m, "objs"), *targets = module_str(m, "target_roles");
    if (objs && !*objs)
        objs = NULL;
    if (read_schema(t) != 0 || check_objs(t, objs) != 0 || read_privs(t) != 0 ||
        postgres_open(&t->db, m, module_str(m, "database")) != 0)
        return ERR_FAILED;
    if (module_str(m, "password") && *module_str(m, "password"))
        dict_set(t->db.env, "PGPASSWORD", value_cstr(module_str(m, "password")));
    if (targets && !is_default(t))
        module_warn(m, "\"target_roles\" will be ignored Argument \"type: default_privs\" is "
                       "required for usage of \"target_roles\".");
    return read_objs(t, objs) != 0 || read_roles(t) != 0 ? ERR_FAILED : 0;
}

int mod_postgresql_privs(struct module *m)
{
    struct privs_task t = {.m = m,
                           .a = m->arena,
                           .kind = kind_of(module_str(m, "type")),
                           .queries = value_list(m->arena)};
    if (read_arguments(&t) != 0)
        return ERR_FAILED;
    module_changed(m, false);
    if (t.whom && t.objs->len && run(&t) != 0)
        return ERR_FAILED;
    module_set(m, "queries", t.queries);
    return 0;
}
