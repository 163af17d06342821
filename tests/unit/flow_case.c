#include "flow_case.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t flow_case_time(const char *s, size_t len)
{
    char text[40] = "";
    struct tm tm = {0};
    if (len < sizeof text)
        memcpy(text, s, len);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || strcmp(end, "Z") != 0) {
        fprintf(stderr, "'%.*s' is no time\n", (int)len, s);
        exit(1);
    }
    return (int64_t)timegm(&tm) * 1000000;
}

const char *flow_case_line(struct arena *a, const char **text)
{
    if (!**text)
        return NULL;
    size_t n = strcspn(*text, "\n");
    const char *line = arena_strndup(a, *text, n);
    *text += n + ((*text)[n] == '\n');
    return line;
}

size_t flow_case_words(struct arena *a, const char *line, const char **ret, size_t max)
{
    size_t n = 0;
    while (*(line += strspn(line, " ")) && n < max) {
        size_t len = strcspn(line, " ");
        ret[n++] = arena_strndup(a, line, len);
        line += len;
    }
    return n;
}

static struct value list_of(struct arena *a, const char *s)
{
    struct value v = value_list(a);
    while (*s) {
        size_t n = strcspn(s, ",");
        list_add(v.u.list, value_strn(a, s, n));
        s += n + (s[n] == ',');
    }
    return v;
}

static const char *spaced(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    for (char *p = copy; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    return copy;
}

static void set_field(struct arena *a, struct ledger_event *ev, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **field;
    } fields[] = {{"service", &ev->service}, {"release", &ev->release},  {"rollout", &ev->rollout},
                  {"ring", &ev->ring},       {"run", &ev->run},          {"host", &ev->host},
                  {"outcome", &ev->outcome}, {"incident", &ev->incident}};
    struct dict *body = value_dict(a).u.dict;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].key, key) == 0) {
            *fields[i].field = value;
            return;
        }
    if (ev->body)
        dict_update(body, ev->body);
    if (strcmp(key, "rings") == 0 || strcmp(key, "production") == 0)
        dict_set(body, key, list_of(a, value));
    else if (strcmp(key, "cause") == 0) {
        struct value cause = value_dict(a);
        dict_set(cause.u.dict, "ring", value_cstr(value));
        dict_set(body, key, cause);
    } else if (*value && value[strspn(value, "0123456789")] == '\0')
        dict_set(body, key, value_int(atoll(value)));
    else if (isdigit((unsigned char)*value) && value[strlen(value) - 1] == 'Z') {
        char text[LEDGER_TIME];
        ledger_time(flow_case_time(value, strlen(value)), text);
        dict_set(body, key, value_str(a, text));
    } else
        dict_set(body, key, value_cstr(spaced(a, value)));
    ev->body = body;
}

int flow_case_event(struct arena *a, const char *line, struct ledger_event *ret)
{
    const char *words[32];
    if (!isdigit((unsigned char)*line))
        return 0;
    size_t n = flow_case_words(a, line, words, 32);
    *ret = (struct ledger_event){.time = flow_case_time(words[0], strlen(words[0])),
                                 .type = n > 1 ? words[1] : "",
                                 .actor = "ann@desk"};
    for (size_t i = 2; i < n; i++) {
        const char *eq = strchr(words[i], '=');
        if (eq)
            set_field(a, ret, arena_strndup(a, words[i], (size_t)(eq - words[i])), eq + 1);
    }
    return 1;
}
