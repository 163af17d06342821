// The log of a journal: writing records, reading them, and noting how far an undo has come.
#include "node/journal.h"
#include "node/text.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX (512u << 20)
#define ROOT_DIR "/var/lib/andon/journal"
#define HALF "half" // beside the log while an undo is at work

const char *journal_root(struct arena *a, const char *given)
{
    if (given)
        return given;
    if (geteuid() == 0)
        return ROOT_DIR;
    // the home of the account, whatever the task's environment says
    char *c = text_read(a, "/etc/passwd", NULL);
    const char *home = getenv("HOME"), *uid = arena_printf(a, "%u", (unsigned)geteuid());
    for (char *line; (line = text_line(&c));) {
        char *f[6];
        int n = 0;
        for (char *p; n < 6 && (p = text_piece(&line, ':'));)
            f[n++] = p;
        if (n == 6 && strcmp(f[2], uid) == 0) {
            home = f[5];
            break;
        }
    }
    return arena_printf(a, "%s/.local/state/andon/journal", home ? home : "");
}

// Ids of runs begin with a letter and sort by time behind it.
struct list *journal_runs(struct arena *a, const char *root)
{
    struct list *l = value_list(a).u.list;
    DIR *d = opendir(root);
    struct dirent *ent;
    while (d && (ent = readdir(d)))
        if (*ent->d_name != '.' && text_exists(arena_printf(a, "%s/%s/log", root, ent->d_name)))
            list_add(l, value_str(a, ent->d_name));
    if (d)
        closedir(d);
    text_list_sort(l);
    return l;
}

const char *journal_half(struct arena *a, const char *root)
{
    struct list *runs = journal_runs(a, root);
    for (size_t i = runs->len; i-- > 0;)
        if (text_exists(arena_printf(a, "%s/%s/" HALF, root, runs->items[i].u.str.s)))
            return runs->items[i].u.str.s;
    return NULL;
}

// --- records -------------------------------------------------------------------------------------

static void put_u32(char *p, size_t n)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(n >> (24 - 8 * i));
}

void journal_put_record(struct buf *b, const struct value *v, const char *raw, size_t raw_len)
{
    unsigned char sum[HASH_MAX];
    struct hash h;
    size_t start = b->len;
    memcpy(buf_reserve(b, JOURNAL_HEADER), JOURNAL_MARK, 8);
    b->len += JOURNAL_HEADER;
    json_write(b, v, &(struct json_opts){.compact = true});
    put_u32(b->p + start + 8, b->len - start - JOURNAL_HEADER);
    put_u32(b->p + start + 12, raw_len);
    buf_add(b, raw, raw_len);
    hash_init(&h, HASH_SHA256);
    hash_update(&h, b->p + start + 8, b->len - start - 8);
    hash_final(&h, sum);
    buf_add(b, sum, JOURNAL_SUM);
}

int journal_append(int fd, const struct buf *b, bool sync, struct err *e)
{
    while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
        continue;
    off_t end = lseek(fd, 0, SEEK_END);
    int rc = 0;
    for (size_t off = 0; off < b->len && rc == 0;) {
        ssize_t n = write(fd, b->p + off, b->len - off);
        if (n < 0 && errno != EINTR)
            rc = err_set(e, ERR_IO, POS_NONE, "cannot write: %s", strerror(errno));
        off += n > 0 ? (size_t)n : 0;
    }
    if (rc < 0 && ftruncate(fd, end) < 0)
        err_wrap(e, "half a record is left"); // readers pass over it
    flock(fd, LOCK_UN);
    if (rc == 0 && sync && fdatasync(fd) < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot sync: %s", strerror(errno));
    return rc;
}

static size_t get_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (size_t)u[0] << 24 | (size_t)u[1] << 16 | (size_t)u[2] << 8 | u[3];
}

// The whole length of the record at p, 0 when there is none that is whole.
static size_t check_record(const char *p, size_t left, size_t *ret_json, size_t *ret_raw)
{
    unsigned char sum[HASH_MAX];
    struct hash h;
    if (left < JOURNAL_HEADER + JOURNAL_SUM || memcmp(p, JOURNAL_MARK, 8) != 0)
        return 0;
    size_t json = get_u32(p + 8), raw = get_u32(p + 12);
    if (json > left || raw > left || json + raw + JOURNAL_HEADER + JOURNAL_SUM > left)
        return 0;
    hash_init(&h, HASH_SHA256);
    hash_update(&h, p + 8, JOURNAL_HEADER - 8 + json + raw);
    hash_final(&h, sum);
    if (memcmp(sum, p + JOURNAL_HEADER + json + raw, JOURNAL_SUM) != 0)
        return 0;
    *ret_json = json;
    *ret_raw = raw;
    return JOURNAL_HEADER + json + raw + JOURNAL_SUM;
}

static void add_entry(struct journal_log *log, const struct dict *d, int64_t number,
                      const char *raw, size_t raw_len)
{
    log->entries =
        arena_room(log->arena, log->entries, log->n, &log->cap, 64, sizeof *log->entries);
    struct journal_entry *en = &log->entries[log->n++];
    *en = (struct journal_entry){.number = number,
                                 .task = dict_int(d, "task", 0),
                                 .task_name = dict_str(d, "task_name", NULL),
                                 .module = dict_str(d, "module", NULL),
                                 .kind = dict_str(d, "kind", ""),
                                 .name = dict_str(d, "name", ""),
                                 .was = dict_str(d, "was", NULL),
                                 .attr = dict_str(d, "attr", NULL),
                                 .more = dict_str(d, "more", NULL),
                                 .d = d,
                                 .raw = raw,
                                 .raw_len = raw_len};
    en->attrs_only = strcmp(en->kind, "path") == 0 && !en->was;
    for (size_t i = log->n - 1; !en->task_name && i-- > 0;)
        if (log->entries[i].task == en->task) {
            en->task_name = log->entries[i].task_name;
            en->module = log->entries[i].module;
        }
}

