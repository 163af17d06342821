// Who runs this process, where no signature says so.
#include "ledger/ledger.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

// The user who logged in: sudo and su do not change what the kernel noted then.
static uid_t login_user(void)
{
    char text[16];
    int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return getuid();
    text[n] = '\0';
    unsigned long uid = strtoul(text, NULL, 10);
    return uid == (uid_t)-1 ? getuid() : (uid_t)uid;
}

const char *ledger_actor(struct arena *a)
{
    char machine[256] = "localhost", space[4096];
    struct passwd pw, *found = NULL;
    uid_t uid = login_user();
    if (gethostname(machine, sizeof machine) == 0)
        machine[sizeof machine - 1] = '\0';
    if (getpwuid_r(uid, &pw, space, sizeof space, &found) == 0 && found)
        return arena_printf(a, "%s@%s", found->pw_name, machine);
    return arena_printf(a, "%u@%s", (unsigned)uid, machine);
}
