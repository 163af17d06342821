// docker_container: a container is there as described, runs or not, or is gone.
#include "node/modules/docker_container.h"

#include "core/file.h"
#include "node/modules.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *id_of(const struct container *c)
{
    return docker_str(&c->have, "Id");
}

static bool exists(const struct container *c)
{
    return c->have.type == VALUE_DICT;
}

static bool state_is(const struct container *c, const char *what)
{
    const struct value *v = docker_at(&c->have, what);
    return v && value_truthy(v);
}

static bool running(const struct container *c)
{
    return state_is(c, "State.Running");
}

void docker_action(struct container *c, const char *what, struct value with)
{
    struct value action = value_dict(c->a);
    dict_set(action.u.dict, what, with);
    list_add(c->actions.u.list, action);
}

static void note(struct container *c, const char *what, bool want, bool have)
{
    docker_diff_add(&c->diff, what, value_bool(want), value_bool(have));
}

int docker_refresh(struct container *c, const char *name)
{
    return docker_get(&c->d, docker_path(&c->d, "/containers/%s/json", name), &c->have) < 0
               ? ERR_FAILED
               : 0;
}

// A call about the container; what it is called in messages.
static int call(struct container *c, const char *verb, const char *what)
{
    return docker_must(&c->d, "POST", docker_path(&c->d, "/containers/%s/%s", id_of(c), verb), NULL,
                       arena_printf(c->a, "Error %s container %s", what, id_of(c)), NULL);
}

// --- the image

static int pull(struct container *c, const char *name, const char *tag)
{
    bool old = false;
    const char *full = arena_printf(c->a, "%s:%s", name, tag);
    if (!c->m->check &&
        docker_pull(&c->d, name, tag, module_str(c->m, "platform"), &c->image, &old) != 0)
        return ERR_FAILED;
    if (old)
        return 0;
    docker_action(c, "pulled_image", value_cstr(full));
    module_changed(c->m, true);
    return 0;
}

// Finds the image of the parameter, pulling it where it lacks.
static int wanted_image(struct container *c, const char *image)
{
    const char *name, *tag;
    int found;
    if (docker_is_image_id(image)) {
        found = docker_find_image(&c->d, image, NULL, &c->image);
        return found < 0 ? found
               : found   ? 0
                       : module_fail(c->m, "Error inspecting image ID %s - %s", image, c->d.error);
    }
    docker_split_tag(c->a, image, &name, &tag);
    tag = tag ? tag : "latest";
    if ((found = docker_find_image(&c->d, name, tag, &c->image)) < 0)
        return found;
    return found && !module_bool(c->m, "pull") ? 0 : pull(c, name, tag);
}

// Sets c->image to the one that is to be compared with; *ret_id is that of the wanted one.
static int find_images(struct container *c, const char **ret_id)
{
    const char *image = module_str(c->m, "image");
    bool current = strcmp(module_str(c->m, "image_comparison"), "current-image") == 0;
    *ret_id = "";
    if (image && wanted_image(c, image) != 0)
        return ERR_FAILED;
    if (image)
        *ret_id = docker_str(&c->image, "Id");
    if (exists(c) && (!image || current))
        return docker_find_image(&c->d, docker_str(&c->have, "Image"), NULL, &c->image) < 0
                   ? ERR_FAILED
                   : 0;
    return 0;
}

// Whether the container is of another image than wanted.
static bool image_differs(struct container *c, const char *id)
{
    const char *image = module_str(c->m, "image"), *has = docker_str(&c->have, "Image");
    if (!image || c->mode[docker_option_index("image")] != DOCKER_STRICT)
        return false;
    if (strcmp(module_str(c->m, "image_name_mismatch"), "recreate") == 0 &&
        strcmp(image, docker_str(&c->have, "Config.Image")) != 0) {
        docker_diff_add(&c->diff, "image_name", value_cstr(image),
                        value_cstr(docker_str(&c->have, "Config.Image")));
        return true;
    }
    if (strcmp(id, has) == 0)
        return false;
    docker_diff_add(&c->diff, "image", value_cstr(id), value_cstr(has));
    return true;
}

// --- from there to not there and back

