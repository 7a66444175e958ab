/* SPDX-License-Identifier: MIT
 * SipHash-1-3 beside a second, slow implementation that follows the paper step by step and can do any number of rounds:
 * that one is checked against the paper's published vectors of SipHash-2-4, and then used with one and three rounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/base/siphash.h"

/** x shifted to the left around by so many bits, bit by bit. */
static uint64_t turn(uint64_t x, unsigned bits)
{
    uint64_t turned = 0;
    for (unsigned i = 0; i != 64; ++i)
        turned |= (x >> i & 1) << (i + bits) % 64;
    return turned;
}

/** Section 2.2 of the paper: the halves of SipRound, the left one and the right one, twice. */
static void do_round(uint64_t *v0, uint64_t *v1, uint64_t *v2, uint64_t *v3)
{
    *v0 += *v1;
    *v1 = turn(*v1, 13);
    *v1 ^= *v0;
    *v0 = turn(*v0, 32);

    *v2 += *v3;
    *v3 = turn(*v3, 16);
    *v3 ^= *v2;

    *v2 += *v1;
    *v1 = turn(*v1, 17);
    *v1 ^= *v2;
    *v2 = turn(*v2, 32);

    *v0 += *v3;
    *v3 = turn(*v3, 21);
    *v3 ^= *v0;
}

static uint64_t little_endian(const uint8_t bytes[8])
{
    uint64_t word = 0;
    for (size_t i = 8; i != 0; --i)
        word = word * 256 + bytes[i - 1];
    return word;
}

/** SipHash-c-d: pads the message to whole words, its length modulo 256 in the last octet, and takes them in turn.
 *  @param second NULL: the hash of 64 bits; else the one of 128, whose second half this takes (its authors' addition)
 */
static uint64_t slow_siphash(unsigned c, unsigned d, const uint8_t key[16], const uint8_t *message, size_t len,
                             uint64_t *second)
{
    uint8_t name[] = "somepseudorandomlygeneratedbytes"; /* where the constants come from: big-endian words of it */
    uint64_t initial[4] = {0};
    for (size_t i = 0; i != 32; ++i)
        initial[i / 8] = initial[i / 8] * 256 + name[i];
    uint64_t k0 = little_endian(key), k1 = little_endian(key + 8);
    uint64_t v0 = initial[0] ^ k0, v1 = initial[1] ^ k1, v2 = initial[2] ^ k0, v3 = initial[3] ^ k1;
    if (second != NULL)
        v1 ^= 0xee;
    size_t padded_len = (len / 8 + 1) * 8;
    uint8_t *padded = calloc(1, padded_len);
    if (len != 0)
        memcpy(padded, message, len);
    padded[padded_len - 1] = (uint8_t)(len % 256);
    for (size_t at = 0; at != padded_len; at += 8) {
        uint64_t word = little_endian(padded + at);
        v3 ^= word;
        for (unsigned i = 0; i != c; ++i)
            do_round(&v0, &v1, &v2, &v3);
        v0 ^= word;
    }
    free(padded);
    v2 ^= second != NULL ? 0xee : 0xff;
    for (unsigned i = 0; i != d; ++i)
        do_round(&v0, &v1, &v2, &v3);
    uint64_t hash = v0 ^ v1 ^ v2 ^ v3;
    if (second != NULL) {
        v1 ^= 0xdd;
        for (unsigned i = 0; i != d; ++i)
            do_round(&v0, &v1, &v2, &v3);
        *second = v0 ^ v1 ^ v2 ^ v3;
    }
    return hash;
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i != len; ++i)
        bytes[i] = (uint8_t)i;
}

static void the_slow_implementation_is_the_papers(void **state)
{
    /* key 00..0f: appendix A of the paper (15 octets 00..0e), and the empty message of its authors' vectors */
    uint8_t key[16], message[15];
    fill(key, sizeof(key));
    fill(message, sizeof(message));
    assert_true(slow_siphash(2, 4, key, message, 15, NULL) == 0xa129ca6149be45e5ull);
    assert_true(slow_siphash(2, 4, key, message, 0, NULL) == 0x726fdb47dd0e0e31ull);
}

