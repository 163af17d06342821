// What each deployment of a service was the first to bring: its history and git together.
#ifndef FLOW_CONTENTS_H
#define FLOW_CONTENTS_H

#include "flow/measures.h"

// In the order of deployment, in a; what cannot be read is noted in each. repo: where to look
// instead of where the releases say, or NULL.
struct flow_contents *flow_contents_read(const struct flow_history *h, const char *service,
                                         const char *repo, struct arena *a, size_t *ret_n);

#endif
