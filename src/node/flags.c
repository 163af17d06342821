// The flags of files, as lsattr(1) tells them.
#include "node/module.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

// In the order of lsattr.
static const struct {
    unsigned bit;
    char letter;
} letters[] = {
    {0x1, 's'},      {0x2, 'u'},       {0x8, 'S'},        {0x10000, 'D'},    {0x10, 'i'},
    {0x20, 'a'},     {0x40, 'd'},      {0x80, 'A'},       {0x4, 'c'},        {0x800, 'E'},
    {0x4000, 'j'},   {0x1000, 'I'},    {0x8000, 't'},     {0x20000, 'T'},    {0x80000, 'e'},
    {0x800000, 'C'}, {0x2000000, 'x'}, {0x40000000, 'F'}, {0x10000000, 'N'}, {0x20000000, 'P'},
    {0x100000, 'V'}, {0x400, 'm'},
};
_Static_assert(sizeof letters / sizeof *letters < FILE_FLAGS_MAX, "no room for all flags");

bool host_file_flags(const char *path, char ret_flags[FILE_FLAGS_MAX], unsigned *ret_version)
{
    struct stat st;
    unsigned long flags = 0; // the kernel writes an int, but says it is a long
    unsigned version = 0;
    if (lstat(path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return false; // what else there is may do anything when it is opened
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool known = ioctl(fd, (int)FS_IOC_GETFLAGS, &flags) == 0 &&
                 (!ret_version || ioctl(fd, (int)FS_IOC_GETVERSION, &version) == 0);
    close(fd);
    if (!known)
        return false;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (flags & letters[i].bit)
            *ret_flags++ = letters[i].letter;
    *ret_flags = '\0';
    if (ret_version)
        *ret_version = version;
    return true;
}