static void the_slow_one_of_128_bits_is_its_authors(void **state)
{
    /* the first two of their vectors: key 00..0f, nothing and the octet 00 */
    uint8_t key[16], message[1];
    uint64_t second;
    fill(key, sizeof(key));
    fill(message, sizeof(message));
    assert_true(slow_siphash(2, 4, key, message, 0, &second) == 0xe6a825ba047f81a3ull);
    assert_true(second == 0x930255c71472f66dull);
    assert_true(slow_siphash(2, 4, key, message, 1, &second) == 0x44af996bd8c187daull);
    assert_true(second == 0x45fc229b11597634ull);
}

static void the_hash_of_128_bits_is_as_slowly_computed(void **state)
{
    uint8_t key_bytes[16];
    fill(key_bytes, sizeof(key_bytes));
    const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
    for (size_t len = 0; len != 100; ++len) {
        uint8_t *message = malloc(len != 0 ? len : 1);
        fill(message, len);
        uint64_t hash[2], second, first = slow_siphash(1, 3, key_bytes, message, len, &second);
        gw_siphash_128(key, gw_str((const char *)message, len), hash);
        assert_true(hash[0] == first && hash[1] == second);
        free(message);
    }
}

static void each_length_hashes_as_slowly_computed(void **state)
{
    uint8_t key_bytes[16];
    fill(key_bytes, sizeof(key_bytes));
    const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
    for (size_t len = 0; len != 600; ++len) {
        uint8_t *message = malloc(len != 0 ? len : 1); /* exactly as long as it may be read */
        fill(message, len);
        uint64_t expected = slow_siphash(1, 3, key_bytes, message, len, NULL);
        uint64_t hash = gw_siphash(key, gw_str((const char *)message, len));
        if (hash != expected)
            fail_msg("length %zu: %016llx instead of %016llx", len, (unsigned long long)hash,
                     (unsigned long long)expected);
        free(message);
    }
}

static void random_keys_and_messages_at_any_alignment_hash_as_slowly_computed(void **state)
{
    uint64_t random = 13;
    for (unsigned round = 0; round != 5000; ++round) {
        uint8_t key_bytes[16], room[160];
        for (size_t i = 0; i != sizeof(room); ++i)
            room[i] = (uint8_t)gw_random_below(&random, 256);
        memcpy(key_bytes, room + 144, 16);
        size_t start = gw_random_below(&random, 9), len = gw_random_below(&random, 130);
        const uint64_t key[2] = {little_endian(key_bytes), little_endian(key_bytes + 8)};
        assert_true(gw_siphash(key, gw_str((const char *)room + start, len)) ==
                    slow_siphash(1, 3, key_bytes, room + start, len, NULL));
    }
}

static void each_bit_of_key_and_message_matters(void **state)
{
    const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
    char message[32] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOi";
    uint64_t hash = gw_siphash(key, gw_str(message, sizeof(message)));
    for (size_t bit = 0; bit != 8 * sizeof(message); ++bit) {
        message[bit / 8] = (char)(message[bit / 8] ^ 1 << bit % 8);
        assert_true(gw_siphash(key, gw_str(message, sizeof(message))) != hash);
        message[bit / 8] = (char)(message[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t bit = 0; bit != 128; ++bit) {
        uint64_t other[2] = {key[0], key[1]};
        other[bit / 64] ^= 1ull << bit % 64;
        assert_true(gw_siphash(other, gw_str(message, sizeof(message))) != hash);
    }
    assert_true(gw_siphash(key, gw_str("\0", 1)) != gw_siphash(key, gw_str("\0\0", 2))); /* the length counts too */
    assert_true(gw_siphash(key, gw_str(NULL, 0)) == gw_siphash(key, GW_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slow_implementation_is_the_papers),
        cmocka_unit_test(the_slow_one_of_128_bits_is_its_authors),
        cmocka_unit_test(the_hash_of_128_bits_is_as_slowly_computed),
        cmocka_unit_test(each_length_hashes_as_slowly_computed),
        cmocka_unit_test(random_keys_and_messages_at_any_alignment_hash_as_slowly_computed),
        cmocka_unit_test(each_bit_of_key_and_message_matters),
    };
    return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
