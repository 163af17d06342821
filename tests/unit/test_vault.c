// Vault texts: byte for byte as ansible-vault writes them, damaged ones, which secret opens what,
// where secrets come from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "vault/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD "correct horse"
#define SALT "saltsaltsaltsaltsaltsaltsaltsalt"

struct vector {
    const char *plain, *id, *text;
};

// Made by ansible-core 2.14 with PASSWORD and SALT.
static const struct vector vectors[] = {
    {"hello\n", NULL,
     "$ANSIBLE_VAULT;1.1;AES256\n"
     "37333631366337343733363136633734373336313663373437333631366337343733363136633734\n"
     "3733363136633734373336313663373437333631366337340a383737646263333965363039633034\n"
     "33326662313631656634396232343535383838326563623433643235623431613065613164663161\n"
     "6164393137666463310a336463633937343866326264646433303832363630343030323065323763\n"
     "3137\n"},
    {"a: 1\n", "prod",
     "$ANSIBLE_VAULT;1.2;AES256;prod\n"
     "37333631366337343733363136633734373336313663373437333631366337343733363136633734\n"
     "3733363136633734373336313663373437333631366337340a646438356237363137366130333338\n"
     "65616536666364356163623965636663333361623666346265346138323434666132376634373234\n"
     "3336376131623633310a333439336462313539376263646333313833363730353031323165333764\n"
     "3136\n"},
    {"", NULL,
     "$ANSIBLE_VAULT;1.1;AES256\n"
     "37333631366337343733363136633734373336313663373437333631366337343733363136633734\n"
     "3733363136633734373336313663373437333631366337340a323134356131373339373035663235\n"
     "34396561633738626662623562326139393036343165396438383563653865303631326130353637\n"
     "3933323535326663360a343562396562333438646137633732613938376331653161336166383636\n"
     "3064\n"},
    {"0123456789abcdef", NULL,
     "$ANSIBLE_VAULT;1.1;AES256\n"
     "37333631366337343733363136633734373336313663373437333631366337343733363136633734\n"
     "3733363136633734373336313663373437333631366337340a656437396265366563633066333961\n"
     "31393663373330663138623361376533363735366563303135316562633738396464393730363339\n"
     "3630393966383862350a363539386339313761393832653130646230353536663638343938633133\n"
     "37626361316333333066616435643737646338316566383339616139333030653136\n"},
    {"gr\xC3\xBC\xC3\x9F"
     "e",
     "x y",
     "$ANSIBLE_VAULT;1.2;AES256;x y\n"
     "37333631366337343733363136633734373336313663373437333631366337343733363136633734\n"
     "3733363136633734373336313663373437333631366337340a303337303830626536373931643263\n"
     "65653138353838616666333235656232303834663030303435643761356131386636343834383839\n"
     "6636313633306563390a333264623338393835653238623233333831363530373033323365313766\n"
     "3134\n"},
};

#define N_VECTORS (sizeof vectors / sizeof *vectors)

static struct vault *one_secret(const char *id, const char *password)
{
    struct vault *v = vault_new(false);
    struct err e = ERR_INIT;
    assert_int_equal(vault_add(v, id, password, strlen(password), &e), 0);
    return v;
}

static void as_ansible_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        const struct vector *t = &vectors[i];
        struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        assert_int_equal(vault_encrypt(PASSWORD, strlen(PASSWORD), t->id, t->plain,
                                       strlen(t->plain), SALT, strlen(SALT), &out, &e),
                         0);
        assert_string_equal(buf_str(&out), t->text);
        buf_release(&out);
    }
}

static void reads_what_ansible_wrote(void **state)
{
    struct vault *v = one_secret("default", PASSWORD);
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        const struct vault_secret *used = NULL;
        assert_true(vault_is_encrypted(vectors[i].text, strlen(vectors[i].text)));
        assert_int_equal(
            vault_decrypt(v, vectors[i].text, strlen(vectors[i].text), "f", &out, &used, &e), 0);
        assert_string_equal(buf_str(&out), vectors[i].plain);
        assert_ptr_equal(used, vault_secret(v, 0));
        vault_wipe(&out);
    }
    vault_free(v);
}

static void any_size_comes_back(void **state)
{
    struct vault *v = one_secret("default", "p");
    char plain[100];
    (void)state;
    for (size_t n = 0; n < sizeof plain; n++) {
        struct buf text = BUF_INIT, back = BUF_INIT;
        memset(plain, (int)(n * 7), sizeof plain);
        assert_int_equal(vault_encrypt("p", 1, NULL, plain, n, NULL, 0, &text, NULL), 0);
        assert_int_equal(vault_decrypt(v, buf_str(&text), text.len, NULL, &back, NULL, NULL), 0);
        assert_int_equal(back.len, n);
        assert_memory_equal(buf_str(&back), plain, n);
        buf_release(&text);
        vault_wipe(&back);
    }
    vault_free(v);
}

