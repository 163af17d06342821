// Parameters of docker_image, docker_login, docker_network and docker_volume.
#include "spec/docker_params.h"
#include "spec/spec.h"

static const struct param limit_params[] = {
    {.name = "memory", .type = PARAM_INT, .help = "Most memory in bytes."},
    {.name = "memswap",
     .type = PARAM_INT,
     .help = "Most memory and swap together; -1 for no limit."},
    {.name = "cpushares", .type = PARAM_INT, .help = "Share of CPU time."},
    {.name = "cpusetcpus", .help = "CPUs it may run on."},
    {0},
};

static const struct param build_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "Folder on the host with the Dockerfile and what it needs."},
    {.name = "dockerfile", .help = "Another Dockerfile in it."},
    {.name = "args", .type = PARAM_DICT, .help = "Arguments of the build."},
    {.name = "cache_from", .type = PARAM_LIST, .help = "Images to take layers from."},
    {.name = "container_limits",
     .type = PARAM_DICT,
     .sub = limit_params,
     .help = "Limits of the build's containers."},
    {.name = "etc_hosts",
     .type = PARAM_DICT,
     .help = "Names and addresses for the build's /etc/hosts."},
    {.name = "http_timeout",
     .type = PARAM_INT,
     .help = "Seconds of silence until the build counts as failed."},
    {.name = "network", .help = "Network for RUN."},
    {.name = "nocache",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Do not take layers of earlier builds."},
    {.name = "platform", .help = "Platform to build for."},
    {.name = "pull", .type = PARAM_BOOL, .dflt = "no", .help = "Look for a newer base image."},
    {.name = "rm", .type = PARAM_BOOL, .dflt = "yes", .help = "Remove containers of the build."},
    {.name = "target", .help = "Stage to build."},
    {.name = "use_config_proxy",
     .type = PARAM_BOOL,
     .help = "Pass the proxies of Docker's configuration to the build."},
    {0},
};

static const struct param pull_params[] = {
    {.name = "platform", .help = "Platform to ask for."},
    {0},
};

