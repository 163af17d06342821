// docker_image: an image is there, by pulling, building or loading it, under further names, in an
// archive or a registry; or it is gone.
#include "node/modules/docker_image.h"

#include "core/file.h"
#include "core/json.h"
#include "node/command.h"
#include "node/modules.h"
#include "node/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool exists(const struct image_task *t)
{
    return t->image.type == VALUE_DICT;
}

static const char *full_name(const struct image_task *t)
{
    return *t->tag ? arena_printf(t->a, "%s%s%s", t->name, strchr(t->tag, ':') ? "@" : ":", t->tag)
                   : t->name;
}

static void did(struct image_task *t, struct value action)
{
    list_add(t->actions.u.list, action);
    module_changed(t->m, true);
}

static int refresh(struct image_task *t)
{
    return docker_find_image(&t->d, t->name, t->tag, &t->image) < 0 ? ERR_FAILED : 0;
}

// --- where the image comes from

static int pull(struct image_task *t)
{
    const struct value *platform = docker_at(dict_get(t->m->args, "pull"), "platform");
    bool old = false;
    list_add(t->actions.u.list, value_strf(t->a, "Pulled image %s:%s", t->name, t->tag));
    if (!t->m->check &&
        docker_pull(&t->d, t->name, t->tag,
                    platform && platform->type == VALUE_STRING ? platform->u.str.s : NULL,
                    &t->image, &old) != 0)
        return ERR_FAILED;
    module_changed(t->m, !old);
    return 0;
}

// What the daemon says it has loaded, each once, and all that it said.
struct loaded {
    struct list *names, *ids;
    char *said;
};

static void note_loaded(struct loaded *l, const char *line)
{
    const char *name = text_after(line, "Loaded image:"),
               *id = text_after(line, "Loaded image ID:");
    struct list *where = name ? l->names : l->ids;
    struct arena *a = where->arena;
    if (!name && !id)
        return;
    char *what = text_strip(arena_strdup(a, name ? name : id));
    if (!text_list_has(where, what))
        list_add(where, value_cstr(what));
}

static struct loaded read_loaded(struct arena *a, const struct buf *body)
{
    struct buf text = BUF_INIT;
    struct loaded ret = {.names = value_list(a).u.list, .ids = value_list(a).u.list};
    for (char *c = arena_strdup(a, buf_str(body)), *line; (line = text_line(&c));) {
        struct value v;
        struct err e = ERR_INIT;
        if (json_parse(a, line, strlen(line), &v, &e) == 0) {
            buf_adds(&text, docker_str(&v, "stream"));
            note_loaded(&ret, docker_str(&v, "stream"));
        }
        err_release(&e);
    }
    ret.said = arena_strdup(a, buf_str(&text));
    text_rstrip(ret.said);
    buf_release(&text);
    return ret;
}

// "'copy:2', 'other:1', sha256:..": all that was loaded but `without`.
static const char *list_loaded(struct arena *a, const struct loaded *l, const char *without)
{
    struct list *all = value_list(a).u.list;
    for (size_t i = 0; i < l->names->len; i++)
        if (!value_eqs(&l->names->items[i], without))
            list_add(all, value_strf(a, "'%s'", l->names->items[i].u.str.s));
    for (size_t i = 0; i < l->ids->len; i++)
        if (!value_eqs(&l->ids->items[i], without))
            list_add(all, l->ids->items[i]);
    text_list_sort(all);
    return text_join(a, all, ", ");
}

// Whether the image is among what the daemon has loaded; what else is there is worth a warning
// where it has a name.
static int check_loaded(struct image_task *t, const struct buf *body)
{
    const struct loaded l = read_loaded(t->a, body);
    bool by_id = !*t->tag;
    const char *want = full_name(t);
    if (!text_list_has(by_id ? l.ids : l.names, want)) {
        module_set(t->m, "stdout", value_cstr(l.said)); // told of a failure alone
        return l.names->len || l.ids->len
                   ? module_fail(t->m, "The archive did not contain image '%s'. Instead, found %s.",
                                 want, list_loaded(t->a, &l, ""))
                   : module_fail(t->m, "Detected no loaded images. Archive potentially corrupt?");
    }
    if (l.names->len > !by_id)
        module_warn(t->m, "The archive contained more images than specified: %s",
                    list_loaded(t->a, &l, want));
    return 0;
}

