// The helper's HTTP client against a server of ours that answers as servers do on good and bad
// days: redirects, chunks, gzip, passwords, early ends, headers without end.
#include "node/http.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int port, other_port;
static pid_t server, other_server;
static char socket_path[64];

// --- the server

static void say(int fd, const char *s, size_t len)
{
    while (len) {
        ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s += n;
        len -= (size_t)n;
    }
}

static void says(int fd, const char *s)
{
    say(fd, s, strlen(s));
}

// Head and body of the request.
static void hear(int fd, struct buf *b)
{
    size_t want = 0;
    while (!want || b->len < want) {
        ssize_t n = recv(fd, buf_reserve(b, 4096), 4095, 0);
        if (n <= 0)
            return;
        b->len += (size_t)n;
        b->p[b->len] = '\0';
        const char *end = strstr(buf_str(b), "\r\n\r\n"),
                   *length = strcasestr(buf_str(b), "content-length:");
        if (end && !want)
            want = (size_t)(end + 4 - b->p) + (length ? strtoul(length + 15, NULL, 10) : 0);
    }
}

static void fill_line(int fd, size_t len)
{
    char block[4096];
    memset(block, 'x', sizeof block);
    for (; len; len -= len < sizeof block ? len : sizeof block)
        say(fd, block, len < sizeof block ? len : sizeof block);
}

// What came is sent back as the content.
static void echo(int fd, const struct buf *b)
{
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", b->len);
    says(fd, head);
    say(fd, b->p, b->len);
}

