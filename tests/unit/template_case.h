// One evaluation as the case files and the comparison with Ansible describe it.
#ifndef TEMPLATE_CASE_H
#define TEMPLATE_CASE_H

#include "core/buf.h"
#include "template/template.h"

// Evaluates {"template", "vars", "mode", "dirs", "unsafe", ...} (see template_eval.c).
int template_case_run(struct template_cache *cache, struct arena *a, const struct dict *in,
                      struct value *ret, struct err *e);

#endif