static int load(struct image_task *t)
{
    const char *path = module_str(t->m, "load_path");
    struct docker_answer answer;
    did(t, value_strf(t->a, "Loaded image %s from %s", full_name(t), path));
    if (t->m->check)
        return 0;
    if (access(path, R_OK) != 0)
        return errno == ENOENT
                   ? module_fail(t->m, "Error loading image %s. Specified path %s does not exist.",
                                 t->name, path)
                   : module_fail(t->m, "Error loading image %s - %s: %s", t->name, path,
                                 strerror(errno));
    int status =
        docker_try(&t->d,
                   &(struct docker_call){
                       .method = "POST", .path = "/images/load", .file = path, .timeout_s = -1},
                   &answer);
    const char *what = arena_printf(t->a, "Error loading image %s", t->name);
    int rc;
    if (status < 0)
        return ERR_FAILED;
    if (status >= 400)
        rc = module_fail(t->m, "%s - %s", what, t->d.error);
    else if ((rc = docker_stream_error(&t->d, &answer.body, what)) == 0)
        rc = check_loaded(t, &answer.body);
    buf_release(&answer.body);
    return rc != 0 ? ERR_FAILED : refresh(t);
}

static int build(struct image_task *t)
{
    const char *path = docker_str(dict_get(t->m->args, "build"), "path");
    did(t, value_strf(t->a, "Built image %s from %s", full_name(t), path));
    if (t->m->check)
        return 0;
    return docker_build(t) != 0 || refresh(t) != 0 ? ERR_FAILED : 0;
}

static int fetch_image(struct image_task *t)
{
    const char *source = module_str(t->m, "source");
    const struct value old = t->image;
    int rc = 0;
    if (strcmp(source, "pull") == 0)
        return pull(t);
    if (strcmp(source, "local") == 0)
        return exists(t) ? 0 : module_fail(t->m, "Cannot find the image %s locally.", full_name(t));
    rc = strcmp(source, "build") == 0 ? build(t) : load(t);
    if (rc == 0 && !t->m->check && strcmp(docker_str(&old, "Id"), docker_str(&t->image, "Id")) == 0)
        module_set(t->m, "changed", value_bool(false));
    return rc;
}

// --- what is done with it

// Whether the archive holds this image under this name alone; *ret_why: why it is written.
static bool is_archived(struct image_task *t, const char *path, const char **ret_why)
{
    struct output o;
    struct value v;
    struct err e = ERR_INIT;
    struct argv argv = argv_of(t->a, "tar", "-xOf", path, "manifest.json", NULL);
    *ret_why = "since none present";
    if (!text_exists(path))
        return false;
    *ret_why = "overwriting an unreadable archive file";
    if (command_run(t->m, &argv, NULL, &o) != 0 || o.rc != 0 ||
        json_parse(t->a, o.out, o.out_len, &v, &e) != 0 || v.type != VALUE_LIST ||
        v.u.list->len != 1) {
        err_release(&e);
        return false;
    }
    const char *config = docker_str(&v.u.list->items[0], "Config"),
               *id = docker_str(&t->image, "Id");
    const struct value *tags = docker_at(&v.u.list->items[0], "RepoTags");
    const char *base = path_base(config); // "HEX.json" or "blobs/sha256/HEX"
    const char *hex = arena_strndup(t->a, base, strcspn(base, "."));
    bool named = tags && tags->type == VALUE_LIST && tags->u.list->len == 1 &&
                 value_eqs(&tags->u.list->items[0], full_name(t));
    *ret_why = arena_printf(t->a, "overwriting archive with image %s named %s", hex,
                            tags && tags->type == VALUE_LIST ? text_join(t->a, tags->u.list, ", ")
                                                             : "nothing");
    return named && text_after(id, "sha256:") && strcmp(id + 7, hex) == 0;
}

static int archive(struct image_task *t, const char *path)
{
    const char *why = "since none present", *tmp;
    struct docker_answer answer;
    struct err e = ERR_INIT;
    if (!exists(t) && !t->m->check)
        return 0;
    if (exists(t) && is_archived(t, path, &why))
        return 0;
    did(t, value_strf(t->a, "Archived image %s to %s, %s", full_name(t), path, why));
    if (t->m->check)
        return 0;
    int fd = host_tmpfile(t->m, path_dir(t->a, path), &tmp, &e);
    if (fd < 0)
        return module_fail_err(t->m, &e);
    int status =
        docker_try(&t->d,
                   &(struct docker_call){.method = "GET",
                                         .path = docker_path(&t->d, "/images/%s/get", full_name(t)),
                                         .timeout_s = -1,
                                         .out_fd = fd},
                   &answer);
    buf_release(&answer.body);
    if (status < 0)
        return ERR_FAILED;
    if (status >= 400)
        return module_fail(t->m, "Error getting image %s - %s", full_name(t), t->d.error);
    return host_install(t->m, tmp, path, &e) != 0 ? module_fail_err(t->m, &e) : 0;
}

