// What a template says about variables without being evaluated. Apart from the rest of the room
// because the trees of templates and of playbooks share names.
#ifndef CHECK_SCAN_H
#define CHECK_SCAN_H

#include "template/template.h"

// How a text is a template.
struct builtin;

enum scan_form { SCAN_STRING, SCAN_CONDITION, SCAN_EXPRESSION };

// Told of what stands in a template. line counts from 1 within the text.
struct scan_sink {
    // A variable is used; certain: whenever the template is evaluated, and it must then be defined.
    void (*use)(void *data, const char *name, unsigned line, bool certain);
    // The template asks whether the variable is defined, or gives a default for it.
    void (*guard)(void *data, const char *name);
    // A filter or test the engine does not have.
    void (*unknown)(void *data, const char *name, bool test, unsigned line);
    void *data;
};

// The template room's hook for filters and tests it does not have: a row that stands for any, so
// that templates with them can be read.
const struct builtin *scan_foreign(bool test, const char *name, size_t len, bool own);
// Reads text as a template; pos is where it starts. ERR_PARSE with the position of the mistake.
int scan_text(struct template_cache *c, const char *text, size_t len, enum scan_form form,
              struct pos pos, const struct scan_sink *sink, struct err *e)
    __attribute__((warn_unused_result));
// Likewise the text of a template file, with its options.
int scan_file(struct template_cache *c, struct arena *a, const char *text, size_t len,
              const char *name, const struct template_opts *opts, const struct scan_sink *sink,
              struct err *e) __attribute__((warn_unused_result));

#endif
