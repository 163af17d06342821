// The JSON Schema (draft 7, which editors know) of service files, from the tables of their keys.
#include "core/buf.h"
#include "core/json.h"
#include "rollout/service_keys.h"

#include <stdlib.h>
#include <string.h>

#define DURATION "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$|^[0-9]+(\\.[0-9]+)?$"
#define AMOUNT "^[0-9]+$|^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$"
#define PLAIN "^[A-Za-z0-9][A-Za-z0-9._-]*$"

static struct value object(struct arena *a, const char *key, struct value v)
{
    struct value o = value_dict(a);
    dict_set(o.u.dict, key, v);
    return o;
}

static struct value of_type(struct arena *a, const char *type)
{
    return object(a, "type", value_cstr(type));
}

static struct value pattern(struct arena *a, const char *regex)
{
    struct value o = of_type(a, "string");
    dict_set(o.u.dict, "pattern", value_cstr(regex));
    return o;
}

static struct value at_least_0(struct arena *a, const char *type)
{
    struct value o = of_type(a, type);
    dict_set(o.u.dict, "minimum", value_int(0));
    return o;
}

static struct value any_of(struct arena *a, struct value x, struct value y)
{
    struct value l = value_list(a);
    list_add(l.u.list, x);
    list_add(l.u.list, y);
    return object(a, "anyOf", l);
}

static struct value one_or_more(struct arena *a, struct value item)
{
    struct value l = of_type(a, "array");
    dict_set(l.u.dict, "items", item);
    dict_set(l.u.dict, "minItems", value_int(1));
    return any_of(a, item, l);
}

static struct value defined(struct arena *a, const char *name)
{
    return object(a, "$ref", value_strf(a, "#/definitions/%s", name));
}

static struct value text(struct arena *a)
{
    struct value types = value_list(a);
    list_add(types.u.list, value_cstr("string"));
    list_add(types.u.list, value_cstr("number"));
    return object(a, "type", types);
}

static struct value choices(struct arena *a, const char *s)
{
    struct value l = value_list(a);
    while (*s) {
        size_t n = strcspn(s, "|");
        list_add(l.u.list, value_strn(a, s, n));
        s += n + (s[n] == '|');
    }
    return object(a, "enum", l);
}

static struct value status(struct arena *a)
{
    struct value n = of_type(a, "integer");
    dict_set(n.u.dict, "minimum", value_int(100));
    dict_set(n.u.dict, "maximum", value_int(599));
    return any_of(a, n, pattern(a, "^[1-5][0-9][0-9]-[1-5][0-9][0-9]$"));
}

// What the owner of a table reads himself.
static struct value other(struct arena *a, const char *name)
{
    if (strcmp(name, "rings") == 0) {
        struct value l = of_type(a, "array");
        dict_set(l.u.dict, "items", defined(a, "ring"));
        dict_set(l.u.dict, "minItems", value_int(1));
        return l;
    }
    if (strcmp(name, "every_ring") == 0)
        return defined(a, "ring_keys");
    if (strcmp(name, "gates") == 0)
        return defined(a, "gate_list");
    return defined(a, "gates"); // before, after
}

static struct value of_key_type(struct arena *a, const struct key *k)
{
    switch (k->type) {
    case KEY_TEXT:
        return text(a);
    case KEY_NAME:
        return any_of(a, pattern(a, PLAIN), of_type(a, "number"));
    case KEY_FILE:
    case KEY_FOLDER:
    case KEY_REGEX:
    case KEY_ZONE:
        return of_type(a, "string");
    case KEY_SOURCES:
    case KEY_TEXTS:
    case KEY_WINDOWS:
        return one_or_more(a, of_type(a, "string"));
    case KEY_BOOL:
        return of_type(a, "boolean");
    case KEY_COUNT:
        return at_least_0(a, "integer");
    case KEY_NUMBER:
        return of_type(a, "number");
    case KEY_SECONDS:
        return any_of(a, at_least_0(a, "number"), pattern(a, DURATION));
    case KEY_AMOUNT:
        return any_of(a, at_least_0(a, "integer"), pattern(a, AMOUNT));
    case KEY_CHOICE:
        return choices(a, k->choices);
    case KEY_DICT:
        return of_type(a, "object");
    case KEY_STATUS:
        return status(a);
    case KEY_FREEZES:
        return one_or_more(a, defined(a, "freeze"));
    case KEY_OTHER:
        break;
    }
    return other(a, k->name);
}

