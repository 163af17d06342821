// ssh-keygen -Y, and the look for a key to sign with.
#include "ledger/sshsig.h"

#include "core/file.h"
#include "core/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS 120000  // a touch or a passphrase takes its time
#define CHECK_MS 20000 // nobody is asked
#define MAX_PRINCIPALS 32

// --- which key
// ------------------------------------------------------------------------------------------

static bool is_public_text(const char *s)
{
    return strncmp(s, "key::", 5) == 0 || strncmp(s, "ssh-", 4) == 0 ||
           strncmp(s, "ecdsa-sha2-", 11) == 0 || strncmp(s, "sk-ssh-", 7) == 0 ||
           strncmp(s, "sk-ecdsa-", 9) == 0;
}

static int named_key(struct arena *a, const char *value, const char *origin, const char *home,
                     struct sshsig_key *ret, struct err *e)
{
    *ret = (struct sshsig_key){.origin = origin, .named = true};
    if (is_public_text(value)) {
        ret->text = strncmp(value, "key::", 5) == 0 ? value + 5 : value;
        return 1;
    }
    if (strncmp(value, "~/", 2) == 0 && home)
        value = path_join(a, home, value + 2);
    if (access(value, R_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "the key to sign with (%s) cannot be read: %s: %s",
                       origin, value, strerror(errno));
    ret->file = value;
    return 1;
}

// The first key the agent has, as ssh-add -L tells it.
static const char *agent_key(struct arena *a)
{
    static const char *const argv[] = {"ssh-add", "-L", NULL};
    struct program_result r;
    const char *text = NULL;
    const char *socket = getenv("SSH_AUTH_SOCK");
    if (!socket || !*socket)
        return NULL;
    if (program_run(argv, &(struct program_opts){.timeout_ms = CHECK_MS, .no_terminal = true}, &r,
                    NULL) == 0 &&
        r.status == 0 && is_public_text(buf_str(&r.out)))
        text = arena_strndup(a, buf_str(&r.out), strcspn(buf_str(&r.out), "\n"));
    program_release(&r);
    return text;
}

int sshsig_find_key(struct arena *a, const struct sshsig_sources *from, struct sshsig_key *ret,
                    struct err *e)
{
    static const char *const names[] = {"id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk",
                                        "id_rsa"};
    if (from->setting && *from->setting)
        return named_key(a, from->setting, "signing_key", from->home, ret, e);
    if (from->git && *from->git)
        return named_key(a, from->git, "git's user.signingkey", from->home, ret, e);
    const char *text = from->no_agent ? NULL : agent_key(a);
    if (text) {
        *ret = (struct sshsig_key){.text = text, .origin = "the agent's first key"};
        return 1;
    }
    for (size_t i = 0; from->home && i < sizeof names / sizeof *names; i++) {
        const char *file = arena_printf(a, "%s/.ssh/%s", from->home, names[i]);
        if (access(file, R_OK) == 0) {
            *ret = (struct sshsig_key){.file = file, .origin = file};
            return 1;
        }
    }
    return 0;
}

// --- files that ssh-keygen wants
// ------------------------------------------------------------------------------------------

static int temp_file(struct arena *a, const char *text, size_t len, const char **ret, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    char *path = arena_printf(a, "%s/andon-sig-XXXXXX", dir && *dir ? dir : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make %s: %s", path, strerror(errno));
    bool done = write(fd, text, len) == (ssize_t)len;
    int why = errno;
    close(fd);
    if (!done) {
        unlink(path);
        return err_set(e, ERR_IO, POS_NONE, "cannot write %s: %s", path, strerror(why));
    }
    *ret = path;
    return 0;
}

static int keygen(struct arena *a, const char *const *argv, const char *data, size_t len,
                  bool can_ask, struct program_result *r, const char **ret_said, struct err *e)
{
    // no window of an askpass program either, unless somebody wants just that
    static const char *const never[] = {"SSH_ASKPASS_REQUIRE=never", NULL};
    struct program_opts o = {.input = data,
                             .input_len = len,
                             .timeout_ms = can_ask ? ASK_MS : CHECK_MS,
                             .no_terminal = !can_ask,
                             .env = !can_ask && !getenv("SSH_ASKPASS_REQUIRE") ? never : NULL};
    int rc = program_run(argv, &o, r, e);
    *ret_said = program_last_line(a, &r->err);
    return rc < 0 ? err_wrap(e, "ssh-keygen") : 0;
}

// --- signing
// ------------------------------------------------------------------------------------------

// What went wrong, in words that say what to do.
static int sign_failed(const struct sshsig_key *key, const char *said, bool can_ask, struct err *e)
{
    if (!can_ask && (strstr(said, "passphrase") || strstr(said, "askpass")))
        return err_set(e, ERR_FAILED, POS_NONE,
                       "the key %s has a passphrase and there is no terminal to ask for it: add it "
                       "to an agent (ssh-add)",
                       key->file ? key->file : key->origin);
    return err_set(e, ERR_FAILED, POS_NONE, "cannot sign with %s: %s",
                   key->file ? key->file : key->origin, *said ? said : "ssh-keygen failed");
}

int sshsig_sign(struct arena *a, const struct sshsig_key *key, const char *namespace,
                const char *data, size_t len, bool can_ask, const char **ret, struct err *e)
{
    const char *temp = NULL, *file = key->file, *said;
    struct program_result r;
    if (!file) {
        const char *line = arena_printf(a, "%s\n", key->text);
        int rc = temp_file(a, line, strlen(line), &temp, e);
        if (rc < 0)
            return rc;
        file = temp;
    }
    const char *const argv[] = {"ssh-keygen", "-Y", "sign", "-f", file, "-n", namespace, NULL};
    int rc = keygen(a, argv, data, len, can_ask, &r, &said, e);
    if (rc == 0 && (r.status != 0 || !strstr(buf_str(&r.out), "-----BEGIN SSH SIGNATURE-----")))
        rc = sign_failed(key, said, can_ask, e);
    if (rc == 0)
        *ret = arena_strndup(a, buf_str(&r.out), r.out.len);
    program_release(&r);
    if (temp)
        unlink(temp);
    return rc;
}

// --- verifying
// ------------------------------------------------------------------------------------------

struct check {
    struct arena *a;
    const char *allowed, *namespace, *sig_file, *time_option;
    const char *data;
    size_t len;
    const char *said;
};

// One ssh-keygen -Y: its exit code, or <0.
static int ask(struct check *c, const char *const *argv, struct buf *out, struct err *e)
{
    struct program_result r;
    int rc = keygen(c->a, argv, c->data, c->len, false, &r, &c->said, e);
    if (rc == 0)
        rc = r.status;
    if (rc >= 0 && out)
        buf_add(out, r.out.p ? r.out.p : "", r.out.len);
    program_release(&r);
    return rc;
}

static int is_valid_as(struct check *c, const char *principal, struct err *e)
{
    const char *const argv[] = {"ssh-keygen", "-Y",           "verify", "-f",         c->allowed,
                                "-I",         principal,      "-n",     c->namespace, "-s",
                                c->sig_file,  c->time_option, NULL};
    return ask(c, argv, NULL, e);
}

// The names that allowed_signers has for the key, whatever the time.
static size_t find_principals(struct check *c, const char **names)
{
    const char *const argv[] = {"ssh-keygen", "-Y",       "find-principals", "-s", c->sig_file,
                                "-f",         c->allowed, c->time_option,    NULL};
    struct buf out = BUF_INIT;
    size_t n = 0;
    (void)ask(c, argv, &out, NULL);
    for (const char *s = buf_str(&out); *s && n < MAX_PRINCIPALS;) {
        size_t len = strcspn(s, ",\n");
        if (len && !memchr(s, '*', len) && !memchr(s, '?', len) && *s != '!')
            names[n++] = arena_strndup(c->a, s, len);
        s += len + (s[len] != '\0');
    }
    buf_release(&out);
    return n;
}

// The file has the key, but not for this time: such lines are found when one asks for another.
static bool known_otherwise(struct check *c)
{
    struct buf out = BUF_INIT;
    char *text;
    size_t len;
    // the key within the signature, as the file would have it
    const char *const argv[] = {"ssh-keygen", "-Y", "check-novalidate", "-n",
                                c->namespace, "-s", c->sig_file,        NULL};
    bool found = false;
    if (ask(c, argv, &out, NULL) == 0 &&
        file_read(c->a, c->allowed, 1 << 20, &text, &len, NULL) == 0) {
        const char *print = strstr(buf_str(&out), "SHA256:");
        const char *const list[] = {"ssh-keygen", "-l", "-f", "-", NULL};
        struct buf keys = BUF_INIT, prints = BUF_INIT;
        for (const char *s = text; *s;) { // lines without what stands before the key
            size_t n = strcspn(s, "\n");
            const char *line = arena_strndup(c->a, s, n), *key = NULL;
            static const char *const types[] = {" ssh-", " ecdsa-sha2-", " sk-ssh-", " sk-ecdsa-"};
            for (size_t i = 0; i < 4 && !key; i++)
                key = strstr(line, types[i]);
            if (key && *line != '#')
                buf_addf(&keys, "%s\n", key + 1);
            s += n + (s[n] == '\n');
        }
        struct check lookup = *c;
        lookup.data = buf_str(&keys);
        lookup.len = keys.len;
        if (print && ask(&lookup, list, &prints, NULL) == 0) {
            const char *sum = arena_strndup(c->a, print, strcspn(print, " \n"));
            found = strstr(buf_str(&prints), sum) != NULL;
        }
        buf_release(&keys);
        buf_release(&prints);
    }
    buf_release(&out);
    return found;
}

static const char *time_option(struct arena *a, int64_t time)
{
    time_t t = time ? (time_t)(time / 1000000) : (time_t)(clock_real_us() / 1000000);
    struct tm tm;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    return arena_printf(a, "-Overify-time=%s", text);
}

// Who signed. 0, or an error that says what does not fit.
static int verify(struct check *c, const char *claimed, const char **ret, struct err *e)
{
    const char *const plain[] = {"ssh-keygen", "-Y", "check-novalidate", "-n",
                                 c->namespace, "-s", c->sig_file,        NULL};
    const char *names[MAX_PRINCIPALS];
    int rc = ask(c, plain, NULL, e);
    if (rc < 0)
        return rc;
    if (rc > 0)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "the signature is not one of this text for '%s': %s", c->namespace, c->said);
    size_t n = 0;
    if (claimed)
        names[n++] = claimed;
    else
        n = find_principals(c, names);
    for (size_t i = 0; i < n; i++) {
        rc = is_valid_as(c, names[i], e);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            *ret = arena_strdup(c->a, names[i]);
            return 0;
        }
    }
    if (known_otherwise(c))
        return err_set(e, ERR_FAILED, POS_NONE,
                       "%s%sthe signer is in %s, but not valid at that time or not for '%s'",
                       claimed ? claimed : "", claimed ? ": " : "", c->allowed, c->namespace);
    return err_set(e, ERR_FAILED, POS_NONE, "the signer is not in %s", c->allowed);
}

int sshsig_verify(struct arena *a, const char *allowed_signers, const char *claimed,
                  const char *namespace, const char *data, size_t len, const char *signature,
                  int64_t time, const char **ret, struct err *e)
{
    struct check c = {.a = a,
                      .allowed = allowed_signers,
                      .namespace = namespace,
                      .data = data,
                      .len = len,
                      .time_option = time_option(a, time)};
    if (claimed && *claimed == '-')
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no principal", claimed);
    if (access(allowed_signers, R_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "the allowed signers cannot be read: %s: %s",
                       allowed_signers, strerror(errno));
    int rc = temp_file(a, signature, strlen(signature), &c.sig_file, e);
    if (rc < 0)
        return rc;
    rc = verify(&c, claimed, ret, e);
    unlink(c.sig_file);
    return rc;
}
