// docker_image with source=build: the parameters of a build as a call, and what it prints.
#include "node/modules/docker_image.h"

#include "core/file.h"
#include "core/json.h"
#include "node/modules/docker_auth.h"
#include "node/text.h"

#include <string.h>

static void add_text(struct buf *query, const char *key, const char *text, struct arena *a)
{
    if (text && *text)
        buf_addf(query, "&%s=%s", key, docker_quote(a, text));
}

static void add_json(struct buf *query, const char *key, const struct value *v, struct arena *a)
{
    struct buf json = BUF_INIT;
    json_write(&json, v, NULL);
    add_text(query, key, buf_str(&json), a);
    buf_release(&json);
}

// Proxies that Docker's configuration wants builds to use.
static void add_proxies(struct image_task *t, struct value *args)
{
    static const char *const names[][2] = {{"httpProxy", "HTTP_PROXY"},
                                           {"httpsProxy", "HTTPS_PROXY"},
                                           {"ftpProxy", "FTP_PROXY"},
                                           {"noProxy", "NO_PROXY"}};
    struct value config = docker_read_config(t->m, docker_config_path(t->a));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *proxy =
            docker_str(&config, arena_printf(t->a, "proxies.default.%s", names[i][0]));
        char *low = arena_strdup(t->a, names[i][1]);
        for (char *c = low; *c; c++)
            *c = *c == '_' ? '_' : (char)(*c | 0x20);
        if (*proxy && !dict_get(args->u.dict, names[i][1]))
            dict_set(args->u.dict, names[i][1], value_cstr(proxy));
        if (*proxy && !dict_get(args->u.dict, low))
            dict_set(args->u.dict, low, value_cstr(proxy));
    }
}

static void add_limits(struct image_task *t, const struct value *build, struct buf *query)
{
    static const char *const names[] = {"memory", "memswap", "cpushares", "cpusetcpus"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *v =
            docker_at(build, arena_printf(t->a, "container_limits.%s", names[i]));
        if (v && v->type != VALUE_NULL)
            add_text(query, names[i], value_to_cstr(t->a, v), t->a);
    }
}

static void add_parameters(struct image_task *t, const struct value *build, const char *dockerfile,
                           struct buf *query)
{
    static const char *const flags[] = {"nocache", "rm", "pull"};
    static const char *const texts[][2] = {
        {"network", "networkmode"}, {"target", "target"}, {"platform", "platform"}};
    struct value args = docker_strings(t->a, docker_at(build, "args"));
    const struct value *hosts = docker_at(build, "etc_hosts"),
                       *cache = docker_at(build, "cache_from");
    const struct value *proxies = docker_at(build, "use_config_proxy");
    struct dict_entry *entry;
    buf_adds(query, "/build?forcerm=false");
    add_text(query, "t", arena_printf(t->a, "%s:%s", t->name, t->tag), t->a);
    add_text(query, "dockerfile", dockerfile, t->a);
    for (size_t i = 0; i < 3; i++) {
        const struct value *v = docker_at(build, flags[i]);
        add_text(query, flags[i], v && value_truthy(v) ? "true" : "false", t->a);
        add_text(query, texts[i][1], docker_str(build, texts[i][0]), t->a);
    }
    if (proxies && value_truthy(proxies))
        add_proxies(t, &args);
    if (args.u.dict->len)
        add_json(query, "buildargs", &args, t->a);
    if (cache && cache->type == VALUE_LIST)
        add_json(query, "cachefrom", cache, t->a);
    if (hosts && hosts->type == VALUE_DICT)
        DICT_EACH(hosts->u.dict, entry)
    add_text(query, "extrahosts",
             arena_printf(t->a, "%s:%s", value_to_cstr(t->a, &entry->key),
                          value_to_cstr(t->a, &entry->val)),
             t->a);
    add_limits(t, build, query);
}

// The text of the build: what each line of the answer says.
static int read_output(struct image_task *t, const struct buf *body)
{
    struct buf text = BUF_INIT;
    for (char *c = arena_strdup(t->a, buf_str(body)), *line; (line = text_line(&c));) {
        struct value v;
        struct err e = ERR_INIT;
        if (json_parse(t->a, line, strlen(line), &v, &e) == 0) {
            buf_adds(&text, docker_str(&v, "stream"));
            if (*docker_str(&v, "status"))
                buf_addf(&text, "%s\n", docker_str(&v, "status"));
        }
        err_release(&e);
    }
    module_set_str(t->m, "stdout", buf_str(&text));
    buf_release(&text);
    return docker_stream_error(&t->d, body, arena_printf(t->a, "Error building %s", t->name));
}

// The Dockerfile as seen from the folder; fails the task when it is elsewhere.
static int find_dockerfile(struct image_task *t, const char *folder, const char *given,
                           const char **ret)
{
    size_t n = strlen(folder);
    const char *file = *given ? given : "Dockerfile";
    if (*file == '/' && strncmp(file, folder, n) == 0 && file[n] == '/')
        file += n + 1;
    *ret = file;
    if (*file == '/' || text_after(file, "../"))
        return module_fail(t->m, "The Dockerfile %s is not in the build context %s", file, folder);
    if (!text_exists(path_join(t->a, folder, file)))
        return module_fail(t->m, "Cannot find the Dockerfile %s/%s", folder, file);
    return 0;
}

int docker_build(struct image_task *t)
{
    const struct value *build = dict_get(t->m->args, "build"),
                       *timeout = docker_at(build, "http_timeout");
    const char *folder = host_realpath(t->a, docker_str(build, "path")), *file, *archive;
    struct buf query = BUF_INIT;
    struct docker_answer answer;
    if (find_dockerfile(t, folder, docker_str(build, "dockerfile"), &file) != 0 ||
        docker_make_context(t->m, folder, file, &archive) != 0)
        return ERR_FAILED;
    add_parameters(t, build, file, &query);
    int status =
        docker_try(&t->d,
                   &(struct docker_call){
                       .method = "POST",
                       .path = arena_strdup(t->a, buf_str(&query)),
                       .file = archive,
                       .auth = docker_config_header(&t->d),
                       .timeout_s = timeout && timeout->type == VALUE_INT ? (int)timeout->u.i : -1},
                   &answer);
    buf_release(&query);
    if (status < 0)
        return ERR_FAILED;
    if (status >= 400) {
        buf_release(&answer.body);
        return module_fail(t->m, "Error building %s: %s", t->name, t->d.error);
    }
    int rc = read_output(t, &answer.body);
    buf_release(&answer.body);
    return rc;
}
