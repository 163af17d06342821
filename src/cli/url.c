// The url lookup: the helper beside andon asks for the URL as its module uri would, on this
// machine.
#include "cli/session.h"
#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ANSWER ((size_t)256 << 20)

// The lookup's options: the parameter of uri each one is, and where the lookup has a default of its
// own or one from the environment.
static const struct {
    const char *name, *param, *env, *dflt;
} options[] = {
    {"ca_path", "ca_path", "ANSIBLE_LOOKUP_URL_CA_PATH", NULL},
    {"ciphers", "ciphers", "ANSIBLE_LOOKUP_URL_CIPHERS", NULL},
    {"follow_redirects", "follow_redirects", "ANSIBLE_LOOKUP_URL_FOLLOW_REDIRECTS", "urllib2"},
    {"force", "force", "ANSIBLE_LOOKUP_URL_FORCE", NULL},
    {"force_basic_auth", "force_basic_auth", NULL, NULL},
    {"headers", "headers", NULL, NULL},
    {"http_agent", "http_agent", "ANSIBLE_LOOKUP_URL_AGENT", "ansible-httpget"},
    {"password", "url_password", NULL, NULL},
    {"timeout", "timeout", "ANSIBLE_LOOKUP_URL_TIMEOUT", "10"},
    {"unix_socket", "unix_socket", "ANSIBLE_LOOKUP_URL_UNIX_SOCKET", NULL},
    {"unredirected_headers", "unredirected_headers", "ANSIBLE_LOOKUP_URL_UNREDIR_HEADERS", NULL},
    {"use_gssapi", "use_gssapi", "ANSIBLE_LOOKUP_URL_USE_GSSAPI", NULL},
    {"use_netrc", "use_netrc", "ANSIBLE_LOOKUP_URL_USE_NETRC", NULL},
    {"use_proxy", "use_proxy", NULL, NULL},
    {"username", "url_username", NULL, NULL},
    {"validate_certs", "validate_certs", NULL, NULL},
};

static struct dict *parameters(struct arena *a, const char *url, const struct dict *opts)
{
    struct dict *p = value_dict(a).u.dict;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct value *given = dict_get(opts, options[i].name);
        const char *set = options[i].env ? getenv(options[i].env) : NULL;
        if (given && given->type != VALUE_NULL)
            dict_set(p, options[i].param, *given);
        else if (set || options[i].dflt)
            dict_set(p, options[i].param, value_str(a, set ? set : options[i].dflt));
    }
    struct value codes = value_list(a);
    list_add(codes.u.list, value_int(0)); // no answer is "wanted": uri says what it was
    dict_set(p, "url", value_str(a, url));
    dict_set(p, "status_code", codes);
    dict_set(p, "return_content", value_bool(true));
    return p;
}

// The helper's input: what is in it is never in a file or an argument.
static int input_fd(const struct dict *params, struct err *e)
{
    struct value v = {.type = VALUE_DICT};
    struct buf b = BUF_INIT;
    memcpy(&v.u.dict, &params, sizeof params);
    json_write(&b, &v, NULL);
    int fd = memfd_create("andon-url", MFD_CLOEXEC);
    bool ok =
        fd >= 0 && write(fd, buf_str(&b), b.len) == (ssize_t)b.len && lseek(fd, 0, SEEK_SET) == 0;
    buf_release(&b);
    if (ok)
        return fd;
    if (fd >= 0)
        close(fd);
    return err_set(e, ERR_IO, POS_NONE, "cannot make a file in memory: %s", strerror(errno));
}

static void helper_child(const char *path, int in, int out)
{
    static const char *const argv[] = {"andon-node", "run", "uri", NULL};
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int run_helper(struct arena *a, const char *path, const struct dict *params,
                      struct value *ret, struct err *e)
{
    int out[2], status = 0, in = input_fd(params, e);
    struct buf b = {.max = MAX_ANSWER};
    if (in < 0)
        return in;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in);
        return err_set(e, ERR_IO, POS_NONE, "cannot make a pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0)
        helper_child(path, in, out[1]);
    close(in);
    close(out[1]);
    for (;;) {
        char *room = pid > 0 ? buf_reserve(&b, 65536) : NULL;
        ssize_t n = room ? read(out[0], room, 65536) : 0;
        if (n <= 0 && !(n < 0 && errno == EINTR))
            break;
        b.len += n > 0 ? (size_t)n : 0;
    }
    close(out[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    int rc = b.overflow
                 ? err_set(e, ERR_LIMIT, POS_NONE, "answer of more than %zu MB", MAX_ANSWER >> 20)
             : !b.len ? err_set(e, ERR_IO, POS_NONE, "the helper '%s' cannot be run", path)
                      : json_parse(a, b.p, b.len, ret, e);
    buf_release(&b);
    return rc;
}

// What uri says behind its own words.
static const char *cause_of(const char *msg)
{
    static const char *const before[] = {" and not [0]: ", "Request failed: "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const char *at = strstr(msg, before[i]);
        msg = at ? at + strlen(before[i]) : msg;
    }
    return msg;
}

int session_fetch_url(struct session *s, struct arena *a, const char *url, const struct dict *opts,
                      struct value *ret, struct err *e)
{
    struct value r;
    int rc = run_helper(a, session_own_file(s, "ANDON_NODE", "andon-node"),
                        parameters(a, url, opts), &r, e);
    if (rc < 0)
        return rc;
    const struct dict *d = r.type == VALUE_DICT ? r.u.dict : NULL;
    const struct value *content = d ? dict_get(d, "content") : NULL;
    int64_t status = d ? dict_int(d, "status", -1) : -1;
    if (content && ((status >= 200 && status < 300) || status == 0)) {
        *ret = *content;
        return 0;
    }
    return err_set(e, ERR_IO, POS_NONE, "%s for %s : %s",
                   status > 0 ? "Received HTTP error" : "Failed lookup url", url,
                   cause_of(d ? dict_str(d, "msg", "") : ""));
}
