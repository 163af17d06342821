// Digests against the vectors of RFC 1321 and FIPS 180-4, in one piece and in all pieces; base64
// against RFC 4648.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/blake2.h"
#include "core/buf.h"
#include "core/hash.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vector {
    enum hash_alg alg;
    const char *text, *hex;
};

static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char two_wide_blocks[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

static const struct vector vectors[] = {
    {HASH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {HASH_MD5, "a", "0cc175b9c0f1b6a831c399e269772661"},
    {HASH_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {HASH_MD5, "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "57edf4a22be3c955ac49da2e2107b67a"},
    {HASH_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {HASH_SHA1, two_blocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {HASH_SHA224, "", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"},
    {HASH_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HASH_SHA256, two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {HASH_SHA384, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {HASH_SHA512, "",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {HASH_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {HASH_SHA512, two_wide_blocks,
     "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
     "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
};

static void known_digests(void **state)
{
    char hex[HASH_HEX_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        hash_hex(vectors[i].alg, vectors[i].text, strlen(vectors[i].text), hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void a_million_letters(void **state)
{
    static const struct vector million[] = {
        {HASH_SHA1, NULL, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
        {HASH_SHA256, NULL, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {HASH_SHA512, NULL,
         "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
         "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
    };
    char piece[1000], hex[HASH_HEX_MAX];
    unsigned char out[HASH_MAX];
    (void)state;
    memset(piece, 'a', sizeof piece);
    for (size_t i = 0; i < sizeof million / sizeof *million; i++) {
        struct hash h;
        hash_init(&h, million[i].alg);
        for (int k = 0; k < 1000; k++)
            hash_update(&h, piece, sizeof piece);
        hash_final(&h, out);
        hash_to_hex(out, hash_size(million[i].alg), hex);
        assert_string_equal(hex, million[i].hex);
    }
}

// Every length up to three blocks, cut everywhere, gives the digest of the whole.
static void pieces_give_the_whole(void **state)
{
    unsigned char data[400], whole[HASH_MAX], pieces[HASH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7);
    for (enum hash_alg alg = HASH_MD5; alg <= HASH_SHA512; alg++)
        for (size_t n = 0; n < sizeof data; n += 13)
            for (size_t cut = 0; cut <= n; cut++) {
                struct hash h;
                hash_init(&h, alg);
                hash_update(&h, data, n);
                hash_final(&h, whole);
                hash_init(&h, alg);
                hash_update(&h, data, cut);
                hash_update(&h, data + cut, n - cut);
                hash_final(&h, pieces);
                assert_memory_equal(whole, pieces, hash_size(alg));
            }
}

static void names_of_algorithms(void **state)
{
    (void)state;
    assert_int_equal(hash_by_name("sha256"), HASH_SHA256);
    assert_int_equal(hash_by_name("SHA-512"), HASH_SHA512);
    assert_int_equal(hash_by_name("md5"), HASH_MD5);
    assert_int_equal(hash_by_name("sha3"), -1);
    assert_int_equal(hash_by_name(""), -1);
}

static void files(void **state)
{
    char path[] = "/tmp/andon-hash-XXXXXX", hex[HASH_HEX_MAX];
    struct err e = ERR_INIT;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    assert_int_equal(hash_file(HASH_SHA1, path, hex, &e), 0);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    unlink(path);
    assert_int_equal(hash_file(HASH_SHA1, path, hex, &e), ERR_NOENT);
    err_release(&e);
    assert_int_equal(hash_file(HASH_SHA1, "/", hex, &e), ERR_IO);
    err_release(&e);
}

static void base64_both_ways(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf b = BUF_INIT, back = BUF_INIT;
        base64_encode(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buf_str(&b), pairs[i][1]);
        assert_int_equal(base64_decode(&back, buf_str(&b), b.len), 0);
        assert_string_equal(buf_str(&back), pairs[i][0]);
        buf_release(&b);
        buf_release(&back);
    }
}

static void base64_refuses(void **state)
{
    static const struct {
        const char *s;
        size_t n;
    } bad[] = {{"Zg", 2},   {"Zg=", 3},  {"Zg==Zg==", 8}, {"Z===", 4},     {"Zm9v!", 5},
               {"Zm=v", 4}, {"====", 4}, {"Zm9\0v", 5},   {"\0\0\0\0", 4}, {"Zm9vZ", 5}};
    struct buf b = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(base64_decode(&b, bad[i].s, bad[i].n) < 0);
    buf_clear(&b);
    assert_int_equal(base64_decode(&b, " Zm\r\n9v\t", 8), 0);
    assert_string_equal(buf_str(&b), "foo");
    buf_release(&b);
}

// RFC 7693 has one vector, of 512 bits; these are what b2sum says, around the ends of blocks.
static void blake2_of_256_bits(void **state)
{
    (void)state;
    static const struct {
        size_t len; // of a text of letters a
        const char *hex;
    } rows[] = {
        {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
        {1, "8928aae63c84d87ea098564d1e03ad813f107add474e56aedd286349c0c03ea4"},
        {127, "59e2f1aba240f20aa591016f5ef429990bc9c2131dcd0d30f0ffd75ed18f317d"},
        {128, "ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450"},
        {129, "2f64744a6de0d2c0b56e64cf6e29a5aaa255010d415d51c75ccc82f73dccd865"},
        {256, "eae4d3a7627549b383179dc18049964f91a6fed14c9f3fb26705eda3eeda5558"},
        {1000, "e00b0ddbf1e2cdaf5c898e1a5e8826ea3a2c339bcf2a478da2e5fca9ff126672"},
    };
    char text[1000], hex[BLAKE2_HEX];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blake2_hex(text, rows[i].len, hex);
        assert_string_equal(hex, rows[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),         cmocka_unit_test(a_million_letters),
        cmocka_unit_test(pieces_give_the_whole), cmocka_unit_test(blake2_of_256_bits),
        cmocka_unit_test(names_of_algorithms),   cmocka_unit_test(files),
        cmocka_unit_test(base64_both_ways),      cmocka_unit_test(base64_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
