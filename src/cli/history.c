// The record of a playbook's last run.
#include "cli/history.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RECORD ((size_t)64 << 20)

static const char *full_path(struct session *s, const char *playbook)
{
    char *real = realpath(playbook, NULL);
    const char *path = real ? arena_strdup(s->arena, real) : session_path(s, playbook);
    free(real);
    return path;
}

static const char *record_path(struct session *s, const char *playbook)
{
    char hex[HASH_HEX_MAX];
    const char *path = full_path(s, playbook);
    hash_hex(HASH_SHA256, path, strlen(path), hex);
    return arena_printf(s->arena, "%s/runs/%.32s.json", session_state_dir(s), hex);
}

struct dict *history_load(struct session *s, const char *playbook)
{
    char *text;
    size_t len;
    struct value v;
    if (file_read(s->arena, record_path(s, playbook), MAX_RECORD, &text, &len, NULL) < 0 ||
        json_parse(s->arena, text, len, &v, NULL) < 0 || v.type != VALUE_DICT)
        return value_dict(s->arena).u.dict;
    const struct value *hosts = dict_get(v.u.dict, "hosts");
    return hosts && hosts->type == VALUE_DICT ? hosts->u.dict : value_dict(s->arena).u.dict;
}

static int write_record(struct session *s, const char *playbook, struct dict *hosts, struct err *e)
{
    const char *path = record_path(s, playbook);
    struct value v = value_dict(s->arena);
    struct buf b = BUF_INIT;
    if (!hosts->len && access(path, F_OK) < 0)
        return 0;
    dict_set(v.u.dict, "playbook", value_cstr(full_path(s, playbook)));
    dict_set(v.u.dict, "hosts", (struct value){.type = VALUE_DICT, .u.dict = hosts});
    json_write(&b, &v, &(struct json_opts){.indent = 1});
    buf_addc(&b, '\n');
    int rc = file_mkdirs(path_dir(s->arena, path), 0700, e);
    if (rc == 0)
        rc = file_write_atomic(path, buf_str(&b), b.len, 0600, e);
    buf_release(&b);
    return rc;
}

void history_save(struct session *s, const char *playbook, struct run *r)
{
    struct dict *hosts = history_load(s, playbook), *now = value_dict(s->arena).u.dict;
    struct dict_entry *it;
    struct err e = ERR_INIT;
    run_outcome(r, s->arena, now);
    DICT_EACH(now, it)
    {
        if (it->val.u.dict->len)
            dict_setv(hosts, it->key, it->val);
        else
            dict_delv(hosts, &it->key);
    }
    if (write_record(s, playbook, hosts, &e) < 0)
        print_warning(&s->out, "the outcome of this run cannot be recorded: %s", err_msg(&e));
    err_release(&e);
}

const char *history_failed(struct session *s, const struct list *playbooks)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    for (size_t i = 0; i < playbooks->len; i++)
        DICT_EACH(history_load(s, playbooks->items[i].u.str.s), it)
    if (dict_bool(it->val.u.dict, "failed", false) ||
        dict_bool(it->val.u.dict, "unreachable", false))
        buf_addf(&b, "%s%s", b.len ? "," : "", it->key.u.str.s);
    const char *pattern = b.len ? arena_strdup(s->arena, buf_str(&b)) : NULL;
    buf_release(&b);
    return pattern;
}

struct dict *history_handlers(struct session *s, const struct list *playbooks)
{
    struct dict *all = value_dict(s->arena).u.dict;
    struct dict_entry *it;
    for (size_t i = 0; i < playbooks->len; i++)
        DICT_EACH(history_load(s, playbooks->items[i].u.str.s), it)
        {
            const struct value *list =
                it->val.type == VALUE_DICT ? dict_get(it->val.u.dict, "handlers") : NULL;
            if (list && list->type == VALUE_LIST)
                dict_setv(all, it->key, *list);
        }
    return all;
}

void history_tell(struct session *s, const struct dict *hosts, const char *heading, FILE *to)
{
    struct dict_entry *it;
    bool any = false;
    DICT_EACH(hosts, it)
    {
        const struct value *list = it->val.type == VALUE_LIST ? &it->val
                                   : it->val.type == VALUE_DICT
                                       ? dict_get(it->val.u.dict, "handlers")
                                       : NULL;
        if (!list || list->type != VALUE_LIST || !list->u.list->len)
            continue;
        if (!any)
            fprintf(to, "%s\n", heading);
        any = true;
        fprintf(to, "  %s:", it->key.u.str.s);
        for (size_t i = 0; i < list->u.list->len; i++)
            fprintf(to, "%s %s", i ? "," : "",
                    dict_str(list->u.list->items[i].u.dict, "handler", ""));
        fprintf(to, "\n");
    }
    (void)s;
}
