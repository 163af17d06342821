// An HTTP/1.1 client for get_url, uri and docker_*: chunked bodies, redirects, basic auth, proxies,
// UNIX sockets. TLS is spoken by the host's own openssl as a child process, so that the static
// helper needs neither a TLS library nor certificates.
#ifndef NODE_HTTP_H
#define NODE_HTTP_H

#include "node/module.h"

struct http_request {
    const char *method, *url;
    const struct dict *headers;      // of the user; NULL: none
    const struct list *unredirected; // headers not to send on after a redirect
    const void *body;
    size_t body_len;       // body NULL: none
    const char *body_file; // sent instead of body, read while it is sent; NULL: none
    const char *agent, *user, *password, *unix_socket;
    const char *ca_path, *client_cert, *client_key;
    const char *follow;      // all, yes, safe, none, no, urllib2
    const char *if_modified; // date of the copy we have, NULL: none
    bool force_basic, use_proxy, validate_certs, no_cache;
    bool decompress; // take gzip off the content
    int timeout_s;
    int out_fd; // where a good body goes; -1: into the response
};

struct http_response {
    int status;               // -1: no answer, error says why
    const char *reason, *url; // url: after redirects
    struct dict
        *headers; // names in lower case; Set-Cookie and other repeated ones joined with ", "
    struct dict *cookies;
    struct buf body; // when it did not go to out_fd
    const char *error;
    bool local; // a file of the host: file://, without a status of its own
};

// Does the request. The response is filled whatever happens; <0 when there is none (status -1).
int http_fetch(struct module *m, const struct http_request *req, struct http_response *ret);
// Fills agent, auth, certificates, proxy and so on from the parameters that get_url and uri share.
void http_request_init(struct module *m, struct http_request *req);
// "OK (12 bytes)" or "HTTP Error 404: Not Found".
const char *http_message(struct module *m, const struct http_response *res);
// time as HTTP writes it.
const char *http_date(struct arena *a, time_t t);
// ref as seen from base.
const char *http_absolute(struct arena *a, const char *base, const char *ref);

#endif