// Waits until the container is gone.
static int wait_removed(struct container *c)
{
    const struct value *limit = dict_get(c->m->args, "removal_wait_timeout");
    double most = limit->type == VALUE_FLOAT ? limit->u.f
                  : limit->type == VALUE_INT ? (double)limit->u.i
                                             : -1;
    const char *id = id_of(c);
    int64_t start = clock_mono_ms(), delay = 20;
    while (exists(c)) {
        if (docker_refresh(c, id) != 0)
            return ERR_FAILED;
        if (!exists(c))
            break;
        if (most >= 0 && (double)(clock_mono_ms() - start) > most * 1000)
            return module_fail(c->m,
                               "Timeout of %s seconds exceeded while waiting for container \"%s\"",
                               value_to_cstr(c->a, limit), id);
        usleep((useconds_t)delay * 1000);
        delay = delay < 1000 ? delay * 2 : 1000;
    }
    return 0;
}

// Whether the daemon wants a paused container to go on first; then it does.
static bool unpaused(struct container *c)
{
    struct docker_answer answer;
    if (!strstr(c->d.error, "Unpause the container before stopping or killing"))
        return false;
    const char *path = docker_path(&c->d, "/containers/%s/unpause", id_of(c));
    int status = docker_try(&c->d, &(struct docker_call){.method = "POST", .path = path}, &answer);
    buf_release(&answer.body);
    return status < 400;
}

// A call that may take as long as stopping takes.
static int slow_call(struct container *c, const char *method, const char *path, int more_s,
                     const char *what)
{
    struct docker_answer answer;
    for (int i = 0; i < 4; i++) {
        int status = docker_try(&c->d,
                                &(struct docker_call){.method = method,
                                                      .path = path,
                                                      .timeout_s = c->d.base.timeout_s + more_s},
                                &answer);
        buf_release(&answer.body);
        if (status < 0)
            return ERR_FAILED;
        if (status < 400 || status == 404)
            return 0;
        if (strstr(c->d.error, "is already in progress"))
            return 0;
        if (!unpaused(c))
            break;
    }
    return module_fail(c->m, "Error %s container %s: %s", what, id_of(c), c->d.error);
}

static int stop(struct container *c)
{
    const struct value *timeout = dict_get(c->m->args, "stop_timeout");
    const char *signal = module_str(c->m, "kill_signal"), *path;
    module_changed(c->m, true);
    if (module_bool(c->m, "force_kill")) {
        docker_action(c, "killed", value_cstr(id_of(c)));
        if (c->m->check)
            return 0;
        path = signal ? docker_path(&c->d, "/containers/%s/kill?signal=%s", id_of(c), signal)
                      : docker_path(&c->d, "/containers/%s/kill", id_of(c));
        return slow_call(c, "POST", path, 0, "killing");
    }
    docker_action(c, "stopped", value_cstr(id_of(c)));
    dict_set(c->actions.u.list->items[c->actions.u.list->len - 1].u.dict, "timeout", *timeout);
    if (c->m->check)
        return 0;
    int seconds = (int)module_int(c->m, "stop_timeout", 0);
    path = docker_path(&c->d, "/containers/%s/stop", id_of(c));
    if (seconds)
        path = arena_printf(c->a, "%s?t=%d", path, seconds);
    return slow_call(c, "POST", path, seconds ? seconds : 10, "stopping");
}

static int remove_it(struct container *c, bool force)
{
    bool volumes = !module_bool(c->m, "keep_volumes");
    struct value *action;
    module_changed(c->m, true);
    docker_action(c, "removed", value_cstr(id_of(c)));
    action = &c->actions.u.list->items[c->actions.u.list->len - 1];
    dict_set(action->u.dict, "volume_state", value_bool(volumes));
    dict_set(action->u.dict, "link", value_bool(false));
    dict_set(action->u.dict, "force", value_bool(force));
    if (c->m->check)
        return 0;
    const char *path = docker_path(&c->d, "/containers/%s", id_of(c));
    path = arena_printf(c->a, "%s?v=%s&link=false&force=%s", path, volumes ? "true" : "false",
                        force ? "true" : "false");
    return slow_call(c, "DELETE", path, 0, "removing");
}

