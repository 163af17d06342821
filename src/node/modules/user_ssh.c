// SSH keys of users, made with ssh-keygen.
#include "node/journal.h"
#include "node/modules/user_home.h"
#include "node/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

// Where one key stands.
struct ssh_key {
    struct module *m;
    const struct account *user;
    const char *path, *pub;
};

// ssh-keygen asks this program for the passphrase, so that it is in no process's arguments.
static int passphrase_program(struct module *m, const char **ret_path)
{
    static const char script[] = "#!/bin/sh\nprintf '%s\\n' \"$ANDON_PASSPHRASE\"\n";
    struct err e = ERR_INIT;
    const char *dir = host_tmpdir(m, NULL, &e);
    if (!dir)
        return module_fail_err(m, &e);
    const char *path = arena_printf(m->arena, "%s/askpass", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    bool ok = fd >= 0 && write(fd, script, sizeof(script) - 1) == (ssize_t)sizeof(script) - 1;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (!ok)
        return module_fail(m, "cannot write %s: %s", path, strerror(errno));
    *ret_path = path;
    return 0;
}

static int keygen_run(struct ssh_key *k, const char *const *argv, const char *passphrase)
{
    struct module *m = k->m;
    struct value env = value_dict(m->arena);
    const char *askpass = "";
    if (passphrase) {
        if (passphrase_program(m, &askpass) != 0)
            return ERR_FAILED;
        dict_set(env.u.dict, "ANDON_PASSPHRASE", value_cstr(passphrase));
        dict_set(env.u.dict, "SSH_ASKPASS", value_cstr(askpass));
        dict_set(env.u.dict, "SSH_ASKPASS_REQUIRE", value_cstr("force"));
        dict_set(env.u.dict, "DISPLAY", value_cstr(":0"));
    }
    bool force = module_bool(m, "force");
    struct proc_opts opts = {.stdin_data = force && !passphrase ? "y\n" : NULL,
                             .stdin_len = 2,
                             .env = env.u.dict,
                             .clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    if (proc_run(m, argv, &opts, &p, &e) != 0) {
        proc_release(&p);
        return module_fail_err(m, &e);
    }
    struct account_out o = {true, p.rc, "", arena_strdup(m->arena, buf_str(&p.err))};
    proc_release(&p);
    return o.rc == 0 ? 0 : account_fail(m, k->user->name, &o, true);
}

static int generate(struct ssh_key *k)
{
    struct module *m = k->m;
    struct utsname host;
    const char *argv[16], *comment = module_str(m, "ssh_key_comment");
    const char *passphrase = module_str(m, "ssh_key_passphrase");
    int64_t bits = module_int(m, "ssh_key_bits", 0);
    size_t n = 0;
    if (!comment && uname(&host) == 0)
        comment = arena_printf(m->arena, "ansible-generated on %s", host.nodename);
    argv[n++] = "ssh-keygen";
    argv[n++] = "-t";
    argv[n++] = module_str(m, "ssh_key_type");
    if (bits > 0) {
        argv[n++] = "-b";
        argv[n++] = arena_printf(m->arena, "%d", (int)bits);
    }
    argv[n++] = "-C";
    argv[n++] = comment ? comment : "";
    argv[n++] = "-f";
    argv[n++] = k->path;
    if (!passphrase) {
        argv[n++] = "-N";
        argv[n++] = "";
    }
    argv[n] = NULL;
    if (m->check)
        return 0;
    if (journal_path(m, k->path, NULL) < 0 || journal_path(m, k->pub, NULL) < 0)
        return ERR_FAILED;
    if (passphrase)
        unlink(k->path); // --force was asked for when it is there
    if (keygen_run(k, argv, passphrase) != 0)
        return ERR_FAILED;
    if (lchown(k->path, k->user->uid, k->user->gid) != 0 ||
        lchown(k->pub, k->user->uid, k->user->gid) != 0)
        return module_fail(m, "cannot give %s to %s: %s", k->path, k->user->name, strerror(errno));
    return 0;
}

// Makes .ssh; 1 when there is nothing to do in check mode, 0, or <0 after a failure.
static int make_folder(struct ssh_key *k)
{
    struct module *m = k->m;
    char *dir = arena_strdup(m->arena, k->path), *slash = strrchr(dir, '/');
    if (!slash)
        return 0;
    *slash = '\0';
    if (text_exists(dir))
        return 0;
    if (m->check)
        return 1;
    if (journal_path(m, dir, NULL) < 0)
        return ERR_FAILED;
    if (mkdir(dir, 0700) == 0 && lchown(dir, k->user->uid, k->user->gid) == 0)
        return 0;
    struct account_out o = {true, 1, "",
                            arena_printf(m->arena, "Failed to create %s: [Errno %d] %s: '%s'", dir,
                                         errno, strerror(errno), dir)};
    return account_fail(m, k->user->name, &o, true);
}

// Whether a key that is there may be replaced; 1 when it stays.
static bool keeps(struct ssh_key *k, const char *path, const char *kind)
{
    if (!text_exists(path))
        return false;
    if (module_bool(k->m, "force")) {
        module_warn(k->m, "Overwriting existing ssh key %s file \"%s\"", kind, path);
        return false;
    }
    module_warn(k->m,
                "Found existing ssh key %s file \"%s\", no force, so skipping ssh-keygen "
                "generation",
                kind, path);
    return true;
}

static int report(struct ssh_key *k)
{
    struct module *m = k->m;
    const char *argv[] = {"ssh-keygen", "-l", "-f", k->path, NULL};
    struct proc_opts opts = {.clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    if (!text_exists(k->path)) {
        module_set_str(m, "ssh_fingerprint", "");
    } else {
        if (proc_run(m, argv, &opts, &p, &e) != 0) {
            proc_release(&p);
            return module_fail_err(m, &e);
        }
        module_set_str(m, "ssh_fingerprint",
                       text_strip(arena_strdup(m->arena, buf_str(p.rc == 0 ? &p.out : &p.err))));
        proc_release(&p);
    }
    const char *pub = text_read_stripped(m->arena, k->pub);
    module_set_str(m, "ssh_key_file", k->path);
    module_set(m, "ssh_public_key", pub ? value_cstr(pub) : value_null());
    return 0;
}

int user_ssh_key(struct module *m, const struct account *u)
{
    const char *file = module_str(m, "ssh_key_file");
    struct ssh_key k = {.m = m, .user = u};
    if (!file)
        file = arena_printf(m->arena, ".ssh/id_%s", module_str(m, "ssh_key_type"));
    k.path = *file == '/' ? file : arena_printf(m->arena, "%s/%s", u->home, file);
    k.pub = arena_printf(m->arena, "%s.pub", k.path);
    if (*file != '/' && !m->check && !text_exists(u->home)) {
        struct account_out o = {
            true, 1, "", arena_printf(m->arena, "User %s home directory does not exist", u->name)};
        return account_fail(m, u->name, &o, true);
    }
    int made = make_folder(&k);
    if (made < 0)
        return made;
    if (made == 1) {
        module_changed(m, true);
    } else if (!keeps(&k, k.path, "private") && !keeps(&k, k.pub, "public")) {
        if (!m->check && text_exists(k.pub)) {
            if (journal_path(m, k.pub, NULL) < 0)
                return ERR_FAILED;
            unlink(k.pub);
        }
        if (generate(&k) != 0)
            return ERR_FAILED;
        module_changed(m, true);
    }
    return report(&k);
}
