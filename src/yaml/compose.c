// Composes values from libyaml's events: containers, anchors and aliases, merge keys, tags.
#include "yaml/compose.h"

#include "yaml/scalar.h"

#include <stdlib.h>
#include <string.h>

struct anchor {
    struct value val;
    size_t weight; // nodes it stands for, itself included
    bool open;     // still being read
    struct pos pos;
};

// What a node turned out to be, beyond its value: matters for keys.
enum node_role { NODE_PLAIN, NODE_MERGE, NODE_VALUE };

enum node_tag {
    TAG_NONE,
    TAG_STR,
    TAG_INT,
    TAG_FLOAT,
    TAG_BOOL,
    TAG_NULL,
    TAG_TIMESTAMP,
    TAG_BINARY,
    TAG_SEQ,
    TAG_MAP,
    TAG_OMAP,
    TAG_PAIRS,
    TAG_SET,
    TAG_UNSAFE,
    TAG_VAULT,
    TAG_UNKNOWN,
};

#define FOR_SCALAR 1
#define FOR_SEQ 2
#define FOR_MAP 4
#define YAML_ORG "tag:yaml.org,2002:"

static const struct tag_row {
    const char *name;
    enum node_tag tag;
    int shapes; // FOR_* it may stand on
    enum scalar_kind kind;
} tag_rows[] = {
    {YAML_ORG "str", TAG_STR, FOR_SCALAR, SCALAR_STR},
    {YAML_ORG "int", TAG_INT, FOR_SCALAR, SCALAR_INT},
    {YAML_ORG "float", TAG_FLOAT, FOR_SCALAR, SCALAR_FLOAT},
    {YAML_ORG "bool", TAG_BOOL, FOR_SCALAR, SCALAR_BOOL},
    {YAML_ORG "null", TAG_NULL, FOR_SCALAR, SCALAR_NULL},
    {YAML_ORG "timestamp", TAG_TIMESTAMP, FOR_SCALAR, SCALAR_TIMESTAMP},
    {YAML_ORG "binary", TAG_BINARY, FOR_SCALAR, SCALAR_BINARY},
    {YAML_ORG "merge", TAG_STR, FOR_SCALAR, SCALAR_MERGE},
    {YAML_ORG "value", TAG_STR, FOR_SCALAR, SCALAR_VALUE},
    {YAML_ORG "seq", TAG_SEQ, FOR_SEQ, SCALAR_STR},
    {YAML_ORG "map", TAG_MAP, FOR_MAP, SCALAR_STR},
    {YAML_ORG "omap", TAG_OMAP, FOR_SEQ, SCALAR_STR},
    {YAML_ORG "pairs", TAG_PAIRS, FOR_SEQ, SCALAR_STR},
    {YAML_ORG "set", TAG_SET, FOR_MAP, SCALAR_STR},
    {YAML_ORG "python/dict", TAG_MAP, FOR_MAP, SCALAR_STR},
    {YAML_ORG "python/unicode", TAG_STR, FOR_SCALAR, SCALAR_STR},
    {"!unsafe", TAG_UNSAFE, FOR_SCALAR | FOR_SEQ | FOR_MAP, SCALAR_STR},
    {"!vault", TAG_VAULT, FOR_SCALAR, SCALAR_STR},
    {"!vault-encrypted", TAG_VAULT, FOR_SCALAR, SCALAR_STR},
};

static int compose_node(struct compose *c, bool as_key, struct value *ret, enum node_role *role);

struct pos compose_pos(const struct compose *c, const yaml_mark_t *mark)
{
    size_t col = mark->column + 1;
    return (struct pos){.file = c->file,
                        .col = (uint16_t)(col > UINT16_MAX ? UINT16_MAX : col),
                        .line = (uint32_t)(mark->line + 1)};
}

#define fail(c, mark, ...) err_set((c)->e, ERR_PARSE, compose_pos(c, mark), __VA_ARGS__)

static int next_event(struct compose *c)
{
    yaml_event_delete(&c->event);
    if (!yaml_parser_parse(&c->parser, &c->event))
        return hint_syntax(c);
    return 0;
}

