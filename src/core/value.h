// Values: what YAML, JSON and expressions produce. Small structs passed by value; strings, lists
// and dicts point into an arena. Lists and dicts have reference semantics (as in Python); copy with
// value_copy to own one.
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include "core/arena.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING, // UTF-8 by convention, any bytes in practice; NUL-terminated behind len
    VALUE_LIST,
    VALUE_DICT,
    VALUE_UNDEFINED, // result of looking up what does not exist; u.str says what
    VALUE_OBJECT,    // something with behaviour: macro, loop, hostvars, lookup function, lazy dict
};

enum value_flag {
    VALUE_UNSAFE = 1, // never to be templated (came from a host, a lookup or !unsafe)
    VALUE_TUPLE = 2,  // list that prints and compares as a Python tuple
    VALUE_VAULT = 4,  // string holding the text of an undecrypted !vault value
    VALUE_MARKUP = 8, // string already escaped (jinja2's Markup)
    VALUE_PLAIN = 16, // container known to hold no template anywhere (set by value_mark_plain)
    VALUE_BYTES = 32, // string that Python would see as bytes
    VALUE_NATIVE_TEXT =
        64, // string that stays text even where it looks like a list or dict (to_json, string)
    VALUE_PLAIN_STR = 128, // string with a position that Python would see as its own str
};

struct list;
struct dict;
struct value_object;
struct buf;

struct value {
    uint8_t type;  // enum value_type
    uint8_t flags; // enum value_flag
    uint16_t col;
    uint32_t file : 14, line : 18; // source position, 0 when unknown
    union {
        bool b;
        int64_t i;
        double f;
        struct {
            const char *s;
            size_t len;
        } str; // VALUE_STRING, and the hint of VALUE_UNDEFINED
        struct list *list;
        struct dict *dict;
        struct value_object *obj;
    } u;
};

struct list {
    struct arena *arena; // where items grow
    struct value *items;
    size_t len, cap;
    size_t nodes; // values in it and below, each counted as often as it is referred to (see
                  // value_nodes)
};

struct dict_entry {
    struct value key;
    struct value val;
    uint32_t hash;
    bool live; // false: deleted
};

// Insertion-ordered; keys compare as in Python (1 == 1.0 == True).
struct dict {
    struct arena *arena;
    struct dict_entry *entries;
    size_t used; // entries filled, live or not
    size_t len;  // live entries
    size_t cap;
    uint32_t *index; // open addressing over entries, NULL while small
    size_t index_size;
    size_t nodes; // as in a list
};

// Behaviour of a VALUE_OBJECT. Any function may be NULL when not supported. `e` may get an error;
// every result lives in `a`.
struct value_ops {
    const char *type_name; // as Python would print it
    bool constant;         // such objects are static data: copies share them
    // Attribute or item lookup: 1 found, 0 not there, <0 error.
    int (*get)(struct value_object *o, struct arena *a, const struct value *key, bool attr,
               struct value *ret, struct err *e);
    // Call with positional args and keyword args (kwargs may be NULL).
    int (*call)(struct value_object *o, struct arena *a, const struct list *args,
                const struct dict *kwargs, struct value *ret, struct err *e);
    // Turns the object into plain data (dict, list or string), for iteration, output and
    // comparison.
    int (*materialize)(struct value_object *o, struct arena *a, struct value *ret, struct err *e);
    // Python's repr(), which stands inside of lists and dicts, where it is not what it prints as.
    void (*repr)(const struct value_object *o, struct buf *b);
    // Attribute assignment (namespace objects).
    int (*set)(struct value_object *o, const struct value *key, const struct value *val,
               struct err *e);
};

struct value_object {
    const struct value_ops *ops;
    void *data;
};

