// Parameters of get_url and uri.
#include "spec/spec.h"

// What every module that speaks HTTP takes.
#define URL_PARAMS                                                                                 \
    {.name = "force", .type = PARAM_BOOL, .dflt = "no", .help = "Do not use a cached copy."},      \
        {.name = "http_agent", .dflt = "ansible-httpget", .help = "User-Agent to send."},          \
        {.name = "use_proxy",                                                                      \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Use the proxy of the environment."},                                             \
        {.name = "validate_certs",                                                                 \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Check the server's certificate."},                                               \
        {.name = "force_basic_auth",                                                               \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Send the password unasked."},                                                    \
        {.name = "client_cert", .type = PARAM_PATH, .help = "Certificate to show to the server."}, \
        {.name = "client_key", .type = PARAM_PATH, .help = "Key of client_cert."},                 \
        {.name = "use_gssapi",                                                                     \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Accepted; GSSAPI is not spoken."},                                               \
        {.name = "unredirected_headers",                                                           \
         .type = PARAM_LIST,                                                                       \
         .dflt = "",                                                                               \
         .help = "Headers not to send to where a redirect leads."},                                \
        {.name = "decompress",                                                                     \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "yes",                                                                            \
         .help = "Accepted; content is asked for as it is."},                                      \
        {.name = "ciphers", .type = PARAM_LIST, .help = "Accepted; openssl's defaults are used."}, \
    {                                                                                              \
        .name = "use_netrc", .type = PARAM_BOOL, .dflt = "yes",                                    \
        .help = "Accepted; ~/.netrc is not read."                                                  \
    }

static const struct param get_url_params[] = {
    {.name = "url", .flags = PARAM_REQUIRED, .help = "What to get."},
    {.name = "dest",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "File, or folder to put it in."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "checksum",
     .dflt = "",
     .help = "ALGORITHM:DIGEST it must have, or ALGORITHM:URL of a list."},
    {.name = "timeout", .type = PARAM_INT, .dflt = "10", .help = "Seconds to wait for the server."},
    {.name = "headers", .type = PARAM_DICT, .help = "Headers to send."},
    {.name = "tmp_dest", .type = PARAM_PATH, .help = "Folder for the unfinished file."},
    {.name = "url_username", .aliases = "username", .help = "User for basic authentication."},
    {.name = "url_password",
     .flags = PARAM_NO_LOG,
     .aliases = "password",
     .help = "Password of url_username."},
    URL_PARAMS,
    {0},
};

const struct module_spec spec_get_url = {
    .name = "get_url",
    .summary = "Download a file.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_UNDO,
    .params = get_url_params,
};

static const struct param uri_params[] = {
    {.name = "url", .help = "Where the request goes."},
    {.name = "dest", .type = PARAM_PATH, .help = "File for the content."},
    {.name = "url_username", .aliases = "user", .help = "User for basic authentication."},
    {.name = "url_password",
     .flags = PARAM_NO_LOG,
     .aliases = "password",
     .help = "Password of url_username."},
    {.name = "body", .type = PARAM_RAW, .help = "What to send."},
    {.name = "body_format",
     .dflt = "raw",
     .choices = "form-urlencoded|json|raw|form-multipart",
     .help = "How to write body."},
    {.name = "src", .type = PARAM_PATH, .help = "File to send instead of body."},
    {.name = "method", .dflt = "GET", .help = "HTTP method."},
    {.name = "return_content", .type = PARAM_BOOL, .dflt = "no", .help = "Return the content."},
    {.name = "follow_redirects",
     .dflt = "safe",
     .choices = "all|no|none|safe|urllib2|yes",
     .help = "Which redirects to follow."},
    {.name = "creates", .type = PARAM_PATH, .help = "File; when it exists nothing is done."},
    {.name = "removes",
     .type = PARAM_PATH,
     .help = "File; when it does not exist nothing is done."},
    {.name = "status_code",
     .type = PARAM_LIST,
     .elements = PARAM_INT,
     .dflt = "200",
     .help = "Codes that count as success."},
    {.name = "timeout", .type = PARAM_INT, .dflt = "30", .help = "Seconds to wait for the server."},
    {.name = "headers", .type = PARAM_DICT, .dflt = "", .help = "Headers to send."},
    {.name = "unix_socket",
     .type = PARAM_PATH,
     .help = "Socket to connect to instead of the URL's host."},
    {.name = "remote_src", .type = PARAM_BOOL, .dflt = "no", .help = "src is on the host."},
    {.name = "ca_path", .type = PARAM_PATH, .help = "Certificates to trust."},
    URL_PARAMS,
    {0},
};

static const struct undo_limit uri_no_undo[] = {
    {NULL, NULL, "what a request did at the other end is not known"},
    {0},
};

const struct module_spec spec_uri = {
    .name = "uri",
    .summary = "Talk to a web service.",
    .flags = MODULE_ACTION | MODULE_FILE_ARGS,
    .no_undo = uri_no_undo,
    .params = uri_params,
    .mutually_exclusive = (const char *const[]){"body,src", NULL},
};
