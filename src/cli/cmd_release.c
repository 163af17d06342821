// andon release create|list|show: versions of a service, and the artifacts that go with them.
#include "cli/identity.h"
#include "cli/git_state.h"
#include "cli/when.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/artifact.h"
#include "ledger/sshsig.h"
#include "rollout/release.h"
#include "rollout/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct release_command {
    struct session s;
    struct arena *a;
    struct ledger *ledger;
    bool json;
};

static int fail(struct release_command *c, struct err *e)
{
    session_error(&c->s, e);
    err_release(e);
    return RUN_ERROR;
}

// --- create
// ------------------------------------------------------------------------------------------

// The service file that names this service: the one given, or the one here or above.
static int find_service(struct release_command *c, const char *name, struct service **ret,
                        struct err *e)
{
    const char *given = c->s.o.service_file,
               *file = given ? session_path(&c->s, given) : service_find_file(c->a, ".");
    *ret = NULL;
    if (!file)
        return 0;
    int rc = service_load(file, ret, NULL, NULL, e);
    if (rc == 0 && strcmp((*ret)->name, name) != 0)
        rc = err_set(e, ERR_INVALID, POS_NONE,
                     "%s is the file of the service '%s', not '%s' (--file names another)",
                     (*ret)->file, (*ret)->name, name);
    return rc;
}

static int add_commit(struct release_command *c, const char *dir, struct release *r, struct err *e)
{
    const char *wanted = c->s.o.commit;
    struct revision rev = {0};
    int rc = revision_find(c->a, dir, wanted, &rev, e);
    if (rc < 0)
        return rc;
    if (rc == 0 && wanted)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "the commit '%s' cannot be looked up: %s is in no git repository", wanted,
                       dir);
    if (rc == 0) {
        print_warning(&c->s.out, "no commit is recorded: %s is in no git repository with commits",
                      dir);
        return 0;
    }
    if (rev.dirty && !wanted)
        print_warning(&c->s.out,
                      "the repository %s has changes that are not committed: the release is "
                      "recorded as of commit %.12s",
                      dir, rev.commit);
    r->commit = rev.commit;
    r->author = rev.author;
    r->committer = rev.committer;
    r->repo = dir;
    return 0;
}

// A file whose name says that it is an archive must be one: here it can be put right, on hosts it
// would be a failed ring.
static int check_form(const char *path, struct err *e)
{
    unsigned char head[ARTIFACT_HEAD];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set(e, ERR_IO, POS_NONE, "the artifact cannot be read: %s: %s", path,
                       strerror(why));
    enum artifact_form p = artifact_form_of(path, head, (size_t)n);
    bool is = p == ARTIFACT_ZIP   ? artifact_is_zip(head, (size_t)n)
              : p == ARTIFACT_TAR ? artifact_is_tar(head, (size_t)n)
                                  : true;
    return is ? 0
              : err_set(e, ERR_INVALID, POS_NONE,
                        "the artifact %s is no %s archive, although its name says so: nothing is "
                        "released",
                        path, artifact_form_name(p));
}

static int add_artifact(struct release_command *c, struct release *r, struct err *e)
{
    const char *path = c->s.o.artifact, *want = c->s.o.digest;
    char digest[LEDGER_DIGEST_HEX];
    struct stat st;
    if (!path)
        return want ? err_set(e, ERR_INVALID, POS_NONE, "--digest belongs to --artifact") : 0;
    if (stat(path, &st) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "the artifact cannot be read: %s: %s", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return err_set(e, ERR_INVALID, POS_NONE, "the artifact %s is %s", path,
                       S_ISREG(st.st_mode) ? "empty" : "no file");
    char hex[HASH_HEX_MAX];
    int rc = check_form(path, e);
    if (rc == 0 && want)
        rc = hash_file(HASH_SHA256, path, hex, e);
    if (rc < 0)
        return rc;
    if (want && strcasecmp(want, hex) != 0)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "the artifact %s has the digest %s, not %s: nothing is released", path, hex,
                       want);
    rc = ledger_blob_put_file(c->ledger, path, digest, &r->size, e);
    if (rc < 0)
        return err_wrap(e, "cannot keep the artifact %s", path);
    r->digest = arena_strdup(c->a, digest);
    r->name = path_base(arena_strdup(c->a, path));
    return 0;
}

static void size_words(struct buf *b, int64_t size)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double n = (double)size;
    int i = 0;
    for (; n >= 1000 && i < 4; i++)
        n /= 1000;
    buf_addf(b, i ? "%.1f %s" : "%.0f %s", n, units[i]);
}

