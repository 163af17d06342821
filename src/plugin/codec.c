// Values between andon and the Python process: JSON, with {"$andon": type, "v": ...} for what JSON
// does not have. The other side is encode() and decode() in andon-plugins.py.
#include "core/hash.h"
#include "core/json.h"
#include "plugin/internal.h"
#include "template/datetime.h"
#include "template/unicode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TAG "$andon"
#define MAX_DEPTH 200

static void write_value(struct buf *b, struct arena *a, const struct value *v, int depth);

static void open_tag(struct buf *b, const char *kind)
{
    buf_addf(b, "{\"" TAG "\":\"%s\",\"v\":", kind);
}

static void write_bytes(struct buf *b, const char *kind, const struct value *v)
{
    open_tag(b, kind);
    buf_addc(b, '"');
    base64_encode(b, v->u.str.s, v->u.str.len);
    buf_adds(b, "\"}");
}

static void write_text(struct buf *b, const struct value *v)
{
    const char *kind = v->flags & VALUE_MARKUP                                            ? "markup"
                       : v->flags & VALUE_UNSAFE && memchr(v->u.str.s, '{', v->u.str.len) ? "unsafe"
                                                                                          : NULL;
    if (v->flags & VALUE_BYTES || !utf8_valid(v->u.str.s, v->u.str.len)) {
        write_bytes(b, v->flags & VALUE_BYTES ? "bytes" : "raw", v);
        return;
    }
    if (kind)
        open_tag(b, kind);
    json_write_string(b, v->u.str.s, v->u.str.len, true);
    if (kind)
        buf_addc(b, '}');
}

static void write_items(struct buf *b, struct arena *a, const struct list *l, int depth)
{
    buf_addc(b, '[');
    for (size_t i = 0; i < l->len; i++) {
        if (i)
            buf_addc(b, ',');
        write_value(b, a, &l->items[i], depth);
    }
    buf_addc(b, ']');
}

static bool plain_keys(const struct dict *d)
{
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        if (it->key.type != VALUE_STRING || it->key.flags & VALUE_BYTES ||
            value_eqs(&it->key, TAG) || !utf8_valid(it->key.u.str.s, it->key.u.str.len))
            return false;
    }
    return true;
}

static void write_dict(struct buf *b, struct arena *a, const struct dict *d, int depth)
{
    struct dict_entry *it;
    bool plain = plain_keys(d), first = true;
    if (plain)
        buf_addc(b, '{');
    else {
        open_tag(b, "dict");
        buf_addc(b, '[');
    }
    DICT_EACH(d, it)
    {
        buf_adds(b, first ? "" : ",");
        buf_adds(b, plain ? "" : "[");
        if (plain)
            json_write_string(b, it->key.u.str.s, it->key.u.str.len, true);
        else
            write_value(b, a, &it->key, depth);
        buf_addc(b, plain ? ':' : ',');
        write_value(b, a, &it->val, depth);
        buf_adds(b, plain ? "" : "]");
        first = false;
    }
    buf_adds(b, plain ? "}" : "]}");
}

// All of t in microseconds, which 64 bits need not hold.
static void write_micros(struct buf *b, const struct timedelta *t)
{
    __extension__ __int128 all = ((__int128)t->days * 86400 + t->seconds) * 1000000 + t->micros;
    bool negative = all < 0;
    all = negative ? -all : all;
    int64_t seconds = (int64_t)(all / 1000000), micros = (int64_t)(all % 1000000);
    buf_adds(b, negative ? "-" : "");
    if (seconds)
        buf_addf(b, "%" PRId64 "%06" PRId64, seconds, micros);
    else
        buf_addi(b, micros);
}