static void add_property(struct arena *a, struct dict *properties, const struct key *k)
{
    struct value v = of_key_type(a, k), described = value_dict(a);
    dict_set(described.u.dict, "description", value_cstr(k->help));
    if (k->dflt) {
        char *end;
        double n = strtod(k->dflt, &end);
        dict_set(described.u.dict, "default",
                 strcmp(k->dflt, "true") == 0    ? value_bool(true)
                 : strcmp(k->dflt, "false") == 0 ? value_bool(false)
                 : *end                          ? value_cstr(k->dflt)
                                                 : value_int((int64_t)n));
    }
    // draft 7 ignores what stands beside a $ref
    if (dict_get(v.u.dict, "$ref")) {
        struct value l = value_list(a);
        list_add(l.u.list, v);
        v = object(a, "allOf", l);
    }
    dict_update(v.u.dict, described.u.dict);
    dict_set(properties, k->name, v);
}

// An object with the keys of a table but those named in `without`, and nothing else.
static struct value mapping(struct arena *a, const struct key *keys, const char *without)
{
    struct value o = of_type(a, "object"), properties = value_dict(a), required = value_list(a);
    for (const struct key *k = keys; k->name; k++) {
        if (without && strstr(without, k->name))
            continue;
        add_property(a, properties.u.dict, k);
        if (k->flags & KEY_REQUIRED)
            list_add(required.u.list, value_cstr(k->name));
    }
    dict_set(o.u.dict, "properties", properties);
    if (required.u.list->len)
        dict_set(o.u.dict, "required", required);
    dict_set(o.u.dict, "additionalProperties", value_bool(false));
    return o;
}

static struct value ring(struct arena *a)
{
    struct value full = mapping(a, ring_keys, NULL), brief = of_type(a, "object"),
                 required = value_list(a), body = mapping(a, ring_keys, "name"),
                 body_required = value_list(a);
    list_add(required.u.list, value_cstr("name"));
    list_add(required.u.list, value_cstr("hosts"));
    dict_set(full.u.dict, "required", required);
    list_add(body_required.u.list, value_cstr("hosts"));
    dict_set(body.u.dict, "required", body_required);
    struct value names = value_list(a);
    for (const struct key *k = ring_keys; k->name; k++)
        list_add(names.u.list, value_cstr(k->name));
    struct value name = pattern(a, PLAIN);
    dict_set(name.u.dict, "not", object(a, "enum", names));
    dict_set(brief.u.dict, "minProperties", value_int(1));
    dict_set(brief.u.dict, "maxProperties", value_int(1));
    dict_set(brief.u.dict, "propertyNames", name);
    dict_set(brief.u.dict, "additionalProperties", any_of(a, text(a), body));
    return any_of(a, full, brief);
}

static struct value gate_of(struct arena *a, const struct gate_row *row)
{
    struct key main = {.name = row->name, .type = row->type, .help = row->help};
    struct value o = of_type(a, "object"), properties = value_dict(a), required = value_list(a);
    add_property(a, properties.u.dict, &main);
    for (const struct key *k = gate_keys; k->name; k++)
        if (!k->kinds || k->kinds & GATE_BIT(row->kind))
            add_property(a, properties.u.dict, k);
    list_add(required.u.list, value_cstr(row->name));
    if (row->kind == GATE_PROMETHEUS)
        list_add(required.u.list, value_cstr("url"));
    dict_set(o.u.dict, "properties", properties);
    dict_set(o.u.dict, "required", required);
    dict_set(o.u.dict, "additionalProperties", value_bool(false));
    return o;
}

static struct value gate(struct arena *a)
{
    struct value l = value_list(a);
    list_add(l.u.list, object(a, "const", value_cstr("health")));
    for (size_t i = 0; i < n_gate_rows; i++)
        list_add(l.u.list, gate_of(a, &gate_rows[i]));
    return object(a, "anyOf", l);
}

void service_schema(struct buf *b)
{
    struct arena *a = arena_new();
    struct value root = value_dict(a), definitions = value_dict(a), list = of_type(a, "array");
    dict_set(root.u.dict, "$schema", value_cstr("http://json-schema.org/draft-07/schema#"));
    dict_set(root.u.dict, "title", value_cstr("andon service file (andon.yml)"));
    dict_update(root.u.dict, mapping(a, service_keys, NULL).u.dict);
    dict_set(list.u.dict, "items", defined(a, "gate"));
    dict_set(definitions.u.dict, "ring", ring(a));
    dict_set(definitions.u.dict, "ring_keys", mapping(a, ring_keys, "name hosts"));
    dict_set(definitions.u.dict, "gate", gate(a));
    dict_set(definitions.u.dict, "gate_list", list);
    dict_set(definitions.u.dict, "gates",
             any_of(a, defined(a, "gate_list"), mapping(a, gates_keys, NULL)));
    dict_set(definitions.u.dict, "freeze",
             any_of(a, of_type(a, "string"), mapping(a, freeze_keys, NULL)));
    dict_set(root.u.dict, "definitions", definitions);
    json_write(b, &root, &(struct json_opts){.indent = 2});
    buf_addc(b, '\n');
    arena_free(a);
}
