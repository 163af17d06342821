// Runs a fuzz target over files and folders given as arguments: the corpus as an ordinary test.
#include "core/arena.h"
#include "core/file.h"
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int replay(struct arena *a, const char *path)
{
    struct err e = ERR_INIT;
    struct stat st;
    char *s;
    size_t len;
    int count = 0;
    DIR *dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    if (dir) {
        for (struct dirent *d; (d = readdir(dir));)
            if (d->d_name[0] != '.')
                count += replay(a, path_join(a, path, d->d_name));
        closedir(dir);
        return count;
    }
    if (file_read(a, path, 1 << 20, &s, &len, &e) < 0) {
        fprintf(stderr, "%s: %s\n", path, err_msg(&e));
        err_release(&e);
        return 0;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)s, len);
    return 1;
}

int main(int argc, char **argv)
{
    struct arena *a = arena_new();
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(a, argv[i]);
    arena_free(a);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