// The row of a node's tag; *ret is NULL for a node without one. "!" means none.
static int find_tag(struct compose *c, const yaml_char_t *tag, int shape,
                    const struct tag_row **ret)
{
    *ret = NULL;
    const char *name = (const char *)tag;
    if (!name || !strcmp(name, "!"))
        return 0;
    for (size_t i = 0; i < sizeof(tag_rows) / sizeof(tag_rows[0]); i++) {
        if (strcmp(tag_rows[i].name, name) != 0)
            continue;
        if (!(tag_rows[i].shapes & shape))
            return fail(c, &c->event.start_mark, "the tag %s cannot stand on a %s", name,
                        shape == FOR_SCALAR ? "scalar"
                        : shape == FOR_SEQ  ? "list"
                                            : "mapping");
        *ret = &tag_rows[i];
        return 0;
    }
    if (c->opts->hide_text) // a secret may begin with !
        return fail(c, &c->event.start_mark,
                    "unknown tag; a value that begins with ! must be quoted");
    bool std = !strncmp(name, YAML_ORG, strlen(YAML_ORG));
    return fail(c, &c->event.start_mark, "unknown tag %s%s%s", std ? "!!" : "",
                std ? name + strlen(YAML_ORG) : name,
                std && strstr(name, "python/") ? ": Python objects are not allowed in YAML files"
                                               : "; a value that begins with ! must be quoted");
}

static struct anchor *anchor_add(struct compose *c, const yaml_char_t *name,
                                 const yaml_mark_t *mark, int *rc)
{
    *rc = 0;
    if (!name)
        return NULL;
    if (!c->anchors)
        c->anchors = value_dict(c->a).u.dict;
    struct value *old = dict_get(c->anchors, (const char *)name);
    if (old) {
        const struct anchor *first = (const struct anchor *)(uintptr_t)old->u.i;
        *rc = fail(c, mark, "the anchor &%s is already defined at line %u", (const char *)name,
                   first->pos.line);
        return NULL;
    }
    struct anchor *n = arena_new_of(c->a, struct anchor);
    n->open = true;
    n->pos = compose_pos(c, mark);
    n->weight = c->nodes;
    dict_set(c->anchors, (const char *)name, value_int((int64_t)(uintptr_t)n));
    return n;
}

static void anchor_close(struct compose *c, struct anchor *n, const struct value *v)
{
    if (!n)
        return;
    n->val = *v;
    n->open = false;
    n->weight = c->nodes - n->weight + 1;
}

static int compose_alias(struct compose *c, struct value *ret)
{
    const char *name = (const char *)c->event.data.alias.anchor;
    const yaml_mark_t *mark = &c->event.start_mark;
    const struct value *found = c->anchors ? dict_get(c->anchors, name) : NULL;
    if (!found)
        return hint_undefined_alias(c, mark, name);
    const struct anchor *n = (const struct anchor *)(uintptr_t)found->u.i;
    if (n->open)
        return fail(c, mark, "the alias *%s is inside what it stands for", name);
    c->nodes += n->weight;
    c->aliased += n->weight;
    if (c->aliased > YAML_MAX_ALIASED)
        return err_set(c->e, ERR_LIMIT, compose_pos(c, mark),
                       "aliases stand for more than %d values in this file", YAML_MAX_ALIASED);
    *ret = n->val;
    return 0;
}

static int compose_scalar(struct compose *c, bool as_key, struct value *ret, enum node_role *role)
{
    const yaml_event_t *ev = &c->event;
    const struct tag_row *tag;
    int rc = find_tag(c, ev->data.scalar.tag, FOR_SCALAR, &tag);
    if (rc < 0)
        return rc;
    size_t len = ev->data.scalar.length;
    const char *s = arena_strndup(c->a, (const char *)ev->data.scalar.value, len);
    struct anchor *anchor = anchor_add(c, ev->data.scalar.anchor, &ev->start_mark, &rc);
    if (rc < 0)
        return rc;
    enum scalar_kind kind = SCALAR_STR;
    if (tag)
        kind = tag->kind;
    else if (ev->data.scalar.plain_implicit)
        kind = scalar_resolve(s, len);
    if (as_key && (kind == SCALAR_MERGE || kind == SCALAR_VALUE)) {
        *role = kind == SCALAR_MERGE ? NODE_MERGE : NODE_VALUE;
        kind = SCALAR_STR;
    }
    struct value v;
    const char *why = scalar_construct(c->a, kind, s, len, &v);
    if (why)
        return c->opts->hide_text
                   ? fail(c, &ev->start_mark, "%s", why)
                   : fail(c, &ev->start_mark, "\"%.60s\": %s; quote it if it is text", s, why);
    if (tag && tag->tag == TAG_UNSAFE)
        v.flags |= VALUE_UNSAFE;
    if (tag && tag->tag == TAG_VAULT)
        v.flags |= VALUE_VAULT;
    value_set_pos(&v, compose_pos(c, &ev->start_mark));
    anchor_close(c, anchor, &v);
    *ret = v;
    return 0;
}