static int create(struct container *c, const char *image)
{
    struct value body = docker_create_body(c, image), answer;
    docker_action(c, "created", value_cstr("Created container"));
    dict_set(c->actions.u.list->items[c->actions.u.list->len - 1].u.dict, "create_parameters",
             value_copy(c->a, &body));
    module_changed(c->m, true);
    if (c->m->check)
        return 0;
    const char *platform = docker_str(&body, "Platform");
    const char *path = docker_path(&c->d, "/containers/create?name=%s", module_str(c->m, "name"));
    if (*platform)
        path = arena_printf(c->a, "%s&platform=%s", path, docker_quote(c->a, platform));
    dict_del(body.u.dict, "Platform");
    if (docker_must(&c->d, "POST", path, &body, "Error creating container", &answer) != 0)
        return ERR_FAILED;
    docker_warnings(&c->d, &answer);
    return docker_refresh(c, docker_str(&answer, "Id"));
}

static int recreate(struct container *c)
{
    const char *image = module_str(c->m, "image");
    if (!image)
        image = docker_str(&c->have, "Image");
    if (!*image)
        return module_fail(c->m, "Cannot recreate container when image is not specified or cannot "
                                 "be extracted from current container!");
    if (running(c) && stop(c) != 0)
        return ERR_FAILED;
    if (remove_it(c, false) != 0 || (!c->m->check && wait_removed(c) != 0))
        return ERR_FAILED;
    return create(c, image);
}

// --- running

// What the container wrote, both streams in the order they came.
static int read_logs(struct container *c, const char **ret)
{
    struct docker_answer answer;
    const char *driver = docker_str(&c->have, "HostConfig.LogConfig.Type");
    struct buf text = BUF_INIT;
    if (strcmp(driver, "json-file") != 0 && strcmp(driver, "journald") != 0 &&
        strcmp(driver, "local") != 0) {
        *ret = arena_printf(c->a, "Result logged using `%s` driver", driver);
        return 0;
    }
    const char *path = docker_path(&c->d,
                                   "/containers/%s/logs?stderr=1&stdout=1&timestamps=0&"
                                   "follow=0&tail=all",
                                   id_of(c));
    int status = docker_try(&c->d, &(struct docker_call){.method = "GET", .path = path}, &answer);
    if (status < 0)
        return ERR_FAILED;
    const char *p = buf_str(&answer.body);
    size_t len = answer.body.len;
    if (state_is(c, "Config.Tty"))
        buf_add(&text, p, len);
    else // frames: stream, three unused bytes, length, data
        for (size_t n; len >= 8; p += 8 + n, len -= 8 + n) {
            const unsigned char *u = (const unsigned char *)p;
            n = (size_t)u[4] << 24 | (size_t)u[5] << 16 | (size_t)u[6] << 8 | u[7];
            n = n > len - 8 ? len - 8 : n;
            buf_add(&text, p + 8, n);
        }
    *ret = arena_strndup(c->a, buf_str(&text), text.len);
    buf_release(&text);
    buf_release(&answer.body);
    return 0;
}

// Waits for the command of a container that is not detached; its exit code and output become the
// task's.
static int attend(struct container *c)
{
    struct docker_answer answer;
    const char *output = "Cannot retrieve result as auto_remove is enabled";
    const char *path = docker_path(&c->d, "/containers/%s/wait", id_of(c));
    int rc = docker_try(
        &c->d, &(struct docker_call){.method = "POST", .path = path, .timeout_s = -1}, &answer);
    buf_release(&answer.body);
    if (rc < 0)
        return ERR_FAILED;
    if (rc >= 400)
        return module_fail(c->m, "Error waiting for container %s: %s", id_of(c), c->d.error);
    const struct value *code = docker_at(&answer.value, "StatusCode");
    int64_t status = code && code->type == VALUE_INT ? code->u.i : 0;
    module_set(c->m, "status", value_int(status));
    if (!module_bool(c->m, "auto_remove") && read_logs(c, &output) != 0)
        return ERR_FAILED;
    const char *id = id_of(c);
    if (module_bool(c->m, "cleanup") && remove_it(c, true) != 0)
        return ERR_FAILED;
    if (docker_refresh(c, id) != 0)
        return ERR_FAILED;
    if (!exists(c) || strcmp(docker_str(&c->have, "State.Status"), "removing") == 0)
        c->have = value_dict(c->a);
    dict_set(c->have.u.dict, "Output", value_cstr(output));
    return status ? module_fail(c->m, "%s", output) : 0;
}

