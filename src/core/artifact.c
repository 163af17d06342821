// Names and first bytes of archives.
#include "core/artifact.h"

#include <string.h>
#include <strings.h>

static const struct compression compressions[] = {
    {"gzip", "\x1f\x8b", 2, "-z", "gzip"},
    {"bzip2", "BZh", 3, "-j", "bzip2"},
    {"xz",
     "\xfd"
     "7zXZ\0",
     6, "-J", "xz"},
    {"zstd", "\x28\xb5\x2f\xfd", 4, "--zstd", "zstd"},
};

static const struct {
    const char *end;
    enum artifact_form form;
} names[] = {
    {".tar", ARTIFACT_TAR},     {".tar.gz", ARTIFACT_TAR}, {".tgz", ARTIFACT_TAR},
    {".tar.bz2", ARTIFACT_TAR}, {".tbz", ARTIFACT_TAR},    {".tbz2", ARTIFACT_TAR},
    {".tar.xz", ARTIFACT_TAR},  {".txz", ARTIFACT_TAR},    {".tar.zst", ARTIFACT_TAR},
    {".tzst", ARTIFACT_TAR},    {".zip", ARTIFACT_ZIP},    {".gz", ARTIFACT_FILE},
    {".bz2", ARTIFACT_FILE},    {".xz", ARTIFACT_FILE},    {".zst", ARTIFACT_FILE},
};

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcasecmp(name + n - m, end) == 0;
}

const struct compression *compression_of(const void *head, size_t n)
{
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++)
        if (n >= compressions[i].magic_len &&
            memcmp(head, compressions[i].magic, compressions[i].magic_len) == 0)
            return &compressions[i];
    return NULL;
}

bool artifact_is_zip(const void *head, size_t n)
{
    return n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0);
}

// The header of the first member: the sum of its bytes, those of the sum itself as blanks.
static bool is_tar_header(const unsigned char *head)
{
    unsigned long sum = 0, said = 0;
    int i = 148;
    while (i < 156 && head[i] == ' ')
        i++;
    if (i == 156 || head[i] < '0' || head[i] > '7')
        return false;
    for (; i < 156 && head[i] >= '0' && head[i] <= '7'; i++)
        said = said * 8 + (unsigned long)(head[i] - '0');
    for (i = 0; i < ARTIFACT_HEAD; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    return sum == said;
}

bool artifact_is_tar(const void *head, size_t n)
{
    return compression_of(head, n) || (n >= ARTIFACT_HEAD && is_tar_header(head));
}

enum artifact_form artifact_form_of(const char *name, const void *head, size_t n)
{
    // the first that fits: .tar.gz stands before .gz
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (ends(name, names[i].end))
            return names[i].form;
    return artifact_is_tar(head, n) ? ARTIFACT_TAR : ARTIFACT_FILE;
}

const char *artifact_form_name(enum artifact_form p)
{
    return p == ARTIFACT_TAR ? "tar" : p == ARTIFACT_ZIP ? "zip" : "file";
}