static void expect_error(struct vault *v, const char *text, const char *want)
{
    struct buf out = BUF_INIT;
    struct err e = ERR_INIT;
    assert_true(vault_decrypt(v, text, strlen(text), "/f", &out, NULL, &e) < 0);
    assert_string_equal(err_msg(&e), want);
    assert_int_equal(out.len, 0);
    err_release(&e);
    buf_release(&out);
}

static void damaged_texts(void **state)
{
    struct vault *v = one_secret("default", PASSWORD), *none = vault_new(false);
    char *broken = xstrdup(vectors[0].text);
    (void)state;
    expect_error(v, "hello", "input is not vault encrypted data. /f is not a vault encrypted file");
    expect_error(v, "$ANSIBLE_VAULT;1.1\n3030\n",
                 "Vault envelope format error: the first line must be "
                 "$ANSIBLE_VAULT;VERSION;CIPHER");
    expect_error(v, "$ANSIBLE_VAULT;1.1;AES\n3030\n", "AES cipher could not be found");
    expect_error(v, "$ANSIBLE_VAULT;1.1;AES256\n3z\n",
                 "Vault format unhexlify error: Non-hexadecimal digit found");
    expect_error(v, "$ANSIBLE_VAULT;1.1;AES256\n303\n",
                 "Vault format unhexlify error: Odd-length string");
    expect_error(v, "$ANSIBLE_VAULT;1.1;AES256\n3030\n",
                 "Vault vaulttext format error: salt, HMAC and cipher text are not there");
    expect_error(none, vectors[0].text, "Attempting to decrypt but no vault secrets found");
    broken[strlen(broken) - 2] ^= 1; // the last digit of the cipher text
    expect_error(v, broken,
                 "Decryption failed (no vault secrets were found that could decrypt) on /f");
    free(broken);
    vault_free(none);
    vault_free(v);
}

static bool opens(struct vault *v, const char *text, const char *id)
{
    struct buf out = BUF_INIT;
    const struct vault_secret *used = NULL;
    int rc = vault_decrypt(v, text, strlen(text), NULL, &out, &used, NULL);
    vault_wipe(&out);
    return rc == 0 && strcmp(used->id, id) == 0;
}

static void the_secret_of_the_id_first(void **state)
{
    (void)state;
    for (int match = 0; match < 2; match++) {
        struct vault *v = vault_new(match);
        assert_int_equal(vault_add(v, "dev", "other", 5, NULL), 0);
        assert_int_equal(vault_add(v, "main", PASSWORD, strlen(PASSWORD), NULL), 0);
        assert_true(opens(v, vectors[0].text, "main")); // it names no id
        assert_int_equal(opens(v, vectors[1].text, "main"), !match);
        assert_int_equal(vault_add(v, "prod", PASSWORD, strlen(PASSWORD), NULL), 0);
        assert_true(opens(v, vectors[1].text, "prod"));
        assert_string_equal(vault_find(v, "dev")->password, "other");
        assert_null(vault_find(v, "nobody"));
        vault_free(v);
    }
}

static void remembered_texts(void **state)
{
    struct vault *v = one_secret("default", PASSWORD);
    struct arena *a = arena_new();
    const char *plain;
    size_t len;
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            vault_reveal(v, a, vectors[0].text, strlen(vectors[0].text), NULL, &plain, &len, NULL),
            0);
        assert_string_equal(plain, "hello\n");
        assert_int_equal(len, 6);
    }
    arena_free(a);
    vault_free(v);
}

static void nothing_is_encrypted_twice(void **state)
{
    struct buf out = BUF_INIT;
    struct err e = ERR_INIT;
    const char *text = vectors[0].text;
    (void)state;
    assert_true(vault_encrypt("p", 1, NULL, text, strlen(text), NULL, 0, &out, &e) < 0);
    assert_string_equal(err_msg(&e), "input is already encrypted");
    assert_false(vault_is_encrypted("$ANSIBLE_VAULT;1.1;\xC3\xBC", 22));
    err_release(&e);
}

// --- sources
// ---------------------------------------------------------------------------------------------------

static char dir[] = "/tmp/andon-vault-test-XXXXXX";
static char warned[512];

static void warn(void *data, const char *message)
{
    (void)data;
    snprintf(warned, sizeof warned, "%s", message);
}