static int push(struct image_task *t, const char *name, const char *tag)
{
    struct docker_answer answer;
    const char *registry = docker_registry(t->a, name), *slash = strchr(name, '/');
    bool own = strcmp(registry, "docker.io") != 0;
    const char *repository = own ? slash + 1 : name;
    const char *server = own ? registry : "https://index.docker.io/v1/";
    did(t, value_strf(t->a, "Pushed image %s to %s/%s:%s", name, server, repository, tag));
    if (t->m->check)
        return 0;
    const char *header = docker_auth_header(&t->d, name);
    int status = docker_try(
        &t->d,
        &(struct docker_call){.method = "POST",
                              .path = docker_path(&t->d, "/images/%s/push?tag=%s", name, tag),
                              .auth = header ? header : "X-Registry-Auth: e30=", // {}
                              .timeout_s = -1},
        &answer);
    if (status < 0)
        return ERR_FAILED;
    const char *what = arena_printf(t->a, "Error pushing image %s/%s:%s", server, repository, tag);
    int rc = status >= 400 ? module_fail(t->m, "%s - %s", what, t->d.error)
                           : docker_stream_error(&t->d, &answer.body, what);
    buf_release(&answer.body);
    return rc;
}

// Gives the image a further name, and pushes that.
static int add_name(struct image_task *t, const char *repository)
{
    const char *repo, *tag;
    struct value had;
    docker_split_tag(t->a, repository, &repo, &tag);
    if (!tag)
        tag = *t->tag ? t->tag : "latest";
    int found = docker_find_image(&t->d, repo, tag, &had);
    if (found < 0)
        return ERR_FAILED;
    bool same = found && strcmp(docker_str(&had, "Id"), docker_str(&t->image, "Id")) == 0;
    if (!same && (!found || module_bool(t->m, "force_tag"))) {
        did(t, value_strf(t->a, "Tagged image %s to %s:%s", full_name(t), repo, tag));
        const char *path =
            docker_path(&t->d, "/images/%s/tag?tag=%s&repo=%s&force=1", full_name(t), tag, repo);
        if (!t->m->check &&
            (docker_must(&t->d, "POST", path, NULL,
                         arena_printf(t->a, "Error: failed to tag image - %s", repository),
                         NULL) != 0 ||
             docker_find_image(&t->d, repo, tag, &t->image) < 0))
            return ERR_FAILED;
    }
    return module_bool(t->m, "push") ? push(t, repo, tag) : 0;
}

// --- states

static int present(struct image_task *t)
{
    const char *path = module_str(t->m, "archive_path"),
               *repository = module_str(t->m, "repository");
    if ((!exists(t) || module_bool(t->m, "force_source")) && fetch_image(t) != 0)
        return ERR_FAILED;
    if (path && archive(t, path) != 0)
        return ERR_FAILED;
    if (repository && add_name(t, repository) != 0)
        return ERR_FAILED;
    if (!repository && module_bool(t->m, "push") && push(t, t->name, t->tag) != 0)
        return ERR_FAILED;
    return 0;
}

static int absent(struct image_task *t)
{
    struct docker_answer answer;
    if (!exists(t))
        return 0;
    did(t, value_strf(t->a, "Removed image %s", full_name(t)));
    t->image = value_dict(t->a); // nothing else is told of what is gone
    dict_set(t->image.u.dict, "state", value_cstr("Deleted"));
    if (t->m->check)
        return 0;
    const char *path = docker_path(&t->d, "/images/%s", full_name(t));
    path = arena_printf(t->a, "%s?force=%s", path,
                        module_bool(t->m, "force_absent") ? "true" : "false");
    int status =
        docker_try(&t->d, &(struct docker_call){.method = "DELETE", .path = path}, &answer);
    buf_release(&answer.body);
    if (status < 0)
        return ERR_FAILED;
    return status >= 400 && status != 404
               ? module_fail(t->m, "Error removing image %s - %s", full_name(t), t->d.error)
               : 0;
}

static int read_name(struct image_task *t)
{
    const char *name = module_str(t->m, "name"), *tag, *source = module_str(t->m, "source");
    bool gone = strcmp(module_str(t->m, "state"), "absent") == 0;
    t->name = name;
    t->tag = "";
    if (docker_is_image_id(name))
        return gone || strcmp(source, "load") == 0 || strcmp(source, "local") == 0
                   ? 0
                   : module_fail(t->m, "Image name must not be an image ID for source=%s; got: %s",
                                 source, name);
    docker_split_tag(t->a, name, &t->name, &tag);
    t->tag = tag ? tag : module_str(t->m, "tag");
    return 0;
}

int mod_docker_image(struct module *m)
{
    struct image_task t = {.m = m, .a = m->arena, .actions = value_list(m->arena)};
    bool gone = strcmp(module_str(m, "state"), "absent") == 0;
    module_changed(m, false);
    if (read_name(&t) != 0 || docker_open(&t.d, m) != 0 || refresh(&t) != 0)
        return ERR_FAILED;
    if ((gone ? absent(&t) : present(&t)) != 0)
        return docker_end(m, ERR_FAILED);
    module_set(m, "actions", t.actions);
    module_set(m, "image", exists(&t) ? t.image : value_dict(t.a));
    return 0;
}
