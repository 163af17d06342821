// Fuzz target: the first line as a regular expression, the rest as its subject and replacement.
#include "fuzz/fuzz.h"
#include "node/regex.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data, *nl = size ? memchr(s, '\n', size) : NULL;
    if (!nl || size > 2000)
        return 0;
    struct arena *a = arena_new();
    size_t at = (size_t)(nl - s), len = size - at - 1;
    struct regex *r = regex_compile(a, s, at, len & 1 ? REGEX_TEXT : REGEX_IGNORECASE, NULL);
    if (r) {
        struct regex_span *spans = arena_array(a, struct regex_span, regex_groups(r));
        struct buf out = BUF_INIT;
        if (regex_search(r, nl + 1, len, 0, spans, NULL) == 1 &&
            (spans[0].start > spans[0].end || spans[0].end > len))
            __builtin_trap();
        regex_subn(r, nl + 1, len < 200 ? len : 200, "<\\g<0>>", &out, NULL);
        buf_release(&out);
    }
    arena_free(a);
    return 0;
}