static int start(struct container *c)
{
    const struct value *detach = dict_get(c->m->args, "detach");
    const char *id = id_of(c);
    docker_action(c, "started", value_cstr(id));
    module_changed(c->m, true);
    if (c->m->check)
        return 0;
    if (call(c, "start", "starting") != 0)
        return ERR_FAILED;
    if (detach->type == VALUE_BOOL && !detach->u.b)
        return attend(c);
    return docker_refresh(c, id);
}

static int restart(struct container *c)
{
    int seconds = (int)module_int(c->m, "stop_timeout", 0);
    docker_action(c, "restarted", value_cstr(id_of(c)));
    dict_set(c->actions.u.list->items[c->actions.u.list->len - 1].u.dict, "timeout",
             *dict_get(c->m->args, "stop_timeout"));
    module_changed(c->m, true);
    if (c->m->check)
        return 0;
    seconds = seconds ? seconds : 10;
    const char *path = docker_path(&c->d, "/containers/%s/restart", id_of(c));
    if (slow_call(c, "POST", arena_printf(c->a, "%s?t=%d", path, seconds), seconds, "restarting") !=
        0)
        return ERR_FAILED;
    return docker_refresh(c, id_of(c));
}

static int set_paused(struct container *c, bool was)
{
    const struct value *want = dict_get(c->m->args, "paused");
    if (want->type != VALUE_BOOL || want->u.b == state_is(c, "State.Paused"))
        return 0;
    note(c, "paused", want->u.b, was);
    module_changed(c->m, true);
    if (!c->m->check &&
        (call(c, want->u.b ? "pause" : "unpause", want->u.b ? "pausing" : "unpausing") != 0 ||
         docker_refresh(c, id_of(c)) != 0))
        return ERR_FAILED;
    docker_action(c, "set_paused", *want);
    return 0;
}

static int bring_state(struct container *c, const char *state, bool was_running, bool was_paused)
{
    bool started = strcmp(state, "started") == 0;
    if (started && !running(c)) {
        note(c, "running", true, was_running);
        if (start(c) != 0)
            return ERR_FAILED;
    } else if (started && module_bool(c->m, "restart")) {
        note(c, "running", true, was_running);
        note(c, "restarted", true, false);
        if (restart(c) != 0)
            return ERR_FAILED;
    } else if (strcmp(state, "stopped") == 0 && running(c)) {
        const char *id = id_of(c);
        note(c, "running", false, was_running);
        if (stop(c) != 0 || docker_refresh(c, id) != 0)
            return ERR_FAILED;
    }
    return started ? set_paused(c, was_paused) : 0;
}

// --- states

// Changes what can be changed while the container lives.
static int update(struct container *c)
{
    struct docker_diff diff;
    docker_diff_init(&diff, c->a);
    if (docker_compare_options(c, true, &diff) != 0)
        return ERR_FAILED;
    if (!docker_differs(&diff))
        return 0;
    struct value body = docker_update_body(c, &diff), answer;
    dict_update(c->diff.before.u.dict, diff.before.u.dict);
    dict_update(c->diff.after.u.dict, diff.after.u.dict);
    docker_action(c, "updated", value_cstr(id_of(c)));
    dict_set(c->actions.u.list->items[c->actions.u.list->len - 1].u.dict, "update_parameters",
             body);
    module_changed(c->m, true);
    if (c->m->check)
        return 0;
    if (docker_must(&c->d, "POST", docker_path(&c->d, "/containers/%s/update", id_of(c)), &body,
                    arena_printf(c->a, "Error updating container %s", id_of(c)), &answer) != 0)
        return ERR_FAILED;
    docker_warnings(&c->d, &answer);
    return docker_refresh(c, id_of(c));
}

