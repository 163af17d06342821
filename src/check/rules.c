// The table of rules.
#include "check/check.h"

#include <string.h>

#define NOTE CHECK_NOTE
#define WARNING CHECK_WARNING
#define ERROR CHECK_ERROR
static const struct check_rule table[] = {
#define RULE(id, code, severity, name, title, why, wrong, right)                                   \
    {code, severity, name, title, why, wrong, right},
#include "check/rules.inc"
#undef RULE
};

const struct check_rule *check_rule(enum check_id id)
{
    return &table[id];
}

int check_find_rule(const char *name, size_t len)
{
    for (int i = 0; i < CHECK_COUNT; i++)
        if ((strlen(table[i].code) == len && strncasecmp(table[i].code, name, len) == 0) ||
            (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0))
            return i;
    return -1;
}

const char *check_severity_name(enum check_severity s)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[s];
}
