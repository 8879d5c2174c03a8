#include "base/hash.h"

#include <string.h>

#include <openssl/evp.h>

static const char digits[] = "0123456789abcdef";

void hash_hex(const uint8_t *bytes, size_t size, char *out) {
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = 0;
}

bool hash_unhex(const char *hex, uint8_t out[HASH_SHA256_SIZE]) {
    for (size_t i = 0; i < 2 * HASH_SHA256_SIZE; i++) {
        const char *d = hex[i] ? strchr(digits, hex[i]) : NULL;
        if (!d)
            return false;
        unsigned v = (unsigned)(d - digits);
        out[i / 2] = (uint8_t)(i % 2 ? (unsigned)out[i / 2] | v : v << 4);
    }
    return hex[2 * HASH_SHA256_SIZE] == 0;
}

int hash_sha256(const void *data, size_t size, uint8_t out[HASH_SHA256_SIZE], struct err *e) {
    if (EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) != 1)
        return err_set(e, PRECIS_ENOMEM, "libcrypto could not compute SHA-256");
    return 0;
}

int hash_sha256_hex(const void *data, size_t size, char out[HASH_HEX_SIZE], struct err *e) {
    uint8_t digest[HASH_SHA256_SIZE];
    int rc = hash_sha256(data, size, digest, e);
    if (rc == 0)
        hash_hex(digest, sizeof digest, out);
    return rc;
}

int hash_sha1_hex(const void *head, size_t head_size, const void *data, size_t size,
                  char out[HASH_SHA1_HEX_SIZE], struct err *e) {
    uint8_t digest[20];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1 &&
              EVP_DigestUpdate(c, head, head_size) == 1 && EVP_DigestUpdate(c, data, size) == 1 &&
              EVP_DigestFinal_ex(c, digest, NULL) == 1;
    EVP_MD_CTX_free(c);
    if (!ok)
        return err_set(e, PRECIS_ENOMEM, "libcrypto could not compute SHA-1");
    hash_hex(digest, sizeof digest, out);
    return 0;
}

/* 64x64 -> 128 multiply, halves xored: the mixing step of wyhash (Wang Yi, public domain idea). The
 * first factor is xored in too, so that a b which makes the product 0 does not lose it. */
uint64_t hash_mix(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    wide p = (wide)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd1b54a32d192ed03u);
    return (uint64_t)p ^ (uint64_t)(p >> 64) ^ a;
}

static uint64_t load(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    if (n) /* p may be NULL then */
        memcpy(&v, p, n);
    return v;
}

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed) {
    const uint8_t *p = data;
    uint64_t h = seed ^ size;
    size_t left = size;
    for (; left > 16; left -= 16, p += 16)
        h = hash_mix(load(p, 8) ^ h, load(p + 8, 8));
    size_t first = left < 8 ? left : 8;
    return hash_mix(load(p, first) ^ h, load(p + first, left - first) ^ size);
}

uint64_t hash_bulk(const void *data, size_t size, uint64_t seed) {
    enum { CHAINS = 4, STEP = 16 * CHAINS };
    const uint8_t *p = data;
    uint64_t h[CHAINS];
    size_t left = size;
    for (uint64_t i = 0; i < CHAINS; i++)
        h[i] = seed + i;
    for (; left >= STEP; left -= STEP, p += STEP)
        for (size_t i = 0; i < CHAINS; i++)
            h[i] = hash_mix(load(p + 16 * i, 8) ^ h[i], load(p + 16 * i + 8, 8));
    uint64_t all = hash_bytes(p, left, seed ^ size);
    for (size_t i = 0; i < CHAINS; i++)
        all = hash_mix(all, h[i]);
    return all;
}