// Makes the container, anew where it differs in what cannot be changed.
static int bring_config(struct container *c, const char *image_id, bool *ret_created)
{
    struct docker_diff diff;
    bool removing = strcmp(docker_str(&c->have, "State.Status"), "removing") == 0;
    *ret_created = !exists(c) || removing;
    if (*ret_created) {
        const char *image = module_str(c->m, "image");
        if (!image)
            return module_fail(c->m, "Cannot create container when image is not specified!");
        note(c, "exists", true, false);
        if (removing && !c->m->check && wait_removed(c) != 0)
            return ERR_FAILED;
        return create(c, image);
    }
    docker_diff_init(&diff, c->a);
    if (docker_compare_options(c, false, &diff) != 0)
        return ERR_FAILED;
    bool force = module_bool(c->m, "recreate");
    bool image = image_differs(c, image_id);
    if (!image && !docker_differs(&diff) && !force)
        return 0;
    dict_update(c->diff.before.u.dict, diff.before.u.dict);
    dict_update(c->diff.after.u.dict, diff.after.u.dict);
    c->diff.list = diff.list;
    c->diff.image = image;
    *ret_created = true;
    return recreate(c);
}

static int present(struct container *c, const char *state)
{
    const char *image_id;
    bool created;
    if (docker_read_networks(c) != 0 || docker_read_options(c) != 0 ||
        docker_refresh(c, module_str(c->m, "name")) != 0)
        return ERR_FAILED;
    bool was_running = running(c), was_paused = state_is(c, "State.Paused");
    if (find_images(c, &image_id) != 0 || bring_config(c, image_id, &created) != 0)
        return ERR_FAILED;
    if (!exists(c)) // in check mode
        return 0;
    if ((!created && update(c) != 0) || docker_update_networks(c, created) != 0)
        return ERR_FAILED;
    return bring_state(c, state, was_running, was_paused);
}

static int absent(struct container *c)
{
    if (docker_refresh(c, module_str(c->m, "name")) != 0)
        return ERR_FAILED;
    if (!exists(c))
        return 0;
    if (running(c)) {
        note(c, "running", false, true);
        if (stop(c) != 0)
            return ERR_FAILED;
    }
    note(c, "exists", false, true);
    if (remove_it(c, false) != 0)
        return ERR_FAILED;
    c->have = value_null();
    return 0;
}

// Defaults that depend on others.
static void set_defaults(struct container *c)
{
    static const char *const off[] = {"auto_remove", "init",      "interactive", "paused",
                                      "privileged",  "read_only", "tty"};
    struct dict *args = c->m->args;
    const struct list *networks = module_list(c->m, "networks");
    if (module_bool(c->m, "networks_cli_compatible") && networks && networks->len &&
        !module_has(c->m, "network_mode"))
        dict_set(args, "network_mode", *docker_at(&networks->items[0], "name"));
    if (strcmp(module_str(c->m, "container_default_behavior"), "compatibility") != 0)
        return;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (!module_has(c->m, off[i]))
            dict_set(args, off[i], value_bool(false));
    if (!module_has(c->m, "detach"))
        dict_set(args, "detach", value_bool(true));
    if (!module_has(c->m, "memory"))
        dict_set(args, "memory", value_cstr("0"));
}

static void tell(struct container *c)
{
    if (c->m->check || module_bool(c->m, "debug"))
        module_set(c->m, "actions", c->actions);
    docker_tell_diff(c->m, &c->diff);
    if (exists(c))
        module_set(c->m, "container", c->have);
}

int mod_docker_container(struct module *m)
{
    struct container c = {.m = m, .a = m->arena, .actions = value_list(m->arena)};
    const char *state = module_str(m, "state");
    docker_diff_init(&c.diff, c.a);
    module_changed(m, false);
    set_defaults(&c);
    if (docker_read_comparisons(&c) != 0 || docker_open(&c.d, m) != 0)
        return ERR_FAILED;
    int rc = strcmp(state, "absent") == 0 ? absent(&c) : present(&c, state);
    if (rc == 0 || dict_get(m->result, "status")) // its command failed, not the task
        tell(&c);
    else
        (void)docker_end(m, rc);
    return rc;
}
