// Signatures: OpenSSH's own test data, and keys made here for what it does not have: time, names,
// passphrases, agents.
#include "core/file.h"
#include "core/program.h"
#include "ledger/sshsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA TEST_ROOT "/data/sshsig/openssh/"
#define DAY INT64_C(86400000000)
#define NEW_YEAR INT64_C(1767225600000000) // 1 January 2026

static char dir[] = "/tmp/andon-sshsig-XXXXXX";
static struct arena *a;

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void sh(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *script = arena_vprintf(a, fmt, ap);
    va_end(ap);
    const char *const argv[] = {"sh", "-ec", script, NULL};
    struct program_result r;
    struct err e = ERR_INIT;
    int rc = program_run(
        argv, &(struct program_opts){.cwd = dir, .timeout_ms = 30000, .no_terminal = true}, &r, &e);
    if (rc < 0 || r.status != 0)
        fail_msg("%s: %d %s%s", script, r.status, err_msg(&e), buf_str(&r.err));
    program_release(&r);
}

static const char *at(const char *name)
{
    return path_join(a, dir, name);
}

static const char *text_of(const char *path)
{
    char *text;
    size_t len;
    struct err e = ERR_INIT;
    if (file_read(a, path, 1 << 20, &text, &len, &e) < 0)
        fail_msg("%s", err_msg(&e));
    return text;
}

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    unsetenv("SSH_AUTH_SOCK");
    unsetenv("SSH_ASKPASS");
    if (!mkdtemp(dir))
        return -1;
    sh("ssh-keygen -q -t ed25519 -N '' -C ann -f ann; ssh-keygen -q -t ed25519 -N '' -C ben -f ben;"
       "ssh-keygen -q -t ed25519 -N secret -C eve -f locked;"
       "line() { printf '%%s %%s %%s\\n' \"$1\" \"$2\" \"$(cut -d' ' -f1,2 $3.pub)\"; };"
       "{ line ann@example.org 'valid-after=\"20260101Z\",valid-before=\"20260201Z\"' ann;"
       "  line ben@example.org 'namespaces=\"git\"' ben; } >signers");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sh("rm -rf -- '%s'", dir);
    arena_free(a);
    return 0;
}

// Verifies and expects an answer with a part of its message ("" for none).
static void expect(int code, const char *part, const char *signers, const char *claimed,
                   const char *namespace, const char *data, const char *sig, int64_t time,
                   const char *principal)
{
    struct err e = ERR_INIT;
    const char *who = NULL;
    int rc = sshsig_verify(a, signers, claimed, namespace, data, strlen(data), sig, time, &who, &e);
    if (rc != code || !strstr(err_msg(&e), part))
        fail_msg("%d, not %d: %s", rc, code, err_msg(&e));
    if (principal)
        assert_string_equal(who, principal);
    err_release(&e);
}

static void test_openssh(void **state)
{
    static const char *const keys[] = {"rsa",      "ecdsa",      "ed25519",
                                       "ecdsa_sk", "ed25519_sk", "ecdsa_sk_webauthn"};
    const char *data = text_of(DATA "signed-data"), *namespace = text_of(DATA "namespace");
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *pub = text_of(arena_printf(a, DATA "%s.pub", keys[i])),
                   *sig = text_of(arena_printf(a, DATA "%s.sig", keys[i])),
                   *who = arena_printf(a, "%s@openssh", keys[i]),
                   *line = arena_printf(a, "%s %s", who, pub), *signers = at("openssh");
        assert_int_equal(file_write_atomic(signers, line, strlen(line), 0600, NULL), 0);
        expect(0, "", signers, NULL, namespace, data, sig, 0, who);
        expect(0, "", signers, who, namespace, data, sig, 0, who);
        expect(ERR_INVALID, "is not one of this text", signers, NULL, namespace, "This is a tesT",
               sig, 0, NULL);
        expect(ERR_INVALID, "is not one of this text for 'file'", signers, NULL, "file", data, sig,
               0, NULL);
        expect(ERR_FAILED, "the signer is not in", at("signers"), NULL, namespace, data, sig, 0,
               NULL);
    }
}

// Keys on FIDO tokens in allowed signers that say more than the key: OpenSSH's recorded signatures.
static void test_fido(void **state)
{
    static const char *const keys[] = {"ecdsa_sk", "ed25519_sk"};
    const char *data = text_of(DATA "signed-data"), *namespace = text_of(DATA "namespace"),
               *signers = at("tokens");
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *pub = text_of(arena_printf(a, DATA "%s.pub", keys[i])),
                   *sig = text_of(arena_printf(a, DATA "%s.sig", keys[i])),
                   *line = arena_printf(a,
                                        "# tokens\nann@example.org,ann namespaces=\"%s,git\","
                                        "valid-after=\"20260101Z\",valid-before=\"20260201Z\" %s",
                                        namespace, pub);
        struct sshsig_sources from = {.setting = pub, .home = dir, .no_agent = true};
        struct sshsig_key key;
        assert_int_equal(file_write_atomic(signers, line, strlen(line), 0600, NULL), 0);
        expect(0, "", signers, NULL, namespace, data, sig, NEW_YEAR + DAY, "ann@example.org");
        expect(0, "", signers, "ann", namespace, data, sig, NEW_YEAR + DAY, "ann");
        expect(ERR_FAILED, "not valid at that time", signers, NULL, namespace, data, sig,
               NEW_YEAR + 40 * DAY, NULL);
        expect(ERR_FAILED, "not valid at that time", signers, "ann", namespace, data, sig,
               NEW_YEAR - DAY, NULL);
        line = arena_printf(a, "ann namespaces=\"git\" %s", pub);
        assert_int_equal(file_write_atomic(signers, line, strlen(line), 0600, NULL), 0);
        expect(ERR_FAILED, "or not for", signers, NULL, namespace, data, sig, 0, NULL);
        // as the key to sign with: the text itself, since a token's private key is no file
        assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 1);
        assert_string_equal(key.text, pub);
        assert_true(key.named);
    }
}