static const struct param image_params[] = {
    DOCKER_PARAMS,
    {.name = "name",
     .flags = PARAM_REQUIRED,
     .help = "Name of the image, maybe with a tag, or its id."},
    {.name = "tag", .dflt = "latest", .help = "Tag, when name has none."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be there."},
    {.name = "source", .choices = "build|load|pull|local", .help = "Where it comes from."},
    {.name = "build", .type = PARAM_DICT, .sub = build_params, .help = "How to build it."},
    {.name = "pull", .type = PARAM_DICT, .sub = pull_params, .help = "How to pull it."},
    {.name = "load_path", .type = PARAM_PATH, .help = "Archive to load it from."},
    {.name = "archive_path", .type = PARAM_PATH, .help = "Archive to write it to."},
    {.name = "repository", .help = "Further name, maybe with a tag."},
    {.name = "push", .type = PARAM_BOOL, .dflt = "no", .help = "Push it to its registry."},
    {.name = "force_source",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Build, load or pull it even if it is there."},
    {.name = "force_absent", .type = PARAM_BOOL, .dflt = "no", .help = "Remove all its names too."},
    {.name = "force_tag",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Take a name from another image."},
    {0},
};

static const struct undo_limit docker_no_undo[] = {
    {NULL, NULL,
     "containers, images, networks and volumes are Docker's own, and nothing of them is kept"},
    {0},
};

const struct module_spec spec_docker_image = {
    .name = "docker_image",
    .collections = "community.docker|community.general",
    .summary = "Pull, build, load, tag, push and remove Docker images.",
    .flags = MODULE_CHECK,
    .no_undo = docker_no_undo,
    .params = image_params,
    .required_if = (const char *const[]){"state=present:source", "source=build:build",
                                         "source=load:load_path", NULL},
};

static const struct param login_params[] = {
    DOCKER_PARAMS,
    {.name = "registry_url",
     .dflt = "https://index.docker.io/v1/",
     .aliases = "registry|url",
     .help = "The registry."},
    {.name = "username", .help = "User."},
    {.name = "password", .flags = PARAM_NO_LOG, .help = "Password."},
    {.name = "reauthorize",
     .type = PARAM_BOOL,
     .dflt = "no",
     .aliases = "reauth",
     .help = "Log in even if the login is known."},
    {.name = "config_path",
     .type = PARAM_PATH,
     .dflt = "~/.docker/config.json",
     .aliases = "dockercfg_path",
     .help = "Docker's configuration file."},
    {.name = "state", .dflt = "present", .choices = "present|absent", .help = "Log in or out."},
    {0},
};

static const struct undo_limit docker_login_no_undo[] = {
    {NULL, NULL, "a helper of Docker may keep the login, and what it kept before is not known"},
    {0},
};

const struct module_spec spec_docker_login = {
    .name = "docker_login",
    .collections = "community.docker|community.general",
    .summary = "Log in to a registry of Docker images, or out.",
    .flags = MODULE_CHECK,
    .no_undo = docker_login_no_undo,
    .params = login_params,
    .required_if = (const char *const[]){"state=present:username,password", NULL},
};

static const struct param ipam_params[] = {
    {.name = "subnet", .help = "Addresses of the network."},
    {.name = "iprange", .help = "Those given to containers."},
    {.name = "gateway", .help = "Its gateway."},
    {.name = "aux_addresses", .type = PARAM_DICT, .help = "Addresses that are taken, by name."},
    {0},
};

static const struct param network_params[] = {
    DOCKER_PARAMS,
    {.name = "name", .flags = PARAM_REQUIRED, .aliases = "network_name", .help = "The network."},
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether it is to be there."},
    {.name = "connected",
     .type = PARAM_LIST,
     .dflt = "",
     .aliases = "containers",
     .help = "Containers connected to it; none given: those that are."},
    {.name = "appends",
     .type = PARAM_BOOL,
     .dflt = "no",
     .aliases = "incremental",
     .help = "Leave other containers connected."},
    {.name = "driver", .dflt = "bridge", .help = "Its driver."},
    {.name = "driver_options", .type = PARAM_DICT, .dflt = "", .help = "Options of the driver."},
    {.name = "force", .type = PARAM_BOOL, .dflt = "no", .help = "Make it anew always."},
    {.name = "enable_ipv6", .type = PARAM_BOOL, .help = "Use IPv6."},
    {.name = "ipam_driver", .help = "Driver that gives addresses."},
    {.name = "ipam_driver_options", .type = PARAM_DICT, .help = "Options of that driver."},
    {.name = "ipam_config",
     .type = PARAM_LIST,
     .elements = PARAM_DICT,
     .sub = ipam_params,
     .help = "Blocks of addresses."},
    {.name = "internal", .type = PARAM_BOOL, .help = "No way out of it."},
    {.name = "labels", .type = PARAM_DICT, .dflt = "", .help = "Labels."},
    {.name = "scope", .choices = "local|global|swarm", .help = "Where it is known."},
    {.name = "attachable",
     .type = PARAM_BOOL,
     .help = "Containers on workers of a swarm may join."},
    {0},
};

const struct module_spec spec_docker_network = {
    .name = "docker_network",
    .collections = "community.docker|community.general",
    .summary = "Manage networks of Docker containers.",
    .flags = MODULE_CHECK | MODULE_DIFF,
    .no_undo = docker_no_undo,
    .params = network_params,
};

static const struct param volume_params[] = {
    DOCKER_PARAMS,
    {.name = "volume_name", .flags = PARAM_REQUIRED, .aliases = "name", .help = "The volume."},
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether it is to be there."},
    {.name = "driver", .dflt = "local", .help = "Its driver."},
    {.name = "driver_options", .type = PARAM_DICT, .dflt = "", .help = "Options of the driver."},
    {.name = "labels", .type = PARAM_DICT, .help = "Labels."},
    {.name = "recreate",
     .dflt = "never",
     .choices = "always|never|options-changed",
     .help = "When to make it anew, which empties it."},
    {0},
};

const struct module_spec spec_docker_volume = {
    .name = "docker_volume",
    .collections = "community.docker|community.general",
    .summary = "Manage Docker volumes.",
    .flags = MODULE_CHECK | MODULE_DIFF,
    .no_undo = docker_no_undo,
    .params = volume_params,
};
