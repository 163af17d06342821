// Parsed templates by text and options.
#ifndef TEMPLATE_CACHE_H
#define TEMPLATE_CACHE_H

#include "template/ast.h"
#include "template/parse.h"

// Output buffers kept between evaluations: an empty one with room, and giving one back.
struct buf cache_buf_take(struct template_cache *c);
void cache_buf_give(struct template_cache *c, struct buf *b);

// How a text becomes a template.
enum cache_form {
    FORM_FILE,      // as it is
    FORM_STRING,    // backslashes in strings of {{ }} doubled, as Ansible does outside files
    FORM_CONDITION, // inside an if that renders " True " or " False "
    FORM_EXPRESSION,
};

// The text that is parsed for a form.
const char *cache_source(struct arena *a, const struct template_opts *o, enum cache_form form,
                         const char *text, size_t len, size_t *ret_len);
// The parsed form of text, from the cache or parsed now; *ret is a reference the caller gives back
// with template_unref. c may be NULL.
int cache_get(struct template_cache *c, const struct template_opts *o, const char *text, size_t len,
              const char *name, enum cache_form form, struct pos pos, struct template **ret,
              struct err *e);
// As cache_get for the text of a template file, whose "#jinja2:" header may change the options.
int template_file_parse(struct template_cache *c, struct arena *a, const char *text, size_t len,
                        const char *name, const struct template_opts *opts, struct template **ret,
                        struct err *e);

#endif