static struct value as_value(struct release_command *c, const struct release *r)
{
    struct value v = value_dict(c->a);
    const struct {
        const char *key, *text;
    } texts[] = {{"service", r->service}, {"version", r->version},     {"commit", r->commit},
                 {"author", r->author},   {"committer", r->committer}, {"repo", r->repo},
                 {"artifact", r->digest}, {"name", r->name},           {"signature", r->signature},
                 {"actor", r->actor}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            dict_set(v.u.dict, texts[i].key, value_cstr(texts[i].text));
    if (r->digest)
        dict_set(v.u.dict, "size", value_int(r->size));
    if (r->time) {
        char text[LEDGER_TIME];
        ledger_time(r->time, text);
        dict_set(v.u.dict, "time", value_str(c->a, text));
        dict_set(v.u.dict, "event", value_int(r->seq));
    }
    return v;
}

static void tell_created(struct release_command *c, const struct release *r, bool anew,
                         const char *principal)
{
    struct buf b = BUF_INIT;
    if (c->json) {
        struct value v = as_value(c, r);
        dict_set(v.u.dict, "created", value_bool(anew));
        print_value(&v, NULL);
        return;
    }
    buf_addf(&b, "%s %s %s", r->service, r->version, anew ? "released" : "was released before");
    if (r->commit)
        buf_addf(&b, ", commit %.12s", r->commit);
    if (r->digest) {
        buf_addf(&b, ", artifact %s (", r->name);
        size_words(&b, r->size);
        buf_addf(&b, ", sha256 %.12s)", r->digest);
    }
    if (anew)
        buf_addf(&b,
                 principal      ? ", signed by %s"
                 : r->signature ? ", signed"
                                : ", not signed",
                 principal);
    printf("%s\n", buf_str(&b));
    buf_release(&b);
}

static int create(struct release_command *c, const char *service, const char *version)
{
    struct err e = ERR_INIT;
    struct service *file = NULL;
    const char *principal = NULL;
    struct release r = {.service = service, .version = version};
    char cwd[4096];
    int rc = find_service(c, service, &file, &e);
    const char *dir = file ? file->repo : getcwd(cwd, sizeof cwd) ? cwd : ".";
    r.service_file = file ? file->file : NULL;
    if (rc < 0 || (rc = add_commit(c, dir, &r, &e)) < 0 || (rc = add_artifact(c, &r, &e)) < 0)
        goto out;
    r.statement = release_statement(c->a, &r);
    rc = identity_sign(&c->s, r.statement, false, &r.signature, &principal, &e);
    if (rc < 0)
        goto out;
    if (rc == 0)
        r.statement = NULL;
    r.actor = principal ? principal : ledger_actor(c->a);
    rc = release_create(c->ledger, &r, &e);
    if (rc >= 0)
        tell_created(c, &r, rc == 1, principal);
out:
    service_free(file);
    return rc < 0 ? fail(c, &e) : 0;
}

// --- list, show
// ------------------------------------------------------------------------------------------

static int list(struct release_command *c, const char *service)
{
    struct release *all;
    struct err e = ERR_INIT;
    size_t n, width = strlen("RELEASE");
    if (release_list(c->ledger, service, c->a, &all, &n, &e) < 0)
        return fail(c, &e);
    for (size_t i = 0; i < n && !c->json; i++) {
        size_t len = strlen(all[i].service) + 1 + strlen(all[i].version);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT;
        if (c->json) {
            struct value v = as_value(c, &all[i]);
            print_value(&v, NULL);
            continue;
        }
        buf_addf(&b, "%s %s", all[i].service, all[i].version);
        buf_fill(&b, ' ', width + 2 - b.len);
        buf_addf(&b, "%s  %-12.12s  %s%s", when_string(c->a, all[i].time),
                 all[i].commit ? all[i].commit : "-", all[i].actor ? all[i].actor : "-",
                 all[i].signature ? "" : " (not signed)");
        printf("%s\n", buf_str(&b));
        buf_release(&b);
    }
    if (!n && !c->json)
        printf("No releases%s%s.\n", service ? " of " : "", service ? service : "");
    return 0;
}

// Who signed, by the allowed signers at the time of the event; else why that cannot be said.
static const char *signer(struct release_command *c, const struct release *r, bool *ret_good)
{
    struct err e = ERR_INIT;
    const char *who = NULL;
    *ret_good = false;
    if (!r->signature || !r->statement)
        return "not signed";
    const char *says = release_statement(c->a, r);
    if (strcmp(says, r->statement) != 0)
        return "the signed statement is of something else";
    if (sshsig_verify(c->a, identity_signers(&c->s), NULL, SSHSIG_NAMESPACE, r->statement,
                      strlen(r->statement), r->signature, r->time, &who, &e) < 0) {
        who = arena_printf(c->a, "signed, but: %s", err_msg(&e));
        err_release(&e);
        return who;
    }
    *ret_good = true;
    return who;
}

static int show(struct release_command *c, const char *service, const char *version)
{
    struct release r;
    struct err e = ERR_INIT;
    bool good;
    int rc = release_find(c->ledger, service, version, c->a, &r, &e);
    if (rc == 0)
        rc =
            err_set(&e, ERR_NOENT, POS_NONE, "there is no release %s of %s (andon release list %s)",
                    version, service, service);
    if (rc < 0)
        return fail(c, &e);
    const char *who = signer(c, &r, &good);
    const char *path = r.digest ? ledger_blob_path(c->ledger, r.digest, c->a) : NULL;
    if (c->json) {
        struct value v = as_value(c, &r);
        dict_set(v.u.dict, "verified", value_bool(good));
        dict_set(v.u.dict, good ? "signer" : "signer_why", value_cstr(who));
        if (path)
            dict_set(v.u.dict, "path", value_cstr(path));
        print_value(&v, NULL);
        return 0;
    }
    printf("release    %s %s\ncreated    %s by %s (event %lld)\n", r.service, r.version,
           when_string(c->a, r.time), r.actor ? r.actor : "-", (long long)r.seq);
    printf("signed by  %s\n", who);
    if (r.commit)
        printf("commit     %s%s%s\nrepository %s\n", r.commit, r.author ? " by " : "",
               r.author ? r.author : "", r.repo ? r.repo : "-");
    if (r.digest) {
        struct buf b = BUF_INIT;
        size_words(&b, r.size);
        printf("artifact   %s (%s)\nsha256     %s\nkept as    %s\n", r.name ? r.name : "-",
               buf_str(&b), r.digest, path ? path : "it is gone from the blobs");
        buf_release(&b);
    }
    return 0;
}

// --- the command
// ------------------------------------------------------------------------------------------

// A service may be named by its folder: its file's name then takes the place of *name.
static int name_of_folder(struct release_command *c, const char **name, struct err *e)
{
    struct service *svc = NULL;
    if (!*name || (strcmp(*name, ".") != 0 && !strchr(*name, '/')))
        return 0;
    const char *file = service_find_file(c->a, *name);
    if (!file)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no andon.yml in '%s' or above", *name);
    int rc = service_load(file, &svc, NULL, NULL, e);
    if (rc == 0) {
        c->s.o.service_file = file;
        *name = arena_strdup(c->a, svc->name);
    }
    service_free(svc);
    return rc;
}

static int dispatch(struct release_command *c, const char *action, size_t n)
{
    const struct list *args = c->s.o.args;
    const char *first = n > 1 ? args->items[1].u.str.s : NULL,
               *second = n > 2 ? args->items[2].u.str.s : NULL;
    bool creates = strcmp(action, "create") == 0;
    struct ledger_opts lo = {.read_only = !creates};
    struct err e = ERR_INIT;
    if (name_of_folder(c, &first, &e) < 0)
        return fail(c, &e);
    int rc = ledger_open(session_state_dir(&c->s), &lo, &c->ledger, &e);
    if (rc == ERR_NOENT && !creates) { // nothing has been recorded yet
        err_release(&e);
        if (strcmp(action, "list") == 0) {
            if (!c->json)
                printf("No releases.\n");
            return 0;
        }
        err_set(&e, ERR_NOENT, POS_NONE, "there is no release %s of %s: the ledger is empty",
                second, first);
    }
    if (e.code || rc < 0)
        return fail(c, &e);
    int code = creates                       ? create(c, first, second)
               : strcmp(action, "list") == 0 ? list(c, first)
                                             : show(c, first, second);
    ledger_close(c->ledger);
    return code;
}

int cmd_release(int argc, char **argv, bool compat)
{
    static const struct {
        const char *name;
        size_t min, max;
    } actions[] = {{"create", 3, 3}, {"list", 1, 2}, {"show", 3, 3}};
    struct release_command c = {0};
    int code = session_options(&c.s, argv[0], compat, argc, argv, OPT_RELEASE);
    c.a = c.s.arena;
    if (code) {
        arena_free(c.a);
        return code < 0 ? 0 : RUN_USAGE;
    }
    size_t n = c.s.o.args->len;
    const char *action = n ? c.s.o.args->items[0].u.str.s : "";
    c.json = c.s.o.output && strcmp(c.s.o.output, "json") == 0;
    code = RUN_USAGE;
    for (size_t i = 0; i < 3 && code == RUN_USAGE; i++)
        if (strcmp(actions[i].name, action) == 0 && n >= actions[i].min && n <= actions[i].max)
            code = -1;
    if (code == RUN_USAGE)
        session_usage_error(&c.s, "say create SERVICE VERSION, list [SERVICE] or show SERVICE "
                                  "VERSION");
    else
        code = dispatch(&c, action, n);
    arena_free(c.a);
    return code;
}