static void set_after(struct journal_log *log, const struct dict *d)
{
    const struct value *is = dict_get(d, "is");
    int64_t task = dict_int(d, "task", 0);
    for (size_t i = 0; i < log->n; i++)
        log->entries[i].ended |= log->entries[i].task == task;
    for (size_t k = 0; is && is->type == VALUE_LIST && k < is->u.list->len; k++) {
        const struct value *one = &is->u.list->items[k];
        if (one->type != VALUE_LIST || one->u.list->len != 3)
            continue;
        const struct value *v = one->u.list->items, *state = &v[2];
        bool attrs = value_eqs(&v[0], "attrs"), path = attrs || value_eqs(&v[0], "path");
        for (size_t i = 0; i < log->n; i++) {
            struct journal_entry *en = &log->entries[i];
            if (en->task != task || !value_eqs(&v[1], en->name) ||
                (path ? strcmp(en->kind, "path") != 0 || en->attrs_only != attrs
                      : !value_eqs(&v[0], en->kind)))
                continue;
            if (!path) {
                en->after = value_to_cstr(log->arena, state);
            } else if (state->type == VALUE_LIST && state->u.list->len == 2) {
                en->after = attrs ? NULL : value_to_cstr(log->arena, &state->u.list->items[0]);
                en->attr_after = value_to_cstr(log->arena, &state->u.list->items[1]);
            }
        }
    }
}

static void take(struct journal_log *log, const struct dict *d, int64_t number, const char *raw,
                 size_t raw_len)
{
    const char *k = dict_str(d, "k", "");
    if (dict_int(d, "task", 0) > log->task_max)
        log->task_max = dict_int(d, "task", 0);
    if (strcmp(k, "before") == 0) {
        add_entry(log, d, number, raw, raw_len);
    } else if (strcmp(k, "after") == 0) {
        set_after(log, d);
    } else if (strcmp(k, "lost") == 0) {
        struct value v = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)d};
        list_add(log->lost, v);
    } else if (strcmp(k, "undoing") == 0) {
        log->undoing = true;
        log->undone = false;
        log->by = dict_str(d, "v", NULL);
    } else if (strcmp(k, "undone") == 0) {
        log->undone = true;
    } else if (strcmp(k, "did") == 0) {
        log->did = dict_int(d, "v", INT64_MAX);
    }
}

bool journal_good_run(const char *run, size_t max)
{
    size_t n = strlen(run);
    return n && n < max && *run != '.' && !strchr(run, '/');
}

int journal_read(struct arena *a, const char *root, const char *run, struct journal_log *ret,
                 struct err *e)
{
    char *text;
    size_t len, json, raw;
    struct value v;
    *ret = (struct journal_log){
        .arena = a, .dir = path_join(a, root, run), .did = INT64_MAX, .lost = value_list(a).u.list};
    if (!journal_good_run(run, SIZE_MAX))
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no run", run);
    int rc = file_read(a, path_join(a, ret->dir, "log"), LOG_MAX, &text, &len, e);
    for (size_t at = 0; rc == 0 && at < len;) {
        size_t n = check_record(text + at, len - at, &json, &raw);
        if (n && json_parse(a, text + at + JOURNAL_HEADER, json, &v, NULL) == 0 &&
            v.type == VALUE_DICT) {
            take(ret, v.u.dict, (int64_t)at, text + at + JOURNAL_HEADER + json, raw);
            at += n;
            continue;
        }
        // what was being written when the power went; what follows is whole again
        const char *next = memmem(text + at + 1, len - at - 1, JOURNAL_MARK, 8);
        ret->damaged |= next != NULL;
        at = next ? (size_t)(next - text) : len;
    }
    for (size_t i = 0; i < ret->n; i++)
        ret->entries[i].undone = ret->entries[i].number >= ret->did;
    return rc;
}

int journal_note(const struct journal_log *log, const char *key, struct value v, struct err *e)
{
    const char *half = path_join(log->arena, log->dir, HALF);
    struct value d = value_dict(log->arena);
    struct buf b = BUF_INIT;
    bool begins = strcmp(key, "undoing") == 0, ends = strcmp(key, "undone") == 0;
    int fd =
        open(path_join(log->arena, log->dir, "log"), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot open the journal in '%s': %s", log->dir,
                       strerror(errno));
    if (begins)
        unlink(path_join(log->arena, log->dir, JOURNAL_SPARE));
    if (begins && file_write_atomic(half, "", 0, 0600, e) < 0) {
        close(fd);
        return ERR_FAILED;
    }
    dict_set(d.u.dict, "k", value_cstr(key));
    dict_set(d.u.dict, "v", v);
    journal_put_record(&b, &d, NULL, 0);
    int rc = journal_append(fd, &b, true, e);
    buf_release(&b);
    close(fd);
    if (rc == 0 && ends)
        unlink(half);
    return rc;
}