// !!omap and !!pairs: a list of one-key mappings becomes a list of (key, value) tuples.
static int to_pairs(struct compose *c, const yaml_mark_t *mark, struct value *v)
{
    for (size_t i = 0; i < v->u.list->len; i++) {
        struct value *item = &v->u.list->items[i];
        if (!value_is(item, VALUE_DICT) || item->u.dict->len != 1)
            return fail(c, mark, "!!omap and !!pairs need a list of mappings with one key each");
        const struct dict_entry *e = &item->u.dict->entries[dict_next(item->u.dict, 0)];
        struct value pair = value_list(c->a);
        pair.flags |= VALUE_TUPLE;
        list_add(pair.u.list, e->key);
        list_add(pair.u.list, e->val);
        value_set_pos(&pair, value_pos(item));
        *item = pair;
    }
    return 0;
}

// Marks a container !unsafe: a copy, because aliases may share what is in it. before is the count
// of nodes when it began; the copy counts against the same limit as aliases.
static int make_unsafe(struct compose *c, const yaml_mark_t *mark, size_t before, struct value *v)
{
    c->aliased += c->nodes - before;
    if (c->aliased > YAML_MAX_ALIASED)
        return err_set(c->e, ERR_LIMIT, compose_pos(c, mark),
                       "!unsafe stands on more than %d values", YAML_MAX_ALIASED);
    *v = value_copy(c->a, v);
    value_mark_unsafe(v);
    return 0;
}

static int compose_list(struct compose *c, struct value *ret)
{
    const yaml_mark_t mark = c->event.start_mark;
    const size_t before = c->nodes;
    const struct tag_row *tag;
    int rc = find_tag(c, c->event.data.sequence_start.tag, FOR_SEQ, &tag);
    if (rc < 0)
        return rc;
    struct anchor *anchor = anchor_add(c, c->event.data.sequence_start.anchor, &mark, &rc);
    if (rc < 0)
        return rc;
    struct value v = value_list(c->a);
    value_set_pos(&v, compose_pos(c, &mark));
    while ((rc = next_event(c)) == 0 && c->event.type != YAML_SEQUENCE_END_EVENT) {
        struct value item;
        rc = compose_node(c, false, &item, NULL);
        if (rc < 0)
            return rc;
        list_add(v.u.list, item);
    }
    if (rc == 0 && tag && (tag->tag == TAG_OMAP || tag->tag == TAG_PAIRS))
        rc = to_pairs(c, &mark, &v);
    if (rc < 0)
        return rc;
    if (tag && tag->tag == TAG_UNSAFE)
        rc = make_unsafe(c, &mark, before, &v);
    if (rc < 0)
        return rc;
    anchor_close(c, anchor, &v);
    *ret = v;
    return 0;
}

// Sets key in d, telling of a key that is there already.
static int set_key(struct compose *c, struct dict *d, struct value key, struct value val)
{
    const struct value *old = dict_getv(d, &key);
    if (old && c->opts->duplicates != YAML_DUP_IGNORE &&
        (c->opts->warn || c->opts->duplicates == YAML_DUP_ERROR)) {
        struct pos pos = value_pos(&key);
        const char *name = value_to_cstr(c->a, &key);
        if (c->opts->duplicates == YAML_DUP_ERROR)
            return err_set(c->e, ERR_PARSE, pos, "the key \"%.80s\" is already in this mapping",
                           name);
        c->opts->warn(
            c->opts->warn_data, pos,
            arena_printf(c->a, "the key \"%.80s\" is already in this mapping; the last one counts",
                         name));
    }
    dict_setv(d, key, val);
    return 0;
}

static int merge_bad(struct compose *c, const yaml_mark_t *mark)
{
    return fail(c, mark, "<< merges a mapping or a list of mappings, not anything else");
}

