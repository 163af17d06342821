// The tree: the public vectors of proofs, every proof of small trees made by one side and verified
// by the other, and the roots RFC 6962's test tree must have; then signed notes and checkpoints.
#include "core/file.h"
#include "core/hash.h"
#include "ledger/note.h"
#include "ledger_test.h"

#define MAX_HASHES 2000
#define N_LEAVES 70

// --- vectors
// ------------------------------------------------------------------------------------------

static struct merkle_hash vector_hash[MAX_HASHES];

// Some vectors have other lengths where the content must not matter: zeros fill them. An empty hash
// does not even get as far as a proof.
static bool vector_empty[MAX_HASHES];
static void from_hex(const char *s, struct merkle_hash *ret)
{
    *ret = (struct merkle_hash){0};
    for (size_t i = 0; i < 32 && s[2 * i] && *s != '-'; i++) {
        unsigned byte;
        assert_int_equal(sscanf(s + 2 * i, "%2x", &byte), 1);
        ret->b[i] = (unsigned char)byte;
    }
}

static bool vector_holds(char *const *cell)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    size_t n = 0;
    uint64_t first = strtoull(cell[1], NULL, 10), size = strtoull(cell[2], NULL, 10);
    int x = atoi(cell[3]), y = atoi(cell[4]);
    if (vector_empty[x] || vector_empty[y])
        return false;
    for (char *p = cell[5]; *p && *p != '-'; p += strspn(p, " ")) {
        long i = strtol(p, &p, 10);
        proof[n++] = vector_hash[i];
    }
    return strcmp(cell[0], "inclusion") == 0
               ? merkle_verify_inclusion(first, size, &vector_hash[x], proof, n, &vector_hash[y])
               : merkle_verify_consistency(first, size, &vector_hash[x], &vector_hash[y], proof, n);
}

static void the_public_vectors_hold(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *text, *end, *next;
    size_t len;
    int good = 0, refused = 0;
    assert_int_equal(file_read(a, TEST_ROOT "/data/merkle.tsv", 1 << 20, &text, &len, NULL), 0);
    for (char *line = strtok_r(text, "\n", &end); line; line = strtok_r(NULL, "\n", &end)) {
        char *cell[8] = {NULL};
        size_t n = 0;
        if (*line == '#')
            continue;
        for (char *c = strtok_r(line, "\t", &next); c && n < 8; c = strtok_r(NULL, "\t", &next))
            cell[n++] = c;
        if (strcmp(cell[0], "hash") == 0) {
            int i = atoi(cell[1]);
            assert_true(i >= 0 && i < MAX_HASHES);
            vector_empty[i] = *cell[2] == '-';
            from_hex(cell[2], &vector_hash[i]);
            continue;
        }
        assert_int_equal(n, 8);
        bool want = strcmp(cell[6], "good") == 0;
        if (vector_holds(cell) != want)
            fail_msg("%s %s: not %s", cell[0], cell[7], cell[6]);
        good += want;
        refused += !want;
    }
    assert_int_equal(good, 12);
    assert_int_equal(refused, 184);
    arena_free(a);
}

// --- trees of our own
// ---------------------------------------------------------------------------------

struct kept {
    struct merkle_hash h[8][N_LEAVES];
};

static int get_kept(void *data, int level, uint64_t index, struct merkle_hash *ret, struct err *e)
{
    const struct kept *k = data;
    if (level >= 8 || index >= N_LEAVES)
        return err_set(e, ERR_NOENT, POS_NONE, "no such hash");
    *ret = k->h[level][index];
    return 0;
}

// Straight from the definition: MTH of leaves [from, to).
static void defined_root(const struct merkle_hash *leaves, size_t from, size_t to,
                         struct merkle_hash *ret)
{
    struct merkle m = {0};
    struct merkle_hash l, r;
    size_t k = 1;
    if (to - from == 1) {
        *ret = leaves[from];
        return;
    }
    while (2 * k < to - from)
        k *= 2;
    defined_root(leaves, from, from + k, &l);
    defined_root(leaves, from + k, to, &r);
    merkle_node(&m, &l, &r, ret);
}

