// Ansible's check of the locale before anything else: scripts rely on it.
#include "cli/session.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool session_check_locale(void)
{
    locale_t loc = newlocale(LC_ALL_MASK, "", (locale_t)0);
    if (!loc) {
        fprintf(stderr,
                "ERROR: Ansible could not initialize the preferred locale: unsupported locale "
                "setting\n");
        return false;
    }
    // Python reads the plain C locale as UTF-8
    const char *set = nl_langinfo_l(CODESET, loc);
    bool ok = strcasecmp(set, "UTF-8") == 0 || strncmp(set, "ANSI_X3.4", 9) == 0;
    if (!ok)
        fprintf(stderr, "ERROR: Ansible requires the locale encoding to be UTF-8; Detected %s.\n",
                set);
    freelocale(loc);
    return ok;
}
