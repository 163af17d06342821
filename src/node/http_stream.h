// The byte stream under HTTP: TCP, a UNIX socket, or openssl as a child that speaks TLS.
#ifndef NODE_HTTP_STREAM_H
#define NODE_HTTP_STREAM_H

#include "node/http.h"

struct http_url {
    bool tls;
    const char *host, *port, *path; // path with the query
    const char *authority;          // as in the Host header
    const char *user, *password;    // NULL: none in the URL
};

struct http_proxy {
    const char *host, *port, *user, *password; // host NULL: none
};

struct http_stream;

// The proxy that the environment (http_proxy, https_proxy, no_proxy) wants for u.
void http_proxy_for(struct arena *a, const struct http_url *u, struct http_proxy *ret);
// Connects. *ret is to be closed.
int http_stream_open(struct module *m, const struct http_request *req, const struct http_url *u,
                     const struct http_proxy *proxy, struct http_stream **ret, struct err *e);
int http_stream_write(struct http_stream *s, const void *data, size_t len, struct err *e);
// The next line without its end, in the arena.
int http_stream_line(struct http_stream *s, struct arena *a, char **ret, struct err *e);
// Up to max bytes, *ret into the stream's buffer until the next call; 0 at the end, or with e set
// on failure.
size_t http_stream_some(struct http_stream *s, size_t max, const char **ret, struct err *e);
// Closes. Where e is set and openssl said why, the error becomes that.
void http_stream_close(struct http_stream *s, struct err *e);

#endif
