// What every docker_* module takes: how to reach the daemon.
#ifndef SPEC_DOCKER_PARAMS_H
#define SPEC_DOCKER_PARAMS_H

#define DOCKER_PARAMS                                                                              \
    {.name = "docker_host",                                                                        \
     .aliases = "docker_url",                                                                      \
     .help = "Where the daemon listens; unix:///var/run/docker.sock if neither this nor "          \
             "DOCKER_HOST is set."},                                                               \
        {.name = "tls_hostname", .help = "Accepted; the name in docker_host is checked."},         \
        {.name = "api_version",                                                                    \
         .aliases = "docker_api_version",                                                          \
         .help = "Version of the API to speak; the daemon's own if neither this nor "              \
                 "DOCKER_API_VERSION is set."},                                                    \
        {.name = "timeout",                                                                        \
         .type = PARAM_INT,                                                                        \
         .help = "Seconds to wait for an answer; 60 if neither this nor DOCKER_TIMEOUT is set."},  \
        {.name = "ca_cert",                                                                        \
         .type = PARAM_PATH,                                                                       \
         .aliases = "tls_ca_cert|cacert_path",                                                     \
         .help = "Certificates to trust."},                                                        \
        {.name = "client_cert",                                                                    \
         .type = PARAM_PATH,                                                                       \
         .aliases = "tls_client_cert|cert_path",                                                   \
         .help = "Certificate to show to the daemon."},                                            \
        {.name = "client_key",                                                                     \
         .type = PARAM_PATH,                                                                       \
         .aliases = "tls_client_key|key_path",                                                     \
         .help = "Key of client_cert."},                                                           \
        {.name = "ssl_version", .help = "Accepted; openssl chooses."},                             \
        {.name = "tls",                                                                            \
         .type = PARAM_BOOL,                                                                       \
         .help = "Speak TLS without checking the daemon's certificate."},                          \
        {.name = "use_ssh_client",                                                                 \
         .type = PARAM_BOOL,                                                                       \
         .dflt = "no",                                                                             \
         .help = "Accepted; ssh:// is not spoken."},                                               \
        {.name = "validate_certs",                                                                 \
         .type = PARAM_BOOL,                                                                       \
         .aliases = "tls_verify",                                                                  \
         .help = "Speak TLS and check the daemon's certificate."},                                 \
    {                                                                                              \
        .name = "debug", .type = PARAM_BOOL, .dflt = "no",                                         \
        .help = "Return actions and differences always."                                           \
    }

#endif
