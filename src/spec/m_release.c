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
     .help = "A tar archive on the controller, compressed or not; in a rollout, that of "
             "andon_release. It is sent to hosts that do not have the version."},
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
     .help = "How many leading folders of names in the archive are left out."},
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