// --- making values
// -------------------------------------------------------------------------------------------
static inline struct value value_null(void)
{
    return (struct value){.type = VALUE_NULL};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.type = VALUE_BOOL, .u.b = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.type = VALUE_INT, .u.i = i};
}
static inline struct value value_float(double f)
{
    return (struct value){.type = VALUE_FLOAT, .u.f = f};
}
// A string that refers to s (not copied; must be NUL-terminated at s[len] and outlive the value).
static inline struct value value_ref(const char *s, size_t len)
{
    return (struct value){.type = VALUE_STRING, .u.str = {s, len}};
}
// As value_ref, for a C string or literal.
struct value value_cstr(const char *s);
// A string copied into the arena.
struct value value_strn(struct arena *a, const char *s, size_t len);
struct value value_str(struct arena *a, const char *s);
struct value value_strf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Undefined, with a message such as "'foo' is undefined".
struct value value_undefined(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct value value_list(struct arena *a);
// An empty list with room for n items.
struct value value_list_of(struct arena *a, size_t n);
// v when it is a list, else a new list that holds v.
struct value value_as_list(struct arena *a, const struct value *v);
struct value value_dict(struct arena *a);
struct value value_object(struct arena *a, const struct value_ops *ops, void *data);

// --- positions
// -----------------------------------------------------------------------------------------------
struct pos value_pos(const struct value *v);
void value_set_pos(struct value *v, struct pos pos);

// --- lists
// ---------------------------------------------------------------------------------------------------
void list_add(struct list *l, struct value v);
void list_insert(struct list *l, size_t at, struct value v); // at <= len
void list_remove(struct list *l, size_t at);                 // at < len

// --- dicts
// ---------------------------------------------------------------------------------------------------
// The value behind a key, or NULL. The pointer is good until the dict changes.
struct value *dict_get(const struct dict *d, const char *key);
struct value *dict_getn(const struct dict *d, const char *key, size_t len);
// As dict_getn, with the hash of the string (value_hash) known.
struct value *dict_gethash(const struct dict *d, const char *key, size_t len, uint32_t hash);
struct value *dict_getv(const struct dict *d, const struct value *key);
// Sets key to v. Keys given as C strings are copied; struct value keys are not.
void dict_set(struct dict *d, const char *key, struct value v);
void dict_reserve(struct dict *d, size_t n); // room for n entries in all, exactly
void dict_setv(struct dict *d, struct value key, struct value v);
// Removes a key; false when it was not there.
bool dict_del(struct dict *d, const char *key);
bool dict_delv(struct dict *d, const struct value *key);
// Sets every key of src in d (shallow).
void dict_update(struct dict *d, const struct dict *src);
// Position of the first live entry at or behind i; == used at the end. Use DICT_EACH.
size_t dict_next(const struct dict *d, size_t i);
#define DICT_EACH(d, e)                                                                            \
    for (size_t e##_i = dict_next((d), 0);                                                         \
         e##_i < (d)->used && ((e) = &(d)->entries[e##_i], true);                                  \
         e##_i = dict_next((d), e##_i + 1))

// Shorthand reads with defaults: string ("" / NULL-able), int, bool (YAML/Ansible truth words for
// strings).
const char *dict_str(const struct dict *d, const char *key, const char *dflt);
int64_t dict_int(const struct dict *d, const char *key, int64_t dflt);
bool dict_bool(const struct dict *d, const char *key, bool dflt);

// --- all values
// ----------------------------------------------------------------------------------------------
static inline bool value_is(const struct value *v, enum value_type t)
{
    return v->type == t;
}
// True when v is the string s.
bool value_eqs(const struct value *v, const char *s);
// Python truth: false for null, false, 0, 0.0, "", empty containers, undefined.
bool value_truthy(const struct value *v);
// Python equality, deep (1 == 1.0 == True; objects by identity).
bool value_equal(const struct value *x, const struct value *y);
// Python ordering: sets *ret to <0, 0, >0; ERR_INVALID when the types cannot be ordered.
int value_compare(const struct value *x, const struct value *y, int *ret, struct err *e);
uint32_t value_hash(const struct value *v);
// Deep copy into a, strings included. Objects are materialized where they can be, else become null.
struct value value_copy(struct arena *a, const struct value *v);
// Copy of the container alone (its items are shared).
struct value value_shallow(struct arena *a, const struct value *v);
// Python's name of the type: "str", "int", "list", "AnsibleUndefined", ...
const char *value_type_name(const struct value *v);
// Reads a string as Ansible's bool filter does: 1 true, 0 false, -1 neither.
int value_parse_bool(const char *s, size_t len);
// Python's str(): what {{ v }} prints (dicts and lists as Python literals). Appends to b.
void value_print(struct buf *b, const struct value *v);
// Python's repr() (strings quoted).
void value_repr(struct buf *b, const struct value *v);
// str() as a string in the arena.
const char *value_to_cstr(struct arena *a, const struct value *v);
// Shortest decimal text that reads back as f, as Python prints it ("1.0", "1e+16", "inf").
void value_print_float(struct buf *b, double f);
// How many values a walk through v would meet: shared ones count every time. A container knows what
// it was given by list_add, list_insert and dict_setv; later changes below it do not count.
// Saturates.
#define VALUE_NODES_MAX ((size_t)1 << 40)
static inline size_t value_nodes(const struct value *v)
{
    return v->type == VALUE_LIST   ? v->u.list->nodes + 1
           : v->type == VALUE_DICT ? v->u.dict->nodes + 1
                                   : 1;
}
static inline void value_count(size_t *nodes, const struct value *v)
{
    *nodes += value_nodes(v);
    if (*nodes > VALUE_NODES_MAX)
        *nodes = VALUE_NODES_MAX;
}
// Sets VALUE_UNSAFE on all strings in v (in place).
void value_mark_unsafe(struct value *v);

#endif