static const char *sign_with(const char *name, const char *data)
{
    struct sshsig_key key = {.file = at(name), .origin = name};
    const char *sig;
    struct err e = ERR_INIT;
    if (sshsig_sign(a, &key, SSHSIG_NAMESPACE, data, strlen(data), false, &sig, &e) < 0)
        fail_msg("%s", err_msg(&e));
    return sig;
}

static void test_time(void **state)
{
    const char *sig = sign_with("ann", "x"), *signers = at("signers");
    (void)state;
    expect(0, "", signers, NULL, SSHSIG_NAMESPACE, "x", sig, NEW_YEAR + DAY, "ann@example.org");
    expect(ERR_FAILED, "not valid at that time", signers, NULL, SSHSIG_NAMESPACE, "x", sig,
           NEW_YEAR - DAY, NULL);
    expect(ERR_FAILED, "not valid at that time", signers, "ann@example.org", SSHSIG_NAMESPACE, "x",
           sig, NEW_YEAR + 32 * DAY, NULL);
    expect(ERR_FAILED, "not valid at that time", signers, "ben@example.org", SSHSIG_NAMESPACE, "x",
           sig, NEW_YEAR + DAY, NULL);
    expect(ERR_INVALID, "is no principal", signers, "-f", SSHSIG_NAMESPACE, "x", sig,
           NEW_YEAR + DAY, NULL);
    expect(ERR_NOENT, "cannot be read", at("nosuch"), NULL, SSHSIG_NAMESPACE, "x", sig, 0, NULL);
    expect(ERR_INVALID, "is not one of this text", signers, NULL, SSHSIG_NAMESPACE, "x",
           "no signature", NEW_YEAR + DAY, NULL);
}

// A key that is allowed for git alone signs nothing here.
static void test_namespaces(void **state)
{
    (void)state;
    expect(ERR_FAILED, "not for 'change@andon'", at("signers"), NULL, SSHSIG_NAMESPACE, "x",
           sign_with("ben", "x"), NEW_YEAR + DAY, NULL);
}

static void test_passphrase(void **state)
{
    struct sshsig_key key = {.file = at("locked"), .origin = "locked"};
    const char *sig;
    struct err e = ERR_INIT;
    int64_t began = clock_mono_ms();
    (void)state;
    assert_int_equal(sshsig_sign(a, &key, SSHSIG_NAMESPACE, "x", 1, false, &sig, &e), ERR_FAILED);
    assert_non_null(strstr(err_msg(&e), "has a passphrase and there is no terminal"));
    assert_true(clock_mono_ms() - began < 10000);
    err_release(&e);
    key.file = at("nosuch");
    assert_int_equal(sshsig_sign(a, &key, SSHSIG_NAMESPACE, "x", 1, false, &sig, &e), ERR_FAILED);
    assert_non_null(strstr(err_msg(&e), "cannot sign with"));
    err_release(&e);
}

static void test_which_key(void **state)
{
    struct sshsig_sources from = {.home = dir, .no_agent = true};
    struct sshsig_key key;
    struct err e = ERR_INIT;
    (void)state;
    assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 0);
    sh("mkdir .ssh; cp ann .ssh/id_rsa; cp ben .ssh/id_ed25519");
    assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 1);
    assert_string_equal(path_base(key.file), "id_ed25519");
    assert_false(key.named);
    from.git = at("ann");
    assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 1);
    assert_string_equal(path_base(key.file), "ann");
    assert_true(key.named);
    from.setting = "~/ben";
    assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 1);
    assert_string_equal(path_base(key.file), "ben");
    from.setting = "key::ssh-ed25519 AAAA";
    assert_int_equal(sshsig_find_key(a, &from, &key, NULL), 1);
    assert_string_equal(key.text, "ssh-ed25519 AAAA");
    from.setting = "~/nosuch";
    assert_int_equal(sshsig_find_key(a, &from, &key, &e), ERR_NOENT);
    assert_non_null(strstr(err_msg(&e), "nosuch"));
    err_release(&e);
}

// The private key is in the agent alone.
static void test_agent(void **state)
{
    struct sshsig_sources from = {.home = at("nowhere")};
    struct sshsig_key key;
    const char *sig;
    struct err e = ERR_INIT;
    (void)state;
    sh("ssh-keygen -q -t ed25519 -N '' -C kay -f kay; ssh-agent -a agent >agent.env;"
       "SSH_AUTH_SOCK=$PWD/agent ssh-add -q kay; rm kay;"
       "echo kay@example.org \"$(cut -d' ' -f1,2 kay.pub)\" >>signers");
    setenv("SSH_AUTH_SOCK", at("agent"), 1);
    int rc = sshsig_find_key(a, &from, &key, &e);
    if (rc == 1)
        rc = sshsig_sign(a, &key, SSHSIG_NAMESPACE, "x", 1, false, &sig, &e);
    sh(". ./agent.env >/dev/null; kill $SSH_AGENT_PID");
    unsetenv("SSH_AUTH_SOCK");
    if (rc != 0)
        fail_msg("%d %s", rc, err_msg(&e));
    expect(0, "", at("signers"), NULL, SSHSIG_NAMESPACE, "x", sig, 0, "kay@example.org");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssh),    cmocka_unit_test(test_time),
        cmocka_unit_test(test_namespaces), cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_which_key),  cmocka_unit_test(test_agent),
        cmocka_unit_test(test_fido),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
