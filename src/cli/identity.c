// The user's key, and who that is.
#include "cli/identity.h"

#include "core/file.h"
#include "core/program.h"
#include "ledger/sshsig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *file_of(struct session *s, enum config_id setting, const char *name)
{
    const char *set = config_str(s->config, setting);
    return set && *set ? set : path_join(s->arena, session_state_dir(s), name);
}

const char *identity_signers(struct session *s)
{
    return file_of(s, CONFIG_ALLOWED_SIGNERS, "allowed_signers");
}

const char *identity_policy_file(struct session *s)
{
    return file_of(s, CONFIG_POLICY, "policy.yml");
}

int identity_policy(struct session *s, struct policy **ret, struct err *e)
{
    return policy_load(identity_policy_file(s), ret, NULL, NULL, e);
}

static const char *git_config(struct session *s, const char *name)
{
    const char *const argv[] = {"git", "config", "--get", name, NULL};
    struct program_result r;
    const char *line = NULL;
    if (program_run(argv, &(struct program_opts){.timeout_ms = 10000, .no_terminal = true}, &r,
                    NULL) == 0 &&
        r.status == 0)
        line = arena_strndup(s->arena, buf_str(&r.out), strcspn(buf_str(&r.out), "\n"));
    program_release(&r);
    return line;
}

// git's key, when git signs with SSH keys.
static const char *git_key(struct session *s)
{
    const char *format = git_config(s, "gpg.format");
    return format && strcmp(format, "ssh") == 0 ? git_config(s, "user.signingkey") : NULL;
}

static int find_key(struct session *s, struct sshsig_key *key, struct err *e)
{
    struct sshsig_sources from = {.setting = config_str(s->config, CONFIG_SIGNING_KEY),
                                  .home = getenv("HOME")};
    if (!from.setting || !*from.setting)
        from.git = git_key(s);
    return sshsig_find_key(s->arena, &from, key, e);
}

int identity_sign(struct session *s, const char *statement, bool must, const char **ret_signature,
                  const char **ret_principal, struct err *e)
{
    struct sshsig_key key;
    struct err why = ERR_INIT;
    const char *signers = identity_signers(s), *name = NULL;
    int rc = find_key(s, &key, e);
    if (rc <= 0)
        return rc;
    if (sshsig_sign(s->arena, &key, SSHSIG_NAMESPACE, statement, strlen(statement),
                    session_can_ask(), ret_signature, &why) < 0) {
        if (must || key.named)
            return err_move(e, &why);
        print_warning(&s->out, "not signed: %s", err_msg(&why));
        err_release(&why);
        return 0;
    }
    if (access(signers, R_OK) == 0 &&
        sshsig_verify(s->arena, signers, NULL, SSHSIG_NAMESPACE, statement, strlen(statement),
                      *ret_signature, 0, &name, &why) < 0) {
        if (why.code != ERR_FAILED)
            return err_move(e, &why);
        name = NULL;
    }
    err_release(&why);
    *ret_principal = name;
    return 1;
}