// Collects in d what the value of a << key brings; of several mappings the first one wins.
static int merge_value(struct compose *c, const yaml_mark_t *mark, const struct value *v,
                       struct dict *d)
{
    if (value_is(v, VALUE_DICT)) {
        struct dict_entry *e;
        DICT_EACH(v->u.dict, e)
        {
            int rc = set_key(c, d, e->key, e->val);
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    if (!value_is(v, VALUE_LIST))
        return merge_bad(c, mark);
    for (size_t i = v->u.list->len; i-- > 0;) {
        const struct value *item = &v->u.list->items[i];
        int rc = value_is(item, VALUE_DICT) ? merge_value(c, mark, item, d) : merge_bad(c, mark);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// Reads one key and its value; what << brings goes to *merged.
static int compose_pair(struct compose *c, struct dict *own, struct dict **merged)
{
    const yaml_mark_t mark = c->event.start_mark;
    enum node_role role = NODE_PLAIN;
    struct value key, val;
    int rc = compose_node(c, true, &key, &role);
    if (rc == 0 &&
        (value_is(&key, VALUE_DICT) || (value_is(&key, VALUE_LIST) && !(key.flags & VALUE_TUPLE))))
        return hint_unhashable(c, &mark, value_is(&key, VALUE_DICT) ? "mapping" : "list");
    if (rc == 0)
        rc = next_event(c);
    const yaml_mark_t val_mark = c->event.start_mark;
    if (rc == 0)
        rc = compose_node(c, false, &val, NULL);
    if (rc < 0)
        return rc;
    if (role != NODE_MERGE)
        return set_key(c, own, key, val);
    if (!*merged)
        *merged = value_dict(c->a).u.dict;
    return merge_value(c, &val_mark, &val, *merged);
}

static struct value keys_as_list(struct compose *c, const struct dict *d)
{
    struct value v = value_list(c->a);
    struct dict_entry *e;
    DICT_EACH(d, e) list_add(v.u.list, e->key);
    return v;
}

static int compose_dict(struct compose *c, struct value *ret)
{
    const yaml_mark_t mark = c->event.start_mark;
    const size_t before = c->nodes;
    const struct tag_row *tag;
    int rc = find_tag(c, c->event.data.mapping_start.tag, FOR_MAP, &tag);
    if (rc < 0)
        return rc;
    struct anchor *anchor = anchor_add(c, c->event.data.mapping_start.anchor, &mark, &rc);
    if (rc < 0)
        return rc;
    struct value v = value_dict(c->a);
    struct dict *merged = NULL;
    while ((rc = next_event(c)) == 0 && c->event.type != YAML_MAPPING_END_EVENT) {
        rc = compose_pair(c, v.u.dict, &merged);
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return rc;
    if (merged) { // merged keys come first, own keys overrule them
        struct value own = v;
        struct dict_entry *e;
        v.u.dict = merged;
        DICT_EACH(own.u.dict, e)
        {
            rc = set_key(c, merged, e->key, e->val);
            if (rc < 0)
                return rc;
        }
    }
    if (tag && tag->tag == TAG_SET)
        v = keys_as_list(c, v.u.dict);
    if (tag && tag->tag == TAG_UNSAFE)
        rc = make_unsafe(c, &mark, before, &v);
    if (rc < 0)
        return rc;
    value_set_pos(&v, compose_pos(c, &mark));
    anchor_close(c, anchor, &v);
    *ret = v;
    return 0;
}

// The node that begins with the current event; the current event is then its last. role may be
// NULL.
static int compose_node(struct compose *c, bool as_key, struct value *ret, enum node_role *role)
{
    enum node_role ignored;
    int rc;
    c->nodes++;
    if (c->depth >= YAML_MAX_DEPTH)
        return err_set(c->e, ERR_LIMIT, compose_pos(c, &c->event.start_mark),
                       "lists and mappings are nested more than %d deep", YAML_MAX_DEPTH);
    switch ((int)c->event.type) {
    case YAML_ALIAS_EVENT:
        return compose_alias(c, ret);
    case YAML_SCALAR_EVENT:
        return compose_scalar(c, as_key, ret, role ? role : &ignored);
    case YAML_SEQUENCE_START_EVENT:
        c->depth++;
        rc = compose_list(c, ret);
        c->depth--;
        return rc;
    case YAML_MAPPING_START_EVENT:
        c->depth++;
        rc = compose_dict(c, ret);
        c->depth--;
        return rc;
    default:
        return fail(c, &c->event.start_mark, "a value is missing here");
    }
}

void compose_begin(struct compose *c)
{
    memset(&c->event, 0, sizeof(c->event));
    if (!yaml_parser_initialize(&c->parser))
        abort();
    yaml_parser_set_encoding(&c->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c->parser, (const unsigned char *)c->text, c->len);
}

int compose_at_document(struct compose *c)
{
    int rc = next_event(c);
    if (rc == 0 && c->event.type == YAML_STREAM_START_EVENT)
        rc = next_event(c);
    if (rc < 0)
        return rc;
    return c->event.type == YAML_DOCUMENT_START_EVENT;
}

int compose_document(struct compose *c, struct value *ret)
{
    int rc = compose_at_document(c);
    if (rc <= 0)
        return rc;
    c->anchors = NULL;
    c->nodes = c->aliased = 0;
    struct value v;
    rc = next_event(c);
    if (rc == 0)
        rc = compose_node(c, false, &v, NULL);
    if (rc == 0)
        rc = next_event(c); // the document's end
    if (rc < 0)
        return rc;
    *ret = v;
    return 1;
}

void compose_end(struct compose *c)
{
    yaml_event_delete(&c->event);
    yaml_parser_delete(&c->parser);
}