static void grow(struct kept *k, struct merkle_hash *leaves, struct merkle_hash *roots)
{
    struct merkle fast, slow = {0};
    struct merkle_edge edge = {0};
    merkle_init(&fast);
    assert_non_null(fast.ctx);
    for (int i = 0; i < N_LEAVES; i++) {
        struct merkle_hash done[MERKLE_LEVELS + 1], root;
        merkle_leaf(i % 2 ? &fast : &slow, &i, sizeof i, &leaves[i]);
        int n = merkle_push(&fast, &edge, &leaves[i], done);
        for (int level = 0; level < n; level++)
            k->h[level][i >> level] = done[level];
        merkle_edge_root(&slow, &edge, &roots[i + 1]);
        defined_root(leaves, 0, (size_t)i + 1, &root);
        assert_true(merkle_equal(&root, &roots[i + 1]));
    }
    merkle_release(&fast);
}

static void all_proofs_of_small_trees_hold_and_altered_ones_do_not(void **state)
{
    (void)state;
    static struct kept k;
    struct merkle_hash leaves[N_LEAVES], roots[N_LEAVES + 1], proof[MERKLE_PROOF_MAX + 1];
    struct merkle m = {0};
    struct merkle_store s = {get_kept, &k, &m};
    size_t n;
    grow(&k, leaves, roots);
    for (uint64_t size = 1; size <= N_LEAVES; size++) {
        struct merkle_hash root;
        assert_int_equal(merkle_root_at(&s, size, &root, NULL), 0);
        assert_true(merkle_equal(&root, &roots[size]));
        for (uint64_t i = 0; i < size; i++) {
            assert_int_equal(merkle_prove_inclusion(&s, i, size, proof, &n, NULL), 0);
            assert_true(merkle_verify_inclusion(i, size, &leaves[i], proof, n, &root));
            assert_false(merkle_verify_inclusion(i, size, &leaves[i], proof, n, &roots[size - 1]));
            assert_false(merkle_verify_inclusion(i, size, &leaves[i], proof, n + 1, &root));
            if (n) {
                assert_false(merkle_verify_inclusion(i, size, &leaves[i], proof, n - 1, &root));
                proof[n / 2].b[7] ^= 1;
                assert_false(merkle_verify_inclusion(i, size, &leaves[i], proof, n, &root));
            }
        }
        for (uint64_t old = 1; old <= size; old++) {
            assert_int_equal(merkle_prove_consistency(&s, old, size, proof, &n, NULL), 0);
            assert_true(merkle_verify_consistency(old, size, &roots[old], &root, proof, n));
            if (n) {
                assert_false(
                    merkle_verify_consistency(old, size, &roots[old], &root, proof, n - 1));
                proof[n - 1].b[0] ^= 128;
                assert_false(merkle_verify_consistency(old, size, &roots[old], &root, proof, n));
            }
        }
        assert_int_equal(merkle_prove_inclusion(&s, size, size, proof, &n, NULL), ERR_INVALID);
        assert_int_equal(merkle_prove_consistency(&s, 0, size, proof, &n, NULL), ERR_INVALID);
        assert_int_equal(merkle_prove_consistency(&s, size + 1, size, proof, &n, NULL),
                         ERR_INVALID);
    }
}

// Of each length, whichever way the hashing takes it.
static void a_leaf_is_the_hash_of_a_zero_and_the_entry(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 64, 300, 1022, 1023, 1024, 1025, 65535};
    static unsigned char text[1 + 65535];
    struct merkle m = {0};
    struct merkle_hash leaf;
    char hex[HASH_HEX_MAX], want[HASH_HEX_MAX];
    (void)state;
    merkle_init(&m);
    assert_non_null(m.ctx);
    for (size_t i = 1; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        merkle_leaf(&m, text + 1, sizes[i], &leaf);
        hash_to_hex(leaf.b, sizeof leaf.b, hex);
        hash_hex(HASH_SHA256, text, 1 + sizes[i], want);
        assert_string_equal(hex, want);
    }
    merkle_release(&m);
}

// The tree of eight entries that RFC 6962's implementations share.
static void the_known_tree_has_the_known_roots(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        size_t len;
        const char *root;
    } cases[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\0", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct merkle m = {0};
    struct merkle_edge edge = {0};
    struct merkle_hash root, want, leaf, done[MERKLE_LEVELS + 1];
    merkle_edge_root(&m, &edge, &root);
    from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &want);
    assert_true(merkle_equal(&root, &want));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merkle_leaf(&m, cases[i].entry, cases[i].len, &leaf);
        merkle_push(&m, &edge, &leaf, done);
        merkle_edge_root(&m, &edge, &root);
        from_hex(cases[i].root, &want);
        assert_true(merkle_equal(&root, &want));
    }
}

// --- notes
// --------------------------------------------------------------------------------------------