static const char *put(struct arena *a, const char *name, const char *text, mode_t mode)
{
    const char *path = path_join(a, dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static const char *answers[4];
static size_t asked;
static char prompts[256];

static char *answer(void *data, const char *text, bool hidden, int timeout_s)
{
    (void)data;
    (void)timeout_s;
    assert_true(hidden);
    snprintf(prompts + strlen(prompts), sizeof prompts - strlen(prompts), "[%s]", text);
    const char *s = answers[asked++];
    return s ? xstrdup(s) : NULL;
}

static struct vault *load(const struct vault_sources *from, struct err *e)
{
    struct vault *v = vault_new(false);
    struct vault_sources all = *from;
    all.default_id = "default";
    all.warn = warn;
    all.prompt = answer;
    asked = 0;
    prompts[0] = warned[0] = '\0';
    int rc = vault_load_secrets(v, &all, e);
    assert_int_equal(rc, e->code);
    return v;
}

static void files_and_scripts(void **state)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    const char *ids[3], *files[2];
    (void)state;
    ids[0] = arena_printf(a, "f@%s", put(a, "plain", "  from file \n\n", 0600));
    ids[1] = arena_printf(a, "s@%s", put(a, "script", "#!/bin/sh\necho ' from script '\n", 0700));
    ids[2] = arena_printf(a, "c@%s", put(a, "x-client.sh", "#!/bin/sh\necho \"$*\"\n", 0700));
    files[0] = put(a, "encrypted", vectors[3].text, 0600);
    files[1] = path_join(a, dir, "nothing");
    struct vault_sources from = {.ids = ids, .n_ids = 3, .files = files, .n_files = 2};
    put(a, "first", PASSWORD, 0600);
    struct vault *v = load(&from, &e);
    assert_int_equal(vault_count(v), 3); // nothing opens the encrypted one
    assert_string_equal(vault_secret(v, 0)->password, "from file");
    assert_string_equal(vault_secret(v, 1)->password, " from script ");
    assert_string_equal(vault_secret(v, 2)->password, "--vault-id c");
    assert_non_null(strstr(warned, "nothing was not found"));
    assert_int_equal(e.code, 0);
    vault_free(v);
    ids[0] = path_join(a, dir, "first");
    v = load(&from, &e);
    assert_int_equal(vault_count(v), 4);
    assert_string_equal(vault_secret(v, 0)->id, "default");
    assert_string_equal(vault_secret(v, 3)->password, "0123456789abcdef");
    vault_free(v);
    arena_free(a);
}

static void failing_sources(void **state)
{
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"fails", "#!/bin/sh\nexit 3\n", "Vault password script %s returned non-zero (3): None"},
        {"a-client", "#!/bin/sh\necho no such id >&2\nexit 2\n",
         "Vault password client script %s did not find a secret for vault-id=id: no such id"},
        {"b-client.py", "#!/bin/sh\necho oops >&2\nexit 1\n",
         "Vault password client script %s returned non-zero (1) when getting secret for "
         "vault-id=id: oops"},
        {"empty", "#!/bin/sh\n", "Invalid vault password was provided from script (%s)"},
    };
    struct arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = ERR_INIT;
        struct buf want = BUF_INIT;
        const char *path = put(a, cases[i].name, cases[i].text, 0700);
        const char *at = strstr(cases[i].want, "%s"), *id = arena_printf(a, "id@%s", path);
        buf_add(&want, cases[i].want, (size_t)(at - cases[i].want));
        buf_adds(&want, path);
        buf_adds(&want, at + 2);
        struct vault *v = load(&(struct vault_sources){.ids = &id, .n_ids = 1}, &e);
        assert_int_equal(vault_count(v), 0);
        assert_string_equal(err_msg(&e), buf_str(&want));
        buf_release(&want);
        err_release(&e);
        vault_free(v);
    }
    arena_free(a);
}

static void prompts_ask(void **state)
{
    const char *id = "dev@prompt";
    struct err e = ERR_INIT;
    (void)state;
    answers[0] = " secret ";
    struct vault *v = load(&(struct vault_sources){.ids = &id, .n_ids = 1}, &e);
    assert_string_equal(prompts, "[Vault password (dev): ]");
    assert_string_equal(vault_secret(v, 0)->password, "secret");
    assert_string_equal(vault_secret(v, 0)->id, "dev");
    vault_free(v);
    answers[0] = answers[1] = "new";
    v = load(&(struct vault_sources){.create = true, .ask_if_empty = true}, &e);
    assert_string_equal(prompts, "[New Vault password: ][Confirm New Vault password: ]");
    assert_int_equal(vault_count(v), 1);
    vault_free(v);
    answers[1] = "newer";
    v = load(&(struct vault_sources){.create = true, .ask = true}, &e);
    assert_string_equal(err_msg(&e), "Passwords do not match");
    vault_free(v);
    err_release(&e);
    answers[0] = NULL;
    v = load(&(struct vault_sources){.ask = true}, &e);
    assert_string_equal(err_msg(&e), "EOFError (ctrl-d) on prompt for (default)");
    vault_free(v);
    err_release(&e);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_ansible_writes),
        cmocka_unit_test(reads_what_ansible_wrote),
        cmocka_unit_test(any_size_comes_back),
        cmocka_unit_test(damaged_texts),
        cmocka_unit_test(the_secret_of_the_id_first),
        cmocka_unit_test(remembered_texts),
        cmocka_unit_test(nothing_is_encrypted_twice),
        cmocka_unit_test(files_and_scripts),
        cmocka_unit_test(failing_sources),
        cmocka_unit_test(prompts_ask),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