static bool write_time(struct buf *b, const struct value *v)
{
    if (timedelta_is(v)) {
        const struct timedelta *t = v->u.obj->data;
        open_tag(b, "timedelta");
        write_micros(b, t);
        buf_addc(b, '}');
        return true;
    }
    if (!datetime_is(v))
        return false;
    const struct datetime *d = v->u.obj->data;
    open_tag(b, "datetime");
    buf_addf(b, "[%d,%d,%d,%d,%d,%d,%d,", d->year, d->month, d->day, d->hour, d->minute, d->second,
             d->micro);
    if (d->aware)
        buf_addi(b, d->offset);
    else
        buf_adds(b, "null");
    buf_adds(b, "]}");
    return true;
}

// hostvars goes by the names of its hosts; their variables are fetched when they are read.
static bool write_hostvars(struct buf *b, struct arena *a, const struct value *v)
{
    struct value all;
    if (strcmp(v->u.obj->ops->type_name, "ansible.vars.hostvars.HostVars") != 0 ||
        v->u.obj->ops->materialize(v->u.obj, a, &all, NULL) < 0 || all.type != VALUE_DICT)
        return false;
    struct dict_entry *it;
    bool first = true;
    open_tag(b, "hostvars");
    buf_addc(b, '[');
    DICT_EACH(all.u.dict, it)
    {
        buf_adds(b, first ? "" : ",");
        json_write_string(b, it->key.u.str.s, it->key.u.str.len, true);
        first = false;
    }
    buf_adds(b, "]}");
    return true;
}

static void write_object(struct buf *b, struct arena *a, const struct value *v, int depth)
{
    struct value plain;
    if (write_time(b, v) || write_hostvars(b, a, v))
        return;
    if (v->u.obj->ops->materialize && v->u.obj->ops->materialize(v->u.obj, a, &plain, NULL) >= 0 &&
        plain.type != VALUE_OBJECT)
        write_value(b, a, &plain, depth);
    else {
        const char *s = value_to_cstr(a, v);
        json_write_string(b, s, strlen(s), true);
    }
}

static void write_value(struct buf *b, struct arena *a, const struct value *v, int depth)
{
    if (depth > MAX_DEPTH) {
        buf_adds(b, "null");
        return;
    }
    switch ((enum value_type)v->type) {
    case VALUE_STRING:
        write_text(b, v);
        break;
    case VALUE_LIST:
        if (v->flags & VALUE_TUPLE)
            open_tag(b, "tuple");
        write_items(b, a, v->u.list, depth + 1);
        if (v->flags & VALUE_TUPLE)
            buf_addc(b, '}');
        break;
    case VALUE_DICT:
        write_dict(b, a, v->u.dict, depth + 1);
        break;
    case VALUE_UNDEFINED:
        open_tag(b, "undefined");
        json_write_string(b, v->u.str.s ? v->u.str.s : "", v->u.str.s ? v->u.str.len : 0, true);
        buf_addc(b, '}');
        break;
    case VALUE_OBJECT:
        write_object(b, a, v, depth + 1);
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        json_write(b, v, NULL);
        break;
    }
}

void codec_write(struct buf *b, struct arena *a, const struct value *v)
{
    write_value(b, a, v, 0);
}

// --- reading
// -------------------------------------------------------------------------------------------------

static int read_value(struct arena *a, const struct value *in, struct value *ret, struct err *e);

static int read_list(struct arena *a, const struct list *in, uint8_t flags, struct value *ret,
                     struct err *e)
{
    *ret = value_list(a);
    ret->flags |= flags;
    for (size_t i = 0; i < in->len; i++) {
        struct value v;
        int rc = read_value(a, &in->items[i], &v, e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, v);
    }
    return 0;
}

static int read_pairs(struct arena *a, const struct list *in, struct value *ret, struct err *e)
{
    *ret = value_dict(a);
    for (size_t i = 0; i < in->len; i++) {
        struct value pair;
        int rc = read_value(a, &in->items[i], &pair, e);
        if (rc < 0)
            return rc;
        if (pair.type != VALUE_LIST || pair.u.list->len != 2)
            return err_set(e, ERR_PARSE, POS_NONE, "a key without a value");
        dict_setv(ret->u.dict, pair.u.list->items[0], pair.u.list->items[1]);
    }
    return 0;
}