// The note and the key of the Go project's documentation of signed notes.
#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
static const char peter[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann x08go/"
    "ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static void a_public_note_is_verified(void **state)
{
    (void)state;
    struct note_verifier v;
    struct buf b = BUF_INIT;
    size_t n;
    assert_int_equal(note_vkey_parse(PETER, &v, NULL), 0);
    note_vkey(&b, &v);
    assert_string_equal(buf_str(&b), PETER);
    assert_int_equal(note_verify(peter, sizeof peter - 1, &v, &n, NULL), 0);
    assert_int_equal(n, strstr(peter, "\n\n") + 1 - peter);
    char altered[sizeof peter];
    for (size_t i = 0; i < sizeof peter - 1; i++) { // every single byte counts
        memcpy(altered, peter, sizeof peter);
        altered[i] ^= 1;
        assert_true(note_verify(altered, sizeof peter - 1, &v, &n, NULL) < 0);
    }
    for (size_t len = 0; len < sizeof peter - 1; len++)
        assert_true(note_verify(peter, len, &v, &n, NULL) < 0);
    buf_release(&b);
}

static void what_is_signed_is_verified(void **state)
{
    (void)state;
    char *dir = test_dir(), path[4200];
    struct note_signer s;
    struct note_verifier other;
    struct note_checkpoint c = {.origin = "a.example/log", .size = 20852163}, read;
    struct buf text = BUF_INIT, note = BUF_INIT, two = BUF_INIT;
    size_t n;
    snprintf(path, sizeof path, "%s/key", dir);
    assert_int_equal(note_key_make(path, NULL), 0);
    assert_int_equal(note_signer_load(path, "a.example/log", &s, NULL), 0);
    memset(c.root.b, 0x5a, sizeof c.root.b);
    note_checkpoint_text(&text, &c);
    assert_string_equal(buf_str(&text), "a.example/log\n20852163\n"
                                        "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n");
    assert_int_equal(note_sign(&s, buf_str(&text), &note, NULL), 0);
    assert_int_equal(note_verify(note.p, note.len, &s.verifier, &n, NULL), 0);
    assert_int_equal(n, text.len);
    assert_int_equal(note_checkpoint_parse(note.p, n, &read, NULL), 0);
    assert_memory_equal(&read, &c, sizeof c);
    // a line of another signer beside ours changes nothing; alone it is not enough
    buf_addf(&two, "%s\xe2\x80\x94 witness.example AAAAAAAA\n", note.p);
    assert_int_equal(note_verify(two.p, two.len, &s.verifier, &n, NULL), 0);
    assert_int_equal(note_vkey_parse(PETER, &other, NULL), 0);
    assert_int_equal(note_verify(two.p, two.len, &other, &n, NULL), ERR_INVALID);
    // making the key anew keeps it
    struct note_signer again;
    assert_int_equal(note_key_make(path, NULL), 0);
    assert_int_equal(note_signer_load(path, "a.example/log", &again, NULL), 0);
    assert_memory_equal(again.verifier.key, s.verifier.key, 32);
    note_signer_release(&again);
    note_signer_release(&s);
    buf_release(&text);
    buf_release(&note);
    buf_release(&two);
    test_dir_remove(dir);
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3+",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
    };
    static const char *const checkpoints[] = {
        "",
        "a\n1\n",
        "a\n1\nAAAA\n",
        "\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n01\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n-1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n9999999999999999999\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlp=\n", // bits left over
        "a\n1\n WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n",
        "a\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=",
    };
    struct note_verifier v;
    struct note_checkpoint c;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(note_vkey_parse(keys[i], &v, NULL), ERR_PARSE);
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        assert_int_equal(note_checkpoint_parse(checkpoints[i], strlen(checkpoints[i]), &c, NULL),
                         ERR_PARSE);
    assert_false(note_name_ok(""));
    assert_false(note_name_ok("a b"));
    assert_false(note_name_ok("a+b"));
    assert_false(note_name_ok("a\xc2\xa0"
                              "b"));
    assert_false(note_name_ok("a\xff"));
    assert_true(note_name_ok("b\xc3\xbcro.example/andon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_vectors_hold),
        cmocka_unit_test(all_proofs_of_small_trees_hold_and_altered_ones_do_not),
        cmocka_unit_test(a_leaf_is_the_hash_of_a_zero_and_the_entry),
        cmocka_unit_test(the_known_tree_has_the_known_roots),
        cmocka_unit_test(a_public_note_is_verified),
        cmocka_unit_test(what_is_signed_is_verified),
        cmocka_unit_test(what_is_malformed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
