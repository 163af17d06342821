// Who runs andon: the login of the session, where the kernel keeps it, else the user.
#include "cli/actor.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_LOGIN 4294967295UL // the kernel's for "nobody logged in"

// The user who logged in, whoever he has become since (pam_loginuid).
static unsigned long login_uid(void)
{
    char text[24];
    int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return NO_LOGIN;
    text[n] = '\0';
    return strtoul(text, NULL, 10);
}

const char *actor_machine(struct arena *a)
{
    char name[256];
    if (gethostname(name, sizeof name) < 0)
        return "localhost";
    name[sizeof name - 1] = '\0';
    return arena_strdup(a, name);
}

const char *actor_name(struct arena *a)
{
    unsigned long uid = login_uid();
    uid = uid == NO_LOGIN ? getuid() : uid;
    const struct passwd *pw = getpwuid((uid_t)uid);
    const char *machine = actor_machine(a);
    return pw ? arena_printf(a, "%s@%s", pw->pw_name, machine)
              : arena_printf(a, "%lu@%s", uid, machine);
}
