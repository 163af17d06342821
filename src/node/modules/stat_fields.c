// What stat and find tell of a file.
#include "node/modules/stat_fields.h"

double stat_seconds(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void stat_set_kind(struct arena *a, struct dict *o, const struct stat *st)
{
    static const struct {
        const char *name;
        mode_t type;
    } types[] = {
        {"isdir", S_IFDIR},  {"ischr", S_IFCHR}, {"isblk", S_IFBLK},   {"isreg", S_IFREG},
        {"isfifo", S_IFIFO}, {"islnk", S_IFLNK}, {"issock", S_IFSOCK},
    };
    dict_set(o, "mode", value_strf(a, "%04o", st->st_mode & 07777u));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        dict_set(o, types[i].name, value_bool((st->st_mode & S_IFMT) == types[i].type));
    dict_set(o, "uid", value_int(st->st_uid));
    dict_set(o, "gid", value_int(st->st_gid));
    dict_set(o, "size", value_int(st->st_size));
    dict_set(o, "inode", value_int((int64_t)st->st_ino));
    dict_set(o, "dev", value_int((int64_t)st->st_dev));
    dict_set(o, "nlink", value_int((int64_t)st->st_nlink));
    dict_set(o, "atime", value_float(stat_seconds(st->st_atim)));
    dict_set(o, "mtime", value_float(stat_seconds(st->st_mtim)));
    dict_set(o, "ctime", value_float(stat_seconds(st->st_ctim)));
}

void stat_set_rights(struct dict *o, mode_t mode)
{
    static const struct {
        const char *name;
        mode_t bit;
    } bits[] = {
        {"wusr", S_IWUSR}, {"rusr", S_IRUSR},  {"xusr", S_IXUSR},  {"wgrp", S_IWGRP},
        {"rgrp", S_IRGRP}, {"xgrp", S_IXGRP},  {"woth", S_IWOTH},  {"roth", S_IROTH},
        {"xoth", S_IXOTH}, {"isuid", S_ISUID}, {"isgid", S_ISGID},
    };
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        dict_set(o, bits[i].name, value_bool(mode & bits[i].bit));
}
