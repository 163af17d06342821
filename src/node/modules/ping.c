// ping: the helper is there and answers.
#include "node/module.h"
#include "node/modules.h"

#include <string.h>

int mod_ping(struct module *m)
{
    const char *data = module_str(m, "data");
    if (data && strcmp(data, "crash") == 0)
        return module_fail(m, "boom");
    module_set_str(m, "ping", data ? data : "pong");
    module_changed(m, false);
    return 0;
}
