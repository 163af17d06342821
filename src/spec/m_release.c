// Parameters of release.
#include "spec/spec.h"

static const struct param release_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "The folder of the service: releases are unpacked into its releases/VERSION, and its "
             "link current leads to one of them."},
    {.name = "version",
     .type = PARAM_STR,
     .help = "The version; in a rollout, that of andon_release. With state=previous: the one to "
             "leave; where it is not current, nothing is done."},
    {.name = "artifact",
     .type = PARAM_PATH,
     .help = "What is delivered, a file on the controller: a tar archive (plain, or compressed by "
             "gzip, bzip2, xz or zstd), a zip archive or any other file; in a rollout, that of "
             "andon_release. It is sent to hosts that do not have the version."},
    {.name = "format",
     .type = PARAM_STR,
     .dflt = "auto",
     .choices = "auto|tar|zip|file",
     .help = "tar and zip are unpacked (zip by the host's unzip), a file becomes the one in the "
             "version's folder, under its name, and may be run where it is a program or script. "
             "auto goes by the name: .tar, .tar.gz, .tgz and the like, .zip; .gz, .xz, .bz2 and "
             ".zst alone are files. Where the name tells nothing, what is a tar archive by its "
             "content is one, and all else (.jar, .whl) is a file."},
    {.name = "name",
     .type = PARAM_STR,
     .help = "The name of the artifact's file; in a rollout, that of andon_release. Default: what "
             "artifact ends with."},
    {.name = "digest",
     .type = PARAM_STR,
     .help = "SHA-256 of the artifact, verified on the host; in a rollout, that of andon_release."},
    {.name = "remote_src",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "The artifact is on the host."},
    {.name = "strip",
     .type = PARAM_INT,
     .dflt = "0",
     .help = "How many leading folders of names in the archive are left out; files that have "
             "fewer are, too."},
    {.name = "keep",
     .type = PARAM_INT,
     .dflt = "5",
     .help = "How many versions are kept; current and previous are never removed. 0: all."},
    {.name = "state",
     .type = PARAM_STR,
     .dflt = "present",
     .choices = "present|absent|previous",
     .help = "present unpacks the version and makes it current, previous makes the one before it "
             "current again, absent removes it."},
    {0},
};

const struct module_spec spec_release = {
    .name = "release",
    .collections = "andon",
    .summary = "Unpack a release of a service and switch to it.",
    .flags = MODULE_ACTION | MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = release_params,
};