static int read_bytes(struct arena *a, const struct value *in, uint8_t flags, struct value *ret)
{
    struct buf b = BUF_INIT;
    int rc = base64_decode(&b, in->u.str.s, in->u.str.len);
    *ret = value_strn(a, buf_str(&b), b.len);
    ret->flags |= flags;
    buf_release(&b);
    return rc;
}

static bool read_datetime(struct arena *a, const struct list *l, struct value *ret)
{
    int64_t n[8] = {0};
    if (l->len != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        n[i] = l->items[i].type == VALUE_INT ? l->items[i].u.i : 0;
    struct datetime d = {.year = (int)n[0],
                         .month = (int)n[1],
                         .day = (int)n[2],
                         .hour = (int)n[3],
                         .minute = (int)n[4],
                         .second = (int)n[5],
                         .micro = (int)n[6],
                         .aware = l->items[7].type == VALUE_INT,
                         .offset = (int)n[7]};
    *ret = datetime_value(a, &d);
    return true;
}

static int read_text_kind(struct arena *a, const char *kind, const struct value *v,
                          struct value *ret)
{
    *ret = *v;
    if (!strcmp(kind, "bytes"))
        return read_bytes(a, v, VALUE_BYTES, ret);
    if (!strcmp(kind, "raw"))
        return read_bytes(a, v, 0, ret);
    if (!strcmp(kind, "unsafe"))
        ret->flags |= VALUE_UNSAFE;
    else if (!strcmp(kind, "markup"))
        ret->flags |= VALUE_MARKUP;
    else if (!strcmp(kind, "native"))
        ret->flags |= VALUE_NATIVE_TEXT;
    else if (!strcmp(kind, "undefined"))
        ret->type = VALUE_UNDEFINED;
    else if (!strcmp(kind, "float"))
        *ret = value_float(strtod(v->u.str.s, NULL));
    return 0;
}

static int read_tagged(struct arena *a, const char *kind, const struct value *v, struct value *ret,
                       struct err *e)
{
    int rc = -1;
    if (v->type == VALUE_STRING)
        rc = read_text_kind(a, kind, v, ret);
    else if (v->type == VALUE_INT && !strcmp(kind, "timedelta"))
        *ret = timedelta_value(a, v->u.i), rc = 0;
    else if (v->type != VALUE_LIST)
        rc = -1;
    else if (!strcmp(kind, "datetime"))
        rc = read_datetime(a, v->u.list, ret) ? 0 : -1;
    else if (!strcmp(kind, "dict"))
        return read_pairs(a, v->u.list, ret, e);
    else // a set is a list here: there is no other value that could hold it
        return read_list(a, v->u.list, strcmp(kind, "tuple") ? 0 : VALUE_TUPLE, ret, e);
    return rc < 0 ? err_set(e, ERR_PARSE, POS_NONE, "a '%s' that is none", kind) : 0;
}

static int read_value(struct arena *a, const struct value *in, struct value *ret, struct err *e)
{
    if (in->type == VALUE_LIST)
        return read_list(a, in->u.list, 0, ret, e);
    *ret = *in;
    if (in->type != VALUE_DICT)
        return 0;
    const struct value *kind = dict_get(in->u.dict, TAG), *v = dict_get(in->u.dict, "v");
    if (kind && v && kind->type == VALUE_STRING)
        return read_tagged(a, kind->u.str.s, v, ret, e);
    struct dict_entry *it;
    *ret = value_dict(a);
    DICT_EACH(in->u.dict, it)
    {
        struct value one;
        int rc = read_value(a, &it->val, &one, e);
        if (rc < 0)
            return rc;
        dict_setv(ret->u.dict, it->key, one);
    }
    return 0;
}

int codec_read(struct arena *a, const struct value *in, struct value *ret, struct err *e)
{
    return read_value(a, in, ret, e); // json_parse has limited the depth
}