// "hello", packed by gzip.
static const char packed[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10"
                             "\x36\x05\0\0";

static void odd_answers(int fd, const char *path, const struct buf *b)
{
    char text[256];
    if (strcmp(path, "/auth") == 0) {
        says(fd, strstr(b->p, "Authorization: Basic dTpw\r\n")
                     ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin"
                     : "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                       "Content-Length: 3\r\n\r\nout");
    } else if (strcmp(path, "/gzip") == 0) {
        says(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n");
        say(fd, packed, 25);
    } else if (strcmp(path, "/long-header") == 0) {
        says(fd, "HTTP/1.1 200 OK\r\nX: ");
        fill_line(fd, 300000);
        says(fd, "\r\n\r\nbody");
    } else if (strcmp(path, "/many-headers") == 0) {
        says(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "X-%d: y\r\n", i);
            says(fd, text);
        }
        says(fd, "\r\n");
    } else if (strncmp(path, "/hop/", 5) == 0) {
        snprintf(text, sizeof text,
                 "HTTP/1.1 302 Found\r\nLocation: %s%d\r\nContent-Length: 0\r\n\r\n",
                 atoi(path + 5) ? "/hop/" : "/plain?", atoi(path + 5) - 1);
        says(fd, text);
    } else if (strcmp(path, "/away") == 0) {
        snprintf(text, sizeof text,
                 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/echo\r\n\r\n", other_port);
        says(fd, text);
    } else {
        says(fd, "HTTP/1.1 404 Not here\r\nContent-Length: 4\r\n\r\ngone");
    }
}

static void answer(int fd)
{
    static const struct {
        const char *path, *answer;
    } fixed[] = {
        {"/plain", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n"
                   "Set-Cookie: c=d; Path=/\r\n\r\nhello"},
        {"/until-close", "HTTP/1.0 200 OK\r\n\r\nhello"},
        {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"},
        {"/bad-chunk",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"},
        {"/huge-chunk",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello"},
        {"/cut-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"},
        {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"},
        {"/cut-head", "HTTP/1.1 200 OK\r\nContent-Le"},
        {"/silent", ""},
        {"/not-http", "SSH-2.0-OpenSSH_9.2\r\n"},
        {"/continue",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
        {"/empty", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"/unpackable",
         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"},
        {"/loop", "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"},
        {"/see-other", "HTTP/1.1 303 See\r\nLocation: echo\r\nContent-Length: 0\r\n\r\n"},
        {"/keep-method", "HTTP/1.1 307 Go\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n"},
        {"/nowhere", "HTTP/1.1 302 Go\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"},
        {"/no-location", "HTTP/1.1 302 Go\r\nContent-Length: 2\r\n\r\nok"},
        {"/minus", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"},
    };
    struct buf b = BUF_INIT;
    char path[256] = "";
    hear(fd, &b);
    if (sscanf(buf_str(&b), "%*s %255[^ ?]", path) != 1)
        return;
    if (strcmp(path, "/slow") == 0) // says nothing until the client goes away
        while (read(fd, path, sizeof path) > 0)
            ;
    if (strcmp(path, "/echo") == 0) {
        echo(fd, &b);
        return;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(path, fixed[i].path) == 0) {
            says(fd, fixed[i].answer);
            return;
        }
    odd_answers(fd, path, &b);
}

static pid_t serve(int listener)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            answer(fd);
            shutdown(fd, SHUT_WR);
            _exit(0);
        }
        close(fd);
    }
}

static int listen_tcp(int *ret_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        return -1;
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static int start(void **state)
{
    (void)state;
    int other = listen_tcp(&other_port), main_fd = listen_tcp(&port);
    if (other < 0 || main_fd < 0)
        return -1;
    server = serve(main_fd);
    other_server = serve(other);
    close(other);
    close(main_fd);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kill(server, SIGKILL);
    kill(other_server, SIGKILL);
    waitpid(server, NULL, 0);
    waitpid(other_server, NULL, 0);
    return 0;
}

// --- the client

static struct module module;
static struct http_response response;

static int setup(void **state)
{
    (void)state;
    module = (struct module){.arena = arena_new()};
    module.extra = value_dict(module.arena).u.dict;
    module.result = value_dict(module.arena).u.dict;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&response.body);
    host_tmp_cleanup(&module);
    arena_free(module.arena);
    return 0;
}

static struct http_request get(const char *path)
{
    return (struct http_request){
        .method = "GET",
        .url = arena_printf(module.arena, "http://127.0.0.1:%d%s", port, path),
        .follow = "urllib2",
        .timeout_s = 5,
        .decompress = true,
        .out_fd = -1};
}

static int fetch(const struct http_request *req)
{
    buf_release(&response.body);
    return http_fetch(&module, req, &response);
}

static void assert_body(const struct http_request *req, int status, const char *body)
{
    int rc = fetch(req);
    if (rc < 0)
        fail_msg("%s: %s", req->url, response.error);
    assert_int_equal(response.status, status);
    assert_string_equal(buf_str(&response.body), body);
}

static void takes_content_however_it_comes(void **state)
{
    (void)state;
    static const char *const paths[] = {"/plain", "/until-close", "/chunked",     "/continue",
                                        "/gzip",  "/hop/5",       "/plain?q#frag"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_request req = get(paths[i]);
        assert_body(&req, 200, "hello");
    }
    struct http_request req = get("/empty");
    assert_body(&req, 204, "");
    req = get("/nosuch");
    assert_body(&req, 404, "gone");
    assert_string_equal(http_message(&module, &response), "HTTP Error 404: Not here");
    req = get("/no-location");
    assert_body(&req, 302, "ok");
    req = get("/gzip");
    req.decompress = false;
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(response.body.len, 25);
    req = get("/plain");
    req.method = "HEAD";
    assert_body(&req, 200, "");
}

static void reads_headers_and_cookies(void **state)
{
    (void)state;
    struct http_request req = get("/plain");
    assert_body(&req, 200, "hello");
    assert_string_equal(dict_str(response.headers, "x-a", ""), "1, 2");
    assert_string_equal(dict_str(response.cookies, "c", ""), "d");
    assert_string_equal(http_message(&module, &response), "OK (5 bytes)");
}

static void writes_into_a_file(void **state)
{
    (void)state;
    static const char *const paths[] = {"/plain", "/chunked", "/gzip", "/hop/2"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err e = ERR_INIT;
        const char *path;
        char text[64] = "";
        int fd = host_tmpfile(&module, NULL, &path, &e);
        struct http_request req = get(paths[i]);
        req.out_fd = fd;
        assert_int_equal(fetch(&req), 0);
        assert_int_equal(pread(fd, text, sizeof text - 1, 0), 5);
        assert_string_equal(text, "hello");
        close(fd);
    }
    // What an error page says is no content.
    struct err e = ERR_INIT;
    const char *path;
    struct stat st;
    struct http_request req = get("/nosuch");
    req.out_fd = host_tmpfile(&module, NULL, &path, &e);
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(fstat(req.out_fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_string_equal(buf_str(&response.body), "gone");
    close(req.out_fd);
}

static void says_why_there_is_no_content(void **state)
{
    (void)state;
    static const struct {
        const char *path, *error;
    } cases[] = {
        {"/cut", "the connection ended within the content"},
        {"/minus", "the connection ended within the content"},
        {"/cut-chunk", "the connection ended within the content"},
        {"/bad-chunk", "malformed chunk"},
        {"/huge-chunk", "malformed chunk"},
        {"/cut-head", "closed the connection without an answer"},
        {"/silent", "closed the connection without an answer"},
        {"/not-http", "did not answer in HTTP"},
        {"/long-header", "a line of the answer is too long"},
        {"/many-headers", "too many headers"},
        {"/unpackable", "not proper gzip"},
        {"/loop", "infinite loop"},
        {"/hop/20", "infinite loop"},
        {"/nowhere", "unknown url type: ftp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request req = get(cases[i].path);
        int rc = fetch(&req);
        if (rc >= 0 || !response.error || !strstr(response.error, cases[i].error))
            fail_msg("%s: %s", cases[i].path, rc < 0 ? response.error : "accepted");
    }
}

static void urls_and_hosts_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *url, *error;
    } cases[] = {
        {"http://127.0.0.1:1/", "Connection refused"},
        {"http://127.0.0.1:port/", "malformed URL"},
        {"http:///x", "malformed URL"},
        {"gopher://x/", "unknown url type: gopher"},
        {"http://nosuch.invalid/", "nown"},
        {"file:///nonexistent", "No such file"},
        {"file:///tmp", "Is a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request req = get("/");
        req.url = cases[i].url;
        if (fetch(&req) >= 0 || !strstr(response.error, cases[i].error))
            fail_msg("%s: %s", cases[i].url, response.error ? response.error : "accepted");
    }
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    struct http_request req = get("/slow");
    req.timeout_s = 1;
    int64_t before = clock_mono_ms();
    assert_true(fetch(&req) < 0);
    assert_non_null(strstr(response.error, "timed out"));
    assert_true(clock_mono_ms() - before < 20000);
}

static void sends_what_it_is_told(void **state)
{
    (void)state;
    struct value headers = value_dict(module.arena);
    struct http_request req = get("/echo");
    dict_set(headers.u.dict, "X-Mine", value_cstr("val"));
    dict_set(headers.u.dict, "X-Evil", value_cstr("a\r\nInjected: yes"));
    req.method = "POST";
    req.headers = headers.u.dict;
    req.body = "k=v";
    req.body_len = 3;
    req.agent = "tester";
    assert_int_equal(fetch(&req), 0);
    const char *got = buf_str(&response.body);
    assert_int_equal(strncmp(got, "POST /echo HTTP/1.1\r\n", 21), 0);
    assert_non_null(strstr(got, "\r\nUser-Agent: tester\r\n"));
    assert_non_null(strstr(got, "\r\nX-Mine: val\r\n"));
    assert_non_null(strstr(got, "\r\nContent-Length: 3\r\n"));
    assert_non_null(strstr(got, "\r\n\r\nk=v"));
    assert_null(strstr(got, "Injected"));
}

static void a_redirect_changes_the_method_as_it_should(void **state)
{
    (void)state;
    struct http_request req = get("/see-other");
    req.method = "POST";
    req.body = "k=v";
    req.body_len = 3;
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(strncmp(buf_str(&response.body), "GET /echo ", 10), 0);
    assert_null(strstr(buf_str(&response.body), "k=v"));
    assert_non_null(strstr(response.url, "/echo"));
    req.url = get("/keep-method").url;
    req.follow = "all";
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(strncmp(buf_str(&response.body), "POST /echo ", 11), 0);
    assert_non_null(strstr(buf_str(&response.body), "k=v"));
    req.follow = "none";
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(response.status, 307);
    req.follow = "safe";
    assert_int_equal(fetch(&req), 0);
    assert_int_equal(response.status, 307);
}

static void passwords_are_for_the_host_they_are_given_for(void **state)
{
    (void)state;
    struct http_request req = get("/auth");
    assert_body(&req, 401, "out");
    req.user = "u";
    req.password = "p";
    assert_body(&req, 200, "in");
    req.password = "wrong";
    assert_body(&req, 401, "out");
    req.password = "p";
    req.force_basic = true;
    assert_body(&req, 200, "in");
    req.user = NULL;
    req.url = arena_printf(module.arena, "http://u:p@127.0.0.1:%d/auth", port);
    assert_body(&req, 200, "in");
    // and not for the one it redirects to
    req.url = get("/away").url;
    req.user = "u";
    struct value headers = value_dict(module.arena);
    dict_set(headers.u.dict, "Authorization", value_cstr("Bearer token"));
    dict_set(headers.u.dict, "X-Mine", value_cstr("val"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fetch(&req), 0);
        assert_int_equal(strncmp(buf_str(&response.body), "GET /echo ", 10), 0);
        assert_null(strstr(buf_str(&response.body), "Authorization"));
        req.headers = headers.u.dict;
    }
    assert_non_null(strstr(buf_str(&response.body), "X-Mine"));
}

static void speaks_through_a_proxy_and_a_socket(void **state)
{
    (void)state;
    struct http_request req = get("/echo");
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://pu:pp@127.0.0.1:%d", other_port);
    setenv("http_proxy", proxy, 1);
    req.url = "http://somewhere.invalid/echo";
    req.use_proxy = true;
    fetch(&req); // the proxy of the test looks at the whole URL as a path it does not have
    assert_int_equal(response.status, 404);
    setenv("no_proxy", "127.0.0.1", 1);
    req.url = get("/plain").url;
    assert_body(&req, 200, "hello");
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    snprintf(socket_path, sizeof socket_path, "/tmp/andon-http-%d.sock", (int)getpid());
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    memcpy(addr.sun_path, socket_path, strlen(socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 4), 0);
    pid_t pid = serve(fd);
    close(fd);
    req = get("/plain");
    req.unix_socket = socket_path;
    assert_body(&req, 200, "hello");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(socket_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const char *const proxies[] = {"http_proxy", "https_proxy", "no_proxy",
                                          "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        TEST(takes_content_however_it_comes),
        TEST(reads_headers_and_cookies),
        TEST(writes_into_a_file),
        TEST(says_why_there_is_no_content),
        TEST(urls_and_hosts_that_are_none),
        TEST(a_server_that_says_nothing_is_given_up),
        TEST(sends_what_it_is_told),
        TEST(a_redirect_changes_the_method_as_it_should),
        TEST(passwords_are_for_the_host_they_are_given_for),
        TEST(speaks_through_a_proxy_and_a_socket),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
